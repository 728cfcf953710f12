/* Tokens: who a request comes from. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"

enum { SECRET_BYTES = 32, ATTEMPTS_PER_MINUTE = 30 };
#define SESSION_LIFE_US (INT64_C(365) * 24 * 3600 * 1000000)
#define TOUCH_AFTER_US (INT64_C(60) * 1000000)

static const char bad_token[] =
    "Not Authorized: the token is unknown or has expired. Sign in with `tram login`, or make a new token";

static err *caller_of_user_token(api *a, const char *secret, struct caller *ret_caller) {
  char hash[SHA256_HEX_SIZE];
  auto_api_token token = {0};
  bool found = false;
  int64_t now_us = clock_now_us();
  secret_sha256_hex(secret, strlen(secret), hash);
  TRY(api_token_find_by_hash(a->parts.db, hash, now_us, &found, &token));
  if (!found) return err_new(ERR_DENIED, "%s", bad_token);
  if (now_us - token.last_used_us > TOUCH_AFTER_US) TRY(api_token_touch(a->parts.db, token.id, now_us));
  ret_caller->kind = CALLER_USER;
  id_copy(ret_caller->user_id, token.user_id);
  id_copy(ret_caller->token_id, token.id);
  id_copy(ret_caller->workspace_id, token.workspace_id);
  return NULL;
}

static err *caller_of_project_token(api *a, const char *secret, struct caller *ret_caller) {
  char hash[SHA256_HEX_SIZE];
  auto_project_token token = {0};
  bool found = false;
  int64_t now_us = clock_now_us();
  secret_sha256_hex(secret, strlen(secret), hash);
  TRY(project_token_find_by_hash(a->parts.db, hash, now_us, &found, &token));
  if (!found) return err_new(ERR_DENIED, "Project Token not found: it is unknown or was deleted; make a new one");
  if (now_us - token.last_used_us > TOUCH_AFTER_US)
    TRY(project_token_touch(a->parts.db, token.id, now_us));
  ret_caller->kind = CALLER_PROJECT;
  id_copy(ret_caller->token_id, token.id);
  id_copy(ret_caller->project_id, token.project_id);
  id_copy(ret_caller->environment_id, token.environment_id);
  return NULL;
}

err *auth_caller(api *a, const http_request *r, struct caller *ret_caller) {
  *ret_caller = (struct caller){.kind = CALLER_NOBODY};
  const char *project_token = http_header(r, "project-access-token");
  if (!str_empty(project_token)) return caller_of_project_token(a, project_token, ret_caller);
  const char *authorization = http_header(r, "authorization");
  if (str_empty(authorization)) return NULL;
  if (strncasecmp(authorization, "bearer ", 7) != 0)
    return err_new(ERR_DENIED, "Not Authorized: the Authorization header is not `Bearer <token>`");
  return caller_of_user_token(a, authorization + 7, ret_caller);
}

err *auth_attempt(api *a) {
  int64_t now_us = clock_now_us();
  if (now_us - a->attempts_since_us > INT64_C(60) * 1000000) {
    a->attempts_since_us = now_us;
    a->attempts = 0;
  }
  if (++a->attempts > ATTEMPTS_PER_MINUTE)
    return err_new(ERR_BUSY, "too many attempts to sign in: try again in a minute");
  return NULL;
}

err *auth_issue_token(db *d, const char *user_id, enum api_token_kind kind, const char *name,
                      const char *workspace_id, char **ret_secret) {
  char *secret = secret_random_hex(SECRET_BYTES);
  char hash[SHA256_HEX_SIZE];
  secret_sha256_hex(secret, strlen(secret), hash);
  auto_api_token token = {.kind = kind, .name = str_dup(name), .secret_hash = str_dup(hash)};
  id_copy(token.user_id, user_id);
  id_copy(token.workspace_id, workspace_id);
  if (kind == API_TOKEN_SESSION) token.expires_us = clock_now_us() + SESSION_LIFE_US;
  err *e = api_token_delete_expired(d, clock_now_us()); /* so that there are never more than are used */
  if (!e) e = api_token_insert(d, &token);
  if (e) {
    free(secret);
    return e;
  }
  *ret_secret = secret;
  return NULL;
}

err *api_prepare_setup(db *d, const char *path, bool *ret_needed) {
  int64_t users = 0;
  TRY(user_count(d, &users));
  *ret_needed = users == 0;
  if (users) return file_remove_tree(path);
  auto_free char *secret = secret_random_hex(SECRET_BYTES);
  char hash[SHA256_HEX_SIZE];
  secret_sha256_hex(secret, strlen(secret), hash);
  TRY(setting_set(d, SETTING_SETUP_TOKEN_HASH, hash));
  auto_free char *line = str_format("%s\n", secret);
  return file_write(path, line, strlen(line), 0600);
}
