/* What lies on a disk and what is free on it.  Blocking: not on the loop thread for a large tree. */
#ifndef TRAMWAY_BASE_USAGE_H
#define TRAMWAY_BASE_USAGE_H

#include <stdint.h>

#include "base/err.h"

/* What `du` counts: the blocks of a file or a folder with all that is in it, a hard link once.
 * Follows no symlink and does not leave the file system.  What is gone or cannot be read counts as 0,
 * because trees change while they are counted. */
int64_t usage_of_tree(const char *path);

struct usage_space {
  int64_t total_bytes;
  int64_t free_bytes; /* for everybody: what the file system keeps back for root is not in it */
};

/* Of the file system that `path` is on. */
fallible usage_space_of(const char *path, struct usage_space *ret_space);

/* What of it is to stay free, when nobody says otherwise: 5 %, as a file system keeps for root; of a small
 * disk not too much, of a large one not too little. */
int64_t usage_reserve(const struct usage_space *space);

/* Gives the first `bytes` of a file back to the file system; offsets and the size stay as they are,
 * and what was there reads as zeros.  Another process may be appending meanwhile.
 * ERR_CONFLICT where the file system cannot do it. */
fallible usage_punch(int fd, int64_t bytes);

/* Where the file's data begin, behind what was punched; the size when nothing is left. */
int64_t usage_data_begin(int fd);

#endif
