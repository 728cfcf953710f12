/* The tokens of a GraphQL document (October 2021, section 2.1).  Feed a text of known length, take
 * tokens one by one; the text must outlive the lexer.  Internal to graphql/. */
#ifndef TRAMWAY_GRAPHQL_LEX_H
#define TRAMWAY_GRAPHQL_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "graphql/arena.h"
#include "graphql/ast.h"
#include "graphql/limits.h"

enum graphql_token_kind {
  GRAPHQL_TOKEN_END,
  GRAPHQL_TOKEN_PUNCTUATOR, /* `text` is one of ! $ & ( ) ... : = @ [ ] { | } */
  GRAPHQL_TOKEN_NAME,
  GRAPHQL_TOKEN_INT,
  GRAPHQL_TOKEN_FLOAT,
  GRAPHQL_TOKEN_STRING, /* also a block string; `text` is its meaning: escapes and indent resolved
                         */
};

struct graphql_token {
  enum graphql_token_kind kind;
  struct graphql_location at;
  const char *text; /* in the arena, or static; NUL-terminated */
};

struct graphql_lexer {
  const char *text;
  size_t len;
  size_t position;
  size_t line_start; /* offset of the current line's first byte */
  uint32_t line;
  size_t tokens; /* taken so far */
  size_t max_tokens;
  graphql_arena *arena;
};

/* ERR_LIMIT when the text is too long, ERR_INVALID when it is not UTF-8. */
fallible graphql_lex_start(struct graphql_lexer *lexer, const char *text, size_t len,
                           const struct graphql_limits *limits, graphql_arena *arena);

/* The next token.  On failure ret_token->at is set to where the fault is; ERR_INVALID, or ERR_LIMIT
 * after max_tokens.  Not accepted: U+0000 in any form, because values are handed on as C strings.
 */
fallible graphql_lex_next(struct graphql_lexer *lexer, struct graphql_token *ret_token);

#endif
