/* Waiting until instances that get no new requests have answered those they hold.  WebSockets and event
 * streams are no reason to wait: only their app can end them in order, when it is told to end.  Connections of TCP
 * proxies are: what is said on them is not known, and many are over soon. */
#ifndef TRAMWAY_CORE_DRAIN_H
#define TRAMWAY_CORE_DRAIN_H

#include "core/internal.h"

typedef struct drain drain;

/* Calls fn(arg) when the edge counts no request of the service's that is with one of `addresses` (which
 * are taken), or after the options' drain_timeout_ms.  The routes must leave them in this turn at the
 * latest.  Ends with that call or with drain_stop. */
enum drain_for { DRAIN_ALL, DRAIN_REQUESTS }; /* the latter: TCP proxies' connections are no reason to wait either */
drain *drain_start(core *c, enum drain_for what, const char *service_instance_id, struct strv *addresses, loop_fn *fn, void *arg);
void drain_stop(drain *d); /* fn will not be called; NULL is accepted */

#endif
