/* Deployments from their creation to live or failed. */
#include "uploads.h"

TEST(goes_through_every_status_to_success) {
  town_open();
  char id[ID_SIZE];
  bld->hold = true;
  en->app.status = INSTANCE_CREATED;
  deploy(id);
  CHECK_STATUS(id, QUEUED);
  WAIT_STATUS(id, BUILDING);
  WAIT(fake_build_of(bld, id));
  CHECK_INT(fake_count(en, NULL), 0);
  bld->hold = false;
  fake_end_builds(bld);
  WAIT_STATUS(id, DEPLOYING);
  turns(10);
  CHECK_STATUS(id, DEPLOYING);
  CHECK(!served_by());
  fake_change(en, fake_find(en, id, 0), fake_runs(8080));
  WAIT_STATUS(id, SUCCESS);
  CHECK_TEXT(served_by(), id);
  CHECK_TEXT(fake_find(en, id, 0)->image_id, "sha256:1");
  town_close();
}

static int steps_without_end(const char *id) {
  auto_deployment_step_list steps = {0};
  CHECK_OK(deployment_step_list(town_db, id, &steps));
  int open = 0;
  for (size_t i = 0; i < steps.len; i++) open += !steps.items[i].completed_us || steps.items[i].error;
  return (int)steps.len * 10 + open;
}

TEST(the_journal_has_every_step_with_its_end) {
  town_open();
  char id[ID_SIZE];
  deploy_live(id);
  CHECK_INT(steps_without_end(id), 50); /* build, publish, create, health check, network */
  town_close();
}

TEST(the_old_one_goes_only_after_the_edge_has_confirmed) {
  town_open();
  char old[ID_SIZE], new[ID_SIZE];
  deploy_live(old);
  turns(10);
  gate->hold = true;
  deploy(new);
  WAIT(json_array_size(json_object_get(json_object_get(gate->wanted, domain.host), "targets")) == 1 &&
       fake_count(en, new) == 1 && !list_empty(&gate->tellings));
  turns(20);
  CHECK_STATUS(new, DEPLOYING);
  CHECK_STATUS(old, SUCCESS);
  CHECK_TEXT(served_by(), old);
  gate->hold = false;
  fake_go_live(gate);
  WAIT_STATUS(new, SUCCESS);
  CHECK_TEXT(served_by(), new);
  WAIT_STATUS(old, REMOVED);
  CHECK_TEXT(served_by(), new);
  check_nothing_left(old);
  town_close();
}

TEST(what_the_old_one_holds_is_waited_for) {
  town_open();
  char old[ID_SIZE], new[ID_SIZE];
  deploy_live(old);
  gate->sessions = 2;
  deploy_live(new);
  WAIT(gate->asked >= 2);
  CHECK_STATUS(old, REMOVING);
  CHECK_INT(fake_count(en, old), 1);
  gate->sessions = 0;
  WAIT_STATUS(old, REMOVED);
  town_close();
}

TEST(an_edge_that_does_not_answer_is_asked_again) {
  town_open();
  char old[ID_SIZE], new[ID_SIZE];
  deploy_live(old);
  gate->deaf = true;
  deploy_live(new);
  WAIT(gate->asked >= 3);
  CHECK_INT(fake_count(en, old), 1);
  gate->deaf = false;
  WAIT_STATUS(old, REMOVED);
  town_close();
}

static void upload_live(void) {
  upload_files(FILES("index.html", "x"), service.id);
  WAIT_STATUS(uploaded.id, SUCCESS);
}

TEST(the_image_that_equal_inputs_made_is_offered_again) {
  town_open();
  upload_live();
  CHECK(!bld->reused);
  upload_live();
  CHECK_TEXT(bld->reused, "sha256:1");
  town_close();
}

static void redeploy_live(void) {
  char id[ID_SIZE];
  CHECK_OK(core_redeploy(town, uploaded.id, false, "", id));
  WAIT_STATUS(id, SUCCESS);
}

