/* Deployment triggers: Railway's view of a service instance that deploys from a branch of a repository.
 * A trigger has no row of its own, so that it cannot differ from the instance's source: its id is the
 * instance's. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/git_url.h"
#include "source/repo_name.h"
#include "store/service.h"

static bool is_trigger(const struct service_instance *i) {
  return i->settings.source_kind == SOURCE_REPO && i->settings.auto_deploy;
}

static bool is_on_host(const char *repo, const char *host) {
  auto_free char *key = repo_key(repo);
  return key && str_starts(key, host);
}

static const char *provider_of(const char *repo) {
  return is_on_host(repo, "github.com/") ? "github" : is_on_host(repo, "gitlab.") ? "gitlab" : "git";
}

/* Without credentials. */
static char *repository_of(const char *repo) {
  struct git_url url;
  if (is_on_host(repo, "github.com/")) return repo_full_name(repo);
  auto_err *e = git_url_parse(repo, &url);
  if (e) return str_dup(str_starts(repo, "push:") ? repo : "");
  char *plain = str_dup(url.plain);
  git_url_done(&url);
  return plain;
}

static json_t *trigger_json(const struct service_instance *i) {
  const struct service_settings *s = &i->settings;
  auto_free char *repository = repository_of(s->source_repo);
  json_t *o = json_object();
  json_set_text(o, "id", i->id);
  json_set_text(o, "projectId", i->project_id);
  json_set_text(o, "environmentId", i->environment_id);
  json_set_text(o, "serviceId", i->service_id);
  json_set_text(o, "provider", provider_of(s->source_repo));
  json_set_text(o, "repository", repository);
  json_set_text(o, "branch", s->source_branch ? s->source_branch : "");
  json_object_set_new(o, "checkSuites", json_boolean(s->check_suites));
  return o;
}

/* ---- looking ---- */

static err *connection(const struct graphql_call *call, const struct service_instance_list *list,
                       json_t **ret_value) {
  json_t *nodes = json_array();
  for (size_t i = 0; i < list->len; i++)
    if (is_trigger(&list->items[i])) json_array_append_new(nodes, trigger_json(&list->items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

RESOLVER(query_triggers) {
  auto_service_instance_list list = {0};
  list.items = mem_zalloc(sizeof *list.items);
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), list.items));
  list.len = 1;
  return connection(call, &list, ret_value);
}

RESOLVER(service_triggers) {
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_service(db_of(call), parent_text(call, "id"), &list));
  return connection(call, &list, ret_value);
}

RESOLVER(environment_triggers) {
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_environment(db_of(call), parent_text(call, "id"), &list));
  return connection(call, &list, ret_value);
}

RESOLVER(project_triggers) {
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_project(db_of(call), parent_text(call, "id"), &list));
  return connection(call, &list, ret_value);
}

/* ---- changing ---- */

/* "owner/name" is GitHub's unless the provider says otherwise. */
static err *full_repository(const char *provider, const char *repository, char **ret_repo) {
  bool is_path = repository && *repository != '/' && !strpbrk(repository, ":");
  if (is_path && provider && str_ieq(provider, "gitlab"))
    *ret_repo = str_format("https://gitlab.com/%s", repository);
  else if (is_path && provider && !str_ieq(provider, "github"))
    return err_new(ERR_INVALID, "'%s': give the repository's URL, so that it is known where it is", repository);
  else
    *ret_repo = str_dup(repository);
  auto_free char *key = repo_key(*ret_repo);
  if (key) return NULL;
  free(*ret_repo);
  *ret_repo = NULL;
  return err_new(ERR_INVALID, "that is no repository: give a git URL, or owner/name on GitHub");
}

static err *set_repository(const struct graphql_call *call, struct service_instance *i) {
  struct service_settings *s = &i->settings;
  auto_free char *repo = NULL;
  if (!input_text(call, "repository")) return NULL;
  TRY(full_repository(input_text(call, "provider"), input_text(call, "repository"), &repo));
  TRY(check_local_source(call, repo, i->environment_id));
  s->source_kind = SOURCE_REPO;
  str_replace_owned(&s->source_repo, repo);
  str_replace_owned(&s->source_image, NULL);
  return NULL;
}

