/* TCP proxies: what connects, what stays connected, and who is kept out. With a real HAProxy. */
#include "edge/edge.h"

#include "edge_fixture.h"

static struct edge_proxy proxy_to(const struct server *server, uint16_t port) {
  static struct edge_target targets[16];
  static size_t used;
  struct edge_target *target = &targets[used++ % ARRAY_LEN(targets)];
  *target = (struct edge_target){"127.0.0.1", server ? server->port : 1};
  return (struct edge_proxy){.key = "k-tcp", .port = port, .targets = target, .targets_len = server ? 1 : 0};
}

/* As core does: the proxies, and then all routes. */
static void set_proxies(const struct edge_proxy *proxies, size_t len) {
  CHECK_OK(edge_set_proxies(t.edge, proxies, len));
  set_routes(NULL, 0);
}

static void open_proxy(const struct edge_proxy *proxy) {
  set_proxies(proxy, 1);
  WAIT(edge_proxy_is_open(t.edge, proxy->key));
}

static bool answers(uint16_t port, const char *name) {
  auto_free char *answer = get_from(port, "any", ""), *start = str_format("\r\n\r\n%s\nGET ", name);
  return strstr(answer, start) != NULL;
}

/* A connection that echoes, behind a TCP proxy. */
static int open_echo(uint16_t port) {
  static const char request[] = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
  int fd = connect_to(port);
  CHECK(fd >= 0);
  on_wire(fd, request, sizeof request - 1);
  char answer[512] = "";
  size_t len = 0;
  ssize_t got;
  while (!strstr(answer, "\r\n\r\n") && (got = receive(fd, answer + len, sizeof answer - 1 - len, 0)) > 0)
    len += (size_t)got;
  CHECK_HAS(answer, "101 Switching Protocols");
  return fd;
}

static bool echoes(int fd) {
  char answer[4];
  on_wire(fd, "ping", 4);
  return receive(fd, answer, 4, MSG_WAITALL) == 4 && memcmp(answer, "ping", 4) == 0;
}

static bool is_closed(int fd) {
  char byte;
  return receive(fd, &byte, 1, MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static struct edge_sessions sessions(void) {
  struct outcome *outcome = outcome_new();
  ask_sessions(outcome);
  WAIT(outcome->called);
  CHECK_TEXT(outcome->message, "");
  return outcome->sessions;
}

EDGE_TEST(a_switch_leaves_open_connections_alone) {
  start_edge();
  struct edge_proxy proxy = proxy_to(&t.a, free_port());
  open_proxy(&proxy);
  CHECK(answers(proxy.port, "a"));
  int fd = open_echo(proxy.port), worker = t.edge->worker;
  CHECK_INT(sessions().connections, 1);
  struct edge_proxy next = proxy_to(&t.b, proxy.port);
  set_proxies(&next, 1);
  CHECK(answers(proxy.port, "b"));
  CHECK(echoes(fd));
  CHECK_INT(sessions().connections, 1);
  CHECK_INT(t.edge->worker, worker); /* without a reload */
  close(fd);
  WAIT(sessions().connections == 0);
}

EDGE_TEST(another_proxy_costs_no_connection) {
  start_edge();
  struct edge_proxy proxies[] = {proxy_to(&t.a, free_port()), proxy_to(&t.b, free_port())};
  proxies[1].key = "other-tcp";
  open_proxy(proxies);
  int open[200];
  for (size_t i = 0; i < ARRAY_LEN(open); i++) open[i] = open_echo(proxies[0].port);
  set_proxies(proxies, 2);
  WAIT(edge_proxy_is_open(t.edge, "other-tcp"));
  CHECK(answers(proxies[1].port, "b"));
  for (size_t i = 0; i < ARRAY_LEN(open); i++) CHECK(echoes(open[i])); /* through the old process */
  CHECK_INT(sessions().connections, ARRAY_LEN(open));
  for (size_t i = 0; i < ARRAY_LEN(open); i++) close(open[i]);
}

EDGE_TEST(a_proxy_that_goes_closes_its_port_and_its_connections) {
  start_edge();
  struct edge_proxy proxies[] = {proxy_to(&t.a, free_port()), proxy_to(&t.b, free_port())};
  proxies[1].key = "other-tcp";
  open_proxy(proxies);
  int old = open_echo(proxies[0].port);
  set_proxies(proxies, 2);
  WAIT(edge_proxy_is_open(t.edge, "other-tcp"));
  int new = open_echo(proxies[0].port), others = open_echo(proxies[1].port), worker = t.edge->worker;
  set_proxies(proxies + 1, 1);
  WAIT(is_closed(new) && is_closed(old));
  WAIT(edge_port_is_free(proxies[0].port));
  CHECK(echoes(others));
  CHECK_INT(t.edge->worker, worker);
  close(old);
  close(new);
  close(others);
  set_proxies(proxies, 2); /* and comes again */
  WAIT(edge_proxy_is_open(t.edge, "k-tcp"));
  CHECK(answers(proxies[0].port, "a"));
}

static bool is_answered(int fd) {
  static const char request[] = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
  char answer[8];
  on_wire(fd, request, sizeof request - 1);
  return receive(fd, answer, sizeof answer, MSG_WAITALL) == sizeof answer && memcmp(answer, "HTTP/1.1", 8) == 0;
}

static bool reaches_from(const char *source, uint16_t port) {
  auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval limit = {.tv_sec = 10};
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, source, &from.sin_addr);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0) return false;
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) return false;
  return is_answered(fd);
}

