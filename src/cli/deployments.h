/* Finding a deployment: shared by the verbs that look at one or act on one. */
#ifndef TRAMWAY_CLI_DEPLOYMENTS_H
#define TRAMWAY_CLI_DEPLOYMENTS_H

#include "base/err.h"
#include "cli/scope.h"

#define DEPLOYMENT_LIMIT_MAX 500 /* the API's page size */

/* The service's deployments, newest first, as an array. */
fallible deployments_fetch(struct cli *cli, const struct scope *scope, long long limit,
                           json_t **ret_deployments);

/* The newest with that status (NULL: any), borrowed from the array; NULL when there is none. */
json_t *deployments_newest(const json_t *deployments, const char *status);

/* Has the fields of deployments_fetch, and service{name} and creator{name}. */
fallible deployments_fetch_one(struct cli *cli, const char *id, json_t **ret_deployment);

#endif
