/* A database's password is changed: both are good until nobody runs with the old one. */
#include "base/clock.h"
#include "base/json.h"
#include "core/password_rotation.h"
#include "town.h"

static struct service store;
static struct service_instance store_instance;
static char id[ID_SIZE], used[ID_SIZE];
static struct str asked;
static bool refuses;

/* Says the marker that the input asks for: 'hex' at its end. */
static void answers(struct fake_exec *x) {
  auto_free char *input = str_ndup(x->input.data, x->input.len);
  str_addf(&asked, "%s", input);
  if (refuses) {
    fake_exec_exit(x, NULL, 3);
    return;
  }
  char *quote = strrchr(input, '\'');
  *quote = 0;
  auto_free char *line = str_format("%s\n", strrchr(input, '\'') + 1);
  fake_exec_say(x, 1, line);
}

static void set(const char *service_id, const char *changes) {
  auto_strv affected = STRV_EMPTY;
  auto_json *object = NULL;
  CHECK_OK(json_parse(changes, strlen(changes), "changes", &object));
  CHECK_OK(core_variables_change(town, instance.environment_id, service_id, object, false, &affected));
}

static void open_store(void) {
  auto_service_settings settings = {0};
  bool found = false;
  town_open();
  refuses = false;
  str_clear(&asked);
  fake_exec_answer = answers;
  fake_exec_fail = NULL;
  service_settings_init(&settings);
  settings.source_kind = SOURCE_IMAGE;
  settings.source_image = str_dup("tramway/postgres:17");
  CHECK_OK(core_service_create(town, project.id, "Postgres", &settings, &store));
  CHECK_OK(service_instance_find(town_db, store.id, instance.environment_id, &found, &store_instance));
  set(store.id, "{\"POSTGRES_USER\": \"postgres\", \"PGUSER\": \"${{POSTGRES_USER}}\", \"POSTGRES_PASSWORD\": \"old\","
                " \"URL\": \"${{PGUSER}}:${{POSTGRES_PASSWORD}}\"}");
  set(service.id, "{\"DB\": \"${{Postgres.URL}}\"}");
  CHECK_OK(core_deploy_instance(town, &store_instance, user.id, id));
  CHECK_OK(core_deploy_instance(town, &instance, user.id, used));
  WAIT_STATUS(id, SUCCESS);
  WAIT_STATUS(used, SUCCESS);
}

static void close_store(void) {
  WAIT(!fake_execs_alive);
  town_close();
  service_done(&store);
  service_instance_done(&store_instance);
  str_done(&asked);
}

static err *rotate(int64_t keep_ms) {
  struct core_password_rotate request = {.environment_id = instance.environment_id, .service_id = store.id,
                                         .keep_old_ms = keep_ms, .user_id = ""};
  return core_password_rotate(town, &request);
}

static enum password_rotation_status status(struct strv *ret_names) {
  auto_password_rotation r = {0};
  auto_strv names = STRV_EMPTY;
  bool found = false;
  CHECK_OK(core_password_rotation(town, instance.environment_id, store.id, &found, &r, ret_names ? ret_names : &names));
  CHECK(found);
  return r.status;
}

#define WAIT_ROTATION(wanted) WAIT(status(NULL) == PASSWORD_ROTATION_##wanted)

static void check_user(const char *expected) {
  auto_variable v = {0};
  bool found = false;
  CHECK_OK(variable_find(town_db, instance.environment_id, store.id, "PGUSER", &found, &v));
  CHECK_TEXT(v.value, expected);
}

TEST(there_and_back) {
  open_store();
  CHECK_OK(rotate(0));
  CHECK_INT(status(NULL), PASSWORD_ROTATION_PREPARING);
  CHECK_ERR(rotate(0), ERR_CONFLICT, "is being changed already");
  WAIT_ROTATION(WAITING);
  check_user("postgres_2");
  CHECK(!strstr(str_text(&asked), "PASSWORD NULL"));
  WAIT_ROTATION(DONE);
  CHECK_STATUS(used, REMOVED); /* with the old one nobody runs any more */
  CHECK_STATUS(id, SUCCESS);   /* the database has run on */
  CHECK_HAS(str_text(&asked), "ALTER ROLE \"postgres\" PASSWORD NULL;");
  CHECK_OK(rotate(0));
  WAIT_ROTATION(DONE);
  check_user("${{POSTGRES_USER}}");
  CHECK_HAS(str_text(&asked), "ALTER ROLE \"postgres_2\" PASSWORD NULL;");
  close_store();
}

TEST(a_service_whose_deployment_fails_is_waited_for) {
  auto_strv names = STRV_EMPTY;
  auto_deployment newest = {0};
  bool found = false;
  open_store();
  en->fail_apply = "no room";
  CHECK_OK(rotate(0));
  WAIT_ROTATION(WAITING);
  CHECK_OK(deployment_find_latest(town_db, instance.id, &found, &newest));
  WAIT_STATUS(newest.id, FAILED);
  turns(100);
  CHECK_INT(status(&names), PASSWORD_ROTATION_WAITING);
  CHECK_INT(names.len, 1);
  CHECK_TEXT(names.items[0], "api");
  en->fail_apply = NULL;
  CHECK_OK(core_password_rotation_end_now(town, instance.environment_id, store.id));
  WAIT_ROTATION(DONE);
  CHECK_STATUS(used, SUCCESS);
  CHECK_ERR(core_password_rotation_end_now(town, instance.environment_id, store.id), ERR_CONFLICT, "no old password");
  close_store();
}

TEST(the_old_one_is_kept_for_a_while_and_over_a_restart) {
  open_store();
  CHECK_OK(rotate(PASSWORD_KEEP_MAX_MS));
  WAIT_ROTATION(WAITING);
  WAIT_STATUS(used, REMOVED);
  WAIT(!fake_execs_alive);
  town_restart();
  turns(100);
  CHECK_INT(status(NULL), PASSWORD_ROTATION_WAITING);
  CHECK_ERR(rotate(-1), ERR_INVALID, "30 days");
  CHECK_OK(core_password_rotation_end_now(town, instance.environment_id, store.id));
  WAIT_ROTATION(DONE);
  close_store();
}

TEST(a_database_that_refuses_keeps_its_password) {
  open_store();
  refuses = true;
  CHECK_OK(rotate(0));
  WAIT_ROTATION(FAILED);
  check_user("${{POSTGRES_USER}}");
  turns(50);
  CHECK_STATUS(used, SUCCESS);
  refuses = false;
  CHECK_OK(rotate(0));
  WAIT_ROTATION(DONE);
  close_store();
}

TEST(one_that_was_begun_when_tramd_ended_has_changed_nothing) {
  open_store();
  CHECK_OK(rotate(0));
  town_restart();
  CHECK_INT(status(NULL), PASSWORD_ROTATION_FAILED);
  check_user("${{POSTGRES_USER}}");
  close_store();
}

TEST(who_names_the_user_itself_is_told_of) {
  open_store();
  set(service.id, "{\"DB\": \"postgres:${{Postgres.POSTGRES_PASSWORD}}\"}");
  CHECK_ERR(rotate(0), ERR_CONFLICT, "'api' uses the database's password without its PGUSER");
  CHECK_STATUS(used, SUCCESS);
  close_store();
}

TEST(what_is_no_database_is_refused) {
  open_store();
  struct core_password_rotate request = {.environment_id = instance.environment_id, .service_id = service.id, .user_id = ""};
  CHECK_ERR(core_password_rotate(town, &request), ERR_INVALID, "this kind");
  close_store();
}

TEST_MAIN
