/* Public keys for pushing over SSH: GraphQL, and what sshd's helper asks. */
#include <stdlib.h>
#include <string.h>

#include "api/git.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/ssh_key.h"

enum { NAME_MAX_BYTES = 255, KEYS_MAX = 100 };

static json_t *ssh_key_json(const struct ssh_key *k) {
  return json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:s, s:o, s:o}", "id", k->id, "userId",
                   *k->workspace_id ? NULL : k->user_id, "workspaceId", *k->workspace_id ? k->workspace_id : NULL, "name",
                   k->name, "publicKey", k->public_key, "fingerprint", k->fingerprint, "createdAt",
                   time_json(k->created_us), "updatedAt", time_json(k->updated_us));
}

/* That of the argument, or of a token of one workspace; "": the account itself. */
static const char *workspace_of(const struct graphql_call *call, const char *given) {
  return given ? given : asking_of(call)->caller.workspace_id;
}

static err *list_keys(const struct graphql_call *call, const char *workspace_id, struct ssh_key_list *ret_list) {
  const struct asking *asking = asking_of(call);
  if (!*workspace_id) return ssh_key_list_by_user(db_of(call), asking->caller.user_id, ret_list);
  TRY(access_workspace(asking->api, &asking->caller, workspace_id, WORKSPACE_MEMBER));
  return ssh_key_list_by_workspace(db_of(call), workspace_id, ret_list);
}

RESOLVER(query_keys) {
  auto_ssh_key_list list = {0};
  TRY(list_keys(call, workspace_of(call, arg_text(call, "workspaceId")), &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, ssh_key_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

RESOLVER(mutation_create) {
  const struct asking *asking = asking_of(call);
  const char *workspace_id = workspace_of(call, input_text(call, "workspaceId"));
  auto_ssh_key key = {.name = str_dup(input_text(call, "name"))};
  auto_ssh_key_list present = {0};
  TRY(name_check("a key", key.name, NAME_MAX_BYTES));
  TRY(ssh_key_parse(input_text(call, "publicKey"), &key.public_key, &key.fingerprint));
  if (*workspace_id) TRY(access_workspace(asking->api, &asking->caller, workspace_id, WORKSPACE_ADMIN));
  TRY(list_keys(call, workspace_id, &present));
  if (present.len >= KEYS_MAX) return err_new(ERR_LIMIT, "at most %d keys are kept: delete one", KEYS_MAX);
  id_copy(key.user_id, asking->caller.user_id);
  id_copy(key.workspace_id, workspace_id);
  TRY(ssh_key_insert(db_of(call), &key));
  *ret_value = ssh_key_json(&key);
  return NULL;
}

RESOLVER(mutation_delete) {
  const struct asking *asking = asking_of(call);
  const struct caller *caller = &asking->caller;
  auto_ssh_key key = {0};
  err *e = ssh_key_get(db_of(call), arg_text(call, "id"), &key);
  if (!e && *key.workspace_id) e = access_workspace(asking->api, caller, key.workspace_id, WORKSPACE_ADMIN);
  bool not_theirs = !e && !*key.workspace_id && (*caller->workspace_id || !str_eq(key.user_id, caller->user_id));
  if (not_theirs || (e && err_code_of(e) == ERR_NOT_FOUND)) {
    err_ignore(e);
    return err_new(ERR_NOT_FOUND, "SshPublicKey not found");
  }
  TRY(e);
  TRY(ssh_key_delete(db_of(call), key.id));
  *ret_value = json_true();
  return NULL;
}

/* ---- sshd's helper ---- */

bool ssh_is_helper(const api *a, const http_request *r) {
  return a->ssh_uid > 0 && http_peer_uid(r) == a->ssh_uid;
}

err *ssh_caller_of_key(api *a, const char *key_id, struct caller *ret_caller) {
  auto_ssh_key key = {0};
  err *e = ssh_key_get(a->parts.db, key_id, &key);
  if (e && err_code_of(e) == ERR_NOT_FOUND) {
    err_ignore(e);
    return err_new(ERR_DENIED, "the key was deleted meanwhile");
  }
  TRY(e);
  ret_caller->kind = CALLER_USER;
  id_copy(ret_caller->user_id, key.user_id);
  id_copy(ret_caller->workspace_id, key.workspace_id);
  return NULL;
}

void handle_ssh_key(http_request *r, void *api_) {
  api *a = api_;
  auto_ssh_key key = {0};
  bool found = false;
  const char *fingerprint = http_query(r, "fingerprint");
  err *e = NULL;
  if (ssh_is_helper(a, r) && fingerprint) e = ssh_key_find_by_fingerprint(a->parts.db, fingerprint, &found, &key);
  if (!e && !found) e = err_new(ERR_NOT_FOUND, "there is nothing at this path");
  if (e) {
    http_respond_err(r, e);
    return;
  }
  auto_free char *line = str_format("%s %s", key.id, key.public_key);
  http_respond_text(r, 200, line);
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "sshPublicKeys",      query_keys,      NULL },
  { "Mutation", "sshPublicKeyCreate", mutation_create, NULL },
  { "Mutation", "sshPublicKeyDelete", mutation_delete, NULL },
};
/* clang-format on */
const struct bindings bindings_ssh_key = {rows, ARRAY_LEN(rows)};