/* What the input says, over what the instance has. */
static err *set_trigger(const struct graphql_call *call, struct service_instance *i) {
  struct service_settings *s = &i->settings;
  const json_t *check_suites = json_object_get(input_of(call), "checkSuites");
  const char *root = input_text(call, "rootDirectory");
  TRY(set_repository(call, i));
  if (input_text(call, "branch")) str_replace_owned(&s->source_branch, input_text(call, "branch"));
  if (json_is_boolean(check_suites)) s->check_suites = json_is_true(check_suites);
  if (root) str_replace_owned(&s->root_directory, *root ? root : NULL);
  str_replace_owned(&s->source_commit, NULL);
  s->auto_deploy = true;
  if (s->source_branch && !git_ref_valid(s->source_branch)) return err_new(ERR_INVALID, "that is no name of a branch");
  TRY(service_settings_check(s));
  return core_set_settings(core_of(call), i->id, s);
}

RESOLVER(mutation_trigger_create) {
  auto_service_instance i = {0};
  TRY(find_instance(call, input_text(call, "serviceId"), input_text(call, "environmentId"), &i));
  TRY(set_trigger(call, &i));
  *ret_value = trigger_json(&i);
  return NULL;
}

static err *find_trigger(const struct graphql_call *call, struct service_instance *ret_instance) {
  TRY(service_instance_get(db_of(call), arg_text(call, "id"), ret_instance));
  return is_trigger(ret_instance) ? NULL : err_new(ERR_CONFLICT, "no push deploys that service: deploymentTriggerCreate "
                                                                 "connects it");
}

RESOLVER(mutation_trigger_update) {
  auto_service_instance i = {0};
  TRY(find_trigger(call, &i));
  TRY(set_trigger(call, &i));
  *ret_value = trigger_json(&i);
  return NULL;
}

static err *set_auto_deploy(const struct graphql_call *call, struct service_instance *i, bool enabled) {
  if (enabled && i->settings.source_kind != SOURCE_REPO)
    return err_new(ERR_CONFLICT, "the service has no repository: connect one first");
  i->settings.auto_deploy = enabled;
  return core_set_settings(core_of(call), i->id, &i->settings);
}

RESOLVER(mutation_trigger_delete) {
  auto_service_instance i = {0};
  TRY(find_trigger(call, &i));
  TRY(set_auto_deploy(call, &i, false));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_auto_deploy) {
  auto_service_instance i = {0};
  bool enabled = json_is_true(json_object_get(input_of(call), "enabled"));
  TRY(find_instance(call, input_text(call, "serviceId"), input_text(call, "environmentId"), &i));
  TRY(set_auto_deploy(call, &i, enabled));
  *ret_value = json_pack("{s:b}", "enabled", enabled);
  return NULL;
}

RESOLVER(query_auto_deploy) {
  auto_service_instance i = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &i));
  bool has_repository = i.settings.source_kind == SOURCE_REPO;
  const char *reason = !has_repository                           ? "the service has no repository"
                       : !str_empty(i.settings.source_commit) ? "the service is pinned to a commit"
                                                                 : NULL;
  *ret_value = json_pack("{s:b, s:b, s:s?}", "canEnable", reason == NULL, "enabled", core_deploys_pushes(&i), "reason",
                         reason);
  return NULL;
}

RESOLVER(mutation_triggers_deploy) {
  auto_service_instance i = {0};
  char id[ID_SIZE];
  TRY(find_instance(call, input_text(call, "serviceId"), input_text(call, "environmentId"), &i));
  if (!is_trigger(&i)) return err_new(ERR_CONFLICT, "no push deploys the service: connect it to a repository first");
  TRY(core_deploy_instance(core_of(call), &i, asking_of(call)->caller.user_id, id));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",       "deploymentTriggers",              query_triggers,           NULL },
  { "Query",       "serviceInstanceAutoDeployStatus", query_auto_deploy,        NULL },
  { "Service",     "repoTriggers",                    service_triggers,         NULL },
  { "Environment", "deploymentTriggers",              environment_triggers,     NULL },
  { "Project",     "deploymentTriggers",              project_triggers,         NULL },
  { "Mutation",    "deploymentTriggerCreate",         mutation_trigger_create,  NULL },
  { "Mutation",    "deploymentTriggerUpdate",         mutation_trigger_update,  NULL },
  { "Mutation",    "deploymentTriggerDelete",         mutation_trigger_delete,  NULL },
  { "Mutation",    "serviceInstanceAutoDeployUpdate", mutation_auto_deploy,     NULL },
  { "Mutation",    "environmentTriggersDeploy",       mutation_triggers_deploy, NULL },
};
/* clang-format on */
const struct bindings bindings_trigger = {rows, ARRAY_LEN(rows)};
