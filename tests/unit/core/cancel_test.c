/* Cancelling a deployment, and ending tramd, in every phase of a deployment. */
#include "town.h"

static char old[ID_SIZE], new[ID_SIZE];

/* The phases, each with what holds a deployment in it.  A held one can be let go on. */
struct phase {
  const char *name;
  void (*hold)(void);
  bool (*reached)(void);
  void (*release)(void);
};

static void set_pre_deploy(void) {
  str_replace_owned(&instance.settings.pre_deploy_command, "migrate");
}

static void hold_queue(void) {
  bld->hold = true; /* every place is taken by other services */
  static const char *const names[] = {"one", "two"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    auto_service s = {0};
    auto_service_instance other = {0};
    char id[ID_SIZE];
    town_make_service(names[i], &s, &other);
    CHECK_OK(core_deploy_instance(town, &other, "", id));
    WAIT(fake_build_of(bld, id));
  }
}
static bool is_queued(void) {
  return status_of(new) == DEPLOYMENT_QUEUED;
}
static void hold_build(void) {
  bld->hold = true;
}
static bool is_building(void) {
  return fake_build_of(bld, new) != NULL;
}
static void release_build(void) {
  bld->hold = false;
  fake_end_builds(bld);
}

static struct fake_instance *job(void) {
  auto_free char *id = str_format("%s-pre", new);
  return fake_find(en, id, 0);
}
static void hold_job(void) {
  set_pre_deploy();
  en->job = fake_runs(0);
}
static bool job_runs(void) {
  return job() && job()->app.status == INSTANCE_RUNNING;
}
static void release_job(void) {
  if (job()) fake_change(en, job(), fake_ended(INSTANCE_EXITED, 0));
}

static void hold_job_removal(void) {
  set_pre_deploy();
  en->hold_removals = true;
}
static bool job_is_removed(void) {
  return job() && job()->app.status == INSTANCE_EXITED && !list_empty(&en->removals);
}
static void release_removals(void) {
  en->hold_removals = false;
  fake_finish_removals(en);
}

static void hold_instances(void) {
  en->app.status = INSTANCE_CREATED;
}
static bool instances_exist(void) {
  return fake_find(en, new, 0) != NULL;
}
static void release_instances(void) {
  en->app = fake_runs(8080);
  if (fake_find(en, new, 0)) fake_change(en, fake_find(en, new, 0), en->app);
}

static void hold_sockets(void) {
  en->hold_sockets = true;
}
static bool sockets_are_asked(void) {
  return !list_empty(&en->questions);
}
static void release_sockets(void) {
  en->hold_sockets = false;
  fake_answer_questions(en);
}

static void hold_edge(void) {
  gate->hold = true;
}
static bool edge_is_told(void) {
  json_t *targets = json_object_get(json_object_get(gate->wanted, domain.host), "targets");
  struct fake_instance *i = fake_find(en, new, 0);
  const char *first = json_string_value(json_array_get(targets, 0));
  return i && first && str_starts(first, i->address) && first[strlen(i->address)] == ':';
}
static void release_edge(void) {
  gate->hold = false;
  fake_go_live(gate);
}

/* clang-format off */
static const struct phase phases[] = {
  { "queued",                hold_queue,       is_queued,         release_build },
  { "building",              hold_build,       is_building,       release_build },
  { "pre-deploy command",    hold_job,         job_runs,          release_job },
  { "its job is removed",    hold_job_removal, job_is_removed,    release_removals },
  { "instances are started", hold_instances,   instances_exist,   release_instances },
  { "health is checked",     hold_sockets,     sockets_are_asked, release_sockets },
  { "the edge is told",      hold_edge,        edge_is_told,      release_edge },
};
/* clang-format on */

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
    if (phases[i].hold != hold_queue && phases[i].hold != hold_build) phases[i].release();
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
    phases[i].release();
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
    phases[i].release();
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
    phases[i].release();
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
    phases[i].release();
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
    phases[i].release();
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
  release_instances();
  WAIT_STATUS(new, SUCCESS);
  CHECK_INT(en->jobs_run, 1);
  town_close();
}

TEST(a_pre_deploy_command_that_failed_while_tramd_was_away_fails_the_deployment) {
  open_in(&phases[2]);
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
  open_in(&phases[2]);
  int made = en->made;
  core_stop(town);
  release_job();
  turns(20);
  CHECK_INT(en->made, made);
  CHECK_STATUS(new, DEPLOYING);
  town_close();
}

TEST_MAIN
