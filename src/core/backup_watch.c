/* What is due: looked at every some seconds, for every volume.  Backups by schedule, log, drills, what is to go, and
 * what its owner is to be told. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/backup_private.h"
#include "store/backup.h"
#include "store/database_upgrade.h"
#include "store/deployment.h"
#include "store/release.h"
#include "store/volume.h"

#define DAY_US (24LL * 3600 * 1000000)
enum { WAL_EVERY_TICKS = 3, SPARE_WALS = 8 };

/* ---- what is known of a repository ---- */

static err *load(core *c, const char *volume_instance_id, struct backup_repository *ret_known) {
  bool found = false;
  TRY(backup_repository_find(c->db, volume_instance_id, &found, ret_known));
  id_copy(ret_known->volume_instance_id, volume_instance_id);
  return NULL;
}

static err *set_problem(core *c, const char *volume_instance_id, const char *problem) {
  auto_backup_repository known = {0};
  TRY(load(c, volume_instance_id, &known));
  if (str_eq(known.problem, problem)) return NULL;
  str_replace_owned(&known.problem, problem);
  return backup_repository_set(c->db, &known);
}

void backup_problem(struct backups *b, const char *volume_instance_id, const char *problem) {
  auto_err *e = set_problem(b->core, volume_instance_id, problem);
  if (e) log_warn("backup", "volume %s: %s", volume_instance_id, err_message(e));
}

static void on_measured(void *arg, err *e, const struct restic_result *result) {
  backup_task *t = arg;
  auto_backup_repository known = {0};
  t->job = NULL;
  if (backup_task_stopped(t, e)) return;
  if (!e) e = load(t->core, t->volume_instance_id, &known);
  if (!e) {
    known.bytes = json_get_int(result->answer, "total_size", 0);
    known.measured_us = clock_now_us();
    e = backup_repository_set(t->core->db, &known);
  }
  if (e && err_code_of(e) != ERR_NOT_FOUND) log_warn("backup", "how much the backups of %s take: %s", t->volume_instance_id, err_message(e));
  err_free(e);
  backup_task_end(t);
}

static void measure(backup_task *t) {
  struct restic_job_options o = backup_job(t, t->volume_instance_id, on_measured);
  err *e = restic_stats(t->owner->restic, &o, &t->job);
  if (!e) return;
  err_ignore(e);
  backup_task_end(t);
}

void backup_measure(struct backups *b, const char *volume_instance_id) {
  backup_task_new(b, volume_instance_id, measure);
}

/* ---- what goes ---- */

static bool goes(const struct backup *b, int64_t now_us) {
  if (b->state == BACKUP_DELETING) return true;
  return b->state == BACKUP_READY && !b->is_locked && b->expires_us && b->expires_us <= now_us;
}

/* Rows of what is in no repository. */
static err *forget_rows(core *c, const struct backup_list *list, int64_t now_us) {
  for (size_t i = 0; i < list->len; i++) {
    const struct backup *b = &list->items[i];
    bool old = b->state == BACKUP_DELETED ? now_us - b->created_us > DAY_US && now_us - b->taken_us > DAY_US
                                          : b->state == BACKUP_FAILED && now_us - b->created_us > 7 * DAY_US;
    if (old) TRY(backup_purge(c->db, b->id));
  }
  return NULL;
}

static err *record_gone(backup_task *t) {
  auto_backup_list list = {0};
  int64_t now_us = clock_now_us();
  TRY(backup_list(t->core->db, t->volume_instance_id, &list));
  for (size_t i = 0; i < list.len; i++) {
    if (!goes(&list.items[i], now_us)) continue;
    list.items[i].state = BACKUP_DELETED;
    TRY(backup_update(t->core->db, &list.items[i]));
  }
  return NULL;
}

static err *collect_wals(backup_task *t, struct strv *ret_snapshots, struct strv *ret_rows) {
  auto_backup_list list = {0};
  auto_backup_wal_list wals = {0};
  TRY(backup_list(t->core->db, t->volume_instance_id, &list));
  TRY(backup_wal_list(t->core->db, t->volume_instance_id, &wals));
  for (size_t i = 0; i < wals.len; i++) {
    if (!wal_is_spare(&wals, i, &list, clock_now_us() - BACKUP_WINDOW_US)) continue;
    strv_add(ret_snapshots, wals.items[i].snapshot_id);
    strv_add(ret_rows, wals.items[i].id);
  }
  return NULL;
}

static void on_wals_gone(void *arg, err *e, const struct restic_result *result) {
  backup_task *t = arg;
  auto_strv rows = STRV_EMPTY;
  (void)result;
  t->job = NULL;
  if (backup_task_stopped(t, e)) return;
  strv_split(&rows, str_text(&t->output), '\n');
  for (size_t i = 0; !e && i < rows.len; i++)
    if (*rows.items[i]) e = backup_wal_delete(t->core->db, rows.items[i]);
  if (e) log_warn("backup", "log of %s that is not needed: %s", t->volume_instance_id, err_message(e));
  err_free(e);
  measure(t);
}

