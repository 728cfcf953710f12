/* What is recorded of a deployment that goes live, and going back to it. */
#include "core/release.h"
#include "store/release.h"
#include "town.h"

static char first[ID_SIZE], second[ID_SIZE], back[ID_SIZE];

static void release_of(const char *id, struct release *ret_release) {
  bool found = false;
  CHECK_OK(release_find(town_db, id, &found, ret_release));
  CHECK(found);
}

static bool has_release(const char *id) {
  bool exists = false;
  CHECK_OK(release_exists(town_db, id, &exists));
  return exists;
}

/* ---- the record ---- */

TEST(what_goes_live_is_recorded) {
  town_open();
  set_variable("COLOUR", "blue");
  CHECK_OK(core_domain_set_port(town, domain.id, 8080));
  instance.settings.overlap_s = 1;
  deploy_live(first);
  auto_release r = {0};
  release_of(first, &r);
  CHECK_TEXT(r.image_digest, "sha256:1");
  CHECK_TEXT(r.version, "1.2.3");
  CHECK_INT(strlen(r.hash), 64);
  CHECK_INT(r.settings.overlap_s, 1);
  CHECK_INT(json_array_size(r.volumes), 0);
  const json_t *route = json_array_get(r.routes, 0);
  CHECK_INT(json_array_size(r.routes), 1);
  CHECK_TEXT(json_get_text(route, "host"), domain.host);
  CHECK_INT(json_get_int(route, "targetPort", 0), 8080);
  CHECK(json_object_get(r.variables, "RAILWAY_SERVICE_ID"));
  CHECK(!json_object_get(r.variables, "RAILWAY_DEPLOYMENT_ID"));
  const char *digest = json_get_text(json_object_get(r.variables, "COLOUR"), "digest");
  CHECK_INT(strlen(digest), 32);
  auto_free char *text = json_to_text(r.variables);
  CHECK(!strstr(text, "blue"));
  town_close();
}

TEST(what_never_was_live_has_no_release) {
  town_open();
  bld->fail = "no";
  deploy(first);
  WAIT_STATUS(first, FAILED);
  CHECK(!has_release(first));
  bld->fail = NULL;
  en->app = fake_ended(INSTANCE_CRASHED, 1);
  deploy(second);
  WAIT_STATUS(second, FAILED);
  CHECK(!has_release(second));
  auto_deployment d = {0};
  auto_release would_be = {0};
  CHECK_OK(deployment_get(town_db, second, &d));
  CHECK_OK(core_release(town, &d, &would_be));
  CHECK_TEXT(would_be.image_digest, "sha256:1");
  town_close();
}

TEST(the_same_again_is_the_same_release) {
  town_open();
  auto_release one = {0}, two = {0}, three = {0};
  set_variable("COLOUR", "blue");
  deploy_live(first);
  deploy_live(second);
  release_of(first, &one);
  release_of(second, &two);
  CHECK_TEXT(one.hash, two.hash);
  set_variable("COLOUR", "red");
  deploy_live(back);
  release_of(back, &three);
  CHECK(!str_eq(one.hash, three.hash));
  town_close();
}

TEST(values_are_told_but_sealed_ones) {
  town_open();
  set_variable("COLOUR", "blue");
  set_variable("LATER", "open");
  seal_variable("SECRET", "sealed");
  deploy_live(first);
  seal_variable("LATER", "sealed");
  auto_deployment d = {0};
  auto_release r = {0};
  auto_json *values = NULL, *renamed = NULL;
  CHECK_OK(deployment_get(town_db, first, &d));
  CHECK_OK(core_release(town, &d, &r));
  CHECK_OK(core_release_values(town, &d, &r, &values));
  CHECK_TEXT(json_get_text(values, "COLOUR"), "blue");
  CHECK_TEXT(json_get_text(values, "RAILWAY_PROJECT_NAME"), "shop");
  CHECK(!json_object_get(values, "SECRET"));
  CHECK(!json_object_get(values, "LATER"));
  CHECK(json_get_bool(json_object_get(r.variables, "SECRET"), "sealed", false));
  str_replace_owned(&project.name, "bazaar");
  CHECK_OK(project_update(town_db, &project, 1));
  CHECK_OK(core_release_values(town, &d, &r, &renamed));
  CHECK(!json_object_get(renamed, "RAILWAY_PROJECT_NAME")); /* the value of then is not known */
  CHECK_TEXT(json_get_text(renamed, "COLOUR"), "blue");
  town_close();
}

