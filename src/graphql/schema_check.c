#include "base/mem.h"
#include "base/str.h"
#include "graphql/schema.h"

static fallible as_error(struct str *problems) {
  return problems->len ? err_new(ERR_INVALID, "%s", str_text(problems)) : NULL;
}

static void add_problem(struct str *problems, const struct graphql_type *type,
                        const struct graphql_field *field, const char *what) {
  str_addf(problems, "%s%s%s%s: %s", problems->len ? "\n" : "", type->name, field ? "." : "",
           field ? field->name : "", what);
}

static bool is_root(const graphql_schema *schema, const struct graphql_type *type) {
  for (int kind = 0; kind < GRAPHQL_OPERATION_KINDS; kind++)
    if (schema->roots[kind] == type) return true;
  return false;
}

static bool is_checked(const struct graphql_type *type) {
  return type->kind == GRAPHQL_OBJECT && !type->introspection;
}

fallible graphql_schema_check_access(const graphql_schema *schema) {
  auto_str problems = STR_EMPTY;
  for (size_t i = 0; i < schema->type_count; i++) {
    const struct graphql_type *type = &schema->types[i];
    if (!is_checked(type)) continue;
    bool root = is_root(schema, type);
    for (size_t k = 0; k < type->field_count; k++) {
      const struct graphql_field *field = &type->fields[k];
      if (root ? !field->own_access : !field->role)
        add_problem(&problems, type, field, "says nothing about access");
    }
  }
  return as_error(&problems);
}

fallible graphql_schema_check_resolvers(const graphql_schema *schema) {
  auto_str problems = STR_EMPTY;
  for (size_t i = 0; i < schema->type_count; i++) {
    const struct graphql_type *type = &schema->types[i];
    if (!is_checked(type)) continue;
    bool root = is_root(schema, type);
    for (size_t k = 0; k < type->field_count; k++) {
      const struct graphql_field *field = &type->fields[k];
      bool bound = field->resolve || field->subscribe;
      if (!bound && (root || field->arg_count))
        add_problem(&problems, type, field,
                    root ? "has no resolver" : "has arguments but no resolver");
    }
  }
  return as_error(&problems);
}

/* ---- Reachability ---- */

struct reach {
  const graphql_schema *schema;
  bool *seen; /* by index in schema->types */
};

static void reach_type(struct reach *reach, const struct graphql_type *type);

static void reach_inputs(struct reach *reach, const struct graphql_input *inputs, size_t count) {
  for (size_t i = 0; i < count; i++)
    reach_type(reach, graphql_named_type(inputs[i].type));
}

static void reach_type(struct reach *reach, const struct graphql_type *type) {
  if (!type || reach->seen[type - reach->schema->types]) return;
  reach->seen[type - reach->schema->types] = true;
  for (size_t i = 0; graphql_type_is_composite(type) && i < type->field_count; i++) {
    reach_type(reach, graphql_named_type(type->fields[i].type));
    reach_inputs(reach, type->fields[i].args, type->fields[i].arg_count);
  }
  reach_inputs(reach, type->inputs, type->input_count);
  for (size_t i = 0; i < type->interface_count; i++)
    reach_type(reach, type->interfaces[i]);
  for (size_t i = 0; i < type->possible_count; i++)
    reach_type(reach, type->possible[i]);
}

fallible graphql_schema_check_reachable(const graphql_schema *schema) {
  auto_free bool *seen = mem_zalloc(schema->type_count * sizeof *seen);
  auto_str problems = STR_EMPTY;
  struct reach reach = {.schema = schema, .seen = seen};
  for (int kind = 0; kind < GRAPHQL_OPERATION_KINDS; kind++)
    reach_type(&reach, schema->roots[kind]);
  for (size_t i = 0; i < schema->directive_count; i++)
    reach_inputs(&reach, schema->directives[i].args, schema->directives[i].arg_count);
  for (size_t i = 0; i < schema->type_count; i++) {
    const struct graphql_type *type = &schema->types[i];
    bool own = !type->introspection && type->builtin == GRAPHQL_CUSTOM;
    if (own && !seen[i])
      add_problem(&problems, type, NULL, "cannot be reached from the root types");
  }
  return as_error(&problems);
}
