/* deployment list, deployment show, redeploy, restart, rollback, down. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/deployments.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/watch.h"

#define DEFAULT_LIMIT 20
#define SEARCH_LIMIT 100 /* how far back the previous good deployment is looked for */

static err *none_yet(const struct cli *cli, const struct scope *scope) {
  return err_new(ERR_NOT_FOUND, "%s has no deployment yet: `%s up` makes one", scope->service_name,
                 cli->program);
}

/* --- list, show ------------------------------------------------------------------------------- */

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
    table_add(&table, json_get_text(deployment, "id"), status, time, note, NULL);
  }
  out_table(&cli->out, &table);
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *all = NULL;
  long long limit;
  TRY(args_int(args, "limit", 1, DEPLOYMENT_LIMIT_MAX, DEFAULT_LIMIT, &limit));
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(deployments_fetch(cli, &scope, limit, &all));
  if (args_has(args, "json"))
    out_json(&cli->out, all);
  else if (json_array_size(all))
    print_list(cli, all);
  else
    return none_yet(cli, &scope);
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
  TRY(cli_query(cli, query_events, json_pack("{s:s}", "id", id), &data));
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
  format_local_time(json_get_text(deployment, "createdAt"), time);
  out_line(o, "Deployment  %s", json_get_text(deployment, "id"));
  out_line(o, "Service     %s", json_get_text(json_object_get(deployment, "service"), "name"));
  out_line(o, "Status      %s", status);
  out_line(o, "Created     %s", time);
  if (url) out_line(o, "Domain      %s", url);
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

