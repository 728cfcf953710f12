/* The edge with a real HAProxy on a loopback port of its own, and small HTTP servers in threads.
 * Everything is in `t`, so that it can be ended after a failed test; edge_guard.h does so when the
 * program itself fails. */
#ifndef TRAMWAY_TESTS_EDGE_FIXTURE_H
#define TRAMWAY_TESTS_EDGE_FIXTURE_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "edge/edge_internal.h"
#include "edge_guard.h"
#include "edge_servers.h"

#define DEADLINE_MS 15000
#define MORE_SERVERS 3

/* A client that asks for app.test again and again in a thread of its own. */
struct load {
  bool runs;
  atomic_bool stop;
  atomic_int done, failed, from_b;
  pthread_t thread;
};

/* One edge with its folder; ended again at the end of each test, also of one that failed. */
static struct {
  loop *loop;
  edge *edge; /* NULL also after free_edge */
  char folder[64], run_dir[80], access_log[80], listen[32];
  uint16_t port;
  struct server a, b, more[MORE_SERVERS]; /* the test starts those of `more` */
  struct load load;
  runtime *conversation;
  int reserved[8]; /* sockets that keep ports for the test */
  size_t reserved_len;
} t;

struct outcome {
  bool called;
  enum err_code code; /* 0: success */
  char message[512];
  struct edge_sessions sessions;
};

/* An outcome outlives its test: when that fails, the callback still comes. */
static inline struct outcome *outcome_new(void) {
  static struct outcome outcomes[256];
  static size_t used;
  struct outcome *outcome = &outcomes[used++ % ARRAY_LEN(outcomes)];
  *outcome = (struct outcome){0};
  return outcome;
}

static inline void on_done(void *arg, err *e) {
  struct outcome *outcome = arg;
  outcome->called = true;
  if (e) {
    outcome->code = err_code_of(e);
    snprintf(outcome->message, sizeof outcome->message, "%s", err_message(e));
  }
  err_free(e);
}

static inline void on_sessions(void *arg, err *e, struct edge_sessions sessions) {
  on_done(arg, e);
  ((struct outcome *)arg)->sessions = sessions;
}

#define WAIT(condition) TAP_WAIT_FOR(condition, DEADLINE_MS, loop_turn(t.loop, 20))

/* A port where nobody listens and that no other program is given; HAProxy and listen_on can still
 * have it, because the socket that keeps it does not listen. */
static inline uint16_t free_port(void) {
  uint16_t port = 0;
  CHECK(t.reserved_len < ARRAY_LEN(t.reserved));
  int fd = bind_to(0, &port);
  CHECK(fd >= 0);
  t.reserved[t.reserved_len++] = fd;
  return port;
}

static inline void choose_port(void) {
  t.port = free_port();
  snprintf(t.listen, sizeof t.listen, "127.0.0.1:%u", t.port);
}

static inline unsigned slot_of(const char *key) { /* 0: none */
  for (size_t i = 0; i < t.edge->live.slots_len; i++)
    if (str_eq(t.edge->live.slots[i].key, key)) return (unsigned)i + 1;
  return 0;
}

/* How many sessions the edge has to the servers of this machine. */
static inline void ask_sessions(struct outcome *outcome) {
  auto_strv addresses = STRV_EMPTY;
  strv_add(&addresses, "127.0.0.1");
  edge_drained(t.edge, "k", &addresses, on_sessions, outcome);
}

static inline void make_edge(void) {
  const char *listen[] = {t.listen, "192.0.2.1:80"}, *tcp_listen[] = {"127.0.0.1", "::1", "192.0.2.1"}; /* the last is nobody's */
  struct edge_options options = {.run_dir = t.run_dir,
                                 .listen = listen,
                                 .listen_len = ARRAY_LEN(listen),
                                 .access_log = t.access_log,
                                 .tcp_listen = tcp_listen,
                                 .tcp_listen_len = ARRAY_LEN(tcp_listen)};
  CHECK_OK(edge_new(t.loop, &options, &t.edge));
}

static inline void start_edge(void) {
  struct outcome *outcome = outcome_new();
  edge_start(t.edge, on_done, outcome);
  WAIT(outcome->called);
  CHECK_TEXT(outcome->message, "");
}

/* As a tramd that ends: HAProxy goes on. */
static inline void free_edge(void) {
  edge_free(t.edge);
  t.edge = NULL;
}

