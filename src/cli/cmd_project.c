/* init, link, unlink, list. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/project.h"
#include "cli/names.h"
#include "cli/prompt.h"
#include "cli/queries.h"
#include "cli/scope.h"

static err *find_workspace(struct cli *cli, const char *named, char **ret_id) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_workspaces, NULL, &data));
  const json_t *all = json_object_get(json_object_get(data, "me"), "workspaces"), *workspace;
  auto_strv names = STRV_EMPTY;
  size_t i;
  json_array_foreach(all, i, workspace) {
    const char *id = json_get_text(workspace, "id"), *name = json_get_text(workspace, "name");
    strv_add(&names, name);
    if (!str_eq(id, named) && !str_ieq(name, named)) continue;
    *ret_id = str_dup(id);
    return NULL;
  }
  return names_not_found("Workspace", named, &names);
}

err *project_create(struct cli *cli, const char *name, const char *workspace,
                    json_t **ret_project) {
  auto_free char *workspace_id = NULL;
  auto_json *data = NULL;
  if (workspace) TRY(find_workspace(cli, workspace, &workspace_id));
  json_t *input = json_pack("{s:s, s:s*}", "name", name, "workspaceId", workspace_id);
  TRY(cli_query(cli, mutation_project_create, json_pack("{s:o}", "input", input), &data));
  *ret_project = json_incref(json_object_get(data, "projectCreate"));
  return NULL;
}

err *project_scope_of_new(json_t *project, struct scope *ret_scope) {
  const json_t *environment = scope_node_at(json_object_get(project, "environments"), 0);
  if (!environment || !json_get_text(project, "id")) {
    json_decref(project);
    return err_new(ERR_CORRUPT, "the new project came without an environment");
  }
  *ret_scope = (struct scope){
      .project = project,
      .project_id = json_get_text(project, "id"),
      .project_name = json_get_text(project, "name"),
      .environment_id = json_get_text(environment, "id"),
      .environment_name = json_get_text(environment, "name"),
  };
  return NULL;
}

char *project_folder_name(const char *folder) {
  const char *slash = strrchr(folder, '/');
  return format_name(slash ? slash + 1 : folder);
}

static err *choose_name(struct cli *cli, const struct args *args, const char *folder,
                        char **ret_name) {
  const char *given = args_text(args, "name");
  auto_free char *otherwise = project_folder_name(folder);
  if (!given && cli->out.interactive && !args_has(args, "json"))
    return prompt_text(&cli->out, "Project name", otherwise, "--name", ret_name);
  *ret_name = str_dup(given ? given : otherwise);
  return NULL;
}

static err *run_init(struct cli *cli, const struct args *args) {
  auto_free char *folder = NULL, *name = NULL;
  auto_scope scope = {0};
  json_t *project = NULL;
  TRY(cli_need_token(cli));
  TRY(scope_folder(&folder));
  TRY(choose_name(cli, args, folder, &name));
  TRY(project_create(cli, name, args_text(args, "workspace"), &project));
  TRY(project_scope_of_new(project, &scope));
  TRY(scope_save_link(cli, &scope));
  if (args_has(args, "json")) {
    auto_json *answer =
        json_pack("{s:s, s:s, s:s, s:s}", "id", scope.project_id, "name", scope.project_name,
                  "environmentId", scope.environment_id, "environmentName", scope.environment_name);
    out_json(&cli->out, answer);
    return NULL;
  }
  out_line(&cli->out, "Created project %s (environment %s) and linked %s to it", scope.project_name,
           scope.environment_name, folder);
  err_line(&cli->out, "Next: `%s up` deploys this folder", cli->program);
  return NULL;
}

/* clang-format off */
static const struct flag init_flags[] = {
  { "name|n",      "NAME",      "the project's name (default: the folder's)" },
  { "workspace|w", "WORKSPACE", "workspace, by name or id (default: your own)" },
  FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_init = {
    .name = "init",
    .usage = "",
    .summary = "Make a project and link this folder to it",
    .examples = "init  # asks for a name\ninit --name shop",
    .flags = init_flags,
    .run = run_init,
};

/* Those that the caller sees, in one workspace (NULL: in all). */
static err *fetch_projects_of(struct cli *cli, const char *workspace, json_t **ret_projects) {
  auto_json *all = NULL, *projects = json_array();
  auto_free char *id = NULL;
  size_t i;
  json_t *project;
  if (workspace) TRY(find_workspace(cli, workspace, &id));
  TRY(scope_fetch_projects(cli, &all));
  json_array_foreach(all, i, project)
    if (!id || str_eq(json_get_text(json_object_get(project, "workspace"), "id"), id))
      json_array_append(projects, project);
  *ret_projects = json_incref(projects);
  return NULL;
}

/* `named` in `workspace`; either may be NULL. */
static err *choose_project(struct cli *cli, const char *named, const char *workspace, json_t **ret_project) {
  if (named && !workspace) return scope_fetch_project(cli, named, ret_project);
  auto_json *projects = NULL;
  TRY(fetch_projects_of(cli, workspace, &projects));
  auto_strv names = STRV_EMPTY;
  size_t i;
  json_t *project;
  json_array_foreach(projects, i, project) {
    const char *id = json_get_text(project, "id"), *name = json_get_text(project, "name");
    if (named && (str_eq(id, named) || str_ieq(name, named))) return scope_fetch_project(cli, id, ret_project);
    strv_add(&names, name);
  }
  if (named) return err_wrap(names_not_found("Project", named, &names), "workspace %s", workspace);
  if (!names.len)
    return err_new(ERR_NOT_FOUND, "you have no project yet: `%s init` makes one", cli->program);
  TRY(prompt_choose(&cli->out, "Project", &names, "--project", &i));
  return scope_fetch_project(cli, json_get_text(json_array_get(projects, i), "id"), ret_project);
}

static err *choose_environment(struct cli *cli, const struct args *args, struct scope *scope) {
  const json_t *all = json_object_get(scope->project, "environments");
  const char *named = args_text(args, "environment");
  json_t *node = NULL;
  if (named) TRY(scope_named(all, "Environment", named, &node));
  if (!node && cli->out.interactive && scope_node_count(all)) {
    auto_strv choices = STRV_EMPTY;
    size_t i;
    scope_add_names(all, &choices);
    TRY(prompt_choose(&cli->out, "Environment", &choices, "--environment", &i));
    node = scope_node_at(all, i);
  }
  if (!node) node = scope_node(all, json_get_text(scope->project, "primaryEnvironmentId"));
  if (!node) node = scope_node_at(all, 0);
  scope->environment_id = json_get_text(node, "id");
  scope->environment_name = json_get_text(node, "name");
  return NULL;
}

static err *choose_service(const struct args *args, struct scope *scope) {
  const json_t *all = json_object_get(scope->project, "services");
  const char *named = args_text(args, "service");
  json_t *node = NULL;
  if (named) TRY(scope_named(all, "Service", named, &node));
  if (!node && scope_node_count(all) == 1) node = scope_node_at(all, 0);
  scope->service_id = json_get_text(node, "id");
  scope->service_name = json_get_text(node, "name");
  return NULL;
}

static json_t *link_answer(const struct scope *scope) {
  return json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?}", "projectId", scope->project_id,
                   "projectName", scope->project_name, "environmentId", scope->environment_id,
                   "environmentName", scope->environment_name, "serviceId", scope->service_id,
                   "serviceName", scope->service_name);
}

