/* environment list, new, delete, link. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/environment.h"
#include "cli/prompt.h"
#include "cli/pages.h"
#include "cli/queries.h"
#include "cli/scope.h"

/* The environment that is named, or asked for. */
static err *choose(struct cli *cli, const struct scope *scope, const char *named,
                   json_t **ret_node) {
  const json_t *all = json_object_get(scope->project, "environments");
  auto_strv names = STRV_EMPTY;
  size_t i;
  scope_add_names(all, &names);
  if (!names.len) return err_new(ERR_NOT_FOUND, "the project has no environment");
  if (named) return scope_named(all, "Environment", named, ret_node);
  TRY(prompt_choose(&cli->out, "Environment", &names, "its name as a word", &i));
  *ret_node = scope_node_at(all, i);
  return NULL;
}

static void use(struct scope *scope, const json_t *node) {
  const json_t *services = json_object_get(scope->project, "services");
  const json_t *service = scope->link.service ? scope_node(services, scope->link.service) : NULL;
  scope->environment_id = json_get_text(node, "id");
  scope->environment_name = json_get_text(node, "name");
  scope->service_id = json_get_text(service, "id");
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
  TRY(scope_find(cli, args, SCOPE_PROJECT, &scope));
  TRY(choose(cli, &scope, args_word(args, 0), &node));
  use(&scope, node);
  TRY(scope_save_link(cli, &scope));
  auto_free char *done = str_format("Activated environment %s", scope.environment_name);
  tell(cli, args, node, done);
  return NULL;
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  TRY(scope_find(cli, args, SCOPE_PROJECT, &scope));
  json_t *variables = json_pack("{s:s}", "projectId", scope.project_id);
  if (args_has(args, "ephemeral")) json_object_set_new(variables, "isEphemeral", json_true());
  if (args_has(args, "no-ephemeral")) json_object_set_new(variables, "isEphemeral", json_false());
  TRY(pages_query(cli, query_environments, variables, "environments", &data));
  const json_t *all = json_object_get(data, "environments"), *node;
  auto_json *list = json_array();
  auto_table table;
  table_init(&table, 3);
  for (size_t i = 0; (node = scope_node_at(all, i)); i++) {
    const char *id = json_get_text(node, "id");
    bool linked = str_eq(id, scope.link.environment);
    const char *source = json_get_text(json_object_get(node, "sourceEnvironment"), "name");
    auto_free char *note = source ? str_format("copied from %s", source) : str_dup("");
    json_array_append(list, (json_t *)node);
    table_add(&table, json_get_text(node, "name"), linked ? "linked" : "", note, NULL);
  }
  if (args_has(args, "json"))
    out_json(&cli->out, list);
  else
    out_table(&cli->out, &table);
  return NULL;
}

static err *source_of_new(const struct args *args, const struct scope *scope,
                          const char **ret_source_id) {
  const json_t *all = json_object_get(scope->project, "environments");
  const char *named = args_text(args, "duplicate");
  json_t *source;
  *ret_source_id = NULL;
  if (!named) return NULL;
  TRY(scope_named(all, "Environment", named, &source));
  *ret_source_id = json_get_text(source, "id");
  return NULL;
}

/* Sealed values are written once and handed on to nobody. */
static void tell_missing(struct cli *cli, const json_t *node) {
  const json_t *missing = json_object_get(node, "missingSealedVariables"), *item;
  auto_strv names = STRV_EMPTY;
  size_t i;
  json_array_foreach(missing, i, item) strv_add(&names, json_string_value(item));
  auto_free char *joined = strv_join(&names, ", ");
  if (names.len) err_line(&cli->out, "Sealed variables are not copied; set them anew: %s", joined);
}

/* What a copy is to have otherwise, before anything of it is deployed. */
static err *configure(struct cli *cli, const json_t *node, json_t *patch) {
  auto_json *data = NULL;
  return err_wrap(cli_query(cli, mutation_commit_patch,
                            json_pack("{s:O, s:O, s:b}", "environmentId", json_object_get(node, "id"), "patch", patch,
                                      "skipDeploys", true),
                            &data),
                  "environment %s was made, but not configured, and nothing of it is deployed", json_get_text(node, "name"));
}

static err *deploy_all(struct cli *cli, const struct scope *scope, const json_t *node) {
  auto_json *all = NULL;
  const json_t *instance;
  TRY(scope_fetch_instances(cli, scope->project_id, json_get_text(node, "id"), &all));
  for (size_t i = 0; (instance = scope_node_at(all, i)); i++) {
    const json_t *source = json_object_get(instance, "source");
    auto_json *data = NULL;
    if (!json_get_text(source, "repo") && !json_get_text(source, "image")) continue;
    TRY(cli_query(cli, mutation_deploy,
                  json_pack("{s:O, s:O}", "environmentId", json_object_get(node, "id"), "serviceId",
                            json_object_get(instance, "serviceId")),
                  &data));
  }
  return NULL;
}

