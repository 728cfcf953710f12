/* up. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/domain.h"
#include "cli/project.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/upload.h"
#include "cli/watch.h"

static err *create_service(struct cli *cli, const struct args *args, struct scope *scope) {
  auto_free char *folder = NULL, *name = NULL;
  const char *given = args_text(args, "name");
  TRY(scope_folder(&folder));
  name = given ? str_dup(given)
               : project_folder_name(scope->link.folder ? scope->link.folder : folder);
  auto_json *data = NULL;
  TRY(cli_query(cli, mutation_service_create,
                json_pack("{s:{s:s, s:s}}", "input", "name", name, "projectId", scope->project_id),
                &data));
  json_t *node = json_object_get(data, "serviceCreate");
  scope->service_id = json_get_text(node, "id");
  scope->service_name = json_get_text(node, "name");
  if (!scope->service_id) return err_new(ERR_CORRUPT, "the new service came without an id");
  json_t *edges = json_object_get(json_object_get(scope->project, "services"), "edges");
  /* The scope borrows from its project: the new service must become a part of that. */
  if (json_array_append_new(edges, json_pack("{s:O}", "node", node)) < 0)
    return err_new(ERR_CORRUPT, "the server's answer about the project lists no services");
  if (!args_has(args, "json")) err_line(&cli->out, "Created service %s", scope->service_name);
  return NULL;
}

static err *new_project(struct cli *cli, const struct args *args, struct scope *ret_scope) {
  auto_free char *folder = NULL, *name = NULL;
  const char *given = args_text(args, "name");
  json_t *project = NULL;
  TRY(cli_need_token(cli));
  TRY(scope_folder(&folder));
  name = given ? str_dup(given) : project_folder_name(folder);
  TRY(project_create(cli, name, args_text(args, "workspace"), &project));
  TRY(project_scope_of_new(project, ret_scope));
  if (!args_has(args, "json")) err_line(&cli->out, "Created project %s", ret_scope->project_name);
  return NULL;
}

/* Whether what was found should become the folder's link: not when flags or variables chose it. */
static bool should_link(const struct cli *cli, const struct args *args, const struct scope *scope) {
  if (args_has(args, "new")) return true;
  if (cli->client.kind == TOKEN_PROJECT || args_has(args, "project")) return false;
  return scope->link.folder && !scope->link.service && !args_has(args, "service");
}

/* Of the project's services, how many take code, and the last of them: not those that run an image, as databases do. */
static err *find_taker(struct cli *cli, const struct scope *scope, size_t *ret_count, const json_t **ret_taker) {
  const json_t *all = json_object_get(scope->project, "services"), *node;
  auto_json *instances = NULL;
  *ret_count = scope_node_count(all);
  *ret_taker = scope_node_at(all, 0);
  if (!*ret_count) return NULL;
  TRY(scope_fetch_instances(cli, scope->project_id, scope->environment_id, &instances));
  for (size_t i = 0; (node = scope_node_at(instances, i)); i++)
    if (json_get_text(json_object_get(node, "source"), "image")) --*ret_count;
  for (size_t i = 0; (node = scope_node_at(instances, i)); i++)
    if (!json_get_text(json_object_get(node, "source"), "image")) *ret_taker = scope_node(all, json_get_text(node, "serviceId"));
  return NULL;
}

static err *choose_service(struct cli *cli, const struct args *args, struct scope *scope) {
  const json_t *all = json_object_get(scope->project, "services"), *taker;
  const char *linked = scope->link.service;
  bool stale = linked && !scope_node(all, linked);
  size_t takers;
  if (scope->service_id) return NULL;
  if (args_has(args, "name")) return create_service(cli, args, scope);
  TRY(find_taker(cli, scope, &takers, &taker));
  if (!takers) return create_service(cli, args, scope);
  if (takers == 1 && taker && !stale) {
    scope->service_id = json_get_text(taker, "id");
    scope->service_name = json_get_text(taker, "name");
    return NULL;
  }
  auto_free char *names = scope_names(all);
  return err_new(ERR_INVALID,
                 "which service? Name one with --service (%s), or a new one with "
                 "--name NAME",
                 names);
}

