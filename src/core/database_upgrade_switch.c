/* A database goes over to the other version and volume, or back to those that it had; and the end of it all.
 *
 * There are two sides, the former and the upgraded one.  An upgrade (SWAPPING) goes to the upgraded, a way back (RETURNING) to
 * the former; each step finds out what is done already.  One with a problem goes to where it came from, in the same way. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "core/backup.h"
#include "core/database_upgrade_private.h"
#include "core/database_upgrade_steps.h"
#include "core/run.h"
#include "store/database_upgrade.h"
#include "store/deployment.h"
#include "store/release.h"
#include "store/service.h"

enum { RESTARTS_MAX = 3 };

static const char sql_thaw[] = UPGRADE_SQL_UNFREEZE "SELECT pg_reload_conf()";

static bool is_return(const upgrade_task *t) {
  return t->u.status == DATABASE_UPGRADE_RETURNING;
}

/* ---- the end ---- */

static const char *outcome(const upgrade_task *t) {
  if (t->u.problem) return is_return(t) ? "it stays with the newer version" : "the database is as it was, and written to";
  if (t->u.is_rehearsal) return "the copy is removed again";
  return is_return(t) ? "what was written since the upgrade stays on the other volume, which is detached"
                      : "its former volume is detached; `tram database upgrade --back` returns to it";
}

static void tell(const upgrade_task *t, const struct service_instance *instance) {
  const char *image = is_return(t) ? t->u.former_image : t->u.image;
  auto_event e = {.severity = t->u.problem ? EVENT_WARNING : EVENT_INFO};
  id_copy(e.project_id, instance->project_id);
  id_copy(e.environment_id, instance->environment_id);
  id_copy(e.service_id, instance->service_id);
  e.object = str_dup(t->u.is_rehearsal ? "rehearsal of an upgrade" : is_return(t) ? "way back of an upgrade" : "upgrade");
  e.action = str_dup(t->u.problem ? "failed" : "done");
  e.cause = t->u.problem       ? str_dup(t->u.problem)
            : t->u.is_rehearsal ? str_format("all of the database arrived in '%s'", image)
                                : str_format("the database runs '%s'", image);
  e.outcome = str_dup(outcome(t));
  event_tell(t->core, &e);
}

static err *record_end(upgrade_task *t, const struct service_instance *instance) {
  bool back = is_return(t);
  enum database_upgrade_status status = !t->u.problem ? (back ? DATABASE_UPGRADE_RETURNED : DATABASE_UPGRADE_DONE)
                                        : back        ? DATABASE_UPGRADE_DONE
                                                      : DATABASE_UPGRADE_FAILED;
  if (!instance) return database_upgrade_delete(t->core->db, t->u.id);
  auto_database_upgrade kept = {0};
  database_upgrade_copy(&t->u, &kept);
  kept.status = status;
  TRY(database_upgrade_update(t->core->db, &kept, clock_now_us()));
  tell(t, instance);
  return NULL;
}

/* What keeps it from ending is tried again, and logged when it is something new. */
static void try_again(upgrade_task *t, err *e, void (*fn)(void *)) {
  if (!str_eq(t->said, err_message(e))) log_warn("core", "the end of a database's upgrade: %s; trying again", err_message(e));
  str_replace_owned(&t->said, err_message(e));
  err_free(e);
  upgrade_later(t, fn);
}

static err *find_instance(upgrade_task *t, bool *ret_found, struct service_instance *ret_instance) {
  return service_instance_find(t->core->db, t->u.service_id, t->u.environment_id, ret_found, ret_instance);
}

/* Takes e, of what was to be done before; NULL: all is done. */
static void end(upgrade_task *t, err *e, void (*again)(void *)) {
  auto_service_instance instance = {0};
  bool found = false;
  if (!e) e = find_instance(t, &found, &instance);
  if (!e) e = record_end(t, found ? &instance : NULL);
  if (e) {
    try_again(t, e, again);
    return;
  }
  if (found && !t->u.problem && !t->u.is_rehearsal) /* the log of the other volume is of no use to it */
    core_backup_begin(t->core, is_return(t) ? t->u.former_volume_id : t->u.volume_id);
  upgrade_task_free(t);
}

