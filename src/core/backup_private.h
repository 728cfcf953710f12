/* What the files core/backup*.c share. */
#ifndef TRAMWAY_CORE_BACKUP_PRIVATE_H
#define TRAMWAY_CORE_BACKUP_PRIVATE_H

#include "backup/restic.h"
#include "core/backup.h"
#include "core/backup_plan.h"
#include "core/backup_wal_plan.h"
#include "core/database_client.h"
#include "core/internal.h"
#include "engine/volume.h"
#include "model/event.h"
#include "model/volume.h"

#define BACKUP_SNAPSHOT "backup" /* the engine's, while a backup is read from it */
#define WAL_FOLDER "wal-archive"
#define PGDATA_FOLDER "pgdata"
/* By the sizes that they tell, a volume's files can be so many times as large as it: holes, and copies that share blocks. */
enum { BACKUP_APPARENT_TIMES = 4 };
enum { BACKUP_DEADLINE_MS = 12 * 3600 * 1000, BACKUP_SHORT_MS = 600 * 1000 };

struct backups {
  core *core;
  restic *restic; /* NULL: there are none */
  struct list tasks;
  map *pushing; /* volume instance id → struct wal_push */
  map *log_failing; /* volume instance id → since when its log is not pushed; int64_t *, of the monotonic clock */
  map *tidy_after;  /* likewise → when to try again to remove old ones */
  timer *tick;
  size_t running, ticks;
  int64_t clock_ahead_us; /* of the monotonic one, at the last tick */
  int64_t steady_since_ms; /* since then it has not jumped */
  bool due;
};

/* One thing that is done with a volume's backups. */
typedef struct backup_task backup_task;
typedef void backup_task_fn(backup_task *t);
struct backup_task {
  struct list link;
  struct backups *owner;
  core *core;
  backup_task_fn *begin;
  backup_task_fn *next; /* after a step that several flows share */
  char volume_instance_id[ID_SIZE], workspace_id[ID_SIZE];
  struct backup backup;
  struct backup_restore restore;
  struct volume_instance volume; /* of backup: that is backed up; of a restore: that is restored to */
  struct deployment live;        /* what runs with it; id "": nothing */
  enum database_kind database;
  bool running, paused, snapshotted, scratched, asking;
  int64_t begun_ms, paused_at_ms;
  restic_job *job;
  database_session *session;
  volume_run_handle *run;
  struct str output;       /* of the last tool on a volume */
  timer *timer;
  struct backup_wal_list wals;
  size_t *pieces, pieces_len, at; /* of wals, to be restored */
  int64_t measured_bytes;
  struct drill *drill;
  struct fill *fill;
  char *wanted_name;       /* of a new service */
};

/* ---- backup.c ---- */

struct backups *backups_new(core *c, restic *r);
void backups_start(struct backups *b); /* takes out of the way what a former tramd began */
void backups_stop(struct backups *b);
bool backups_is_quiet(const struct backups *b);
bool backups_try(const struct backups *b, const char *workload_id); /* it is a drill's */
void backups_free(struct backups *b);

fallible backups_check(core *c); /* ERR_CONFLICT: they are switched off */
backup_task *backup_task_new(struct backups *b, const char *volume_instance_id, backup_task_fn *begin);
void backup_task_wake(struct backups *b);
void backup_task_end(backup_task *t); /* frees it */
bool backup_task_stopped(backup_task *t, err *e); /* tramd ends: takes e, and t is gone */
bool backups_have_task(const struct backups *b, const char *volume_instance_id);
/* What runs with the volume; id "" when nothing does. */
fallible backup_find_live(core *c, const struct volume_instance *v, struct deployment *ret_live);
struct restic_job_options backup_job(const backup_task *t, const char *repository, restic_done_fn *done);
void backup_event(core *c, const struct volume_instance *v, enum event_severity severity, const char *action,
                  const char *cause, const char *outcome);
char *backup_wal_repository(const char *volume_instance_id);
/* A tool of the machine on a volume; its output (bounded) is in t->output when `done` comes with its exit code. */
typedef void backup_tool_fn(backup_task *t, err *e, int exit_code);
fallible backup_tool(backup_task *t, const char *volume_id, const char *const *argv, const char *input,
                     backup_tool_fn *done);

