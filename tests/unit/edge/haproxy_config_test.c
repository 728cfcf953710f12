#include "edge/haproxy_config.h"

#include "base/mem.h"
#include "tap.h"

#define auto_routes __attribute__((cleanup(routes_done))) struct routes

static struct haproxy_settings settings(bool access_log) {
  static char first[] = "127.0.0.1:8080", second[] = "[::1]:8080";
  static char *addresses[] = {first, second, NULL};
  static const struct strv listen_on = {addresses, 2, 3};
  return (struct haproxy_settings){.run_dir = "/run/x",
                                   .listen = &listen_on,
                                   .edge_name = "tramway/local",
                                   .user = "haproxy",
                                   .group = "haproxy",
                                   .connections = 9000,
                                   .access_log = access_log};
}

TEST(backends_show_the_state) {
  struct haproxy_settings s = settings(false);
  auto_routes r;
  routes_init(&r);
  routes_resize(&r, 3);
  r.slots[1].servers[0] = (struct routes_server){ROUTES_READY, "10.0.0.1", 80};
  r.slots[1].servers[1] = (struct routes_server){ROUTES_DRAIN, "10.0.0.2", 80};
  r.slots[2].servers[1] = (struct routes_server){ROUTES_READY, "fd00::1", 3000};
  auto_str text = STR_EMPTY, head = STR_EMPTY;
  haproxy_config_head(&s, &head);
  haproxy_config_text(&s, &r, &text);
  CHECK(str_starts(str_text(&text), str_text(&head)));
  CHECK_TEXT(str_text(&text) + head.len, "backend s1\n"
                                         "  server-template r 1-2 127.0.0.1:1 disabled\n"
                                         "backend s2\n"
                                         "  server r1 10.0.0.1:80\n"
                                         "  server r2 127.0.0.1:1 disabled\n"
                                         "backend s3\n"
                                         "  server r1 127.0.0.1:1 disabled\n"
                                         "  server r2 [fd00::1]:3000\n");
}

TEST(the_head_follows_the_settings) {
  struct haproxy_settings s = settings(false);
  auto_str with = STR_EMPTY, without = STR_EMPTY;
  haproxy_config_head(&s, &without);
  CHECK_HAS(str_text(&without), "  bind 127.0.0.1:8080\n  bind [::1]:8080\n");
  CHECK_HAS(str_text(&without), "  user haproxy\n  group haproxy\n");
  CHECK_HAS(str_text(&without), "  maxconn 9000\n");
  CHECK(!strstr(str_text(&without), "  log"));
  s.access_log = true;
  s.user = NULL;
  haproxy_config_head(&s, &with);
  CHECK_HAS(str_text(&with), "  log fd@3 ");
  CHECK(!strstr(str_text(&with), "  user "));
  CHECK(!strstr(str_text(&with), "%HU")); /* would log the query string */
}

TEST(old_processes_are_bounded_and_idle_tcp_connections_are_not_cut) {
  struct haproxy_settings s = settings(false);
  auto_str head = STR_EMPTY;
  haproxy_config_head(&s, &head);
  CHECK_HAS(str_text(&head), "  hard-stop-after 7d\n  mworker-max-reloads 20\n");
  CHECK_HAS(str_text(&head), "  timeout client 24d\n  timeout server 24d\n  timeout tunnel 24d\n");
}

TEST(a_tcp_proxy_has_a_list_for_each_family) {
  static const char *const addresses[] = {"0.0.0.0", "::"}, *const networks[] = {"203.0.113.0/24", "2001:db8::/32"};
  struct strv listen = {0};
  strv_add_all(&listen, (const char *const[]){addresses[0], addresses[1], NULL});
  struct haproxy_settings s = settings(false);
  s.tcp_listen = &listen;
  s.tcp_connections = 2500;
  struct proxy p = {.port = 20001, .open = true};
  for (size_t i = 0; i < ARRAY_LEN(networks); i++) strv_add(&p.allow, networks[i]);
  struct proxies all = {.items = &p, .len = 1};
  auto_str text = STR_EMPTY, v4 = STR_EMPTY, v6 = STR_EMPTY;
  haproxy_proxies_text(&s, &all, &text);
  haproxy_proxies_allow(&p, PROXIES_LIST_4, &v4);
  haproxy_proxies_allow(&p, PROXIES_LIST_6, &v6);
  CHECK(str_starts(str_text(&text),
                   "frontend p20001 from tcp\n"
                   "  bind 0.0.0.0:20001\n"
                   "  bind [::]:20001 v6only\n"
                   "  tcp-request connection reject if { src,lower -m sub : } !{ src -f /run/x/allow/20001.6 }\n"
                   "  tcp-request connection reject if !{ src,lower -m sub : } !{ src -f /run/x/allow/20001.4 }\n"));
  CHECK_TEXT(str_text(&v4), "203.0.113.0/24\n");
  CHECK_TEXT(str_text(&v6), "2001:db8::/32\n");
  strv_done(&listen);
  strv_done(&p.allow);
}

TEST(maps) {
  auto_routes r;
  routes_init(&r);
  routes_resize(&r, 2);
  strcpy(r.slots[1].key, "k");
  r.slots[1].reason = EDGE_ROUTE_SLEEPING;
  routes_set_host(&r, "a.test", 2);
  auto_str hosts = STR_EMPTY, labels = STR_EMPTY;
  haproxy_config_hosts(&r, &hosts);
  haproxy_config_labels(&r, &labels);
  CHECK_TEXT(str_text(&hosts), "a.test s2\n");
  CHECK_TEXT(str_text(&labels), "s2 sleeping:k\n");
}

static size_t count(const char *text, char c) {
  size_t found = 0;
  for (; *text; text++)
    found += *text == c;
  return found;
}

/* What add_either says about quotes and ']' holds for every page. */
TEST(pages_can_be_read_by_iif) {
  struct haproxy_settings s = settings(false);
  for (size_t i = 0; i < haproxy_pages_len; i++) {
    auto_str text = STR_EMPTY;
    size_t looked_up = haproxy_pages[i].message ? 0 : 2; /* status and message */
    haproxy_config_page(&s, &haproxy_pages[i], &text);
    CHECK_INT(count(str_text(&text), '\''), 16);
    CHECK_INT(count(str_text(&text), '%'), 5 + looked_up);
    CHECK_INT(count(str_text(&text), ']'), 5 + looked_up);
    CHECK(!haproxy_pages[i].message || strstr(str_text(&text), haproxy_pages[i].message));
    CHECK(text.len < 4096);
  }
}

TEST(every_reason_has_a_status_and_a_message) {
  auto_str text = STR_EMPTY;
  haproxy_config_reasons(&text);
  CHECK_TEXT(str_text(&text), "active 502:Application failed to respond\n"
                              "starting 503:Application is starting\n"
                              "sleeping 503:Application is sleeping\n"
                              "none 503:Application has no deployment\n");
}

TEST(reasons_have_names) {
  enum edge_route_state reason;
  for (int i = EDGE_ROUTE_ACTIVE; i <= EDGE_ROUTE_NONE; i++) {
    CHECK(routes_reason_parse(routes_reason_name((enum edge_route_state)i), &reason));
    CHECK_INT(reason, i);
  }
  CHECK(!routes_reason_parse("x", &reason));
}

TEST_MAIN