static void reload(void) {
  struct outcome *outcome = outcome_new();
  edge_reload(t.edge, on_done, outcome);
  WAIT(outcome->called);
  CHECK_TEXT(outcome->message, "");
}

EDGE_TEST(the_allow_list_is_kept_also_by_the_next_process) {
  static const char *const second[] = {"127.0.0.2/32", "2001:db8::/32"}, *const first[] = {"127.0.0.1/32"};
  start_edge();
  struct edge_proxy proxy = proxy_to(&t.a, free_port());
  proxy.allow = second;
  proxy.allow_len = 2;
  open_proxy(&proxy);
  CHECK(!reaches_from("127.0.0.1", proxy.port));
  CHECK(reaches_from("127.0.0.2", proxy.port));
  proxy.allow = first;
  proxy.allow_len = 1;
  int worker = t.edge->worker;
  set_proxies(&proxy, 1);
  CHECK(reaches_from("127.0.0.1", proxy.port));
  CHECK(!reaches_from("127.0.0.2", proxy.port));
  CHECK_INT(t.edge->worker, worker);
  reload();
  CHECK(reaches_from("127.0.0.1", proxy.port));
  CHECK(!reaches_from("127.0.0.2", proxy.port));
  proxy.allow = NULL;
  proxy.allow_len = 0;
  set_proxies(&proxy, 1);
  CHECK(reaches_from("127.0.0.2", proxy.port));
}

static bool reaches_by_ipv6(uint16_t port) {
  auto_fd fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval limit = {.tv_sec = 10};
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) return false;
  return is_answered(fd);
}

/* HAProxy would find IPv4 in ::/0, as IPv4-mapped addresses. */
EDGE_TEST(networks_of_one_family_let_in_nobody_of_the_other) {
  static const char *const v6[] = {"::/0"}, *const v4[] = {"0.0.0.0/0"}, *const mapped[] = {"::ffff:127.0.0.0/104"};
  start_edge();
  struct edge_proxy proxy = proxy_to(&t.a, free_port());
  proxy.allow = v6;
  proxy.allow_len = 1;
  open_proxy(&proxy);
  CHECK(reaches_by_ipv6(proxy.port));
  CHECK(!reaches_from("127.0.0.1", proxy.port));
  proxy.allow = v4;
  set_proxies(&proxy, 1);
  CHECK(!reaches_by_ipv6(proxy.port));
  CHECK(reaches_from("127.0.0.1", proxy.port));
  proxy.allow = mapped;
  set_proxies(&proxy, 1);
  CHECK(!reaches_by_ipv6(proxy.port));
  CHECK(reaches_from("127.0.0.1", proxy.port));
  proxy.allow_len = 0;
  set_proxies(&proxy, 1);
  CHECK(reaches_by_ipv6(proxy.port));
  CHECK(reaches_from("127.0.0.1", proxy.port));
}

EDGE_TEST(a_new_tramd_adopts_them_and_keeps_what_is_connected) {
  static const char *const second[] = {"127.0.0.2/32"};
  start_edge();
  struct edge_proxy proxy = proxy_to(&t.a, free_port());
  open_proxy(&proxy);
  int fd = open_echo(proxy.port), worker = t.edge->worker;
  free_edge();
  CHECK(echoes(fd));
  make_edge();
  proxy.allow = second; /* changed while it was away */
  proxy.allow_len = 1;
  CHECK_OK(edge_set_proxies(t.edge, &proxy, 1));
  CHECK_OK(edge_set_routes(t.edge, NULL, 0, NULL, NULL));
  start_edge();
  set_routes(NULL, 0);
  CHECK(edge_proxy_is_open(t.edge, "k-tcp"));
  CHECK_INT(t.edge->worker, worker);
  CHECK(!reaches_from("127.0.0.1", proxy.port));
  CHECK(reaches_from("127.0.0.2", proxy.port));
  CHECK(echoes(fd));
  close(fd);
}

