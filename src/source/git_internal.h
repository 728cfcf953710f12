/* What the files of source/git*.c share.  Nobody else includes this. */
#ifndef TRAMWAY_SOURCE_GIT_INTERNAL_H
#define TRAMWAY_SOURCE_GIT_INTERNAL_H

#include "base/list.h"
#include "base/str.h"
#include "loop/spawn.h"
#include "loop/timer.h"
#include "source/git.h"
#include "source/git_url.h"

struct git {
  loop *loop;
  char *dir;
  snapshot_store *store;
  struct list jobs; /* in the order they came */
};

typedef void git_step_fn(git_job *job, const struct spawn_result *result);

/* A job runs git several times: prepare → resolve → look → fetch (or fetch_all) → changes → describe
 * → export. Each step ends by starting the next or by finishing the job. */
struct git_job {
  struct list link;
  git *git;
  struct git_url url;
  char *shown; /* what messages call it */
  bool own;    /* `mirror` is the repository itself: nothing is fetched */
  char *ssh_key; /* path, or NULL */
  char *ref;
  char *since; /* NULL: nobody asks what changed */
  bool allow_local;
  int64_t ends_at_ms;
  int64_t limit_bytes;
  git_done_fn *done;
  void *arg;

  char *mirror;
  bool started;
  bool cancelled;
  bool too_large;
  spawn *child;
  git_step_fn *step_done;
  timer *deadline;   /* while it waits for its turn */
  timer *size_check; /* while it fetches */

  char *remote_ref; /* "refs/heads/main"; NULL when a commit was asked for */
  char *sha;        /* as far as it is known */
  char *branch, *author, *message, *opt_out;
  struct strv changed; /* paths, when knows_changes */
  bool knows_changes;

  int tar_fd; /* read end of the pipe from `git archive` */
  int parts_left; /* of the export: the child and the unpacking */
  err *child_error, *unpack_error;
  bool child_stopped; /* by us: the deadline or a cancel */
  struct snapshot_info snapshot;
};

/* ---- git.c ---- */

/* One call of git; `words` end with NULL.  step_done is called when it has ended by itself, however
 * well. */
void git_job_run(git_job *job, size_t output_limit, git_step_fn *step_done, const char *const *words);
void git_job_watch_size(git_job *job); /* of the next call: a fetch */
void git_job_describe(git_job *job);   /* goes on from there */

/* ---- git_changes.c: what changed since another commit ---- */

void git_job_find_changes(git_job *job); /* then describes */

/* ---- git_mirror.c ---- */

void git_mirror_name(const struct git_url *url, char name[SHA256_HEX_SIZE]);
bool git_mirror_is_used(const git *g, const char *mirror);

#endif
