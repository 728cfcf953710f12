/* What is reported while the database takes nothing is made good later. */
#include "town.h"

static void take_nothing(bool nothing) {
  const char *sql = nothing ? "PRAGMA query_only = 1" : "PRAGMA query_only = 0";
  CHECK_INT(sqlite3_exec(db_handle(town_db), sql, NULL, NULL, NULL), SQLITE_OK);
}

static enum instance_status row_of(const char *id) {
  auto_deployment_instance_list list = {0};
  CHECK_OK(deployment_instance_list(town_db, id, &list));
  CHECK(list.len > 0);
  return list.items[list.len - 1].status;
}

TEST(a_crash_is_told_when_it_can_be) {
  town_open();
  char id[ID_SIZE];
  deploy_live(id);
  take_nothing(true);
  fake_change(en, fake_find(en, id, 0), fake_ended(INSTANCE_CRASHED, 3));
  turns(10);
  take_nothing(false);
  CHECK_STATUS(id, SUCCESS);
  WAIT_STATUS(id, CRASHED);
  CHECK_INT(row_of(id), INSTANCE_CRASHED);
  town_close();
}

TEST(the_newest_report_counts) {
  town_open();
  char id[ID_SIZE];
  deploy_live(id);
  take_nothing(true);
  fake_change(en, fake_find(en, id, 0), fake_ended(INSTANCE_RESTARTING, 3));
  turns(3);
  take_nothing(false);
  fake_change(en, fake_find(en, id, 0), fake_runs(8080));
  turns(3);
  CHECK_INT(row_of(id), INSTANCE_RUNNING);
  long long later = tap_now_ms() + 200; /* what is tried again was */
  WAIT(tap_now_ms() > later);
  CHECK_INT(row_of(id), INSTANCE_RUNNING);
  CHECK_STATUS(id, SUCCESS);
  town_close();
}

TEST(the_end_of_a_pre_deploy_command_is_not_missed) {
  town_open();
  char id[ID_SIZE];
  str_replace_owned(&instance.settings.pre_deploy_command, "migrate");
  change_settings();
  en->job.status = INSTANCE_CREATED;
  deploy(id);
  auto_free char *job = str_format("%s-pre", id);
  WAIT(fake_find(en, job, 0) && fake_find(en, job, 0)->booted);
  take_nothing(true);
  fake_change(en, fake_find(en, job, 0), fake_ended(INSTANCE_EXITED, 0));
  turns(5);
  take_nothing(false);
  WAIT(status_of(id) == DEPLOYMENT_SUCCESS || is_final(id)); /* not: until the command's deadline */
  town_close();
}

TEST_MAIN