EDGE_TEST(they_come_back_with_a_haproxy_that_was_killed) {
  start_edge();
  struct edge_proxy proxy = proxy_to(&t.a, free_port());
  open_proxy(&proxy);
  kill(t.edge->processes.master, SIGKILL);
  WAIT(answers(proxy.port, "a"));
  WAIT(edge_proxy_is_open(t.edge, "k-tcp"));
}

static char told[256];

static void on_repair(void *arg, const struct repair *r) {
  (void)arg;
  snprintf(told, sizeof told, "%s: %s", r->object, r->cause);
}

EDGE_TEST(what_somebody_changed_is_put_right_and_told) {
  start_edge();
  struct edge_proxy proxy = proxy_to(&t.a, free_port());
  open_proxy(&proxy);
  edge_on_repair(t.edge, on_repair, NULL);
  t.edge->check_pause_ms = 100;
  told[0] = '\0';
  auto_strv target = STRV_EMPTY, closed = STRV_EMPTY;
  strv_addf(&target, "set server t%u/r1 state maint", proxy.port);
  meddle(&target);
  WAIT(answers(proxy.port, "a") && *told);
  CHECK_HAS(told, "route: one of the targets of its TCP proxy");
  strv_addf(&closed, "disable frontend p%u", proxy.port);
  meddle(&closed);
  WAIT(answers(proxy.port, "a"));
}

/* As another HAProxy of this machine would. */
static int listen_and_share(uint16_t *ret_port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  CHECK(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 16) == 0);
  getsockname(fd, (struct sockaddr *)&address, &size);
  *ret_port = ntohs(address.sin_port);
  return fd;
}

/* Neither does HAProxy fail to start because of it, nor take a part of its connections. */
EDGE_TEST(a_port_that_somebody_else_has_harms_no_other) {
  uint16_t taken = 0;
  auto_fd somebody = listen_and_share(&taken);
  edge_on_repair(t.edge, on_repair, NULL);
  t.edge->check_pause_ms = 100;
  CHECK(!edge_port_is_free(taken));
  struct edge_proxy proxies[] = {proxy_to(&t.a, taken), proxy_to(&t.b, free_port())};
  proxies[1].key = "other-tcp";
  CHECK_OK(edge_set_proxies(t.edge, proxies, 2));
  CHECK_OK(edge_set_routes(t.edge, NULL, 0, NULL, NULL));
  start_edge();
  WAIT(edge_proxy_is_open(t.edge, "other-tcp"));
  CHECK(answers(proxies[1].port, "b"));
  CHECK(!edge_proxy_is_open(t.edge, "k-tcp"));
  CHECK_HAS(told, "TCP proxy: another program listens on port");
  close(somebody);
  somebody = -1;
  WAIT(edge_proxy_is_open(t.edge, "k-tcp"));
  CHECK(answers(taken, "a"));
}

/* While nobody looks: the edge starts HAProxy again in the next turn of the loop. */
EDGE_TEST(a_port_that_is_taken_while_haproxy_is_gone_harms_no_other) {
  start_edge();
  struct edge_proxy proxies[] = {proxy_to(&t.a, free_port()), proxy_to(&t.b, free_port())};
  proxies[1].key = "other-tcp";
  set_proxies(proxies, 2);
  WAIT(edge_proxy_is_open(t.edge, "k-tcp") && edge_proxy_is_open(t.edge, "other-tcp"));
  t.edge->check_pause_ms = 100;
  kill(t.edge->processes.master, SIGKILL);
  int somebody = -1;
  TAP_WAIT_FOR((somebody = listen_on(proxies[0].port, NULL)) >= 0, DEADLINE_MS, usleep(1000));
  WAIT(edge_proxy_is_open(t.edge, "other-tcp") && answers(proxies[1].port, "b"));
  CHECK(!edge_proxy_is_open(t.edge, "k-tcp"));
  close(somebody);
  WAIT(edge_proxy_is_open(t.edge, "k-tcp"));
  CHECK(answers(proxies[0].port, "a"));
}

