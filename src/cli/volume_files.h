/* The files of a volume, for the verbs of `volume files` and the prompt of `volume browse`.  `v` is a volume instance
 * (volume_find); a path in it is from its top.  NOT_FOUND: there is no such file; CONFLICT: the name is taken. */
#ifndef TRAMWAY_CLI_VOLUME_FILES_H
#define TRAMWAY_CLI_VOLUME_FILES_H

#include "cli/cli.h"

/* {"entries": […], "truncated"}; only a folder has a list. */
fallible volume_path_list(struct cli *cli, const json_t *v, const char *path, json_t **ret_answer);
void volume_entries_print(struct cli *cli, const json_t *answer);

fallible volume_path_rename(struct cli *cli, const json_t *v, const char *from, const char *to);
fallible volume_path_delete(struct cli *cli, const json_t *v, const char *path); /* with all that is in it */
fallible volume_path_mkdir(struct cli *cli, const json_t *v, const char *path);  /* with those on the way */

/* Its bytes as they come; `on_data` false gives up. */
fallible volume_path_read(struct cli *cli, const json_t *v, const char *path,
                           bool (*on_data)(void *arg, const char *data, size_t len), void *arg);

/* Between here and a volume.  A folder goes with all that is in it when it is `recursive`; links, and what is neither
 * file nor folder, are left out and named on `err`. */
struct volume_copy {
  struct cli *cli;
  const json_t *v;
  bool replace, recursive;
  int files; /* that were copied; counted here */
};
fallible volume_copy_in(struct volume_copy *copy, const char *local, const char *path);
fallible volume_copy_out(struct volume_copy *copy, const char *path, const char *local);

/* Where a copy of `path` goes: into `target` when that ends with '/', to the last name of `path` without one.
 * ERR_INVALID when there is no last name to take.  Pure. */
fallible volume_copy_target(const char *path, const char *target, char **ret_target);

#endif
