/* Text → syntax tree.  Two languages: executable documents (operations and fragments) and type
 * system documents (SDL).  A document holds one of them; a mixture is refused.
 *
 * Not accepted in SDL: `extend`.  A schema is one text with one author. */
#ifndef TRAMWAY_GRAPHQL_PARSE_H
#define TRAMWAY_GRAPHQL_PARSE_H

#include "base/err.h"
#include "graphql/ast.h"
#include "graphql/limits.h"

/* On failure nothing is kept, and *ret_at (which may not be NULL) says where the fault is; the
 * message says it too ("line 3, column 5: expected a name, found '}'").  ERR_INVALID, or ERR_LIMIT
 * for a text that is too long, has too many tokens or is nested too deep. */
fallible graphql_parse(const char *text, size_t len, const struct graphql_limits *limits,
                       struct graphql_document **ret_document, struct graphql_location *ret_at);

fallible graphql_parse_sdl(const char *text, size_t len, const struct graphql_limits *limits,
                           struct graphql_document **ret_document, struct graphql_location *ret_at);

void graphql_document_free(struct graphql_document *document); /* accepts NULL */

static inline void graphql_document_cleanup_(struct graphql_document **document) {
  graphql_document_free(*document);
}
#define auto_graphql_document                                                                      \
  __attribute__((cleanup(graphql_document_cleanup_))) struct graphql_document

#endif
