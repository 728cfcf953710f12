#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

char *str_dup(const char *text) {
  return text ? mem_dup(text, strlen(text) + 1) : NULL;
}

char *str_ndup(const char *text, size_t n) {
  char *copy = mem_alloc(n + 1);
  if (n) memcpy(copy, text, n);
  copy[n] = '\0';
  return copy;
}

char *str_vformat(const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, format, again);
  va_end(again);
  if (len < 0) abort();
  char *text = mem_alloc((size_t)len + 1);
  vsnprintf(text, (size_t)len + 1, format, args);
  return text;
}

char *str_format(const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = str_vformat(format, args);
  va_end(args);
  return text;
}

bool str_eq(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_ieq(const char *a, const char *b) {
  return a && b ? strcasecmp(a, b) == 0 : a == b;
}

bool str_empty(const char *text) {
  return !text || !*text;
}

bool str_starts(const char *text, const char *prefix) {
  return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix) {
  if (!text) return false;
  size_t text_len = strlen(text), suffix_len = strlen(suffix);
  return text_len >= suffix_len && memcmp(text + text_len - suffix_len, suffix, suffix_len) == 0;
}

char *str_trim(char *text) {
  while (isspace((unsigned char)*text)) text++;
  char *end = text + strlen(text);
  while (end > text && isspace((unsigned char)end[-1])) end--;
  *end = '\0';
  return text;
}

void str_replace_owned(char **slot, const char *text) {
  char *copy = str_dup(text);
  free(*slot);
  *slot = copy;
}

bool str_to_int(const char *text, long long low, long long high, long long *ret_value) {
  if (str_empty(text) || isspace((unsigned char)*text)) return false;
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || *end || value < low || value > high) return false;
  *ret_value = value;
  return true;
}

/* Bytes of the UTF-8 sequence that starts at `p`, or 0 when it is not one. */
static size_t utf8_sequence(const unsigned char *p, size_t left) {
  if (p[0] < 0x80) return 1;
  size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
  if (p[0] < 0xc2 || p[0] > 0xf4 || left < len) return 0;
  for (size_t i = 1; i < len; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  if (p[0] == 0xe0 && p[1] < 0xa0) return 0;
  if (p[0] == 0xed && p[1] > 0x9f) return 0;
  if (p[0] == 0xf0 && p[1] < 0x90) return 0;
  if (p[0] == 0xf4 && p[1] > 0x8f) return 0;
  return len;
}

bool str_is_utf8(const char *data, size_t len) {
  const unsigned char *p = (const unsigned char *)data;
  for (size_t i = 0; i < len;) {
    size_t step = utf8_sequence(p + i, len - i);
    if (step == 0) return false;
    i += step;
  }
  return true;
}

size_t str_distance(const char *a, const char *b) {
  enum { LONGEST = 63 };
  size_t a_len = strnlen(a, LONGEST), b_len = strnlen(b, LONGEST);
  size_t row[LONGEST + 1];
  for (size_t j = 0; j <= b_len; j++) row[j] = j;
  for (size_t i = 1; i <= a_len; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b_len; j++) {
      size_t replace = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
      size_t edit = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      diagonal = row[j];
      row[j] = replace < edit ? replace : edit;
    }
  }
  return row[b_len];
}

void str_init(struct str *s) {
  *s = STR_EMPTY;
  str_add(s, "");
}

void str_done(struct str *s) {
  free(s->data);
  *s = STR_EMPTY;
}

void str_clear(struct str *s) {
  s->len = 0;
  if (s->data) s->data[0] = '\0';
}

void str_add(struct str *s, const char *text) {
  str_add_bytes(s, text, strlen(text));
}

void str_add_bytes(struct str *s, const void *data, size_t len) {
  s->data = mem_grow(s->data, &s->capacity, s->len + len + 1, 1);
  if (len) memcpy(s->data + s->len, data, len);
  s->len += len;
  s->data[s->len] = '\0';
}

void str_add_char(struct str *s, char c) {
  str_add_bytes(s, &c, 1);
}

void str_addf(struct str *s, const char *format, ...) {
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  str_add(s, text);
}

void str_consume(struct str *s, size_t n) {
  if (n == 0) return;
  s->len -= n;
  memmove(s->data, s->data + n, s->len + 1);
}

const char *str_text(const struct str *s) {
  return s->data ? s->data : "";
}

char *str_take(struct str *s) {
  if (!s->data) str_init(s);
  char *text = s->data;
  *s = STR_EMPTY;
  return text;
}

void strv_done(struct strv *v) {
  for (size_t i = 0; i < v->len; i++) free(v->items[i]);
  free(v->items);
  *v = STRV_EMPTY;
}

void strv_add_take(struct strv *v, char *text) {
  v->items = mem_grow(v->items, &v->capacity, v->len + 2, sizeof *v->items);
  v->items[v->len++] = text;
  v->items[v->len] = NULL;
}

void strv_add(struct strv *v, const char *text) {
  strv_add_take(v, str_dup(text));
}

void strv_addf(struct strv *v, const char *format, ...) {
  va_list args;
  va_start(args, format);
  strv_add_take(v, str_vformat(format, args));
  va_end(args);
}

void strv_add_all(struct strv *v, const char *const *items) {
  for (; items && *items; items++) strv_add(v, *items);
}

void strv_split(struct strv *v, const char *text, char separator) {
  for (;;) {
    const char *end = strchr(text, separator);
    if (!end) break;
    strv_add_take(v, str_ndup(text, (size_t)(end - text)));
    text = end + 1;
  }
  strv_add(v, text);
}

bool strv_has(const struct strv *v, const char *text) {
  for (size_t i = 0; i < v->len; i++)
    if (str_eq(v->items[i], text)) return true;
  return false;
}

char *strv_join(const struct strv *v, const char *separator) {
  struct str joined;
  str_init(&joined);
  for (size_t i = 0; i < v->len; i++) {
    if (i) str_add(&joined, separator);
    str_add(&joined, v->items[i]);
  }
  return str_take(&joined);
}
