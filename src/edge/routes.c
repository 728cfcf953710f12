#include "edge/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What is being done: the state that follows the commands, and the commands. */
struct change {
  struct routes *routes;
  const struct routes_maps *maps;
  struct strv *commands;
  map *slot_by_key; /* of claimed slots: number as a pointer */
  size_t first_free;
};

static void *as_pointer(size_t number) {
  return (void *)(uintptr_t)number;
}

void routes_init(struct routes *r) {
  *r = (struct routes){.hosts = map_new()};
}

void routes_done(struct routes *r) {
  for (size_t i = 0; i < r->slots_len; i++)
    free(r->slots[i].servers);
  free(r->slots);
  map_free(r->hosts);
  *r = (struct routes){0};
}

void routes_add_server(struct routes_slot *slot) {
  slot->servers = mem_grow(slot->servers, &slot->servers_capacity, slot->servers_len + 1,
                           sizeof *slot->servers);
  slot->servers[slot->servers_len++] = (struct routes_server){.state = ROUTES_MAINT};
}

void routes_resize(struct routes *r, size_t slots_len) {
  if (slots_len > ROUTES_MAX_SLOTS) slots_len = ROUTES_MAX_SLOTS;
  if (slots_len <= r->slots_len) return;
  r->slots = mem_grow(r->slots, &r->slots_capacity, slots_len, sizeof *r->slots);
  for (; r->slots_len < slots_len; r->slots_len++) {
    struct routes_slot *slot = &r->slots[r->slots_len];
    *slot = (struct routes_slot){0};
    snprintf(slot->name, sizeof slot->name, "s%zu", r->slots_len + 1);
    for (int i = 0; i < ROUTES_SERVERS; i++)
      routes_add_server(slot);
  }
}

size_t routes_spare(const struct routes *r) {
  size_t spare = 0;
  for (size_t i = 0; i < r->slots_len; i++)
    spare += !*r->slots[i].key;
  return spare;
}

bool routes_key_is_of(const char *key, const char *service) {
  size_t len = strlen(service);
  return len && strncmp(key, service, len) == 0 && (key[len] == '\0' || key[len] == '-');
}

void routes_set_host(struct routes *r, const char *host, unsigned slot) {
  map_set(r->hosts, host, as_pointer(slot));
}

unsigned routes_host_slot(const struct routes *r, const char *host) {
  return (unsigned)(uintptr_t)map_get(r->hosts, host);
}

static const char *const reason_names[] = {
    [EDGE_ROUTE_ACTIVE] = "active",
    [EDGE_ROUTE_STARTING] = "starting",
    [EDGE_ROUTE_SLEEPING] = "sleeping",
    [EDGE_ROUTE_NONE] = "none",
};

const char *routes_reason_name(enum edge_route_state reason) {
  return reason_names[reason];
}

bool routes_reason_parse(const char *name, enum edge_route_state *ret_reason) {
  for (size_t i = 0; i < ARRAY_LEN(reason_names); i++)
    if (str_eq(reason_names[i], name)) {
      *ret_reason = (enum edge_route_state)i;
      return true;
    }
  return false;
}

void routes_slot_settle(struct routes_slot *slot) {
  for (size_t s = 0; s < slot->servers_len; s++)
    if (slot->servers[s].state == ROUTES_DRAIN) slot->servers[s].state = ROUTES_MAINT;
  while (slot->servers_len > ROUTES_SERVERS &&
         slot->servers[slot->servers_len - 1].state == ROUTES_MAINT)
    slot->servers_len--;
  while (slot->servers_len < ROUTES_SERVERS)
    routes_add_server(slot);
}

void routes_settle(struct routes *r) {
  for (size_t i = 0; i < r->slots_len; i++)
    routes_slot_settle(&r->slots[i]);
}

static bool has_address(const struct routes_server *server, const struct wanted_target *target) {
  return server->port == target->port && str_eq(server->address, target->address);
}

