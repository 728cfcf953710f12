/* The network of one build: a network namespace of its own on a private bridge with NAT, made by
 * `ip netns` and netavark.  From inside, 127.0.0.1 is the build's own: tramd's API, databases and
 * whatever else listens on the host's loopback are out of reach.  build_firewall.h closes the host's
 * other addresses and other networks; it is there from the first open network to the close of the
 * last.  The bridge's ports are isolated: builds do not see each other.
 *
 * A build takes a slot: the host number of its address and part of its namespace's name, so that a
 * later tramd can clear what an earlier one left. */
#ifndef TRAMWAY_BUILD_BUILD_NETWORK_H
#define TRAMWAY_BUILD_BUILD_NETWORK_H

#include "base/err.h"
#include "build/build.h"
#include "loop/loop.h"

enum { BUILD_NETWORK_SLOTS = 32 };

typedef struct build_networks build_networks;

/* `subnet` is IPv4, /29 or wider ("10.214.0.0/24"); the first address is the bridge's.  `tag` makes
 * names unique among the tramds of one machine: 1…6 of [a-z0-9].  `state_dir` is netavark's.  `config`
 * (borrowed) says what else builds may reach. */
fallible build_networks_new(loop *l, const struct builder_config *config, const char *subnet, const char *tag,
                            const char *state_dir, build_networks **ret_networks);
void build_networks_free(build_networks *n);

/* `slot` must be given back with build_network_close; `path` is the namespace's ("/run/netns/…"). */
typedef void build_network_done_fn(void *arg, err *e, int slot, const char *path); /* owns e */

/* ERR_BUSY when every slot is taken. */
void build_network_open(build_networks *n, build_network_done_fn *done, void *arg);

typedef void build_network_closed_fn(void *arg); /* may be NULL */

void build_network_close(build_networks *n, int slot, build_network_closed_fn *done, void *arg);

/* Closes what an earlier process left, and removes the firewall of builds.  Before the first open. */
void build_networks_clean(build_networks *n, build_network_closed_fn *done, void *arg);

#endif
