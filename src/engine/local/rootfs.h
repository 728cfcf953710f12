/* An instance's root file system: an overlay of the image's layers, idmapped to the service's user
 * range, under a fresh writable folder.  Blocking: for the worker pool. */
#ifndef TRAMWAY_ENGINE_LOCAL_ROOTFS_H
#define TRAMWAY_ENGINE_LOCAL_ROOTFS_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct rootfs {
  const char *helper_dir; /* short path below run_dir: each layer is mounted there for a moment */
  const struct strv *layers; /* top first */
  const char *writable_dir;  /* emptied and filled: upper/ and work/ */
  const char *target;        /* where the overlay is mounted; made */
  uint32_t first_host_id;
};

/* The layers' own mounts are gone again when it returns: overlayfs keeps clones of them, so one
 * mount per instance remains.  ERR_INVALID: the layers' file system cannot be idmapped. */
fallible rootfs_mount(const struct rootfs *r);

/* Takes away what is left of the layers' own mounts: those of `folder` whose names start with `prefix`
 * ("7." of one helper_dir, "" of all). */
fallible rootfs_unmount_layers(const char *folder, const char *prefix);

/* Unmounts `target` (detached when something still uses it) and removes both folders.  Nothing
 * there is success. */
fallible rootfs_unmount(const char *target, const char *writable_dir);

/* Makes `dir` a mount point of its own with shared propagation: mounts below it are easy to find
 * and what clones our mount namespace later lets go of them when we do.  Done twice is harmless. */
fallible rootfs_own_mount(const char *dir);

/* Unmounts everything below `dir` and `dir` itself. */
fallible rootfs_unmount_below(const char *dir);

#endif
