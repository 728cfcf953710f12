/* Signing in from the command line: what login and invite share. */
#ifndef TRAMWAY_CLI_SIGN_IN_H
#define TRAMWAY_CLI_SIGN_IN_H

#include "base/err.h"
#include "cli/cli.h"

/* Talks to another server from now on; saved with the next sign-in. */
fallible sign_in_change_server(struct cli *cli, const char *server);

/* Makes an account from an invitation's code, with --email, --name and --password-stdin or asking, and
 * signs in. */
fallible sign_in_new_account(struct cli *cli, const struct args *args, const char *code);

#endif
