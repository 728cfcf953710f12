/* Variables. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/service.h"
#include "store/project.h"
#include "store/variable.h"

enum { VARIABLES_MAX = 1000 }; /* of one service; the kernel's limit on an environment comes close */

/* Who is written to: ids that belong together. */
struct target {
  const char *environment_id, *service_id; /* service_id NULL: shared */
  char project_id[ID_SIZE];
};

static err *find_target(const struct graphql_call *call, struct target *ret_target) {
  auto_environment environment = {0};
  *ret_target = (struct target){.environment_id = input_text(call, "environmentId"),
                                .service_id = input_text(call, "serviceId")};
  TRY(environment_get(db_of(call), ret_target->environment_id, &environment));
  id_copy(ret_target->project_id, environment.project_id);
  if (!str_eq(environment.project_id, input_text(call, "projectId")))
    return err_new(ERR_NOT_FOUND, "Project not found");
  if (!ret_target->service_id) return NULL;
  auto_service_instance instance = {0};
  return find_instance(call, ret_target->service_id, ret_target->environment_id, &instance);
}

static err *set_one(const struct graphql_call *call, const struct target *target, const char *name,
                    const json_t *value) {
  const char *text = json_string_value(value);
  TRY(variable_name_check(name));
  if (!text) return err_new(ERR_INVALID, "variable '%s': the value is no text", name);
  TRY(variable_value_check(name, text, json_string_length(value)));
  auto_variable v = {.name = str_dup(name), .value = str_dup(text)};
  id_copy(v.project_id, target->project_id);
  id_copy(v.environment_id, target->environment_id);
  id_copy(v.service_id, target->service_id);
  return variable_set(db_of(call), &v);
}

static err *deploy_unless_skipped(const struct graphql_call *call, const struct target *target) {
  if (json_get_bool(input_of(call), "skipDeploys", false) || !target->service_id) return NULL;
  return deploy_after_change(call, target->service_id, target->environment_id);
}

static err *delete_others(const struct graphql_call *call, const struct target *target, const json_t *kept) {
  auto_variable_list list = {0};
  TRY(variable_list(db_of(call), target->environment_id, target->service_id, &list));
  for (size_t i = 0; i < list.len; i++)
    if (!json_object_get(kept, list.items[i].name))
      TRY(variable_delete(db_of(call), target->environment_id, target->service_id, list.items[i].name));
  return NULL;
}

/* All or nothing. */
static err *set_all(const struct graphql_call *call, const struct target *target, json_t *variables) {
  auto_db_transaction t = {0};
  auto_variable_list list = {0};
  const char *name;
  json_t *value;
  TRY(db_begin(db_of(call), &t));
  json_object_foreach(variables, name, value) TRY(set_one(call, target, name, value));
  if (json_get_bool(input_of(call), "replace", false)) TRY(delete_others(call, target, variables));
  TRY(variable_list(db_of(call), target->environment_id, target->service_id, &list));
  if (list.len > VARIABLES_MAX)
    return err_new(ERR_LIMIT, "more than %d variables", VARIABLES_MAX);
  return db_commit(&t);
}

RESOLVER(mutation_collection_upsert) {
  struct target target;
  json_t *variables = json_object_get(input_of(call), "variables");
  if (!json_is_object(variables)) return err_new(ERR_INVALID, "'variables' is no object of name: value");
  TRY(find_target(call, &target));
  TRY(set_all(call, &target, variables));
  TRY(deploy_unless_skipped(call, &target));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_upsert) {
  struct target target;
  auto_json *variables = json_object();
  json_object_set(variables, input_text(call, "name"), json_object_get(input_of(call), "value"));
  TRY(find_target(call, &target));
  TRY(set_all(call, &target, variables));
  TRY(deploy_unless_skipped(call, &target));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_delete) {
  struct target target;
  TRY(find_target(call, &target));
  TRY(variable_delete(db_of(call), target.environment_id, target.service_id, input_text(call, "name")));
  TRY(deploy_unless_skipped(call, &target));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(query_variables) {
  auto_variable_list list = {0};
  TRY(variable_list(db_of(call), arg_text(call, "environmentId"), arg_text(call, "serviceId"), &list));
  *ret_value = json_object();
  for (size_t i = 0; i < list.len; i++)
    if (!list.items[i].is_sealed)
      json_object_set_new(*ret_value, list.items[i].name, json_string(list.items[i].value));
  return NULL;
}

RESOLVER(query_variables_for_deployment) {
  auto_service_instance instance = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &instance));
  return core_variables(core_of(call), &instance, ret_value);
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "variables",                     query_variables,                NULL },
  { "Query",    "variablesForServiceDeployment", query_variables_for_deployment, NULL },
  { "Mutation", "variableCollectionUpsert",      mutation_collection_upsert,     NULL },
  { "Mutation", "variableUpsert",                mutation_upsert,                NULL },
  { "Mutation", "variableDelete",                mutation_delete,                NULL },
};
/* clang-format on */
const struct bindings bindings_variable = {rows, ARRAY_LEN(rows)};
