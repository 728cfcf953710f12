/* Live deployments on their way out: the edge sends them nothing new, the requests that they hold
 * they finish (drain.h), then the engine stops them.  Until then, and for as long as its draining
 * seconds allow, the edge keeps WebSockets and event streams open.
 * Recorded as REMOVING first, so a restart goes on. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/disk.h"
#include "core/drain.h"
#include "core/handover.h"
#include "store/deployment.h"

struct retirement {
  core *core;
  char id[ID_SIZE];
  char step_id[ID_SIZE];
  char *edge_key;
  struct strv addresses;
  drain *drain;
  timer *timer;
};

static void retirement_free(struct retirement *r) {
  timer_stop(r->timer);
  drain_stop(r->drain);
  strv_done(&r->addresses);
  free(r->edge_key);
  free(r);
}

static void remove_all(void *arg);

/* Why it had to go, if that was said, stays. */
static err *record_gone(struct retirement *r) {
  auto_deployment d = {0};
  TRY(deployment_get(r->core->db, r->id, &d));
  TRY(deploy_step_end(r->core, r->id, r->step_id, NULL));
  return deploy_apply(r->core, r->id, DEPLOY_GONE, d.status_reason);
}

static void on_gone(void *arg, err *e) {
  struct retirement *r = arg;
  core *c = r->core;
  if (!e) e = record_gone(r);
  bool again = e && err_code_of(e) != ERR_NOT_FOUND;
  if (e) log_error("deploy", "%s: removing: %s%s", r->id, err_message(e), again ? "; trying again" : "");
  err_free(e);
  if (again) {
    if (!c->stopping) r->timer = timer_start(c->loop, c->options.retry_ms, 0, remove_all, r);
    return;
  }
  map_remove(c->retiring, r->id);
  receipt_gone(c, r->id);
  removal_wake(c);
  handover_wake(c);
  handover_undo(c, r->edge_key);
  disk_soon(c->disk);
  retirement_free(r);
}

static void on_job_gone(void *arg, err *e) {
  struct retirement *r = arg;
  if (e)
    on_gone(r, e);
  else
    engine_remove(r->core->engine, r->id, on_gone, r);
}

/* Also a pre-deploy command's instance: it may have been cancelled just before tramd ended. */
static void remove_all(void *arg) {
  struct retirement *r = arg;
  auto_free char *job = str_format("%s" JOB_SUFFIX, r->id);
  timer_stop(r->timer);
  r->timer = NULL;
  engine_remove(r->core->engine, job, on_job_gone, r);
}

static void on_drained(void *arg) {
  struct retirement *r = arg;
  r->drain = NULL;
  deploy_log_line(r->core, r->id, "info", "Stopping Container");
  receipt_drained(r->core, r->id);
  remove_all(r);
}

static void on_overlap_over(void *arg) {
  struct retirement *r = arg;
  timer_stop(r->timer);
  r->timer = NULL;
  r->drain = drain_start(r->core, DRAIN_ALL, r->edge_key, &r->addresses, on_drained, r);
}

static void collect_address(void *arg, const struct instance_report *report) {
  if (!str_empty(report->address)) strv_add(arg, report->address);
}

err *retire_start(core *c, const char *id, bool overlap) {
  if (map_has(c->retiring, id)) return NULL;
  auto_deployment d = {0};
  TRY(deployment_get(c->db, id, &d));
  if (d.status != DEPLOYMENT_REMOVING) TRY(deploy_apply(c, id, DEPLOY_REMOVE, NULL));
  struct retirement *r = mem_zalloc(sizeof *r);
  r->core = c;
  id_copy(r->id, id);
  err *e = deployment_step_finish_open(c->db, id, clock_now_us(), "interrupted: tramd was stopped");
  if (!e) e = deploy_step_begin(c, id, STEP_DRAIN_INSTANCES, r->step_id);
  if (e) {
    retirement_free(r);
    core_resume_later(c); /* it is recorded as REMOVING */
    return e;
  }
  readiness_forget(c, id);
  restart_forget(c, id);
  r->edge_key = str_dup(d.service_instance_id);
  engine_each(c->engine, id, collect_address, &r->addresses);
  map_set(c->retiring, r->id, r);
  routes_changed(c);
  int64_t wait_ms = overlap ? d.settings.overlap_s * 1000 : 0;
  r->timer = timer_start(c->loop, wait_ms ? wait_ms : 1, 0, on_overlap_over, r);
  return NULL;
}

static uint32_t unfinished_statuses(void) {
  uint32_t bits = 0;
  for (unsigned status = 0; status < DEPLOYMENT_STATUS_COUNT; status++)
    if (!deployment_status_is_final(status)) bits |= DEPLOYMENT_STATUS_BIT(status);
  return bits;
}

static err *retire_one(core *c, const char *live_id, const struct deployment *d) {
  struct run *r = run_find(c, d->id);
  if (r) run_supersede(r, live_id, "a newer deployment is live");
  return !r && deployment_status_is_active(d->status) ? retire_start(c, d->id, true) : NULL;
}

static err *send_older_away(core *c, const struct deployment *live) {
  auto_deployment_list all = {0};
  struct deployment_filter filter = {.service_instance_id = live->service_instance_id,
                                     .statuses = unfinished_statuses()};
  bool older = false; /* the newest come first */
  TRY(deployment_list(c->db, &filter, NULL, &all));
  for (size_t i = 0; i < all.len; i++) {
    if (older) TRY(retire_one(c, live->id, &all.items[i]));
    if (str_eq(all.items[i].id, live->id)) older = true;
  }
  return NULL;
}

void retire_older(core *c, const struct deployment *live) {
  auto_err *e = send_older_away(c, live);
  if (!e) return;
  log_error("deploy", "%s: retiring its predecessors: %s; trying again", live->id, err_message(e));
  core_resume_later(c);
}

void retire_quiet_all(core *c) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->retiring, &cursor, &id, &value)) {
    struct retirement *r = value;
    timer_stop(r->timer);
    r->timer = NULL;
    drain_stop(r->drain);
    r->drain = NULL;
  }
}

void retire_free_all(core *c) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->retiring, &cursor, &id, &value)) retirement_free(value);
}
