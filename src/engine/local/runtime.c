#include "engine/local/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

const char *const runtime_env[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
    RUNTIME_READ_ONLY, NULL};

err *runtime_mount(const char *program, const char *point) {
  while (umount2(point, MNT_DETACH) == 0)
    continue;
  TRY(file_write_fast(point, "", 0, 0600));
  if (mount(program, point, NULL, MS_BIND, NULL) < 0 ||
      mount(NULL, point, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
    return err_errno(errno, "mounting '%s' on '%s'", program, point);
  return NULL;
}

err *runtime_remount(const char *program, const char *point) {
  bool is_there = str_eq(program, point) || access(point, X_OK) == 0;
  return is_there ? NULL : runtime_mount(program, point);
}

bool runtime_open_gate(const char *root, const char *id) {
  auto_free char *path = str_format("%s/%s/exec.fifo", root, id);
  auto_fd gate = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC); /* fails when nobody reads */
  return gate >= 0 && unlink(path) == 0 && write(gate, "", 1) == 1;
}