TEST(what_was_live_before_there_were_releases_gets_one) {
  town_open();
  deploy_live(first);
  CHECK_OK(db_run_script(town_db, "DROP TRIGGER releases_go_with_their_deployment; DELETE FROM releases"));
  town_restart();
  CHECK(has_release(first));
  town_close();
}

/* ---- going back ---- */

static void go_back(const char *id) {
  CHECK_OK(core_rollback(town, id, user.id, back));
  WAIT_STATUS(back, SUCCESS);
  CHECK_TEXT(served_by(), back);
}

static bool leads_to_port(const char *host, int port) {
  auto_free char *ending = str_format(":%d", port);
  const json_t *targets = json_object_get(json_object_get(gate->live, host), "targets");
  return str_ends(json_string_value(json_array_get(targets, 0)), ending);
}

TEST(a_rollback_restores_image_settings_and_variables_without_a_build) {
  town_open();
  set_variable("COLOUR", "blue");
  instance.settings.num_replicas = 2;
  deploy_live(first);
  set_variable("COLOUR", "red");
  set_variable("ADDED", "since");
  instance.settings.num_replicas = 1;
  bld->image = "sha256:2";
  deploy_live(second);
  WAIT_STATUS(first, REMOVED);
  CHECK(strv_has(&en->env, "COLOUR=red"));
  int builds = bld->started;
  go_back(first);
  CHECK_INT(bld->started, builds);
  CHECK_INT(fake_count(en, back), 2);
  CHECK_TEXT(fake_find(en, back, 0)->image_id, "sha256:1");
  CHECK(strv_has(&en->env, "COLOUR=blue"));
  CHECK(!strv_has(&en->env, "ADDED=since"));
  WAIT_STATUS(second, REMOVED);
  auto_deployment d = {0};
  auto_release then = {0}, now = {0};
  CHECK_OK(deployment_get(town_db, back, &d));
  CHECK_TEXT(d.source_deployment_id, first);
  release_of(first, &then);
  release_of(back, &now);
  CHECK_TEXT(now.hash, then.hash);
  town_close();
}

TEST(after_a_rollback_a_redeploy_takes_todays_variables) {
  town_open();
  set_variable("COLOUR", "blue");
  deploy_live(first);
  set_variable("COLOUR", "red");
  deploy_live(second);
  go_back(first);
  CHECK(strv_has(&en->env, "COLOUR=blue"));
  char again[ID_SIZE];
  CHECK_OK(core_redeploy(town, back, false, "", again));
  WAIT_STATUS(again, SUCCESS);
  CHECK(strv_has(&en->env, "COLOUR=red"));
  town_close();
}

TEST(what_cannot_be_rolled_back_to) {
  town_open();
  char id[ID_SIZE];
  bld->fail = "no";
  deploy(second);
  WAIT_STATUS(second, FAILED);
  CHECK_ERR(core_rollback(town, second, "", id), ERR_CONFLICT, "it never was live");
  bld->fail = NULL;
  deploy_live(first);
  CHECK_ERR(core_rollback(town, first, "", id), ERR_CONFLICT, "it is the live one");
  deploy_live(second);
  fake_images_gone = true;
  CHECK_ERR(core_rollback(town, first, "", id), ERR_CONFLICT, "its image is no longer kept");
  fake_images_gone = false;
  auto_deployment d = {0};
  CHECK_OK(deployment_get(town_db, first, &d));
  CHECK(core_can_rollback(town, &d));
  CHECK_OK(image_delete(town_db, d.image_id));
  CHECK_ERR(core_rollback(town, first, "", id), ERR_CONFLICT, "its image is no longer kept");
  CHECK_ERR(core_rollback(town, "00000000-0000-4000-8000-000000000000", "", id), ERR_NOT_FOUND, "");
  town_close();
}

