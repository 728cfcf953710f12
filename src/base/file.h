/* Files as whole values, and folders.  Blocking: not for large data on the loop thread. */
#ifndef TRAMWAY_BASE_FILE_H
#define TRAMWAY_BASE_FILE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* The whole file, at most `limit` bytes (ERR_LIMIT beyond).  Appends to *ret_text. */
fallible file_read(const char *path, size_t limit, struct str *ret_text);

/* Replaces the file whole: temporary file, fsync, rename, fsync of the folder. */
fallible file_write(const char *path, const void *data, size_t size, mode_t mode);

/* The same without the fsyncs, for what is made anew after a power loss (files in /run). */
fallible file_write_fast(const char *path, const void *data, size_t size, mode_t mode);

/* Removes what file_write left in a folder (which may be missing) when its process was killed in the
 * middle.  Nobody may be writing there. */
fallible file_remove_unfinished(const char *folder);

/* Puts a finished file in the place of `path`, of the same file system: fsync, rename, fsync of the
 * folder. */
fallible file_replace(const char *temporary, const char *path);

/* file_write, unless the file holds exactly that already: a start on a full disk needs no space. */
fallible file_write_changed(const char *path, const void *data, size_t size, mode_t mode);

bool file_exists(const char *path); /* follows no symlink */

/* The next entry other than "." and ".."; NULL at the end, or with *ret_error: what could not be read is
 * not taken for the end. */
struct dirent *folder_next(DIR *folder, const char *path, err **ret_error);

/* Makes the folder and its missing parents. */
fallible file_make_dirs(const char *path, mode_t mode);

/* Removes a file or folder tree.  Follows no symlink and never leaves the file system that `path`
 * is on, so that a forgotten mount is not emptied (ERR_BUSY then).  Nothing there is success. */
fallible file_remove_tree(const char *path);

/* "a/b" + "c" → "a/b/c"; the caller owns it. */
char *path_join(const char *folder, const char *name);

void fd_cleanup_(int *fd);
#define auto_fd __attribute__((cleanup(fd_cleanup_))) int

#endif
