/* The edge with a real HAProxy on free loopback ports, and small HTTP servers in threads. */
#include "edge/edge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "edge/edge_internal.h"
#include "tap.h"

#define DEADLINE_MS 15000

/* A server that answers every request with its name and what it was sent, then closes; after an
 * upgrade it sends everything back. */
struct server {
  const char *name;
  int fd;
  uint16_t port;
  pthread_t thread;
};

/* SIGCHLD of the edge's children is for the main thread: it would interrupt recv here. */
static void thread_start(pthread_t *thread, void *(*fn)(void *), void *arg) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_create(thread, NULL, fn, arg);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void on_wire(int fd, const char *text, size_t len) {
  while (len) {
    ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
    if (sent <= 0) return;
    text += sent;
    len -= (size_t)sent;
  }
}

static void echo(int fd) {
  static const char upgrade[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                "Upgrade: websocket\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  char buffer[4096];
  ssize_t got;
  on_wire(fd, upgrade, sizeof upgrade - 1);
  while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
    on_wire(fd, buffer, (size_t)got);
}

struct visit {
  const char *name;
  int fd;
};

static void *serve_one(void *arg) {
  struct visit visit = *(struct visit *)arg;
  free(arg);
  char request[8192] = "";
  size_t len = 0;
  ssize_t got = 1;
  while (!strstr(request, "\r\n\r\n") && got > 0 && len < sizeof request - 1) {
    got = recv(visit.fd, request + len, sizeof request - 1 - len, 0);
    if (got > 0) len += (size_t)got;
    request[len] = '\0';
  }
  if (strcasestr(request, "upgrade: websocket")) {
    echo(visit.fd);
  } else if (strstr(request, "\r\n\r\n")) {
    auto_free char *answer =
        str_format("HTTP/1.1 200 OK\r\nConnection: close\r\nX-Tramway-Error: 502\r\n"
                   "Content-Length: %zu\r\n\r\n%s\n%s",
                   strlen(visit.name) + 1 + len, visit.name, request);
    on_wire(visit.fd, answer, strlen(answer));
  }
  shutdown(visit.fd, SHUT_WR);
  close(visit.fd);
  return NULL;
}

static void *serve(void *arg) {
  struct server *server = arg;
  int fd;
  while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
    struct visit *visit = mem_alloc(sizeof *visit);
    *visit = (struct visit){server->name, fd};
    pthread_t thread;
    thread_start(&thread, serve_one, visit);
    pthread_detach(thread);
  }
  return NULL;
}

static int listen_on(uint16_t port, uint16_t *ret_port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 128) != 0) {
    close(fd);
    return -1;
  }
  getsockname(fd, (struct sockaddr *)&address, &size);
  if (ret_port) *ret_port = ntohs(address.sin_port);
  return fd;
}

static void server_start(struct server *server, const char *name) {
  server->name = name;
  server->fd = listen_on(0, &server->port);
  CHECK(server->fd >= 0);
  thread_start(&server->thread, serve, server);
}

static void server_stop(struct server *server) {
  if (!server->fd) return;
  shutdown(server->fd, SHUT_RDWR);
  pthread_join(server->thread, NULL);
  close(server->fd);
  server->fd = 0;
}

static uint16_t free_port(void) {
  uint16_t port = 0;
  int fd = listen_on(0, &port);
  CHECK(fd >= 0);
  close(fd);
  return port;
}

/* One edge with its folder; ended again at the end of each test, also of one that failed. */
static struct {
  loop *loop;
  edge *edge;
  char folder[64], run_dir[80], access_log[80], listen[32];
  uint16_t port;
  struct server a, b;
} t;

struct outcome {
  bool called;
  enum err_code code; /* 0: success */
  char message[512];
  unsigned sessions;
};

/* An outcome outlives its test: when that fails, the callback still comes. */
static struct outcome *outcome_new(void) {
  static struct outcome outcomes[256];
  static size_t used;
  struct outcome *outcome = &outcomes[used++ % ARRAY_LEN(outcomes)];
  *outcome = (struct outcome){0};
  return outcome;
}

static void on_done(void *arg, err *e) {
  struct outcome *outcome = arg;
  outcome->called = true;
  if (e) {
    outcome->code = err_code_of(e);
    snprintf(outcome->message, sizeof outcome->message, "%s", err_message(e));
  }
  err_free(e);
}

static void on_sessions(void *arg, err *e, unsigned sessions) {
  on_done(arg, e);
  ((struct outcome *)arg)->sessions = sessions;
}

#define WAIT(condition) TAP_WAIT_FOR(condition, DEADLINE_MS, loop_turn(t.loop, 20))

