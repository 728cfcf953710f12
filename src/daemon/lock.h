/* One tramd for each run folder: <run_dir>/tramd.pid, locked for as long as its process lives, so a
 * stale file or a reused process id never misleads.
 *
 * The kernel itself tells who holds the lock (fcntl(2), F_GETLK); the number in the file is for
 * people and scripts.  Such a lock ends when its process closes any descriptor of the file: nothing
 * else in tramd may open it. */
#ifndef TRAMWAY_DAEMON_LOCK_H
#define TRAMWAY_DAEMON_LOCK_H

#include "base/err.h"

/* Takes the lock until the process ends; ERR_CONFLICT names the process that has it. */
fallible lock_take(const char *run_dir);

/* SIGTERM to the tramd that holds the lock; waits until it has ended, at most `wait_ms` (ERR_BUSY
 * then).  Success when there is none. */
fallible lock_stop_holder(const char *run_dir, int wait_ms);

#endif
