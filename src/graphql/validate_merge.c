/* Whether fields with the same key in the response can be one (section 5.3.2).  The specification
 * compares all pairs of fields, which grows with the square of the document; this goes by sets, as
 * Simon Adameit's "XING" algorithm does:
 *  - in one walk all fields with the same key, wherever they are, must have the same shape;
 *  - in another, those which may be asked of the same object must be the same field with the same
 *    arguments.  Fields of two different object types never meet.
 * Each field then is compared only with the first one of its set. */
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "graphql/validator.h"

struct entry { /* a field somewhere */
  const struct graphql_selection *selection;
  const struct graphql_type *parent;
  const struct graphql_field *field;
  struct entry *next;
};

struct group { /* the fields with one key */
  struct entry *first, **tail;
  struct group *next;
};

struct groups {
  graphql_arena *arena;
  map *by_key;
  struct group *first, **tail;
};

typedef bool check_fn(struct graphql_validator *validator, const struct group *groups,
                      size_t depth);

static void add_field(struct graphql_validator *validator, struct groups *groups,
                      const struct graphql_selection *selection,
                      const struct graphql_type *parent) {
  struct group *group = map_get(groups->by_key, selection->key);
  if (!group) {
    group = GRAPHQL_NEW(groups->arena, struct group);
    group->tail = &group->first;
    *groups->tail = group;
    groups->tail = &group->next;
    map_set(groups->by_key, selection->key, group);
  }
  struct entry *entry = GRAPHQL_NEW(groups->arena, struct entry);
  entry->selection = selection;
  entry->parent = parent;
  entry->field = graphql_find_field(validator->schema, parent, selection->name);
  *group->tail = entry;
  group->tail = &entry->next;
  validator->steps++;
}

/* The fields of a selection set, fragments expanded, each fragment once. */
static void collect(struct graphql_validator *validator, struct groups *groups,
                    const struct graphql_selection *selections, const struct graphql_type *parent) {
  for (const struct graphql_selection *s = selections; s; s = s->next) {
    const struct graphql_selection *inside = s->selections;
    const char *condition = s->type_condition;
    if (s->kind == GRAPHQL_SELECT_FIELD) {
      add_field(validator, groups, s, parent);
      continue;
    }
    if (s->kind == GRAPHQL_SELECT_SPREAD) {
      struct graphql_scope *scope = map_get(validator->fragments, s->name);
      if (scope->stamp == validator->stamp) continue;
      scope->stamp = validator->stamp;
      inside = s->fragment->selections;
      condition = s->fragment->type_condition;
    }
    collect(validator, groups, inside,
            condition ? graphql_schema_type(validator->schema, condition) : parent);
  }
}

static bool over_limit(struct graphql_validator *validator, const struct group *groups,
                       size_t depth) {
  const struct graphql_limits *limits = validator->limits;
  const struct graphql_location *at = &groups->first->selection->at;
  if (depth > limits->max_field_depth)
    graphql_errors_add(validator->errors, ERR_LIMIT, at, NULL, "fields nested deeper than %zu",
                       limits->max_field_depth);
  else if (validator->fields > limits->max_fields ||
           validator->steps > limits->max_fields * GRAPHQL_STEPS_PER_FIELD)
    graphql_errors_add(validator->errors, ERR_LIMIT, at, NULL, "more than %zu fields are selected",
                       limits->max_fields);
  else
    return false;
  return true;
}

static bool any_below(const struct entry *entries) {
  while (entries && !entries->selection->selections)
    entries = entries->next;
  return entries;
}

/* Groups what is selected below the fields of `entries` that an object of type `parent` may be
 * asked for (NULL: any) and gives it to `check`; false when checking must end. */
static bool check_below(struct graphql_validator *validator, const struct entry *entries,
                        const struct graphql_type *parent, size_t depth, check_fn *check) {
  if (!any_below(entries)) return true;
  auto_map *by_key = map_new();
  struct groups groups = {.arena = graphql_arena_new(), .by_key = by_key, .tail = &groups.first};
  validator->stamp++;
  for (const struct entry *e = entries; e; e = e->next)
    if (!parent || e->parent == parent || e->parent->kind != GRAPHQL_OBJECT)
      collect(validator, &groups, e->selection->selections, graphql_named_type(e->field->type));
  bool go_on = !groups.first || (!over_limit(validator, groups.first, depth) &&
                                 check(validator, groups.first, depth));
  graphql_arena_free(groups.arena);
  return go_on;
}

static bool conflict(struct graphql_validator *validator, const struct entry *a,
                     const struct entry *b, const char *what) {
  GRAPHQL_INVALID(validator, &b->selection->at,
                  "'%s' stands for two fields with different %s (the other is in line %u); "
                  "give one an alias",
                  a->selection->key, what, (unsigned)a->selection->at.line);
  return false;
}

