/* credential: what the server signs in with at registries and at the hosts of private repositories. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/prompt.h"
#include "cli/queries.h"
#include "cli/scope.h"

enum { KEY_BYTES = 16384 };

static err *print_list(struct cli *cli, const struct args *args, const json_t *list) {
  if (args_has(args, "json")) {
    out_json(&cli->out, list);
    return NULL;
  }
  if (!json_array_size(list)) {
    out_line(&cli->out, "The project has no credentials");
    return NULL;
  }
  auto_table table;
  table_init(&table, 3);
  table_add(&table, "HOST", "KIND", "USER", NULL);
  size_t i;
  const json_t *item;
  json_array_foreach(list, i, item) {
    const char *host = json_get_text(item, "host"), *user = json_get_text(item, "username");
    table_add(&table, str_empty(host) ? "(a service's image)" : host, json_get_text(item, "kind"), user ? user : "", NULL);
  }
  out_table(&cli->out, &table);
  return NULL;
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  TRY(scope_find(cli, args, SCOPE_PROJECT, &scope));
  TRY(cli_query(cli, query_credentials, json_pack("{s:s}", "projectId", scope.project_id), &data));
  return print_list(cli, args, json_object_get(data, "tramwayCredentials"));
}

static err *kind_of(const struct args *args, const char **ret_kind) {
  bool registry = args_has(args, "registry"), repository = args_has(args, "repository"), key = args_has(args, "deploy-key");
  if (registry + repository + key != 1)
    return err_new(ERR_INVALID, "say what the host is: --registry, --repository, or --deploy-key");
  *ret_kind = registry ? "REGISTRY" : repository ? "REPOSITORY" : "DEPLOY_KEY";
  return NULL;
}

/* Never from an argument: those can be seen by every user of the machine. */
static err *read_secret(struct cli *cli, const struct args *args, char **ret_secret) {
  const char *key_path = args_text(args, "deploy-key");
  if (key_path) {
    auto_str text = STR_EMPTY;
    TRY(file_read(key_path, KEY_BYTES, &text));
    *ret_secret = str_take(&text);
    return NULL;
  }
  if (args_has(args, "password-stdin")) return prompt_read_stdin(ret_secret);
  return prompt_secret(&cli->out, "Password or token", "--password-stdin", ret_secret);
}

static err *run_set(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  const char *kind, *host = args_word(args, 0), *username = args_text(args, "username");
  char *secret = NULL;
  TRY(kind_of(args, &kind));
  TRY(scope_find(cli, args, SCOPE_PROJECT, &scope));
  TRY(read_secret(cli, args, &secret));
  json_t *input = json_pack("{s:s, s:s, s:s, s:s, s:s}", "projectId", scope.project_id, "kind", kind, "host", host,
                            "username", username ? username : "", "secret", secret);
  secret_wipe(secret, strlen(secret));
  free(secret);
  if (!input) return err_new(ERR_INVALID, "the credential is no UTF-8 text");
  TRY(cli_query(cli, mutation_credential_set, json_pack("{s:o}", "input", input), &data));
  const json_t *made = json_object_get(data, "tramwayCredentialSet");
  if (args_has(args, "json"))
    out_json(&cli->out, made);
  else
    out_line(&cli->out, "All services of %s sign in to %s from the next deployment on", scope.project_name,
             json_get_text(made, "host"));
  return NULL;
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  const char *kind;
  TRY(kind_of(args, &kind));
  TRY(scope_find(cli, args, SCOPE_PROJECT, &scope));
  TRY(cli_query(cli, mutation_credential_delete,
                json_pack("{s:s, s:s, s:s}", "projectId", scope.project_id, "kind", kind, "host", args_word(args, 0)),
                &data));
  out_line(&cli->out, "Deleted the credentials for %s", args_word(args, 0));
  return NULL;
}

/* clang-format off */
#define FLAG_REGISTRY   { "registry",   NULL, "for images" }
#define FLAG_REPOSITORY { "repository", NULL, "for git over https" }
static const struct flag list_flags[] = { FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag set_flags[] = {
  FLAG_REGISTRY, FLAG_REPOSITORY,
  { "deploy-key",     "FILE", "for git over ssh: this private key" },
  { "username|u",     "NAME", "the account there; not needed with a token" },
  { "password-stdin", NULL,   "read the password or token from standard input" },
  FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag delete_flags[] = {
  FLAG_REGISTRY, FLAG_REPOSITORY,
  { "deploy-key", NULL, "the key for git over ssh" },
  FLAG_PROJECT, FLAG_END,
};
/* clang-format on */
static const struct command credential_list = {
    .name = "list",
    .aliases = "ls",
    .usage = "",
    .summary = "List the project's credentials, without the secrets",
    .flags = list_flags,
    .run = run_list,
};
static const struct command credential_set = {
    .name = "set",
    .usage = "HOST",
    .summary = "Sign in to a registry, or to where a repository is",
    .details = "For all services of the project, from their next deployment on. The secret is asked for, or read\n"
               "from standard input or a file; it is kept encrypted and shown to nobody.",
    .examples = "credential set ghcr.io --registry  # asks for the token\n"
                "credential set github.com --repository --password-stdin < token\n"
                "credential set git.example.org --deploy-key ~/.ssh/deploy",
    .flags = set_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_set,
};
static const struct command credential_delete = {
    .name = "delete",
    .aliases = "rm|remove",
    .usage = "HOST",
    .summary = "Forget the credentials for a host",
    .flags = delete_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_delete,
};
static const struct command *const credential_subcommands[] = {&credential_list, &credential_set, &credential_delete, NULL};
const struct command command_credential = {
    .name = "credential",
    .aliases = "credentials",
    .usage = "",
    .summary = "Sign in to private registries and repositories",
    .flags = list_flags,
    .subcommands = credential_subcommands,
    .run = run_list,
};
