#include "cli/help.h"

#include <string.h>

#include "base/man.h"
#include "base/mem.h"
#include "cli/format.h"

/* clang-format off */
static const struct { int status; const char *meaning; } exit_statuses[] = {
  { 0, "done" },
  { 1, "the deployment did not become live (up, redeploy, restart, rollback), or something differs (diff)" },
  { 2, "INVALID: what was asked is wrong; change it" },
  { 3, "NOT_FOUND: the thing named does not exist" },
  { 4, "CONFLICT: it clashes with what is there, or the question was answered with no" },
  { 5, "DENIED: not signed in, or not allowed" },
  { 6, "BUSY: try again later; also when the server cannot be reached" },
  { 7, "LIMIT: larger or more than is accepted" },
  { 8, "IO: the machine, the network or the server failed" },
  { 9, "CORRUPT: a file or an answer does not make sense" },
};

static const struct { const char *name, *meaning; } variables[] = {
  { "RAILWAY_TOKEN",          "project token: belongs to one environment of one project" },
  { "RAILWAY_API_TOKEN",      "account token, as `login` stores one" },
  { "RAILWAY_PROJECT_ID",     "project, instead of the folder's link" },
  { "RAILWAY_ENVIRONMENT_ID", "environment, with RAILWAY_PROJECT_ID" },
  { "RAILWAY_SERVICE_ID",     "service, with RAILWAY_PROJECT_ID" },
  { "TRAM_SERVER",            "the server's URL, instead of the one signed in to" },
  { "TRAM_CONFIG",            "the configuration file, instead of ~/.tramway/config.json" },
  { "RAILWAY_HTTP_TIMEOUT",   "seconds to wait for an answer; 90 unless set" },
  { "NO_COLOR",               "no colours" },
};
/* clang-format on */

static void add_verbs(const struct command *const *commands, const char *program,
                      struct str *text) {
  auto_table table;
  table_init(&table, 2);
  for (; *commands; commands++) {
    if ((*commands)->hidden) continue;
    auto_free char *call = str_format("%s %s%s%s", program, (*commands)->name,
                                      *(*commands)->usage ? " " : "", (*commands)->usage);
    table_add(&table, call, (*commands)->summary, NULL);
  }
  table_print(&table, "  ", text);
}

static void add_exit_statuses(struct str *text) {
  for (size_t i = 0; i < ARRAY_LEN(exit_statuses); i++)
    str_addf(text, "  %d  %s\n", exit_statuses[i].status, exit_statuses[i].meaning);
}

void help_overview(const char *program, struct str *text) {
  str_addf(text, "%s: deploy the code in this folder, and look after what runs\n\n", program);
  str_addf(text, "Usage: %s <verb> [flags] [words]\n\nVerbs:\n", program);
  add_verbs(all_commands, program, text);
  str_addf(text,
           "\nStart here:\n"
           "  %s login      sign in to a server\n"
           "  %s init       make a project and link this folder to it\n"
           "  %s up         deploy this folder\n",
           program, program, program);
  str_addf(text, "\nEvery verb takes --help, and most take --json. `%s help VERB` says more.\n",
           program);
  str_add(text, "\nEnvironment variables (each RAILWAY_X may also be spelled TRAM_X):\n");
  auto_table table;
  table_init(&table, 2);
  for (size_t i = 0; i < ARRAY_LEN(variables); i++)
    table_add(&table, variables[i].name, variables[i].meaning, NULL);
  table_print(&table, "  ", text);
  str_add(text, "\nExit status (run and ssh pass on the command's own):\n");
  add_exit_statuses(text);
}

static void add_flags(const struct flag *flags, struct str *text) {
  auto_table table;
  table_init(&table, 2);
  for (; flags && flags->names; flags++) {
    auto_str names = STR_EMPTY;
    flag_describe(flags, &names);
    table_add(&table, str_text(&names), flags->help, NULL);
  }
  table_add(&table, "--help, -h", "show this help", NULL);
  table_print(&table, "  ", text);
}

static void add_aliases(const char *aliases, struct str *text) {
  auto_strv names = STRV_EMPTY;
  if (!aliases) return;
  strv_split(&names, aliases, '|');
  auto_free char *joined = strv_join(&names, ", ");
  str_add(text, joined);
}

/* Examples are lines "words  # what it does"; each begins with the program. */
static void add_examples(const char *examples, const char *indent, struct str *text) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, examples, '\n');
  for (size_t i = 0; i < lines.len; i++)
    if (*lines.items[i]) str_addf(text, "%stram %s\n", indent, lines.items[i]);
}

void help_command(const struct command *command, const char *path, struct str *text) {
  str_addf(text, "%s\n\nUsage: %s", command->summary, path);
  str_addf(text, "%s%s [flags]\n", *command->usage ? " " : "", command->usage);
  if (command->aliases) {
    str_add(text, "Also called: ");
    add_aliases(command->aliases, text);
    str_add_char(text, '\n');
  }
  if (command->details) str_addf(text, "\n%s\n", command->details);
  if (command->subcommands) {
    str_add(text, "\nVerbs below it:\n");
    add_verbs(command->subcommands, path, text);
  }
  str_add(text, "\nFlags:\n");
  add_flags(command->flags, text);
  if (!command->examples) return;
  str_add(text, "\nExamples:\n");
  add_examples(command->examples, "  ", text);
}

