/* A Postgres as it was at a moment: a new service beside it, with the same settings and variables, whose volume has
 * the last base backup before then and the log since.  What is live is asked to archive its latest log, and not
 * touched else. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/backup_private.h"
#include "core/duplicate.h"
#include "store/backup.h"
#include "store/deployment.h"
#include "store/project.h"
#include "store/release.h"
#include "store/service.h"
#include "store/volume.h"

enum { ARCHIVE_MS = 60000, POLL_MS = 200, RECOVERY_MS = 4 * 3600 * 1000, START_MS = 30 * 60 * 1000, LAST_LINES = 8 };

/* ---- the new service ---- */

static err *insert_service(backup_task *t, const struct service_instance *source, struct service *s) {
  auto_service_instance made = {0};
  auto_db_transaction tr = {0};
  TRY(db_begin(t->core->db, &tr));
  TRY(service_insert(t->core->db, s));
  TRY(add_instance(t->core, s, source->environment_id, &source->settings, &made));
  TRY(duplicate_variables(t->core, source, s->id, true)); /* the same database, which knows these passwords */
  id_copy(t->restore.target_service_id, s->id);
  TRY(backup_restore_update(t->core->db, &t->restore));
  return db_commit(&tr);
}

/* "db-restored-20261121-1730" */
static err *name_service(core *c, const char *source, struct service *s) {
  char text[CLOCK_TEXT_SIZE];
  auto_service taken = {0};
  bool found = false;
  clock_format(clock_now_us(), text);
  for (int n = 1; n < 100; n++) {
    auto_free char *stem = str_ndup(source, strnlen(source, SERVICE_NAME_MAX - strlen("-restored-20261121-1730")));
    auto_free char *name = str_format("%s-restored-%.4s%.2s%.2s-%.2s%.2s", stem, text, text + 5, text + 8, text + 11, text + 14);
    auto_free char *numbered = n > 1 ? str_format("%.*s-%d", SERVICE_NAME_MAX - 3, name, n) : NULL;
    TRY(service_set_name(s, numbered ? numbered : name));
    TRY(service_find_by_label(c->db, s->project_id, s->label, &found, &taken));
    if (!found) return NULL;
    service_done(&taken);
  }
  return err_new(ERR_LIMIT, "there are too many restored services: delete some");
}

/* The data are of the version that ran with them then. */
static void use_image_of_then(const struct backup *base, struct service_settings *settings) {
  if (base->image && database_image_major(base->image) != database_image_major(settings->source_image))
    str_replace_owned(&settings->source_image, base->image);
}

static err *make_service(backup_task *t) {
  auto_service_instance source = {0};
  auto_service original = {0}, s = {0};
  bool found = false;
  TRY(service_instance_find(t->core->db, t->backup.service_id, t->backup.environment_id, &found, &source));
  if (!found) return err_new(ERR_CONFLICT, "the service that was backed up is gone: restore to a volume instead");
  TRY(service_get(t->core->db, source.service_id, &original));
  id_copy(s.project_id, source.project_id);
  str_replace_owned(&s.icon, original.icon);
  if (t->wanted_name)
    TRY(service_set_name(&s, t->wanted_name));
  else
    TRY(name_service(t->core, original.name, &s));
  use_image_of_then(&t->backup, &source.settings);
  return insert_service(t, &source, &s);
}

/* ---- the end: it starts, and goes back ---- */

static err *deploy(backup_task *t) {
  auto_service_instance instance = {0};
  char id[ID_SIZE];
  bool found = false;
  TRY(backup_target_ready(t));
  TRY(service_instance_find(t->core->db, t->restore.target_service_id, t->backup.environment_id, &found, &instance));
  if (!found) return err_new(ERR_CONFLICT, "the new service was deleted");
  return deploy_instance(t->core, &instance, "Restored from a backup", t->restore.user_id, id);
}

static void ask_recovered(void *arg);

