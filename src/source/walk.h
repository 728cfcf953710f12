/* Walks a folder in a fixed order: names of a folder sorted by their bytes, a folder before what is
 * in it.  Optionally leaves out what the ignore files found on the way exclude.  Blocking. */
#ifndef TRAMWAY_SOURCE_WALK_H
#define TRAMWAY_SOURCE_WALK_H

#include <sys/stat.h>

#include "base/err.h"
#include "source/ignore.h"

struct walk_entry {
  const char *path; /* below the root: "a/b" */
  int folder_fd;    /* the folder it is in, for the …at() calls */
  const char *name; /* its name there */
  struct stat info; /* of the entry itself, or of what it points to when it is followed */
};

typedef err *walk_fn(void *arg, const struct walk_entry *entry);

enum walk_link { WALK_LINK_KEEP, WALK_LINK_FOLLOW, WALK_LINK_SKIP };

/* What to do with a symlink.  `followed` tells that it lies in a folder that was itself reached
 * over a followed link. */
typedef enum walk_link walk_link_fn(void *arg, const struct walk_entry *entry, bool followed);

struct walk_options {
  const char
      *ignore_files[IGNORE_RANKS]; /* the name to look for in each folder, by rank; or NULL */
  ignore *rules;                   /* rules to begin with; those found are added.  NULL: none */
  const char *const *skipped_names;       /* NULL-terminated: components that are left out always */
  const char *prefix;      /* the root's place below the folder that `rules` speak of; "" or NULL */
  walk_fn *on_entry;       /* for what is not left out */
  walk_fn *on_ignored;     /* for what the rules leave out; NULL: nothing.  Not entered. */
  walk_link_fn *on_link;   /* NULL: keep all */
  void *arg;
};

/* ERR_LIMIT below 128 levels; errors of the callbacks end the walk. */
fallible walk_folder(const char *root, const struct walk_options *options);

#endif
