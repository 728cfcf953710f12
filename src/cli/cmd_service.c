/* service list, new, delete, link, status. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/deployments.h"
#include "cli/prompt.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/service.h"

static err *choose(struct cli *cli, const struct scope *scope, const char *named,
                   json_t **ret_node) {
  const json_t *all = json_object_get(scope->project, "services");
  auto_strv names = STRV_EMPTY;
  size_t i;
  scope_add_names(all, &names);
  if (!names.len)
    return err_new(ERR_NOT_FOUND, "the project \"%s\" has no service yet: `%s up` makes one",
                   scope->project_name, cli->program);
  if (named) return scope_named(all, "Service", named, ret_node);
  TRY(prompt_choose(&cli->out, "Service", &names, "its name as a word", &i));
  *ret_node = scope_node_at(all, i);
  return NULL;
}

static void tell(struct cli *cli, const struct args *args, const json_t *node, const char *done) {
  auto_json *answer = json_pack("{s:O?, s:O?}", "id", json_object_get(node, "id"), "name",
                                json_object_get(node, "name"));
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "%s", done);
}

static err *run_link(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  json_t *node;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(choose(cli, &scope, args_word(args, 0), &node));
  scope.service_id = json_get_text(node, "id");
  TRY(scope_save_link(cli, &scope));
  auto_free char *done = str_format("Linked service %s", json_get_text(node, "name"));
  tell(cli, args, node, done);
  return NULL;
}

static void print_instances(struct cli *cli, const struct scope *scope, const json_t *all) {
  auto_table table;
  const json_t *node;
  table_init(&table, 4);
  for (size_t i = 0; (node = scope_node_at(all, i)); i++) {
    const char *id = json_get_text(node, "serviceId");
    const json_t *deployment = json_object_get(node, "latestDeployment");
    auto_free char *status = out_status(&cli->out, json_get_text(deployment, "status"));
    table_add(&table, json_get_text(node, "serviceName"), status,
              str_eq(id, scope->link.service) ? "linked" : "", id, NULL);
  }
  if (scope_node_count(all))
    out_table(&cli->out, &table);
  else
    out_line(&cli->out, "No services in %s yet: `%s up` deploys this folder",
             scope->environment_name, cli->program);
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *all = NULL;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(scope_fetch_instances(cli, scope.project_id, scope.environment_id, &all));
  if (!args_has(args, "json")) {
    print_instances(cli, &scope, all);
    return NULL;
  }
  auto_json *list = json_array();
  json_t *node;
  for (size_t i = 0; (node = scope_node_at(all, i)); i++)
    json_array_append(list, node);
  out_json(&cli->out, list);
  return NULL;
}

static err *run_status(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *all = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(deployments_fetch(cli, &scope, 1, &all));
  const json_t *deployment = json_array_get(all, 0);
  const char *reason = json_get_text(deployment, "statusReason");
  if (args_has(args, "json")) {
    auto_json *answer =
        json_pack("{s:s, s:s, s:O?, s:O?, s:O?}", "id", scope.service_id, "name",
                  scope.service_name, "deploymentId", json_object_get(deployment, "id"), "status",
                  json_object_get(deployment, "status"), "statusReason",
                  json_object_get(deployment, "statusReason"));
    out_json(&cli->out, answer);
    return NULL;
  }
  auto_free char *status = out_status(&cli->out, json_get_text(deployment, "status"));
  auto_free char *clean = reason ? format_printable(reason) : NULL;
  out_line(&cli->out, "%s in %s: %s%s%s", scope.service_name, scope.environment_name,
           deployment ? status : "not deployed yet", clean ? ": " : "", clean ? clean : "");
  return NULL;
}

static json_t *source_input(const struct args *args) {
  const char *repo = args_text(args, "repo"), *image = args_text(args, "image");
  if (!repo && !image) return NULL;
  return json_pack("{s:s*, s:s*}", "repo", repo, "image", image);
}

static err *variables_input(const struct args *args, json_t **ret_variables) {
  auto_json *variables = json_object();
  size_t cursor = 0;
  const char *pair;
  while ((pair = args_next(args, "variables", &cursor))) {
    size_t len = strcspn(pair, "=");
    auto_free char *name = str_ndup(pair, len);
    if (!len || !pair[len])
      return err_new(ERR_INVALID, "--variables: '%s' should look like NAME=value", name);
    json_set_text(variables, name, pair + len + 1);
  }
  *ret_variables = json_object_size(variables) ? json_incref(variables) : NULL;
  return NULL;
}

err *service_create(struct cli *cli, const struct args *args, const char *named) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  auto_free char *name = str_dup(named);
  json_t *variables = NULL;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  if (!name && cli->out.interactive)
    TRY(prompt_text(&cli->out, "Service name", NULL, "NAME as a word", &name));
  TRY(variables_input(args, &variables));
  json_t *input = json_pack("{s:s, s:s*, s:o*, s:s*, s:o*}", "projectId", scope.project_id, "name",
                            name, "source", source_input(args), "branch", args_text(args, "branch"),
                            "variables", variables);
  TRY(cli_query(cli, mutation_service_create, json_pack("{s:o}", "input", input), &data));
  const json_t *node = json_object_get(data, "serviceCreate");
  scope.service_id = json_get_text(node, "id");
  bool keep = cli->client.kind != TOKEN_PROJECT && !args_has(args, "project");
  if (keep) TRY(scope_save_link(cli, &scope));
  auto_free char *done = str_format("🎉 Added %s to project %s%s", json_get_text(node, "name"), scope.project_name,
                                    keep ? " and linked this folder to it" : "");
  tell(cli, args, node, done);
  return NULL;
}

static err *run_new(struct cli *cli, const struct args *args) {
  return service_create(cli, args, args_word(args, 0));
}

static err *run_rename(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  json_t *node;
  bool is_named = args->word_count > 1;
  const char *name = args_word(args, is_named ? 1 : 0);
  TRY(scope_find(cli, args, is_named ? SCOPE_PROJECT : SCOPE_SERVICE, &scope));
  TRY(choose(cli, &scope, is_named ? args_word(args, 0) : scope.service_name, &node));
  json_t *variables = json_pack("{s:s, s:{s:s}}", "id", json_get_text(node, "id"), "input", "name", name);
  TRY(cli_query(cli, mutation_service_update, variables, &data));
  auto_free char *done = str_format("Service %s is now called %s", json_get_text(node, "name"), name);
  tell(cli, args, json_object_get(data, "serviceUpdate"), done);
  return NULL;
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  json_t *node;
  bool everywhere = !args_has(args, "environment");
  const char *named = args_word(args, 0);
  TRY(scope_find(cli, args, everywhere ? SCOPE_PROJECT : SCOPE_ENVIRONMENT, &scope));
  TRY(choose(cli, &scope, named ? named : args_text(args, "service"), &node));
  const char *name = json_get_text(node, "name");
  auto_free char *question =
      str_format("Delete service %s from %s with its deployments and "
                 "variables?",
                 name, everywhere ? "all environments" : scope.environment_name);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_service_delete,
                json_pack("{s:s, s:s?}", "id", json_get_text(node, "id"), "environmentId",
                          everywhere ? NULL : scope.environment_id),
                &data));
  auto_free char *done = str_format("Deleted service %s", name);
  tell(cli, args, node, done);
  return NULL;
}

/* clang-format off */
static const struct flag link_flags[] = { FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag status_flags[] = {
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag new_flags[] = {
  { "repo|r",      "REPO",   "deploy this git URL, path on the host, or owner/name on GitHub" },
  { "branch",      "BRANCH", "branch of the repository" },
  { "image|i",     "IMAGE",  "deploy this image" },
  { "variables|v", "K=V",    "set a variable; may be repeated" },
  FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag delete_flags[] = {
  { "service|s",     "SERVICE",     "the service, instead of a word" },
  { "environment|e", "ENVIRONMENT", "delete it from this environment only" },
  FLAG_PROJECT, FLAG_YES, FLAG_2FA_CODE, FLAG_JSON, FLAG_END,
};
/* clang-format on */

static const struct command service_list = {
    .name = "list",
    .aliases = "ls",
    .usage = "",
    .summary = "List the services of the environment",
    .flags = link_flags,
    .run = run_list,
};
static const struct command service_link = {
    .name = "link",
    .usage = "[SERVICE]",
    .summary = "Work with this service in this folder",
    .flags = link_flags,
    .max_words = 1,
    .run = run_link,
};
static const struct command service_status = {
    .name = "status",
    .usage = "",
    .summary = "Show how a service's newest deployment is",
    .flags = status_flags,
    .run = run_status,
};
static const struct command service_new = {
    .name = "new",
    .aliases = "create|add",
    .usage = "[NAME]",
    .summary = "Make a service, and work with it in this folder",
    .examples = "service new api\nservice new cache --image redis:7\n"
                "service new web --repo https://git.example.org/shop.git --branch main",
    .flags = new_flags,
    .max_words = 1,
    .run = run_new,
};
static const struct command service_rename = {
    .name = "rename",
    .usage = "[SERVICE] NAME",
    .summary = "Give a service another name, which is its host name, too",
    .details = "Without SERVICE the linked one. Variables that refer to it are rewritten; what runs answers\n"
               "to both host names until its next deployment. Generated domains keep their names.",
    .examples = "service rename Postgres shop-postgres",
    .flags = status_flags,
    .min_words = 1,
    .max_words = 2,
    .run = run_rename,
};
static const struct command service_delete = {
    .name = "delete",
    .aliases = "remove|rm",
    .usage = "[SERVICE]",
    .summary = "Delete a service",
    .flags = delete_flags,
    .max_words = 1,
    .run = run_delete,
};
static const struct command *const subcommands[] = {
    &service_list,           &service_link, &service_status,   &service_new,     &service_rename, &service_delete,
    &command_service_source, &command_logs, &command_redeploy, &command_restart, &command_scale,  NULL,
};
const struct command command_service = {
    .name = "service",
    .aliases = "services",
    .usage = "[SERVICE]",
    .summary = "Work with another service; list, make and delete them",
    .examples = "service api\nservice new worker\nservice delete worker --yes",
    .flags = link_flags,
    .subcommands = subcommands,
    .max_words = 1,
    .run = run_link,
};
