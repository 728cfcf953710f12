/* Making services: shared by `service new` and `add`. */
#ifndef TRAMWAY_CLI_SERVICE_H
#define TRAMWAY_CLI_SERVICE_H

#include "base/err.h"
#include "cli/cli.h"

/* Reads --repo, --branch, --image and --variables, makes the service, links the folder to it and says so.
 * Without a name (NULL) it asks on a terminal; elsewhere the server makes one from the source. */
fallible service_create(struct cli *cli, const struct args *args, const char *name);

#endif
