/* A request up to the point where its first field is resolved. */
#include "base/json.h"
#include "base/str.h"
#include "graphql/coerce.h"
#include "graphql/cost.h"
#include "graphql/executor.h"
#include "graphql/parse.h"
#include "graphql/validate.h"

void graphql_execution_init(struct graphql_execution *execution, const graphql_schema *schema,
                            void *context, const struct graphql_limits *limits) {
  *execution = (struct graphql_execution){.schema = schema, .context = context, .limits = *limits};
  execution->errors = (struct graphql_errors){.list = json_array(), .max = limits->max_errors};
  execution->plans.schema = schema;
}

void graphql_execution_done(struct graphql_execution *execution) {
  graphql_plans_done(&execution->plans);
  json_decref(execution->plans.variables);
  json_decref(execution->errors.list);
  graphql_document_free(execution->document);
}

static bool parse(struct graphql_execution *execution, const struct graphql_request *request) {
  struct graphql_location at;
  err *e = graphql_parse(request->query, request->query_len, &execution->limits,
                         &execution->document, &at);
  if (!e) return true;
  graphql_errors_add_err(&execution->errors, e, &at, NULL);
  return false;
}

static bool choose_operation(struct graphql_execution *execution, const char *name) {
  const struct graphql_operation *operation = execution->document->operations;
  if (!name && operation->next) {
    graphql_errors_add(&execution->errors, ERR_INVALID, NULL, NULL,
                       "there are several operations: say which with operationName");
    return false;
  }
  while (name && operation && !str_eq(operation->name, name))
    operation = operation->next;
  if (!operation)
    graphql_errors_add(&execution->errors, ERR_INVALID, NULL, NULL, "there is no operation '%.80s'",
                       name);
  execution->operation = operation;
  return operation;
}

/* ---- Variables (section 6.1.2) ---- */

static fallible coerce_variable(const struct graphql_variable *variable, json_t *given,
                                json_t **ret_value) {
  if (given) return graphql_coerce_input(variable->type, given, ret_value);
  if (variable->default_value)
    return graphql_coerce_literal(variable->type, variable->default_value, NULL, ret_value);
  if (!variable->type->non_null) return NULL;
  auto_str type = STR_EMPTY;
  graphql_type_text(variable->type, &type);
  return err_new(ERR_INVALID, "a value of type %s is required", str_text(&type));
}

static bool coerce_variables(struct graphql_execution *execution, const json_t *given) {
  bool ok = true;
  json_t *variables = execution->plans.variables = json_object();
  if (given && graphql_json_weight(given, execution->limits.max_variable_bytes) >
                   execution->limits.max_variable_bytes) {
    graphql_errors_add(&execution->errors, ERR_LIMIT, NULL, NULL,
                       "the variables are larger than %zu bytes",
                       execution->limits.max_variable_bytes);
    return false;
  }
  for (const struct graphql_variable *v = execution->operation->variables; v; v = v->next) {
    json_t *value = NULL;
    err *e = coerce_variable(v, json_object_get(given, v->name), &value);
    if (e) {
      graphql_errors_add_err(&execution->errors, err_wrap(e, "variable $%s", v->name), &v->at,
                             NULL);
      ok = false;
    } else if (value) {
      json_object_set_new(variables, v->name, value);
    }
  }
  return ok;
}

static bool bound_cost(struct graphql_execution *execution) {
  size_t cost = graphql_cost(execution->schema, execution->operation, execution->plans.variables,
                             &execution->limits);
  if (cost <= execution->limits.max_cost) return true;
  graphql_errors_add(
      &execution->errors, ERR_LIMIT, &execution->operation->at, NULL,
      "the operation costs %zu, at most %zu is accepted: ask for fewer fields or for "
      "shorter lists (first: …)",
      cost, execution->limits.max_cost);
  return false;
}

bool graphql_execution_prepare(struct graphql_execution *execution,
                               const struct graphql_request *request) {
  if (!parse(execution, request)) return false;
  graphql_validate(execution->schema, execution->document, &execution->limits, &execution->errors);
  if (graphql_errors_any(&execution->errors)) return false;
  if (!choose_operation(execution, request->operation_name)) return false;
  if (!coerce_variables(execution, request->variables)) return false;
  if (!bound_cost(execution)) return false;
  execution->plans.arena = execution->document->arena;
  execution->root = graphql_plan_root(&execution->plans, execution->operation);
  return true;
}
