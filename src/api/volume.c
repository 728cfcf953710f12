/* Volumes. */
#include "core/volume.h"

#include <stdlib.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/project.h"
#include "store/service.h"
#include "store/volume.h"

/* ---- as objects ---- */

static err *instance_json(const struct graphql_call *call, const struct volume_instance *v, json_t **ret_object) {
  auto_volume volume = {0};
  bool trashed = volume_is_trashed(v);
  TRY(volume_get(db_of(call), v->volume_id, &volume));
  json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?}", "id", v->id, "volumeId", v->volume_id,
                        "volumeName", volume.name, "environmentId", v->environment_id, "mountPath", v->mount_path, "state",
                        volume_state_name(v->state), "region", "local", "externalId", v->id, "problem", v->problem,
                        "origin", v->origin);
  json_set_text(o, "serviceId", *v->service_id ? v->service_id : NULL);
  json_object_set_new(o, "sizeMB", json_integer(v->size_bytes / VOLUME_MB));
  json_object_set_new(o, "currentSizeMB", json_real((double)v->used_bytes / (double)VOLUME_MB));
  json_object_set_new(o, "createdAt", time_json(v->created_us));
  json_object_set_new(o, "deletedAt", time_json(v->deleted_us));
  json_object_set_new(o, "destroyedAt", time_json(trashed ? core_volume_destroyed_us(core_of(call), v) : 0));
  json_object_set_new(o, "isPendingDeletion", json_boolean(trashed));
  *ret_object = o;
  return NULL;
}

static err *instances_json(const struct graphql_call *call, const struct volume_instance_list *list, json_t **ret_array) {
  auto_json *nodes = json_array();
  for (size_t i = 0; i < list->len; i++) {
    json_t *node = NULL;
    TRY(instance_json(call, &list->items[i], &node));
    json_array_append_new(nodes, node);
  }
  *ret_array = json_incref(nodes);
  return NULL;
}

static err *instances_connection(const struct graphql_call *call, const struct volume_instance_list *list, json_t **ret_value) {
  json_t *nodes = NULL;
  TRY(instances_json(call, list, &nodes));
  return relay_connection(nodes, call->args, false, ret_value);
}

static err *instance_value(const struct graphql_call *call, const char *id, json_t **ret_value) {
  auto_volume_instance v = {0};
  TRY(volume_instance_get(db_of(call), id, &v));
  return instance_json(call, &v, ret_value);
}

static err *volume_value(const struct graphql_call *call, const char *id, json_t **ret_value) {
  auto_volume v = {0};
  TRY(volume_get(db_of(call), id, &v));
  *ret_value = volume_json(&v);
  return NULL;
}

/* ---- queries ---- */

RESOLVER(query_instance) {
  return instance_value(call, arg_text(call, "id"), ret_value);
}

RESOLVER(query_deleted) {
  auto_volume_instance_list list = {0};
  TRY(volume_instance_list_trashed_of_workspace(db_of(call), arg_text(call, "workspaceId"), &list));
  return instances_json(call, &list, ret_value);
}