static err *run_new(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL, *patch = NULL;
  auto_free char *name = str_dup(args_word(args, 0));
  const char *source;
  TRY(changes_read_flags(args, &patch));
  TRY(scope_find(cli, args, SCOPE_PROJECT, &scope));
  TRY(source_of_new(args, &scope, &source));
  if (!name) TRY(prompt_text(&cli->out, "Environment name", NULL, "NAME as a word", &name));
  json_t *input = json_pack("{s:s, s:s, s:s*, s:b}", "projectId", scope.project_id, "name", name,
                            "sourceEnvironmentId", source, "skipInitialDeploys", patch != NULL);
  TRY(cli_query(cli, mutation_environment_create, json_pack("{s:o}", "input", input), &data));
  const json_t *node = json_object_get(data, "environmentCreate");
  if (patch) TRY(configure(cli, node, patch));
  if (patch && source) TRY(deploy_all(cli, &scope, node));
  use(&scope, node);
  if (cli->client.kind != TOKEN_PROJECT && !args_has(args, "project"))
    TRY(scope_save_link(cli, &scope));
  auto_free char *done = str_format("Environment %s created!", name);
  tell(cli, args, node, done);
  tell_missing(cli, node);
  return NULL;
}

static err *run_rename(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  json_t *node;
  bool is_named = args->word_count > 1;
  const char *name = args_word(args, is_named ? 1 : 0);
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(choose(cli, &scope, is_named ? args_word(args, 0) : scope.environment_id, &node));
  json_t *variables = json_pack("{s:s, s:{s:s}}", "id", json_get_text(node, "id"), "input", "name", name);
  TRY(cli_query(cli, mutation_environment_rename, variables, &data));
  auto_free char *done = str_format("Environment %s is now called %s", json_get_text(node, "name"), name);
  tell(cli, args, json_object_get(data, "environmentRename"), done);
  return NULL;
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  json_t *node;
  TRY(scope_find(cli, args, SCOPE_PROJECT, &scope));
  TRY(choose(cli, &scope, args_word(args, 0), &node));
  const char *name = json_get_text(node, "name");
  auto_free char *question =
      str_format("Delete environment %s of %s with everything in it?", name, scope.project_name);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_environment_delete,
                json_pack("{s:s}", "id", json_get_text(node, "id")), &data));
  auto_free char *done = str_format("Environment %s deleted", name);
  tell(cli, args, node, done);
  return NULL;
}

/* clang-format off */
static const struct flag link_flags[] = { FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag list_flags[] = {
  { "ephemeral",    NULL, "only those of pull requests" },
  { "no-ephemeral", NULL, "all but those of pull requests" },
  FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag new_flags[] = {
  { "duplicate|copy|d|c", "ENVIRONMENT", "copy this one's services, settings and variables, sealed ones left out" },
  { "service-config|s",   "SERVICE PATH VALUE", "then set what is at this path of a service; may be repeated" },
  { "service-variable|v", "SERVICE NAME=VALUE", "then set a variable of a service; may be repeated" },
  FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag delete_flags[] = { FLAG_PROJECT, FLAG_YES, FLAG_2FA_CODE, FLAG_JSON, FLAG_END };
static const struct flag rename_flags[] = { FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
/* clang-format on */

static const struct command environment_link = {
    .name = "link",
    .usage = "[ENVIRONMENT]",
    .summary = "Work with another environment in this folder",
    .flags = link_flags,
    .max_words = 1,
    .run = run_link,
};
static const struct command environment_list = {
    .name = "list",
    .aliases = "ls",
    .usage = "",
    .summary = "List the project's environments",
    .flags = list_flags,
    .run = run_list,
};
static const struct command environment_new = {
    .name = "new",
    .aliases = "create",
    .usage = "[NAME]",
    .summary = "Make an environment, and work with it in this folder",
    .examples = "environment new staging\nenvironment new pr-12 --duplicate staging",
    .flags = new_flags,
    .max_words = 1,
    .run = run_new,
};
static const struct command environment_delete = {
    .name = "delete",
    .aliases = "remove|rm",
    .usage = "[ENVIRONMENT]",
    .summary = "Delete an environment with everything in it",
    .flags = delete_flags,
    .max_words = 1,
    .run = run_delete,
};
static const struct command environment_rename = {
    .name = "rename",
    .usage = "[ENVIRONMENT] NAME",
    .summary = "Give an environment another name",
    .details = "Without ENVIRONMENT the linked one. Generated domains keep their names.",
    .flags = rename_flags,
    .min_words = 1,
    .max_words = 2,
    .run = run_rename,
};
static const struct command *const subcommands[] = {
    &environment_link, &environment_list, &environment_new, &environment_rename, &environment_delete,
    &environment_config_command, &environment_edit, &environment_staged, &environment_commit,
    &environment_discard, &environment_history, &environment_sync, NULL,
};
const struct command command_environment = {
    .name = "environment",
    .aliases = "env|environments",
    .usage = "[ENVIRONMENT]",
    .summary = "Work with another environment; list, make and delete them",
    .examples = "environment staging\nenvironment new pr-12 --duplicate staging\n"
                "environment delete pr-12 --yes",
    .flags = link_flags,
    .subcommands = subcommands,
    .max_words = 1,
    .run = run_link,
};
