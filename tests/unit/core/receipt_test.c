/* The receipt of a cutover: begun before the edge is told, ended when nothing of the former
 * deployment is left, also over tramd's own end. */
#include "store/receipt.h"

#include "town.h"

static char old[ID_SIZE], new[ID_SIZE];

static bool receipt_of(const char *id, struct receipt *r) {
  bool found = false;
  receipt_done(r);
  CHECK_OK(receipt_find(town_db, id, &found, r));
  return found;
}

static bool is_counted(const char *id) {
  auto_receipt r = {0};
  return receipt_of(id, &r) && r.counted;
}

TEST(a_first_deployment_has_one_without_a_predecessor) {
  town_open();
  deploy_live(old);
  WAIT(is_counted(old));
  auto_receipt r = {0};
  CHECK(receipt_of(old, &r));
  CHECK_TEXT(r.previous_id, "");
  CHECK(r.switched_us >= r.began_us && r.ended_us >= r.switched_us);
  town_close();
}

TEST(it_ends_when_nothing_of_the_former_one_is_left) {
  town_open();
  deploy_live(old);
  gate->tally = (struct edge_tally){.served = 12, .drained = 3, .slowest_ms = 40, .complete = true};
  gate->sessions = 1;
  deploy_live(new);
  auto_receipt r = {0};
  CHECK(receipt_of(new, &r));
  CHECK_TEXT(r.previous_id, old);
  CHECK(r.switched_us && !r.drained_us && !r.ended_us && !r.counted);
  gate->sessions = 0;
  WAIT_STATUS(old, REMOVED);
  WAIT(is_counted(new));
  CHECK(receipt_of(new, &r));
  CHECK(r.drained_us >= r.switched_us && r.ended_us >= r.drained_us);
  CHECK_INT(r.served, 12);
  CHECK_INT(r.drained, 3);
  CHECK_INT(r.slowest_ms, 40);
  CHECK(r.complete);
  town_close();
}

TEST(streams_are_not_waited_for) {
  town_open();
  deploy_live(old);
  gate->streams = 50;
  deploy_live(new);
  WAIT_STATUS(old, REMOVED);
  town_close();
}

TEST(requests_are_waited_for_only_so_long) {
  town_open();
  struct core_options options = {.data_dir = town_folder, .domain_suffix = "localhost", .version = "test",
                                 .build_concurrency = 2, .healthcheck_timeout_ms = 600, .drain_timeout_ms = 50,
                                 .stop_grace_ms = 100};
  core_set_options(town, &options);
  deploy_live(old);
  gate->sessions = 1;
  deploy_live(new);
  WAIT_STATUS(old, REMOVED);
  town_close();
}

TEST(a_switch_that_fails_is_counted_too) {
  town_open();
  deploy_live(old);
  gate->fail = "the edge is out";
  deploy(new);
  WAIT_STATUS(new, FAILED);
  gate->fail = NULL;
  WAIT(is_counted(new));
  auto_receipt r = {0};
  CHECK(receipt_of(new, &r));
  CHECK_INT(r.switched_us, 0);
  CHECK(r.ended_us);
  town_close();
}

TEST(every_request_is_logged_while_one_is_under_way) {
  town_open();
  CHECK(gate->logs_some);
  deploy_live(old);
  WAIT(gate->logs_some);
  gate->sessions = 1;
  bld->hold = true;
  deploy(new);
  WAIT(bld->running == 1);
  CHECK(gate->logs_some); /* a build is no cutover */
  bld->hold = false;
  fake_end_builds(bld);
  WAIT_STATUS(new, SUCCESS);
  CHECK(!gate->logs_some);
  town_restart();
  CHECK(!gate->logs_some);
  gate->sessions = 0;
  WAIT(is_counted(new));
  WAIT(gate->logs_some);
  en->app = (struct fake_app){.status = INSTANCE_CRASHED, .exit_code = 1};
  char broken[ID_SIZE];
  deploy(broken);
  WAIT_STATUS(broken, FAILED);
  CHECK(gate->logs_some);
  town_close();
}

TEST(it_goes_on_over_a_restart) {
  town_open();
  deploy_live(old);
  gate->sessions = 1;
  deploy_live(new);
  CHECK(!is_counted(new));
  town_restart();
  gate->sessions = 0;
  WAIT_STATUS(old, REMOVED);
  WAIT(is_counted(new));
  town_close();
}

/* As if tramd had died between recording the end and counting. */
TEST(what_was_not_counted_is_counted_at_the_next_start) {
  town_open();
  deploy_live(old);
  WAIT(is_counted(old));
  CHECK_OK(db_run(town_db, "UPDATE receipts SET counted = 0, ended_us = 0", DB_NONE, NULL));
  int before = gate->tallied;
  town_restart();
  WAIT(is_counted(old));
  CHECK_INT(gate->tallied - before, 1);
  town_close();
}

TEST_MAIN
