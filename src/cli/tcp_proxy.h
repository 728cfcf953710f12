/* TCP proxies: shared by `tcp-proxy` and `connect`. */
#ifndef TRAMWAY_CLI_TCP_PROXY_H
#define TRAMWAY_CLI_TCP_PROXY_H

#include "base/err.h"
#include "cli/scope.h"

/* Those of the service, oldest first, as the API gives them: {id domain proxyPort applicationPort syncStatus allow}. */
fallible tcp_proxy_fetch(struct cli *cli, const struct scope *scope, json_t **ret_proxies);

#endif
