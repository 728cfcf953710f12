/* Files below a folder that strangers write to: never outside it.  Blocking: for the worker pool.
 * What the functions promise is in engine/volume_files.h. */
#ifndef TRAMWAY_ENGINE_LOCAL_VOLUME_TREE_H
#define TRAMWAY_ENGINE_LOCAL_VOLUME_TREE_H

#include "base/err.h"
#include "engine/volume_files.h"

/* `root` is a descriptor of the top folder. */
fallible volume_tree_list(int root, const char *path, struct volume_entries *ret_entries);
fallible volume_tree_make_folder(int root, const char *path);
/* ERR_BUSY: not all of it is gone at `until_ms` (clock_monotonic_ms), because there is much, or somebody adds to it. */
fallible volume_tree_remove(int root, const char *path, int64_t until_ms);
fallible volume_tree_rename(int root, const char *from, const char *to);
fallible volume_tree_read(int root, const char *path, int *ret_fd, struct volume_entry *ret_entry);

/* A file without a name, and the folder and the name that it gets. */
struct volume_new_file {
  int fd, folder;
  char *name;
  bool replace;
};
fallible volume_tree_create(int root, const char *path, bool replace, struct volume_new_file *ret_file);
fallible volume_tree_name(const struct volume_new_file *file);
void volume_new_file_done(struct volume_new_file *file);

void volume_entry_done(struct volume_entry *entry);
void volume_entries_done(struct volume_entries *entries);

#endif
