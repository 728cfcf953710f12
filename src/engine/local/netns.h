/* Work inside another network namespace, on a thread of its own that ends with it: whatever fails, no
 * thread of the pool is left in the wrong network. */
#ifndef TRAMWAY_ENGINE_LOCAL_NETNS_H
#define TRAMWAY_ENGINE_LOCAL_NETNS_H

#include "base/err.h"

typedef err *netns_fn(void *arg);

/* Calls `fn` in the namespace, or with -1 in a new one, and waits for it.  Blocking: for the worker
 * pool.  What `fn` opens there stays open. */
fallible netns_run(int namespace_fd, netns_fn *fn, void *arg);

#endif
