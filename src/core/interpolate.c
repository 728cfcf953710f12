#include "core/interpolate.h"

#include <string.h>

#include "base/mem.h"

struct expanding {
  interpolate_lookup *lookup;
  void *arg;
  struct str *out;
  struct strv *unset;
};

static bool is_name(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static size_t name_length(const char *text) {
  size_t len = 0;
  while (is_name(text[len], len == 0)) len++;
  return len;
}

static err *expand(const struct expanding *x, const char *text, size_t len, int depth);

static void note_unset(const struct expanding *x, const char *name) {
  if (!strv_has(x->unset, name)) strv_add(x->unset, name);
}

/* What follows the name in the braces: an operator, with ':' or not, and its text. */
static err *expand_operator(const struct expanding *x, const char *name, const char *rest, size_t len, int depth) {
  const char *value = x->lookup(x->arg, name);
  bool colon = len && *rest == ':';
  bool set = value && (*value || !colon);
  rest += colon;
  len -= colon;
  char operator = len ? *rest : '\0';
  if (operator == '-' && !set) return expand(x, rest + 1, len - 1, depth + 1);
  if (operator == '+') return set ? expand(x, rest + 1, len - 1, depth + 1) : NULL;
  if (operator == '?' && !set)
    return err_new(ERR_INVALID, "the variable %s must be set: %.*s", name, (int)(len - 1), rest + 1);
  if (!operator && !value) note_unset(x, name);
  if (!operator || operator == '-' || operator == '?') str_add(x->out, value ? value : "");
  return !operator || strchr("-?", operator) ? NULL : err_new(ERR_INVALID, "'${%s…' cannot be read", name);
}

/* The brace that belongs to the one before `text`; braces inside nest. */
static size_t closing(const char *text, size_t len) {
  int open = 1;
  for (size_t i = 0; i < len; i++) {
    if (text[i] == '{') open++;
    if (text[i] == '}' && --open == 0) return i;
  }
  return len;
}

/* `text` begins behind "${"; *ret_used: how much of it. */
static err *expand_braces(const struct expanding *x, const char *text, size_t len, int depth, size_t *ret_used) {
  size_t end = closing(text, len), name_len = name_length(text);
  if (end == len) return err_new(ERR_INVALID, "'${' has no end");
  *ret_used = end + 1;
  if (*text == '{') { /* ${{…}} */
    str_add(x->out, "${");
    str_add_bytes(x->out, text, end + 1);
    return NULL;
  }
  if (!name_len || name_len > end) return err_new(ERR_INVALID, "'${%.*s}' has no name", (int)(end < 32 ? end : 32), text);
  auto_free char *name = str_ndup(text, name_len);
  return expand_operator(x, name, text + name_len, end - name_len, depth);
}

static void expand_name(const struct expanding *x, const char *text, size_t len) {
  auto_free char *name = str_ndup(text, len);
  const char *value = x->lookup(x->arg, name);
  if (!value) note_unset(x, name);
  str_add(x->out, value ? value : "");
}

static err *expand(const struct expanding *x, const char *text, size_t len, int depth) {
  if (depth > INTERPOLATE_DEPTH_MAX) return err_new(ERR_LIMIT, "defaults nest deeper than %d", INTERPOLATE_DEPTH_MAX);
  for (size_t i = 0; i < len;) {
    const char *at = text + i;
    size_t used = 1, left = len - i;
    if (x->out->len > INTERPOLATE_BYTES_MAX) return err_new(ERR_LIMIT, "it becomes over %d bytes", INTERPOLATE_BYTES_MAX);
    if (*at != '$') {
      str_add_char(x->out, *at);
    } else if (left > 1 && at[1] == '$') {
      str_add_char(x->out, '$');
      used = 2;
    } else if (left > 1 && at[1] == '{') {
      TRY(expand_braces(x, at + 2, left - 2, depth, &used));
      used += 2;
    } else if (left > 1 && is_name(at[1], true)) {
      used = 1 + name_length(at + 1);
      if (used > left) used = left;
      expand_name(x, at + 1, used - 1);
    } else {
      str_add_char(x->out, '$');
    }
    i += used;
  }
  return NULL;
}

err *interpolate(const char *text, interpolate_lookup *lookup, void *arg, struct str *ret_text,
                 struct strv *ret_unset) {
  struct expanding x = {.lookup = lookup, .arg = arg, .out = ret_text, .unset = ret_unset};
  str_add(ret_text, "");
  return expand(&x, text, strlen(text), 0);
}