static bool is_wanted(const struct routes_server *server, const struct wanted_target *targets,
                      size_t targets_len) {
  for (size_t i = 0; i < targets_len; i++)
    if (has_address(server, &targets[i])) return true;
  return false;
}

static void set_state(struct routes_slot *slot, size_t index, enum routes_server_state state,
                      struct strv *commands) {
  static const char *const words[] = {
      [ROUTES_MAINT] = "maint", [ROUTES_DRAIN] = "drain", [ROUTES_READY] = "ready"};
  slot->servers[index].state = state;
  strv_addf(commands, "set server %s/r%zu state %s", slot->name, index + 1, words[state]);
}

/* The server for a new target: a free one, else one more (servers_len), else, at the limit, one
 * that drains. */
static size_t choose_server(const struct routes_slot *slot) {
  size_t draining = slot->servers_len;
  for (size_t i = slot->servers_len; i-- > 0;)
    if (slot->servers[i].state == ROUTES_DRAIN) draining = i;
  for (size_t i = 0; i < slot->servers_len; i++)
    if (slot->servers[i].state == ROUTES_MAINT) return i;
  return slot->servers_len < ROUTES_MAX_SERVERS ? slot->servers_len : draining;
}

/* Gives the target's address to server `index`, which may be the next one that is not there yet. */
static void set_address(struct routes_slot *slot, size_t index, const struct wanted_target *target,
                        struct strv *commands) {
  if (index == slot->servers_len) {
    bool v6 = strchr(target->address, ':');
    routes_add_server(slot);
    strv_addf(commands,
              v6 ? "add server %s/r%zu [%s]:%u pool-max-conn -1 pool-purge-delay 5s"
                 : "add server %s/r%zu %s:%u pool-max-conn -1 pool-purge-delay 5s",
              slot->name, index + 1, target->address, target->port);
  } else {
    strv_addf(commands, "set server %s/r%zu addr %s port %u", slot->name, index + 1,
              target->address, target->port);
  }
  memcpy(slot->servers[index].address, target->address, sizeof target->address);
  slot->servers[index].port = target->port;
}

/* Makes one target ready, on the server that it has or had, or on another. */
static void add_target(struct routes_slot *slot, const struct wanted_target *target,
                       struct strv *commands) {
  size_t index = 0;
  while (index < slot->servers_len && (slot->servers[index].state == ROUTES_MAINT ||
                                       !has_address(&slot->servers[index], target)))
    index++;
  if (index == slot->servers_len) {
    index = choose_server(slot);
    set_address(slot, index, target, commands);
  }
  if (slot->servers[index].state != ROUTES_READY) set_state(slot, index, ROUTES_READY, commands);
}

void routes_slot_follow(struct routes_slot *slot, const struct wanted_target *targets, size_t targets_len,
                        struct strv *ret_commands) {
  for (size_t i = 0; i < targets_len; i++)
    add_target(slot, &targets[i], ret_commands);
}

void routes_slot_retire(struct routes_slot *slot, const struct wanted_target *targets, size_t targets_len,
                        struct strv *ret_commands) {
  for (size_t i = 0; i < slot->servers_len; i++)
    if (slot->servers[i].state == ROUTES_READY && !is_wanted(&slot->servers[i], targets, targets_len))
      set_state(slot, i, ROUTES_DRAIN, ret_commands);
}

void routes_slot_clear(struct routes_slot *slot, struct strv *ret_commands) {
  for (size_t i = 0; i < slot->servers_len; i++)
    if (slot->servers[i].state != ROUTES_MAINT) set_state(slot, i, ROUTES_MAINT, ret_commands);
}

static void set_label(struct change *c, unsigned number, const struct wanted_route *route) {
  struct routes_slot *slot = &c->routes->slots[number - 1];
  bool claimed = *slot->key;
  if (claimed && slot->reason == route->reason) return;
  memcpy(slot->key, route->key, sizeof slot->key);
  slot->reason = route->reason;
  strv_addf(c->commands, "%s map %s s%u %s:%s", claimed ? "set" : "add", c->maps->labels, number,
            routes_reason_name(route->reason), route->key);
}

