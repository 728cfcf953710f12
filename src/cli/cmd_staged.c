/* environment config, edit, staged, commit, discard, history. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/changes.h"
#include "cli/commands.h"
#include "cli/environment.h"
#include "cli/pages.h"
#include "cli/queries.h"
#include "cli/scope.h"

enum { PATHS_MAX = 100 };

/* ---- config ---- */

/* An empty object is there, and says nothing more: a domain, a TCP proxy. */
static char *text_of(const json_t *value) {
  auto_strv items = STRV_EMPTY;
  size_t i;
  const json_t *item;
  json_array_foreach(value, i, item) if (json_is_string(item)) strv_add(&items, json_string_value(item));
  if (json_is_object(value)) return str_dup("");
  if (json_is_string(value)) return str_dup(json_string_value(value));
  return items.len && items.len == json_array_size(value) ? strv_join(&items, ", ") : json_to_text(value);
}

static void add_settings(struct table *table, const char *prefix, const json_t *value) {
  const char *key;
  json_t *inner;
  json_object_foreach((json_t *)value, key, inner) {
    auto_free char *path = str_format("%s%s%s", prefix, *prefix ? "." : "", key);
    add_settings(table, path, inner);
  }
  if (json_object_size(value)) return;
  auto_free char *text = text_of(value);
  auto_free char *shown = format_printable(text), *path = str_format("  %s", prefix);
  table_add(table, path, shown, NULL);
}

static void add_variables(struct table *table, const json_t *variables) {
  const char *name;
  json_t *entry;
  json_object_foreach((json_t *)variables, name, entry) {
    const char *value = json_get_text(entry, "value");
    auto_free char *path = str_format("  variables.%s", name), *shown = format_printable(value ? value : "");
    table_add(table, path, json_get_bool(entry, "isSealed", false) ? "(sealed)" : shown, NULL);
  }
}

static void print_part(struct output *o, const char *title, const json_t *service, const json_t *variables) {
  auto_free char *name = format_printable(title);
  auto_table table;
  table_init(&table, 2);
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)service, key, value)
    if (!str_eq(key, "name") && !str_eq(key, "variables")) add_settings(&table, key, value);
  add_variables(&table, variables);
  out_line(o, "%s%s%s", out_style(o, STYLE_BOLD), name, out_reset(o));
  out_table(o, &table);
}

static void print_config(struct output *o, const json_t *config) {
  static const char *const kinds[][2] = {{"volumes", "Volumes"}, {"buckets", "Buckets"}};
  const json_t *shared = json_object_get(config, "sharedVariables");
  const char *id;
  json_t *service;
  json_object_foreach(json_object_get(config, "services"), id, service) {
    const char *name = json_get_text(service, "name");
    print_part(o, name ? name : id, service, json_object_get(service, "variables"));
  }
  for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
    const json_t *part = json_object_get(config, kinds[i][0]);
    if (json_object_size(part)) print_part(o, kinds[i][1], part, NULL);
  }
  if (json_object_size(shared)) print_part(o, "Shared variables", NULL, shared);
}

static err *run_config(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(cli_query(cli, query_environment_config,
                json_pack("{s:s, s:b}", "id", scope.environment_id, "values", args_has(args, "values")), &data));
  const json_t *config = json_object_get(json_object_get(data, "environment"), "config");
  if (args_has(args, "json"))
    out_json(&cli->out, config);
  else
    print_config(&cli->out, config);
  return NULL;
}

/* ---- the staged patch ---- */

static err *fetch_staged(struct cli *cli, const struct scope *scope, bool values, json_t **ret_patch) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_staged_changes,
                json_pack("{s:s, s:b}", "environmentId", scope->environment_id, "values", values), &data));
  *ret_patch = json_incref(json_object_get(data, "environmentStagedChanges"));
  return NULL;
}

static const json_t *changes_of(const json_t *patch) {
  return json_object_get(patch, "changes");
}

static err *nothing_staged(const struct cli *cli, const struct scope *scope) {
  return err_new(ERR_NOT_FOUND, "nothing is staged in %s; `%s environment edit --stage` stages a change",
                 scope->environment_name, cli->program);
}