static void man_command(const struct command *command, const char *path, struct str *page) {
  if (command->hidden) return;
  auto_free char *call = str_format("%s%s%s", path, *command->usage ? " " : "", command->usage);
  auto_str summary = STR_EMPTY;
  man_subsection(page, call);
  str_addf(&summary, "%s.", command->summary);
  if (command->aliases) {
    str_add(&summary, "  Also called: ");
    add_aliases(command->aliases, &summary);
    str_add_char(&summary, '.');
  }
  if (command->details) str_addf(&summary, "\n\n%s", command->details);
  man_text(page, str_text(&summary));
  for (const struct flag *flag = command->flags; flag && flag->names; flag++) {
    auto_str names = STR_EMPTY;
    flag_describe(flag, &names);
    man_item(page, str_text(&names), NULL, flag->help);
  }
  if (command->examples) {
    auto_str examples = STR_EMPTY;
    add_examples(command->examples, "", &examples);
    man_lines(page, str_text(&examples));
  }
  for (const struct command *const *sub = command->subcommands; sub && *sub; sub++) {
    auto_free char *sub_path = str_format("%s %s", path, (*sub)->name);
    man_command(*sub, sub_path, page);
  }
}

void help_man(const struct command *const *commands, struct str *page) {
  static const char *const see_also[] = {"tramd(8)", "tramway.toml(5)", NULL};
  man_begin(page, "tram", 1, "deploy the code in a folder, and look after what runs");
  man_section(page, "SYNOPSIS");
  man_item(page, "tram", "verb [flags] [words]", "");
  man_section(page, "DESCRIPTION");
  man_text(page, "The command line of Tramway; railway is a second name of the same program.  Results are\n"
                 "printed on standard output, progress, questions and errors on standard error.");
  man_section(page, "VERBS");
  for (; *commands; commands++) {
    auto_free char *path = str_format("tram %s", (*commands)->name);
    man_command(*commands, path, page);
  }
  man_section(page, "ENVIRONMENT");
  for (size_t i = 0; i < ARRAY_LEN(variables); i++)
    man_item(page, variables[i].name, NULL, variables[i].meaning);
  man_section(page, "EXIT STATUS");
  for (size_t i = 0; i < ARRAY_LEN(exit_statuses); i++) {
    auto_free char *status = str_format("%d", exit_statuses[i].status);
    man_item(page, status, NULL, exit_statuses[i].meaning);
  }
  man_see_also(page, see_also);
}

static void markdown_command(const struct command *command, const char *path, const char *heading,
                             struct str *text) {
  if (command->hidden) return;
  str_addf(text, "\n%s `%s%s%s`\n\n%s.\n", heading, path, *command->usage ? " " : "",
           command->usage, command->summary);
  if (command->aliases) {
    str_add(text, "Also called: ");
    add_aliases(command->aliases, text);
    str_add(text, ".\n");
  }
  if (command->details) str_addf(text, "\n%s\n", command->details);
  if (command->flags && command->flags->names)
    str_add(text, "\n| Flag | What it does |\n|---|---|\n");
  for (const struct flag *flag = command->flags; flag && flag->names; flag++) {
    auto_str names = STR_EMPTY;
    flag_describe(flag, &names);
    str_addf(text, "| `%s` | %s |\n", str_text(&names), flag->help);
  }
  if (command->examples) {
    str_add(text, "\n```sh\n");
    add_examples(command->examples, "", text);
    str_add(text, "```\n");
  }
  auto_free char *deeper = str_format("%s#", heading);
  for (const struct command *const *sub = command->subcommands; sub && *sub; sub++) {
    auto_free char *sub_path = str_format("%s %s", path, (*sub)->name);
    markdown_command(*sub, sub_path, deeper, text);
  }
}

void help_markdown(const struct command *const *commands, struct str *text) {
  str_add(
      text,
      "# The command line\n\n"
      "Made from the program's own table by `tram help --markdown > docs/cli.md`; a test keeps\n"
      "the two alike. `railway` is a second name of the same program.\n\n"
      "Results are printed on standard output, progress, questions and errors on standard\n"
      "error. With `--json` results are JSON in Railway's shapes, and an error is\n"
      "`{\"code\":\"NOT_FOUND\",\"error\":\"…\"}`. Colours and moving lines appear only on a\n"
      "terminal. What destroys something asks first; off a terminal it needs `--yes`.\n\n"
      "## Environment variables\n\nEach RAILWAY_X may also be spelled TRAM_X, which counts when both are set.\n\n"
      "| Variable | What it does |\n|---|---|\n");
  for (size_t i = 0; i < ARRAY_LEN(variables); i++)
    str_addf(text, "| `%s` | %s |\n", variables[i].name, variables[i].meaning);
  str_add(text, "\n## Exit status\n\n`run`, `ssh` and `shell` pass on the command's own.\n\n"
                "| Status | Meaning |\n|---|---|\n");
  for (size_t i = 0; i < ARRAY_LEN(exit_statuses); i++)
    str_addf(text, "| %d | %s |\n", exit_statuses[i].status, exit_statuses[i].meaning);
  str_add(text, "\n## Verbs\n");
  for (; *commands; commands++) {
    auto_free char *path = str_format("tram %s", (*commands)->name);
    markdown_command(*commands, path, "###", text);
  }
}
