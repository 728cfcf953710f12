/* Accounts, workspaces, tokens. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
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

RESOLVER(user_is_admin) {
  bool admin = false;
  TRY(access_is_admin(db_of(call), parent_text(call, "id"), &admin));
  *ret_value = json_boolean(admin);
  return NULL;
}

RESOLVER(user_workspaces) {
  const struct caller *caller = &asking_of(call)->caller;
  auto_workspace_list list = {0};
  TRY(workspace_list_by_user(db_of(call), parent_text(call, "id"), &list));
  *ret_value = json_array();
  for (size_t i = 0; i < list.len; i++)
    if (!*caller->workspace_id || str_eq(caller->workspace_id, list.items[i].id))
      json_array_append_new(*ret_value, workspace_json(&list.items[i]));
  return NULL;
}

RESOLVER(query_workspace) {
  auto_workspace workspace = {0};
  TRY(workspace_get(db_of(call), arg_text(call, "workspaceId"), &workspace));
  *ret_value = workspace_json(&workspace);
  return NULL;
}

RESOLVER(empty_list) {
  (void)call;
  *ret_value = json_array();
  return NULL;
}

static json_t *member_json(const struct user *user, enum workspace_role role) {
  return json_pack("{s:s, s:s?, s:s, s:s}", "id", user->id, "name", user->name, "email", user->email,
                   "role", workspace_role_name(role));
}

static err *members_of(const struct graphql_call *call, const char *workspace_id, json_t **ret_value) {
  auto_workspace_member_list members = {0};
  TRY(workspace_member_list(db_of(call), workspace_id, &members));
  auto_json *list = json_array();
  for (size_t i = 0; i < members.len; i++) {
    auto_user user = {0};
    TRY(user_get(db_of(call), members.items[i].user_id, &user));
    json_array_append_new(list, member_json(&user, members.items[i].role));
  }
  *ret_value = json_incref(list);
  return NULL;
}

RESOLVER(workspace_members) {
  return members_of(call, parent_text(call, "id"), ret_value);
}

RESOLVER(project_members) {
  return members_of(call, parent_text(call, "workspaceId"), ret_value);
}

RESOLVER(workspace_project_count) {
  auto_project_list list = {0};
  TRY(project_list_by_workspace(db_of(call), parent_text(call, "id"), NULL, &list));
  *ret_value = json_integer((json_int_t)list.len);
  return NULL;
}

/* ---- signing in ---- */

static err *insert_first_account(struct db *d, struct user *user) {
  auto_workspace workspace = {.name = str_format("%s's workspace", user->name)};
  auto_db_transaction t = {0};
  TRY(db_begin(d, &t));
  TRY(user_insert(d, user));
  TRY(workspace_insert(d, &workspace));
  struct workspace_member member = {.role = WORKSPACE_ADMIN, .created_us = clock_now_us()};
  id_copy(member.workspace_id, workspace.id);
  id_copy(member.user_id, user->id);
  TRY(workspace_member_set(d, &member));
  return db_commit(&t);
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
  auto_user user = {.email = str_dup(input_text(call, "email")), .name = str_dup(input_text(call, "name"))};
  auto_free char *secret = NULL;
  TRY(auth_attempt(asking_of(call)->api));
  TRY(email_check(user.email));
  TRY(password_check(input_text(call, "password")));
  TRY(password_hash(input_text(call, "password"), &user.password_hash));
  TRY(consume_setup_token(call));
  TRY(insert_first_account(db_of(call), &user));
  TRY(auth_issue_token(db_of(call), user.id, API_TOKEN_SESSION, "session", NULL, &secret));
  *ret_value = json_string(secret);
  return NULL;
}

/* Verifies against this when there is no such account, so that both take the same time. */
static const char nobody[] =
    "$y$j9T$AAAAAAAAAAAAAAAAAAAAA.$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/";

RESOLVER(mutation_login) {
  auto_user user = {0};
  bool found = false;
  auto_free char *secret = NULL;
  TRY(auth_attempt(asking_of(call)->api));
  TRY(user_find_by_email(db_of(call), input_text(call, "email"), &found, &user));
  const char *hash = found && user.password_hash ? user.password_hash : nobody;
  if (!password_matches(input_text(call, "password"), hash) || !found)
    return err_new(ERR_DENIED, "e-mail address and password do not belong together");
  TRY(auth_issue_token(db_of(call), user.id, API_TOKEN_SESSION, "session", NULL, &secret));
  *ret_value = json_string(secret);
  return NULL;
}

RESOLVER(mutation_logout) {
  TRY(api_token_delete(db_of(call), asking_of(call)->caller.token_id));
  *ret_value = json_true();
  return NULL;
}

/* ---- tokens ---- */

static json_t *api_token_json(const struct api_token *t) {
  json_t *o = json_object();
  json_set_text(o, "id", t->id);
  json_set_text(o, "name", t->name);
  auto_free char *shown = str_format("****%.4s", t->id); /* the secret itself is not kept */
  json_set_text(o, "displayToken", shown);
  json_set_text(o, "workspaceId", *t->workspace_id ? t->workspace_id : NULL);
  json_object_set_new(o, "expiresAt", time_json(t->expires_us));
  return o;
}

