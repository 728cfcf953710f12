#include "core/handover.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "core/drain.h"
#include "core/run.h"
#include "store/deployment.h"
#include "store/release.h"
#include "store/volume.h"

#define SUPERSEDED "a newer deployment of the service takes its volume"

struct handover {
  struct list link; /* of core->handovers */
  core *core;
  struct deployment deployment; /* that takes it */
  char volume_id[ID_SIZE];      /* of the volume instance */
  char holder[ID_SIZE]; /* is being stopped; "" */
  drain *drain;
  handover_done_fn *done; /* NULL: cancelled */
  void *arg;
  bool asking; /* the engine answers yet */
  bool due;    /* to be looked at */
};

static void handover_free(handover *h) {
  list_remove(&h->link);
  drain_stop(h->drain);
  deployment_done(&h->deployment);
  free(h);
}

static void finish(handover *h, err *e) {
  handover_done_fn *done = h->done;
  void *arg = h->arg;
  handover_free(h);
  done(arg, e);
}

/* The engine has answered.  Whether somebody still wants to know. */
static bool goes_on(handover *h, err *e) {
  h->asking = false;
  if (h->done && !h->core->stopping) return true;
  err_free(e);
  if (h->done) return false; /* the end of tramd frees it */
  core *c = h->core;
  auto_free char *instance = str_dup(h->deployment.service_instance_id);
  handover_free(h);
  if (!c->stopping) handover_undo(c, instance); /* it is stopped now, and can be started again */
  return false;
}

/* ---- who has it ---- */

/* What went live mounts what its release says; what did not, what is attached to its service. */
static err *is_mounted_by(core *c, const struct deployment *d, const handover *h, bool *ret_is) {
  auto_release release = {0};
  bool was_live = false;
  TRY(release_find(c->db, d->id, &was_live, &release));
  *ret_is = was_live ? str_eq(json_get_text(json_array_get(release.volumes, 0), "id"), h->volume_id)
                     : str_eq(d->service_instance_id, h->deployment.service_instance_id);
  return NULL;
}

static void count_one(void *arg, const struct instance_report *report) {
  if (report->status != INSTANCE_REMOVED) ++*(int *)arg;
}

static bool has_instances(core *c, const char *deployment_id) {
  int count = 0;
  engine_each(c->engine, deployment_id, count_one, &count);
  return count > 0;
}

/* Of two that want it the newer one gets it. */
static bool is_rival(const handover *h, const struct run *r) {
  bool same = str_eq(r->deployment.service_instance_id, h->deployment.service_instance_id);
  return same && r->phase >= RUN_HANDOVER && !str_eq(r->deployment.id, h->deployment.id);
}

static bool is_superseded(const handover *h) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(h->core->runs, &cursor, &id, &value)) {
    const struct run *r = value;
    bool newer = r->deployment.created_us > h->deployment.created_us;
    if (is_rival(h, r) && newer && r->phase != RUN_ENDING) return true;
  }
  return false;
}

/* Whether some are still to end. */
static bool cancel_rivals(const handover *h) {
  bool any = false;
  auto_strv ids = STRV_EMPTY; /* cancelling may end a run, which changes the map */
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(h->core->runs, &cursor, &id, &value)) strv_add(&ids, id);
  for (size_t i = 0; i < ids.len; i++) {
    struct run *r = run_find(h->core, ids.items[i]);
    if (!r || !is_rival(h, r)) continue;
    any = true;
    run_supersede(r, h->deployment.id, SUPERSEDED);
  }
  return any;
}

static err *look_at_retiring(const handover *h, bool *ret_wait) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(h->core->retiring, &cursor, &id, &value)) {
    auto_deployment d = {0};
    bool holds = false;
    TRY(deployment_get(h->core->db, id, &d));
    TRY(is_mounted_by(h->core, &d, h, &holds));
    *ret_wait |= holds;
  }
  return NULL;
}

/* One that is live, or was and may still have an instance. */
static err *find_holder(const handover *h, bool *ret_found, struct deployment *ret_holder) {
  auto_deployment_list active = {0};
  TRY(deployment_list_active(h->core->db, &active));
  *ret_found = false;
  for (size_t i = 0; i < active.len && !*ret_found; i++) {
    const struct deployment *d = &active.items[i];
    if (!str_eq(d->environment_id, h->deployment.environment_id) || !has_instances(h->core, d->id)) continue;
    TRY(is_mounted_by(h->core, d, h, ret_found));
    if (*ret_found) deployment_copy(d, ret_holder);
  }
  return NULL;
}

