/* webhook create, list, delete: where a forge tells of pushes, checks and pull requests. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/queries.h"
#include "cli/scope.h"

/* What to enter where, for each provider's form. */
/* clang-format off */
static const struct {
  const char *provider, *where, *url, *secret, *events;
} forms[] = {
  { "github", "GitHub: the repository's Settings > Webhooks > Add webhook", "Payload URL", "Secret",
    "Content type: application/json.  Which events: \"Just the push event\", or with \"Let me select\" also\n"
    "Workflow runs, Check runs and Statuses (to wait for CI) and Pull requests (for their environments)." },
  { "gitlab", "GitLab: the project's Settings > Webhooks > Add new webhook", "URL", "Secret token",
    "Trigger: Push events, and Pipeline events (to wait for CI) and Merge request events (for their\nenvironments)." },
  { "gitea", "Gitea or Forgejo: the repository's Settings > Webhooks > Add webhook > Gitea (Forgejo)", "Target URL",
    "Secret", "HTTP method POST, content type application/json.  Trigger on: push events, or custom events with\n"
    "also statuses and workflow runs (to wait for CI) and pull requests (for their environments)." },
  { "generic", "Whatever can send a request: POST JSON to it", "URL", "Secret",
    "Body: {\"repository\": …, \"branch\": …, \"commit\": <the whole name>}.  Headers: X-Tramway-Timestamp:\n"
    "<Unix seconds>, X-Tramway-Signature: sha256=<HMAC-SHA-256, keyed with the secret, of\n"
    "\"<timestamp>.<body>\" in hex>.  docs/deploy-from-git.md has it as a script." },
};
/* clang-format on */

static void tell_form(struct cli *cli, const json_t *hook) {
  const char *provider = json_get_text(hook, "provider");
  for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
    if (!str_eq(forms[i].provider, provider)) continue;
    out_line(&cli->out, "Enter this at %s\n", forms[i].where);
    out_line(&cli->out, "  %-13s %s", forms[i].url, json_get_text(hook, "url"));
    out_line(&cli->out, "  %-13s %s\n", forms[i].secret, json_get_text(hook, "secret"));
    out_line(&cli->out, "%s", forms[i].events);
  }
  err_line(&cli->out, "The secret is not shown again.");
}

static err *run_create(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  const char *provider = args_text(args, "provider");
  TRY(scope_find(cli, args, SCOPE_PROJECT, &scope));
  json_t *input = json_pack("{s:s, s:s}", "projectId", scope.project_id, "provider", provider ? provider : "github");
  TRY(cli_query(cli, mutation_webhook_create, json_pack("{s:o}", "input", input), &data));
  const json_t *hook = json_object_get(data, "tramwayWebhookCreate");
  if (args_has(args, "json"))
    out_json(&cli->out, hook);
  else
    tell_form(cli, hook);
  return NULL;
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  auto_table table = {0};
  size_t i;
  json_t *hook;
  TRY(scope_find(cli, args, SCOPE_PROJECT, &scope));
  TRY(cli_query(cli, query_webhooks, json_pack("{s:s}", "projectId", scope.project_id), &data));
  const json_t *list = json_object_get(data, "tramwayWebhooks");
  if (args_has(args, "json")) {
    out_json(&cli->out, list);
    return NULL;
  }
  if (!json_array_size(list)) {
    out_line(&cli->out, "No webhooks yet: `%s webhook create` makes one", cli->program);
    return NULL;
  }
  table_init(&table, 4);
  json_array_foreach(list, i, hook) {
    const json_t *last = json_array_get(json_object_get(hook, "deliveries"), 0);
    const char *outcome = json_get_text(last, "outcome");
    auto_free char *clean = outcome ? format_printable(outcome) : NULL;
    table_add(&table, json_get_text(hook, "id"), json_get_text(hook, "provider"), json_get_text(hook, "url"),
              clean ? clean : last ? "received" : "nothing received yet", NULL);
  }
  out_table(&cli->out, &table);
  return NULL;
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  const char *id = args_word(args, 0);
  auto_free char *question = str_format("Delete the webhook %s? What is sent to it is refused then", id);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_webhook_delete, json_pack("{s:s}", "id", id), &data));
  auto_json *answer = json_pack("{s:s}", "deleted", id);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Deleted %s", id);
  return NULL;
}

/* clang-format off */
static const struct flag create_flags[] = {
  { "provider", "PROVIDER", "github (the default), gitlab, gitea, forgejo or generic" },
  FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag list_flags[] = { FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag delete_flags[] = { FLAG_YES, FLAG_JSON, FLAG_END };
/* clang-format on */
static const struct command webhook_create = {
    .name = "create",
    .aliases = "new|add",
    .usage = "",
    .summary = "Make a webhook, and say what to enter at the forge",
    .examples = "webhook create\nwebhook create --provider gitlab",
    .flags = create_flags,
    .run = run_create,
};
static const struct command webhook_list = {
    .name = "list",
    .aliases = "ls",
    .usage = "",
    .summary = "List the project's webhooks and what came of their last delivery",
    .flags = list_flags,
    .run = run_list,
};
static const struct command webhook_delete = {
    .name = "delete",
    .aliases = "rm|remove",
    .usage = "ID",
    .summary = "Delete a webhook",
    .flags = delete_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_delete,
};
static const struct command *const subcommands[] = {&webhook_create, &webhook_list, &webhook_delete, NULL};
const struct command command_webhook = {
    .name = "webhook",
    .aliases = "webhooks",
    .usage = "",
    .summary = "Let a forge tell of pushes, so that they deploy",
    .flags = list_flags,
    .subcommands = subcommands,
    .run = run_list,
};
