/* What services get: references are resolved once per deployment, changes reach those who refer to them. */
#include "core/variable_references.h"
#include "town.h"

static struct service store;
static struct service_instance db_instance;
static char id[ID_SIZE], other[ID_SIZE];

static void open_two(void) {
  town_open();
  town_make_service("Main DB", &store, &db_instance);
}

static void close_two(void) {
  town_close();
  service_done(&store);
  service_instance_done(&db_instance);
}

static err *change(const char *service_id, const char *changes, bool replace, struct strv *affected) {
  auto_json *object = NULL;
  TRY(json_parse(changes, strlen(changes), "changes", &object));
  return core_variables_change(town, instance.environment_id, service_id, object, replace, affected);
}

static void set(const char *service_id, const char *changes) {
  auto_strv affected = STRV_EMPTY;
  CHECK_OK(change(service_id, changes, false, &affected));
}

static bool given(const char *variable) {
  return strv_has(&bld->variables, variable);
}

static void count_line(void *arg, const struct log_entry *entry) {
  const char **wanted = arg;
  if (*wanted && strstr(entry->message, *wanted)) *wanted = NULL;
}

static bool build_log_says(const char *deployment_id, const char *part) {
  struct log_query query = {.kind = LOG_BUILD, .deployment_id = deployment_id, .limit = 1000};
  const char *wanted = part;
  CHECK_OK(log_store_query(town_logs, &query, count_line, &wanted));
  return !wanted;
}

TEST(a_deployment_gets_what_its_variables_refer_to) {
  open_two();
  set(store.id, "{\"PASS\": \"p4ss\", \"URL\": \"pg://u:${{PASS}}@${{RAILWAY_PRIVATE_DOMAIN}}:${{PORT}}\"}");
  set(NULL, "{\"REGION\": \"eu\"}");
  set(service.id, "{\"DB\": \"${{main-db.URL}}\", \"REGION\": \"${{shared.REGION}}\", \"HOST\": \"${{RAILWAY_PUBLIC_DOMAIN}}\","
                  " \"SHELL_TEXT\": \"${HOME}\", \"GONE\": \"<${{ghost.URL}}>\", \"NEAR\": \"{{ main-db.PASS }}\","
                  " \"ME\": \"${{RAILWAY_DEPLOYMENT_ID}}\"}");
  deploy_live(id);
  auto_free char *host = str_format("HOST=%s", domain.host), *me = str_format("ME=%s", id);
  CHECK(given("DB=pg://u:p4ss@main-db.railway.internal:8080"));
  CHECK(given("REGION=eu"));
  CHECK(given("SHELL_TEXT=${HOME}"));
  CHECK(given("GONE=<>"));
  CHECK(given("NEAR=p4ss"));
  CHECK(given(host));
  CHECK(given(me));
  CHECK(build_log_says(id, "${{ghost.URL}} is empty: there is no service 'ghost' (api.GONE -> ghost.URL)"));
  CHECK(build_log_says(id, "Variable api.NEAR: {{ main-db.PASS }} was taken for ${{main-db.PASS}}"));
  CHECK(!build_log_says(id, "p4ss"));
  close_two();
}

TEST(what_names_nothing_is_told_with_the_variable_that_it_is_in) {
  auto_json *list = NULL, *shared = NULL;
  open_two();
  set(store.id, "{\"URL\": \"pg://${{PASS}}\"}");
  set(service.id, "{\"DB\": \"${{main-db.URL}}\", \"OK\": \"${{main-db.URL}}\", \"GONE\": \"<${{ghost.URL}}>\", \"TEXT\": \"x\"}");
  set(NULL, "{\"A\": \"${{shared.B}}\"}");
  CHECK_OK(core_unresolved_references(town, instance.environment_id, service.id, &list));
  CHECK_INT(json_array_size(list), 2);
  CHECK_TEXT(json_get_text(json_array_get(list, 0), "variable"), "DB"); /* which leads there: told once */
  CHECK_HAS(json_get_text(json_array_get(list, 0), "problem"), "Main DB has no variable PASS (api.DB -> Main DB.URL -> Main DB.PASS)");
  CHECK_TEXT(json_get_text(json_array_get(list, 1), "variable"), "GONE");
  CHECK_HAS(json_get_text(json_array_get(list, 1), "problem"), "there is no service 'ghost'");
  CHECK_OK(core_unresolved_references(town, instance.environment_id, "", &shared));
  CHECK_INT(json_array_size(shared), 1);
  CHECK_TEXT(json_get_text(json_array_get(shared, 0), "variable"), "A");
  json_decref(list);
  list = NULL;
  CHECK_ERR(core_unresolved_references(town, instance.environment_id, project.id, &list), ERR_NOT_FOUND, "Service not found");
  close_two();
}

