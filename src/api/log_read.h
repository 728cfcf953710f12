/* What log queries and log subscriptions share: their arguments. */
#ifndef TRAMWAY_API_LOG_READ_H
#define TRAMWAY_API_LOG_READ_H

#include "api/internal.h"

enum { LOG_READ_DEFAULT = 500, LOG_READ_MAX = 5000 };

fallible log_read_time(const struct graphql_call *call, const char *argument, int64_t *ret_ns); /* 0: absent */
fallible log_read_limit(const struct graphql_call *call, const char *argument, int *ret_limit);

/* Those of the environment that have, or just had, instances. */
fallible log_read_live_deployments(const struct graphql_call *call, struct deployment_list *ret_list);

#endif
