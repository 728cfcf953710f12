/* A Postgres goes to a newer major version, and back; or that is rehearsed. */
#include "base/clock.h"
#include "base/json.h"
#include "core/database_upgrade.h"
#include "core/database_upgrade_report.h"
#include "core/volume.h"
#include "store/database_upgrade.h"
#include "store/volume.h"
#include "town.h"

static struct service store;
static struct service_instance store_instance;
static struct volume volume;
static struct volume_instance former;
static char id[ID_SIZE];
static struct str asked;
static const char *copied_rows, *transaction;
static int transactions;

static char *answer_of(const char *input, const char *instance_id) {
  bool is_live = strstr(instance_id, id) != NULL;
  if (strstr(input, "'version'"))
    return str_format("{\"version\": \"%s\", \"bytes\": 9, \"roles\": [\"postgres\"], \"databases\": [\"shop\"]}\n",
                      is_live ? "15.1" : "17.1");
  if (strstr(input, "'extensions'"))
    return str_format("{\"extensions\": {}, \"tables\": {\"public.t\": %s}}\n", is_live ? "5" : copied_rows);
  if (strstr(input, "pg_terminate_backend")) return str_format("on 0 %s\n", transactions++ ? transaction : "700");
  return str_dup("t\n");
}

/* Says that, and the marker that the input asks for: 'hex' at its end. */
static void answers(struct fake_exec *x) {
  auto_free char *input = str_ndup(x->input.data, x->input.len);
  str_addf(&asked, "%s", input);
  auto_free char *answer = answer_of(input, x->instance_id);
  char *quote = strrchr(input, '\'');
  *quote = 0;
  auto_free char *text = str_format("%s%s\n", answer, strrchr(input, '\'') + 1);
  fake_exec_say(x, 1, text);
}

static void open_store(void) {
  auto_service_settings settings = {0};
  auto_strv affected = STRV_EMPTY;
  auto_json *variables = json_pack("{s:s}", "DATABASE_URL", "postgresql://postgres:old@store.railway.internal:5432/shop");
  bool found = false;
  town_open();
  copied_rows = "5";
  transaction = "700";
  transactions = 0;
  str_clear(&asked);
  fake_exec_answer = answers;
  fake_exec_fail = NULL;
  service_settings_init(&settings);
  settings.source_kind = SOURCE_IMAGE;
  settings.source_image = str_dup("tramway/postgres:15");
  CHECK_OK(core_service_create(town, project.id, "Store", &settings, &store));
  CHECK_OK(service_instance_find(town_db, store.id, instance.environment_id, &found, &store_instance));
  CHECK_OK(core_variables_change(town, instance.environment_id, store.id, variables, false, &affected));
  struct core_volume_request request = {.project_id = project.id, .environment_id = instance.environment_id,
                                        .service_id = store.id, .mount_path = "/var/lib/postgresql/data", .user_id = user.id};
  CHECK_OK(core_volume_create(town, &request, &volume));
  CHECK_OK(volume_instance_find_by_service(town_db, store.id, instance.environment_id, &found, &former));
  CHECK_OK(core_deploy_instance(town, &store_instance, user.id, id));
  WAIT_STATUS(id, SUCCESS);
}

static void close_store(void) {
  WAIT(!fake_execs_alive);
  town_close();
  service_done(&store);
  service_instance_done(&store_instance);
  volume_done(&volume);
  volume_instance_done(&former);
  str_done(&asked);
}

static err *upgrade(const char *version, bool is_rehearsal) {
  struct core_database_upgrade request = {.environment_id = instance.environment_id, .service_id = store.id,
                                          .version = version, .is_rehearsal = is_rehearsal, .user_id = ""};
  return core_database_upgrade(town, &request);
}

static void look(struct database_upgrade *ret_upgrade) {
  bool found = false;
  CHECK_OK(core_database_upgrade_state(town, instance.environment_id, store.id, &found, ret_upgrade));
  CHECK(found);
}

static enum database_upgrade_status status(void) {
  auto_database_upgrade u = {0};
  look(&u);
  return u.status;
}

#define WAIT_UPGRADE(wanted) WAIT(status() == DATABASE_UPGRADE_##wanted)

static void check_service(const char *image, const char *volume_instance_id) {
  auto_service_instance now = {0};
  auto_volume_instance v = {0};
  bool found = false;
  CHECK_OK(service_instance_find(town_db, store.id, instance.environment_id, &found, &now));
  CHECK_TEXT(now.settings.source_image, image);
  CHECK_OK(volume_instance_find_by_service(town_db, store.id, instance.environment_id, &found, &v));
  CHECK(found);
  CHECK_TEXT(v.id, volume_instance_id);
}

static void check_no_sibling(void) {
  auto_service sibling = {0};
  bool found = true;
  CHECK_OK(service_find_by_label(town_db, project.id, "store-17", &found, &sibling));
  CHECK(!found);
}

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
