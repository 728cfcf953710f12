/* One deployment from its image to live: pre-deploy command, instances, health check, switch. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/run.h"
#include "store/deployment.h"
#include "store/domain.h"

enum { PRE_DEPLOY_MAX_MS = 3600 * 1000 };

static char *job_id(const struct run *r) {
  return str_format("%s" JOB_SUFFIX, r->deployment.id);
}

/* ---- leaving nothing behind ---- */

static void on_all_removed(void *arg, err *e) {
  struct run *r = arg;
  engine_done_fn *done = r->on_removed;
  done(r, e);
}

static void on_job_removed(void *arg, err *e) {
  struct run *r = arg;
  err_free(e); /* what the job left is removed by the engine's next start, too */
  engine_remove(r->core->engine, r->deployment.id, on_all_removed, r);
}

void run_remove_instances(struct run *r, engine_done_fn *done) {
  auto_free char *job = job_id(r);
  r->on_removed = done;
  engine_remove(r->core->engine, job, on_job_removed, r);
}

/* ---- live ---- */

static void finish_live(struct run *r) {
  core *c = r->core;
  err *e = deploy_step_end(c, r->deployment.id, r->step_id, NULL);
  if (!e) e = deploy_apply(c, r->deployment.id, DEPLOY_LIVE, NULL);
  if (e) {
    run_fail(r, e);
    return;
  }
  deploy_build_line(c, r->deployment.id, "info", "Deployment is live");
  auto_deployment live = {0};
  deployment_copy(&r->deployment, &live);
  run_free(r);
  retire_older(c, &live);
  routes_changed(c);
}

static void on_switched(void *arg, err *e) {
  struct run *r = arg;
  if (r->phase != RUN_SWITCHING || r->core->stopping) {
    err_free(e);
    return;
  }
  if (e)
    run_fail(r, err_wrap(e, "the edge could not be told"));
  else
    finish_live(r);
}

static void switch_over(struct run *r) {
  err *e = deploy_step_begin(r->core, r->deployment.id, STEP_CONFIGURE_NETWORK, r->step_id);
  r->phase = RUN_SWITCHING;
  if (!e) e = routes_send(r->core, on_switched, r);
  if (e) run_fail(r, err_wrap(e, "telling the edge"));
}

/* ---- health ---- */

static void on_health_line(void *arg, const char *severity, const char *line) {
  struct run *r = arg;
  deploy_build_line(r->core, r->deployment.id, severity, line);
}

static err *with_last_words(struct run *r, err *e) {
  auto_free char *words = deploy_last_words(r->core, r->deployment.id, 3);
  if (!*words) return e;
  err *longer = err_new(err_code_of(e), "%s; last log lines: %s", err_message(e), words);
  err_free(e);
  return longer;
}

static err *record_health(struct run *r, const struct health_answer *answer) {
  core *c = r->core;
  r->deployment.detected_port = answer->port;
  if (answer->completed) TRY(deployment_set_stopped(c->db, r->deployment.id, true, clock_now_us()));
  TRY(deployment_set_sockets(c->db, r->deployment.id, answer->sockets, answer->port, clock_now_us()));
  return deploy_step_end(c, r->deployment.id, r->step_id, NULL);
}

static void on_health(void *arg, err *e, const struct health_answer *answer) {
  struct run *r = arg;
  r->health = NULL;
  if (!e) e = record_health(r, answer);
  if (e)
    run_fail(r, with_last_words(r, e));
  else
    switch_over(r);
}

/* The one target port that all its domains ask for, else 0; and whether it has any domain. */
static err *look_at_domains(struct run *r, int *ret_target_port, bool *ret_visited) {
  auto_domain_list domains = {0};
  TRY(domain_list_by_instance(r->core->db, r->deployment.service_instance_id, &domains));
  *ret_visited = domains.len > 0;
  *ret_target_port = domains.len ? domains.items[0].target_port : 0;
  for (size_t i = 1; i < domains.len; i++)
    if (domains.items[i].target_port != *ret_target_port) *ret_target_port = 0;
  return NULL;
}

static int64_t health_timeout_ms(const struct run *r, const struct desired *desired) {
  long long seconds;
  for (size_t i = 0; i < desired->env.len; i++)
    if (str_starts(desired->env.items[i], "RAILWAY_HEALTHCHECK_TIMEOUT_SEC=") &&
        str_to_int(strchr(desired->env.items[i], '=') + 1, 1, HEALTHCHECK_TIMEOUT_S_MAX, &seconds))
      return seconds * 1000;
  int64_t set = r->deployment.settings.healthcheck_timeout_s;
  return set != HEALTHCHECK_TIMEOUT_S_DEFAULT ? set * 1000 : r->core->options.healthcheck_timeout_ms;
}

static err *check_health(struct run *r, const struct desired *desired) {
  core *c = r->core;
  struct health_question question = {.workload_id = r->deployment.id,
                                     .replicas = desired->workload.replicas,
                                     .path = r->deployment.settings.healthcheck_path,
                                     .timeout_ms = health_timeout_ms(r, desired),
                                     .port = desired->port,
                                     .exposed = &desired->exposed};
  TRY(look_at_domains(r, &question.target_port, &question.visited));
  TRY(deploy_step_begin(c, r->deployment.id, STEP_HEALTHCHECK, r->step_id));
  r->phase = RUN_CHECKING;
  r->health = health_start(c->loop, c->http, c->engine, &question, on_health_line, on_health, r);
  return NULL;
}

