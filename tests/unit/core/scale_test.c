/* Replicas become more and fewer, and start again, without a deployment and without losing requests. */
#include "store/deployment_instance.h"
#include "town.h"

static char live[ID_SIZE];

static void scale(int replicas) {
  instance.settings.num_replicas = replicas;
  CHECK_OK(core_set_settings(town, instance.id, &instance.settings));
}

static size_t targets(void) {
  return json_array_size(json_object_get(json_object_get(gate->live, domain.host), "targets"));
}

static void open_live(int replicas) {
  town_open();
  instance.settings.num_replicas = replicas;
  change_settings();
  deploy_live(live);
  turns(5);
  CHECK_INT((int)targets(), replicas);
}

static enum instance_status row_status(int replica) {
  auto_deployment_instance_list rows = {0};
  CHECK_OK(deployment_instance_list(town_db, live, &rows));
  for (size_t i = 0; i < rows.len; i++)
    if (rows.items[i].replica_index == replica && rows.items[i].status != INSTANCE_REMOVED)
      return rows.items[i].status;
  return INSTANCE_REMOVED;
}

TEST(replicas_follow_the_settings_without_a_deployment) {
  open_live(1);
  scale(3);
  WAIT(targets() == 3);
  CHECK_INT(fake_count(en, live), 3);
  CHECK_STATUS(live, SUCCESS);
  CHECK_INT(bld->started, 1);
  scale(1);
  WAIT(targets() == 1);
  WAIT(fake_count(en, live) == 1);
  town_close();
}

TEST(the_surplus_answers_what_it_holds_before_it_ends) {
  open_live(3);
  gate->sessions = 1;
  scale(1);
  WAIT(targets() == 1);
  turns(20);
  CHECK_INT(fake_count(en, live), 3);
  gate->sessions = 0;
  WAIT(fake_count(en, live) == 1);
  town_close();
}

TEST(a_change_of_mind_keeps_the_surplus) {
  open_live(3);
  gate->sessions = 1;
  scale(1);
  WAIT(targets() == 1);
  scale(3);
  WAIT(targets() == 3);
  gate->sessions = 0;
  turns(20);
  CHECK_INT(fake_count(en, live), 3);
  town_close();
}

TEST(what_is_on_its_way_follows_too) {
  open_live(3);
  char new[ID_SIZE];
  en->app = fake_runs(0); /* its health is waited for */
  deploy(new);
  WAIT(fake_count(en, new) == 3);
  scale(1);
  for (int i = 0; i < 3; i++) fake_change(en, fake_find(en, new, i), fake_runs(8080));
  WAIT_STATUS(new, SUCCESS);
  WAIT(fake_count(en, new) == 1);
  WAIT(targets() == 1);
  CHECK_TEXT(served_by(), new);
  town_close();
}

TEST(what_the_engine_refuses_is_tried_again) {
  open_live(1);
  en->fail_apply = "replica 1 is still being stopped: try again";
  scale(2);
  turns(5);
  CHECK_INT(fake_count(en, live), 1);
  en->fail_apply = NULL;
  WAIT(fake_count(en, live) == 2);
  town_close();
}

TEST(the_next_start_goes_on_with_it) {
  open_live(1);
  en->fail_apply = "the disk is full";
  scale(2);
  en->fail_apply = NULL;
  town_restart();
  WAIT(targets() == 2);
  gate->sessions = 1;
  scale(1);
  WAIT(targets() == 1);
  gate->sessions = 0;
  town_restart();
  WAIT(fake_count(en, live) == 1);
  town_close();
}

TEST(a_replica_that_is_not_ready_gets_no_requests) {
  open_live(1);
  en->app = fake_runs(0);
  scale(2);
  WAIT(row_status(1) == INSTANCE_INITIALIZING);
  turns(20);
  CHECK_INT((int)targets(), 1);
  town_restart(); /* the next tramd knows it, too */
  turns(20);
  CHECK_INT((int)targets(), 1);
  fake_change(en, fake_find(en, live, 1), fake_runs(8080));
  WAIT(targets() == 2);
  CHECK_INT(row_status(1), INSTANCE_RUNNING);
  town_close();
}

