/* Finding a deployment: shared by the verbs that look at one or act on one. */
#ifndef TRAMWAY_CLI_DEPLOYMENTS_H
#define TRAMWAY_CLI_DEPLOYMENTS_H

#include "base/err.h"
#include "cli/scope.h"

#define DEPLOYMENT_LIMIT_MAX 500  /* the API's page size */
#define DEPLOYMENT_LIST_MAX  1000 /* Railway's: of `deployment list --limit` */
#define DEPLOYMENT_SEARCH_LIMIT 100 /* how far back the live or the previous good one is looked for */

/* The service's deployments, newest first, as an array. */
fallible deployments_fetch(struct cli *cli, const struct scope *scope, long long limit,
                           json_t **ret_deployments);

/* Looking into such an array; borrowed from it, NULL when there is none.  The live one is the newest
 * that serves (or would, if it had not crashed or gone to sleep); the previous good one is the newest
 * before it that can be gone back to. */
json_t *deployments_live(const json_t *deployments);
json_t *deployments_previous_good(const json_t *deployments);

/* Whether it is on its way to live; NULL is not. */
bool deployments_is_coming(const json_t *deployment);

/* The one whose id begins with `prefix`.  ERR_NOT_FOUND when none does, ERR_INVALID when several. */
fallible deployments_match(const json_t *deployments, const char *prefix, char **ret_id);

/* The whole id for what a user wrote: a whole one as it is, else the beginning of the id of one of the
 * service's deployments (the newest DEPLOYMENT_LIMIT_MAX).  The caller owns it. */
fallible deployments_resolve(struct cli *cli, const struct args *args, const char *word, char **ret_id);

/* ERR_NOT_FOUND: what to do for a first one. */
fallible deployments_none_yet(const struct cli *cli, const struct scope *scope);

/* Has the fields of deployments_fetch, and service{name} and creator{name}. */
fallible deployments_fetch_one(struct cli *cli, const char *id, json_t **ret_deployment);

#endif