RESOLVER(query_api_tokens) {
  auto_api_token_list list = {0};
  TRY(api_token_list_by_user(db_of(call), asking_of(call)->caller.user_id, &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, api_token_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

static err *check_workspace(const struct graphql_call *call, const char *workspace_id) {
  const struct caller *caller = &asking_of(call)->caller;
  if (!workspace_id && *caller->workspace_id)
    return err_new(ERR_DENIED, "Not Authorized: a workspace token cannot make an account token");
  if (!workspace_id) return NULL;
  auto_workspace_member member = {0};
  bool found = false;
  TRY(workspace_member_find(db_of(call), workspace_id, caller->user_id, &found, &member));
  if (found && member.role == WORKSPACE_ADMIN) return NULL;
  return err_new(ERR_NOT_FOUND, "Workspace not found");
}

RESOLVER(mutation_api_token_create) {
  const char *name = input_text(call, "name"), *workspace_id = input_text(call, "workspaceId");
  auto_free char *secret = NULL;
  TRY(name_check("token name", name, PROJECT_NAME_MAX));
  TRY(check_workspace(call, workspace_id));
  TRY(auth_issue_token(db_of(call), asking_of(call)->caller.user_id,
                       workspace_id ? API_TOKEN_WORKSPACE : API_TOKEN_ACCOUNT, name, workspace_id, &secret));
  *ret_value = json_string(secret);
  return NULL;
}

RESOLVER(mutation_api_token_delete) {
  auto_api_token token = {0};
  err *e = api_token_get(db_of(call), arg_text(call, "id"), &token);
  if (!e && !str_eq(token.user_id, asking_of(call)->caller.user_id)) e = err_new(ERR_NOT_FOUND, "token not found");
  if (e) return e;
  TRY(api_token_delete(db_of(call), token.id));
  *ret_value = json_true();
  return NULL;
}

static json_t *project_token_json(const struct project_token *t) {
  json_t *o = json_object();
  json_set_text(o, "id", t->id);
  json_set_text(o, "name", t->name);
  auto_free char *shown = str_format("****%.4s", t->id);
  json_set_text(o, "displayToken", shown);
  json_set_text(o, "projectId", t->project_id);
  json_set_text(o, "environmentId", t->environment_id);
  json_object_set_new(o, "createdAt", time_json(t->created_us));
  return o;
}

RESOLVER(query_project_token) {
  auto_project_token token = {0};
  TRY(project_token_get(db_of(call), asking_of(call)->caller.token_id, &token));
  *ret_value = project_token_json(&token);
  return NULL;
}

RESOLVER(query_project_tokens) {
  auto_project_token_list list = {0};
  TRY(project_token_list_by_project(db_of(call), arg_text(call, "projectId"), &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++) json_array_append_new(nodes, project_token_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

static err *check_environment_of(const struct graphql_call *call, const char *project_id,
                                 const char *environment_id) {
  auto_environment environment = {0};
  TRY(environment_get(db_of(call), environment_id, &environment));
  if (str_eq(environment.project_id, project_id)) return NULL;
  return err_new(ERR_INVALID, "the environment belongs to another project");
}

RESOLVER(mutation_project_token_create) {
  auto_free char *secret = secret_random_hex(32);
  char hash[SHA256_HEX_SIZE];
  secret_sha256_hex(secret, strlen(secret), hash);
  auto_project_token token = {.name = str_dup(input_text(call, "name")), .secret_hash = str_dup(hash)};
  id_copy(token.project_id, input_text(call, "projectId"));
  id_copy(token.environment_id, input_text(call, "environmentId"));
  id_copy(token.creator_user_id, asking_of(call)->caller.user_id);
  TRY(name_check("token name", token.name, PROJECT_NAME_MAX));
  TRY(check_environment_of(call, token.project_id, token.environment_id));
  TRY(project_token_insert(db_of(call), &token));
  *ret_value = json_string(secret);
  return NULL;
}

RESOLVER(mutation_project_token_delete) {
  TRY(project_token_delete(db_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",     "systemInfo",         query_system_info,             NULL },
  { "Query",     "me",                 query_me,                      NULL },
  { "Query",     "workspace",          query_workspace,               NULL },
  { "Query",     "externalWorkspaces", empty_list,                    NULL },
  { "Query",     "apiTokens",          query_api_tokens,              NULL },
  { "Query",     "projectToken",       query_project_token,           NULL },
  { "Query",     "projectTokens",      query_project_tokens,          NULL },
  { "Mutation",  "setup",              mutation_setup,                NULL },
  { "Mutation",  "login",              mutation_login,                NULL },
  { "Mutation",  "logout",             mutation_logout,               NULL },
  { "Mutation",  "apiTokenCreate",     mutation_api_token_create,     NULL },
  { "Mutation",  "apiTokenDelete",     mutation_api_token_delete,     NULL },
  { "Mutation",  "projectTokenCreate", mutation_project_token_create, NULL },
  { "Mutation",  "projectTokenDelete", mutation_project_token_delete, NULL },
  { "User",      "isAdmin",            user_is_admin,                 NULL },
  { "User",      "workspaces",         user_workspaces,               NULL },
  { "Workspace", "members",            workspace_members,             NULL },
  { "Workspace", "projectCount",       workspace_project_count,       NULL },
  { "Project",   "members",            project_members,               NULL },
};
/* clang-format on */
const struct bindings bindings_account = {rows, ARRAY_LEN(rows)};
