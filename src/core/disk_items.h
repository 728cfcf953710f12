/* Facts of the disk and rows of the database, joined: what lies there, and who needs it. */
#ifndef TRAMWAY_CORE_DISK_ITEMS_H
#define TRAMWAY_CORE_DISK_ITEMS_H

#include "core/disk_look.h"
#include "core/disk_plan.h"
#include "core/internal.h"

struct disk_items {
  struct disk_item *items; /* names and layers are the facts' */
  size_t len, capacity;
};

/* Pins what deployments and services need: what runs and what is about to, `keep_images` former images
 * of each service and as many snapshots; and while builds are going on (or uploads and fetches)
 * all that they may be about to use.  Call it in the turn in which the decision is taken. */
fallible disk_items_make(core *c, const struct disk_facts *facts, struct disk_items *ret_items);

/* The logs, with their owners; those of unknown deployments only under names that are ids. */
struct disk_logs {
  struct disk_log *items;
  size_t len, capacity;
};
fallible disk_logs_make(core *c, const struct disk_facts *facts, struct disk_logs *ret_logs);
void disk_logs_done(struct disk_logs *logs);

#endif
