/* Credentials of projects: set and deleted, never shown. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "model/credential.h"
#include "store/credential.h"
#include "store/service.h"

static json_t *credential_json(const struct credential *c, const char *service_id, const char *environment_id) {
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:o}", "id", c->id, "projectId", c->project_id, "kind",
                   credential_kind_name(c->kind), "host", c->host, "username", c->username, "serviceId", service_id,
                   "environmentId", environment_id, "createdAt", time_json(c->created_us), "updatedAt",
                   time_json(c->updated_us));
}

static err *add_to_list(const struct graphql_call *call, const struct credential *c, json_t *list) {
  auto_service_instance instance = {0};
  if (*c->service_instance_id) TRY(service_instance_get(db_of(call), c->service_instance_id, &instance));
  bool own = *c->service_instance_id;
  json_array_append_new(list, credential_json(c, own ? instance.service_id : NULL, own ? instance.environment_id : NULL));
  return NULL;
}

RESOLVER(query_credentials) {
  auto_credential_list list = {0};
  auto_json *values = json_array();
  TRY(credential_list_by_project(db_of(call), arg_text(call, "projectId"), &list));
  for (size_t i = 0; i < list.len; i++) TRY(add_to_list(call, &list.items[i], values));
  *ret_value = json_incref(values);
  return NULL;
}

RESOLVER(mutation_credential_set) {
  auto_credential c = {0};
  TRY(credential_kind_parse(input_text(call, "kind"), &c.kind));
  id_copy(c.project_id, input_text(call, "projectId"));
  c.host = str_dup(input_text(call, "host"));
  c.username = str_dup(input_text(call, "username"));
  c.secret = str_dup(input_text(call, "secret"));
  err *e = core_credential_set(core_of(call), &c);
  secret_wipe(c.secret, strlen(c.secret));
  TRY(e);
  *ret_value = credential_json(&c, NULL, NULL);
  return NULL;
}

RESOLVER(mutation_credential_delete) {
  enum credential_kind kind;
  auto_free char *host = credential_host(arg_text(call, "host"));
  TRY(credential_kind_parse(arg_text(call, "kind"), &kind));
  TRY(credential_delete(db_of(call), arg_text(call, "projectId"), NULL, kind, host ? host : ""));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "tramwayCredentials",      query_credentials,          NULL },
  { "Mutation", "tramwayCredentialSet",    mutation_credential_set,    NULL },
  { "Mutation", "tramwayCredentialDelete", mutation_credential_delete, NULL },
};
/* clang-format on */
const struct bindings bindings_credential = {rows, ARRAY_LEN(rows)};
