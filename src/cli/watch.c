#include "cli/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/logs.h"
#include "cli/queries.h"
#include "cli/stream.h"

#define REDRAW_MS 100
#define EXPLAIN_LINES 10
#define SUBSCRIBED_LINES 500 /* of before the subscription; as Railway's CLI asks for */
#define LATE_LINES_MS 500    /* how long the last lines of a build may come after its end */

/* clang-format off */
static const struct { const char *status; bool end, good; } statuses[] = {
  { "NEEDS_APPROVAL", true,  false },
  { "SUCCESS",        true,  true  },
  { "SLEEPING",       true,  true  },
  { "SKIPPED",        true,  true  },
  { "FAILED",         true,  false },
  { "CRASHED",        true,  false },
  { "REMOVED",        true,  false },
};
/* clang-format on */

bool watch_is_end(const char *status) {
  for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
    if (str_eq(statuses[i].status, status)) return statuses[i].end;
  return false;
}

static bool is_good(const char *status) {
  for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
    if (str_eq(statuses[i].status, status)) return statuses[i].good;
  return false;
}

void watch_end_done(struct watch_end *end) {
  free(end->status);
  free(end->reason);
  free(end->url);
  free(end->superseded_by);
  *end = (struct watch_end){0};
}

/* What is known while following. */
struct follower {
  struct cli *cli;
  const struct watch *watch;
  stream *stream;
  struct log_printer printer;
  int status_id, events_id, logs_id; /* subscriptions; -1 when not asked for */
  struct strv finished;              /* ids of the steps that were printed */
  char *step;                        /* the one that lasts, or NULL */
  int64_t step_start_ms;
  json_t *deployment; /* the newest state, or NULL */
  bool logs_over;
  int spinner;
};

static void follower_done(struct follower *f) {
  stream_free(f->stream);
  log_printer_done(&f->printer);
  strv_done(&f->finished);
  free(f->step);
  json_decref(f->deployment);
}
#define auto_follower __attribute__((cleanup(follower_done))) struct follower

static err *subscribe_all(struct follower *f) {
  const char *id = f->watch->deployment_id;
  TRY(stream_subscribe(f->stream, subscription_deployment, json_pack("{s:s}", "id", id),
                       &f->status_id));
  TRY(stream_subscribe(f->stream, subscription_events, json_pack("{s:s}", "id", id),
                       &f->events_id));
  f->logs_id = -1;
  f->logs_over = !f->watch->build_logs;
  if (!f->watch->build_logs) return NULL;
  return stream_subscribe(
      f->stream, subscription_build_logs,
      json_pack("{s:s, s:s, s:i}", "id", id, "filter", "", "limit", SUBSCRIBED_LINES), &f->logs_id);
}

static void print_step(struct follower *f, const json_t *event, const char *name) {
  const json_t *payload = json_object_get(event, "payload");
  struct output *o = &f->cli->out;
  int64_t from_us = 0, to_us = 0;
  char took[FORMAT_SIZE] = "";
  const char *from = json_get_text(event, "createdAt"), *to = json_get_text(event, "completedAt");
  if (from && to && clock_parse(from, &from_us) && clock_parse(to, &to_us))
    format_duration(json_get_int(payload, "durationMs", (to_us - from_us) / 1000), took);
  bool failed = json_get_text(payload, "error") != NULL;
  bool skipped = json_get_bool(payload, "skipped", false);
  const char *mark = failed ? "✗" : skipped ? "–" : "✓";
  enum style style = failed ? STYLE_RED : skipped ? STYLE_DIM : STYLE_GREEN;
  err_line(o, "%s%s%s %-22s %s%s%s", err_style(o, style), mark, err_reset(o), name,
           err_style(o, STYLE_DIM), skipped ? "skipped" : took, err_reset(o));
}

static void on_event(struct follower *f, const json_t *event) {
  const char *id = json_get_text(event, "id"), *step = json_get_text(event, "step");
  if (!id || !step || f->watch->json || strv_has(&f->finished, id)) return;
  auto_free char *name = format_words(step);
  if (json_get_text(event, "completedAt")) {
    strv_add(&f->finished, id);
    print_step(f, event, name);
    if (str_eq(f->step, name)) str_replace_owned(&f->step, NULL);
    return;
  }
  if (str_eq(f->step, name)) return;
  str_replace_owned(&f->step, name);
  f->step_start_ms = clock_monotonic_ms();
}

