/* Cancelling a deployment, and ending tramd, in every phase of a deployment. */
#include "phases.h"

/* A deployment beside a live one, held in that phase. */
static void open_in(const struct phase *p) {
  printf("# %s\n", p->name);
  town_open();
  deploy_live(old);
  turns(10);
  p->hold();
  deploy(new);
  WAIT(p->reached());
}

static void check_old_serves(void) {
  turns(20);
  CHECK_STATUS(old, SUCCESS);
  CHECK_TEXT(served_by(), old);
}

TEST(cancelled_in_each_phase_ends_removed_with_nothing_left) {
  for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
    open_in(&phases[i]);
    CHECK_OK(core_cancel(town, new));
    if (phases[i].hold != hold_queue && phases[i].hold != hold_build) release_all();
    WAIT_STATUS(new, REMOVED);
    CHECK_TEXT(reason_of(new), "cancelled by a user");
    check_old_serves();
    check_nothing_left(new);
    town_close();
  }
}

TEST(cancelled_twice_is_cancelled_once) {
  for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
    open_in(&phases[i]);
    CHECK_OK(core_cancel(town, new));
    err_ignore(core_cancel(town, new)); /* the first may have ended it already */
    CHECK_OK(core_remove(town, new, true));
    release_all();
    WAIT_STATUS(new, REMOVED);
    check_nothing_left(new);
    town_close();
  }
}

TEST(tramd_ends_right_after_the_cancellation) {
  for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
    open_in(&phases[i]);
    CHECK_OK(core_cancel(town, new));
    town_stop();
    release_all();
    town_start();
    WAIT_STATUS(new, REMOVED);
    check_nothing_left(new);
    check_old_serves();
    town_close();
  }
}

TEST(tramd_restarts_in_each_phase_and_the_deployment_goes_on) {
  for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
    open_in(&phases[i]);
    int started = bld->started;
    town_restart();
    turns(20);
    if (phases[i].reached()) check_old_serves(); /* the end of tramd may have ended the holding, too */
    release_all();
    WAIT_STATUS(new, SUCCESS);
    CHECK_TEXT(served_by(), new);
    WAIT_STATUS(old, REMOVED);
    if (phases[i].hold == hold_build) CHECK_INT(bld->started - started, 1); /* built again */
    if (phases[i].hold != hold_build && phases[i].hold != hold_queue) CHECK_INT(bld->started, started);
    check_nothing_left(old);
    town_close();
  }
}

TEST(tramd_is_away_while_the_phase_goes_on) {
  for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
    open_in(&phases[i]);
    town_stop();
    release_all();
    CHECK(served_by()); /* one or the other */
    town_start();
    WAIT_STATUS(new, SUCCESS);
    CHECK_TEXT(served_by(), new);
    WAIT_STATUS(old, REMOVED);
    check_nothing_left(old);
    town_close();
  }
}

TEST(tramd_restarts_again_and_again) {
  for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
    open_in(&phases[i]);
    for (int n = 0; n < 4; n++) {
      town_restart();
      turns(n * 3);
    }
    if (phases[i].reached()) check_old_serves();
    release_all();
    WAIT_STATUS(new, SUCCESS);
    town_close();
  }
}

TEST(a_pre_deploy_command_that_is_done_is_not_done_again) {
  town_open();
  hold_instances();
  set_pre_deploy();
  deploy(new);
  WAIT(fake_find(en, new, 0));
  town_restart();
  release_all();
  WAIT_STATUS(new, SUCCESS);
  CHECK_INT(en->jobs_run, 1);
  town_close();
}

TEST(a_pre_deploy_command_that_failed_while_tramd_was_away_fails_the_deployment) {
  open_in(phase_named("pre-deploy command"));
  town_stop();
  fake_change(en, job(), fake_ended(INSTANCE_CRASHED, 5));
  town_start();
  WAIT_STATUS(new, FAILED);
  CHECK_HAS(reason_of(new), "ended with exit status 5");
  check_nothing_left(new);
  check_old_serves();
  town_close();
}

TEST(tramd_restarts_while_the_old_one_goes) {
  town_open();
  deploy_live(old);
  gate->sessions = 1;
  deploy_live(new);
  WAIT_STATUS(old, REMOVING);
  WAIT(gate->asked > 1);
  town_restart();
  gate->sessions = 0;
  WAIT_STATUS(old, REMOVED);
  check_nothing_left(old);
  CHECK_TEXT(served_by(), new);
  town_close();
}

TEST(edge_and_engine_are_asked_nothing_once_they_are_freed) {
  enum { LONGER_THAN_ANY_TIMER_MS = 150 };
  town_open();
  deploy_live(old);
  gate->sessions = 1;
  deploy_live(new);
  WAIT(gate->asked > 1);
  core_stop(town);
  WAIT(core_is_quiet(town));
  fake_edge_disconnect(gate);
  fake_engine_disconnect(en);
  long long end_ms = tap_now_ms() + LONGER_THAN_ANY_TIMER_MS;
  while (tap_now_ms() < end_ms) turn();
  town_close();
}

TEST(a_live_one_that_crashed_while_tramd_was_away_is_crashed) {
  town_open();
  deploy_live(old);
  town_stop();
  fake_change(en, fake_find(en, old, 0), fake_ended(INSTANCE_CRASHED, 2));
  town_start();
  WAIT_STATUS(old, CRASHED);
  town_close();
}

TEST(what_no_deployment_wants_is_removed_at_the_start) {
  town_open();
  deploy_live(old);
  CHECK_OK(core_remove(town, old, true));
  WAIT_STATUS(old, REMOVED);
  town_stop();
  fake_add(en, old, 0, fake_runs(8080));
  fake_add(en, "00000000-0000-4000-8000-000000000000", 0, fake_runs(8080));
  fake_add(en, "00000000-0000-4000-8000-000000000000-pre", 0, fake_runs(8080));
  town_start();
  WAIT(fake_count(en, NULL) == 0);
  town_close();
}

TEST(nothing_new_begins_once_tramd_is_ending) {
  open_in(phase_named("pre-deploy command"));
  int made = en->made;
  core_stop(town);
  release_all();
  turns(20);
  CHECK_INT(en->made, made);
  CHECK_STATUS(new, DEPLOYING);
  town_close();
}

TEST_MAIN
