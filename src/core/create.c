/* How deployments come to be, and what can be asked of them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/internal.h"
#include "core/variables.h"
#include "loop/work.h"
#include "store/artifact.h"
#include "store/deployment.h"
#include "store/environment_patch.h"
#include "store/project.h"
#include "store/service.h"

err *snapshot_record(core *c, const struct snapshot_info *info, const json_t *meta,
                     char ret_id[ID_SIZE]) {
  auto_snapshot row = {0};
  bool found = false;
  TRY(snapshot_find_by_hash(c->db, info->id, &found, &row));
  if (found) {
    TRY(snapshot_touch(c->db, row.id, clock_now_us()));
  } else {
    row.hash = str_dup(info->id);
    row.size_bytes = info->size_bytes;
    row.file_count = info->files;
    row.meta = json_incref((json_t *)meta);
    TRY(snapshot_insert(c->db, &row));
  }
  id_copy(ret_id, row.id);
  return NULL;
}

static void copy_ids(struct deployment *d, const struct service_instance *instance) {
  id_copy(d->project_id, instance->project_id);
  id_copy(d->environment_id, instance->environment_id);
  id_copy(d->service_id, instance->service_id);
  id_copy(d->service_instance_id, instance->id);
}

/* What is known of a commit before it is fetched. */
static json_t *meta_of_commit(const struct service_settings *s) {
  if (s->source_kind != SOURCE_REPO || !s->source_commit) return NULL;
  return json_pack("{s:s, s:s*}", "commitHash", s->source_commit, "branch", s->source_branch);
}

static enum deployment_status first_status(const struct deployment_request *request, bool needs_approval) {
  if (request->skipped) return DEPLOYMENT_SKIPPED;
  if (needs_approval) return DEPLOYMENT_NEEDS_APPROVAL;
  return request->waits ? DEPLOYMENT_WAITING : DEPLOYMENT_INITIALIZING;
}

static err *fill(core *c, const struct service_instance *instance, const struct deployment_request *request,
                 struct deployment *d, json_t **ret_variables) {
  const struct deployment *template = request->template;
  bool frozen = request->cause == DEPLOYMENT_CAUSE_ROLLBACK, needs_approval = false;
  copy_ids(d, instance);
  service_settings_copy(frozen ? &template->settings : &instance->settings, &d->settings);
  if (frozen) d->resolved = json_incref(template->resolved);
  if (frozen)
    TRY(deployment_variables_get(c->db, template->id, ret_variables));
  else
    TRY(variables_of_user(c, instance, ret_variables));
  d->meta = json_incref(template ? template->meta : (json_t *)request->meta);
  if (template) {
    id_copy(d->source_deployment_id, template->id);
    if (!frozen) d->settings.source_kind = template->settings.source_kind;
  }
  if (request->cause == DEPLOYMENT_CAUSE_UP) d->settings.source_kind = SOURCE_UPLOAD;
  if (!d->meta) d->meta = meta_of_commit(&d->settings);
  id_copy(d->snapshot_id, request->snapshot_id);
  id_copy(d->image_id, request->image_id);
  id_copy(d->creator_user_id, request->user_id);
  d->message = str_empty(request->message) ? NULL : str_dup(request->message);
  d->created_us = d->queued_us = d->status_updated_us = clock_now_us();
  if (!request->skipped) TRY(approval_is_needed(c, d, &needs_approval));
  d->status = first_status(request, needs_approval);
  d->status_reason = str_dup(request->skipped ? request->skipped : needs_approval ? approval_reason : request->waits);
  return NULL;
}

err *record_deployment(core *c, const struct service_instance *instance, const struct deployment_request *request,
                       struct deployment *ret_deployment) {
  auto_deployment d = {.cause = request->cause};
  auto_json *variables = NULL;
  TRY(fill(c, instance, request, &d, &variables));
  TRY(deployment_insert(c->db, &d));
  TRY(deployment_variables_set(c->db, d.id, variables));
  bool takes_changes = d.cause != DEPLOYMENT_CAUSE_ROLLBACK && d.status == DEPLOYMENT_INITIALIZING;
  if (takes_changes) TRY(environment_patch_settle_deploys(c->db, d.service_instance_id));
  *ret_deployment = d;
  d = (struct deployment){0};
  return NULL;
}

void begin_deployment(core *c, const struct deployment *d) {
  log_info("deploy", "%s: created (%s), %s", d->id, deployment_cause_name(d->cause), deployment_status_name(d->status));
  watch_notify(c, d->id);
  if (d->status_reason) deploy_build_line(c, d->id, "info", d->status_reason);
  if (d->status == DEPLOYMENT_WAITING) ci_wake(c);
  if (d->status != DEPLOYMENT_INITIALIZING) return;
  auto_err *late = run_start(c, d->id);
  if (late) log_error("deploy", "%s: %s; trying again", d->id, err_message(late));
  if (late) core_resume_later(c); /* it is recorded, so it is not refused any more */
}

err *create_deployment(core *c, const struct service_instance *instance, const struct deployment_request *request,
                       char ret_id[ID_SIZE]) {
  auto_deployment d = {0};
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(record_deployment(c, instance, request, &d));
  TRY(db_commit(&t));
  id_copy(ret_id, d.id);
  begin_deployment(c, &d);
  return NULL;
}