TEST(of_a_dockerfile_the_image_is_offered_again_until_a_declared_variable_changes) {
  town_open();
  strv_add(&bld->arguments, "DECLARED");
  set_variable("DECLARED", "1");
  upload_live();
  set_variable("OTHER", "1");
  redeploy_live();
  CHECK_TEXT(bld->reused, "sha256:1");
  CHECK(strv_has(&en->env, "OTHER=1"));
  set_variable("DECLARED", "2");
  bld->image = "sha256:2";
  redeploy_live();
  CHECK(!bld->reused);
  set_variable("OTHER", "2");
  redeploy_live();
  CHECK_TEXT(bld->reused, "sha256:2");
  set_variable("DECLARED", "1");
  bld->image = "sha256:1";
  redeploy_live();
  CHECK_TEXT(bld->reused, "sha256:1");
  town_close();
}

TEST(of_a_planned_build_every_variable_counts) {
  town_open();
  upload_live();
  set_variable("OTHER", "1");
  redeploy_live();
  CHECK(!bld->reused);
  redeploy_live();
  CHECK_TEXT(bld->reused, "sha256:1");
  town_close();
}

TEST(an_image_without_cache_is_made_anew) {
  town_open();
  strv_add(&bld->arguments, "DECLARED");
  set_variable("NO_CACHE", "1");
  upload_live();
  redeploy_live();
  CHECK(!bld->reused);
  town_close();
}

TEST(an_image_is_asked_for_again_because_its_tag_may_have_moved) {
  town_open();
  char id[ID_SIZE];
  deploy_live(id);
  deploy_live(id);
  CHECK(!bld->reused);
  town_close();
}

TEST(variables_reach_the_app) {
  town_open();
  char id[ID_SIZE];
  struct variable v = {.name = (char *)"COLOUR", .value = (char *)"blue"};
  id_copy(v.project_id, project.id);
  id_copy(v.environment_id, instance.environment_id);
  id_copy(v.service_id, service.id);
  CHECK_OK(variable_set(town_db, &v));
  deploy_live(id);
  CHECK(strv_has(&en->env, "COLOUR=blue"));
  CHECK(strv_has(&en->env, "PORT=8080"));
  CHECK(strv_has(&bld->variables, "COLOUR=blue"));
  town_close();
}

/* ---- what fails leaves the old one alone ---- */

static char old[ID_SIZE], new[ID_SIZE];

static void open_with_old(void) {
  town_open();
  deploy_live(old);
  turns(5);
}

static void check_old_serves(void) {
  turns(20);
  CHECK_STATUS(old, SUCCESS);
  CHECK_TEXT(served_by(), old);
  CHECK_INT(fake_count(en, old), 1);
  check_nothing_left(new);
  CHECK_INT(fake_count(en, NULL), 1);
}

TEST(a_failed_build_leaves_the_old_one) {
  open_with_old();
  bld->fail = "RUN make: exit status 2";
  deploy(new);
  WAIT_STATUS(new, FAILED);
  CHECK_TEXT(reason_of(new), "build: RUN make: exit status 2");
  check_old_serves();
  town_close();
}

TEST(a_build_that_cannot_start_leaves_the_old_one) {
  open_with_old();
  bld->fail_start = "no Dockerfile";
  deploy(new);
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "no Dockerfile");
  check_old_serves();
  town_close();
}

TEST(a_failed_pre_deploy_command_leaves_the_old_one) {
  open_with_old();
  str_replace_owned(&instance.settings.pre_deploy_command, "migrate");
  en->job = fake_ended(INSTANCE_CRASHED, 4);
  deploy(new);
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "the pre-deploy command ended with exit status 4; the former deployment keeps serving");
  check_old_serves();
  town_close();
}

