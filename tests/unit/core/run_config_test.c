/* railway.toml on its way through a deployment: over the settings, into its row, and not into the service's. */
#include "base/json.h"
#include "core/duplicate.h"
#include "core/internal.h"
#include "store/credential.h"
#include "store/release.h"
#include "uploads.h"

static struct deployment uploaded_deployment; /* of the last deploy_files */

static void look(const char *id) {
  deployment_done(&uploaded_deployment);
  CHECK_OK(deployment_get(town_db, id, &uploaded_deployment));
}

static void deploy_files(const char *const *files) {
  upload_files(files, service.id);
  CHECK_TEXT(uploaded.message, "");
  WAIT(is_final(uploaded.id) || status_of(uploaded.id) == DEPLOYMENT_SUCCESS);
  look(uploaded.id);
}

static void close_town(void) {
  deployment_done(&uploaded_deployment);
  town_close();
}

#define SETTINGS uploaded_deployment.settings
#define CONFIG "[deploy]\nstartCommand = 'from code'\nhealthcheckTimeout = 9\n"

TEST(code_is_stronger_for_its_deployment_and_stays_out_of_the_service) {
  town_open();
  auto_service_instance after = {0};
  str_replace_owned(&instance.settings.start_command, "from the dashboard");
  str_replace_owned(&instance.settings.build_command, "make");
  change_settings();
  deploy_files(FILES("index.html", "x", "railway.toml", CONFIG));
  CHECK_TEXT(reason_of(uploaded.id), "");
  CHECK_TEXT(SETTINGS.start_command, "from code");
  CHECK_INT(SETTINGS.healthcheck_timeout_s, 9);
  CHECK_TEXT(SETTINGS.build_command, "make");
  CHECK_OK(service_instance_get(town_db, instance.id, &after));
  CHECK_TEXT(after.settings.start_command, "from the dashboard");
  deploy_files(FILES("index.html", "without"));
  CHECK_TEXT(SETTINGS.start_command, "from the dashboard");
  close_town();
}

TEST(the_deployment_says_what_came_from_where) {
  town_open();
  str_replace_owned(&instance.settings.root_directory, "/back/");
  change_settings();
  deploy_files(FILES("back/railway.toml", CONFIG "[env]\nA = '1'\n", "back/x", "", "railway.toml", "not = [toml"));
  const json_t *meta = uploaded_deployment.meta;
  CHECK_TEXT(json_get_text(meta, "configFile"), "back/railway.toml");
  CHECK_TEXT(json_get_text(meta, "rootDirectory"), "/back/");
  CHECK_TEXT(json_get_text(json_object_get(meta, "propertyFileMapping"), "deploy.startCommand"), "$.deploy.startCommand");
  auto_free char *file = json_to_text(json_object_get(meta, "fileServiceManifest"));
  CHECK_TEXT(file, "{\"deploy\":{\"startCommand\":\"from code\",\"healthcheckTimeout\":9}}");
  auto_free char *all = json_to_text(json_object_get(meta, "serviceManifest"));
  CHECK_TEXT(all, "{\"deploy\":{\"startCommand\":\"from code\",\"healthcheckTimeout\":9}}");
  auto_release release = {0};
  bool found = false;
  CHECK_OK(release_find(town_db, uploaded.id, &found, &release));
  CHECK(found && str_eq(release.settings.start_command, "from code"));
  close_town();
}

TEST(registry_credentials_of_the_file_are_kept_with_the_service_alone) {
  town_open();
  auto_credential kept = {0};
  bool found = false;
  deploy_files(FILES("x", "", "railway.toml", "[deploy.registryCredentials]\nusername = 'ada'\npassword = 'hunter2'\n"));
  CHECK_TEXT(reason_of(uploaded.id), "");
  CHECK_OK(credential_find(town_db, project.id, instance.id, CREDENTIAL_REGISTRY, "", &found, &kept));
  CHECK(found);
  CHECK_TEXT(kept.username, "ada");
  CHECK_TEXT(kept.secret, "hunter2");
  auto_free char *meta = json_to_text(uploaded_deployment.meta);
  CHECK_HAS(meta, "$.deploy.registryCredentials");
  CHECK(!strstr(meta, "hunter2"));
  deploy_files(FILES("x", "", "railway.toml", "[deploy.registryCredentials]\nusername = ''\npassword = ''\nx = 'hunter2'"));
  CHECK(!strstr(reason_of(uploaded.id), "hunter2"));
  close_town();
}

