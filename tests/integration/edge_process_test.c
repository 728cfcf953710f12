/* The life of the HAProxy process: adopted, replaced, started again, mended, stopped. */
#include "edge/edge.h"

#include "edge_fixture.h"

EDGE_TEST(a_new_tramd_adopts_the_running_haproxy) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int master = t.edge->processes.master, worker = t.edge->worker;
  unsigned slot = slot_of("k");
  free_edge();
  CHECK(serves("app.test", "a"));
  make_edge();
  start_edge();
  CHECK_INT(t.edge->processes.master, master);
  CHECK_INT(t.edge->worker, worker);
  CHECK_INT(slot_of("k"), slot);
  CHECK(serves("app.test", "a"));
  route_to(&t.b, EDGE_ROUTE_ACTIVE);
  CHECK(serves("app.test", "b"));
  CHECK_INT(t.edge->worker, worker);
}

EDGE_TEST(one_that_reloads_is_adopted_not_killed) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int master = t.edge->processes.master;
  for (int i = 0; i < 5; i++) {
    struct outcome *outcome = outcome_new();
    edge_reload(t.edge, on_done, outcome);
    WAIT(outcome->called); /* the master is still executing itself anew */
    free_edge();
    make_edge();
    start_edge();
    CHECK_INT(t.edge->processes.master, master);
  }
  CHECK(serves("app.test", "a"));
}

EDGE_TEST(one_that_does_not_answer_is_replaced) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int master = t.edge->processes.master;
  free_edge();
  kill(master, SIGSTOP);
  make_edge();
  start_edge();
  CHECK(t.edge->processes.master != master);
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  CHECK(serves("app.test", "a"));
}

EDGE_TEST(other_settings_are_taken_over_by_a_reload) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int master = t.edge->processes.master;
  uint16_t before = t.port;
  free_edge();
  choose_port();
  make_edge();
  start_edge();
  WAIT(serves("app.test", "a"));
  CHECK_INT(t.edge->processes.master, master);
  WAIT(connect_to(before) < 0);
}

static bool lives(int pid) {
  return kill(pid, 0) == 0;
}

EDGE_TEST(a_killed_haproxy_is_started_again) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int master = t.edge->processes.master, worker = t.edge->worker;
  long long begin = tap_now_ms();
  kill(master, SIGKILL);
  WAIT(t.edge->processes.master != master && serves("app.test", "a"));
  printf("# after a killed master: %lld ms\n", tap_now_ms() - begin);
  WAIT(!lives(worker));
  master = t.edge->processes.master;
  begin = tap_now_ms();
  WAIT(t.edge->worker && !t.edge->must_sync);
  kill(t.edge->worker, SIGKILL);
  WAIT(t.edge->processes.master != master && serves("app.test", "a"));
  printf("# after a killed worker: %lld ms\n", tap_now_ms() - begin);
}

EDGE_TEST(routes_set_while_haproxy_is_down_are_live_later) {
  start_edge();
  kill(t.edge->processes.master, SIGKILL);
  static const char *const hosts[] = {"app.test"};
  struct edge_target target = {"127.0.0.1", t.a.port};
  struct edge_route route = {"k", hosts, 1, &target, 1, EDGE_ROUTE_ACTIVE};
  struct outcome *outcome = outcome_new();
  CHECK_OK(edge_set_routes(t.edge, &route, 1, on_done, outcome));
  WAIT(outcome->called && serves("app.test", "a"));
}

EDGE_TEST(an_adopted_haproxy_is_compared_and_mended) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  auto_strv meddling = STRV_EMPTY;
  strv_addf(&meddling, "clear map %s", t.edge->hosts_path);
  meddle(&meddling);
  free_edge();
  make_edge();
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  CHECK(serves("app.test", "a"));
}

EDGE_TEST(an_address_in_use_is_told_and_tried_again) {
  auto_fd taken = listen_on(t.port, NULL);
  CHECK(taken >= 0);
  struct outcome *outcome = outcome_new();
  edge_start(t.edge, on_done, outcome);
  WAIT(outcome->called);
  CHECK_HAS(outcome->message, "starting HAProxy");
  CHECK_HAS(outcome->message, t.listen);
  close(taken);
  taken = -1;
  WAIT(t.edge->running);
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  CHECK(serves("app.test", "a"));
}

EDGE_TEST(a_stop_leaves_no_process_and_no_file) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int master = t.edge->processes.master, worker = t.edge->worker;
  int fd = open_websocket(); /* does not end by itself */
  struct outcome *outcome = outcome_new();
  long long begin = tap_now_ms();
  edge_stop(t.edge, 200, on_done, outcome);
  WAIT(outcome->called);
  printf("# stopped after %lld ms\n", tap_now_ms() - begin);
  close(fd);
  CHECK(!haproxy_is_ours(master, t.run_dir) && !haproxy_is_ours(worker, t.run_dir));
  CHECK(!file_exists(t.run_dir));
  CHECK_INT(connect_to(t.port), -1);
  stop_edge(); /* again: nothing to do */
  start_edge();
  CHECK(serves("app.test", "a")); /* what is wanted is still wanted */
}

EDGE_TEST(another_edge_object_can_stop_it) {
  start_edge();
  int master = t.edge->processes.master;
  free_edge();
  make_edge();
  stop_edge();
  CHECK(!haproxy_is_ours(master, t.run_dir));
  CHECK(!file_exists(t.run_dir));
}

EDGE_TEST(letting_go_calls_everybody_back) {
  struct outcome *started = outcome_new(), *routed = outcome_new(), *counted = outcome_new();
  edge_start(t.edge, on_done, started);
  CHECK_OK(edge_set_routes(t.edge, NULL, 0, on_done, routed));
  ask_sessions(counted);
  free_edge();
  CHECK_INT(started->code, ERR_BUSY);
  CHECK_INT(routed->code, ERR_BUSY);
  CHECK_INT(counted->code, ERR_BUSY);
}

TEST_MAIN
