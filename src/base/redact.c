#include "base/redact.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

enum { HASH_BITS = 13, HASH_SIZE = 1 << HASH_BITS, NONE = 0xffff };

struct pattern {
  char *text;
  size_t len;
  uint16_t name;
  uint16_t next; /* in its bucket, the longer ones first */
};

struct tables {
  uint8_t skip[HASH_SIZE];
  uint16_t bucket[HASH_SIZE];
};

struct redactor {
  size_t references;
  struct strv names;
  struct pattern *patterns;
  size_t len, capacity;
  size_t window; /* the shortest pattern's length: what is looked at of each */
  struct tables *tables; /* NULL: nothing is looked for */
};

redactor *redactor_new(void) {
  redactor *r = mem_zalloc(sizeof *r);
  r->references = 1;
  return r;
}

redactor *redactor_ref(redactor *r) {
  if (r) r->references++;
  return r;
}

void redactor_free(redactor *r) {
  if (!r || --r->references) return;
  for (size_t i = 0; i < r->len; i++) {
    secret_wipe(r->patterns[i].text, r->patterns[i].len);
    free(r->patterns[i].text);
  }
  free(r->patterns);
  free(r->tables);
  strv_done(&r->names);
  free(r);
}

bool redactor_is_empty(const redactor *r) {
  return !r || !r->len;
}

/* ---- the forms of a secret ---- */

static void add_pattern(redactor *r, const char *text, size_t len) {
  if (len < REDACT_MIN || r->len >= REDACT_PATTERNS_MAX) return;
  for (size_t i = 0; i < r->len; i++)
    if (r->patterns[i].len == len && memcmp(r->patterns[i].text, text, len) == 0) return;
  r->patterns = mem_grow(r->patterns, &r->capacity, r->len + 1, sizeof *r->patterns);
  r->patterns[r->len++] =
      (struct pattern){.text = str_ndup(text, len), .len = len, .name = (uint16_t)(r->names.len - 1)};
}

static void add_text(redactor *r, struct str *text) {
  add_pattern(r, str_text(text), text->len);
  if (text->len) secret_wipe(text->data, text->len);
  str_done(text);
}

/* What of the encoding depends on nothing but the secret, when `offset` bytes stand before it in its group
 * of three. */
static void add_base64(redactor *r, const char *alphabet, const char *value, size_t len, size_t offset) {
  struct str out = STR_EMPTY;
  size_t first = (offset * 8 + 5) / 6, end = (offset + len) * 8 / 6;
  for (size_t i = first; i < end; i++) {
    size_t bit = i * 6 - offset * 8, byte = bit / 8;
    unsigned two = (unsigned)(unsigned char)value[byte] << 8;
    if (byte + 1 < len) two |= (unsigned char)value[byte + 1];
    str_add_char(&out, alphabet[two >> (10 - bit % 8) & 63]);
  }
  add_text(r, &out);
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static void add_base64_forms(redactor *r, const char *value, size_t len) {
  for (size_t offset = 0; offset < 3; offset++) {
    add_base64(r, LETTERS "+/", value, len, offset);
    add_base64(r, LETTERS "-_", value, len, offset);
  }
}

/* RFC 3986 leaves the unreserved characters; encodeURIComponent some more; forms write a blank as '+'. */
static void add_url(redactor *r, const char *value, size_t len, const char *kept, bool plus, const char *digits) {
  struct str out = STR_EMPTY;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)value[i];
    if (isalnum(c) || strchr(kept, c))
      str_add_char(&out, (char)c);
    else if (c == ' ' && plus)
      str_add_char(&out, '+');
    else
      str_addf(&out, "%%%c%c", digits[c >> 4], digits[c & 15]);
  }
  add_text(r, &out);
}

static void add_url_forms(redactor *r, const char *value, size_t len) {
  static const char *const kept[] = {"-._~", "-._~!*'()", "-._*", "-._~/", "-._~!*'();/?:@&=+$,#"};
  for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
    add_url(r, value, len, kept[i], false, "0123456789ABCDEF");
    add_url(r, value, len, kept[i], false, "0123456789abcdef");
    add_url(r, value, len, kept[i], true, "0123456789ABCDEF");
  }
}

