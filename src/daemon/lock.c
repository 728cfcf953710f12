#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
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

/* Of the whole file. */
static const struct flock exclusive = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

/* The process that keeps us from the lock; 0: none. */
static err *holder_of(int fd, int *ret_pid) {
  struct flock lock = exclusive;
  if (fcntl(fd, F_GETLK, &lock) < 0) return err_errno(errno, "looking at the lock of tramd.pid");
  if (lock.l_type != F_UNLCK && lock.l_pid <= 0)
    return err_new(ERR_CONFLICT, "a tramd outside of this container holds the lock of tramd.pid");
  *ret_pid = lock.l_type == F_UNLCK ? 0 : lock.l_pid;
  return NULL;
}

static void pause_briefly(void) {
  nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
}

/* A process that was killed holds its lock until the kernel is done with it. */
static bool lock_within_time(int fd) {
  enum { DYING_MS = 2000 };
  struct flock lock = exclusive;
  for (int64_t end_ms = clock_monotonic_ms() + DYING_MS; fcntl(fd, F_SETLK, &lock) < 0; pause_briefly())
    if (clock_monotonic_ms() > end_ms) return false;
  return true;
}

err *lock_take(const char *run_dir) {
  int fd;
  TRY(open_file(run_dir, &fd));
  if (!lock_within_time(fd)) {
    int holder = 0;
    err_ignore(holder_of(fd, &holder));
    close(fd);
    return err_new(ERR_CONFLICT, "a tramd with the run folder '%s' is running already (process %d): end "
                                 "it with `tramd --stop`, or give this one folders of its own", run_dir, holder);
  }
  auto_free char *text = str_format("%d\n", getpid());
  if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0)
    return err_errno(errno, "writing the pid file in '%s'", run_dir);
  return NULL; /* the descriptor, and with it the lock, stays open until the process ends */
}

/* SIGTERM to `pid` if that is still who holds the lock: between the two looks at the lock the
 * descriptor pins the process, so the number cannot have become somebody else's. */
static err *ask_to_end(int fd, int pid) {
  int now;
  auto_fd process = (int)syscall(SYS_pidfd_open, pid, 0);
  if (process < 0 && errno == ESRCH) return NULL;
  if (process < 0) return err_errno(errno, "looking at tramd (process %d)", pid);
  TRY(holder_of(fd, &now));
  if (now != pid) return NULL;
  if (syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0) < 0 && errno != ESRCH)
    return err_errno(errno, "ending tramd (process %d)", pid);
  return NULL;
}

err *lock_stop_holder(const char *run_dir, int wait_ms) {
  auto_fd fd = -1;
  TRY(open_file(run_dir, &fd));
  int64_t end_ms = clock_monotonic_ms() + wait_ms;
  for (int asked = 0;;) {
    int holder;
    TRY(holder_of(fd, &holder));
    if (!holder) return NULL;
    if (holder != asked) TRY(ask_to_end(fd, holder));
    asked = holder;
    if (clock_monotonic_ms() > end_ms)
      return err_new(ERR_BUSY, "tramd (process %d) has not ended after %d s: look at its log", holder,
                     wait_ms / 1000);
    pause_briefly();
  }
}
