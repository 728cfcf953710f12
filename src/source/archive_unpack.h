/* Unpacks an uploaded archive: tar (ustar, pax, GNU), plain or gzip, zstd, xz, told by its content.
 *
 * The archive is a stranger's.  Refused, each time naming the entry and the reason: names that are
 * absolute or hold "..", links (symbolic, hard, or through each other) that lead outside, device
 * nodes, fifos, sockets, a name that changes its kind (a folder that becomes a link), more or
 * larger entries than the limits, bombs, and a stream that is cut or followed by something else.
 * Owners, times, set-id bits, ACLs and extended attributes are dropped; modes become 0644/0755.
 * Names need not be UTF-8; messages show such bytes as \xNN.
 *
 * Blocking: run it with loop/work.h.  Any thread. */
#ifndef TRAMWAY_SOURCE_ARCHIVE_UNPACK_H
#define TRAMWAY_SOURCE_ARCHIVE_UNPACK_H

#include <stdint.h>

#include "base/err.h"

struct unpack_limits {
  int64_t entries;     /* 0: UNPACK_ENTRIES */
  int64_t total_bytes; /* of all files, holes of sparse files counted; 0: UNPACK_TOTAL_BYTES */
  int64_t ratio;       /* unpacked : packed, looked at beyond 64 MiB; 0: UNPACK_RATIO */
};

/* Ours.  The largest reference repository has 25,000 files (reference/apps.md 4.14); sources pack
 * 3 : 1 to 20 : 1, gzip reaches 1030 : 1 on zeroes. */
#define UNPACK_ENTRIES INT64_C(200000)
#define UNPACK_TOTAL_BYTES (INT64_C(4) << 30)
#define UNPACK_RATIO INT64_C(200)

struct unpack_result {
  int64_t entries;
  int64_t files;
  int64_t total_bytes;
};

/* Reads the archive at `archive_path` into `folder`, which must not exist yet.  When it is refused
 * the folder is gone again.  `limits` may be NULL.  ERR_INVALID, ERR_LIMIT, ERR_IO. */
fallible archive_unpack(const char *archive_path, const char *folder,
                        const struct unpack_limits *limits, struct unpack_result *ret_result);

/* The same from a descriptor that may be a pipe; it stays the caller's. */
fallible archive_unpack_fd(int fd, const char *folder, const struct unpack_limits *limits,
                           struct unpack_result *ret_result);

#endif
