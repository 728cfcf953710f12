#include "edge/routes.h"

#include <stdint.h>

#include "base/mem.h"
#include "edge/observe.h"
#include "tap.h"

static const struct routes_maps maps = {"H", "L"};

/* `struct routes` is also the model of a HAProxy: commands are replayed on it, each checked. */

static unsigned number_after(const char *text, char prefix) {
  if (*text != prefix) TAP_FAIL("'%s' does not begin with %c", text, prefix);
  return (unsigned)strtoul(text + 1, NULL, 10);
}

static struct routes_server *find_server(struct routes *r, const char *name, bool may_add) {
  unsigned slot = number_after(name, 's');
  const char *slash = strchr(name, '/');
  CHECK(slash && slot >= 1 && slot <= r->slots_len);
  unsigned server = number_after(slash + 1, 'r');
  if (may_add) {
    CHECK_INT(server, r->slots[slot - 1].servers_len + 1);
    routes_add_server(&r->slots[slot - 1]);
  }
  CHECK(server >= 1 && server <= r->slots[slot - 1].servers_len);
  return &r->slots[slot - 1].servers[server - 1];
}

static void set_server(struct routes *r, struct strv *words) {
  struct routes_server *server = find_server(r, words->items[2], false);
  if (str_eq(words->items[3], "addr")) {
    CHECK(server->state != ROUTES_READY); /* requests would go to neither here nor there */
    snprintf(server->address, sizeof server->address, "%s", words->items[4]);
    server->port = (uint16_t)atoi(words->items[6]);
  } else if (str_eq(words->items[4], "ready")) {
    CHECK(server->port != 0);
    server->state = ROUTES_READY;
  } else {
    server->state = str_eq(words->items[4], "drain") ? ROUTES_DRAIN : ROUTES_MAINT;
  }
}

static void add_server(struct routes *r, struct strv *words) {
  struct routes_server *server = find_server(r, words->items[2], true);
  char *colon = strrchr(words->items[3], ':');
  CHECK(colon != NULL);
  server->port = (uint16_t)atoi(colon + 1);
  *colon = '\0';
  char *start = words->items[3];
  if (*start == '[') {
    start++;
    colon[-1] = '\0';
  }
  snprintf(server->address, sizeof server->address, "%s", start);
}

static void change_label(struct routes *r, const struct strv *words, const char *verb) {
  unsigned number = number_after(words->items[3], 's');
  CHECK(number >= 1 && number <= r->slots_len);
  struct routes_slot *slot = &r->slots[number - 1];
  CHECK_INT(*slot->key != '\0', !str_eq(verb, "add"));
  slot->key[0] = '\0';
  if (str_eq(verb, "del")) return;
  char *key = strchr(words->items[4], ':');
  CHECK(key != NULL);
  *key = '\0';
  CHECK(routes_reason_parse(words->items[4], &slot->reason));
  snprintf(slot->key, sizeof slot->key, "%s", key + 1);
}

static void change_host(struct routes *r, const struct strv *words, const char *verb) {
  CHECK_INT(routes_host_slot(r, words->items[3]) != 0, !str_eq(verb, "add"));
  if (str_eq(verb, "del"))
    map_remove(r->hosts, words->items[3]);
  else
    routes_set_host(r, words->items[3], number_after(words->items[4], 's'));
}

static void run_command(struct routes *r, const char *command) {
  auto_strv words = STRV_EMPTY;
  strv_split(&words, command, ' ');
  CHECK(words.len >= 4 && !strpbrk(command, "\n;<"));
  const char *verb = words.items[0];
  if (str_eq(words.items[1], "server") && str_eq(verb, "set"))
    set_server(r, &words);
  else if (str_eq(words.items[1], "server"))
    add_server(r, &words);
  else if (str_eq(words.items[2], "L"))
    change_label(r, &words, verb);
  else
    change_host(r, &words, verb);
}

/* Whether a visitor of `host` reaches a server. */
static bool is_served(const struct routes *r, const char *host) {
  unsigned number = routes_host_slot(r, host);
  for (size_t i = 0; number && i < r->slots[number - 1].servers_len; i++)
    if (r->slots[number - 1].servers[i].state == ROUTES_READY) return true;
  return false;
}