/* ---- routes ---- */

static bool log_says(const char *id, const char *text) {
  auto_free char *path = str_format("%s/logs/build/%s.log", town_folder, id);
  auto_str content = STR_EMPTY;
  CHECK_OK(file_read(path, 1 << 20, &content));
  return strstr(content.data, text) != NULL;
}

/* `first` listens on 3000 and is visited there, `second` on 8080. */
static void open_with_two_ports(void) {
  town_open();
  CHECK_OK(core_domain_set_port(town, domain.id, 3000));
  en->app = fake_runs(3000);
  deploy_live(first);
  CHECK_OK(core_domain_set_port(town, domain.id, 8080));
  en->app = fake_runs(8080);
  deploy_live(second);
  WAIT(leads_to_port(domain.host, 8080));
}

TEST(a_rollback_is_visited_on_the_port_of_then) {
  open_with_two_ports();
  en->app = fake_runs(3000);
  gate->hold = true;
  CHECK_OK(core_rollback(town, first, "", back));
  WAIT(fake_find(en, back, 0) && !list_empty(&gate->tellings));
  turns(10);
  CHECK(leads_to_port(domain.host, 8080)); /* the live one is visited where it listens */
  CHECK_TEXT(served_by(), second);
  gate->hold = false;
  fake_go_live(gate);
  WAIT_STATUS(back, SUCCESS);
  CHECK(leads_to_port(domain.host, 3000));
  town_restart();
  turns(20);
  CHECK_TEXT(served_by(), back);
  CHECK(leads_to_port(domain.host, 3000));
  en->app = fake_runs(8080); /* what the service is set to was not changed by it */
  deploy_live(second);
  WAIT(leads_to_port(domain.host, 8080));
  town_close();
}

TEST(the_ports_of_then_outlive_the_deployment_of_then) {
  open_with_two_ports();
  en->app = fake_runs(3000);
  go_back(first);
  CHECK_OK(deployment_delete(town_db, first));
  instance.settings.num_replicas = 2;
  CHECK_OK(core_set_settings(town, instance.id, &instance.settings)); /* routes are sent again */
  WAIT(json_array_size(json_object_get(json_object_get(gate->live, domain.host), "targets")) == 2);
  CHECK(leads_to_port(domain.host, 3000));
  town_close();
}

TEST(a_domain_that_was_added_since_leads_to_where_the_app_listens) {
  town_open();
  auto_domain added = {0};
  CHECK_OK(core_domain_delete(town, domain.id));
  en->app = fake_runs(3000);
  en->app.sockets_len = 2;
  en->app.sockets[1].port = 3001;
  set_variable("PORT", "3000");
  deploy(first);
  WAIT_STATUS(first, SUCCESS);
  CHECK_OK(core_domain_create(town, &instance, 8080, &added)); /* nothing listened on that then */
  struct fake_app then = en->app;
  en->app = fake_runs(8080);
  set_variable("PORT", "8080");
  deploy(second);
  WAIT_STATUS(second, SUCCESS);
  WAIT(leads_to_port(added.host, 8080));
  en->app = then;
  CHECK_OK(core_rollback(town, first, "", back));
  WAIT_STATUS(back, SUCCESS);
  WAIT(leads_to_port(added.host, 3000));
  CHECK(log_says(back, "was added since: it stays, and leads to the app's own port"));
  CHECK_OK(core_domain_set_port(town, added.id, 3001));
  WAIT(leads_to_port(added.host, 3001));
  en->app = fake_runs(8080);
  CHECK_OK(core_domain_set_port(town, added.id, 8080));
  deploy(second);
  WAIT_STATUS(second, SUCCESS);
  CHECK_OK(core_domain_set_port(town, added.id, 3001)); /* something listened on that */
  en->app = then;
  CHECK_OK(core_rollback(town, first, "", back));
  WAIT_STATUS(back, SUCCESS);
  WAIT(leads_to_port(added.host, 3001));
  town_close();
}

