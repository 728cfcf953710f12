/* One request on its way, shared by execute.c and subscribe.c.  Internal to graphql/.
 *
 *     graphql_execution_init → graphql_execution_prepare → graphql_execution_run (once, or for each
 *     event) → graphql_execution_done */
#ifndef TRAMWAY_GRAPHQL_EXECUTOR_H
#define TRAMWAY_GRAPHQL_EXECUTOR_H

#include "graphql/errors.h"
#include "graphql/execute.h"
#include "graphql/plan.h"

struct graphql_execution {
  const graphql_schema *schema;
  void *context;
  struct graphql_limits limits;
  struct graphql_document *document;
  const struct graphql_operation *operation;
  struct graphql_plans plans;
  struct graphql_plan *root;
  struct graphql_errors errors;
  size_t values; /* in the response so far */
  size_t bytes;
  bool aborted; /* beyond a limit: nothing more is resolved */
};

void graphql_execution_init(struct graphql_execution *execution, const graphql_schema *schema,
                            void *context, const struct graphql_limits *limits);
void graphql_execution_done(struct graphql_execution *execution);

/* Parses, validates, chooses the operation, coerces the variables, bounds the cost; false with
 * errors noted. */
bool graphql_execution_prepare(struct graphql_execution *execution,
                               const struct graphql_request *request);

/* The response of a request that failed before execution: takes the errors noted. */
json_t *graphql_execution_refuse(struct graphql_execution *execution);

/* Runs the operation.  With `event`, that is the value of its only field, in place of a resolver's.
 */
json_t *graphql_execution_run(struct graphql_execution *execution, json_t *event);

/* What the resolver of a field is told. */
struct graphql_call graphql_execution_call(struct graphql_execution *execution,
                                           const struct graphql_plan_field *field, json_t *parent,
                                           const struct graphql_lookahead *lookahead);

/* Asks the host whether the call may be made. */
fallible graphql_execution_access(struct graphql_execution *execution,
                                  const struct graphql_call *call);

#endif
