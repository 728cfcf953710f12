/* The verbs below `environment` that have a file of their own. */
#ifndef TRAMWAY_CLI_ENVIRONMENT_H
#define TRAMWAY_CLI_ENVIRONMENT_H

#include "cli/command.h"

extern const struct command environment_edit, environment_config_command, environment_staged, environment_commit,
    environment_discard, environment_history, environment_sync; /* cmd_staged.c */

#endif
