/* A service's variables: shared by `variable` and `run --local`. */
#ifndef TRAMWAY_CLI_VARIABLES_H
#define TRAMWAY_CLI_VARIABLES_H

#include "base/err.h"
#include "cli/scope.h"

/* Everything that a deployment of the service finds in its environment: an object of texts. */
fallible variables_fetch(struct cli *cli, const struct scope *scope, json_t **ret_variables);

/* "NAME=value" into the object.  The error never holds the value. */
fallible variables_read_pair(const char *pair, json_t *variables);

#endif
