/* service source connect, disconnect: where a service's code comes from. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/queries.h"
#include "cli/scope.h"

/* As Railway's: in every environment. */
static err *connect_everywhere(struct cli *cli, const struct args *args, const struct scope *scope) {
  auto_json *data = NULL;
  json_t *input = json_pack("{s:s*, s:s*, s:s*}", "repo", args_text(args, "repo"), "branch", args_text(args, "branch"),
                            "image", args_text(args, "image"));
  return cli_query(cli, mutation_service_connect, json_pack("{s:s, s:o}", "id", scope->service_id, "input", input), &data);
}

static err *connect_here(struct cli *cli, const struct args *args, const struct scope *scope) {
  auto_json *data = NULL;
  json_t *input = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "projectId", scope->project_id, "environmentId",
                            scope->environment_id, "serviceId", scope->service_id, "provider", "github", "repository",
                            args_text(args, "repo"), "branch", args_text(args, "branch"));
  if (args_has(args, "wait-for-ci")) json_object_set_new(input, "checkSuites", json_true());
  return cli_query(cli, mutation_deployment_trigger_create, json_pack("{s:o}", "input", input), &data);
}

static err *run_connect(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  const char *repo = args_text(args, "repo"), *image = args_text(args, "image"), *branch = args_text(args, "branch");
  bool here = args_has(args, "environment") || args_has(args, "wait-for-ci");
  if (!repo == !image) return err_new(ERR_INVALID, "say where the code comes from: --repo with --branch, or --image");
  if (here && (!repo || !branch))
    return err_new(ERR_INVALID, "--environment and --wait-for-ci need --repo and --branch");
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(here ? connect_here(cli, args, &scope) : connect_everywhere(cli, args, &scope));
  auto_json *answer = json_pack("{s:s, s:s, s:s*, s:s*, s:s*}", "id", scope.service_id, "name", scope.service_name,
                                "repo", repo, "branch", branch, "image", image);
  if (args_has(args, "json")) {
    out_json(&cli->out, answer);
    return NULL;
  }
  out_line(&cli->out, "Connected %s to %s%s%s", scope.service_name, repo ? repo : image, branch ? ", branch " : "",
           branch ? branch : "");
  err_line(&cli->out, "`%s redeploy --from-source` deploys it%s%s%s", cli->program,
           repo ? "; with `" : "", repo ? cli->program : "", repo ? " webhook create` pushes do" : "");
  return NULL;
}

static err *run_disconnect(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(cli_query(cli, mutation_service_disconnect, json_pack("{s:s}", "id", scope.service_id), &data));
  auto_json *answer = json_pack("{s:s, s:s}", "id", scope.service_id, "name", scope.service_name);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Disconnected %s; what runs of it runs on", scope.service_name);
  return NULL;
}

/* clang-format off */
static const struct flag connect_flags[] = {
  { "repo",         "REPO",   "a git URL, path on the host, or owner/name on GitHub" },
  { "branch",       "BRANCH", "deploy this branch (default: the repository's)" },
  { "image",        "IMAGE",  "or an image" },
  { "wait-for-ci",  NULL,     "deploy a push when all checks of its commit have passed" },
  FLAG_SERVICE, { "environment|e", "ENVIRONMENT", "only in this environment" }, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag disconnect_flags[] = {
  FLAG_SERVICE, { "environment|e", "ENVIRONMENT", "accepted; a service is disconnected in all" }, FLAG_PROJECT,
  FLAG_JSON, FLAG_END,
};
/* clang-format on */
static const struct command source_connect = {
    .name = "connect",
    .usage = "",
    .summary = "Connect a service to a branch of a repository, or to an image",
    .examples = "service source connect --repo ada/shop --branch main\n"
                "service source connect --repo ada/shop --branch develop -e staging --wait-for-ci",
    .flags = connect_flags,
    .run = run_connect,
};
static const struct command source_disconnect = {
    .name = "disconnect",
    .usage = "",
    .summary = "Take a service's source away",
    .flags = disconnect_flags,
    .run = run_disconnect,
};
static const struct flag no_flags[] = {FLAG_END};
static const struct command *const subcommands[] = {&source_connect, &source_disconnect, NULL};
const struct command command_service_source = {
    .name = "source",
    .usage = "",
    .summary = "Say where a service's code comes from",
    .flags = no_flags,
    .subcommands = subcommands,
};
