/* Loop devices (loop(4)): a file as a block device.  Blocking: for the worker pool.
 *
 * They are set to detach by themselves when nobody has them open or mounted any more, so that a tramd that
 * dies leaves none. */
#ifndef TRAMWAY_ENGINE_LOCAL_LOOP_DEVICE_H
#define TRAMWAY_ENGINE_LOCAL_LOOP_DEVICE_H

#include <stdbool.h>

#include "base/err.h"

struct loop_device {
  int fd;        /* it lives as long as this is open, or it is mounted */
  char path[32]; /* "/dev/loop7" */
};

/* The device that has this very file behind it, or a new one.  Reads and writes go past the page cache where
 * the file's own file system can do that: what is cached twice is synced twice.  It takes no discards, so
 * that fstrim cannot give away what was set aside for the file (`discards` false).
 * ERR_NOT_FOUND: this machine has no loop devices. */
fallible loop_device_open(const char *file, bool discards, struct loop_device *ret_device);
void loop_device_close(struct loop_device *d);

/* Whether some device has this file behind it. */
fallible loop_device_is_behind(const char *file, bool *ret_is);

/* Tells the device that its file has grown. */
fallible loop_device_grow(const struct loop_device *d);

#endif
