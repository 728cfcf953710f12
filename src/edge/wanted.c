#include "edge/wanted.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/map.h"
#include "base/mem.h"

struct wanted {
  struct wanted_route *routes;
  size_t len;
  map *keys;  /* → the route */
  map *hosts; /* → the route */
};

bool wanted_is_key(const char *text) {
  size_t len = strlen(text);
  for (const char *c = text; *c; c++)
    if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_') return false;
  return len >= 1 && len <= EDGE_MAX_KEY;
}

bool wanted_is_host(const char *text) {
  return address_is_host_name(str_starts(text, "*.") ? text + 2 : text);
}

static err *copy_hosts(wanted *w, struct wanted_route *to, const struct edge_route *from) {
  if (from->hosts_len > EDGE_MAX_HOSTS)
    return err_new(ERR_LIMIT, "more than %d hosts", EDGE_MAX_HOSTS);
  for (size_t i = 0; i < from->hosts_len; i++) {
    if (!from->hosts[i] || !wanted_is_host(from->hosts[i]))
      return err_new(ERR_INVALID, "'%.80s' is not a host name",
                     from->hosts[i] ? from->hosts[i] : "");
    char *host = str_dup(from->hosts[i]);
    for (char *c = host; *c; c++)
      *c = (char)tolower((unsigned char)*c);
    strv_add_take(&to->hosts, host);
    const struct wanted_route *other = map_get(w->hosts, host);
    if (other) return err_new(ERR_CONFLICT, "the host %s already belongs to %s", host, other->key);
    map_set(w->hosts, host, to);
  }
  return NULL;
}

/* The same target twice is one. */
static void add_target(struct wanted_target *targets, size_t *len, const struct wanted_target *target) {
  for (size_t i = 0; i < *len; i++)
    if (targets[i].port == target->port && str_eq(targets[i].address, target->address)) return;
  targets[(*len)++] = *target;
}

static err *copy_target(const struct edge_target *from, struct wanted_target *ret_target) {
  struct wanted_target target = {.port = from->port};
  int family = from->address ? address_family(from->address) : 0;
  uint8_t bytes[16];
  if (!family || target.port == 0)
    return err_new(ERR_INVALID, "'%.80s' port %u is not a target", from->address ? from->address : "",
                   target.port);
  inet_pton(family, from->address, bytes);
  inet_ntop(family, bytes, target.address, sizeof target.address);
  *ret_target = target;
  return NULL;
}

err *wanted_targets(const struct edge_target *from, size_t from_len, struct wanted_target **ret_targets,
                    size_t *ret_len) {
  if (from_len > EDGE_MAX_TARGETS) return err_new(ERR_LIMIT, "more than %d targets", EDGE_MAX_TARGETS);
  auto_free struct wanted_target *targets = mem_zalloc((from_len + 1) * sizeof *targets);
  size_t len = 0;
  for (size_t i = 0; i < from_len; i++) {
    struct wanted_target target;
    TRY(copy_target(&from[i], &target));
    add_target(targets, &len, &target);
  }
  *ret_targets = targets;
  *ret_len = len;
  targets = NULL;
  return NULL;
}

static err *copy_route(wanted *w, const struct edge_route *from) {
  if (!from->key || !wanted_is_key(from->key))
    return err_new(ERR_INVALID, "'%.80s' is not a key: 1 to %d letters, digits, '-', '_'",
                   from->key ? from->key : "", EDGE_MAX_KEY);
  if (map_has(w->keys, from->key)) return err_new(ERR_CONFLICT, "%s is there twice", from->key);
  if ((unsigned)from->state > EDGE_ROUTE_NONE)
    return err_new(ERR_INVALID, "%s: unknown state %d", from->key, (int)from->state);
  struct wanted_route *to = &w->routes[w->len++];
  memcpy(to->key, from->key, strlen(from->key));
  to->reason = from->state;
  map_set(w->keys, to->key, to);
  err *e = copy_hosts(w, to, from);
  if (!e) e = wanted_targets(from->targets, from->targets_len, &to->targets, &to->targets_len);
  return err_wrap(e, "%s", to->key);
}

err *wanted_new(const struct edge_route *routes, size_t routes_len, wanted **ret_wanted) {
  if (routes_len > EDGE_MAX_ROUTES)
    return err_new(ERR_LIMIT, "routes: more than %d", EDGE_MAX_ROUTES);
  auto_wanted *w = mem_zalloc(sizeof *w);
  w->routes = mem_zalloc((routes_len + 1) * sizeof *w->routes);
  w->keys = map_new();
  w->hosts = map_new();
  for (size_t i = 0; i < routes_len; i++) {
    err *e = copy_route(w, &routes[i]);
    if (e) return err_wrap(e, "route");
  }
  *ret_wanted = w;
  w = NULL;
  return NULL;
}

void wanted_free(wanted *w) {
  if (!w) return;
  for (size_t i = 0; i < w->len; i++) {
    strv_done(&w->routes[i].hosts);
    free(w->routes[i].targets);
  }
  free(w->routes);
  map_free(w->keys);
  map_free(w->hosts);
  free(w);
}

size_t wanted_len(const wanted *w) {
  return w->len;
}

const struct wanted_route *wanted_route(const wanted *w, size_t index) {
  return &w->routes[index];
}

bool wanted_has_host(const wanted *w, const char *host) {
  return map_has(w->hosts, host);
}
