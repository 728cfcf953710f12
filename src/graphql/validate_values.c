#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "graphql/coerce.h"
#include "graphql/validator.h"

static void use_variable(struct graphql_validator *validator, const struct graphql_type_ref *type,
                         bool place_has_default, const struct graphql_value *value) {
  struct graphql_usage *usage = GRAPHQL_NEW(validator->document->arena, struct graphql_usage);
  usage->name = value->text;
  usage->at = value->at;
  usage->type = type;
  usage->place_has_default = place_has_default;
  usage->next = validator->scope->usages;
  validator->scope->usages = usage;
}

static const struct graphql_argument *find(const struct graphql_argument *arguments,
                                           const char *name) {
  for (; arguments; arguments = arguments->next)
    if (str_eq(arguments->name, name)) return arguments;
  return NULL;
}

/* Each name once (sections 5.4.2 and 5.6.3). */
static void check_unique(struct graphql_validator *validator,
                         const struct graphql_argument *arguments) {
  auto_map *seen = NULL;
  for (const struct graphql_argument *a = arguments; a && (a->next || seen); a = a->next) {
    if (!seen) seen = map_new();
    if (map_has(seen, a->name)) GRAPHQL_INVALID(validator, &a->at, "'%s' is given twice", a->name);
    map_set(seen, a->name, validator);
  }
}

static void inside_any(struct graphql_validator *validator, const struct graphql_value *value) {
  if (value->kind == GRAPHQL_VALUE_VARIABLE) use_variable(validator, NULL, false, value);
  for (const struct graphql_value *item = value->items; item; item = item->next)
    inside_any(validator, item);
  check_unique(validator, value->fields);
  for (const struct graphql_argument *field = value->fields; field; field = field->next)
    inside_any(validator, field->value);
}

static void coerce_check(struct graphql_validator *validator, const struct graphql_type_ref *type,
                         const struct graphql_value *value) {
  auto_json *coerced = NULL;
  err *e = graphql_coerce_literal(type, value, NULL, &coerced);
  if (e) graphql_errors_add_err(validator->errors, e, &value->at, NULL);
}

static void object_value(struct graphql_validator *validator, const struct graphql_type_ref *ref,
                         const struct graphql_value *value) {
  const struct graphql_type *type = ref->type;
  if (value->kind != GRAPHQL_VALUE_OBJECT) {
    coerce_check(validator, ref, value); /* says what was expected */
    return;
  }
  check_unique(validator, value->fields);
  for (const struct graphql_argument *field = value->fields; field; field = field->next) {
    const struct graphql_input *input = graphql_type_input(type, field->name);
    if (input)
      graphql_validate_value(validator, input->type, input->default_literal, field->value);
    else
      GRAPHQL_INVALID(validator, &field->at, "%s has no field '%s'", type->name, field->name);
  }
  for (size_t i = 0; i < type->input_count; i++) {
    const struct graphql_input *input = &type->inputs[i];
    if (input->type->non_null && !input->default_literal && !find(value->fields, input->name))
      GRAPHQL_INVALID(validator, &value->at, "%s needs the field '%s'", type->name, input->name);
  }
}

void graphql_validate_value(struct graphql_validator *validator,
                            const struct graphql_type_ref *type, bool place_has_default,
                            const struct graphql_value *value) {
  if (value->kind == GRAPHQL_VALUE_VARIABLE) {
    use_variable(validator, type, place_has_default, value);
  } else if (value->kind == GRAPHQL_VALUE_NULL) {
    coerce_check(validator, type, value);
  } else if (type->of && value->kind == GRAPHQL_VALUE_LIST) {
    for (const struct graphql_value *item = value->items; item; item = item->next)
      graphql_validate_value(validator, type->of, false, item);
  } else if (type->of) {
    graphql_validate_value(validator, type->of, false, value);
  } else if (type->type->kind == GRAPHQL_INPUT_OBJECT) {
    object_value(validator, type, value);
  } else if (type->type->kind == GRAPHQL_SCALAR && type->type->builtin == GRAPHQL_CUSTOM) {
    inside_any(validator, value);
  } else {
    coerce_check(validator, type, value);
  }
}

static const struct graphql_input *find_input(const struct graphql_input *inputs, size_t count,
                                              const char *name) {
  for (size_t i = 0; i < count; i++)
    if (str_eq(inputs[i].name, name)) return &inputs[i];
  return NULL;
}

void graphql_validate_arguments(struct graphql_validator *validator, const char *owner,
                                struct graphql_location at, const struct graphql_input *inputs,
                                size_t count, const struct graphql_argument *arguments) {
  check_unique(validator, arguments);
  for (const struct graphql_argument *a = arguments; a; a = a->next) {
    const struct graphql_input *input = find_input(inputs, count, a->name);
    if (input)
      graphql_validate_value(validator, input->type, input->default_literal, a->value);
    else
      GRAPHQL_INVALID(validator, &a->at, "%s has no argument '%s'", owner, a->name);
  }
  for (size_t i = 0; i < count; i++)
    if (inputs[i].type->non_null && !inputs[i].default_literal && !find(arguments, inputs[i].name))
      GRAPHQL_INVALID(validator, &at, "%s needs the argument '%s'", owner, inputs[i].name);
}

/* ---- Directives (section 5.7) ---- */

static bool stands_before(const struct graphql_directive *first,
                          const struct graphql_directive *directive) {
  for (; first != directive; first = first->next)
    if (str_eq(first->name, directive->name)) return true;
  return false;
}

static bool may_stand_on(const struct graphql_definition *definition, const char *place) {
  for (const struct graphql_name *name = definition->names; name; name = name->next)
    if (str_eq(name->text, place)) return true;
  return false;
}

void graphql_validate_directives(struct graphql_validator *validator,
                                 const struct graphql_directive *directives, const char *place) {
  size_t count = 0;
  for (const struct graphql_directive *d = directives; d; d = d->next) {
    const struct graphql_directive_definition *found =
        graphql_schema_directive(validator->schema, d->name);
    if (++count > 16) { /* each is compared with those before it */
      graphql_errors_add(validator->errors, ERR_LIMIT, &d->at, NULL, "more than 16 directives");
      return;
    }
    if (!found) {
      GRAPHQL_INVALID(validator, &d->at, "there is no directive @%s", d->name);
      continue;
    }
    if (!may_stand_on(found->definition, place))
      GRAPHQL_INVALID(validator, &d->at, "@%s may not be here", d->name);
    if (!found->definition->repeatable && stands_before(directives, d))
      GRAPHQL_INVALID(validator, &d->at, "@%s is there twice", d->name);
    auto_free char *owner = str_format("@%s", d->name);
    graphql_validate_arguments(validator, owner, d->at, found->args, found->arg_count,
                               d->arguments);
  }
}
