/* What the files about pull requests share.  Nobody else includes this. */
#ifndef TRAMWAY_CORE_PULL_REQUEST_PRIVATE_H
#define TRAMWAY_CORE_PULL_REQUEST_PRIVATE_H

#include "core/internal.h"
#include "core/pull_request.h"

/* An environment's meta: Railway's prNumber, prTitle, prRepo, branch, baseBranch, and our own */
#define META_REPO_KEYS "repoKeys"       /* of the repository: array of source/repo_name.h's */
#define META_COMMIT "commit"            /* of the head, as last heard of */
#define META_IS_FORK "isFork"           /* strangers may have written it */
#define META_UNDECIDED "isUndecided"    /* what is to be deployed depends on what changed, which is being asked */
#define META_APPROVED "approvedCommits" /* by members: array of 40 hex digits */

/* Whether the settings' code is that of the environment's pull request. */
bool pull_request_owns(const json_t *meta, const struct service_settings *s);

/* Makes the settings follow the pull request; those of another repository stay as they are. */
void pull_request_adapt(void *meta, struct service_settings *s);

/* Deploys what follows the pull request and does not have the commit in the environment's meta yet, and
 * whatever was never deployed here.  `focused`: of all that only what changed and what that needs,
 * transitively; the rest is SKIPPED.  `changed_files` NULL: all. */
struct pull_request_deploy {
  const struct environment *environment;
  const struct strv *changed_files;
  bool focused;
  size_t deployed, skipped; /* how many, out */
};
fallible pull_request_deploy(core *c, struct pull_request_deploy *what);

/* pull_request_look.c: the same when git has said what changed. */
fallible pull_request_look(core *c, const struct environment *environment);

#endif
