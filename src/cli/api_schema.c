#include "cli/api_schema.h"

#include <string.h>

#include "base/mem.h"
#include "graphql/coerce.h"

static const char *const type_kinds[] = {
    [GRAPHQL_SCALAR] = "scalar", [GRAPHQL_OBJECT] = "object", [GRAPHQL_INTERFACE] = "interface",
    [GRAPHQL_UNION] = "union",   [GRAPHQL_ENUM] = "enum",     [GRAPHQL_INPUT_OBJECT] = "input",
};
static const struct {
  const char *kind, *type;
} operations[] = {{"query", "Query"}, {"mutation", "Mutation"}, {"subscription", "Subscription"}};

/* ---- search ---- */

struct search {
  const char *term, *kind;
  size_t limit;
  bool in_description; /* else in the name */
  json_t *found;
};

static void look_at(struct search *s, const char *kind, const char *name, const char *description) {
  bool named = strcasestr(name, s->term);
  bool matches = s->in_description ? !named && description && strcasestr(description, s->term) : named;
  if (!matches || json_array_size(s->found) >= s->limit || (s->kind && !str_ieq(s->kind, kind))) return;
  json_array_append_new(s->found, json_pack("{s:s, s:s, s:s?}", "kind", kind, "name", name, "description", description));
}

static bool is_root(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(operations); i++)
    if (str_eq(operations[i].type, name)) return true;
  return false;
}

static void look_at_all(struct search *s, const graphql_schema *schema) {
  for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
    const struct graphql_type *root = graphql_schema_type(schema, operations[i].type);
    for (size_t f = 0; root && f < root->field_count; f++)
      look_at(s, operations[i].kind, root->fields[f].name, root->fields[f].description);
  }
  for (size_t t = 0; t < schema->type_count; t++) {
    const struct graphql_type *type = &schema->types[t];
    if (!type->introspection && !is_root(type->name)) look_at(s, type_kinds[type->kind], type->name, type->description);
  }
}

static bool is_kind(const char *kind) {
  for (size_t i = 0; i < ARRAY_LEN(operations); i++)
    if (str_ieq(operations[i].kind, kind)) return true;
  for (size_t i = 0; i < ARRAY_LEN(type_kinds); i++)
    if (str_ieq(type_kinds[i], kind)) return true;
  return false;
}

err *api_schema_search(const graphql_schema *schema, const char *term, const char *kind, size_t limit,
                       json_t **ret_found) {
  if (kind && !is_kind(kind))
    return err_new(ERR_INVALID, "--kind %s: should be query, mutation, subscription, object, input, enum, scalar, "
                                "interface or union", kind);
  struct search s = {.term = term, .kind = kind, .limit = limit, .found = json_array()};
  look_at_all(&s, schema);
  s.in_description = true;
  look_at_all(&s, schema);
  *ret_found = s.found;
  return NULL;
}

/* ---- describe ---- */

static void add_description(const char *description, const char *indent, struct str *text) {
  auto_strv lines = STRV_EMPTY;
  if (str_empty(description)) return;
  strv_split(&lines, description, '\n');
  for (size_t i = 0; i < lines.len; i++) str_addf(text, "%s# %s\n", indent, lines.items[i]);
}

static void add_input(const struct graphql_input *input, struct str *text) {
  str_addf(text, "%s: ", input->name);
  graphql_type_text(input->type, text);
  if (!input->default_value) return;
  auto_free char *value = json_to_text(input->default_value);
  str_addf(text, " = %s", value);
}

static void add_field(const struct graphql_field *field, const char *indent, struct str *text) {
  add_description(field->description, indent, text);
  str_addf(text, "%s%s", indent, field->name);
  for (size_t i = 0; i < field->arg_count; i++) {
    str_add(text, i ? ", " : "(");
    add_input(&field->args[i], text);
  }
  if (field->arg_count) str_add(text, ")");
  if (field->type) str_add(text, ": ");
  if (field->type) graphql_type_text(field->type, text);
  if (field->deprecation) str_addf(text, " # deprecated: %s", field->deprecation);
  str_add(text, "\n");
}

static void add_type(const struct graphql_type *type, struct str *text) {
  add_description(type->description, "", text);
  str_addf(text, "%s %s", type->kind == GRAPHQL_OBJECT ? "type" : type_kinds[type->kind], type->name);
  for (size_t i = 0; type->kind == GRAPHQL_UNION && i < type->possible_count; i++)
    str_addf(text, " %c %s", i ? '|' : '=', type->possible[i]->name);
  bool inside = type->field_count || type->input_count;
  str_add(text, inside ? " {\n" : "\n");
  for (size_t i = 0; i < type->field_count; i++) add_field(&type->fields[i], "  ", text);
  for (size_t i = 0; i < type->input_count; i++) {
    add_description(type->inputs[i].description, "  ", text);
    str_add(text, "  ");
    add_input(&type->inputs[i], text);
    str_add(text, "\n");
  }
  if (inside) str_add(text, "}\n");
}

/* "Type.field" */
static const struct graphql_field *field_of_path(const graphql_schema *schema, const char *path) {
  const char *dot = strchr(path, '.');
  if (!dot) return NULL;
  auto_free char *owner = str_ndup(path, (size_t)(dot - path));
  const struct graphql_type *type = graphql_schema_type(schema, owner);
  return type ? graphql_type_field(type, dot + 1) : NULL;
}

err *api_schema_describe(const graphql_schema *schema, const char *name, struct str *text) {
  const struct graphql_type *type = graphql_schema_type(schema, name);
  const struct graphql_field *field = field_of_path(schema, name);
  bool found = type || field;
  if (type) add_type(type, text);
  if (field) add_field(field, "", text);
  for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
    const struct graphql_type *root = graphql_schema_type(schema, operations[i].type);
    const struct graphql_field *operation = root ? graphql_type_field(root, name) : NULL;
    if (!operation) continue;
    if (found) str_add(text, "\n");
    str_addf(text, "%s\n", operations[i].kind);
    add_field(operation, "", text);
    found = true;
  }
  return found ? NULL
               : err_new(ERR_NOT_FOUND, "the API has no '%s': `tram api search %s` looks for it", name, name);
}
