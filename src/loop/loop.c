#include "loop/loop.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"

struct deferred {
  struct list link;
  loop_fn *fn;
  void *arg;
};

struct watched_signal {
  uv_signal_t handle;
  struct list link;
  loop_fn *fn;
  void *arg;
};

struct loop {
  uv_loop_t uv;
  uv_check_t end_of_turn;
  uv_idle_t stay_awake; /* active while something is deferred, so that the turn ends at once */
  uv_timer_t turn_limit;
  struct list deferred;
  struct list signals;
};

static void run_deferred(loop *l) {
  struct list now;
  list_init(&now);
  while (!list_empty(&l->deferred)) { /* what is deferred meanwhile waits for the next turn */
    struct list *first = l->deferred.next;
    list_remove(first);
    list_push(&now, first);
  }
  while (!list_empty(&now)) {
    struct deferred *item = CONTAINER_OF(now.next, struct deferred, link);
    list_remove(&item->link);
    item->fn(item->arg);
    free(item);
  }
  if (list_empty(&l->deferred)) uv_idle_stop(&l->stay_awake);
}

static void on_end_of_turn(uv_check_t *check) {
  run_deferred(check->data);
}

static void on_idle(uv_idle_t *idle) {
  (void)idle;
}

static void on_turn_limit(uv_timer_t *timer) {
  (void)timer;
}

loop *loop_new(void) {
  loop *l = mem_zalloc(sizeof *l);
  list_init(&l->deferred);
  list_init(&l->signals);
  if (uv_loop_init(&l->uv) != 0) abort();
  uv_check_init(&l->uv, &l->end_of_turn);
  uv_idle_init(&l->uv, &l->stay_awake);
  uv_timer_init(&l->uv, &l->turn_limit);
  l->end_of_turn.data = l;
  uv_check_start(&l->end_of_turn, on_end_of_turn);
  return l;
}

enum { ENDING_MAX_MS = 5000, OWN_HANDLES = 3 };

static void count_handle(uv_handle_t *handle, void *arg) {
  (void)handle;
  ++*(size_t *)arg;
}

/* What was told to end (children, requests) may need some turns for it. */
static void wait_for_the_ending(loop *l) {
  int64_t end_ms = clock_monotonic_ms() + ENDING_MAX_MS;
  for (;;) {
    size_t handles = 0, signals = 0;
    uv_walk(&l->uv, count_handle, &handles);
    LIST_FOREACH(item, &l->signals, struct watched_signal, link) signals++;
    if (handles <= OWN_HANDLES + signals || clock_monotonic_ms() > end_ms) return;
    loop_turn(l, 20);
  }
}

static void report_open_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (uv_is_closing(handle)) return;
  fprintf(stderr, "loop_free: a %s handle is still open\n", uv_handle_type_name(handle->type));
  abort();
}

void loop_free(loop *l) {
  if (!l) return;
  wait_for_the_ending(l);
  run_deferred(l);
  LIST_FOREACH(item, &l->signals, struct watched_signal, link) uv_close((uv_handle_t *)&item->handle, NULL);
  uv_close((uv_handle_t *)&l->end_of_turn, NULL);
  uv_close((uv_handle_t *)&l->stay_awake, NULL);
  uv_close((uv_handle_t *)&l->turn_limit, NULL);
  uv_walk(&l->uv, report_open_handle, NULL);
  while (uv_loop_close(&l->uv) == UV_EBUSY) uv_run(&l->uv, UV_RUN_ONCE);
  LIST_FOREACH(item, &l->signals, struct watched_signal, link) free(item);
  run_deferred(l);
  free(l);
}

void loop_run(loop *l) {
  uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(loop *l) {
  uv_stop(&l->uv);
}

void loop_turn(loop *l, int wait_ms) {
  /* Repeating, because libuv fires what is due before it polls: a single shot could be gone by then. */
  uint64_t limit_ms = wait_ms > 0 ? (uint64_t)wait_ms : 1;
  uv_update_time(&l->uv);
  uv_timer_start(&l->turn_limit, on_turn_limit, limit_ms, limit_ms);
  uv_run(&l->uv, UV_RUN_ONCE);
  uv_timer_stop(&l->turn_limit);
}

void loop_defer(loop *l, loop_fn *fn, void *arg) {
  struct deferred *item = mem_zalloc(sizeof *item);
  item->fn = fn;
  item->arg = arg;
  list_init(&item->link);
  list_push(&l->deferred, &item->link);
  if (!uv_is_closing((uv_handle_t *)&l->stay_awake)) uv_idle_start(&l->stay_awake, on_idle);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  struct watched_signal *watched = CONTAINER_OF(handle, struct watched_signal, handle);
  watched->fn(watched->arg);
}

err *loop_on_signal(loop *l, int number, loop_fn *fn, void *arg) {
  struct watched_signal *watched = mem_zalloc(sizeof *watched);
  watched->fn = fn;
  watched->arg = arg;
  uv_signal_init(&l->uv, &watched->handle);
  list_init(&watched->link);
  list_push(&l->signals, &watched->link);
  int failed = uv_signal_start(&watched->handle, on_signal, number);
  if (failed) return err_errno(-failed, "watching signal %d", number);
  uv_unref((uv_handle_t *)&watched->handle);
  return NULL;
}

uv_loop_t *loop_uv(loop *l) {
  return &l->uv;
}
