/* A timer on the loop. */
#ifndef TRAMWAY_LOOP_TIMER_H
#define TRAMWAY_LOOP_TIMER_H

#include <stdint.h>

#include "loop/loop.h"

typedef struct timer timer;

/* Calls fn(arg) after `delay_ms`, then every `repeat_ms` when that is not 0.  The caller owns the
 * timer until timer_stop, also after a single shot has fired. */
timer *timer_start(loop *l, int64_t delay_ms, int64_t repeat_ms, loop_fn *fn, void *arg);

/* Stops and frees; may be called from the timer's own callback.  NULL is accepted. */
void timer_stop(timer *t);

#endif
