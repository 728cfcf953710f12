/* Buckets. */
#include "core/bucket.h"

#include <stdlib.h>

#include "api/internal.h"
#include "api/late.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/bucket.h"
#include "store/project.h"

/* ---- as objects ---- */

static err *bucket_value(const struct graphql_call *call, const char *id, json_t **ret_value) {
  auto_bucket b = {0};
  TRY(bucket_get(db_of(call), id, &b));
  *ret_value = bucket_json(&b);
  return NULL;
}

static err *instance_json(const struct graphql_call *call, const struct bucket_instance *i, json_t **ret_object) {
  auto_bucket b = {0};
  TRY(bucket_get(db_of(call), i->bucket_id, &b));
  json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "bucketId", b.id, "name", b.name, "bucketName", i->bucket_name,
                        "environmentId", i->environment_id, "serviceId", i->service_id);
  json_object_set_new(o, "createdAt", time_json(i->created_us));
  json_object_set_new(o, "deletedAt", time_json(i->deleted_us));
  json_object_set_new(o, "destroyedAt", time_json(i->deleted_us ? i->deleted_us + BUCKET_TRASH_MS * 1000 : 0));
  *ret_object = o;
  return NULL;
}

/* Visitors' address when there is one, so that it works from anywhere; else the private one. */
static err *credentials_json(const struct graphql_call *call, json_t **ret_object) {
  auto_core_bucket_access access = {0};
  TRY(core_bucket_access(core_of(call), arg_text(call, "bucketId"), arg_text(call, "environmentId"), &access));
  const struct bucket_instance *i = &access.instance;
  auto_free char *url = access.public_host ? url_at_edge(asking_of(call)->api, access.public_host) : str_dup(access.endpoint);
  *ret_object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "bucketName", i->bucket_name, "accessKeyId", i->access_key_id,
                          "secretAccessKey", i->secret_access_key, "endpoint", url, "region", BUCKET_REGION, "urlStyle", "path");
  json_object_set_new(*ret_object, "createdAt", time_json(i->updated_us));
  return NULL;
}

/* ---- queries ---- */

RESOLVER(project_buckets) {
  auto_bucket_list list = {0};
  TRY(bucket_list_by_project(db_of(call), parent_text(call, "id"), NULL, &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, bucket_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

RESOLVER(query_instances) {
  auto_bucket_instance_list list = {0};
  auto_json *array = json_array();
  TRY(bucket_instance_list_by_environment(db_of(call), arg_text(call, "environmentId"), &list));
  for (size_t i = 0; i < list.len; i++) {
    json_t *item = NULL;
    TRY(instance_json(call, &list.items[i], &item));
    json_array_append_new(array, item);
  }
  *ret_value = json_incref(array);
  return NULL;
}

/* Ids that come together belong together: the environment decides what may be done. */
static err *check_project(const struct graphql_call *call, const char *project_id, const char *environment_id) {
  auto_environment environment = {0};
  TRY(environment_get(db_of(call), environment_id, &environment));
  return str_eq(environment.project_id, project_id) ? NULL : err_new(ERR_NOT_FOUND, "Project not found");
}

RESOLVER(query_credentials) {
  json_t *credentials = NULL;
  TRY(check_project(call, arg_text(call, "projectId"), arg_text(call, "environmentId")));
  TRY(credentials_json(call, &credentials));
  *ret_value = json_pack("[o]", credentials);
  return NULL;
}

RESOLVER(query_details) {
  struct late_ticket *ticket;
  TRY(late_take(call, ret_value, &ticket));
  if (!ticket) return NULL;
  return late_start(ticket, core_bucket_details(core_of(call), arg_text(call, "bucketId"), arg_text(call, "environmentId"),
                                                late_answer, ticket));
}

/* ---- mutations ---- */

RESOLVER(mutation_create) {
  auto_bucket made = {0};
  struct core_bucket_create request = {.project_id = input_text(call, "projectId"),
                                       .environment_id = input_text(call, "environmentId"),
                                       .name = input_text(call, "name"),
                                       .region = input_text(call, "region"),
                                       .user_id = asking_of(call)->caller.user_id};
  if (request.environment_id) TRY(check_project(call, request.project_id, request.environment_id));
  TRY(core_bucket_create(core_of(call), &request, &made));
  *ret_value = bucket_json(&made);
  return NULL;
}

RESOLVER(mutation_update) {
  const char *id = arg_text(call, "id");
  TRY(core_bucket_rename(core_of(call), id, input_text(call, "name")));
  return bucket_value(call, id, ret_value);
}

RESOLVER(mutation_reset) {
  const char *environment_id = arg_text(call, "environmentId");
  TRY(check_project(call, arg_text(call, "projectId"), environment_id));
  TRY(core_bucket_reset(core_of(call), arg_text(call, "bucketId"), environment_id,
                        json_get_bool(call->args, "redeployDependents", false), asking_of(call)->caller.user_id));
  return credentials_json(call, ret_value);
}

RESOLVER(mutation_delete) {
  TRY(core_bucket_delete(core_of(call), arg_text(call, "bucketId"), arg_text(call, "environmentId")));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_restore) {
  const char *id = arg_text(call, "bucketId");
  TRY(core_bucket_restore(core_of(call), id, arg_text(call, "environmentId")));
  return bucket_value(call, id, ret_value);
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "bucketInstances",        query_instances,   NULL },
  { "Query",    "bucketInstanceDetails",  query_details,     NULL },
  { "Query",    "bucketS3Credentials",    query_credentials, NULL },
  { "Mutation", "bucketCreate",           mutation_create,   NULL },
  { "Mutation", "bucketUpdate",           mutation_update,   NULL },
  { "Mutation", "bucketCredentialsReset", mutation_reset,    NULL },
  { "Mutation", "bucketDelete",           mutation_delete,   NULL },
  { "Mutation", "bucketRestore",          mutation_restore,  NULL },
  { "Project",  "buckets",                project_buckets,   NULL },
};
/* clang-format on */
const struct bindings bindings_bucket = {rows, ARRAY_LEN(rows)};
