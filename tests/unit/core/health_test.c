/* The health check against a fake engine and a real HTTP server. */
#include "core/health.h"

#include "core/ports.h"
#include "fake_engine.h"
#include "http/server.h"
#include "tap.h"

enum { DEADLINE_MS = 5000, QUIET_MS = 60, SETTLE_MS = 60, CLOSED_PORT = 1 };

static loop *l;
static http_client *client;
static http_server *server;
static struct fake_engine *en;
static int port; /* of the server */

/* What the server answers, and what it was asked. */
static struct {
  int status, good_after, requests; /* 200 once there were so many requests; 0: never */
  bool silent;
  char host[64], agent[64];
} site;

/* What health said in the end. */
static struct {
  int calls, port;
  bool completed, failed;
  enum err_code code;
  char message[600];
  struct str lines;
  size_t sockets;
} verdict;

static void on_abort(void *arg) {
  (void)arg;
}

static void on_get(http_request *r, void *arg) {
  (void)arg;
  site.requests++;
  snprintf(site.host, sizeof site.host, "%s", http_header(r, "Host"));
  snprintf(site.agent, sizeof site.agent, "%s", http_header(r, "User-Agent"));
  if (site.silent) {
    http_on_abort(r, on_abort, NULL);
    return;
  }
  bool good = site.good_after && site.requests >= site.good_after;
  http_respond_text(r, good ? 200 : site.status, "answer");
}

static const struct http_route site_routes[] = {{"GET", "/health", on_get, HTTP_BODY_NONE, 0, NULL}};

static void open_all(void) {
  memset(&site, 0, sizeof site);
  memset(&verdict, 0, sizeof verdict);
  l = loop_new();
  client = http_client_new(l);
  en = fake_engine_new(l);
  en->address = "127.0.0.1";
  static const char *const listen[] = {"127.0.0.1:0", NULL};
  struct http_server_options options = {.listen = listen, .routes = site_routes, .routes_len = 1};
  CHECK_OK(http_server_start(l, &options, &server));
  port = http_server_port(server, 0);
  en->app = fake_runs(port);
  site.status = 200;
}

static void close_all(void) {
  fake_engine_disconnect(en);
  http_server_stop(server);
  http_client_free(client);
  loop_free(l);
  fake_engine_free(en);
  str_done(&verdict.lines);
}

static void on_line(void *arg, const char *severity, const char *line) {
  (void)arg;
  str_addf(&verdict.lines, "%s: %s\n", severity, line);
}

static void on_done(void *arg, err *e, const struct health_answer *answer) {
  CHECK(arg == &verdict);
  verdict.calls++;
  if (e) {
    CHECK(!answer);
    verdict.failed = true;
    verdict.code = err_code_of(e);
    snprintf(verdict.message, sizeof verdict.message, "%s", err_message(e));
    err_free(e);
    return;
  }
  verdict.port = answer->port;
  verdict.completed = answer->completed;
  verdict.sockets = json_array_size(answer->sockets);
}

static void start_instances(int count) {
  const char *const argv[] = {"/app", NULL};
  struct workload w = {.id = "w", .environment_id = "e", .service_id = "s", .service_label = "web",
                       .image_id = "sha256:1", .argv = argv, .replicas = count};
  CHECK_OK(engine_apply(&en->base, &w));
}

static struct health *h;

static void on_change(void *arg, const struct instance_report *report) {
  (void)arg, (void)report;
  if (h && !verdict.calls) health_instance_changed(h);
}

static void ask(struct health_question question) {
  question.workload_id = "w";
  if (!question.replicas) question.replicas = 1;
  if (!question.port) question.port = port;
  if (!question.timeout_ms) question.timeout_ms = 30000;
  question.quiet_ms = QUIET_MS;
  question.settle_ms = SETTLE_MS;
  h = NULL;
  start_instances(question.replicas);
  en->on_change = on_change;
  h = health_start(l, client, &en->base, &question, on_line, on_done, &verdict);
}

static void turn(void) {
  loop_turn(l, 5);
}

#define WAIT(condition) TAP_WAIT_FOR(condition, DEADLINE_MS, turn())

static void check_ready(struct health_question question) {
  ask(question);
  WAIT(verdict.calls);
  CHECK_TEXT(verdict.message, "");
  CHECK_INT(verdict.calls, 1);
}

static void check_fails(struct health_question question, enum err_code code) {
  ask(question);
  WAIT(verdict.calls);
  CHECK_INT(verdict.calls, 1);
  CHECK(verdict.failed);
  CHECK_INT(verdict.code, code);
}

/* ---- ready ---- */

TEST(ready_when_PORT_is_listened_on) {
  open_all();
  check_ready((struct health_question){.visited = true});
  CHECK_INT(verdict.port, port);
  CHECK_INT(verdict.sockets, 1);
  CHECK_INT(site.requests, 0);
  close_all();
}