EDGE_TEST(without_a_target_connections_are_closed_at_once) {
  start_edge();
  struct edge_proxy proxy = proxy_to(NULL, free_port());
  open_proxy(&proxy);
  int fd = connect_to(proxy.port);
  char byte;
  long long begin = tap_now_ms();
  CHECK(fd >= 0 && receive(fd, &byte, 1, 0) <= 0);
  CHECK(tap_now_ms() - begin < 8000);
  close(fd);
  proxy = proxy_to(&t.a, proxy.port);
  set_proxies(&proxy, 1);
  CHECK(answers(proxy.port, "a"));
}

EDGE_TEST(replicas_share_connections_and_one_that_is_down_costs_none) {
  start_edge();
  struct edge_target both[] = {{"127.0.0.1", t.a.port}, {"127.0.0.1", t.b.port}};
  struct edge_proxy proxy = {.key = "k-tcp", .port = free_port(), .targets = both, .targets_len = 2};
  open_proxy(&proxy);
  int held[4], from_a = 0;
  for (size_t i = 0; i < ARRAY_LEN(held); i++) held[i] = open_echo(proxy.port);
  for (int i = 0; i < 4; i++) from_a += answers(proxy.port, "a");
  CHECK(from_a > 0 && from_a < 4);
  server_stop(&t.a); /* nobody has told the edge */
  for (int i = 0; i < 4; i++) CHECK(answers(proxy.port, "b"));
  for (size_t i = 0; i < ARRAY_LEN(held); i++) {
    CHECK(echoes(held[i]));
    close(held[i]);
  }
}

/* /proc/net/tcp: "sl local_address rem_address st tx:rx tr:when …"; state 01 is established, timer 02 keep-alive. */
static int kept_alive(uint16_t port) {
  auto_str text = STR_EMPTY;
  auto_strv lines = STRV_EMPTY;
  auto_free char *at = str_format(":%04X", port);
  int found = 0;
  CHECK_OK(file_read("/proc/net/tcp", 64 * 1024 * 1024, &text));
  strv_split(&lines, str_text(&text), '\n');
  for (size_t i = 0; i < lines.len; i++) {
    char local[20] = "", remote[20] = "";
    unsigned state = 0, waits_for = 0;
    if (sscanf(lines.items[i], " %*d: %19s %19s %x %*x:%*x %x:", local, remote, &state, &waits_for) != 4) continue;
    found += state == 1 && waits_for == 2 && (str_ends(local, at) || str_ends(remote, at));
  }
  return found;
}

/* Nothing is cut for being silent; whether the other side is still there the kernel asks. */
EDGE_TEST(both_sides_of_an_idle_connection_are_asked_whether_they_are_there) {
  start_edge();
  struct edge_proxy proxy = proxy_to(&t.a, free_port());
  open_proxy(&proxy);
  int fd = open_echo(proxy.port);
  WAIT(kept_alive(proxy.port) == 1 && kept_alive(t.a.port) == 1); /* when all that was sent is acknowledged */
  close(fd);
}

EDGE_TEST(an_address_that_comes_later_is_listened_on_then) {
  strv_done(&t.edge->tcp_listen);
  t.edge->tcp_listen = STRV_EMPTY;
  strv_add(&t.edge->tcp_listen, "127.0.0.1");
  t.edge->check_pause_ms = 100;
  start_edge();
  struct edge_proxy proxy = proxy_to(&t.a, free_port());
  open_proxy(&proxy);
  int fd = open_echo(proxy.port);
  CHECK(!reaches_by_ipv6(proxy.port));
  uint16_t sites = free_port();
  strv_add(&t.edge->tcp_listen, "::1");
  strv_addf(&t.edge->listen, "[::1]:%u", sites);
  WAIT(reaches_by_ipv6(proxy.port) && reaches_by_ipv6(sites));
  CHECK(echoes(fd));
  close(fd);
}

static int fds[EDGE_PROXY_CONNECTIONS + 20];

static size_t open_ones(void) {
  size_t found = 0;
  for (size_t i = 0; i < ARRAY_LEN(fds); i++) found += !is_closed(fds[i]);
  return found;
}

EDGE_TEST(so_many_connections_and_no_more) {
  start_edge();
  struct edge_proxy proxy = proxy_to(&t.a, free_port());
  open_proxy(&proxy);
  for (size_t i = 0; i < ARRAY_LEN(fds); i++) CHECK((fds[i] = connect_to(proxy.port)) >= 0);
  WAIT(open_ones() <= EDGE_PROXY_CONNECTIONS);
  CHECK(open_ones() > EDGE_PROXY_CONNECTIONS / 2); /* those that are just being closed count for a moment */
  for (size_t i = 0; i < ARRAY_LEN(fds); i++) close(fds[i]);
  WAIT(answers(proxy.port, "a"));
}

TEST_MAIN
