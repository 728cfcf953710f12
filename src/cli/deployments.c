#include "cli/deployments.h"

#include "base/secret.h"
#include "base/str.h"
#include "cli/names.h"
#include "cli/pages.h"
#include "cli/queries.h"

err *deployments_fetch(struct cli *cli, const struct scope *scope, long long limit,
                       json_t **ret_deployments) {
  json_t *variables = json_pack("{s:{s:s, s:s, s:s, s:b}}", "input", "projectId", scope->project_id, "environmentId",
                                scope->environment_id, "serviceId", scope->service_id, "includeDeleted", 1);
  return pages_first(cli, query_deployments, variables, "deployments", limit, ret_deployments);
}

static bool has_status(const json_t *deployment, const char *const *statuses) {
  const char *status = json_get_text(deployment, "status");
  for (; *statuses; statuses++)
    if (str_eq(status, *statuses)) return true;
  return false;
}

json_t *deployments_live(const json_t *deployments) {
  static const char *const statuses[] = {"SUCCESS", "CRASHED", "SLEEPING", NULL};
  size_t i;
  json_t *deployment;
  json_array_foreach(deployments, i, deployment) if (has_status(deployment, statuses)) return deployment;
  return NULL;
}

json_t *deployments_previous_good(const json_t *deployments) {
  const json_t *live = deployments_live(deployments);
  bool older = live == NULL;
  size_t i;
  json_t *deployment;
  json_array_foreach(deployments, i, deployment) {
    if (older && json_get_bool(deployment, "canRollback", false)) return deployment;
    if (deployment == live) older = true;
  }
  return NULL;
}

bool deployments_is_coming(const json_t *deployment) {
  static const char *const statuses[] = {"QUEUED",    "WAITING",  "NEEDS_APPROVAL", "INITIALIZING",
                                         "BUILDING", "DEPLOYING", NULL};
  return has_status(deployment, statuses);
}

err *deployments_match(const json_t *deployments, const char *prefix, char **ret_id) {
  json_t *found;
  TRY(names_row_of(deployments, "deployment", "tram deployment list", prefix, &found));
  *ret_id = str_dup(json_get_text(found, "id"));
  return NULL;
}

err *deployments_resolve(struct cli *cli, const struct args *args, const char *word, char **ret_id) {
  auto_scope scope = {0};
  auto_json *all = NULL;
  if (id_valid(word)) {
    *ret_id = str_dup(word);
    return NULL;
  }
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(deployments_fetch(cli, &scope, DEPLOYMENT_LIMIT_MAX, &all));
  return deployments_match(all, word, ret_id);
}

err *deployments_none_yet(const struct cli *cli, const struct scope *scope) {
  return err_new(ERR_NOT_FOUND, "%s has no deployment yet: `%s up` makes one", scope->service_name,
                 cli->program);
}

err *deployments_fetch_one(struct cli *cli, const char *id, json_t **ret_deployment) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_deployment, json_pack("{s:s}", "id", id), &data));
  *ret_deployment = json_incref(json_object_get(data, "deployment"));
  return NULL;
}
