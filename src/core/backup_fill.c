/* A backup into an empty volume; a Postgres' so that it replays its log when it starts. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/backup_private.h"
#include "store/backup.h"

#define RECOVERY_FILES PGDATA_FOLDER "/backup_label", PGDATA_FOLDER "/recovery.signal"

struct fill {
  backup_task *task;
  char *volume_id;
  backup_task_fn *next;
  void (*failed)(backup_task *t, err *e);
};

/* Takes e. */
static void end(struct fill *f, err *e) {
  backup_task *t = f->task;
  backup_task_fn *next = f->next;
  void (*failed)(backup_task *, err *) = f->failed;
  free(f->volume_id);
  free(f);
  t->fill = NULL;
  if (backup_task_stopped(t, e)) return;
  if (e)
    failed(t, e);
  else
    next(t);
}

/* ---- how Postgres finds its way ---- */

static err *tool(struct fill *f, const char *const *argv, const char *input, backup_tool_fn *done) {
  return backup_tool(f->task, f->volume_id, argv, input, done);
}

static err *tool_result(const backup_task *t, err *e, int exit_code, const char *what) {
  if (e || !exit_code) return e;
  return err_new(ERR_IO, "%s: exit status %d: %.200s", what, exit_code, str_text(&t->output));
}

static void on_owned(backup_task *t, err *e, int exit_code) {
  end(t->fill, tool_result(t, e, exit_code, "giving Postgres its files"));
}

static void on_configured(backup_task *t, err *e, int exit_code) {
  static const char *const argv[] = {"chown", "--reference=" PGDATA_FOLDER "/PG_VERSION", RECOVERY_FILES,
                                     PGDATA_FOLDER "/postgresql.auto.conf", NULL};
  e = tool_result(t, e, exit_code, "postgresql.auto.conf");
  if (!e) e = tool(t->fill, argv, NULL, on_owned);
  if (e) end(t->fill, e);
}

static char *configuration(const backup_task *t) {
  auto_str text = STR_EMPTY;
  char time[CLOCK_TEXT_SIZE] = "";
  bool whole = t->restore.kind != RESTORE_PITR;
  if (!whole && t->restore.target_us) {
    clock_format(t->restore.target_us, time);
    time[10] = ' ', time[26] = '\0';
  }
  str_add(&text, "restore_command = 'cp ../" WAL_FOLDER "/%f %p'\nrecovery_target_action = 'promote'\n"
                 "recovery_target_timeline = 'latest'\n");
  if (whole) str_add(&text, "recovery_target = 'immediate'\n");
  if (*time) str_addf(&text, "recovery_target_time = '%s+00'\n", time);
  return str_take(&text);
}

static void on_cleared(backup_task *t, err *e, int exit_code) {
  static const char *const argv[] = {"dd", "of=" PGDATA_FOLDER "/postgresql.auto.conf", "oflag=append", "conv=notrunc,fsync",
                                     "status=none", NULL};
  auto_free char *text = configuration(t);
  e = tool_result(t, e, exit_code, "postgresql.auto.conf");
  if (!e) e = tool(t->fill, argv, text, on_configured);
  if (e) end(t->fill, e);
}

/* What an earlier restore said: Postgres takes one target only. */
static void on_signalled(backup_task *t, err *e, int exit_code) {
  static const char *const argv[] = {"sed", "-i", "-e", "/^recovery_target/d", "-e", "/^restore_command/d",
                                     PGDATA_FOLDER "/postgresql.auto.conf", NULL};
  e = tool_result(t, e, exit_code, "recovery.signal");
  if (!e) e = tool(t->fill, argv, NULL, on_cleared);
  if (e) end(t->fill, e);
}

static void on_labelled(backup_task *t, err *e, int exit_code) {
  static const char *const argv[] = {"touch", PGDATA_FOLDER "/recovery.signal", NULL};
  e = tool_result(t, e, exit_code, "backup_label");
  if (!e) e = tool(t->fill, argv, NULL, on_signalled);
  if (e) end(t->fill, e);
}

static err *label(struct fill *f) {
  static const char *const argv[] = {"dd", "of=" PGDATA_FOLDER "/backup_label", "conv=fsync", "status=none", NULL};
  return tool(f, argv, f->task->backup.label, on_labelled);
}

/* ---- its log ---- */

static void on_piece(void *arg, err *e, const struct restic_result *result);

static err *next_piece(struct fill *f) {
  backup_task *t = f->task;
  if (t->at >= t->pieces_len) return label(f);
  auto_free char *repository = backup_wal_repository(t->backup.volume_instance_id);
  struct restic_job_options o = {.repository = repository, .deadline_ms = BACKUP_DEADLINE_MS, .done = on_piece, .arg = f};
  struct restic_files to = {.volume_id = f->volume_id};
  return restic_restore(t->owner->restic, &o, t->wals.items[t->pieces[t->at++]].snapshot_id, &to, NULL, &t->job);
}

static void on_piece(void *arg, err *e, const struct restic_result *result) {
  struct fill *f = arg;
  (void)result;
  f->task->job = NULL;
  e = err_wrap(e, "its log");
  if (!e && !f->task->core->stopping) e = next_piece(f);
  if (e || f->task->core->stopping) end(f, e);
}

/* Log from long after the moment is left out, as far as the times of its files tell. */
static void leave_out_later(backup_task *t) {
  const int64_t slack_us = 600LL * 1000000;
  while (t->restore.target_us && t->pieces_len > 1) {
    const struct backup_wal *w = &t->wals.items[t->pieces[t->pieces_len - 1]];
    if (w->first_us <= t->restore.target_us + slack_us || strcmp(w->first, t->backup.wal_last) <= 0) return;
    t->pieces_len--;
  }
}

static err *begin_log(struct fill *f) {
  backup_task *t = f->task;
  bool whole = t->restore.kind != RESTORE_PITR;
  backup_wal_list_done(&t->wals);
  free(t->pieces);
  t->pieces = NULL;
  t->at = 0;
  TRY(backup_wal_list(t->core->db, t->backup.volume_instance_id, &t->wals));
  TRY(wal_cover(&t->wals, t->backup.wal_first, whole ? t->backup.wal_last : NULL, &t->pieces, &t->pieces_len));
  if (!whole) leave_out_later(t);
  return next_piece(f);
}

/* ---- its files ---- */

static void on_restored(void *arg, err *e, const struct restic_result *result) {
  struct fill *f = arg;
  backup_task *t = f->task;
  (void)result;
  t->job = NULL;
  bool done = t->core->stopping || t->backup.method != BACKUP_POSTGRES;
  if (!e && !done) {
    e = begin_log(f);
    if (!e) return;
  }
  end(f, e);
}

void backup_fill(backup_task *t, const char *volume_id, backup_task_fn *next, void (*failed)(backup_task *t, err *e)) {
  struct fill *f = mem_zalloc(sizeof *f);
  *f = (struct fill){.task = t, .volume_id = str_dup(volume_id), .next = next, .failed = failed};
  t->fill = f;
  struct restic_job_options o = {.repository = t->backup.volume_instance_id, .deadline_ms = BACKUP_DEADLINE_MS,
                                 .done = on_restored, .arg = f};
  struct restic_files to = {.volume_id = f->volume_id};
  err *e = restic_restore(t->owner->restic, &o, t->backup.snapshot_id, &to, NULL, &t->job);
  if (e) end(f, e);
}

void backup_fill_free(struct fill *f) {
  if (!f) return;
  free(f->volume_id);
  free(f);
}