TEST(one_that_comes_back_waits_until_it_listens) {
  open_live(2);
  fake_change(en, fake_find(en, live, 1), (struct fake_app){.status = INSTANCE_RESTARTING, .exit_code = 1, .restarts = 1});
  WAIT(targets() == 1);
  fake_change(en, fake_find(en, live, 1), fake_runs(0));
  turns(20);
  CHECK_INT((int)targets(), 1);
  fake_change(en, fake_find(en, live, 1), fake_runs(8080));
  WAIT(targets() == 2);
  town_close();
}

TEST(one_that_never_listens_is_told_of_and_no_longer_held_back) {
  open_live(1);
  en->app = fake_runs(0);
  scale(2);
  WAIT(row_status(1) == INSTANCE_INITIALIZING);
  WAIT(targets() == 2); /* healthcheck_timeout_ms is over */
  CHECK_INT(row_status(1), INSTANCE_RUNNING);
  town_close();
}

TEST(the_only_one_gets_requests_at_once) {
  open_live(1);
  fake_change(en, fake_find(en, live, 0), (struct fake_app){.status = INSTANCE_RESTARTING, .exit_code = 1, .restarts = 1});
  WAIT(targets() == 0);
  fake_change(en, fake_find(en, live, 0), fake_runs(0));
  WAIT(targets() == 1);
  town_close();
}

TEST(a_restart_takes_one_replica_after_another) {
  open_live(3);
  gate->sessions = 1;
  CHECK_OK(core_restart(town, live));
  WAIT(targets() == 2);
  turns(20);
  CHECK_INT(en->restarted, 0); /* it still answers */
  en->app = fake_runs(0);
  gate->sessions = 0;
  WAIT(en->restarted == 1);
  WAIT(row_status(0) == INSTANCE_INITIALIZING);
  turns(20);
  CHECK_INT((int)targets(), 2);
  CHECK_INT(en->restarted, 1);
  en->app = fake_runs(8080);
  fake_change(en, fake_find(en, live, 0), fake_runs(8080));
  WAIT(en->restarted == 3);
  WAIT(targets() == 3);
  CHECK_OK(core_restart(town, live)); /* and again */
  WAIT(en->restarted == 6);
  WAIT(targets() == 3);
  town_close();
}

TEST(a_replica_that_does_not_come_back_ends_the_restart) {
  open_live(2);
  en->app = fake_ended(INSTANCE_CRASHED, 1);
  CHECK_OK(core_restart(town, live));
  WAIT(row_status(0) == INSTANCE_CRASHED);
  turns(20);
  CHECK_INT(en->restarted, 1);
  CHECK_INT((int)targets(), 1);
  CHECK_STATUS(live, SUCCESS);
  town_close();
}

TEST(a_restart_ends_with_its_deployment_and_with_tramd) {
  open_live(2);
  gate->sessions = 1;
  CHECK_OK(core_restart(town, live));
  WAIT(targets() == 1);
  town_restart();
  WAIT(targets() == 2);
  CHECK_OK(core_restart(town, live));
  CHECK_OK(core_remove(town, live, true));
  gate->sessions = 0;
  WAIT_STATUS(live, REMOVED);
  CHECK_INT(en->restarted, 0);
  check_nothing_left(live);
  town_close();
}

TEST(a_removed_one_is_not_scaled_or_waited_for) {
  open_live(1);
  en->app = fake_runs(0);
  scale(2);
  WAIT(row_status(1) == INSTANCE_INITIALIZING);
  CHECK_OK(core_remove(town, live, true));
  scale(3);
  WAIT_STATUS(live, REMOVED);
  check_nothing_left(live);
  town_close();
}

/* tramd was killed when the newer one was live and before the older one's cancellation was recorded. */
TEST(an_older_one_that_is_still_on_its_way_is_cancelled_at_the_start) {
  town_open();
  auto_deployment older = {.status = DEPLOYMENT_QUEUED};
  auto_json *none = json_object();
  id_copy(older.project_id, project.id);
  id_copy(older.environment_id, instance.environment_id);
  id_copy(older.service_id, service.id);
  id_copy(older.service_instance_id, instance.id);
  service_settings_copy(&instance.settings, &older.settings);
  CHECK_OK(deployment_insert(town_db, &older));
  CHECK_OK(deployment_variables_set(town_db, older.id, none));
  deploy_live(live);
  town_restart();
  WAIT_STATUS(older.id, REMOVED);
  turns(20);
  CHECK_STATUS(live, SUCCESS);
  CHECK_TEXT(served_by(), live);
  check_nothing_left(older.id);
  town_close();
}

TEST_MAIN
