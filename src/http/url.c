#include "http/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The byte of the escape at `text` ("%41"), or -1. */
static int decode_escape(const char *text, size_t len) {
  if (len < 3) return -1;
  int high = hex_digit(text[1]), low = hex_digit(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool url_decode(const char *text, size_t len, bool plus_is_space, struct str *ret_text) {
  auto_str decoded = STR_EMPTY;
  str_init(&decoded);
  for (size_t i = 0; i < len; i++) {
    int c = (unsigned char)text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      c = decode_escape(text + i, len - i);
      i += 2;
    }
    if (c <= 0) return false;
    str_add_char(&decoded, (char)c);
  }
  if (!str_is_utf8(decoded.data, decoded.len)) return false;
  str_add_bytes(ret_text, decoded.data, decoded.len);
  return true;
}

void url_encode(const char *text, struct str *ret_text) {
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
      str_add_char(ret_text, (char)c);
    else
      str_addf(ret_text, "%%%02X", c);
  }
}

void url_pairs_done(struct url_pairs *pairs) {
  for (size_t i = 0; i < pairs->len; i++) {
    free(pairs->items[i].name);
    free(pairs->items[i].value);
  }
  free(pairs->items);
  *pairs = (struct url_pairs){0};
}

const char *url_pairs_get(const struct url_pairs *pairs, const char *name) {
  for (size_t i = 0; i < pairs->len; i++)
    if (str_eq(pairs->items[i].name, name)) return pairs->items[i].value;
  return NULL;
}

static void add_pair(struct url_pairs *pairs, char *name, char *value) {
  pairs->items = mem_grow(pairs->items, &pairs->capacity, pairs->len + 1, sizeof *pairs->items);
  pairs->items[pairs->len++] = (struct url_pair){name, value};
}

/* Adds "name=value"; false when it cannot be decoded. */
static bool add_encoded_pair(struct url_pairs *pairs, const char *text, size_t len) {
  const char *equals = memchr(text, '=', len);
  size_t name_len = equals ? (size_t)(equals - text) : len;
  size_t value_at = equals ? name_len + 1 : len;
  auto_str name = STR_EMPTY, value = STR_EMPTY;
  if (!url_decode(text, name_len, true, &name)) return false;
  if (!url_decode(text + value_at, len - value_at, true, &value)) return false;
  add_pair(pairs, str_take(&name), str_take(&value));
  return true;
}

err *url_parse_query(const char *text, struct url_pairs *ret_pairs) {
  struct url_pairs pairs = {0};
  err *e = NULL;
  while (*text && !e) {
    size_t len = strcspn(text, "&");
    if (pairs.len >= URL_PAIRS_MAX)
      e = err_new(ERR_LIMIT, "the query has more than %d parameters", URL_PAIRS_MAX);
    else if (len > 0 && !add_encoded_pair(&pairs, text, len))
      e = err_new(ERR_INVALID, "the query is not percent-encoded UTF-8");
    text += len;
    if (*text == '&') text++;
  }
  if (e) {
    url_pairs_done(&pairs);
    return e;
  }
  *ret_pairs = pairs;
  return NULL;
}

bool url_path_valid(const char *path) {
  if (*path != '/') return false;
  auto_str decoded = STR_EMPTY;
  while (*path == '/') {
    size_t len = strcspn(++path, "/");
    if (!url_decode(path, len, false, &decoded)) return false;
    path += len;
  }
  return true;
}

static bool is_rest(const char *segment, size_t len) {
  return len > 5 && segment[0] == '{' && memcmp(segment + len - 4, "...}", 4) == 0;
}

static void capture(struct url_pairs *params, const char *name, size_t name_len, const char *value,
                    size_t value_len) {
  auto_str decoded = STR_EMPTY;
  (void)url_decode(value, value_len, false, &decoded); /* cannot fail: url_path_valid */
  add_pair(params, str_ndup(name, name_len), str_take(&decoded));
}

/* Walks pattern and path, which both stand on a '/', segment by segment. */
static bool match_segments(const char *pattern, const char *path, struct url_pairs *params) {
  while (*pattern == '/' && *path == '/') {
    size_t pattern_len = strcspn(++pattern, "/"), path_len = strcspn(++path, "/");
    if (is_rest(pattern, pattern_len)) {
      capture(params, pattern + 1, pattern_len - 5, path, strlen(path));
      return true;
    }
    if (*pattern == '{') {
      if (path_len == 0) return false;
      capture(params, pattern + 1, pattern_len - 2, path, path_len);
    } else if (path_len != pattern_len || memcmp(pattern, path, path_len) != 0) {
      return false;
    }
    pattern += pattern_len;
    path += path_len;
  }
  return *pattern == *path; /* both at their end */
}

bool url_match(const char *pattern, const char *path, struct url_pairs *ret_params) {
  struct url_pairs params = {0};
  if (!match_segments(pattern, path, &params)) {
    url_pairs_done(&params);
    return false;
  }
  *ret_params = params;
  return true;
}

/* "text", "{name}" or, as the last one, "{name...}". */
static bool segment_valid(const char *segment, size_t len, bool is_last) {
  if (!memchr(segment, '{', len) && !memchr(segment, '}', len)) return true;
  if (is_rest(segment, len)) {
    if (!is_last) return false;
  } else if (len < 3 || segment[0] != '{' || segment[len - 1] != '}') {
    return false;
  }
  size_t name_len = strspn(segment + 1, "abcdefghijklmnopqrstuvwxyz_0123456789");
  return name_len > 0 && name_len == (is_rest(segment, len) ? len - 5 : len - 2);
}

bool url_pattern_valid(const char *pattern) {
  if (*pattern != '/') return false;
  while (*pattern == '/') {
    size_t len = strcspn(++pattern, "/");
    if (!segment_valid(pattern, len, pattern[len] == '\0')) return false;
    pattern += len;
  }
  return true;
}
