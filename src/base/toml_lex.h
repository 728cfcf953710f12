/* The characters of a TOML document: position, white space, comments, keys and strings.  Used by
 * toml.c and toml_value.c only.
 *
 * Reading functions start at the first character of what they read and stop behind its last. */
#ifndef TRAMWAY_BASE_TOML_LEX_H
#define TRAMWAY_BASE_TOML_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct toml_lex {
  const char *text;
  size_t len;
  size_t pos;
  int line;         /* of pos, from 1 */
  const char *what; /* names the input in errors */
};

#define TOML_LEX_END (-1)

/* Checks that the text is UTF-8 without stray control characters and skips a byte order mark. */
fallible toml_lex_init(struct toml_lex *lex, const char *text, size_t len, const char *what);

int toml_lex_peek(const struct toml_lex *lex); /* a byte, or TOML_LEX_END */
int toml_lex_peek_at(const struct toml_lex *lex, size_t ahead);
bool toml_lex_take(struct toml_lex *lex, char c); /* skips `c` when it is next */

void toml_lex_skip_space(struct toml_lex *lex);      /* spaces and tabs */
void toml_lex_skip_lines(struct toml_lex *lex);      /* also newlines and comments */
fallible toml_lex_end_of_line(struct toml_lex *lex); /* space, comment, then a newline or the end */

/* One part of a key: bare or quoted.  Appends to *ret_key. */
fallible toml_lex_key(struct toml_lex *lex, struct str *ret_key);

/* A string of any of the four forms; a quote must be next.  Appends to *ret_text. */
fallible toml_lex_string(struct toml_lex *lex, struct str *ret_text);

bool toml_lex_is_bare(int c); /* may stand in a bare key */

/* "<what>: line L, column C: <message>" for the current position, or for position `pos`. */
fallible toml_lex_error(const struct toml_lex *lex, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
fallible toml_lex_error_at(const struct toml_lex *lex, size_t pos, enum err_code code,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
