#include "base/toml_lex.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

__attribute__((format(printf, 4, 0))) static err *located_error(const struct toml_lex *lex,
                                                                size_t pos, enum err_code code,
                                                                const char *format, va_list args) {
  int line = 1, column = 1;
  for (size_t i = 0; i < pos && i < lex->len; i++) {
    unsigned char c = (unsigned char)lex->text[i];
    if (c == '\n') {
      line++;
      column = 1;
    } else if ((c & 0xC0) != 0x80) { /* not the inside of a UTF-8 sequence */
      column++;
    }
  }
  auto_free char *message = str_vformat(format, args);
  return err_new(code, "%s: line %d, column %d: %s", lex->what, line, column, message);
}

err *toml_lex_error(const struct toml_lex *lex, const char *format, ...) {
  va_list args;
  va_start(args, format);
  err *e = located_error(lex, lex->pos, ERR_INVALID, format, args);
  va_end(args);
  return e;
}

err *toml_lex_error_at(const struct toml_lex *lex, size_t pos, enum err_code code,
                       const char *format, ...) {
  va_list args;
  va_start(args, format);
  err *e = located_error(lex, pos, code, format, args);
  va_end(args);
  return e;
}

/* The bytes of the UTF-8 sequence that `lead` begins; 1 for a byte that begins none. */
static size_t sequence_len(unsigned char lead) {
  if (lead >= 0xF0) return 4;
  if (lead >= 0xE0) return 3;
  return lead >= 0xC0 ? 2 : 1;
}

/* No control character but tab, LF and CR LF may stand anywhere in a document. */
static bool is_stray_control(const struct toml_lex *lex, size_t pos) {
  unsigned char c = (unsigned char)lex->text[pos];
  if (c == '\r') return pos + 1 >= lex->len || lex->text[pos + 1] != '\n';
  return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7F;
}

err *toml_lex_init(struct toml_lex *lex, const char *text, size_t len, const char *what) {
  *lex = (struct toml_lex){.text = text, .len = len, .line = 1, .what = what};
  for (size_t pos = 0; pos < len;) {
    size_t size = sequence_len((unsigned char)text[pos]);
    if (size > len - pos || !str_is_utf8(text + pos, size))
      return toml_lex_error_at(lex, pos, ERR_INVALID, "byte 0x%02X is not UTF-8",
                               (unsigned char)text[pos]);
    if (is_stray_control(lex, pos))
      return toml_lex_error_at(lex, pos, ERR_INVALID, "control character U+%04X is not allowed%s",
                               (unsigned char)text[pos],
                               text[pos] == '\r' ? " (a carriage return needs a line feed)" : "");
    pos += size;
  }
  if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) lex->pos = 3;
  return NULL;
}

int toml_lex_peek_at(const struct toml_lex *lex, size_t ahead) {
  return lex->len - lex->pos > ahead ? (unsigned char)lex->text[lex->pos + ahead] : TOML_LEX_END;
}

int toml_lex_peek(const struct toml_lex *lex) {
  return toml_lex_peek_at(lex, 0);
}

/* Skips one byte; every newline is passed here, so that `line` stays true. */
static void advance(struct toml_lex *lex) {
  if (lex->text[lex->pos++] == '\n') lex->line++;
}

bool toml_lex_take(struct toml_lex *lex, char c) {
  if (toml_lex_peek(lex) != (unsigned char)c) return false;
  advance(lex);
  return true;
}

static bool take_newline(struct toml_lex *lex) {
  if (toml_lex_peek(lex) == '\r') advance(lex); /* toml_lex_init saw that LF follows */
  return toml_lex_take(lex, '\n');
}

void toml_lex_skip_space(struct toml_lex *lex) {
  while (toml_lex_take(lex, ' ') || toml_lex_take(lex, '\t'))
    continue;
}

static void skip_comment(struct toml_lex *lex) {
  if (toml_lex_peek(lex) != '#') return;
  while (toml_lex_peek(lex) != TOML_LEX_END && toml_lex_peek(lex) != '\r' &&
         toml_lex_peek(lex) != '\n')
    advance(lex);
}

void toml_lex_skip_lines(struct toml_lex *lex) {
  do {
    toml_lex_skip_space(lex);
    skip_comment(lex);
  } while (take_newline(lex));
}

err *toml_lex_end_of_line(struct toml_lex *lex) {
  toml_lex_skip_space(lex);
  skip_comment(lex);
  if (take_newline(lex) || toml_lex_peek(lex) == TOML_LEX_END) return NULL;
  return toml_lex_error(lex, "expected the end of the line");
}

