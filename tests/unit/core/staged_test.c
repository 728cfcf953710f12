/* Changes that are staged, committed as one and deployed once each, in order. */
#include "core/staged.h"

#include "core/environment_diff.h"
#include "store/credential.h"
#include "store/environment_patch.h"
#include "town.h"

static struct service store_service;
static struct service_instance store_instance;

/* `service` ("api") and "db", both from an image. */
static void open_two(void) {
  town_open();
  town_make_service("db", &store_service, &store_instance);
}

static void close_two(void) {
  town_close();
  service_done(&store_service);
  service_instance_done(&store_instance);
}

static json_t *parse(const char *text) {
  json_t *value = NULL;
  CHECK_OK(json_parse(text, strlen(text), "test", &value));
  return value;
}

static err *stage(const char *text, bool merge) {
  auto_json *input = parse(text);
  auto_environment_patch p = {0};
  return core_stage(town, instance.environment_id, input, merge, user.id, &p);
}

static char *staged_changes(bool values) {
  auto_environment_patch p = {0};
  auto_json *changes = NULL;
  auto_str text = STR_EMPTY;
  size_t i;
  json_t *change;
  str_init(&text);
  CHECK_OK(core_staged(town, instance.environment_id, &p));
  CHECK_OK(core_patch_changes(town, &p, values, &changes));
  json_array_foreach(changes, i, change)
    str_addf(&text, "%s%s.%s=%s", i ? " " : "", json_get_text(change, "serviceName"), json_get_text(change, "path"),
             json_get_text(change, "to") ? json_get_text(change, "to") : "");
  return str_take(&text);
}

static char committed[ID_SIZE];

/* `text` NULL: what is staged. */
static err *commit_with(const char *text, const char *etag, bool skip, bool admin) {
  auto_json *patch = text ? parse(text) : NULL;
  struct core_patch_commit request = {.environment_id = instance.environment_id, .patch = patch, .user_id = user.id,
                                      .message = "a message", .etag = etag, .skip_deploys = skip, .is_admin = admin};
  return core_patch_commit(town, &request, committed);
}

static err *commit(const char *text) {
  return commit_with(text, NULL, false, true);
}

static size_t deployments_of(const struct service_instance *of, char ret_latest[ID_SIZE]) {
  auto_deployment_list list = {0};
  struct deployment_filter filter = {.service_instance_id = of->id};
  CHECK_OK(deployment_list(town_db, &filter, NULL, &list));
  if (list.len) id_copy(ret_latest, list.items[0].id);
  return list.len;
}

static const char *value_of(const char *service_id, const char *name) {
  static char value[100];
  auto_variable v = {0};
  bool found = false;
  CHECK_OK(variable_find(town_db, instance.environment_id, service_id, name, &found, &v));
  snprintf(value, sizeof value, "%s", found ? v.value : "(none)");
  return value;
}

/* It is recorded, so it comes to an end: live, or failed for the reason that the test made. */
static void check_end(const char *id) {
  WAIT(is_final(id) || status_of(id) == DEPLOYMENT_SUCCESS);
  if (status_of(id) != DEPLOYMENT_SUCCESS) CHECK_HAS(reason_of(id), "injected failure");
}

static enum environment_patch_status status_now(const char *patch_id) {
  auto_environment_patch p = {0};
  CHECK_OK(environment_patch_get(town_db, patch_id, &p));
  return p.status;
}

static const char both[] = "{\"services\":{\"api\":{\"variables\":{\"URL\":\"http://db.railway.internal\"}},"
                           "\"db\":{\"variables\":{\"PASSWORD\":\"pw\"}}}}";

TEST(what_is_staged_changes_nothing_until_it_is_committed) {
  char id[ID_SIZE];
  open_two();
  CHECK_OK(stage(both, false));
  CHECK_TEXT(value_of(service.id, "URL"), "(none)");
  auto_free char *names = staged_changes(false), *values = staged_changes(true);
  CHECK_TEXT(names, "api.variables.URL= db.variables.PASSWORD=");
  CHECK_TEXT(values, "api.variables.URL=http://db.railway.internal db.variables.PASSWORD=pw");
  CHECK_INT(deployments_of(&instance, id), 0);
  CHECK_OK(commit(NULL));
  CHECK_TEXT(value_of(service.id, "URL"), "http://db.railway.internal");
  CHECK_TEXT(value_of(store_service.id, "PASSWORD"), "pw");
  CHECK_INT(deployments_of(&instance, id), 1);
  CHECK_INT(deployments_of(&store_instance, id), 1);
  CHECK_INT(status_now(committed), PATCH_COMMITTED);
  CHECK_ERR(commit(NULL), ERR_NOT_FOUND, "nothing is staged");
  close_two();
}

