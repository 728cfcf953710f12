/* TCP proxies: making and unmaking them.  routes.c tells the edge. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/internal.h"
#include "core/routes_plan.h"
#include "store/tcp_proxy.h"

enum { PORT_TRIES = 1000 }; /* of ports that other programs have */

/* The first one that is free from `from` to `last`; 0: none. */
static err *look_for_port(core *c, int from, int last, int *tries, int *ret_port) {
  for (int port = 0; from <= last && *tries > 0; from = port + 1, --*tries) {
    TRY(tcp_proxy_free_port(c->db, from, last, &port));
    if (!port) break;
    if (!edge_port_is_free((uint16_t)port)) continue;
    *ret_port = port;
    return NULL;
  }
  *ret_port = 0;
  return NULL;
}

/* Anywhere in the range, so that a port that was given back is hardly the next one's: who still has the old
 * address should find nobody rather than somebody else. */
static err *free_port(core *c, int *ret_port) {
  int first = c->options.tcp_first_port, last = c->options.tcp_last_port, tries = PORT_TRIES, port = 0;
  if (!first || last < first)
    return err_new(ERR_CONFLICT, "this installation has no ports for TCP proxies: edge.tcp_first_port in tramway.toml");
  auto_free char *random = secret_random_hex(4);
  int start = first + (int)(strtoul(random, NULL, 16) % (unsigned)(last - first + 1));
  TRY(look_for_port(c, start, last, &tries, &port));
  if (!port) TRY(look_for_port(c, first, start - 1, &tries, &port));
  if (!port)
    return err_new(ERR_LIMIT, "no free port was found between %d and %d (edge.tcp_first_port, edge.tcp_last_port)",
                   first, last);
  *ret_port = port;
  return NULL;
}

static err *check_limits(core *c, const struct service_instance *instance, int port) {
  auto_tcp_proxy_list present = {0};
  if (port < 1 || port > 65535) return err_new(ERR_INVALID, "%d is no port (1 to 65535)", port);
  TRY(tcp_proxy_list_by_instance(c->db, instance->id, &present));
  for (size_t i = 0; i < present.len; i++)
    if (present.items[i].application_port == port)
      return err_new(ERR_CONFLICT, "the service has a TCP proxy to its port %d already: port %d of %s", port,
                     present.items[i].proxy_port, c->options.tcp_domain);
  if (present.len >= TCP_PROXIES_MAX)
    return err_new(ERR_LIMIT, "the service has %d TCP proxies already", TCP_PROXIES_MAX);
  return NULL;
}

err *core_tcp_proxy_create(core *c, const struct service_instance *instance, int application_port,
                           const json_t *allow, struct tcp_proxy *ret_proxy) {
  struct tcp_proxy p = {.application_port = application_port};
  auto_json *list = NULL;
  TRY(tcp_allow_read(allow, &list));
  TRY(check_limits(c, instance, application_port));
  TRY(free_port(c, &p.proxy_port));
  id_copy(p.project_id, instance->project_id);
  id_copy(p.environment_id, instance->environment_id);
  id_copy(p.service_id, instance->service_id);
  id_copy(p.service_instance_id, instance->id);
  p.allow = json_incref(list);
  err *e = tcp_proxy_insert(c->db, &p);
  if (e) {
    tcp_proxy_done(&p);
    return e;
  }
  routes_changed(c);
  *ret_proxy = p;
  return NULL;
}

err *core_tcp_proxy_allow(core *c, const char *id, const json_t *allow) {
  auto_json *list = NULL;
  TRY(tcp_allow_read(allow, &list));
  TRY(tcp_proxy_set_allow(c->db, id, list, clock_now_us()));
  routes_changed(c);
  return NULL;
}

err *core_tcp_proxy_delete(core *c, const char *id) {
  TRY(tcp_proxy_delete(c->db, id));
  routes_changed(c);
  return NULL;
}

enum sync_status core_tcp_proxy_status(const core *c, const struct tcp_proxy *p) {
  auto_free char *key = routes_plan_proxy_key(p);
  return edge_proxy_is_open(c->edge, key) ? SYNC_ACTIVE : SYNC_CREATING;
}

const char *core_tcp_domain(const core *c) {
  return c->options.tcp_domain;
}
