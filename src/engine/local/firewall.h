/* The nftables table `inet <name>`: who may talk to whom.  Default deny between environments and
 * from instances to the host; netavark's own rules only give masquerading and forwarding. */
#ifndef TRAMWAY_ENGINE_LOCAL_FIREWALL_H
#define TRAMWAY_ENGINE_LOCAL_FIREWALL_H

#include "base/str.h"
#include "loop/loop.h"
#include "loop/spawn.h"

/* The whole table as `nft -f` reads it, replacing what is there in one transaction.  Pure.
 * `prefix` begins the name of every bridge, `bridges` are those that exist, `edge_ports`
 * (0-terminated or NULL) the host's TCP ports that instances may reach. */
char *firewall_render(const char *table, const char *prefix, const struct strv *bridges,
                      const int *edge_ports);

typedef void firewall_done_fn(void *arg, err *e); /* owns e */

/* Gives `text` to nft. */
void firewall_apply(loop *l, const char *text, firewall_done_fn *done, void *arg);

/* What nft has: of that table only, or (NULL) of all.  `text` is borrowed; "" when there is none. */
typedef void firewall_read_fn(void *arg, err *e, const char *text); /* owns e */
void firewall_read(loop *l, const char *table, firewall_read_fn *done, void *arg);

/* Deletes the table; none there is success. */
void firewall_remove(loop *l, const char *table, firewall_done_fn *done, void *arg);

#endif