static err *run_show(struct cli *cli, const struct args *args) {
  auto_json *deployment = NULL, *steps = NULL;
  TRY(cli_need_token(cli));
  TRY(deployments_fetch_one(cli, args_word(args, 0), &deployment));
  TRY(fetch_steps(cli, args_word(args, 0), &steps));
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

static const struct flag show_flags[] = {FLAG_JSON, FLAG_END};
static const struct command deployment_show = {
    .name = "show",
    .usage = "DEPLOYMENT_ID",
    .summary = "Show one deployment: its status, the reason, its steps",
    .flags = show_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_show,
};

/* --- redeploy, restart, rollback, down -------------------------------------------------------- */

/* Follows and says how it ended; with --json one object at the end. */
static err *wait_for(struct cli *cli, const struct args *args, const char *id, bool restart,
                     const char *done) {
  bool json = args_has(args, "json");
  auto_watch_end end = {0};
  struct watch w = {.deployment_id = id, .json = json, .restart = restart};
  TRY(watch_to_success(cli, &w, &end));
  if (json) {
    auto_json *answer = json_pack("{s:s, s:s}", "id", id, "status", end.status);
    out_json(&cli->out, answer);
  } else {
    out_line(&cli->out, "%s✓%s %s", out_style(&cli->out, STYLE_GREEN), out_reset(&cli->out), done);
  }
  return NULL;
}

static err *ask(struct cli *cli, const struct args *args, const char *what,
                const struct scope *scope) {
  if (!cli->out.interactive) return NULL; /* nothing is lost: scripts need no --yes */
  auto_free char *question =
      str_format("%s %s in %s?", what, scope->service_name, scope->environment_name);
  return cli_confirm(cli, args, question);
}

static err *deploy_from_source(struct cli *cli, const struct scope *scope, char **ret_id) {
  auto_json *data = NULL;
  TRY(cli_query(cli, mutation_deploy,
                json_pack("{s:s, s:s}", "environmentId", scope->environment_id, "serviceId",
                          scope->service_id),
                &data));
  *ret_id = str_dup(json_get_text(data, "serviceInstanceDeployV2"));
  return NULL;
}

static err *redeploy_latest(struct cli *cli, const struct scope *scope, char **ret_id) {
  auto_json *all = NULL, *data = NULL;
  TRY(deployments_fetch(cli, scope, 1, &all));
  const char *latest = json_get_text(deployments_newest(all, NULL), "id");
  if (!latest) return none_yet(cli, scope);
  TRY(cli_query(cli, mutation_deployment_redeploy, json_pack("{s:s}", "id", latest), &data));
  *ret_id = str_dup(json_get_text(json_object_get(data, "deploymentRedeploy"), "id"));
  return NULL;
}

static err *run_redeploy(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_free char *id = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(ask(cli, args, "Redeploy", &scope));
  if (args_has(args, "from-source"))
    TRY(deploy_from_source(cli, &scope, &id));
  else
    TRY(redeploy_latest(cli, &scope, &id));
  if (!id) return err_new(ERR_CORRUPT, "the server named no new deployment");
  auto_free char *done = str_format("%s was deployed again (%s)", scope.service_name, id);
  return wait_for(cli, args, id, false, done);
}

/* clang-format off */
static const struct flag redeploy_flags[] = {
  { "from-source", NULL, "fetch the newest commit or image instead of repeating the last" },
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_YES, FLAG_JSON, FLAG_END,
};
static const struct flag act_flags[] = {
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_YES, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_redeploy = {
    .name = "redeploy",
    .usage = "",
    .summary = "Deploy the same source again with today's variables",
    .examples = "redeploy --service api",
    .flags = redeploy_flags,
    .run = run_redeploy,
};

static err *run_restart(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *all = NULL, *data = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(deployments_fetch(cli, &scope, SEARCH_LIMIT, &all));
  json_t *live = deployments_newest(all, "SUCCESS");
  if (!live) live = deployments_newest(all, NULL);
  const char *id = json_get_text(live, "id");
  if (!id) return none_yet(cli, &scope);
  TRY(ask(cli, args, "Restart", &scope));
  TRY(cli_query(cli, mutation_deployment_restart, json_pack("{s:s}", "id", id), &data));
  auto_free char *done = str_format("%s was restarted", scope.service_name);
  return wait_for(cli, args, id, true, done);
}

const struct command command_restart = {
    .name = "restart",
    .usage = "",
    .summary = "Restart the live deployment without a build",
    .flags = act_flags,
    .run = run_restart,
};

/* The newest deployment before the live one that can be gone back to. */
static const char *previous_good(const json_t *all) {
  const json_t *live = deployments_newest(all, "SUCCESS"), *deployment;
  bool older = live == NULL;
  size_t i;
  json_array_foreach(all, i, deployment) {
    if (older && json_get_bool(deployment, "canRollback", false))
      return json_get_text(deployment, "id");
    if (deployment == live) older = true;
  }
  return NULL;
}

static err *choose_rollback(struct cli *cli, const struct scope *scope, char **ret_id) {
  auto_json *all = NULL;
  TRY(deployments_fetch(cli, scope, SEARCH_LIMIT, &all));
  const char *id = previous_good(all);
  if (!id)
    return err_new(ERR_NOT_FOUND,
                   "%s has no earlier deployment whose image is still kept; "
                   "`%s redeploy` builds again",
                   scope->service_name, cli->program);
  *ret_id = str_dup(id);
  return NULL;
}

static err *newest_id(struct cli *cli, const struct scope *scope, char **ret_id) {
  auto_json *all = NULL;
  TRY(deployments_fetch(cli, scope, 1, &all));
  *ret_id = str_dup(json_get_text(deployments_newest(all, NULL), "id"));
  return NULL;
}

static err *run_rollback(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  auto_free char *id = str_dup(args_word(args, 0)), *before = NULL, *after = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  if (!id) TRY(choose_rollback(cli, &scope, &id));
  auto_free char *what = str_format("Roll back to deployment %s:", id);
  TRY(ask(cli, args, what, &scope));
  TRY(newest_id(cli, &scope, &before));
  TRY(cli_query(cli, mutation_deployment_rollback, json_pack("{s:s}", "id", id), &data));
  TRY(newest_id(cli, &scope, &after));
  auto_free char *done = str_format("%s is back at deployment %s", scope.service_name, id);
  /* A rollback is a deployment of its own; a server may also revive the old one. */
  return wait_for(cli, args, str_eq(before, after) ? id : after, false, done);
}

const struct command command_rollback = {
    .name = "rollback",
    .usage = "[DEPLOYMENT_ID]",
    .summary = "Go back to an earlier deployment: its image, settings and variables",
    .details = "Without an id it goes back to the one before the live one.",
    .examples = "rollback --yes\nrollback 3f0c…  # an id of `tram deployment list`",
    .flags = act_flags,
    .max_words = 1,
    .run = run_rollback,
};

static err *run_down(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *all = NULL, *data = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(deployments_fetch(cli, &scope, SEARCH_LIMIT, &all));
  json_t *live = deployments_newest(all, "SUCCESS");
  if (!live) live = deployments_newest(all, "CRASHED");
  const char *id = json_get_text(live, "id");
  if (!id)
    return err_new(ERR_NOT_FOUND, "%s has no live deployment in %s", scope.service_name,
                   scope.environment_name);
  auto_free char *question =
      str_format("Take down %s in %s?", scope.service_name, scope.environment_name);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_deployment_remove, json_pack("{s:s}", "id", id), &data));
  auto_json *answer = json_pack("{s:s}", "id", id);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Took down %s in %s; `%s rollback %s` brings it back", scope.service_name,
             scope.environment_name, cli->program, id);
  return NULL;
}

const struct command command_down = {
    .name = "down",
    .usage = "",
    .summary = "Take the live deployment down; the service and its settings stay",
    .flags = act_flags,
    .run = run_down,
};

static const struct command *const deployment_subcommands[] = {
    &deployment_list, &deployment_show, &command_up, &command_redeploy, NULL,
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
