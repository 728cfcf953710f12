/* Volumes on this machine's disk.  Blocking: for the worker pool, from any thread of it.
 *
 *   <data_dir>/volumes/<id>/image   a file of the volume's size, set aside on the disk, with an XFS in it
 *   <run_dir>/v/<id>                where that is mounted, for the platform; gone after a reboot
 *              files/               the volume: what instances mount
 *              snapshots/<name>/    its files at a moment
 *
 * XFS, because it grows while it is mounted without asking for more than CAP_SYS_ADMIN, shares blocks between
 * files, which makes snapshots cheap on any disk, and can map ids (docs/adr/0013-volumes.md).
 *
 * The folder gets its name when all in it is made, and loses it before any of it goes: what begins with a
 * dot is left of a tramd that was killed, and volume_store_tidy removes it. */
#ifndef TRAMWAY_ENGINE_LOCAL_VOLUME_STORE_H
#define TRAMWAY_ENGINE_LOCAL_VOLUME_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "engine/volume.h"

struct volume_store {
  char *folder, *mounts;
  int64_t reserve_bytes; /* of the disk stay free; 0: usage_reserve */
  pthread_mutex_t lock;  /* of mounting */
  pthread_mutex_t space; /* held from looking for room until it is taken: volumes are made at the same time */
};

void volume_store_init(struct volume_store *s, const char *data_dir, const char *run_dir,
                       int64_t reserve_bytes);
void volume_store_done(struct volume_store *s);
fallible volume_store_make_folders(const struct volume_store *s);

/* Making one: prepare; when that says that it is new, run the program volume_format_argv; finish.  One at
 * a time.  An existing one grows in prepare. */
fallible volume_store_prepare(struct volume_store *s, const char *id, int64_t size_bytes, bool *ret_is_new);
void volume_format_argv(const struct volume_store *s, const char *id, struct strv *argv);
fallible volume_store_finish(struct volume_store *s, const char *id);

/* Sees to it that the volume is mounted for the platform and as large as its file.  ERR_NOT_FOUND when
 * there is none. */
fallible volume_store_mount(struct volume_store *s, const char *id);
bool volume_is_mounted(const char *point);

/* The folder with the volume's files ("files"), or with those of a snapshot; the caller owns it. */
char *volume_store_files(const struct volume_store *s, const char *id, const char *snapshot);

fallible volume_store_usage(struct volume_store *s, const char *id, struct volume_usage *ret_usage);

/* Nobody may have it mounted.  Nothing there is success. */
fallible volume_store_remove(struct volume_store *s, const char *id);

/* Removes what is half made or half gone, and mounts of volumes that are not there any more. */
fallible volume_store_tidy(struct volume_store *s);

int64_t volume_size_of_file(int64_t bytes); /* what was asked for, of the size of its image */

fallible volume_store_unmount(struct volume_store *s, const char *id);

/* Unmounts all; the loop devices go by themselves. */
fallible volume_store_unmount_all(struct volume_store *s);

#endif
