/* A replica that is started while its deployment is live (by a new number of replicas, or again after
 * a crash) gets requests when it is as healthy as a new deployment must be; until then its row says
 * INITIALIZING, which also tells the next start.  When no other replica serves, it gets them at once:
 * the edge tries a connection for some seconds, and a short wait is better than an error. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/health.h"
#include "core/internal.h"
#include "store/deployment.h"
#include "store/deployment_instance.h"

struct settling {
  core *core;
  char id[ID_SIZE]; /* of the deployment */
  struct strv instances; /* that are not ready */
  int replicas;          /* that are asked about */
  health *health;
};

static void settling_free(struct settling *s) {
  map_remove(s->core->settling, s->id);
  health_cancel(s->health);
  strv_done(&s->instances);
  free(s);
}

bool readiness_holds_back(core *c, const char *deployment_id, const char *instance_id) {
  const struct settling *s = map_get(c->settling, deployment_id);
  return s && strv_has(&s->instances, instance_id);
}

err *readiness_applies(core *c, const char *deployment_id, bool *ret_applies) {
  *ret_applies = false;
  if (run_find(c, deployment_id)) return NULL; /* which asks for the health of all */
  auto_deployment d = {0};
  TRY(deployment_get(c->db, deployment_id, &d));
  *ret_applies = deployment_status_is_active(d.status) && d.detected_port;
  return NULL;
}

/* ---- the check ---- */

static err *record_ready(core *c, const char *deployment_id) {
  auto_deployment_instance_list rows = {0};
  TRY(deployment_instance_list(c->db, deployment_id, &rows));
  for (size_t i = 0; i < rows.len; i++) {
    if (rows.items[i].status != INSTANCE_INITIALIZING) continue;
    rows.items[i].status = INSTANCE_RUNNING;
    TRY(deployment_instance_update(c->db, &rows.items[i], clock_now_us()));
  }
  return NULL;
}

static void on_line(void *arg, const char *severity, const char *line) {
  (void)arg, (void)severity, (void)line; /* a deployment's health is told in its build log; this is not one */
}

static void on_health(void *arg, err *e, const struct health_answer *answer) {
  (void)answer;
  struct settling *s = arg;
  core *c = s->core;
  char id[ID_SIZE];
  id_copy(id, s->id);
  s->health = NULL;
  if (e) {
    auto_free char *line = str_format("a replica that was started gets requests, though: %s", err_message(e));
    deploy_log_line(c, id, "warn", line);
  }
  err_free(e);
  settling_free(s);
  auto_err *failed = record_ready(c, id);
  if (failed) log_error("core", "%s: its replicas are ready: %s", id, err_message(failed));
  restart_changed(c, id);
  routes_changed(c);
  watch_notify(c, id);
}

static void count_replicas(void *arg, const struct instance_report *report) {
  int *replicas = arg;
  bool counts = report->status != INSTANCE_REMOVING && report->status != INSTANCE_REMOVED;
  if (counts && report->replica >= *replicas) *replicas = report->replica + 1;
}

/* Asks anew, for the replicas that there are now. */
static err *ask(struct settling *s) {
  core *c = s->core;
  auto_deployment d = {0};
  struct desired desired;
  health_cancel(s->health);
  s->health = NULL;
  s->replicas = 0;
  engine_each(c->engine, s->id, count_replicas, &s->replicas);
  TRY(deployment_get(c->db, s->id, &d));
  TRY(desired_make(c, &d, NULL, &desired));
  struct health_question question = {.workload_id = s->id,
                                     .path = d.settings.healthcheck_path,
                                     .timeout_ms = desired_health_timeout_ms(c, &d),
                                     .port = desired.port,
                                     .target_port = d.detected_port,
                                     .is_live = true,
                                     .visited = true};
  desired_done(&desired);
  question.replicas = s->replicas;
  s->health = health_start(c->loop, c->http, c->engine, &question, on_line, on_health, s);
  return NULL;
}

static void check(struct settling *s) {
  auto_err *e = ask(s);
  if (!e) return;
  log_error("core", "%s: is its new replica ready? %s", s->id, err_message(e));
  settling_free(s);
}

void readiness_started(core *c, const char *deployment_id, const char *instance_id) {
  if (c->stopping) return;
  struct settling *s = map_get(c->settling, deployment_id);
  if (!s) {
    s = mem_zalloc(sizeof *s);
    s->core = c;
    id_copy(s->id, deployment_id);
    map_set(c->settling, s->id, s);
  }
  if (!strv_has(&s->instances, instance_id)) strv_add(&s->instances, instance_id);
  check(s);
}

void readiness_changed(core *c, const char *deployment_id) {
  struct settling *s = map_get(c->settling, deployment_id);
  int replicas = 0;
  if (!s) return;
  engine_each(c->engine, deployment_id, count_replicas, &replicas);
  if (replicas == s->replicas)
    health_instance_changed(s->health);
  else
    check(s);
}

void readiness_forget(core *c, const char *deployment_id) {
  struct settling *s = map_get(c->settling, deployment_id);
  if (s) settling_free(s);
}

void readiness_forget_all(core *c) {
  for (;;) {
    size_t cursor = 0;
    const char *id;
    void *value;
    if (!map_next(c->settling, &cursor, &id, &value)) break;
    settling_free(value);
  }
}
