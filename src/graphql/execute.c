#include "graphql/execute.h"

#include "base/json.h"
#include "base/str.h"
#include "graphql/coerce.h"
#include "graphql/executor.h"
#include "graphql/introspect.h"

/* Where in the response: a chain from the innermost place to the root. */
struct path {
  const struct path *up;
  const char *key; /* NULL: an item of a list, at `index` */
  size_t index;
};

static json_t *path_json(const struct path *path) {
  json_t *list = json_array();
  for (; path; path = path->up)
    json_array_insert_new(
        list, 0, path->key ? json_string(path->key) : json_integer((json_int_t)path->index));
  return list;
}

/* In what follows a function that gives a json_t * gives an owned value, or NULL for a value that
 * could not be had: its error is noted, and the caller puts null in its place or, where null may
 * not be, gives NULL itself. */

static json_t *failed(struct graphql_execution *execution, const struct graphql_plan_field *field,
                      const struct path *path, err *e) {
  graphql_errors_add_err(&execution->errors, e, &field->nodes->selection->at, path_json(path));
  return NULL;
}

/* Counts a value against the response's limits; false when the request ends here. */
static bool count(struct graphql_execution *execution, size_t bytes) {
  const struct graphql_limits *limits = &execution->limits;
  if (execution->aborted) return false;
  execution->bytes += bytes;
  execution->aborted = ++execution->values > limits->max_result_values ||
                       execution->bytes > limits->max_result_bytes;
  if (!execution->aborted) return true;
  json_array_clear(execution->errors.list); /* there must be room for the reason */
  graphql_errors_add(&execution->errors, ERR_LIMIT, &execution->operation->at, NULL,
                     "the response would hold more than %zu values or %zu bytes: ask for less",
                     limits->max_result_values, limits->max_result_bytes);
  return false;
}

static json_t *run_fields(struct graphql_execution *execution, const struct graphql_plan *plan,
                          json_t *parent, const struct path *path, json_t *event);

/* ---- Completing a value (section 6.4.3) ---- */

static json_t *complete(struct graphql_execution *execution, struct graphql_plan_field *field,
                        const struct graphql_type_ref *type, json_t *value,
                        const struct path *path);

static json_t *complete_leaf(struct graphql_execution *execution, struct graphql_plan_field *field,
                             const struct graphql_type *type, json_t *value,
                             const struct path *path) {
  size_t room = execution->limits.max_result_bytes - execution->bytes;
  size_t weight =
      json_is_string(value) ? json_string_length(value) : graphql_json_weight(value, room);
  if (!count(execution, weight)) return NULL;
  json_t *result = NULL;
  err *e = graphql_coerce_result(type, value, &result);
  return e ? failed(execution, field, path, err_wrap(e, "%s", field->field->name)) : result;
}

static json_t *complete_list(struct graphql_execution *execution, struct graphql_plan_field *field,
                             const struct graphql_type_ref *type, json_t *value,
                             const struct path *path) {
  if (!json_is_array(value))
    return failed(execution, field, path,
                  err_new(ERR_CORRUPT, "%s: expected a list, the value is %s", field->field->name,
                          graphql_json_kind(value)));
  auto_json *list = json_array();
  size_t index;
  json_t *item;
  json_array_foreach(value, index, item) {
    struct path here = {.up = path, .index = index};
    json_t *done = complete(execution, field, type->of, item, &here);
    if (!done && (type->of->non_null || execution->aborted)) return NULL;
    json_array_append_new(list, done ? done : json_null());
  }
  return json_incref(list);
}

/* The object type of a value: the declared one, or what an abstract type's "__typename" says. */
static const struct graphql_type *object_type(const struct graphql_execution *execution,
                                              const struct graphql_type *type,
                                              const json_t *value) {
  if (type->kind == GRAPHQL_OBJECT) return type;
  const char *name = json_get_text(value, "__typename");
  const struct graphql_type *found = name ? graphql_schema_type(execution->schema, name) : NULL;
  return found && graphql_type_includes(type, found) ? found : NULL;
}

static json_t *complete_object(struct graphql_execution *execution,
                               struct graphql_plan_field *field, const struct graphql_type *type,
                               json_t *value, const struct path *path) {
  const struct graphql_type *object =
      json_is_object(value) ? object_type(execution, type, value) : NULL;
  if (!object)
    return failed(execution, field, path,
                  err_new(ERR_CORRUPT, "%s: the value is no %s", field->field->name, type->name));
  struct graphql_plan *plan = graphql_plan_below(&execution->plans, field, object);
  return run_fields(execution, plan, value, path, NULL);
}

static json_t *complete(struct graphql_execution *execution, struct graphql_plan_field *field,
                        const struct graphql_type_ref *type, json_t *value,
                        const struct path *path) {
  if (!value || json_is_null(value)) {
    if (!type->non_null) return count(execution, 0) ? json_null() : NULL;
    return failed(execution, field, path,
                  err_new(ERR_CORRUPT, "%s.%s has no value, although it is never null",
                          field->parent->name, field->field->name));
  }
  if (type->of)
    return count(execution, 0) ? complete_list(execution, field, type, value, path) : NULL;
  if (graphql_type_is_leaf(type->type))
    return complete_leaf(execution, field, type->type, value, path);
  return count(execution, 0) ? complete_object(execution, field, type->type, value, path) : NULL;
}

/* ---- Resolving a field ---- */

