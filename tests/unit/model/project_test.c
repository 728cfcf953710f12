/* Names of projects, environments and services, and the DNS labels made of them. */
#include "model/project.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/service.h"
#include "tap.h"

TEST(labels) {
  static const struct {
    const char *name, *label;
  } rows[] = {
      {"My API", "my-api"},
      {"api", "api"},
      {"  two   spaces ", "two-spaces"},
      {"web_server.v2", "web-server-v2"},
      {"--x--", "x"},
      {"A/B\\C", "a-b-c"},
      {"Größe", "gr-e"},
      {"123", "123"},
      {"日本", ""},
      {"", ""},
      {"-_-", ""},
      {"a😀b", "a-b"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *label = label_from_name(rows[i].name);
    CHECK_TEXT(label, rows[i].label);
  }
}

TEST(a_label_is_cut_at_63_bytes_without_a_hyphen_at_its_end) {
  char name[101];
  memset(name, 'a', 100);
  name[100] = '\0';
  auto_free char *plain = label_from_name(name);
  CHECK_INT(strlen(plain), 63);
  name[62] = ' ';
  auto_free char *with_gap = label_from_name(name);
  CHECK_INT(strlen(with_gap), 62);
  CHECK(with_gap[61] == 'a');
}

TEST(names_are_checked) {
  static const struct {
    const char *name, *part; /* NULL: it is fine */
  } rows[] = {
      {"shop", NULL},
      {"日本語のプロジェクト", NULL},
      {"a b", NULL},
      {"", "needs a name"},
      {NULL, "needs a name"},
      {" a", "space at an end"},
      {"a ", "space at an end"},
      {"a\nb", "control character"},
      {"a\x7f", "control character"},
      {"\xff", "not UTF-8"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    if (rows[i].part)
      CHECK_ERR(project_name_check(rows[i].name), ERR_INVALID, rows[i].part);
    else
      CHECK_OK(project_name_check(rows[i].name));
  }
}

TEST(names_are_counted_in_characters) {
  auto_str name = STR_EMPTY;
  for (int i = 0; i < SERVICE_NAME_MAX - 1; i++)
    str_add(&name, "ü");
  str_add(&name, "a");
  CHECK_OK(service_name_check(str_text(&name)));
  CHECK_OK(environment_name_check(str_text(&name)));
  str_add(&name, "ü");
  CHECK_ERR(service_name_check(str_text(&name)), ERR_INVALID, "has 33 characters; at most 32");
  for (int i = SERVICE_NAME_MAX + 1; i < ENVIRONMENT_NAME_MAX; i++)
    str_add(&name, "ü");
  CHECK_OK(environment_name_check(str_text(&name)));
  str_add(&name, "ü");
  CHECK_ERR(environment_name_check(str_text(&name)), ERR_INVALID, "has 65 characters; at most 64");
}

TEST(a_name_that_makes_no_label_is_refused_where_one_is_needed) {
  CHECK_ERR(service_name_check("日本"), ERR_INVALID, "no letter or digit");
  CHECK_ERR(environment_name_check("--"), ERR_INVALID, "no letter or digit");
  CHECK_OK(project_name_check("日本"));
}

TEST(a_service_name_brings_its_label) {
  auto_service s = {0};
  CHECK_OK(service_set_name(&s, "My API"));
  CHECK_OK(service_set_name(&s, "Web 2"));
  CHECK_ERR(service_set_name(&s, ""), ERR_INVALID, "a service needs a name");
  CHECK_TEXT(s.name, "Web 2");
  CHECK_TEXT(s.label, "web-2");
}

TEST_MAIN
