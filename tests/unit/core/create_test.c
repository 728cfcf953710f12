/* How deployments come to be: uploads, redeploys, rollbacks, and the order of their builds. */
#include "uploads.h"

/* ---- uploads ---- */

static char *make_archive(const char *text) {
  return archive_of(FILES("index.html", text));
}

static void upload(const char *text, const char *service_id) {
  upload_files(FILES("index.html", text), service_id);
}

TEST(an_upload_goes_live) {
  town_open();
  upload("<p>one", service.id);
  CHECK_TEXT(uploaded.message, "");
  WAIT_STATUS(uploaded.id, SUCCESS);
  CHECK_TEXT(served_by(), uploaded.id);
  auto_deployment d = {0};
  CHECK_OK(deployment_get(town_db, uploaded.id, &d));
  CHECK_INT(d.settings.source_kind, SOURCE_UPLOAD);
  CHECK_TEXT(d.message, "first");
  CHECK_TEXT(d.creator_user_id, user.id);
  CHECK(*d.snapshot_id && *d.image_id);
  town_close();
}

TEST(the_same_code_is_the_same_snapshot) {
  town_open();
  auto_deployment first = {0}, second = {0};
  upload("<p>one", service.id);
  CHECK_OK(deployment_get(town_db, uploaded.id, &first));
  upload("<p>one", service.id);
  CHECK_OK(deployment_get(town_db, uploaded.id, &second));
  CHECK_TEXT(second.snapshot_id, first.snapshot_id);
  WAIT_STATUS(second.id, SUCCESS);
  WAIT_STATUS(first.id, REMOVED);
  town_close();
}

static void set_image(const struct service_instance *of, const char *image) {
  auto_service_settings settings;
  service_settings_copy(&of->settings, &settings);
  settings.source_kind = image ? SOURCE_IMAGE : SOURCE_NONE;
  str_replace_owned(&settings.source_image, image);
  CHECK_OK(service_instance_set_settings(town_db, of->id, &settings, 1));
}

TEST(an_upload_without_a_service_takes_the_only_one) {
  town_open();
  set_image(&instance, NULL);
  upload("<p>one", NULL);
  CHECK_TEXT(uploaded.message, "");
  auto_deployment d = {0};
  CHECK_OK(deployment_get(town_db, uploaded.id, &d));
  CHECK_TEXT(d.service_id, service.id);
  auto_service other = {0};
  auto_service_instance other_instance = {0};
  town_make_service("other", &other, &other_instance);
  set_image(&other_instance, NULL);
  upload("<p>one", "");
  CHECK_INT(uploaded.code, ERR_INVALID);
  CHECK_HAS(uploaded.message, "the environment has 2 services: say which with --service");
  town_close();
}

TEST(code_does_not_take_the_place_of_a_database) {
  town_open();
  auto_service other = {0};
  auto_service_instance other_instance = {0};
  auto_deployment d = {0};
  town_make_service("db", &other, &other_instance);
  set_image(&other_instance, "tramway/postgres:17");
  upload("<p>one", other.id);
  CHECK_INT(uploaded.code, ERR_CONFLICT);
  CHECK_HAS(uploaded.message, "is a database, which runs the image tramway/postgres:17");
  set_image(&instance, NULL);
  upload("<p>one", "");
  CHECK_OK(deployment_get(town_db, uploaded.id, &d));
  CHECK_TEXT(d.service_id, service.id);
  set_image(&instance, "registry.example/app:1");
  upload("<p>one", NULL);
  auto_deployment fresh = {0};
  CHECK_OK(deployment_get(town_db, uploaded.id, &fresh));
  CHECK(!str_eq(fresh.service_id, service.id) && !str_eq(fresh.service_id, other.id));
  town_close();
}

TEST(a_bad_archive_makes_nothing) {
  town_open();
  char *path = path_join(town_folder, "bad.tar.gz");
  CHECK_OK(file_write_fast(path, "no archive", 10, 0600));
  begin_upload(path, service.id);
  WAIT(uploaded.calls);
  CHECK_INT(uploaded.code, ERR_INVALID);
  bool found = false;
  auto_deployment latest = {0};
  CHECK_OK(deployment_find_latest(town_db, instance.id, &found, &latest));
  CHECK(!found);
  CHECK(!file_exists(path));
  free(path);
  town_close();
}

TEST(a_foreign_service_is_not_found) {
  town_open();
  upload("<p>one", "00000000-0000-4000-8000-000000000000");
  CHECK_INT(uploaded.code, ERR_NOT_FOUND);
  town_close();
}

TEST(tramd_ends_while_an_upload_is_unpacked) {
  town_open();
  auto_free char *path = make_archive("<p>one");
  begin_upload(path, service.id);
  town_stop();
  CHECK_INT(uploaded.calls, 1);
  CHECK_INT(uploaded.code, ERR_BUSY);
  town_close();
}

/* ---- again ---- */

