/* Validation of an executable document against a schema (October 2021, section 5), so that the
 * executor can rely on it.  All rules of the specification are checked; when some fail, rules that
 * rely on them are left out, so that one fault gives one error.
 *
 * It also fills in what the document's names refer to (fragments, the types of variables), and
 * bounds the number of fields and their depth, fragments expanded.  Time is bounded by the limits:
 * nothing grows faster than the number of expanded fields. */
#ifndef TRAMWAY_GRAPHQL_VALIDATE_H
#define TRAMWAY_GRAPHQL_VALIDATE_H

#include "graphql/ast.h"
#include "graphql/errors.h"
#include "graphql/limits.h"
#include "graphql/schema.h"

void graphql_validate(const graphql_schema *schema, struct graphql_document *document,
                      const struct graphql_limits *limits, struct graphql_errors *errors);

#endif
