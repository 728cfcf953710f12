#include "base/toml_value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any number or date that means something; bounds the copies below. */
#define MAX_WORD 1024

/* Every character that a value of one word can have. */
static bool is_word_char(int c) {
  return toml_lex_is_bare(c) || c == '+' || c == '.' || c == ':';
}

/* A date may be followed by one space and a time. */
static size_t word_len(const struct toml_lex *lex) {
  size_t len = 0;
  while (is_word_char(toml_lex_peek_at(lex, len)))
    len++;
  bool date = len == 10 && toml_lex_peek_at(lex, 4) == '-' && toml_lex_peek_at(lex, 7) == '-';
  if (!date || toml_lex_peek_at(lex, len) != ' ' || !isdigit(toml_lex_peek_at(lex, len + 1)))
    return len;
  len++;
  while (is_word_char(toml_lex_peek_at(lex, len)))
    len++;
  return len;
}

/* Digits for which `is_digit` holds, with single underscores between them; the digits alone are
 * appended to `clean`.  At least one. */
static bool take_digits(const char **p, int (*is_digit)(int), struct str *clean) {
  if (!is_digit((unsigned char)**p)) return false;
  for (;; (*p)++) {
    if (**p == '_' && is_digit((unsigned char)(*p)[1])) (*p)++;
    if (!is_digit((unsigned char)**p)) return true;
    str_add_char(clean, **p);
  }
}

static int is_octal(int c) {
  return c >= '0' && c <= '7';
}

static int is_binary(int c) {
  return c == '0' || c == '1';
}

static err *make_integer(const struct toml_lex *lex, const char *digits, int base,
                         json_t **ret_value) {
  errno = 0;
  long long value = strtoll(digits, NULL, base);
  if (errno == ERANGE) return toml_lex_error(lex, "the integer does not fit into 64 bits");
  *ret_value = json_integer(value);
  return NULL;
}

static err *read_based_integer(const struct toml_lex *lex, const char *word, json_t **ret_value) {
  int base = word[1] == 'x' ? 16 : word[1] == 'o' ? 8 : 2;
  int (*is_digit)(int) = base == 16 ? isxdigit : base == 8 ? is_octal : is_binary;
  auto_str clean = STR_EMPTY;
  const char *p = word + 2;
  if (!take_digits(&p, is_digit, &clean) || *p)
    return toml_lex_error(lex, "'%s' is not an integer of base %d", word, base);
  return make_integer(lex, str_text(&clean), base, ret_value);
}

static err *make_float(const struct toml_lex *lex, const char *digits, json_t **ret_value) {
  double value = strtod(digits, NULL);
  if (!isfinite(value)) return toml_lex_error(lex, "the float does not fit into 64 bits");
  *ret_value = json_real(value);
  return NULL;
}

/* [sign] digits [. digits] [e [sign] digits], where the first digits have no leading zero. */
static err *read_number(const struct toml_lex *lex, const char *word, json_t **ret_value) {
  auto_str clean = STR_EMPTY;
  const char *p = word;
  if (*p == '+' || *p == '-') str_add_char(&clean, *p++);
  bool leading_zero = p[0] == '0' && (isdigit((unsigned char)p[1]) || p[1] == '_');
  bool good = take_digits(&p, isdigit, &clean), real = false;
  if (good && leading_zero)
    return toml_lex_error(lex, "'%s': a number cannot begin with a zero", word);
  if (good && *p == '.') {
    str_add_char(&clean, *p++);
    good = real = take_digits(&p, isdigit, &clean);
  }
  if (good && (*p == 'e' || *p == 'E')) {
    str_add_char(&clean, *p++);
    if (*p == '+' || *p == '-') str_add_char(&clean, *p++);
    good = real = take_digits(&p, isdigit, &clean);
  }
  if (!good || *p) return toml_lex_error(lex, "'%s' is not a value", word);
  return real ? make_float(lex, str_text(&clean), ret_value)
              : make_integer(lex, str_text(&clean), 10, ret_value);
}

