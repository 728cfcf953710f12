#include "core/routes_plan.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static const char a[] = "aaaaaaaa-0000-4000-8000-000000000000", b[] = "bbbbbbbb-0000-4000-8000-000000000000";

static struct domain_route route(const char *host, const char *instance, int port) {
  struct domain_route r = {.host = str_dup(host), .target_port = port};
  id_copy(r.service_instance_id, instance);
  return r;
}

static void add_service(struct routes_plan *plan, const char *id, int port, const char *address,
                        enum edge_route_state state) {
  struct route_service *s = routes_plan_add(plan);
  id_copy(s->instance_id, id);
  s->port = port;
  s->state = state;
  if (address) strv_add(&s->addresses, address);
}

/* "key host,host -> address:port" per route */
static char *text_of(const struct routes_plan *plan) {
  struct str text;
  str_init(&text);
  for (size_t i = 0; i < plan->routes_len; i++) {
    const struct edge_route *r = &plan->routes[i];
    str_addf(&text, "%.1s%s", r->key, strlen(r->key) > 36 ? r->key + 36 : "");
    for (size_t h = 0; h < r->hosts_len; h++) str_addf(&text, "%s%s", h ? "," : " ", r->hosts[h]);
    for (size_t t = 0; t < r->targets_len; t++)
      str_addf(&text, " -> %s:%d", r->targets[t].address, r->targets[t].port);
    str_addf(&text, " (%d)\n", (int)r->state);
  }
  return str_take(&text);
}

TEST(domains_of_one_service_share_a_route_unless_their_ports_differ) {
  auto_domain_route_list domains = {.items = mem_zalloc(5 * sizeof(struct domain_route)), .len = 5};
  domains.items[0] = route("one.localhost", a, 0);
  domains.items[1] = route("two.localhost", a, 0);
  domains.items[2] = route("admin.localhost", a, 9001);
  domains.items[3] = route("b.localhost", b, 0);
  domains.items[4] = route("nobody.localhost", "cccccccc-0000-4000-8000-000000000000", 0);
  auto_routes_plan plan = {0};
  add_service(&plan, a, 8080, "10.0.0.2", EDGE_ROUTE_ACTIVE);
  add_service(&plan, b, 0, NULL, EDGE_ROUTE_STARTING);
  CHECK(routes_plan_has(&plan, b) && !routes_plan_has(&plan, "c"));
  routes_plan_make(&plan, &domains);
  auto_free char *text = text_of(&plan);
  CHECK_TEXT(text, "a one.localhost,two.localhost -> 10.0.0.2:8080 (0)\n"
                   "a-9001 admin.localhost -> 10.0.0.2:9001 (0)\n"
                   "b b.localhost (1)\n");
}

TEST(tcp_proxies_lead_to_their_own_port) {
  struct tcp_proxy items[] = {
      {.proxy_port = 20001, .application_port = 5432, .allow = json_pack("[s]", "203.0.113.0/24")},
      {.proxy_port = 20002, .application_port = 6379, .allow = json_array()}};
  id_copy(items[0].service_instance_id, a);
  id_copy(items[1].service_instance_id, b);
  struct tcp_proxy_list proxies = {.items = items, .len = 2};
  auto_routes_plan plan = {0};
  add_service(&plan, a, 8080, "10.0.0.2", EDGE_ROUTE_ACTIVE);
  add_service(&plan, b, 0, NULL, EDGE_ROUTE_NONE);
  routes_plan_make_proxies(&plan, &proxies);
  CHECK_INT(plan.proxies_len, 2);
  const struct edge_proxy *p = plan.proxies;
  CHECK(str_starts(p->key, a));
  CHECK_TEXT(p->key + 36, "-tcp-20001");
  CHECK_INT(p->port, 20001);
  CHECK_INT(p->targets_len, 1);
  CHECK_TEXT(p->targets[0].address, "10.0.0.2");
  CHECK_INT(p->targets[0].port, 5432);
  CHECK_INT(p->allow_len, 1);
  CHECK_TEXT(p->allow[0], "203.0.113.0/24");
  CHECK_INT(p[1].targets_len, 0);
  CHECK_INT(p[1].allow_len, 0);
  for (size_t i = 0; i < 2; i++) tcp_proxy_done(&items[i]);
}

TEST(nothing_gives_nothing) {
  auto_domain_route_list domains = {0};
  auto_routes_plan plan = {0};
  routes_plan_make(&plan, &domains);
  CHECK_INT(plan.routes_len, 0);
}

TEST_MAIN
