/* What netavark leaves behind when its last network is gone: its iptables chains, empty but still
 * linked in, the tables that iptables made to hold them, and IP forwarding switched on.  We put
 * back what was there before our first network, as far as nobody else uses it by now. */
#ifndef TRAMWAY_ENGINE_LOCAL_NETAVARK_RULES_H
#define TRAMWAY_ENGINE_LOCAL_NETAVARK_RULES_H

#include "base/err.h"
#include "loop/loop.h"

typedef void netavark_rules_done_fn(void *arg, err *e); /* owns e */

/* Writes down, once per run_dir, what is there before the first network. */
void netavark_rules_note(loop *l, const char *run_dir, netavark_rules_done_fn *done, void *arg);

/* Puts it back.  IP forwarding is switched off again only when it was off and no bridge (of Docker,
 * Podman, libvirt) is left. */
void netavark_rules_remove(loop *l, const char *run_dir, netavark_rules_done_fn *done, void *arg);

/* The commands for nft that remove netavark's empty chains from `ruleset` (as `nft -a list ruleset`
 * prints it) and the emptied tables that `tables` (as `nft list tables` printed it) did not have.
 * "" when another netavark network is still there.  Pure; the caller owns it. */
char *netavark_rules_plan(const char *ruleset, const char *tables);

#endif
