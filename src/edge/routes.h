/* What HAProxy has and what it should have: pure functions from the one to the other, as runtime
 * commands.  No I/O, no clock.
 *
 * A slot is the backend "s<number>" with servers "r1", "r2", …; a label says which route a slot
 * belongs to and why it may be empty.  Hosts and labels are HAProxy maps, so that everything can be
 * read back from a running HAProxy (edge/observe.h). */
#ifndef TRAMWAY_EDGE_ROUTES_H
#define TRAMWAY_EDGE_ROUTES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/str.h"
#include "edge/edge.h"
#include "edge/wanted.h"

/* Pre-declared servers of a slot: one replica and, in a switch, the next one.  More come by
 * `add server`.  6 KB each in HAProxy; a slot without servers takes 12 KB (measured, 2.6). */
#define ROUTES_SERVERS 2
#define ROUTES_MAX_SERVERS 256 /* of one slot: twice EDGE_MAX_TARGETS */
#define ROUTES_SPARE 32        /* unclaimed slots after a start or a reload … */
#define ROUTES_SPARE_LOW 8     /* … and how few make the next reload due */
#define ROUTES_NO_SLOT UINT32_MAX /* a host that leads to none of ours */
#define ROUTES_MAX_SLOTS (EDGE_MAX_ROUTES + ROUTES_SPARE)

enum routes_server_state {
  ROUTES_MAINT, /* free */
  ROUTES_DRAIN, /* gets no new requests, may still have old ones */
  ROUTES_READY,
};

struct routes_server {
  enum routes_server_state state;
  char address[INET6_ADDRSTRLEN]; /* as inet_ntop writes it */
  uint16_t port;
};

struct routes_slot {
  char name[8];               /* of the backend: "s12", or of a TCP proxy "t20001" */
  char key[EDGE_MAX_KEY + 1]; /* "": unclaimed */
  enum edge_route_state reason;
  struct routes_server *servers; /* r1 is servers[0] */
  size_t servers_len, servers_capacity;
};

/* What one HAProxy has. */
struct routes {
  struct routes_slot *slots; /* s1 is slots[0] */
  size_t slots_len, slots_capacity;
  map *hosts; /* "host" → its slot number as a pointer */
};

void routes_init(struct routes *r);
void routes_done(struct routes *r);
void routes_resize(struct routes *r, size_t slots_len); /* new slots have ROUTES_SERVERS servers */
size_t routes_spare(const struct routes *r);            /* unclaimed slots */
bool routes_key_is_of(const char *key, const char *service); /* that text, or it, '-' and more */
void routes_add_server(struct routes_slot *slot);
void routes_set_host(struct routes *r, const char *host, unsigned slot);
unsigned routes_host_slot(const struct routes *r, const char *host); /* 0: none */

const char *routes_reason_name(enum edge_route_state reason); /* "active", "starting", … */
bool routes_reason_parse(const char *name, enum edge_route_state *ret_reason);

/* Where the maps are, as the configuration names them. */
struct routes_maps {
  const char *hosts, *labels;
};

/* Changes `r` into what is wanted and appends the commands that make HAProxy follow.  They are in
 * an order that leaves no request without a server: new servers ready, then labels and hosts, then
 * old hosts, then old servers to drain.  Returns how many routes found no unclaimed slot: those are
 * left out, and need routes_resize and a reload. */
size_t routes_apply(struct routes *r, const wanted *w, const struct routes_maps *maps,
                    struct strv *ret_commands);

/* The same for the targets of one slot, of whatever kind.  _retire drains the servers that none of
 * `targets` is; _clear leaves none. */
void routes_slot_follow(struct routes_slot *slot, const struct wanted_target *targets, size_t targets_len,
                        struct strv *ret_commands);
void routes_slot_retire(struct routes_slot *slot, const struct wanted_target *targets, size_t targets_len,
                        struct strv *ret_commands);
void routes_slot_clear(struct routes_slot *slot, struct strv *ret_commands);
void routes_slot_settle(struct routes_slot *slot);

/* Before a configuration is written: what drains will do so in the old process, so it is free in
 * the new one; servers beyond ROUTES_SERVERS at the end that are free go away. */
void routes_settle(struct routes *r);

#endif
