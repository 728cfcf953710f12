#include "cli/deployments.h"

#include "base/str.h"
#include "cli/queries.h"

err *deployments_fetch(struct cli *cli, const struct scope *scope, long long limit,
                       json_t **ret_deployments) {
  auto_json *data = NULL;
  json_t *input =
      json_pack("{s:s, s:s, s:s, s:b}", "projectId", scope->project_id, "environmentId",
                scope->environment_id, "serviceId", scope->service_id, "includeDeleted", 1);
  TRY(cli_query(cli, query_deployments,
                json_pack("{s:o, s:I}", "input", input, "first", (json_int_t)limit), &data));
  const json_t *connection = json_object_get(data, "deployments");
  json_t *all = json_array(), *node;
  for (size_t i = 0; (node = scope_node_at(connection, i)); i++)
    json_array_append(all, node);
  *ret_deployments = all;
  return NULL;
}

json_t *deployments_newest(const json_t *deployments, const char *status) {
  size_t i;
  json_t *deployment;
  json_array_foreach(deployments, i,
                     deployment) if (!status || str_eq(json_get_text(deployment, "status"),
                                                       status)) return deployment;
  return NULL;
}

err *deployments_fetch_one(struct cli *cli, const char *id, json_t **ret_deployment) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_deployment, json_pack("{s:s}", "id", id), &data));
  *ret_deployment = json_incref(json_object_get(data, "deployment"));
  return NULL;
}
