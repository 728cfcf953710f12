#include "graphql/schema.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "graphql/parse.h"

static void type_done(struct graphql_type *type) {
  map_free(type->fields_by_name);
  json_decref(type->access);
  for (size_t i = 0; i < type->field_count; i++) {
    json_decref(type->fields[i].access);
    for (size_t k = 0; k < type->fields[i].arg_count; k++)
      json_decref(type->fields[i].args[k].default_value);
  }
  for (size_t i = 0; i < type->input_count; i++)
    json_decref(type->inputs[i].default_value);
}

void graphql_schema_free(graphql_schema *schema) {
  if (!schema) return;
  for (size_t i = 0; i < schema->type_count; i++)
    type_done(&schema->types[i]);
  for (size_t i = 0; i < schema->directive_count; i++)
    for (size_t k = 0; k < schema->directives[i].arg_count; k++)
      json_decref(schema->directives[i].args[k].default_value);
  map_free(schema->types_by_name);
  graphql_document_free(schema->builtins);
  graphql_document_free(schema->document);
  free(schema);
}

const struct graphql_type *graphql_schema_type(const graphql_schema *schema, const char *name) {
  return map_get(schema->types_by_name, name);
}

const struct graphql_field *graphql_type_field(const struct graphql_type *type, const char *name) {
  return type->fields_by_name ? map_get(type->fields_by_name, name) : NULL;
}

const struct graphql_input *graphql_type_input(const struct graphql_type *type, const char *name) {
  for (size_t i = 0; i < type->input_count; i++)
    if (str_eq(type->inputs[i].name, name)) return &type->inputs[i];
  return NULL;
}

const struct graphql_directive_definition *graphql_schema_directive(const graphql_schema *schema,
                                                                    const char *name) {
  for (size_t i = 0; i < schema->directive_count; i++)
    if (str_eq(schema->directives[i].definition->name, name)) return &schema->directives[i];
  return NULL;
}

const struct graphql_type *graphql_named_type(const struct graphql_type_ref *ref) {
  while (ref->of)
    ref = ref->of;
  return ref->type;
}

bool graphql_type_is_leaf(const struct graphql_type *type) {
  return type->kind == GRAPHQL_SCALAR || type->kind == GRAPHQL_ENUM;
}

bool graphql_type_is_input(const struct graphql_type *type) {
  return graphql_type_is_leaf(type) || type->kind == GRAPHQL_INPUT_OBJECT;
}

bool graphql_type_is_composite(const struct graphql_type *type) {
  return !graphql_type_is_input(type);
}

bool graphql_type_includes(const struct graphql_type *type, const struct graphql_type *object) {
  if (type == object) return true;
  for (size_t i = 0; i < type->possible_count; i++)
    if (type->possible[i] == object) return true;
  return false;
}

void graphql_schema_set_access(graphql_schema *schema, graphql_access *access) {
  schema->access = access;
}

void graphql_schema_set_mutation(graphql_schema *schema, graphql_mutation *mutation) {
  schema->mutation = mutation;
}

void graphql_schema_set_absent(graphql_schema *schema, graphql_absent *absent) {
  schema->absent = absent;
}

/* Why `row` cannot be bound, or NULL. */
static const char *bind_row(graphql_schema *schema, const struct graphql_binding *row) {
  const struct graphql_type *type = graphql_schema_type(schema, row->type);
  if (!type || type->kind != GRAPHQL_OBJECT || type->introspection) return "no such object type";
  struct graphql_field *field = map_get(type->fields_by_name, row->field);
  if (!field) return "no such field";
  if (field->resolve || field->subscribe) return "bound twice";
  bool subscription = type == schema->roots[GRAPHQL_SUBSCRIPTION];
  if (subscription ? !row->subscribe || row->resolve : !row->resolve || row->subscribe)
    return subscription ? "needs a subscriber and no resolver"
                        : "needs a resolver and no subscriber";
  field->resolve = row->resolve;
  field->subscribe = row->subscribe;
  return NULL;
}

fallible graphql_schema_bind(graphql_schema *schema, const struct graphql_binding *rows,
                             size_t count) {
  auto_str problems = STR_EMPTY;
  for (size_t i = 0; i < count; i++) {
    const char *why = bind_row(schema, &rows[i]);
    if (why)
      str_addf(&problems, "%s%s.%s: %s", problems.len ? "\n" : "", rows[i].type, rows[i].field,
               why);
  }
  return problems.len ? err_new(ERR_INVALID, "%s", str_text(&problems)) : NULL;
}

fallible graphql_schema_bind_scalar(graphql_schema *schema, const char *name,
                                    graphql_scalar_check *check) {
  struct graphql_type *type = map_get(schema->types_by_name, name);
  if (!type || type->kind != GRAPHQL_SCALAR || type->builtin != GRAPHQL_CUSTOM)
    return err_new(ERR_INVALID, "%s is not a custom scalar of the schema", name);
  type->check = check;
  return NULL;
}
