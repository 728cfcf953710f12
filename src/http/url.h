/* The text of URLs as it comes in: percent-encoding, query strings, path patterns.  Pure. */
#ifndef TRAMWAY_HTTP_URL_H
#define TRAMWAY_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* Appends `text` decoded ("%41" → "A").  False, with *ret_text as it was, for a broken escape, a
 * NUL byte or what is not UTF-8: such text would not survive being a C string or JSON. */
bool url_decode(const char *text, size_t len, bool plus_is_space, struct str *ret_text);

/* Appends `text` with everything escaped but RFC 3986's unreserved characters. */
void url_encode(const char *text, struct str *ret_text);

struct url_pair {
  char *name;
  char *value;
};

/* A list of decoded names and values. */
struct url_pairs {
  struct url_pair *items;
  size_t len;
  size_t capacity;
};
#define URL_PAIRS_MAX 256

void url_pairs_done(struct url_pairs *pairs);
const char *url_pairs_get(const struct url_pairs *pairs, const char *name); /* the first, or NULL */

/* "a=1&b=x+y&c" → a: "1", b: "x y", c: "".  ERR_INVALID for what cannot be decoded, ERR_LIMIT for
 * more than URL_PAIRS_MAX. */
fallible url_parse_query(const char *text, struct url_pairs *ret_pairs);

/* Whether each segment of a path (which starts with '/') can be decoded. */
bool url_path_valid(const char *path);

/* Whether `path` fits `pattern` (see struct http_route); then *ret_params has the decoded parts.
 * `path` is compared as sent: no "..", "//" or escapes are resolved.  Needs url_path_valid. */
bool url_match(const char *pattern, const char *path, struct url_pairs *ret_params);

/* Whether a pattern is well-formed. */
bool url_pattern_valid(const char *pattern);

#endif
