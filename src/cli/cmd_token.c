/* token, session. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/pages.h"
#include "cli/queries.h"
#include "cli/scope.h"
#include "cli/workspace.h"

/* ---- create ---- */

static err *add_expiry(const struct args *args, json_t *input) {
  const char *text = args_text(args, "expires");
  int64_t seconds = 0;
  if (!text) return NULL;
  TRY(duration_parse("--expires", text, &seconds));
  json_object_set_new(input, "expiresInSeconds", json_integer((json_int_t)seconds));
  return NULL;
}

/* The secret alone goes to standard output, so that it can be put where it belongs without being seen. */
static void tell_secret(struct cli *cli, const struct args *args, const char *kind, const char *variable,
                        const char *secret) {
  if (args_has(args, "json")) {
    auto_json *answer = json_pack("{s:s, s:s, s:s}", "name", args_word(args, 0), "kind", kind, "token", secret);
    out_json(&cli->out, answer);
    return;
  }
  err_line(&cli->out, "Created the %s token \"%s\" (for %s). It is shown only now:", kind, args_word(args, 0), variable);
  out_line(&cli->out, "%s", secret);
}

static err *create_api_token(struct cli *cli, const struct args *args) {
  auto_json *data = NULL, *workspace = NULL, *input = json_pack("{s:s}", "name", args_word(args, 0));
  if (args_has(args, "workspace")) {
    TRY(workspace_pick(cli, args, &workspace));
    json_set_text(input, "workspaceId", json_get_text(workspace, "id"));
  }
  TRY(add_expiry(args, input));
  TRY(cli_query(cli, mutation_api_token_create, json_pack("{s:O}", "input", input), &data));
  tell_secret(cli, args, workspace ? "workspace" : "account", "RAILWAY_API_TOKEN", json_get_text(data, "apiTokenCreate"));
  return NULL;
}

static err *create_project_token(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  auto_json *input = json_pack("{s:s, s:s, s:s}", "name", args_word(args, 0), "projectId", scope.project_id,
                               "environmentId", scope.environment_id);
  TRY(add_expiry(args, input));
  TRY(cli_query(cli, mutation_project_token_create, json_pack("{s:O}", "input", input), &data));
  tell_secret(cli, args, "project", "RAILWAY_TOKEN", json_get_text(data, "projectTokenCreate"));
  return NULL;
}

static err *run_create(struct cli *cli, const struct args *args) {
  TRY(cli_need_token(cli));
  bool for_project = args_has(args, "environment") || args_has(args, "project");
  if (for_project && args_has(args, "workspace"))
    return err_new(ERR_INVALID, "--workspace and --environment: a token is for one of them");
  return for_project ? create_project_token(cli, args) : create_api_token(cli, args);
}

/* ---- list and delete ---- */

/* All tokens the caller sees, as rows {kind, id, name, …}: the account's, and those of the project that
 * is named or linked, if they administer it. */
static err *fetch_tokens(struct cli *cli, const struct args *args, json_t **ret_rows) {
  auto_json *data = NULL, *of_project = NULL, *rows = json_array();
  json_t *node;
  TRY(cli_need_token(cli));
  TRY(pages_query(cli, query_api_tokens, NULL, "apiTokens", &data));
  for (size_t i = 0; (node = scope_node_at(json_object_get(data, "apiTokens"), i)); i++) {
    json_set_text(node, "kind", json_get_text(node, "workspaceId") ? "workspace" : "account");
    json_array_append(rows, node);
  }
  auto_scope scope = {0};
  err *e = scope_find(cli, args, SCOPE_PROJECT, &scope);
  if (!e)
    e = pages_query(cli, query_project_tokens, json_pack("{s:s}", "projectId", scope.project_id), "projectTokens",
                    &of_project);
  if (e && args_has(args, "project")) return e;
  err_ignore(e);
  for (size_t i = 0; (node = scope_node_at(json_object_get(of_project, "projectTokens"), i)); i++) {
    json_set_text(node, "kind", "project");
    json_array_append(rows, node);
  }
  *ret_rows = json_incref(rows);
  return NULL;
}

