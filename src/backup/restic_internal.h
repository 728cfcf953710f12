/* What the files of backup/restic*.c share.  Nobody else includes this. */
#ifndef TRAMWAY_BACKUP_RESTIC_INTERNAL_H
#define TRAMWAY_BACKUP_RESTIC_INTERNAL_H

#include "backup/restic.h"
#include "backup/restic_output.h"
#include "base/list.h"
#include "engine/volume.h"
#include "loop/spawn.h"

struct restic {
  loop *loop;
  engine *engine;
  struct restic_place place; /* texts are owned */
  char *exec_program, *cgroup_parent, *cgroup;
  struct list jobs; /* in the order they came */
  size_t running;
  bool stopped, due;
};

enum restic_step {
  STEP_WORDS,  /* what the job is about */
  STEP_INIT,   /* the repository is not there yet */
  STEP_UNLOCK, /* a lock was left by one that was killed */
};

struct restic_job {
  struct list link;
  restic *owner;
  char *repository;
  struct strv argv;
  struct restic_files files; /* texts are owned */
  bool creates;   /* the repository, when there is none */
  bool writes;    /* into files.volume_id or .folder */
  bool may_vanish, ignores_missing, removes;
  int64_t bytes_max; /* 0: any */
  int64_t ends_at_ms;
  restic_done_fn *done;
  void *arg;

  bool yields, running, cancelled, inited, unlocked, too_large;
  enum restic_step step;
  struct restic_output output;
  struct str text;  /* the end of what it printed that is no JSON */
  spawn *child;
  volume_run_handle *run; /* or this: on a volume */
  struct str complaints;  /* the end of its standard error */
};

void restic_job_start(restic_job *j);        /* it is its turn */
void restic_job_finish(restic_job *j, err *e); /* takes e; frees j */
void restic_job_kill(restic_job *j);           /* what runs of it */

#endif
