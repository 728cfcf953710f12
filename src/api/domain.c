/* Domains. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/domain.h"
#include "store/service.h"

char *url_at_edge(const api *a, const char *host) {
  const char *scheme_end = strstr(a->edge_url, "://");
  const char *port = scheme_end ? strrchr(scheme_end + 3, ':') : NULL;
  if (port && strchr(port, ']')) port = NULL; /* of an IPv6 address */
  return str_format("%.*s://%s%s", scheme_end ? (int)(scheme_end - a->edge_url) : 4, scheme_end ? a->edge_url : "http",
                    host, port ? port : "");
}

static err *domains_value(const struct graphql_call *call, const char *service_instance_id,
                          json_t **ret_value) {
  auto_domain_list list = {0};
  TRY(domain_list_by_instance(db_of(call), service_instance_id, &list));
  json_t *generated = json_array();
  for (size_t i = 0; i < list.len; i++)
    if (list.items[i].kind == DOMAIN_SERVICE) json_array_append_new(generated, domain_json(&list.items[i]));
  *ret_value = json_pack("{s:o, s:[]}", "serviceDomains", generated, "customDomains");
  return NULL;
}

RESOLVER(query_domains) {
  auto_service_instance instance = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &instance));
  return domains_value(call, instance.id, ret_value);
}

RESOLVER(instance_domains) {
  return domains_value(call, parent_text(call, "id"), ret_value);
}

static err *target_port(const struct graphql_call *call, int *ret_port) {
  int64_t port = json_get_int(input_of(call), "targetPort", 0);
  if (port < 0 || port > 65535) return err_new(ERR_INVALID, "targetPort %lld is no port (1 to 65535)", (long long)port);
  *ret_port = (int)port;
  return NULL;
}

RESOLVER(mutation_create) {
  auto_service_instance instance = {0};
  auto_domain domain = {0};
  int port = 0;
  TRY(target_port(call, &port));
  TRY(find_instance(call, input_text(call, "serviceId"), input_text(call, "environmentId"), &instance));
  TRY(core_domain_create(core_of(call), &instance, port, &domain));
  *ret_value = domain_json(&domain);
  return NULL;
}

static err *rename_domain(const struct graphql_call *call, const struct domain *domain) {
  const char *host = input_text(call, "domain");
  if (str_eq(host, domain->host)) return NULL;
  TRY(domain_host_check(host));
  auto_free char *ending = str_format(".%s", domain->suffix);
  if (!str_ends(host, ending))
    return err_new(ERR_INVALID, "'%s' does not end in '%s', as generated domains do", host, ending);
  return domain_set_host(db_of(call), domain->id, host, clock_now_us());
}

RESOLVER(mutation_update) {
  auto_domain domain = {0};
  int port = 0;
  TRY(target_port(call, &port));
  TRY(domain_get(db_of(call), input_text(call, "serviceDomainId"), &domain));
  TRY(rename_domain(call, &domain));
  if (json_object_get(input_of(call), "targetPort")) domain.target_port = port;
  TRY(core_domain_set_port(core_of(call), domain.id, domain.target_port));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_delete) {
  TRY(core_domain_delete(core_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",           "domains",             query_domains,    NULL },
  { "Mutation",        "serviceDomainCreate", mutation_create,  NULL },
  { "Mutation",        "serviceDomainUpdate", mutation_update,  NULL },
  { "Mutation",        "serviceDomainDelete", mutation_delete,  NULL },
  { "ServiceInstance", "domains",             instance_domains, NULL },
};
/* clang-format on */
const struct bindings bindings_domain = {rows, ARRAY_LEN(rows)};
