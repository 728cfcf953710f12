/* The number of replicas of what is live follows the settings, without a deployment.
 *
 * It is recorded first, in the settings of the service instance and of its deployments, and followed
 * from there, at the next start too.  More replicas are started, and get requests when they are ready
 * (readiness.c).  Of fewer, the surplus gets no new requests (routes.c), finishes those that it has,
 * and only then is told to end. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/drain.h"
#include "core/volume_private.h"
#include "store/deployment.h"
#include "store/service.h"

struct scaling {
  core *core;
  char id[ID_SIZE]; /* of the deployment */
  drain *drain;
  timer *retry;
};

static void end(struct scaling *s) {
  map_remove(s->core->scaling, s->id);
  drain_stop(s->drain);
  timer_stop(s->retry);
  free(s);
}

/* ---- following ---- */

struct present {
  int wanted, replicas;
  struct strv surplus; /* addresses */
};

static void look_at(void *arg, const struct instance_report *report) {
  struct present *p = arg;
  if (report->status == INSTANCE_REMOVING || report->status == INSTANCE_REMOVED) return;
  if (report->replica >= p->replicas) p->replicas = report->replica + 1;
  if (report->replica >= p->wanted && !str_empty(report->address)) strv_add(&p->surplus, report->address);
}

static void follow(struct scaling *s, bool drained);

static void on_drained(void *arg) {
  struct scaling *s = arg;
  s->drain = NULL;
  follow(s, true);
}

static void on_retry(void *arg) {
  follow(arg, false);
}

static err *apply(core *c, const struct deployment *d) {
  struct desired desired;
  TRY(desired_make(c, d, NULL, &desired));
  err *e = engine_apply(c->engine, &desired.workload);
  desired_done(&desired);
  return e;
}

/* One step towards what is recorded. */
static err *step(struct scaling *s, bool drained, bool *ret_over) {
  core *c = s->core;
  auto_deployment d = {0};
  TRY(deployment_get(c->db, s->id, &d));
  *ret_over = true;
  if (!deployment_status_is_active(d.status) || d.status == DEPLOYMENT_SLEEPING) return NULL;
  struct present present = {.wanted = (int)d.settings.num_replicas};
  engine_each(c->engine, s->id, look_at, &present);
  routes_changed(c);
  err *e = NULL;
  if (!present.replicas && d.stopped) {
    /* Its work is done, and it made room for a successor: it is not done again. */
  } else if (present.replicas > present.wanted && !drained) {
    *ret_over = false;
    s->drain = drain_start(c, DRAIN_ALL, d.service_instance_id, &present.surplus, on_drained, s);
  } else if (present.replicas != present.wanted) {
    e = apply(c, &d);
  }
  strv_done(&present.surplus);
  return e;
}

static void follow(struct scaling *s, bool drained) {
  core *c = s->core;
  bool over = false;
  timer_stop(s->retry);
  s->retry = NULL;
  auto_err *e = step(s, drained, &over);
  if (e && err_code_of(e) != ERR_NOT_FOUND) {
    /* One that was taken away a moment ago may still be ending. */
    log_line(err_code_of(e) == ERR_BUSY || err_code_of(e) == ERR_CONFLICT ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
             "core", "%s: its replicas: %s; trying again", s->id, err_message(e));
    s->retry = timer_start(c->loop, c->options.retry_ms, 0, on_retry, s);
  } else if (e || over) {
    end(s);
  }
}

void scale_follow(core *c, const char *deployment_id) {
  if (c->stopping) return;
  struct scaling *s = map_get(c->scaling, deployment_id);
  if (!s) {
    s = mem_zalloc(sizeof *s);
    s->core = c;
    id_copy(s->id, deployment_id);
    map_set(c->scaling, s->id, s);
  }
  drain_stop(s->drain);
  s->drain = NULL;
  follow(s, false);
}

void scale_stop_all(core *c) {
  for (;;) {
    size_t cursor = 0;
    const char *id;
    void *value;
    if (!map_next(c->scaling, &cursor, &id, &value)) break;
    end(value);
  }
}

/* ---- recording ---- */

err *scale_record(core *c, const char *service_instance_id, const struct service_settings *settings,
                  struct deployment_list *ret_touched) {
  struct deployment_filter filter = {.service_instance_id = service_instance_id};
  for (unsigned status = 0; status < DEPLOYMENT_STATUS_COUNT; status++)
    if (!deployment_status_is_final(status) && status != DEPLOYMENT_REMOVING)
      filter.statuses |= DEPLOYMENT_STATUS_BIT(status);
  auto_service_instance instance = {0};
  TRY(service_instance_get(c->db, service_instance_id, &instance));
  TRY(volume_check_replicas(c, instance.service_id, instance.environment_id, settings->num_replicas));
  TRY(service_instance_set_settings(c->db, service_instance_id, settings, clock_now_us()));
  TRY(deployment_list(c->db, &filter, NULL, ret_touched));
  for (size_t i = 0; i < ret_touched->len; i++) {
    struct deployment *d = &ret_touched->items[i];
    if (d->settings.num_replicas == settings->num_replicas) continue;
    d->settings.num_replicas = settings->num_replicas;
    TRY(deployment_set_settings(c->db, d->id, &d->settings, clock_now_us()));
  }
  return NULL;
}

void scale_follow_list(core *c, const struct deployment_list *touched, int64_t replicas) {
  for (size_t i = 0; i < touched->len; i++) {
    struct run *r = run_find(c, touched->items[i].id);
    if (r)
      run_set_replicas(r, replicas);
    else
      scale_follow(c, touched->items[i].id);
  }
}

err *core_set_settings(core *c, const char *service_instance_id, const struct service_settings *settings) {
  auto_deployment_list touched = {0};
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(scale_record(c, service_instance_id, settings, &touched));
  TRY(db_commit(&t));
  scale_follow_list(c, &touched, settings->num_replicas);
  return NULL;
}