bool toml_lex_is_bare(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

err *toml_lex_key(struct toml_lex *lex, struct str *ret_key) {
  int c = toml_lex_peek(lex);
  if (c == '"' || c == '\'') {
    if (toml_lex_peek_at(lex, 1) == c && toml_lex_peek_at(lex, 2) == c)
      return toml_lex_error(lex, "a key cannot be a multi-line string");
    return toml_lex_string(lex, ret_key);
  }
  if (!toml_lex_is_bare(c)) return toml_lex_error(lex, "expected a key");
  for (; toml_lex_is_bare(toml_lex_peek(lex)); advance(lex))
    str_add_char(ret_key, (char)toml_lex_peek(lex));
  return NULL;
}

static void add_utf8(struct str *text, uint32_t point) {
  if (point < 0x80) {
    str_add_char(text, (char)point);
  } else if (point < 0x800) {
    str_add_char(text, (char)(0xC0 | point >> 6));
    str_add_char(text, (char)(0x80 | (point & 0x3F)));
  } else if (point < 0x10000) {
    str_add_char(text, (char)(0xE0 | point >> 12));
    str_add_char(text, (char)(0x80 | (point >> 6 & 0x3F)));
    str_add_char(text, (char)(0x80 | (point & 0x3F)));
  } else {
    str_add_char(text, (char)(0xF0 | point >> 18));
    str_add_char(text, (char)(0x80 | (point >> 12 & 0x3F)));
    str_add_char(text, (char)(0x80 | (point >> 6 & 0x3F)));
    str_add_char(text, (char)(0x80 | (point & 0x3F)));
  }
}

static int hex_digit(int c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The digits of \uXXXX or \UXXXXXXXX. */
static err *read_code_point(struct toml_lex *lex, int digits, struct str *ret_text) {
  size_t start = lex->pos;
  uint32_t point = 0;
  for (int i = 0; i < digits; i++) {
    int digit = hex_digit(toml_lex_peek(lex));
    if (digit < 0) return toml_lex_error(lex, "expected %d hexadecimal digits", digits);
    point = point << 4 | (uint32_t)digit;
    advance(lex);
  }
  if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
    return toml_lex_error_at(lex, start, ERR_INVALID, "U+%04X is not a Unicode scalar value",
                             (unsigned)point);
  add_utf8(ret_text, point);
  return NULL;
}

/* `\` at the end of a line takes all white space up to the next character away. */
static err *skip_line_fold(struct toml_lex *lex) {
  toml_lex_skip_space(lex);
  if (!take_newline(lex))
    return toml_lex_error(lex, "only white space may follow a '\\' at the end of a line");
  do
    toml_lex_skip_space(lex);
  while (take_newline(lex));
  return NULL;
}

static err *read_escape(struct toml_lex *lex, bool multi_line, struct str *ret_text) {
  static const char names[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
  int c = toml_lex_peek(lex);
  if (multi_line && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) return skip_line_fold(lex);
  if (c == TOML_LEX_END || c == '\n' || c == '\r')
    return toml_lex_error(lex, "the string is not closed");
  const char *found = memchr(names, c, sizeof names - 1);
  if (!found && c != 'u' && c != 'U')
    return toml_lex_error(lex, "'\\%c' is not an escape sequence", c > 0x7E ? '?' : c);
  advance(lex);
  if (!found) return read_code_point(lex, c == 'u' ? 4 : 8, ret_text);
  str_add_char(ret_text, meanings[found - names]);
  return NULL;
}

/* At a quote inside a multi-line string: three close it, and up to two more in front of those
 * belong to the text. */
static bool closes_multi_line(struct toml_lex *lex, char quote, struct str *text) {
  size_t count = 0;
  while (count < 5 && toml_lex_take(lex, quote))
    count++;
  size_t of_text = count < 3 ? count : count - 3;
  for (size_t i = 0; i < of_text; i++)
    str_add_char(text, quote);
  return count >= 3;
}

static err *read_multi_line(struct toml_lex *lex, char quote, size_t start, struct str *ret_text) {
  take_newline(lex); /* one right behind the opening quotes does not count */
  for (;;) {
    int c = toml_lex_peek(lex);
    if (c == TOML_LEX_END)
      return toml_lex_error_at(lex, start, ERR_INVALID, "the multi-line string is not closed");
    if (c == quote) {
      if (closes_multi_line(lex, quote, ret_text)) return NULL;
    } else if (c == '\\' && quote == '"') {
      advance(lex);
      TRY(read_escape(lex, true, ret_text));
    } else {
      if (c != '\r') str_add_char(ret_text, (char)c);
      advance(lex);
    }
  }
}

err *toml_lex_string(struct toml_lex *lex, struct str *ret_text) {
  size_t start = lex->pos;
  char quote = (char)toml_lex_peek(lex);
  advance(lex);
  if (toml_lex_peek(lex) == quote && toml_lex_peek_at(lex, 1) == quote) {
    lex->pos += 2;
    return read_multi_line(lex, quote, start, ret_text);
  }
  while (!toml_lex_take(lex, quote)) {
    int c = toml_lex_peek(lex);
    if (c == TOML_LEX_END || c == '\n' || c == '\r')
      return toml_lex_error(lex, "the string is not closed");
    advance(lex);
    if (c == '\\' && quote == '"')
      TRY(read_escape(lex, false, ret_text));
    else
      str_add_char(ret_text, (char)c);
  }
  return NULL;
}
