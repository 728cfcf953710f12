#include "edge/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/work.h"

static err *copy_all(int from, int to, off_t size, const char *path) {
  off_t at = 0;
  while (at < size) {
    ssize_t done = sendfile(to, from, &at, (size_t)(size - at));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return err_errno(errno, "copying %s", path);
    if (done == 0) break;
  }
  return NULL;
}

static err *rotate(void *arg) {
  const char *path = arg;
  auto_free char *older = str_format("%s.1", path);
  auto_fd from = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  struct stat info;
  if (from < 0 || fstat(from, &info) != 0) return err_errno(errno, "opening %s", path);
  if (info.st_size <= ACCESS_LOG_MAX_BYTES) return NULL; /* another rotation was quicker */
  auto_fd to = open(older, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (to < 0) return err_errno(errno, "opening %s", older);
  TRY(copy_all(from, to, info.st_size, path));
  if (ftruncate(from, 0) != 0) return err_errno(errno, "emptying %s", path);
  return NULL;
}

static void on_rotated(void *arg, err *e) {
  if (e) log_warn("edge", "access log: %s", err_message(e));
  err_free(e);
  free(arg);
}

void access_log_bound(loop *l, const char *path) {
  struct stat info;
  if (stat(path, &info) != 0 || info.st_size <= ACCESS_LOG_MAX_BYTES) return;
  work_start(l, rotate, on_rotated, str_dup(path));
}
