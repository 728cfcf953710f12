/* Looking things up in the API's schema, for `api search` and `api describe`. */
#ifndef TRAMWAY_CLI_API_SCHEMA_H
#define TRAMWAY_CLI_API_SCHEMA_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "graphql/schema.h"

/* [{kind, name, description}]: operations (kind query, mutation, subscription) and types (object, input, enum,
 * scalar, interface, union) whose name has `term` in it, in any letter case; then those whose description has.
 * Of one kind only, unless NULL; at most `limit`.  ERR_INVALID: no such kind. */
fallible api_schema_search(const graphql_schema *schema, const char *term, const char *kind, size_t limit,
                           json_t **ret_found);

/* A type, "Type.field", or an operation by its bare name: as SDL with its description, appended.
 * ERR_NOT_FOUND. */
fallible api_schema_describe(const graphql_schema *schema, const char *name, struct str *text);

#endif
