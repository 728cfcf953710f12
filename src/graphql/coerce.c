#include "graphql/coerce.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

void graphql_type_text(const struct graphql_type_ref *type, struct str *ret_text) {
  if (type->of) {
    str_add(ret_text, "[");
    graphql_type_text(type->of, ret_text);
    str_add(ret_text, "]");
  } else {
    str_add(ret_text, type->name);
  }
  if (type->non_null) str_add(ret_text, "!");
}

const char *graphql_json_kind(const json_t *value) {
  switch (json_typeof(value)) {
  case JSON_OBJECT:
    return "an object";
  case JSON_ARRAY:
    return "a list";
  case JSON_STRING:
    return "a string";
  case JSON_INTEGER:
    return "an integer";
  case JSON_REAL:
    return "a number with a fraction";
  case JSON_TRUE:
  case JSON_FALSE:
    return "a boolean";
  default:
    return "null";
  }
}

size_t graphql_json_weight(const json_t *value, size_t limit) {
  size_t weight = 1, index;
  const char *key;
  json_t *item;
  if (json_is_string(value)) weight += json_string_length(value);
  json_array_foreach(value, index, item) {
    if (weight > limit) break;
    weight += graphql_json_weight(item, limit - weight);
  }
  json_object_foreach((json_t *)value, key, item) {
    if (weight > limit) break;
    weight += strlen(key);
    weight += graphql_json_weight(item, limit > weight ? limit - weight : 0);
  }
  return weight;
}

static fallible mismatch(const struct graphql_type_ref *type, const char *found) {
  auto_str text = STR_EMPTY;
  graphql_type_text(type, &text);
  return err_new(ERR_INVALID, "expected %s, found %s", str_text(&text), found);
}

static const struct graphql_field *enum_value(const struct graphql_type *type, const char *name) {
  return graphql_type_field(type, name);
}

static fallible check_scalar(const struct graphql_type *type, json_t *value, json_t **ret_value) {
  if (type->check) TRY(err_recode(err_wrap(type->check(value), "%s", type->name), ERR_INVALID));
  *ret_value = json_incref(value);
  return NULL;
}

/* ---- JSON → input value ---- */

static bool fits_int32(json_int_t number) {
  return number >= INT32_MIN && number <= INT32_MAX;
}

static fallible input_enum(const struct graphql_type_ref *ref, json_t *value, json_t **ret_value) {
  if (!json_is_string(value)) return mismatch(ref, graphql_json_kind(value));
  if (!enum_value(ref->type, json_string_value(value)))
    return err_new(ERR_INVALID, "'%.80s' is not a value of %s", json_string_value(value),
                   ref->type->name);
  *ret_value = json_incref(value);
  return NULL;
}

static bool input_fits(enum graphql_builtin builtin, const json_t *value) {
  switch (builtin) {
  case GRAPHQL_INT:
    return json_is_integer(value) && fits_int32(json_integer_value(value));
  case GRAPHQL_FLOAT:
    return json_is_number(value);
  case GRAPHQL_ID:
  case GRAPHQL_STRING:
    return json_is_string(value);
  case GRAPHQL_BOOLEAN:
    return json_is_boolean(value);
  case GRAPHQL_CUSTOM:
    return true;
  }
  return false;
}

