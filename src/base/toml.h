/* TOML 1.0 (https://toml.io/en/v1.0.0), the whole language, read into JSON.
 *
 * Tables become objects, arrays arrays, integers and floats numbers.  What JSON cannot hold becomes
 * a string: the four kinds of date-time (as written, with an upper-case 'T' and 'Z') and the floats
 * inf, -inf and nan ("inf", "-inf", "nan").
 *
 * Errors are ERR_INVALID, or ERR_LIMIT beyond the limits below, and read
 * "<what>: line 3, column 7: …" (lines and columns count from 1, a column is one character).
 *
 * U+0000 in a key is given as U+FFFD, the replacement character; newlines inside multi-line strings
 * are given as LF.  Nothing is ever written: Tramway generates TOML as text. */
#ifndef TRAMWAY_BASE_TOML_H
#define TRAMWAY_BASE_TOML_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define TOML_MAX_BYTES (1024 * 1024)
#define TOML_MAX_DEPTH 64      /* tables and arrays inside one another */
#define TOML_MAX_VALUES 100000 /* bounds what 1 MiB of `[[a]]` lines can make of itself */

typedef struct toml toml;

/* `what` names the input in errors, usually a file's path. */
fallible toml_parse(const char *text, size_t len, const char *what, toml **ret_doc);

const json_t *toml_root(const toml *doc); /* an object; borrowed until toml_free */

/* The line on which the value at `path` was defined, or 0 when there is none.  A path is written
 * like a TOML key, with [n] for the n-th item (from 0) of an array: "deploy.startCommand",
 * "services[1].\"a.b\"". */
int toml_line_of(const toml *doc, const char *path);

/* Whether the value at `path` is a string in the document, not one of the others that are given as such. */
bool toml_is_string(const toml *doc, const char *path);

/* Appends `key` to `path` in the form toml_line_of reads; the caller owns the result.  An empty
 * `path` is the root. */
char *toml_path_join(const char *path, const char *key);

void toml_free(toml *doc); /* accepts NULL */

static inline void toml_cleanup_(toml **doc) {
  toml_free(*doc);
}
#define auto_toml __attribute__((cleanup(toml_cleanup_))) toml

#endif
