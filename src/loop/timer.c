#include "loop/timer.h"

#include <stdlib.h>

#include "base/mem.h"

struct timer {
  uv_timer_t handle;
  loop_fn *fn;
  void *arg;
};

static void on_timer(uv_timer_t *handle) {
  timer *t = CONTAINER_OF(handle, timer, handle);
  t->fn(t->arg);
}

static void on_closed(uv_handle_t *handle) {
  free(CONTAINER_OF((uv_timer_t *)handle, timer, handle));
}

timer *timer_start(loop *l, int64_t delay_ms, int64_t repeat_ms, loop_fn *fn, void *arg) {
  timer *t = mem_zalloc(sizeof *t);
  t->fn = fn;
  t->arg = arg;
  uv_update_time(loop_uv(l));
  uv_timer_init(loop_uv(l), &t->handle);
  uv_timer_start(&t->handle, on_timer, (uint64_t)delay_ms, (uint64_t)repeat_ms);
  return t;
}

void timer_stop(timer *t) {
  if (t) uv_close((uv_handle_t *)&t->handle, on_closed);
}
