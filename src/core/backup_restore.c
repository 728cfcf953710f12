/* Restores: their journal, and to a new volume that is then staged in the place of the old one. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/backup_private.h"
#include "core/staged.h"
#include "core/volume_private.h"
#include "store/backup.h"
#include "store/service.h"
#include "store/volume.h"

enum { POLL_MS = 100, VOLUME_MS = 600000 };

/* ---- the journal ---- */

err *backup_restore_begin(struct backups *b, const struct backup *from, enum backup_restore_kind kind,
                          const char *user_id, backup_task_fn *begin, backup_task **ret_task) {
  auto_backup_restore r = {.kind = kind};
  id_copy(r.backup_id, from->id);
  id_copy(r.volume_instance_id, from->volume_instance_id);
  id_copy(r.user_id, user_id);
  TRY(backup_restore_insert(b->core->db, &r));
  backup_task *t = backup_task_new(b, from->volume_instance_id, begin);
  backup_copy(from, &t->backup);
  backup_restore_copy(&r, &t->restore);
  *ret_task = t;
  return NULL;
}

/* Half of a backup is worth nothing: it does not lie in the trash, where it would keep its space for two days. */
static err *discard_target(core *c, const struct backup_restore *r) {
  auto_volume_instance v = {0}, now = {0};
  TRY(volume_instance_get(c->db, r->target_instance_id, &v));
  if (*v.service_id && !str_eq(v.service_id, r->target_service_id)) return NULL; /* somebody lives with it already */
  if (v.state == VOLUME_RESTORING) {
    v.state = VOLUME_READY;
    TRY(volume_instance_update(c->db, &v, clock_now_us()));
  }
  if (!volume_is_trashed(&v)) TRY(core_volume_delete(c, r->target_volume_id, r->user_id));
  TRY(volume_instance_get(c->db, r->target_instance_id, &now));
  now.deleted_us = 1;
  TRY(volume_instance_update(c->db, &now, clock_now_us()));
  volumes_wake(c);
  return NULL;
}

/* A volume that was made for a restore that came to nothing. */
static void drop_target(core *c, const struct backup_restore *r) {
  if (!*r->target_volume_id) return;
  auto_err *e = discard_target(c, r);
  if (e && err_code_of(e) != ERR_NOT_FOUND) log_warn("backup", "the volume of a restore that failed: %s", err_message(e));
}

static void drop_service(core *c, const struct backup_restore *r) {
  if (!*r->target_service_id) return;
  auto_err *e = core_service_delete(c, r->target_service_id);
  if (e && err_code_of(e) != ERR_NOT_FOUND) log_warn("backup", "the service of a restore that failed: %s", err_message(e));
}

static err *record_end(core *c, struct backup_restore *r, const err *e) {
  r->state = e ? RESTORE_FAILED : RESTORE_DONE;
  r->finished_us = clock_now_us();
  str_replace_owned(&r->problem, e ? err_message(e) : NULL);
  return backup_restore_update(c->db, r);
}

void backup_restore_end(backup_task *t, err *e) {
  auto_err *problem = e;
  auto_volume_instance source = {0};
  auto_err *failed = record_end(t->core, &t->restore, problem);
  if (failed) log_error("backup", "restore %s: %s", t->restore.id, err_message(failed));
  if (problem) {
    drop_service(t->core, &t->restore);
    drop_target(t->core, &t->restore);
    auto_err *gone = volume_instance_get(t->core->db, t->volume_instance_id, &source);
    if (!gone && t->restore.kind != RESTORE_DRILL) /* a drill tells itself */
      backup_event(t->core, &source, EVENT_WARNING, "failed", err_message(problem), "nothing was changed");
  }
  backup_task_end(t);
}

static void on_swept(void *arg, err *e) {
  (void)arg;
  if (e) log_warn("backup", "what a former tramd left of a drill: %s", err_message(e));
  err_free(e);
}

struct sweep {
  core *core;
  char id[ID_SIZE];
};

static void on_scratch_ended(void *arg, err *e) {
  struct sweep *s = arg;
  err_ignore(e);
  engine_remove_environment(s->core->engine, s->id, on_swept, NULL);
  engine_volume_remove(s->core->engine, s->id, on_swept, NULL);
  free(s);
}