static void time_cell(const json_t *row, const char *key, char text[FORMAT_SIZE]) {
  const char *value = json_get_text(row, key);
  if (value)
    format_local_time(value, text);
  else
    memcpy(text, "never", sizeof "never");
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_json *rows = NULL;
  auto_table table;
  size_t i;
  const json_t *row;
  TRY(fetch_tokens(cli, args, &rows));
  if (args_has(args, "json")) {
    out_json(&cli->out, rows);
    return NULL;
  }
  table_init(&table, 6);
  table_add(&table, "NAME", "KIND", "ENVIRONMENT", "LAST USED", "EXPIRES", "ID", NULL);
  json_array_foreach(rows, i, row) {
    char used[FORMAT_SIZE], expires[FORMAT_SIZE];
    time_cell(row, "lastUsedAt", used);
    time_cell(row, "expiresAt", expires);
    const char *environment = json_get_text(json_object_get(row, "environment"), "name");
    table_add(&table, json_get_text(row, "name"), json_get_text(row, "kind"), environment ? environment : "", used,
              expires, json_get_text(row, "id"), NULL);
  }
  if (i)
    out_table(&cli->out, &table);
  else
    out_line(&cli->out, "No tokens yet: `%s token create NAME` makes one", cli->program);
  return NULL;
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_json *rows = NULL, *data = NULL;
  const char *word = args_word(args, 0);
  const json_t *row, *found = NULL;
  size_t i;
  TRY(fetch_tokens(cli, args, &rows));
  json_array_foreach(rows, i, row) {
    if (!str_eq(json_get_text(row, "id"), word) && !str_eq(json_get_text(row, "name"), word)) continue;
    if (found) return err_new(ERR_CONFLICT, "several tokens are called \"%s\": use the id (`%s token list`)", word, cli->program);
    found = row;
  }
  if (!found) return err_new(ERR_NOT_FOUND, "Token \"%s\" not found. `%s token list` shows those you have", word, cli->program);
  bool of_project = str_eq(json_get_text(found, "kind"), "project");
  TRY(cli_query(cli, of_project ? mutation_project_token_delete : mutation_api_token_delete,
                json_pack("{s:s}", "id", json_get_text(found, "id")), &data));
  out_line(&cli->out, "Deleted the token \"%s\"", json_get_text(found, "name"));
  return NULL;
}

/* clang-format off */
static const struct flag create_flags[] = {
  { "workspace|w",   "WORKSPACE",   "a token for this workspace only, by name or id" },
  { "environment|e", "ENVIRONMENT", "a project token: for this environment of the project only" },
  FLAG_PROJECT,
  { "expires",       "TIME",        "when it ends: 12h, 30d, 2w (default: never)" },
  FLAG_JSON, FLAG_END,
};
static const struct flag list_flags[] = { FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag delete_flags[] = { FLAG_PROJECT, FLAG_END };
/* clang-format on */
static const struct command token_create = {
    .name = "create",
    .aliases = "new",
    .usage = "NAME",
    .summary = "Make a token; its secret is printed once",
    .examples = "token create laptop\ntoken create ci --environment production --expires 90d  # for RAILWAY_TOKEN",
    .flags = create_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_create,
};
static const struct command token_list = {
    .name = "list", .aliases = "ls", .usage = "", .summary = "List tokens, and when each was last used", .flags = list_flags, .run = run_list,
};
static const struct command token_delete = {
    .name = "delete",
    .aliases = "rm|remove",
    .usage = "NAME",
    .summary = "End a token at once, by name or id",
    .flags = delete_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_delete,
};
static const struct command *const token_subcommands[] = {&token_create, &token_list, &token_delete, NULL};
const struct command command_token = {
    .name = "token",
    .aliases = "tokens",
    .usage = "",
    .summary = "Tokens of your account, a workspace or a project",
    .flags = list_flags,
    .subcommands = token_subcommands,
    .run = run_list,
};

/* ---- sessions ---- */

static err *run_sessions(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  auto_table table;
  json_t *node;
  TRY(cli_need_token(cli));
  TRY(pages_query(cli, query_sessions, NULL, "sessions", &data));
  const json_t *sessions = json_object_get(data, "sessions");
  if (args_has(args, "json")) {
    out_json(&cli->out, sessions);
    return NULL;
  }
  table_init(&table, 4);
  table_add(&table, "SESSION", "LAST USED", "", "ID", NULL);
  for (size_t i = 0; (node = scope_node_at(sessions, i)); i++) {
    char used[FORMAT_SIZE];
    time_cell(node, "updatedAt", used);
    table_add(&table, json_get_text(node, "name"), used, json_get_bool(node, "isCurrent", false) ? "this one" : "",
              json_get_text(node, "id"), NULL);
  }
  out_table(&cli->out, &table);
  return NULL;
}

static err *run_session_delete(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  TRY(cli_need_token(cli));
  TRY(cli_query(cli, mutation_session_delete, json_pack("{s:s}", "id", args_word(args, 0)), &data));
  out_line(&cli->out, "Ended the session");
  return NULL;
}

static const struct flag sessions_flags[] = {FLAG_JSON, FLAG_END};
static const struct flag session_delete_flags[] = {FLAG_END};
static const struct command session_list = {
    .name = "list", .aliases = "ls", .usage = "", .summary = "List where you are signed in", .flags = sessions_flags, .run = run_sessions,
};
static const struct command session_delete = {
    .name = "delete",
    .aliases = "rm|remove|end",
    .usage = "ID",
    .summary = "End a session at once",
    .flags = session_delete_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_session_delete,
};
static const struct command *const session_subcommands[] = {&session_list, &session_delete, NULL};
const struct command command_session = {
    .name = "session",
    .aliases = "sessions",
    .usage = "",
    .summary = "Where your account is signed in",
    .flags = sessions_flags,
    .subcommands = session_subcommands,
    .run = run_sessions,
};