static err *find_target(struct cli *cli, const struct args *args, struct scope *ret_scope) {
  struct scope scope = {0};
  err *e = args_has(args, "new") ? new_project(cli, args, &scope)
                                 : scope_find(cli, args, SCOPE_SERVICE_IF_ANY, &scope);
  if (!e) e = choose_service(cli, args, &scope);
  if (!e && should_link(cli, args, &scope)) e = scope_save_link(cli, &scope);
  if (e)
    scope_done(&scope);
  else
    *ret_scope = scope;
  return e;
}

static err *send_folder(struct cli *cli, const struct args *args, const struct scope *scope,
                        json_t **ret_answer) {
  struct upload u = {0};
  TRY(upload_place(scope->link.folder, args_word(args, 0), args_has(args, "path-as-root"), &u));
  u.no_gitignore = args_has(args, "no-gitignore");
  u.verbose = args_has(args, "verbose");
  u.quiet = args_has(args, "json");
  u.message = args_text(args, "message");
  err *e = upload_send(cli, scope, &u, ret_answer);
  upload_done(&u);
  return e;
}

static void print_detached(struct cli *cli, const struct args *args, const json_t *answer) {
  const char *id = json_get_text(answer, "deploymentId"), *logs = json_get_text(answer, "logsUrl");
  if (args_has(args, "json")) {
    auto_json *told = json_pack("{s:s, s:s?}", "deploymentId", id, "logsUrl", logs);
    out_json_line(&cli->out, told);
  } else {
    if (logs) out_line(&cli->out, "  Build Logs: %s", logs);
    err_line(&cli->out, "Deploying in the background; `%s logs %s` shows how it goes", cli->program,
             id);
  }
}

/* SUCCESS → "success", for the last line of --json. */
static void print_json_end(struct cli *cli, const char *id, const struct watch_end *watched, const char *url) {
  static const struct {
    const char *status, *word;
  } words[] = {
      {"FAILED", "failed"},
      {"CRASHED", "crashed"},
      {"REMOVED", "removed"},
      {"SKIPPED", "skipped"},
      {"NEEDS_APPROVAL", "needs_approval"},
  };
  const char *word = "success";
  for (size_t i = 0; i < ARRAY_LEN(words); i++)
    if (str_eq(words[i].status, watched->status)) word = words[i].word;
  if (watched->superseded_by) word = "superseded";
  auto_json *end = json_pack("{s:s, s:s, s:s*, s:s*}", "status", word, "deploymentId", id, "url", url, "supersededBy",
                             watched->superseded_by);
  out_json_line(&cli->out, end);
}

/* Where the service answers; makes a domain when it has none and serves something. */
static err *public_url(struct cli *cli, const struct scope *scope, const struct watch_end *end,
                       char **ret_url) {
  if (end->url) return scope_url_of_domain(cli, end->url, ret_url);
  auto_free char *domain = NULL;
  *ret_url = NULL;
  if (!end->suggest_domain) return NULL;
  TRY(domain_create(cli, scope, 0, &domain));
  return scope_url_of_domain(cli, domain, ret_url);
}

static void print_live(struct cli *cli, const struct watch_end *end, int64_t start_ms,
                       const char *url) {
  struct output *o = &cli->out;
  char took[FORMAT_SIZE];
  format_duration(clock_monotonic_ms() - start_ms, took);
  if (end->nothing_changed)
    err_line(o, "Skipped: %s", end->reason ? end->reason : "no changed file matched the patterns");
  else
    err_line(o, "%s%s Live%s after %s", err_style(o, STYLE_GREEN), "✓", err_reset(o), took);
  if (url) out_line(o, "%s", url);
}

