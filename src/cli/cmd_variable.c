/* variable list, set, delete, and the older spelling with flags; import and export are in cmd_variable_file.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/variables.h"

err *variables_fetch(struct cli *cli, const struct scope *scope, json_t **ret_variables) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_variables_for_service_deployment,
                json_pack("{s:s, s:s, s:s}", "projectId", scope->project_id, "environmentId",
                          scope->environment_id, "serviceId", scope->service_id),
                &data));
  json_t *variables = json_object_get(data, "variablesForServiceDeployment");
  if (!json_is_object(variables)) return err_new(ERR_CORRUPT, "the variables are no object");
  *ret_variables = json_incref(variables);
  return NULL;
}

err *variables_fetch_own(struct cli *cli, const struct scope *scope, bool rendered, json_t **ret_variables) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_variables,
                json_pack("{s:s, s:s, s:s?, s:b}", "projectId", scope->project_id, "environmentId",
                          scope->environment_id, "serviceId", scope->service_id, "unrendered", !rendered),
                &data));
  json_t *variables = json_object_get(data, "variables");
  if (!json_is_object(variables)) return err_new(ERR_CORRUPT, "the variables are no object");
  *ret_variables = json_incref(variables);
  return NULL;
}

err *variables_scope(struct cli *cli, const struct args *args, struct scope *ret_scope) {
  bool shared = args_has(args, "shared");
  if (shared && args_has(args, "service"))
    return err_new(ERR_INVALID, "--shared variables belong to the environment: leave --service out");
  return scope_find(cli, args, shared ? SCOPE_ENVIRONMENT : SCOPE_SERVICE, ret_scope);
}

/* Line breaks shown as \n, so that a row stays a row. */
static char *one_line(const char *value) {
  auto_str text = STR_EMPTY;
  str_init(&text);
  for (; *value; value++) {
    if (*value == '\n')
      str_add(&text, "\\n");
    else
      str_add_char(&text, *value);
  }
  return format_printable(str_text(&text));
}

/* The names in order, so that two listings can be compared. */
static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

void variables_names(const json_t *variables, struct strv *names) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)variables, name, value) strv_add(names, name);
  if (names->len) qsort(names->items, names->len, sizeof *names->items, compare_names);
}

static void print_variables(struct cli *cli, const struct args *args, const json_t *variables) {
  auto_strv names = STRV_EMPTY;
  auto_table table;
  table_init(&table, 2);
  variables_names(variables, &names);
  for (size_t i = 0; i < names.len; i++) {
    const char *value = json_get_text(variables, names.items[i]);
    auto_free char *line = one_line(value ? value : "");
    if (args_has(args, "kv"))
      out_line(&cli->out, "%s=%s", names.items[i], value ? value : "");
    else
      table_add(&table, names.items[i], line, NULL);
  }
  if (!args_has(args, "kv")) out_table(&cli->out, &table);
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *variables = NULL;
  TRY(variables_scope(cli, args, &scope));
  if (args_has(args, "shared"))
    TRY(variables_fetch_own(cli, &scope, true, &variables));
  else
    TRY(variables_fetch(cli, &scope, &variables));
  if (args_has(args, "json"))
    out_json(&cli->out, variables);
  else
    print_variables(cli, args, variables);
  return NULL;
}

err *variables_read_pair(const char *pair, json_t *variables) {
  size_t len = strcspn(pair, "=");
  auto_free char *name = str_ndup(pair, len);
  if (!len || !pair[len])
    return err_new(ERR_INVALID, "'%s' should look like NAME=value", name); /* never the value */
  json_t *value = json_string(pair + len + 1);
  if (!value) return err_new(ERR_INVALID, "the value of %s is not UTF-8", name);
  json_object_set_new(variables, name, value);
  return NULL;
}

err *variables_read_stdin(struct str *text) {
  char chunk[65536];
  for (;;) {
    ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return err_errno(errno, "reading standard input");
    if (got == 0) break;
    if (text->len + (size_t)got > VARIABLES_INPUT_MAX)
      return err_new(ERR_LIMIT, "standard input is over %d bytes", VARIABLES_INPUT_MAX);
    str_add_bytes(text, chunk, (size_t)got);
  }
  return NULL;
}

