/* Puts a volume's files into an instance's root file system.  Blocking: for the worker pool. */
#ifndef TRAMWAY_ENGINE_LOCAL_VOLUME_MOUNT_H
#define TRAMWAY_ENGINE_LOCAL_VOLUME_MOUNT_H

#include <stdint.h>

#include "base/err.h"
#include "engine/local/user.h"

struct volume_mount {
  const char *files;      /* of the volume, as volume_store_files says */
  const char *rootfs;     /* mounted, and nothing runs in it yet */
  const char *mount_path; /* volume_mount_path_check has seen it */
  uint32_t first_host_id; /* what id 0 inside is outside */
  const struct user *user; /* of the image: an empty volume becomes theirs */
};

/* The path is looked up inside `rootfs`, symlinks of the image too; missing folders are made there.
 * The mount goes with the rootfs (rootfs_unmount).  ERR_INVALID when the path does not lead to a folder, or
 * leads to where the kernel's file systems are mounted. */
fallible volume_mount(const struct volume_mount *m);

#endif