TEST(registry_credentials_are_kept_with_the_service) {
  auto_credential kept = {0}, gone = {0};
  bool found = false;
  open_two();
  CHECK_OK(commit("{\"services\":{\"api\":{\"deploy\":{\"registryCredentials\":{\"username\":\"ada\",\"password\":\"hunter2\"}}}}}"));
  CHECK_OK(credential_find(town_db, project.id, instance.id, CREDENTIAL_REGISTRY, "", &found, &kept));
  CHECK(found && str_eq(kept.username, "ada") && str_eq(kept.secret, "hunter2"));
  auto_environment_patch history = {0};
  CHECK_OK(environment_patch_get(town_db, committed, &history));
  CHECK(!strstr(history.patch, "hunter2"));
  CHECK_OK(commit("{\"services\":{\"api\":{\"deploy\":{\"registryCredentials\":null}}}}"));
  CHECK_OK(credential_find(town_db, project.id, instance.id, CREDENTIAL_REGISTRY, "", &found, &gone));
  CHECK(!found);
  close_two();
}

TEST(staging_adds_or_replaces_and_is_discarded_by_item) {
  auto_environment_patch left = {0};
  open_two();
  CHECK_OK(stage("{\"services\":{\"api\":{\"variables\":{\"A\":\"1\"}}}}", false));
  CHECK_OK(stage("{\"services\":{\"api\":{\"variables\":{\"B\":\"2\"}}}}", true));
  auto_free char *two = staged_changes(true);
  CHECK_TEXT(two, "api.variables.A=1 api.variables.B=2");
  auto_json *paths = parse("[\"api.variables.A\"]");
  CHECK_OK(core_unstage(town, instance.environment_id, paths, &left));
  auto_free char *one = staged_changes(true);
  CHECK_TEXT(one, "api.variables.B=2");
  auto_json *none = parse("[\"api.variables.C\"]");
  environment_patch_done(&left);
  CHECK_ERR(core_unstage(town, instance.environment_id, none, &left), ERR_NOT_FOUND, "nothing is staged at");
  CHECK_OK(stage("{\"services\":{\"api\":{\"variables\":{\"C\":\"3\"}}}}", false));
  auto_free char *instead = staged_changes(true);
  CHECK_TEXT(instead, "api.variables.C=3");
  CHECK_OK(core_unstage(town, instance.environment_id, NULL, &left));
  CHECK_TEXT(left.id, "");
  CHECK_OK(stage("{\"services\":{\"api\":{\"deploy\":{\"numReplicas\":1}}}}", false)); /* as it is */
  CHECK_ERR(commit(NULL), ERR_NOT_FOUND, "nothing is staged");
  CHECK_ERR(stage("{\"services\":{\"api\":{\"deploy\":{\"healthcheckPath\":\"x\"}}}}", false), ERR_INVALID, "healthcheckPath");
  CHECK_ERR(stage("{\"services\":{\"nobody\":{}}}", false), ERR_NOT_FOUND, "nobody");
  close_two();
}

TEST(what_is_staged_is_bounded) {
  enum { ROUNDS = 2, VALUES = 12, VALUE_BYTES = 60000 };
  auto_free char *value = mem_zalloc(VALUE_BYTES + 1);
  memset(value, 'x', VALUE_BYTES);
  town_open();
  for (int round = 0; round < ROUNDS; round++) {
    auto_environment_patch p = {0};
    auto_json *variables = json_object();
    for (int i = 0; i < VALUES; i++) {
      auto_free char *name = str_format("V%d_%d", round, i);
      json_object_set_new(variables, name, json_string(value));
    }
    auto_json *input = json_pack("{s:{s:{s:O}}}", "services", "api", "variables", variables);
    auto_err *e = core_stage(town, instance.environment_id, input, true, user.id, &p);
    CHECK_INT(e ? err_code_of(e) : 0, round ? ERR_LIMIT : 0);
  }
  town_close();
}