TEST(variables_of_the_file_are_weaker_than_the_services) {
  town_open();
  set_variable("A", "service");
  deploy_files(FILES("railway.toml", "[env]\nA = 'file'\nB = 'file'\n[build.env]\nB = 'build'\nC = 'build'\n"));
  CHECK_TEXT(reason_of(uploaded.id), "");
  CHECK(strv_has(&en->env, "A=service") && strv_has(&en->env, "B=file"));
  CHECK(!strv_has(&en->env, "C=build"));
  CHECK(strv_has(&bld->variables, "A=service") && strv_has(&bld->variables, "B=file") && strv_has(&bld->variables, "C=build"));
  close_town();
}

TEST(what_is_wrong_fails_before_the_build) {
  town_open();
  char old[ID_SIZE];
  deploy_live(old);
  deploy_files(FILES("railway.json", "{\"deploy\": {\n \"numReplicas\": \"many\"}}"));
  CHECK_STATUS(uploaded.id, FAILED);
  CHECK_TEXT(reason_of(uploaded.id), "railway.json: line 2: setting 'deploy.numReplicas': must be a whole number; it is \"many\"");
  CHECK_TEXT(served_by(), old);
  CHECK_INT(bld->started, 1);
  close_town();
}

TEST(toml_comes_before_json_and_a_named_file_before_both) {
  town_open();
  const char *const *files = FILES("railway.json", "{\"deploy\": {\"startCommand\": \"json\"}}", "railway.toml",
                                   "deploy.startCommand = 'toml'", "ops/mine.json", "{\"deploy\": {\"startCommand\": \"mine\"}}");
  deploy_files(files);
  CHECK_TEXT(SETTINGS.start_command, "toml");
  str_replace_owned(&instance.settings.config_file, "/ops/mine.json");
  str_replace_owned(&instance.settings.root_directory, "ops");
  change_settings();
  deploy_files(files);
  CHECK_TEXT(SETTINGS.start_command, "mine");
  str_replace_owned(&instance.settings.config_file, "ops/other.toml");
  change_settings();
  deploy_files(files);
  CHECK_TEXT(reason_of(uploaded.id), "there is no config file 'ops/other.toml' in the source: correct the service's config file path");
  str_replace_owned(&instance.settings.root_directory, "nowhere");
  change_settings();
  deploy_files(files);
  CHECK_TEXT(reason_of(uploaded.id), "root directory 'nowhere': there is no 'nowhere' in the source");
  close_town();
}

TEST(the_block_of_the_environment) {
  town_open();
  deploy_files(FILES("railway.toml", "deploy.startCommand = 'base'\n[environments.production.deploy]\nstartCommand = 'block'\n"));
  CHECK_TEXT(SETTINGS.start_command, "block");
  close_town();
}

TEST(the_blocks_of_a_pull_requests_environment) {
  town_open();
  auto_environment made = {0};
  struct duplication how = {.project_id = project.id, .name = "pr-7", .source_id = instance.environment_id, .is_ephemeral = true};
  CHECK_OK(duplicate_environment(town, &how, &made));
  id_copy(instance.environment_id, made.id); /* where uploads go */
  deploy_files(FILES("railway.toml", "deploy.startCommand = 'base'\nbuild.buildCommand = 'base'\ndeploy.drainingSeconds = 1\n"
                                     "[environments.production.build]\nbuildCommand = 'production'\n"
                                     "[environments.production.deploy]\nstartCommand = 'production'\ndrainingSeconds = 2\n"
                                     "[environments.pr.deploy]\nstartCommand = 'pr'\ndrainingSeconds = 3\n"
                                     "[environments.pr-7.deploy]\ndrainingSeconds = 4\n"));
  CHECK_TEXT(SETTINGS.build_command, "production");
  CHECK_TEXT(SETTINGS.start_command, "pr");
  CHECK_INT(SETTINGS.draining_s, 4);
  close_town();
}

