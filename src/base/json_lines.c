#include "base/json_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/toml.h"

enum { DEPTH_MAX = 2048 }; /* jansson's */

struct scan {
  const char *p, *end;
  const char *wanted;
  int line, found, depth;
};

static int peek(const struct scan *s) {
  return s->p < s->end ? (unsigned char)*s->p : -1;
}

static void advance(struct scan *s) {
  if (s->p < s->end && *s->p++ == '\n') s->line++;
}

static void skip_space(struct scan *s) {
  while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\r' || peek(s) == '\n') advance(s);
}

static void skip_string(struct scan *s) {
  for (advance(s); peek(s) != '"' && peek(s) >= 0; advance(s))
    if (peek(s) == '\\') advance(s);
  advance(s);
}

static void skip_value(struct scan *s, const char *path);

/* The key as text, decoded; the caller owns it. */
static char *take_key(struct scan *s) {
  const char *start = s->p;
  skip_string(s);
  auto_json *key = json_loadb(start, (size_t)(s->p - start), JSON_DECODE_ANY, NULL);
  return str_dup(json_is_string(key) ? json_string_value(key) : "");
}

static void skip_member(struct scan *s, const char *path) {
  int line = s->line;
  auto_free char *key = take_key(s);
  auto_free char *at = toml_path_join(path, key);
  if (str_eq(at, s->wanted)) s->found = line;
  skip_space(s);
  advance(s); /* the colon */
  skip_value(s, at);
}

static void skip_item(struct scan *s, const char *path, size_t index) {
  auto_free char *at = str_format("%s[%zu]", path, index);
  skip_space(s);
  if (str_eq(at, s->wanted)) s->found = s->line;
  skip_value(s, at);
}

static void skip_container(struct scan *s, const char *path, int close) {
  advance(s);
  for (size_t i = 0; !s->found; i++) {
    skip_space(s);
    if (peek(s) == close || peek(s) < 0) break;
    if (close == '}')
      skip_member(s, path);
    else
      skip_item(s, path, i);
    skip_space(s);
    if (peek(s) == ',') advance(s);
  }
  advance(s);
}

/* A word or a number; at least one byte, so that a broken text comes to its end, too. */
static void skip_word(struct scan *s) {
  do advance(s);
  while (peek(s) >= 0 && !strchr(" \t\r\n,:[]{}\"", peek(s)));
}

static void skip_value(struct scan *s, const char *path) {
  skip_space(s);
  int c = peek(s);
  if (++s->depth > DEPTH_MAX) {
    s->p = s->end;
  } else if (c == '"') {
    skip_string(s);
  } else if (c == '{' || c == '[') {
    skip_container(s, path, c == '{' ? '}' : ']');
  } else {
    skip_word(s);
  }
  s->depth--;
}

int json_line_of(const char *text, size_t len, const char *path) {
  struct scan s = {.p = text, .end = text + len, .wanted = path, .line = 1};
  if (!*path) return 1;
  skip_value(&s, "");
  return s.found;
}
