/* What people ask of backups (core/backup.h): rows, and tasks. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/backup_private.h"
#include "store/backup.h"
#include "store/volume.h"

static err *find_volume(core *c, const char *id, struct volume_instance *ret_volume) {
  TRY(volume_instance_get(c->db, id, ret_volume));
  if (!volume_is_trashed(ret_volume)) return NULL;
  volume_instance_done(ret_volume);
  return err_new(ERR_CONFLICT, "the volume is deleted: restore it first");
}

/* ---- taking ---- */

static err *check_quota(core *c, const struct volume_instance *v, const struct backup_list *list) {
  auto_backup_repository known = {0};
  bool found = false;
  size_t manual = 0;
  for (size_t i = 0; i < list->len; i++) {
    const struct backup *b = &list->items[i];
    if (b->state == BACKUP_TAKING) return err_new(ERR_BUSY, "a backup of this volume is being taken");
    manual += b->state == BACKUP_READY && b->kind == BACKUP_MANUAL;
  }
  if (manual >= BACKUPS_MANUAL_MAX)
    return err_new(ERR_LIMIT, "the volume has %d backups that were taken by hand: delete one", BACKUPS_MANUAL_MAX);
  TRY(backup_repository_find(c->db, v->id, &found, &known));
  int64_t quota = c->options.backup_quota_bytes;
  if (found && quota && known.bytes > quota)
    return err_new(ERR_LIMIT, "its backups take %lld MB, and %lld MB is the most (backup.quota): delete one",
                   (long long)(known.bytes / 1000000), (long long)(quota / 1000000));
  return NULL;
}

err *core_backup_create(core *c, const char *volume_instance_id, const char *name, const char *user_id,
                        char ret_id[ID_SIZE]) {
  auto_volume_instance v = {0};
  auto_backup_list list = {0};
  TRY(backups_check(c));
  if (name && (strlen(name) > 4 * BACKUP_NAME_MAX || !str_is_utf8(name, strlen(name))))
    return err_new(ERR_INVALID, "a backup's name has at most %d characters", BACKUP_NAME_MAX);
  TRY(find_volume(c, volume_instance_id, &v));
  TRY(backup_list(c->db, v.id, &list));
  TRY(check_quota(c, &v, &list));
  return backup_take_start(c->backups, &v, BACKUP_MANUAL, str_empty(name) ? NULL : name, user_id, ret_id);
}

err *core_backup_find(core *c, const char *volume_instance_id, const char *id, struct backup *ret_backup) {
  auto_backup b = {0};
  TRY(backup_get(c->db, id, &b));
  if (!str_eq(b.volume_instance_id, volume_instance_id) || b.state == BACKUP_DELETED)
    return err_new(ERR_NOT_FOUND, "backup '%s' does not exist", id);
  *ret_backup = b;
  b = (struct backup){0};
  return NULL;
}

static err *find_ready(core *c, const char *volume_instance_id, const char *id, struct backup *ret_backup) {
  auto_backup b = {0};
  TRY(core_backup_find(c, volume_instance_id, id, &b));
  if (b.state != BACKUP_READY)
    return err_new(ERR_CONFLICT, "the backup is %s", b.state == BACKUP_TAKING   ? "still being taken"
                                                     : b.state == BACKUP_FAILED ? "one that failed: nothing of it is kept"
                                                                                : "being deleted");
  *ret_backup = b;
  b = (struct backup){0};
  return NULL;
}

/* ---- deleting: the row says so first, a task takes it out of the repository ---- */

err *core_backup_delete(core *c, const char *volume_instance_id, const char *id) {
  auto_backup b = {0};
  TRY(backups_check(c));
  TRY(core_backup_find(c, volume_instance_id, id, &b));
  if (b.state == BACKUP_TAKING) return err_new(ERR_CONFLICT, "the backup is still being taken");
  b.state = BACKUP_DELETING;
  TRY(backup_update(c->db, &b));
  backup_tidy(c->backups, b.volume_instance_id);
  return NULL;
}

err *core_backup_lock(core *c, const char *volume_instance_id, const char *id) {
  auto_backup b = {0};
  TRY(find_ready(c, volume_instance_id, id, &b));
  b.is_locked = true;
  b.expires_us = 0;
  return backup_update(c->db, &b);
}

/* ---- schedules ---- */