/* ---- backup_place.c ---- */

fallible backup_place_open(core *c); /* tells restic where, with the secrets of the installation */

/* ---- backup_take.c ---- */

void backup_take(backup_task *t);
fallible backup_take_start(struct backups *b, const struct volume_instance *v, enum backup_kind kind, const char *name,
                           const char *user_id, char ret_id[ID_SIZE]);
fallible backup_take_resume(struct backups *b, struct backup *row); /* it was TAKING when tramd ended */

/* ---- backup_wal.c ---- */

typedef void backup_wal_fn(void *arg, err *e); /* owns e */
/* Puts what has come into the archive since into the repository; `done` may be NULL.  Together with one that is
 * under way already, after it. */
void backup_wal_push(struct backups *b, const struct volume_instance *v, backup_wal_fn *done, void *arg);
/* The same for a volume that nothing runs with; then it is known that this was all. */
void backup_wal_close(struct backups *b, const struct volume_instance *v);
void backup_wal_stop(struct backups *b);
void backup_wal_free(struct backups *b);

/* ---- backup_watch.c: what is due, what goes ---- */

void backup_watch_tick(void *backups_);
void backup_tidy(struct backups *b, const char *volume_instance_id); /* takes out of the repository what is to go */
void backup_measure(struct backups *b, const char *volume_instance_id); /* how much the repository takes */

/* ---- backup_alert.c: what its owner is told ---- */

enum backup_act { BACKUP_ACT_TAKE, BACKUP_ACT_LOG, BACKUP_ACT_TIDY };
fallible backup_known(core *c, const char *volume_instance_id, struct backup_repository *ret_known); /* also nothing */
void backup_note_time(map *m, const char *volume_instance_id, int64_t ms); /* 0: none */
int64_t backup_noted_time(const map *m, const char *volume_instance_id);
void backup_forget_times(map *m); /* frees the map */
void backup_failing(struct backups *b, const char *volume_instance_id, enum backup_act act, const char *problem);
void backup_working(struct backups *b, const char *volume_instance_id, enum backup_act act);
fallible backup_tell_overdue(struct backups *b, const struct volume_instance *v, const struct backup_question *q);
fallible backup_note_size(struct backups *b, const char *volume_instance_id, int64_t bytes); /* of all its repositories */

/* ---- backup_fill.c: a backup into an empty volume ---- */

/* The files of t->backup into the volume `volume_id`, for a Postgres with the log that it needs, and so that it
 * goes back to t->restore.target_us when it starts (0 of a PITR: as far as there is log; of others: as soon as
 * it is whole).  `next` when that is done, else `failed`, which takes the error. */
void backup_fill(backup_task *t, const char *volume_id, backup_task_fn *next, void (*failed)(backup_task *t, err *e));

/* ---- backup_restore.c, backup_pitr.c, backup_drill.c ---- */

fallible backup_restore_begin(struct backups *b, const struct backup *from, enum backup_restore_kind kind,
                              const char *user_id, backup_task_fn *begin, backup_task **ret_task);
void backup_restore_end(backup_task *t, err *e); /* takes e; records, tells, ends */
fallible backup_restore_resume(struct backups *b); /* what was RUNNING when tramd ended */
fallible backup_pitr_resume(struct backups *b, const struct backup_restore *r, bool *ret_goes_on);
/* The volume that was restored to is whole.  ERR_CONFLICT: it was deleted, with its service or environment. */
fallible backup_target_ready(backup_task *t);
/* What a service gets in the place of the volume that it has. */
struct backup_swap {
  const char *volume_id, *mount_path;
  const char *image;              /* for the data's version; NULL: what it runs */
  const char *leaving_service_id; /* that had the volume, and goes; NULL: none */
};
fallible backup_stage_swap(core *c, const struct volume_instance *from, const struct backup_swap *s, const char *user_id);
fallible backup_make_volume(backup_task *t, const char *service_id, const char *name, backup_task_fn *next);
void backup_drill(backup_task *t);
void drill_free(struct drill *d);
void backup_fill_free(struct fill *f);

#endif