static err *run_staged(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *patch = NULL;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(fetch_staged(cli, &scope, args_has(args, "values"), &patch));
  return changes_tell_staged(cli, args, &scope, patch);
}

static void tell_committed(struct cli *cli, const struct args *args, const struct scope *scope, const json_t *id,
                           const json_t *changes) {
  auto_json *answer = json_pack("{s:O, s:s, s:s, s:O}", "id", id, "environmentId", scope->environment_id, "status",
                                "COMMITTED", "changes", changes);
  auto_free char *sum = changes_sum(changes);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Committed to %s: %s%s", scope->environment_name, sum,
             args_has(args, "skip-deploys") ? ", not deployed" : "");
}

static err *run_commit(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *patch = NULL, *data = NULL;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(fetch_staged(cli, &scope, args_has(args, "values"), &patch));
  if (!json_array_size(changes_of(patch))) return nothing_staged(cli, &scope);
  if (!args_has(args, "json")) TRY(changes_show(cli, &scope, changes_of(patch)));
  auto_free char *question = str_format("Apply them to %s?", scope.environment_name);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_commit_staged,
                json_pack("{s:s, s:s?, s:b, s:O}", "environmentId", scope.environment_id, "message",
                          args_text(args, "message"), "skipDeploys", args_has(args, "skip-deploys"), "etag",
                          json_object_get(patch, "etag")),
                &data));
  tell_committed(cli, args, &scope, json_object_get(data, "environmentPatchCommitStaged"), changes_of(patch));
  return NULL;
}

static err *run_discard(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  auto_json *paths = args->word_count ? json_array() : json_null();
  for (size_t i = 0; i < args->word_count; i++) json_array_append_new(paths, json_string(args_word(args, i)));
  auto_free char *question = str_format("Discard all that is staged in %s?", scope.environment_name);
  if (!args->word_count) TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_discard_changes,
                json_pack("{s:s, s:O}", "environmentId", scope.environment_id, "paths", paths), &data));
  return changes_tell_staged(cli, args, &scope, json_object_get(data, "environmentDiscardChanges"));
}

/* ---- edit ---- */

static err *take_edits(const struct cli *cli, const struct args *args, json_t **ret_patch) {
  TRY(changes_read_flags(args, ret_patch));
  if (*ret_patch) return NULL;
  if (isatty(STDIN_FILENO))
    return err_new(ERR_INVALID, "say what to change: `%s environment edit -s SERVICE PATH VALUE`, or give a JSON patch "
                                "on standard input", cli->program);
  return changes_read_stdin(ret_patch);
}

static err *stage_edit(struct cli *cli, const struct args *args, const struct scope *scope, const json_t *patch) {
  auto_json *data = NULL;
  TRY(cli_query(cli, mutation_stage_changes,
                json_pack("{s:s, s:O, s:b}", "environmentId", scope->environment_id, "input", patch, "merge", true),
                &data));
  return changes_tell_staged(cli, args, scope, json_object_get(data, "environmentStageChanges"));
}

static err *run_edit(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *patch = NULL, *preview = NULL, *data = NULL;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(take_edits(cli, args, &patch));
  if (args_has(args, "stage")) return stage_edit(cli, args, &scope, patch);
  TRY(cli_query(cli, query_patch_preview,
                json_pack("{s:s, s:O}", "environmentId", scope.environment_id, "patch", patch), &preview));
  const json_t *changes = changes_of(json_object_get(preview, "environmentPatchPreview"));
  const json_t *etag = json_object_get(json_object_get(preview, "environment"), "configEtag");
  if (!args_has(args, "json")) TRY(changes_show(cli, &scope, changes));
  TRY(cli_query(cli, mutation_commit_patch,
                json_pack("{s:s, s:O, s:s?, s:b, s:O}", "environmentId", scope.environment_id, "patch", patch, "message",
                          args_text(args, "message"), "skipDeploys", args_has(args, "skip-deploys"), "etag", etag),
                &data));
  tell_committed(cli, args, &scope, json_object_get(data, "environmentPatchCommit"), changes);
  return NULL;
}