TEST(ready_when_the_path_answers_200) {
  open_all();
  check_ready((struct health_question){.path = "/health"});
  CHECK_INT(verdict.port, port);
  CHECK_TEXT(site.host, HEALTH_HOST);
  CHECK_TEXT(site.agent, "RailwayHealthCheck/1.0");
  CHECK_HAS(str_text(&verdict.lines), "Path: /health");
  CHECK_HAS(str_text(&verdict.lines), "[1/1] Healthcheck succeeded!");
  close_all();
}

TEST(a_path_without_its_slash_gets_one) {
  open_all();
  check_ready((struct health_question){.path = "health"});
  close_all();
}

TEST(asks_again_until_the_path_answers_200) {
  open_all();
  site.status = 503;
  site.good_after = 4;
  check_ready((struct health_question){.path = "/health"});
  CHECK_INT(site.requests, 4);
  CHECK_HAS(str_text(&verdict.lines), "Attempt #1 failed: port");
  CHECK_HAS(str_text(&verdict.lines), "answered 503. Continuing to retry");
  CHECK(!strstr(str_text(&verdict.lines), "Attempt #3"));
  close_all();
}

TEST(another_port_is_taken_after_the_settle_time) {
  open_all();
  long long start_ms = tap_now_ms();
  check_ready((struct health_question){.port = CLOSED_PORT, .visited = true});
  CHECK(tap_now_ms() - start_ms >= SETTLE_MS);
  CHECK_INT(verdict.port, port);
  CHECK_HAS(str_text(&verdict.lines), "using that");
  close_all();
}

TEST(PORT_that_comes_up_within_the_settle_time_wins) {
  open_all();
  en->app = fake_runs(CLOSED_PORT);
  ask((struct health_question){.visited = true});
  WAIT(fake_find(en, "w", 0)->app.status == INSTANCE_RUNNING);
  struct fake_app both = fake_runs(CLOSED_PORT);
  both.sockets[both.sockets_len++].port = port;
  fake_change(en, fake_find(en, "w", 0), both);
  WAIT(verdict.calls);
  CHECK_INT(verdict.port, port);
  close_all();
}

TEST(the_target_port_is_the_one) {
  open_all();
  check_ready((struct health_question){.port = CLOSED_PORT, .target_port = port, .visited = true});
  CHECK_INT(verdict.port, port);
  close_all();
}

TEST(a_quiet_worker_is_ready_after_a_while) {
  open_all();
  en->app = fake_runs(0);
  long long start_ms = tap_now_ms();
  check_ready((struct health_question){.visited = false});
  CHECK(tap_now_ms() - start_ms >= QUIET_MS);
  CHECK_INT(verdict.port, 0);
  CHECK(!verdict.completed);
  close_all();
}

static const char *const probe[] = {"pg_isready", NULL};
static int probes;
static void succeeds_at_the_third(struct fake_exec *x) {
  fake_exec_exit(x, NULL, ++probes < 3 ? 1 : 0);
}

static void is_not_there(struct fake_exec *x) {
  probes++;
  fake_exec_exit(x, err_new(ERR_IO, "no such program"), EXIT_CODE_NONE);
}

static void hangs(struct fake_exec *x) {
  (void)x;
  probes++;
}

static void with_probe(fake_exec_fn *behaves) {
  open_all();
  probes = 0;
  fake_exec_begin = behaves;
}

static void end_probes(void) {
  WAIT(!fake_execs_alive);
  fake_exec_begin = fake_exec_probe;
  close_all();
}

TEST(a_probe_has_the_last_word) {
  with_probe(succeeds_at_the_third);
  check_ready((struct health_question){.visited = true, .probe = probe});
  CHECK_INT(probes, 3);
  end_probes();
}

TEST(a_probe_that_the_image_has_not_is_none) {
  with_probe(is_not_there);
  check_ready((struct health_question){.visited = true, .probe = probe});
  CHECK_INT(probes, 1);
  end_probes();
}

TEST(a_probe_that_does_not_end_is_ended_with_the_timeout) {
  with_probe(hangs);
  check_fails((struct health_question){.visited = true, .probe = probe, .timeout_ms = 150}, ERR_BUSY);
  CHECK_INT(probes, 1);
  end_probes();
}

TEST(a_database_that_never_takes_connections_is_explained) {
  with_probe(succeeds_at_the_third);
  probes = -1000000;
  check_fails((struct health_question){.visited = true, .probe = probe, .timeout_ms = 100}, ERR_BUSY);
  CHECK_HAS(verdict.message, "it listens, but does not take connections yet");
  end_probes();
}