static void redraw(struct follower *f) {
  static const char *const frames[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
  if (f->watch->json) return;
  const char *status = f->deployment ? json_get_text(f->deployment, "status") : NULL;
  auto_free char *waiting = format_words(status ? status : "QUEUED");
  char took[FORMAT_SIZE] = "";
  if (f->step) format_duration(clock_monotonic_ms() - f->step_start_ms, took);
  const char *frame = frames[(size_t)f->spinner++ % ARRAY_LEN(frames)];
  out_moving(&f->cli->out, "%s %s  %s", frame, f->step ? f->step : waiting, took);
}

static void on_data(struct follower *f, int id, json_t *data) {
  if (id == f->status_id) {
    json_decref(f->deployment);
    f->deployment = json_incref(json_object_get(data, "deployment"));
  } else if (id == f->events_id) {
    on_event(f, json_object_get(data, "deploymentEvents"));
  } else if (id == f->logs_id) {
    log_print(&f->printer, json_object_get(data, "buildLogs"));
  }
}

/* Every replica runs, or has done its work again; those that are gone do not count. */
static bool all_running(const json_t *deployment) {
  const json_t *instances = json_object_get(deployment, "instances"), *instance;
  size_t i, running = 0;
  json_array_foreach(instances, i, instance) {
    const char *status = json_get_text(instance, "status");
    if (str_eq(status, "REMOVED") || str_eq(status, "REMOVING")) continue;
    if (!str_eq(status, "RUNNING") && !str_eq(status, "EXITED")) return false;
    running++;
  }
  return running > 0;
}

static bool is_over(const struct follower *f) {
  const char *status = json_get_text(f->deployment, "status");
  if (f->watch->restart && str_eq(status, "SUCCESS")) return all_running(f->deployment);
  return watch_is_end(status);
}

/* The server ends the status subscription with the deployment; should it end early, ask. */
static err *ask_status(struct follower *f) {
  auto_json *data = NULL;
  TRY(cli_query(f->cli, query_deployment, json_pack("{s:s}", "id", f->watch->deployment_id),
                &data));
  json_decref(f->deployment);
  f->deployment = json_incref(json_object_get(data, "deployment"));
  return NULL;
}

static err *follow(struct follower *f) {
  int64_t end_ms = 0; /* when to stop waiting for late lines */
  for (;;) {
    bool over = is_over(f);
    if (over && !end_ms) end_ms = clock_monotonic_ms() + LATE_LINES_MS;
    if (over && (f->logs_over || clock_monotonic_ms() >= end_ms)) return NULL;
    struct stream_message message;
    TRY(stream_next(f->stream, REDRAW_MS, &message));
    if (message.event == STREAM_DATA) on_data(f, message.id, message.data);
    json_decref(message.event == STREAM_DATA ? message.data : NULL);
    if (message.event == STREAM_END && message.id == f->logs_id) f->logs_over = true;
    if (message.event == STREAM_END && message.id == f->status_id && !is_over(f)) {
      TRY(ask_status(f));
      if (!is_over(f)) return err_new(ERR_IO, "the server stopped telling the deployment's status");
    }
    redraw(f);
  }
}

err *watch_deployment(struct cli *cli, const struct watch *w, struct watch_end *ret_end) {
  auto_follower f = {.cli = cli, .watch = w};
  log_printer_init(&f.printer, &cli->out, w->json);
  f.printer.dim = true;
  TRY(stream_open(&cli->client, &f.stream));
  TRY(subscribe_all(&f));
  err *e = follow(&f);
  out_moving_end(&cli->out);
  if (e) return err_wrap(e, "following deployment %s (it goes on)", w->deployment_id);
  const char *url = json_get_text(f.deployment, "url"), *newer = json_get_text(f.deployment, "supersededById");
  if (!url) url = json_get_text(f.deployment, "staticUrl");
  *ret_end = (struct watch_end){
      .status = str_dup(json_get_text(f.deployment, "status")),
      .reason = str_dup(json_get_text(f.deployment, "statusReason")),
      .url = str_dup(url),
      .suggest_domain = json_get_bool(f.deployment, "suggestAddServiceDomain", false),
      .superseded_by = str_dup(newer),
      .nothing_changed = !newer && str_eq(json_get_text(f.deployment, "status"), "SKIPPED"),
  };
  return NULL;
}

/* The last lines of one kind of log; an empty array when they cannot be had. */
static json_t *last_lines(struct cli *cli, const char *id, const char *query, const char *field) {
  auto_json *data = NULL;
  json_t *variables = json_pack("{s:s, s:i}", "id", id, "limit", EXPLAIN_LINES);
  err_ignore(cli_query(cli, query, variables, &data));
  json_t *lines = json_object_get(data, field);
  return json_is_array(lines) ? json_incref(lines) : json_array();
}

static void print_last_lines(struct cli *cli, const struct watch *w) {
  const char *title = "last lines of the app";
  auto_json *lines = last_lines(cli, w->deployment_id, query_deployment_logs, "deploymentLogs");
  if (!json_array_size(lines)) {
    if (w->build_logs) return; /* they stand right above */
    json_decref(lines);
    lines = last_lines(cli, w->deployment_id, query_build_logs, "buildLogs");
    title = "last lines of the build";
  }
  if (!json_array_size(lines)) return;
  auto_log_printer printer = {.out = &cli->out, .to_error = true};
  err_line(&cli->out, "\n%s%s%s", err_style(&cli->out, STYLE_DIM), title, err_reset(&cli->out));
  log_print(&printer, lines);
}

void watch_explain(struct cli *cli, const struct watch *w, const struct watch_end *end) {
  struct output *o = &cli->out;
  auto_free char *reason = end->reason ? format_printable(end->reason) : NULL;
  print_last_lines(cli, w);
  err_line(o, "\n%s%s%s%s%s", err_style(o, STYLE_RED), end->status, err_reset(o),
           reason ? ": " : "", reason ? reason : "");
  err_line(o, "\nWhat to do next:");
  err_line(o, "  %s logs --build %s   the whole build log", cli->program, w->deployment_id);
  err_line(o, "  %s logs --deployment %s   what the app printed", cli->program, w->deployment_id);
  err_line(o, "  %s up   deploy again once it is mended; what served before serves on",
           cli->program);
}

err *watch_to_success(struct cli *cli, const struct watch *w, struct watch_end *ret_end) {
  auto_watch_end end = {0};
  TRY(watch_deployment(cli, w, &end));
  if (end.superseded_by)
    return err_new(ERR_CONFLICT, "deployment %s did not go live: a newer one of the service took its place, %s. "
                   "`%s logs --build %s` shows how that one goes", w->deployment_id, end.superseded_by, cli->program,
                   end.superseded_by);
  if (!is_good(end.status)) {
    if (!w->json) watch_explain(cli, w, &end);
    cli->explained = !w->json;
    cli->exit_status = EXIT_NOT_LIVE;
    return err_new(ERR_IO, "deployment %s: %s", w->deployment_id, end.status);
  }
  *ret_end = end;
  end = (struct watch_end){0};
  return NULL;
}
