/* api: any query, and the schema; looking things up in it is in cmd_api_schema.c. */
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
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

/* With --allow-errors {"data", "errors"} is printed whole, and the exit status is 0. */
static err *send_query(struct cli *cli, const struct args *args, const char *query, json_t *variables,
                       json_t **ret_shown) {
  const char *operation = args_text(args, "operation-name");
  bool allow_errors = args_has(args, "allow-errors");
  if (!operation && !allow_errors) return cli_query(cli, query, variables, ret_shown);
  auto_json *answer = NULL;
  TRY(client_graphql_whole(&cli->client, query, variables, operation, allow_errors, &answer));
  *ret_shown = json_incref(allow_errors ? answer : json_object_get(answer, "data"));
  return NULL;
}

static err *run_api(struct cli *cli, const struct args *args) {
  auto_str query = STR_EMPTY;
  auto_json *shown = NULL;
  json_t *variables = NULL;
  TRY(read_query(args, &query));
  TRY(read_variables(args, &variables));
  TRY(send_query(cli, args, str_text(&query), variables, &shown));
  if (args_has(args, "compact"))
    out_json_line(&cli->out, shown);
  else
    out_json(&cli->out, shown);
  return NULL;
}

/* clang-format off */
static const struct flag api_flags[] = {
  { "file|f",    "FILE",   "read the query from a file" },
  { "variables", "JSON",   "the query's variables as an object" },
  { "var",       "K=V",    "one variable, a text; may be repeated" },
  { "raw-var",   "K=JSON", "one variable, any JSON; may be repeated" },
  { "operation-name", "NAME", "which of several operations to run" },
  { "compact",   NULL,     "print one line" },
  { "allow-errors", NULL,  "print the whole answer, errors too, and end well" },
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
static const struct command *const api_commands[] = {
    &api_schema, &command_api_search, &command_api_describe, NULL,
};
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

