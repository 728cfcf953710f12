/* Projects and environments. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"
#include "store/deployment.h"
#include "store/project.h"
#include "store/service.h"

/* ---- projects ---- */

static err *project_value(const struct graphql_call *call, const char *id, json_t **ret_value) {
  auto_project project = {0};
  TRY(project_get(db_of(call), id, &project));
  *ret_value = project_json(&project);
  return NULL;
}

RESOLVER(query_project) {
  return project_value(call, arg_text(call, "id"), ret_value);
}

RESOLVER(project_of_parent) {
  return project_value(call, parent_text(call, "projectId"), ret_value);
}

RESOLVER(query_projects_by_ids) {
  const struct asking *asking = asking_of(call);
  const json_t *ids = json_object_get(call->args, "ids"), *id;
  auto_json *list = json_array();
  size_t i;
  if (json_array_size(ids) > RELAY_FIRST_MAX) return err_new(ERR_INVALID, "'ids' may name %d projects", RELAY_FIRST_MAX);
  json_array_foreach(ids, i, id) {
    json_t *project = NULL;
    err *e = access_project(asking->api, &asking->caller, json_string_value(id), WORKSPACE_VIEWER);
    if (!e) e = project_value(call, json_string_value(id), &project);
    if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
    err_ignore(e); /* what is out of reach is left out */
    if (project) json_array_append_new(list, project);
  }
  *ret_value = json_incref(list);
  return NULL;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct project *)a)->name, ((const struct project *)b)->name);
}

static int by_change(const void *a_, const void *b_) {
  const struct project *a = a_, *b = b_;
  return a->updated_us < b->updated_us ? 1 : a->updated_us > b->updated_us ? -1 : strcmp(b->id, a->id);
}

/* The lists come in the order CREATED_AT_DESC. */
static void sort_projects(struct project_list *list, const char *order) {
  int (*compare)(const void *, const void *) = str_eq(order, "NAME_ASC")          ? by_name
                                               : str_eq(order, "UPDATED_AT_DESC") ? by_change
                                                                                  : NULL;
  if (list->len && compare) qsort(list->items, list->len, sizeof *list->items, compare);
}

