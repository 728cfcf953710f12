/* What the engine reports of instances, kept as rows so that the API and the next start see it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/backup_private.h"
#include "core/bucket_private.h"
#include "store/deployment.h"

static void deployment_of(const char *workload_id, char ret_id[ID_SIZE]) {
  snprintf(ret_id, ID_SIZE, "%.36s", workload_id);
}

static enum instance_role role_of(const char *workload_id) {
  return str_ends(workload_id, JOB_SUFFIX) ? INSTANCE_PRE_DEPLOY : INSTANCE_REPLICA;
}

/* The row of this replica that is not REMOVED, if there is one. */
static struct deployment_instance *find_live(struct deployment_instance_list *list,
                                             const struct instance_report *report) {
  for (size_t i = 0; i < list->len; i++) {
    struct deployment_instance *row = &list->items[i];
    if (row->role == role_of(report->workload_id) && row->replica_index == report->replica &&
        row->status != INSTANCE_REMOVED)
      return row;
  }
  return NULL;
}

static void take_report(struct deployment_instance *row, const struct instance_report *report,
                        enum instance_status status) {
  row->status = status;
  row->exit_code = report->exit_code;
  row->restarts = report->restarts;
  str_replace_owned(&row->address, str_empty(report->address) ? NULL : report->address);
}

/* Which status the row gets, after `before` (NULL: there is no row yet). */
static err *status_after(core *c, const struct deployment_instance *before, const struct instance_report *report,
                         enum instance_status *ret_status) {
  *ret_status = report->status;
  bool starts = report->status == INSTANCE_RUNNING && (!before || before->status != INSTANCE_RUNNING);
  if (!starts || role_of(report->workload_id) != INSTANCE_REPLICA) return NULL;
  bool applies = false;
  TRY(readiness_applies(c, report->workload_id, &applies));
  if (applies) *ret_status = INSTANCE_INITIALIZING;
  return NULL;
}

/* *ret_status is what the row says now: INITIALIZING for one that runs and is not ready. */
static err *record(core *c, const struct instance_report *report, enum instance_status *ret_status) {
  char deployment_id[ID_SIZE];
  deployment_of(report->workload_id, deployment_id);
  auto_deployment_instance_list list = {0};
  TRY(deployment_instance_list(c->db, deployment_id, &list));
  struct deployment_instance *row = find_live(&list, report);
  TRY(status_after(c, row, report, ret_status));
  bool is_passing = report->status == INSTANCE_CREATED || report->status == INSTANCE_RUNNING ||
                    report->status == INSTANCE_REMOVING;
  auto_db_relaxed relaxed = is_passing ? db_relax(c->db) : (struct db_relaxed){NULL}; /* reported anew */
  if (row) {
    const struct deployment_instance before = {.role = row->role, .status = row->status, .restarts = row->restarts};
    take_report(row, report, *ret_status);
    TRY(deployment_instance_update(c->db, row, clock_now_us()));
    event_of_instance(c, &before, report);
    return NULL;
  }
  if (report->status == INSTANCE_REMOVED) return NULL;
  auto_deployment_instance fresh = {.role = role_of(report->workload_id),
                                    .replica_index = report->replica};
  id_copy(fresh.deployment_id, deployment_id);
  take_report(&fresh, report, *ret_status);
  return deployment_instance_insert(c->db, &fresh);
}

static void find_replica(void *arg, const struct instance_report *report) {
  struct deployment_instance *row = arg;
  if (report->replica == row->replica_index && report->status != INSTANCE_REMOVED) row->status = report->status;
}

/* While tramd was away they went without a word: the engine ended what was asked for. */
err *instances_close_missing(core *c) {
  auto_deployment_instance_list list = {0};
  TRY(deployment_instance_list_live(c->db, &list));
  for (size_t i = 0; i < list.len; i++) {
    struct deployment_instance *row = &list.items[i];
    auto_free char *workload = str_format("%s%s", row->deployment_id, row->role == INSTANCE_PRE_DEPLOY ? JOB_SUFFIX : "");
    row->status = INSTANCE_REMOVED;
    engine_each(c->engine, workload, find_replica, row);
    if (row->status == INSTANCE_REMOVED) TRY(deployment_instance_update(c->db, row, clock_now_us()));
  }
  return NULL;
}

static void count_one(void *arg, const struct instance_report *report) {
  struct instance_counts *counts = arg;
  switch (report->status) {
  case INSTANCE_RUNNING: counts->running++; break;
  case INSTANCE_EXITED: counts->exited++; break;
  case INSTANCE_CRASHED:
    counts->crashed++;
    counts->exit_code = report->exit_code;
    counts->oom_killed = report->oom_killed;
    break;
  case INSTANCE_REMOVED: break;
  default: counts->other++; break;
  }
}

void instances_count(core *c, const char *workload_id, struct instance_counts *ret_counts) {
  *ret_counts = (struct instance_counts){0};
  engine_each(c->engine, workload_id, count_one, ret_counts);
}

struct wanted_replica {
  int replica; /* -1: any */
  char *id;
};

static void find_running(void *arg, const struct instance_report *report) {
  struct wanted_replica *wanted = arg;
  bool fits = wanted->replica < 0 || wanted->replica == report->replica;
  if (!wanted->id && fits && report->status == INSTANCE_RUNNING) wanted->id = str_dup(report->instance_id);
}