/* ---- to where it came from ---- */

/* A deployment that was to take over, or has its volume, is taken away while it is on its way. */
static bool stop_new(upgrade_task *t, const struct service_instance *instance) {
  const char *image = is_return(t) ? t->u.former_image : t->u.image;
  const char *volume_id = is_return(t) ? t->u.former_volume_id : t->u.volume_id;
  auto_strv ids = STRV_EMPTY; /* cancelling may end a run, which changes the map */
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(t->core->runs, &cursor, &id, &value)) {
    const struct run *r = value;
    bool is_new = str_eq(r->deployment.settings.source_image, image) || str_eq(r->volume_id, volume_id);
    if (is_new && str_eq(r->deployment.service_instance_id, instance->id)) strv_add(&ids, id);
  }
  for (size_t i = 0; i < ids.len; i++) {
    struct run *r = run_find(t->core, ids.items[i]);
    if (r) run_cancel(r, "the database goes back to the version that it had");
  }
  return !ids.len;
}

/* The live deployment has image and volume of the side it came from. */
static err *is_former_live(upgrade_task *t, const struct service_instance *instance, const char *image, bool *ret_is) {
  auto_deployment active = {0};
  auto_release release = {0};
  bool found = false;
  *ret_is = false;
  TRY(deployment_find_active(t->core->db, instance->id, &found, &active));
  if (!found || !str_eq(active.settings.source_image, image)) return NULL;
  TRY(release_find(t->core->db, active.id, &found, &release));
  *ret_is = found && str_eq(json_get_text(json_array_get(release.volumes, 0), "id"),
                            is_return(t) ? t->u.volume_id : t->u.former_volume_id);
  return NULL;
}

/* That something of the side it came from runs: mostly it never ended.  Where somebody has decided otherwise, it stays so. */
static err *revive(upgrade_task *t, const struct service_instance *instance, bool *ret_runs) {
  const char *image = is_return(t) ? t->u.image : t->u.former_image;
  auto_deployment own = {0};
  *ret_runs = !str_eq(instance->settings.source_image, image);
  if (!*ret_runs) TRY(is_former_live(t, instance, image, ret_runs));
  if (*ret_runs) return NULL;
  if (!*t->former_id) return deploy_instance(t->core, instance, "A database goes back to what it was", t->user_id, t->former_id);
  TRY(deployment_get(t->core->db, t->former_id, &own));
  if (!deployment_status_is_final(own.status)) return NULL;
  *ret_runs = true; /* no more than that can be done */
  auto_free char *both = str_format("%s; and what was before does not start either: %s", t->u.problem,
                                    own.status_reason ? own.status_reason : "it ended");
  str_replace_owned(&t->u.problem, both);
  return NULL;
}

/* Its rows.  Where somebody has decided otherwise meanwhile, they stay so. */
static err *reattach(upgrade_task *t) {
  bool is_on = false;
  TRY(upgrade_has_image(t->core, &t->u, !is_return(t), &is_on));
  if (!is_on) return NULL;
  err *e = upgrade_attach(t->core, &t->u, is_return(t), t->user_id);
  bool is_final = e && (err_code_of(e) == ERR_CONFLICT || err_code_of(e) == ERR_NOT_FOUND || err_code_of(e) == ERR_INVALID);
  if (!is_final) return e;
  auto_free char *both = str_format("%s; and it could not go back: %s", t->u.problem, err_message(e));
  if (!strstr(t->u.problem, "could not go back")) str_replace_owned(&t->u.problem, both);
  err_free(e);
  return NULL;
}

static void on_thawed(upgrade_task *t, err *e, const char *output) {
  (void)output;
  t->thaws = e != NULL;
  if (e)
    try_again(t, err_wrap(e, "nobody can write yet"), upgrade_undo);
  else
    upgrade_undo(t);
}

