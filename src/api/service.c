/* Services and their instances. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/deployment.h"
#include "store/project.h"
#include "store/service.h"

static err *service_value(const struct graphql_call *call, const char *id, json_t **ret_value) {
  auto_service service = {0};
  TRY(service_get(db_of(call), id, &service));
  *ret_value = service_json(&service);
  return NULL;
}

RESOLVER(query_service) {
  return service_value(call, arg_text(call, "id"), ret_value);
}

RESOLVER(service_of_parent) {
  return service_value(call, parent_text(call, "serviceId"), ret_value);
}

RESOLVER(instance_service_name) {
  auto_service service = {0};
  TRY(service_get(db_of(call), parent_text(call, "serviceId"), &service));
  *ret_value = json_string(service.name);
  return NULL;
}

RESOLVER(project_services) {
  auto_service_list list = {0};
  TRY(service_list_by_project(db_of(call), parent_text(call, "id"), NULL, &list));
  json_t *nodes = json_array();
  for (size_t i = list.len; i-- > 0;) json_array_append_new(nodes, service_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

RESOLVER(query_service_instance) {
  auto_service_instance instance = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &instance));
  *ret_value = service_instance_json(&instance);
  return NULL;
}

/* Updates come from the template that a service was made of, and none was. */
RESOLVER(query_is_updatable) {
  auto_service_instance instance = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &instance));
  *ret_value = json_false();
  return NULL;
}

RESOLVER(instance_latest_deployment) {
  auto_deployment latest = {0};
  bool found = false;
  TRY(deployment_find_latest(db_of(call), parent_text(call, "id"), &found, &latest));
  if (found) *ret_value = deployment_json(&latest);
  return NULL;
}

RESOLVER(instance_active_deployments) {
  auto_deployment active = {0};
  bool found = false;
  TRY(deployment_find_active(db_of(call), parent_text(call, "id"), &found, &active));
  *ret_value = json_array();
  if (found) json_array_append_new(*ret_value, deployment_json(&active));
  return NULL;
}

/* ---- settings ---- */

static err *set_source(struct service_settings *s, const char *repo, const char *image, const char *branch) {
  if (!repo == !image) return err_new(ERR_INVALID, "the source is a repo or an image: give one of them");
  s->source_kind = repo ? SOURCE_REPO : SOURCE_IMAGE;
  str_replace_owned(&s->source_repo, repo);
  str_replace_owned(&s->source_image, image);
  str_replace_owned(&s->source_branch, branch);
  return NULL;
}

/* ServiceInstanceUpdateInput → Railway's settings document, whose names it shares. */
static json_t *settings_document(const json_t *input) {
  static const char *const of_build[] = {"builder", "buildCommand", "dockerfilePath", "watchPatterns"};
  json_t *build_part = json_object(), *deploy_part = json_deep_copy(input), *source = json_object();
  for (size_t i = 0; i < ARRAY_LEN(of_build); i++) {
    json_t *value = json_object_get(input, of_build[i]);
    if (value) json_object_set(build_part, of_build[i], value);
    json_object_del(deploy_part, of_build[i]);
  }
  json_t *root = json_object_get(input, "rootDirectory");
  if (root) json_object_set(source, "rootDirectory", root);
  json_object_del(deploy_part, "rootDirectory");
  json_object_del(deploy_part, "source");
  json_t *config_file = json_incref(json_object_get(input, "railwayConfigFile"));
  json_object_del(deploy_part, "railwayConfigFile");
  return json_pack("{s:o, s:o, s:o, s:o*}", "build", build_part, "deploy", deploy_part, "source", source,
                   "configFile", config_file);
}

err *check_local_source(const struct graphql_call *call, const char *repo, const char *environment_id) {
  if (!repo || (repo[0] != '/' && !str_starts(repo, "file:"))) return NULL;
  const struct asking *asking = asking_of(call);
  return err_wrap(access_environment(asking->api, &asking->caller, environment_id, WORKSPACE_ADMIN),
                  "a repository on the host, '%s'", repo);
}

