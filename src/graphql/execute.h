/* The way in: a request's text and variables → the response object of the GraphQL specification
 * (October 2021, section 7).  Synchronous, no I/O of its own.
 *
 *     struct graphql_request request = {.query = text, .query_len = len, .variables = variables};
 *     auto_json *response = graphql_execute(schema, context, &request, &GRAPHQL_LIMITS_DEFAULT);
 *
 * The response always has the specification's shape: {"data": …}, {"errors": […]} or both.  Each
 * error has "message", mostly "locations", for a field "path", and "extensions": {"code": …} with
 * the err_code_name of its code (INVALID for a fault in the query, LIMIT beyond a limit, else the
 * resolver's).  An error in a nullable field leaves its siblings; in a non-null one it makes the
 * nearest nullable parent null.  A request that fails before execution has no "data". */
#ifndef TRAMWAY_GRAPHQL_EXECUTE_H
#define TRAMWAY_GRAPHQL_EXECUTE_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "graphql/ast.h"
#include "graphql/limits.h"
#include "graphql/schema.h"

struct graphql_request {
  const char *query;
  size_t query_len;
  const char *operation_name; /* or NULL when the document has one operation */
  json_t *variables;          /* object or NULL; borrowed */
};

/* Runs a query or mutation (a subscription is refused: graphql/subscribe.h).  The caller owns the
 * response.  `context` is handed to every resolver as it is. */
json_t *graphql_execute(const graphql_schema *schema, void *context,
                        const struct graphql_request *request, const struct graphql_limits *limits);

/* The request of an HTTP body {"query", "operationName", "variables"}; `ret_request` borrows from
 * `body`.  ERR_INVALID when a member has the wrong type. */
fallible graphql_request_from_json(const json_t *body, struct graphql_request *ret_request);

/* A response that holds one error and no data, for faults outside the document (not JSON, no
 * token); takes `e`. */
json_t *graphql_error_response(err *e);

#endif