static err *resume_one(struct backups *b, struct backup_restore *r) {
  auto_err *why = err_new(ERR_BUSY, "tramd ended while it was being restored");
  bool goes_on = false;
  if (r->kind == RESTORE_PITR) TRY(backup_pitr_resume(b, r, &goes_on));
  if (goes_on) return NULL;
  TRY(record_end(b->core, r, why));
  if (r->kind != RESTORE_DRILL) {
    drop_service(b->core, r);
    drop_target(b->core, r);
    return NULL;
  }
  struct sweep *s = mem_zalloc(sizeof *s);
  s->core = b->core;
  id_copy(s->id, r->id);
  engine_remove(b->core->engine, s->id, on_scratch_ended, s);
  return NULL;
}

err *backup_restore_resume(struct backups *b) {
  auto_backup_restore_list list = {0};
  TRY(backup_restore_list_running(b->core->db, &list));
  for (size_t i = 0; i < list.len; i++) TRY(resume_one(b, &list.items[i]));
  return NULL;
}

/* ---- a new volume ---- */

static err *note_target(backup_task *t, const struct volume *volume) {
  bool found = false;
  volume_instance_done(&t->volume);
  TRY(volume_instance_find(t->core->db, volume->id, t->backup.environment_id, &found, &t->volume));
  if (!found) return err_new(ERR_CORRUPT, "the new volume is not in the environment");
  id_copy(t->restore.target_volume_id, volume->id);
  id_copy(t->restore.target_instance_id, t->volume.id);
  return backup_restore_update(t->core->db, &t->restore);
}

static void look_at_volume(void *arg) {
  backup_task *t = arg;
  auto_volume_instance now = {0};
  timer_stop(t->timer);
  t->timer = NULL;
  err *e = volume_instance_get(t->core->db, t->volume.id, &now);
  if (!e && now.state == VOLUME_UPDATING && clock_monotonic_ms() - t->begun_ms < VOLUME_MS) {
    t->timer = timer_start(t->core->loop, POLL_MS, 0, look_at_volume, t);
    return;
  }
  if (!e && now.state != VOLUME_READY)
    e = err_new(ERR_IO, "the new volume: %s", now.problem ? now.problem : volume_state_name(now.state));
  if (!e) {
    now.state = VOLUME_RESTORING;
    e = volume_instance_update(t->core->db, &now, clock_now_us());
  }
  if (e)
    backup_restore_end(t, e);
  else
    t->next(t);
}

err *backup_make_volume(backup_task *t, const char *service_id, const char *name, backup_task_fn *next) {
  auto_volume made = {0};
  auto_volume_instance source = {0};
  TRY(volume_instance_get(t->core->db, t->volume_instance_id, &source));
  int64_t size = t->backup.volume_bytes > source.size_bytes ? t->backup.volume_bytes : source.size_bytes;
  struct core_volume_request request = {.project_id = t->backup.project_id, .environment_id = t->backup.environment_id,
                                        .service_id = service_id, .mount_path = source.mount_path, .name = name,
                                        .size_bytes = size, .user_id = t->restore.user_id};
  TRY(core_volume_create(t->core, &request, &made));
  TRY(note_target(t, &made));
  t->next = next;
  t->timer = timer_start(t->core->loop, POLL_MS, 0, look_at_volume, t);
  return NULL;
}

/* ---- to a new volume ---- */

err *backup_target_ready(backup_task *t) {
  volume_instance_done(&t->volume);
  TRY(volume_instance_get(t->core->db, t->restore.target_instance_id, &t->volume));
  if (t->volume.state != VOLUME_RESTORING) return err_new(ERR_CONFLICT, "the new volume was deleted meanwhile");
  t->volume.state = VOLUME_READY;
  return volume_instance_update(t->core->db, &t->volume, clock_now_us());
}

/* {services: {<service>: {source: {image}, volumeMounts: {<old>: null, <new>: {mountPath}}}}}.  An earlier restore may be
 * staged there: this one takes its place. */