/* ---- stopping it ---- */

static void look(handover *h);

static void on_stopped(void *arg, err *e) {
  handover *h = arg;
  if (!goes_on(h, e)) return;
  h->holder[0] = '\0';
  if (e)
    finish(h, err_wrap(e, "stopping the deployment that has the volume"));
  else
    look(h);
}

static void on_drained(void *arg) {
  handover *h = arg;
  h->drain = NULL;
  h->asking = true;
  deploy_log_line(h->core, h->holder, "info", "Stopping Container");
  engine_remove(h->core->engine, h->holder, on_stopped, h);
}

static void collect_address(void *arg, const struct instance_report *report) {
  if (!str_empty(report->address)) strv_add(arg, report->address);
}

/* What has done its work already (exit status 0) is not started again, so it does not sleep. */
static err *record_sleep(handover *h, const struct deployment *holder) {
  if (holder->status == DEPLOYMENT_SLEEPING || holder->stopped) return NULL;
  auto_free char *why = str_format("stopped, so that deployment %s can have the volume", h->deployment.id);
  return deploy_apply(h->core, holder->id, DEPLOY_SLEEP, why);
}

static err *stop(handover *h, const struct deployment *holder) {
  core *c = h->core;
  auto_strv addresses = STRV_EMPTY;
  TRY(record_sleep(h, holder));
  id_copy(h->holder, holder->id);
  readiness_forget(c, holder->id);
  restart_forget(c, holder->id);
  engine_each(c->engine, holder->id, collect_address, &addresses);
  routes_changed(c);
  /* A database's clients stay for days: waiting for them would only keep it away for longer. */
  h->drain = drain_start(c, DRAIN_REQUESTS, holder->service_instance_id, &addresses, on_drained, h);
  return NULL;
}

/* ---- and then ---- */

static void on_made(void *arg, err *e) {
  handover *h = arg;
  if (!goes_on(h, e)) return;
  finish(h, e ? err_wrap(e, "its volume") : NULL);
}

static err *make_sure_it_is_there(handover *h) {
  auto_volume_instance v = {0};
  TRY(volume_instance_get(h->core->db, h->volume_id, &v));
  TRY(volume_check_changeable(&v));
  h->asking = true;
  engine_volume_apply(h->core->engine, &(struct engine_volume){.id = h->volume_id, .size_bytes = v.size_bytes}, on_made, h);
  return NULL;
}

static err *step(handover *h, bool *ret_wait) {
  auto_deployment holder = {0};
  bool found = false;
  *ret_wait = cancel_rivals(h);
  TRY(look_at_retiring(h, ret_wait));
  if (*ret_wait) return NULL;
  TRY(find_holder(h, &found, &holder));
  if (found) TRY(stop(h, &holder));
  *ret_wait = found;
  return NULL;
}

static void look(handover *h) {
  bool wait = false;
  if (is_superseded(h)) {
    run_cancel(run_find(h->core, h->deployment.id), SUPERSEDED); /* which ends the handover */
    return;
  }
  err *e = step(h, &wait);
  if (!e && !wait) e = make_sure_it_is_there(h);
  if (e) finish(h, e);
}

static handover *next_due(core *c) {
  LIST_FOREACH(h, &c->handovers, handover, link)
    if (h->due) return h;
  return NULL;
}

/* One may end others: each is looked for anew. */
static void look_at_all(void *arg) {
  core *c = arg;
  c->handover_due = false;
  LIST_FOREACH(h, &c->handovers, handover, link) h->due = true;
  for (handover *h; !c->stopping && (h = next_due(c));) {
    h->due = false;
    if (h->done && !h->asking && !h->drain) look(h);
  }
}

void handover_wake(core *c) {
  if (c->handover_due || c->stopping || list_empty(&c->handovers)) return;
  c->handover_due = true;
  loop_defer(c->loop, look_at_all, c);
}