err *core_running_instance(core *c, const char *deployment_id, int replica, char **ret_engine_id) {
  struct wanted_replica wanted = {.replica = replica};
  engine_each(c->engine, deployment_id, find_running, &wanted);
  if (!wanted.id)
    return err_new(ERR_CONFLICT, "deployment %s has no running instance: look at its logs, or deploy "
                                 "the service again", deployment_id);
  *ret_engine_id = wanted.id;
  return NULL;
}

/* -1: it never ran, as after a restore on a machine without its image. */
static char *crash_reason(core *c, const char *id, const struct instance_counts *counts) {
  bool never_ran = counts->exit_code < 0;
  auto_free char *words = deploy_last_words(c, id, never_ran ? 1 : 3);
  const char *colon = !*words ? "" : never_ran ? ": " : "; last log lines: ";
  if (never_ran) return str_format("it cannot be started, deploy it again%s%s", colon, words);
  return str_format("the app ended with exit status %d%s and its restarts are used up%s%s", counts->exit_code,
                    counts->oom_killed ? " (out of memory: raise the service's limit)" : "", colon, words);
}

/* Every replica is down for good, or all have done their work: the deployment's status follows. */
static err *follow_live(core *c, const struct deployment *d) {
  struct instance_counts counts;
  instances_count(c, d->id, &counts);
  if (d->status == DEPLOYMENT_CRASHED && counts.running)
    return deploy_apply(c, d->id, DEPLOY_RECOVER, NULL);
  if (d->status == DEPLOYMENT_SUCCESS && d->stopped && counts.running)
    return deployment_set_stopped(c->db, d->id, false, clock_now_us()); /* its work was done; it was restarted */
  if (d->status != DEPLOYMENT_SUCCESS || counts.running || counts.other) return NULL;
  if (counts.crashed) {
    auto_free char *reason = crash_reason(c, d->id, &counts);
    return deploy_apply(c, d->id, DEPLOY_CRASH, reason);
  }
  if (counts.exited && !d->stopped) return deployment_set_stopped(c->db, d->id, true, clock_now_us());
  return NULL;
}

/* ---- reports, and those that the database did not take ---- */

static err *follow(core *c, const char *deployment_id) {
  auto_deployment d = {0};
  TRY(deployment_get(c->db, deployment_id, &d));
  return follow_live(c, &d);
}

/* Whoever waits for this is told in any case: the engine says it once. */
static err *take(core *c, const struct instance_report *report, bool is_news) {
  char deployment_id[ID_SIZE];
  deployment_of(report->workload_id, deployment_id);
  bool is_job = role_of(report->workload_id) == INSTANCE_PRE_DEPLOY;
  struct run *r = run_find(c, deployment_id);
  enum instance_status status;
  err *e = record(c, report, &status);
  if (!e && status == INSTANCE_INITIALIZING) readiness_started(c, deployment_id, report->instance_id);
  readiness_changed(c, deployment_id);
  restart_changed(c, deployment_id);
  if (r && is_news) run_instance_changed(r, report, is_job);
  if (!e && !r && !is_job) e = follow(c, deployment_id);
  if (is_news && !is_job && report->status == INSTANCE_RUNNING)
    buckets_instance_started(c, deployment_id, report->instance_id);
  routes_changed(c);
  watch_notify(c, deployment_id);
  return e;
}

struct missed {
  struct instance_report report; /* its texts are owned */
};

static void missed_free(struct missed *m) {
  if (!m) return;
  free((char *)m->report.workload_id);
  free((char *)m->report.instance_id);
  free((char *)m->report.address);
  free((char *)m->report.address6);
  free((char *)m->report.problem);
  free(m);
}

static void remember(core *c, const struct instance_report *report) {
  struct missed *m = mem_zalloc(sizeof *m);
  m->report = *report;
  m->report.workload_id = str_dup(report->workload_id);
  m->report.instance_id = str_dup(report->instance_id);
  m->report.address = str_dup(report->address);
  m->report.address6 = str_dup(report->address6);
  m->report.problem = str_dup(report->problem);
  map_set(c->missed, m->report.instance_id, m);
}

static void take_or_remember(core *c, const struct instance_report *report, bool is_news) {
  auto_err *e = take(c, report, is_news);
  if (!e) return;
  log_error("core", "instance %s: %s", report->instance_id, err_message(e));
  if (err_code_of(e) == ERR_NOT_FOUND || err_code_of(e) == ERR_CONFLICT) return; /* its row is gone */
  remember(c, report);
  core_retry_later(c);
}

void core_instance_changed(void *core_, const struct instance_report *report) {
  core *c = core_;
  if (backups_try(c->backups, report->workload_id)) return; /* no deployment's */
  log_scrubbing_note(c, report);
  missed_free(map_remove(c->missed, report->instance_id)); /* this is newer */
  take_or_remember(c, report, true);
}

void instances_take_missed(core *c) {
  map *missed = c->missed;
  size_t cursor = 0;
  const char *id;
  void *value;
  c->missed = map_new();
  while (map_next(missed, &cursor, &id, &value)) {
    struct missed *m = value;
    take_or_remember(c, &m->report, false);
    missed_free(m);
  }
  map_free(missed);
}

void instances_forget_missed(core *c) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->missed, &cursor, &id, &value)) missed_free(value);
  map_free(c->missed);
}