RESOLVER(project_volumes) {
  auto_volume_list list = {0};
  TRY(volume_list_by_project(db_of(call), parent_text(call, "id"), NULL, &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, volume_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

RESOLVER(environment_instances) {
  auto_volume_instance_list list = {0};
  TRY(volume_instance_list_by_environment(db_of(call), parent_text(call, "id"), &list));
  return instances_connection(call, &list, ret_value);
}

RESOLVER(volume_instances) {
  auto_volume_instance_list list = {0};
  TRY(volume_instance_list_by_volume(db_of(call), parent_text(call, "id"), &list));
  return instances_connection(call, &list, ret_value);
}

RESOLVER(volume_project) {
  auto_project project = {0};
  TRY(project_get(db_of(call), parent_text(call, "projectId"), &project));
  *ret_value = project_json(&project);
  return NULL;
}

RESOLVER(instance_volume) {
  return volume_value(call, parent_text(call, "volumeId"), ret_value);
}

RESOLVER(instance_environment) {
  auto_environment environment = {0};
  TRY(environment_get(db_of(call), parent_text(call, "environmentId"), &environment));
  *ret_value = environment_json(&environment);
  return NULL;
}

RESOLVER(instance_service) {
  auto_service service = {0};
  const char *id = parent_text(call, "serviceId");
  if (id) TRY(service_get(db_of(call), id, &service));
  *ret_value = id ? service_json(&service) : json_null();
  return NULL;
}

/* ---- mutations ---- */

static const char *user_of(const struct graphql_call *call) {
  return asking_of(call)->caller.user_id;
}

static err *size_of(const struct graphql_call *call, int64_t *ret_bytes) {
  const json_t *size = json_object_get(input_of(call), "sizeMB");
  *ret_bytes = 0;
  if (!size || json_is_null(size)) return NULL;
  *ret_bytes = json_integer_value(size) * VOLUME_MB;
  return volume_size_check(*ret_bytes, 0);
}

/* Absent and null differ, as on Railway. */
static const char *text_or_empty(const struct graphql_call *call, const char *name) {
  const json_t *value = json_object_get(input_of(call), name);
  return json_is_null(value) ? "" : json_string_value(value);
}

RESOLVER(mutation_create) {
  auto_volume v = {0};
  struct core_volume_request request = {.project_id = input_text(call, "projectId"),
                                        .environment_id = text_or_empty(call, "environmentId"),
                                        .service_id = input_text(call, "serviceId"),
                                        .mount_path = input_text(call, "mountPath"),
                                        .name = input_text(call, "name"),
                                        .user_id = user_of(call)};
  TRY(size_of(call, &request.size_bytes));
  TRY(core_volume_create(core_of(call), &request, &v));
  *ret_value = volume_json(&v);
  return NULL;
}

RESOLVER(mutation_rename) {
  const char *id = arg_text(call, "volumeId"), *name = input_text(call, "name");
  if (name) TRY(core_volume_rename(core_of(call), id, name));
  return volume_value(call, id, ret_value);
}

static err *change_everywhere(const struct graphql_call *call, const struct core_volume_change *change) {
  auto_volume_instance_list list = {0};
  TRY(volume_instance_list_by_volume(db_of(call), arg_text(call, "volumeId"), &list));
  if (!list.len) return err_new(ERR_NOT_FOUND, "the volume is in no environment");
  for (size_t i = 0; i < list.len; i++) TRY(core_volume_change(core_of(call), list.items[i].id, change, user_of(call)));
  return NULL;
}

RESOLVER(mutation_change) {
  auto_volume_instance v = {0};
  bool found = false;
  const char *environment_id = arg_text(call, "environmentId");
  struct core_volume_change change = {.mount_path = input_text(call, "mountPath"),
                                      .service_id = text_or_empty(call, "serviceId")};
  if (input_text(call, "state")) return err_new(ERR_INVALID, "'state' is not for callers to set");
  TRY(size_of(call, &change.size_bytes));
  *ret_value = json_true();
  if (!environment_id) return change_everywhere(call, &change);
  TRY(volume_instance_find(db_of(call), arg_text(call, "volumeId"), environment_id, &found, &v));
  if (!found) return err_new(ERR_NOT_FOUND, "the volume is not in this environment");
  return core_volume_change(core_of(call), v.id, &change, user_of(call));
}

RESOLVER(mutation_delete) {
  TRY(core_volume_delete(core_of(call), arg_text(call, "volumeId"), user_of(call)));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_delete_instance) {
  TRY(core_volume_instance_delete(core_of(call), arg_text(call, "volumeInstanceId"), user_of(call)));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_restore) {
  const char *id = arg_text(call, "volumeInstanceId");
  TRY(core_volume_restore(core_of(call), id, arg_text(call, "environmentId"), user_of(call)));
  return instance_value(call, id, ret_value);
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",          "volumeInstance",         query_instance,           NULL },
  { "Query",          "volumeInstancesDeleted", query_deleted,            NULL },
  { "Mutation",       "volumeCreate",           mutation_create,          NULL },
  { "Mutation",       "volumeDelete",           mutation_delete,          NULL },
  { "Mutation",       "volumeInstanceDelete",   mutation_delete_instance, NULL },
  { "Mutation",       "volumeInstanceRestore",  mutation_restore,         NULL },
  { "Mutation",       "volumeInstanceUpdate",   mutation_change,          NULL },
  { "Mutation",       "volumeUpdate",           mutation_rename,          NULL },
  { "Project",        "volumes",                project_volumes,          NULL },
  { "Environment",    "volumeInstances",        environment_instances,    NULL },
  { "Volume",         "project",                volume_project,           NULL },
  { "Volume",         "volumeInstances",        volume_instances,         NULL },
  { "VolumeInstance", "volume",                 instance_volume,          NULL },
  { "VolumeInstance", "environment",            instance_environment,     NULL },
  { "VolumeInstance", "service",                instance_service,         NULL },
};
/* clang-format on */
const struct bindings bindings_volume = {rows, ARRAY_LEN(rows)};