TEST(a_redeploy_takes_todays_variables) {
  town_open();
  char id[ID_SIZE];
  set_variable("COLOUR", "blue");
  upload("<p>one", service.id);
  WAIT_STATUS(uploaded.id, SUCCESS);
  set_variable("COLOUR", "red");
  CHECK_OK(core_redeploy(town, uploaded.id, false, "", id));
  WAIT_STATUS(id, SUCCESS);
  CHECK(strv_has(&en->env, "COLOUR=red"));
  CHECK_INT(bld->started, 2);
  town_close();
}

TEST(a_redeploy_of_the_same_image_does_not_build_and_takes_todays_variables) {
  town_open();
  char first[ID_SIZE], second[ID_SIZE];
  set_variable("COLOUR", "blue");
  deploy_live(first);
  set_variable("COLOUR", "red");
  instance.settings.num_replicas = 2;
  change_settings();
  CHECK_OK(core_redeploy(town, first, true, "", second));
  WAIT_STATUS(second, SUCCESS);
  CHECK_INT(bld->started, 1);
  CHECK_INT(fake_count(en, second), 2);
  CHECK(strv_has(&en->env, "COLOUR=red"));
  fake_images_gone = true;
  CHECK_ERR(core_redeploy(town, second, true, "", first), ERR_CONFLICT, "the image of deployment");
  town_close();
}

TEST(a_service_without_a_source_says_what_to_do) {
  town_open();
  char id[ID_SIZE];
  instance.settings.source_kind = SOURCE_NONE;
  CHECK_ERR(core_deploy_instance(town, &instance, "", id), ERR_INVALID, "deploy with `tram up`");
  town_close();
}

/* ---- the queue ---- */

TEST(as_many_build_at_a_time_as_the_configuration_says) {
  enum { SERVICES = 5 };
  town_open();
  char ids[SERVICES][ID_SIZE];
  bld->hold = true;
  for (int i = 0; i < SERVICES; i++) {
    auto_service s = {0};
    auto_service_instance of = {0};
    auto_free char *name = str_format("service-%d", i);
    town_make_service(name, &s, &of);
    CHECK_OK(core_deploy_instance(town, &of, "", ids[i]));
  }
  WAIT(bld->running == 2);
  turns(20);
  CHECK_INT(bld->started, 2);
  CHECK_STATUS(ids[0], BUILDING); /* the oldest first */
  CHECK_STATUS(ids[1], BUILDING);
  CHECK_STATUS(ids[2], QUEUED);
  fake_end_build(fake_build_of(bld, ids[1]));
  WAIT_STATUS(ids[2], BUILDING);
  bld->hold = false;
  fake_end_builds(bld);
  for (int i = 0; i < SERVICES; i++) WAIT_STATUS(ids[i], SUCCESS);
  CHECK_INT(bld->most_running, 2);
  town_close();
}

TEST(a_service_builds_one_at_a_time_and_the_last_one_serves) {
  town_open();
  char ids[3][ID_SIZE];
  bld->hold = true;
  deploy(ids[0]);
  WAIT_STATUS(ids[0], BUILDING);
  deploy(ids[1]);
  deploy(ids[2]);
  turns(20);
  CHECK_INT(bld->running, 1);
  CHECK_STATUS(ids[0], BUILDING);
  CHECK_STATUS(ids[2], QUEUED);
  bld->hold = false;
  fake_end_builds(bld);
  WAIT_STATUS(ids[2], SUCCESS);
  CHECK_INT(bld->most_running, 1);
  WAIT(is_final(ids[0]) && is_final(ids[1]));
  CHECK_TEXT(served_by(), ids[2]);
  town_close();
}

TEST(an_older_one_that_is_slow_does_not_replace_a_newer_one) {
  town_open();
  char older[ID_SIZE], newer[ID_SIZE];
  en->app.status = INSTANCE_CREATED;
  deploy(older);
  WAIT(fake_count(en, older) == 1);
  turns(5);
  en->app = fake_runs(8080);
  deploy_live(newer);
  WAIT_STATUS(older, REMOVED);
  CHECK_TEXT(reason_of(older), "a newer deployment is live");
  turns(20);
  CHECK_STATUS(newer, SUCCESS);
  CHECK_TEXT(served_by(), newer);
  check_nothing_left(older);
  town_close();
}

TEST(a_cancelled_build_makes_room_for_the_next) {
  town_open();
  char first[ID_SIZE], second[ID_SIZE];
  bld->hold = true;
  deploy(first);
  WAIT_STATUS(first, BUILDING);
  deploy(second);
  CHECK_OK(core_cancel(town, first));
  WAIT_STATUS(second, BUILDING);
  CHECK_INT(bld->cancelled, 1);
  town_close();
}

static void count_change(void *arg, const char *id) {
  (void)id;
  ++*(int *)arg;
}

TEST(watchers_are_told_of_their_deployment) {
  town_open();
  char first[ID_SIZE], second[ID_SIZE];
  int all = 0, one = 0;
  core_watch *watch_all = core_watch_start(town, NULL, count_change, &all);
  deploy_live(first);
  core_watch *watch_one = core_watch_start(town, first, count_change, &one);
  CHECK(all > 3);
  deploy_live(second);
  WAIT_STATUS(first, REMOVED);
  CHECK(one >= 2 && one < all);
  core_watch_stop(watch_all);
  core_watch_stop(watch_one);
  town_close();
}

TEST_MAIN
