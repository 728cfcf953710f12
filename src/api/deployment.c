/* Deployments: looking at them and acting on them. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"
#include "store/deployment.h"
#include "store/domain.h"
#include "store/receipt.h"
#include "store/service.h"

static err *deployment_value(const struct graphql_call *call, const char *id, json_t **ret_value) {
  auto_deployment deployment = {0};
  TRY(deployment_get(db_of(call), id, &deployment));
  *ret_value = deployment_json(&deployment);
  return NULL;
}

RESOLVER(query_deployment) {
  return deployment_value(call, arg_text(call, "id"), ret_value);
}

/* ---- lists ---- */

static err *status_bits(const json_t *names, uint32_t *ret_bits) {
  *ret_bits = 0;
  for (size_t i = 0; i < json_array_size(names); i++) {
    enum deployment_status status;
    TRY(deployment_status_parse(json_string_value(json_array_get(names, i)), &status));
    *ret_bits |= DEPLOYMENT_STATUS_BIT(status);
  }
  return NULL;
}

static err *wanted_statuses(const json_t *input, uint32_t *ret_bits) {
  const json_t *status = json_object_get(input, "status");
  const uint32_t every = DEPLOYMENT_STATUS_BIT(DEPLOYMENT_STATUS_COUNT) - 1;
  uint32_t in = 0, not_in = 0;
  TRY(status_bits(json_object_get(status, "in"), &in));
  TRY(status_bits(json_object_get(status, "notIn"), &not_in));
  *ret_bits = (in ? in : every) & ~not_in;
  return NULL;
}

