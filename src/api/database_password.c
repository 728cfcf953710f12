/* Passwords of databases. */
#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/password_rotation.h"

static err *tell_rotation(const struct graphql_call *call, const char *environment_id, const char *service_id,
                          json_t **ret_value) {
  auto_password_rotation r = {0};
  auto_strv names = STRV_EMPTY;
  bool found = false;
  TRY(core_password_rotation(core_of(call), environment_id, service_id, &found, &r, &names));
  if (!found) return NULL;
  json_t *waits_for = json_array();
  for (size_t i = 0; i < names.len; i++) json_array_append_new(waits_for, json_string(names.items[i]));
  *ret_value = json_pack("{s:s, s:s?, s:o, s:o, s:o}", "status", password_rotation_status_name(r.status), "problem",
                         r.problem, "startedAt", time_json(r.created_us), "keepOldUntil", time_json(r.keep_until_us),
                         "waitsFor", waits_for);
  return NULL;
}

RESOLVER(query_rotation) {
  return tell_rotation(call, arg_text(call, "environmentId"), arg_text(call, "serviceId"), ret_value);
}

RESOLVER(mutation_rotate) {
  struct core_password_rotate request = {.environment_id = input_text(call, "environmentId"),
                                         .service_id = input_text(call, "serviceId"),
                                         .keep_old_ms = json_get_int(input_of(call), "keepOldSeconds", 0) * 1000,
                                         .user_id = asking_of(call)->caller.user_id};
  TRY(core_password_rotate(core_of(call), &request));
  return tell_rotation(call, request.environment_id, request.service_id, ret_value);
}

RESOLVER(mutation_rotation_end) {
  TRY(core_password_rotation_end_now(core_of(call), arg_text(call, "environmentId"), arg_text(call, "serviceId")));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Mutation", "databasePasswordRotate",      mutation_rotate,       NULL },
  { "Mutation", "databasePasswordRotationEnd", mutation_rotation_end, NULL },
  { "Query",    "databasePasswordRotation",    query_rotation,        NULL },
};
/* clang-format on */
const struct bindings bindings_database_password = {rows, ARRAY_LEN(rows)};
