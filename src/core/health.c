#include "core/health.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/str.h"
#include "core/ports.h"
#include "loop/timer.h"

/* The first looks come quickly, because many apps listen within milliseconds; then less often. */
enum {
  POLL_FIRST_MS = 1,
  POLL_MAX_MS = 1000,
  ATTEMPT_TIMEOUT_MS = 10000,
  MAX_REPLICAS = 50,
};

struct replica {
  health *owner;
  char *instance_id, *address;
  bool running, ready, asking, exited, crashed, oom_killed;
  int exit_code, restarts, port;
  int64_t running_since_ms;
  json_t *sockets;
  char *problem; /* why not yet, in words */
  http_call *call;
  engine_exec *probe; /* while it runs */
};

struct health {
  loop *loop;
  http_client *client;
  engine *engine;
  char *workload_id, *path;
  struct strv exposed;
  struct health_question question;
  health_line_fn *on_line;
  health_done_fn *done;
  void *arg;
  struct replica replicas[MAX_REPLICAS];
  int attempts;
  int64_t started_ms, poll_ms;
  timer *poll;
  int open_questions; /* engine_sockets answers that are still to come */
  bool over;
};

static void free_if_unused(health *h) {
  if (!h->over || h->open_questions) return;
  for (int i = 0; i < MAX_REPLICAS; i++) {
    struct replica *r = &h->replicas[i];
    free(r->instance_id);
    free(r->address);
    free(r->problem);
    json_decref(r->sockets);
  }
  strv_done(&h->exposed);
  free(h->workload_id);
  free(h->path);
  free(h);
}

static void end(health *h) {
  h->over = true;
  timer_stop(h->poll);
  h->poll = NULL;
  for (int i = 0; i < MAX_REPLICAS; i++)
    if (h->replicas[i].call) http_call_cancel(h->replicas[i].call);
  for (int i = 0; i < MAX_REPLICAS; i++)
    if (h->replicas[i].probe) engine_exec_kill(h->replicas[i].probe);
}

static void finish(health *h, err *e, const struct health_answer *answer) {
  end(h);
  h->done(h->arg, e, answer);
  free_if_unused(h);
}

