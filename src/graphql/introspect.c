#include "graphql/introspect.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

const struct graphql_field *graphql_meta_field(const graphql_schema *schema,
                                               const struct graphql_type *parent,
                                               const char *name) {
  if (!str_starts(name, "__")) return NULL;
  if (!str_eq(name, "__typename") && parent != schema->roots[GRAPHQL_QUERY]) return NULL;
  return graphql_type_field(schema->meta, name);
}

/* ---- Values as GraphQL text, for __InputValue.defaultValue ---- */

static void literal_text(const struct graphql_value *value, struct str *text) {
  auto_json *string = NULL;
  switch (value->kind) {
  case GRAPHQL_VALUE_STRING: {
    string = json_string(value->text);
    auto_free char *quoted = json_to_text(string);
    str_add(text, quoted);
    break;
  }
  case GRAPHQL_VALUE_LIST:
    str_add(text, "[");
    for (const struct graphql_value *item = value->items; item; item = item->next) {
      literal_text(item, text);
      if (item->next) str_add(text, ", ");
    }
    str_add(text, "]");
    break;
  case GRAPHQL_VALUE_OBJECT:
    str_add(text, "{");
    for (const struct graphql_argument *field = value->fields; field; field = field->next) {
      str_addf(text, "%s: ", field->name);
      literal_text(field->value, text);
      if (field->next) str_add(text, ", ");
    }
    str_add(text, "}");
    break;
  default:
    str_add(text, value->text);
  }
}

/* ---- Small objects that stand for types ---- */

/* Objects share no parts with each other, so each call makes its own. */
static json_t *type_handle(const struct graphql_type *type) {
  return type ? json_pack("{s:s}", "name", type->name) : json_null();
}

static json_t *ref_handle(const struct graphql_type_ref *ref, bool ignore_non_null) {
  if (ref->non_null && !ignore_non_null)
    return json_pack("{s:s, s:o}", "kind", "NON_NULL", "ofType", ref_handle(ref, true));
  if (ref->of) return json_pack("{s:s, s:o}", "kind", "LIST", "ofType", ref_handle(ref->of, false));
  return type_handle(ref->type);
}

static json_t *type_list(const struct graphql_type *const *types, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(list, type_handle(types[i]));
  return list;
}

/* ---- Whole objects: __Field, __InputValue, __EnumValue, __Directive ---- */

static json_t *named(const char *name, const char *description) {
  json_t *object = json_object();
  json_set_text(object, "name", name);
  json_set_text(object, "description", description);
  return object;
}

static void set_deprecation(json_t *object, const char *reason) {
  json_object_set_new(object, "isDeprecated", json_boolean(reason != NULL));
  json_set_text(object, "deprecationReason", reason);
}

static json_t *input_list(const struct graphql_input *inputs, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++) {
    auto_str literal = STR_EMPTY;
    json_t *object = named(inputs[i].name, inputs[i].description);
    json_object_set_new(object, "type", ref_handle(inputs[i].type, false));
    if (inputs[i].default_literal) literal_text(inputs[i].default_literal, &literal);
    json_set_text(object, "defaultValue", inputs[i].default_literal ? str_text(&literal) : NULL);
    set_deprecation(object, inputs[i].deprecation);
    json_array_append_new(list, object);
  }
  return list;
}

/* The fields of an object or interface, or the values of an enum. */
static json_t *field_list(const struct graphql_type *type) {
  json_t *list = json_array();
  for (size_t i = 0; i < type->field_count; i++) {
    const struct graphql_field *field = &type->fields[i];
    json_t *object = named(field->name, field->description);
    set_deprecation(object, field->deprecation);
    if (type->kind != GRAPHQL_ENUM) {
      json_object_set_new(object, "type", ref_handle(field->type, false));
      json_object_set_new(object, "args", input_list(field->args, field->arg_count));
    }
    json_array_append_new(list, object);
  }
  return list;
}

static json_t *directive_list(const graphql_schema *schema) {
  json_t *list = json_array();
  for (size_t i = 0; i < schema->directive_count; i++) {
    const struct graphql_directive_definition *directive = &schema->directives[i];
    const struct graphql_definition *definition = directive->definition;
    json_t *object = named(definition->name, definition->description);
    json_t *locations = json_array();
    for (const struct graphql_name *name = definition->names; name; name = name->next)
      json_array_append_new(locations, json_string(name->text));
    json_object_set_new(object, "locations", locations);
    json_object_set_new(object, "args", input_list(directive->args, directive->arg_count));
    json_object_set_new(object, "isRepeatable", json_boolean(definition->repeatable));
    json_array_append_new(list, object);
  }
  return list;
}

