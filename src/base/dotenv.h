/* Variables as text: the .env files that people keep.  Pure.
 *
 *   # comment
 *   export NAME=value          # `export` and spaces around = are passed over
 *   TEXT="first\nsecond \"quoted\""    double quotes: \n \r \t \" \\ \$ mean what they do in a shell or C; other \ stay
 *   TEXT='as it is, \n too'    single quotes and backticks: everything is text, over several lines too
 *   NAME=plain text # comment  without quotes to the end of the line or to a # after a space
 *
 * Nothing is expanded: ${HOME} and ${{db.URL}} stay as they are.  Of two values for one name the last one counts,
 * as in a shell. */
#ifndef TRAMWAY_BASE_DOTENV_H
#define TRAMWAY_BASE_DOTENV_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* {name: text}, in the order of the text.  ERR_INVALID "<what>:<line>: …"; no error holds a value. */
fallible dotenv_parse(const char *text, size_t len, const char *what, json_t **ret_variables);

/* The same of a JSON object; numbers and booleans become text. */
fallible dotenv_parse_json(const char *text, size_t len, const char *what, json_t **ret_variables);

/* Whether it looks like JSON: its first character is "{". */
bool dotenv_is_json(const char *text, size_t len);

/* Adds the line (of a value with line breaks, the lines) that dotenv_parse reads as exactly this value. */
void dotenv_write(struct str *out, const char *name, const char *value);

#endif