/* One that was given up is not waited for: Postgres ends where its log does not reach the moment. */
static err *check_tried(backup_task *t) {
  auto_service_instance instance = {0};
  auto_deployment d = {0};
  bool found = false;
  TRY(service_instance_find(t->core->db, t->restore.target_service_id, t->backup.environment_id, &found, &instance));
  if (found) TRY(deployment_find_latest(t->core->db, instance.id, &found, &d));
  if (!found) return err_new(ERR_CONFLICT, "the new service was deleted");
  if (!deployment_status_is_final(d.status) && d.status != DEPLOYMENT_CRASHED) return NULL;
  auto_free char *words = deploy_last_words(t->core, d.id, LAST_LINES);
  return err_new(ERR_IO, "it did not come up: %s: %s", d.status_reason ? d.status_reason : "it ended", words);
}

static void ask_again(backup_task *t, bool answers, const char *why) {
  err *e = answers ? NULL : check_tried(t);
  if (e) {
    backup_restore_end(t, e);
    return;
  }
  if (clock_monotonic_ms() - t->paused_at_ms > (answers ? RECOVERY_MS : START_MS)) {
    backup_restore_end(t, err_new(ERR_BUSY, "it does not come up: %s", why));
    return;
  }
  t->timer = timer_start(t->core->loop, POLL_MS, 0, ask_recovered, t);
}

static void on_recovered(void *arg, err *e, const char *output) {
  backup_task *t = arg;
  t->asking = false;
  if (backup_task_stopped(t, e)) return;
  if (e || !str_eq(output, "f")) {
    ask_again(t, !e, e ? err_message(e) : "it still replays its log");
    err_free(e);
    return;
  }
  backup_event(t->core, &t->volume, EVENT_INFO, "restored", "a database was restored to a moment, as a new service",
               "`tram backup swap` stages it in the place of the old one");
  backup_restore_end(t, NULL);
}

/* It answers while it replays, from what it has replayed so far: done is when it is its own. */
static void ask_recovered(void *arg) {
  backup_task *t = arg;
  struct database_target target = {.environment_id = t->backup.environment_id, .service_id = t->restore.target_service_id};
  struct database_statement s = {.text = "SELECT pg_is_in_recovery();"};
  timer_stop(t->timer);
  t->timer = NULL;
  err *e = database_run(t->core, &target, &s, on_recovered, t);
  t->asking = !e;
  if (e) ask_again(t, false, err_message(e));
  err_free(e);
}

static void on_filled(backup_task *t) {
  err *e = deploy(t);
  t->paused_at_ms = clock_monotonic_ms();
  if (e)
    backup_restore_end(t, e);
  else
    ask_recovered(t);
}

static void wait_again(backup_task *t) {
  t->paused_at_ms = clock_monotonic_ms();
  ask_recovered(t);
}

/* What is restored and runs needs no tramd to replay its log, which may take hours: only its end is still to be seen. */
err *backup_pitr_resume(struct backups *b, const struct backup_restore *r, bool *ret_goes_on) {
  auto_volume_instance target = {0};
  auto_service_instance instance = {0};
  auto_deployment live = {0};
  bool found = false;
  *ret_goes_on = false;
  if (!*r->target_instance_id || !*r->target_service_id) return NULL;
  err *gone = volume_instance_get(b->core->db, r->target_instance_id, &target);
  if (gone && err_code_of(gone) != ERR_NOT_FOUND) return gone;
  err_free(gone);
  if (gone || target.state != VOLUME_READY || !str_eq(target.service_id, r->target_service_id)) return NULL;
  TRY(service_instance_find(b->core->db, r->target_service_id, target.environment_id, &found, &instance));
  if (found) TRY(deployment_find_latest(b->core->db, instance.id, &found, &live));
  if (!found) return NULL;
  backup_task *t = backup_task_new(b, r->volume_instance_id, wait_again);
  backup_restore_copy(r, &t->restore);
  volume_instance_copy(&target, &t->volume);
  id_copy(t->backup.environment_id, target.environment_id);
  *ret_goes_on = true;
  return NULL;
}

