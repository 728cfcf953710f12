/* Databases that go to a newer version. */
#include "core/database_upgrade.h"

#include "api/internal.h"
#include "base/mem.h"

static err *tell_upgrade(const struct graphql_call *call, const char *environment_id, const char *service_id,
                         json_t **ret_value) {
  auto_database_upgrade u = {0};
  bool found = false;
  TRY(core_database_upgrade_state(core_of(call), environment_id, service_id, &found, &u));
  if (!found) return NULL;
  *ret_value = json_pack("{s:s, s:s?, s:b, s:s, s:s, s:o, s:s?, s:O?}", "status", database_upgrade_status_name(u.status),
                         "problem", u.problem, "isRehearsal", u.is_rehearsal, "image", u.image, "formerImage", u.former_image,
                         "startedAt", time_json(u.created_us), "siblingServiceId", *u.sibling_id ? u.sibling_id : NULL,
                         "report", json_object_get(u.report, "problems") ? u.report : NULL);
  return NULL;
}

static err *begin(const struct graphql_call *call, bool is_rehearsal, json_t **ret_value) {
  struct core_database_upgrade request = {.environment_id = input_text(call, "environmentId"),
                                          .service_id = input_text(call, "serviceId"),
                                          .version = input_text(call, "version"),
                                          .is_rehearsal = is_rehearsal,
                                          .user_id = asking_of(call)->caller.user_id};
  TRY(core_database_upgrade(core_of(call), &request));
  return tell_upgrade(call, request.environment_id, request.service_id, ret_value);
}

RESOLVER(query_upgrade) {
  return tell_upgrade(call, arg_text(call, "environmentId"), arg_text(call, "serviceId"), ret_value);
}

RESOLVER(mutation_upgrade) {
  return begin(call, false, ret_value);
}

RESOLVER(mutation_rehearse) {
  return begin(call, true, ret_value);
}

RESOLVER(mutation_cancel) {
  TRY(core_database_upgrade_cancel(core_of(call), arg_text(call, "environmentId"), arg_text(call, "serviceId")));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_back) {
  TRY(core_database_upgrade_back(core_of(call), arg_text(call, "environmentId"), arg_text(call, "serviceId"),
                                 asking_of(call)->caller.user_id));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Mutation", "databaseUpgrade",         mutation_upgrade,  NULL },
  { "Mutation", "databaseUpgradeBack",     mutation_back,     NULL },
  { "Mutation", "databaseUpgradeCancel",   mutation_cancel,   NULL },
  { "Mutation", "databaseUpgradeRehearse", mutation_rehearse, NULL },
  { "Query",    "databaseUpgradeState",    query_upgrade,     NULL },
};
/* clang-format on */
const struct bindings bindings_database_upgrade = {rows, ARRAY_LEN(rows)};
