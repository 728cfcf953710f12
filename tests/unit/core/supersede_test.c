/* Of the deployments of a service that wait for their build, the newest is built: at each moment, also when
 * tramd ends or the database fails. */
#include "uploads.h"

static char building[ID_SIZE], waiting[ID_SIZE], newest[ID_SIZE];

static void get(const char *id, struct deployment *ret_deployment) {
  CHECK_OK(deployment_get(town_db, id, ret_deployment));
}

static void check_superseded(const char *id, const char *by) {
  auto_deployment d = {0};
  WAIT_STATUS(id, REMOVED);
  get(id, &d);
  CHECK_TEXT(d.superseded_by_id, by);
  auto_free char *reason = str_format("superseded by a newer deployment: %s", by);
  CHECK_TEXT(reason_of(id), reason);
}

static void let_builds_end(void) {
  bld->hold = false;
  fake_end_builds(bld);
}

/* A service is built, and what comes next waits behind it. */
static void open_building(void) {
  town_open();
  bld->hold = true;
  deploy(building);
  WAIT_STATUS(building, BUILDING);
}

static void change_variable(const char *value, char id[ID_SIZE]) {
  auto_strv services = STRV_EMPTY;
  auto_deployment latest = {0};
  auto_json *changes = json_pack("{s:s}", "COLOUR", value);
  bool found = false;
  CHECK_OK(core_variables_change(town, instance.environment_id, service.id, changes, false, &services));
  CHECK_OK(core_deploy_changed(town, instance.environment_id, &services, ""));
  CHECK_OK(deployment_find_latest(town_db, instance.id, &found, &latest));
  id_copy(id, latest.id);
}

TEST(variables_set_one_after_another_are_built_once) {
  auto_json *variables = NULL;
  open_building();
  char first[ID_SIZE];
  change_variable("red", first);
  WAIT_STATUS(first, QUEUED);
  change_variable("green", waiting);
  check_superseded(first, waiting);
  change_variable("blue", newest);
  check_superseded(waiting, newest);
  CHECK_STATUS(building, BUILDING);
  CHECK_INT(bld->started, 1);
  let_builds_end();
  WAIT_STATUS(newest, SUCCESS);
  CHECK_INT(bld->started, 2);
  CHECK_TEXT(served_by(), newest);
  CHECK_OK(deployment_variables_get(town_db, newest, &variables));
  CHECK_TEXT(json_get_text(variables, "COLOUR"), "blue");
  check_nothing_left(waiting);
  town_close();
}

TEST(a_siblings_waits_on) {
  auto_service other = {0};
  auto_service_instance its = {0};
  struct core_options options = town_options();
  char sibling[ID_SIZE];
  open_building();
  options.build_concurrency = 1;
  core_set_options(town, &options);
  town_make_service("web", &other, &its);
  CHECK_OK(core_deploy_instance(town, &its, "", sibling));
  change_variable("red", waiting);
  change_variable("blue", newest);
  check_superseded(waiting, newest);
  CHECK_STATUS(sibling, QUEUED);
  let_builds_end();
  WAIT_STATUS(sibling, SUCCESS);
  WAIT_STATUS(newest, SUCCESS);
  town_close();
}

/* One change after another does not keep the service behind all others. */
TEST(it_takes_the_place_in_the_queue) {
  auto_deployment first = {0}, last = {0};
  open_building();
  change_variable("red", waiting);
  WAIT_STATUS(waiting, QUEUED);
  get(waiting, &first);
  change_variable("blue", newest);
  check_superseded(waiting, newest);
  get(newest, &last);
  CHECK(last.queued_us == first.queued_us && last.created_us > first.created_us);
  town_close();
}

static void upload_text(const char *text, char id[ID_SIZE]) {
  upload_files(FILES("index.html", text), service.id);
  CHECK_TEXT(uploaded.message, "");
  id_copy(id, uploaded.id);
}

TEST(an_upload_waits_for_its_turn_unless_a_newer_one_has_its_code) {
  char one[ID_SIZE], two[ID_SIZE];
  town_open();
  instance.settings.source_kind = SOURCE_NONE;
  str_replace_owned(&instance.settings.source_image, NULL);
  change_settings();
  upload_text("one", building);
  WAIT_STATUS(building, SUCCESS);
  bld->hold = true;
  set_variable("A", "1"); /* another build than the one that is kept */
  upload_text("two", building);
  WAIT_STATUS(building, BUILDING);
  upload_text("three", one);
  WAIT_STATUS(one, QUEUED);
  upload_text("four", two);
  WAIT_STATUS(two, QUEUED);
  CHECK_STATUS(one, QUEUED);
  change_variable("red", waiting); /* of the code of `two` */
  check_superseded(two, waiting);
  CHECK_OK(core_redeploy(town, waiting, false, "", newest));
  check_superseded(waiting, newest);
  CHECK_STATUS(one, QUEUED);
  let_builds_end();
  WAIT_STATUS(newest, SUCCESS);
  auto_deployment d = {0};
  get(one, &d);
  CHECK(*d.image_id); /* it had its turn */
  town_close();
}

TEST(an_image_given_by_hand_waits_for_its_turn) {
  open_building();
  str_replace_owned(&instance.settings.source_image, "registry.example/app:2");
  change_settings();
  deploy(waiting);
  WAIT_STATUS(waiting, QUEUED);
  str_replace_owned(&instance.settings.source_image, "registry.example/app:3");
  change_settings();
  deploy(newest);
  WAIT_STATUS(newest, QUEUED);
  CHECK_STATUS(waiting, QUEUED);
  let_builds_end();
  WAIT_STATUS(newest, SUCCESS);
  CHECK_INT(bld->started, 3);
  town_close();
}