static json_t *kept(const char *deployment_id) {
  json_t *variables = NULL;
  CHECK_OK(deployment_variables_get(town_db, deployment_id, &variables));
  return variables;
}

TEST(what_was_resolved_stays_for_a_rollback) {
  open_two();
  set(store.id, "{\"PASS\": \"one\"}");
  set(service.id, "{\"COPY\": \"${{Main DB.PASS}}\"}");
  deploy_live(id);
  set(store.id, "{\"PASS\": \"two\"}");
  deploy_live(other);
  auto_json *first = kept(id), *second = kept(other);
  CHECK_TEXT(json_get_text(first, "COPY"), "one");
  CHECK_TEXT(json_get_text(second, "COPY"), "two");
  WAIT_STATUS(id, REMOVED);
  char back[ID_SIZE];
  CHECK_OK(core_rollback(town, id, "", back));
  WAIT_STATUS(back, SUCCESS);
  auto_json *third = kept(back);
  CHECK_TEXT(json_get_text(third, "COPY"), "one");
  close_two();
}

TEST(a_new_deployment_without_a_build_is_resolved_too) {
  open_two();
  set(service.id, "{\"COPY\": \"${{Main DB.RAILWAY_SERVICE_NAME}}\"}");
  deploy_live(id);
  CHECK_OK(core_redeploy(town, id, true, "", other));
  WAIT_STATUS(other, SUCCESS);
  auto_json *variables = kept(other);
  CHECK_TEXT(json_get_text(variables, "COPY"), "Main DB");
  close_two();
}

TEST(a_circle_is_refused_when_it_is_set_and_fails_a_deploy_that_has_it) {
  open_two();
  set(service.id, "{\"A\": \"${{Main DB.B}}\"}");
  auto_strv affected = STRV_EMPTY;
  CHECK_ERR(change(store.id, "{\"B\": \"${{api.A}}\", \"C\": \"1\"}", false, &affected), ERR_INVALID,
            "Main DB.B -> api.A -> Main DB.B");
  auto_json *now = NULL;
  CHECK_OK(core_variables(town, instance.environment_id, store.id, false, &now));
  CHECK_INT(json_object_size(now), 0);
  set_variable("B", "${{B}}"); /* by whatever way it came there */
  deploy(id);
  WAIT_STATUS(id, FAILED);
  CHECK_HAS(reason_of(id), "api.B -> api.B");
  set(service.id, "{\"OTHER\": \"still possible\"}");
  set(service.id, "{\"B\": \"1\"}");
  deploy_live(id);
  close_two();
}

TEST(a_change_tells_who_gets_other_values) {
  open_two();
  struct service web = {0};
  struct service_instance web_instance = {0};
  town_make_service("web", &web, &web_instance);
  set(store.id, "{\"PASS\": \"a\"}");
  set(service.id, "{\"DB\": \"${{Main DB.PASS}}\"}");
  set(web.id, "{\"API_DB\": \"${{api.DB}}\", \"OTHER\": \"x\"}");
  auto_strv of_pass = STRV_EMPTY, of_nothing = STRV_EMPTY, of_other = STRV_EMPTY, of_shared = STRV_EMPTY;
  CHECK_OK(change(store.id, "{\"PASS\": \"b\"}", false, &of_pass));
  CHECK_INT(of_pass.len, 3);
  CHECK_TEXT(of_pass.items[0], store.id);
  CHECK_OK(change(store.id, "{\"PASS\": \"b\", \"NOT_THERE\": null}", false, &of_nothing));
  CHECK_INT(of_nothing.len, 0);
  CHECK_OK(change(web.id, "{\"OTHER\": null}", false, &of_other));
  CHECK_INT(of_other.len, 1);
  CHECK_OK(change(NULL, "{\"S\": \"1\"}", false, &of_shared));
  CHECK_INT(of_shared.len, 0);
  service_done(&web);
  service_instance_done(&web_instance);
  close_two();
}

TEST(those_that_are_deployed_are_deployed_again) {
  open_two();
  set(service.id, "{\"DB\": \"${{Main DB.PASS}}\"}");
  deploy_live(id);
  auto_strv affected = STRV_EMPTY;
  CHECK_OK(change(store.id, "{\"PASS\": \"new\"}", false, &affected));
  CHECK_OK(core_deploy_changed(town, instance.environment_id, &affected, ""));
  auto_deployment latest = {0}, none = {0};
  bool found = false;
  CHECK_OK(deployment_find_latest(town_db, instance.id, &found, &latest));
  CHECK(found && !str_eq(latest.id, id));
  WAIT_STATUS(latest.id, SUCCESS);
  CHECK(given("DB=new"));
  CHECK_OK(deployment_find_latest(town_db, db_instance.id, &found, &none));
  CHECK(!found);
  close_two();
}

