/* ssh-key: public keys for pushing over SSH. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/pages.h"
#include "cli/queries.h"

enum { KEY_BYTES = 16384 };

static err *fetch_keys(struct cli *cli, const struct args *args, json_t **ret_keys) {
  auto_json *data = NULL;
  const char *workspace = args_text(args, "workspace");
  TRY(cli_need_token(cli));
  TRY(pages_query(cli, query_ssh_public_keys, json_pack("{s:s*}", "workspaceId", workspace), "sshPublicKeys", &data));
  auto_json *keys = json_array();
  size_t i;
  const json_t *edge;
  json_array_foreach(json_object_get(json_object_get(data, "sshPublicKeys"), "edges"), i, edge)
    json_array_append(keys, json_object_get(edge, "node"));
  *ret_keys = json_incref(keys);
  return NULL;
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_json *keys = NULL;
  auto_table table;
  TRY(fetch_keys(cli, args, &keys));
  if (args_has(args, "json")) {
    out_json(&cli->out, keys);
    return NULL;
  }
  if (!json_array_size(keys)) {
    out_line(&cli->out, "There are no SSH keys; `%s ssh-key add` adds yours", cli->program);
    return NULL;
  }
  table_init(&table, 2);
  size_t i;
  const json_t *key;
  json_array_foreach(keys, i, key) table_add(&table, json_get_text(key, "name"), json_get_text(key, "fingerprint"), NULL);
  out_table(&cli->out, &table);
  return NULL;
}

/* The file named, or the first of the usual ones. */
static err *read_public_key(const struct args *args, struct str *ret_text, const char **ret_name) {
  static const char *const usual[] = {".ssh/id_ed25519.pub", ".ssh/id_ecdsa.pub", ".ssh/id_rsa.pub"};
  const char *given = args_text(args, "key") ? args_text(args, "key") : args_word(args, 0), *home = getenv("HOME");
  if (given) {
    const char *slash = strrchr(given, '/');
    *ret_name = slash ? slash + 1 : given;
    return file_read(given, KEY_BYTES, ret_text);
  }
  for (size_t i = 0; home && i < ARRAY_LEN(usual); i++) {
    auto_free char *path = path_join(home, usual[i]);
    *ret_name = usual[i] + strlen(".ssh/");
    if (file_exists(path)) return file_read(path, KEY_BYTES, ret_text);
  }
  return err_new(ERR_NOT_FOUND, "there is no public key in ~/.ssh: make one with `ssh-keygen -t ed25519`, or name its file");
}

static err *run_add(struct cli *cli, const struct args *args) {
  auto_str text = STR_EMPTY;
  auto_json *data = NULL;
  const char *name = NULL, *asked = args_text(args, "name"), *workspace = args_text(args, "workspace");
  TRY(cli_need_token(cli));
  TRY(read_public_key(args, &text, &name));
  json_t *input = json_pack("{s:s, s:s, s:s*}", "name", asked ? asked : name, "publicKey", str_text(&text), "workspaceId",
                            workspace);
  if (!input) return err_new(ERR_INVALID, "the key is no UTF-8 text");
  TRY(cli_query(cli, mutation_ssh_public_key_create, json_pack("{s:o}", "input", input), &data));
  const json_t *key = json_object_get(data, "sshPublicKeyCreate");
  if (args_has(args, "json"))
    out_json(&cli->out, key);
  else
    out_line(&cli->out, "Added %s (%s)", json_get_text(key, "name"), json_get_text(key, "fingerprint"));
  return NULL;
}

static bool is_meant(const json_t *key, const char *word) {
  return str_eq(json_get_text(key, "id"), word) || str_eq(json_get_text(key, "name"), word) ||
         str_eq(json_get_text(key, "fingerprint"), word);
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_json *keys = NULL, *data = NULL;
  const json_t *key, *found = NULL;
  size_t i, count = 0;
  TRY(fetch_keys(cli, args, &keys));
  json_array_foreach(keys, i, key) {
    if (!is_meant(key, args_word(args, 0))) continue;
    found = key;
    count++;
  }
  if (count > 1) return err_new(ERR_CONFLICT, "%zu keys are called so: give the fingerprint", count);
  if (!found) return err_new(ERR_NOT_FOUND, "there is no such key: see `%s ssh-key list`", cli->program);
  TRY(cli_query(cli, mutation_ssh_public_key_delete, json_pack("{s:s}", "id", json_get_text(found, "id")), &data));
  out_line(&cli->out, "Deleted %s", json_get_text(found, "name"));
  return NULL;
}

/* clang-format off */
#define FLAG_WORKSPACE { "workspace|w", "ID", "of this workspace, instead of the account's own" }
static const struct flag list_flags[] = { FLAG_WORKSPACE, FLAG_JSON, FLAG_END };
static const struct flag add_flags[] = {
  { "key|k",  "FILE", "the public key; the same as a word" },
  { "name|n", "NAME", "what to call it (default: the file's name)" },
  FLAG_WORKSPACE, FLAG_JSON, FLAG_END,
};
static const struct flag delete_flags[] = { FLAG_WORKSPACE, FLAG_END };
/* clang-format on */
static const struct command ssh_key_list = {
    .name = "list", .aliases = "ls", .usage = "", .summary = "List the keys", .flags = list_flags, .run = run_list};
static const struct command ssh_key_add = {
    .name = "add",
    .usage = "[FILE]",
    .summary = "Add a public key",
    .details = "Without a file the first of ~/.ssh/id_ed25519.pub, id_ecdsa.pub and id_rsa.pub.",
    .flags = add_flags,
    .max_words = 1,
    .run = run_add,
};
static const struct command ssh_key_delete = {
    .name = "delete",
    .aliases = "rm|remove",
    .usage = "KEY",
    .summary = "Delete a key, by name, fingerprint or id",
    .flags = delete_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_delete,
};
static const struct command *const ssh_key_subcommands[] = {&ssh_key_list, &ssh_key_add, &ssh_key_delete, NULL};
const struct command command_ssh_key = {
    .name = "ssh-key",
    .aliases = "ssh-keys",
    .usage = "",
    .summary = "Keys for `git push` over SSH",
    .examples = "ssh-key add  # yours, from ~/.ssh\nssh-key add deploy.pub --name ci\nssh-key delete ci",
    .flags = list_flags,
    .subcommands = ssh_key_subcommands,
    .run = run_list,
};
const struct command command_ssh_keys = {
    .name = "keys",
    .usage = "",
    .summary = "Keys for `git push` over SSH: Railway's spelling of `ssh-key`",
    .flags = list_flags,
    .subcommands = ssh_key_subcommands,
    .run = run_list,
};
