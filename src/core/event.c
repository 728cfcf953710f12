/* What happened without anybody asking for it: recorded, and told in the log where its user looks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/internal.h"
#include "store/deployment.h"
#include "store/event.h"
#include "store/project.h"
#include "store/service.h"

/* ---- whom it concerns ---- */

static err *place_deployment(core *c, const char *workload_id, struct event *e) {
  auto_deployment d = {0};
  auto_free char *id = str_ndup(workload_id, strnlen(workload_id, ID_SIZE - 1));
  TRY(deployment_get(c->db, id, &d));
  id_copy(e->project_id, d.project_id);
  id_copy(e->environment_id, d.environment_id);
  id_copy(e->service_id, d.service_id);
  id_copy(e->deployment_id, d.id);
  return NULL;
}

static err *place_instance(core *c, const char *service_instance_id, struct event *e) {
  auto_service_instance instance = {0};
  auto_free char *id = str_ndup(service_instance_id, strnlen(service_instance_id, ID_SIZE - 1));
  TRY(service_instance_get(c->db, id, &instance));
  id_copy(e->project_id, instance.project_id);
  id_copy(e->environment_id, instance.environment_id);
  id_copy(e->service_id, instance.service_id);
  return NULL;
}

static err *place_environment(core *c, const char *environment_id, struct event *e) {
  auto_environment environment = {0};
  TRY(environment_get(c->db, environment_id, &environment));
  id_copy(e->project_id, environment.project_id);
  id_copy(e->environment_id, environment.id);
  return NULL;
}

static err *place(core *c, const struct repair *r, struct event *e) {
  if (r->workload_id) return place_deployment(c, r->workload_id, e);
  if (r->service_instance_id) return place_instance(c, r->service_instance_id, e);
  if (r->environment_id) return place_environment(c, r->environment_id, e);
  return NULL;
}

/* ---- recording ---- */

/* Nothing waits for an event: what cannot be recorded is at least in tramd's log. */
void event_tell(core *c, struct event *e) {
  err *failed = event_record(c->db, e, clock_now_us());
  if (failed) log_error("core", "recording an event: %s", err_message(failed));
  err_free(failed);
  if (!*e->deployment_id) return;
  auto_free char *line = str_format("%s%s%s", e->cause, e->outcome ? ": " : "", e->outcome ? e->outcome : "");
  deploy_log_line(c, e->deployment_id, e->severity == EVENT_CRITICAL ? "error" : "warn", line);
}

void core_repaired(void *core_, const struct repair *r) {
  core *c = core_;
  auto_event e = {.severity = r->failure ? EVENT_CRITICAL : EVENT_NOTICE};
  err *unknown = place(c, r, &e);
  if (unknown) { /* of what is just being removed: its bridge, but no longer its row */
    log_debug("core", "%s: %s: %s", r->object, r->cause, err_message(unknown));
    err_free(unknown);
    return;
  }
  e.object = str_dup(r->object);
  e.action = str_dup(r->failure ? "failed" : "repaired");
  e.cause = str_dup(r->cause);
  e.outcome = r->failure ? str_format("%s failed, and is tried again: %s", r->outcome, r->failure)
                         : str_dup(r->outcome);
  event_tell(c, &e);
}

/* ---- instances that end by themselves ---- */

static char *cause_of(const struct instance_report *report) {
  int code = report->exit_code;
  if (code == EXIT_CODE_NONE && str_empty(report->problem))
    return str_format("replica %d had ended unseen: the machine or its containers were stopped", report->replica);
  if (code == EXIT_CODE_NONE)
    return str_format("replica %d could not be started: %s", report->replica, report->problem);
  const char *memory = report->oom_killed ? ", out of memory" : "";
  const char *name = code > 128 ? sigabbrev_np(code - 128) : NULL;
  if (name) return str_format("replica %d was ended by SIG%s%s", report->replica, name, memory);
  return str_format("replica %d ended with exit status %d%s", report->replica, code, memory);
}

static json_t *facts_of(const struct instance_report *report) {
  return json_pack("{s:i, s:i, s:b, s:i}", "replica", report->replica, "exitCode", report->exit_code,
                   "outOfMemory", report->oom_killed, "restarts", report->restarts);
}

void event_of_instance(core *c, const struct deployment_instance *before, const struct instance_report *report) {
  bool crashed = report->status == INSTANCE_CRASHED && before->status != INSTANCE_CRASHED;
  bool restarted = report->status == INSTANCE_RUNNING && report->restarts > before->restarts;
  if (before->role != INSTANCE_REPLICA || (!crashed && !restarted)) return;
  auto_event e = {.severity = crashed ? EVENT_CRITICAL : EVENT_WARNING};
  err *failed = place_deployment(c, report->workload_id, &e);
  if (failed) {
    log_error("core", "instance %s: %s", report->instance_id, err_message(failed));
    err_free(failed);
    return;
  }
  e.object = str_dup("instance");
  e.action = str_dup(crashed ? "crashed" : "restarted");
  e.cause = cause_of(report);
  e.outcome = str_dup(crashed ? "not started again" : "started again");
  e.payload = facts_of(report);
  event_tell(c, &e);
}
