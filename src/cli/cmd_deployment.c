/* deployment list, deployment show. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/deployments.h"
#include "cli/pages.h"
#include "cli/queries.h"
#include "cli/scope.h"

#define DEFAULT_LIMIT 20

/* Railway's lines: "id | STATUS | local time", and ours: the message. */
static void print_list(struct cli *cli, const json_t *all) {
  auto_table table;
  table_init(&table, 4);
  size_t i;
  const json_t *deployment;
  json_array_foreach(all, i, deployment) {
    char time[FORMAT_SIZE];
    auto_free char *status = out_status(&cli->out, json_get_text(deployment, "status"));
    const json_t *meta = json_object_get(deployment, "meta");
    const char *message = json_get_text(meta, "commitMessage");
    auto_free char *note = format_printable(message ? message : "");
    format_local_time(json_get_text(deployment, "createdAt"), time);
    auto_free char *second = str_format("| %s", status), *third = str_format("| %s", time);
    auto_free char *fourth = *note ? str_format("| %s", note) : str_dup("");
    table_add(&table, json_get_text(deployment, "id"), second, third, fourth, NULL);
  }
  out_table(&cli->out, &table);
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *all = NULL;
  long long limit;
  TRY(args_int(args, "limit", 1, DEPLOYMENT_LIST_MAX, DEFAULT_LIMIT, &limit));
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(deployments_fetch(cli, &scope, limit, &all));
  if (args_has(args, "json"))
    out_json(&cli->out, all);
  else if (json_array_size(all))
    print_list(cli, all);
  else
    return deployments_none_yet(cli, &scope);
  return NULL;
}

