/* A commit of a git repository → a snapshot.  `git` is run with argument vectors, as children of
 * the loop; no hook, no prompt, no user configuration, no submodules, no LFS (pointer files stay).
 *
 *   <dir>/config                   the only git configuration that is read
 *   <dir>/ssh/id, ssh/known_hosts  Tramway's own key for ssh URLs, when the operator puts one there
 *   <dir>/mirrors/<sha256 of URL>  bare, shallow; a cache that may be deleted at any time
 *
 * Credentials of a request, or in an https URL (https://user:token@host/…), which are taken out of it,
 * reach git in the environment: never in an argument vector, in a file, or in an error text.  A key for
 * ssh is in a file of mode 0600 while git runs. */
#ifndef TRAMWAY_SOURCE_GIT_H
#define TRAMWAY_SOURCE_GIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "loop/loop.h"
#include "source/snapshot.h"

typedef struct git git;
typedef struct git_job git_job;

struct git_request {
  const char *url;     /* https, http, ssh, git, file; user@host:path; an absolute path */
  const char *repository; /* NULL; or the path of a bare repository of our own (source/pushed.h), which
                             is read where it is, without a mirror; `url` is what messages call it */
  const char *ref;     /* branch, tag, or commit (7 to 40 hex digits); NULL or "": default branch */
  const char *username, *password; /* for http(s); NULL: those of the URL, or none.  Secrets: as below */
  const char *ssh_key;             /* the text of a private key, for ssh; NULL: <dir>/ssh/id */
  const char *since;   /* a commit's whole name: tell which files changed from there; NULL or "": do not */
  bool allow_local;    /* file URLs and paths: whoever may name one can read it as tramd's user */
  int64_t deadline_ms; /* 0: GIT_DEADLINE_MS */
  int64_t limit_bytes; /* of the fetched history, and of the tree; 0: UNPACK_TOTAL_BYTES */
};
#define GIT_DEADLINE_MS (10 * 60 * 1000)

struct git_commit { /* the RAILWAY_GIT_* variables */
  const char *sha;      /* 40 hex digits */
  const char *branch; /* the branch or tag asked for; the default branch's name; "" for a commit */
  const char *author;   /* the name alone */
  const char *message;  /* its first line */
  const char *opt_out;  /* what in its whole message asks not to be deployed (source/opt_out.h), or NULL */
  const struct strv *changed; /* files that differ from `since`; NULL: not asked for, or not known any more */
  struct snapshot_info snapshot;
};

/* Called once on the loop; owns `e`.  `commit` is borrowed, NULL with an error. */
typedef void git_done_fn(void *arg, err *e, const struct git_commit *commit);

/* `store` must outlive `g`.  ERR_IO when the folder cannot be written. */
fallible git_new(loop *l, const char *dir, snapshot_store *store, git **ret_git);
void git_free(git *g); /* no job may be running; NULL is accepted */

/* ERR_INVALID at once for a URL or ref that cannot be one.  Jobs on the same URL run one after
 * another, within their own deadlines.  `ret_job` may be NULL; it is valid until `done`. */
fallible git_fetch(git *g, const struct git_request *request, git_done_fn *done, void *arg,
                   git_job **ret_job);
void git_cancel(git_job *job); /* `done` is still called, with ERR_BUSY "cancelled" */

/* ---- mirrors ---- */

/* The name of a URL's mirror; false when it is no URL. */
bool git_mirror_of(const char *url, char ret_name[SHA256_HEX_SIZE]);
char *git_mirror_path(const git *g, const char *name); /* the caller owns it */
fallible git_mirror_list(const git *g, struct strv *ret_names);

/* As with snapshots: put aside on the loop thread (ERR_BUSY while a job uses it), then deleted on a
 * pool thread. */
fallible git_mirror_put_aside(git *g, const char *name);
fallible git_mirror_clear_aside(const git *g);

#endif