TEST(completed_when_every_replica_has_exited_with_0) {
  open_all();
  en->app = fake_ended(INSTANCE_EXITED, 0);
  check_ready((struct health_question){.replicas = 2});
  CHECK(verdict.completed);
  CHECK_INT(verdict.port, 0);
  close_all();
}

TEST(every_replica_has_to_be_ready) {
  open_all();
  en->app.status = INSTANCE_CREATED;
  ask((struct health_question){.replicas = 3});
  for (int i = 0; i < 3; i++) {
    for (int n = 0; n < 20; n++) turn();
    CHECK_INT(verdict.calls, 0);
    fake_change(en, fake_find(en, "w", i), fake_runs(port));
  }
  WAIT(verdict.calls);
  CHECK_TEXT(verdict.message, "");
  close_all();
}

TEST(an_answer_of_an_instance_that_ended_meanwhile_does_not_count) {
  open_all();
  en->hold_sockets = true;
  ask((struct health_question){.replicas = 1, .timeout_ms = 300});
  WAIT(!list_empty(&en->questions));
  struct fake_app restarting = fake_runs(port);
  restarting.status = INSTANCE_RESTARTING;
  restarting.exit_code = 7;
  fake_change(en, fake_find(en, "w", 0), restarting);
  for (int n = 0; n < 5; n++) turn(); /* the report is taken first */
  en->hold_sockets = false;
  fake_answer_questions(en);
  WAIT(verdict.calls);
  CHECK(verdict.failed);
  CHECK_HAS(verdict.message, "exited with status 7 and is restarted");
  close_all();
}

/* ---- not ready: the error says why ---- */

TEST(listening_on_loopback_alone_is_explained) {
  open_all();
  en->app.sockets[0].loopback_only = true;
  check_fails((struct health_question){.timeout_ms = 100, .visited = true}, ERR_BUSY);
  CHECK_HAS(verdict.message, "not ready within 0 s: nothing listens on PORT");
  CHECK_HAS(verdict.message, "which only the instance itself can reach");
  close_all();
}

TEST(listening_nowhere_is_explained_when_it_is_visited) {
  open_all();
  en->app = fake_runs(0);
  check_fails((struct health_question){.timeout_ms = 100, .visited = true}, ERR_BUSY);
  CHECK_HAS(verdict.message, "and on no other port");
  close_all();
}