/* Exactly two (or four) digits within [low, high]. */
static bool take_field(const char **p, int digits, int low, int high, int *ret_value) {
  int value = 0;
  for (int i = 0; i < digits; i++, (*p)++) {
    if (!isdigit((unsigned char)**p)) return false;
    value = value * 10 + (**p - '0');
  }
  *ret_value = value;
  return value >= low && value <= high;
}

static int days_of_month(int year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leap);
}

static bool take_date(const char **p) {
  int year, month, day;
  if (!take_field(p, 4, 0, 9999, &year) || *(*p)++ != '-') return false;
  if (!take_field(p, 2, 1, 12, &month) || *(*p)++ != '-') return false;
  return take_field(p, 2, 1, days_of_month(year, month), &day);
}

static bool take_time(const char **p) {
  int field;
  if (!take_field(p, 2, 0, 23, &field) || *(*p)++ != ':') return false;
  if (!take_field(p, 2, 0, 59, &field) || *(*p)++ != ':') return false;
  if (!take_field(p, 2, 0, 60, &field)) return false; /* 60: a leap second */
  if (**p != '.') return true;
  if (!isdigit((unsigned char)*++*p)) return false;
  while (isdigit((unsigned char)**p))
    (*p)++;
  return true;
}

static bool take_offset(const char **p) {
  int field;
  if (**p == 'Z' || **p == 'z') return (*p)++, true;
  if (*(*p)++ == '\0' || !take_field(p, 2, 0, 23, &field) || *(*p)++ != ':') return false;
  return take_field(p, 2, 0, 59, &field);
}

static bool is_date_time(const char *word) {
  const char *p = word;
  if (word[2] == ':') return take_time(&p) && !*p;
  if (!take_date(&p)) return false;
  if (!*p) return true;
  if (*p != 'T' && *p != 't' && *p != ' ') return false;
  p++;
  if (!take_time(&p)) return false;
  if (*p == 'Z' || *p == 'z' || *p == '+' || *p == '-') return take_offset(&p) && !*p;
  return !*p;
}

static err *read_date_time(const struct toml_lex *lex, char *word, json_t **ret_value) {
  if (!is_date_time(word)) return toml_lex_error(lex, "'%s' is not a date or time", word);
  if (word[2] != ':' && word[10]) word[10] = 'T';
  size_t last = strlen(word) - 1;
  if (word[last] == 'z') word[last] = 'Z';
  *ret_value = json_string(word);
  return NULL;
}

/* The float that `word` is written as when JSON has none for it, or NULL. */
static const char *special_float(const char *word) {
  bool negative = *word == '-';
  if (*word == '+' || *word == '-') word++;
  if (str_eq(word, "inf")) return negative ? "-inf" : "inf";
  return str_eq(word, "nan") ? "nan" : NULL;
}

/* "12:…" or "1234-…", which no number is written as. */
static bool looks_like_date_time(const char *word) {
  size_t digits = strspn(word, "0123456789");
  return (digits == 2 && word[2] == ':') || (digits == 4 && word[4] == '-');
}

err *toml_value_read(struct toml_lex *lex, json_t **ret_value) {
  char word[MAX_WORD + 1];
  size_t len = word_len(lex);
  if (len == 0) return toml_lex_error(lex, "expected a value");
  if (len > MAX_WORD) return toml_lex_error(lex, "the value is too long");
  memcpy(word, lex->text + lex->pos, len);
  word[len] = '\0';
  if (str_eq(word, "true") || str_eq(word, "false"))
    *ret_value = json_boolean(word[0] == 't');
  else if (special_float(word))
    *ret_value = json_string(special_float(word));
  else if (looks_like_date_time(word))
    TRY(read_date_time(lex, word, ret_value));
  else if (word[0] == '0' && (word[1] == 'x' || word[1] == 'o' || word[1] == 'b'))
    TRY(read_based_integer(lex, word, ret_value));
  else
    TRY(read_number(lex, word, ret_value));
  lex->pos += len;
  return NULL;
}
