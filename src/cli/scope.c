#include "cli/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "cli/names.h"
#include "cli/pages.h"
#include "cli/queries.h"

json_t *scope_node_at(const json_t *connection, size_t i) {
  return json_object_get(json_array_get(json_object_get(connection, "edges"), i), "node");
}

size_t scope_node_count(const json_t *connection) {
  return json_array_size(json_object_get(connection, "edges"));
}

json_t *scope_node(const json_t *connection, const char *name_or_id) {
  json_t *node;
  for (size_t i = 0; (node = scope_node_at(connection, i)); i++)
    if (str_eq(json_get_text(node, "id"), name_or_id)) return node;
  for (size_t i = 0; (node = scope_node_at(connection, i)); i++)
    if (str_ieq(json_get_text(node, "name"), name_or_id)) return node;
  return NULL;
}

void scope_add_names(const json_t *connection, struct strv *names) {
  json_t *node;
  for (size_t i = 0; (node = scope_node_at(connection, i)); i++) strv_add(names, json_get_text(node, "name"));
}

err *scope_named(const json_t *connection, const char *what, const char *name_or_id, json_t **ret_node) {
  auto_strv names = STRV_EMPTY;
  json_t *node = scope_node(connection, name_or_id);
  scope_add_names(connection, &names);
  if (!node) return names_not_found(what, name_or_id, &names);
  *ret_node = node;
  return NULL;
}

char *scope_names(const json_t *connection) {
  auto_strv names = STRV_EMPTY;
  scope_add_names(connection, &names);
  return names.len ? strv_join(&names, ", ") : str_dup("none yet");
}

err *scope_folder(char **ret_folder) {
  char *folder = getcwd(NULL, 0);
  if (!folder) return err_errno(errno, "finding the current folder");
  *ret_folder = folder;
  return NULL;
}

/* All environments and services of a project of which the first came with it. */
static err *complete_project(struct cli *cli, json_t *project) {
  const char *id = json_get_text(project, "id");
  auto_json *of_environments = json_pack("{s:s?}", "projectId", id), *of_services = json_pack("{s:s?}", "id", id);
  TRY(pages_complete(cli, query_environments, of_environments, "environments",
                     json_object_get(project, "environments")));
  return pages_complete(cli, query_project_services, of_services, "project.services",
                        json_object_get(project, "services"));
}

err *scope_fetch_projects(struct cli *cli, json_t **ret_projects) {
  auto_json *data = NULL, *projects = json_array();
  TRY(pages_query(cli, query_projects, NULL, "projects", &data));
  const json_t *connection = json_object_get(data, "projects");
  json_t *node;
  for (size_t i = 0; (node = scope_node_at(connection, i)); i++) {
    TRY(complete_project(cli, node));
    json_array_append(projects, node);
  }
  *ret_projects = json_incref(projects);
  return NULL;
}

static err *fetch_project_by_id(struct cli *cli, const char *id, json_t **ret_project) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_project, json_pack("{s:s}", "id", id), &data));
  TRY(complete_project(cli, json_object_get(data, "project")));
  *ret_project = json_incref(json_object_get(data, "project"));
  return NULL;
}

static err *fetch_project_by_name(struct cli *cli, const char *name, json_t **ret_project) {
  auto_json *projects = NULL;
  TRY(scope_fetch_projects(cli, &projects));
  auto_strv names = STRV_EMPTY;
  json_t *found = NULL, *project;
  size_t i;
  json_array_foreach(projects, i, project) {
    strv_add(&names, json_get_text(project, "name"));
    if (!str_ieq(json_get_text(project, "name"), name)) continue;
    if (found)
      return err_new(ERR_CONFLICT, "several projects are called \"%s\": use the id (`%s list`)",
                     name, cli->program);
    found = project;
  }
  if (!found) return names_not_found("Project", name, &names);
  return fetch_project_by_id(cli, json_get_text(found, "id"), ret_project);
}

err *scope_fetch_project(struct cli *cli, const char *name_or_id, json_t **ret_project) {
  return id_valid(name_or_id) ? fetch_project_by_id(cli, name_or_id, ret_project)
                              : fetch_project_by_name(cli, name_or_id, ret_project);
}

err *scope_fetch_instances(struct cli *cli, const char *project_id, const char *environment_id,
                           json_t **ret_instances) {
  auto_json *data = NULL;
  json_t *variables = json_pack("{s:s, s:s}", "id", environment_id, "projectId", project_id);
  TRY(pages_query(cli, query_environment_instances, variables, "environment.serviceInstances", &data));
  const json_t *environment = json_object_get(data, "environment");
  *ret_instances = json_incref(json_object_get(environment, "serviceInstances"));
  return NULL;
}

/* The project and environment that a project token belongs to. */
static err *link_of_token(struct cli *cli, struct link *ret_link) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_project_token, NULL, &data));
  const json_t *token = json_object_get(data, "projectToken");
  *ret_link = (struct link){
      .project = str_dup(json_get_text(token, "projectId")),
      .environment = str_dup(json_get_text(token, "environmentId")),
      .service = str_dup(user_config_env("SERVICE_ID")),
  };
  return NULL;
}