static void make_edge(void) {
  const char *listen[] = {t.listen};
  struct edge_options options = {
      .run_dir = t.run_dir, .listen = listen, .listen_len = 1, .access_log = t.access_log};
  CHECK_OK(edge_new(t.loop, &options, &t.edge));
}

static void start_edge(void) {
  struct outcome *outcome = outcome_new();
  edge_start(t.edge, on_done, outcome);
  WAIT(outcome->called);
  CHECK_TEXT(outcome->message, "");
}

static void tear_down(void);

static void set_up(void) {
  static bool registered;
  if (!registered) atexit(tear_down);
  registered = true;
  strcpy(t.folder, "/tmp/tramway-edge-test.XXXXXX");
  CHECK(mkdtemp(t.folder) != NULL);
  snprintf(t.run_dir, sizeof t.run_dir, "%s/run", t.folder);
  snprintf(t.access_log, sizeof t.access_log, "%s/access.log", t.folder);
  t.port = free_port();
  snprintf(t.listen, sizeof t.listen, "127.0.0.1:%u", t.port);
  t.loop = loop_new();
  server_start(&t.a, "a");
  server_start(&t.b, "b");
  make_edge();
}

/* Fails nothing: it also cleans up after a failure, at the end of the program for the last test. */
static void stop_edge(void) {
  struct outcome *outcome = outcome_new();
  edge_stop(t.edge, 1000, on_done, outcome);
  for (long long end = tap_now_ms() + DEADLINE_MS; !outcome->called && tap_now_ms() < end;)
    loop_turn(t.loop, 20);
}

static void tear_down(void) {
  server_stop(&t.a);
  server_stop(&t.b);
  if (t.edge) {
    stop_edge();
    edge_free(t.edge);
    t.edge = NULL;
  }
  if (t.loop) loop_free(t.loop);
  t.loop = NULL;
  if (*t.folder) err_ignore(file_remove_tree(t.folder));
  t.folder[0] = '\0';
}

/* A test's body between set_up and tear_down, which also runs when the body failed. */
#define EDGE_TEST(name)                                                                            \
  static void body_##name(void);                                                                   \
  TEST(name) {                                                                                     \
    tear_down(); /* of a test that failed before */                                                \
    set_up();                                                                                      \
    body_##name();                                                                                 \
    tear_down();                                                                                   \
  }                                                                                                \
  static void body_##name(void)

static void set_routes(const struct edge_route *routes, size_t len) {
  struct outcome *outcome = outcome_new();
  CHECK_OK(edge_set_routes(t.edge, routes, len, on_done, outcome));
  WAIT(outcome->called);
  CHECK_TEXT(outcome->message, "");
}

/* One route "k" for host app.test. */
static void route_to(const struct server *server, enum edge_route_state state) {
  static const char *const hosts[] = {"App.Test"};
  struct edge_target target = {"127.0.0.1", server ? server->port : 1};
  struct edge_route route = {"k", hosts, 1, &target, server ? 1 : 0, state};
  set_routes(&route, 1);
}

