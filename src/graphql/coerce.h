/* Coercion (October 2021, section 3.5 and on): values of the language and of JSON ↔ a schema's
 * types. Internal to graphql/.
 *
 * Errors are ERR_INVALID and read like a path: "field 'port': expected Int, found a string". */
#ifndef TRAMWAY_GRAPHQL_COERCE_H
#define TRAMWAY_GRAPHQL_COERCE_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "graphql/schema.h"

/* "[String!]!", appended. */
void graphql_type_text(const struct graphql_type_ref *type, struct str *ret_text);

/* A literal of the input type `type`.  `variables` holds coerced variables, or is NULL where there
 * can be none.  *ret_value is owned; it is left NULL for a variable that was not given. */
fallible graphql_coerce_literal(const struct graphql_type_ref *type,
                                const struct graphql_value *value, json_t *variables,
                                json_t **ret_value);

/* The value of a variable, as JSON. */
fallible graphql_coerce_input(const struct graphql_type_ref *type, json_t *value,
                              json_t **ret_value);

/* The arguments given to a field or directive, with defaults, as one object. */
fallible graphql_coerce_arguments(const struct graphql_input *inputs, size_t count,
                                  const struct graphql_argument *arguments, json_t *variables,
                                  json_t **ret_args);

/* A result of a scalar or enum type; `value` is not null.  *ret_value is owned. */
fallible graphql_coerce_result(const struct graphql_type *type, json_t *value, json_t **ret_value);

/* What kind of JSON it is, in words: "a string". */
const char *graphql_json_kind(const json_t *value);

/* The number of values in `value`, itself included, and the bytes of its strings and keys; counts
 * no further than `limit` of both together. */
size_t graphql_json_weight(const json_t *value, size_t limit);

#endif
