/* Variables of a service and shared ones. */
#include "store/variable.h"

#include "house.h"

static err *set(struct house *h, const char *service_id, const char *name, const char *value,
                bool sealed) {
  auto_variable v = {.name = str_dup(name), .value = str_dup(value), .is_sealed = sealed};
  memcpy(v.project_id, h->project.id, ID_SIZE);
  memcpy(v.environment_id, h->environment.id, ID_SIZE);
  if (service_id) memcpy(v.service_id, service_id, ID_SIZE);
  return variable_set(h->d, &v);
}

TEST(a_variable_is_set_and_changed) {
  auto_house h;
  house_open(&h);
  auto_variable first = {0}, second = {0};
  bool there;
  CHECK_OK(set(&h, h.service.id, "TOKEN", "one", false));
  CHECK_OK(variable_find(h.d, h.environment.id, h.service.id, "TOKEN", &there, &first));
  CHECK(there);
  CHECK_TEXT(first.value, "one");
  CHECK_TEXT(first.service_id, h.service.id);
  CHECK_OK(set(&h, h.service.id, "TOKEN", "two\nlines ${{ref}}", false));
  CHECK_OK(variable_find(h.d, h.environment.id, h.service.id, "TOKEN", &there, &second));
  CHECK_TEXT(second.value, "two\nlines ${{ref}}");
  CHECK_TEXT(second.id, first.id);
  CHECK_INT(house_count(&h, "variables"), 1);
}

TEST(an_empty_value_is_a_value) {
  auto_house h;
  house_open(&h);
  auto_variable got = {0};
  bool there;
  CHECK_OK(set(&h, NULL, "EMPTY", "", false));
  CHECK_OK(variable_find(h.d, h.environment.id, NULL, "EMPTY", &there, &got));
  CHECK_TEXT(got.value, "");
}

TEST(shared_and_service_variables_are_apart) {
  auto_house h;
  house_open(&h);
  CHECK_OK(set(&h, NULL, "B", "shared", false));
  CHECK_OK(set(&h, NULL, "B", "shared again", false));
  CHECK_OK(set(&h, h.service.id, "B", "own", false));
  CHECK_OK(set(&h, h.service.id, "A", "own", false));
  auto_variable_list shared = {0}, own = {0}, all = {0};
  CHECK_OK(variable_list(h.d, h.environment.id, "", &shared));
  CHECK_INT(shared.len, 1);
  CHECK_TEXT(shared.items[0].value, "shared again");
  CHECK_TEXT(shared.items[0].service_id, "");
  CHECK_OK(variable_list(h.d, h.environment.id, h.service.id, &own));
  CHECK_INT(own.len, 2);
  CHECK_TEXT(own.items[0].name, "A");
  CHECK_OK(variable_list_by_environment(h.d, h.environment.id, &all));
  CHECK_INT(all.len, 3);
}

TEST(names_keep_their_case) {
  auto_house h;
  house_open(&h);
  CHECK_OK(set(&h, NULL, "key", "1", false));
  CHECK_OK(set(&h, NULL, "KEY", "2", false));
  CHECK_INT(house_count(&h, "variables"), 2);
}

TEST(a_sealed_variable_stays_sealed) {
  auto_house h;
  house_open(&h);
  auto_variable got = {0};
  bool there;
  CHECK_OK(set(&h, NULL, "K", "1", true));
  CHECK_OK(set(&h, NULL, "K", "2", false));
  CHECK_OK(variable_find(h.d, h.environment.id, NULL, "K", &there, &got));
  CHECK(got.is_sealed);
  CHECK_TEXT(got.value, "2");
}

TEST(a_deleted_variable_is_gone) {
  auto_house h;
  house_open(&h);
  CHECK_OK(set(&h, NULL, "K", "1", false));
  CHECK_ERR(variable_delete(h.d, h.environment.id, h.service.id, "K"), ERR_NOT_FOUND,
            "variable 'K' does not exist");
  CHECK_OK(variable_delete(h.d, h.environment.id, NULL, "K"));
  struct variable none;
  bool there;
  CHECK_OK(variable_find(h.d, h.environment.id, NULL, "K", &there, &none));
  CHECK(!there);
}

TEST(variables_go_with_their_service) {
  auto_house h;
  house_open(&h);
  CHECK_OK(set(&h, h.service.id, "A", "1", false));
  CHECK_OK(set(&h, NULL, "B", "1", false));
  CHECK_OK(service_mark_deleted(h.d, h.service.id, 1));
  CHECK_OK(service_purge(h.d, h.service.id));
  CHECK_INT(house_count(&h, "variables"), 1);
}

TEST(an_unknown_format_is_not_taken_for_a_value) {
  auto_house h;
  house_open(&h);
  CHECK_OK(set(&h, NULL, "K", "1", false));
  CHECK_OK(db_run_script(h.d, "UPDATE variables SET format = 1, value = x'01'"));
  struct variable_list list;
  CHECK_ERR(variable_list(h.d, h.environment.id, NULL, &list), ERR_CORRUPT,
            "kept in a format that this version does not know");
  CHECK_ERR(db_run_script(h.d, "UPDATE variables SET format = 0"), ERR_CONFLICT, "CHECK");
}

TEST_MAIN
