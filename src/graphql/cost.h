/* What a request may cost, told before it is run.
 *
 * Every field costs 1, and what is selected below a list costs as many times more as the list is
 * long:
 *  - a field with an argument first, last or limit counts the largest of those given, or else
 *    limits.assumed_list_size;
 *  - what such a field returns is a page, so that a list directly below it (the edges of a
 *    connection) counts once;
 *  - any other list counts limits.assumed_list_size.
 * So projects(first: 100) { edges { node { id services { edges { node { id } } } } } } costs
 * 1 + 100 × (edges 1 + node 1 + id 1 + services 1 + 10 × (1 + 1 + 1)) = 3401. */
#ifndef TRAMWAY_GRAPHQL_COST_H
#define TRAMWAY_GRAPHQL_COST_H

#include <jansson.h>

#include "graphql/ast.h"
#include "graphql/limits.h"
#include "graphql/schema.h"

/* The cost of a validated operation with coerced variables; never more than SIZE_MAX / 4. */
size_t graphql_cost(const graphql_schema *schema, const struct graphql_operation *operation,
                    json_t *variables, const struct graphql_limits *limits);

#endif
