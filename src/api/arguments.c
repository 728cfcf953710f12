/* What resolvers ask of their arguments and parents. */
#include "api/internal.h"
#include "base/str.h"
#include "store/deployment.h"
#include "store/service.h"

const char *arg_text(const struct graphql_call *call, const char *name) {
  return json_get_text(call->args, name);
}

json_t *input_of(const struct graphql_call *call) {
  return json_object_get(call->args, "input");
}

const char *input_text(const struct graphql_call *call, const char *name) {
  return json_get_text(input_of(call), name);
}

const char *parent_text(const struct graphql_call *call, const char *name) {
  return json_get_text(call->parent, name);
}

err *find_instance(const struct graphql_call *call, const char *service_id,
                   const char *environment_id, struct service_instance *ret_instance) {
  bool found = false;
  if (!service_id || !environment_id) return err_new(ERR_NOT_FOUND, "ServiceInstance not found");
  TRY(service_instance_find(db_of(call), service_id, environment_id, &found, ret_instance));
  if (!found) return err_new(ERR_NOT_FOUND, "ServiceInstance not found");
  return NULL;
}
