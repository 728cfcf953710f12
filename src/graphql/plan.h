/* What is to be done for a selection set on objects of one type: its fields, merged by key, with
 * fragments, @skip and @include resolved and arguments coerced (CollectFields, section 6.3.2). Made
 * when first needed and kept for the request, because every object of a list needs the same.
 * Internal to graphql/. */
#ifndef TRAMWAY_GRAPHQL_PLAN_H
#define TRAMWAY_GRAPHQL_PLAN_H

#include <jansson.h>

#include "base/err.h"
#include "graphql/ast.h"
#include "graphql/schema.h"

struct graphql_plans { /* of one request */
  const graphql_schema *schema;
  json_t *variables; /* coerced */
  graphql_arena *arena;
  struct graphql_plan_field *made; /* all of them, for freeing */
};

struct graphql_plan_node { /* one place in the document */
  const struct graphql_selection *selection;
  struct graphql_plan_node *next;
};

struct graphql_plan_field {
  const char *key;
  const struct graphql_type *parent;
  const struct graphql_field *field;
  bool meta;
  json_t *args;    /* coerced, or NULL when that failed: */
  err *args_error; /* why */
  struct graphql_plan_node *nodes;
  struct graphql_plan_node **nodes_tail;
  struct graphql_plan *below; /* one for each object type met so far */
  struct graphql_plan_field *next;
  struct graphql_plan_field *next_made;
};

struct graphql_plan {
  const struct graphql_type *object;
  struct graphql_plan_field *fields;
  struct graphql_plan *next;
};

struct graphql_lookahead {
  const struct graphql_plans *plans;
  const struct graphql_plan_node *nodes;
};

/* The plan of an operation's selections. */
struct graphql_plan *graphql_plan_root(struct graphql_plans *plans,
                                       const struct graphql_operation *operation);

/* The plan of what is selected below `field`, for values of the type `object`. */
struct graphql_plan *graphql_plan_below(struct graphql_plans *plans,
                                        struct graphql_plan_field *field,
                                        const struct graphql_type *object);

void graphql_plans_done(struct graphql_plans *plans);

#endif