TEST(somebody_elses_change_in_between_is_a_conflict) {
  char etag[SHA256_HEX_SIZE];
  auto_environment_patch p = {0};
  auto_environment_state state = {0};
  open_two();
  CHECK_OK(stage(both, false));
  CHECK_OK(environment_state_load(town, instance.environment_id, &state));
  CHECK_OK(core_staged(town, instance.environment_id, &p));
  core_config_etag(town, state.config, p.patch, etag);
  set_variable("COLOUR", "red");
  CHECK_ERR(commit_with(NULL, etag, false, true), ERR_CONFLICT, "was changed in the meantime");
  CHECK_TEXT(value_of(service.id, "URL"), "(none)");
  environment_state_done(&state);
  CHECK_OK(environment_state_load(town, instance.environment_id, &state));
  core_config_etag(town, state.config, p.patch, etag);
  CHECK_OK(stage("{\"services\":{\"api\":{\"variables\":{\"B\":\"2\"}}}}", true)); /* the patch is another */
  CHECK_ERR(commit_with(NULL, etag, false, true), ERR_CONFLICT, "was changed in the meantime");
  core_config_etag(town, state.config, NULL, etag);
  CHECK_OK(commit_with(both, etag, false, true));
  CHECK_ERR(commit_with(both, etag, false, true), ERR_CONFLICT, "was changed in the meantime");
  close_two();
}

TEST(what_others_need_is_deployed_first) {
  char api[ID_SIZE], base[ID_SIZE];
  auto_deployment first = {0}, second = {0};
  open_two();
  en->app.status = INSTANCE_CREATED; /* started, but does not run yet */
  CHECK_OK(commit(both));
  CHECK_INT(deployments_of(&instance, api), 1);
  CHECK_INT(deployments_of(&store_instance, base), 1);
  WAIT(fake_find(en, base, 0) && fake_find(en, base, 0)->booted);
  turns(20);
  CHECK_INT(fake_count(en, api), 0);
  fake_change(en, fake_find(en, base, 0), fake_runs(8080));
  WAIT_STATUS(base, SUCCESS);
  WAIT(fake_find(en, api, 0) && fake_find(en, api, 0)->booted);
  fake_change(en, fake_find(en, api, 0), fake_runs(8080));
  WAIT_STATUS(api, SUCCESS);
  CHECK_OK(deployment_get(town_db, base, &first));
  CHECK_OK(deployment_get(town_db, api, &second));
  CHECK(first.created_us < second.created_us);
  CHECK_TEXT(first.message, "a message");
  close_two();
}

TEST(a_circle_is_deployed_at_once) {
  char api[ID_SIZE], base[ID_SIZE];
  open_two();
  CHECK_OK(commit("{\"services\":{\"api\":{\"variables\":{\"A\":\"${{db.B}}\"}},\"db\":{\"variables\":{\"B\":\"http://api.railway.internal\"}}}}"));
  CHECK_INT(deployments_of(&instance, api), 1);
  CHECK_INT(deployments_of(&store_instance, base), 1);
  WAIT_STATUS(api, SUCCESS);
  WAIT_STATUS(base, SUCCESS);
  close_two();
}

TEST(only_what_is_affected_is_deployed) {
  char id[ID_SIZE];
  open_two();
  CHECK_OK(commit("{\"services\":{\"api\":{\"variables\":{\"A\":\"1\"}}}}"));
  CHECK_INT(deployments_of(&instance, id), 1);
  CHECK_INT(deployments_of(&store_instance, id), 0);
  CHECK_OK(commit_with("{\"services\":{\"api\":{\"variables\":{\"A\":\"2\"}}}}", NULL, true, true));
  CHECK_OK(commit("{\"services\":{\"api\":{\"networking\":{\"serviceDomains\":{\"<hasDomain>\":{\"port\":90}}}}}}"));
  CHECK_OK(commit("{\"services\":{\"db\":{\"source\":{\"image\":null}}}}")); /* nothing to deploy from */
  CHECK_INT(deployments_of(&instance, id), 1);
  CHECK_INT(deployments_of(&store_instance, id), 0);
  CHECK_TEXT(value_of(service.id, "A"), "2");
  domain_done(&domain);
  auto_domain_list domains = {0};
  CHECK_OK(domain_list_by_instance(town_db, instance.id, &domains));
  CHECK_INT(domains.items[0].target_port, 90);
  domain_copy(&domains.items[0], &domain);
  close_two();
}