static void fill(backup_task *t) {
  backup_fill(t, t->restore.target_instance_id, on_filled, backup_restore_end);
}

static void go_on(backup_task *t) {
  database_close(t->session);
  t->session = NULL;
  err *e = make_service(t);
  if (!e) e = backup_make_volume(t, t->restore.target_service_id, NULL, fill);
  if (e) backup_restore_end(t, e);
}

/* ---- the latest log ---- */

static void on_pushed(void *arg, err *e) {
  backup_task *t = arg;
  if (backup_task_stopped(t, e)) return;
  if (e)
    backup_restore_end(t, err_wrap(e, "its latest log"));
  else
    go_on(t);
}

/* What the source says is not needed to restore what is in the repository. */
static void without_source(backup_task *t, err *e) {
  auto_backup_repository known = {0};
  bool found = false;
  log_warn("backup", "the latest log of volume %s: %s", t->volume_instance_id, err_message(e));
  err_free(e);
  e = backup_repository_find(t->core->db, t->volume_instance_id, &found, &known);
  if (e) {
    backup_restore_end(t, e);
    return;
  }
  if (t->restore.target_us >= known.wal_us) t->restore.target_us = 0; /* else Postgres does not come up */
  go_on(t);
}

static void on_archived(void *arg, err *e, const char *output);

static void ask_archived(void *arg) {
  backup_task *t = arg;
  timer_stop(t->timer);
  t->timer = NULL;
  auto_free char *text = str_format("SELECT coalesce(last_archived_wal, '') >= '%s' FROM pg_stat_archiver;", str_text(&t->output));
  struct database_statement s = {.text = text};
  t->asking = true;
  database_ask(t->session, &s, on_archived, t);
}

static void on_archived(void *arg, err *e, const char *output) {
  backup_task *t = arg;
  t->asking = false;
  if (backup_task_stopped(t, e)) return;
  bool archived = !e && str_eq(output, "t");
  if (!e && !archived && clock_monotonic_ms() - t->paused_at_ms > ARCHIVE_MS)
    e = err_new(ERR_BUSY, "Postgres does not archive its log");
  if (e)
    without_source(t, e);
  else if (archived)
    backup_wal_push(t->owner, &t->volume, on_pushed, t);
  else
    t->timer = timer_start(t->core->loop, POLL_MS, 0, ask_archived, t);
}

static void on_switched(void *arg, err *e, const char *output) {
  backup_task *t = arg;
  t->asking = false;
  if (backup_task_stopped(t, e)) return;
  const char *last = e ? NULL : strrchr(output, '\n');
  const char *name = e ? "" : last ? last + 1 : output;
  if (!e && !wal_is_segment(name)) e = err_new(ERR_CORRUPT, "Postgres names no segment of its log");
  if (e) {
    without_source(t, e);
    return;
  }
  str_clear(&t->output);
  str_add(&t->output, name);
  t->paused_at_ms = clock_monotonic_ms();
  ask_archived(t);
}

/* A transaction after the moment: where the log ends before it, Postgres refuses to come up.  The segment that is
 * switched away from is the one that holds it. */
static err *switch_log(backup_task *t) {
  struct database_target target = {.environment_id = t->volume.environment_id, .service_id = t->volume.service_id};
  struct database_statement s = {.text = "SELECT pg_current_xact_id();\nSELECT pg_walfile_name(pg_switch_wal());"};
  if (!*t->volume.service_id) return err_new(ERR_CONFLICT, "nothing runs with it any more");
  TRY(database_open(t->core, &target, &t->session));
  t->asking = true;
  database_ask(t->session, &s, on_switched, t);
  return NULL;
}

