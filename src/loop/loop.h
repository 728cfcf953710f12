/* The event loop: one thread, libuv.  Everything of the control plane happens in its callbacks.
 * Work that blocks goes to the pool (loop/work.h), programs are children (loop/spawn.h). */
#ifndef TRAMWAY_LOOP_LOOP_H
#define TRAMWAY_LOOP_LOOP_H

#include <uv.h>

#include "base/err.h"

typedef struct loop loop;
typedef void loop_fn(void *arg);

loop *loop_new(void);

/* Runs what is ending to its end, for at most 5 s, then frees.  Every timer, child and watcher must
 * have been stopped; a handle left open after that is a bug and aborts with its type. */
void loop_free(loop *l);

void loop_run(loop *l);  /* until loop_stop */
void loop_stop(loop *l); /* from a callback */

/* Runs one turn, waiting at most `wait_ms` for something to happen.  For tests. */
void loop_turn(loop *l, int wait_ms);

/* Calls fn(arg) once, at the end of this turn: the safe point for freeing what callers up the stack
 * may still hold, and for acting once on many changes. */
void loop_defer(loop *l, loop_fn *fn, void *arg);

/* Calls fn(arg) on the loop thread for each signal `number`, for as long as the loop lives. */
fallible loop_on_signal(loop *l, int number, loop_fn *fn, void *arg);

uv_loop_t *loop_uv(loop *l);

#endif
