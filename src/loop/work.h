/* Blocking work on libuv's thread pool: unpacking, hashing, mounting. */
#ifndef TRAMWAY_LOOP_WORK_H
#define TRAMWAY_LOOP_WORK_H

#include "loop/loop.h"

typedef err *work_fn(void *arg);               /* on a pool thread: touches only what `arg` owns */
typedef void work_done_fn(void *arg, err *e); /* on the loop thread; owns `e` */

/* Runs fn(arg) on a pool thread, then done(arg, error) on the loop.  Cannot be cancelled: `arg` must
 * live until `done`.  The pool has UV_THREADPOOL_SIZE threads (libuv's default: 4). */
void work_start(loop *l, work_fn *fn, work_done_fn *done, void *arg);

#endif
