/* A backup is taken: its database is made ready, the volume is snapshotted, and the snapshot goes into the
 * repository.
 *
 *   Postgres with its log archived   pg_backup_start, snapshot, pg_backup_stop; it goes on meanwhile
 *   MariaDB                          tables flushed and locked, the service paused, snapshot
 *   Redis                            its memory saved, the service paused, snapshot
 *   anything else that runs          the service paused, snapshot
 *   what does not run                snapshot
 *
 * A database that cannot be made ready (it does not answer) is taken like anything else: as after a power loss,
 * which it is made to come back from. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/backup_private.h"
#include "store/backup.h"
#include "store/volume.h"

enum { LOCK_MS = 10000, CHECKPOINT_MS = 300000, SAVE_MS = 120000, POLL_MS = 200, POSTGRES_15 = 150000 };

static void snapshot(backup_task *t);
static void pause_service(backup_task *t);

/* ---- the end ---- */

static void on_cleaned(void *arg, err *e) {
  backup_task *t = arg;
  if (e) log_warn("backup", "volume %s: %s", t->volume_instance_id, err_message(e));
  err_free(e);
  backup_task_end(t);
}

static void leave(backup_task *t) {
  database_close(t->session);
  t->session = NULL;
  if (t->snapshotted)
    engine_volume_snapshot_remove(t->core->engine, t->volume_instance_id, BACKUP_SNAPSHOT, on_cleaned, t);
  else
    backup_task_end(t);
}

static void on_thawed(void *arg, err *e) {
  err_ignore(e);
  leave(arg);
}

static void fail(backup_task *t, err *e) {
  t->backup.state = BACKUP_FAILED;
  t->backup.took_ms = clock_monotonic_ms() - t->begun_ms;
  str_replace_owned(&t->backup.problem, err_message(e));
  auto_err *failed = backup_update(t->core->db, &t->backup);
  if (failed) log_error("backup", "%s: %s", t->backup.id, err_message(failed));
  backup_failing(t->owner, t->volume_instance_id, BACKUP_ACT_TAKE, err_message(e));
  err_free(e);
  if (t->paused)
    engine_pause(t->core->engine, t->live.id, false, on_thawed, t);
  else
    leave(t);
}

static err *record_ready(backup_task *t) {
  struct backup *b = &t->backup;
  int64_t kept_us = backup_kept_us(b->kind);
  b->state = BACKUP_READY;
  b->took_ms = clock_monotonic_ms() - t->begun_ms;
  b->expires_us = kept_us ? b->created_us + kept_us : 0;
  return backup_update(t->core->db, b);
}

static void finish(backup_task *t) {
  err *e = record_ready(t);
  if (e) {
    fail(t, e);
    return;
  }
  log_info("backup", "volume %s: %lld bytes, %lld of them new, in %lld ms; its service stood still for %lld ms",
           t->volume_instance_id, (long long)t->backup.size_bytes, (long long)t->backup.added_bytes,
           (long long)t->backup.took_ms, (long long)t->backup.paused_ms);
  backup_working(t->owner, t->volume_instance_id, BACKUP_ACT_TAKE);
  backup_measure(t->owner, t->volume_instance_id);
  leave(t);
}

/* ---- into the repository ---- */

static void on_wal_pushed(void *arg, err *e) {
  backup_task *t = arg;
  if (backup_task_stopped(t, e)) return;
  if (e)
    fail(t, err_wrap(e, "its log"));
  else
    finish(t);
}

static void on_described(void *arg, err *e, const struct restic_result *result) {
  backup_task *t = arg;
  t->job = NULL;
  if (backup_task_stopped(t, e)) return;
  if (e) {
    fail(t, e);
    return;
  }
  str_replace_owned(&t->backup.checksum, json_get_text(json_array_get(result->answer, 0), "tree"));
  if (t->backup.method == BACKUP_POSTGRES)
    backup_wal_push(t->owner, &t->volume, on_wal_pushed, t);
  else
    finish(t);
}