/* The image of `d`, to be run again as it is. */
static err *check_kept_image(core *c, const struct deployment *d) {
  auto_image image = {0};
  if (*d->image_id) TRY(image_get(c->db, d->image_id, &image));
  bool exists = false;
  TRY(image_index_has(c->images, image.digest, &exists));
  if (exists) return NULL;
  return err_new(ERR_CONFLICT, "the image of deployment %s is not kept: redeploy without it, which builds again",
                 d->id);
}

err *core_redeploy(core *c, const char *id, bool same_image, const char *user_id, char ret_id[ID_SIZE]) {
  auto_deployment d = {0};
  auto_service_instance instance = {0};
  TRY(deployment_get(c->db, id, &d));
  TRY(service_instance_get(c->db, d.service_instance_id, &instance));
  if (!core_can_redeploy(c, &d))
    return err_new(ERR_CONFLICT, "deployment %s has no source any more: deploy anew with `tram up`", id);
  if (same_image) TRY(check_kept_image(c, &d));
  struct deployment_request request = {.cause = DEPLOYMENT_CAUSE_REDEPLOY, .template = &d,
                                       .snapshot_id = d.snapshot_id, .image_id = same_image ? d.image_id : NULL,
                                       .message = d.message, .user_id = user_id};
  return create_deployment(c, &instance, &request, ret_id);
}

bool core_can_redeploy(core *c, const struct deployment *d) {
  (void)c;
  return *d->snapshot_id || d->settings.source_kind == SOURCE_IMAGE ||
         d->settings.source_kind == SOURCE_REPO;
}

/* The newest deployment that came from code; its snapshot is what "deploy again" means. */
static err *latest_with_snapshot(core *c, const char *service_instance_id, bool *ret_found,
                                 struct deployment *ret_deployment) {
  auto_deployment_list list = {0};
  struct deployment_filter filter = {.service_instance_id = service_instance_id};
  TRY(deployment_list(c->db, &filter, NULL, &list));
  *ret_found = false;
  for (size_t i = 0; i < list.len && !*ret_found; i++) {
    if (!*list.items[i].snapshot_id) continue;
    deployment_copy(&list.items[i], ret_deployment);
    *ret_found = true;
  }
  return NULL;
}

err *instance_has_source(core *c, const struct service_instance *instance, bool *ret_has) {
  auto_deployment latest = {0};
  *ret_has = instance->settings.source_kind == SOURCE_IMAGE || instance->settings.source_kind == SOURCE_REPO;
  return *ret_has ? NULL : latest_with_snapshot(c, instance->id, ret_has, &latest);
}

err *deploy_instance(core *c, const struct service_instance *instance, const char *message, const char *user_id,
                     char ret_id[ID_SIZE]) {
  enum source_kind kind = instance->settings.source_kind;
  auto_deployment latest = {0};
  bool found = false;
  struct deployment_request request = {.message = message, .user_id = user_id};
  if (kind == SOURCE_IMAGE || kind == SOURCE_REPO) {
    request.cause = kind == SOURCE_IMAGE ? DEPLOYMENT_CAUSE_IMAGE : DEPLOYMENT_CAUSE_REPO;
    return create_deployment(c, instance, &request, ret_id);
  }
  TRY(latest_with_snapshot(c, instance->id, &found, &latest));
  if (!found)
    return err_new(ERR_INVALID, "the service has no source yet: deploy with `tram up`, or connect a "
                                "repository or an image");
  request.cause = DEPLOYMENT_CAUSE_VARIABLES;
  request.template = &latest;
  request.snapshot_id = latest.snapshot_id;
  return create_deployment(c, instance, &request, ret_id);
}

err *core_deploy_instance(core *c, const struct service_instance *instance, const char *user_id,
                          char ret_id[ID_SIZE]) {
  return deploy_instance(c, instance, NULL, user_id, ret_id);
}

err *core_cancel(core *c, const char *id) {
  struct run *r = run_find(c, id);
  if (!r) {
    auto_deployment d = {0};
    TRY(deployment_get(c->db, id, &d));
    bool waits = d.status == DEPLOYMENT_WAITING || d.status == DEPLOYMENT_NEEDS_APPROVAL;
    if (waits) return retire_start(c, id, false);
    if (deployment_status_is_active(d.status))
      return err_new(ERR_CONFLICT, "deployment %s cannot be cancelled: it is live; `tram rollback` goes back to the "
                                   "one before it, `tram down` takes it down", id);
    return err_new(ERR_CONFLICT, "deployment %s is %s: there is nothing to cancel", id,
                   deployment_status_name(d.status));
  }
  run_cancel(r, "cancelled by a user");
  return NULL;
}

err *core_remove(core *c, const char *id, bool stopped) {
  auto_deployment d = {0};
  TRY(deployment_get(c->db, id, &d));
  if (deployment_status_is_final(d.status)) return NULL;
  if (stopped) TRY(deployment_set_stopped(c->db, id, true, clock_now_us()));
  struct run *r = run_find(c, id);
  if (r) {
    run_cancel(r, "removed by a user");
    return NULL;
  }
  return retire_start(c, id, false);
}