static err *find_link(struct cli *cli, struct link *ret_link) {
  auto_free char *folder = NULL;
  TRY(scope_folder(&folder));
  struct link link = {0};
  err *e = cli->client.kind == TOKEN_PROJECT ? link_of_token(cli, ret_link) : NULL;
  if (e && err_code_of(e) != ERR_DENIED) return e;
  if (e || cli->client.kind != TOKEN_PROJECT) {
    err_ignore(e); /* an account's token in RAILWAY_TOKEN belongs to no project; a bad one is refused later */
    return user_config_find_link(&cli->config, folder, ret_link);
  }
  /* The folder's link still says which service is meant, when it is of the same project. */
  e = user_config_find_link(&cli->config, folder, &link);
  if (!e && !ret_link->service && str_eq(link.project, ret_link->project))
    ret_link->service = str_dup(link.service);
  if (!e) link_done(&link);
  err_ignore(e);
  return NULL;
}

static err *find_project(struct cli *cli, const struct args *args, struct scope *scope) {
  const char *named = args_text(args, "project");
  if (named) return scope_fetch_project(cli, named, &scope->project);
  TRY(find_link(cli, &scope->link));
  err *e = scope_fetch_project(cli, scope->link.project, &scope->project);
  if (e && err_code_of(e) == ERR_NOT_FOUND)
    return err_wrap(e, "the linked project \"%s\" is gone (`%s link` connects to another)",
                    scope->link.name ? scope->link.name : scope->link.project, cli->program);
  return e;
}

static err *find_environment(struct cli *cli, const struct args *args, struct scope *scope) {
  const json_t *all = json_object_get(scope->project, "environments");
  const char *named = args_text(args, "environment");
  if (!named) named = scope->link.environment;
  if (!named && scope_node_count(all) > 1 && args_has(args, "project")) {
    auto_free char *names = scope_names(all);
    return err_new(ERR_INVALID, "--project without --environment: the project has several (%s)",
                   names);
  }
  json_t *node = NULL;
  if (named) TRY(scope_named(all, "Environment", named, &node));
  if (!node) node = scope_node(all, json_get_text(scope->project, "primaryEnvironmentId"));
  if (!node) node = scope_node_at(all, 0);
  if (!node) return err_new(ERR_NOT_FOUND, "the project has no environment: `%s environment new NAME` makes one", cli->program);
  scope->environment_id = json_get_text(node, "id");
  scope->environment_name = json_get_text(node, "name");
  return NULL;
}

static err *find_service(struct cli *cli, const struct args *args, enum scope_need need,
                         struct scope *scope) {
  const json_t *all = json_object_get(scope->project, "services");
  const char *named = args_text(args, "service");
  json_t *node = NULL;
  auto_free char *names = scope_names(all);
  if (named) TRY(scope_named(all, "Service", named, &node));
  if (!node && scope->link.service) node = scope_node(all, scope->link.service);
  if (!node && need == SCOPE_SERVICE && scope_node_count(all) == 1) node = scope_node_at(all, 0);
  if (!node && need == SCOPE_SERVICE && scope_node_count(all) == 0)
    return err_new(ERR_NOT_FOUND,
                   "the project \"%s\" has no service yet: `%s up` makes one from "
                   "this folder",
                   scope->project_name, cli->program);
  if (!node && need == SCOPE_SERVICE)
    return err_new(ERR_INVALID,
                   "which service? Name one with --service (%s), or link this folder "
                   "to one with `%s service link NAME`",
                   names, cli->program);
  scope->service_id = json_get_text(node, "id");
  scope->service_name = json_get_text(node, "name");
  return NULL;
}

static err *find_all(struct cli *cli, const struct args *args, enum scope_need need,
                     struct scope *scope) {
  TRY(find_project(cli, args, scope));
  scope->project_id = json_get_text(scope->project, "id");
  scope->project_name = json_get_text(scope->project, "name");
  if (!scope->project_id || !scope->project_name)
    return err_new(ERR_CORRUPT, "the server's answer about the project has no id or name");
  if (need >= SCOPE_ENVIRONMENT) TRY(find_environment(cli, args, scope));
  if (need >= SCOPE_SERVICE_IF_ANY) TRY(find_service(cli, args, need, scope));
  return NULL;
}

err *scope_find(struct cli *cli, const struct args *args, enum scope_need need,
                struct scope *ret_scope) {
  TRY(cli_need_token(cli));
  struct scope scope = {0};
  err *e = find_all(cli, args, need, &scope);
  if (e)
    scope_done(&scope);
  else
    *ret_scope = scope;
  return e;
}

void scope_done(struct scope *scope) {
  json_decref(scope->project);
  link_done(&scope->link);
  *scope = (struct scope){0};
}

err *scope_save_link(struct cli *cli, const struct scope *scope) {
  auto_free char *folder = NULL;
  TRY(scope_folder(&folder));
  struct link link = {
      .folder = scope->link.folder ? scope->link.folder : folder,
      .project = (char *)scope->project_id,
      .name = (char *)scope->project_name,
      .environment = (char *)scope->environment_id,
      .environment_name = (char *)scope->environment_name,
      .service = (char *)scope->service_id,
  };
  user_config_set_link(&cli->config, &link);
  return user_config_save(&cli->config);
}

err *scope_url_of_domain(struct cli *cli, const char *domain, char **ret_url) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_system_info, NULL, &data));
  const char *edge = json_get_text(json_object_get(data, "systemInfo"), "edgeUrl");
  const char *host = edge ? strstr(edge, "://") : NULL;
  if (!host) return err_new(ERR_CORRUPT, "the server gave no URL of its edge");
  const char *port = strrchr(host + 3, ':');
  bool has_port = port && strspn(port + 1, "0123456789") && !strchr(port, ']');
  int port_len = has_port ? (int)strspn(port + 1, "0123456789") + 1 : 0;
  *ret_url = str_format("%.*s%s%.*s", (int)(host + 3 - edge), edge, domain, port_len,
                        has_port ? port : "");
  return NULL;
}