handover *handover_start(core *c, const struct deployment *d, const char *volume_instance_id, handover_done_fn *done,
                         void *arg) {
  handover *h = mem_zalloc(sizeof *h);
  h->core = c;
  h->done = done;
  h->arg = arg;
  id_copy(h->volume_id, volume_instance_id);
  deployment_copy(d, &h->deployment);
  list_push(&c->handovers, &h->link);
  handover_wake(c);
  return h;
}

void handover_cancel(handover *h) {
  if (!h) return;
  h->done = NULL;
  drain_stop(h->drain);
  h->drain = NULL;
  if (!h->asking) handover_free(h);
}

void handover_quiet_all(core *c) {
  LIST_FOREACH(h, &c->handovers, handover, link) {
    drain_stop(h->drain);
    h->drain = NULL;
  }
}

void handover_revoke(core *c, const char *environment_id, const char *service_id) {
  auto_strv ids = STRV_EMPTY;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->runs, &cursor, &id, &value)) strv_add(&ids, id);
  for (size_t i = 0; i < ids.len; i++) {
    struct run *r = run_find(c, ids.items[i]);
    bool its = r && str_eq(r->deployment.environment_id, environment_id) && str_eq(r->deployment.service_id, service_id);
    if (its && r->phase >= RUN_HANDOVER) run_cancel(r, "its volume was taken away");
  }
}

void handover_free_all(core *c) {
  LIST_FOREACH(h, &c->handovers, handover, link) handover_free(h);
}

/* ---- the way back ---- */

/* One is on its way, or is ending, or the sleeper itself is still being stopped: their ends ask again. */
static err *is_succeeded(core *c, const char *service_instance_id, bool *ret_is) {
  size_t cursor = 0;
  const char *id;
  void *value;
  *ret_is = false;
  while (map_next(c->runs, &cursor, &id, &value))
    *ret_is |= str_eq(run_service_instance(value), service_instance_id) && run_is_launched(value);
  LIST_FOREACH(h, &c->handovers, handover, link)
    *ret_is |= h->asking && str_eq(h->deployment.service_instance_id, service_instance_id);
  for (cursor = 0; map_next(c->retiring, &cursor, &id, &value);) {
    auto_deployment d = {0};
    TRY(deployment_get(c->db, id, &d));
    *ret_is |= str_eq(d.service_instance_id, service_instance_id);
  }
  return NULL;
}

static err *find_sleeper(core *c, const char *service_instance_id, bool *ret_found, struct deployment *ret_sleeper) {
  TRY(deployment_find_active(c->db, service_instance_id, ret_found, ret_sleeper));
  *ret_found = *ret_found && ret_sleeper->status == DEPLOYMENT_SLEEPING;
  return NULL;
}

err *handover_has_sleeper(core *c, const char *service_instance_id, bool *ret_has) {
  auto_deployment sleeper = {0};
  return find_sleeper(c, service_instance_id, ret_has, &sleeper);
}

static err *undo(core *c, const char *service_instance_id) {
  auto_deployment sleeper = {0};
  auto_mount m = {0};
  bool found = false, mounts = false, succeeded = false;
  TRY(find_sleeper(c, service_instance_id, &found, &sleeper));
  if (found) TRY(is_succeeded(c, service_instance_id, &succeeded));
  if (!found || succeeded) return NULL;
  auto_err *moved = mount_of_deployment(c, &sleeper, &mounts, &m);
  if (!moved && mounts && volume_is_trashed(&m.volume)) moved = err_new(ERR_CONFLICT, "its volume '%s' was deleted", m.name);
  if (moved && err_code_of(moved) == ERR_CONFLICT) {
    log_info("deploy", "%s sleeps on: %s", sleeper.id, err_message(moved));
    return NULL;
  }
  if (moved) return err_dup(moved);
  TRY(deploy_apply(c, sleeper.id, DEPLOY_RECOVER, NULL));
  deploy_log_line(c, sleeper.id, "info", "Starting Container");
  scale_follow(c, sleeper.id);
  return NULL;
}

void handover_undo(core *c, const char *service_instance_id) {
  auto_err *e = undo(c, service_instance_id);
  if (!e) return;
  log_error("deploy", "starting the former deployment again: %s; trying again", err_message(e));
  core_resume_later(c);
}
