/* What is recorded to run and does not, when the engine starts, comes back in order: after what it
 * depends on, and a bounded number at a time.  What lives is adopted and not part of this. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/instance.h"
#include "engine/local/start_order.h"

enum {
  LISTEN_MAX_MS = 3000, /* for what was never seen listening: most likely it never will */
  TICK_MS = 100,        /* between two looks at who listens */
  STARTS_PER_CPU = 4,   /* a start waits for programs and mounts more than it computes */
};

static bool is_ready(const struct instance *inst, int64_t now_ms) {
  if (inst->phase == PHASE_DONE || inst->remove_wanted) return true; /* nobody waits for it */
  if (inst->phase != PHASE_RUN) return false;
  bool settled = now_ms - inst->running_since_ms >= LISTEN_MAX_MS;
  return inst->listens || (!inst->listened && settled);
}

static bool is_starting(const struct instance *inst) {
  return inst->phase >= PHASE_PREPARE && inst->phase <= PHASE_START;
}

struct look {
  struct local_engine *engine;
  int64_t now_ms;
  struct start_item *items; /* of each workload */
  struct local_workload **owners;
  const char **missing;
  size_t len;
  struct instance **held;
  size_t held_len;
  int starting;
};

/* In the order of names, so that every boot is like the last one. */
static int by_workload(const void *a, const void *b) {
  return strcmp((*(struct local_workload *const *)a)->w->id,
                (*(struct local_workload *const *)b)->w->id);
}

static int by_id(const void *a, const void *b) {
  return strcmp((*(struct instance *const *)a)->id, (*(struct instance *const *)b)->id);
}

static void collect_workloads(struct look *l) {
  size_t room = map_len(l->engine->workloads) + 1, cursor = 0;
  l->items = mem_zalloc(room * sizeof *l->items);
  l->owners = mem_zalloc(room * sizeof *l->owners);
  l->missing = mem_zalloc(room * sizeof *l->missing);
  const char *id;
  void *value;
  while (map_next(l->engine->workloads, &cursor, &id, &value)) {
    struct local_workload *owner = value;
    if (owner->w->kind == WORKLOAD_SERVICE && !owner->removing) l->owners[l->len++] = owner;
  }
  qsort(l->owners, l->len, sizeof(void *), by_workload);
  for (size_t i = 0; i < l->len; i++)
    l->items[i] = (struct start_item){.w = l->owners[i]->w, .ready = true};
}

static size_t index_of(const struct look *l, const struct local_workload *owner) {
  struct local_workload **found =
      l->len ? bsearch(&owner, l->owners, l->len, sizeof(void *), by_workload) : NULL;
  return found ? (size_t)(found - l->owners) : l->len;
}

static void collect_instances(struct look *l) {
  l->held = mem_zalloc((map_len(l->engine->instances) + 1) * sizeof(void *));
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(l->engine->instances, &cursor, &id, &value)) {
    struct instance *inst = value;
    size_t i = index_of(l, inst->owner);
    if (i < l->len && !is_ready(inst, l->now_ms)) l->items[i].ready = false;
    l->starting += is_starting(inst);
    if (inst->held) l->held[l->held_len++] = inst;
  }
  qsort(l->held, l->held_len, sizeof(void *), by_id);
}

/* Of everything that runs and is not ready: the answer shows in the next look. */
static void ask_who_listens(const struct look *l) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(l->engine->instances, &cursor, &id, &value)) {
    struct instance *inst = value;
    if (inst->phase == PHASE_RUN && !is_ready(inst, l->now_ms)) instance_ask_listening(inst);
  }
}

static bool may_start(const struct look *l, const struct instance *inst) {
  size_t i = index_of(l, inst->owner);
  const char *missing = i < l->len ? l->missing[i] : NULL;
  if (!missing) return true;
  if (l->now_ms < l->engine->comeback.deadline_ms) return false;
  log_warn("engine", "instance '%s' starts without '%s', which did not run and listen within %lld s",
           inst->id, missing, (long long)(l->engine->config.comeback_max_ms / 1000));
  return true;
}

static void start_what_can(struct look *l) {
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  int most = STARTS_PER_CPU * (cpus > 0 ? (int)cpus : 1);
  size_t left = l->held_len;
  for (size_t i = 0; i < l->held_len && l->starting < most; i++) {
    if (!may_start(l, l->held[i])) continue;
    l->starting++;
    left--;
    instance_event(l->held[i], EVENT_GO);
  }
  if (left > 0) return;
  timer_stop(l->engine->comeback.tick);
  l->engine->comeback.tick = NULL;
}

static void look(void *arg) {
  struct local_engine *en = arg;
  en->pending--;
  en->comeback.due = false;
  if (en->closing || en->halting || !en->comeback.tick) return;
  struct look l = {.engine = en, .now_ms = clock_monotonic_ms()};
  collect_workloads(&l);
  collect_instances(&l);
  start_order(l.items, l.len, l.missing);
  ask_who_listens(&l);
  start_what_can(&l);
  free(l.items);
  free(l.owners);
  free(l.missing);
  free(l.held);
}

static void look_later(void *arg) {
  struct local_engine *en = arg;
  if (en->comeback.due) return;
  en->comeback.due = true;
  en->pending++;
  loop_defer(en->loop, look, en);
}

void comeback_hold(struct instance *inst) {
  struct local_engine *en = inst->engine;
  inst->held = true;
  if (!en->comeback.tick) {
    en->comeback.tick = timer_start(en->loop, TICK_MS, TICK_MS, look_later, en);
    en->comeback.deadline_ms = clock_monotonic_ms() + en->config.comeback_max_ms;
  }
  look_later(en);
}

void comeback_wake(struct local_engine *en) {
  if (en->comeback.tick) look_later(en);
}
