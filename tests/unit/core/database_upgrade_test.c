/* A Postgres goes to a newer major version, and back; or that is rehearsed. */
#include "core/database_upgrade_report.h"
#include "upgrade_town.h"

TEST(a_rehearsal_leaves_nothing_but_its_report) {
  auto_database_upgrade u = {0};
  open_store();
  CHECK_OK(upgrade("17", true));
  CHECK_ERR(upgrade("17", false), ERR_CONFLICT, "is under way");
  WAIT_UPGRADE(DONE);
  look(&u);
  CHECK_INT(json_array_size(json_object_get(u.report, "problems")), 0);
  CHECK_TEXT(json_get_text(u.report, "toVersion"), "17.1");
  CHECK(!strstr(str_text(&asked), "ALTER SYSTEM"));
  check_no_sibling();
  check_service("tramway/postgres:15", former.id);
  CHECK_STATUS(id, SUCCESS);
  CHECK_ERR(core_database_upgrade_back(town, instance.environment_id, store.id, ""), ERR_CONFLICT, "was not upgraded");
  close_store();
}

TEST(an_upgrade_and_back) {
  auto_database_upgrade u = {0};
  open_store();
  CHECK_OK(upgrade("17", false));
  WAIT_UPGRADE(DONE);
  look(&u);
  check_no_sibling();
  check_service("tramway/postgres:17", u.volume_id);
  CHECK_HAS(str_text(&asked), "SET default_transaction_read_only = on");
  CHECK_OK(core_database_upgrade_back(town, instance.environment_id, store.id, ""));
  WAIT_UPGRADE(RETURNED);
  check_service("tramway/postgres:15", former.id);
  CHECK_ERR(core_database_upgrade_back(town, instance.environment_id, store.id, ""), ERR_CONFLICT, "went back already");
  close_store();
}

static void check_failed(const char *problem) {
  auto_database_upgrade u = {0};
  WAIT_UPGRADE(FAILED);
  look(&u);
  CHECK_HAS(u.problem, problem);
  check_no_sibling();
  check_service("tramway/postgres:15", former.id);
}

TEST(a_copy_that_lacks_rows_is_not_swapped_in) {
  open_store();
  copied_rows = "4";
  CHECK_OK(upgrade("17", false));
  check_failed("has 5 rows, and in the copy 4");
  CHECK_HAS(str_text(&asked), "RESET default_transaction_read_only");
  CHECK_STATUS(id, SUCCESS);
  CHECK_OK(upgrade("17", true)); /* which may be: somebody writes */
  WAIT_UPGRADE(DONE);
  close_store();
}

TEST(a_database_that_was_written_to_meanwhile_is_not_swapped) {
  open_store();
  transaction = "701";
  CHECK_OK(upgrade("17", false));
  check_failed("was written to");
  CHECK_STATUS(id, SUCCESS);
  close_store();
}

TEST(a_copy_that_fails_leaves_the_database_as_it_is) {
  open_store();
  en->fail_apply = "no room";
  CHECK_OK(upgrade("17", false));
  check_failed("no room");
  CHECK_STATUS(id, SUCCESS);
  close_store();
}

TEST(what_tramd_left_is_cleared_away) {
  open_store();
  CHECK_OK(upgrade("17", false));
  WAIT(fake_execs_alive);
  town_restart();
  check_failed("tramd ended");
  close_store();
}

TEST(what_cannot_be_upgraded) {
  open_store();
  CHECK_ERR(upgrade("15", true), ERR_INVALID, "no newer one");
  CHECK_ERR(upgrade("16", true), ERR_INVALID, "has no image");
  CHECK_ERR(upgrade("latest", true), ERR_INVALID, "no major version");
  CHECK_ERR(core_database_upgrade_back(town, instance.environment_id, store.id, ""), ERR_CONFLICT, "was not upgraded");
  close_store();
}

TEST(what_is_missing_is_a_problem_and_what_grows_is_not) {
  auto_json *live = NULL, *copy = NULL;
  const char *was = "{\"cluster\": {\"roles\": [\"a\", \"b\"], \"databases\": [\"d\", \"e\"]}, \"databases\": {\"d\": {\"tables\": "
                    "{\"public.t\": 1, \"public.u\": 2}, \"extensions\": {\"x\": \"1\", \"y\": \"1\"}}}}";
  const char *is = "{\"cluster\": {\"roles\": [\"a\"], \"databases\": [\"d\"]}, \"databases\": {\"d\": {\"tables\": "
                   "{\"public.t\": 3}, \"extensions\": {\"x\": \"2\"}}}}";
  CHECK_OK(json_parse(was, strlen(was), "facts", &live));
  CHECK_OK(json_parse(is, strlen(is), "facts", &copy));
  auto_json *report = upgrade_report_make(live, copy, false);
  CHECK_INT(json_array_size(json_object_get(report, "problems")), 4); /* e, b, u, y */
  CHECK_INT(json_array_size(json_object_get(report, "differences")), 2);
  CHECK_INT(json_get_int(report, "rows", 0), 3);
  auto_json *frozen = upgrade_report_make(live, copy, true);
  CHECK_INT(json_array_size(json_object_get(frozen, "problems")), 5);
}

TEST_MAIN
