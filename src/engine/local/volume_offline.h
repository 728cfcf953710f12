/* Volumes of this machine from a process that is not the engine: backups and restores of the whole machine.
 * Blocking; for a process of one thread. */
#ifndef TRAMWAY_ENGINE_LOCAL_VOLUME_OFFLINE_H
#define TRAMWAY_ENGINE_LOCAL_VOLUME_OFFLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct volume_place {
  const char *data_dir, *run_dir;
  const char *cgroup_parent, *name; /* as struct local_config has them */
  int64_t reserve_bytes;
};

/* The ids of all volumes; none is success. */
fallible volume_offline_list(const struct volume_place *p, struct strv *ret_ids);

/* A copy of a volume's files at one moment: what runs on it is paused for as long as its files are listed
 * and shared (some 20 µs per file), and goes on by itself when this process is killed meanwhile.
 * The engine may be running. */
struct volume_copy {
  char *folder; /* its files; read them as root */
  int64_t size_bytes; /* of the volume */
  bool mounted; /* by this process */
};
fallible volume_offline_copy(const struct volume_place *p, const char *id, struct volume_copy *ret_copy);
void volume_offline_copy_done(const struct volume_place *p, const char *id, struct volume_copy *copy);

/* A new volume below p->data_dir, mounted below p->run_dir; the caller owns the path of its files.
 * volume_offline_close unmounts all of them again. */
fallible volume_offline_make(const struct volume_place *p, const char *id, int64_t size_bytes, char **ret_files);
fallible volume_offline_close(const struct volume_place *p);

/* Unmounts what a former tramd left mounted.  ERR_BUSY when something runs on a volume all the same. */
fallible volume_offline_check_unused(const struct volume_place *p);

#endif