TEST(a_failed_pre_deploy_command_of_a_first_deployment_speaks_of_no_former_one) {
  town_open();
  str_replace_owned(&instance.settings.pre_deploy_command, "migrate");
  en->job = fake_ended(INSTANCE_CRASHED, 4);
  deploy(new);
  WAIT_STATUS(new, FAILED);
  CHECK_TEXT(reason_of(new), "the pre-deploy command ended with exit status 4");
  town_close();
}

TEST(the_first_deployment_that_fails_says_what_the_app_said) {
  static const char *const said[] = {"Error: JWT_SECRET is not set", "    at Object.<anonymous> (/app/server.js:13:25)",
                                     "    at node:internal/main/run_main_module:28:49", "", "Node.js v20.20.2"};
  town_open();
  str_replace_owned(&instance.settings.pre_deploy_command, "migrate");
  en->job = fake_ended(INSTANCE_CRASHED, 1);
  deploy(new);
  for (size_t i = 0; i < ARRAY_LEN(said); i++) CHECK_OK(log_store_add_deploy_line(town_logs, new, "error", said[i]));
  WAIT_STATUS(new, FAILED);
  CHECK_TEXT(reason_of(new), "the pre-deploy command ended with exit status 1; last log lines: Error: JWT_SECRET is not set");
  town_close();
}

TEST(a_pre_deploy_command_that_cannot_be_run_says_why) {
  open_with_old();
  str_replace_owned(&instance.settings.pre_deploy_command, "migrate");
  en->job = (struct fake_app){.status = INSTANCE_CRASHED, .exit_code = -1, .problem = "there is no /bin/sh"};
  deploy(new);
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "the pre-deploy command did not run to its end: there is no /bin/sh");
  check_old_serves();
  town_close();
}

TEST(the_pre_deploy_command_runs_once_before_the_instances) {
  open_with_old();
  str_replace_owned(&instance.settings.pre_deploy_command, "migrate --all");
  en->job.status = INSTANCE_CREATED;
  deploy(new);
  WAIT(fake_count(en, NULL) == 2);
  turns(10);
  CHECK_INT(fake_count(en, new), 0);
  CHECK_HAS(en->command, "migrate --all");
  auto_free char *job = str_format("%s-pre", new);
  fake_change(en, fake_find(en, job, 0), fake_ended(INSTANCE_EXITED, 0));
  WAIT_STATUS(new, SUCCESS);
  CHECK_INT(en->jobs_run, 1);
  CHECK_INT(fake_count(en, job), 0);
  town_close();
}

TEST(a_crash_while_it_is_checked_leaves_the_old_one) {
  open_with_old();
  en->app = fake_ended(INSTANCE_CRASHED, 1);
  deploy(new);
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "exited with status 1");
  check_old_serves();
  town_close();
}

TEST(an_engine_that_refuses_leaves_the_old_one) {
  open_with_old();
  en->fail_apply = "no space left on device";
  deploy(new);
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "no space left on device");
  check_old_serves();
  town_close();
}

TEST(not_healthy_in_time_leaves_the_old_one) {
  open_with_old();
  en->app = fake_runs(0);
  deploy(new);
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "nothing listens on PORT 8080");
  check_old_serves();
  town_close();
}

TEST(an_edge_that_refuses_leaves_the_old_one) {
  open_with_old();
  gate->fail = "HAProxy does not answer";
  deploy(new);
  WAIT_STATUS(new, FAILED);
  gate->fail = NULL;
  fake_go_live(gate);
  CHECK_HAS(reason_of(new), "the edge could not be told: HAProxy does not answer");
  check_old_serves();
  town_close();
}

/* The edge has begun to send visitors to the new one: they are sent back before its instances go. */
TEST(visitors_are_sent_back_before_the_instances_go) {
  open_with_old();
  gate->hold = true;
  deploy(new);
  WAIT(fake_count(en, new) == 1 && !list_empty(&gate->tellings) && str_eq(deployment_status_name(status_of(new)), "DEPLOYING"));
  turns(20);
  json_decref(gate->live);
  gate->live = json_incref(gate->wanted);
  CHECK_TEXT(served_by(), new);
  CHECK_OK(core_cancel(town, new));
  turns(20);
  CHECK_INT(fake_count(en, new), 1);
  CHECK_TEXT(served_by(), new);
  gate->hold = false;
  fake_go_live(gate);
  WAIT_STATUS(new, REMOVED);
  check_old_serves();
  town_close();
}

