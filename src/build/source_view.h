/* What the planner may see of a source: three questions, so that it can be tested on a table of
 * files.  Paths are relative to the view's root, without a leading slash; "" is the root itself. */
#ifndef TRAMWAY_BUILD_SOURCE_VIEW_H
#define TRAMWAY_BUILD_SOURCE_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define SOURCE_FILE_LIMIT (4 * 1024 * 1024) /* lock files are the largest that are read */
#define SOURCE_LIST_LIMIT 2000              /* entries of one folder that are looked at */

struct source_view {
  bool (*is_file)(void *arg, const char *path);
  bool (*is_folder)(void *arg, const char *path);
  /* Appends the file's text; ERR_NOT_FOUND, ERR_LIMIT beyond SOURCE_FILE_LIMIT. */
  err *(*read)(void *arg, const char *path, struct str *ret_text);
  /* Appends the names in a folder, sorted, folders with a trailing slash; nothing when absent. */
  void (*list)(void *arg, const char *path, struct strv *ret_names);
  void *arg;
};

static inline bool source_has(const struct source_view *v, const char *path) {
  return v->is_file(v->arg, path);
}
static inline bool source_has_folder(const struct source_view *v, const char *path) {
  return v->is_folder(v->arg, path);
}
bool source_read(const struct source_view *v, const char *path, struct str *ret_text); /* false: not there */

/* Where the Dockerfile is: at `path` below the root directory, else below the whole source; without a
 * path ("" or NULL) as "Dockerfile" in the root directory.  NULL: nowhere.  *ret_path, which points
 * into `path`, is how that view calls it. */
const struct source_view *source_dockerfile(const struct source_view *all, const struct source_view *root,
                                            const char *path, const char **ret_path);

const char *source_path(const char *path); /* without leading "/" and "./": the way views want it */

/* A view of a folder on disk.  No link in it, and no "..", leads outside: the kernel refuses
 * (openat2, RESOLVE_BENEATH). */
fallible source_view_open(const char *folder, struct source_view *ret_view);
void source_view_close(struct source_view *view);

/* The first thing that could not be looked at, and was answered as absent: what was decided on such
 * answers is worth nothing.  NULL: all could. */
fallible source_view_problem(const struct source_view *view);

/* The real path of `path` below the view's folder, checked likewise; the caller owns it. */
fallible source_view_real_path(const struct source_view *view, const char *path, char **ret_path);

#endif
