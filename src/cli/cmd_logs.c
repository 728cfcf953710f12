/* logs. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/deployments.h"
#include "cli/logs.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/stream.h"

#define DEFAULT_LINES 500
#define MAX_LINES 5000 /* the API's */

/* What to read. */
struct request {
  const char *field;                /* "buildLogs" or "deploymentLogs" */
  const char *query, *subscription; /* that ask for it */
  char *deployment_id;
  const char *filter;
  char since[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE]; /* "" for none */
  long long lines;
  bool follow;
};

/* "2026-11-21T06:00:00Z" or how long ago: "30s", "15m", "2h", "7d". */
static err *read_time(const char *flag, const char *text, char ret_time[CLOCK_TEXT_SIZE]) {
  static const struct {
    char unit;
    int64_t us;
  } units[] = {
      {'s', 1000000},
      {'m', 60000000},
      {'h', 3600000000},
      {'d', 86400000000},
  };
  int64_t time_us;
  size_t len = strlen(text);
  bool is_time = clock_parse(text, &time_us);
  for (size_t i = 0; !is_time && len > 1 && i < ARRAY_LEN(units); i++) {
    auto_free char *number = str_ndup(text, len - 1);
    long long count;
    if (text[len - 1] != units[i].unit || !str_to_int(number, 0, 100000, &count)) continue;
    time_us = clock_now_us() - count * units[i].us;
    is_time = true;
  }
  if (!is_time)
    return err_new(ERR_INVALID,
                   "--%s: '%s' is neither a time (2026-11-21T06:00:00Z) nor an age "
                   "(30s, 15m, 2h, 7d)",
                   flag, text);
  clock_format(time_us, ret_time);
  return NULL;
}

static err *read_times(const struct args *args, struct request *r) {
  const char *since = args_text(args, "since"), *until = args_text(args, "until");
  if (since) TRY(read_time("since", since, r->since));
  if (until) TRY(read_time("until", until, r->until));
  return NULL;
}

/* The newest deployment that serves, else the newest. */
static err *choose_deployment(struct cli *cli, const struct args *args, json_t **ret_deployment) {
  if (args_word(args, 0)) {
    auto_free char *id = NULL;
    TRY(deployments_resolve(cli, args, args_word(args, 0), &id));
    return deployments_fetch_one(cli, id, ret_deployment);
  }
  auto_scope scope = {0};
  auto_json *all = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(deployments_fetch(cli, &scope, 50, &all));
  json_t *chosen = args_has(args, "latest") ? NULL : deployments_live(all);
  if (!chosen) chosen = json_array_get(all, 0);
  if (!chosen)
    return err_new(ERR_NOT_FOUND, "%s has no deployment yet: `%s up` makes one", scope.service_name,
                   cli->program);
  *ret_deployment = json_incref(chosen);
  return NULL;
}

static bool is_unbuilt(const char *status) {
  static const char *const early[] = {"FAILED", "BUILDING", "INITIALIZING", "QUEUED", "WAITING"};
  for (size_t i = 0; i < ARRAY_LEN(early); i++)
    if (str_eq(early[i], status)) return true;
  return false;
}

static void choose_log(struct request *r, bool build) {
  r->field = build ? "buildLogs" : "deploymentLogs";
  r->query = build ? query_build_logs : query_deployment_logs;
  r->subscription = build ? subscription_build_logs : subscription_deployment_logs;
}

static json_t *variables_of(const struct request *r) {
  return json_pack("{s:s, s:s?, s:I, s:s*, s:s*}", "id", r->deployment_id, "filter",
                   r->filter ? r->filter : "", "limit", (json_int_t)r->lines, "since",
                   *r->since ? r->since : NULL, "until", *r->until ? r->until : NULL);
}

static err *fetch(struct cli *cli, const struct request *r, struct log_printer *printer) {
  auto_json *data = NULL;
  TRY(cli_query(cli, r->query, variables_of(r), &data));
  log_print(printer, json_object_get(data, r->field));
  return NULL;
}

static err *follow(struct cli *cli, const struct request *r, struct log_printer *printer) {
  auto_stream *s = NULL;
  int id;
  TRY(stream_open(&cli->client, &s));
  TRY(stream_subscribe(s, r->subscription, variables_of(r), &id));
  for (;;) {
    struct stream_message message;
    TRY(stream_next(s, -1, &message));
    if (message.event == STREAM_END) return NULL;
    if (message.event != STREAM_DATA) continue;
    log_print(printer, json_object_get(message.data, r->field));
    json_decref(message.data);
  }
}

static err *run_logs(struct cli *cli, const struct args *args) {
  auto_json *deployment = NULL;
  auto_log_printer printer;
  struct request r = {.filter = args_text(args, "filter")};
  log_printer_init(&printer, &cli->out, args_has(args, "json"));
  TRY(cli_need_token(cli));
  TRY(args_int(args, "lines", 1, MAX_LINES, DEFAULT_LINES, &r.lines));
  TRY(read_times(args, &r));
  TRY(choose_deployment(cli, args, &deployment));
  r.deployment_id = (char *)json_get_text(deployment, "id");
  if (!r.deployment_id) return err_new(ERR_CORRUPT, "the server gave a deployment without an id");
  bool build = args_has(args, "build");
  if (!build && !args_has(args, "deployment"))
    build = is_unbuilt(json_get_text(deployment, "status"));
  choose_log(&r, build);
  bool bounded = args_has(args, "lines") || *r.since || *r.until;
  bool wanted = args_has(args, "follow") || (cli->out.out_terminal && !bounded);
  return wanted && !*r.until ? follow(cli, &r, &printer) : fetch(cli, &r, &printer);
}

/* clang-format off */
static const struct flag logs_flags[] = {
  { "build|b",       NULL,     "what the build printed" },
  { "deployment|d",  NULL,     "what the app printed (default, unless nothing was built yet)" },
  { "lines|tail|n",  "N",      "the newest N lines, and no following" },
  { "follow",        NULL,     "go on printing what comes; default on a terminal" },
  { "filter|f",      "FILTER", "only lines that match: words, \"phrases\", @level:error, AND OR -" },
  { "since|S",       "TIME",   "from this time or age on (2h)" },
  { "until|U",       "TIME",   "up to this time or age" },
  { "latest",        NULL,     "of the newest deployment, even when it is not live" },
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_logs = {
    .name = "logs",
    .aliases = "log",
    .usage = "[DEPLOYMENT_ID]",
    .summary = "Show what a deployment's app or build printed",
    .details = "The beginning of a deployment's id is enough.",
    .examples = "logs  # of the live deployment, going on\n"
                "logs -n 100 -s api\n"
                "logs --build  # of its build\n"
                "logs -f '@level:error' -S 2h --json",
    .flags = logs_flags,
    .max_words = 1,
    .run = run_logs,
};