TEST(a_rollback_that_fails_leaves_the_ports_alone) {
  open_with_two_ports();
  en->app = fake_ended(INSTANCE_CRASHED, 1);
  CHECK_OK(core_rollback(town, first, "", back));
  WAIT_STATUS(back, FAILED);
  turns(10);
  CHECK_TEXT(served_by(), second);
  CHECK(leads_to_port(domain.host, 8080));
  town_close();
}

TEST(a_port_that_is_set_after_the_rollback_counts) {
  open_with_two_ports();
  en->app = fake_runs(3000);
  go_back(first);
  CHECK_OK(core_domain_set_port(town, domain.id, 3001));
  WAIT(leads_to_port(domain.host, 3001));
  town_close();
}

TEST(a_domain_that_was_deleted_since_comes_back) {
  town_open();
  auto_domain added = {0};
  auto_release then = {0}, now = {0};
  deploy_live(first);
  CHECK_OK(core_domain_delete(town, domain.id));
  CHECK_OK(core_domain_create(town, &instance, 0, &added));
  deploy(second);
  WAIT_STATUS(second, SUCCESS);
  CHECK_OK(core_rollback(town, first, "", back));
  WAIT_STATUS(back, SUCCESS);
  WAIT(str_eq(served_by(), back));
  CHECK(json_object_get(gate->live, added.host));
  auto_free char *public_domain = str_format("RAILWAY_PUBLIC_DOMAIN=%s", domain.host);
  CHECK(strv_has(&en->env, public_domain));
  CHECK(log_says(back, "was deleted since: it is back"));
  CHECK(log_says(back, "was added since: it stays"));
  release_of(first, &then);
  release_of(back, &now);
  CHECK(json_equal(json_array_get(now.routes, 0), json_array_get(then.routes, 0)));
  CHECK_INT(json_array_size(now.routes), 2);
  town_close();
}

TEST(a_domain_that_another_has_now_stays_there) {
  town_open();
  auto_service other = {0};
  auto_service_instance other_instance = {0};
  auto_domain taken = {0};
  deploy_live(first);
  deploy_live(second);
  CHECK_OK(core_domain_delete(town, domain.id));
  town_make_service("other", &other, &other_instance);
  CHECK_OK(core_domain_create(town, &other_instance, 0, &taken));
  CHECK_OK(domain_set_host(town_db, taken.id, domain.host, 1));
  CHECK_OK(core_rollback(town, first, "", back));
  WAIT_STATUS(back, SUCCESS);
  CHECK(log_says(back, "another has it now"));
  auto_domain_list mine = {0};
  CHECK_OK(domain_list_by_instance(town_db, instance.id, &mine));
  CHECK_INT(mine.len, 0);
  town_close();
}

TEST(a_rollback_that_never_went_live_brings_no_domain_back) {
  town_open();
  deploy_live(first);
  deploy_live(second);
  CHECK_OK(core_domain_delete(town, domain.id));
  en->app = fake_ended(INSTANCE_CRASHED, 1);
  CHECK_OK(core_rollback(town, first, "", back));
  WAIT_STATUS(back, FAILED);
  auto_domain_list mine = {0};
  CHECK_OK(domain_list_by_instance(town_db, instance.id, &mine));
  CHECK_INT(mine.len, 0);
  town_close();
}

TEST_MAIN
