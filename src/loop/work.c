#include "loop/work.h"

#include <stdlib.h>

#include "base/mem.h"

struct work {
  uv_work_t request;
  work_fn *fn;
  work_done_fn *done;
  void *arg;
  err *error;
};

static void on_thread(uv_work_t *request) {
  struct work *w = CONTAINER_OF(request, struct work, request);
  w->error = w->fn(w->arg);
}

static void on_loop(uv_work_t *request, int status) {
  (void)status; /* never cancelled */
  struct work *w = CONTAINER_OF(request, struct work, request);
  w->done(w->arg, w->error);
  free(w);
}

void work_start(loop *l, work_fn *fn, work_done_fn *done, void *arg) {
  struct work *w = mem_zalloc(sizeof *w);
  w->fn = fn;
  w->done = done;
  w->arg = arg;
  if (uv_queue_work(loop_uv(l), &w->request, on_thread, on_loop) != 0) abort();
}