static err *follow(struct cli *cli, const struct args *args, const struct scope *scope,
                   const char *id, int64_t start_ms) {
  bool json = args_has(args, "json");
  auto_watch_end end = {0};
  auto_free char *url = NULL;
  struct watch w = {.deployment_id = id, .build_logs = true, .json = json};
  if (json) {
    TRY(watch_deployment(cli, &w, &end));
    bool good =
        str_eq(end.status, "SUCCESS") || str_eq(end.status, "SLEEPING") || end.nothing_changed;
    if (good)
      TRY(public_url(cli, scope, &end, &url));
    else
      cli->exit_status = end.superseded_by ? err_code_exit_status(ERR_CONFLICT) : EXIT_NOT_LIVE;
    print_json_end(cli, id, &end, url);
    return NULL;
  }
  TRY(watch_to_success(cli, &w, &end));
  TRY(public_url(cli, scope, &end, &url));
  print_live(cli, &end, start_ms, url);
  return NULL;
}

static err *run_up(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *answer = NULL;
  int64_t start_ms = clock_monotonic_ms();
  if (args_has(args, "template")) return template_deploy(cli, args);
  if (args_has(args, "variable")) return err_new(ERR_INVALID, "--variable goes with --template; see `variable set`");
  TRY(find_target(cli, args, &scope));
  bool json = args_has(args, "json");
  if (!json)
    err_line(&cli->out, "Deploying %s to %s / %s", scope.service_name, scope.project_name,
             scope.environment_name);
  TRY(send_folder(cli, args, &scope, &answer));
  const char *id = json_get_text(answer, "deploymentId");
  if (!id) return err_new(ERR_CORRUPT, "the server's answer to the upload names no deployment");
  if (args_has(args, "detach")) {
    print_detached(cli, args, answer);
    return NULL;
  }
  const char *logs = json_get_text(answer, "logsUrl");
  if (!json && logs) err_line(&cli->out, "  Build Logs: %s", logs);
  return follow(cli, args, &scope, id, start_ms);
}

/* clang-format off */
static const struct flag up_flags[] = {
  { "detach|no-wait|d", NULL,        "return after the upload; the deployment goes on" },
  { "ci|c",             NULL,        "accepted: `up` ends with the deployment in any case" },
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT,
  { "new",              NULL,        "make a new project for this folder first" },
  { "name",             "NAME",      "name of the new project or the new service (default: the folder's)" },
  { "workspace|w",      "WORKSPACE", "with --new: the workspace" },
  { "no-gitignore",     NULL,        "pack what .gitignore excludes, too" },
  { "path-as-root",     NULL,        "PATH is the root of the upload, not a part of the linked folder" },
  { "message|m",        "TEXT",      "a note, shown with the deployment" },
  { "verbose",          NULL,        "list the files that are packed" },
  { "template|t",       "CODE",      "deploy this template instead of a folder; may be repeated" },
  { "variable|v",       "[SERVICE.]KEY=VALUE", "with --template: a value for one of its variables" },
  FLAG_YES, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_up = {
    .name = "up",
    .aliases = "deploy",
    .usage = "[PATH]",
    .summary = "Deploy the code in this folder",
    .details =
        "Packs the linked folder (or PATH below it) without what .gitignore, .railwayignore,\n"
        ".git and node_modules hold, uploads it, and follows the build and the deployment to\n"
        "their end. What served before serves until the new deployment is healthy; when that\n"
        "fails it serves on, and the exit status is 1; it is 4 when a newer deployment of the\n"
        "service took this one's place before it was live. A project without a service gets one\n"
        "named after the folder, and a service without a domain gets one.",
    .examples = "up  # this folder\n"
                "up backend --path-as-root -s api  # a part of a larger repository\n"
                "up --detach -m 'new prices'\n"
                "up --new --name shop  # project and service in one go\n"
                "deploy -t postgres -t redis",
    .flags = up_flags,
    .max_words = 1,
    .run = run_up,
};
