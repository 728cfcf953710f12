/* What goes when the disk is tidied, and in which order.  Pure: what is there in, decisions out.
 *
 * 1. What is pinned stays, whatever happens.  Who pins is the caller's matter, but for one thing: the
 *    steps of a build (and the base images) that a pinned image begins with stay with it, because
 *    without them the next build of that service is slow, and deleting them would free nothing.
 * 2. Leftovers (nobody refers to them) go at once.
 * 3. What was not used for `keep_us` goes, but for base images: they take minutes to make.
 * 4. While what is kept is more than the budget, or the disk is short by more than what goes frees,
 *    more goes: the longest unused first; base images last. */
#ifndef TRAMWAY_CORE_DISK_PLAN_H
#define TRAMWAY_CORE_DISK_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disk_kind {
  DISK_IMAGE,  /* of services */
  DISK_BASE,   /* images with a name: what Dockerfiles begin with */
  DISK_STEP,   /* images of steps, kept for the next build */
  DISK_CACHE,  /* cache mounts of builds */
  DISK_SNAPSHOT,
  DISK_MIRROR, /* of git repositories */
};
#define DISK_KIND_COUNT (DISK_MIRROR + 1)

enum disk_pin {
  DISK_UNPINNED,
  DISK_RUNNING,  /* a deployment that is not over has it */
  DISK_ROLLBACK, /* one of the newest of its service */
  DISK_SOURCE,   /* what such a one is built from again */
  DISK_IN_USE,   /* by a build or fetch that may be going on */
  DISK_PARENT,   /* a pinned image begins with it: set by disk_plan_make */
};

/* Steps with the same layers that a pinned image keeps alive; more come from builds whose last lines
 * differ each time, and each costs a little. */
#define DISK_PARENTS_MAX 20

struct disk_item {
  enum disk_kind kind;
  enum disk_pin pin;
  bool is_leftover;
  const char *name; /* borrowed */
  int64_t last_used_us;
  int64_t bytes;        /* of its own */
  const size_t *layers; /* shared with others: places in disk_state.layer_bytes, topmost first; borrowed */
  size_t layers_len;
};

struct disk_state {
  struct disk_item *items;
  size_t len;
  const int64_t *layer_bytes;
  size_t layers_len;
  int64_t now_us, keep_us;
  int64_t budget_bytes;
  int64_t short_bytes; /* to be freed, however small the rest is; 0 or less: none */
};

struct disk_amount {
  int64_t count, bytes;
};

struct disk_plan {
  size_t *goes; /* places in disk_state.items, in order */
  size_t len;
  struct disk_amount held[DISK_KIND_COUNT];  /* before; a layer counts for the first of: base images,
                                                images, steps that have it */
  struct disk_amount freed[DISK_KIND_COUNT]; /* of that, by what goes */
  int64_t held_bytes, freed_bytes;           /* all kinds */
};

void disk_plan_make(const struct disk_state *state, struct disk_plan *ret_plan);
void disk_plan_done(struct disk_plan *plan);

static inline void disk_plan_cleanup_(struct disk_plan *plan) {
  disk_plan_done(plan);
}
#define auto_disk_plan __attribute__((cleanup(disk_plan_cleanup_))) struct disk_plan

/* ---- logs ---- */

enum disk_log_fate { DISK_LOG_STAYS, DISK_LOG_GOES, DISK_LOG_IS_CUT };

/* Of one deployment. */
struct disk_log {
  const char *deployment_id;
  const char *owner;    /* its service instance; NULL: nobody knows the deployment */
  bool is_over;
  int64_t ended_us;     /* when it is over */
  int64_t bytes;
  enum disk_log_fate fate; /* out */
  int64_t cut_bytes;       /* out, IS_CUT: what it may hold */
};

struct disk_log_rules {
  int64_t now_us, keep_us;
  int64_t owner_bytes; /* what the logs of one owner may take together */
};

/* `logs` hold those of one owner in one run, the newest deployment first.  Logs of what is over go
 * when they are too old, or when they and the newer ones are too much; those of what is not over are
 * cut, but never below an eighth of what the owner has. */
void disk_plan_logs(const struct disk_log_rules *rules, struct disk_log *logs, size_t len);

#endif
