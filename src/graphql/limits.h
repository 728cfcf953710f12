/* The limits of one request.  Each is checked before the memory or time that it bounds is spent.
 * The numbers are ours: large enough for graphql-js's introspection query and for every operation
 * of Railway's CLI, small enough that no single request is felt by the others. */
#ifndef TRAMWAY_GRAPHQL_LIMITS_H
#define TRAMWAY_GRAPHQL_LIMITS_H

#include <stddef.h>

struct graphql_limits {
  size_t max_document_bytes; /* of the query text */
  size_t max_tokens;         /* in the query text */
  size_t max_nesting;        /* braces, brackets and parentheses inside each other, in the text */
  size_t max_variable_bytes; /* of the variables, as JSON */
  size_t max_field_depth;    /* fields inside fields, fragments expanded */
  size_t max_fields;         /* in the query, fragments expanded */
  size_t max_cost;           /* see graphql/cost.h */
  size_t assumed_list_size;  /* of a list that no argument bounds, for the cost */
  size_t max_errors;         /* reported in one response; the rest is left out */
  size_t max_result_values;  /* fields and list items in one response */
  size_t max_result_bytes;   /* of all strings in one response */
};

/* clang-format off */
#define GRAPHQL_LIMITS_DEFAULT ((struct graphql_limits){ \
    .max_document_bytes = 128 * 1024,                    \
    .max_tokens         = 15000,                         \
    .max_nesting        = 64,                            \
    .max_variable_bytes = 4 * 1024 * 1024,               \
    .max_field_depth    = 20,                            \
    .max_fields         = 10000,                         \
    .max_cost           = 2 * 1000 * 1000,               \
    .assumed_list_size  = 10,                            \
    .max_errors         = 100,                           \
    .max_result_values  = 1000 * 1000,                   \
    .max_result_bytes   = 64 * 1024 * 1024,              \
})
/* clang-format on */

#endif