/* clang-format off */
static const struct flag list_flags[] = {
  { "limit", "N", "how many, newest first (default: 20)" },
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
static const struct command deployment_list = {
    .name = "list",
    .aliases = "ls",
    .usage = "",
    .summary = "List a service's deployments, newest first",
    .flags = list_flags,
    .run = run_list,
};

static err *fetch_steps(struct cli *cli, const char *id, json_t **ret_steps) {
  auto_json *data = NULL;
  TRY(pages_query(cli, query_events, json_pack("{s:s}", "id", id), "deploymentEvents", &data));
  json_t *steps = json_array(), *node;
  const json_t *connection = json_object_get(data, "deploymentEvents");
  for (size_t i = 0; (node = scope_node_at(connection, i)); i++)
    json_array_append(steps, node);
  *ret_steps = steps;
  return NULL;
}

static void print_steps(struct cli *cli, const json_t *steps) {
  auto_table table;
  table_init(&table, 3);
  size_t i;
  const json_t *step;
  json_array_foreach(steps, i, step) {
    const json_t *payload = json_object_get(step, "payload");
    auto_free char *name = format_words(json_get_text(step, "step"));
    char took[FORMAT_SIZE] = "running";
    if (json_get_text(step, "completedAt"))
      format_duration(json_get_int(payload, "durationMs", 0), took);
    const char *error = json_get_text(payload, "error");
    auto_free char *clean = format_printable(error ? error : "");
    table_add(&table, name, json_get_bool(payload, "skipped", false) ? "skipped" : took, clean,
              NULL);
  }
  out_line(&cli->out, "%s", "");
  out_table(&cli->out, &table);
}

static void print_deployment(struct cli *cli, const json_t *deployment) {
  struct output *o = &cli->out;
  char time[FORMAT_SIZE];
  auto_free char *status = out_status(o, json_get_text(deployment, "status"));
  const char *reason = json_get_text(deployment, "statusReason");
  const char *url = json_get_text(deployment, "url");
  const char *release = json_get_text(json_object_get(deployment, "release"), "hash");
  format_local_time(json_get_text(deployment, "createdAt"), time);
  out_line(o, "Deployment  %s", json_get_text(deployment, "id"));
  out_line(o, "Service     %s", json_get_text(json_object_get(deployment, "service"), "name"));
  out_line(o, "Status      %s", status);
  out_line(o, "Created     %s", time);
  if (url) out_line(o, "Domain      %s", url);
  if (release)
    out_line(o, "Release     %.12s, image %.19s", release,
             json_get_text(json_object_get(deployment, "release"), "imageDigest"));
  if (reason) {
    auto_free char *clean = format_printable(reason);
    out_line(o, "Reason      %s", clean);
  }
}

/* What visitors had of it: "1204 served, 0 failed, …". */
static void print_receipt(struct cli *cli, const json_t *receipt) {
  struct output *o = &cli->out;
  const char *previous = json_get_text(receipt, "previousDeploymentId");
  if (!receipt || json_is_null(receipt)) return;
  if (!json_is_integer(json_object_get(receipt, "servedRequests"))) {
    out_line(o, "Cutover     %s", json_get_text(receipt, "switchedAt") ? "the former deployment is ending" : "under way");
    return;
  }
  char slowest[FORMAT_SIZE];
  format_duration(json_get_int(receipt, "slowestMs", 0), slowest);
  out_line(o, "Cutover     %lld requests served, %lld failed, slowest %s%s",
           (long long)json_get_int(receipt, "servedRequests", 0),
           (long long)json_get_int(receipt, "failedRequests", 0), slowest,
           json_get_bool(receipt, "complete", true) ? "" : " (a part of the access log is missing)");
  if (previous)
    out_line(o, "            from %s: %lld connections finished, %lld cut", previous,
             (long long)json_get_int(receipt, "drainedConnections", 0),
             (long long)json_get_int(receipt, "cutConnections", 0));
}

/* The one that serves; where nothing does, the newest. */
static err *find_shown(struct cli *cli, const struct args *args, char **ret_id) {
  auto_scope scope = {0};
  auto_json *all = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(deployments_fetch(cli, &scope, DEPLOYMENT_SEARCH_LIMIT, &all));
  const json_t *shown = deployments_live(all);
  if (!shown) shown = json_array_get(all, 0);
  if (!shown) return deployments_none_yet(cli, &scope);
  *ret_id = str_dup(json_get_text(shown, "id"));
  return NULL;
}

static err *run_show(struct cli *cli, const struct args *args) {
  auto_json *deployment = NULL, *steps = NULL;
  auto_free char *id = NULL;
  TRY(cli_need_token(cli));
  if (args->word_count)
    TRY(deployments_resolve(cli, args, args_word(args, 0), &id));
  else
    TRY(find_shown(cli, args, &id));
  TRY(deployments_fetch_one(cli, id, &deployment));
  TRY(fetch_steps(cli, id, &steps));
  if (args_has(args, "json")) {
    json_object_set(deployment, "events", steps);
    out_json(&cli->out, deployment);
    return NULL;
  }
  print_deployment(cli, deployment);
  print_receipt(cli, json_object_get(deployment, "receipt"));
  if (json_array_size(steps)) print_steps(cli, steps);
  return NULL;
}

static err *run_approve(struct cli *cli, const struct args *args) {
  auto_json *deployment = NULL, *data = NULL;
  auto_free char *id = NULL;
  TRY(cli_need_token(cli));
  TRY(deployments_resolve(cli, args, args_word(args, 0), &id));
  TRY(deployments_fetch_one(cli, id, &deployment));
  TRY(cli_query(cli, mutation_deployment_approve, json_pack("{s:s}", "id", id), &data));
  const char *commit = json_get_text(json_object_get(deployment, "meta"), "commitHash");
  auto_json *answer = json_pack("{s:s, s:s?}", "id", id, "commitHash", commit);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Approved commit %s: it is being deployed", commit ? commit : "of today");
  return NULL;
}

/* clang-format off */
static const struct flag show_flags[] = {
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
static const struct command deployment_show = {
    .name = "show",
    .usage = "[DEPLOYMENT_ID]",
    .summary = "Show one deployment: its status, the reason, its steps",
    .details = "Without an id the one that serves, else the newest. The beginning of an id is enough.",
    .flags = show_flags,
    .max_words = 1,
    .run = run_show,
};

static const struct command deployment_approve = {
    .name = "approve",
    .usage = "DEPLOYMENT_ID",
    .summary = "Let a fork's commit be deployed in its pull request's environment",
    .details = "Of this commit only: a newer one has to be approved anew. What else waits for it goes on, too.",
    .flags = show_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_approve,
};

static const struct command *const deployment_subcommands[] = {
    &deployment_list, &deployment_show, &deployment_approve, &command_diff, &command_up, &command_redeploy, NULL,
};
const struct command command_deployment = {
    .name = "deployment",
    .aliases = "deployments",
    .usage = "",
    .summary = "List a service's deployments, or show one",
    .examples = "deployment list --limit 50\ndeployment show 3f0c…",
    .flags = list_flags,
    .subcommands = deployment_subcommands,
    .run = run_list,
};
