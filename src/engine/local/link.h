/* Network links through rtnetlink: the pair of virtual Ethernet devices between an instance and its
 * environment's bridge.  Blocking for about a millisecond (the kernel's RTNL lock): for the pool.
 */
#ifndef TRAMWAY_ENGINE_LOCAL_LINK_H
#define TRAMWAY_ENGINE_LOCAL_LINK_H

#define LINK_PREFIX "tv" /* how the host's ends of instances' links begin */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct link {
  char host_name[16]; /* the host's end; also removes itself when the instance's namespace ends */
  char bridge[16];
  pid_t pid; /* a process in the instance's network namespace */
  struct in_addr address, gateway;
  int prefix;
  struct in6_addr address6, gateway6;
  int prefix6;
};

/* Makes the pair, puts one end into the bridge and the other, as eth0 with its addresses and
 * default routes, into the namespace of `pid`.  The hardware address follows from the IPv4 address,
 * so that neighbours need not learn a new one when an instance restarts.  On failure nothing is
 * left. */
fallible link_connect(const struct link *l);

/* Brings up the loopback of that process' network namespace, which is all it gets. */
fallible link_only_loopback(pid_t pid);

/* Puts a link that is there into the bridge, and brings it up. */
fallible link_attach(const char *name, const char *bridge);

/* Gives it a hardware address, and brings it up. */
fallible link_set_address(const char *name, const unsigned char address[6]);

bool link_exists(const char *name);
fallible link_delete(const char *name); /* nothing there is success */

#endif