/* The route's slot, claimed now when it had none; 0 when there is none left.  The claim is written
 * down (set_label) with the others, behind the servers. */
static unsigned claim_slot(struct change *c, const struct wanted_route *route) {
  unsigned number = (unsigned)(uintptr_t)map_get(c->slot_by_key, route->key);
  if (number) return number;
  struct routes *r = c->routes;
  while (c->first_free < r->slots_len && *r->slots[c->first_free].key)
    c->first_free++;
  if (c->first_free == r->slots_len) return 0;
  number = (unsigned)++c->first_free;
  map_set(c->slot_by_key, route->key, as_pointer(number));
  return number;
}

static void add_hosts(struct change *c, unsigned number, const struct wanted_route *route) {
  for (size_t i = 0; i < route->hosts.len; i++) {
    const char *host = route->hosts.items[i];
    unsigned before = routes_host_slot(c->routes, host);
    if (before == number) continue;
    strv_addf(c->commands, "%s map %s %s s%u", before ? "set" : "add", c->maps->hosts, host,
              number);
    routes_set_host(c->routes, host, number);
  }
}

/* Hosts that no route has any more. */
static void remove_hosts(struct change *c, const wanted *w) {
  auto_strv gone = STRV_EMPTY;
  size_t cursor = 0;
  const char *host;
  void *slot;
  while (map_next(c->routes->hosts, &cursor, &host, &slot))
    if (!wanted_has_host(w, host)) strv_add(&gone, host);
  for (size_t i = 0; i < gone.len; i++) {
    map_remove(c->routes->hosts, gone.items[i]);
    strv_addf(c->commands, "del map %s %s", c->maps->hosts, gone.items[i]);
  }
}

/* Takes requests away from the servers of one slot that its route (NULL: it has none any more) does
 * not want, and gives an orphaned slot back. */
static void retire_slot(struct change *c, unsigned number, const struct wanted_route *route) {
  struct routes_slot *slot = &c->routes->slots[number - 1];
  if (route) {
    routes_slot_retire(slot, route->targets, route->targets_len, c->commands);
    return;
  }
  routes_slot_clear(slot, c->commands);
  if (!*slot->key) return;
  strv_addf(c->commands, "del map %s s%u", c->maps->labels, number);
  slot->key[0] = '\0';
  slot->reason = EDGE_ROUTE_ACTIVE;
}

static void index_slots(struct change *c) {
  for (size_t i = 0; i < c->routes->slots_len; i++)
    if (*c->routes->slots[i].key)
      map_set(c->slot_by_key, c->routes->slots[i].key, as_pointer(i + 1));
}

size_t routes_apply(struct routes *r, const wanted *w, const struct routes_maps *maps,
                    struct strv *ret_commands) {
  auto_map *slot_by_key = map_new();
  struct change c = {r, maps, ret_commands, slot_by_key, 0};
  index_slots(&c);
  size_t len = wanted_len(w), without_slot = 0;
  auto_free unsigned *numbers = mem_zalloc((len + 1) * sizeof *numbers);
  auto_free const struct wanted_route **owner = mem_zalloc((r->slots_len + 1) * sizeof *owner);
  for (size_t i = 0; i < len; i++) {
    const struct wanted_route *route = wanted_route(w, i);
    numbers[i] = claim_slot(&c, route);
    if (!numbers[i]) without_slot++;
    owner[numbers[i]] = route; /* owner[0] is nobody's */
    if (numbers[i])
      routes_slot_follow(&r->slots[numbers[i] - 1], route->targets, route->targets_len, ret_commands);
  }
  for (size_t i = 0; i < len; i++)
    if (numbers[i]) set_label(&c, numbers[i], wanted_route(w, i));
  for (size_t i = 0; i < len; i++)
    if (numbers[i]) add_hosts(&c, numbers[i], wanted_route(w, i));
  remove_hosts(&c, w);
  for (unsigned number = 1; number <= r->slots_len; number++)
    retire_slot(&c, number, owner[number]);
  return without_slot;
}
