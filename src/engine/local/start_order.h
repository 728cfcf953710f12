/* In which order workloads come back after a boot.  Pure. */
#ifndef TRAMWAY_ENGINE_LOCAL_START_ORDER_H
#define TRAMWAY_ENGINE_LOCAL_START_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"

struct start_item {
  const struct workload *w;
  bool ready; /* whoever needs it can start: it runs and listens, or will not run again */
};

/* For each item the label of the first service that it still waits for, or NULL: the services in its
 * environment that it depends on, of which there are items and none of them is ready.  Services
 * that need one another in a circle do not wait for each other (model/dependency_graph.h). */
void start_order(const struct start_item *items, size_t len, const char **ret_missing);

#endif
