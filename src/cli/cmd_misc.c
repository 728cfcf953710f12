/* api, completion, help. */
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/variables.h"

#define QUERY_LIMIT (1 << 20)

static err *read_query(const struct args *args, struct str *query) {
  const char *file = args_text(args, "file"), *word = args_word(args, 0);
  if (word && file)
    return err_new(ERR_INVALID, "give the query as a word or with --file, not both");
  if (file) return file_read(file, QUERY_LIMIT, query);
  if (!word) return err_new(ERR_INVALID, "a query is missing: a word, or --file FILE");
  str_add(query, word);
  return NULL;
}

/* --variables '{"id": 1}', then each --var NAME=text and --raw-var NAME=json. */
static err *read_variables(const struct args *args, json_t **ret_variables) {
  auto_json *variables = json_object();
  const char *whole = args_text(args, "variables"), *pair;
  size_t cursor = 0;
  if (whole) {
    json_decref(variables);
    variables = NULL;
    TRY(json_parse(whole, strlen(whole), "--variables", &variables));
    if (!json_is_object(variables)) return err_new(ERR_INVALID, "--variables: not a JSON object");
  }
  while ((pair = args_next(args, "var", &cursor)))
    TRY(variables_read_pair(pair, variables));
  cursor = 0;
  while ((pair = args_next(args, "raw-var", &cursor))) {
    size_t len = strcspn(pair, "=");
    auto_free char *name = str_ndup(pair, len);
    json_t *value = pair[len] ? json_loads(pair + len + 1, JSON_DECODE_ANY, NULL) : NULL;
    if (!value) return err_new(ERR_INVALID, "--raw-var %s: the value is not JSON", name);
    json_object_set_new(variables, name, value);
  }
  *ret_variables = json_incref(variables);
  return NULL;
}

static err *run_api(struct cli *cli, const struct args *args) {
  auto_str query = STR_EMPTY;
  auto_json *data = NULL;
  json_t *variables = NULL;
  TRY(read_query(args, &query));
  TRY(read_variables(args, &variables));
  TRY(cli_query(cli, str_text(&query), variables, &data));
  if (args_has(args, "compact"))
    out_json_line(&cli->out, data);
  else
    out_json(&cli->out, data);
  return NULL;
}

/* clang-format off */
static const struct flag api_flags[] = {
  { "file|f",    "FILE",   "read the query from a file" },
  { "variables", "JSON",   "the query's variables as an object" },
  { "var",       "K=V",    "one variable, a text; may be repeated" },
  { "raw-var",   "K=JSON", "one variable, any JSON; may be repeated" },
  { "compact",   NULL,     "print one line" },
  FLAG_JSON, FLAG_END,
};
/* clang-format on */
static err *run_api_schema(struct cli *cli, const struct args *args) {
  (void)args;
  fputs(embedded_text("api/schema.graphql"), cli->out.out);
  return NULL;
}

static const struct flag no_flags[] = {FLAG_END};
static const struct command api_schema = {
    .name = "schema",
    .usage = "",
    .summary = "Print the API's schema, of this program's version",
    .flags = no_flags,
    .run = run_api_schema,
};
static const struct command *const api_commands[] = {&api_schema, NULL};
const struct command command_api = {
    .name = "api",
    .usage = "[QUERY]",
    .summary = "Send a GraphQL query to the server",
    .subcommands = api_commands,
    .examples = "api '{ me { email } }'\n"
                "api 'query($id: String!) { project(id: $id) { name } }' --var id=3f0c…",
    .flags = api_flags,
    .max_words = 1,
    .run = run_api,
};

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
    .max_words = 2,
    .run = run_help,
};
