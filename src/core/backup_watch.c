/* What is due: looked at every some seconds, for every volume.  Backups by schedule, log, drills, and what is to go.
 *
 * Nothing goes because its time is over while the clock cannot be trusted: a machine that starts in the year 2090 and
 * is told the time a minute later would have lost every backup but one.  So that is left alone for an hour after a
 * start, and after the clock has jumped. */
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
#define JUMP_US (300LL * 1000000)
enum { WAL_EVERY_TICKS = 3, SPARE_WALS = 8, STEADY_MS = 3600 * 1000 };

/* ---- the clock ---- */

static void look_at_clock(struct backups *b) {
  int64_t mono_ms = clock_monotonic_ms(), ahead_us = clock_now_us() - mono_ms * 1000;
  bool jumped = llabs(ahead_us - b->clock_ahead_us) > JUMP_US;
  b->clock_ahead_us = ahead_us;
  if (jumped || !b->steady_since_ms) b->steady_since_ms = mono_ms;
}

/* By which it is decided what is over; 0 while that is not known. */
static int64_t retention_now_us(const struct backups *b) {
  bool is_steady = b->steady_since_ms && clock_monotonic_ms() - b->steady_since_ms >= STEADY_MS;
  return is_steady ? clock_now_us() : 0;
}

/* ---- how much it is ---- */

static void on_all_measured(void *arg, err *e, const struct restic_result *result) {
  backup_task *t = arg;
  t->job = NULL;
  if (backup_task_stopped(t, e)) return;
  if (!e && result) t->measured_bytes += json_get_int(result->answer, "total_size", 0);
  auto_err *problem = e && err_code_of(e) != ERR_NOT_FOUND ? e : NULL;
  if (!problem) err_free(e); /* no repository has no bytes */
  if (!problem) problem = backup_note_size(t->owner, t->volume_instance_id, t->measured_bytes);
  if (problem && err_code_of(problem) != ERR_NOT_FOUND)
    log_warn("backup", "how much the backups of %s take: %s", t->volume_instance_id, err_message(problem));
  backup_task_end(t);
}

/* The log, when there is some. */
static err *measure_log(backup_task *t) {
  auto_backup_wal_list wals = {0};
  auto_free char *repository = backup_wal_repository(t->volume_instance_id);
  struct restic_job_options o = backup_job(t, repository, on_all_measured);
  TRY(backup_wal_list(t->core->db, t->volume_instance_id, &wals));
  if (wals.len) return restic_stats(t->owner->restic, &o, &t->job);
  on_all_measured(t, NULL, NULL);
  return NULL;
}

