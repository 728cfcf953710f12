/* What every verb is given: where to print, the configuration, and the connection to the server. */
#ifndef TRAMWAY_CLI_CLI_H
#define TRAMWAY_CLI_CLI_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/user_config.h"
#include "cli/output.h"

struct cli {
  const char *program; /* "tram" or "railway": the name to use in advice */
  struct output out;
  struct user_config config;
  struct client client;
  int exit_status; /* set by a verb: another program's, or EXIT_NOT_LIVE */
  const char *two_factor_code; /* --2fa-code, or NULL */
  bool explained;  /* the verb has told its error on the terminal already */
};

/* A deployment came to an end other than living; as Railway's CLI exits. */
#define EXIT_NOT_LIVE 1

/* ERR_DENIED with advice unless there is a token of some kind. */
fallible cli_need_token(const struct cli *cli);

/* One GraphQL request with the connection of `cli`; `variables` is taken, NULL for none.  What asks for a second
 * factor gets --2fa-code or what is typed, and is tried again. */
fallible cli_query(struct cli *cli, const char *query, json_t *variables, json_t **ret_data);

/* Whether a request was refused for want of a second factor, and the code for it. */
bool cli_wants_code(const err *e);
fallible cli_get_code(struct cli *cli, char **ret_code); /* the caller owns it */

/* A yes/no question before something is lost.  True with --yes; off a terminal without --yes
 * ERR_INVALID "… needs --yes"; a no is ERR_CONFLICT "nothing was changed". */
fallible cli_confirm(struct cli *cli, const struct args *args, const char *question);

#endif