static err *list_deployments(const struct graphql_call *call, struct deployment_filter *filter,
                             json_t **ret_value) {
  int64_t first = json_get_int(call->args, "first", RELAY_FIRST_MAX);
  struct page page = {.after = arg_text(call, "after"), .first = first};
  if (first < 1 || first > PAGE_FIRST_MAX)
    return err_new(ERR_INVALID, "'first' must be 1 to %d", PAGE_FIRST_MAX);
  auto_deployment_list list = {0};
  /* A project token lists its own environment, whatever it asks about. */
  const struct caller *caller = &asking_of(call)->caller;
  if (caller->kind == CALLER_PROJECT) filter->environment_id = caller->environment_id;
  TRY(deployment_list(db_of(call), filter, &page, &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, deployment_json(&list.items[i]));
  auto_json *rest = json_object(); /* `after` and `first` were the database's part */
  if (json_object_get(call->args, "last")) json_object_set(rest, "last", json_object_get(call->args, "last"));
  return relay_connection(nodes, rest, list.has_more, ret_value);
}

RESOLVER(query_deployments) {
  struct deployment_filter filter = {.project_id = input_text(call, "projectId"),
                                     .environment_id = input_text(call, "environmentId"),
                                     .service_id = input_text(call, "serviceId")};
  TRY(wanted_statuses(input_of(call), &filter.statuses));
  if (!filter.statuses) return err_new(ERR_INVALID, "the input excludes every status");
  return list_deployments(call, &filter, ret_value);
}

RESOLVER(environment_deployments) {
  struct deployment_filter filter = {.environment_id = parent_text(call, "id")};
  return list_deployments(call, &filter, ret_value);
}

RESOLVER(query_events) {
  auto_deployment_step_list list = {0};
  TRY(deployment_step_list(db_of(call), arg_text(call, "id"), &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, deployment_event_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

/* ---- fields ---- */

static err *parent_deployment(const struct graphql_call *call, struct deployment *ret_deployment) {
  return deployment_get(db_of(call), parent_text(call, "id"), ret_deployment);
}

RESOLVER(can_redeploy) {
  auto_deployment d = {0};
  TRY(parent_deployment(call, &d));
  *ret_value = json_boolean(core_can_redeploy(core_of(call), &d));
  return NULL;
}

RESOLVER(can_rollback) {
  auto_deployment d = {0};
  TRY(parent_deployment(call, &d));
  *ret_value = json_boolean(core_can_rollback(core_of(call), &d));
  return NULL;
}

RESOLVER(static_url) {
  auto_domain_list domains = {0};
  TRY(domain_list_by_instance(db_of(call), parent_text(call, "serviceInstanceId"), &domains));
  if (domains.len) *ret_value = json_string(domains.items[0].host);
  return NULL;
}

RESOLVER(suggest_domain) {
  auto_domain_list domains = {0};
  TRY(domain_list_by_instance(db_of(call), parent_text(call, "serviceInstanceId"), &domains));
  *ret_value = json_boolean(domains.len == 0 && json_get_int(call->parent, "detectedPort", 0) != 0);
  return NULL;
}

RESOLVER(creator) {
  const char *id = parent_text(call, "creatorUserId");
  auto_user user = {0};
  if (!id) return NULL;
  TRY(user_get(db_of(call), id, &user));
  *ret_value = user_json(&user);
  return NULL;
}

RESOLVER(instances) {
  auto_deployment_instance_list list = {0};
  TRY(deployment_instance_list(db_of(call), parent_text(call, "id"), &list));
  *ret_value = json_array();
  for (size_t i = 0; i < list.len; i++)
    if (list.items[i].role == INSTANCE_REPLICA)
      json_array_append_new(*ret_value, json_pack("{s:s, s:s}", "id", list.items[i].id, "status",
                                                  instance_status_name(list.items[i].status)));
  return NULL;
}

RESOLVER(receipt) {
  auto_receipt r = {0};
  bool found = false;
  TRY(receipt_find(db_of(call), parent_text(call, "id"), &found, &r));
  if (found) *ret_value = receipt_json(&r);
  return NULL;
}

/* ---- actions ---- */

RESOLVER(mutation_redeploy) {
  char id[ID_SIZE];
  bool same_image = json_is_true(json_object_get(call->args, "usePreviousImageTag"));
  TRY(core_redeploy(core_of(call), arg_text(call, "id"), same_image, asking_of(call)->caller.user_id, id));
  return deployment_value(call, id, ret_value);
}

RESOLVER(mutation_rollback) {
  char id[ID_SIZE];
  TRY(core_rollback(core_of(call), arg_text(call, "id"), asking_of(call)->caller.user_id, id));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_rollback_v2) {
  char id[ID_SIZE];
  TRY(core_rollback(core_of(call), arg_text(call, "id"), asking_of(call)->caller.user_id, id));
  *ret_value = json_string(id);
  return NULL;
}

RESOLVER(mutation_restart) {
  TRY(core_restart(core_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_cancel) {
  TRY(core_cancel(core_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_remove) {
  TRY(core_remove(core_of(call), arg_text(call, "id"), false));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_stop) {
  TRY(core_remove(core_of(call), arg_text(call, "id"), true));
  *ret_value = json_true();
  return NULL;
}

/* ---- deploying a service ---- */

/* With a commit the source is pinned to it for this deployment. */
static err *deploy_service(const struct graphql_call *call, char ret_id[ID_SIZE]) {
  auto_service_instance instance = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &instance));
  const char *commit = arg_text(call, "commitSha");
  if (commit && instance.settings.source_kind != SOURCE_REPO)
    return err_new(ERR_INVALID, "commitSha needs a service whose source is a repository");
  if (commit) str_replace_owned(&instance.settings.source_commit, commit);
  TRY(service_settings_check(&instance.settings));
  return core_deploy_instance(core_of(call), &instance, asking_of(call)->caller.user_id, ret_id);
}

RESOLVER(mutation_instance_deploy) {
  char id[ID_SIZE];
  TRY(deploy_service(call, id));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_instance_deploy_v2) {
  char id[ID_SIZE];
  TRY(deploy_service(call, id));
  *ret_value = json_string(id);
  return NULL;
}

RESOLVER(mutation_instance_redeploy) {
  auto_service_instance instance = {0};
  auto_deployment latest = {0};
  bool found = false;
  char id[ID_SIZE];
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &instance));
  TRY(deployment_find_latest(db_of(call), instance.id, &found, &latest));
  if (!found) return err_new(ERR_CONFLICT, "the service has no deployment to repeat: deploy it with `tram up`");
  TRY(core_redeploy(core_of(call), latest.id, false, asking_of(call)->caller.user_id, id));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",       "deployment",              query_deployment,            NULL },
  { "Query",       "deployments",             query_deployments,           NULL },
  { "Query",       "deploymentEvents",        query_events,                NULL },
  { "Mutation",    "deploymentRedeploy",      mutation_redeploy,           NULL },
  { "Mutation",    "deploymentRollback",      mutation_rollback,           NULL },
  { "Mutation",    "deploymentRollbackV2",    mutation_rollback_v2,        NULL },
  { "Mutation",    "deploymentRestart",       mutation_restart,            NULL },
  { "Mutation",    "deploymentCancel",        mutation_cancel,             NULL },
  { "Mutation",    "deploymentRemove",        mutation_remove,             NULL },
  { "Mutation",    "deploymentStop",          mutation_stop,               NULL },
  { "Mutation",    "serviceInstanceDeploy",   mutation_instance_deploy,    NULL },
  { "Mutation",    "serviceInstanceDeployV2", mutation_instance_deploy_v2, NULL },
  { "Mutation",    "serviceInstanceRedeploy", mutation_instance_redeploy,  NULL },
  { "Environment", "deployments",             environment_deployments,     NULL },
  { "Deployment",  "canRedeploy",             can_redeploy,                NULL },
  { "Deployment",  "canRollback",             can_rollback,                NULL },
  { "Deployment",  "url",                     static_url,                  NULL },
  { "Deployment",  "staticUrl",               static_url,                  NULL },
  { "Deployment",  "suggestAddServiceDomain", suggest_domain,              NULL },
  { "Deployment",  "creator",                 creator,                     NULL },
  { "Deployment",  "instances",               instances,                   NULL },
  { "Deployment",  "receipt",                 receipt,                     NULL },
};
/* clang-format on */
const struct bindings bindings_deployment = {rows, ARRAY_LEN(rows)};