static void latest_of(const char *instance_id, char ret_id[ID_SIZE]) {
  auto_deployment latest = {0};
  bool found = false;
  CHECK_OK(deployment_find_latest(town_db, instance_id, &found, &latest));
  CHECK(found);
  id_copy(ret_id, latest.id);
}

/* Sets V and deploys what that changes; the newest deployment's id. */
static void set_and_deploy(const char *value, char ret_id[ID_SIZE]) {
  auto_strv affected = STRV_EMPTY;
  auto_free char *changes = str_format("{\"V\": \"%s\"}", value);
  CHECK_OK(change(service.id, changes, false, &affected));
  CHECK_OK(core_deploy_changed(town, instance.environment_id, &affected, ""));
  latest_of(instance.id, ret_id);
}

TEST(one_that_failed_or_is_on_its_way_is_deployed_again_but_not_one_that_was_taken_down) {
  open_two();
  char failed[ID_SIZE], second[ID_SIZE], third[ID_SIZE], last[ID_SIZE];
  bld->fail = "no luck";
  CHECK_OK(core_deploy_instance(town, &instance, "", failed));
  WAIT_STATUS(failed, FAILED);
  bld->fail = NULL;
  set_and_deploy("1", second);
  CHECK(!str_eq(second, failed));
  set_and_deploy("2", third);
  CHECK(!str_eq(third, second));
  WAIT_STATUS(third, SUCCESS);
  CHECK(given("V=2"));
  CHECK_OK(core_remove(town, third, true));
  WAIT_STATUS(third, REMOVED);
  WAIT_STATUS(second, REMOVED);
  set_and_deploy("3", last);
  CHECK_TEXT(last, third);
  close_two();
}

TEST(all_or_nothing_is_set_and_the_rest_may_go) {
  open_two();
  auto_strv affected = STRV_EMPTY;
  set(service.id, "{\"A\": \"1\", \"B\": \"2\"}");
  CHECK_ERR(change(service.id, "{\"C\": \"3\", \"1D\": \"4\"}", false, &affected), ERR_INVALID, "'1D'");
  CHECK_ERR(change(service.id, "{\"C\": \"3\", \"D\": 4}", false, &affected), ERR_INVALID, "'D'");
  CHECK_ERR(change(service.id, "{\"C\": \"${{secret(x)}}\"}", false, &affected), ERR_INVALID, "'C'");
  auto_json *before = NULL, *after = NULL;
  CHECK_OK(core_variables(town, instance.environment_id, service.id, false, &before));
  CHECK_INT(json_object_size(before), 2);
  CHECK_OK(change(service.id, "{\"B\": \"2\", \"MULTI\": \"a\\nb\\n\"}", true, &affected));
  CHECK_OK(core_variables(town, instance.environment_id, service.id, false, &after));
  CHECK_INT(json_object_size(after), 2);
  CHECK_TEXT(json_get_text(after, "MULTI"), "a\nb\n");
  close_two();
}

TEST(there_is_a_limit_on_all_together) {
  open_two();
  auto_free char *large = mem_zalloc(60001);
  memset(large, 'x', 60000);
  auto_json *changes = json_object(), *many = json_object();
  for (int i = 0; i < 1001; i++) {
    auto_free char *name = str_format("V%d", i);
    if (i < 20) json_object_set_new(changes, name, json_string(large));
    json_object_set_new(many, name, json_string(""));
  }
  auto_strv affected = STRV_EMPTY;
  CHECK_ERR(core_variables_change(town, instance.environment_id, service.id, changes, false, &affected), ERR_LIMIT,
            "1048576 bytes together");
  CHECK_ERR(core_variables_change(town, instance.environment_id, service.id, many, false, &affected), ERR_LIMIT,
            "more than 1000");
  close_two();
}

TEST(functions_give_one_value_for_good) {
  open_two();
  set(service.id, "{\"S\": \"${{secret(16)}}\", \"N\": \"${{randomInt(5,5)}}\", \"T\": \"${{S}}\"}");
  auto_json *first = NULL, *second = NULL;
  CHECK_OK(core_variables(town, instance.environment_id, service.id, true, &first));
  CHECK_OK(core_variables(town, instance.environment_id, service.id, true, &second));
  CHECK_INT(strlen(json_get_text(first, "S")), 16);
  CHECK_TEXT(json_get_text(first, "N"), "5");
  CHECK_TEXT(json_get_text(first, "S"), json_get_text(second, "T"));
  CHECK_TEXT(json_get_text(first, "RAILWAY_SERVICE_NAME"), "api");
  close_two();
}