TEST(what_refers_to_a_changed_variable_is_deployed_too) {
  char id[ID_SIZE];
  open_two();
  CHECK_OK(commit_with("{\"services\":{\"api\":{\"variables\":{\"A\":\"${{db.B}}\"}},\"db\":{\"variables\":{\"B\":\"${{shared.C}}\"}}},"
                       "\"sharedVariables\":{\"C\":\"1\"}}", NULL, true, true));
  CHECK_OK(commit("{\"sharedVariables\":{\"C\":\"2\"}}"));
  CHECK_INT(deployments_of(&instance, id), 1);
  CHECK_INT(deployments_of(&store_instance, id), 1);
  CHECK_ERR(commit("{\"services\":{\"db\":{\"variables\":{\"B\":\"${{api.A}}\"}}}}"), ERR_INVALID, "db.B");
  CHECK_TEXT(value_of(store_service.id, "B"), "${{shared.C}}");
  close_two();
}

TEST(replicas_are_followed_without_a_deployment) {
  char id[ID_SIZE], latest[ID_SIZE];
  town_open();
  deploy_live(id);
  CHECK_OK(commit("{\"services\":{\"api\":{\"deploy\":{\"numReplicas\":3}}}}"));
  WAIT(fake_count(en, id) == 3);
  CHECK_INT(deployments_of(&instance, latest), 1);
  town_close();
}

TEST(services_are_made_in_this_environment) {
  auto_service made = {0};
  auto_service_instance its = {0};
  auto_domain_list domains = {0};
  auto_environment other = {0};
  bool found = false;
  char id[ID_SIZE];
  town_open();
  CHECK_OK(core_environment_create(town, project.id, "staging", NULL, false, &other));
  CHECK_OK(commit("{\"services\":{\"web site\":{\"isCreated\":true,\"source\":{\"image\":\"nginx:1\"},\"variables\":"
                  "{\"A\":\"1\"},\"networking\":{\"serviceDomains\":{\"<hasDomain>\":{}},\"customDomains\":"
                  "{\"shop.example.org\":{\"port\":80}}}}}}"));
  CHECK_OK(service_find_by_label(town_db, project.id, "web-site", &found, &made));
  CHECK(found);
  CHECK_OK(service_instance_find(town_db, made.id, other.id, &found, &its));
  CHECK(!found);
  CHECK_OK(service_instance_find(town_db, made.id, instance.environment_id, &found, &its));
  CHECK(found);
  CHECK_TEXT(its.settings.source_image, "nginx:1");
  CHECK_OK(domain_list_by_instance(town_db, its.id, &domains));
  CHECK_INT(domains.len, 2);
  CHECK_HAS(domains.items[0].host, "web-site-production-");
  CHECK_TEXT(domains.items[1].host, "shop.example.org");
  CHECK_INT(deployments_of(&its, id), 1);
  CHECK_TEXT(value_of(made.id, "A"), "1");
  CHECK_ERR(commit("{\"services\":{\"x\":{\"isCreated\":true,\"networking\":{\"customDomains\":{\"shop.example.org\":{}}}}}}"),
            ERR_CONFLICT, "shop.example.org");
  CHECK_OK(service_find_by_label(town_db, project.id, "x", &found, &made));
  CHECK(!found); /* all or nothing */
  CHECK_ERR(commit("{\"services\":{\"api\":{\"networking\":{\"serviceDomains\":{\"a.up.railway.app\":{}}}}}}"), ERR_INVALID,
            "a service domain ends in '.localhost'");
  CHECK_OK(commit_with("{\"services\":{\"api\":{\"isDeleted\":true}}}", NULL, false, true));
  service_instance_done(&its);
  its = (struct service_instance){0};
  CHECK_OK(service_instance_find(town_db, service.id, instance.environment_id, &found, &its));
  CHECK(!found);
  CHECK_OK(service_instance_find(town_db, service.id, other.id, &found, &its));
  CHECK(found); /* it stays where it was */
  town_close();
}

