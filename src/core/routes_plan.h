/* Domains × healthy instances → the edge's routes.  Pure.
 *
 * Domains of one service that lead to the same port share a route; a domain with a target port of
 * its own has one of its own, keyed "<service instance>-<port>". */
#ifndef TRAMWAY_CORE_ROUTES_PLAN_H
#define TRAMWAY_CORE_ROUTES_PLAN_H

#include "base/str.h"
#include "edge/edge.h"
#include "model/domain.h"
#include "model/tcp_proxy.h"

struct route_service {
  char instance_id[ID_SIZE];
  struct strv addresses; /* of its running replicas */
  int port;              /* that its deployment was found to listen on; 0: none */
  enum edge_route_state state;
};

struct routes_plan {
  struct route_service *services;
  size_t services_len, services_capacity;
  struct edge_route *routes; /* the result; points into the plan and the domains */
  size_t routes_len;
  struct edge_proxy *proxies; /* likewise */
  size_t proxies_len;
};

void routes_plan_done(struct routes_plan *plan);
bool routes_plan_has(const struct routes_plan *plan, const char *instance_id);
struct route_service *routes_plan_add(struct routes_plan *plan); /* zeroed; valid until the next */

/* Fills plan->routes from the services and `domains`, which must outlive it. */
void routes_plan_make(struct routes_plan *plan, const struct domain_route_list *domains);

/* The same of plan->proxies; services without a running instance are in it without targets. */
void routes_plan_make_proxies(struct routes_plan *plan, const struct tcp_proxy_list *proxies);

/* What the edge calls the proxy; the caller owns it. */
char *routes_plan_proxy_key(const struct tcp_proxy *proxy);

#define auto_routes_plan __attribute__((cleanup(routes_plan_done))) struct routes_plan

#endif