TEST(what_is_built_goes_on) {
  open_building();
  change_variable("red", newest);
  WAIT_STATUS(newest, QUEUED);
  turns(10);
  CHECK_STATUS(building, BUILDING);
  CHECK_INT(bld->cancelled, 0);
  let_builds_end();
  WAIT_STATUS(newest, SUCCESS);
  town_close();
}

TEST(a_rollback_takes_nobodys_place_before_it_is_live) {
  char back[ID_SIZE], served[ID_SIZE];
  town_open();
  deploy_live(served);
  set_variable("COLOUR", "white");
  deploy_live(building);
  WAIT_STATUS(served, REMOVED);
  bld->hold = true;
  change_variable("red", building);
  WAIT_STATUS(building, BUILDING);
  change_variable("green", waiting);
  WAIT_STATUS(waiting, QUEUED);
  en->app.status = INSTANCE_CREATED; /* it does not run yet */
  CHECK_OK(core_rollback(town, served, "", back));
  WAIT(fake_find(en, back, 0) && fake_find(en, back, 0)->booted);
  CHECK_STATUS(waiting, QUEUED);
  fake_change(en, fake_find(en, back, 0), fake_runs(8080));
  WAIT_STATUS(back, SUCCESS);
  WAIT_STATUS(waiting, REMOVED);
  auto_deployment d = {0};
  get(waiting, &d);
  CHECK_TEXT(d.superseded_by_id, back);
  CHECK_TEXT(reason_of(waiting), "a newer deployment is live");
  town_close();
}

/* ---- tramd ends ---- */

TEST(tramd_ends_right_after_it) {
  for (int n = 0; n < 6; n++) {
    open_building();
    change_variable("red", waiting);
    WAIT_STATUS(waiting, QUEUED);
    change_variable("blue", newest);
    turns(n);
    town_restart();
    turns(n);
    let_builds_end();
    check_superseded(waiting, newest);
    WAIT_STATUS(newest, SUCCESS);
    CHECK_TEXT(served_by(), newest);
    town_close();
  }
}

/* It was recorded, and nothing more: the reason stays. */
TEST(what_is_being_cancelled_is_removed_with_its_reason) {
  open_building();
  change_variable("red", waiting);
  WAIT_STATUS(waiting, QUEUED);
  change_variable("blue", newest);
  check_superseded(waiting, newest);
  town_stop();
  CHECK_OK(db_run(town_db, "UPDATE deployments SET status = 'REMOVING' WHERE id = ?1", DB_BIND(db_text(waiting)), NULL));
  town_start();
  check_superseded(waiting, newest);
  let_builds_end();
  WAIT_STATUS(newest, SUCCESS);
  town_close();
}

/* The newer one was in the queue when tramd ended, and the older one comes to it later. */
TEST(an_older_one_that_comes_later_gives_its_place) {
  open_building();
  change_variable("red", waiting);
  WAIT_STATUS(waiting, QUEUED);
  change_variable("blue", newest);
  check_superseded(waiting, newest);
  town_stop();
  CHECK_OK(db_run(town_db, "UPDATE deployments SET status = 'QUEUED', superseded_by_id = NULL WHERE id = ?1",
                  DB_BIND(db_text(waiting)), NULL));
  town_start();
  check_superseded(waiting, newest);
  let_builds_end();
  WAIT_STATUS(newest, SUCCESS);
  town_close();
}

/* ---- the database fails ---- */

static int statements;

static int count_statement(unsigned what, void *arg, void *statement, void *text) {
  (void)what, (void)arg, (void)statement, (void)text;
  statements++;
  return 0;
}

static bool is_settled(void) {
  auto_deployment_list unfinished = {0};
  CHECK_OK(deployment_list_unfinished(town_db, &unfinished));
  return unfinished.len == 1 && deployment_status_is_active(unfinished.items[0].status);
}

/* Whichever it is: something serves, all has an end, and what is marked as superseded did not go live.  0: none fails. */
static void fail_at(int nth) {
  auto_deployment d = {0};
  open_building();
  change_variable("red", waiting);
  WAIT_STATUS(waiting, QUEUED);
  turns(2);
  set_variable("COLOUR", "blue");
  statements = 0;
  sqlite3_trace_v2(db_handle(town_db), SQLITE_TRACE_STMT, count_statement, NULL);
  db_fail_after(town_db, nth);
  err *e = core_deploy_instance(town, &instance, "", newest);
  turns(5);
  db_fail_after(town_db, 0);
  int counted = statements;
  sqlite3_trace_v2(db_handle(town_db), 0, NULL, NULL);
  if (e) CHECK_HAS(err_message(e), "injected failure");
  let_builds_end();
  WAIT(is_settled());
  get(waiting, &d);
  if (!e && status_of(newest) == DEPLOYMENT_SUCCESS) {
    CHECK_TEXT(served_by(), newest);
    CHECK(*d.superseded_by_id || *d.image_id); /* the newer one came to the queue when this one had had its turn */
  } else if (!*d.superseded_by_id) {
    CHECK_TEXT(served_by(), waiting);
  }
  if (*d.superseded_by_id) CHECK_STATUS(waiting, REMOVED);
  if (*d.superseded_by_id) CHECK_TEXT(d.superseded_by_id, newest);
  err_free(e);
  town_close();
  statements = counted;
}

TEST(it_is_true_whichever_statement_fails) {
  fail_at(0);
  int most = statements;
  printf("# %d statements\n", most);
  CHECK(most > 15);
  for (int nth = 1; nth <= most; nth++) fail_at(nth);
}

TEST_MAIN
