#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "graphql/coerce.h"
#include "graphql/schema_build.h"

struct rules {
  graphql_schema *schema;
  struct str *problems;
  char *state; /* of each type by index, for the walks below: 0 not seen, 1 on the way, 2 done */
};

static struct graphql_location at_of(const struct graphql_type *type) {
  return type->definition->at;
}

/* ---- Shapes: what each kind of type must have ---- */

static void check_input(struct rules *rules, const struct graphql_input *input) {
  const struct graphql_type *type = graphql_named_type(input->type);
  if (!graphql_type_is_input(type))
    graphql_schema_problem(rules->problems, input->type->at, "%s is no input type", type->name);
}

static void check_field(struct rules *rules, const struct graphql_field *field) {
  const struct graphql_type *type = graphql_named_type(field->type);
  if (type->kind == GRAPHQL_INPUT_OBJECT)
    graphql_schema_problem(rules->problems, field->type->at, "%s is no output type", type->name);
  for (size_t i = 0; i < field->arg_count; i++)
    check_input(rules, &field->args[i]);
}

static void check_shape(struct rules *rules, const struct graphql_type *type) {
  bool empty =
      (graphql_type_is_composite(type) && type->kind != GRAPHQL_UNION) || type->kind == GRAPHQL_ENUM
          ? type->field_count == 0
          : false;
  if (type->kind == GRAPHQL_UNION) empty = type->possible_count == 0;
  if (type->kind == GRAPHQL_INPUT_OBJECT) empty = type->input_count == 0;
  if (empty) graphql_schema_problem(rules->problems, at_of(type), "%s is empty", type->name);
  for (size_t i = 0; i < type->field_count && type->kind != GRAPHQL_ENUM; i++)
    check_field(rules, &type->fields[i]);
  for (size_t i = 0; i < type->input_count; i++)
    check_input(rules, &type->inputs[i]);
}

/* ---- Interfaces (section 3.7, IsValidImplementation) ---- */

static bool same_type(const struct graphql_type_ref *a, const struct graphql_type_ref *b) {
  if (a->non_null != b->non_null || !a->of != !b->of) return false;
  return a->of ? same_type(a->of, b->of) : a->type == b->type;
}

static bool declares(const struct graphql_type *type, const struct graphql_type *interface) {
  for (size_t i = 0; i < type->interface_count; i++)
    if (type->interfaces[i] == interface) return true;
  return false;
}

/* Whether a value of type `sub` is always good where `type` is asked for. */
static bool is_subtype(const struct graphql_type_ref *sub, const struct graphql_type_ref *type) {
  if (type->non_null && !sub->non_null) return false;
  if (!sub->of != !type->of) return false;
  if (sub->of) return is_subtype(sub->of, type->of);
  return graphql_type_includes(type->type, sub->type) || declares(sub->type, type->type);
}

static const struct graphql_input *find_arg(const struct graphql_field *field, const char *name) {
  for (size_t i = 0; i < field->arg_count; i++)
    if (str_eq(field->args[i].name, name)) return &field->args[i];
  return NULL;
}

static bool arguments_fit(const struct graphql_field *own, const struct graphql_field *asked) {
  for (size_t i = 0; i < asked->arg_count; i++) {
    const struct graphql_input *arg = find_arg(own, asked->args[i].name);
    if (!arg || !same_type(arg->type, asked->args[i].type)) return false;
  }
  for (size_t i = 0; i < own->arg_count; i++)
    if (own->args[i].type->non_null && !own->args[i].default_literal &&
        !find_arg(asked, own->args[i].name))
      return false;
  return true;
}