static void check_same(const struct routes *a, const struct routes *b) {
  CHECK_INT(a->slots_len, b->slots_len);
  for (size_t i = 0; i < a->slots_len; i++) {
    const struct routes_slot *x = &a->slots[i], *y = &b->slots[i];
    CHECK_TEXT(x->key, y->key);
    if (*x->key) CHECK_INT(x->reason, y->reason);
    CHECK_INT(x->servers_len, y->servers_len);
    for (size_t s = 0; s < x->servers_len; s++) {
      CHECK_INT(x->servers[s].state, y->servers[s].state);
      CHECK_INT(x->servers[s].port, y->servers[s].port);
      CHECK_TEXT(x->servers[s].address, y->servers[s].address);
    }
  }
  CHECK_INT(map_len(a->hosts), map_len(b->hosts));
  size_t cursor = 0;
  const char *host;
  void *slot;
  while (map_next(a->hosts, &cursor, &host, &slot))
    CHECK(map_get(b->hosts, host) == slot);
}

/* One step: plan against `planned`, replay on `model`, compare; joins the commands. */
static char *step(struct routes *planned, struct routes *model, const struct edge_route *routes,
                  size_t len, size_t expected_without_slot) {
  auto_wanted *w = NULL;
  CHECK_OK(wanted_new(routes, len, &w));
  auto_strv commands = STRV_EMPTY;
  CHECK_INT(routes_apply(planned, w, &maps, &commands), expected_without_slot);
  for (size_t i = 0; i < commands.len; i++)
    run_command(model, commands.items[i]);
  check_same(planned, model);
  return strv_join(&commands, "\n");
}

struct fixture {
  struct routes planned, model;
};

static void fixture_init(struct fixture *f, size_t slots) {
  routes_init(&f->planned);
  routes_init(&f->model);
  routes_resize(&f->planned, slots);
  routes_resize(&f->model, slots);
}

static void fixture_done(struct fixture *f) {
  routes_done(&f->planned);
  routes_done(&f->model);
}
#define auto_fixture __attribute__((cleanup(fixture_done))) struct fixture

static const char *const app_hosts[] = {"App.test", "*.app.test"};
static const struct edge_target one[] = {{"10.0.0.1", 80}}, two[] = {{"10.0.0.2", 80}};

TEST(a_first_route_claims_a_slot) {
  auto_fixture f;
  fixture_init(&f, 2);
  struct edge_route route = {"k", app_hosts, 2, one, 1, EDGE_ROUTE_ACTIVE};
  auto_free char *commands = step(&f.planned, &f.model, &route, 1, 0);
  CHECK_TEXT(commands, "set server s1/r1 addr 10.0.0.1 port 80\n"
                       "set server s1/r1 state ready\n"
                       "add map L s1 active:k\n"
                       "add map H app.test s1\n"
                       "add map H *.app.test s1");
  auto_free char *again = step(&f.planned, &f.model, &route, 1, 0);
  CHECK_TEXT(again, "");
  CHECK_TEXT(f.planned.slots[0].key, "k");
  CHECK_INT(routes_spare(&f.planned), 1);
}

TEST(a_switch_makes_the_new_server_ready_before_the_old_one_drains) {
  auto_fixture f;
  fixture_init(&f, 2);
  struct edge_route route = {"k", app_hosts, 1, one, 1, EDGE_ROUTE_ACTIVE};
  free(step(&f.planned, &f.model, &route, 1, 0));
  route.targets = two;
  auto_free char *commands = step(&f.planned, &f.model, &route, 1, 0);
  CHECK_TEXT(commands, "set server s1/r2 addr 10.0.0.2 port 80\n"
                       "set server s1/r2 state ready\n"
                       "set server s1/r1 state drain");
  route.targets = one; /* rolled back while it drains: nothing but ready again */
  auto_free char *back = step(&f.planned, &f.model, &route, 1, 0);
  CHECK_TEXT(back, "set server s1/r1 state ready\n"
                   "set server s1/r2 state drain");
}

TEST(a_third_deploy_while_two_drain_adds_a_server) {
  auto_fixture f;
  fixture_init(&f, 1);
  struct edge_target targets[] = {{"10.0.0.1", 80}, {"10.0.0.2", 80}, {"fd00::3", 80}};
  struct edge_route route = {"k", app_hosts, 1, targets, 2, EDGE_ROUTE_ACTIVE};
  free(step(&f.planned, &f.model, &route, 1, 0));
  route.targets = targets + 2;
  route.targets_len = 1;
  auto_free char *commands = step(&f.planned, &f.model, &route, 1, 0);
  CHECK_TEXT(commands, "add server s1/r3 [fd00::3]:80 pool-max-conn -1 pool-purge-delay 5s\n"
                       "set server s1/r3 state ready\n"
                       "set server s1/r1 state drain\n"
                       "set server s1/r2 state drain");
  routes_settle(&f.planned);
  CHECK_INT(f.planned.slots[0].servers_len, 3);
  CHECK_INT(f.planned.slots[0].servers[0].state, ROUTES_MAINT);
}

