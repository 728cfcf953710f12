/* redeploy, restart, rollback, cancel, down: what can be done with a deployment. */
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
    out_done(&cli->out, "%s", done);
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
  const char *latest = json_get_text(json_array_get(all, 0), "id");
  if (!latest) return deployments_none_yet(cli, scope);
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

/* The deployment that serves; the error says what there is instead. */
static err *need_live(struct cli *cli, const struct scope *scope, json_t **ret_all, char **ret_id) {
  TRY(deployments_fetch(cli, scope, DEPLOYMENT_SEARCH_LIMIT, ret_all));
  const json_t *live = deployments_live(*ret_all), *newest = json_array_get(*ret_all, 0);
  if (!newest) return deployments_none_yet(cli, scope);
  if (!live && deployments_is_coming(newest))
    return err_new(ERR_CONFLICT, "%s has no live deployment in %s yet: %s is %s; wait for it, or `%s cancel` it",
                   scope->service_name, scope->environment_name, json_get_text(newest, "id"),
                   json_get_text(newest, "status"), cli->program);
  if (!live)
    return err_new(ERR_NOT_FOUND, "%s has no live deployment in %s: the newest is %s; `%s redeploy` starts it again",
                   scope->service_name, scope->environment_name, json_get_text(newest, "status"), cli->program);
  *ret_id = str_dup(json_get_text(live, "id"));
  return NULL;
}

static err *run_restart(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *all = NULL, *data = NULL;
  auto_free char *id = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(need_live(cli, &scope, &all, &id));
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

static err *choose_rollback(struct cli *cli, const struct scope *scope, char **ret_id) {
  auto_json *all = NULL;
  TRY(deployments_fetch(cli, scope, DEPLOYMENT_SEARCH_LIMIT, &all));
  const json_t *previous = deployments_previous_good(all);
  if (!previous)
    return err_new(ERR_NOT_FOUND,
                   "%s has no earlier deployment whose image is still kept; "
                   "`%s redeploy` builds again",
                   scope->service_name, cli->program);
  *ret_id = str_dup(json_get_text(previous, "id"));
  return NULL;
}

typedef err *choose_fn(struct cli *cli, const struct scope *scope, char **ret_id);

/* The deployment that is named, or that `choose` finds; asks whether to `act` on it. */
static err *pick(struct cli *cli, const struct args *args, choose_fn *choose, const char *act,
                 struct scope *ret_scope, char **ret_id) {
  TRY(scope_find(cli, args, SCOPE_SERVICE, ret_scope));
  if (args->word_count)
    TRY(deployments_resolve(cli, args, args_word(args, 0), ret_id));
  else
    TRY(choose(cli, ret_scope, ret_id));
  auto_free char *what = str_format("%s deployment %s:", act, *ret_id);
  return ask(cli, args, what, ret_scope);
}

static err *run_rollback(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  auto_free char *id = NULL;
  TRY(pick(cli, args, choose_rollback, "Roll back to", &scope, &id));
  TRY(cli_query(cli, mutation_deployment_rollback, json_pack("{s:s}", "id", id), &data));
  const char *made = json_get_text(data, "deploymentRollbackV2");
  if (!made) return err_new(ERR_CORRUPT, "the server named no new deployment");
  auto_free char *done = str_format("%s is back at deployment %s (as %s)", scope.service_name, id, made);
  return wait_for(cli, args, made, false, done);
}

const struct command command_rollback = {
    .name = "rollback",
    .usage = "[DEPLOYMENT_ID]",
    .summary = "Go back to an earlier deployment: its image, settings, variables and routes",
    .details = "Without an id it goes back to the one before the live one. The beginning of an id is\n"
               "enough. It is a new deployment without a build; the service's own settings and variables\n"
               "stay as they are and count again with the next `up` or `redeploy`. Domains lead to the\n"
               "ports of then while it serves, and those deleted since come back.",
    .examples = "rollback --yes\nrollback 3f0c  # an id of `tram deployment list`\n"
                "diff 3f0c  # what would change back",
    .flags = act_flags,
    .max_words = 1,
    .run = run_rollback,
};

static err *choose_cancelled(struct cli *cli, const struct scope *scope, char **ret_id) {
  auto_json *all = NULL;
  size_t i;
  const json_t *deployment;
  TRY(deployments_fetch(cli, scope, DEPLOYMENT_SEARCH_LIMIT, &all));
  json_array_foreach(all, i, deployment) {
    if (!deployments_is_coming(deployment)) continue;
    *ret_id = str_dup(json_get_text(deployment, "id"));
    return NULL;
  }
  return err_new(ERR_NOT_FOUND, "nothing of %s is on its way in %s: there is nothing to cancel", scope->service_name,
                 scope->environment_name);
}

static err *run_cancel(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  auto_free char *id = NULL;
  TRY(pick(cli, args, choose_cancelled, "Cancel", &scope, &id));
  TRY(cli_query(cli, mutation_deployment_cancel, json_pack("{s:s}", "id", id), &data));
  auto_json *answer = json_pack("{s:s}", "id", id);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Cancelled deployment %s; what served before serves on", id);
  return NULL;
}

const struct command command_cancel = {
    .name = "cancel",
    .usage = "[DEPLOYMENT_ID]",
    .summary = "Stop a deployment that is not live yet; what served before serves on",
    .details = "Without an id the newest that is on its way. The beginning of an id is enough.",
    .flags = act_flags,
    .max_words = 1,
    .run = run_cancel,
};

static err *run_down(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *all = NULL, *data = NULL;
  auto_free char *id = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(need_live(cli, &scope, &all, &id));
  auto_free char *question =
      str_format("Take down %s in %s?", scope.service_name, scope.environment_name);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_deployment_remove, json_pack("{s:s}", "id", id), &data));
  auto_json *answer = json_pack("{s:s}", "id", id);
  const json_t *newest = json_array_get(all, 0);
  if (args_has(args, "json")) {
    out_json(&cli->out, answer);
    return NULL;
  }
  out_line(&cli->out, "Took down %s in %s; `%s rollback %s` brings it back", scope.service_name,
           scope.environment_name, cli->program, id);
  if (deployments_is_coming(newest))
    out_line(&cli->out, "Deployment %s is %s and goes on: `%s cancel` stops it", json_get_text(newest, "id"),
             json_get_text(newest, "status"), cli->program);
  return NULL;
}

const struct command command_down = {
    .name = "down",
    .usage = "",
    .summary = "Take the live deployment down; the service and its settings stay",
    .flags = act_flags,
    .run = run_down,
};