err *backup_stage_swap(core *c, const struct volume_instance *from, const struct backup_swap *s, const char *user_id) {
  auto_environment_patch before = {0}, staged = {0};
  auto_json *present = NULL, *mounts = json_object();
  const char *id;
  json_t *mount;
  TRY(core_staged(c, from->environment_id, &before));
  if (before.patch) TRY(json_parse(before.patch, strlen(before.patch), "what is staged", &present));
  const json_t *service = json_object_get(json_object_get(present, "services"), from->service_id);
  json_object_foreach(json_object_get(service, "volumeMounts"), id, mount) json_object_set_new(mounts, id, json_null());
  json_object_set_new(mounts, from->volume_id, json_null());
  json_object_set_new(mounts, s->volume_id, json_pack("{s:s}", "mountPath", s->mount_path));
  auto_json *patch = json_pack("{s:{s:{s:O}}}", "services", from->service_id, "volumeMounts", mounts);
  json_t *services = json_object_get(patch, "services");
  if (s->image) json_object_set_new(json_object_get(services, from->service_id), "source", json_pack("{s:s}", "image", s->image));
  if (s->leaving_service_id) json_object_set_new(services, s->leaving_service_id, json_pack("{s:b}", "isDeleted", true));
  return core_stage(c, from->environment_id, patch, true, user_id, &staged);
}

static err *stage(backup_task *t) {
  auto_volume_instance source = {0};
  TRY(volume_instance_get(t->core->db, t->volume_instance_id, &source));
  if (!*source.service_id) return NULL;
  struct backup_swap s = {.volume_id = t->restore.target_volume_id, .mount_path = source.mount_path};
  return backup_stage_swap(t->core, &source, &s, t->restore.user_id);
}

/* Together: there is no moment at which a volume is staged that the next start would take for half a restore. */
static err *complete(backup_task *t, bool stages) {
  auto_db_transaction tr = {0};
  TRY(db_begin(t->core->db, &tr));
  TRY(backup_target_ready(t));
  if (stages) TRY(err_wrap(stage(t), "staging the swap"));
  TRY(record_end(t->core, &t->restore, NULL));
  return db_commit(&tr);
}

/* What was restored is kept though something else that is staged keeps it from being staged, too. */
static void on_filled(backup_task *t) {
  auto_err *unstaged = complete(t, true);
  err *e = unstaged ? complete(t, false) : NULL;
  auto_free char *outcome = unstaged ? str_format("nothing was staged (%s): attach the volume when that is done", err_message(unstaged))
                                     : str_dup("the swap is staged: `tram environment commit` does it");
  if (!e) backup_event(t->core, &t->volume, EVENT_INFO, "restored", "a backup was restored to a new volume", outcome);
  backup_restore_end(t, e);
}

static void fill(backup_task *t) {
  backup_fill(t, t->restore.target_instance_id, on_filled, backup_restore_end);
}

static char *name_of(const struct volume *source, int64_t taken_us) {
  char text[CLOCK_TEXT_SIZE];
  clock_format(taken_us, text);
  return str_format("%.40s-%.4s%.2s%.2s-%.2s%.2s", source->name, text, text + 5, text + 8, text + 11, text + 14);
}

static err *begin(backup_task *t) {
  auto_volume_instance instance = {0};
  auto_volume source = {0};
  bool exists = false;
  TRY(volume_instance_get(t->core->db, t->volume_instance_id, &instance));
  TRY(volume_get(t->core->db, instance.volume_id, &source));
  auto_free char *name = name_of(&source, t->backup.taken_us);
  TRY(volume_name_exists(t->core->db, source.project_id, name, &exists));
  auto_free char *again = exists ? str_format("%s-%.4s", name, t->restore.id) : NULL;
  return backup_make_volume(t, NULL, again ? again : name, fill);
}

static void restore(backup_task *t) {
  err *e = begin(t);
  if (e) backup_restore_end(t, e);
}

err *core_backup_restore(core *c, const char *volume_instance_id, const char *id, const char *user_id,
                         char ret_workflow[ID_SIZE]) {
  auto_backup b = {0};
  backup_task *t;
  TRY(backups_check(c));
  TRY(core_backup_find(c, volume_instance_id, id, &b));
  if (b.state != BACKUP_READY) return err_new(ERR_CONFLICT, "the backup is not one that can be restored");
  TRY(backup_restore_begin(c->backups, &b, RESTORE_VOLUME, user_id, restore, &t));
  id_copy(ret_workflow, t->restore.id);
  return NULL;
}
