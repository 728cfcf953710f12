/* Backups of volumes: Railway's fields, and Tramway's for drills, swaps and where backups go. */
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/backup.h"
#include "core/backup_plan.h"
#include "store/backup.h"
#include "store/environment_patch.h"
#include "store/volume.h"

static const enum backup_kind scheduled[] = {BACKUP_DAILY, BACKUP_WEEKLY, BACKUP_MONTHLY};

static json_t *mb_json(int64_t bytes) {
  return json_integer((json_int_t)((bytes + VOLUME_MB - 1) / VOLUME_MB));
}

/* Schedules have no rows of their own: an id that is always the same. */
static void schedule_id(const char *volume_instance_id, enum backup_kind kind, char ret_id[ID_SIZE]) {
  char hex[SHA256_HEX_SIZE];
  auto_free char *text = str_format("%s:%s", volume_instance_id, backup_kind_name(kind));
  secret_sha256_hex(text, strlen(text), hex);
  snprintf(ret_id, ID_SIZE, "%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

static json_t *backup_json(const struct backup *b) {
  char id[ID_SIZE];
  schedule_id(b->volume_instance_id, b->kind, id);
  json_t *o = json_object();
  json_set_text(o, "id", b->id);
  json_set_text(o, "externalId", b->snapshot_id ? b->snapshot_id : "");
  json_set_text(o, "name", b->name);
  json_set_text(o, "creatorId", *b->creator_id ? b->creator_id : NULL);
  json_set_text(o, "scheduleId", b->kind == BACKUP_MANUAL ? NULL : id);
  json_set_text(o, "kind", backup_kind_name(b->kind));
  json_set_text(o, "state", backup_state_name(b->state));
  json_set_text(o, "method", backup_method_name(b->method));
  json_set_text(o, "problem", b->problem);
  json_set_text(o, "checksum", b->checksum);
  json_set_text(o, "drillProblem", b->drill_problem);
  json_set_text(o, "drillChecksum", b->drill_checksum);
  json_object_set_new(o, "isLocked", json_boolean(b->is_locked));
  json_object_set_new(o, "createdAt", time_json(b->created_us));
  json_object_set_new(o, "takenAt", time_json(b->taken_us));
  json_object_set_new(o, "expiresAt", time_json(b->expires_us));
  json_object_set_new(o, "drilledAt", time_json(b->drilled_us));
  json_object_set_new(o, "referencedMB", mb_json(b->size_bytes));
  json_object_set_new(o, "usedMB", mb_json(b->added_bytes));
  json_object_set_new(o, "volumeInstanceSizeMB", mb_json(b->volume_bytes));
  json_object_set_new(o, "pausedMs", json_integer(b->paused_ms));
  json_object_set_new(o, "tookMs", json_integer(b->took_ms));
  json_object_set_new(o, "drillMs", json_integer(b->drill_ms));
  return o;
}

/* ---- queries ---- */

RESOLVER(query_list) {
  auto_backup_list list = {0};
  TRY(backup_list(db_of(call), arg_text(call, "volumeInstanceId"), &list));
  *ret_value = json_array();
  for (size_t i = 0; i < list.len; i++)
    if (list.items[i].state != BACKUP_DELETED) json_array_append_new(*ret_value, backup_json(&list.items[i]));
  return NULL;
}

static bool has(const struct backup_schedule *s, enum backup_kind kind) {
  return kind == BACKUP_DAILY ? s->daily : kind == BACKUP_WEEKLY ? s->weekly : s->monthly;
}

static json_t *schedule_json(const struct backup_schedule *s, enum backup_kind kind) {
  static const char *const names[] = {"Manual", "Daily", "Weekly", "Monthly"};
  char id[ID_SIZE];
  auto_free char *cron = backup_cron(s->volume_instance_id, kind);
  schedule_id(s->volume_instance_id, kind, id);
  json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I}", "id", id, "cron", cron, "kind", backup_kind_name(kind), "name",
                        names[kind], "retentionSeconds", (json_int_t)(backup_kept_us(kind) / 1000000));
  json_object_set_new(o, "createdAt", time_json(s->created_us));
  return o;
}

