#include "graphql/lex.h"

#include <string.h>

#include "base/str.h"

fallible graphql_lex_start(struct graphql_lexer *lexer, const char *text, size_t len,
                           const struct graphql_limits *limits, graphql_arena *arena) {
  if (len > limits->max_document_bytes)
    return err_new(ERR_LIMIT, "the document has %zu bytes, at most %zu are accepted", len,
                   limits->max_document_bytes);
  if (!str_is_utf8(text, len)) return err_new(ERR_INVALID, "the document is not UTF-8");
  *lexer = (struct graphql_lexer){
      .text = text, .len = len, .line = 1, .max_tokens = limits->max_tokens, .arena = arena};
  if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) lexer->position = lexer->line_start = 3;
  return NULL;
}

/* The byte `ahead` of the current one; 0 beyond the end (a NUL in the text is refused elsewhere).
 */
static unsigned char peek(const struct graphql_lexer *lexer, size_t ahead) {
  size_t at = lexer->position + ahead;
  return at < lexer->len ? (unsigned char)lexer->text[at] : 0;
}

static bool starts(const struct graphql_lexer *lexer, const char *text) {
  size_t len = strlen(text);
  return lexer->len - lexer->position >= len &&
         memcmp(lexer->text + lexer->position, text, len) == 0;
}

static bool is_digit(unsigned char c) {
  return c >= '0' && c <= '9';
}