TEST(a_removed_route_gives_its_slot_back) {
  auto_fixture f;
  fixture_init(&f, 1);
  struct edge_route route = {"k", app_hosts, 1, one, 1, EDGE_ROUTE_ACTIVE};
  free(step(&f.planned, &f.model, &route, 1, 0));
  auto_free char *commands = step(&f.planned, &f.model, NULL, 0, 0);
  CHECK_TEXT(commands, "del map H app.test\n"
                       "set server s1/r1 state maint\n"
                       "del map L s1");
  route.key = "other";
  auto_free char *next = step(&f.planned, &f.model, &route, 1, 0);
  CHECK_HAS(next, "add map L s1 active:other");
}

TEST(a_sleeping_route_is_labelled_before_its_server_goes) {
  auto_fixture f;
  fixture_init(&f, 1);
  struct edge_route route = {"k", app_hosts, 1, one, 1, EDGE_ROUTE_ACTIVE};
  free(step(&f.planned, &f.model, &route, 1, 0));
  route.targets_len = 0;
  route.state = EDGE_ROUTE_SLEEPING;
  auto_free char *commands = step(&f.planned, &f.model, &route, 1, 0);
  CHECK_TEXT(commands, "set map L s1 sleeping:k\n"
                       "set server s1/r1 state drain");
}

TEST(a_host_moves_without_a_gap) {
  auto_fixture f;
  fixture_init(&f, 2);
  static const char *const host[] = {"x.test"};
  struct edge_route routes[] = {{"a", host, 1, one, 1, EDGE_ROUTE_ACTIVE},
                                {"b", NULL, 0, two, 1, EDGE_ROUTE_ACTIVE}};
  free(step(&f.planned, &f.model, routes, 2, 0));
  routes[1].hosts = host;
  routes[1].hosts_len = 1;
  auto_free char *commands = step(&f.planned, &f.model, routes + 1, 1, 0);
  CHECK_TEXT(commands, "set map H x.test s2\n"
                       "set server s1/r1 state maint\n"
                       "del map L s1");
}

TEST(routes_beyond_the_slots_are_counted_and_left_out) {
  auto_fixture f;
  fixture_init(&f, 1);
  static const char *const hosts[] = {"a.test", "b.test"};
  struct edge_route routes[] = {{"a", hosts, 1, one, 1, EDGE_ROUTE_ACTIVE},
                                {"b", hosts + 1, 1, two, 1, EDGE_ROUTE_ACTIVE}};
  free(step(&f.planned, &f.model, routes, 2, 1));
  CHECK(is_served(&f.model, "a.test") && !is_served(&f.model, "b.test"));
  routes_resize(&f.planned, 2);
  routes_resize(&f.model, 2);
  free(step(&f.planned, &f.model, routes, 2, 0));
  CHECK(is_served(&f.model, "a.test") && is_served(&f.model, "b.test"));
}

TEST(ready_servers_of_no_route_are_freed) {
  auto_fixture f;
  fixture_init(&f, 1);
  f.planned.slots[0].servers[0] = f.model.slots[0].servers[0] =
      (struct routes_server){ROUTES_READY, "10.0.0.9", 1};
  auto_free char *commands = step(&f.planned, &f.model, NULL, 0, 0);
  CHECK_TEXT(commands, "set server s1/r1 state maint");
}

TEST(a_full_slot_takes_the_first_server_that_drains) {
  auto_fixture f;
  fixture_init(&f, 1);
  for (struct routes *r = &f.planned;; r = &f.model) {
    while (r->slots[0].servers_len < ROUTES_MAX_SERVERS)
      routes_add_server(&r->slots[0]);
    for (size_t i = 0; i < ROUTES_MAX_SERVERS; i++)
      r->slots[0].servers[i] = (struct routes_server){ROUTES_DRAIN, "10.0.1.1", (uint16_t)(i + 1)};
    if (r == &f.model) break;
  }
  struct edge_route route = {"k", NULL, 0, one, 1, EDGE_ROUTE_ACTIVE};
  auto_free char *commands = step(&f.planned, &f.model, &route, 1, 0);
  CHECK(str_starts(commands,
                   "set server s1/r1 addr 10.0.0.1 port 80\nset server s1/r1 state ready\n"));
}

static unsigned draw(uint64_t *seed, unsigned below) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(*seed >> 33) % below;
}

enum { SERVICES = 6, HOSTS = 8, TARGETS = 5 };

/* A random wish: some services, each with some of the hosts and of its own targets. */
struct wish {
  char keys[SERVICES][8], hosts[HOSTS][16], addresses[SERVICES][TARGETS][16];
  const char *route_hosts[SERVICES][HOSTS];
  struct edge_target targets[SERVICES][TARGETS];
  struct edge_route routes[SERVICES];
  size_t len;
};

