/* What a user meant by a name that there is not, or by the beginning of an id. */
#include "cli/names.h"

#include "base/mem.h"
#include "tap.h"

static void names_of(const char *text, struct strv *names) {
  if (*text) strv_split(names, text, ',');
}

TEST(a_name_that_is_nearly_right_is_offered) {
  static const struct {
    const char *names, *wanted, *message;
  } rows[] = {
      {"Postgres,web", "postgers", "Service \"postgers\" not found; did you mean \"Postgres\"? There are: Postgres, web"},
      {"REDIS,web", "reids", "; did you mean \"REDIS\"?"},
      {"Postgres,web", "mail", "Service \"mail\" not found. There are: Postgres, web"},
      {"Postgres", "", "Service \"\" not found. There are: Postgres"},
      {"", "api", "Service \"api\" not found: there is none yet"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_strv names = STRV_EMPTY;
    names_of(rows[i].names, &names);
    CHECK_ERR(names_not_found("Service", rows[i].wanted, &names), ERR_NOT_FOUND, rows[i].message);
  }
}

TEST(of_many_names_the_first_are_told) {
  auto_strv names = STRV_EMPTY;
  for (int i = 0; i < 25; i++) strv_addf(&names, "service-%d", i);
  CHECK_ERR(names_not_found("Service", "xylophone", &names), ERR_NOT_FOUND, "service-19, and 5 more");
}

TEST(the_beginning_of_one_id_is_enough) {
  auto_json *rows = json_pack("[{s:s}, {s:s}, {s:s}]", "id", "3f0c1", "id", "3f0d2", "id", "9d1e3");
  json_t *row = NULL;
  CHECK_OK(names_row_of(rows, "backup", "tram backup list", "9", &row));
  CHECK_TEXT(json_get_text(row, "id"), "9d1e3");
  CHECK_ERR(names_row_of(rows, "backup", "tram backup list", "3f0", &row), ERR_INVALID,
            "several backups begin with '3f0': write more of the id");
  CHECK_ERR(names_row_of(rows, "backup", "tram backup list", "aa", &row), ERR_NOT_FOUND,
            "no backup begins with 'aa': see `tram backup list`");
  CHECK_ERR(names_row_of(rows, "backup", "tram backup list", "", &row), ERR_NOT_FOUND, "no backup");
}

TEST_MAIN