static void check_interface(struct rules *rules, const struct graphql_type *type,
                            const struct graphql_type *interface) {
  for (size_t i = 0; i < interface->interface_count; i++)
    if (!declares(type, interface->interfaces[i]))
      graphql_schema_problem(rules->problems, at_of(type), "%s must implement %s too", type->name,
                             interface->interfaces[i]->name);
  for (size_t i = 0; i < interface->field_count; i++) {
    const struct graphql_field *asked = &interface->fields[i];
    const struct graphql_field *own = graphql_type_field(type, asked->name);
    if (!own || !is_subtype(own->type, asked->type) || !arguments_fit(own, asked))
      graphql_schema_problem(rules->problems, at_of(type), "%s.%s is not as %s wants it",
                             type->name, asked->name, interface->name);
  }
}

/* ---- Defaults ---- */

static void settle_type(struct rules *rules, const struct graphql_type *type);

/* Coerces the default of an argument or input field; that of an object needs those of its fields.
 */
static void settle_default(struct rules *rules, struct graphql_input *input) {
  if (!input->default_literal || input->default_value) return;
  settle_type(rules, graphql_named_type(input->type));
  auto_err *e =
      graphql_coerce_literal(input->type, input->default_literal, NULL, &input->default_value);
  if (e)
    graphql_schema_problem(rules->problems, input->default_literal->at, "'%s': %s", input->name,
                           err_message(e));
}

static void settle_type(struct rules *rules, const struct graphql_type *type) {
  char *state = &rules->state[type - rules->schema->types];
  if (*state) return;
  *state = 1;
  for (size_t i = 0; i < type->input_count; i++)
    settle_default(rules, &type->inputs[i]);
  for (size_t i = 0; i < type->field_count; i++)
    for (size_t k = 0; k < type->fields[i].arg_count; k++)
      settle_default(rules, &type->fields[i].args[k]);
}

/* An input object that must hold itself could never be written (section 3.10). */
static void check_cycle(struct rules *rules, const struct graphql_type *type) {
  char *state = &rules->state[type - rules->schema->types];
  if (*state == 1)
    graphql_schema_problem(rules->problems, at_of(type), "%s must contain itself", type->name);
  if (*state) return;
  *state = 1;
  for (size_t i = 0; i < type->input_count; i++) {
    const struct graphql_type_ref *ref = type->inputs[i].type;
    if (ref->non_null && !ref->of && ref->type->kind == GRAPHQL_INPUT_OBJECT)
      check_cycle(rules, ref->type);
  }
  *state = 2;
}

/* ---- Directives ---- */

static bool may_stand_on(const struct graphql_directive_definition *directive, const char *place) {
  for (const struct graphql_name *name = directive->definition->names; name; name = name->next)
    if (str_eq(name->text, place)) return true;
  return false;
}

static bool knows_argument(const struct graphql_directive_definition *directive, const char *name) {
  for (size_t i = 0; i < directive->arg_count; i++)
    if (str_eq(directive->args[i].name, name)) return true;
  return false;
}

/* The coerced arguments of `use`; NULL and a problem when something about it is wrong. */
static json_t *directive_args(struct rules *rules, const struct graphql_directive *use,
                              const char *place) {
  const struct graphql_directive_definition *directive =
      graphql_schema_directive(rules->schema, use->name);
  if (!directive || !may_stand_on(directive, place)) {
    graphql_schema_problem(rules->problems, use->at,
                           directive ? "@%s may not be here" : "there is no directive @%s",
                           use->name);
    return NULL;
  }
  for (const struct graphql_argument *arg = use->arguments; arg; arg = arg->next)
    if (!knows_argument(directive, arg->name))
      graphql_schema_problem(rules->problems, arg->at, "@%s has no argument '%s'", use->name,
                             arg->name);
  json_t *args = NULL;
  auto_err *e =
      graphql_coerce_arguments(directive->args, directive->arg_count, use->arguments, NULL, &args);
  if (e) graphql_schema_problem(rules->problems, use->at, "@%s: %s", use->name, err_message(e));
  return args;
}

/* The text argument of one of our directives, in the arena: the coerced value does not stay. */
static const char *text_argument(struct rules *rules, const json_t *args, const char *name) {
  const char *text = json_get_text(args, name);
  return text ? graphql_arena_text(rules->schema->document->arena, text, strlen(text)) : NULL;
}