static err *describe(backup_task *t) {
  struct restic_job_options o = backup_job(t, t->volume_instance_id, on_described);
  return restic_describe(t->owner->restic, &o, t->backup.snapshot_id, &t->job);
}

static void on_stored(void *arg, err *e, const struct restic_result *result) {
  backup_task *t = arg;
  t->job = NULL;
  if (backup_task_stopped(t, e)) return;
  const char *id = e ? NULL : json_get_text(result->answer, "snapshot_id");
  if (!e && !id) e = err_new(ERR_CORRUPT, "restic named no snapshot");
  if (!e) {
    str_replace_owned(&t->backup.snapshot_id, id);
    t->backup.size_bytes = json_get_int(result->answer, "total_bytes_processed", 0);
    t->backup.added_bytes = json_get_int(result->answer, "data_added", 0);
    e = backup_update(t->core->db, &t->backup);
  }
  if (!e) e = describe(t);
  if (e) fail(t, e);
}

/* What Postgres makes anew, or has from its log (its documentation, "Making a Base Backup Using the Low Level
 * API"), and the archive, which has a repository of its own. */
static const char *const postgres_excludes[] = {
    PGDATA_FOLDER "/pg_wal/*",        PGDATA_FOLDER "/postmaster.pid", PGDATA_FOLDER "/postmaster.opts",
    PGDATA_FOLDER "/pg_replslot/*",   PGDATA_FOLDER "/pg_dynshmem/*",  PGDATA_FOLDER "/pg_notify/*",
    PGDATA_FOLDER "/pg_serial/*",     PGDATA_FOLDER "/pg_snapshots/*", PGDATA_FOLDER "/pg_stat_tmp/*",
    PGDATA_FOLDER "/pg_subtrans/*",   "pgsql_tmp*",                    "pg_internal.init",
    WAL_FOLDER "/*",                  NULL};

static void store(backup_task *t) {
  bool base = t->backup.method == BACKUP_POSTGRES;
  struct restic_job_options o = backup_job(t, t->volume_instance_id, on_stored);
  struct restic_backup b = {.from = {.volume_id = t->volume_instance_id, .snapshot = BACKUP_SNAPSHOT},
                            .words = {.tag = t->backup.id, .excludes = base ? postgres_excludes : NULL},
                            .bytes_max = t->volume.size_bytes * BACKUP_APPARENT_TIMES};
  err *e = restic_backup(t->owner->restic, &o, &b, &t->job);
  if (e) fail(t, e);
}

/* ---- Postgres' label ---- */

static err *take_label(backup_task *t, const char *output) {
  auto_json *answer = NULL;
  TRY(json_parse(output, strlen(output), "pg_backup_stop", &answer));
  str_replace_owned(&t->backup.label, json_get_text(answer, "label"));
  str_replace_owned(&t->backup.wal_last, json_get_text(answer, "last"));
  if (!t->backup.wal_last || !wal_is_segment(t->backup.wal_last))
    return err_new(ERR_CORRUPT, "pg_backup_stop did not say where the backup ends");
  TRY(wal_of_label(t->backup.label, &t->backup.wal_first));
  t->backup.taken_us = clock_now_us();
  return NULL;
}

static void on_stopped(void *arg, err *e, const char *output) {
  backup_task *t = arg;
  t->asking = false;
  if (backup_task_stopped(t, e)) return;
  if (!e) e = take_label(t, output);
  database_close(t->session);
  t->session = NULL;
  if (e)
    fail(t, err_wrap(e, "ending Postgres' backup"));
  else
    store(t);
}

static void ask(backup_task *t, const char *text, int64_t deadline_ms, database_answer_fn *done) {
  struct database_statement s = {.text = text, .deadline_ms = deadline_ms};
  t->asking = true;
  database_ask(t->session, &s, done, t);
}

/* pg_backup_stop waits until the log that the backup needs is in the archive. */
static void stop_base(backup_task *t) {
  bool old = t->at < POSTGRES_15;
  ask(t, old ? "SELECT json_build_object('label', labelfile, 'last', pg_walfile_name(lsn)) FROM pg_stop_backup(false, true);"
             : "SELECT json_build_object('label', labelfile, 'last', pg_walfile_name(lsn)) FROM pg_backup_stop(true);",
      CHECKPOINT_MS, on_stopped);
}

