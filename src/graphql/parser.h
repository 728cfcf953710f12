/* What the two parsers, of executable documents and of SDL, share: a window of one token on the
 * lexer, and the parts of the grammar that both languages use.  Internal to graphql/.
 *
 * Every function leaves `token` on the first token that it has not used.  On failure `at` is where
 * the fault is. */
#ifndef TRAMWAY_GRAPHQL_PARSER_H
#define TRAMWAY_GRAPHQL_PARSER_H

#include "graphql/ast.h"
#include "graphql/lex.h"

struct graphql_parser {
  struct graphql_lexer lexer;
  struct graphql_token token;
  struct graphql_location at;
  graphql_arena *arena;
  struct graphql_document *document;
  size_t nesting;
  size_t max_nesting;
};

/* Parses `text` by calling `definition` until the text ends; there must be one at least. */
fallible graphql_parser_run(const char *text, size_t len, const struct graphql_limits *limits,
                            err *(*definition)(struct graphql_parser *),
                            struct graphql_document **ret_document,
                            struct graphql_location *ret_at);

fallible graphql_parser_advance(struct graphql_parser *parser);

/* "expected <what>, found <the token>" */
fallible graphql_parser_unexpected(struct graphql_parser *parser, const char *what);

bool graphql_parser_is(const struct graphql_parser *parser, const char *punctuator);
bool graphql_parser_is_word(const struct graphql_parser *parser, const char *name);

/* Passes over the punctuator (or keyword) if it is there. */
fallible graphql_parser_accept(struct graphql_parser *parser, const char *punctuator,
                               bool *ret_found);
fallible graphql_parser_expect(struct graphql_parser *parser, const char *punctuator);
fallible graphql_parser_expect_word(struct graphql_parser *parser, const char *name);
fallible graphql_parser_name(struct graphql_parser *parser, const char *what,
                             const char **ret_name);

/* Around everything that can contain itself: ERR_LIMIT beyond max_nesting. */
fallible graphql_parser_enter(struct graphql_parser *parser);
void graphql_parser_leave(struct graphql_parser *parser);

/* With `constant`, variables are refused. */
fallible graphql_parser_value(struct graphql_parser *parser, bool constant,
                              struct graphql_value **ret_value);
fallible graphql_parser_arguments(struct graphql_parser *parser, bool constant,
                                  struct graphql_argument **ret_arguments);
fallible graphql_parser_directives(struct graphql_parser *parser, bool constant,
                                   struct graphql_directive **ret_directives);
fallible graphql_parser_type(struct graphql_parser *parser, struct graphql_type_ref **ret_type);

#endif
