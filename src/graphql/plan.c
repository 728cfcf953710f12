#include "graphql/plan.h"

#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "graphql/coerce.h"
#include "graphql/introspect.h"
#include "graphql/validator.h"

struct collecting {
  struct graphql_plans *plans;
  struct graphql_plan *plan;
  map *by_key;
  map *visited; /* fragments */
  struct graphql_plan_field **tail;
};

/* The argument `if` of a directive. */
static bool condition(const json_t *variables, const struct graphql_directive *directive) {
  const struct graphql_value *value = directive->arguments->value;
  if (value->kind == GRAPHQL_VALUE_VARIABLE)
    return json_is_true(json_object_get(variables, value->text));
  return value->boolean;
}

static bool is_included(const json_t *variables, const struct graphql_selection *selection) {
  for (const struct graphql_directive *d = selection->directives; d; d = d->next) {
    if (str_eq(d->name, "skip") && condition(variables, d)) return false;
    if (str_eq(d->name, "include") && !condition(variables, d)) return false;
  }
  return true;
}

static struct graphql_plan_field *new_field(struct collecting *collecting,
                                            const struct graphql_selection *selection) {
  struct graphql_plans *plans = collecting->plans;
  struct graphql_plan_field *made = GRAPHQL_NEW(plans->arena, struct graphql_plan_field);
  made->key = selection->key;
  made->parent = collecting->plan->object;
  made->field = graphql_find_field(plans->schema, made->parent, selection->name);
  made->meta = graphql_meta_field(plans->schema, made->parent, selection->name);
  made->nodes_tail = &made->nodes;
  made->args_error = graphql_coerce_arguments(made->field->args, made->field->arg_count,
                                              selection->arguments, plans->variables, &made->args);
  made->next_made = plans->made;
  plans->made = made;
  *collecting->tail = made;
  collecting->tail = &made->next;
  map_set(collecting->by_key, made->key, made);
  return made;
}

static void collect_field(struct collecting *collecting,
                          const struct graphql_selection *selection) {
  struct graphql_plan_field *field = map_get(collecting->by_key, selection->key);
  if (!field) field = new_field(collecting, selection);
  struct graphql_plan_node *node = GRAPHQL_NEW(collecting->plans->arena, struct graphql_plan_node);
  node->selection = selection;
  *field->nodes_tail = node;
  field->nodes_tail = &node->next;
}

static void collect(struct collecting *collecting, const struct graphql_selection *selections) {
  const graphql_schema *schema = collecting->plans->schema;
  for (const struct graphql_selection *s = selections; s; s = s->next) {
    if (!is_included(collecting->plans->variables, s)) continue;
    if (s->kind == GRAPHQL_SELECT_FIELD) {
      collect_field(collecting, s);
      continue;
    }
    const char *type = s->type_condition;
    const struct graphql_selection *inside = s->selections;
    if (s->kind == GRAPHQL_SELECT_SPREAD) {
      if (map_has(collecting->visited, s->name)) continue;
      map_set(collecting->visited, s->name, collecting);
      type = s->fragment->type_condition;
      inside = s->fragment->selections;
    }
    if (!type || graphql_type_includes(graphql_schema_type(schema, type), collecting->plan->object))
      collect(collecting, inside);
  }
}

static struct graphql_plan *new_plan(struct graphql_plans *plans, const struct graphql_type *object,
                                     const struct graphql_selection *selections,
                                     const struct graphql_plan_node *nodes) {
  auto_map *by_key = map_new();
  auto_map *visited = map_new();
  struct graphql_plan *plan = GRAPHQL_NEW(plans->arena, struct graphql_plan);
  struct collecting collecting = {
      .plans = plans, .plan = plan, .by_key = by_key, .visited = visited, .tail = &plan->fields};
  plan->object = object;
  collect(&collecting, selections);
  for (; nodes; nodes = nodes->next)
    collect(&collecting, nodes->selection->selections);
  return plan;
}

struct graphql_plan *graphql_plan_root(struct graphql_plans *plans,
                                       const struct graphql_operation *operation) {
  return new_plan(plans, plans->schema->roots[operation->kind], operation->selections, NULL);
}

struct graphql_plan *graphql_plan_below(struct graphql_plans *plans,
                                        struct graphql_plan_field *field,
                                        const struct graphql_type *object) {
  for (struct graphql_plan *plan = field->below; plan; plan = plan->next)
    if (plan->object == object) return plan;
  struct graphql_plan *plan = new_plan(plans, object, NULL, field->nodes);
  plan->next = field->below;
  field->below = plan;
  return plan;
}

void graphql_plans_done(struct graphql_plans *plans) {
  for (struct graphql_plan_field *field = plans->made; field; field = field->next_made) {
    json_decref(field->args);
    err_free(field->args_error);
  }
  plans->made = NULL;
}

/* ---- Looking ahead ---- */

static bool selects(const struct graphql_plans *plans, const struct graphql_selection *selections,
                    const char *path);

/* Whether the field is the first name of `path` and what is below it selects the others. */
static bool field_selects(const struct graphql_plans *plans,
                          const struct graphql_selection *selection, const char *path) {
  size_t len = strcspn(path, ".");
  if (strlen(selection->name) != len || strncmp(selection->name, path, len) != 0) return false;
  return path[len] == 0 || selects(plans, selection->selections, path + len + 1);
}

static bool selects(const struct graphql_plans *plans, const struct graphql_selection *selections,
                    const char *path) {
  for (const struct graphql_selection *s = selections; s; s = s->next) {
    if (!is_included(plans->variables, s)) continue;
    bool found = false;
    switch (s->kind) {
    case GRAPHQL_SELECT_FIELD:
      found = field_selects(plans, s, path);
      break;
    case GRAPHQL_SELECT_INLINE:
      found = selects(plans, s->selections, path);
      break;
    case GRAPHQL_SELECT_SPREAD:
      found = selects(plans, s->fragment->selections, path);
      break;
    }
    if (found) return true;
  }
  return false;
}

bool graphql_call_selects(const struct graphql_call *call, const char *path) {
  for (const struct graphql_plan_node *node = call->lookahead->nodes; node; node = node->next)
    if (selects(call->lookahead->plans, node->selection->selections, path)) return true;
  return false;
}
