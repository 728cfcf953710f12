/* Releases inside core: release.c records them, rollback.c goes back to them. */
#ifndef TRAMWAY_CORE_RELEASE_H
#define TRAMWAY_CORE_RELEASE_H

#include "core/core.h"

/* The installation's own key for digests of values that are shown or kept; made when it is first asked for.
 * The caller wipes and frees it. */
fallible release_key(core *c, char **ret_key);

/* Writes down what `d` is, for good.  In the transaction that makes it live. */
fallible release_record(core *c, const struct deployment *d);

/* The domains that lead to `d` once it serves, and on which ports: the service's own; for a rollback with
 * those of then laid over them.  One that is yet to come back has no id. */
fallible rollback_domains(core *c, const struct deployment *d, struct domain_list *ret_list);

/* In the same transaction: makes those that come back.  Appends what is to be said of it. */
fallible rollback_return_hosts(core *c, const struct deployment *d, struct strv *ret_lines);

#endif