static err *projects_connection(const struct graphql_call *call, const char *workspace_id,
                                json_t **ret_value) {
  const struct caller *caller = &asking_of(call)->caller;
  auto_project_list list = {0};
  if (workspace_id)
    TRY(project_list_by_workspace(db_of(call), workspace_id, NULL, &list));
  else
    TRY(project_list_by_user(db_of(call), caller->user_id, NULL, &list));
  sort_projects(&list, arg_text(call, "orderBy"));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++)
    if (!*caller->workspace_id || str_eq(caller->workspace_id, list.items[i].workspace_id))
      json_array_append_new(nodes, project_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

RESOLVER(query_projects) {
  return projects_connection(call, arg_text(call, "workspaceId"), ret_value);
}

RESOLVER(workspace_projects) {
  return projects_connection(call, parent_text(call, "id"), ret_value);
}

RESOLVER(project_workspace) {
  auto_workspace workspace = {0};
  TRY(workspace_get(db_of(call), parent_text(call, "workspaceId"), &workspace));
  *ret_value = workspace_json(&workspace);
  return NULL;
}

/* Without a workspace: the caller's first in which they may make one. */
static err *choose_workspace(const struct graphql_call *call, char ret_id[ID_SIZE]) {
  const struct caller *caller = &asking_of(call)->caller;
  const char *given = input_text(call, "workspaceId");
  id_copy(ret_id, given ? given : caller->workspace_id);
  if (*ret_id) return NULL;
  auto_workspace_list list = {0};
  TRY(workspace_list_by_user(db_of(call), caller->user_id, &list));
  for (size_t i = 0; i < list.len && !*ret_id; i++) {
    auto_workspace_member member = {0};
    bool found = false;
    TRY(workspace_member_find(db_of(call), list.items[i].id, caller->user_id, &found, &member));
    if (found && (member.role == WORKSPACE_ADMIN || member.role == WORKSPACE_MEMBER)) id_copy(ret_id, list.items[i].id);
  }
  return *ret_id ? NULL : err_new(ERR_DENIED, "Not Authorized: no workspace of yours lets you make projects: `tram workspace create NAME`");
}

static char *generated_name(void) {
  static const char *const adjectives[] = {"amber", "brisk", "calm", "daring", "eager", "fair",
                                           "gentle", "humble", "keen", "lively", "mellow", "noble",
                                           "proud", "quiet", "swift", "vivid"};
  static const char *const nouns[] = {"bridge", "canal", "depot", "engine", "ferry", "garden",
                                      "harbor", "island", "junction", "lantern", "meadow", "orbit",
                                      "platform", "river", "signal", "tram"};
  unsigned char random[2];
  secret_random(random, sizeof random);
  return str_format("%s-%s", adjectives[random[0] % ARRAY_LEN(adjectives)], nouns[random[1] % ARRAY_LEN(nouns)]);
}

static err *rename_default_environment(const struct graphql_call *call, const char *project_id) {
  const char *name = input_text(call, "defaultEnvironmentName");
  if (!name || str_eq(name, ENVIRONMENT_NAME_DEFAULT)) return NULL;
  auto_environment_list list = {0};
  TRY(environment_name_check(name));
  TRY(environment_list_by_project(db_of(call), project_id, NULL, &list));
  return list.len ? environment_rename(db_of(call), list.items[0].id, name, clock_now_us()) : NULL;
}

static void take_bool(const struct graphql_call *call, const char *name, bool *ret_value) {
  *ret_value = json_get_bool(input_of(call), name, *ret_value);
}

RESOLVER(mutation_project_create) {
  char workspace_id[ID_SIZE];
  auto_project project = {0};
  const char *given = input_text(call, "name");
  auto_free char *name = given ? str_dup(given) : generated_name();
  TRY(choose_workspace(call, workspace_id));
  TRY(access_workspace(asking_of(call)->api, &asking_of(call)->caller, workspace_id, WORKSPACE_MEMBER));
  TRY(core_project_create(core_of(call), workspace_id, name, input_text(call, "description"), &project));
  TRY(rename_default_environment(call, project.id));
  take_bool(call, "prDeploys", &project.pr_deploys);
  if (project.pr_deploys) TRY(project_update(db_of(call), &project, clock_now_us()));
  *ret_value = project_json(&project);
  return NULL;
}

/* null goes back to the project's oldest environment. */
static err *take_base(const struct graphql_call *call, struct project *project) {
  const json_t *given = json_object_get(input_of(call), "baseEnvironmentId");
  auto_environment base = {0};
  if (!given) return NULL;
  id_copy(project->base_environment_id, "");
  if (!json_is_string(given)) return NULL;
  TRY(environment_get(db_of(call), json_string_value(given), &base));
  if (!str_eq(base.project_id, project->id)) return err_new(ERR_NOT_FOUND, "Environment not found");
  if (base.is_ephemeral) return err_new(ERR_INVALID, "'%s' belongs to a pull request: it is no base for others", base.name);
  id_copy(project->base_environment_id, base.id);
  return NULL;
}

RESOLVER(mutation_project_update) {
  auto_project project = {0};
  const char *id = arg_text(call, "id"), *name = input_text(call, "name");
  const char *description = input_text(call, "description");
  TRY(project_get(db_of(call), id, &project));
  if (name) TRY(project_name_check(name));
  if (name) str_replace_owned(&project.name, name);
  if (description) str_replace_owned(&project.description, description);
  take_bool(call, "prDeploys", &project.pr_deploys);
  take_bool(call, "focusedPrEnvironments", &project.focused_pr_environments);
  take_bool(call, "botPrEnvironments", &project.bot_pr_environments);
  TRY(take_base(call, &project));
  TRY(project_update(db_of(call), &project, clock_now_us()));
  return project_value(call, id, ret_value);
}

RESOLVER(mutation_project_delete) {
  TRY(core_project_delete(core_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

/* ---- environments ---- */

static err *environment_value(const struct graphql_call *call, const char *id, json_t **ret_value) {
  auto_environment environment = {0};
  if (!id) return NULL;
  TRY(environment_get(db_of(call), id, &environment));
  *ret_value = environment_json(&environment);
  return NULL;
}

RESOLVER(query_environment) {
  return environment_value(call, arg_text(call, "id"), ret_value);
}

RESOLVER(environment_of_parent) {
  return environment_value(call, parent_text(call, "environmentId"), ret_value);
}

static err *environment_if_any(const struct graphql_call *call, const char *id, json_t **ret_value) {
  err *e = environment_value(call, id, ret_value);
  if (!e || err_code_of(e) != ERR_NOT_FOUND) return e;
  err_ignore(e); /* it has been deleted since */
  return NULL;
}

RESOLVER(environment_source) {
  return environment_if_any(call, parent_text(call, "sourceEnvironmentId"), ret_value);
}

RESOLVER(project_base_environment) {
  return environment_if_any(call, parent_text(call, "baseEnvironmentId"), ret_value);
}

/* A project token sees its own environment alone. */
static bool may_see(const struct caller *caller, const struct environment *e) {
  return caller->kind != CALLER_PROJECT || str_eq(caller->environment_id, e->id);
}

static err *environments_connection(const struct graphql_call *call, const char *project_id,
                                    json_t **ret_value) {
  auto_environment_list list = {0};
  TRY(environment_list_by_project(db_of(call), project_id, NULL, &list));
  const json_t *wanted = json_object_get(call->args, "isEphemeral");
  bool newest_first = str_eq(arg_text(call, "sort"), "desc");
  json_t *nodes = json_array();
  for (size_t n = 0; n < list.len; n++) {
    const struct environment *e = &list.items[newest_first ? n : list.len - 1 - n];
    if (json_is_boolean(wanted) && json_is_true(wanted) != e->is_ephemeral) continue;
    if (may_see(&asking_of(call)->caller, e)) json_array_append_new(nodes, environment_json(e));
  }
  return relay_connection(nodes, call->args, false, ret_value);
}

RESOLVER(query_environments) {
  return environments_connection(call, arg_text(call, "projectId"), ret_value);
}

RESOLVER(project_environments) {
  return environments_connection(call, parent_text(call, "id"), ret_value);
}

RESOLVER(project_primary_environment) {
  auto_environment_list list = {0};
  TRY(environment_list_by_project(db_of(call), parent_text(call, "id"), NULL, &list));
  for (size_t n = list.len; n-- > 0;)
    if (!list.items[n].is_ephemeral) {
      *ret_value = json_string(list.items[n].id);
      return NULL;
    }
  return NULL;
}

RESOLVER(environment_instances) {
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_environment(db_of(call), parent_text(call, "id"), &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, service_instance_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

static err *deploy_copies(const struct graphql_call *call, const struct environment *environment) {
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_environment(db_of(call), environment->id, &list));
  for (size_t i = 0; i < list.len; i++) {
    enum source_kind kind = list.items[i].settings.source_kind;
    char id[ID_SIZE];
    if (kind == SOURCE_IMAGE || kind == SOURCE_REPO)
      TRY(core_deploy_instance(core_of(call), &list.items[i], asking_of(call)->caller.user_id, id));
  }
  return NULL;
}

RESOLVER(mutation_environment_create) {
  auto_environment made = {0};
  const char *source = input_text(call, "sourceEnvironmentId");
  TRY(core_environment_create(core_of(call), input_text(call, "projectId"), input_text(call, "name"),
                              source, json_get_bool(input_of(call), "ephemeral", false), &made));
  if (source && !json_get_bool(input_of(call), "skipInitialDeploys", false)) TRY(deploy_copies(call, &made));
  *ret_value = environment_json(&made);
  return NULL;
}

RESOLVER(mutation_environment_rename) {
  const char *id = arg_text(call, "id"), *name = input_text(call, "name");
  TRY(environment_name_check(name));
  TRY(environment_rename(db_of(call), id, name, clock_now_us()));
  return environment_value(call, id, ret_value);
}

RESOLVER(mutation_environment_delete) {
  TRY(core_environment_delete(core_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",        "project",              query_project,               NULL },
  { "Query",        "projects",             query_projects,              NULL },
  { "Query",        "projectsByIds",        query_projects_by_ids,       NULL },
  { "Query",        "environment",          query_environment,           NULL },
  { "Query",        "environments",         query_environments,          NULL },
  { "Mutation",     "projectCreate",        mutation_project_create,     NULL },
  { "Mutation",     "projectUpdate",        mutation_project_update,     NULL },
  { "Mutation",     "projectDelete",        mutation_project_delete,     NULL },
  { "Mutation",     "environmentCreate",    mutation_environment_create, NULL },
  { "Mutation",     "environmentRename",    mutation_environment_rename, NULL },
  { "Mutation",     "environmentDelete",    mutation_environment_delete, NULL },
  { "Workspace",    "projects",             workspace_projects,          NULL },
  { "Project",      "workspace",            project_workspace,           NULL },
  { "Project",      "environments",         project_environments,        NULL },
  { "Project",      "baseEnvironment",      project_base_environment,    NULL },
  { "Project",      "primaryEnvironmentId", project_primary_environment, NULL },
  { "Service",      "project",              project_of_parent,           NULL },
  { "Bucket",       "project",              project_of_parent,           NULL },
  { "ProjectToken", "project",              project_of_parent,           NULL },
  { "ProjectToken", "environment",          environment_of_parent,       NULL },
  { "Deployment",   "environment",          environment_of_parent,       NULL },
  { "Environment",  "sourceEnvironment",    environment_source,          NULL },
  { "Environment",  "serviceInstances",     environment_instances,       NULL },
};
/* clang-format on */
const struct bindings bindings_project = {rows, ARRAY_LEN(rows)};
