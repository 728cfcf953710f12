#include "base/dotenv.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

static void check_read(const char *text, const char *expected) {
  auto_json *variables = NULL;
  CHECK_OK(dotenv_parse(text, strlen(text), "f", &variables));
  auto_free char *got = json_to_text(variables);
  if (!str_eq(got, expected)) printf("# text: %s\n", text);
  CHECK_TEXT(got, expected);
}

TEST(lines_are_read_as_people_write_them) {
  /* clang-format off */
  static const struct { const char *text, *json; } rows[] = {
    { "", "{}" },
    { "\n  \n# A=1\n   # B=2\n", "{}" },
    { "A=1", "{\"A\":\"1\"}" },
    { "A=1\r\nB=2\r\n", "{\"A\":\"1\",\"B\":\"2\"}" },
    { "\xef\xbb\xbf" "A=1", "{\"A\":\"1\"}" },
    { "export A=1\nexport\tB=2", "{\"A\":\"1\",\"B\":\"2\"}" },
    { "exported=1", "{\"exported\":\"1\"}" },
    { "export=1", "{\"export\":\"1\"}" },
    { "A = 1 ", "{\"A\":\"1\"}" },
    { "A=", "{\"A\":\"\"}" },
    { "A=  # nothing", "{\"A\":\"\"}" },
    { "A=a b # c", "{\"A\":\"a b\"}" },
    { "A=a#b", "{\"A\":\"a#b\"}" },
    { "A=it's \"so\"", "{\"A\":\"it's \\\"so\\\"\"}" },
    { "A=\"\"", "{\"A\":\"\"}" },
    { "A=\"a # b\" # c", "{\"A\":\"a # b\"}" },
    { "A=\"a\\nb\\t\\\"\\\\\\$\\x\"", "{\"A\":\"a\\nb\\t\\\"\\\\$\\\\x\"}" },
    { "A=\"a\nb\"\nB=1", "{\"A\":\"a\\nb\",\"B\":\"1\"}" },
    { "A='a\\n\nb'", "{\"A\":\"a\\\\n\\nb\"}" },
    { "A=`it's \"so\"`", "{\"A\":\"it's \\\"so\\\"\"}" },
    { "A=${HOME}\nB=${{db.URL}}", "{\"A\":\"${HOME}\",\"B\":\"${{db.URL}}\"}" },
    { "A=1\nA=2", "{\"A\":\"2\"}" },
    { "A=b=c", "{\"A\":\"b=c\"}" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) check_read(rows[i].text, rows[i].json);
}

TEST(what_cannot_be_read_is_told_with_its_line_and_without_its_value) {
  /* clang-format off */
  static const struct { const char *text, *part; } rows[] = {
    { "A=1\nsecret\n",              "my.env:2: behind the name" },
    { "A=1\n\n1A=secret",           "my.env:3: a line begins with a name" },
    { "A-B=secret",                 "my.env:1: behind the name" },
    { "=secret",                    "my.env:1: a line begins" },
    { "A=1\nB=\"secret\nC=2\n",     "my.env:2: the quote" },
    { "A='1'\nB='x\ny' secret",     "my.env:3: there is text behind" },
    { "A=\xffsecret",               "my.env:1: the value is no UTF-8" },
    { "A: secret",                  "my.env:1: behind the name" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    json_t *variables = NULL;
    auto_err *e = dotenv_parse(rows[i].text, strlen(rows[i].text), "my.env", &variables);
    CHECK(e != NULL);
    CHECK_INT(err_code_of(e), ERR_INVALID);
    CHECK_HAS(err_message(e), rows[i].part);
    CHECK(!strstr(err_message(e), "secret"));
  }
  json_t *variables = NULL;
  CHECK_ERR(dotenv_parse("A=a\0b", 5, "f", &variables), ERR_INVALID, "f:1: the value is no UTF-8");
}

TEST(what_is_written_is_read_as_the_same) {
  static const char *const values[] = {"",      "plain", "a b",        "a'b",       "a\"b",   "'",        "\"",
                                       "a\nb",  "a\r\n", "a\\nb",      "$HOME",     "it's $1", "`",       "#",
                                       " a ",   "a #b",  "{\"a\": 1}", "it's\n\\",  "\\",     "é 日本",   "-----BEGIN\nx'y\n-----END\n",
                                       "a='b'", "\t",    "${{db.URL}}", "it's \\$x"};
  for (size_t i = 0; i < ARRAY_LEN(values); i++) {
    auto_str text = STR_EMPTY;
    auto_json *variables = NULL;
    dotenv_write(&text, "A", values[i]);
    dotenv_write(&text, "B", "2");
    CHECK_OK(dotenv_parse(str_text(&text), text.len, "f", &variables));
    CHECK_TEXT(json_get_text(variables, "A"), values[i]);
    CHECK_TEXT(json_get_text(variables, "B"), "2");
  }
}

TEST(json_is_taken_too) {
  auto_json *variables = NULL;
  const char text[] = " {\"A\": \"x\", \"B\": 2, \"C\": true}", bad[] = "{\"A\": {\"b\": 1}}", worse[] = "{\n\n\"A\": }";
  CHECK(dotenv_is_json(text, strlen(text)));
  CHECK(!dotenv_is_json("A={", 3));
  CHECK_OK(dotenv_parse_json(text, strlen(text), "f", &variables));
  auto_free char *got = json_to_text(variables);
  CHECK_TEXT(got, "{\"A\":\"x\",\"B\":\"2\",\"C\":\"true\"}");
  json_t *none = NULL;
  CHECK_ERR(dotenv_parse_json(bad, strlen(bad), "f", &none), ERR_INVALID, "the value of 'A'");
  CHECK_ERR(dotenv_parse_json(worse, strlen(worse), "f.json", &none), ERR_INVALID, "f.json: not JSON: line 3");
  CHECK_ERR(dotenv_parse_json("[]", 2, "f", &none), ERR_INVALID, "expected an object");
}

TEST_MAIN