/* What a definition's directives say; each output may be NULL where the directive may not stand. */
static void apply(struct rules *rules, const struct graphql_directive *uses, const char *place,
                  const char **ret_deprecation, const char **ret_url, json_t **ret_access) {
  for (const struct graphql_directive *use = uses; use; use = use->next) {
    auto_json *args = directive_args(rules, use, place);
    if (!args) continue;
    if (ret_deprecation && str_eq(use->name, "deprecated"))
      *ret_deprecation = text_argument(rules, args, "reason");
    if (ret_url && str_eq(use->name, "specifiedBy")) *ret_url = text_argument(rules, args, "url");
    if (ret_access && str_eq(use->name, "access")) {
      json_decref(*ret_access);
      *ret_access = json_incref(args);
    }
  }
}

static void apply_inputs(struct rules *rules, struct graphql_input *inputs,
                         const struct graphql_input_definition *d, const char *place) {
  for (; d; d = d->next)
    apply(rules, d->directives, place, &inputs++->deprecation, NULL, NULL);
}

static void apply_field(struct rules *rules, const struct graphql_type *type,
                        struct graphql_field *field, const struct graphql_field_definition *d) {
  const char *place = type->kind == GRAPHQL_ENUM ? "ENUM_VALUE" : "FIELD_DEFINITION";
  apply(rules, d->directives, place, &field->deprecation, NULL, &field->access);
  apply_inputs(rules, field->args, d->arguments, "ARGUMENT_DEFINITION");
  field->own_access = field->access;
  if (!field->access) field->access = json_incref(type->access);
  field->role = json_get_text(field->access, "role");
}

static void apply_type(struct rules *rules, struct graphql_type *type) {
  static const char *const places[] = {
      [GRAPHQL_SCALAR] = "SCALAR",       [GRAPHQL_OBJECT] = "OBJECT",
      [GRAPHQL_INTERFACE] = "INTERFACE", [GRAPHQL_UNION] = "UNION",
      [GRAPHQL_ENUM] = "ENUM",           [GRAPHQL_INPUT_OBJECT] = "INPUT_OBJECT",
  };
  const struct graphql_definition *d = type->definition;
  apply(rules, d->directives, places[type->kind], NULL, &type->specified_by, &type->access);
  struct graphql_field *field = type->fields;
  for (const struct graphql_field_definition *f = d->fields; f; f = f->next)
    apply_field(rules, type, field++, f);
  apply_inputs(rules, type->inputs, d->inputs, "INPUT_FIELD_DEFINITION");
}

void graphql_schema_rules(graphql_schema *schema, struct str *problems) {
  auto_free char *state = mem_zalloc(schema->type_count);
  struct rules rules = {.schema = schema, .problems = problems, .state = state};
  for (size_t i = 0; i < schema->type_count; i++)
    check_shape(&rules, &schema->types[i]);
  for (size_t i = 0; i < schema->directive_count; i++)
    for (size_t k = 0; k < schema->directives[i].arg_count; k++)
      check_input(&rules, &schema->directives[i].args[k]);
  for (size_t i = 0; i < schema->type_count; i++)
    check_cycle(&rules, &schema->types[i]);
  if (problems->len) return; /* the rest relies on these */
  memset(state, 0, schema->type_count);
  for (size_t i = 0; i < schema->type_count; i++)
    settle_type(&rules, &schema->types[i]);
  for (size_t i = 0; i < schema->directive_count; i++)
    for (size_t k = 0; k < schema->directives[i].arg_count; k++)
      settle_default(&rules, &schema->directives[i].args[k]);
  for (size_t i = 0; i < schema->type_count; i++) {
    struct graphql_type *type = &schema->types[i];
    for (size_t k = 0; k < type->interface_count; k++)
      check_interface(&rules, type, type->interfaces[k]);
    apply_type(&rules, type);
  }
}