/* ---- Shapes (SameResponseShape) ---- */

static bool same_shape(const struct graphql_type_ref *a, const struct graphql_type_ref *b) {
  if (a->non_null != b->non_null || !a->of != !b->of) return false;
  if (a->of) return same_shape(a->of, b->of);
  if (graphql_type_is_leaf(a->type) || graphql_type_is_leaf(b->type)) return a->type == b->type;
  return true;
}

static bool check_shapes(struct graphql_validator *validator, const struct group *groups,
                         size_t depth) {
  for (const struct group *group = groups; group; group = group->next) {
    for (const struct entry *e = group->first; e; e = e->next) {
      validator->fields++;
      if (!same_shape(group->first->field->type, e->field->type))
        return conflict(validator, group->first, e, "types");
    }
    if (!check_below(validator, group->first, NULL, depth + 1, check_shapes)) return false;
  }
  return true;
}

/* ---- Identity (FieldsInSetCanMerge) ---- */

static bool same_arguments(const struct graphql_argument *a, const struct graphql_argument *b);

static bool same_value(const struct graphql_value *a, const struct graphql_value *b) {
  if (a->kind != b->kind || !str_eq(a->text, b->text)) return false;
  const struct graphql_value *x = a->items, *y = b->items;
  for (; x && y; x = x->next, y = y->next)
    if (!same_value(x, y)) return false;
  return !x && !y && same_arguments(a->fields, b->fields);
}

static bool same_arguments(const struct graphql_argument *a, const struct graphql_argument *b) {
  size_t count_a = 0, count_b = 0;
  for (const struct graphql_argument *y = b; y; y = y->next)
    count_b++;
  for (const struct graphql_argument *x = a; x; x = x->next, count_a++) {
    const struct graphql_argument *y = b;
    while (y && !str_eq(y->name, x->name))
      y = y->next;
    if (!y || !same_value(x->value, y->value)) return false;
  }
  return count_a == count_b;
}

/* The fields that an object of type `parent` may be asked for must be one; `check` looks below. */
static bool check_same(struct graphql_validator *validator, const struct entry *entries,
                       const struct graphql_type *parent, size_t depth, check_fn *check) {
  const struct entry *first = NULL;
  for (const struct entry *e = entries; e; e = e->next) {
    if (parent && e->parent != parent && e->parent->kind == GRAPHQL_OBJECT) continue;
    validator->steps++;
    if (!first) first = e;
    if (!str_eq(first->selection->name, e->selection->name))
      return conflict(validator, first, e, "names");
    if (!same_arguments(first->selection->arguments, e->selection->arguments))
      return conflict(validator, first, e, "arguments");
  }
  return check_below(validator, entries, parent, depth + 1, check);
}

static bool parent_before(const struct entry *first, const struct entry *entry) {
  for (; first != entry; first = first->next)
    if (first->parent == entry->parent) return true;
  return false;
}

static bool check_identity(struct graphql_validator *validator, const struct group *groups,
                           size_t depth) {
  for (const struct group *group = groups; group; group = group->next) {
    bool objects = false;
    for (const struct entry *e = group->first; e; e = e->next) {
      if (e->parent->kind != GRAPHQL_OBJECT || parent_before(group->first, e)) continue;
      objects = true;
      if (!check_same(validator, group->first, e->parent, depth, check_identity)) return false;
    }
    if (!objects && !check_same(validator, group->first, NULL, depth, check_identity)) return false;
  }
  return true;
}

/* ---- An operation ---- */

static void check_subscription(struct graphql_validator *validator,
                               const struct graphql_operation *operation,
                               const struct group *groups) {
  const char *name = groups->first->selection->name;
  if (groups->next)
    GRAPHQL_INVALID(validator, &groups->next->first->selection->at,
                    "a subscription must select one field");
  else if (str_starts(name, "__"))
    GRAPHQL_INVALID(validator, &operation->at, "a subscription must not select %s", name);
}

void graphql_validate_merging(struct graphql_validator *validator,
                              const struct graphql_operation *operation,
                              const struct graphql_type *root) {
  auto_map *by_key = map_new();
  struct groups groups = {.arena = graphql_arena_new(), .by_key = by_key, .tail = &groups.first};
  validator->stamp++;
  collect(validator, &groups, operation->selections, root);
  if (groups.first && !over_limit(validator, groups.first, 1)) {
    if (operation->kind == GRAPHQL_SUBSCRIPTION)
      check_subscription(validator, operation, groups.first);
    if (check_shapes(validator, groups.first, 1)) (void)check_identity(validator, groups.first, 1);
  }
  graphql_arena_free(groups.arena);
}
