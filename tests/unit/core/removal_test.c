/* Deleting services, environments and projects: everything stops, then it is forgotten. */
#include "town.h"

static long long count(const char *table) {
  auto_free char *sql = str_format("SELECT count(*) FROM %s", table);
  sqlite3_stmt *s;
  CHECK_INT(sqlite3_prepare_v2(db_handle(town_db), sql, -1, &s, NULL), SQLITE_OK);
  CHECK_INT(sqlite3_step(s), SQLITE_ROW);
  long long rows = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  return rows;
}

static bool has_logs(const char *deployment_id) {
  auto_free char *build_log = str_format("%s/logs/build/%s.log", town_folder, deployment_id);
  auto_free char *deploy_log = str_format("%s/logs/deploy/%s", town_folder, deployment_id);
  return file_exists(build_log) || file_exists(deploy_log);
}

static void check_all_gone(void) {
  CHECK_INT(fake_count(en, NULL), 0);
  CHECK_INT(count("service_instances"), 0);
  CHECK_INT(count("deployments"), 0);
  CHECK_INT(count("deployment_instances"), 0);
  CHECK_INT(count("deployment_steps"), 0);
  CHECK_INT(count("domains"), 0);
}

TEST(a_deleted_service_stops_and_is_forgotten) {
  town_open();
  char id[ID_SIZE];
  deploy_live(id);
  CHECK(has_logs(id));
  CHECK_OK(core_service_delete(town, service.id));
  WAIT(count("services") == 0);
  check_all_gone();
  CHECK(!has_logs(id));
  WAIT(!json_object_get(gate->live, domain.host));
  CHECK_INT(count("projects"), 1);
  CHECK_ERR(core_service_delete(town, service.id), ERR_NOT_FOUND, "");
  town_close();
}

TEST(a_service_that_never_ran_is_forgotten) {
  town_open();
  CHECK_OK(core_service_delete(town, service.id));
  WAIT(count("services") == 0);
  check_all_gone();
  town_close();
}

TEST(a_service_that_is_being_built_is_cancelled) {
  town_open();
  char old[ID_SIZE], new[ID_SIZE];
  deploy_live(old);
  bld->hold = true;
  deploy(new);
  WAIT(fake_build_of(bld, new));
  CHECK_OK(core_service_delete(town, service.id));
  WAIT(count("services") == 0);
  CHECK_INT(bld->cancelled, 1);
  check_all_gone();
  town_close();
}

TEST(a_service_that_is_being_checked_is_cancelled) {
  town_open();
  char id[ID_SIZE];
  en->app.status = INSTANCE_CREATED;
  deploy(id);
  WAIT(fake_find(en, id, 0));
  CHECK_OK(core_service_delete(town, service.id));
  WAIT(count("services") == 0);
  check_all_gone();
  town_close();
}

TEST(other_services_are_not_touched) {
  town_open();
  auto_service other = {0};
  auto_service_instance other_instance = {0};
  char id[ID_SIZE], mine[ID_SIZE];
  town_make_service("other", &other, &other_instance);
  deploy_live(mine);
  CHECK_OK(core_deploy_instance(town, &other_instance, "", id));
  WAIT_STATUS(id, SUCCESS);
  CHECK_OK(core_service_delete(town, other.id));
  WAIT(count("services") == 1);
  check_nothing_left(id);
  CHECK_STATUS(mine, SUCCESS);
  CHECK_TEXT(served_by(), mine);
  CHECK(has_logs(mine));
  town_close();
}

TEST(a_deleted_environment_goes_with_its_network) {
  town_open();
  auto_environment preview = {0};
  auto_service_instance in_preview = {0};
  bool found = false;
  char here[ID_SIZE], there[ID_SIZE];
  CHECK_OK(core_environment_create(town, project.id, "preview", instance.environment_id, true, &preview));
  CHECK_OK(service_instance_find(town_db, service.id, preview.id, &found, &in_preview));
  CHECK(found);
  deploy_live(here);
  CHECK_OK(core_deploy_instance(town, &in_preview, "", there));
  WAIT_STATUS(there, SUCCESS);
  CHECK_OK(core_environment_delete(town, preview.id));
  WAIT(count("environments") == 1);
  check_nothing_left(there);
  CHECK_INT(en->networks_removed, 1);
  CHECK_TEXT(served_by(), here);
  CHECK_ERR(core_environment_delete(town, instance.environment_id), ERR_CONFLICT, "last environment");
  town_close();
}

/* The engine's network outlives a tramd that is killed while it is being removed. */
TEST(an_environment_is_forgotten_when_its_network_is_gone) {
  town_open();
  auto_environment preview = {0};
  CHECK_OK(core_environment_create(town, project.id, "preview", NULL, true, &preview));
  en->fail_networks = "device or resource busy";
  CHECK_OK(core_environment_delete(town, preview.id));
  turns(20);
  CHECK_INT(count("environments"), 2);
  en->fail_networks = NULL;
  town_restart();
  WAIT(count("environments") == 1);
  CHECK_INT(en->networks_removed, 1);
  town_close();
}

TEST(a_deleted_project_goes_with_everything) {
  town_open();
  auto_environment preview = {0};
  auto_service_instance in_preview = {0};
  bool found = false;
  char here[ID_SIZE], there[ID_SIZE];
  CHECK_OK(core_environment_create(town, project.id, "preview", instance.environment_id, false, &preview));
  CHECK_OK(service_instance_find(town_db, service.id, preview.id, &found, &in_preview));
  deploy_live(here);
  CHECK_OK(core_deploy_instance(town, &in_preview, "", there));
  WAIT_STATUS(there, SUCCESS);
  CHECK_OK(core_project_delete(town, project.id));
  WAIT(count("projects") == 0);
  check_all_gone();
  CHECK_INT(en->networks_removed, 2);
  CHECK_INT(count("environments"), 0);
  CHECK(!has_logs(here) && !has_logs(there));
  town_close();
}

TEST(a_removal_goes_on_after_a_restart) {
  town_open();
  char id[ID_SIZE];
  deploy_live(id);
  gate->sessions = 1; /* its visitors hold it */
  CHECK_OK(core_project_delete(town, project.id));
  WAIT_STATUS(id, REMOVING);
  town_restart();
  CHECK_INT(count("projects"), 1);
  gate->sessions = 0;
  WAIT(count("projects") == 0);
  check_all_gone();
  town_close();
}

TEST(a_removal_that_fails_for_a_while_is_done_in_the_end) {
  town_open();
  char id[ID_SIZE];
  deploy_live(id);
  en->fail_remove = "device or resource busy";
  CHECK_OK(core_service_delete(town, service.id));
  WAIT_STATUS(id, REMOVING);
  turns(30);
  long long steps = count("deployment_steps");
  turns(30);
  CHECK_INT(count("deployment_steps"), steps); /* it waits instead of trying as fast as it can */
  en->fail_remove = NULL;
  WAIT(count("services") == 0);
  check_all_gone();
  town_close();
}

TEST_MAIN
