#include "core/drain.h"

#include <stdlib.h>

#include "base/clock.h"

enum { POLL_FIRST_MS = 10, POLL_MAX_MS = 100 };

struct drain {
  core *core;
  char service[ID_SIZE];
  struct strv addresses;
  int64_t until_ms, poll_ms;
  timer *timer;
  bool asking, stopped;
  enum drain_for what;
  loop_fn *fn;
  void *arg;
};

static void free_drain(drain *d) {
  timer_stop(d->timer);
  strv_done(&d->addresses);
  free(d);
}

static void finish(drain *d) {
  loop_fn *fn = d->fn;
  void *arg = d->arg;
  free_drain(d);
  fn(arg);
}

static void ask_edge(void *arg);

static void on_sessions(void *arg, err *e, struct edge_sessions sessions) {
  drain *d = arg;
  bool known = !e; /* what an edge that does not answer holds is not known: it is asked again */
  d->asking = false;
  err_free(e);
  if (d->stopped) {
    free_drain(d);
  } else if ((known && !sessions.requests && (d->what == DRAIN_REQUESTS || !sessions.connections)) || clock_monotonic_ms() >= d->until_ms) {
    finish(d);
  } else {
    d->timer = timer_start(d->core->loop, d->poll_ms, 0, ask_edge, d);
    if (d->poll_ms < POLL_MAX_MS) d->poll_ms *= 2;
  }
}

static void ask_edge(void *arg) {
  drain *d = arg;
  timer_stop(d->timer);
  d->timer = NULL;
  if (!d->addresses.len) {
    finish(d);
    return;
  }
  d->asking = true;
  edge_drained(d->core->edge, d->service, &d->addresses, on_sessions, d);
}

drain *drain_start(core *c, enum drain_for what, const char *service_instance_id, struct strv *addresses, loop_fn *fn, void *arg) {
  drain *d = mem_zalloc(sizeof *d);
  *d = (drain){.core = c,
               .what = what,
               .addresses = *addresses,
               .until_ms = clock_monotonic_ms() + c->options.drain_timeout_ms,
               .poll_ms = POLL_FIRST_MS,
               .fn = fn,
               .arg = arg};
  *addresses = STRV_EMPTY;
  id_copy(d->service, service_instance_id);
  d->timer = timer_start(c->loop, 1, 0, ask_edge, d); /* behind the routes of this turn */
  return d;
}

void drain_stop(drain *d) {
  if (!d) return;
  timer_stop(d->timer);
  d->timer = NULL;
  d->stopped = true;
  if (!d->asking) free_drain(d);
}
