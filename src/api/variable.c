/* Variables; core/variable_change sets them. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/reference_syntax.h"
#include "store/project.h"
#include "store/service.h"
#include "store/variable.h"

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

/* What is deployed and gets other values by it is deployed again, unless that is not wanted. */
static err *deploy(const struct graphql_call *call, const struct target *target, const struct strv *services) {
  if (json_get_bool(input_of(call), "skipDeploys", false)) return NULL;
  return core_deploy_changed(core_of(call), target->environment_id, services, asking_of(call)->caller.user_id);
}

static err *change(const struct graphql_call *call, const json_t *changes, json_t **ret_value) {
  struct target target;
  auto_strv services = STRV_EMPTY;
  bool replace = json_get_bool(input_of(call), "replace", false);
  TRY(find_target(call, &target));
  TRY(core_variables_change(core_of(call), target.environment_id, target.service_id, changes, replace, &services));
  TRY(deploy(call, &target, &services));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_collection_upsert) {
  const json_t *variables = json_object_get(input_of(call), "variables");
  if (!json_is_object(variables)) return err_new(ERR_INVALID, "'variables' is no object of name: value");
  return change(call, variables, ret_value);
}

RESOLVER(mutation_upsert) {
  auto_json *variables = json_object();
  json_object_set(variables, input_text(call, "name"), json_object_get(input_of(call), "value"));
  return change(call, variables, ret_value);
}

RESOLVER(mutation_delete) {
  auto_variable v = {0};
  bool found = false;
  const char *name = input_text(call, "name");
  auto_json *variables = json_pack("{s:n}", name);
  TRY(variable_find(db_of(call), input_text(call, "environmentId"), input_text(call, "serviceId"), name, &found, &v));
  if (!found) return err_new(ERR_NOT_FOUND, "Variable '%.64s' not found", name);
  return change(call, variables, ret_value);
}

/* ---- shared ones in services ---- */

static err *share_with(const struct graphql_call *call, const struct target *target, const char *service_id,
                       bool enabled, struct strv *services) {
  const char *name = input_text(call, "name");
  auto_free char *reference = str_format("${{" REFERENCE_SHARED ".%s}}", name);
  auto_json *changes = enabled ? json_pack("{s:s}", name, reference) : json_pack("{s:n}", name);
  auto_service_instance instance = {0};
  auto_variable own = {0};
  bool found = false;
  TRY(find_instance(call, service_id, target->environment_id, &instance));
  TRY(variable_find(db_of(call), target->environment_id, service_id, name, &found, &own));
  if (!enabled && (!found || !str_eq(own.value, reference))) return NULL; /* its own, not the shared one */
  return core_variables_apply(core_of(call), target->environment_id, service_id, changes, false, services);
}

static err *share(const struct graphql_call *call, const struct target *target, struct strv *services) {
  auto_db_transaction t = {0};
  TRY(db_begin(db_of(call), &t));
  static const char *const lists[] = {"disabledServiceIds", "enabledServiceIds"};
  for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
    const json_t *ids = json_object_get(input_of(call), lists[k]), *id;
    size_t i;
    json_array_foreach(ids, i, id) TRY(share_with(call, target, json_string_value(id), k == 1, services));
  }
  return db_commit(&t);
}

/* ---- as objects ---- */

static json_t *references_json(const struct variable *v) {
  json_t *list = json_array();
  struct reference r;
  for (size_t cursor = 0; !v->is_sealed && reference_next(v->value, &cursor, &r);) {
    if (r.form != REFERENCE) continue;
    auto_free char *text = str_format("%.*s%s%.*s", (int)r.service.len, r.service.at ? r.service.at : "",
                                      r.service.at ? "." : "", (int)r.name.len, r.name.at);
    json_array_append_new(list, json_string(text));
  }
  return list;
}

static json_t *variable_json(const struct variable *v) {
  const char *service_id = *v->service_id ? v->service_id : NULL;
  return json_pack("{s:s, s:s, s:s, s:s?, s:b, s:o, s:o, s:o}", "id", v->id, "name", v->name, "environmentId",
                   v->environment_id, "serviceId", service_id, "isSealed", v->is_sealed, "references",
                   references_json(v), "createdAt", time_json(v->created_us), "updatedAt", time_json(v->updated_us));
}

RESOLVER(mutation_shared_configure) {
  struct target target;
  auto_strv services = STRV_EMPTY;
  auto_variable shared = {0};
  bool found = false;
  TRY(find_target(call, &target));
  TRY(variable_find(db_of(call), target.environment_id, NULL, input_text(call, "name"), &found, &shared));
  if (!found) return err_new(ERR_NOT_FOUND, "the environment has no shared variable '%.64s'", input_text(call, "name"));
  TRY(share(call, &target, &services));
  TRY(deploy(call, &target, &services));
  *ret_value = variable_json(&shared);
  return NULL;
}

RESOLVER(environment_variables) {
  auto_variable_list list = {0};
  json_t *nodes = json_array();
  TRY(variable_list_by_environment(db_of(call), parent_text(call, "id"), &list));
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, variable_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

RESOLVER(variable_environment) {
  auto_environment environment = {0};
  TRY(environment_get(db_of(call), parent_text(call, "environmentId"), &environment));
  *ret_value = environment_json(&environment);
  return NULL;
}

RESOLVER(variable_service) {
  auto_service service = {0};
  if (!parent_text(call, "serviceId")) return NULL;
  TRY(service_get(db_of(call), parent_text(call, "serviceId"), &service));
  *ret_value = service_json(&service);
  return NULL;
}

/* ---- values ---- */

static err *unrendered(const struct graphql_call *call, json_t **ret_value) {
  auto_variable_list list = {0};
  TRY(variable_list(db_of(call), arg_text(call, "environmentId"), arg_text(call, "serviceId"), &list));
  *ret_value = json_object();
  for (size_t i = 0; i < list.len; i++)
    if (!list.items[i].is_sealed)
      json_object_set_new(*ret_value, list.items[i].name, json_string(list.items[i].value));
  return NULL;
}

RESOLVER(query_variables) {
  const char *service_id = arg_text(call, "serviceId");
  if (json_is_true(json_object_get(call->args, "unrendered"))) return unrendered(call, ret_value);
  return core_variables(core_of(call), arg_text(call, "environmentId"), service_id ? service_id : "", false, ret_value);
}

RESOLVER(query_unresolved) {
  const char *service_id = arg_text(call, "serviceId");
  return core_unresolved_references(core_of(call), arg_text(call, "environmentId"), service_id ? service_id : "", ret_value);
}

RESOLVER(query_variables_for_deployment) {
  auto_service_instance instance = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &instance));
  return core_variables(core_of(call), instance.environment_id, instance.service_id, true, ret_value);
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",       "variables",                     query_variables,                NULL },
  { "Query",       "unresolvedReferences",          query_unresolved,               NULL },
  { "Query",       "variablesForServiceDeployment", query_variables_for_deployment, NULL },
  { "Mutation",    "variableCollectionUpsert",      mutation_collection_upsert,     NULL },
  { "Mutation",    "variableUpsert",                mutation_upsert,                NULL },
  { "Mutation",    "variableDelete",                mutation_delete,                NULL },
  { "Mutation",    "sharedVariableConfigure",       mutation_shared_configure,      NULL },
  { "Environment", "variables",                     environment_variables,          NULL },
  { "Variable",    "environment",                   variable_environment,           NULL },
  { "Variable",    "service",                       variable_service,               NULL },
};
/* clang-format on */
const struct bindings bindings_variable = {rows, ARRAY_LEN(rows)};