static json_t *integer_as_id(const json_t *value) {
  return json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

static fallible input_leaf(const struct graphql_type_ref *ref, json_t *value, json_t **ret_value) {
  const struct graphql_type *type = ref->type;
  if (type->kind == GRAPHQL_ENUM) return input_enum(ref, value, ret_value);
  if (type->builtin == GRAPHQL_CUSTOM) return check_scalar(type, value, ret_value);
  if (type->builtin == GRAPHQL_INT && json_is_integer(value) && !input_fits(GRAPHQL_INT, value))
    return err_new(ERR_INVALID, "%" JSON_INTEGER_FORMAT " does not fit into Int's 32 bits",
                   json_integer_value(value));
  if (type->builtin == GRAPHQL_ID && json_is_integer(value)) {
    *ret_value = integer_as_id(value);
    return NULL;
  }
  if (!input_fits(type->builtin, value)) return mismatch(ref, graphql_json_kind(value));
  *ret_value = json_incref(value);
  return NULL;
}

/* A field or argument that was not given: its default, or absent, or an error. */
static fallible input_absent(const struct graphql_input *input, json_t *object) {
  if (input->default_value) {
    json_object_set(object, input->name, input->default_value);
    return NULL;
  }
  if (!input->type->non_null) return NULL;
  return err_new(ERR_INVALID, "'%s' is required", input->name);
}

static fallible input_object(const struct graphql_type_ref *ref, json_t *value,
                             json_t **ret_value) {
  const struct graphql_type *type = ref->type;
  if (!json_is_object(value)) return mismatch(ref, graphql_json_kind(value));
  const char *key;
  json_t *item;
  json_object_foreach(value, key, item) {
    if (!graphql_type_input(type, key))
      return err_new(ERR_INVALID, "%s has no field '%.80s'", type->name, key);
  }
  auto_json *object = json_object();
  for (size_t i = 0; i < type->input_count; i++) {
    const struct graphql_input *input = &type->inputs[i];
    json_t *given = json_object_get(value, input->name), *coerced = NULL;
    if (!given) {
      TRY(input_absent(input, object));
      continue;
    }
    TRY(err_wrap(graphql_coerce_input(input->type, given, &coerced), "field '%s'", input->name));
    json_object_set_new(object, input->name, coerced);
  }
  *ret_value = json_incref(object);
  return NULL;
}

static fallible input_list(const struct graphql_type_ref *type, json_t *value, json_t **ret_value) {
  auto_json *list = json_array();
  json_t *coerced = NULL, *item;
  size_t index;
  if (!json_is_array(value)) {
    TRY(graphql_coerce_input(type->of, value, &coerced));
    json_array_append_new(list, coerced);
  }
  json_array_foreach(value, index, item) {
    TRY(err_wrap(graphql_coerce_input(type->of, item, &coerced), "item %zu", index));
    json_array_append_new(list, coerced);
  }
  *ret_value = json_incref(list);
  return NULL;
}

fallible graphql_coerce_input(const struct graphql_type_ref *type, json_t *value,
                              json_t **ret_value) {
  if (json_is_null(value)) {
    if (type->non_null) return mismatch(type, "null");
    *ret_value = json_null();
    return NULL;
  }
  if (type->of) return input_list(type, value, ret_value);
  if (type->type->kind == GRAPHQL_INPUT_OBJECT) return input_object(type, value, ret_value);
  return input_leaf(type, value, ret_value);
}

/* ---- Literal → input value ---- */

static const char *literal_kind(const struct graphql_value *value) {
  static const char *const kinds[] = {[GRAPHQL_VALUE_VARIABLE] = "a variable",
                                      [GRAPHQL_VALUE_INT] = "an integer",
                                      [GRAPHQL_VALUE_FLOAT] = "a number with a fraction",
                                      [GRAPHQL_VALUE_STRING] = "a string",
                                      [GRAPHQL_VALUE_BOOLEAN] = "a boolean",
                                      [GRAPHQL_VALUE_NULL] = "null",
                                      [GRAPHQL_VALUE_ENUM] = "a name",
                                      [GRAPHQL_VALUE_LIST] = "a list",
                                      [GRAPHQL_VALUE_OBJECT] = "an object"};
  return kinds[value->kind];
}

/* An integer or fraction as written; a number too large for its JSON type is refused. */
static json_t *number_value(const struct graphql_value *value) {
  errno = 0;
  if (value->kind == GRAPHQL_VALUE_INT) {
    long long number = strtoll(value->text, NULL, 10);
    if (errno == 0) return json_integer(number);
  }
  double number = strtod(value->text, NULL);
  return isfinite(number) ? json_real(number) : NULL;
}

static fallible untyped(const struct graphql_value *value, json_t *variables, json_t **ret_value);

static fallible untyped_list(const struct graphql_value *value, json_t *variables,
                             json_t **ret_value) {
  auto_json *list = json_array();
  for (const struct graphql_value *item = value->items; item; item = item->next) {
    json_t *made = NULL;
    TRY(untyped(item, variables, &made));
    json_array_append_new(list, made ? made : json_null());
  }
  *ret_value = json_incref(list);
  return NULL;
}

static fallible untyped_object(const struct graphql_value *value, json_t *variables,
                               json_t **ret_value) {
  auto_json *object = json_object();
  for (const struct graphql_argument *field = value->fields; field; field = field->next) {
    json_t *made = NULL;
    TRY(untyped(field->value, variables, &made));
    if (made) json_object_set_new(object, field->name, made);
  }
  *ret_value = json_incref(object);
  return NULL;
}

/* A literal as JSON, for custom scalars. */
static fallible untyped(const struct graphql_value *value, json_t *variables, json_t **ret_value) {
  switch (value->kind) {
  case GRAPHQL_VALUE_VARIABLE:
    *ret_value = json_incref(json_object_get(variables, value->text));
    return NULL;
  case GRAPHQL_VALUE_INT:
  case GRAPHQL_VALUE_FLOAT:
    *ret_value = number_value(value);
    return *ret_value ? NULL : err_new(ERR_INVALID, "the number %.40s is too large", value->text);
  case GRAPHQL_VALUE_STRING:
  case GRAPHQL_VALUE_ENUM:
    *ret_value = json_string(value->text);
    return NULL;
  case GRAPHQL_VALUE_BOOLEAN:
    *ret_value = json_boolean(value->boolean);
    return NULL;
  case GRAPHQL_VALUE_LIST:
    return untyped_list(value, variables, ret_value);
  case GRAPHQL_VALUE_OBJECT:
    return untyped_object(value, variables, ret_value);
  case GRAPHQL_VALUE_NULL:
    break;
  }
  *ret_value = json_null();
  return NULL;
}

/* Literals differ from JSON in two ways only: an enum value is a name, and a string is not one. */
static fallible literal_leaf(const struct graphql_type_ref *ref, const struct graphql_value *value,
                             json_t *variables, json_t **ret_value) {
  bool is_enum = ref->type->kind == GRAPHQL_ENUM;
  bool custom = ref->type->builtin == GRAPHQL_CUSTOM && !is_enum;
  if (!custom && (value->kind == GRAPHQL_VALUE_LIST || value->kind == GRAPHQL_VALUE_OBJECT))
    return mismatch(ref, literal_kind(value));
  if (!custom && is_enum != (value->kind == GRAPHQL_VALUE_ENUM))
    return mismatch(ref, literal_kind(value));
  if (ref->type->builtin == GRAPHQL_ID && value->kind == GRAPHQL_VALUE_INT) {
    *ret_value = json_string(value->text);
    return NULL;
  }
  json_t *plain = NULL;
  TRY(untyped(value, variables, &plain));
  err *e = input_leaf(ref, plain, ret_value);
  json_decref(plain);
  return e;
}

static const struct graphql_argument *find_argument(const struct graphql_argument *arguments,
                                                    const char *name) {
  for (; arguments; arguments = arguments->next)
    if (str_eq(arguments->name, name)) return arguments;
  return NULL;
}

/* One argument or input field, given or not, into `object`. */
static fallible coerce_member(const struct graphql_input *input,
                              const struct graphql_argument *given, json_t *variables,
                              json_t *object) {
  json_t *coerced = NULL;
  if (given) TRY(graphql_coerce_literal(input->type, given->value, variables, &coerced));
  if (!coerced) return input_absent(input, object);
  json_object_set_new(object, input->name, coerced);
  return NULL;
}

fallible graphql_coerce_arguments(const struct graphql_input *inputs, size_t count,
                                  const struct graphql_argument *arguments, json_t *variables,
                                  json_t **ret_args) {
  auto_json *object = json_object();
  for (size_t i = 0; i < count; i++) {
    const struct graphql_argument *given = find_argument(arguments, inputs[i].name);
    TRY(err_wrap(coerce_member(&inputs[i], given, variables, object), "argument '%s'",
                 inputs[i].name));
  }
  *ret_args = json_incref(object);
  return NULL;
}

static fallible literal_object(const struct graphql_type_ref *ref,
                               const struct graphql_value *value, json_t *variables,
                               json_t **ret_value) {
  const struct graphql_type *type = ref->type;
  if (value->kind != GRAPHQL_VALUE_OBJECT) return mismatch(ref, literal_kind(value));
  for (const struct graphql_argument *field = value->fields; field; field = field->next)
    if (!graphql_type_input(type, field->name))
      return err_new(ERR_INVALID, "%s has no field '%.80s'", type->name, field->name);
  auto_json *object = json_object();
  for (size_t i = 0; i < type->input_count; i++) {
    const struct graphql_input *input = &type->inputs[i];
    const struct graphql_argument *given = find_argument(value->fields, input->name);
    TRY(err_wrap(coerce_member(input, given, variables, object), "field '%s'", input->name));
  }
  *ret_value = json_incref(object);
  return NULL;
}

static fallible literal_list(const struct graphql_type_ref *type, const struct graphql_value *value,
                             json_t *variables, json_t **ret_value) {
  auto_json *list = json_array();
  bool many = value->kind == GRAPHQL_VALUE_LIST;
  for (const struct graphql_value *item = many ? value->items : value; item;
       item = many ? item->next : NULL) {
    json_t *coerced = NULL;
    TRY(graphql_coerce_literal(type->of, item, variables, &coerced));
    if (!coerced && type->of->non_null) return mismatch(type->of, "a variable that is not given");
    json_array_append_new(list, coerced ? coerced : json_null());
  }
  *ret_value = json_incref(list);
  return NULL;
}

/* Variables are coerced to their own type already, which validation has found to fit; what is left
 * to see is null where a default made a nullable variable acceptable. */
static fallible literal_variable(const struct graphql_type_ref *type,
                                 const struct graphql_value *value, json_t *variables,
                                 json_t **ret_value) {
  json_t *found = json_object_get(variables, value->text);
  if (found && json_is_null(found) && type->non_null) return mismatch(type, "null");
  *ret_value = json_incref(found);
  return NULL;
}

fallible graphql_coerce_literal(const struct graphql_type_ref *type,
                                const struct graphql_value *value, json_t *variables,
                                json_t **ret_value) {
  if (value->kind == GRAPHQL_VALUE_VARIABLE)
    return literal_variable(type, value, variables, ret_value);
  if (value->kind == GRAPHQL_VALUE_NULL) {
    if (type->non_null) return mismatch(type, "null");
    *ret_value = json_null();
    return NULL;
  }
  if (type->of) return literal_list(type, value, variables, ret_value);
  if (type->type->kind == GRAPHQL_INPUT_OBJECT)
    return literal_object(type, value, variables, ret_value);
  return literal_leaf(type, value, variables, ret_value);
}

/* ---- Result ---- */

static bool result_fits(const struct graphql_type *type, const json_t *value) {
  if (type->kind != GRAPHQL_ENUM) return input_fits(type->builtin, value);
  return json_is_string(value) && enum_value(type, json_string_value(value));
}

fallible graphql_coerce_result(const struct graphql_type *type, json_t *value, json_t **ret_value) {
  if (type->builtin == GRAPHQL_ID && json_is_integer(value)) {
    *ret_value = integer_as_id(value);
    return NULL;
  }
  if (!result_fits(type, value))
    return err_new(ERR_CORRUPT, "the value is %s that %s cannot hold", graphql_json_kind(value),
                   type->name);
  *ret_value = json_incref(value);
  return NULL;
}
