/* The private network of an environment: a bridge with its gateway addresses, masquerading and a
 * DNS server, made by netavark; one subnet of each pool; a number per instance in them.
 *
 * netavark is asked once per environment, with a namespace of its own that nothing runs in (the
 * *anchor*): it keeps the bridge up, and instances only need a link to that bridge (link.h, 1 ms
 * instead of netavark's 60).  Numbers are recorded on disk, so an environment keeps its subnet. */
#ifndef TRAMWAY_ENGINE_LOCAL_NETWORK_H
#define TRAMWAY_ENGINE_LOCAL_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"

typedef struct networks networks;
typedef struct network network;
typedef void network_done_fn(void *arg, err *e); /* owns e */

/* Texts are borrowed for as long as the networks live, but for state_file: it is copied. */
struct networks_config {
  const char *name;       /* bridges are "<name>-e<number>" */
  const char *state_file; /* environment id → number */
  const char *run_dir;
  const char *ipv4_pool, *ipv6_pool;
  const int *edge_ports;
  const char *netavark, *aardvark;
  const char *const *monitor_argv; /* put before programs that leave a process behind */
};

/* ERR_INVALID for pools that cannot be split into /24 and /64. */
fallible networks_new(loop *l, const struct networks_config *config, networks **ret_networks);
void networks_free(networks *n); /* nothing may be in progress: networks_busy */
bool networks_busy(const networks *n);

/* Finds what a former tramd left: networks whose bridge and anchor are there are ready.  Sets the
 * firewall anew. */
void networks_adopt(networks *n, network_done_fn *done, void *arg);

/* The environment's network; takes and records a number for it at the first call. */
fallible networks_get(networks *n, const char *environment_id, network **ret_network);
network *networks_next(const networks *n, size_t *cursor); /* from 0 on; NULL at the end */
network *networks_find(const networks *n, const char *environment_id); /* NULL when it has none */

/* Calls `done` when the network stands, having made it if needed; at once when it does already. */
void network_ensure(network *w, network_done_fn *done, void *arg);

/* Takes the network down; forget: also gives its number back. */
void network_remove(network *w, bool forget, network_done_fn *done, void *arg);

/* Takes all networks and the firewall down; they are made again when needed. */
void networks_remove_all(networks *n, network_done_fn *done, void *arg);

/* Starts aardvark-dns again if it died: true says that it had. */
bool networks_watch(networks *n);

/* Makes the network anew although it was there, because somebody damaged it.  keep_bridge: only its
 * anchor and its rules; otherwise the links on the old bridge must be attached to the new one. */
void network_mend(network *w, bool keep_bridge, network_done_fn *done, void *arg);

/* Sets the firewall's table again. */
void networks_mend_firewall(networks *n, network_done_fn *done, void *arg);

/* The table as nft listed it when it was set last (for the *ret_times-th time); NULL while that is not
 * known.  Borrowed. */
const char *networks_firewall(const networks *n, unsigned *ret_times);

/* A number of an instance in the network: `wanted` if it is free (0: any).  ERR_LIMIT: all taken.
 */
fallible network_take_host(network *w, int wanted, int *ret_host);
void network_release_host(network *w, int host);

struct in_addr network_address(const network *w, int host); /* host 1 is the gateway */
struct in6_addr network_address6(const network *w, int host);
char *network_address_text(const network *w, int host, int family); /* the caller owns it */
const char *network_bridge(const network *w);
const char *network_name(const network *w);
const char *network_environment(const network *w);
char *network_subnet_text(const network *w, int family); /* "10.213.0.0/24"; the caller owns it */
const char *network_anchor_path(const network *w);
const char *network_dns_dir(const network *w); /* netavark's config folder */
bool network_ready(const network *w);
const char *network_anchor_id(const network *w);
enum { NETWORK_GATEWAY = 1, NETWORK_ANCHOR = 2, NETWORK_PREFIX = 24, NETWORK_PREFIX6 = 64 };

/* What netavark reads.  Pure. */
char *network_netavark_json(const network *w);

#endif