/* NAME whose value is all of standard input, less one line break at the end. */
static err *set_from_stdin(const char *name, json_t *variables) {
  auto_str text = STR_EMPTY;
  if (str_empty(name) || strchr(name, '='))
    return err_new(ERR_INVALID, "with a value from standard input give one NAME");
  TRY(variables_read_stdin(&text));
  if (text.len && text.data[text.len - 1] == '\n') text.data[--text.len] = '\0';
  json_t *value = json_stringn(str_text(&text), text.len);
  if (!value) return err_new(ERR_INVALID, "the value of %s is not UTF-8", name);
  json_object_set_new(variables, name, value);
  return NULL;
}

static json_t *sealed(const json_t *variables) {
  json_t *changes = json_object(), *value;
  const char *name;
  json_object_foreach((json_t *)variables, name, value)
    json_object_set_new(changes, name, json_pack("{s:O, s:b}", "value", value, "isSealed", true));
  return changes;
}

static void tell_set(struct cli *cli, const struct args *args, const struct scope *scope, const struct strv *names) {
  auto_free char *joined = strv_join(names, ", ");
  auto_json *answer = json_pack("{s:[]}", "set");
  for (size_t i = 0; i < names->len; i++)
    json_array_append_new(json_object_get(answer, "set"), json_string(names->items[i]));
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else if (scope->service_name && !args_has(args, "shared"))
    out_line(&cli->out, "Set %s for %s in %s", joined, scope->service_name, scope->environment_name);
  else
    out_line(&cli->out, "Set %s, shared in %s", joined, scope->environment_name);
}

/* They are set all the same: what they name may come later.  Not being able to ask is no reason to fail. */
static void warn_of_empty(struct cli *cli, const struct scope *scope, const json_t *variables) {
  auto_json *data = NULL;
  size_t i;
  const json_t *reference;
  err_ignore(cli_query(cli, query_unresolved_references,
                       json_pack("{s:s, s:s, s:s?}", "projectId", scope->project_id, "environmentId", scope->environment_id,
                                 "serviceId", scope->service_id),
                       &data));
  json_array_foreach(json_object_get(data, "unresolvedReferences"), i, reference) {
    const char *name = json_get_text(reference, "variable"), *problem = json_get_text(reference, "problem");
    if (!name || !problem || !json_object_get(variables, name)) continue;
    auto_free char *clean = format_printable(problem);
    err_line(&cli->out, "%swarning%s: %s: %s", err_style(&cli->out, STYLE_YELLOW), err_reset(&cli->out), name, clean);
  }
}

/* {name: value or null} as a part of what is staged. */
static err *stage(struct cli *cli, const struct args *args, const struct scope *scope, const json_t *changes) {
  auto_json *data = NULL;
  json_t *patch = scope->service_id ? json_pack("{s:{s:{s:O}}}", "services", scope->service_id, "variables", changes)
                                    : json_pack("{s:O}", "sharedVariables", changes);
  TRY(cli_query(cli, mutation_stage_changes,
                json_pack("{s:s, s:o, s:b}", "environmentId", scope->environment_id, "input", patch, "merge", true), &data));
  return changes_tell_staged(cli, args, scope, json_object_get(data, "environmentStageChanges"));
}

err *variables_upsert(struct cli *cli, const struct args *args, const json_t *variables) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  auto_strv names = STRV_EMPTY;
  TRY(variables_scope(cli, args, &scope));
  auto_json *changes = args_has(args, "sealed") ? sealed(variables) : json_incref((json_t *)variables);
  if (args_has(args, "stage")) return stage(cli, args, &scope, changes);
  json_t *input = json_pack("{s:s, s:s, s:s?, s:O, s:b, s:b}", "projectId", scope.project_id, "environmentId",
                            scope.environment_id, "serviceId", scope.service_id, "variables", changes, "skipDeploys",
                            args_has(args, "skip-deploys"), "replace", args_has(args, "replace"));
  TRY(cli_query(cli, mutation_variable_collection_upsert, json_pack("{s:o}", "input", input), &data));
  variables_names(variables, &names);
  tell_set(cli, args, &scope, &names);
  warn_of_empty(cli, &scope, variables);
  return NULL;
}

