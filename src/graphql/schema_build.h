/* How a schema is made of its SDL, in two steps: schema_build.c fills the structs and finds what
 * names refer to, schema_rules.c applies directives and defaults and checks the type system's
 * rules. Internal to graphql/. */
#ifndef TRAMWAY_GRAPHQL_SCHEMA_BUILD_H
#define TRAMWAY_GRAPHQL_SCHEMA_BUILD_H

#include "base/str.h"
#include "graphql/schema.h"

/* "line 3, column 5: <text>", on a line of its own. */
void graphql_schema_problem(struct str *problems, struct graphql_location at, const char *format,
                            ...) __attribute__((format(printf, 3, 4)));

/* Expects everything filled in and all references found. */
void graphql_schema_rules(graphql_schema *schema, struct str *problems);

#endif
