/* templates, and what `deploy -t` does. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/queries.h"
#include "cli/scope.h"

/* ---- deploy -t ---- */

/* "KEY=VALUE" for every service of the template, "Service.KEY=VALUE" for one. */
static err *set_variable(json_t *services, const char *text) {
  const char *equals = strchr(text, '='), *dot = memchr(text, '.', equals ? (size_t)(equals - text) : 0), *id;
  json_t *service;
  bool known = false;
  if (!equals || equals == text) return err_new(ERR_INVALID, "'%.64s' should be KEY=VALUE or SERVICE.KEY=VALUE", text);
  auto_free char *owner = dot ? str_ndup(text, (size_t)(dot - text)) : NULL;
  const char *start = dot ? dot + 1 : text;
  auto_free char *name = str_ndup(start, (size_t)(equals - start));
  json_object_foreach(services, id, service) {
    if (owner && !str_ieq(owner, json_get_text(service, "name"))) continue;
    json_t *variables = json_object_get(service, "variables");
    if (!variables) json_object_set_new(service, "variables", variables = json_object());
    json_object_set_new(variables, name, json_pack("{s:s}", "value", equals + 1));
    known = true;
  }
  return known ? NULL : err_new(ERR_NOT_FOUND, "the template has no service '%s'", owner);
}

static err *deploy_one(struct cli *cli, const struct args *args, const struct scope *scope, const char *code,
                       json_t **ret_answer) {
  auto_json *data = NULL, *done = NULL;
  size_t cursor = 0;
  const char *variable;
  TRY(cli_query(cli, query_template, json_pack("{s:s}", "code", code), &data));
  json_t *template = json_object_get(data, "template"), *config = json_object_get(template, "serializedConfig");
  while ((variable = args_next(args, "variable", &cursor)))
    TRY(set_variable(json_object_get(config, "services"), variable));
  json_t *input = json_pack("{s:s, s:s, s:O, s:O}", "environmentId", scope->environment_id, "projectId",
                            scope->project_id, "templateId", json_object_get(template, "id"), "serializedConfig", config);
  TRY(cli_query(cli, mutation_template_deploy, json_pack("{s:o}", "input", input), &done));
  *ret_answer = json_incref(json_object_get(done, "templateDeployV2"));
  if (!args_has(args, "json"))
    out_done(&cli->out, "Added %s; it is being deployed", json_get_text(template, "name"));
  return NULL;
}

err *template_deploy(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  size_t cursor = 0;
  const char *code;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  while ((code = args_next(args, "template", &cursor))) {
    auto_json *answer = NULL;
    TRY(deploy_one(cli, args, &scope, code, &answer));
    if (args_has(args, "json")) out_json(&cli->out, answer);
  }
  return NULL;
}

/* ---- templates ---- */

static err *run_list(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  auto_table table = {0};
  const char *words = args_word(args, 0);
  const json_t *node;
  TRY(cli_query(cli, query_template_search, json_pack("{s:s}", "query", words ? words : ""), &data));
  const json_t *found = json_object_get(data, "templateSearch");
  table_init(&table, 2);
  for (size_t i = 0; (node = scope_node_at(found, i)); i++)
    table_add(&table, json_get_text(node, "code"), json_get_text(node, "description"), NULL);
  if (args_has(args, "json"))
    out_json(&cli->out, json_object_get(found, "edges"));
  else if (!scope_node_count(found))
    out_line(&cli->out, "There is no such template; `%s templates list` shows those that there are", cli->program);
  else
    out_table(&cli->out, &table);
  return NULL;
}

static const struct flag list_flags[] = {FLAG_JSON, FLAG_END};
static const struct command templates_list = {
    .name = "list", .aliases = "ls", .usage = "", .summary = "List the templates", .flags = list_flags, .run = run_list};
static const struct command templates_search = {
    .name = "search",
    .usage = "WORDS",
    .summary = "List the templates that have these words in them",
    .flags = list_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_list,
};
static const struct command *const templates_subcommands[] = {&templates_list, &templates_search, NULL};
const struct command command_templates = {
    .name = "templates",
    .aliases = "template",
    .usage = "",
    .summary = "What can be deployed ready-made",
    .examples = "templates list\ndeploy -t postgres  # deploys one",
    .flags = list_flags,
    .subcommands = templates_subcommands,
    .run = run_list,
};
