#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/instance.h"

/* conmon writes the exit code once it has read the last output, moments after the process is gone.
 * When it does not (somebody killed it), the exit counts as a failure of unknown code. */
enum { EXIT_FILE_WAIT_MS = 3000, EXIT_CODE_UNKNOWN = 255 };

uint64_t instance_start_time(pid_t pid) {
  auto_free char *path = str_format("/proc/%d/stat", (int)pid);
  auto_str text = STR_EMPTY;
  auto_err *e = file_read(path, 8192, &text);
  const char *rest = e ? NULL : strrchr(str_text(&text), ')'); /* the name may hold anything */
  for (int field = 2; rest && field < 22; field++)
    rest = strchr(rest + 1, ' ');
  return rest ? strtoull(rest, NULL, 10) : 0;
}

bool instance_is_alive(const struct instance *inst) {
  return inst->pid > 0 && inst->pid_started && instance_start_time(inst->pid) == inst->pid_started;
}

int64_t instance_age_ms(uint64_t started) {
  struct timespec now;
  int64_t ticks = sysconf(_SC_CLK_TCK);
  if (!started || ticks <= 0 || clock_gettime(CLOCK_BOOTTIME, &now) < 0) return 0;
  int64_t age_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - (int64_t)started * 1000 / ticks;
  return age_ms > 0 ? age_ms : 0;
}

static char *exit_file(const struct instance *inst) {
  return path_join(inst->engine->folders.exits, inst->id);
}

bool instance_read_exit(struct instance *inst) {
  auto_free char *path = exit_file(inst);
  auto_str text = STR_EMPTY;
  auto_err *e = file_read(path, 64, &text);
  long long code;
  if (e || !str_to_int(str_trim((char *)str_text(&text)), 0, 255, &code)) return false;
  inst->exit_code = (int)code;
  return true;
}

static void report_exit(struct instance *inst) {
  instance_unwatch(inst);
  instance_event(inst, EVENT_EXIT);
}

void instance_check_exit(struct instance *inst) {
  if (inst->pid > 0 && instance_read_exit(inst)) report_exit(inst);
}

static void on_exit_file_missing(void *arg) {
  struct instance *inst = arg;
  if (!instance_read_exit(inst)) {
    log_warn("engine", "instance '%s' ended and conmon left no exit code", inst->id);
    inst->exit_code = EXIT_CODE_UNKNOWN;
  }
  report_exit(inst);
}

static void on_process_gone(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  struct instance *inst = poll->data;
  uv_poll_stop(poll);
  if (instance_read_exit(inst))
    report_exit(inst);
  else
    inst->exit_timer =
        timer_start(inst->engine->loop, EXIT_FILE_WAIT_MS, 0, on_exit_file_missing, inst);
}

err *instance_watch(struct instance *inst) {
  int fd = (int)syscall(SYS_pidfd_open, inst->pid, 0);
  if (fd < 0) return err_errno(errno, "watching process %d", (int)inst->pid);
  inst->pidfd = fd;
  inst->exit_poll = mem_zalloc(sizeof *inst->exit_poll);
  inst->exit_poll->data = inst;
  uv_poll_init(loop_uv(inst->engine->loop), inst->exit_poll, fd);
  uv_poll_start(inst->exit_poll, UV_READABLE, on_process_gone);
  return NULL;
}

static void on_poll_closed(uv_handle_t *handle) {
  free(handle);
}

void instance_unwatch(struct instance *inst) {
  timer_stop(inst->exit_timer);
  inst->exit_timer = NULL;
  if (inst->exit_poll) uv_close((uv_handle_t *)inst->exit_poll, on_poll_closed);
  inst->exit_poll = NULL;
  if (inst->pidfd >= 0) close(inst->pidfd);
  if (inst->monitor_fd >= 0) close(inst->monitor_fd);
  inst->pidfd = inst->monitor_fd = -1;
}

enum { MONITOR_UNKNOWN = -1 };

static pid_t gone_or_unknown(const err *e) {
  return err_code_of(e) == ERR_NOT_FOUND ? 0 : MONITOR_UNKNOWN;
}

/* Its pid, when that is a conmon: the number may be another program's by now.  0: it is gone. */
static pid_t find_monitor(const struct instance *inst) {
  auto_free char *pid_path = path_join(inst->bundle, "conmon.pid");
  auto_str text = STR_EMPTY, name = STR_EMPTY;
  auto_err *e = file_read(pid_path, 64, &text);
  if (e) return gone_or_unknown(e);
  int pid = atoi(str_text(&text));
  auto_free char *name_path = str_format("/proc/%d/comm", pid);
  auto_err *gone = file_read(name_path, 64, &name);
  if (gone) return gone_or_unknown(gone);
  return str_starts(str_text(&name), "conmon") ? pid : 0;
}

/* Who has none is restarted: what cannot be found out now is not taken for that. */
bool instance_has_monitor(struct instance *inst) {
  if (inst->monitor_fd < 0) {
    pid_t pid = find_monitor(inst);
    if (pid <= 0) return pid == MONITOR_UNKNOWN;
    inst->monitor_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (inst->monitor_fd < 0) return errno != ESRCH;
  }
  struct pollfd end = {.fd = inst->monitor_fd, .events = POLLIN};
  return poll(&end, 1, 0) <= 0;
}

void instance_signal(struct instance *inst, int signal) {
  if (inst->pidfd >= 0) syscall(SYS_pidfd_send_signal, inst->pidfd, signal, NULL, 0);
}
