/* Making and scaling services: shared by `service new`, `add` and `scale`. */
#ifndef TRAMWAY_CLI_SERVICE_H
#define TRAMWAY_CLI_SERVICE_H

#include <stdint.h>

#include "base/err.h"
#include "cli/cli.h"

/* Reads --repo, --branch, --image and --variables, makes the service, links the folder to it and says so.
 * Without a name (NULL) it asks on a terminal; elsewhere the server makes one from the source. */
fallible service_create(struct cli *cli, const struct args *args, const char *name);

/* The words "3", or Railway's "REGION=3 OTHER=1"; regions are added up, as all of them are this machine.
 * ERR_INVALID names the word that is no number of replicas. */
fallible service_read_replicas(const struct args *args, int64_t *ret_replicas);

#endif
