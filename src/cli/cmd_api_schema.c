/* api search, api describe. */
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/api_schema.h"
#include "cli/cli.h"
#include "cli/commands.h"

#define DEFAULT_LIMIT 20
#define LIMIT_MAX     1000

static err *load(graphql_schema **ret_schema) {
  const char *text = embedded_text("api/schema.graphql");
  return graphql_schema_new(text, strlen(text), ret_schema);
}

static void print_found(struct cli *cli, const json_t *found) {
  auto_table table;
  table_init(&table, 3);
  size_t i;
  const json_t *row;
  json_array_foreach(found, i, row) {
    const char *description = json_get_text(row, "description");
    auto_free char *line = description ? str_ndup(description, strcspn(description, "\n")) : str_dup("");
    table_add(&table, json_get_text(row, "kind"), json_get_text(row, "name"), line, NULL);
  }
  out_table(&cli->out, &table);
}

static err *run_search(struct cli *cli, const struct args *args) {
  graphql_schema *schema = NULL;
  auto_json *found = NULL;
  long long limit;
  TRY(args_int(args, "limit", 1, LIMIT_MAX, DEFAULT_LIMIT, &limit));
  TRY(load(&schema));
  err *e = api_schema_search(schema, args_word(args, 0), args_text(args, "kind"), (size_t)limit, &found);
  graphql_schema_free(schema);
  if (e) return e;
  if (args_has(args, "json"))
    out_json(&cli->out, found);
  else if (json_array_size(found))
    print_found(cli, found);
  else
    out_line(&cli->out, "Nothing is called '%s'; `%s api schema` prints all there is", args_word(args, 0), cli->program);
  return NULL;
}

static err *run_describe(struct cli *cli, const struct args *args) {
  graphql_schema *schema = NULL;
  auto_str text = STR_EMPTY;
  TRY(load(&schema));
  err *e = api_schema_describe(schema, args_word(args, 0), &text);
  graphql_schema_free(schema);
  if (e) return e;
  auto_json *answer = json_pack("{s:s, s:s}", "name", args_word(args, 0), "sdl", str_text(&text));
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    fputs(str_text(&text), cli->out.out);
  return NULL;
}

/* clang-format off */
static const struct flag search_flags[] = {
  { "kind",  "KIND", "only of this kind: query, mutation, subscription, object, input, enum, …" },
  { "limit", "N",    "at most so many (default: 20)" },
  FLAG_JSON, FLAG_END,
};
/* clang-format on */
static const struct flag describe_flags[] = {FLAG_JSON, FLAG_END};
const struct command command_api_search = {
    .name = "search",
    .usage = "TERM",
    .summary = "Find operations and types of the API by a part of their name",
    .examples = "api search domain --kind mutation",
    .flags = search_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_search,
};
const struct command command_api_describe = {
    .name = "describe",
    .usage = "NAME",
    .summary = "Show an operation or type of the API: arguments, fields, descriptions",
    .examples = "api describe serviceCreate\napi describe Deployment\napi describe Deployment.status",
    .flags = describe_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_describe,
};