/* Of the environment: where it deploys from.  A branch alone leaves the repository as it is. */
static err *update_source(const struct graphql_call *call, const json_t *source, struct service_instance *instance) {
  struct service_settings *s = &instance->settings;
  const char *repo = json_get_text(source, "repo"), *image = json_get_text(source, "image");
  const char *branch = json_get_text(source, "branch");
  TRY(check_local_source(call, repo, instance->environment_id));
  if (repo || image || !branch) return set_source(s, repo, image, branch ? branch : s->source_branch);
  if (s->source_kind != SOURCE_REPO)
    return err_new(ERR_INVALID, "a branch needs a service whose source is a repository");
  str_replace_owned(&s->source_branch, branch);
  return NULL;
}

static err *update_settings(const struct graphql_call *call, struct service_instance *instance) {
  const json_t *source = json_object_get(input_of(call), "source");
  auto_json *document = settings_document(input_of(call));
  if (json_is_object(source)) TRY(update_source(call, source, instance));
  TRY(service_settings_apply_json(&instance->settings, document));
  TRY(service_settings_check(&instance->settings));
  const json_t *registry = json_object_get(input_of(call), "registryCredentials");
  if (registry) /* null, too: then there are none any more */
    TRY(core_registry_credentials(core_of(call), instance, json_get_text(registry, "username"),
                                  json_get_text(registry, "password")));
  return core_set_settings(core_of(call), instance->id, &instance->settings);
}

RESOLVER(mutation_instance_update) {
  const char *environment_id = arg_text(call, "environmentId");
  auto_service_instance_list list = {0};
  bool found = false;
  TRY(service_instance_list_by_service(db_of(call), arg_text(call, "serviceId"), &list));
  for (size_t i = 0; i < list.len; i++) {
    if (environment_id && !str_eq(list.items[i].environment_id, environment_id)) continue;
    found = true;
    TRY(update_settings(call, &list.items[i]));
  }
  if (!found) return err_new(ERR_NOT_FOUND, "ServiceInstance not found");
  *ret_value = json_true();
  return NULL;
}

/* ---- making and changing ---- */

static char *name_for(const struct graphql_call *call) {
  const char *name = input_text(call, "name");
  if (name) return str_dup(name);
  const json_t *source = json_object_get(input_of(call), "source");
  const char *from = json_get_text(source, "image") ? json_get_text(source, "image") : json_get_text(source, "repo");
  if (!from) {
    auto_free char *code = secret_random_hex(3);
    return str_format("service-%s", code);
  }
  const char *slash = strrchr(from, '/');
  const char *base = slash ? slash + 1 : from;
  return str_ndup(base, strcspn(base, ":@."));
}

static err *source_settings(const struct graphql_call *call, struct service_settings *s) {
  const json_t *source = json_object_get(input_of(call), "source");
  if (!json_is_object(source)) return NULL;
  const char *branch = input_text(call, "branch") ? input_text(call, "branch") : json_get_text(source, "branch");
  return set_source(s, json_get_text(source, "repo"), json_get_text(source, "image"), branch);
}

static err *set_initial_variables(const struct graphql_call *call, const struct service_instance *instance) {
  auto_strv affected = STRV_EMPTY; /* who refers to it already was deployed without: it stays as it is */
  const json_t *variables = json_object_get(input_of(call), "variables");
  if (!json_is_object(variables)) return NULL;
  return core_variables_change(core_of(call), instance->environment_id, instance->service_id, variables, false, &affected);
}

static err *start_new_service(const struct graphql_call *call, const struct service *service) {
  const char *environment_id = input_text(call, "environmentId");
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_service(db_of(call), service->id, &list));
  for (size_t i = 0; i < list.len; i++) {
    char id[ID_SIZE];
    if (environment_id && !str_eq(environment_id, list.items[i].environment_id)) continue;
    TRY(check_local_source(call, list.items[i].settings.source_repo, list.items[i].environment_id));
    TRY(set_initial_variables(call, &list.items[i]));
    if (list.items[i].settings.source_kind != SOURCE_NONE && !core_waits_for_push(core_of(call), &list.items[i]))
      TRY(core_deploy_instance(core_of(call), &list.items[i], asking_of(call)->caller.user_id, id));
  }
  return NULL;
}

