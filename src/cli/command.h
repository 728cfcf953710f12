/* A verb of the command line is a row: what it is called, what it says of itself, what it accepts
 * and the function that does it.  Help, completion and docs/cli.md are made from the rows.
 *
 * To add a verb: write the row and its function in a cmd_*.c, and list it in commands.c. */
#ifndef TRAMWAY_CLI_COMMAND_H
#define TRAMWAY_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/args.h"

struct cli;

struct command {
  const char *name;
  const char *aliases;  /* divided by '|'; NULL when there are none */
  const char *usage;    /* the words it takes: "[PATH]"; "" for none */
  const char *summary;  /* one line, imperative, no full stop */
  const char *details;  /* paragraphs for its own help, or NULL */
  const char *examples; /* lines "command  # what it does", or NULL; "tram" is put in front */
  const struct flag *flags;
  const struct command *const *subcommands; /* NULL-terminated; NULL when there are none */
  size_t min_words, max_words;
  bool stop_at_word; /* words are a command to run: its flags are not ours */
  bool hidden;       /* works, but is not listed: an old spelling */
  err *(*run)(struct cli *cli,
              const struct args *args); /* NULL: only its subcommands do something */
};

extern const struct command *const all_commands[]; /* NULL-terminated, in the order of the help */

/* The command of that name or alias in the list, or NULL. */
const struct command *command_find(const struct command *const *list, const char *name);

/* The name closest to `name` (borrowed), or NULL when none is close. */
const char *command_nearest(const struct command *const *list, const char *name);

/* Runs the program: finds the verb, reads its flags, does it and prints the error, if any.  Returns
 * the exit status: docs/cli.md, "Exit status". */
int cli_main(int argc, char **argv);

/* Flags that many verbs share. */
/* clang-format off */
#define FLAG_SERVICE     { "service|s",     "SERVICE",     "service, by name or id (default: the linked one)" }
#define FLAG_ENVIRONMENT { "environment|e", "ENVIRONMENT", "environment, by name or id (default: the linked one)" }
#define FLAG_PROJECT     { "project|p",     "PROJECT",     "project, by name or id (default: the linked one)" }
#define FLAG_JSON        { "json",          NULL,          "print JSON" }
#define FLAG_YES         { "yes|y",         NULL,          "do not ask for confirmation" }
#define FLAG_2FA_CODE    { "2fa-code",      "CODE",        "code of the second factor, when the account has one" }
#define FLAG_END         { NULL, NULL, NULL }
/* clang-format on */

#endif