static void wish_make(struct wish *w, uint64_t *seed) {
  w->len = 0;
  size_t next_host = 0;
  for (int i = 0; i < HOSTS; i++)
    snprintf(w->hosts[i], sizeof w->hosts[i], "h%d.test", i);
  for (unsigned s = 0; s < SERVICES; s++) {
    if (draw(seed, 4) == 0) continue;
    struct edge_route *route = &w->routes[w->len];
    snprintf(w->keys[s], sizeof w->keys[s], "k%u", s);
    *route = (struct edge_route){
        .key = w->keys[s], .hosts = w->route_hosts[w->len], .targets = w->targets[w->len]};
    for (unsigned n = draw(seed, 3); n > 0 && next_host < HOSTS; n--)
      w->route_hosts[w->len][route->hosts_len++] = w->hosts[next_host++];
    for (unsigned i = 0; i < TARGETS; i++) {
      if (draw(seed, 2)) continue;
      snprintf(w->addresses[s][i], sizeof w->addresses[s][i], "10.0.%u.%u", s, i);
      w->targets[w->len][route->targets_len++] = (struct edge_target){w->addresses[s][i], 80};
    }
    route->state = route->targets_len ? EDGE_ROUTE_ACTIVE : (enum edge_route_state)draw(seed, 4);
    w->len++;
  }
}

static bool wish_serves(const struct wish *w, const char *host) {
  for (size_t r = 0; r < w->len; r++)
    for (size_t i = 0; i < w->routes[r].hosts_len; i++)
      if (str_eq(w->routes[r].hosts[i], host)) return w->routes[r].targets_len > 0;
  return false;
}

/* Drained servers become free now and then, as the sweep does it. */
static void free_some(struct routes *a, struct routes *b, uint64_t *seed) {
  for (size_t i = 0; i < a->slots_len; i++)
    for (size_t s = 0; s < a->slots[i].servers_len; s++)
      if (a->slots[i].servers[s].state == ROUTES_DRAIN && draw(seed, 2))
        a->slots[i].servers[s].state = b->slots[i].servers[s].state = ROUTES_MAINT;
}

static unsigned slot_of(const struct routes *r, const char *key) {
  for (size_t i = 0; i < r->slots_len; i++)
    if (str_eq(r->slots[i].key, key)) return (unsigned)i + 1;
  return 0;
}

static void check_reached(const struct routes *r, const struct wish *w) {
  for (size_t i = 0; i < HOSTS; i++)
    CHECK_INT(is_served(r, w->hosts[i]), wish_serves(w, w->hosts[i]));
  for (size_t i = 0; i < w->len; i++) {
    unsigned number = slot_of(r, w->routes[i].key);
    CHECK(number > 0);
    size_t ready = 0;
    const struct routes_slot *slot = &r->slots[number - 1];
    for (size_t s = 0; s < slot->servers_len; s++)
      ready += slot->servers[s].state == ROUTES_READY;
    CHECK_INT(ready, w->routes[i].targets_len);
    CHECK_INT(slot->reason, w->routes[i].state);
  }
}

/* A host that is served before and after a change is served after every single command of it. */
TEST(no_command_of_any_change_leaves_a_served_host_without_a_server) {
  uint64_t seed = 42;
  auto_fixture f;
  fixture_init(&f, 2 * SERVICES);
  for (int round = 0; round < 3000; round++) {
    struct wish wish;
    wish_make(&wish, &seed);
    bool before[HOSTS];
    for (int i = 0; i < HOSTS; i++)
      before[i] = is_served(&f.model, wish.hosts[i]);
    auto_wanted *w = NULL;
    auto_strv commands = STRV_EMPTY;
    CHECK_OK(wanted_new(wish.routes, wish.len, &w));
    CHECK_INT(routes_apply(&f.planned, w, &maps, &commands), 0);
    for (size_t c = 0; c < commands.len; c++) {
      run_command(&f.model, commands.items[c]);
      for (int i = 0; i < HOSTS; i++)
        if (before[i] && wish_serves(&wish, wish.hosts[i]) && !is_served(&f.model, wish.hosts[i]))
          TAP_FAIL("round %d: '%s' leaves %s without a server", round, commands.items[c],
                   wish.hosts[i]);
    }
    check_same(&f.planned, &f.model);
    check_reached(&f.model, &wish);
    free_some(&f.planned, &f.model, &seed);
  }
}

TEST(routes_of_a_service_begin_with_its_key) {
  CHECK(routes_key_is_of("app", "app"));
  CHECK(routes_key_is_of("app-8080", "app"));
  CHECK(!routes_key_is_of("apple", "app"));
  CHECK(!routes_key_is_of("", "app"));
  CHECK(!routes_key_is_of("app", ""));
}

TEST_MAIN
