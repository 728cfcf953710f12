/* A restart in place, replica after replica: each gets no new requests, answers what it holds, is
 * started again, and gets requests when it is ready (readiness.c); then it is the next one's turn.  One
 * that does not come back ends it, and the others run on.  A single replica is just started again: its
 * visitors wait, or read that it does not answer.
 *
 * Not recorded: when tramd ends in the middle, those whose turn had not come run on as they are. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/drain.h"
#include "core/internal.h"
#include "store/deployment.h"

struct restart {
  core *core;
  char id[ID_SIZE]; /* of the deployment */
  char service_instance_id[ID_SIZE];
  int replica;
  bool told, left; /* to start again; and its former process has ended */
  drain *drain;    /* NULL once it is told */
};

static void end(struct restart *r) {
  map_remove(r->core->restarting, r->id);
  drain_stop(r->drain);
  free(r);
}

struct found {
  int replica, running;
  bool known;
  enum instance_status status;
  char instance_id[ID_SIZE + 16];
  struct strv addresses;
};

static void look_at(void *arg, const struct instance_report *report) {
  struct found *f = arg;
  f->running += report->status == INSTANCE_RUNNING;
  if (report->replica != f->replica) return;
  f->known = true;
  f->status = report->status;
  snprintf(f->instance_id, sizeof f->instance_id, "%s", report->instance_id);
  if (!str_empty(report->address)) strv_add(&f->addresses, report->address);
}

static void on_drained(void *arg) {
  struct restart *r = arg;
  r->drain = NULL;
  r->told = true;
  auto_err *e = engine_restart(r->core->engine, r->id, r->replica);
  if (!e) return;
  log_warn("core", "%s: restarting replica %d: %s", r->id, r->replica, err_message(e));
  end(r);
}

static void begin_replica(struct restart *r, int replica) {
  struct found f = {.replica = replica};
  engine_each(r->core->engine, r->id, look_at, &f);
  r->replica = replica;
  r->told = r->left = false;
  if (f.known) {
    routes_changed(r->core);
    r->drain = drain_start(r->core, DRAIN_ALL, r->service_instance_id, &f.addresses, on_drained, r);
  }
  strv_done(&f.addresses);
  if (!f.known) end(r); /* it was the last one */
}

/* Who asked for it is not to read that it has crashed, when that was before. */
static err *restart_all(core *c, const struct deployment *d) {
  TRY(engine_restart(c->engine, d->id, ENGINE_ALL_REPLICAS));
  auto_deployment now = {0};
  TRY(deployment_get(c->db, d->id, &now));
  return now.status == DEPLOYMENT_CRASHED ? deploy_apply(c, d->id, DEPLOY_RECOVER, NULL) : NULL;
}

err *core_restart(core *c, const char *id) {
  auto_deployment d = {0};
  TRY(deployment_get(c->db, id, &d));
  if (!deployment_status_is_active(d.status))
    return err_new(ERR_CONFLICT, "deployment %s is %s: only a running one can be restarted", id,
                   deployment_status_name(d.status));
  if (d.status == DEPLOYMENT_SLEEPING)
    return err_new(ERR_CONFLICT, "deployment %s sleeps, because another has its volume: only a running one can be "
                                 "restarted", id);
  deploy_log_line(c, id, "info", "Restarting Container");
  if (map_has(c->restarting, id)) return NULL;
  struct found f = {.replica = -1};
  engine_each(c->engine, id, look_at, &f);
  if (f.running < 2) return restart_all(c, &d);
  struct restart *r = mem_zalloc(sizeof *r);
  r->core = c;
  id_copy(r->id, id);
  id_copy(r->service_instance_id, d.service_instance_id);
  map_set(c->restarting, r->id, r);
  begin_replica(r, 0);
  return NULL;
}

bool restart_holds_back(core *c, const char *deployment_id, int replica) {
  const struct restart *r = map_get(c->restarting, deployment_id);
  return r && r->replica == replica && !r->left;
}

void restart_changed(core *c, const char *deployment_id) {
  struct restart *r = map_get(c->restarting, deployment_id);
  if (!r || !r->told) return;
  struct found f = {.replica = r->replica};
  engine_each(c->engine, deployment_id, look_at, &f);
  strv_done(&f.addresses);
  bool gone = !f.known || f.status == INSTANCE_CRASHED || f.status == INSTANCE_EXITED ||
              f.status == INSTANCE_REMOVING || f.status == INSTANCE_REMOVED;
  if (gone) {
    end(r);
  } else if (f.status != INSTANCE_RUNNING) {
    r->left = true;
  } else if (r->left && !readiness_holds_back(c, deployment_id, f.instance_id)) {
    begin_replica(r, r->replica + 1);
  }
}

void restart_forget(core *c, const char *deployment_id) {
  struct restart *r = map_get(c->restarting, deployment_id);
  if (r) end(r);
}

void restart_forget_all(core *c) {
  for (;;) {
    size_t cursor = 0;
    const char *id;
    void *value;
    if (!map_next(c->restarting, &cursor, &id, &value)) break;
    end(value);
  }
}
