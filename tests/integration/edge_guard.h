/* The folder of an edge test program, and the certain end of the HAProxys that run in it.  They are
 * daemons: nothing else ends them when a test fails or the program dies.
 *
 * guard_start, once: makes guard.root, new for each program so that several can run at once, and
 * starts a second process that waits for this one's end, whatever it is (exit, a signal, a crash,
 * SIGKILL); it then ends the HAProxys whose files lie in guard.root and removes the folder.  Where
 * this process can still act (exit, SIGTERM, SIGINT, SIGHUP) it is gone only when all that is done.
 */
#ifndef TRAMWAY_TESTS_EDGE_GUARD_H
#define TRAMWAY_TESTS_EDGE_GUARD_H

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

#define GUARD_DEADLINE_MS 10000
#define GUARD_QUIET_MS                                                                             \
  300 /* longer than between the fork and the exec of a HAProxy just being started */

static struct {
  char root[64];
  int alive_fd; /* its end of file tells the second process of this one's end */
  pid_t process;
} guard;

static inline bool guard_runs_haproxy(int pid) {
  auto_free char *path = str_format("/proc/%d/exe", pid);
  char program[4096];
  ssize_t len = readlink(path, program, sizeof program - 1);
  if (len < 0) return false;
  program[len] = '\0';
  return strstr(program, "/haproxy") != NULL;
}

/* Whether `pid` is a HAProxy that was told of a file in `folder`.  The pid file would tell of the
 * master only, and not yet of one that is just starting. */
static inline bool guard_owns(const char *folder, int pid) {
  auto_free char *path = str_format("/proc/%d/cmdline", pid), *inside = str_format("%s/", folder);
  auto_str arguments = STR_EMPTY;
  auto_err *e = file_read(path, 64 * 1024, &arguments);
  if (e || !guard_runs_haproxy(pid)) return false;
  const char *text = str_text(&arguments); /* each argument ends in a NUL */
  for (size_t at = 0; at < arguments.len; at += strlen(text + at) + 1)
    if (str_starts(text + at, inside)) return true;
  return false;
}

/* The descriptor keeps the number from naming another process between the look and the signal. */
static inline bool guard_kill(const char *folder, int pid) {
  auto_fd process = (int)syscall(SYS_pidfd_open, pid, 0);
  return process >= 0 && guard_owns(folder, pid) &&
         syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0) == 0;
}

static inline bool guard_kill_all(const char *folder) {
  DIR *processes = opendir("/proc");
  bool found = false;
  for (struct dirent *entry; processes && (entry = readdir(processes));)
    if (isdigit((unsigned char)*entry->d_name) && guard_kill(folder, atoi(entry->d_name)))
      found = true;
  if (processes) closedir(processes);
  return found;
}

/* Kills the HAProxys of `folder` until none was seen for `quiet_ms`; tells whether any was. */
static inline bool guard_end_haproxys(const char *folder, int quiet_ms) {
  long long begin = tap_now_ms(), quiet_since = begin;
  for (bool any = false;;) {
    bool found = guard_kill_all(folder);
    any = any || found;
    if (found) quiet_since = tap_now_ms();
    bool over = !found && tap_now_ms() - quiet_since >= quiet_ms;
    if (over || tap_now_ms() - begin >= GUARD_DEADLINE_MS) return any;
    usleep(10000);
  }
}

static inline _Noreturn void guard_wait(int fd) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  setsid(); /* timeout(1) and terminals send their signals to the whole group */
  char byte;
  while (read(fd, &byte, 1) < 0 && errno == EINTR)
    continue;
  if (file_exists(guard.root)) {
    guard_end_haproxys(guard.root, GUARD_QUIET_MS);
    err_ignore(file_remove_tree(guard.root));
  }
  _exit(0);
}

/* Only what a signal handler may call. */
static inline void guard_on_signal(int number) {
  close(guard.alive_fd);
  waitpid(guard.process, NULL, 0);
  signal(number, SIG_DFL);
  raise(number);
}

static inline void guard_at_exit(void) {
  auto_err *e = file_remove_tree(guard.root);
  if (e) printf("# removing %s: %s\n", guard.root, err_message(e));
  close(guard.alive_fd);
  waitpid(guard.process, NULL, 0);
}

/* Before any thread is started: it forks. */
static inline void guard_start(void) {
  if (guard.process) return;
  signal(SIGPIPE, SIG_IGN); /* as in tramd: HAProxy may end while it is told something */
  int ends[2];
  strcpy(guard.root, "/tmp/tramway-edge-test.XXXXXX");
  CHECK(mkdtemp(guard.root) != NULL);
  CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    close(ends[1]);
    guard_wait(ends[0]);
  }
  close(ends[0]);
  guard.alive_fd = ends[1];
  guard.process = pid;
  static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
  for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
    signal(numbers[i], guard_on_signal);
  atexit(guard_at_exit);
}

#endif