/* ---- instances ---- */

static err *start_instances(struct run *r) {
  core *c = r->core;
  struct desired desired;
  TRY(deploy_step_begin(c, r->deployment.id, STEP_CREATE_CONTAINER, r->step_id));
  TRY(desired_make(c, &r->deployment, NULL, &desired));
  r->phase = RUN_STARTING;
  deploy_log_line(c, r->deployment.id, "info", "Starting Container");
  err *e = engine_apply(c->engine, &desired.workload);
  if (!e) e = deploy_step_end(c, r->deployment.id, r->step_id, NULL);
  if (!e) e = check_health(r, &desired);
  desired_done(&desired);
  return e;
}

static void go_on_with_instances(struct run *r) {
  err *e = start_instances(r);
  if (e) run_fail(r, err_wrap(e, "starting its instances"));
}

/* ---- pre-deploy command ---- */

static void on_pre_deploy_cleaned(void *arg, err *e) {
  struct run *r = arg;
  if (e) log_warn("deploy", "%s: removing the pre-deploy instance: %s", r->deployment.id, err_message(e));
  err_free(e);
  if (r->phase == RUN_PRE_DEPLOY) go_on_with_instances(r);
}

static void on_pre_deploy_deadline(void *arg) {
  run_fail(arg, err_new(ERR_BUSY, "the pre-deploy command did not end within an hour; the former "
                                  "deployment keeps serving"));
}

static void pre_deploy_ended(struct run *r, const struct instance_report *report) {
  timer_stop(r->deadline);
  r->deadline = NULL;
  if (report->status == INSTANCE_EXITED) {
    err *e = deploy_step_end(r->core, r->deployment.id, r->step_id, NULL);
    if (e) {
      run_fail(r, e);
      return;
    }
    deploy_build_line(r->core, r->deployment.id, "info", "Pre-deploy command succeeded");
    auto_free char *job = job_id(r);
    engine_remove(r->core->engine, job, on_pre_deploy_cleaned, r);
    return;
  }
  auto_free char *words = deploy_last_words(r->core, r->deployment.id, 3);
  const char *problem = report->exit_code < 0 ? report->problem : "";
  run_fail(r, err_new(ERR_INVALID,
                      "the pre-deploy command %s%s%d; the former deployment keeps serving%s%s",
                      *problem ? problem : "ended with exit status ", *problem ? ", status " : "",
                      report->exit_code, *words ? "; last log lines: " : "", words));
}

void run_instance_changed(struct run *r, const struct instance_report *report, bool is_job) {
  bool ended = report->status == INSTANCE_EXITED || report->status == INSTANCE_CRASHED;
  if (is_job && r->phase == RUN_PRE_DEPLOY && ended && r->deadline) pre_deploy_ended(r, report);
  if (!is_job && r->health) health_instance_changed(r->health);
}

/* Whether an earlier try of this run has done it: it is not done twice. */
static err *pre_deploy_is_done(struct run *r, bool *ret_done) {
  auto_deployment_step_list steps = {0};
  TRY(deployment_step_list(r->core->db, r->deployment.id, &steps));
  *ret_done = false;
  for (size_t i = 0; i < steps.len; i++)
    if (steps.items[i].step == STEP_PRE_DEPLOY_COMMAND && steps.items[i].completed_us && !steps.items[i].error)
      *ret_done = true;
  return NULL;
}

static err *start_pre_deploy(struct run *r) {
  core *c = r->core;
  struct desired desired;
  TRY(deploy_step_begin(c, r->deployment.id, STEP_PRE_DEPLOY_COMMAND, r->step_id));
  TRY(desired_make(c, &r->deployment, r->deployment.settings.pre_deploy_command, &desired));
  deploy_build_line(c, r->deployment.id, "info", "Running the pre-deploy command");
  err *e = engine_apply(c->engine, &desired.workload);
  desired_done(&desired);
  if (!e) r->deadline = timer_start(c->loop, PRE_DEPLOY_MAX_MS, 0, on_pre_deploy_deadline, r);
  return e;
}

/* ---- from the image on ---- */

bool run_is_switching(const struct run *r) {
  return r->phase == RUN_SWITCHING;
}

static err *launch(struct run *r) {
  if (r->deployment.status != DEPLOYMENT_DEPLOYING)
    TRY(deploy_apply(r->core, r->deployment.id, DEPLOY_LAUNCH, NULL));
  r->deployment.status = DEPLOYMENT_DEPLOYING;
  r->phase = RUN_PRE_DEPLOY;
  bool skip = str_empty(r->deployment.settings.pre_deploy_command);
  if (!skip) TRY(pre_deploy_is_done(r, &skip));
  return skip ? start_instances(r) : start_pre_deploy(r);
}

void run_launch(struct run *r) {
  err *e = launch(r);
  if (e) run_fail(r, e);
}
