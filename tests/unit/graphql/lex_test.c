#include "graphql/lex.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* The tokens of `text` as "kind:text" with spaces between, or what is wrong and where. */
static char *lex(const char *text, const struct graphql_limits *limits) {
  graphql_arena *arena = graphql_arena_new();
  struct graphql_lexer lexer;
  struct graphql_token token = {0};
  static const char kinds[] = {'E', 'P', 'N', 'I', 'F', 'S'};
  auto_str out = STR_EMPTY;
  err *e = graphql_lex_start(&lexer, text, strlen(text), limits, arena);
  while (!e && !(e = graphql_lex_next(&lexer, &token)) && token.kind != GRAPHQL_TOKEN_END)
    str_addf(&out, "%s%c:%s", out.len ? " " : "", kinds[token.kind], token.text);
  if (e) {
    str_clear(&out);
    str_addf(&out, "%u:%u %s", token.at.line, token.at.column, err_message(e));
  }
  err_free(e);
  graphql_arena_free(arena);
  return str_take(&out);
}

struct row {
  const char *text;
  const char *tokens;
};

static void check_rows(const struct row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    auto_free char *tokens = lex(rows[i].text, &GRAPHQL_LIMITS_DEFAULT);
    if (!str_eq(tokens, rows[i].tokens))
      TAP_FAIL("row %zu: %s\n#   gives %s\n#   not   %s", i, rows[i].text, tokens, rows[i].tokens);
  }
}

TEST(tokens) {
  static const struct row rows[] = {
      {"", ""},
      {" \t,\r\n\n# only a comment", ""},
      {"\xEF\xBB\xBFname", "N:name"},
      {"{a_1 __b}", "P:{ N:a_1 N:__b P:}"},
      {"!$&()...:=@[]{|}", "P:! P:$ P:& P:( P:) P:... P:: P:= P:@ P:[ P:] P:{ P:| P:}"},
      {"a#b\nc", "N:a N:c"},
      {"0 -0 12 -12", "I:0 I:-0 I:12 I:-12"},
      {"0.5 1e3 -1.25E-2 6.0e+23", "F:0.5 F:1e3 F:-1.25E-2 F:6.0e+23"},
      {"1 2,3", "I:1 I:2 I:3"},
  };
  check_rows(rows, ARRAY_LEN(rows));
}

TEST(strings) {
  static const struct row rows[] = {
      {"\"\"", "S:"},
      {"\"a b\"", "S:a b"},
      {"\"\\\" \\\\ \\/ \\b\\f\\n\\r\\t\"", "S:\" \\ / \b\f\n\r\t"},
      {"\"\\u0041\\u00e9\\u20AC\"", "S:A\xC3\xA9\xE2\x82\xAC"},
      {"\"\\uD83D\\uDE00\"", "S:\xF0\x9F\x98\x80"},
      {"\"\xF0\x9F\x98\x80\"", "S:\xF0\x9F\x98\x80"},
      {"\"# no comment\"", "S:# no comment"},
      {"\"\"\"\"\"\"", "S:"},
      {"\"\"\"a \"quoted\" b\"\"\"", "S:a \"quoted\" b"},
      {"\"\"\"a \\\"\"\" b\"\"\"", "S:a \"\"\" b"},
      {"\"\"\"no \\n escape\"\"\"", "S:no \\n escape"},
      {"\"\"\"\n    Hello,\n      World!\n\n    Yours,\n      GraphQL.\n  \"\"\"",
       "S:Hello,\n  World!\n\nYours,\n  GraphQL."},
      {"\"\"\"first\n   second\n  third\"\"\"", "S:first\n second\nthird"},
      {"\"\"\"\r\n  a\r  b\n\n\"\"\"", "S:a\nb"},
      {"\"\"\"  \n\t\n \"\"\"", "S:"},
  };
  check_rows(rows, ARRAY_LEN(rows));
}

TEST(faults) {
  static const struct row rows[] = {
      {"{\n  a ?", "2:5 unexpected character '?'"},
      {"a\x01", "1:2 unexpected byte 0x01 outside a string"},
      {"..", "1:1 unexpected character '.'"},
      {"01", "1:1 a number must not begin with 0"},
      {"-", "1:2 expected a digit after '-'"},
      {"1.", "1:3 expected a digit after '.'"},
      {"1.e5", "1:3 expected a digit after '.'"},
      {"1e", "1:3 expected a digit in the exponent"},
      {"1a", "1:2 a number must be followed by a space"},
      {"1.2.3", "1:4 a number must be followed by a space"},
      {"\"abc", "1:5 the string is not closed"},
      {"\"abc\ndef\"", "1:5 the string is not closed"},
      {"\"\"\"abc\"\"", "1:9 the block string is not closed"},
      {"\"\\x\"", "1:2 no such escape sequence in a string"},
      {"\"\\u12\"", "1:2 no such escape sequence in a string"},
      {"\"\\u0000\"", "1:2 no such escape sequence in a string"},
      {"\"\\uD83D\"", "1:2 no such escape sequence in a string"},
      {"\"\\uDE00\"", "1:2 no such escape sequence in a string"},
      {"\"\\uD83D\\u0041\"", "1:2 no such escape sequence in a string"},
      {"\"a\x02\"", "1:3 a control character in a string"},
      {"\"\"\"a\x02\"\"\"", "1:5 a control character in a string"},
      {"\xC3\x28", "0:0 the document is not UTF-8"},
  };
  check_rows(rows, ARRAY_LEN(rows));
}

TEST(limits) {
  struct graphql_limits limits = GRAPHQL_LIMITS_DEFAULT;
  limits.max_document_bytes = 8;
  limits.max_tokens = 3;
  auto_free char *fits = lex("a b c", &limits);
  CHECK_TEXT(fits, "N:a N:b N:c");
  auto_free char *many = lex("a b c d", &limits);
  CHECK_TEXT(many, "1:7 the document has more than 3 tokens");
  auto_free char *large = lex("a b c d e", &limits);
  CHECK_HAS(large, "the document has 9 bytes, at most 8 are accepted");
}

TEST_MAIN
