/* The installation, the signed-in account, signing in, sessions. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/sign_in_guard.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"
#include "store/project.h"

RESOLVER(query_system_info) {
  api *a = asking_of(call)->api;
  int64_t users = 0;
  TRY(user_count(a->parts.db, &users));
  *ret_value = json_pack("{s:s, s:s, s:s, s:s, s:b}", "version", a->version, "apiUrl", a->public_url,
                         "edgeUrl", a->edge_url, "domainSuffix", a->domain_suffix, "setupNeeded",
                         users == 0);
  return NULL;
}

RESOLVER(query_me) {
  auto_user user = {0};
  TRY(user_get(db_of(call), asking_of(call)->caller.user_id, &user));
  *ret_value = user_json(&user);
  return NULL;
}

/* ---- signing in ---- */

static err *start_session(const struct graphql_call *call, const char *user_id, json_t **ret_value) {
  auto_free char *secret = NULL;
  TRY(auth_issue_session(db_of(call), user_id, &asking_of(call)->caller, &secret));
  *ret_value = json_string(secret);
  return NULL;
}

static err *insert_first_account(struct db *d, struct user *user) {
  auto_workspace workspace = {.name = str_format("%s's workspace", user->name)};
  auto_db_transaction t = {0};
  TRY(db_begin(d, &t));
  TRY(user_insert(d, user));
  TRY(workspace_insert(d, &workspace));
  TRY(workspace_add_member(d, workspace.id, user->id, WORKSPACE_ADMIN));
  return db_commit(&t);
}

static struct sign_in_guard *guard_of(const struct graphql_call *call) {
  return asking_of(call)->api->sign_in_guard;
}

static err *read_new_account(const struct graphql_call *call, struct user *user) {
  user->email = str_dup(input_text(call, "email"));
  user->name = str_dup(input_text(call, "name"));
  TRY(email_check(user->email));
  TRY(password_check(input_text(call, "password")));
  return password_hash(input_text(call, "password"), &user->password_hash);
}

static err *consume_setup_token(const struct graphql_call *call) {
  char hash[SHA256_HEX_SIZE];
  bool consumed = false;
  int64_t users = 0;
  TRY(user_count(db_of(call), &users));
  if (users) return err_new(ERR_CONFLICT, "this installation has its first account already: sign in with `tram login`");
  const char *token = input_text(call, "token");
  secret_sha256_hex(token, strlen(token), hash);
  TRY(setting_consume(db_of(call), SETTING_SETUP_TOKEN_HASH, hash, &consumed));
  if (!consumed)
    return err_new(ERR_DENIED, "the one-time token is wrong: it stands in the file `setup-token` of the "
                               "data folder, on the host, for root");
  return NULL;
}

RESOLVER(mutation_setup) {
  auto_user user = {.is_admin = true};
  TRY(sign_in_guard_enter(guard_of(call), asking_of(call)->caller.address, "", clock_now_us()));
  TRY(read_new_account(call, &user));
  TRY(consume_setup_token(call));
  TRY(insert_first_account(db_of(call), &user));
  return start_session(call, user.id, ret_value);
}

/* An account by invitation: it is a member of that workspace from the start. */
RESOLVER(mutation_account_create) {
  auto_user user = {0};
  auto_workspace joined = {0};
  auto_db_transaction t = {0};
  TRY(sign_in_guard_enter(guard_of(call), asking_of(call)->caller.address, "", clock_now_us()));
  TRY(invitation_check_code(db_of(call), input_text(call, "code")));
  TRY(read_new_account(call, &user));
  TRY(db_begin(db_of(call), &t));
  TRY(user_insert(db_of(call), &user));
  TRY(invitation_use(db_of(call), input_text(call, "code"), user.id, &joined));
  TRY(db_commit(&t));
  audit_concerns(call, joined.id);
  return start_session(call, user.id, ret_value);
}

RESOLVER(mutation_login) {
  auto_user user = {0};
  struct credentials given = {.email = input_text(call, "email"), .password = input_text(call, "password"),
                              .code = input_text(call, "twoFactorCode")};
  TRY(auth_sign_in(asking_of(call)->api, asking_of(call)->caller.address, &given, &user));
  return start_session(call, user.id, ret_value);
}

RESOLVER(mutation_logout) {
  TRY(api_token_delete(db_of(call), asking_of(call)->caller.token_id));
  *ret_value = json_true();
  return NULL;
}

/* ---- sessions ---- */

static json_t *session_json(const struct api_token *t, const struct caller *caller) {
  json_t *o = json_pack("{s:s, s:s?, s:s, s:b}", "id", t->id, "name", t->name, "type",
                        t->name && str_starts(t->name, "CLI") ? "CLI" : "BROWSER", "isCurrent",
                        str_eq(t->id, caller->token_id));
  json_object_set_new(o, "createdAt", time_json(t->created_us));
  json_object_set_new(o, "updatedAt", time_json(t->last_used_us ? t->last_used_us : t->created_us));
  json_object_set_new(o, "expiredAt", time_json(t->expires_us));
  return o;
}

RESOLVER(query_sessions) {
  const struct caller *caller = &asking_of(call)->caller;
  auto_api_token_list list = {0};
  if (!*caller->workspace_id) /* a workspace token does not stand for the account */
    TRY(api_token_list_sessions(db_of(call), caller->user_id, clock_now_us(), &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, session_json(&list.items[i], caller));
  return relay_connection(nodes, call->args, false, ret_value);
}

RESOLVER(mutation_session_delete) {
  const struct caller *caller = &asking_of(call)->caller;
  auto_api_token token = {0};
  err *e = api_token_get(db_of(call), arg_text(call, "id"), &token);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  bool own = !e && token.kind == API_TOKEN_SESSION && !*caller->workspace_id && str_eq(token.user_id, caller->user_id);
  err_ignore(e);
  if (!own) return err_new(ERR_NOT_FOUND, "session not found");
  TRY(api_token_delete(db_of(call), token.id));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",     "systemInfo",         query_system_info,             NULL },
  { "Query",     "me",                 query_me,                      NULL },
  { "Query",     "sessions",           query_sessions,                NULL },
  { "Mutation",  "setup",              mutation_setup,                NULL },
  { "Mutation",  "accountCreate",      mutation_account_create,       NULL },
  { "Mutation",  "login",              mutation_login,                NULL },
  { "Mutation",  "logout",             mutation_logout,               NULL },
  { "Mutation",  "sessionDelete",      mutation_session_delete,       NULL },
};
/* clang-format on */
const struct bindings bindings_account = {rows, ARRAY_LEN(rows)};