TEST(answers_that_are_not_200_are_explained) {
  static const struct {
    int status;
    const char *text;
  } rows[] = {{500, "answered 500"}, {404, "answered 404"}, {204, "answered 204"},
              {301, "answered 301 (a redirect is not 200: point the healthcheck at the final path)"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    open_all();
    site.status = rows[i].status;
    check_fails((struct health_question){.path = "/health", .timeout_ms = 100}, ERR_BUSY);
    CHECK_HAS(verdict.message, "healthcheck: GET /health was not answered with 200 within 0 s: port ");
    CHECK_HAS(verdict.message, rows[i].text);
    CHECK_HAS(str_text(&verdict.lines), "1/1 replicas never became healthy!");
    close_all();
  }
}

TEST(no_answer_ends_with_the_timeout) {
  open_all();
  site.silent = true;
  long long start_ms = tap_now_ms();
  check_fails((struct health_question){.path = "/health", .timeout_ms = 200}, ERR_BUSY);
  CHECK(tap_now_ms() - start_ms < 8000);
  close_all();
}

TEST(a_closed_port_is_explained) {
  open_all();
  en->app.sockets[0].port = CLOSED_PORT; /* the engine saw it a moment ago; now nothing answers */
  check_fails((struct health_question){.path = "/health", .port = CLOSED_PORT, .timeout_ms = 100}, ERR_BUSY);
  CHECK_HAS(verdict.message, "port 1: connection refused");
  close_all();
}

TEST(one_of_several_replicas_never_becomes_healthy) {
  open_all();
  ask((struct health_question){.replicas = 3, .timeout_ms = 300, .visited = true});
  WAIT(fake_find(en, "w", 1)->app.status == INSTANCE_RUNNING);
  fake_change(en, fake_find(en, "w", 1), fake_runs(0));
  WAIT(verdict.calls);
  CHECK(verdict.failed);
  CHECK_HAS(verdict.message, "nothing listens on PORT");
  close_all();
}

TEST(one_replica_that_exits_while_others_run_is_explained) {
  open_all();
  ask((struct health_question){.replicas = 2, .timeout_ms = 300, .visited = true});
  WAIT(fake_find(en, "w", 0)->app.status == INSTANCE_RUNNING);
  fake_change(en, fake_find(en, "w", 0), fake_ended(INSTANCE_EXITED, 0));
  WAIT(verdict.calls);
  CHECK_HAS(verdict.message, "exited with status 0, while other replicas run on");
  close_all();
}

TEST(of_what_is_live_who_has_done_its_work_is_not_waited_for) {
  open_all();
  en->app.status = INSTANCE_CREATED;
  ask((struct health_question){.replicas = 3, .is_live = true, .visited = true});
  for (int n = 0; n < 20; n++) turn();
  fake_change(en, fake_find(en, "w", 0), fake_ended(INSTANCE_EXITED, 0));
  fake_change(en, fake_find(en, "w", 1), fake_runs(port));
  for (int n = 0; n < 20; n++) turn();
  CHECK_INT(verdict.calls, 0);
  fake_change(en, fake_find(en, "w", 2), fake_runs(port));
  WAIT(verdict.calls);
  CHECK_TEXT(verdict.message, "");
  CHECK(!verdict.completed);
  CHECK_INT(verdict.port, port);
  close_all();
}

TEST(an_instance_that_never_runs_is_explained) {
  open_all();
  en->app.status = INSTANCE_CREATED;
  check_fails((struct health_question){.timeout_ms = 100}, ERR_BUSY);
  CHECK_HAS(verdict.message, "the instance never ran");
  close_all();
}

TEST(an_engine_that_cannot_look_is_explained) {
  open_all();
  en->fail_sockets = "reading /proc/net/tcp";
  check_fails((struct health_question){.timeout_ms = 100}, ERR_BUSY);
  CHECK_HAS(verdict.message, "reading /proc/net/tcp");
  close_all();
}

TEST(crashes_are_explained) {
  static const struct {
    struct fake_app app;
    const char *text;
  } rows[] = {
      {{.status = INSTANCE_CRASHED, .exit_code = 3, .restarts = 10}, "exited with status 3, and again after 10 restarts"},
      {{.status = INSTANCE_CRASHED, .exit_code = 3}, "the app exited with status 3"},
      {{.status = INSTANCE_CRASHED, .exit_code = 139, .restarts = 2}, "signal 11 (Segmentation fault), and again after 2"},
      {{.status = INSTANCE_CRASHED, .exit_code = 137, .oom_killed = true}, "more memory than its limit"},
      {{.status = INSTANCE_CRASHED, .exit_code = -1, .problem = "exec '/nope': no such file"},
       "could not be started: exec '/nope': no such file"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    open_all();
    en->app = rows[i].app;
    check_fails((struct health_question){.replicas = 2}, ERR_IO);
    CHECK_HAS(verdict.message, rows[i].text);
    CHECK(rows[i].app.restarts || !strstr(verdict.message, "again"));
    close_all();
  }
}

TEST(a_crash_ends_it_at_once_whatever_the_others_do) {
  open_all();
  ask((struct health_question){.replicas = 2, .path = "/health", .timeout_ms = 600000});
  site.status = 503;
  WAIT(site.requests > 2);
  fake_change(en, fake_find(en, "w", 1), fake_ended(INSTANCE_CRASHED, 1));
  WAIT(verdict.calls);
  CHECK_HAS(verdict.message, "exited with status 1");
  close_all();
}

/* ---- cancelled: `done` is not called, and nothing is left (the leak checker looks) ---- */

static void check_cancelled(void) {
  health_cancel(h);
  h = NULL;
  en->hold_sockets = false;
  for (int n = 0; n < 40; n++) turn();
  CHECK_INT(verdict.calls, 0);
  close_all();
}

TEST(cancelled_at_once) {
  open_all();
  ask((struct health_question){.path = "/health"});
  check_cancelled();
}

TEST(cancelled_while_nothing_runs) {
  open_all();
  en->app.status = INSTANCE_CREATED;
  ask((struct health_question){.replicas = 2});
  for (int n = 0; n < 10; n++) turn();
  check_cancelled();
}

TEST(cancelled_while_the_engine_looks) {
  open_all();
  en->hold_sockets = true;
  ask((struct health_question){.replicas = 2});
  WAIT(!list_empty(&en->questions));
  check_cancelled();
}

TEST(cancelled_while_the_engine_looks_and_it_fails) {
  open_all();
  en->hold_sockets = true;
  ask((struct health_question){.replicas = 2});
  WAIT(!list_empty(&en->questions));
  en->fail_sockets = "too late";
  check_cancelled();
}

TEST(cancelled_while_the_path_is_asked) {
  open_all();
  site.silent = true;
  ask((struct health_question){.path = "/health", .replicas = 2});
  WAIT(site.requests == 2);
  check_cancelled();
}

TEST(cancelled_between_two_attempts) {
  open_all();
  site.status = 500;
  ask((struct health_question){.path = "/health"});
  WAIT(site.requests == 3);
  check_cancelled();
}

TEST(cancelling_nothing_is_harmless) {
  health_cancel(NULL);
}

TEST_MAIN