err *core_backup_schedule(core *c, const char *volume_instance_id, struct backup_schedule *ret_schedule) {
  auto_volume_instance v = {0};
  bool found = false;
  TRY(volume_instance_get(c->db, volume_instance_id, &v));
  TRY(backup_schedule_find(c->db, volume_instance_id, &found, ret_schedule));
  if (found) return NULL;
  *ret_schedule = (struct backup_schedule){.daily = true, .weekly = true, .monthly = true, .created_us = v.created_us};
  id_copy(ret_schedule->volume_instance_id, volume_instance_id);
  return NULL;
}

err *core_backup_set_schedule(core *c, const char *volume_instance_id, const struct backup_schedule *wanted) {
  auto_volume_instance v = {0};
  auto_backup_schedule row = {.daily = wanted->daily, .weekly = wanted->weekly, .monthly = wanted->monthly,
                              .updated_us = clock_now_us()};
  TRY(find_volume(c, volume_instance_id, &v));
  id_copy(row.volume_instance_id, v.id);
  return backup_schedule_set(c->db, &row);
}

/* ---- drills ---- */

err *core_backup_drill(core *c, const char *volume_instance_id, const char *user_id, char ret_workflow[ID_SIZE]) {
  auto_backup_list list = {0};
  backup_task *t;
  const struct backup *newest = NULL;
  TRY(backups_check(c));
  TRY(backup_list(c->db, volume_instance_id, &list));
  for (size_t i = 0; i < list.len; i++)
    if (list.items[i].state == BACKUP_READY && (!newest || list.items[i].taken_us > newest->taken_us))
      newest = &list.items[i];
  if (!newest) return err_new(ERR_NOT_FOUND, "the volume has no backup yet: `tram backup create`");
  TRY(backup_restore_begin(c->backups, newest, RESTORE_DRILL, user_id, backup_drill, &t));
  id_copy(ret_workflow, t->restore.id);
  return NULL;
}

/* ---- workflows ---- */

err *core_backup_workflow(core *c, const char *id, enum core_workflow *ret_state, char **ret_problem) {
  auto_backup b = {0};
  auto_backup_restore r = {0};
  bool found = false;
  static const enum core_workflow of_backup[] = {[BACKUP_TAKING] = CORE_WORKFLOW_RUNNING,
                                                 [BACKUP_READY] = CORE_WORKFLOW_DONE,
                                                 [BACKUP_FAILED] = CORE_WORKFLOW_FAILED,
                                                 [BACKUP_DELETING] = CORE_WORKFLOW_RUNNING,
                                                 [BACKUP_DELETED] = CORE_WORKFLOW_DONE};
  static const enum core_workflow of_restore[] = {[RESTORE_RUNNING] = CORE_WORKFLOW_RUNNING,
                                                  [RESTORE_DONE] = CORE_WORKFLOW_DONE,
                                                  [RESTORE_FAILED] = CORE_WORKFLOW_FAILED};
  *ret_state = CORE_WORKFLOW_NONE;
  TRY(backup_find(c->db, id, &found, &b));
  if (found) {
    *ret_state = of_backup[b.state];
    *ret_problem = str_dup(b.problem);
    return NULL;
  }
  TRY(backup_restore_find(c->db, id, &found, &r));
  if (!found) return NULL;
  *ret_state = of_restore[r.state];
  *ret_problem = str_dup(r.problem);
  return NULL;
}

err *core_backup_window(core *c, const char *volume_instance_id, int64_t *ret_from_us, int64_t *ret_to_us) {
  auto_backup_list list = {0};
  auto_backup_repository known = {0};
  bool found = false;
  *ret_from_us = *ret_to_us = 0;
  TRY(backup_list(c->db, volume_instance_id, &list));
  TRY(backup_repository_find(c->db, volume_instance_id, &found, &known));
  int64_t window_us = clock_now_us() - BACKUP_WINDOW_US;
  for (size_t i = 0; i < list.len; i++) {
    const struct backup *b = &list.items[i];
    bool counts = b->state == BACKUP_READY && b->method == BACKUP_POSTGRES && b->taken_us >= window_us;
    if (counts && (!*ret_from_us || b->taken_us < *ret_from_us)) *ret_from_us = b->taken_us;
  }
  if (*ret_from_us) *ret_to_us = known.wal_us > *ret_from_us ? known.wal_us : *ret_from_us;
  return NULL;
}
