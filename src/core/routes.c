/* The whole desired state of the edge, computed from the database and what the engine observes. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/internal.h"
#include "core/release.h"
#include "core/routes_plan.h"
#include "store/deployment.h"
#include "store/domain.h"
#include "store/tcp_proxy.h"

struct targets {
  core *core;
  const struct deployment *deployment;
  struct strv ready, not_ready; /* addresses */
};

/* Replicas beyond the wanted number are on their way out. */
static void collect_target(void *arg, const struct instance_report *report) {
  struct targets *t = arg;
  if (report->status != INSTANCE_RUNNING || str_empty(report->address)) return;
  if (report->replica >= t->deployment->settings.num_replicas) return;
  bool ready = !readiness_holds_back(t->core, t->deployment->id, report->instance_id) &&
               !restart_holds_back(t->core, t->deployment->id, report->replica);
  strv_add(ready ? &t->ready : &t->not_ready, report->address);
}

/* Those that are ready; when none is, those that may soon be. */
static void find_targets(core *c, const struct deployment *serving, struct strv *addresses) {
  struct targets t = {.core = c, .deployment = serving};
  engine_each(c->engine, serving->id, collect_target, &t);
  struct strv *found = t.ready.len ? &t.ready : &t.not_ready;
  strv_add_all(addresses, (const char *const *)found->items);
  strv_done(&t.ready);
  strv_done(&t.not_ready);
}

/* The deployment of a service instance that is just being switched to. */
static const char *switching_to(core *c, const char *instance_id) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->runs, &cursor, &id, &value))
    if (run_is_switching(value) && str_eq(run_service_instance(value), instance_id)) return id;
  return NULL;
}

/* The deployment whose instances serve. */
static err *serving_deployment(core *c, const char *instance_id, bool *ret_found,
                               struct deployment *ret_deployment) {
  const char *candidate = switching_to(c, instance_id);
  if (!candidate) return deployment_find_active(c->db, instance_id, ret_found, ret_deployment);
  TRY(deployment_get(c->db, candidate, ret_deployment));
  *ret_found = true;
  return NULL;
}

/* While a rollback serves, its domains lead to the ports of then. */
static err *take_ports_of_then(core *c, const struct deployment *serving, struct domain_route_list *routes) {
  auto_domain_list domains = {0};
  if (serving->cause != DEPLOYMENT_CAUSE_ROLLBACK) return NULL;
  TRY(rollback_domains(c, serving, &domains));
  for (size_t i = 0; i < routes->len; i++)
    for (size_t n = 0; n < domains.len; n++)
      if (str_eq(routes->items[i].host, domains.items[n].host))
        routes->items[i].target_port = domains.items[n].target_port;
  return NULL;
}

static err *look_at_service(core *c, const char *instance_id, struct route_service *ret_service,
                            struct domain_route_list *routes) {
  auto_deployment serving = {0}, latest = {0};
  bool has_serving = false, has_latest = false;
  id_copy(ret_service->instance_id, instance_id);
  TRY(serving_deployment(c, instance_id, &has_serving, &serving));
  if (has_serving) {
    bool sleeps = serving.status == DEPLOYMENT_SLEEPING; /* its successor, or it again, is about to serve */
    if (!sleeps) find_targets(c, &serving, &ret_service->addresses);
    ret_service->port = serving.detected_port;
    ret_service->state = sleeps ? EDGE_ROUTE_STARTING : EDGE_ROUTE_ACTIVE;
    return take_ports_of_then(c, &serving, routes);
  }
  TRY(deployment_find_latest(c->db, instance_id, &has_latest, &latest));
  bool starting = has_latest && !deployment_status_is_final(latest.status) &&
                  latest.status != DEPLOYMENT_REMOVING;
  ret_service->state = starting ? EDGE_ROUTE_STARTING : EDGE_ROUTE_NONE;
  return NULL;
}

err *routes_send(core *c, edge_done_fn *done, void *arg) {
  auto_domain_route_list domains = {0};
  auto_tcp_proxy_list proxies = {0};
  auto_routes_plan plan = {0};
  TRY(domain_list_routes(c->db, &domains));
  TRY(tcp_proxy_list_live(c->db, &proxies));
  for (size_t i = 0; i < domains.len; i++) {
    const char *id = domains.items[i].service_instance_id;
    if (routes_plan_has(&plan, id)) continue;
    TRY(look_at_service(c, id, routes_plan_add(&plan), &domains));
  }
  for (size_t i = 0; i < proxies.len; i++) {
    const char *id = proxies.items[i].service_instance_id;
    if (!routes_plan_has(&plan, id)) TRY(look_at_service(c, id, routes_plan_add(&plan), &domains));
  }
  routes_plan_make(&plan, &domains);
  routes_plan_make_proxies(&plan, &proxies);
  TRY(edge_set_proxies(c->edge, plan.proxies, plan.proxies_len));
  return edge_set_routes(c->edge, plan.routes, plan.routes_len, done, arg);
}

static void on_sent(void *arg, err *e) {
  (void)arg;
  if (e) log_warn("edge", "routes: %s; trying again", err_message(e));
  err_free(e);
}

static void send_due(void *arg) {
  core *c = arg;
  c->routes_due = false;
  if (c->stopping || !c->started) return;
  err *e = routes_send(c, on_sent, c);
  if (!e) return;
  log_error("edge", "routes: %s", err_message(e));
  err_free(e);
  core_retry_later(c);
}

void routes_changed(core *c) {
  if (c->routes_due || c->stopping) return;
  c->routes_due = true;
  loop_defer(c->loop, send_due, c);
}
