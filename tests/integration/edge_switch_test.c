/* What a switch, a reload and a dead replica cost: no request, and no connection that is open. With
 * a real HAProxy. */
#include "edge/edge.h"

#include "edge_fixture.h"

EDGE_TEST(a_switch_costs_no_request) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int worker = t.edge->worker;
  load_start(&t.load);
  for (int i = 0; i < 40; i++) {
    route_to(i % 2 ? &t.a : &t.b, EDGE_ROUTE_ACTIVE);
    int seen = t.load.done;
    long long end = tap_now_ms() + DEADLINE_MS;
    while (t.load.done < seen + 3 && tap_now_ms() < end)
      loop_turn(t.loop, 5);
  }
  load_end(&t.load);
  CHECK_INT(t.load.failed, 0);
  CHECK(t.load.from_b > 0 && t.load.from_b < t.load.done);
  CHECK_INT(t.edge->worker, worker);
}

EDGE_TEST(a_reload_costs_no_request) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int worker = t.edge->worker;
  load_start(&t.load);
  struct outcome *outcome = outcome_new();
  edge_reload(t.edge, on_done, outcome);
  long long end = tap_now_ms() + DEADLINE_MS;
  while (!outcome->called && tap_now_ms() < end)
    loop_turn(t.loop, 20);
  int seen = t.load.done;
  while (t.load.done < seen + 20 && tap_now_ms() < end)
    loop_turn(t.loop, 5);
  load_end(&t.load);
  CHECK(outcome->called);
  CHECK_TEXT(outcome->message, "");
  CHECK_INT(t.load.failed, 0);
  WAIT(t.edge->worker != worker);
}

EDGE_TEST(a_dead_replica_costs_no_request) {
  start_edge();
  static const char *const hosts[] = {"app.test"};
  struct edge_target targets[] = {{"127.0.0.1", t.a.port}, {"127.0.0.1", t.b.port}};
  struct edge_route route = {"k", hosts, 1, targets, 2, EDGE_ROUTE_ACTIVE};
  set_routes(&route, 1);
  server_stop(&t.b);
  for (int i = 0; i < 200; i++)
    CHECK(serves("app.test", "a"));
}

static void check_echo(int fd) {
  char answer[8] = "";
  on_wire(fd, "\x81\x00ping", 6);
  CHECK_INT(receive(fd, answer, 6, MSG_WAITALL), 6);
  CHECK_INT(memcmp(answer, "\x81\x00ping", 6), 0);
}

static struct edge_sessions sessions(void) {
  struct outcome *outcome = outcome_new();
  ask_sessions(outcome);
  WAIT(outcome->called);
  CHECK_TEXT(outcome->message, "");
  return outcome->sessions;
}

EDGE_TEST(websockets_pass_and_are_counted_until_they_end) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int fd = open_websocket();
  check_echo(fd);
  CHECK_INT(sessions().streams, 1);
  route_to(&t.b, EDGE_ROUTE_ACTIVE);
  CHECK(serves("app.test", "b"));
  check_echo(fd);
  CHECK_INT(sessions().streams, 1);
  struct outcome *outcome = outcome_new();
  edge_reload(t.edge, on_done, outcome);
  WAIT(outcome->called);
  check_echo(fd);
  CHECK_INT(sessions().streams, 1); /* in the old process */
  close(fd);
  WAIT(sessions().streams == 0);
  set_routes(NULL, 0);
  CHECK_INT(sessions().streams, 0);
}

EDGE_TEST(drained_servers_become_free_again) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int fd = open_websocket();
  route_to(&t.b, EDGE_ROUTE_ACTIVE);
  CHECK(edge_talk_has_drains(t.edge));
  t.edge->sweep_due = true;
  CHECK_INT(sessions().streams, 1); /* the sweep follows */
  WAIT(!t.edge->sweep_due && !t.edge->activity);
  CHECK(edge_talk_has_drains(t.edge));
  close(fd);
  WAIT(sessions().streams == 0);
  t.edge->sweep_due = true;
  CHECK_INT(sessions().streams, 0);
  WAIT(!edge_talk_has_drains(t.edge));
}

TEST_MAIN