TEST(a_crash_while_the_edge_is_told_leaves_the_old_one) {
  open_with_old();
  gate->hold = true;
  deploy(new);
  WAIT(fake_count(en, new) == 1 && !list_empty(&gate->tellings));
  turns(20);
  fake_change(en, fake_find(en, new, 0), fake_ended(INSTANCE_CRASHED, 9));
  gate->hold = false;
  fake_go_live(gate);
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "was healthy, and then ended with exit status 9");
  check_old_serves();
  town_close();
}

/* ---- after it is live ---- */

TEST(a_crash_for_good_is_recorded_and_so_is_the_recovery) {
  open_with_old();
  fake_change(en, fake_find(en, old, 0), fake_ended(INSTANCE_CRASHED, 3));
  WAIT_STATUS(old, CRASHED);
  CHECK_HAS(reason_of(old), "the app ended with exit status 3");
  CHECK_OK(core_restart(town, old));
  WAIT_STATUS(old, SUCCESS);
  WAIT(str_eq(served_by(), old));
  town_close();
}

TEST(a_crashed_one_that_is_restarted_is_so_at_once_and_may_crash_again) {
  open_with_old();
  fake_change(en, fake_find(en, old, 0), fake_ended(INSTANCE_CRASHED, 3));
  WAIT_STATUS(old, CRASHED);
  en->app.status = INSTANCE_RESTARTING;
  CHECK_OK(core_restart(town, old));
  CHECK_STATUS(old, SUCCESS);
  fake_change(en, fake_find(en, old, 0), fake_ended(INSTANCE_CRASHED, 4));
  WAIT_STATUS(old, CRASHED);
  CHECK_HAS(reason_of(old), "exit status 4");
  town_close();
}

TEST(a_completed_one_that_is_restarted_is_not_stopped_any_more) {
  open_with_old();
  auto_deployment d = {0};
  fake_change(en, fake_find(en, old, 0), fake_ended(INSTANCE_EXITED, 0));
  turns(5);
  CHECK_OK(core_restart(town, old));
  WAIT(str_eq(served_by(), old));
  CHECK_OK(deployment_get(town_db, old, &d));
  CHECK(!d.stopped);
  town_close();
}

TEST(one_that_exits_with_0_is_completed) {
  open_with_old();
  fake_change(en, fake_find(en, old, 0), fake_ended(INSTANCE_EXITED, 0));
  turns(10);
  auto_deployment d = {0};
  CHECK_OK(deployment_get(town_db, old, &d));
  CHECK_INT(d.status, DEPLOYMENT_SUCCESS);
  CHECK(d.stopped);
  town_close();
}

TEST(a_user_removes_it) {
  open_with_old();
  CHECK_OK(core_remove(town, old, true));
  WAIT_STATUS(old, REMOVED);
  check_nothing_left(old);
  CHECK(!served_by());
  CHECK_OK(core_remove(town, old, true)); /* twice is harmless */
  CHECK_ERR(core_cancel(town, old), ERR_CONFLICT, "nothing to cancel");
  CHECK_ERR(core_restart(town, old), ERR_CONFLICT, "only a running one");
  town_close();
}

TEST(a_removal_that_fails_is_tried_again) {
  open_with_old();
  en->fail_remove = "device or resource busy";
  CHECK_OK(core_remove(town, old, true));
  WAIT_STATUS(old, REMOVING);
  turns(20);
  CHECK_STATUS(old, REMOVING);
  en->fail_remove = NULL;
  WAIT_STATUS(old, REMOVED);
  check_nothing_left(old);
  town_close();
}

TEST_MAIN