/* *ret_done, or it goes on by itself, or is to be looked at again. */
static err *undo_once(upgrade_task *t, bool *ret_done) {
  auto_service_instance instance = {0};
  bool found = false, switched = t->u.status == DATABASE_UPGRADE_SWAPPING || is_return(t), ready = true;
  *ret_done = false;
  TRY(find_instance(t, &found, &instance));
  if (found && switched) {
    ready = stop_new(t, &instance);
    if (ready) TRY(reattach(t));
    service_instance_done(&instance);
    instance = (struct service_instance){0};
    if (ready) TRY(find_instance(t, &found, &instance));
    if (ready && found) TRY(revive(t, &instance, &ready));
  }
  if (!ready) return NULL;
  if (!is_return(t)) TRY(upgrade_clear(t->core, &t->u));
  *ret_done = !found || !t->thaws;
  return *ret_done ? NULL : upgrade_ask(t, t->u.service_id, NULL, sql_thaw, on_thawed);
}

void upgrade_undo(void *arg) {
  upgrade_task *t = arg;
  bool done = false;
  upgrade_due(t);
  err *e = undo_once(t, &done);
  if (e || done)
    end(t, e, upgrade_undo);
  else if (!t->session)
    upgrade_later(t, upgrade_undo);
}

void upgrade_fail(upgrade_task *t, err *e) {
  log_warn("core", "the upgrade of a database: %s", err_message(e));
  str_replace_owned(&t->u.problem, err_message(e));
  err_free(e);
  auto_err *failed = upgrade_record(t, t->u.status); /* after an end of tramd it is undone because of this, too */
  if (failed) log_warn("core", "the upgrade of a database: %s", err_message(failed));
  upgrade_undo(t);
}

/* ---- to the other side ---- */

static err *deploy(upgrade_task *t) {
  auto_service_instance instance = {0};
  bool found = false;
  TRY(find_instance(t, &found, &instance));
  if (!found) return err_new(ERR_CONFLICT, "it was deleted");
  TRY(deploy_instance(t->core, &instance, upgrade_message(is_return(t)), t->user_id, t->u.deployment_id));
  return upgrade_record(t, t->u.status);
}

static void count_restarts(void *arg, const struct instance_report *report) {
  if (report->restarts > *(int *)arg) *(int *)arg = report->restarts;
}

/* A database is started again for as long as its health check allows, while nobody can write to the live one. */
static err *check_restarts(upgrade_task *t) {
  int restarts = 0;
  engine_each(t->core->engine, t->u.deployment_id, count_restarts, &restarts);
  if (restarts < RESTARTS_MAX) return NULL;
  auto_free char *words = deploy_last_words(t->core, t->u.deployment_id, UPGRADE_LAST_LINES);
  return err_new(ERR_IO, "it ended %d times: %s", restarts, words);
}

/* The copy's service goes before the deployment that takes its volume is made. */
static err *switch_once(upgrade_task *t, bool *ret_live) {
  TRY(upgrade_attach(t->core, &t->u, !is_return(t), t->user_id));
  if (*t->u.sibling_id) TRY(upgrade_clear(t->core, &t->u));
  if (!*t->u.deployment_id) return deploy(t);
  err *e = upgrade_look_at(t, t->u.service_id, is_return(t) ? t->u.former_image : t->u.image, ret_live);
  if (!e && !*ret_live) e = check_restarts(t);
  return err_wrap(e, "the %s version did not start", is_return(t) ? "former" : "newer");
}

void upgrade_switch(void *arg) {
  upgrade_task *t = arg;
  bool live = false;
  upgrade_due(t);
  err *e = switch_once(t, &live);
  if (e)
    upgrade_fail(t, e);
  else if (live)
    upgrade_conclude(t);
  else
    upgrade_later(t, upgrade_switch);
}

static void conclude(void *arg) {
  upgrade_task *t = arg;
  upgrade_due(t);
  err *e = NULL;
  if (t->u.is_rehearsal)
    e = upgrade_clear(t->core, &t->u);
  else if (!is_return(t))
    e = upgrade_copy_schedule(t->core, &t->u);
  end(t, e, conclude);
}

void upgrade_conclude(upgrade_task *t) {
  conclude(t);
}
