/* events. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/queries.h"
#include "cli/scope.h"

#define EVENT_LIMIT 50
#define EVENT_LIMIT_MAX 500 /* one page of the API */

static err *fetch(struct cli *cli, const struct scope *scope, long long limit, json_t **ret_events) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_project_events,
                json_pack("{s:s, s:s, s:I}", "projectId", scope->project_id, "environmentId",
                          scope->environment_id, "first", (json_int_t)limit),
                &data));
  json_t *all = json_array(), *node;
  const json_t *connection = json_object_get(data, "events");
  for (size_t i = 0; (node = scope_node_at(connection, i)); i++)
    json_array_append(all, node);
  *ret_events = all;
  return NULL;
}

/* "repaired: the bridge was gone; made again (3 times)". */
static char *text_of(const json_t *event) {
  const json_t *payload = json_object_get(event, "payload");
  const char *cause = json_get_text(payload, "cause"), *outcome = json_get_text(payload, "outcome");
  long long count = json_get_int(payload, "count", 1);
  auto_free char *times = count > 1 ? str_format(" (%lld times)", count) : str_dup("");
  auto_free char *text = str_format("%s%s%s%s", cause ? cause : "", outcome ? "; " : "",
                                    outcome ? outcome : "", times);
  return format_printable(text);
}

static void print_events(struct cli *cli, const json_t *all) {
  auto_table table;
  table_init(&table, 4);
  table_add(&table, "TIME", "SEVERITY", "WHAT", "CAUSE", NULL);
  size_t i;
  const json_t *event;
  json_array_foreach(all, i, event) {
    char time[FORMAT_SIZE];
    auto_free char *text = text_of(event);
    auto_free char *what =
        str_format("%s %s", json_get_text(event, "object"), json_get_text(event, "action"));
    format_local_time(json_get_text(event, "createdAt"), time);
    table_add(&table, time, json_get_text(event, "severity"), what, text, NULL);
  }
  out_table(&cli->out, &table);
}

static err *run_events(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *all = NULL;
  long long limit;
  TRY(args_int(args, "limit", 1, EVENT_LIMIT_MAX, EVENT_LIMIT, &limit));
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(fetch(cli, &scope, limit, &all));
  if (args_has(args, "json"))
    out_json(&cli->out, all);
  else if (json_array_size(all))
    print_events(cli, all);
  else
    out_line(&cli->out, "Nothing has happened by itself in %s", scope.environment_name);
  return NULL;
}

/* clang-format off */
static const struct flag events_flags[] = {
  { "limit|n", "N", "how many, newest first (default: 50)" },
  FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_events = {
    .name = "events",
    .usage = "",
    .summary = "List what happened by itself: crashes, restarts, repairs",
    .details = "Instances that crashed or were started again, and damage from outside that was found "
               "and\nrepaired, each with its cause. What concerns the whole machine is in every "
               "project's list.",
    .examples = "events\nevents -e production --limit 200 --json",
    .flags = events_flags,
    .run = run_events,
};
