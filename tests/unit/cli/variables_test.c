#include "cli/variables.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

TEST(what_would_run_other_code_here_is_known) {
  static const char *const dropped[] = {"LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "NODE_OPTIONS", "PYTHONPATH", "PROMPT_COMMAND",
                                        "BASH_ENV", "BASH_FUNC_x%%", "GIT_SSH", "GIT_SSH_COMMAND", "EDITOR", "PATH", "HOME"};
  static const char *const kept[] = {"DATABASE_URL", "PORT", "LD", "NODE_ENV", "GIT_BRANCH", "RAILWAY_SERVICE_ID", "ENVIRONMENT", ""};
  for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
    if (!variables_is_unsafe(dropped[i])) TAP_FAIL("%s is unsafe", dropped[i]);
  for (size_t i = 0; i < ARRAY_LEN(kept); i++)
    if (variables_is_unsafe(kept[i])) TAP_FAIL("%s is safe", kept[i]);
}

static json_t *parsed(const char *text, const char *format) {
  json_t *variables = NULL;
  CHECK_OK(variables_parse_file(text, strlen(text), "f", format, &variables));
  return variables;
}

TEST(a_file_is_what_it_looks_like_or_what_was_said) {
  auto_json *env = parsed("A=1", NULL), *json = parsed("\n{\"A\": \"1\"}", NULL), *said = parsed("{\"A\": \"1\"}", "json");
  CHECK(json_equal(env, json) && json_equal(env, said));
  json_t *none = NULL;
  CHECK_ERR(variables_parse_file("{\"A\": 1}", 8, "x.env", "env", &none), ERR_INVALID, "x.env:1:");
  CHECK_ERR(variables_parse_file("A=1", 3, "x.json", "json", &none), ERR_INVALID, "x.json");
}

TEST(a_pair_is_read_and_its_value_never_told) {
  auto_json *variables = json_object();
  CHECK_OK(variables_read_pair("A=b=c", variables));
  CHECK_OK(variables_read_pair("EMPTY=", variables));
  CHECK_TEXT(json_get_text(variables, "A"), "b=c");
  CHECK_TEXT(json_get_text(variables, "EMPTY"), "");
  CHECK_ERR(variables_read_pair("NOTHING", variables), ERR_INVALID, "'NOTHING' should look like NAME=value");
  auto_err *e = variables_read_pair("=secret", variables);
  CHECK(e && !strstr(err_message(e), "secret"));
}

TEST_MAIN