TEST(the_procfiles_release_is_the_pre_deploy_command) {
  town_open();
  const char *procfile = "web: serve\nrelease: migrate up\n";
  deploy_files(FILES("Procfile", procfile));
  CHECK_TEXT(reason_of(uploaded.id), "");
  CHECK_TEXT(SETTINGS.pre_deploy_command, "migrate up");
  CHECK_INT(en->jobs_run, 1);
  deploy_files(FILES("Procfile", procfile, "Dockerfile", "FROM x"));
  CHECK_TEXT(SETTINGS.pre_deploy_command, NULL);
  set_variable("RAILWAY_DOCKERFILE_PATH", "ops/Dockerfile");
  deploy_files(FILES("Procfile", procfile, "ops/Dockerfile", "FROM x"));
  CHECK_TEXT(SETTINGS.pre_deploy_command, NULL);
  deploy_files(FILES("Procfile", procfile, "railway.toml", "deploy.preDeployCommand = ['a', 'b']"));
  CHECK_TEXT(SETTINGS.pre_deploy_command, "a && b");
  close_town();
}

TEST(a_redeploy_reads_it_again_and_a_rollback_does_not) {
  town_open();
  char again[ID_SIZE], back[ID_SIZE];
  deploy_files(FILES("railway.toml", CONFIG "[env]\nA = 'file'\n"));
  char first[ID_SIZE];
  id_copy(first, uploaded.id);
  instance.settings.num_replicas = 2;
  str_replace_owned(&instance.settings.start_command, "from the dashboard");
  change_settings();
  set_variable("A", "service");
  CHECK_OK(core_redeploy(town, first, true, "", again));
  WAIT_STATUS(again, SUCCESS);
  look(again);
  CHECK_TEXT(SETTINGS.start_command, "from code");
  CHECK_INT(SETTINGS.num_replicas, 2);
  CHECK(strv_has(&en->env, "A=service"));
  CHECK_OK(core_rollback(town, first, "", back));
  WAIT_STATUS(back, SUCCESS);
  look(back);
  CHECK_INT(SETTINGS.num_replicas, 1);
  CHECK_TEXT(json_get_text(uploaded_deployment.meta, "configFile"), "railway.toml");
  CHECK(strv_has(&en->env, "A=file"));
  close_town();
}

/* The image is kept, the code is not: what was recorded of the file holds. */
TEST(the_code_is_gone) {
  town_open();
  char again[ID_SIZE];
  deploy_files(FILES("railway.toml", CONFIG "[env]\nA = 'file'\n"));
  auto_free char *snapshots = path_join(town_folder, "snapshots");
  CHECK_OK(file_remove_tree(snapshots));
  CHECK_OK(core_redeploy(town, uploaded.id, true, "", again));
  WAIT_STATUS(again, SUCCESS);
  look(again);
  CHECK_TEXT(SETTINGS.start_command, "from code");
  CHECK_TEXT(json_get_text(uploaded_deployment.meta, "configFile"), "railway.toml");
  CHECK(strv_has(&en->env, "A=file"));
  close_town();
}

/* Made and interrupted at once: the upload is answered in the turn in which the file begins to be read. */
static void begin_with_config(void) {
  upload_files(FILES("railway.toml", CONFIG), service.id);
  CHECK_TEXT(uploaded.message, "");
  CHECK_STATUS(uploaded.id, INITIALIZING);
}

TEST(tramd_ends_while_it_is_read) {
  town_open();
  begin_with_config();
  town_restart();
  WAIT_STATUS(uploaded.id, SUCCESS);
  look(uploaded.id);
  CHECK_TEXT(SETTINGS.start_command, "from code");
  close_town();
}

TEST(tramd_ends_while_it_is_built) {
  town_open();
  bld->hold = true;
  set_variable("RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "7"); /* stronger than the file, and stays so */
  upload_files(FILES("railway.toml", CONFIG "drainingSeconds = 3\n[build.env]\nC = 'build'\n"), service.id);
  WAIT(fake_build_of(bld, uploaded.id));
  town_restart();
  bld->hold = false;
  fake_end_builds(bld);
  WAIT_STATUS(uploaded.id, SUCCESS);
  look(uploaded.id);
  CHECK_TEXT(SETTINGS.start_command, "from code");
  CHECK_INT(SETTINGS.draining_s, 7);
  CHECK(strv_has(&bld->variables, "C=build"));
  close_town();
}

TEST(it_is_cancelled_while_it_is_read) {
  town_open();
  begin_with_config();
  CHECK_OK(core_cancel(town, uploaded.id));
  WAIT_STATUS(uploaded.id, REMOVED);
  turns(20);
  CHECK_INT(bld->started, 0);
  close_town();
}

TEST_MAIN