static void on_measured(void *arg, err *e, const struct restic_result *result) {
  backup_task *t = arg;
  t->job = NULL;
  if (backup_task_stopped(t, e)) return;
  if (!e) t->measured_bytes = json_get_int(result->answer, "total_size", 0);
  if (!e) e = measure_log(t);
  if (e) on_all_measured(t, e, NULL);
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

/* What could not be removed a moment ago cannot be now. */
static bool may_tidy(const struct backups *b, const char *volume_instance_id) {
  return clock_monotonic_ms() >= backup_noted_time(b->tidy_after, volume_instance_id);
}

/* Rows of what is in no repository. */
static err *forget_rows(core *c, const struct backup_list *list, int64_t now_us) {
  for (size_t i = 0; i < list->len; i++) {
    const struct backup *b = &list->items[i];
    bool old = b->state == BACKUP_DELETED ? now_us - b->created_us > DAY_US && now_us - b->taken_us > DAY_US
                                          : b->state == BACKUP_FAILED && !b->snapshot_id && now_us - b->created_us > 7 * DAY_US;
    if (old) TRY(backup_purge(c->db, b->id));
  }
  return NULL;
}

/* One that failed stays told as that. */
static err *record_gone_one(core *c, struct backup *b) {
  if (b->state != BACKUP_FAILED) b->state = BACKUP_DELETED;
  str_replace_owned(&b->snapshot_id, NULL);
  return backup_update(c->db, b);
}

/* What was taken out, and what is to go and never was in. */
static err *record_gone(backup_task *t, const struct strv *snapshots) {
  auto_backup_list list = {0};
  TRY(backup_list(t->core->db, t->volume_instance_id, &list));
  for (size_t i = 0; i < list.len; i++) {
    struct backup *b = &list.items[i];
    bool gone = b->snapshot_id ? strv_has(snapshots, b->snapshot_id) : b->state == BACKUP_DELETING;
    if (gone) TRY(record_gone_one(t->core, b));
  }
  return NULL;
}

static err *collect_wals(backup_task *t, struct strv *ret_snapshots, struct strv *ret_rows) {
  auto_backup_list list = {0};
  auto_backup_wal_list wals = {0};
  TRY(backup_list(t->core->db, t->volume_instance_id, &list));
  TRY(backup_wal_list(t->core->db, t->volume_instance_id, &wals));
  for (size_t i = 0; i < wals.len; i++) {
    if (!wal_is_spare(&wals, i, &list, retention_now_us(t->owner) - BACKUP_WINDOW_US)) continue;
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
    backup_note_time(t->owner->tidy_after, t->volume_instance_id, clock_monotonic_ms() + BACKUP_RETRY_US / 1000);
    backup_failing(t->owner, t->volume_instance_id, BACKUP_ACT_TIDY, err_message(e));
  } else {
    backup_working(t->owner, t->volume_instance_id, BACKUP_ACT_TIDY);
  }
  err_free(e);
  if (!begun) measure(t);
}

static void on_gone(void *arg, err *e, const struct restic_result *result) {
  backup_task *t = arg;
  auto_strv snapshots = STRV_EMPTY;
  (void)result;
  t->job = NULL;
  if (backup_task_stopped(t, e)) return;
  strv_split(&snapshots, str_text(&t->output), '\n');
  go_on_with_wals(t, e ? e : record_gone(t, &snapshots));
}

static err *forget_old(backup_task *t, bool *ret_begun) {
  auto_backup_list list = {0};
  auto_strv snapshots = STRV_EMPTY;
  int64_t now_us = retention_now_us(t->owner);
  struct restic_job_options o = backup_job(t, t->volume_instance_id, on_gone);
  *ret_begun = false;
  TRY(backup_list(t->core->db, t->volume_instance_id, &list));
  for (size_t i = 0; i < list.len; i++)
    if (list.items[i].snapshot_id && backup_goes(&list, &list.items[i], now_us)) strv_add(&snapshots, list.items[i].snapshot_id);
  if (!snapshots.len) return record_gone(t, &snapshots);
  auto_free char *joined = strv_join(&snapshots, "\n");
  str_clear(&t->output);
  str_add(&t->output, joined);
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
  for (size_t i = 0; i < list->len; i++) *ret_needs |= backup_goes(list, &list->items[i], now_us);
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
  backup_note_time(t->owner->tidy_after, t->volume_instance_id, e ? clock_monotonic_ms() + BACKUP_RETRY_US / 1000 : 0);
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
    if (!backups_have_task(b, orphans.items[i]) && may_tidy(b, orphans.items[i])) backup_task_new(b, orphans.items[i], remove_all);
  return backup_restore_forget_before(b->core->db, clock_now_us() - 7 * DAY_US);
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
  TRY(backup_known(b->core, v->id, &known));
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
  TRY(backup_tell_overdue(b, v, &q));
  TRY(backup_find_live(b->core, v, &live));
  if (wal) TRY(look_at_log(b, v, &live, &list));
  if (backups_have_task(b, v->id)) return NULL;
  TRY(needs_tidying(b->core, v->id, &list, retention_now_us(b), &needs));
  const struct backup *drilled = backup_to_drill(&list, now_us);
  backup_task *t;
  if (backup_is_due(&q, &kind)) /* first of all: what cannot be removed keeps nobody from taking one */
    TRY(backup_take_start(b, v, kind, NULL, NULL, NULL));
  else if (needs && may_tidy(b, v->id))
    backup_tidy(b, v->id);
  else if (drilled)
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
  look_at_clock(b);
  err *e = volume_instance_list(b->core->db, &volumes);
  if (!e) e = database_upgrade_list_open(b->core->db, &upgrades);
  for (size_t i = 0; !e && i < volumes.len; i++) {
    bool counts = volume_has_data(&volumes.items[i]) && !is_copy(&upgrades, &volumes.items[i]);
    auto_err *its = counts ? look(b, &volumes.items[i], wal) : NULL;
    if (its) log_error("backup", "volume %s: %s", volumes.items[i].id, err_message(its)); /* the others go on */
  }
  if (!e) e = sweep_orphans(b);
  if (e) log_error("backup", "%s", err_message(e));
  err_free(e);
}