static err *run_set(struct cli *cli, const struct args *args) {
  auto_json *variables = json_object();
  if (args_has(args, "stdin")) {
    TRY(set_from_stdin(args->word_count == 1 ? args_word(args, 0) : NULL, variables));
  } else {
    for (size_t i = 0; i < args->word_count; i++)
      TRY(variables_read_pair(args_word(args, i), variables));
  }
  return variables_upsert(cli, args, variables);
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  const char *name = args_word(args, 0);
  TRY(variables_scope(cli, args, &scope));
  auto_json *data = NULL, *deletion = json_pack("{s:n}", name);
  if (args_has(args, "stage")) return stage(cli, args, &scope, deletion);
  json_t *input = json_pack("{s:s, s:s, s:s?, s:s}", "projectId", scope.project_id, "environmentId",
                            scope.environment_id, "serviceId", scope.service_id, "name", name);
  TRY(cli_query(cli, mutation_variable_delete, json_pack("{s:o}", "input", input), &data));
  auto_json *answer = json_pack("{s:s}", "deleted", name);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Deleted %s of %s", name, scope.service_name ? scope.service_name : scope.environment_name);
  return NULL;
}

/* `variables --set K=V --set K2=V2`; without --set it lists. */
static err *run_legacy(struct cli *cli, const struct args *args) {
  auto_json *variables = json_object();
  const char *from_stdin = args_text(args, "set-from-stdin"), *pair;
  size_t cursor = 0;
  while ((pair = args_next(args, "set", &cursor)))
    TRY(variables_read_pair(pair, variables));
  if (from_stdin) TRY(set_from_stdin(from_stdin, variables));
  return json_object_size(variables) ? variables_upsert(cli, args, variables) : run_list(cli, args);
}

/* clang-format off */
#define FLAG_STAGE { "stage", NULL, "stage it only: `environment commit` applies it" }
static const struct flag list_flags[] = {
  { "kv|k", NULL, "print NAME=value lines" },
  FLAG_SHARED, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag set_flags[] = {
  { "stdin",        NULL, "one NAME, whose value is standard input" },
  FLAG_SEALED, FLAG_STAGE, FLAG_SKIP_DEPLOYS, FLAG_SHARED, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag delete_flags[] = {
  FLAG_STAGE, FLAG_SHARED, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag legacy_flags[] = {
  { "kv|k",           NULL,   "print NAME=value lines" },
  { "set",            "K=V",  "set a variable; may be repeated" },
  { "set-from-stdin", "NAME", "set this variable to standard input" },
  { "skip-deploys",   NULL,   "with --set: do not deploy again" },
  FLAG_SHARED, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
/* clang-format on */

static const struct command variable_list = {
    .name = "list",
    .aliases = "ls",
    .usage = "",
    .summary = "List a service's variables as its deployments see them",
    .details = "References are resolved; sealed variables, and what holds their values, are not shown.",
    .flags = list_flags,
    .run = run_list,
};
static const struct command variable_set = {
    .name = "set",
    .usage = "NAME=VALUE…",
    .summary = "Set variables and deploy again what they are in",
    .details = "A value may refer to other variables: ${{NAME}}, ${{Service.NAME}}, ${{shared.NAME}}.\n"
               "${{secret(32)}} and ${{randomInt(1, 6)}} are replaced by what they give, once.",
    .examples = "variable set LOG_LEVEL=debug WORKERS=4\n"
                "variable set 'DATABASE_URL=${{Postgres.DATABASE_URL}}' --skip-deploys\n"
                "variable set API_KEY --stdin --sealed < key.txt\n"
                "variable set --shared REGION=eu",
    .flags = set_flags,
    .min_words = 1,
    .max_words = 1000,
    .run = run_set,
};
static const struct command variable_delete = {
    .name = "delete",
    .aliases = "rm|remove",
    .usage = "NAME",
    .summary = "Delete a variable",
    .flags = delete_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_delete,
};
static const struct command *const subcommands[] = {
    &variable_list, &variable_set, &variable_delete, &command_variable_import, &command_variable_export, NULL,
};
const struct command command_variable = {
    .name = "variable",
    .aliases = "variables|vars|var",
    .usage = "",
    .summary = "List, set and delete a service's variables",
    .examples = "variables\nvariables --set 'LOG_LEVEL=debug' --skip-deploys\n"
                "variable set LOG_LEVEL=debug",
    .flags = legacy_flags,
    .subcommands = subcommands,
    .run = run_legacy,
};
