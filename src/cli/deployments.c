#include "cli/deployments.h"

#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "cli/pages.h"
#include "cli/queries.h"

err *deployments_fetch(struct cli *cli, const struct scope *scope, long long limit,
                       json_t **ret_deployments) {
  auto_json *input = json_pack("{s:s, s:s, s:s, s:b}", "projectId", scope->project_id, "environmentId",
                               scope->environment_id, "serviceId", scope->service_id, "includeDeleted", 1);
  auto_json *all = json_array();
  auto_free char *after = NULL;
  do {
    auto_json *data = NULL;
    const char *next;
    long long first = limit - (long long)json_array_size(all);
    if (first > DEPLOYMENT_LIMIT_MAX) first = DEPLOYMENT_LIMIT_MAX;
    TRY(cli_query(cli, query_deployments,
                  json_pack("{s:O, s:I, s:s*}", "input", input, "first", (json_int_t)first, "after", after), &data));
    const json_t *connection = json_object_get(data, "deployments"), *node;
    for (size_t i = 0; (node = scope_node_at(connection, i)); i++) json_array_append(all, (json_t *)node);
    TRY(pages_next(connection, after, &next));
    str_replace_owned(&after, next);
  } while (after && (long long)json_array_size(all) < limit);
  *ret_deployments = json_incref(all);
  return NULL;
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
  size_t i;
  const json_t *deployment;
  const char *found = NULL;
  json_array_foreach(deployments, i, deployment) {
    const char *id = json_get_text(deployment, "id");
    if (!str_starts(id, prefix)) continue;
    if (found) return err_new(ERR_INVALID, "several deployments begin with '%s': write more of the id", prefix);
    found = id;
  }
  if (!found || !*prefix)
    return err_new(ERR_NOT_FOUND, "no deployment of the service begins with '%s': see `tram deployment list`", prefix);
  *ret_id = str_dup(found);
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