static int connect_to(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval limit = {.tv_sec = 10};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

/* recv, also while the edge's children end: SIGCHLD interrupts it. */
static ssize_t receive(int fd, char *buffer, size_t size, int flags) {
  ssize_t got;
  do
    got = recv(fd, buffer, size, flags);
  while (got < 0 && errno == EINTR);
  return got;
}

/* The whole answer to one GET; "" when there is none.  Needs no loop: HAProxy is another process.
 */
static char *get_from(uint16_t port, const char *host, const char *headers) {
  auto_fd fd = connect_to(port);
  if (fd < 0) return str_dup("");
  auto_free char *request = str_format(
      "GET /p?token=secret HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", host, headers);
  on_wire(fd, request, strlen(request));
  auto_str answer = STR_EMPTY;
  char buffer[4096];
  ssize_t got;
  while ((got = receive(fd, buffer, sizeof buffer, 0)) > 0)
    str_add_bytes(&answer, buffer, (size_t)got);
  return str_take(&answer);
}

static char *get(const char *host, const char *headers) {
  return get_from(t.port, host, headers);
}

static bool serves(const char *host, const char *name) {
  auto_free char *answer = get(host, "");
  auto_free char *start = str_format("\r\n\r\n%s\nGET ", name);
  return str_starts(answer, "HTTP/1.1 200") && strstr(answer, start);
}

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
  CHECK_INT(edge_slot_of(t.edge, "k"), 1);
  CHECK_INT(edge_slot_of(t.edge, "other"), 0);
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

static char *body_of(char *answer) {
  char *body = strstr(answer, "\r\n\r\n");
  CHECK(body != NULL);
  return body + 4;
}

static void check_json_error(const char *host, int status, const char *message) {
  auto_free char *answer = get(host, "Accept: application/json\r\n");
  auto_free char *first = str_format("HTTP/1.1 %d ", status);
  CHECK(str_starts(answer, first));
  CHECK_HAS(answer, "content-type: application/json\r\n");
  CHECK(!strcasestr(answer, "x-tramway-error"));
  auto_json *body = NULL;
  const char *text = body_of(answer);
  CHECK_OK(json_parse(text, strlen(text), "body", &body));
  CHECK_TEXT(json_get_text(body, "status"), "error");
  CHECK_INT(json_get_int(body, "code", 0), status);
  CHECK_TEXT(json_get_text(body, "message"), message);
  CHECK_INT(strlen(json_get_text(body, "request_id")), 36);
}

static void check_html_error(const char *host, int status, const char *message) {
  auto_free char *answer = get(host, "Accept: text/html,application/json\r\n");
  auto_free char *first = str_format("HTTP/1.1 %d ", status);
  CHECK(str_starts(answer, first));
  CHECK_HAS(answer, "content-type: text/html\r\n");
  CHECK_HAS(body_of(answer), message);
  CHECK_HAS(body_of(answer), "</html>");
}

EDGE_TEST(visitors_read_why_there_is_no_application) {
  start_edge();
  check_json_error("nobody.test", 404, "Application not found");
  static const struct {
    enum edge_route_state state;
    int status;
    const char *message;
  } cases[] = {{EDGE_ROUTE_STARTING, 503, "Application is starting"},
               {EDGE_ROUTE_SLEEPING, 503, "Application is sleeping"},
               {EDGE_ROUTE_NONE, 503, "Application has no deployment"},
               {EDGE_ROUTE_ACTIVE, 502, "Application failed to respond"}};
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    route_to(NULL, cases[i].state);
    check_json_error("app.test", cases[i].status, cases[i].message);
    check_html_error("app.test", cases[i].status, cases[i].message);
  }
  struct server dead = {.port = free_port()};
  route_to(&dead, EDGE_ROUTE_ACTIVE);
  check_json_error("app.test", 502, "Application failed to respond");
  set_routes(NULL, 0);
  check_json_error("app.test", 404, "Application not found");
}

EDGE_TEST(headers_are_the_edges_own) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  auto_free char *answer = get("app.test", "X-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n"
                                           "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
                                           "X-Railway-Request-Id: evil\r\nX-Railway-Edge: evil\r\n"
                                           "X-Request-Start: evil\r\nForwarded: for=6.6.6.6\r\n");
  CHECK_HAS(answer, "x-real-ip: 127.0.0.1\r\n");
  CHECK_HAS(answer, "x-forwarded-for: 127.0.0.1\r\n");
  CHECK_HAS(answer, "x-forwarded-proto: http\r\n");
  CHECK_HAS(answer, "x-forwarded-host: app.test\r\n");
  CHECK_HAS(answer, "x-railway-edge: tramway/local\r\n");
  CHECK_HAS(answer, "x-request-start: 1");
  CHECK(!strstr(answer, "evil") && !strstr(answer, "6.6.6.6"));
  CHECK(str_starts(answer, "HTTP/1.1 200"));
}

EDGE_TEST(headers_of_32_kib_pass) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  auto_str headers = STR_EMPTY;
  str_add(&headers, "X-Large: ");
  for (int i = 0; i < 32000; i++)
    str_add_char(&headers, 'x');
  str_add(&headers, "\r\n");
  auto_free char *answer = get("nobody.test", str_text(&headers));
  CHECK(str_starts(answer, "HTTP/1.1 404"));
  for (int i = 0; i < 4000; i++)
    str_add(&headers, "Y: y\r\n");
  auto_free char *refused = get("nobody.test", str_text(&headers));
  CHECK(!str_starts(refused, "HTTP/1.1 404"));
}

static bool read_log(struct str *log) {
  str_clear(log);
  auto_err *e = file_read(t.access_log, 1 << 20, log);
  return !e;
}

EDGE_TEST(the_access_log_has_no_query_string) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  CHECK(serves("app.test", "a"));
  auto_str log = STR_EMPTY;
  WAIT(read_log(&log) && strstr(str_text(&log), "GET"));
  CHECK_HAS(str_text(&log), "\"key\":\"k\",\"host\":\"app.test\",\"method\":\"GET\"");
  CHECK(!strstr(str_text(&log), "secret"));
}

