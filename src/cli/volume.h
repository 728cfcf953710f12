/* A volume that a verb is about, for the files of `volume`. */
#ifndef TRAMWAY_CLI_VOLUME_H
#define TRAMWAY_CLI_VOLUME_H

#include "cli/cli.h"
#include "cli/scope.h"

extern const struct command command_volume_files, command_volume_browse;

/* The volume instances of the environment, as an array. */
fallible volume_fetch(struct cli *cli, const struct scope *scope, json_t **ret_list);

/* The one that --volume names, else the service's, else the only one; asked for on a terminal. */
fallible volume_find(struct cli *cli, const struct args *args, struct scope *ret_scope, json_t **ret_instance);

/* Waits until the engine has made the volume, or let it grow: seconds.  ERR_LIMIT with the reason when it cannot. */
fallible volume_settle(struct cli *cli, const struct scope *scope, const char *volume_id);

#define VOLUME_FLAGS                                                                                                   \
  {"volume|v", "VOLUME", "volume, by name or id (default: the service's, or the only one)"}, FLAG_SERVICE,             \
      FLAG_ENVIRONMENT, FLAG_PROJECT

/* --size as input.sizeMB: megabytes (5000), or "5GB"; nothing without it. */
fallible volume_read_size(const struct args *args, json_t *input);

#endif
