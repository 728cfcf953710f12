/* A Postgres' write-ahead log goes from the archive in its volume into a repository of its own, piece by piece.
 *
 * A piece is all that is in the archive, so that the next one has the last one in it, until there are enough
 * segments: then the archive is emptied and a new piece begins.  So there are few to restore, and nothing is
 * removed from the archive that is not in the repository. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/backup_private.h"
#include "store/backup.h"
#include "store/database_upgrade.h"

enum { LIST_MS = 60000, OUTPUT_MAX = 1 << 20, SEGMENTS_MAX = 32, SEGMENTS_MIN = 4, REMOVED_MAX = 512,
       FAILING_MS = 10 * 60 * 1000 };

struct wal_waiter {
  backup_wal_fn *done;
  void *arg;
};

struct wal_push {
  struct backups *owner;
  struct volume_instance volume;
  volume_run_handle *run;
  struct str output;
  struct wal_listing listing;
  char *repository;
  restic_job *job;
  struct wal_waiter *waiters; /* of this round */
  size_t waiters_len;
  struct wal_waiter *late;    /* that came while it was under way, and want another */
  size_t late_len;
  bool closes; /* nothing runs with the volume: this is the end of it */
};

static void push_free(struct wal_push *p) {
  map_remove(p->owner->pushing, p->volume.id);
  wal_listing_done(&p->listing);
  str_done(&p->output);
  volume_instance_done(&p->volume);
  free(p->repository);
  free(p->waiters);
  free(p->late);
  free(p);
}

static void start(struct wal_push *p);

/* Of a database that went to another version the log ends with the last that was written: a restore to a later moment is one to
 * its end. */
static err *record_closed(struct wal_push *p) {
  auto_backup_repository known = {0};
  auto_database_upgrade upgrade = {0};
  db *d = p->owner->core->db;
  bool found = false, upgraded = false;
  TRY(backup_repository_find(d, p->volume.id, &found, &known));
  TRY(database_upgrade_find_by_former_volume(d, p->volume.id, &upgraded, &upgrade));
  id_copy(known.volume_instance_id, p->volume.id);
  known.wal_closed_us = clock_now_us();
  if (upgraded && upgrade.frozen_us) known.wal_us = upgrade.frozen_us;
  return backup_repository_set(d, &known);
}

/* The owner is told of what lasts: a place that does not answer once is no news. */
static void tell(struct wal_push *p, const err *e) {
  struct backups *b = p->owner;
  int64_t since_ms = backup_noted_time(b->log_failing, p->volume.id), now_ms = clock_monotonic_ms();
  if (!e) {
    backup_note_time(b->log_failing, p->volume.id, 0);
    backup_working(b, p->volume.id, BACKUP_ACT_LOG);
    return;
  }
  log_warn("backup", "the log of volume %s: %s; trying again", p->volume.id, err_message(e));
  if (!since_ms)
    backup_note_time(b->log_failing, p->volume.id, now_ms);
  else if (now_ms - since_ms >= FAILING_MS)
    backup_failing(b, p->volume.id, BACKUP_ACT_LOG, err_message(e));
}

/* Takes e: every waiter gets a copy. */
static void finish(struct wal_push *p, err *e) {
  struct wal_waiter *waiters = p->waiters;
  size_t len = p->waiters_len;
  bool stopping = p->owner->core->stopping, again = p->late_len && !stopping;
  if (!e && !stopping && p->closes) e = record_closed(p);
  if (!stopping) tell(p, e);
  p->waiters = p->late, p->waiters_len = p->late_len;
  p->late = NULL, p->late_len = 0;
  for (size_t i = 0; i < len; i++)
    if (waiters[i].done) waiters[i].done(waiters[i].arg, e ? err_dup(e) : NULL);
  free(waiters);
  err_free(e);
  if (again) {
    start(p);
    return;
  }
  for (size_t i = 0; i < p->waiters_len; i++)
    if (p->waiters[i].done) p->waiters[i].done(p->waiters[i].arg, err_new(ERR_BUSY, "Tramway is stopping"));
  push_free(p);
}