/* ---- sync ---- */

/* "New" and "Removed" say it of the service itself. */
static const char *card_of(const json_t *changes, size_t at) {
  const json_t *change = json_array_get(changes, at);
  if (*json_get_text(change, "path")) return "Edited";
  return str_eq(json_get_text(change, "kind"), "CREATED") ? "New" : "Removed";
}

static json_t *cards_of(const json_t *changes) {
  json_t *cards = json_array();
  const char *last = "";
  for (size_t i = 0; i < json_array_size(changes); i++) {
    const json_t *change = json_array_get(changes, i);
    const char *id = json_get_text(change, "serviceId");
    if (id && !str_eq(id, last))
      json_array_append_new(cards, json_pack("{s:s, s:s?, s:s}", "serviceId", id, "serviceName",
                                             json_get_text(change, "serviceName"), "change", card_of(changes, i)));
    last = id ? id : "";
  }
  return cards;
}

static void print_cards(struct output *o, const json_t *cards) {
  size_t i;
  const json_t *card;
  auto_table table;
  table_init(&table, 2);
  json_array_foreach(cards, i, card) {
    auto_free char *name = format_printable(json_get_text(card, "serviceName"));
    table_add(&table, name, json_get_text(card, "change"), NULL);
  }
  out_table(o, &table);
  out_line(o, "%s", "");
}

static err *apply_sync(struct cli *cli, const struct args *args, const struct scope *scope, const char *source_id,
                       const json_t *preview, json_t **ret_answer) {
  auto_json *data = NULL;
  auto_free char *question = str_format("Apply them to %s?", scope->environment_name);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_environment_sync,
                json_pack("{s:s, s:s, s:s?, s:b, s:O}", "environmentId", scope->environment_id, "sourceEnvironmentId",
                          source_id, "message", args_text(args, "message"), "skipDeploys",
                          args_has(args, "skip-deploys"), "etag", json_object_get(preview, "etag")),
                &data));
  *ret_answer = json_incref(json_object_get(data, "environmentSync"));
  return NULL;
}

static err *run_sync(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL, *id = NULL;
  const char *named = args_word(args, 0);
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  const json_t *all = json_object_get(scope.project, "environments");
  json_t *source;
  TRY(scope_named(all, "Environment", named, &source));
  TRY(cli_query(cli, query_environment_sync,
                json_pack("{s:s, s:s, s:b}", "environmentId", scope.environment_id, "sourceEnvironmentId",
                          json_get_text(source, "id"), "values", args_has(args, "values")), &data));
  const json_t *preview = json_object_get(data, "environmentSyncPreview"), *changes = changes_of(preview);
  auto_json *cards = cards_of(changes);
  if (!args_has(args, "json") && json_array_size(changes)) {
    print_cards(&cli->out, cards);
    changes_print(&cli->out, changes);
  }
  if (json_array_size(changes)) TRY(apply_sync(cli, args, &scope, json_get_text(source, "id"), preview, &id));
  auto_json *answer = json_pack("{s:o, s:s, s:O, s:O}", "id", id ? json_incref(id) : json_null(), "environmentId",
                                scope.environment_id, "services", cards, "changes", changes);
  auto_free char *sum = changes_sum(changes);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "%s is now like %s: %s", scope.environment_name, json_get_text(source, "name"), sum);
  return NULL;
}

/* ---- history ---- */

static err *run_history(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *list = NULL;
  const json_t *node;
  long long limit;
  size_t i;
  TRY(args_int(args, "limit", 1, PAGE_MAX, 20, &limit));
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(pages_first(cli, query_environment_patches, json_pack("{s:s}", "environmentId", scope.environment_id),
                  "environmentPatches", limit, &list));
  json_array_foreach(list, i, node) {
    char when[FORMAT_SIZE];
    const char *message = json_get_text(node, "message"), *by = json_get_text(json_object_get(node, "appliedBy"), "email");
    if (args_has(args, "json")) continue;
    auto_free char *sum = changes_sum(changes_of(node)), *words = format_printable(message ? message : "");
    format_local_time(json_get_text(node, "appliedAt"), when);
    out_line(&cli->out, "%s%s%s  %s%s%s%s%s", out_style(&cli->out, STYLE_BOLD), when, out_reset(&cli->out), sum,
             by ? " by " : "", by ? by : "", *words ? ": " : "", words);
    TRY(changes_show(cli, &scope, changes_of(node)));
  }
  if (args_has(args, "json"))
    out_json(&cli->out, list);
  else if (!json_array_size(list))
    out_line(&cli->out, "No patch was committed to %s yet", scope.environment_name);
  return NULL;
}

