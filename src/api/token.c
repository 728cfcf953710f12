/* API tokens of accounts and workspaces, and project tokens. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"
#include "store/project.h"

enum { TOKEN_LIFE_MAX_S = 10 * 365 * 24 * 3600 };

static json_t *api_token_json(const struct api_token *t) {
  json_t *o = json_object();
  json_set_text(o, "id", t->id);
  json_set_text(o, "name", t->name);
  auto_free char *shown = str_format("****%.4s", t->id); /* the secret itself is not kept */
  json_set_text(o, "displayToken", shown);
  json_set_text(o, "workspaceId", *t->workspace_id ? t->workspace_id : NULL);
  json_object_set_new(o, "expiresAt", time_json(t->expires_us));
  json_object_set_new(o, "createdAt", time_json(t->created_us));
  json_object_set_new(o, "lastUsedAt", time_json(t->last_used_us));
  return o;
}

/* A workspace token speaks for that workspace only: it neither sees nor ends its account's other tokens. */
static bool is_own_token(const struct caller *caller, const struct api_token *t) {
  return str_eq(t->user_id, caller->user_id) &&
         (!*caller->workspace_id || str_eq(t->workspace_id, caller->workspace_id));
}

RESOLVER(query_api_tokens) {
  auto_api_token_list list = {0};
  TRY(api_token_list_by_user(db_of(call), asking_of(call)->caller.user_id, &list));
  json_t *nodes = json_array();
  for (size_t i = 0; i < list.len; i++)
    if (is_own_token(&asking_of(call)->caller, &list.items[i]))
      json_array_append_new(nodes, api_token_json(&list.items[i]));
  return relay_connection(nodes, call->args, false, ret_value);
}

static err *check_workspace(const struct graphql_call *call, const char *workspace_id) {
  const struct asking *asking = asking_of(call);
  if (workspace_id) return access_workspace(asking->api, &asking->caller, workspace_id, WORKSPACE_ADMIN);
  if (!*asking->caller.workspace_id) return NULL;
  return err_new(ERR_DENIED, "Not Authorized: a workspace token cannot make an account token");
}

/* When a token of `expiresInSeconds` ends; 0 when it never does. */
static err *read_expiry(const struct graphql_call *call, int64_t *ret_expires_us) {
  int64_t seconds = json_get_int(input_of(call), "expiresInSeconds", 0);
  if (seconds < 0 || seconds > TOKEN_LIFE_MAX_S)
    return err_new(ERR_INVALID, "expiresInSeconds: a token lives for 1 to %d seconds, or without it for ever", TOKEN_LIFE_MAX_S);
  *ret_expires_us = seconds ? clock_now_us() + seconds * 1000000 : 0;
  return NULL;
}

RESOLVER(mutation_api_token_create) {
  const char *name = input_text(call, "name"), *workspace_id = input_text(call, "workspaceId");
  struct token_wish wish = {.user_id = asking_of(call)->caller.user_id, .name = name, .workspace_id = workspace_id,
                            .kind = workspace_id ? API_TOKEN_WORKSPACE : API_TOKEN_ACCOUNT};
  auto_free char *secret = NULL;
  TRY(name_check("token name", name, PROJECT_NAME_MAX));
  TRY(check_workspace(call, workspace_id));
  TRY(read_expiry(call, &wish.expires_us));
  TRY(auth_issue_token(db_of(call), &wish, &secret));
  *ret_value = json_string(secret);
  return NULL;
}

RESOLVER(mutation_api_token_delete) {
  auto_api_token token = {0};
  err *e = api_token_get(db_of(call), arg_text(call, "id"), &token);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  bool own = !e && token.kind != API_TOKEN_SESSION && is_own_token(&asking_of(call)->caller, &token);
  err_ignore(e);
  if (!own) return err_new(ERR_NOT_FOUND, "token not found");
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
  json_object_set_new(o, "expiresAt", time_json(t->expires_us));
  json_object_set_new(o, "lastUsedAt", time_json(t->last_used_us));
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
  TRY(read_expiry(call, &token.expires_us));
  TRY(project_token_insert(db_of(call), &token));
  *ret_value = json_string(secret);
  return NULL;
}

RESOLVER(mutation_project_token_delete) {
  TRY(project_token_delete(db_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

/* What a token of an account or a workspace reaches. */
RESOLVER(query_api_token) {
  const struct caller *caller = &asking_of(call)->caller;
  auto_workspace_list list = {0};
  TRY(workspace_list_by_user(db_of(call), caller->user_id, &list));
  json_t *workspaces = json_array();
  for (size_t i = 0; i < list.len; i++)
    if (!*caller->workspace_id || str_eq(caller->workspace_id, list.items[i].id))
      json_array_append_new(workspaces, workspace_json(&list.items[i]));
  *ret_value = json_pack("{s:o}", "workspaces", workspaces);
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",     "apiToken",           query_api_token,               NULL },
  { "Query",     "apiTokens",          query_api_tokens,              NULL },
  { "Query",     "projectToken",       query_project_token,           NULL },
  { "Query",     "projectTokens",      query_project_tokens,          NULL },
  { "Mutation",  "apiTokenCreate",     mutation_api_token_create,     NULL },
  { "Mutation",  "apiTokenDelete",     mutation_api_token_delete,     NULL },
  { "Mutation",  "projectTokenCreate", mutation_project_token_create, NULL },
  { "Mutation",  "projectTokenDelete", mutation_project_token_delete, NULL },
};
/* clang-format on */
const struct bindings bindings_token = {rows, ARRAY_LEN(rows)};
