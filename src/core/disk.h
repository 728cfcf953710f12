/* Keeping the disk: looks at what lies there and removes what disk_plan says, hourly, after builds and
 * removals, and at once when the disk is short.  One run at a time:
 *
 *   look (pool) → [wait for builds, when the disk is short] → forget rows (loop, one turn) →
 *   delete images → delete files (pool) → look again
 *
 * A row is forgotten before its files go: a run that is killed leaves files that nobody refers to, which
 * the next run finds.  While images go no build begins. */
#ifndef TRAMWAY_CORE_DISK_H
#define TRAMWAY_CORE_DISK_H

#include "core/internal.h"

typedef struct disk disk;

disk *disk_new(core *c);
void disk_start(disk *d); /* the timers; once core has started */
void disk_stop(disk *d);
bool disk_is_quiet(const disk *d);
void disk_free(disk *d);

void disk_soon(disk *d);       /* something became free: a run in a while */
void disk_build_begins(disk *d); /* the disk is watched closely until no build is left */

enum disk_answer { DISK_ADMITS, DISK_IS_ASKED_AGAIN, DISK_REFUSES };

/* Whether a build may begin.  When the disk is short a run is started, and the answer is to ask again:
 * the queue is woken when the run is over.  REFUSES: the run did not help; *ret_why (owned) says it. */
enum disk_answer disk_admits_build(disk *d, err **ret_why);

/* No build is to begin now.  The queue asks this first, whenever a build has ended. */
bool disk_holds_builds(disk *d);
void disk_build_waits(disk *d); /* for that: unless the disk is short, the rest goes another time */

#endif
