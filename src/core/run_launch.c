/* One deployment from its image to live: pre-deploy command, instances, health check, switch. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/release.h"
#include "core/run.h"
#include "core/variables.h"
#include "model/database.h"
#include "store/deployment.h"
#include "store/tcp_proxy.h"

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

/* All of it or nothing: what is live has a release, and what has a release was live. */
static err *record_live(struct run *r, struct strv *ret_lines) {
  core *c = r->core;
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(deploy_step_end(c, r->deployment.id, r->step_id, NULL));
  TRY(rollback_return_hosts(c, &r->deployment, ret_lines));
  TRY(release_record(c, &r->deployment));
  TRY(deploy_apply(c, r->deployment.id, DEPLOY_LIVE, NULL));
  receipt_switched(c, r->deployment.id);
  return db_commit(&t);
}

static void finish_live(struct run *r) {
  core *c = r->core;
  auto_strv lines = STRV_EMPTY;
  err *e = record_live(r, &lines);
  if (e) {
    run_fail(r, e);
    return;
  }
  for (size_t i = 0; i < lines.len; i++) deploy_build_line(c, r->deployment.id, "info", lines.items[i]);
  deploy_build_line(c, r->deployment.id, "info", "Deployment is live");
  auto_deployment live = {0};
  deployment_copy(&r->deployment, &live);
  run_free(r);
  retire_older(c, &live);
  scale_follow(c, live.id); /* its replicas may have been changed meanwhile */
  routes_changed(c);
}

static void on_sent_back(void *arg, err *e) {
  struct run *r = arg;
  if (e) log_warn("deploy", "%s: sending visitors back: %s", r->deployment.id, err_message(e));
  err_free(e);
  if (!r->core->stopping) run_remove_instances(r, r->on_removed);
}

/* The instances must not go while visitors are sent to them: the former ones serve again first. */
void run_leave_edge(struct run *r, engine_done_fn *done) {
  r->on_removed = done;
  if (r->telling_edge) return; /* on_switched goes on from there */
  err *e = routes_send(r->core, on_sent_back, r);
  if (e) on_sent_back(r, e);
}

/* It may have crashed since it was found healthy: then nobody is switched to it for good. */
static err *still_well(struct run *r) {
  struct instance_counts counts;
  instances_count(r->core, r->deployment.id, &counts);
  if (!counts.crashed) return NULL;
  return err_new(ERR_IO, "the app was healthy, and then ended with exit status %d%s", counts.exit_code,
                 counts.oom_killed ? " (out of memory: raise the service's limit)" : "");
}

static void on_switched(void *arg, err *e) {
  struct run *r = arg;
  r->telling_edge = false;
  if (r->core->stopping || r->phase != RUN_SWITCHING) {
    err_free(e);
    if (!r->core->stopping) run_leave_edge(r, r->on_removed);
    return;
  }
  e = e ? err_wrap(e, "the edge could not be told") : still_well(r);
  if (e)
    run_fail(r, e);
  else
    finish_live(r);
}

static err *record_switch(struct run *r) {
  auto_db_transaction t = {0};
  TRY(db_begin(r->core->db, &t));
  TRY(deploy_step_begin(r->core, r->deployment.id, STEP_CONFIGURE_NETWORK, r->step_id));
  TRY(receipt_begin(r->core, &r->deployment));
  return db_commit(&t);
}

