/* Snapshots: source trees that never change, stored once each under the hash of their content.
 *
 *   <dir>/<sha256>/…        the tree
 *   <dir>/.new-XXXXXX/…     being made; removed at the next start
 *
 * The hash covers, in walk order (source/walk.h), each entry's path, kind, executable bit, and the
 * content's own hash or the link's target; nothing else.  So the same code is the same snapshot
 * whether it came as an upload, a folder or a commit.
 *
 * Files are 0644 or 0755 and folders 0755, not read-only: a build copies these modes into its
 * image, where an app that is not root must be able to own and write them.  What keeps a snapshot
 * unchanged is that <dir> is 0700 and ours, and that builds get it mounted read-only.
 *
 * A snapshot's id is handed out only after its tree is on disk (syncfs, rename, fsync of <dir>).
 * All functions block and may run on a pool thread, also several at once. */
#ifndef TRAMWAY_SOURCE_SNAPSHOT_H
#define TRAMWAY_SOURCE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"
#include "source/archive_unpack.h"

typedef struct snapshot_store snapshot_store;

struct snapshot_info {
  char id[SHA256_HEX_SIZE];
  int64_t files;
  int64_t size_bytes;
  bool is_new; /* false: the same content was there already */
};

/* Makes `dir` and clears what an earlier run left unfinished: one store per folder at a time. */
fallible snapshot_store_new(const char *dir, snapshot_store **ret_store);
void snapshot_store_free(snapshot_store *s); /* NULL is accepted */

/* From an uploaded archive.  ERR_INVALID also when there is nothing in it. */
fallible snapshot_from_archive(snapshot_store *s, const char *archive_path,
                               const struct unpack_limits *limits, struct snapshot_info *ret_info);

/* From a tar stream; with `railway_ignore` what the tree's own .railwayignore files exclude is left
 * out (uploads were already filtered by the CLI). */
fallible snapshot_from_stream(snapshot_store *s, int fd, const struct unpack_limits *limits,
                              bool railway_ignore, struct snapshot_info *ret_info);

/* From a folder on this machine, copied; its .git is left out, ignore files are not looked at. */
fallible snapshot_from_folder(snapshot_store *s, const char *folder,
                              struct snapshot_info *ret_info);

bool snapshot_has(const snapshot_store *s, const char *id);

/* The tree's folder (whether it is there or not); NULL when `id` is no id.  The caller owns it. */
char *snapshot_path(const snapshot_store *s, const char *id);

/* Removing, in two steps: quick, on the loop thread, so that the next upload of the same content finds
 * nothing and makes it anew; then, on a pool thread, the deleting of all that was put aside.  Nothing
 * there is success.  The caller knows that no build is reading it. */
fallible snapshot_put_aside(snapshot_store *s, const char *id);
fallible snapshot_clear_aside(snapshot_store *s);

/* The ids of all that are there. */
fallible snapshot_list(const snapshot_store *s, struct strv *ret_ids);

/* A service's root directory ("backend", "/backend/", "" for all) inside a tree: the real path,
 * free of symlinks.  ERR_INVALID: "root directory 'x' is not in the source; it has: a, b, c". */
fallible snapshot_root_directory(const char *tree_path, const char *root_directory,
                                 char **ret_path);

#endif
