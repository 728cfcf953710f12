/* The error objects of a response (October 2021, section 7.1.2) and the list of them.  Internal to
 * graphql/. */
#ifndef TRAMWAY_GRAPHQL_ERRORS_H
#define TRAMWAY_GRAPHQL_ERRORS_H

#include <jansson.h>

#include "base/err.h"
#include "graphql/ast.h"

/* A list of errors that stops growing at `max`. */
struct graphql_errors {
  json_t *list;
  size_t max;
};

/* `at` may be NULL; `path` is taken and may be NULL.  The error belongs to the caller. */
json_t *graphql_error_object(enum err_code code, const char *message,
                             const struct graphql_location *at, json_t *path);

void graphql_errors_add(struct graphql_errors *errors, enum err_code code,
                        const struct graphql_location *at, json_t *path, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The same with the code and message of `e`, which is taken. */
void graphql_errors_add_err(struct graphql_errors *errors, err *e,
                            const struct graphql_location *at, json_t *path);

static inline bool graphql_errors_full(const struct graphql_errors *errors) {
  return json_array_size(errors->list) >= errors->max;
}
static inline bool graphql_errors_any(const struct graphql_errors *errors) {
  return json_array_size(errors->list) > 0;
}

#endif
