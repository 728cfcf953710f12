/* Introspection (October 2021, section 4), answered from the schema itself.  Internal to graphql/.
 */
#ifndef TRAMWAY_GRAPHQL_INTROSPECT_H
#define TRAMWAY_GRAPHQL_INTROSPECT_H

#include <jansson.h>

#include "graphql/schema.h"

/* The meta-fields __schema and __type(name:) of the query type, and __typename of every composite
 * type; NULL when `name` is none of them. */
const struct graphql_field *graphql_meta_field(const graphql_schema *schema,
                                               const struct graphql_type *parent, const char *name);

/* The value of a meta-field but __typename.  Owned; an object that graphql_introspect understands.
 */
json_t *graphql_introspect_root(const graphql_schema *schema, const char *name, const json_t *args);

/* The value of a field of an introspection type.  Types stand in it as small objects that name
 * them, and are looked up here when a field of theirs is asked for.  Owned. */
json_t *graphql_introspect(const graphql_schema *schema, const struct graphql_type *type,
                           const char *field, json_t *parent, const json_t *args);

#endif