/* clang-format off */
#define FLAG_VALUES { "values", NULL, "show the values of variables, too; sealed ones never" }
#define FLAG_MESSAGE { "message|m", "TEXT", "why; kept in the history" }
#define FLAG_SKIP_DEPLOYS { "skip-deploys", NULL, "do not deploy: it takes effect with the next deployments" }
static const struct flag show_flags[] = { FLAG_VALUES, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag history_flags[] = {
  { "limit", "N", "how many, newest first (default: 20)" }, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag edit_flags[] = {
  { "service-config|s", "SERVICE PATH VALUE", "set what is at this path of the service; may be given again" },
  { "stage", NULL, "stage it only: `environment commit` applies it" },
  FLAG_MESSAGE, FLAG_SKIP_DEPLOYS, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag commit_flags[] = {
  FLAG_MESSAGE, FLAG_SKIP_DEPLOYS, FLAG_VALUES, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_YES, FLAG_JSON, FLAG_END,
};
static const struct flag sync_flags[] = {
  FLAG_MESSAGE, FLAG_SKIP_DEPLOYS, FLAG_VALUES, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_YES, FLAG_JSON, FLAG_END,
};
static const struct flag discard_flags[] = { FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_YES, FLAG_JSON, FLAG_END };
/* clang-format on */

const struct command environment_config_command = {
    .name = "config",
    .usage = "",
    .summary = "Show the environment's configuration: services, settings, variables",
    .examples = "environment config --json  # Railway's EnvironmentConfig document",
    .flags = show_flags,
    .run = run_config,
};
const struct command environment_edit = {
    .name = "edit",
    .usage = "",
    .summary = "Change settings and variables of services by a patch, or stage the change",
    .details = "A path is one of the document that `environment config --json` prints. null resets a setting and\n"
               "deletes a variable. Without --service-config a JSON patch is read from standard input.",
    .examples = "environment edit -s web deploy.startCommand \"node server.js\" -m \"faster start\"\n"
                "environment edit -s web variables.COLOUR blue -s api variables.COLOUR blue --stage\n"
                "environment edit -s web variables.OLD null --stage",
    .flags = edit_flags,
    .run = run_edit,
};
const struct command environment_sync = {
    .name = "sync",
    .usage = "FROM",
    .summary = "Make an environment like another one",
    .details = "Shows what is new, edited and removed, and asks. Services, their settings and their variables\n"
               "become FROM's. Domains stay, and so do sealed variables and\n"
               "the branch that a service deploys from.",
    .examples = "environment sync staging --environment production",
    .flags = sync_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_sync,
};
const struct command environment_staged = {
    .name = "staged",
    .usage = "",
    .summary = "Show the changes that are staged",
    .flags = show_flags,
    .run = run_staged,
};
const struct command environment_commit = {
    .name = "commit",
    .usage = "",
    .summary = "Apply the changes that are staged, and deploy each affected service once",
    .examples = "environment commit -m \"new colours\"\nenvironment commit --yes --skip-deploys",
    .flags = commit_flags,
    .run = run_commit,
};
const struct command environment_discard = {
    .name = "discard",
    .usage = "[PATH…]",
    .summary = "Discard the changes that are staged, all or some",
    .examples = "environment discard --yes\nenvironment discard web.variables.COLOUR",
    .flags = discard_flags,
    .max_words = PATHS_MAX,
    .run = run_discard,
};
const struct command environment_history = {
    .name = "history",
    .usage = "",
    .summary = "List the patches that were committed, newest first",
    .flags = history_flags,
    .run = run_history,
};
