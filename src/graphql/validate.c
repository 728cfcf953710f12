#include "graphql/validate.h"

#include "base/mem.h"
#include "base/str.h"
#include "graphql/validator.h"

/* ---- Names (sections 5.2.1, 5.2.2, 5.5.1) ---- */

static void check_operation_names(struct graphql_validator *validator) {
  auto_map *seen = map_new();
  const struct graphql_operation *first = validator->document->operations;
  if (!first)
    graphql_errors_add(validator->errors, ERR_INVALID, NULL, NULL, "no operation is given");
  for (const struct graphql_operation *o = first; o; o = o->next) {
    if (!o->name && first->next)
      GRAPHQL_INVALID(validator, &o->at, "an operation without a name must be the only one");
    if (!o->name) continue;
    if (map_has(seen, o->name))
      GRAPHQL_INVALID(validator, &o->at, "there are two operations '%s'", o->name);
    map_set(seen, o->name, validator);
  }
}

static void declare_fragments(struct graphql_validator *validator) {
  for (struct graphql_fragment *f = validator->document->fragments; f; f = f->next) {
    struct graphql_scope *scope = GRAPHQL_NEW(validator->document->arena, struct graphql_scope);
    scope->fragment = f;
    scope->type = graphql_schema_type(validator->schema, f->type_condition);
    if (!scope->type || !graphql_type_is_composite(scope->type)) {
      GRAPHQL_INVALID(validator, &f->at, "there is no object, interface or union %s",
                      f->type_condition);
      scope->type = NULL;
    }
    if (map_has(validator->fragments, f->name))
      GRAPHQL_INVALID(validator, &f->at, "there are two fragments '%s'", f->name);
    map_set(validator->fragments, f->name, scope);
  }
}

static void visit_fragments(struct graphql_validator *validator) {
  for (struct graphql_fragment *f = validator->document->fragments; f; f = f->next) {
    struct graphql_scope *scope = map_get(validator->fragments, f->name);
    validator->scope = scope;
    graphql_validate_directives(validator, f->directives, "FRAGMENT_DEFINITION");
    if (scope->type) graphql_validate_selections(validator, f->selections, scope->type);
  }
}

/* ---- Variables (section 5.8) ---- */

static void declare_variable(struct graphql_validator *validator,
                             struct graphql_variable *variable) {
  struct graphql_type_ref *named = variable->type;
  while (named->of)
    named = named->of;
  named->type = graphql_schema_type(validator->schema, named->name);
  graphql_validate_directives(validator, variable->directives, "VARIABLE_DEFINITION");
  if (!named->type || !graphql_type_is_input(named->type))
    GRAPHQL_INVALID(validator, &variable->type->at, "there is no input type %s", named->name);
  else if (variable->default_value)
    graphql_validate_value(validator, variable->type, false, variable->default_value);
}

static bool types_fit(const struct graphql_type_ref *variable,
                      const struct graphql_type_ref *place) {
  if (place->non_null && !variable->non_null) return false;
  if (!place->of != !variable->of) return false;
  return place->of ? types_fit(variable->of, place->of) : variable->type == place->type;
}

/* IsVariableUsageAllowed: a default, of the variable or of the place, makes up for a missing "!".
 */
static bool usage_fits(const struct graphql_variable *variable, const struct graphql_usage *usage) {
  if (!usage->type) return true;
  const struct graphql_value *own = variable->default_value;
  bool has_default = usage->place_has_default || (own && own->kind != GRAPHQL_VALUE_NULL);
  struct graphql_type_ref place = *usage->type;
  if (place.non_null && !variable->type->non_null && has_default) place.non_null = false;
  return types_fit(variable->type, &place);
}

/* The variables of one operation, and which of them were met. */
struct variables {
  map *by_name; /* → struct graphql_variable */
  map *used;
};

static void check_usages(struct graphql_validator *validator, struct variables *variables,
                         const struct graphql_scope *scope) {
  for (const struct graphql_usage *u = scope->usages; u; u = u->next) {
    validator->steps++;
    struct graphql_variable *variable = map_get(variables->by_name, u->name);
    if (!variable)
      GRAPHQL_INVALID(validator, &u->at, "the variable $%s is not declared", u->name);
    else if (!usage_fits(variable, u))
      GRAPHQL_INVALID(validator, &u->at, "the variable $%s has a type that does not fit here",
                      u->name);
    if (variable && !map_has(variables->used, u->name)) map_set(variables->used, u->name, variable);
  }
}

static bool out_of_steps(const struct graphql_validator *validator) {
  return validator->steps > validator->limits->max_fields * GRAPHQL_STEPS_PER_FIELD;
}

/* All usages in the operation and the fragments that it reaches; marks these as used. */
static void check_reached(struct graphql_validator *validator, struct variables *variables,
                          struct graphql_scope *operation) {
  struct graphql_scope *waiting = operation;
  operation->next = NULL;
  validator->stamp++;
  while (waiting && !out_of_steps(validator)) {
    struct graphql_scope *scope = waiting;
    waiting = scope->next;
    scope->used = true;
    check_usages(validator, variables, scope);
    for (const struct graphql_spread *s = scope->spreads; s; s = s->next) {
      validator->steps++;
      if (s->target->stamp == validator->stamp) continue;
      s->target->stamp = validator->stamp;
      s->target->next = waiting;
      waiting = s->target;
    }
  }
}