static void add_json(redactor *r, const char *value, size_t len, bool slashes) {
  struct str out = STR_EMPTY;
  for (size_t i = 0; i < len; i++) {
    static const char plain[] = "\b\f\n\r\t", letters[] = "bfnrt";
    const char *control = value[i] ? strchr(plain, value[i]) : NULL;
    if (control)
      str_addf(&out, "\\%c", letters[control - plain]);
    else if (value[i] == '"' || value[i] == '\\' || (slashes && value[i] == '/'))
      str_addf(&out, "\\%c", value[i]);
    else
      str_add_char(&out, value[i]);
  }
  add_text(r, &out);
}

/* The whole one and, as logs are read by lines, each line of it that is no mere frame. */
static void add_lines(redactor *r, const char *value, size_t len) {
  add_pattern(r, value, len);
  if (!memchr(value, '\n', len)) return;
  for (const char *line = value, *end = value + len; line < end;) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    size_t n = (size_t)((newline ? newline : end) - line);
    size_t shown = n && line[n - 1] == '\r' ? n - 1 : n;
    if (shown >= REDACT_MIN_LINE && !str_starts(line, "-----")) add_pattern(r, line, shown);
    line += n + 1;
  }
}

void redactor_add(redactor *r, const char *name, const char *value) {
  size_t len = strnlen(value, REDACT_BYTES_MAX);
  while (len && (value[len - 1] == '\n' || value[len - 1] == '\r')) len--; /* a file's end: logs have none */
  if (len < REDACT_MIN) return;
  strv_add(&r->names, name);
  add_lines(r, value, len);
  add_json(r, value, len, false);
  add_json(r, value, len, true);
  add_url_forms(r, value, len);
  if (len >= REDACT_MIN_ENCODED) add_base64_forms(r, value, len);
}

/* ---- searching ---- */

static unsigned hash(const char *p) {
  return ((unsigned)(unsigned char)p[0] << 5 ^ (unsigned char)p[1]) & (HASH_SIZE - 1);
}

static int longest_first(const void *a, const void *b) {
  size_t x = ((const struct pattern *)a)->len, y = ((const struct pattern *)b)->len;
  return x < y ? 1 : x > y ? -1 : 0;
}

void redactor_ready(redactor *r) {
  if (!r->len) return;
  qsort(r->patterns, r->len, sizeof *r->patterns, longest_first);
  r->window = r->patterns[r->len - 1].len;
  if (r->window > UINT8_MAX) r->window = UINT8_MAX;
  struct tables *t = r->tables = mem_alloc(sizeof *t);
  memset(t->skip, (int)(r->window - 1), sizeof t->skip);
  memset(t->bucket, 0xff, sizeof t->bucket);
  for (size_t i = r->len; i-- > 0;) { /* the longest last, so that it is the first of its bucket */
    struct pattern *p = &r->patterns[i];
    for (size_t at = 1; at < r->window; at++) {
      uint8_t *skip = &t->skip[hash(p->text + at - 1)];
      if (r->window - 1 - at < *skip) *skip = (uint8_t)(r->window - 1 - at);
    }
    uint16_t *bucket = &t->bucket[hash(p->text + r->window - 2)];
    p->next = *bucket;
    *bucket = (uint16_t)i;
  }
}

/* The first place where one stands, and of those there the longest. */
bool redact_find(const redactor *r, const char *text, size_t len, size_t from, struct redact_match *ret_match) {
  if (redactor_is_empty(r)) return false;
  const struct tables *t = r->tables;
  for (size_t last = from + r->window - 1; last < len;) { /* of the window */
    unsigned h = hash(text + last - 1);
    if (t->skip[h]) {
      last += t->skip[h];
      continue;
    }
    size_t start = last + 1 - r->window;
    for (uint16_t i = t->bucket[h]; i != NONE; i = r->patterns[i].next) {
      const struct pattern *p = &r->patterns[i];
      if (p->len > len - start || memcmp(p->text, text + start, p->len) != 0) continue;
      *ret_match = (struct redact_match){start, p->len, r->names.items[p->name]};
      return true;
    }
    last++;
  }
  return false;
}

bool redact(const redactor *r, const char *text, size_t len, struct str *out) {
  size_t from = 0;
  for (struct redact_match m; redact_find(r, text, len, from, &m); from = m.at + m.len) {
    str_add_bytes(out, text + from, m.at - from);
    str_addf(out, "[redacted %s]", m.name);
  }
  if (!from) return false;
  str_add_bytes(out, text + from, len - from);
  return true;
}
