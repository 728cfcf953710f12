/* Generated domains: shared by `up` and `domain`. */
#ifndef TRAMWAY_CLI_DOMAIN_H
#define TRAMWAY_CLI_DOMAIN_H

#include "base/err.h"
#include "cli/scope.h"

/* Gives the service a generated domain; port 0 means the one that the app listens on. */
fallible domain_create(struct cli *cli, const struct scope *scope, long long port,
                       char **ret_domain);

#endif