struct graphql_call graphql_execution_call(struct graphql_execution *execution,
                                           const struct graphql_plan_field *field, json_t *parent,
                                           const struct graphql_lookahead *lookahead) {
  return (struct graphql_call){.context = execution->context,
                               .type = field->parent->name,
                               .field = field->field->name,
                               .role = field->field->role,
                               .access = field->field->access,
                               .parent = parent,
                               .args = field->args,
                               .lookahead = lookahead};
}

fallible graphql_execution_access(struct graphql_execution *execution,
                                  const struct graphql_call *call) {
  graphql_access *access = execution->schema->access;
  return access ? access(execution->context, call->role, call) : NULL;
}

static fallible resolve(struct graphql_execution *execution, const struct graphql_plan_field *field,
                        json_t *parent, json_t *event, json_t **ret_value) {
  if (field->args_error) return err_dup(field->args_error);
  if (field->meta) {
    bool name = str_eq(field->field->name, "__typename");
    *ret_value = name ? json_string(field->parent->name)
                      : graphql_introspect_root(execution->schema, field->field->name, field->args);
    return NULL;
  }
  if (field->parent->introspection) {
    *ret_value = graphql_introspect(execution->schema, field->parent, field->field->name, parent,
                                    field->args);
    return NULL;
  }
  struct graphql_lookahead lookahead = {.plans = &execution->plans, .nodes = field->nodes};
  struct graphql_call call = graphql_execution_call(execution, field, parent, &lookahead);
  TRY(graphql_execution_access(execution, &call));
  graphql_mutation *mutation = execution->schema->mutation;
  if (mutation && field->field->resolve && field->parent == execution->schema->roots[GRAPHQL_MUTATION])
    return mutation(&call, field->field->resolve, ret_value);
  if (!event && field->field->resolve) return field->field->resolve(&call, ret_value);
  *ret_value = json_incref(event ? event : json_object_get(parent, field->field->name));
  return NULL;
}

static json_t *run_field(struct graphql_execution *execution, struct graphql_plan_field *field,
                         json_t *parent, const struct path *path, json_t *event) {
  auto_json *value = NULL;
  err *e = resolve(execution, field, parent, event, &value);
  if (e) return failed(execution, field, path, e);
  return complete(execution, field, field->field->type, value, path);
}

static json_t *run_fields(struct graphql_execution *execution, const struct graphql_plan *plan,
                          json_t *parent, const struct path *path, json_t *event) {
  auto_json *object = json_object();
  for (struct graphql_plan_field *field = plan->fields; field; field = field->next) {
    struct path here = {.up = path, .key = field->key};
    json_t *value = execution->aborted ? NULL : run_field(execution, field, parent, &here, event);
    if (!value && (field->field->type->non_null || execution->aborted)) return NULL;
    json_object_set_new_nocheck(object, field->key, value ? value : json_null());
  }
  return json_incref(object);
}

/* ---- Requests ---- */

json_t *graphql_execution_refuse(struct graphql_execution *execution) {
  return json_pack("{s:O}", "errors", execution->errors.list);
}

json_t *graphql_execution_run(struct graphql_execution *execution, json_t *event) {
  execution->values = execution->bytes = 0;
  execution->aborted = false;
  json_t *data = run_fields(execution, execution->root, NULL, NULL, event);
  json_t *response = json_pack("{s:o}", "data", data ? data : json_null());
  if (graphql_errors_any(&execution->errors)) {
    json_object_set_new(response, "errors", execution->errors.list);
    execution->errors.list = json_array();
  }
  return response;
}

json_t *graphql_execute(const graphql_schema *schema, void *context,
                        const struct graphql_request *request,
                        const struct graphql_limits *limits) {
  struct graphql_execution execution;
  graphql_execution_init(&execution, schema, context, limits);
  bool ready = graphql_execution_prepare(&execution, request);
  if (ready && execution.operation->kind == GRAPHQL_SUBSCRIPTION) {
    graphql_errors_add(&execution.errors, ERR_INVALID, &execution.operation->at, NULL,
                       "a subscription needs a WebSocket (graphql-transport-ws)");
    ready = false;
  }
  json_t *response =
      ready ? graphql_execution_run(&execution, NULL) : graphql_execution_refuse(&execution);
  graphql_execution_done(&execution);
  return response;
}

static bool is_absent(const json_t *value) {
  return !value || json_is_null(value);
}

fallible graphql_request_from_json(const json_t *body, struct graphql_request *ret_request) {
  json_t *query = json_object_get(body, "query");
  json_t *name = json_object_get(body, "operationName");
  json_t *variables = json_object_get(body, "variables");
  if (!json_is_string(query))
    return err_new(ERR_INVALID, "the request must be an object with the text 'query'");
  if (!is_absent(name) && !json_is_string(name))
    return err_new(ERR_INVALID, "'operationName' must be a text");
  if (!is_absent(variables) && !json_is_object(variables))
    return err_new(ERR_INVALID, "'variables' must be an object");
  *ret_request = (struct graphql_request){.query = json_string_value(query),
                                          .query_len = json_string_length(query),
                                          .operation_name = json_string_value(name),
                                          .variables = is_absent(variables) ? NULL : variables};
  return NULL;
}

json_t *graphql_error_response(err *e) {
  json_t *error = graphql_error_object(err_code_of(e), err_message(e), NULL, NULL);
  err_free(e);
  return json_pack("{s:[o]}", "errors", error);
}
