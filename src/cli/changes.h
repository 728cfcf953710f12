/* Changes of an environment's configuration, as the API lists them (EnvironmentPatchChange): shared by
 * `environment staged`, `commit`, `edit`, `history` and `import`. */
#ifndef TRAMWAY_CLI_CHANGES_H
#define TRAMWAY_CLI_CHANGES_H

#include "base/err.h"
#include "cli/cli.h"
#include "cli/scope.h"

/* By service, a line each: "~ deploy.startCommand  npm start → node server.js". */
void changes_print(struct output *o, const json_t *changes);

/* The same for people: in paths, the environment's volumes have their names, not their ids.  For a change that is shown
 * before it is applied, too. */
fallible changes_show(struct cli *cli, const struct scope *scope, const json_t *changes);

/* "3 changes in 2 services"; the caller owns it. */
char *changes_sum(const json_t *changes);

/* A staged patch, for people or with --json for programs. */
fallible changes_tell_staged(struct cli *cli, const struct args *args, const struct scope *scope, const json_t *patch);

/* All of standard input, which must be JSON (an object). */
fallible changes_read_stdin(json_t **ret_patch);

/* What the flags --service-config SERVICE PATH VALUE and --service-variable SERVICE NAME=VALUE say, as a patch;
 * NULL when there are none.  The caller owns it. */
fallible changes_read_flags(const struct args *args, json_t **ret_patch);

/* Puts `text` where the dot-path says: "deploy.startCommand", "variables.KEY",
 * "networking.serviceDomains.<host>.port".  null, true, false, and what begins with '{', '[' or '"' is JSON;
 * at a variable all but null is text. */
fallible changes_put(json_t *service, const char *path, const char *text);

#endif
