/* variable import and export: .env files and JSON. */
#include <stdlib.h>
#include <string.h>

#include "base/dotenv.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/pages.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/variables.h"

/* "env" or "json"; NULL: not said. */
static err *read_format(const struct args *args, const char **ret_format) {
  *ret_format = args_text(args, "format");
  if (!*ret_format || str_eq(*ret_format, "env") || str_eq(*ret_format, "json")) return NULL;
  return err_new(ERR_INVALID, "--format is env or json, not '%s'", *ret_format);
}

static err *read_file(const char *path, struct str *text) {
  if (str_eq(path, "-")) return variables_read_stdin(text);
  return file_read(path, VARIABLES_INPUT_MAX, text);
}

err *variables_parse_file(const char *text, size_t len, const char *what, const char *format, json_t **ret_variables) {
  bool is_json = format ? str_eq(format, "json") : dotenv_is_json(text, len);
  return is_json ? dotenv_parse_json(text, len, what, ret_variables) : dotenv_parse(text, len, what, ret_variables);
}

static err *run_import(struct cli *cli, const struct args *args) {
  const char *path = args_word(args, 0), *format = NULL;
  const char *what = str_eq(path, "-") ? "standard input" : path;
  auto_str text = STR_EMPTY;
  auto_json *variables = NULL;
  TRY(read_format(args, &format));
  TRY(read_file(path, &text));
  TRY(variables_parse_file(str_text(&text), text.len, what, format, &variables));
  if (!json_object_size(variables)) return err_new(ERR_INVALID, "%s: no variable in it", what);
  return variables_upsert(cli, args, variables);
}

/* On standard error: what is exported may be piped. */
static err *tell_sealed(struct cli *cli, const struct scope *scope) {
  auto_json *data = NULL;
  auto_strv names = STRV_EMPTY;
  TRY(pages_query(cli, query_variable_names,
                  json_pack("{s:s, s:s}", "id", scope->environment_id, "projectId", scope->project_id),
                  "environment.variables", &data));
  const json_t *variables = json_object_get(json_object_get(data, "environment"), "variables");
  for (size_t i = 0; i < scope_node_count(variables); i++) {
    const json_t *v = scope_node_at(variables, i);
    if (json_get_bool(v, "isSealed", false) && str_eq(json_get_text(v, "serviceId"), scope->service_id))
      strv_add(&names, json_get_text(v, "name"));
  }
  auto_free char *joined = strv_join(&names, ", ");
  if (names.len) err_line(&cli->out, "Not exported, because nobody can read what is sealed: %s", joined);
  return NULL;
}

static err *run_export(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *variables = NULL;
  auto_strv names = STRV_EMPTY;
  auto_str text = STR_EMPTY;
  const char *format = NULL;
  TRY(read_format(args, &format));
  TRY(variables_scope(cli, args, &scope));
  TRY(variables_fetch_own(cli, &scope, args_has(args, "rendered"), &variables));
  TRY(tell_sealed(cli, &scope));
  variables_names(variables, &names);
  auto_json *sorted = json_object();
  for (size_t i = 0; i < names.len; i++) {
    json_object_set(sorted, names.items[i], json_object_get(variables, names.items[i]));
    dotenv_write(&text, names.items[i], json_get_text(variables, names.items[i]));
  }
  if (str_eq(format, "json"))
    out_json(&cli->out, sorted);
  else
    fputs(str_text(&text), cli->out.out);
  return NULL;
}

/* clang-format off */
static const struct flag import_flags[] = {
  { "format",  "env|json", "what the file is (default: as it looks)" },
  { "replace", NULL,       "delete the variables that are not in the file" },
  FLAG_SEALED, FLAG_SKIP_DEPLOYS, FLAG_SHARED, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag export_flags[] = {
  { "format",   "env|json", "print a .env file (the default) or JSON" },
  { "rendered", NULL,       "with references resolved" },
  FLAG_SHARED, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_END,
};
/* clang-format on */

const struct command command_variable_import = {
    .name = "import",
    .usage = "FILE|-",
    .summary = "Set the variables of a .env or JSON file",
    .details = "Quotes, values over several lines, comments and `export` are understood. Nothing is\n"
               "set when a line cannot be read.",
    .examples = "variable import .env.production\nvariable import - --service api < vars.json",
    .flags = import_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_import,
};
const struct command command_variable_export = {
    .name = "export",
    .usage = "",
    .summary = "Print a service's own variables as a file that `import` reads",
    .details = "References stay as they are written unless --rendered; RAILWAY_* variables are not in\n"
               "it. Sealed variables cannot be exported: their names are told on standard error.",
    .examples = "variable export --service api > api.env\nvariable export --format json --shared",
    .flags = export_flags,
    .run = run_export,
};
