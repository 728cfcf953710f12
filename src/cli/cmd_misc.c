/* completion, help. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/help.h"

static const struct flag no_flags[] = {FLAG_END};

static err *run_completion(struct cli *cli, const struct args *args) {
  auto_str text = STR_EMPTY;
  TRY(completion_script(all_commands, args_word(args, 0), &text));
  fputs(str_text(&text), cli->out.out);
  return NULL;
}

const struct command command_completion = {
    .name = "completion",
    .usage = "bash|zsh|fish",
    .summary = "Print a completion script for a shell",
    .examples = "completion bash > /etc/bash_completion.d/tram\n"
                "completion fish > ~/.config/fish/completions/tram.fish",
    .flags = no_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_completion,
};

static err *help_of(struct cli *cli, const struct args *args, struct str *text) {
  const struct command *const *list = all_commands, *command = NULL;
  auto_str path = STR_EMPTY;
  str_add(&path, cli->program);
  for (size_t i = 0; i < args->word_count; i++) {
    command = command_find(list, args_word(args, i));
    if (!command)
      return err_new(ERR_NOT_FOUND, "there is no '%s %s'", str_text(&path), args_word(args, i));
    str_addf(&path, " %s", command->name);
    list = command->subcommands;
  }
  if (command)
    help_command(command, str_text(&path), text);
  else
    help_overview(cli->program, text);
  return NULL;
}

static err *run_help(struct cli *cli, const struct args *args) {
  auto_str text = STR_EMPTY;
  if (args_has(args, "markdown"))
    help_markdown(all_commands, &text);
  else if (args_has(args, "man"))
    help_man(all_commands, &text);
  else
    TRY(help_of(cli, args, &text));
  fputs(str_text(&text), cli->out.out);
  return NULL;
}

static const struct flag help_flags[] = {
    {"markdown", NULL, "print docs/cli.md"},
    {"man", NULL, "print the manual page"},
    FLAG_END,
};
const struct command command_help = {
    .name = "help",
    .usage = "[VERB…]",
    .summary = "Show what a verb does",
    .flags = help_flags,
    .max_words = 3,
    .run = run_help,
};
