#include "graphql/cost.h"

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "graphql/validator.h"

#define LARGEST_COST (SIZE_MAX / 4)

struct costing {
  const graphql_schema *schema;
  json_t *variables;
  const struct graphql_limits *limits;
  map *fragments; /* name → struct known, because a fragment may be spread very often */
  graphql_arena *arena;
};

struct known { /* the cost of a fragment, directly in a page and elsewhere */
  bool set[2];
  size_t cost[2];
};

static size_t add(size_t a, size_t b) {
  return a > LARGEST_COST - b ? LARGEST_COST : a + b;
}

static size_t multiply(size_t a, size_t b) {
  return b && a > LARGEST_COST / b ? LARGEST_COST : a * b;
}

static bool bounds_list(const char *name) {
  return str_eq(name, "first") || str_eq(name, "last") || str_eq(name, "limit");
}

static json_int_t integer_argument(const struct costing *costing,
                                   const struct graphql_value *value) {
  if (value->kind == GRAPHQL_VALUE_VARIABLE)
    return json_integer_value(json_object_get(costing->variables, value->text));
  long long number;
  bool is_int = value->kind == GRAPHQL_VALUE_INT && str_to_int(value->text, 0, INT32_MAX, &number);
  return is_int ? number : 0;
}

/* The largest bound that the arguments set; 0 when they set none. */
static size_t given_bound(const struct costing *costing, const struct graphql_argument *arguments) {
  json_int_t largest = 0;
  for (const struct graphql_argument *a = arguments; a; a = a->next) {
    json_int_t bound = bounds_list(a->name) ? integer_argument(costing, a->value) : 0;
    if (bound > largest) largest = bound;
  }
  return (size_t)largest;
}

static size_t list_size(const struct costing *costing, const struct graphql_field *field,
                        const struct graphql_selection *selection, bool in_page) {
  size_t assumed = costing->limits->assumed_list_size;
  bool list = field->type->of;
  if (!field->paginated) return list && !in_page ? assumed : 1;
  size_t bound = given_bound(costing, selection->arguments);
  return bound ? bound : assumed;
}

static size_t cost_of(struct costing *costing, const struct graphql_selection *selections,
                      const struct graphql_type *parent, bool in_page);

static size_t cost_of_field(struct costing *costing, const struct graphql_selection *selection,
                            const struct graphql_type *parent, bool in_page) {
  const struct graphql_field *field = graphql_find_field(costing->schema, parent, selection->name);
  bool page = field->paginated && !field->type->of;
  size_t below = cost_of(costing, selection->selections, graphql_named_type(field->type), page);
  return add(1, multiply(list_size(costing, field, selection, in_page), below));
}

static size_t cost_of_fragment(struct costing *costing, const struct graphql_fragment *fragment,
                               bool in_page) {
  struct known *known = map_get(costing->fragments, fragment->name);
  if (!known) {
    known = GRAPHQL_NEW(costing->arena, struct known);
    map_set(costing->fragments, fragment->name, known);
  }
  if (!known->set[in_page]) {
    known->cost[in_page] =
        cost_of(costing, fragment->selections,
                graphql_schema_type(costing->schema, fragment->type_condition), in_page);
    known->set[in_page] = true;
  }
  return known->cost[in_page];
}

static size_t cost_of(struct costing *costing, const struct graphql_selection *selections,
                      const struct graphql_type *parent, bool in_page) {
  size_t cost = 0;
  for (const struct graphql_selection *s = selections; s; s = s->next) {
    const struct graphql_type *type = parent;
    switch (s->kind) {
    case GRAPHQL_SELECT_FIELD:
      cost = add(cost, cost_of_field(costing, s, parent, in_page));
      break;
    case GRAPHQL_SELECT_SPREAD:
      cost = add(cost, cost_of_fragment(costing, s->fragment, in_page));
      break;
    case GRAPHQL_SELECT_INLINE:
      if (s->type_condition) type = graphql_schema_type(costing->schema, s->type_condition);
      cost = add(cost, cost_of(costing, s->selections, type, in_page));
      break;
    }
  }
  return cost;
}

size_t graphql_cost(const graphql_schema *schema, const struct graphql_operation *operation,
                    json_t *variables, const struct graphql_limits *limits) {
  auto_map *fragments = map_new();
  struct costing costing = {.schema = schema,
                            .variables = variables,
                            .limits = limits,
                            .fragments = fragments,
                            .arena = graphql_arena_new()};
  size_t cost = cost_of(&costing, operation->selections, schema->roots[operation->kind], false);
  graphql_arena_free(costing.arena);
  return cost;
}