TEST(some_changes_take_an_admin) {
  bool found = true;
  auto_service gone = {0};
  open_two();
  CHECK_ERR(commit_with("{\"services\":{\"db\":{\"isDeleted\":true}}}", NULL, false, false), ERR_DENIED, "deleting a service");
  CHECK_ERR(commit_with("{\"services\":{\"db\":{\"source\":{\"repo\":\"/etc\"}}}}", NULL, false, false), ERR_DENIED,
            "a repository on the host");
  CHECK_OK(commit_with("{\"services\":{\"db\":{\"isDeleted\":true}}}", NULL, false, true));
  CHECK_OK(service_find_by_label(town_db, project.id, "db", &found, &gone));
  CHECK(!found);
  close_two();
}

TEST(sealed_values_are_not_kept_in_the_history) {
  auto_environment_patch p = {0};
  town_open();
  CHECK_OK(commit("{\"services\":{\"api\":{\"variables\":{\"KEY\":{\"value\":\"s3cret\",\"isSealed\":true},\"A\":\"1\"}}}}"));
  CHECK_TEXT(value_of(service.id, "KEY"), "s3cret");
  CHECK_OK(environment_patch_get(town_db, committed, &p));
  auto_free char *changes = json_to_text(p.changes);
  CHECK(!strstr(p.patch, "s3cret") && strstr(p.patch, "\"value\":\"1\""));
  CHECK(!strstr(changes, "s3cret"));
  environment_patch_done(&p);
  CHECK_OK(commit("{\"services\":{\"api\":{\"variables\":{\"KEY\":\"an0ther\"}}}}")); /* sealed already */
  CHECK_OK(environment_patch_get(town_db, committed, &p));
  CHECK(!strstr(p.patch, "an0ther"));
  town_close();
}

/* ---- tramd ends between the commit and the deployments; the database fails at each statement ---- */

TEST(the_next_tramd_makes_the_deployments) {
  auto_strv left = STRV_EMPTY;
  char id[ID_SIZE];
  open_two();
  struct environment_patch p = {.status = PATCH_APPLYING, .patch = str_dup("{}"), .message = str_dup("late")};
  id_copy(p.environment_id, instance.environment_id);
  CHECK_OK(environment_patch_set(town_db, &p));
  CHECK_OK(environment_patch_add_deploy(town_db, p.id, store_instance.id));
  CHECK_OK(environment_patch_add_deploy(town_db, p.id, instance.id));
  town_restart();
  CHECK_INT(deployments_of(&instance, id), 1);
  CHECK_INT(deployments_of(&store_instance, id), 1);
  CHECK_INT(status_now(p.id), PATCH_COMMITTED);
  CHECK_OK(environment_patch_list_deploys(town_db, p.id, &left));
  CHECK_INT(left.len, 0);
  town_restart();
  CHECK_INT(deployments_of(&instance, id), 1);
  environment_patch_done(&p);
  close_two();
}

TEST(it_is_all_or_nothing_whichever_statement_fails) {
  enum { STATEMENTS_MAX = 200 };
  int failed = 0;
  for (int nth = 1; nth < STATEMENTS_MAX; nth++) {
    char id[ID_SIZE];
    open_two();
    turns(2);
    db_fail_after(town_db, nth);
    auto_err *e = commit(both);
    db_fail_after(town_db, 0);
    bool there = str_eq(value_of(service.id, "URL"), "http://db.railway.internal");
    CHECK_INT(there, !e);
    CHECK_INT(str_eq(value_of(store_service.id, "PASSWORD"), "pw"), there);
    if (e) CHECK_HAS(err_message(e), "injected failure");
    if (there) {
      WAIT(status_now(committed) == PATCH_COMMITTED);
      CHECK_INT(deployments_of(&instance, id), 1);
      check_end(id);
      CHECK_INT(deployments_of(&store_instance, id), 1);
      check_end(id);
    } else {
      failed++;
      CHECK_INT(deployments_of(&instance, id) + deployments_of(&store_instance, id), 0);
    }
    close_two();
    if (there && nth > failed + 20) break; /* behind the last statement of the commit */
  }
  printf("# %d statements of the commit failed\n", failed);
  CHECK(failed > 10);
}

TEST_MAIN
