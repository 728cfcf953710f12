#include "core/variable_functions.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "core/reference_syntax.h"
#include "model/variable.h"

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

enum { ARGUMENTS_MAX = 2 };

/* Below `bound`, each number as likely: what would favour the low ones is thrown away. */
static uint64_t random_below(uint64_t bound) {
  uint64_t value, limit = UINT64_MAX - UINT64_MAX % bound;
  do secret_random(&value, sizeof value);
  while (value >= limit);
  return value % bound;
}

/* Cut at commas outside of quotes; quotes around an argument are not part of it. */
static bool split(struct span arguments, char *ret_parts[ARGUMENTS_MAX], size_t *ret_len) {
  auto_str part = STR_EMPTY;
  char quote = 0;
  bool was_quoted = false;
  *ret_len = 0;
  if (!arguments.len) return true;
  for (size_t i = 0; i <= arguments.len; i++) {
    char c = i < arguments.len ? arguments.at[i] : ',';
    if (i < arguments.len && quote ? c == quote : !was_quoted && (c == '"' || c == '\'')) {
      was_quoted = quote != 0;
      quote = quote ? 0 : c;
    } else if (c == ',' && (!quote || i == arguments.len)) {
      if (quote || *ret_len == ARGUMENTS_MAX) return false;
      ret_parts[(*ret_len)++] = str_dup(str_text(&part));
      str_clear(&part);
      was_quoted = false;
    } else if (quote || c != ' ') {
      if (was_quoted) return false;
      str_add_char(&part, c);
    }
  }
  return true;
}

static bool is_plain(const char *text) {
  for (; *text; text++)
    if (*text < ' ' || *text > '~') return false;
  return true;
}

static err *add_secret(const char *name, char *const *parts, size_t len, struct str *out) {
  long long count = SECRET_LEN_DEFAULT;
  const char *alphabet = len > 1 ? parts[1] : LETTERS_AND_DIGITS;
  if (len > 0 && !str_to_int(parts[0], 1, SECRET_LEN_MAX, &count))
    return err_new(ERR_INVALID, "variable '%s': secret(length, \"alphabet\") takes a length from 1 to %d", name,
                   SECRET_LEN_MAX);
  if (!*alphabet || !is_plain(alphabet))
    return err_new(ERR_INVALID, "variable '%s': the alphabet of secret() is ASCII characters, at least one", name);
  while (count-- > 0) str_add_char(out, alphabet[random_below(strlen(alphabet))]);
  return NULL;
}

static err *add_number(const char *name, char *const *parts, size_t len, struct str *out) {
  long long low = 0, high = RANDOM_INT_MAX_DEFAULT;
  bool good = len < 1 || str_to_int(parts[0], INT32_MIN, INT32_MAX, &low);
  good = good && (len < 2 || str_to_int(parts[1], INT32_MIN, INT32_MAX, &high));
  if (!good || high < low)
    return err_new(ERR_INVALID, "variable '%s': randomInt(lowest, highest) takes two whole numbers, the lower one first",
                   name);
  str_addf(out, "%lld", low + (long long)random_below((uint64_t)(high - low) + 1));
  return NULL;
}

static bool is_called(const struct reference *f, const char *name) {
  return f->name.len == strlen(name) && strncmp(f->name.at, name, f->name.len) == 0;
}

static err *add_result(const char *name, const struct reference *f, struct str *out) {
  char *parts[ARGUMENTS_MAX] = {NULL};
  size_t len = 0;
  bool good = split(f->arguments, parts, &len);
  auto_free char *first = parts[0], *second = parts[1];
  (void)first, (void)second;
  if (!good) return err_new(ERR_INVALID, "variable '%s': the arguments of %.*s() cannot be read", name,
                            (int)(f->name.len > 64 ? 64 : f->name.len), f->name.at);
  if (is_called(f, "secret")) return add_secret(name, parts, len, out);
  if (is_called(f, "randomInt")) return add_number(name, parts, len, out);
  return err_new(ERR_INVALID, "variable '%s': there is no function %.*s(); there are secret() and randomInt()", name,
                 (int)(f->name.len > 64 ? 64 : f->name.len), f->name.at);
}

err *variable_functions_evaluate(const char *name, const char *text, char **ret_text) {
  auto_str out = STR_EMPTY;
  size_t cursor = 0, copied = 0;
  struct reference f;
  str_init(&out);
  while (reference_next(text, &cursor, &f)) {
    if (f.form != REFERENCE_FUNCTION) continue;
    str_add_bytes(&out, text + copied, (size_t)(f.whole.at - text) - copied);
    TRY(add_result(name, &f, &out));
    copied = cursor;
    if (out.len > VARIABLE_VALUE_LEN_MAX)
      return err_new(ERR_LIMIT, "the value of variable '%s' has more than %d bytes", name, VARIABLE_VALUE_LEN_MAX);
  }
  str_add(&out, text + copied);
  *ret_text = str_take(&out);
  return NULL;
}
