/* crun itself: how it is called quickly.
 *
 * So that no process of a container can write to the host's crun through /proc/<pid>/exe
 * (CVE-2019-5736), crun copies itself and executes the copy, at each call; unless it finds itself
 * on a read-only mount and is told so by its environment (crun's cloned_binary.c). */
#ifndef TRAMWAY_ENGINE_LOCAL_RUNTIME_H
#define TRAMWAY_ENGINE_LOCAL_RUNTIME_H

#include <stdbool.h>

#include "base/err.h"

/* The environment for crun, and for conmon, which hands it on. */
#define RUNTIME_READ_ONLY "_LIBCONTAINER_CLONED_BINARY=1"
extern const char *const runtime_env[];

/* Mounts `program` read-only on `point`, in place of what an earlier tramd mounted there. */
fallible runtime_mount(const char *program, const char *point);

/* The same when somebody has taken the mount away; nothing when `point` is `program` itself. */
fallible runtime_remount(const char *program, const char *point);

/* Lets the first process of a created container go on to its command.  This is what `crun start`
 * does and all that it does, without the three programs that it starts: the process waits for a
 * byte in `<root>/<id>/exec.fifo`.  False when no process waits there: crun start knows why. */
bool runtime_open_gate(const char *root, const char *id);

#endif
