#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "graphql/introspect.h"
#include "graphql/validator.h"

const struct graphql_field *graphql_find_field(const graphql_schema *schema,
                                               const struct graphql_type *type, const char *name) {
  const struct graphql_field *meta = graphql_meta_field(schema, type, name);
  if (meta) return meta;
  bool has_fields = type->kind == GRAPHQL_OBJECT || type->kind == GRAPHQL_INTERFACE;
  return has_fields ? graphql_type_field(type, name) : NULL;
}

/* The field whose name is most like `name`, or NULL when none is like it. */
static const char *similar_field(const struct graphql_type *type, const char *name) {
  const char *best = NULL;
  size_t best_distance = 1 + strlen(name) / 3;
  if (strlen(name) > 64) return NULL;
  for (size_t i = 0; i < type->field_count; i++) {
    size_t distance = str_distance(name, type->fields[i].name);
    if (distance > best_distance || (best && distance == best_distance)) continue;
    best = type->fields[i].name;
    best_distance = distance;
  }
  return best;
}

static void unknown_field(struct graphql_validator *validator, const struct graphql_type *type,
                          const struct graphql_selection *selection) {
  if (graphql_errors_full(validator->errors)) return; /* what follows takes time */
  graphql_absent *absent = validator->schema->absent;
  auto_free char *known = absent ? absent(type->name, selection->name) : NULL;
  if (known) {
    GRAPHQL_INVALID(validator, &selection->at, "%s", known);
    return;
  }
  const char *similar = type->kind == GRAPHQL_UNION ? NULL : similar_field(type, selection->name);
  if (similar)
    GRAPHQL_INVALID(validator, &selection->at, "%s has no field '%s'; did you mean '%s'?",
                    type->name, selection->name, similar);
  else
    GRAPHQL_INVALID(validator, &selection->at, "%s has no field '%s'", type->name, selection->name);
}

static void visit_field(struct graphql_validator *validator, struct graphql_selection *selection,
                        const struct graphql_type *parent) {
  graphql_validate_directives(validator, selection->directives, "FIELD");
  const struct graphql_field *field =
      graphql_find_field(validator->schema, parent, selection->name);
  if (!field) {
    unknown_field(validator, parent, selection);
    return;
  }
  auto_free char *owner = str_format("%s.%s", parent->name, field->name);
  graphql_validate_arguments(validator, owner, selection->at, field->args, field->arg_count,
                             selection->arguments);
  const struct graphql_type *type = graphql_named_type(field->type);
  if (graphql_type_is_leaf(type) && selection->selections)
    GRAPHQL_INVALID(validator, &selection->at, "%s is a %s, which has no fields to select", owner,
                    type->name);
  else if (graphql_type_is_composite(type) && !selection->selections)
    GRAPHQL_INVALID(validator, &selection->at, "%s is a %s: select some of its fields with { }",
                    owner, type->name);
  else
    graphql_validate_selections(validator, selection->selections, type);
}

/* Whether some object can be of both types. */
static bool overlap(const struct graphql_type *a, const struct graphql_type *b) {
  if (a->kind == GRAPHQL_OBJECT) return graphql_type_includes(b, a);
  for (size_t i = 0; i < a->possible_count; i++)
    if (graphql_type_includes(b, a->possible[i])) return true;
  return false;
}

static void check_possible(struct graphql_validator *validator, struct graphql_location at,
                           const struct graphql_type *parent, const struct graphql_type *type) {
  if (!overlap(parent, type))
    GRAPHQL_INVALID(validator, &at, "no %s can be a %s", parent->name, type->name);
}

static void visit_inline(struct graphql_validator *validator, struct graphql_selection *selection,
                         const struct graphql_type *parent) {
  const struct graphql_type *type = parent;
  graphql_validate_directives(validator, selection->directives, "INLINE_FRAGMENT");
  if (selection->type_condition) {
    type = graphql_schema_type(validator->schema, selection->type_condition);
    if (!type || !graphql_type_is_composite(type)) {
      GRAPHQL_INVALID(validator, &selection->at, "there is no object, interface or union %s",
                      selection->type_condition);
      return;
    }
    check_possible(validator, selection->at, parent, type);
  }
  graphql_validate_selections(validator, selection->selections, type);
}

static void visit_spread(struct graphql_validator *validator, struct graphql_selection *selection,
                         const struct graphql_type *parent) {
  graphql_validate_directives(validator, selection->directives, "FRAGMENT_SPREAD");
  struct graphql_scope *target = map_get(validator->fragments, selection->name);
  if (!target) {
    GRAPHQL_INVALID(validator, &selection->at, "there is no fragment '%s'", selection->name);
    return;
  }
  selection->fragment = target->fragment;
  if (target->type) check_possible(validator, selection->at, parent, target->type);
  struct graphql_spread *spread = GRAPHQL_NEW(validator->document->arena, struct graphql_spread);
  spread->target = target;
  spread->at = selection->at;
  spread->next = validator->scope->spreads;
  validator->scope->spreads = spread;
}

void graphql_validate_selections(struct graphql_validator *validator,
                                 struct graphql_selection *selections,
                                 const struct graphql_type *type) {
  for (struct graphql_selection *s = selections; s; s = s->next) {
    switch (s->kind) {
    case GRAPHQL_SELECT_FIELD:
      visit_field(validator, s, type);
      break;
    case GRAPHQL_SELECT_INLINE:
      visit_inline(validator, s, type);
      break;
    case GRAPHQL_SELECT_SPREAD:
      visit_spread(validator, s, type);
      break;
    }
  }
}
