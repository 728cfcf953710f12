/* Which workspace a verb is about, and durations as they are typed. */
#ifndef TRAMWAY_CLI_WORKSPACE_H
#define TRAMWAY_CLI_WORKSPACE_H

#include "base/err.h"
#include "cli/cli.h"

/* The caller's workspace that --workspace names by name or id; without the flag the only one.
 * *ret_workspace {id, name} is owned.  ERR_NOT_FOUND and ERR_INVALID name what there is. */
fallible workspace_pick(struct cli *cli, const struct args *args, json_t **ret_workspace);

/* "90s", "15m", "12h", "30d", "2w" → seconds.  ERR_INVALID names `flag`. */
fallible duration_parse(const char *flag, const char *text, int64_t *ret_seconds);

#define FLAG_WORKSPACE { "workspace|w", "WORKSPACE", "workspace, by name or id (default: your only one)" }

#endif