static void check_variables(struct graphql_validator *validator,
                            struct graphql_operation *operation, struct graphql_scope *scope) {
  auto_map *by_name = map_new();
  auto_map *used = map_new();
  struct variables variables = {.by_name = by_name, .used = used};
  for (struct graphql_variable *v = operation->variables; v; v = v->next) {
    if (map_has(by_name, v->name))
      GRAPHQL_INVALID(validator, &v->at, "the variable $%s is declared twice", v->name);
    map_set(by_name, v->name, v);
  }
  check_reached(validator, &variables, scope);
  for (struct graphql_variable *v = operation->variables; v; v = v->next)
    if (!map_has(used, v->name))
      GRAPHQL_INVALID(validator, &v->at, "the variable $%s is never used", v->name);
}

/* ---- Operations ---- */

static struct graphql_scope *visit_operation(struct graphql_validator *validator,
                                             struct graphql_operation *operation) {
  static const char *const names[] = {[GRAPHQL_QUERY] = "query",
                                      [GRAPHQL_MUTATION] = "mutation",
                                      [GRAPHQL_SUBSCRIPTION] = "subscription"};
  static const char *const places[] = {[GRAPHQL_QUERY] = "QUERY",
                                       [GRAPHQL_MUTATION] = "MUTATION",
                                       [GRAPHQL_SUBSCRIPTION] = "SUBSCRIPTION"};
  struct graphql_scope *scope = GRAPHQL_NEW(validator->document->arena, struct graphql_scope);
  scope->type = validator->schema->roots[operation->kind];
  validator->scope = scope;
  graphql_validate_directives(validator, operation->directives, places[operation->kind]);
  for (struct graphql_variable *v = operation->variables; v; v = v->next)
    declare_variable(validator, v);
  if (scope->type)
    graphql_validate_selections(validator, operation->selections, scope->type);
  else
    GRAPHQL_INVALID(validator, &operation->at, "this API has no %s", names[operation->kind]);
  return scope;
}

/* ---- Fragments (sections 5.5.1.4 and 5.5.2.2) ---- */

/* `depth` bounds how long a chain of fragments may be, and so every later recursion. */
static bool check_cycles(struct graphql_validator *validator, struct graphql_scope *scope,
                         size_t depth) {
  if (scope->acyclic) return true;
  scope->on_the_way = true;
  for (const struct graphql_spread *s = scope->spreads; s; s = s->next) {
    if (s->target->on_the_way) {
      GRAPHQL_INVALID(validator, &s->at, "the fragment '%s' contains itself",
                      s->target->fragment->name);
      return false;
    }
    if (depth >= validator->limits->max_nesting) {
      graphql_errors_add(validator->errors, ERR_LIMIT, &s->at, NULL,
                         "fragments inside fragments, more than %zu", depth);
      return false;
    }
    if (!check_cycles(validator, s->target, depth + 1)) return false;
  }
  scope->on_the_way = false;
  scope->acyclic = true;
  return true;
}

static void check_unused(struct graphql_validator *validator) {
  for (struct graphql_fragment *f = validator->document->fragments; f; f = f->next) {
    struct graphql_scope *scope = map_get(validator->fragments, f->name);
    if (!scope->used)
      GRAPHQL_INVALID(validator, &f->at, "the fragment '%s' is never used", f->name);
  }
}

/* ---- All of it ---- */

static void validate_all(struct graphql_validator *validator) {
  check_operation_names(validator);
  declare_fragments(validator);
  visit_fragments(validator);
  struct graphql_scope *scopes = NULL, **tail = &scopes;
  for (struct graphql_operation *o = validator->document->operations; o; o = o->next) {
    *tail = visit_operation(validator, o);
    tail = &(*tail)->next;
  }
  for (struct graphql_fragment *f = validator->document->fragments; f; f = f->next)
    if (!check_cycles(validator, map_get(validator->fragments, f->name), 1)) return;
  if (graphql_errors_any(validator->errors)) return;
  struct graphql_scope *scope = scopes, *next;
  for (struct graphql_operation *o = validator->document->operations; o;
       o = o->next, scope = next) {
    next = scope->next;
    check_variables(validator, o, scope);
    if (out_of_steps(validator)) {
      graphql_errors_add(validator->errors, ERR_LIMIT, &o->at, NULL,
                         "the operations use variables and fragments too often");
      return;
    }
    graphql_validate_merging(validator, o, scope->type);
  }
  check_unused(validator);
}

void graphql_validate(const graphql_schema *schema, struct graphql_document *document,
                      const struct graphql_limits *limits, struct graphql_errors *errors) {
  auto_map *fragments = map_new();
  struct graphql_validator validator = {.schema = schema,
                                        .document = document,
                                        .limits = limits,
                                        .errors = errors,
                                        .fragments = fragments};
  validate_all(&validator);
}
