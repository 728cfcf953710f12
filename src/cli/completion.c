/* completion_script of cli/help.h. */
#include <string.h>

#include "base/mem.h"
#include "cli/help.h"

/* "name alias alias" */
static void add_names(const struct command *command, const char *separator, struct str *text) {
  str_add(text, command->name);
  if (!command->aliases) return;
  auto_strv aliases = STRV_EMPTY;
  strv_split(&aliases, command->aliases, '|');
  for (size_t i = 0; i < aliases.len; i++)
    str_addf(text, "%s%s", separator, aliases.items[i]);
}

static void add_flags(const struct flag *flags, struct str *text) {
  const char *name;
  size_t len;
  for (; flags && flags->names; flags++)
    for (size_t i = 0; flag_name(flags, i, &name, &len); i++)
      str_addf(text, "%s%.*s ", len == 1 ? "-" : "--", (int)len, name);
  str_add(text, "--help");
}

/* The words that may follow a verb. */
static void add_words(const struct command *command, struct str *text) {
  for (const struct command *const *sub = command->subcommands; sub && *sub; sub++)
    if (!(*sub)->hidden) str_addf(text, "%s ", (*sub)->name);
  add_flags(command->flags, text);
}

static void add_verb_cases(const struct command *const *commands, struct str *text) {
  for (; *commands; commands++) {
    str_add(text, "    ");
    add_names(*commands, "|", text);
    str_add(text, ") words=\"");
    add_words(*commands, text);
    str_add(text, "\" ;;\n");
  }
}

static void add_subverb_cases(const struct command *const *commands, struct str *text) {
  for (; *commands; commands++) {
    const struct command *const *sub = (*commands)->subcommands;
    for (; sub && *sub; sub++) {
      str_addf(text, "    \"%s %s\") words=\"", (*commands)->name, (*sub)->name);
      add_flags((*sub)->flags, text);
      str_add(text, "\" ;;\n");
    }
  }
}

static void add_verbs(const struct command *const *commands, struct str *text) {
  for (; *commands; commands++)
    if (!(*commands)->hidden) str_addf(text, "%s ", (*commands)->name);
  str_add(text, "--help --version");
}

static void bash_script(const struct command *const *commands, struct str *text) {
  str_add(text, "# bash completion for tram and railway\n"
                "_tram() {\n"
                "  local word=\"${COMP_WORDS[COMP_CWORD]}\" verb=\"${COMP_WORDS[1]}\" words=\"\"\n"
                "  if (( COMP_CWORD == 1 )); then\n    words=\"");
  add_verbs(commands, text);
  str_add(text, "\"\n    COMPREPLY=( $(compgen -W \"$words\" -- \"$word\") )\n    return\n  fi\n"
                "  case \"$verb\" in\n");
  add_verb_cases(commands, text);
  str_add(text, "  esac\n"
                "  case \"$verb ${COMP_WORDS[2]}\" in\n");
  add_subverb_cases(commands, text);
  str_add(text,
          "  esac\n"
          "  COMPREPLY=( $(compgen -W \"$words\" -- \"$word\") )\n"
          "  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then COMPREPLY=( $(compgen -f -- \"$word\") ); fi\n"
          "}\ncomplete -F _tram tram railway\n");
}

static void zsh_script(const struct command *const *commands, struct str *text) {
  str_add(text, "#compdef tram railway\nautoload -U +X bashcompinit && bashcompinit\n");
  bash_script(commands, text);
}

/* A text in single quotes for fish. */
static void add_quoted(const char *plain, struct str *text) {
  str_add_char(text, '\'');
  for (; *plain; plain++) {
    if (*plain == '\'' || *plain == '\\') str_add_char(text, '\\');
    str_add_char(text, *plain);
  }
  str_add_char(text, '\'');
}

static void fish_flags(const struct command *command, const char *program, struct str *text) {
  const char *name;
  size_t len;
  for (const struct flag *flag = command->flags; flag && flag->names; flag++) {
    str_addf(text, "complete -c %s -n '__fish_seen_subcommand_from ", program);
    add_names(command, " ", text);
    str_addf(text, "'%s", flag->value ? " -r" : "");
    for (size_t i = 0; flag_name(flag, i, &name, &len); i++)
      str_addf(text, " %s %.*s", len == 1 ? "-s" : "-l", (int)len, name);
    str_add(text, " -d ");
    add_quoted(flag->help, text);
    str_add_char(text, '\n');
  }
}

static void fish_command(const struct command *command, const char *program, const char *parent,
                         struct str *text) {
  str_addf(text, "complete -c %s -f -n '", program);
  if (parent)
    str_addf(text, "__fish_seen_subcommand_from %s", parent);
  else
    str_add(text, "__fish_use_subcommand");
  str_addf(text, "' -a %s -d ", command->name);
  add_quoted(command->summary, text);
  str_add_char(text, '\n');
}

static void fish_script(const struct command *const *commands, const char *program,
                        struct str *text) {
  for (; *commands; commands++) {
    if ((*commands)->hidden) continue;
    fish_command(*commands, program, NULL, text);
    fish_flags(*commands, program, text);
    const struct command *const *sub = (*commands)->subcommands;
    for (; sub && *sub; sub++)
      fish_command(*sub, program, (*commands)->name, text);
  }
}

err *completion_script(const struct command *const *commands, const char *shell, struct str *text) {
  if (str_eq(shell, "bash"))
    bash_script(commands, text);
  else if (str_eq(shell, "zsh"))
    zsh_script(commands, text);
  else if (str_eq(shell, "fish")) {
    fish_script(commands, "tram", text);
    fish_script(commands, "railway", text);
  } else {
    return err_new(ERR_INVALID, "no completion for '%s': there is bash, zsh and fish", shell);
  }
  return NULL;
}
