/* Templates: the catalogue, and what is made of one. */
#include <string.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/template.h"
#include "store/environment_patch.h"
#include "store/project.h"

/* ---- the catalogue ---- */

static json_t *told(json_t *template) {
  static const char *const yes[] = {"isApproved", "isV2Template", "isVerified"};
  for (size_t i = 0; i < ARRAY_LEN(yes); i++) json_object_set_new(template, yes[i], json_true());
  json_object_set_new(template, "status", json_string("PUBLISHED"));
  return template;
}

RESOLVER(query_template) {
  const char *code = arg_text(call, "code"), *id = arg_text(call, "id");
  if (!code && !id) return err_new(ERR_INVALID, "name a template's 'code' or 'id'");
  TRY(template_find(code ? code : id, ret_value));
  told(*ret_value);
  return NULL;
}

RESOLVER(query_templates) {
  json_t *all = template_catalogue();
  for (size_t i = 0; i < json_array_size(all); i++) told(json_array_get(all, i));
  return relay_connection(all, call->args, false, ret_value);
}

RESOLVER(query_templates_count) {
  auto_json *all = template_catalogue();
  (void)call;
  *ret_value = json_integer((json_int_t)json_array_size(all));
  return NULL;
}

static bool contains(const char *text, const char *part) {
  return text && strcasestr(text, part);
}

static bool fits(const json_t *template, const char *words) {
  static const char *const searched[] = {"code", "name", "description", "category"};
  bool found = false;
  size_t i;
  json_t *tag;
  for (size_t n = 0; n < ARRAY_LEN(searched); n++) found |= contains(json_get_text(template, searched[n]), words);
  json_array_foreach(json_object_get(template, "tags"), i, tag) found |= contains(json_string_value(tag), words);
  return found;
}

RESOLVER(query_search) {
  auto_json *all = template_catalogue();
  const char *category = arg_text(call, "category");
  json_t *found = json_array(), *template;
  size_t i;
  json_array_foreach(all, i, template) {
    if (!fits(template, arg_text(call, "query"))) continue;
    if (category && !str_ieq(category, json_get_text(template, "category"))) continue;
    json_object_set_new(told(template), "deploymentCount", json_integer(0));
    json_array_append(found, template);
  }
  return relay_connection(found, call->args, false, ret_value);
}

/* ---- deploying one ---- */

/* The input's environment, or the first of its project; with the project's id. */
static err *find_place(const struct graphql_call *call, char ret_environment[ID_SIZE], char ret_project[ID_SIZE]) {
  auto_environment environment = {0};
  auto_environment_list all = {0};
  const char *environment_id = input_text(call, "environmentId"), *project_id = input_text(call, "projectId");
  if (!environment_id && !project_id)
    return err_new(ERR_INVALID, "name the environment to deploy the template to: make a project first (projectCreate)");
  if (!environment_id) TRY(environment_list_by_project(db_of(call), project_id, NULL, &all));
  if (!environment_id && !all.len) return err_new(ERR_NOT_FOUND, "Environment not found");
  /* a page has the newest first */
  TRY(environment_get(db_of(call), environment_id ? environment_id : all.items[all.len - 1].id, &environment));
  if (project_id && !str_eq(project_id, environment.project_id)) return err_new(ERR_NOT_FOUND, "Project not found");
  id_copy(ret_environment, environment.id);
  id_copy(ret_project, environment.project_id);
  return NULL;
}

static err *deploy(const struct graphql_call *call, const json_t *config, const char *name, json_t **ret_value) {
  const struct asking *asking = asking_of(call);
  char environment_id[ID_SIZE], project_id[ID_SIZE], patch_id[ID_SIZE];
  auto_strv services = STRV_EMPTY;
  TRY(find_place(call, environment_id, project_id));
  auto_err *denied = access_environment(asking->api, &asking->caller, environment_id, WORKSPACE_ADMIN);
  struct core_template_deploy request = {.environment_id = environment_id, .config = config, .template_name = name,
                                         .user_id = asking->caller.user_id, .is_admin = !denied};
  TRY(core_template_deploy(core_of(call), &request, patch_id, &services));
  *ret_value = json_pack("{s:s, s:s}", "projectId", project_id, "workflowId", patch_id);
  return NULL;
}

RESOLVER(mutation_deploy_v2) {
  const json_t *input = input_of(call);
  auto_json *template = NULL;
  if (json_get_bool(input, "stageOnly", false) || !str_empty(input_text(call, "existingRootServiceId")))
    return err_new(ERR_INVALID, "a template is deployed at once here: 'stageOnly' and 'existingRootServiceId' are not there");
  /* a configuration of one's own may come under any id */
  auto_err *unknown = template_find(input_text(call, "templateId"), &template);
  const char *name = unknown ? "of one's own" : json_get_text(template, "name");
  return deploy(call, json_object_get(input, "serializedConfig"), name, ret_value);
}

/* The service of the template that an entry of `services` means, or NULL. */
static json_t *service_meant(json_t *services, const json_t *wish) {
  const char *key;
  json_t *service = json_object_get(services, json_get_text(wish, "id"));
  if (service) return service;
  json_object_foreach(services, key, service)
    if (json_object_size(services) == 1 || str_ieq(json_get_text(service, "name"), json_get_text(wish, "serviceName")))
      return service;
  return NULL;
}

static err *follow_wish(json_t *services, const json_t *wish) {
  json_t *service = service_meant(services, wish), *value;
  const char *start = json_get_text(wish, "startCommand"), *name;
  if (!service)
    return err_new(ERR_INVALID, "the template has no service '%.64s'", json_get_text(wish, "serviceName"));
  json_object_set(service, "name", json_object_get(wish, "serviceName"));
  if (start) json_put(service, "deploy.startCommand", json_string(start));
  json_object_foreach(json_object_get(wish, "variables"), name, value)
    json_object_set(json_object_get(service, "variables"), name, value);
  return NULL;
}

RESOLVER(mutation_deploy) {
  auto_json *template = NULL;
  const json_t *wishes = json_object_get(input_of(call), "services");
  size_t i;
  json_t *wish;
  const char *code = input_text(call, "templateCode");
  TRY(template_find(code ? code : "", &template));
  json_t *config = json_object_get(template, "serializedConfig");
  json_array_foreach(wishes, i, wish) TRY(follow_wish(json_object_get(config, "services"), wish));
  return deploy(call, config, json_get_text(template, "name"), ret_value);
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "template",         query_template,        NULL },
  { "Query",    "templateSearch",   query_search,          NULL },
  { "Query",    "templates",        query_templates,       NULL },
  { "Query",    "templatesCount",   query_templates_count, NULL },
  { "Mutation", "templateDeploy",   mutation_deploy,       NULL },
  { "Mutation", "templateDeployV2", mutation_deploy_v2,    NULL },
};
/* clang-format on */
const struct bindings bindings_template = {rows, ARRAY_LEN(rows)};