/* A client that asks again and again in a thread of its own. */
struct load {
  atomic_bool stop;
  atomic_int done, failed, from_b;
  pthread_t thread;
};

static void *ask_forever(void *arg) {
  struct load *load = arg;
  while (!load->stop) {
    auto_free char *answer = get("app.test", "");
    load->done++;
    if (!str_starts(answer, "HTTP/1.1 200")) {
      load->failed++;
      printf("# failed: %s\n", answer);
    }
    if (strstr(answer, "\r\n\r\nb\n")) load->from_b++;
  }
  return NULL;
}

static void load_start(struct load *load) {
  *load = (struct load){0};
  thread_start(&load->thread, ask_forever, load);
}

static void load_end(struct load *load) {
  load->stop = true;
  pthread_join(load->thread, NULL);
  printf("# %d requests, %d failed, %d from b\n", load->done, load->failed, load->from_b);
}

EDGE_TEST(a_switch_costs_no_request) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int worker = t.edge->worker;
  struct load load;
  load_start(&load);
  for (int i = 0; i < 40; i++) {
    route_to(i % 2 ? &t.a : &t.b, EDGE_ROUTE_ACTIVE);
    int seen = load.done;
    long long end = tap_now_ms() + DEADLINE_MS;
    while (load.done < seen + 3 && tap_now_ms() < end)
      loop_turn(t.loop, 5);
  }
  load_end(&load);
  CHECK_INT(load.failed, 0);
  CHECK(load.from_b > 0 && load.from_b < load.done);
  CHECK_INT(t.edge->worker, worker);
}

EDGE_TEST(a_reload_costs_no_request) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int worker = t.edge->worker;
  struct load load;
  load_start(&load);
  struct outcome *outcome = outcome_new();
  edge_reload(t.edge, on_done, outcome);
  long long end = tap_now_ms() + DEADLINE_MS;
  while (!outcome->called && tap_now_ms() < end)
    loop_turn(t.loop, 20);
  int seen = load.done;
  while (load.done < seen + 20 && tap_now_ms() < end)
    loop_turn(t.loop, 5);
  load_end(&load);
  CHECK(outcome->called);
  CHECK_TEXT(outcome->message, "");
  CHECK_INT(load.failed, 0);
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

EDGE_TEST(more_replicas_than_declared_servers_are_added) {
  start_edge();
  int worker = t.edge->worker;
  struct server more[3];
  static const char *const names[] = {"c", "d", "e"};
  for (int i = 0; i < 3; i++)
    server_start(&more[i], names[i]);
  static const char *const hosts[] = {"app.test"};
  struct edge_target targets[] = {{"127.0.0.1", t.a.port},
                                  {"127.0.0.1", t.b.port},
                                  {"127.0.0.1", more[0].port},
                                  {"127.0.0.1", more[1].port},
                                  {"127.0.0.1", more[2].port}};
  struct edge_route route = {"k", hosts, 1, targets, 5, EDGE_ROUTE_ACTIVE};
  set_routes(&route, 1);
  bool seen[256] = {0};
  for (int i = 0; i < 400; i++) {
    auto_free char *answer = get("app.test", "");
    CHECK(str_starts(answer, "HTTP/1.1 200"));
    seen[(unsigned char)*body_of(answer)] = true;
  }
  for (int i = 0; i < 3; i++)
    server_stop(&more[i]);
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

EDGE_TEST(a_new_tramd_adopts_the_running_haproxy) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int master = t.edge->processes.master, worker = t.edge->worker;
  unsigned slot = edge_slot_of(t.edge, "k");
  edge_free(t.edge);
  CHECK(serves("app.test", "a"));
  make_edge();
  start_edge();
  CHECK_INT(t.edge->processes.master, master);
  CHECK_INT(t.edge->worker, worker);
  CHECK_INT(edge_slot_of(t.edge, "k"), slot);
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
    edge_free(t.edge);
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
  edge_free(t.edge);
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
  edge_free(t.edge);
  t.port = free_port();
  snprintf(t.listen, sizeof t.listen, "127.0.0.1:%u", t.port);
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

/* Opens a WebSocket to app.test and sees a few bytes come back. */
static int open_websocket(void) {
  int fd = connect_to(t.port);
  CHECK(fd >= 0);
  static const char request[] = "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\n"
                                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  on_wire(fd, request, sizeof request - 1);
  char answer[1024] = "";
  size_t len = 0;
  ssize_t got;
  while (!strstr(answer, "\r\n\r\n") &&
         (got = receive(fd, answer + len, sizeof answer - 1 - len, 0)) > 0)
    len += (size_t)got;
  CHECK_HAS(answer, "101 Switching Protocols");
  return fd;
}

static void check_echo(int fd) {
  char answer[8] = "";
  on_wire(fd, "\x81\x00ping", 6);
  CHECK_INT(receive(fd, answer, 6, MSG_WAITALL), 6);
  CHECK_INT(memcmp(answer, "\x81\x00ping", 6), 0);
}

static unsigned sessions_of(const struct server *server) {
  struct outcome *outcome = outcome_new();
  struct edge_target target = {"127.0.0.1", server->port};
  edge_drained(t.edge, "k", &target, on_sessions, outcome);
  WAIT(outcome->called);
  CHECK_TEXT(outcome->message, "");
  return outcome->sessions;
}

EDGE_TEST(websockets_pass_and_are_counted_until_they_end) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int fd = open_websocket();
  check_echo(fd);
  CHECK_INT(sessions_of(&t.a), 1);
  route_to(&t.b, EDGE_ROUTE_ACTIVE);
  CHECK(serves("app.test", "b"));
  check_echo(fd);
  CHECK_INT(sessions_of(&t.a), 1);
  struct outcome *outcome = outcome_new();
  edge_reload(t.edge, on_done, outcome);
  WAIT(outcome->called);
  check_echo(fd);
  CHECK_INT(sessions_of(&t.a), 1); /* in the old process */
  close(fd);
  WAIT(sessions_of(&t.a) == 0);
  set_routes(NULL, 0);
  CHECK_INT(sessions_of(&t.a), 0);
}