static bool is_name_start(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(unsigned char c) {
  return is_name_start(c) || is_digit(c);
}

/* Tab, line ends and everything from the space on (section 2.1.1). */
static bool is_source(unsigned char c) {
  return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
}

static struct graphql_location here(const struct graphql_lexer *lexer) {
  return (struct graphql_location){.line = lexer->line,
                                   .column = (uint32_t)(lexer->position - lexer->line_start + 1)};
}

/* Steps over a line end ("\n", "\r" or "\r\n"), which the current byte begins. */
static void pass_line_end(struct graphql_lexer *lexer) {
  lexer->position += starts(lexer, "\r\n") ? 2 : 1;
  lexer->line++;
  lexer->line_start = lexer->position;
}

static void pass_comment(struct graphql_lexer *lexer) {
  unsigned char c;
  while ((c = peek(lexer, 0)) && is_source(c) && c != '\n' && c != '\r')
    lexer->position++;
}

static void pass_ignored(struct graphql_lexer *lexer) {
  for (;;) {
    switch (peek(lexer, 0)) {
    case ' ':
    case '\t':
    case ',':
      lexer->position++;
      break;
    case '\n':
    case '\r':
      pass_line_end(lexer);
      break;
    case '#':
      pass_comment(lexer);
      break;
    default:
      return;
    }
  }
}

static fallible fault(struct graphql_lexer *lexer, struct graphql_token *token, const char *what) {
  token->at = here(lexer);
  return err_new(ERR_INVALID, "%s", what);
}

static void finish(struct graphql_lexer *lexer, struct graphql_token *token, size_t start) {
  token->text = graphql_arena_text(lexer->arena, lexer->text + start, lexer->position - start);
}

static fallible lex_name(struct graphql_lexer *lexer, struct graphql_token *token) {
  size_t start = lexer->position;
  while (is_name(peek(lexer, 0)))
    lexer->position++;
  token->kind = GRAPHQL_TOKEN_NAME;
  finish(lexer, token, start);
  return NULL;
}

static bool pass_digits(struct graphql_lexer *lexer) {
  size_t start = lexer->position;
  while (is_digit(peek(lexer, 0)))
    lexer->position++;
  return lexer->position > start;
}

static fallible lex_number(struct graphql_lexer *lexer, struct graphql_token *token) {
  size_t start = lexer->position;
  token->kind = GRAPHQL_TOKEN_INT;
  if (peek(lexer, 0) == '-') lexer->position++;
  bool zero = peek(lexer, 0) == '0';
  if (zero && is_digit(peek(lexer, 1)))
    return fault(lexer, token, "a number must not begin with 0");
  if (!pass_digits(lexer)) return fault(lexer, token, "expected a digit after '-'");
  if (peek(lexer, 0) == '.') {
    token->kind = GRAPHQL_TOKEN_FLOAT;
    lexer->position++;
    if (!pass_digits(lexer)) return fault(lexer, token, "expected a digit after '.'");
  }
  if (peek(lexer, 0) == 'e' || peek(lexer, 0) == 'E') {
    token->kind = GRAPHQL_TOKEN_FLOAT;
    lexer->position++;
    if (peek(lexer, 0) == '+' || peek(lexer, 0) == '-') lexer->position++;
    if (!pass_digits(lexer)) return fault(lexer, token, "expected a digit in the exponent");
  }
  if (is_name_start(peek(lexer, 0)) || peek(lexer, 0) == '.')
    return fault(lexer, token, "a number must be followed by a space");
  finish(lexer, token, start);
  return NULL;
}

static int hex_digit(unsigned char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Four hex digits at the current byte; false when there are not four. */
static bool pass_hex4(struct graphql_lexer *lexer, uint32_t *ret_code) {
  uint32_t code = 0;
  for (size_t i = 0; i < 4; i++) {
    int digit = hex_digit(peek(lexer, i));
    if (digit < 0) return false;
    code = code * 16 + (uint32_t)digit;
  }
  lexer->position += 4;
  *ret_code = code;
  return true;
}

static char *put_utf8(char *out, uint32_t code) {
  if (code < 0x80) {
    *out++ = (char)code;
  } else if (code < 0x800) {
    *out++ = (char)(0xC0 | code >> 6);
    *out++ = (char)(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out++ = (char)(0xE0 | code >> 12);
    *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (char)(0x80 | (code & 0x3F));
  } else {
    *out++ = (char)(0xF0 | code >> 18);
    *out++ = (char)(0x80 | (code >> 12 & 0x3F));
    *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (char)(0x80 | (code & 0x3F));
  }
  return out;
}

/* After "\u": a code unit, or two that form a surrogate pair. */
static bool pass_unicode(struct graphql_lexer *lexer, uint32_t *ret_code) {
  uint32_t high, low;
  if (!pass_hex4(lexer, &high) || high == 0) return false;
  *ret_code = high;
  if (high < 0xD800 || high > 0xDFFF) return true;
  if (high > 0xDBFF || !starts(lexer, "\\u")) return false;
  lexer->position += 2;
  if (!pass_hex4(lexer, &low) || low < 0xDC00 || low > 0xDFFF) return false;
  *ret_code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  return true;
}

/* After the backslash.  What it stands for is never longer than what is written. */
static bool pass_escape(struct graphql_lexer *lexer, char **out) {
  static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
  unsigned char c = peek(lexer, 0);
  if (c == 'u') {
    uint32_t code;
    lexer->position++;
    if (!pass_unicode(lexer, &code)) return false;
    *out = put_utf8(*out, code);
    return true;
  }
  for (const char *pair = escapes; *pair; pair += 2) {
    if (c != (unsigned char)*pair) continue;
    lexer->position++;
    *(*out)++ = pair[1];
    return true;
  }
  return false;
}

/* The length of the string's text in the source, at most: up to the line's end. */
static size_t rest_of_line(const struct graphql_lexer *lexer) {
  size_t len = 0;
  while (peek(lexer, len) && peek(lexer, len) != '\n' && peek(lexer, len) != '\r') {
    if (peek(lexer, len) == '"') return len;
    len += peek(lexer, len) == '\\' ? 2 : 1;
  }
  return len;
}

static fallible lex_string(struct graphql_lexer *lexer, struct graphql_token *token) {
  lexer->position++;
  char *text = graphql_arena_alloc(lexer->arena, rest_of_line(lexer) + 1), *out = text;
  for (;;) {
    unsigned char c = peek(lexer, 0);
    if (c == '"') break;
    if (c == 0 || c == '\n' || c == '\r') return fault(lexer, token, "the string is not closed");
    if (!is_source(c)) return fault(lexer, token, "a control character in a string");
    if (c != '\\') {
      *out++ = (char)c;
      lexer->position++;
      continue;
    }
    struct graphql_location at = here(lexer);
    lexer->position++;
    if (!pass_escape(lexer, &out)) {
      token->at = at;
      return err_new(ERR_INVALID, "no such escape sequence in a string");
    }
  }
  lexer->position++;
  token->kind = GRAPHQL_TOKEN_STRING;
  token->text = text;
  return NULL;
}

/* ---- Block strings (section 2.9.4, BlockStringValue) ---- */

static size_t leading_space(const char *line) {
  return strspn(line, " \t");
}

static bool blank(const char *line) {
  line += leading_space(line);
  return *line == 0 || *line == '\n';
}

static const char *next_line(const char *line) {
  const char *end = strchr(line, '\n');
  return end ? end + 1 : NULL;
}

/* The indent that all lines but the first share, blank ones aside. */
static size_t common_indent(const char *text) {
  size_t common = SIZE_MAX;
  for (const char *line = next_line(text); line; line = next_line(line))
    if (!blank(line) && leading_space(line) < common) common = leading_space(line);
  return common == SIZE_MAX ? 0 : common;
}

/* Removes, in place, the common indent and the blank lines at both ends of a block string whose
 * line ends are "\n" already. */
static void strip_block(char *text) {
  size_t indent = common_indent(text);
  char *out = text, *end = text; /* `end`: after the last line that is not blank */
  bool started = false;
  for (const char *line = text, *next; line; line = next) {
    next = next_line(line);
    size_t len = next ? (size_t)(next - line - 1) : strlen(line);
    bool empty = blank(line);
    if (line != text) {
      size_t cut = len < indent ? len : indent;
      line += cut;
      len -= cut;
    }
    if (empty && !started) continue;
    if (started) *out++ = '\n';
    started = true;
    memmove(out, line, len);
    out += len;
    if (!empty) end = out;
  }
  *end = 0;
}

static size_t block_length(const struct graphql_lexer *lexer) {
  struct graphql_lexer ahead = *lexer;
  while (ahead.position < ahead.len && !starts(&ahead, "\"\"\""))
    ahead.position += starts(&ahead, "\\\"\"\"") ? 4 : 1;
  return (ahead.position < ahead.len ? ahead.position : ahead.len) - lexer->position;
}

static fallible lex_block_string(struct graphql_lexer *lexer, struct graphql_token *token) {
  lexer->position += 3;
  char *text = graphql_arena_alloc(lexer->arena, block_length(lexer) + 1), *out = text;
  while (!starts(lexer, "\"\"\"")) {
    unsigned char c = peek(lexer, 0);
    if (lexer->position >= lexer->len) return fault(lexer, token, "the block string is not closed");
    if (!is_source(c)) return fault(lexer, token, "a control character in a string");
    if (starts(lexer, "\\\"\"\"")) {
      lexer->position += 4;
      memcpy(out, "\"\"\"", 3);
      out += 3;
    } else if (c == '\n' || c == '\r') {
      pass_line_end(lexer);
      *out++ = '\n';
    } else {
      lexer->position++;
      *out++ = (char)c;
    }
  }
  lexer->position += 3;
  *out = 0;
  strip_block(text);
  token->kind = GRAPHQL_TOKEN_STRING;
  token->text = text;
  return NULL;
}

static fallible lex_punctuator(struct graphql_lexer *lexer, struct graphql_token *token) {
  static const char *const punctuators[] = {"!", "$", "&", "(", ")", "...", ":",
                                            "=", "@", "[", "]", "{", "|",   "}"};
  token->kind = GRAPHQL_TOKEN_PUNCTUATOR;
  for (size_t i = 0; i < sizeof punctuators / sizeof *punctuators; i++) {
    if (!starts(lexer, punctuators[i])) continue;
    token->text = punctuators[i];
    lexer->position += strlen(punctuators[i]);
    return NULL;
  }
  unsigned char c = peek(lexer, 0);
  if (c > 0x20 && c < 0x7F) return err_new(ERR_INVALID, "unexpected character '%c'", c);
  return err_new(ERR_INVALID, "unexpected byte 0x%02X outside a string", c);
}

fallible graphql_lex_next(struct graphql_lexer *lexer, struct graphql_token *ret_token) {
  pass_ignored(lexer);
  *ret_token = (struct graphql_token){.kind = GRAPHQL_TOKEN_END, .at = here(lexer), .text = ""};
  if (lexer->position >= lexer->len) return NULL;
  if (lexer->tokens++ >= lexer->max_tokens)
    return err_new(ERR_LIMIT, "the document has more than %zu tokens", lexer->max_tokens);
  unsigned char c = peek(lexer, 0);
  if (is_name_start(c)) return lex_name(lexer, ret_token);
  if (is_digit(c) || c == '-') return lex_number(lexer, ret_token);
  if (starts(lexer, "\"\"\"")) return lex_block_string(lexer, ret_token);
  if (c == '"') return lex_string(lexer, ret_token);
  return lex_punctuator(lexer, ret_token);
}
