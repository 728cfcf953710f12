/* A service gets another name: references follow, and what runs answers to it at once. */
#include "store/variable.h"
#include "town.h"

static struct service store;
static struct service_instance db_instance;
static char id[ID_SIZE];

static void open_two(void) {
  town_open();
  town_make_service("Postgres", &store, &db_instance);
}

static void close_two(void) {
  town_close();
  service_done(&store);
  service_instance_done(&db_instance);
}

static void set(const char *service_id, const char *changes) {
  auto_strv affected = STRV_EMPTY;
  auto_json *object = NULL;
  CHECK_OK(json_parse(changes, strlen(changes), "changes", &object));
  CHECK_OK(core_variables_change(town, instance.environment_id, service_id, object, false, &affected));
}

static void check_variable(const char *service_id, const char *name, const char *expected) {
  auto_variable v = {0};
  bool found = false;
  CHECK_OK(variable_find(town_db, instance.environment_id, service_id, name, &found, &v));
  CHECK(found);
  CHECK_TEXT(v.value, expected);
}

TEST(references_follow_whatever_their_spelling) {
  open_two();
  set(store.id, "{\"URL\": \"pg://${{RAILWAY_PRIVATE_DOMAIN}}\", \"MINE\": \"${{Postgres.URL}}\"}");
  set(NULL, "{\"SHARED\": \"${{ postgres.URL }}\"}");
  set(service.id, "{\"A\": \"a ${{Postgres.URL}} b ${{api.B}} c ${{ \\\"Postgres\\\".URL }}\", \"B\": \"{{ postgres.URL }}\","
                  " \"C\": \"${Postgres.${URL}}\", \"D\": \"Postgres.URL ${{shared.SHARED}} ${{other.URL}}\"}");
  CHECK_OK(core_service_rename(town, store.id, "etally-postgres", ""));
  check_variable(store.id, "MINE", "${{etally-postgres.URL}}");
  check_variable("", "SHARED", "${{ etally-postgres.URL }}");
  check_variable(service.id, "A", "a ${{etally-postgres.URL}} b ${{api.B}} c ${{ \"etally-postgres\".URL }}");
  check_variable(service.id, "B", "{{ etally-postgres.URL }}");
  check_variable(service.id, "C", "${etally-postgres.${URL}}");
  check_variable(service.id, "D", "Postgres.URL ${{shared.SHARED}} ${{other.URL}}");
  close_two();
}

TEST(what_runs_answers_to_it_and_who_refers_to_it_is_deployed_again) {
  open_two();
  set(store.id, "{\"URL\": \"pg://${{RAILWAY_PRIVATE_DOMAIN}}\"}");
  deploy_live(id);
  CHECK_OK(core_service_rename(town, service.id, "web", ""));
  auto_free char *renamed = str_format("%s web", id);
  CHECK(strv_has(&en->renamed, renamed));
  CHECK_INT(bld->started, 1); /* nobody refers to it */
  set(service.id, "{\"DB\": \"${{Postgres.URL}}\"}");
  CHECK_OK(core_service_rename(town, store.id, "main-db", ""));
  WAIT(bld->started == 2);
  CHECK(strv_has(&bld->variables, "DB=pg://main-db.railway.internal"));
  WAIT_STATUS(id, REMOVED);
  close_two();
}

TEST(what_was_on_its_way_answers_to_the_name_that_its_variables_hold) {
  open_two();
  set(service.id, "{\"HOST\": \"${{RAILWAY_PRIVATE_DOMAIN}}\"}");
  bld->hold = true;
  deploy(id);
  WAIT(fake_build_of(bld, id));
  CHECK_OK(core_service_rename(town, service.id, "web", ""));
  bld->hold = false;
  fake_end_builds(bld);
  WAIT_STATUS(id, SUCCESS);
  CHECK_TEXT(en->former_label, "api");
  CHECK(strv_has(&en->env, "HOST=api.railway.internal"));
  CHECK(strv_has(&en->env, "RAILWAY_PRIVATE_DOMAIN=web.railway.internal"));
  char next[ID_SIZE];
  deploy_live(next);
  CHECK(!en->former_label);
  CHECK(strv_has(&en->env, "HOST=web.railway.internal"));
  close_two();
}

TEST(a_name_that_is_taken_changes_nothing) {
  open_two();
  set(service.id, "{\"DB\": \"${{Postgres.URL}}\"}");
  CHECK_ERR(core_service_rename(town, store.id, "API", ""), ERR_CONFLICT, "already");
  CHECK_ERR(core_service_rename(town, store.id, "--", ""), ERR_INVALID, "no letter");
  check_variable(service.id, "DB", "${{Postgres.URL}}");
  CHECK_OK(core_service_rename(town, store.id, "Postgres", ""));
  close_two();
}

TEST_MAIN
