/* TCP proxies. */
#include <stdlib.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/tcp_proxy.h"

static json_t *proxy_json(const struct graphql_call *call, const struct tcp_proxy *p) {
  const core *c = core_of(call);
  return tcp_proxy_json(p, core_tcp_domain(c), core_tcp_proxy_status(c, p));
}

static err *proxies_value(const struct graphql_call *call, const char *service_instance_id, json_t **ret_value) {
  auto_tcp_proxy_list list = {0};
  TRY(tcp_proxy_list_by_instance(db_of(call), service_instance_id, &list));
  *ret_value = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(*ret_value, proxy_json(call, &list.items[i]));
  return NULL;
}

RESOLVER(query_proxies) {
  auto_service_instance instance = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &instance));
  return proxies_value(call, instance.id, ret_value);
}

RESOLVER(instance_proxies) {
  return proxies_value(call, parent_text(call, "id"), ret_value);
}

RESOLVER(mutation_create) {
  auto_service_instance instance = {0};
  auto_tcp_proxy proxy = {0};
  int64_t port = json_get_int(input_of(call), "applicationPort", 0);
  TRY(find_instance(call, input_text(call, "serviceId"), input_text(call, "environmentId"), &instance));
  TRY(core_tcp_proxy_create(core_of(call), &instance, port > 0 && port < 65536 ? (int)port : 0,
                            json_object_get(input_of(call), "allow"), &proxy));
  *ret_value = proxy_json(call, &proxy);
  return NULL;
}

RESOLVER(mutation_update) {
  auto_tcp_proxy proxy = {0};
  const char *id = input_text(call, "id");
  TRY(core_tcp_proxy_allow(core_of(call), id, json_object_get(input_of(call), "allow")));
  TRY(tcp_proxy_get(db_of(call), id, &proxy));
  *ret_value = proxy_json(call, &proxy);
  return NULL;
}

RESOLVER(mutation_delete) {
  TRY(core_tcp_proxy_delete(core_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "tcpProxies",     query_proxies,   NULL },
  { "Mutation", "tcpProxyCreate", mutation_create, NULL },
  { "Mutation", "tcpProxyUpdate", mutation_update, NULL },
  { "Mutation", "tcpProxyDelete", mutation_delete, NULL },
  { "ServiceInstance", "tcpProxies", instance_proxies, NULL },
};
/* clang-format on */
const struct bindings bindings_tcp_proxy = {rows, ARRAY_LEN(rows)};
