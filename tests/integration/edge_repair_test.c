/* What somebody does to a running HAProxy is found, put right and told. */
#include "edge_fixture.h"

static struct strv repairs; /* "<object> <key>: <cause>" */

static void on_repair(void *arg, const struct repair *r) {
  (void)arg;
  printf("# %s %s: %s: %s %s\n", r->object, r->service_instance_id ? r->service_instance_id : "-", r->cause,
         r->outcome, r->failure ? r->failure : "");
  strv_addf(&repairs, "%s%s %s: %s", r->object, r->failure ? " failed" : "",
            r->service_instance_id ? r->service_instance_id : "-", r->cause);
}

static bool told(const char *text) {
  for (size_t i = 0; i < repairs.len; i++)
    if (str_starts(repairs.items[i], text)) return true;
  return false;
}

/* Route "k" with hosts app.test and *.app.test to server a, "other" with other.test to server b. */
static void begin(void) {
  static const char *const hosts[] = {"app.test", "*.app.test"}, *const others[] = {"other.test"};
  struct edge_target a = {"127.0.0.1", t.a.port}, b = {"127.0.0.1", t.b.port};
  struct edge_route routes[] = {{"k", hosts, 2, &a, 1, EDGE_ROUTE_ACTIVE},
                                {"other", others, 1, &b, 1, EDGE_ROUTE_ACTIVE}};
  strv_done(&repairs);
  t.edge->check_pause_ms = 100;
  edge_on_repair(t.edge, on_repair, NULL);
  start_edge();
  set_routes(routes, 2);
}

#define MEDDLE(...)                                                                                \
  do {                                                                                             \
    auto_strv commands_ = STRV_EMPTY;                                                              \
    strv_addf(&commands_, __VA_ARGS__);                                                            \
    meddle(&commands_);                                                                            \
  } while (0)

static void expect(const char *text) {
  WAIT(told(text));
  WAIT(serves("app.test", "a") && serves("x.app.test", "a") && serves("other.test", "b"));
  strv_done(&repairs);
}

EDGE_TEST(routes_that_somebody_changed) {
  begin();
  unsigned k = slot_of("k"), other = slot_of("other");
  MEDDLE("del map %s app.test", t.edge->hosts_path);
  expect("route k: the host app.test was gone");
  MEDDLE("set map %s app.test s%u", t.edge->hosts_path, other);
  expect("route k: the host app.test led elsewhere");
  MEDDLE("set map %s app.test nowhere", t.edge->hosts_path);
  expect("route k: the host app.test led elsewhere");
  MEDDLE("add map %s stranger.test s%u", t.edge->hosts_path, k);
  expect("route -: the host stranger.test was there");
  CHECK(!serves("stranger.test", "a"));
  MEDDLE("clear map %s", t.edge->labels_path);
  expect("route ");
}

/* Where that is just about to be swept, the sweep undoes it: then it is done again. */
static void make_ready(unsigned slot) {
  MEDDLE("set server s%u/r1 state ready", slot);
  for (long long end = tap_now_ms() + 500; tap_now_ms() < end;) loop_turn(t.loop, 20);
}

EDGE_TEST(servers_that_somebody_changed) {
  begin();
  unsigned k = slot_of("k");
  MEDDLE("set server s%u/r1 state maint", k);
  expect("route k: one of its targets");
  MEDDLE("set server s%u/r1 state drain", k);
  expect("route k: one of its targets took no requests");
  MEDDLE("set server s%u/r1 addr 127.0.0.1 port %u", k, t.b.port);
  expect("route k: one of its targets was gone");
  static const char *const took = "route k: a target that it has not took requests";
  TAP_WAIT_FOR(told(took), DEADLINE_MS, make_ready(k)); /* r1 has kept that address, and r2 the right one */
  expect(took);
}

EDGE_TEST(a_haproxy_that_was_killed) {
  begin();
  int master = t.edge->processes.master;
  long long at = tap_now_ms();
  kill(master, SIGKILL);
  auto_free char *text = str_format("edge -: HAProxy (process %d) had ended", master);
  expect(text);
  printf("# serves again after %lld ms\n", tap_now_ms() - at);
}

EDGE_TEST(many_differences_are_told_as_one) {
  begin();
  enum { ROUTES = 12 };
  char names[ROUTES][16], keys[ROUTES][16];
  const char *hosts[ROUTES];
  struct edge_target a = {"127.0.0.1", t.a.port};
  struct edge_route routes[ROUTES];
  for (int i = 0; i < ROUTES; i++) {
    snprintf(names[i], sizeof names[i], "h%d.test", i);
    snprintf(keys[i], sizeof keys[i], "k%d", i);
    hosts[i] = names[i];
    routes[i] = (struct edge_route){keys[i], &hosts[i], 1, &a, 1, EDGE_ROUTE_ACTIVE};
  }
  set_routes(routes, ROUTES);
  MEDDLE("clear map %s", t.edge->hosts_path);
  WAIT(told("route -: HAProxy had not what it was told: 12 differences"));
  WAIT(serves("h0.test", "a") && serves("h11.test", "a"));
  CHECK_INT(repairs.len, 1);
}

EDGE_TEST(ordinary_life_is_no_damage) {
  begin();
  load_start(&t.load);
  for (int i = 0; i < 10; i++) {
    route_to(i % 2 ? &t.a : &t.b, i % 3 ? EDGE_ROUTE_ACTIVE : EDGE_ROUTE_STARTING);
    for (long long end = tap_now_ms() + 150; tap_now_ms() < end;)
      loop_turn(t.loop, 20);
  }
  struct outcome *outcome = outcome_new();
  edge_reload(t.edge, on_done, outcome);
  WAIT(outcome->called);
  for (long long end = tap_now_ms() + 500; tap_now_ms() < end;)
    loop_turn(t.loop, 20);
  load_end(&t.load);
  CHECK_INT(t.load.failed, 0);
  CHECK_INT(repairs.len, 0);
}

TEST_MAIN