/* The rows are remembered: what is put in meanwhile stays. */
static err *forget_wals(backup_task *t, bool *ret_begun) {
  auto_strv snapshots = STRV_EMPTY, rows = STRV_EMPTY;
  auto_free char *repository = backup_wal_repository(t->volume_instance_id);
  struct restic_job_options o = backup_job(t, repository, on_wals_gone);
  *ret_begun = false;
  TRY(collect_wals(t, &snapshots, &rows));
  if (!snapshots.len) return NULL;
  auto_free char *joined = strv_join(&rows, "\n");
  str_clear(&t->output);
  str_add(&t->output, joined);
  TRY(restic_forget(t->owner->restic, &o, (const char *const *)snapshots.items, true, &t->job));
  *ret_begun = true;
  return NULL;
}

static void go_on_with_wals(backup_task *t, err *e) {
  bool begun = false;
  if (!e) e = forget_wals(t, &begun);
  if (e) {
    log_warn("backup", "old backups of %s: %s; trying again", t->volume_instance_id, err_message(e));
    backup_problem(t->owner, t->volume_instance_id, err_message(e));
  }
  err_free(e);
  if (!begun) measure(t);
}

static void on_gone(void *arg, err *e, const struct restic_result *result) {
  backup_task *t = arg;
  (void)result;
  t->job = NULL;
  if (backup_task_stopped(t, e)) return;
  go_on_with_wals(t, e ? e : record_gone(t));
}

static err *forget_old(backup_task *t, bool *ret_begun) {
  auto_backup_list list = {0};
  auto_strv snapshots = STRV_EMPTY;
  int64_t now_us = clock_now_us();
  struct restic_job_options o = backup_job(t, t->volume_instance_id, on_gone);
  *ret_begun = false;
  TRY(backup_list(t->core->db, t->volume_instance_id, &list));
  for (size_t i = 0; i < list.len; i++)
    if (goes(&list.items[i], now_us) && list.items[i].snapshot_id) strv_add(&snapshots, list.items[i].snapshot_id);
  if (!snapshots.len) return record_gone(t);
  TRY(restic_forget(t->owner->restic, &o, (const char *const *)snapshots.items, true, &t->job));
  *ret_begun = true;
  return NULL;
}

static void tidy(backup_task *t) {
  bool begun = false;
  err *e = forget_old(t, &begun);
  if (!begun) go_on_with_wals(t, e);
}

void backup_tidy(struct backups *b, const char *volume_instance_id) {
  backup_task_new(b, volume_instance_id, tidy);
}

static err *needs_tidying(core *c, const char *id, const struct backup_list *list, int64_t now_us, bool *ret_needs) {
  auto_backup_wal_list wals = {0};
  size_t spare = 0;
  *ret_needs = false;
  for (size_t i = 0; i < list->len; i++) *ret_needs |= goes(&list->items[i], now_us);
  TRY(backup_wal_list(c->db, id, &wals));
  for (size_t i = 0; i < wals.len; i++) spare += wal_is_spare(&wals, i, list, now_us - BACKUP_WINDOW_US);
  *ret_needs |= spare >= SPARE_WALS;
  return NULL;
}

/* ---- what belongs to no volume any more ---- */

static void on_removed(void *arg, err *e, const struct restic_result *result) {
  backup_task *t = arg;
  (void)result;
  t->job = NULL;
  if (backup_task_stopped(t, e)) return;
  if (!e) e = backup_forget_volume(t->core->db, t->volume_instance_id);
  if (e) log_warn("backup", "backups of the volume %s, which is gone: %s; trying again", t->volume_instance_id, err_message(e));
  err_free(e);
  backup_task_end(t);
}

static void on_log_removed(void *arg, err *e, const struct restic_result *result) {
  backup_task *t = arg;
  (void)result;
  t->job = NULL;
  if (backup_task_stopped(t, e)) return;
  struct restic_job_options o = backup_job(t, t->volume_instance_id, on_removed);
  if (!e) e = restic_remove(t->owner->restic, &o, &t->job);
  if (e) on_removed(t, e, NULL);
}

static void remove_all(backup_task *t) {
  auto_free char *repository = backup_wal_repository(t->volume_instance_id);
  struct restic_job_options o = backup_job(t, repository, on_log_removed);
  err *e = restic_remove(t->owner->restic, &o, &t->job);
  if (e) on_removed(t, e, NULL);
}

static err *sweep_orphans(struct backups *b) {
  auto_strv orphans = STRV_EMPTY;
  TRY(backup_list_orphans(b->core->db, &orphans));
  for (size_t i = 0; i < orphans.len; i++)
    if (!backups_have_task(b, orphans.items[i])) backup_task_new(b, orphans.items[i], remove_all);
  return backup_restore_forget_before(b->core->db, clock_now_us() - 7 * DAY_US);
}

/* ---- what its owner is told ---- */

static err *tell(struct backups *b, const struct volume_instance *v, const struct backup_question *q) {
  auto_backup_repository known = {0};
  TRY(load(b->core, v->id, &known));
  bool overdue = backup_is_overdue(q);
  if (!overdue || q->now_us - known.alerted_us < DAY_US) return NULL;
  auto_free char *outcome = str_format("it is tried again%s%s", known.problem ? "; the last try: " : "", known.problem ? known.problem : "");
  backup_event(b->core, v, EVENT_CRITICAL, "overdue", "the volume has no backup of the last 36 hours", outcome);
  known.alerted_us = q->now_us;
  return backup_repository_set(b->core->db, &known);
}