EDGE_TEST(drained_servers_become_free_again) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  int fd = open_websocket();
  route_to(&t.b, EDGE_ROUTE_ACTIVE);
  CHECK(edge_talk_has_drains(t.edge));
  t.edge->sweep_due = true;
  CHECK_INT(sessions_of(&t.a), 1); /* the sweep follows */
  WAIT(!t.edge->sweep_due && !t.edge->activity);
  CHECK(edge_talk_has_drains(t.edge));
  close(fd);
  WAIT(sessions_of(&t.a) == 0);
  t.edge->sweep_due = true;
  CHECK_INT(sessions_of(&t.a), 0);
  WAIT(!edge_talk_has_drains(t.edge));
}

static void on_meddled(void *arg, err *e, const struct strv *replies) {
  (void)replies;
  on_done(arg, e);
}

EDGE_TEST(a_state_that_somebody_else_changed_is_read_back_and_mended) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  auto_strv meddling = STRV_EMPTY;
  strv_addf(&meddling, "clear map %s", t.edge->hosts_path);
  strv_add(&meddling, "set server s1/r1 state maint");
  struct outcome *meddled = outcome_new(), *outcome = outcome_new();
  runtime *slot = NULL;
  runtime_ask(t.loop, t.edge->socket, &meddling, 5000, on_meddled, meddled, &slot);
  WAIT(meddled->called);
  CHECK(!serves("app.test", "a"));
  CHECK_OK(edge_set_routes(t.edge, NULL, 0, on_done, outcome));
  WAIT(outcome->called);
  CHECK_HAS(outcome->message, "setting routes");
  CHECK_HAS(outcome->message, "HAProxy refused 'del map");
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  CHECK(serves("app.test", "a"));
}

EDGE_TEST(an_adopted_haproxy_is_compared_and_mended) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  auto_strv meddling = STRV_EMPTY;
  strv_addf(&meddling, "clear map %s", t.edge->hosts_path);
  struct outcome *meddled = outcome_new();
  runtime *slot = NULL;
  runtime_ask(t.loop, t.edge->socket, &meddling, 5000, on_meddled, meddled, &slot);
  WAIT(meddled->called);
  edge_free(t.edge);
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
  edge_free(t.edge);
  make_edge();
  stop_edge();
  CHECK(!haproxy_is_ours(master, t.run_dir));
  CHECK(!file_exists(t.run_dir));
}

EDGE_TEST(letting_go_calls_everybody_back) {
  struct outcome *started = outcome_new(), *routed = outcome_new(), *counted = outcome_new();
  edge_start(t.edge, on_done, started);
  CHECK_OK(edge_set_routes(t.edge, NULL, 0, on_done, routed));
  struct edge_target target = {"127.0.0.1", 1};
  edge_drained(t.edge, "k", &target, on_sessions, counted);
  edge_free(t.edge);
  t.edge = NULL;
  CHECK_INT(started->code, ERR_BUSY);
  CHECK_INT(routed->code, ERR_BUSY);
  CHECK_INT(counted->code, ERR_BUSY);
}

TEST_MAIN