static err *run_link(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  const char *named = args_text(args, "project");
  TRY(cli_need_token(cli));
  TRY(choose_project(cli, named ? named : args_word(args, 0), args_text(args, "workspace"), &scope.project));
  scope.project_id = json_get_text(scope.project, "id");
  scope.project_name = json_get_text(scope.project, "name");
  TRY(choose_environment(cli, args, &scope));
  TRY(choose_service(args, &scope));
  TRY(scope_save_link(cli, &scope));
  auto_json *answer = link_answer(&scope);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Project %s linked successfully! 🎉\n  environment  %s\n  service      %s",
             scope.project_name, scope.environment_name,
             scope.service_name ? scope.service_name : "none");
  return NULL;
}

/* clang-format off */
static const struct flag link_flags[] = {
  { "project|p",     "PROJECT",     "project, by name or id" },
  { "environment|e", "ENVIRONMENT", "environment, by name or id" },
  { "service|s",     "SERVICE",     "service, by name or id" },
  { "workspace|w|team|t", "WORKSPACE", "a project of this workspace, by name or id (default: of all)" },
  FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_link = {
    .name = "link",
    .usage = "[PROJECT]",
    .summary = "Connect this folder to a project that is there already",
    .examples = "link  # asks which\nlink -p shop -e staging -s api",
    .flags = link_flags,
    .max_words = 1,
    .run = run_link,
};

static err *unlink_service(struct cli *cli, const char *folder) {
  auto_link link = {0};
  TRY(user_config_find_link(&cli->config, folder, &link));
  if (!link.folder || !link.service)
    return err_new(ERR_NOT_FOUND, "this folder is linked to no service");
  str_replace_owned(&link.service, NULL);
  user_config_set_link(&cli->config, &link);
  return NULL;
}

/* The link, if any, is of variables, of ~/.railway/config.json or of .railway/project.json. */
static err *not_ours(struct cli *cli, const char *folder) {
  auto_link link = {0};
  err *e = user_config_find_link(&cli->config, folder, &link);
  bool linked = !e;
  err_ignore(e);
  if (!linked) return err_new(ERR_NOT_FOUND, "this folder is not linked");
  return err_new(ERR_CONFLICT,
                 "the link is not ours to remove: it is in %s. `%s link` links this folder to another project",
                 link.folder ? "Railway's files (~/.railway/config.json, .railway/project.json)"
                             : "the variable RAILWAY_PROJECT_ID",
                 cli->program);
}

static err *run_unlink(struct cli *cli, const struct args *args) {
  auto_free char *folder = NULL;
  bool only_service = args_has(args, "service");
  TRY(scope_folder(&folder));
  if (cli->out.interactive && !args_has(args, "json"))
    TRY(cli_confirm(cli, args, only_service ? "Unlink the service?" : "Unlink the project?"));
  if (only_service)
    TRY(unlink_service(cli, folder));
  else if (!user_config_remove_link(&cli->config, folder))
    return not_ours(cli, folder);
  TRY(user_config_save(&cli->config));
  const char *what = only_service ? "service" : "project";
  auto_json *answer = json_pack("{s:s}", "unlinked", what);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Unlinked the %s. Nothing on the server was changed", what);
  return NULL;
}

/* clang-format off */
static const struct flag unlink_flags[] = {
  { "service|s", NULL, "unlink the service only" }, FLAG_YES, FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_unlink = {
    .name = "unlink",
    .usage = "",
    .summary = "Disconnect this folder from its project",
    .flags = unlink_flags,
    .run = run_unlink,
};

static err *run_list(struct cli *cli, const struct args *args) {
  auto_json *projects = NULL;
  TRY(cli_need_token(cli));
  TRY(scope_fetch_projects(cli, &projects));
  if (args_has(args, "json")) {
    out_json(&cli->out, projects);
    return NULL;
  }
  auto_table table;
  table_init(&table, 4);
  size_t i;
  const json_t *project;
  json_array_foreach(projects, i, project) {
    auto_free char *environments = scope_names(json_object_get(project, "environments"));
    auto_free char *services = scope_names(json_object_get(project, "services"));
    if (!i) table_add(&table, "PROJECT", "ENVIRONMENTS", "SERVICES", "ID", NULL);
    table_add(&table, json_get_text(project, "name"), environments, services,
              json_get_text(project, "id"), NULL);
  }
  if (i)
    out_table(&cli->out, &table);
  else
    out_line(&cli->out, "No projects yet: `%s init` makes one", cli->program);
  return NULL;
}

static const struct flag list_flags[] = {FLAG_JSON, FLAG_END};
const struct command command_list = {
    .name = "list",
    .aliases = "ls",
    .usage = "",
    .summary = "List your projects",
    .flags = list_flags,
    .run = run_list,
};
