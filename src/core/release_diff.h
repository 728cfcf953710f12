/* What differs between two releases, part by part.  Pure.
 *
 * It holds no value of a variable: only whether their digests differ.  RAILWAY_GIT_… and
 * RAILWAY_SNAPSHOT_ID are left out: the source says the same. */
#ifndef TRAMWAY_CORE_RELEASE_DIFF_H
#define TRAMWAY_CORE_RELEASE_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "model/release.h"

enum release_part {
  RELEASE_SOURCE,    /* image, snapshot, repo, branch, commitHash */
  RELEASE_SETTINGS,  /* by Railway's names: deploy.startCommand */
  RELEASE_VARIABLES, /* by name */
  RELEASE_ROUTES,    /* by host: which port it leads to */
  RELEASE_VOLUMES,   /* by name: where it is mounted */
};
MODEL_ENUM(release_part); /* SOURCE SETTINGS VARIABLES ROUTES VOLUMES */

struct release_difference {
  enum release_part part;
  char *name;
  bool in_from, in_to; /* false: it is not there, or not set */
  char *from, *to;     /* NULL when not there, and of a variable */
  bool sealed;         /* a variable that is write-only in one of them */
};

struct release_diff {
  struct release_difference *items; /* by part, in the order above */
  size_t len, capacity;
};

void release_diff_make(const struct release *from, const struct release *to, struct release_diff *ret_diff);
void release_diff_done(struct release_diff *diff);
#define auto_release_diff __attribute__((cleanup(release_diff_done))) struct release_diff

#endif