/* ---- __Schema and __Type ---- */

static json_t *schema_field(const graphql_schema *schema, const char *field) {
  if (str_eq(field, "queryType")) return type_handle(schema->roots[GRAPHQL_QUERY]);
  if (str_eq(field, "mutationType")) return type_handle(schema->roots[GRAPHQL_MUTATION]);
  if (str_eq(field, "subscriptionType")) return type_handle(schema->roots[GRAPHQL_SUBSCRIPTION]);
  if (str_eq(field, "directives")) return directive_list(schema);
  if (str_eq(field, "types")) {
    json_t *list = json_array();
    for (size_t i = 0; i < schema->type_count; i++)
      if (&schema->types[i] != schema->meta)
        json_array_append_new(list, type_handle(&schema->types[i]));
    return list;
  }
  return schema->description ? json_string(schema->description) : json_null();
}

static const char *kind_name(enum graphql_type_kind kind) {
  static const char *const names[] = {
      [GRAPHQL_SCALAR] = "SCALAR",       [GRAPHQL_OBJECT] = "OBJECT",
      [GRAPHQL_INTERFACE] = "INTERFACE", [GRAPHQL_UNION] = "UNION",
      [GRAPHQL_ENUM] = "ENUM",           [GRAPHQL_INPUT_OBJECT] = "INPUT_OBJECT",
  };
  return names[kind];
}

static json_t *text_or_null(const char *text) {
  return text ? json_string(text) : json_null();
}

/* Which members of a type are null for which kinds: section 4.5.2. */
static json_t *type_field(const struct graphql_type *type, const char *field) {
  bool has_fields = type->kind == GRAPHQL_OBJECT || type->kind == GRAPHQL_INTERFACE;
  bool abstract = type->kind == GRAPHQL_UNION || type->kind == GRAPHQL_INTERFACE;
  if (str_eq(field, "kind")) return json_string(kind_name(type->kind));
  if (str_eq(field, "name")) return json_string(type->name);
  if (str_eq(field, "description")) return text_or_null(type->description);
  if (str_eq(field, "specifiedByURL")) return text_or_null(type->specified_by);
  if (str_eq(field, "fields") && has_fields) return field_list(type);
  if (str_eq(field, "enumValues") && type->kind == GRAPHQL_ENUM) return field_list(type);
  if (str_eq(field, "interfaces") && has_fields)
    return type_list(type->interfaces, type->interface_count);
  if (str_eq(field, "possibleTypes") && abstract)
    return type_list(type->possible, type->possible_count);
  if (str_eq(field, "inputFields") && type->kind == GRAPHQL_INPUT_OBJECT)
    return input_list(type->inputs, type->input_count);
  return json_null();
}

json_t *graphql_introspect_root(const graphql_schema *schema, const char *name,
                                const json_t *args) {
  if (str_eq(name, "__schema")) return json_object();
  const struct graphql_type *type = graphql_schema_type(schema, json_get_text(args, "name"));
  return type_handle(type == schema->meta ? NULL : type);
}

static json_t *without_deprecated(json_t *list) {
  size_t index;
  json_t *item, *kept = json_array();
  json_array_foreach(list, index, item) {
    if (!json_get_bool(item, "isDeprecated", false)) json_array_append(kept, item);
  }
  return kept;
}

static json_t *read_field(const graphql_schema *schema, const struct graphql_type *type,
                          const char *field, json_t *parent) {
  const char *name = json_get_text(parent, "name");
  if (str_eq(type->name, "__Schema")) return schema_field(schema, field);
  if (str_eq(type->name, "__Type") && name)
    return type_field(graphql_schema_type(schema, name), field);
  return json_incref(json_object_get(parent, field));
}

json_t *graphql_introspect(const graphql_schema *schema, const struct graphql_type *type,
                           const char *field, json_t *parent, const json_t *args) {
  json_t *value = read_field(schema, type, field, parent);
  bool filter = json_object_get(args, "includeDeprecated") && json_is_array(value) &&
                !json_get_bool(args, "includeDeprecated", true);
  if (!filter) return value;
  json_t *kept = without_deprecated(value);
  json_decref(value);
  return kept;
}
