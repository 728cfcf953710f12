/* The nftables table `inet twb-<tag>`: what RUN lines may reach.  The Internet, and nothing of this
 * machine: netavark's rules only give masquerading and keep its own networks apart, so that without
 * this table every service of the host that listens on all addresses answers at the bridge's address.
 *
 * Open beside the Internet are the host's resolvers (port 53) and what the configuration itself tells
 * builds to use (proxies, mirrors, registries written as an IPv4 address), even on this machine. */
#ifndef TRAMWAY_BUILD_BUILD_FIREWALL_H
#define TRAMWAY_BUILD_BUILD_FIREWALL_H

#include "base/str.h"
#include "loop/loop.h"

struct build_firewall {
  const char *bridge;       /* its name is also the table's: [a-z0-9-] */
  const char *private_pool; /* "10.213.0.0/16": the environments' networks; NULL or "" */
  struct strv resolvers;    /* IPv4 addresses */
  struct strv endpoints;    /* "192.0.2.1 . 3128": IPv4 address and TCP port */
  struct strv uplinks;      /* devices of the default routes; one may be a bridge */
};
void build_firewall_done(struct build_firewall *f);

/* The whole table as `nft -f` reads it, replacing what is there in one transaction.  Pure. */
char *build_firewall_render(const struct build_firewall *f);

/* Append to the lists; what does not belong there is passed over.  Pure. */
void build_firewall_add_resolvers(struct build_firewall *f, const char *resolv_conf);
void build_firewall_add_endpoint(struct build_firewall *f, const char *url); /* NULL, "" and names: none */
void build_firewall_add_uplinks(struct build_firewall *f, const char *proc_net_route);

/* Reads the host's resolvers and routes.  Blocking, three small files. */
void build_firewall_add_host(struct build_firewall *f);

typedef void build_firewall_set_fn(void *arg, err *e); /* owns e */

/* Gives the table to nft.  `done` may be called before this returns. */
void build_firewall_set(loop *l, const struct build_firewall *f, build_firewall_set_fn *done, void *arg);

/* Deletes the table of `bridge`; none there is success. */
void build_firewall_remove(loop *l, const char *bridge, build_firewall_set_fn *done, void *arg);

#endif