/* ---- the log of a Postgres ---- */

/* What is on its way out still writes. */
static err *is_held(core *c, const struct volume_instance *v, bool *ret_held) {
  auto_deployment_list list = {0};
  struct instance_counts counts;
  TRY(deployment_list_unfinished(c->db, &list));
  for (size_t i = 0; i < list.len && !*ret_held; i++) {
    auto_release release = {0};
    bool was_live = false;
    if (!str_eq(list.items[i].environment_id, v->environment_id)) continue;
    TRY(release_find(c->db, list.items[i].id, &was_live, &release));
    if (!was_live || !str_eq(json_get_text(json_array_get(release.volumes, 0), "id"), v->id)) continue;
    instances_count(c, list.items[i].id, &counts);
    *ret_held = counts.running + counts.other > 0;
  }
  return NULL;
}

/* What runs archives its log again and again; what has ended once more, so that its last seconds are not only in the volume. */
static err *look_at_log(struct backups *b, const struct volume_instance *v, const struct deployment *live,
                        const struct backup_list *list) {
  auto_backup_repository known = {0};
  bool serves = *live->id && database_kind_of_image(live->settings.source_image) == DATABASE_POSTGRES, held = false;
  if (!serves && !backup_base_for(list, 0)) return NULL;
  TRY(load(b->core, v->id, &known));
  if (serves && known.wal_closed_us) {
    known.wal_closed_us = 0;
    TRY(backup_repository_set(b->core->db, &known));
  }
  if (serves) {
    backup_wal_push(b, v, NULL, NULL);
  } else if (!known.wal_closed_us) {
    TRY(is_held(b->core, v, &held));
    if (!held) backup_wal_close(b, v);
  }
  return NULL;
}

/* ---- a volume ---- */

static err *look(struct backups *b, const struct volume_instance *v, bool wal) {
  auto_backup_schedule schedule = {0};
  auto_backup_list list = {0};
  auto_deployment live = {0};
  enum backup_kind kind;
  bool needs = false;
  int64_t now_us = clock_now_us();
  TRY(core_backup_schedule(b->core, v->id, &schedule));
  TRY(backup_list(b->core->db, v->id, &list));
  TRY(forget_rows(b->core, &list, now_us));
  struct backup_question q = {v->id, v->created_us, &schedule, &list, now_us};
  TRY(tell(b, v, &q));
  TRY(backup_find_live(b->core, v, &live));
  if (wal) TRY(look_at_log(b, v, &live, &list));
  if (backups_have_task(b, v->id)) return NULL;
  TRY(needs_tidying(b->core, v->id, &list, now_us, &needs));
  const struct backup *drilled = backup_to_drill(&list, now_us);
  backup_task *t;
  if (needs)
    backup_tidy(b, v->id);
  else if (backup_is_due(&q, &kind))
    TRY(backup_take_start(b, v, kind, NULL, NULL, NULL));
  else if (drilled && now_us - drilled->taken_us > DAY_US / 24)
    TRY(backup_restore_begin(b, drilled, RESTORE_DRILL, NULL, backup_drill, &t));
  return NULL;
}

/* What is being copied to it is elsewhere, and a base backup of its middle would be worth nothing. */
static bool is_copy(const struct database_upgrade_list *open, const struct volume_instance *v) {
  for (size_t i = 0; i < open->len; i++)
    if (*open->items[i].sibling_id && str_eq(open->items[i].volume_id, v->id)) return true;
  return false;
}

void core_backup_begin(core *c, const char *volume_instance_id) {
  auto_volume_instance v = {0};
  if (!c->backups->restic || backups_have_task(c->backups, volume_instance_id)) return;
  auto_err *e = volume_instance_get(c->db, volume_instance_id, &v);
  if (!e) e = backup_take_start(c->backups, &v, BACKUP_DAILY, NULL, NULL, NULL);
  if (e) log_warn("backup", "the first backup of volume %s: %s; its schedule takes it", volume_instance_id, err_message(e));
}

void backup_watch_tick(void *backups_) {
  struct backups *b = backups_;
  auto_volume_instance_list volumes = {0};
  auto_database_upgrade_list upgrades = {0};
  if (b->core->stopping || !b->restic) return;
  bool wal = b->ticks++ % WAL_EVERY_TICKS == 0;
  err *e = volume_instance_list(b->core->db, &volumes);
  if (!e) e = database_upgrade_list_open(b->core->db, &upgrades);
  for (size_t i = 0; !e && i < volumes.len; i++)
    if (volume_has_data(&volumes.items[i]) && !is_copy(&upgrades, &volumes.items[i]))
      e = err_wrap(look(b, &volumes.items[i], wal), "volume %s", volumes.items[i].id);
  if (!e) e = sweep_orphans(b);
  if (e) log_error("backup", "%s", err_message(e));
  err_free(e);
}
