/* Deployments that wait for the checks of their commit: WAITING until core/checks.h says how it went.
 * Everything is looked at anew each time, so a start of tramd is no different. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "core/checks.h"
#include "core/internal.h"
#include "core/supersede_plan.h"
#include "store/deployment.h"
#include "store/webhook.h"

enum { TIMEOUT_MS = 60 * 60 * 1000, SETTLE_MS = 10 * 1000, SOONEST_MS = 20, LATEST_MS = 60 * 60 * 1000 };

err *ci_heard(core *c, const struct commit_check *check) {
  auto_commit_check before = {0};
  bool found = false;
  struct commit_check now = *check; /* its texts stay the caller's */
  TRY(commit_check_find(c->db, check->project_id, check->sha, check->name, &found, &before));
  if (found && !checks_replaces(&before, check)) return NULL;
  return commit_check_set(c->db, &now);
}

static const char *commit_of(const struct deployment *d) {
  return json_get_text(d->meta, "commitHash");
}

/* A newer one that is live, whatever it came from, or that contains it takes its place. */
static err *superseded_by(core *c, const struct deployment *d, char ret_by[ID_SIZE], char **ret_reason) {
  auto_deployment_list list = {0};
  auto_deployment serving = {0};
  bool found = false;
  struct deployment_filter filter = {.service_instance_id = d->service_instance_id};
  TRY(deployment_list(c->db, &filter, NULL, &list));
  TRY(deployment_find_active(c->db, d->service_instance_id, &found, &serving));
  for (size_t i = 0; i < list.len && !str_eq(list.items[i].id, d->id); i++) {
    const struct deployment *newer = &list.items[i];
    if (deployment_status_is_final(newer->status) || newer->status == DEPLOYMENT_REMOVING) continue;
    if (!deployment_status_is_active(newer->status) && !supersede_contains(newer, d, found ? &serving : NULL)) continue;
    id_copy(ret_by, newer->id);
    *ret_reason = supersede_reason(newer);
    return NULL;
  }
  return NULL;
}

static err *judge(core *c, const struct deployment *d, int64_t now_us, char ret_by[ID_SIZE], char **ret_reason,
                  int64_t *ret_again_us, enum checks_verdict *ret_verdict) {
  auto_commit_check_list checks = {0};
  const struct core_options *o = &c->options;
  struct checks_wait wait = {.since_us = d->created_us,
                             .timeout_us = (o->ci_timeout_ms ? o->ci_timeout_ms : TIMEOUT_MS) * 1000,
                             .settle_us = (o->ci_settle_ms ? o->ci_settle_ms : SETTLE_MS) * 1000};
  *ret_verdict = CHECKS_SKIP;
  TRY(superseded_by(c, d, ret_by, ret_reason));
  if (*ret_reason) return NULL;
  const char *sha = commit_of(d);
  if (sha) TRY(commit_check_list(c->db, d->project_id, sha, &checks));
  *ret_verdict = checks_judge(&wait, &checks, now_us, ret_reason, ret_again_us);
  return NULL;
}

static err *skip(core *c, const struct deployment *d, const char *by, const char *reason) {
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  if (*by) TRY(deployment_set_superseded(c->db, d->id, by, clock_now_us()));
  TRY(deploy_apply(c, d->id, DEPLOY_SKIP, reason));
  return db_commit(&t);
}

static err *look_at(core *c, const struct deployment *d, int64_t now_us, int64_t *next_us) {
  auto_free char *reason = NULL;
  int64_t again_us = INT64_MAX;
  enum checks_verdict verdict;
  char by[ID_SIZE] = "";
  TRY(judge(c, d, now_us, by, &reason, &again_us, &verdict));
  if (verdict == CHECKS_WAIT) {
    if (again_us < *next_us) *next_us = again_us;
    return NULL;
  }
  auto_free char *line = str_format("Wait for CI: %s", reason);
  deploy_build_line(c, d->id, verdict == CHECKS_PASS ? "info" : "warn", line);
  if (verdict == CHECKS_SKIP) return skip(c, d, by, line);
  TRY(deploy_apply(c, d->id, DEPLOY_QUEUE, NULL));
  return run_start(c, d->id);
}

static err *look_at_all(core *c, int64_t now_us, int64_t *next_us) {
  auto_deployment_list waiting = {0};
  TRY(deployment_list_waiting(c->db, &waiting));
  for (size_t i = 0; i < waiting.len; i++) TRY(look_at(c, &waiting.items[i], now_us, next_us));
  return NULL;
}

static void on_time(void *arg) {
  ci_wake(arg);
}

static void look(void *arg) {
  core *c = arg;
  int64_t now_us = clock_now_us(), next_us = INT64_MAX;
  c->ci_due = false;
  if (c->stopping) return;
  auto_err *e = look_at_all(c, now_us, &next_us);
  if (e) log_error("core", "waiting for CI: %s; trying again", err_message(e));
  if (e) core_resume_later(c); /* one may be queued, and not begun */
  timer_stop(c->ci_timer);
  c->ci_timer = NULL;
  if (next_us == INT64_MAX) return;
  int64_t wait_ms = (next_us - now_us) / 1000 + SOONEST_MS;
  c->ci_timer = timer_start(c->loop, wait_ms < LATEST_MS ? wait_ms : LATEST_MS, 0, on_time, c);
}

void ci_wake(core *c) {
  if (c->ci_due || c->stopping) return;
  c->ci_due = true;
  loop_defer(c->loop, look, c);
}

void ci_stop(core *c) {
  timer_stop(c->ci_timer);
  c->ci_timer = NULL;
}