static void switch_over(struct run *r) {
  err *e = record_switch(r);
  r->phase = RUN_SWITCHING;
  if (!e) {
    r->telling_edge = true;
    e = routes_send(r->core, on_switched, r);
    if (e) r->telling_edge = false;
  }
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
  auto_db_relaxed relaxed = db_relax(c->db); /* found again, if it must be */
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

/* A service that is reached by TCP alone is ready when the port listens that its first proxy leads to. */
static err *look_at_proxies(struct run *r, int *ret_target_port, bool *ret_visited) {
  auto_tcp_proxy_list proxies = {0};
  TRY(tcp_proxy_list_by_instance(r->core->db, r->deployment.service_instance_id, &proxies));
  *ret_visited = proxies.len > 0;
  if (proxies.len && str_empty(r->deployment.settings.healthcheck_path))
    *ret_target_port = proxies.items[0].application_port;
  return NULL;
}

/* The one target port that all its domains ask for, else 0; and whether it has any domain. */
static err *look_at_domains(struct run *r, int *ret_target_port, bool *ret_visited) {
  auto_domain_list domains = {0};
  TRY(rollback_domains(r->core, &r->deployment, &domains));
  *ret_visited = domains.len > 0;
  *ret_target_port = domains.len ? domains.items[0].target_port : 0;
  for (size_t i = 1; i < domains.len; i++)
    if (domains.items[i].target_port != *ret_target_port) *ret_target_port = 0;
  return domains.len ? NULL : look_at_proxies(r, ret_target_port, ret_visited);
}

/* The image of a database may also be used for its clients. */
static bool starts_server(const char *start_command) {
  static const char *const servers[] = {"docker-entrypoint", "mysqld", "mariadbd", "redis-server", "valkey-server", "mongod"};
  for (size_t i = 0; start_command && i < ARRAY_LEN(servers); i++)
    if (strstr(start_command, servers[i])) return true;
  return str_empty(start_command);
}

/* A database is ready when it takes connections, so that those who need it find it. */
static void look_at_database(const struct service_settings *s, struct health_question *question) {
  static const char *const postgres_probe[] = {"pg_isready", "-q", "-h", "127.0.0.1", NULL};
  enum database_kind kind = s->source_kind == SOURCE_IMAGE ? database_kind_of_image(s->source_image) : DATABASE_NONE;
  if (kind == DATABASE_NONE || !starts_server(s->start_command)) return;
  question->visited = true;
  if (kind == DATABASE_POSTGRES) question->probe = postgres_probe;
}

static err *check_health(struct run *r, const struct desired *desired) {
  core *c = r->core;
  struct health_question question = {.workload_id = r->deployment.id,
                                     .replicas = desired->workload.replicas,
                                     .path = r->deployment.settings.healthcheck_path,
                                     .timeout_ms = desired_health_timeout_ms(c, &r->deployment),
                                     .port = desired->port,
                                     .exposed = &desired->exposed};
  TRY(look_at_domains(r, &question.target_port, &question.visited));
  look_at_database(&r->deployment.settings, &question);
  TRY(deploy_step_begin(c, r->deployment.id, STEP_HEALTHCHECK, r->step_id));
  r->phase = RUN_CHECKING;
  r->health = health_start(c->loop, c->http, c->engine, &question, on_health_line, on_health, r);
  return NULL;
}

/* ---- instances ---- */

static err *note_started(struct run *r) {
  auto_db_relaxed relaxed = db_relax(r->core->db);
  return deploy_step_end(r->core, r->deployment.id, r->step_id, NULL);
}

static err *start_instances(struct run *r) {
  core *c = r->core;
  struct desired desired;
  TRY(deploy_step_begin(c, r->deployment.id, STEP_CREATE_CONTAINER, r->step_id));
  TRY(desired_make(c, &r->deployment, NULL, &desired));
  r->phase = RUN_STARTING;
  deploy_log_line(c, r->deployment.id, "info", "Starting Container");
  err *e = engine_apply(c->engine, &desired.workload);
  if (!e) e = note_started(r);
  if (!e) e = check_health(r, &desired);
  desired_done(&desired);
  return e;
}

/* ---- its volume ---- */

static err *take_volume(struct run *r);

/* The service may have got another volume meanwhile, which somebody else may have mounted. */
static err *use_volume(struct run *r) {
  auto_mount m = {0};
  bool mounts = false;
  TRY(deploy_step_end(r->core, r->deployment.id, r->step_id, NULL));
  TRY(mount_of_deployment(r->core, &r->deployment, &mounts, &m));
  return mounts && str_eq(m.volume.id, r->volume_id) ? start_instances(r) : take_volume(r);
}

static void on_handed_over(void *arg, err *e) {
  struct run *r = arg;
  r->handover = NULL;
  if (!e) e = err_wrap(use_volume(r), "starting its instances");
  if (e) run_fail(r, e);
}

static err *take_volume(struct run *r) {
  auto_mount m = {0};
  bool mounts = false;
  TRY(mount_of_deployment(r->core, &r->deployment, &mounts, &m));
  TRY(mount_check(&r->deployment, &m, mounts));
  if (!mounts) return start_instances(r);
  TRY(deploy_step_begin(r->core, r->deployment.id, STEP_MIGRATE_VOLUMES, r->step_id));
  r->phase = RUN_HANDOVER;
  id_copy(r->volume_id, m.volume.id);
  r->handover = handover_start(r->core, &r->deployment, m.volume.id, on_handed_over, r);
  return NULL;
}

static void go_on_with_instances(struct run *r) {
  err *e = take_volume(r);
  if (e) run_fail(r, err_wrap(e, "starting its instances"));
}

/* ---- pre-deploy command ---- */

static void on_pre_deploy_cleaned(void *arg, err *e) {
  struct run *r = arg;
  if (e) log_warn("deploy", "%s: removing the pre-deploy instance: %s", r->deployment.id, err_message(e));
  err_free(e);
  if (r->phase == RUN_PRE_DEPLOY && !r->core->stopping) go_on_with_instances(r);
}

/* What is told besides, where it is so. */
static const char *what_serves(struct run *r) {
  auto_deployment former = {0};
  bool found = false;
  auto_err *unknown = deployment_find_active(r->core->db, r->deployment.service_instance_id, &found, &former);
  return !unknown && found ? "; the former deployment keeps serving" : "";
}

static void on_pre_deploy_deadline(void *arg) {
  run_fail(arg, err_new(ERR_BUSY, "the pre-deploy command did not end within an hour%s", what_serves(arg)));
}

static err *pre_deploy_error(struct run *r, const struct instance_report *report) {
  auto_free char *words = deploy_last_words(r->core, r->deployment.id, 3);
  auto_free char *what = report->exit_code < 0 && !str_empty(report->problem)
                             ? str_format("did not run to its end: %s", report->problem)
                             : str_format("ended with exit status %d", report->exit_code);
  return err_new(ERR_INVALID, "the pre-deploy command %s%s%s%s", what, what_serves(r), *words ? "; last log lines: " : "", words);
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
  run_fail(r, pre_deploy_error(r, report));
}

void run_instance_changed(struct run *r, const struct instance_report *report, bool is_job) {
  if (r->core->stopping) return; /* the next start finds it out from the engine */
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

struct ended_job {
  bool ended;
  struct instance_report report;
  char *problem;
};

static void look_at_job(void *arg, const struct instance_report *report) {
  struct ended_job *job = arg;
  if (report->status != INSTANCE_EXITED && report->status != INSTANCE_CRASHED) return;
  *job = (struct ended_job){.ended = true, .report = *report, .problem = str_dup(report->problem)};
  job->report.problem = job->problem;
}

/* The command may have ended while tramd was away: the engine has told that before there was a run. */
static void take_job_of_before(struct run *r) {
  auto_free char *id = job_id(r);
  struct ended_job job = {0};
  engine_each(r->core->engine, id, look_at_job, &job);
  if (job.ended) pre_deploy_ended(r, &job.report);
  free(job.problem);
}

static err *start_pre_deploy(struct run *r) {
  core *c = r->core;
  struct desired desired;
  TRY(deploy_step_begin(c, r->deployment.id, STEP_PRE_DEPLOY_COMMAND, r->step_id));
  TRY(desired_make(c, &r->deployment, r->deployment.settings.pre_deploy_command, &desired));
  deploy_build_line(c, r->deployment.id, "info", "Running the pre-deploy command");
  err *e = engine_apply(c->engine, &desired.workload);
  desired_done(&desired);
  if (e) return e;
  r->deadline = timer_start(c->loop, PRE_DEPLOY_MAX_MS, 0, on_pre_deploy_deadline, r);
  take_job_of_before(r);
  return NULL;
}

/* ---- from the image on ---- */

bool run_is_launched(const struct run *r) {
  return r->phase >= RUN_WAITING;
}

bool run_is_switching(const struct run *r) {
  return r->phase == RUN_SWITCHING;
}

static err *check_mount(const struct run *r) {
  auto_mount m = {0};
  bool mounts = false;
  TRY(mount_of_deployment(r->core, &r->deployment, &mounts, &m));
  return mount_check(&r->deployment, &m, mounts);
}

static err *begin_instances(struct run *r) {
  r->phase = RUN_PRE_DEPLOY;
  TRY(check_mount(r)); /* before a command changes something */
  bool skip = str_empty(r->deployment.settings.pre_deploy_command);
  if (!skip) TRY(pre_deploy_is_done(r, &skip));
  return skip ? take_volume(r) : start_pre_deploy(r);
}

void run_start_instances(struct run *r) {
  err *e = begin_instances(r);
  if (e) run_fail(r, e);
}

static err *launch(struct run *r) {
  TRY(variables_settle(r->core, &r->deployment)); /* without a build it was not yet */
  if (r->deployment.status != DEPLOYMENT_DEPLOYING)
    TRY(deploy_apply(r->core, r->deployment.id, DEPLOY_LAUNCH, NULL));
  r->deployment.status = DEPLOYMENT_DEPLOYING;
  receipt_expected(r->core);
  return run_wait(r);
}

void run_launch(struct run *r) {
  err *e = launch(r);
  if (e) run_fail(r, e);
}