RESOLVER(query_schedules) {
  auto_backup_schedule s = {0};
  TRY(core_backup_schedule(core_of(call), arg_text(call, "volumeInstanceId"), &s));
  *ret_value = json_array();
  for (size_t i = 0; i < ARRAY_LEN(scheduled); i++)
    if (has(&s, scheduled[i])) json_array_append_new(*ret_value, schedule_json(&s, scheduled[i]));
  return NULL;
}

static err *set_former_service(const struct graphql_call *call, const struct volume_instance *v, json_t *o) {
  auto_backup_list list = {0};
  if (!*v->service_id) TRY(backup_list(db_of(call), v->id, &list));
  json_set_text(o, "formerServiceId", list.len && *list.items[0].service_id ? list.items[0].service_id : NULL);
  return NULL;
}

static err *add_volume(const struct graphql_call *call, const struct volume_instance *v, json_t *list) {
  auto_backup_repository known = {0};
  auto_backup_schedule s = {0};
  auto_volume volume = {0};
  int64_t from_us, to_us;
  bool found = false;
  TRY(volume_get(db_of(call), v->volume_id, &volume));
  TRY(backup_repository_find(db_of(call), v->id, &found, &known));
  TRY(core_backup_schedule(core_of(call), v->id, &s));
  TRY(core_backup_window(core_of(call), v->id, &from_us, &to_us));
  json_t *o = json_pack("{s:s, s:s, s:s}", "volumeInstanceId", v->id, "volumeId", v->volume_id, "volumeName", volume.name);
  json_object_set_new(o, "schedules", backup_schedule_kinds(&s));
  json_set_text(o, "serviceId", *v->service_id ? v->service_id : NULL);
  json_set_text(o, "problem", known.problem);
  json_set_text(o, "location", core_backup_location(core_of(call)));
  json_object_set_new(o, "repositoryMB", mb_json(known.bytes));
  json_object_set_new(o, "restorableFrom", time_json(from_us));
  json_object_set_new(o, "restorableTo", time_json(to_us));
  json_array_append_new(list, o);
  return set_former_service(call, v, o);
}

RESOLVER(query_volumes) {
  auto_volume_instance_list list = {0};
  TRY(volume_instance_list_by_environment(db_of(call), arg_text(call, "environmentId"), &list));
  auto_json *volumes = json_array();
  for (size_t i = 0; i < list.len; i++) TRY(add_volume(call, &list.items[i], volumes));
  *ret_value = json_incref(volumes);
  return NULL;
}

static err *patch_workflow(struct graphql_call *call, json_t **ret_value) {
  auto_environment_patch patch = {0};
  TRY(environment_patch_get(db_of(call), arg_text(call, "workflowId"), &patch));
  *ret_value = json_pack("{s:s, s:s?}", "status", patch.status == PATCH_APPLYING ? "Running" : "Complete", "error",
                         patch.last_applied_error);
  return NULL;
}

RESOLVER(query_workflow) {
  static const char *const words[] = {"NotFound", "Running", "Complete", "Error"};
  enum core_workflow state;
  auto_free char *problem = NULL;
  TRY(core_backup_workflow(core_of(call), arg_text(call, "workflowId"), &state, &problem));
  if (state == CORE_WORKFLOW_NONE) return patch_workflow(call, ret_value);
  *ret_value = json_pack("{s:s, s:s?}", "status", words[state], "error", problem);
  return NULL;
}

/* ---- mutations ---- */

static err *workflow(const char *id, json_t **ret_value) {
  *ret_value = json_pack("{s:s}", "workflowId", id);
  return NULL;
}

static const char *user_of(const struct graphql_call *call) {
  return asking_of(call)->caller.user_id;
}

RESOLVER(mutation_create) {
  char id[ID_SIZE];
  TRY(core_backup_create(core_of(call), arg_text(call, "volumeInstanceId"), arg_text(call, "name"), user_of(call), id));
  return workflow(id, ret_value);
}

