/* Names and values of variables. */
#include "model/variable.h"

#include "base/mem.h"
#include "tap.h"

TEST(names) {
  static const struct {
    const char *name;
    bool ok;
  } rows[] = {
      {"A", true},    {"_", true},    {"DATABASE_URL", true}, {"a1", true},
      {"", false},    {NULL, false},  {"1A", false},          {"A-B", false},
      {"A B", false}, {"A=B", false}, {"A.B", false},         {"\xc3\xa4", false},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    err *e = variable_name_check(rows[i].name);
    CHECK_INT(e == NULL, rows[i].ok);
    if (e) CHECK_INT(err_code_of(e), ERR_INVALID);
    err_free(e);
  }
  char name[VARIABLE_NAME_LEN_MAX + 2];
  memset(name, 'A', sizeof name);
  name[VARIABLE_NAME_LEN_MAX + 1] = '\0';
  CHECK_ERR(variable_name_check(name), ERR_INVALID, "more than 256");
  name[VARIABLE_NAME_LEN_MAX] = '\0';
  CHECK_OK(variable_name_check(name));
}

TEST(values) {
  CHECK_OK(variable_value_check("A", "", 0));
  CHECK_OK(variable_value_check("A", "multi\nline ü", 13));
  CHECK_ERR(variable_value_check("A", "a\0b", 3), ERR_INVALID, "'A' is not UTF-8 text without NUL");
  CHECK_ERR(variable_value_check("A", "\xff", 1), ERR_INVALID, "UTF-8");
}

TEST(a_value_is_limited_and_never_in_the_error) {
  auto_free char *value = mem_alloc(VARIABLE_VALUE_LEN_MAX + 1);
  memset(value, 's', VARIABLE_VALUE_LEN_MAX + 1);
  CHECK_OK(variable_value_check("A", value, VARIABLE_VALUE_LEN_MAX));
  err *e = variable_value_check("A", value, VARIABLE_VALUE_LEN_MAX + 1);
  CHECK(e && err_code_of(e) == ERR_LIMIT && !strstr(err_message(e), "sss"));
  err_free(e);
}

TEST_MAIN