static void begin(backup_task *t) {
  err *e = volume_instance_get(t->core->db, t->volume_instance_id, &t->volume);
  if (e) {
    backup_restore_end(t, e);
    return;
  }
  e = switch_log(t);
  if (e) without_source(t, e);
}

/* ---- what is asked for ---- */

static err *log_reaches(core *c, const struct backup *b, int64_t target_us, bool *ret_reaches) {
  auto_backup_repository known = {0};
  bool found = false;
  TRY(backup_repository_find(c->db, b->volume_instance_id, &found, &known));
  *ret_reaches = found && target_us <= known.wal_us;
  return NULL;
}

/* Of a volume that the service had then. */
static err *find_former_base(core *c, const struct volume_instance *v, int64_t target_us, bool *ret_found, struct backup *ret_base) {
  auto_backup_list bases = {0};
  TRY(backup_list_bases(c->db, v->environment_id, v->service_id, &bases));
  for (size_t i = 0; i < bases.len && !*ret_found; i++) {
    const struct backup *b = &bases.items[i];
    if (str_eq(b->volume_instance_id, v->id) || b->taken_us >= target_us) continue;
    TRY(log_reaches(c, b, target_us, ret_found));
    if (*ret_found) backup_copy(b, ret_base);
  }
  return NULL;
}

static err *find_base(core *c, const struct volume_instance *v, int64_t target_us, struct backup *ret_base) {
  auto_backup_list list = {0};
  bool found = false;
  TRY(backup_list(c->db, v->id, &list));
  const struct backup *base = backup_base_for(&list, target_us);
  if (base)
    backup_copy(base, ret_base);
  else if (target_us && *v->service_id)
    TRY(find_former_base(c, v, target_us, &found, ret_base));
  return base || found ? NULL
                       : err_new(ERR_NOT_FOUND, "there is no base backup of this Postgres from before that moment, with the log up "
                                                "to it: `tram backup list`");
}

err *core_backup_pitr(core *c, const char *volume_instance_id, int64_t target_us, const char *name,
                      const char *user_id, char ret_workflow[ID_SIZE]) {
  auto_volume_instance v = {0};
  auto_backup base = {0};
  backup_task *t;
  TRY(backups_check(c));
  TRY(volume_instance_get(c->db, volume_instance_id, &v));
  if (target_us > clock_now_us()) return err_new(ERR_INVALID, "that moment is still to come");
  TRY(find_base(c, &v, target_us, &base));
  TRY(backup_restore_begin(c->backups, &base, RESTORE_PITR, user_id, begin, &t));
  t->restore.target_us = target_us;
  t->wanted_name = str_dup(name);
  id_copy(t->backup.service_id, *v.service_id ? v.service_id : base.service_id);
  id_copy(ret_workflow, t->restore.id);
  return NULL;
}

/* ---- the swap, and back ---- */

/* What the live service is to run with the restored data; NULL: what it runs now. */
static err *find_other_image(core *c, const struct volume_instance *own, const struct volume_instance *restored, char **ret_image) {
  auto_service_instance live = {0}, made = {0};
  bool found = false, both = false;
  TRY(service_instance_find(c->db, own->service_id, own->environment_id, &found, &live));
  if (found) TRY(service_instance_find(c->db, restored->service_id, own->environment_id, &both, &made));
  if (both && database_image_major(live.settings.source_image) != database_image_major(made.settings.source_image))
    *ret_image = str_dup(made.settings.source_image);
  return NULL;
}

/* The volume of the service that was restored from, which may be another one since. */
static err *find_own(core *c, const struct backup_restore *r, bool *ret_found, struct volume_instance *ret_own) {
  auto_backup b = {0};
  bool known = false;
  TRY(volume_instance_get(c->db, r->volume_instance_id, ret_own));
  *ret_found = *ret_own->service_id;
  if (*ret_found) return NULL;
  TRY(backup_find(c->db, r->backup_id, &known, &b));
  if (!known) return NULL;
  volume_instance_done(ret_own);
  *ret_own = (struct volume_instance){0};
  return volume_instance_find_by_service(c->db, b.service_id, b.environment_id, ret_found, ret_own);
}

