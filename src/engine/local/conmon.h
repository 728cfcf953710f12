/* Creates a container: conmon, which outlives us, starts `crun create` and keeps the container's
 * log and exit code. */
#ifndef TRAMWAY_ENGINE_LOCAL_CONMON_H
#define TRAMWAY_ENGINE_LOCAL_CONMON_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"

struct conmon_request {
  const char *const *monitor_argv; /* put before conmon: joins a cgroup that is not tramd's */
  const char *conmon;
  const char *const *runtime_argv; /* crun and its global options, perhaps behind tramway-exec */
  const char *id;
  const char *bundle_dir;
  const char *exit_dir; /* conmon writes the exit code to <exit_dir>/<id> */
  const char *socket_dir;
  const char *log_path; /* appended to, in the k8s-file format */
};

/* The argument vector.  Pure. */
void conmon_argv(const struct conmon_request *request, struct strv *argv);

/* `pid` is the container's first process, created but not started yet.  The error's text is crun's;
 * ERR_NOT_FOUND when the command is not in the image. */
typedef void conmon_done_fn(void *arg, err *e, pid_t pid); /* owns e */

void conmon_create(loop *l, const struct conmon_request *request, conmon_done_fn *done, void *arg);

/* What the sync pipe said: {"data": 4711} or {"data": -1, "message": "…"}.  Pure. */
fallible conmon_parse_sync(const char *text, size_t len, pid_t *ret_pid);

#endif
