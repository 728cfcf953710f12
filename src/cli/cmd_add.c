/* add, scale, delete, project: Railway's spellings of what is done to services and projects. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/service.h"

static err *run_add(struct cli *cli, const struct args *args) {
  if (args_has(args, "database")) return database_add(cli, args);
  if (args_has(args, "name") || args_has(args, "link") || args_has(args, "variable") ||
      args_has(args, "size"))
    return err_new(ERR_INVALID, "--name, --size, --link and --variable go with --database");
  return service_create(cli, args, args_text(args, "service"));
}

/* clang-format off */
static const struct flag add_flags[] = {
  { "database|d",  "DATABASE", "add postgres, mysql, mariadb, redis or mongo; may be repeated" },
  { "name",        "NAME",     "with --database: the new service's name (default: Postgres, MySQL, …)" },
  { "size",        "SIZE",     "with --database: how much its volume may hold: megabytes, or 5GB" },
  { "link",        "SERVICE",  "with --database: give this service its URL as a variable" },
  { "variable",    "NAME",     "with --link: the variable (default: DATABASE_URL, MYSQL_URL, …)" },
  { "service|s",   "NAME",     "the new service's name" },
  { "repo|r",      "REPO",     "deploy this git URL, path on the host, or owner/name on GitHub" },
  { "branch",      "BRANCH",   "branch of the repository" },
  { "image|i",     "IMAGE",    "deploy this image; with --database in the place of Tramway's own" },
  { "variables|v", "K=V",      "set a variable; may be repeated" },
  { "verbose",     NULL,       "accepted" },
  FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_add = {
    .name = "add",
    .usage = "",
    .summary = "Add a service or a database to the project",
    .details = "The folder is linked to a new service, but not to a database.",
    .examples = "add --service api\nadd --service cache --image redis:7\n"
                "add --repo https://git.example.org/shop.git --branch main\n"
                "add -d postgres --link api  # api gets DATABASE_URL\nadd -d postgres --image postgres:17 --name orders",
    .flags = add_flags,
    .run = run_add,
};

/* ---- scale ---- */

err *service_read_replicas(const struct args *args, int64_t *ret_replicas) {
  *ret_replicas = 0;
  for (size_t i = 0; i < args->word_count; i++) {
    const char *word = args_word(args, i), *equals = strrchr(word, '=');
    long long number;
    if (!str_to_int(equals ? equals + 1 : word, 0, 1000, &number))
      return err_new(ERR_INVALID, "'%s' should be a number of replicas, as in `scale 3`", word);
    *ret_replicas += number;
  }
  return NULL;
}

static err *current_replicas(struct cli *cli, const struct scope *scope, int64_t *ret_replicas) {
  auto_json *all = NULL;
  TRY(scope_fetch_instances(cli, scope->project_id, scope->environment_id, &all));
  for (size_t i = 0; scope_node_at(all, i); i++)
    if (str_eq(json_get_text(scope_node_at(all, i), "serviceId"), scope->service_id))
      *ret_replicas = json_get_int(scope_node_at(all, i), "numReplicas", 1);
  return NULL;
}

static err *run_scale(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  int64_t replicas = 1;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  if (!args->word_count) {
    TRY(current_replicas(cli, &scope, &replicas));
  } else {
    TRY(service_read_replicas(args, &replicas));
    TRY(cli_query(cli, mutation_service_instance_update,
                  json_pack("{s:s, s:s, s:{s:I}}", "environmentId", scope.environment_id, "serviceId",
                            scope.service_id, "input", "numReplicas", (json_int_t)replicas),
                  &data));
  }
  auto_json *answer = json_pack("{s:s, s:s, s:I}", "serviceId", scope.service_id, "environmentId",
                                scope.environment_id, "numReplicas", (json_int_t)replicas);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "%s in %s: %lld replica%s", scope.service_name, scope.environment_name,
             (long long)replicas, replicas == 1 ? "" : "s");
  return NULL;
}

/* clang-format off */
static const struct flag scale_flags[] = {
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_scale = {
    .name = "scale",
    .usage = "[REPLICAS]",
    .summary = "Show or change how many replicas a service has",
    .details = "New replicas are made from the image that runs; none is rebuilt or restarted.\n"
               "Railway's REGION=REPLICAS is understood: every region is this machine.",
    .examples = "scale\nscale 3\nscale --service worker 2",
    .flags = scale_flags,
    .max_words = 16,
    .run = run_scale,
};

/* ---- delete ---- */

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  TRY(scope_find(cli, args, SCOPE_PROJECT, &scope));
  auto_free char *question = str_format(
      "Delete project %s with all its environments, services and variables? There is no way back.",
      scope.project_name);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_project_delete, json_pack("{s:s}", "id", scope.project_id), &data));
  auto_json *answer = json_pack("{s:s, s:s}", "id", scope.project_id, "name", scope.project_name);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Deleted project %s", scope.project_name);
  return NULL;
}

/* clang-format off */
static const struct flag delete_flags[] = { FLAG_PROJECT, FLAG_YES, FLAG_2FA_CODE, FLAG_JSON, FLAG_END };
/* clang-format on */
const struct command command_delete = {
    .name = "delete",
    .aliases = "rm|remove",
    .usage = "",
    .summary = "Delete the project and everything in it",
    .examples = "delete --project shop --yes",
    .flags = delete_flags,
    .run = run_delete,
};

/* `projects` without more lists them. */
static err *run_projects(struct cli *cli, const struct args *args) {
  return command_list.run(cli, args);
}

static const struct flag list_flags[] = {FLAG_JSON, FLAG_END};
static const struct command *const project_commands[] = {&command_list, &command_link, &command_delete, NULL};
const struct command command_project = {
    .name = "project",
    .aliases = "projects",
    .usage = "",
    .summary = "List, link and delete projects",
    .flags = list_flags,
    .subcommands = project_commands,
    .run = run_projects,
};
