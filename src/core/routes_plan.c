#include "core/routes_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static void route_done(const struct edge_route *route) {
  free((char *)route->key);
  free((void *)route->hosts);
  free((void *)route->targets);
}

void routes_plan_done(struct routes_plan *plan) {
  for (size_t i = 0; i < plan->services_len; i++) strv_done(&plan->services[i].addresses);
  for (size_t i = 0; i < plan->routes_len; i++) route_done(&plan->routes[i]);
  for (size_t i = 0; i < plan->proxies_len; i++) {
    free((char *)plan->proxies[i].key);
    free((void *)plan->proxies[i].allow);
    free((void *)plan->proxies[i].targets);
  }
  free(plan->proxies);
  free(plan->services);
  free(plan->routes);
  *plan = (struct routes_plan){0};
}

static struct route_service *find(const struct routes_plan *plan, const char *instance_id) {
  for (size_t i = plan->services_len; i-- > 0;) /* domains come by service: mostly the last one */
    if (str_eq(plan->services[i].instance_id, instance_id)) return &plan->services[i];
  return NULL;
}

bool routes_plan_has(const struct routes_plan *plan, const char *instance_id) {
  return find(plan, instance_id) != NULL;
}

struct route_service *routes_plan_add(struct routes_plan *plan) {
  plan->services = mem_grow(plan->services, &plan->services_capacity, plan->services_len + 1,
                            sizeof *plan->services);
  struct route_service *service = &plan->services[plan->services_len++];
  *service = (struct route_service){0};
  return service;
}

static char *route_key(const struct domain_route *domain) {
  return domain->target_port ? str_format("%s-%d", domain->service_instance_id, domain->target_port)
                             : str_dup(domain->service_instance_id);
}

static struct edge_target *targets_of(const struct route_service *service, int port, size_t *ret_len) {
  size_t count = service->addresses.len < EDGE_MAX_TARGETS ? service->addresses.len : EDGE_MAX_TARGETS;
  struct edge_target *targets = mem_zalloc((count + 1) * sizeof *targets);
  for (size_t i = 0; i < count; i++)
    targets[i] = (struct edge_target){service->addresses.items[i], (uint16_t)port};
  *ret_len = count;
  return targets;
}

/* The route with that key, made with its targets when it is new. */
static struct edge_route *route_for(struct routes_plan *plan, const struct domain_route *domain,
                                    const struct route_service *service) {
  char *key = route_key(domain);
  for (size_t i = plan->routes_len; i-- > 0;)
    if (str_eq(plan->routes[i].key, key)) {
      free(key);
      return &plan->routes[i];
    }
  struct edge_route *route = &plan->routes[plan->routes_len++];
  *route = (struct edge_route){.key = key, .state = service->state};
  int port = domain->target_port ? domain->target_port : service->port;
  if (!port) return route;
  route->targets = targets_of(service, port, &route->targets_len);
  return route;
}

static void add_host(struct edge_route *route, const char *host) {
  if (route->hosts_len == EDGE_MAX_HOSTS) return;
  const char **hosts = (const char **)route->hosts;
  hosts = mem_realloc_array(hosts, route->hosts_len + 1, sizeof *hosts);
  hosts[route->hosts_len++] = host;
  route->hosts = hosts;
}

void routes_plan_make(struct routes_plan *plan, const struct domain_route_list *domains) {
  plan->routes = mem_zalloc(domains->len * sizeof *plan->routes);
  for (size_t i = 0; i < domains->len; i++) {
    const struct domain_route *domain = &domains->items[i];
    const struct route_service *service = find(plan, domain->service_instance_id);
    if (service) add_host(route_for(plan, domain, service), domain->host);
  }
}

char *routes_plan_proxy_key(const struct tcp_proxy *proxy) {
  return str_format("%s-tcp-%d", proxy->service_instance_id, proxy->proxy_port);
}

static const char **texts_of(const json_t *list, size_t *ret_len) {
  *ret_len = json_array_size(list);
  const char **texts = mem_zalloc((*ret_len + 1) * sizeof *texts);
  for (size_t i = 0; i < *ret_len; i++) texts[i] = json_string_value(json_array_get(list, i));
  return texts;
}

void routes_plan_make_proxies(struct routes_plan *plan, const struct tcp_proxy_list *proxies) {
  plan->proxies = mem_zalloc((proxies->len + 1) * sizeof *plan->proxies);
  for (size_t i = 0; i < proxies->len; i++) {
    const struct tcp_proxy *from = &proxies->items[i];
    const struct route_service *service = find(plan, from->service_instance_id);
    struct edge_proxy *to = &plan->proxies[plan->proxies_len++];
    *to = (struct edge_proxy){.key = routes_plan_proxy_key(from), .port = (uint16_t)from->proxy_port};
    to->allow = texts_of(from->allow, &to->allow_len);
    if (service) to->targets = targets_of(service, from->application_port, &to->targets_len);
  }
}
