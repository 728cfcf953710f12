/* Repositories that are pushed to Tramway, and `git receive-pack` on them.
 *
 *   <dir>/pushed/<id>.git   bare; the id is a project's or a service's
 *
 * A pack lies in quarantine until it is whole and every object of it was checked; only branches and tags
 * can be pushed; no hook runs, and none can be put there.  git is run with argument vectors and a built
 * environment (source/git_env.h).  A push speaks git's stateless protocol: first what there is
 * (pushed_advertise), then one body with commands and pack, and its answer (pushed_receive). */
#ifndef TRAMWAY_SOURCE_PUSHED_H
#define TRAMWAY_SOURCE_PUSHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "loop/loop.h"
#include "loop/spawn.h"
#include "source/pkt_line.h"

typedef struct pushed_repos pushed_repos;

fallible pushed_repos_new(loop *l, const char *dir, pushed_repos **ret_repos);
void pushed_repos_free(pushed_repos *p); /* no child of it may be running; NULL is accepted */

bool pushed_repos_is_quiet(const pushed_repos *p); /* no push is being taken */

char *pushed_repo_path(const pushed_repos *p, const char *id); /* the caller owns it */
bool pushed_repo_exists(const pushed_repos *p, const char *id);

/* Blocking: nothing may be using it.  Nothing there is success. */
fallible pushed_repo_remove(const pushed_repos *p, const char *id);

/* Makes the repository when it is not there, then asks for its branches and tags.  `result->output` is
 * what a client is told, but for the service's line; result->truncated: there are too many. */
fallible pushed_advertise(pushed_repos *p, const char *id, spawn_done_fn *done, void *arg, spawn **ret_child);

struct pushed_body {
  int fd;               /* commands and pack, read from where it stands; the caller closes it */
  int64_t limit_bytes;  /* of the pack: a larger one is refused in git's words */
  int64_t deadline_ms;
};

/* Takes a push.  The answer comes through on_output (descriptor 1) as it is to be sent on.  ERR_BUSY
 * while many others are being taken. */
fallible pushed_receive(pushed_repos *p, const char *id, const struct pushed_body *body,
                        spawn_output_fn *on_output, spawn_done_fn *done, void *arg, spawn **ret_child);

/* Which of the updates happened: reads the repository.  Those that did not are taken off the list.  A
 * repository without a default branch has the first one that was pushed from then on.  *ret_default is its
 * name ("main"), NULL when there is none; the caller owns it. */
fallible pushed_settle(const pushed_repos *p, const char *id, struct ref_updates *updates, char **ret_default);

#endif