TEST(sealed_values_go_to_deployments_and_nowhere_else) {
  open_two();
  set(store.id, "{\"PASS\": {\"value\": \"s3aled\", \"isSealed\": true}, \"URL\": \"pg://${{PASS}}\", \"HOST\": \"h\"}");
  set(service.id, "{\"DB\": \"${{Main DB.URL}}\", \"HOST\": \"${{Main DB.HOST}}\"}");
  auto_json *of_store = NULL, *of_api = NULL, *told = NULL;
  CHECK_OK(core_variables(town, instance.environment_id, store.id, true, &of_store));
  CHECK_OK(core_variables(town, instance.environment_id, service.id, true, &of_api));
  CHECK(!json_object_get(of_store, "PASS") && !json_object_get(of_store, "URL"));
  CHECK_TEXT(json_get_text(of_store, "HOST"), "h");
  CHECK(!json_object_get(of_api, "DB"));
  CHECK_TEXT(json_get_text(of_api, "HOST"), "h");
  deploy_live(id);
  CHECK(given("DB=pg://s3aled"));
  auto_deployment d = {0};
  auto_release r = {0};
  CHECK_OK(deployment_get(town_db, id, &d));
  CHECK_OK(core_release(town, &d, &r));
  CHECK_OK(core_release_values(town, &d, &r, &told));
  CHECK(!json_object_get(told, "DB"));
  CHECK_TEXT(json_get_text(told, "HOST"), "h");
  auto_strv affected = STRV_EMPTY;
  CHECK_OK(change(store.id, "{\"PASS\": \"n3w\"}", false, &affected));
  json_decref(of_store);
  CHECK_OK(core_variables(town, instance.environment_id, store.id, true, &of_store));
  CHECK(!json_object_get(of_store, "PASS"));
  close_two();
}

TEST(control_variables_become_the_deployments_settings) {
  open_two();
  set(service.id, "{\"S\": \"7\", \"RAILWAY_DEPLOYMENT_OVERLAP_SECONDS\": \"${{S}}\"}");
  deploy_live(id);
  auto_deployment d = {0};
  CHECK_OK(deployment_get(town_db, id, &d));
  CHECK_INT(d.settings.overlap_s, 7);
  CHECK_INT(instance.settings.overlap_s, 0);
  close_two();
}

TEST(control_variables_reach_engine_and_builder) {
  open_two();
  set(service.id, "{\"RAILWAY_RUN_UID\": \"0\", \"RAILWAY_SHM_SIZE_BYTES\": \"134217728\","
                  " \"RAILWAY_DEPLOYMENT_DRAINING_SECONDS\": \"42\"}");
  deploy_live(id);
  CHECK_TEXT(en->user, "0");
  CHECK_INT(en->shm_bytes, 134217728);
  CHECK_INT(en->stop_grace_ms, 42000);
  CHECK(!bld->no_cache);
  set(service.id, "{\"NO_CACHE\": \"1\"}");
  deploy_live(id);
  CHECK(bld->no_cache);
  set(service.id, "{\"NO_CACHE\": \"0\"}");
  deploy_live(id);
  CHECK(!bld->no_cache);
  close_two();
}

TEST(a_service_waits_for_what_its_references_lead_to) {
  open_two();
  struct service middle = {0};
  struct service_instance middle_instance = {0};
  town_make_service("middle", &middle, &middle_instance);
  set(middle.id, "{\"URL\": \"${{Main DB.URL}}\"}");
  set(service.id, "{\"URL\": \"${{middle.URL}}\"}");
  en->app.status = INSTANCE_CREATED;
  deploy(id);
  CHECK_OK(core_deploy_instance(town, &db_instance, "", other));
  WAIT_STATUS(id, DEPLOYING);
  WAIT(fake_count(en, other) == 1);
  turns(20);
  CHECK_INT(fake_count(en, id), 0);
  CHECK(build_log_says(id, "Waiting for the deployment of: Main DB"));
  fake_change(en, fake_find(en, other, 0), fake_runs(8080));
  WAIT_STATUS(other, SUCCESS);
  WAIT(fake_count(en, id) == 1);
  service_done(&middle);
  service_instance_done(&middle_instance);
  close_two();
}

TEST_MAIN
