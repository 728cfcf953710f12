/* The kernel's netlink sockets: what links and addresses there are, and whether the firewall changed.
 * Blocking for a millisecond or two: for the pool.  Links are made in link.h. */
#ifndef TRAMWAY_ENGINE_LOCAL_NETLINK_H
#define TRAMWAY_ENGINE_LOCAL_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"

/* A socket that waits 5 s for an answer at most; the caller closes it. */
fallible netlink_open(int protocol, int *ret_fd);

/* A link of our network namespace. */
struct netlink_link {
  int index, master; /* master: the bridge's index, or 0 */
  bool up;
};

/* All of them, and their addresses. */
struct netlink_links {
  map *by_name;          /* → struct netlink_link */
  struct {
    int index;
    int family;
    uint8_t bytes[16];
  } *addresses;
  size_t addresses_len, addresses_capacity;
  bool interrupted; /* something changed while the kernel told: it may lack something that is there */
};

fallible netlink_read_links(struct netlink_links *ret_links); /* the caller ends it */
void netlink_links_done(struct netlink_links *links);
const struct netlink_link *netlink_find(const struct netlink_links *links, const char *name);
bool netlink_has_address(const struct netlink_links *links, int index, int family, const void *bytes);

/* Takes one answer of the kernel, RTM_NEWLINK and RTM_NEWADDR messages, into `links`; *ret_end when it
 * says that it was the last.  Pure. */
void netlink_parse(struct netlink_links *links, const void *answer, size_t size, bool *ret_end);

/* A number that changes with every change of nftables, whoever makes it (iptables too: it is nftables
 * underneath).  ERR_IO when the kernel has no nftables. */
fallible netlink_firewall_generation(uint32_t *ret_generation);

#endif