/* ---- the archive is emptied ---- */

static void on_emptied(void *arg, err *e, int exit_code) {
  struct wal_push *p = arg;
  p->run = NULL;
  if (!e && exit_code) e = err_new(ERR_IO, "emptying the archive: exit status %d", exit_code);
  finish(p, e);
}

static err *empty(struct wal_push *p) {
  auto_strv argv = STRV_EMPTY;
  static const char *const begin[] = {"rm", "-f", "--", NULL};
  strv_add_all(&argv, begin);
  for (size_t i = 0; i < p->listing.segments.len && i < REMOVED_MAX; i++)
    strv_addf(&argv, WAL_FOLDER "/%s", p->listing.segments.items[i]);
  for (size_t i = 0; i < p->listing.others.len && i < REMOVED_MAX; i++)
    strv_addf(&argv, WAL_FOLDER "/%s", p->listing.others.items[i]);
  struct volume_run run = {.volume_id = p->volume.id, .argv = (const char *const *)argv.items, .deadline_ms = LIST_MS,
                           .on_exit = on_emptied, .arg = p};
  return engine_volume_run(p->owner->core->engine, &run, &p->run);
}

/* ---- into the repository ---- */

static err *record_piece(struct wal_push *p, const char *snapshot_id, size_t start, size_t len) {
  const struct strv *s = &p->listing.segments;
  auto_backup_wal w = {.snapshot_id = str_dup(snapshot_id), .segments = (int64_t)len, .first_us = p->listing.first_us};
  id_copy(w.volume_instance_id, p->volume.id);
  w.first = str_dup(s->items[start]);
  w.last = str_dup(s->items[start + len - 1]);
  return backup_wal_insert(p->owner->core->db, &w);
}

static err *record(struct wal_push *p, const char *snapshot_id) {
  auto_backup_repository known = {0};
  auto_db_transaction t = {0};
  bool found = false;
  TRY(db_begin(p->owner->core->db, &t));
  for (size_t start = 0, len; start < p->listing.segments.len; start += len) {
    len = wal_run(&p->listing.segments, start);
    TRY(record_piece(p, snapshot_id, start, len));
  }
  TRY(backup_repository_find(p->owner->core->db, p->volume.id, &found, &known));
  id_copy(known.volume_instance_id, p->volume.id);
  known.wal_us = p->listing.last_us;
  TRY(backup_repository_set(p->owner->core->db, &known));
  return db_commit(&t);
}

/* A small volume's archive is emptied earlier. */
static size_t segments_kept(const struct wal_push *p) {
  int64_t twentieth = p->volume.size_bytes / 20 / (16 << 20);
  return twentieth > SEGMENTS_MAX ? SEGMENTS_MAX : twentieth < SEGMENTS_MIN ? SEGMENTS_MIN : (size_t)twentieth;
}

static void on_stored(void *arg, err *e, const struct restic_result *result) {
  struct wal_push *p = arg;
  p->job = NULL;
  const char *id = e ? NULL : json_get_text(result->answer, "snapshot_id");
  if (!e && !id) e = err_new(ERR_CORRUPT, "restic named no snapshot");
  if (!e) e = record(p, id);
  if (!e && p->listing.segments.len >= segments_kept(p)) {
    e = empty(p);
    if (!e) return;
  }
  finish(p, e);
}

static err *store(struct wal_push *p) {
  static const char *const excludes[] = {"*.tmp", ".*", "*.partial", NULL};
  struct restic_job_options o = {.repository = p->repository, .deadline_ms = BACKUP_SHORT_MS, .yields = true, .done = on_stored, .arg = p};
  struct restic_backup b = {.from = {.volume_id = p->volume.id},
                            .words = {.path = WAL_FOLDER, .excludes = excludes},
                            .may_vanish = true,
                            .bytes_max = p->volume.size_bytes * BACKUP_APPARENT_TIMES};
  return restic_backup(p->owner->restic, &o, &b, &p->job);
}

/* ---- what is there ---- */

