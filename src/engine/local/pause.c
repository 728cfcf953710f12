/* Freezing a workload's instances, by the kernel's freezer of their cgroups. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/local/instance.h"
#include "loop/work.h"

struct pausing {
  struct local_engine *engine;
  char *workload_id;
  struct strv instances;
  bool paused;
  engine_done_fn *done;
  void *arg;
};

/* All or none. */
static err *set_all(void *arg) {
  struct pausing *p = arg;
  const struct cgroups *c = &p->engine->cgroups;
  err *e = NULL;
  for (size_t i = 0; i < p->instances.len && !e; i++)
    e = cgroups_freeze(c, p->instances.items[i], p->paused);
  for (size_t i = 0; i < p->instances.len && e && p->paused; i++)
    err_ignore(cgroups_freeze(c, p->instances.items[i], false));
  return e;
}

static void go_on(void *arg) {
  struct local_workload *owner = arg;
  log_warn("engine", "workload '%s' was paused for %d s and goes on", owner->w->id, ENGINE_PAUSE_MAX_MS / 1000);
  local_pause(&owner->engine->base, owner->w->id, false, NULL, NULL);
}

static void on_set(void *arg, err *e) {
  struct pausing p = *(struct pausing *)arg;
  free(arg);
  p.engine->pending--;
  if (p.done)
    p.done(p.arg, err_wrap(e, "workload '%s'", p.workload_id));
  else
    err_ignore(e);
  free(p.workload_id);
  strv_done(&p.instances);
}

static struct strv running_instances(const struct local_engine *en, const struct local_workload *owner) {
  struct strv ids = STRV_EMPTY;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->instances, &cursor, &id, &value)) {
    const struct instance *inst = value;
    if (inst->owner == owner && inst->phase == PHASE_RUN) strv_add(&ids, id);
  }
  return ids;
}

void local_pause(engine *base, const char *workload_id, bool paused, engine_done_fn *done, void *arg) {
  struct local_engine *en = (struct local_engine *)base;
  struct local_workload *owner = map_get(en->workloads, workload_id);
  struct strv ids = STRV_EMPTY;
  if (owner) {
    ids = running_instances(en, owner);
    timer_stop(owner->pause);
    owner->pause = NULL;
  }
  if (!ids.len) {
    if (done) done(arg, err_new(ERR_NOT_FOUND, "nothing of workload '%s' runs", workload_id));
    return;
  }
  owner->pause = paused ? timer_start(en->loop, ENGINE_PAUSE_MAX_MS, 0, go_on, owner) : NULL;
  struct pausing *p = mem_alloc(sizeof *p);
  *p = (struct pausing){en, str_dup(workload_id), ids, paused, done, arg};
  en->pending++;
  work_start(en->loop, set_all, on_set, p);
}