/* The live service gets the volume of the restored one, which goes; its own stays, detached. */
static err *swap(core *c, const struct backup_restore *r, const char *environment_id, const char *user_id) {
  auto_volume_instance own = {0}, restored = {0};
  auto_free char *image = NULL;
  bool found = false;
  if (r->state != RESTORE_DONE) return err_new(ERR_CONFLICT, "its restore is not done");
  TRY(volume_instance_get(c->db, r->target_instance_id, &restored));
  if (!str_eq(restored.environment_id, environment_id))
    return err_new(ERR_NOT_FOUND, "the service was not restored in this environment");
  TRY(find_own(c, r, &found, &own));
  if (!found || !str_eq(restored.service_id, r->target_service_id))
    return err_new(ERR_CONFLICT, "the volumes are no longer attached to the two services");
  TRY(find_other_image(c, &own, &restored, &image));
  struct backup_swap s = {.volume_id = restored.volume_id, .mount_path = own.mount_path, .image = image,
                          .leaving_service_id = r->target_service_id};
  return backup_stage_swap(c, &own, &s, user_id);
}

/* What the service ran when it had that volume, where that is another major version; NULL: what it runs now. */
static err *find_former_image(core *c, const struct volume_instance *now, const struct volume_instance *former, char **ret_image) {
  auto_service_instance live = {0};
  auto_deployment_list list = {0};
  bool found = false;
  TRY(service_instance_find(c->db, now->service_id, now->environment_id, &found, &live));
  struct deployment_filter filter = {.service_instance_id = live.id};
  if (found) TRY(deployment_list(c->db, &filter, NULL, &list));
  for (size_t i = 0; i < list.len; i++) {
    auto_release release = {0};
    const char *image = list.items[i].settings.source_image;
    TRY(release_find(c->db, list.items[i].id, &found, &release));
    if (!found || !str_eq(json_get_text(json_array_get(release.volumes, 0), "id"), former->id)) continue;
    if (database_image_major(image) != database_image_major(live.settings.source_image)) *ret_image = str_dup(image);
    return NULL;
  }
  return NULL;
}

/* The service gets the volume back that it had before what it has now was restored. */
static err *swap_back(core *c, const char *environment_id, const char *service_id, const char *user_id) {
  auto_backup_restore r = {0};
  auto_volume_instance now = {0}, former = {0};
  auto_free char *image = NULL;
  bool found = false;
  TRY(volume_instance_find_by_service(c->db, service_id, environment_id, &found, &now));
  if (found) TRY(backup_restore_find_by_target(c->db, now.id, &found, &r));
  if (!found)
    return err_new(ERR_CONFLICT, "neither was the service made by a point-in-time restore, nor was its volume restored in the last week");
  err *gone = volume_instance_get(c->db, r.volume_instance_id, &former);
  if (gone && err_code_of(gone) != ERR_NOT_FOUND) return gone;
  err_free(gone);
  if (gone || volume_is_trashed(&former))
    return err_new(ERR_CONFLICT, "the volume that the service had before is deleted%s", gone ? "" : ": `tram volume restore` takes it out of the trash");
  if (*former.service_id) return err_new(ERR_CONFLICT, "the volume that the service had before is attached to another one");
  TRY(find_former_image(c, &now, &former, &image));
  struct backup_swap s = {.volume_id = former.volume_id, .mount_path = now.mount_path, .image = image};
  return backup_stage_swap(c, &now, &s, user_id);
}

err *core_backup_swap(core *c, const char *environment_id, const char *service_id, const char *user_id) {
  auto_backup_restore r = {0};
  bool found = false;
  TRY(backup_restore_find_by_service(c->db, service_id, &found, &r));
  return found ? swap(c, &r, environment_id, user_id) : swap_back(c, environment_id, service_id, user_id);
}
