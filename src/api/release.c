/* Releases: what went live, and what differs between two deployments. */
#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/release_diff.h"
#include "store/deployment.h"
#include "store/release.h"

static bool values_wanted(const struct graphql_call *call) {
  return json_is_true(json_object_get(call->args, "values"));
}

static err *check_values(const struct graphql_call *call, const char *deployment_id) {
  return access_deployment(asking_of(call)->api, &asking_of(call)->caller, deployment_id, WORKSPACE_MEMBER);
}

/* {name: value} of what may be told; empty unless it was asked for. */
static err *values_of(const struct graphql_call *call, const struct deployment *d, const struct release *r,
                      json_t **ret_values) {
  *ret_values = NULL;
  if (!values_wanted(call)) return NULL;
  TRY(check_values(call, d->id));
  return core_release_values(core_of(call), d, r, ret_values);
}

/* ---- Deployment.release ---- */

static json_t *routes_json(const json_t *routes) {
  json_t *list = json_array();
  size_t i;
  const json_t *route;
  json_array_foreach(routes, i, route) {
    json_int_t port = json_get_int(route, "targetPort", 0);
    json_array_append_new(list, json_pack("{s:s, s:o}", "host", json_get_text(route, "host"), "targetPort",
                                          port ? json_integer(port) : json_null()));
  }
  return list;
}

RESOLVER(deployment_release) {
  auto_release r = {0};
  bool found = false;
  TRY(release_find(db_of(call), parent_text(call, "id"), &found, &r));
  if (!found) return NULL;
  *ret_value = json_pack("{s:s, s:s, s:s, s:O, s:o, s:o, s:O, s:s, s:o}", "deploymentId", r.deployment_id, "hash",
                         r.hash, "imageDigest", r.image_digest, "source", r.source, "settings",
                         service_settings_to_json(&r.settings), "routes", routes_json(r.routes), "volumes",
                         r.volumes, "version", r.version, "createdAt", time_json(r.created_us));
  return NULL;
}

RESOLVER(release_variables) {
  auto_deployment d = {0};
  auto_release r = {0};
  auto_json *values = NULL;
  TRY(deployment_get(db_of(call), parent_text(call, "deploymentId"), &d));
  TRY(core_release(core_of(call), &d, &r));
  TRY(values_of(call, &d, &r, &values));
  *ret_value = json_array();
  const char *name;
  json_t *variable;
  json_object_foreach(r.variables, name, variable)
    json_array_append_new(*ret_value, json_pack("{s:s, s:b, s:s?}", "name", name, "isSealed",
                                                json_get_bool(variable, "sealed", false), "value",
                                                json_get_text(values, name)));
  return NULL;
}

/* Whoever may ask for it may read variables. */
RESOLVER(query_snapshot) {
  auto_deployment d = {0};
  auto_release r = {0};
  auto_json *values = NULL;
  TRY(deployment_get(db_of(call), arg_text(call, "deploymentId"), &d));
  TRY(core_release(core_of(call), &d, &r));
  TRY(core_release_values(core_of(call), &d, &r, &values));
  *ret_value = json_pack("{s:s, s:O, s:o, s:o}", "id", d.id, "variables", values, "createdAt", time_json(d.created_us),
                         "updatedAt", time_json(d.updated_us));
  return NULL;
}

/* ---- deploymentDiff ---- */

struct side {
  struct deployment deployment;
  struct release release;
  json_t *values; /* of its variables; NULL: not asked for */
};

static void side_done(struct side *side) {
  deployment_done(&side->deployment);
  release_done(&side->release);
  json_decref(side->values);
}
#define auto_side __attribute__((cleanup(side_done))) struct side

static err *find_side(const struct graphql_call *call, const char *argument, struct side *side) {
  const struct asking *asking = asking_of(call);
  const char *id = arg_text(call, argument);
  TRY(access_deployment(asking->api, &asking->caller, id, WORKSPACE_VIEWER));
  TRY(deployment_get(db_of(call), id, &side->deployment));
  TRY(core_release(core_of(call), &side->deployment, &side->release));
  return values_of(call, &side->deployment, &side->release, &side->values);
}

static json_t *difference_json(const struct release_difference *item, const struct side *from, const struct side *to) {
  bool variable = item->part == RELEASE_VARIABLES;
  const char *change = !item->in_from ? "ADDED" : !item->in_to ? "REMOVED" : "CHANGED";
  return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:b}", "part", release_part_name(item->part), "name", item->name,
                   "change", change, "from", variable ? json_get_text(from->values, item->name) : item->from,
                   "to", variable ? json_get_text(to->values, item->name) : item->to, "isSealed", item->sealed);
}

RESOLVER(query_diff) {
  auto_side from = {0}, to = {0};
  auto_release_diff diff = {0};
  TRY(find_side(call, "from", &from));
  TRY(find_side(call, "to", &to));
  release_diff_make(&from.release, &to.release, &diff);
  json_t *differences = json_array();
  for (size_t i = 0; i < diff.len; i++)
    json_array_append_new(differences, difference_json(&diff.items[i], &from, &to));
  *ret_value = json_pack("{s:s, s:s, s:b, s:o}", "fromDeploymentId", from.deployment.id, "toDeploymentId",
                         to.deployment.id, "same", diff.len == 0, "differences", differences);
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",      "deploymentSnapshot", query_snapshot, NULL },
  { "Query",      "deploymentDiff", query_diff,         NULL },
  { "Deployment", "release",        deployment_release, NULL },
  { "Release",    "variables",      release_variables,  NULL },
};
/* clang-format on */
const struct bindings bindings_release = {rows, ARRAY_LEN(rows)};