static err *is_known(struct wal_push *p, bool *ret_known) {
  auto_backup_wal_list list = {0};
  TRY(backup_wal_list(p->owner->core->db, p->volume.id, &list));
  if (list.len >= WAL_PIECES_MAX) return err_new(ERR_LIMIT, "its log has %d pieces already: it can hold no more", WAL_PIECES_MAX);
  *ret_known = wal_is_held(&list, &p->listing.segments);
  return NULL;
}

static err *take_listing(struct wal_push *p, bool *ret_stores) {
  bool known = true;
  wal_listing_done(&p->listing);
  wal_listing_read(str_text(&p->output), &p->listing);
  *ret_stores = false;
  if (p->listing.recovers) p->closes = false;
  if (!p->listing.segments.len || p->listing.recovers) return NULL;
  TRY(wal_listing_check(&p->listing));
  TRY(is_known(p, &known));
  if (known) return NULL;
  TRY(store(p));
  *ret_stores = true;
  return NULL;
}

static void on_listed(void *arg, err *e, int exit_code) {
  struct wal_push *p = arg;
  bool stores = false;
  (void)exit_code; /* 1: one of the two is not there, which is as it should be */
  p->run = NULL;
  if (!e) e = take_listing(p, &stores);
  if (!stores) finish(p, e);
}

static void on_output(void *arg, int fd, const char *data, size_t len) {
  struct wal_push *p = arg;
  if (fd == 1 && p->output.len + len <= OUTPUT_MAX) str_add_bytes(&p->output, data, len);
}

static void start(struct wal_push *p) {
  static const char *const argv[] = {"find", WAL_FOLDER, PGDATA_FOLDER "/recovery.signal", "-maxdepth", "1", "-type", "f",
                                     "-printf", "%f %T@ %s\n", NULL};
  str_clear(&p->output);
  struct volume_run run = {.volume_id = p->volume.id, .argv = argv, .read_only = true, .deadline_ms = LIST_MS,
                           .on_output = on_output, .on_exit = on_listed, .arg = p};
  err *e = core_disk_admits_source(p->owner->core, NULL); /* else whoever writes enough log fills the machine's disk */
  if (!e) e = engine_volume_run(p->owner->core->engine, &run, &p->run);
  if (e) finish(p, e);
}

static void add_waiter(struct wal_waiter **waiters, size_t *len, backup_wal_fn *done, void *arg) {
  *waiters = mem_realloc_array(*waiters, *len + 1, sizeof **waiters);
  (*waiters)[(*len)++] = (struct wal_waiter){done, arg};
}

static struct wal_push *push_new(struct backups *b, const struct volume_instance *v) {
  struct wal_push *p = mem_zalloc(sizeof *p);
  p->owner = b;
  volume_instance_copy(v, &p->volume);
  p->repository = backup_wal_repository(v->id);
  map_set(b->pushing, v->id, p);
  return p;
}

void backup_wal_push(struct backups *b, const struct volume_instance *v, backup_wal_fn *done, void *arg) {
  struct wal_push *p = map_get(b->pushing, v->id);
  if (p) {
    add_waiter(&p->late, &p->late_len, done, arg);
    return;
  }
  p = push_new(b, v);
  add_waiter(&p->waiters, &p->waiters_len, done, arg);
  start(p);
}

void backup_wal_close(struct backups *b, const struct volume_instance *v) {
  if (map_has(b->pushing, v->id)) return; /* it is looked at again */
  struct wal_push *p = push_new(b, v);
  p->closes = true;
  start(p);
}

void backup_wal_stop(struct backups *b) {
  size_t cursor = 0;
  const char *id;
  void *p;
  while (map_next(b->pushing, &cursor, &id, &p))
    if (((struct wal_push *)p)->run) engine_volume_run_cancel(((struct wal_push *)p)->run);
}

/* The engine is gone: nobody answers any more. */
void backup_wal_free(struct backups *b) {
  for (size_t cursor = 0;; cursor = 0) {
    const char *id;
    void *p;
    if (!map_next(b->pushing, &cursor, &id, &p)) return;
    push_free(p);
  }
}
