/* What disk.c (a run), disk_report.c (rules, sums) and disk_watch.c (builds, timers) share. */
#ifndef TRAMWAY_CORE_DISK_PRIVATE_H
#define TRAMWAY_CORE_DISK_PRIVATE_H

#include "core/disk.h"
#include "core/disk_items.h"

#define DISK_NEVER_MS INT64_MIN

enum disk_phase {
  DISK_IDLE,
  DISK_LOOKING,
  DISK_WAITING, /* for builds to end */
  DISK_REMOVING_IMAGES,
  DISK_REMOVING_FILES,
  DISK_LOOKING_AGAIN,
};

struct disk {
  core *core;
  char *data_dir, *logs_dir;
  timer *tick, *soon;
  enum disk_phase phase;
  bool collect, urgent;       /* this run */
  bool again, again_collects; /* asked for meanwhile */
  bool complete;              /* no build kept it from the images */
  struct disk_places places;
  struct disk_facts facts;
  struct strv images, paths; /* to be removed: digests, paths */
  struct strv cuts;          /* deployments whose logs are cut … */
  int64_t *cut_bytes;        /* … to this */
  size_t cut_capacity;
  int64_t held_before;
  err *failure; /* the first of this run */
  int64_t tried_ms, collected_ms; /* monotonic: ends of the last complete run, of the last that collected */
  bool warned;                    /* that it is short, and nothing more can go */
  bool cutting;                   /* logs of what runs, between runs: */
  struct strv running;
  int64_t running_bytes;
  struct core_disk report;
};

/* ---- disk_report.c ---- */

struct usage_space disk_space(const struct disk *d);
int64_t disk_reserve(const struct disk *d, const struct usage_space *space);
bool disk_is_short(const struct usage_space *space, int64_t reserve_bytes);
fallible disk_short_error(const struct disk *d, const struct usage_space *space, int64_t reserve_bytes);
char *disk_size_text(int64_t bytes); /* "410 MB"; the caller owns it */

struct disk_state disk_state_of(const struct disk *d, const struct disk_items *items);
void disk_make_report(struct disk *d, const struct disk_items *items, const struct disk_logs *logs);

/* ---- disk.c ---- */

void disk_collect(struct disk *d); /* what was looked at */
void disk_finish(struct disk *d, err *e);

#endif
