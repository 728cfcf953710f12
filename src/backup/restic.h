/* Repositories of backups, driven by restic (docs/adr/0016-restic.md).
 *
 * A repository holds the snapshots of one thing (a volume, or the write-ahead log of a database), encrypted
 * with the installation's backup password; it is made when something is put in first.  All lie at one
 * place, a folder or an S3 bucket, under names.
 *
 * Of one repository one job runs at a time, in the order in which they came; of all of them RESTIC_JOBS_MAX.
 * restic runs with the lowest priority for processor and disk, in a control group of its own, and ends
 * with tramd: what it was doing is then not done, and what it left (locks, packs without a snapshot) is
 * taken out of the way by the next job and the next prune.
 *
 * Order: restic_new → jobs → restic_stop → restic_is_quiet → restic_free.  All on the loop thread.
 *
 * Errors: NOT_FOUND there is no such repository or snapshot · CORRUPT what is in it is damaged, in restic's
 * words with the file's name · DENIED a wrong password or refused credentials · BUSY cancelled, past the
 * deadline, or locked by another machine · IO the rest, the place cannot be reached among it. */
#ifndef TRAMWAY_BACKUP_RESTIC_H
#define TRAMWAY_BACKUP_RESTIC_H

#include "backup/restic_command.h"
#include "base/json.h"
#include "engine/engine.h"
#include "loop/loop.h"

#define RESTIC_JOBS_MAX 3

typedef struct restic restic;
typedef struct restic_job restic_job;

struct restic_config {
  struct restic_place place;  /* copied */
  const char *exec_program;   /* tramway-exec */
  const char *data_dir;       /* of the installation, whose control group it is */
  const char *cgroup_parent;  /* as build/build_cgroup.h */
  int64_t memory_bytes;       /* of all jobs together; 0: no limit */
};

fallible restic_new(loop *l, const struct restic_config *config, restic **ret_restic);
void restic_set_engine(restic *r, engine *en); /* before a job names a volume */
void restic_set_place(restic *r, const struct restic_place *place); /* for jobs that begin later; what is wrong with
                                                                       it, these say */
void restic_stop(restic *r); /* cancels every job */
bool restic_is_quiet(const restic *r);
void restic_free(restic *r);

/* Kills what a killed tramd left running, and removes its control group.  Blocking, a few small files. */
fallible restic_halt(const struct restic_config *config);

/* Where files are read from or put: a volume, through the engine's door, or a folder of this machine; or
 * neither. */
struct restic_files {
  const char *volume_id;
  const char *snapshot; /* of the volume; NULL: the files as they are */
  const char *folder;
};

struct restic_result {
  const json_t *answer;    /* restic's last JSON; borrowed, may be NULL */
  const char *output;      /* what it printed, when that is no JSON; borrowed */
  int vanished;            /* files that were gone when they were to be read */
};
typedef void restic_done_fn(void *arg, err *e, const struct restic_result *result); /* once; owns e */

/* Every job: `done` is called once, later; also when restic_stop cancelled it.  ret_job may be NULL; it is valid until
 * then. */
struct restic_job_options {
  const char *repository;
  int64_t deadline_ms;
  bool yields; /* those that do leave one of the RESTIC_JOBS_MAX to those that do not: they read what may be kept from them */
  restic_done_fn *done;
  void *arg;
};

struct restic_backup {
  struct restic_files from;
  struct restic_backup_words words;
  bool may_vanish; /* files may go while they are read: a running Postgres' */
  int64_t bytes_max; /* of all files by the sizes that they tell; more is ERR_LIMIT.  0: any.  A hole is read like what
                        is written, so that a file of some blocks would keep restic for days */
};
/* Of folders without a file restic makes no snapshot: ERR_CONFLICT with this in its message. */
#define RESTIC_NOTHING "there is no file in it yet"

/* The answer has snapshot_id, total_bytes_processed, data_added. */
fallible restic_backup(restic *r, const struct restic_job_options *o, const struct restic_backup *b, restic_job **ret_job);

/* Into files that are empty, or have others of those names: which are replaced. */
fallible restic_restore(restic *r, const struct restic_job_options *o, const char *snapshot,
                        const struct restic_files *to, const char *const *includes, restic_job **ret_job);

/* The answer: {"tree": <a hash over all names and contents>, "time", …}. */
fallible restic_describe(restic *r, const struct restic_job_options *o, const char *snapshot, restic_job **ret_job);

/* Those that are gone already are no error.  `prunes` gives their space back. */
fallible restic_forget(restic *r, const struct restic_job_options *o, const char *const *snapshots, bool prunes,
                       restic_job **ret_job);

/* The answer: {"total_size": bytes that the repository takes}. */
fallible restic_stats(restic *r, const struct restic_job_options *o, restic_job **ret_job);

/* The whole repository, with all that is in it.  At S3 empty objects of its form are left. */
fallible restic_remove(restic *r, const struct restic_job_options *o, restic_job **ret_job);

#endif
