/* Tokens: who a request comes from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/internal.h"
#include "api/sign_in_guard.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/account.h"

enum { SECRET_BYTES = 32 };
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
  ret_caller->is_session = token.kind == API_TOKEN_SESSION;
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

/* Where a request came from: the connection's other end, or what a proxy on this machine says of it. */
void auth_origin(const http_request *r, struct caller *ret_caller) {
  const char *peer = http_peer(r), *agent = http_header(r, "user-agent");
  const char *forwarded = http_header(r, "x-forwarded-for"), *last = forwarded ? strrchr(forwarded, ',') : NULL;
  if (last) forwarded = last + 1; /* the nearest proxy wrote the last one; the others anybody may have */
  while (forwarded && *forwarded == ' ') forwarded++;
  bool proxied = auth_peer_is_local(r) && forwarded && address_family(forwarded);
  snprintf(ret_caller->address, sizeof ret_caller->address, "%s", proxied ? forwarded : peer);
  snprintf(ret_caller->agent, sizeof ret_caller->agent, "%s", agent ? agent : "");
}

err *auth_caller(api *a, const http_request *r, struct caller *ret_caller) {
  *ret_caller = (struct caller){.kind = CALLER_NOBODY};
  auth_origin(r, ret_caller);
  const char *project_token = http_header(r, "project-access-token");
  if (!str_empty(project_token)) return caller_of_project_token(a, project_token, ret_caller);
  const char *authorization = http_header(r, "authorization");
  if (str_empty(authorization)) return NULL;
  if (strncasecmp(authorization, "bearer ", 7) != 0)
    return err_new(ERR_DENIED, "Not Authorized: the Authorization header is not `Bearer <token>`");
  return caller_of_user_token(a, authorization + 7, ret_caller);
}

err *auth_caller_of_secret(api *a, const http_request *r, const char *secret, struct caller *ret_caller) {
  *ret_caller = (struct caller){.kind = CALLER_NOBODY};
  auth_origin(r, ret_caller);
  err *e = caller_of_user_token(a, secret, ret_caller);
  if (!e || err_code_of(e) != ERR_DENIED) return e;
  err_ignore(e);
  e = caller_of_project_token(a, secret, ret_caller);
  if (!e || err_code_of(e) != ERR_DENIED) return e;
  err_ignore(e);
  return err_new(ERR_DENIED, "%s", bad_token);
}

bool auth_peer_is_local(const http_request *r) {
  const char *peer = http_peer(r);
  return str_eq(peer, "unix") || str_eq(peer, "::1") || str_starts(peer, "127.") || str_starts(peer, "::ffff:127.");
}

static err *expiry_of(db *d, const struct caller *caller, int64_t *ret_expires_us) {
  auto_api_token token = {0};
  auto_project_token project_token = {0};
  if (caller->kind == CALLER_USER) {
    TRY(api_token_get(d, caller->token_id, &token));
    *ret_expires_us = token.expires_us;
  } else {
    TRY(project_token_get(d, caller->token_id, &project_token));
    *ret_expires_us = project_token.expires_us;
  }
  return NULL;
}

err *auth_check_alive(api *a, const struct caller *caller) {
  int64_t expires_us = 0;
  if (caller->kind == CALLER_NOBODY) return NULL;
  err *e = expiry_of(a->parts.db, caller, &expires_us);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  bool ended = e || (expires_us && expires_us <= clock_now_us());
  err_ignore(e);
  return ended ? err_new(ERR_DENIED, "%s", bad_token) : NULL;
}

/* Verifies against this when there is no such account, so that both take the same time. */
static const char nobody[] =
    "$y$j9T$AAAAAAAAAAAAAAAAAAAAA.$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/";

err *auth_sign_in(api *a, const char *address, const struct credentials *given, struct user *ret_user) {
  bool found = false;
  TRY(sign_in_guard_enter(a->sign_in_guard, address, given->email, clock_now_us()));
  TRY(user_find_by_email(a->parts.db, given->email, &found, ret_user));
  const char *hash = found && ret_user->password_hash ? ret_user->password_hash : nobody;
  bool right = password_matches(given->password, hash) && found;
  err *e = right ? two_factor_check(a, ret_user->id, given->code)
                 : err_new(ERR_DENIED, "e-mail address and password do not belong together");
  bool code_is_missing = right && e && str_empty(given->code); /* no guess */
  if (!code_is_missing) sign_in_guard_result(a->sign_in_guard, address, given->email, !e, clock_now_us());
  return e;
}

err *auth_issue_token(db *d, const struct token_wish *wish, char **ret_secret) {
  char *secret = secret_random_hex(SECRET_BYTES);
  char hash[SHA256_HEX_SIZE];
  secret_sha256_hex(secret, strlen(secret), hash);
  auto_api_token token = {.kind = wish->kind, .name = str_dup(wish->name), .secret_hash = str_dup(hash),
                          .expires_us = wish->expires_us};
  id_copy(token.user_id, wish->user_id);
  id_copy(token.workspace_id, wish->workspace_id);
  err *e = api_token_delete_expired(d, clock_now_us()); /* so that there are never more than are used */
  if (!e) e = api_token_insert(d, &token);
  if (e) {
    free(secret);
    return e;
  }
  *ret_secret = secret;
  return NULL;
}

err *auth_issue_session(db *d, const char *user_id, const struct caller *from, char **ret_secret) {
  auto_free char *name = str_format("%s from %s", *from->agent ? from->agent : "unknown program",
                                    *from->address ? from->address : "unknown address");
  struct token_wish wish = {.kind = API_TOKEN_SESSION, .user_id = user_id, .name = name,
                            .expires_us = clock_now_us() + SESSION_LIFE_US};
  return auth_issue_token(d, &wish, ret_secret);
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
