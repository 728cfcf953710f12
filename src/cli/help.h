/* What the program says of itself, made from the table of commands. */
#ifndef TRAMWAY_CLI_HELP_H
#define TRAMWAY_CLI_HELP_H

#include "base/str.h"
#include "cli/command.h"

void help_overview(const char *program, struct str *text);

/* `path` is how the command is called: "tram variable set". */
void help_command(const struct command *command, const char *path, struct str *text);

/* docs/cli.md, whole: `tram help --markdown`. */
void help_markdown(const struct command *const *commands, struct str *text);

/* The manual page tram.1: `tram help --man`. */
void help_man(const struct command *const *commands, struct str *page);

/* A script that completes verbs, subcommands and flags in bash, zsh or fish.  ERR_INVALID for
 * another shell. */
fallible completion_script(const struct command *const *commands, const char *shell,
                           struct str *text);

#endif