RESOLVER(mutation_service_create) {
  auto_service service = {0};
  auto_service_settings settings;
  auto_free char *name = name_for(call);
  service_settings_init(&settings);
  TRY(source_settings(call, &settings));
  TRY(service_settings_check(&settings));
  TRY(core_service_create(core_of(call), input_text(call, "projectId"), name, &settings, &service));
  TRY(start_new_service(call, &service));
  *ret_value = service_json(&service);
  return NULL;
}

RESOLVER(mutation_service_duplicate) {
  auto_service_instance source = {0};
  auto_service service = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &source));
  TRY(core_service_duplicate(core_of(call), &source, &service));
  *ret_value = service_json(&service);
  return NULL;
}

RESOLVER(mutation_service_update) {
  auto_service service = {0};
  const char *id = arg_text(call, "id"), *name = input_text(call, "name");
  if (name) TRY(core_service_rename(core_of(call), id, name, asking_of(call)->caller.user_id));
  TRY(service_get(db_of(call), id, &service));
  if (input_text(call, "icon")) str_replace_owned(&service.icon, input_text(call, "icon"));
  TRY(service_update(db_of(call), &service, clock_now_us()));
  return service_value(call, service.id, ret_value);
}

RESOLVER(mutation_service_delete) {
  auto_service_instance instance = {0};
  const char *id = arg_text(call, "id"), *environment_id = arg_text(call, "environmentId");
  if (environment_id) TRY(find_instance(call, id, environment_id, &instance));
  TRY(environment_id ? core_service_instance_delete(core_of(call), instance.id) : core_service_delete(core_of(call), id));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_service_connect) {
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_service(db_of(call), arg_text(call, "id"), &list));
  for (size_t i = 0; i < list.len; i++) {
    struct service_settings *s = &list.items[i].settings;
    TRY(check_local_source(call, input_text(call, "repo"), list.items[i].environment_id));
    TRY(set_source(s, input_text(call, "repo"), input_text(call, "image"), input_text(call, "branch")));
    str_replace_owned(&s->source_commit, NULL);
    s->auto_deploy = true;
    TRY(service_settings_check(s));
    TRY(service_instance_set_settings(db_of(call), list.items[i].id, s, clock_now_us()));
  }
  return service_value(call, arg_text(call, "id"), ret_value);
}

RESOLVER(mutation_service_disconnect) {
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_service(db_of(call), arg_text(call, "id"), &list));
  for (size_t i = 0; i < list.len; i++) {
    struct service_settings *s = &list.items[i].settings;
    auto_json *nothing = json_pack("{s:{s:n, s:n, s:n, s:n, s:n}}", "source", "kind", "repo", "branch", "commitSha", "image");
    TRY(service_settings_apply_json(s, nothing));
    TRY(service_instance_set_settings(db_of(call), list.items[i].id, s, clock_now_us()));
  }
  return service_value(call, arg_text(call, "id"), ret_value);
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",           "service",               query_service,               NULL },
  { "Query",           "serviceInstance",       query_service_instance,      NULL },
  { "Query",           "serviceInstanceIsUpdatable", query_is_updatable,     NULL },
  { "Mutation",        "serviceCreate",         mutation_service_create,     NULL },
  { "Mutation",        "serviceDuplicate",      mutation_service_duplicate,  NULL },
  { "Mutation",        "serviceUpdate",         mutation_service_update,     NULL },
  { "Mutation",        "serviceDelete",         mutation_service_delete,     NULL },
  { "Mutation",        "serviceConnect",        mutation_service_connect,    NULL },
  { "Mutation",        "serviceDisconnect",     mutation_service_disconnect, NULL },
  { "Mutation",        "serviceInstanceUpdate", mutation_instance_update,    NULL },
  { "Project",         "services",              project_services,            NULL },
  { "ServiceInstance", "service",               service_of_parent,           NULL },
  { "ServiceInstance", "serviceName",           instance_service_name,       NULL },
  { "ServiceInstance", "latestDeployment",      instance_latest_deployment,  NULL },
  { "ServiceInstance", "activeDeployments",     instance_active_deployments, NULL },
  { "Deployment",      "service",               service_of_parent,           NULL },
};
/* clang-format on */
const struct bindings bindings_service = {rows, ARRAY_LEN(rows)};