/* Fails nothing: it also cleans up after a failure, at the end of the program for the last test. */
static inline void stop_edge(void) {
  struct outcome *outcome = outcome_new();
  edge_stop(t.edge, 1000, on_done, outcome);
  for (long long end = tap_now_ms() + DEADLINE_MS; !outcome->called && tap_now_ms() < end;)
    loop_turn(t.loop, 20);
}

static inline void load_end(struct load *load) {
  if (!load->runs) return;
  load->stop = true;
  pthread_join(load->thread, NULL);
  load->runs = false;
  printf("# %d requests, %d failed, %d from b\n", load->done, load->failed, load->from_b);
}

static inline void stop_servers(void) {
  server_stop(&t.a);
  server_stop(&t.b);
  for (size_t i = 0; i < MORE_SERVERS; i++)
    server_stop(&t.more[i]);
}

/* What the edge object could not end, or nobody asked it to. */
static inline void remove_folder(void) {
  if (!*t.folder) return;
  if (guard_end_haproxys(t.folder, 0)) printf("# killed a HAProxy that was left in %s\n", t.folder);
  auto_err *e = file_remove_tree(t.folder);
  if (e) printf("# removing %s: %s\n", t.folder, err_message(e));
  t.folder[0] = '\0';
}

static inline void tear_down(void) {
  load_end(&t.load);
  stop_servers();
  runtime_cancel(t.conversation);
  t.conversation = NULL;
  if (t.edge) stop_edge();
  free_edge();
  loop_free(t.loop);
  t.loop = NULL;
  remove_folder();
  while (t.reserved_len)
    close(t.reserved[--t.reserved_len]);
}

static inline void make_folder(void) {
  static unsigned count;
  snprintf(t.folder, sizeof t.folder, "%.40s/%u", guard.root, ++count);
  CHECK_INT(mkdir(t.folder, 0700), 0);
  snprintf(t.run_dir, sizeof t.run_dir, "%s/run", t.folder);
  snprintf(t.access_log, sizeof t.access_log, "%s/access.log", t.folder);
}

static inline void set_up(void) {
  static bool registered;
  guard_start();
  if (!registered) atexit(tear_down); /* after guard_start: it runs before the guard's end */
  registered = true;
  make_folder();
  choose_port();
  t.loop = loop_new();
  CHECK(server_start(&t.a, "a"));
  CHECK(server_start(&t.b, "b"));
  make_edge();
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

static inline void set_routes(const struct edge_route *routes, size_t len) {
  struct outcome *outcome = outcome_new();
  CHECK_OK(edge_set_routes(t.edge, routes, len, on_done, outcome));
  WAIT(outcome->called);
  CHECK_TEXT(outcome->message, "");
}

/* One route "k" for host app.test. */
static inline void route_to(const struct server *server, enum edge_route_state state) {
  static const char *const hosts[] = {"App.Test"};
  struct edge_target target = {"127.0.0.1", server ? server->port : 1};
  struct edge_route route = {"k", hosts, 1, &target, server ? 1 : 0, state};
  set_routes(&route, 1);
}

static inline char *get(const char *host, const char *headers) {
  return get_from(t.port, host, headers);
}

static inline bool serves(const char *host, const char *name) {
  auto_free char *answer = get(host, "");
  auto_free char *start = str_format("\r\n\r\n%s\nGET ", name);
  return str_starts(answer, "HTTP/1.1 200") && strstr(answer, start);
}

static inline char *body_of(char *answer) {
  char *body = strstr(answer, "\r\n\r\n");
  CHECK(body != NULL);
  return body + 4;
}

static inline void *ask_forever(void *arg) {
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

static inline void load_start(struct load *load) {
  *load = (struct load){0};
  thread_start(&load->thread, ask_forever, load);
  load->runs = true;
}

/* Opens a WebSocket to app.test and sees a few bytes come back. */
static inline int open_websocket(void) {
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

static inline void on_meddled(void *arg, err *e, const struct strv *replies) {
  (void)replies;
  on_done(arg, e);
}

/* Somebody else gives HAProxy commands. */
static inline void meddle(const struct strv *commands) {
  struct outcome *outcome = outcome_new();
  runtime_ask(t.loop, t.edge->socket, commands, 5000, on_meddled, outcome, &t.conversation);
  WAIT(outcome->called);
}

#endif