RESOLVER(mutation_delete) {
  const char *id = arg_text(call, "volumeInstanceBackupId");
  TRY(core_backup_delete(core_of(call), arg_text(call, "volumeInstanceId"), id));
  return workflow(id, ret_value);
}

RESOLVER(mutation_lock) {
  TRY(core_backup_lock(core_of(call), arg_text(call, "volumeInstanceId"), arg_text(call, "volumeInstanceBackupId")));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_restore) {
  char id[ID_SIZE];
  if (json_array_size(json_object_get(call->args, "replicaServiceIds")) || json_array_size(json_object_get(call->args, "wipeServiceIds")))
    return err_new(ERR_INVALID, "there are no clusters of databases here: leave replicaServiceIds and wipeServiceIds out");
  TRY(core_backup_restore(core_of(call), arg_text(call, "volumeInstanceId"), arg_text(call, "volumeInstanceBackupId"),
                          user_of(call), id));
  return workflow(id, ret_value);
}

RESOLVER(mutation_schedule) {
  struct backup_schedule wanted = {0};
  TRY(err_wrap(backup_schedule_read(json_object_get(call->args, "kinds"), &wanted), "kinds"));
  TRY(core_backup_set_schedule(core_of(call), arg_text(call, "volumeInstanceId"), &wanted));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_pitr) {
  char id[ID_SIZE];
  int64_t target_us;
  if (arg_text(call, "sourceRepoPath"))
    return err_new(ERR_INVALID, "a volume has one repository here: leave sourceRepoPath out");
  if (!clock_parse(arg_text(call, "targetTimestamp"), &target_us))
    return err_new(ERR_INVALID, "targetTimestamp is a moment as 2026-11-21T17:30:00Z");
  TRY(core_backup_pitr(core_of(call), arg_text(call, "volumeInstanceId"), target_us, arg_text(call, "newServiceName"),
                       user_of(call), id));
  return workflow(id, ret_value);
}

RESOLVER(mutation_drill) {
  char id[ID_SIZE];
  TRY(core_backup_drill(core_of(call), arg_text(call, "volumeInstanceId"), user_of(call), id));
  return workflow(id, ret_value);
}

RESOLVER(mutation_swap) {
  TRY(core_backup_swap(core_of(call), arg_text(call, "environmentId"), arg_text(call, "serviceId"), user_of(call)));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_credentials) {
  TRY(core_backup_set_credentials(core_of(call), arg_text(call, "accessKeyId"), arg_text(call, "secretAccessKey")));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_password) {
  char *password = NULL;
  TRY(core_backup_password(core_of(call), &password));
  *ret_value = json_string(password);
  secret_wipe(password, strlen(password));
  free(password);
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "volumeInstanceBackupList",           query_list,           NULL },
  { "Query",    "volumeInstanceBackupScheduleList",   query_schedules,      NULL },
  { "Query",    "tramwayBackupVolumes",               query_volumes,        NULL },
  { "Query",    "workflowStatus",                     query_workflow,       NULL },
  { "Mutation", "volumeInstanceBackupCreate",         mutation_create,      NULL },
  { "Mutation", "volumeInstanceBackupDelete",         mutation_delete,      NULL },
  { "Mutation", "volumeInstanceBackupLock",           mutation_lock,        NULL },
  { "Mutation", "volumeInstanceBackupRestore",        mutation_restore,     NULL },
  { "Mutation", "volumeInstanceBackupScheduleUpdate", mutation_schedule,    NULL },
  { "Mutation", "volumeInstancePITRRestore",          mutation_pitr,        NULL },
  { "Mutation", "tramwayBackupDrill",                 mutation_drill,       NULL },
  { "Mutation", "tramwayBackupSwap",                  mutation_swap,        NULL },
  { "Mutation", "tramwayBackupCredentialsSet",        mutation_credentials, NULL },
  { "Mutation", "tramwayBackupPassword",              mutation_password,    NULL },
};
/* clang-format on */
const struct bindings bindings_backup = {rows, ARRAY_LEN(rows)};
