#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

static err *open_file(const char *run_dir, int *ret_fd) {
  auto_free char *path = path_join(run_dir, "tramd.pid");
  TRY(file_make_dirs(run_dir, 0755));
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return err_errno(errno, "opening '%s'", path);
  *ret_fd = fd;
  return NULL;
}

static int holder_of(int fd) {
  char text[32] = "";
  ssize_t got = pread(fd, text, sizeof text - 1, 0);
  return got > 0 ? atoi(text) : 0;
}

err *lock_take(const char *run_dir) {
  int fd;
  TRY(open_file(run_dir, &fd));
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    int holder = holder_of(fd);
    close(fd);
    return err_new(ERR_CONFLICT, "a tramd with the run folder '%s' is running already (process %d): end "
                                 "it with `tramd --stop`, or give this one folders of its own", run_dir, holder);
  }
  auto_free char *text = str_format("%d\n", getpid());
  if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0)
    return err_errno(errno, "writing the pid file in '%s'", run_dir);
  return NULL; /* the descriptor, and with it the lock, stays open until the process ends */
}

static void pause_briefly(void) {
  nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
}

err *lock_stop_holder(const char *run_dir, int wait_ms) {
  auto_fd fd = -1;
  TRY(open_file(run_dir, &fd));
  int64_t end_ms = clock_monotonic_ms() + wait_ms;
  int asked = 0;
  while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    int holder = holder_of(fd);
    if (holder > 0 && holder != asked) {
      if (kill(holder, SIGTERM) < 0 && errno != ESRCH)
        return err_errno(errno, "ending tramd (process %d)", holder);
      asked = holder;
    }
    if (clock_monotonic_ms() > end_ms)
      return err_new(ERR_BUSY, "tramd (process %d) has not ended after %d s: look at its log", holder,
                     wait_ms / 1000);
    pause_briefly();
  }
  return NULL;
}