/* ---- the snapshot ---- */

static void go_on(backup_task *t) {
  if (t->backup.method == BACKUP_POSTGRES) {
    stop_base(t);
    return;
  }
  database_close(t->session); /* gives its locks back */
  t->session = NULL;
  store(t);
}

static void on_resumed(void *arg, err *e) {
  backup_task *t = arg;
  if (backup_task_stopped(t, e)) return;
  t->paused = false;
  t->backup.paused_ms = clock_monotonic_ms() - t->paused_at_ms;
  err_ignore(e); /* it ended meanwhile, or goes on by itself */
  go_on(t);
}

static void on_snapshotted(void *arg, err *e) {
  backup_task *t = arg;
  if (backup_task_stopped(t, e)) return;
  t->snapshotted = !e;
  if (e)
    fail(t, err_wrap(e, "snapshotting the volume"));
  else if (t->paused)
    engine_pause(t->core->engine, t->live.id, false, on_resumed, t);
  else
    go_on(t);
}

static void snapshot(backup_task *t) {
  t->backup.taken_us = clock_now_us();
  engine_volume_snapshot(t->core->engine, t->volume_instance_id, BACKUP_SNAPSHOT, on_snapshotted, t);
}

static void on_paused(void *arg, err *e) {
  backup_task *t = arg;
  if (backup_task_stopped(t, e)) return;
  if (e && err_code_of(e) != ERR_NOT_FOUND) { /* NOT_FOUND: it has ended meanwhile */
    fail(t, err_wrap(e, "pausing the service"));
    return;
  }
  t->paused = !e;
  err_ignore(e);
  snapshot(t);
}

static void pause_service(backup_task *t) {
  t->paused_at_ms = clock_monotonic_ms();
  engine_pause(t->core->engine, t->live.id, true, on_paused, t);
}

/* ---- the database ---- */

static void as_it_is(backup_task *t, err *e, const char *what) {
  log_warn("backup", "volume %s: %s: %s; taking it as it is", t->volume_instance_id, what, err_message(e));
  err_free(e);
  database_close(t->session);
  t->session = NULL;
  pause_service(t);
}

static void on_base_started(void *arg, err *e, const char *output) {
  backup_task *t = arg;
  (void)output;
  t->asking = false;
  if (backup_task_stopped(t, e)) return;
  if (e) {
    as_it_is(t, e, "pg_backup_start");
    return;
  }
  t->backup.method = BACKUP_POSTGRES;
  snapshot(t);
}

/* "170002\ton": a base backup is worth something with its log only. */
static void on_version(void *arg, err *e, const char *output) {
  backup_task *t = arg;
  t->asking = false;
  if (backup_task_stopped(t, e)) return;
  const char *tab = e ? NULL : strchr(output, '\t');
  if (!e && (!tab || (!str_eq(tab + 1, "on") && !str_eq(tab + 1, "always"))))
    e = err_new(ERR_CONFLICT, "its log is not archived (archive_mode is off)");
  if (e) {
    as_it_is(t, e, "Postgres");
    return;
  }
  t->at = (size_t)atoll(output);
  ask(t, t->at < POSTGRES_15 ? "SELECT pg_start_backup('tramway', true, false);" : "SELECT pg_backup_start('tramway', true);",
      CHECKPOINT_MS, on_base_started);
}

static void on_locked(void *arg, err *e, const char *output) {
  backup_task *t = arg;
  (void)output;
  t->asking = false;
  if (backup_task_stopped(t, e)) return;
  if (e)
    as_it_is(t, e, "locking the tables");
  else
    pause_service(t);
}

static void look_at_save(void *arg);

