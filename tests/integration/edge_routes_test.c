/* Domains and their targets become what HAProxy has: claimed slots, added servers, grown slots, a
 * state that somebody else changed.  With a real HAProxy. */
#include "edge/edge.h"

#include "edge_fixture.h"

EDGE_TEST(a_first_route_is_live_without_a_reload) {
  start_edge();
  int worker = t.edge->worker;
  CHECK(worker > 0);
  long long begin = tap_now_ms();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  printf("# first route live after %lld ms\n", tap_now_ms() - begin);
  CHECK(serves("app.test", "a"));
  CHECK(serves("APP.TEST", "a"));
  CHECK(serves("app.test.:1234", "a"));
  CHECK_INT(t.edge->worker, worker);
  CHECK_INT(slot_of("k"), 1);
  CHECK_INT(slot_of("other"), 0);
}

EDGE_TEST(routes_set_before_the_start_are_live_after_it) {
  struct outcome *outcome = outcome_new();
  static const char *const hosts[] = {"*.w.test"};
  struct edge_target target = {"127.0.0.1", t.a.port};
  struct edge_route route = {"k", hosts, 1, &target, 1, EDGE_ROUTE_ACTIVE};
  CHECK_OK(edge_set_routes(t.edge, &route, 1, on_done, outcome));
  start_edge();
  WAIT(outcome->called);
  CHECK(serves("x.w.test", "a"));
  CHECK(!serves("w.test", "a"));
  CHECK(!serves("y.x.w.test", "a"));
}

EDGE_TEST(more_replicas_than_declared_servers_are_added) {
  start_edge();
  int worker = t.edge->worker;
  static const char *const names[] = {"c", "d", "e"};
  for (int i = 0; i < MORE_SERVERS; i++)
    CHECK(server_start(&t.more[i], names[i]));
  static const char *const hosts[] = {"app.test"};
  struct edge_target targets[] = {{"127.0.0.1", t.a.port},
                                  {"127.0.0.1", t.b.port},
                                  {"127.0.0.1", t.more[0].port},
                                  {"127.0.0.1", t.more[1].port},
                                  {"127.0.0.1", t.more[2].port}};
  struct edge_route route = {"k", hosts, 1, targets, 5, EDGE_ROUTE_ACTIVE};
  set_routes(&route, 1);
  bool seen[256] = {0};
  for (int i = 0; i < 400; i++) {
    auto_free char *answer = get("app.test", "");
    CHECK(str_starts(answer, "HTTP/1.1 200"));
    seen[(unsigned char)*body_of(answer)] = true;
  }
  for (int i = 0; i < MORE_SERVERS; i++)
    server_stop(&t.more[i]);
  CHECK(seen['a'] && seen['b'] && seen['c'] && seen['d'] && seen['e']);
  CHECK_INT(t.edge->worker, worker);
}

EDGE_TEST(many_services_grow_the_slots) {
  enum { MANY = 60 };
  start_edge();
  char keys[MANY][16], names[MANY][32];
  const char *hosts[MANY];
  struct edge_target target = {"127.0.0.1", t.a.port};
  struct edge_route routes[MANY];
  for (int i = 0; i < MANY; i++) {
    snprintf(keys[i], sizeof keys[i], "key-%d", i);
    snprintf(names[i], sizeof names[i], "h%d.test", i);
    hosts[i] = names[i];
    routes[i] = (struct edge_route){keys[i], &hosts[i], 1, &target, 1, EDGE_ROUTE_ACTIVE};
  }
  int worker = t.edge->worker;
  set_routes(routes, 10);
  CHECK_INT(t.edge->worker, worker);
  set_routes(routes, 28); /* 4 spare: one reload in the background */
  CHECK(serves("h27.test", "a"));
  WAIT(t.edge->worker != worker && routes_spare(&t.edge->live) == ROUTES_SPARE);
  worker = t.edge->worker;
  set_routes(routes, MANY);
  CHECK_INT(t.edge->worker, worker);
  for (int i = 0; i < MANY; i++)
    CHECK(serves(names[i], "a"));
  set_routes(NULL, 0);
  CHECK(!serves("h1.test", "a"));
}

EDGE_TEST(more_services_than_slots_at_once_reload_and_are_all_live) {
  enum { MANY = 100 };
  start_edge();
  char keys[MANY][16], names[MANY][32];
  const char *hosts[MANY];
  struct edge_target target = {"127.0.0.1", t.a.port};
  struct edge_route routes[MANY];
  for (int i = 0; i < MANY; i++) {
    snprintf(keys[i], sizeof keys[i], "key-%d", i);
    snprintf(names[i], sizeof names[i], "h%d.test", i);
    hosts[i] = names[i];
    routes[i] = (struct edge_route){keys[i], &hosts[i], 1, &target, 1, EDGE_ROUTE_ACTIVE};
  }
  set_routes(routes, MANY);
  CHECK(serves("h0.test", "a") && serves("h99.test", "a"));
}

EDGE_TEST(a_state_that_somebody_else_changed_is_read_back_and_mended) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  auto_strv meddling = STRV_EMPTY;
  strv_addf(&meddling, "clear map %s", t.edge->hosts_path);
  strv_add(&meddling, "set server s1/r1 state maint");
  meddle(&meddling);
  CHECK(!serves("app.test", "a"));
  struct outcome *outcome = outcome_new();
  CHECK_OK(edge_set_routes(t.edge, NULL, 0, on_done, outcome));
  WAIT(outcome->called);
  CHECK_HAS(outcome->message, "setting routes");
  CHECK_HAS(outcome->message, "HAProxy refused 'del map");
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  CHECK(serves("app.test", "a"));
}

TEST_MAIN