static void say(health *h, const char *severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(health *h, const char *severity, const char *format, ...) {
  va_list args;
  va_start(args, format);
  auto_free char *line = str_vformat(format, args);
  va_end(args);
  h->on_line(h->arg, severity, line);
}

static void set_problem(struct replica *r, const char *problem) {
  str_replace_owned(&r->problem, problem);
}

static int64_t left_ms(const health *h) {
  return h->started_ms + h->question.timeout_ms - clock_monotonic_ms();
}

/* ---- the verdict ---- */

static bool all(const health *h, bool (*holds)(const struct replica *)) {
  for (int i = 0; i < h->question.replicas; i++)
    if (!holds(&h->replicas[i])) return false;
  return true;
}

static bool is_ready(const struct replica *r) {
  return r->ready && r->running; /* an answer may come when its process has ended meanwhile */
}

static bool is_exited(const struct replica *r) {
  return r->exited;
}

/* Of what is live, one that has done its work keeps nobody waiting. */
static bool is_done(const struct replica *r) {
  return is_ready(r) || (r->exited && r->owner->question.is_live);
}

static const struct replica *find_ready(const health *h) {
  for (int i = 0; i < h->question.replicas; i++)
    if (is_ready(&h->replicas[i])) return &h->replicas[i];
  return NULL;
}

static const struct replica *find_crashed(const health *h) {
  for (int i = 0; i < h->question.replicas; i++)
    if (h->replicas[i].crashed) return &h->replicas[i];
  return NULL;
}

static err *crash_error(const struct replica *r) {
  if (!str_empty(r->problem) && r->exit_code < 0)
    return err_new(ERR_IO, "the instance could not be started: %s", r->problem);
  if (r->oom_killed)
    return err_new(ERR_IO, "the app needed more memory than its limit and was killed; raise the limit "
                           "or make it need less");
  auto_free char *again =
      r->restarts ? str_format(", and again after %d restarts", r->restarts) : str_dup("");
  if (r->exit_code > 128)
    return err_new(ERR_IO, "the app was ended by signal %d (%s)%s", r->exit_code - 128,
                   strsignal(r->exit_code - 128), again);
  return err_new(ERR_IO, "the app exited with status %d%s", r->exit_code, again);
}

static err *timeout_error(const health *h) {
  const struct replica *worst = NULL;
  for (int i = 0; i < h->question.replicas && !worst; i++)
    if (!is_done(&h->replicas[i])) worst = &h->replicas[i];
  const char *why = worst && worst->problem ? worst->problem : "the instance never ran";
  if (h->path)
    return err_new(ERR_BUSY, "healthcheck: GET %s was not answered with 200 within %lld s: %s", h->path,
                   (long long)(h->question.timeout_ms / 1000), why);
  return err_new(ERR_BUSY, "not ready within %lld s: %s", (long long)(h->question.timeout_ms / 1000), why);
}

static void conclude(health *h) {
  const struct replica *crashed = find_crashed(h), *ready = find_ready(h);
  if (crashed) {
    finish(h, crash_error(crashed), NULL);
  } else if (all(h, is_exited)) {
    struct health_answer answer = {.completed = true};
    finish(h, NULL, &answer);
  } else if (ready && all(h, is_done)) {
    struct health_answer answer = {.port = ready->port, .sockets = ready->sockets};
    if (h->path) say(h, "info", "[%d/%d] Healthcheck succeeded!", h->question.replicas, h->question.replicas);
    finish(h, NULL, &answer);
  } else if (left_ms(h) <= 0) {
    if (h->path) {
      int missing = 0;
      for (int i = 0; i < h->question.replicas; i++) missing += !is_done(&h->replicas[i]);
      say(h, "error", "%d/%d replicas never became healthy!", missing, h->question.replicas);
    }
    finish(h, timeout_error(h), NULL);
  }
}

/* ---- one replica ---- */

static void describe_attempt(struct replica *r, const struct http_result *result) {
  auto_free char *problem = NULL;
  if (result->outcome == HTTP_ANSWERED)
    problem = str_format("port %d answered %d%s", r->port, result->status,
                         result->status >= 300 && result->status < 400
                             ? " (a redirect is not 200: point the healthcheck at the final path)" : "");
  else
    problem = str_format("port %d: %s", r->port, http_outcome_name(result->outcome));
  set_problem(r, problem);
}

static void on_path_answer(void *arg, const struct http_result *result) {
  struct replica *r = arg;
  health *h = r->owner;
  r->call = NULL;
  r->asking = false;
  if (result->outcome == HTTP_ANSWERED && result->status == 200) {
    r->ready = true;
  } else {
    describe_attempt(r, result);
    h->attempts++;
    bool worth_a_line = (h->attempts & (h->attempts - 1)) == 0; /* 1, 2, 4, 8 …: not a thousand lines */
    if (worth_a_line)
      say(h, "info", "Attempt #%d failed: %s. Continuing to retry for %llds", h->attempts, r->problem,
          (long long)(left_ms(h) / 1000));
  }
  conclude(h);
}

static void ask_path(struct replica *r) {
  health *h = r->owner;
  bool ipv6 = strchr(r->address, ':') != NULL;
  auto_free char *url = str_format(ipv6 ? "http://[%s]:%d%s%s" : "http://%s:%d%s%s", r->address, r->port,
                                   h->path[0] == '/' ? "" : "/", h->path);
  const struct http_header headers[] = {{"Host", HEALTH_HOST}, {"User-Agent", "RailwayHealthCheck/1.0"},
                                        {NULL, NULL}};
  int64_t left = left_ms(h);
  struct http_call_options options = {.url = url, .headers = headers, .fresh = true,
                                      .timeout_ms = left > ATTEMPT_TIMEOUT_MS ? ATTEMPT_TIMEOUT_MS
                                                    : left > 100 ? left : 100};
  err *e = http_client_start(h->client, &options, on_path_answer, r, &r->call);
  r->asking = e == NULL;
  if (e) set_problem(r, err_message(e));
  err_free(e);
}

static void on_probe_output(void *arg, int fd, const char *data, size_t len) {
  (void)arg, (void)fd, (void)data, (void)len;
}

static void on_probe_exit(void *arg, err *e, int exit_code) {
  struct replica *r = arg;
  health *h = r->owner;
  bool is_missing = e || exit_code == 126 || exit_code == 127;
  err_ignore(e);
  h->open_questions--;
  r->probe = NULL;
  r->asking = false;
  if (h->over) {
    free_if_unused(h);
    return;
  }
  r->ready = is_missing || exit_code == 0;
  if (!r->ready) set_problem(r, "it listens, but does not take connections yet");
  conclude(h);
}

static void start_probe(struct replica *r) {
  struct exec_options options = {.instance_id = r->instance_id, .argv = r->owner->question.probe,
                                 .on_output = on_probe_output, .on_exit = on_probe_exit, .arg = r};
  auto_err *e = engine_exec_start(r->owner->engine, &options, &r->probe);
  if (e) {
    set_problem(r, err_message(e));
    return;
  }
  r->owner->open_questions++;
  r->asking = true;
}

static json_t *sockets_json(const struct instance_socket *sockets, size_t len) {
  json_t *list = json_array();
  for (size_t i = 0; i < len; i++)
    if (!sockets[i].loopback_only)
      json_array_append_new(list, json_pack("{s:i, s:b, s:s}", "port", sockets[i].port, "ipv6",
                                            sockets[i].ipv6, "processName", sockets[i].process));
  return list;
}

/* A worker listens nowhere; that is fine once it has run quietly and nobody can visit it. */
static bool is_quiet_worker(const struct replica *r, size_t sockets) {
  const health *h = r->owner;
  return sockets == 0 && !h->path && !h->question.visited &&
         clock_monotonic_ms() - r->running_since_ms >= h->question.quiet_ms;
}

static void take_port(struct replica *r, const struct port_answer *answer) {
  health *h = r->owner;
  int64_t running_ms = clock_monotonic_ms() - r->running_since_ms;
  if (!answer->certain && running_ms < h->question.settle_ms) return; /* PORT itself may still come */
  if (!r->port && str_text(&answer->note)[0]) say(h, "info", "%s", str_text(&answer->note));
  r->port = answer->port;
  if (h->path)
    ask_path(r);
  else if (h->question.probe)
    start_probe(r);
  else
    r->ready = true;
}

static void on_sockets(void *arg, err *e, const struct instance_socket *sockets, size_t len) {
  struct replica *r = arg;
  health *h = r->owner;
  h->open_questions--;
  r->asking = false;
  if (h->over) {
    err_free(e);
    free_if_unused(h);
    return;
  }
  if (e) {
    set_problem(r, err_message(e));
    err_free(e);
    return;
  }
  json_decref(r->sockets);
  r->sockets = sockets_json(sockets, len);
  struct port_question question = {.target_port = h->question.target_port, .port = h->question.port,
                                   .exposed = &h->exposed, .sockets = sockets, .sockets_len = len};
  struct port_answer answer;
  port_choose(&question, &answer);
  if (answer.port)
    take_port(r, &answer);
  else if (is_quiet_worker(r, len))
    r->ready = true;
  else
    set_problem(r, str_text(&answer.problem));
  port_answer_done(&answer);
  conclude(h);
}

static void look_at(struct replica *r) {
  if (!r->running || r->ready || r->asking) return;
  r->asking = true;
  r->owner->open_questions++;
  engine_sockets(r->owner->engine, r->instance_id, on_sockets, r);
}

/* ---- all of them, again and again ---- */

static void take_report(void *arg, const struct instance_report *report) {
  health *h = arg;
  if (report->replica < 0 || report->replica >= h->question.replicas) return;
  struct replica *r = &h->replicas[report->replica];
  bool running = report->status == INSTANCE_RUNNING && !str_empty(report->address);
  bool other_process = !r->running || report->restarts != r->restarts;
  if (running && other_process) r->running_since_ms = clock_monotonic_ms();
  if (!running || other_process) r->ready = false;
  r->running = running;
  r->exited = report->status == INSTANCE_EXITED;
  r->crashed = report->status == INSTANCE_CRASHED;
  r->oom_killed = report->oom_killed;
  r->exit_code = report->exit_code;
  r->restarts = report->restarts;
  str_replace_owned(&r->instance_id, report->instance_id);
  str_replace_owned(&r->address, report->address);
  if (!str_empty(report->problem)) {
    set_problem(r, report->problem);
  } else if (r->exited) {
    set_problem(r, "the app exited with status 0, while other replicas run on");
  } else if (report->status == INSTANCE_RESTARTING) {
    auto_free char *text = str_format("the app exited with status %d and is restarted (%d)",
                                      report->exit_code, report->restarts);
    set_problem(r, text);
  }
}

static void on_poll(void *arg) {
  health *h = arg;
  timer_stop(h->poll);
  h->poll_ms = h->poll_ms * 3 / 2 + 1 < POLL_MAX_MS ? h->poll_ms * 3 / 2 + 1 : POLL_MAX_MS;
  int64_t left = left_ms(h);
  h->poll = timer_start(h->loop, left > 0 && left < h->poll_ms ? left : h->poll_ms, 0, on_poll, h);
  h->open_questions++; /* keeps h while answers come at once */
  engine_each(h->engine, h->workload_id, take_report, h);
  for (int i = 0; i < h->question.replicas && !h->over; i++) look_at(&h->replicas[i]);
  if (!h->over) conclude(h);
  h->open_questions--;
  free_if_unused(h);
}

health *health_start(loop *l, http_client *client, engine *en, const struct health_question *question,
                     health_line_fn *on_line, health_done_fn *done, void *arg) {
  health *h = mem_zalloc(sizeof *h);
  h->loop = l;
  h->client = client;
  h->engine = en;
  h->question = *question;
  h->workload_id = str_dup(question->workload_id);
  h->path = str_empty(question->path) ? NULL : str_dup(question->path);
  if (question->exposed) strv_add_all(&h->exposed, (const char *const *)question->exposed->items);
  if (!h->question.quiet_ms) h->question.quiet_ms = HEALTH_QUIET_MS;
  if (!h->question.settle_ms) h->question.settle_ms = HEALTH_SETTLE_MS;
  if (h->question.replicas > MAX_REPLICAS) h->question.replicas = MAX_REPLICAS;
  for (int i = 0; i < MAX_REPLICAS; i++) h->replicas[i].owner = h;
  h->on_line = on_line;
  h->done = done;
  h->arg = arg;
  h->started_ms = clock_monotonic_ms();
  h->poll_ms = POLL_FIRST_MS;
  h->poll = timer_start(l, POLL_FIRST_MS, 0, on_poll, h);
  if (h->path) {
    say(h, "info", "====================");
    say(h, "info", "Starting Healthcheck");
    say(h, "info", "====================");
    say(h, "info", "Path: %s", h->path);
    say(h, "info", "Retry window: %llds", (long long)(question->timeout_ms / 1000));
  }
  return h;
}

void health_instance_changed(health *h) {
  h->poll_ms = POLL_FIRST_MS;
  timer_stop(h->poll);
  h->poll = timer_start(h->loop, 0, 0, on_poll, h);
}

void health_cancel(health *h) {
  if (!h) return;
  end(h);
  free_if_unused(h);
}
