/* Strangers' code waits for a member who approves of it, commit by commit: in the environment of a pull
 * request from a fork nothing is fetched, built or run before.  A commit that comes later has to be
 * approved anew; what is not of the fork's repository needs one approved commit only. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/pull_request_private.h"
#include "core/volume_private.h"
#include "store/deployment.h"
#include "store/project.h"

const char approval_reason[] = "the pull request comes from a fork: a member has to approve of this commit first "
                               "(`tram deployment approve`)";

static bool is_approved(const json_t *meta, const char *commit) {
  const json_t *approved = json_object_get(meta, META_APPROVED), *item;
  size_t i;
  json_array_foreach(approved, i, item) if (str_eq(json_string_value(item), commit)) return true;
  return false;
}

static bool is_held(const json_t *meta, const struct deployment *d) {
  if (!json_get_bool(meta, META_IS_FORK, false)) return false;
  if (d->settings.source_kind == SOURCE_UPLOAD) return false; /* a member's own */
  if (pull_request_owns(meta, &d->settings)) return !is_approved(meta, d->settings.source_commit);
  return json_array_size(json_object_get(meta, META_APPROVED)) == 0;
}

err *approval_is_needed(core *c, const struct deployment *d, bool *ret_needed) {
  auto_environment environment = {0};
  TRY(environment_get(c->db, d->environment_id, &environment));
  *ret_needed = is_held(environment.meta, d);
  return NULL;
}

err *approval_holds_all(core *c, const char *environment_id, bool *ret_holds) {
  auto_environment environment = {0};
  err *gone = environment_get(c->db, environment_id, &environment);
  if (gone && err_code_of(gone) != ERR_NOT_FOUND) return gone;
  err_ignore(gone);
  *ret_holds = json_get_bool(environment.meta, META_IS_FORK, false) && !json_array_size(json_object_get(environment.meta, META_APPROVED));
  return NULL;
}

static err *record_commit(core *c, struct environment *environment, const struct deployment *d) {
  const char *commit = d->settings.source_commit;
  if (!pull_request_owns(environment->meta, &d->settings) || is_approved(environment->meta, commit)) return NULL;
  json_t *approved = json_object_get(environment->meta, META_APPROVED);
  if (!json_is_array(approved)) {
    approved = json_array();
    json_object_set_new(environment->meta, META_APPROVED, approved);
  }
  if (commit) json_array_append_new(approved, json_string(commit));
  return environment_set_meta(c->db, environment->id, environment->meta, clock_now_us());
}

static err *release(core *c, const char *id) {
  TRY(deploy_apply(c, id, DEPLOY_QUEUE, NULL));
  auto_err *late = run_start(c, id);
  if (late) log_error("deploy", "%s: %s; trying again", id, err_message(late));
  if (late) core_resume_later(c); /* it is recorded */
  return NULL;
}

/* What waited for the same commit, and what waited for any. */
static err *release_others(core *c, const struct environment *environment) {
  auto_deployment_list waiting = {0};
  struct deployment_filter filter = {.environment_id = environment->id,
                                     .statuses = DEPLOYMENT_STATUS_BIT(DEPLOYMENT_NEEDS_APPROVAL)};
  TRY(deployment_list(c->db, &filter, NULL, &waiting));
  for (size_t i = waiting.len; i-- > 0;)
    if (!is_held(environment->meta, &waiting.items[i])) TRY(release(c, waiting.items[i].id));
  return NULL;
}

err *core_approve(core *c, const char *id, const char *user_id) {
  auto_deployment d = {0};
  auto_environment environment = {0};
  TRY(deployment_get(c->db, id, &d));
  if (d.status != DEPLOYMENT_NEEDS_APPROVAL)
    return err_new(ERR_CONFLICT, "deployment %s is %s: it does not wait for an approval", id,
                   deployment_status_name(d.status));
  TRY(environment_get(c->db, d.environment_id, &environment));
  TRY(record_commit(c, &environment, &d));
  auto_free char *line = str_format("commit %s was approved by %s", d.settings.source_commit ? d.settings.source_commit : "of today",
                                    *user_id ? user_id : "a project token");
  deploy_build_line(c, id, "info", line);
  log_info("deploy", "%s: %s", id, line);
  volumes_wake(c);
  TRY(release(c, id));
  return release_others(c, &environment);
}