static void on_save_looked(void *arg, err *e, const char *output) {
  backup_task *t = arg;
  t->asking = false;
  if (backup_task_stopped(t, e)) return;
  if (!e && !strstr(output, "rdb_bgsave_in_progress:1") && !strstr(output, "loading:1")) {
    pause_service(t);
    return;
  }
  if (!e && clock_monotonic_ms() - t->begun_ms > SAVE_MS) e = err_new(ERR_BUSY, "it has not saved within %d s", SAVE_MS / 1000);
  if (e)
    as_it_is(t, e, "Redis");
  else
    t->timer = timer_start(t->core->loop, POLL_MS, 0, look_at_save, t);
}

static void look_at_save(void *arg) {
  backup_task *t = arg;
  timer_stop(t->timer);
  t->timer = NULL;
  ask(t, "INFO persistence", 0, on_save_looked);
}

static void on_save_begun(void *arg, err *e, const char *output) {
  backup_task *t = arg;
  t->asking = false;
  if (backup_task_stopped(t, e)) return;
  bool begun = !e && (!str_starts(output, "ERROR") || strstr(output, "in progress"));
  if (!e && !begun) e = err_new(ERR_IO, "%.200s", output);
  if (e)
    as_it_is(t, e, "Redis");
  else
    look_at_save(t);
}

static void prepare(backup_task *t) {
  struct database_target target = {.environment_id = t->volume.environment_id, .service_id = t->live.service_id};
  err *e = database_open(t->core, &target, &t->session);
  if (e)
    as_it_is(t, e, "its database");
  else if (t->database == DATABASE_POSTGRES)
    ask(t, "SELECT current_setting('server_version_num'), current_setting('archive_mode');", 0, on_version);
  else if (t->database == DATABASE_MYSQL)
    ask(t, "FLUSH TABLES WITH READ LOCK;", LOCK_MS, on_locked);
  else
    ask(t, "BGSAVE", 0, on_save_begun);
}

/* ---- the beginning ---- */

static err *begin(backup_task *t) {
  core *c = t->core;
  TRY(volume_instance_get(c->db, t->volume_instance_id, &t->volume));
  if (volume_is_trashed(&t->volume)) return err_new(ERR_CONFLICT, "the volume was deleted");
  if (t->volume.state == VOLUME_RESTORING || !t->volume.size_bytes) return err_new(ERR_CONFLICT, "a backup is being restored to it");
  TRY(core_disk_admits_source(c, NULL));
  TRY(backup_find_live(c, &t->volume, &t->live));
  t->backup.volume_bytes = t->volume.size_bytes;
  t->database = database_kind_of_image(t->live.settings.source_image);
  if (t->database != DATABASE_NONE) str_replace_owned(&t->backup.image, t->live.settings.source_image);
  return NULL;
}

void backup_take(backup_task *t) {
  err *e = begin(t);
  if (e)
    fail(t, e);
  else if (!*t->live.id)
    snapshot(t);
  else if (t->database == DATABASE_NONE || t->database == DATABASE_MONGO)
    pause_service(t);
  else
    prepare(t);
}

err *backup_take_start(struct backups *b, const struct volume_instance *v, enum backup_kind kind, const char *name,
                       const char *user_id, char ret_id[ID_SIZE]) {
  auto_backup row = {.kind = kind, .name = str_dup(name)};
  id_copy(row.volume_instance_id, v->id);
  id_copy(row.project_id, v->project_id);
  id_copy(row.environment_id, v->environment_id);
  id_copy(row.service_id, v->service_id);
  id_copy(row.creator_id, user_id);
  TRY(backup_insert(b->core->db, &row));
  backup_task *t = backup_task_new(b, v->id, backup_take);
  backup_copy(&row, &t->backup);
  if (ret_id) id_copy(ret_id, row.id);
  return NULL;
}

static void on_swept(void *arg, err *e) {
  (void)arg;
  if (e) log_warn("backup", "what a former tramd left of a backup: %s", err_message(e));
  err_free(e);
}

err *backup_take_resume(struct backups *b, struct backup *row) {
  row->state = BACKUP_FAILED;
  str_replace_owned(&row->problem, "tramd ended while it was being taken");
  TRY(backup_update(b->core->db, row));
  engine_volume_snapshot_remove(b->core->engine, row->volume_instance_id, BACKUP_SNAPSHOT, on_swept, NULL);
  return NULL;
}
