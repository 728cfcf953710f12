#include "base/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

enum { BLOCK = 512 };

/* Whether this is the first of a file's names. */
static bool first_name(map *seen, const struct stat *info) {
  if (S_ISDIR(info->st_mode) || info->st_nlink < 2) return true;
  auto_free char *key = str_format("%llx", (unsigned long long)info->st_ino);
  if (map_has(seen, key)) return false;
  map_set(seen, key, NULL);
  return true;
}

int64_t usage_of_tree(const char *path) {
  char *const roots[] = {(char *)path, NULL};
  FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
  if (!walk) return 0;
  auto_map *seen = map_new();
  int64_t bytes = 0;
  for (FTSENT *entry; (entry = fts_read(walk));) {
    bool counts = entry->fts_info == FTS_D || entry->fts_info == FTS_F || entry->fts_info == FTS_SL ||
                  entry->fts_info == FTS_SLNONE || entry->fts_info == FTS_DEFAULT;
    if (counts && first_name(seen, entry->fts_statp)) bytes += (int64_t)entry->fts_statp->st_blocks * BLOCK;
  }
  fts_close(walk);
  return bytes;
}

err *usage_space_of(const char *path, struct usage_space *ret_space) {
  struct statvfs info;
  if (statvfs(path, &info) < 0) return err_errno(errno, "asking how full the disk of '%s' is", path);
  ret_space->total_bytes = (int64_t)info.f_blocks * (int64_t)info.f_frsize;
  ret_space->free_bytes = (int64_t)info.f_bavail * (int64_t)info.f_frsize;
  return NULL;
}

int64_t usage_reserve(const struct usage_space *space) {
  const int64_t gib = INT64_C(1) << 30;
  int64_t part = space->total_bytes / 20;
  int64_t reserve = part < gib ? gib : part > 4 * gib ? 4 * gib : part;
  return reserve < space->total_bytes / 10 ? reserve : space->total_bytes / 10;
}

err *usage_punch(int fd, int64_t bytes) {
  while (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes) < 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS)
      return err_new(ERR_CONFLICT, "this file system cannot give back the beginning of a file");
    return err_errno(errno, "giving back the beginning of a file");
  }
  return NULL;
}

/* Behind the zeros that fill the rest of the last punched block. */
static int64_t behind_zeros(int fd, int64_t at, int64_t size) {
  char chunk[4096];
  while (at < size) {
    ssize_t got = pread(fd, chunk, sizeof chunk, at);
    if (got <= 0) return at;
    for (ssize_t i = 0; i < got; i++)
      if (chunk[i]) return at + i;
    at += got;
  }
  return size;
}

int64_t usage_data_begin(int fd) {
  struct stat info;
  char first = '\0';
  if (fstat(fd, &info) < 0) return 0;
  if (info.st_size == 0 || (pread(fd, &first, 1, 0) == 1 && first)) return 0;
  off_t data = lseek(fd, 0, SEEK_DATA);
  if (data < 0) return errno == ENXIO ? info.st_size : 0; /* nothing but a hole */
  return behind_zeros(fd, data, info.st_size);
}
