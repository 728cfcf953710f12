/* The second factor: codes of an authenticator app, and recovery codes for when the app is gone. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/sign_in_guard.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/totp.h"
#include "store/account.h"
#include "store/two_factor.h"

enum { RECOVERY_CODES = 10, RECOVERY_BYTES = 5 };
#define CONFIRMED_FOR_US (INT64_C(300) * 1000000)

static void secret_text_done(char **text) {
  if (*text) secret_wipe(*text, strlen(*text));
  free(*text);
}
#define auto_secret __attribute__((cleanup(secret_text_done))) char

/* ---- codes ---- */

/* "abcde-01234" as it was given out, in lower case without its hyphen and spaces. */
static void hash_recovery_code(const char *code, char hash[SHA256_HEX_SIZE]) {
  auto_str plain = STR_EMPTY;
  for (; *code; code++)
    if (*code != '-' && *code != ' ') str_add_char(&plain, (char)tolower((unsigned char)*code));
  secret_sha256_hex(str_text(&plain), plain.len, hash);
}

static err *use_recovery_code(db *d, const char *user_id, const char *code, bool *ret_right) {
  char hash[SHA256_HEX_SIZE];
  hash_recovery_code(code, hash);
  return recovery_code_use(d, user_id, hash, ret_right);
}

static err *use_code(db *d, const char *user_id, const struct two_factor *f, const char *code, bool *ret_right) {
  int64_t step = 0;
  *ret_right = false;
  if (totp_matches(f->secret, code, clock_now_us() / 1000000, f->last_step, &step))
    return two_factor_use_step(d, user_id, step, ret_right);
  return use_recovery_code(d, user_id, code, ret_right);
}

static err *required(void) {
  return err_new(ERR_DENIED, TWO_FACTOR_REQUIRED); /* Railway's CLI knows the words */
}

err *two_factor_check(api *a, const char *user_id, const char *code) {
  auto_two_factor f = {0};
  bool found = false, right = false;
  TRY(two_factor_find(a->parts.db, user_id, &found, &f));
  if (!found || !f.is_confirmed) return NULL;
  if (str_empty(code)) return required();
  TRY(use_code(a->parts.db, user_id, &f, code, &right));
  return right ? NULL : err_new(ERR_DENIED, "the code is wrong, or was used already");
}

err *two_factor_check_session(api *a, const struct caller *caller) {
  auto_two_factor f = {0};
  auto_api_token session = {0};
  bool found = false;
  if (!caller->is_session) return NULL;
  TRY(two_factor_find(a->parts.db, caller->user_id, &found, &f));
  if (!found || !f.is_confirmed) return NULL;
  TRY(api_token_get(a->parts.db, caller->token_id, &session));
  return clock_now_us() - session.confirmed_us < CONFIRMED_FOR_US ? NULL : required();
}

/* ---- resolvers ---- */

static err *sessions_only(const struct graphql_call *call) {
  if (asking_of(call)->caller.is_session) return NULL;
  return err_new(ERR_DENIED, "Not Authorized: this needs somebody who signed in; a token stands for a program");
}

/* A guess counts as one at the password does. */
static err *guarded_check(const struct graphql_call *call, const char *code, bool *ret_right) {
  const struct caller *caller = &asking_of(call)->caller;
  struct sign_in_guard *guard = asking_of(call)->api->sign_in_guard;
  auto_two_factor f = {0};
  bool found = false;
  TRY(sign_in_guard_enter(guard, caller->address, caller->user_id, clock_now_us()));
  TRY(two_factor_find(db_of(call), caller->user_id, &found, &f));
  if (!found) return err_new(ERR_CONFLICT, "the account has no second factor");
  TRY(use_code(db_of(call), caller->user_id, &f, code, ret_right));
  sign_in_guard_result(guard, caller->address, caller->user_id, *ret_right, clock_now_us());
  return NULL;
}

RESOLVER(query_info) {
  const char *user_id = asking_of(call)->caller.user_id;
  auto_two_factor f = {0};
  bool found = false;
  int64_t codes = 0;
  TRY(two_factor_find(db_of(call), user_id, &found, &f));
  TRY(recovery_code_count(db_of(call), user_id, &codes));
  *ret_value = json_pack("{s:b, s:b}", "isVerified", found && f.is_confirmed, "hasRecoveryCodes", codes > 0);
  return NULL;
}

RESOLVER(mutation_secret) {
  const char *user_id = asking_of(call)->caller.user_id;
  auto_two_factor old = {0}, made = {.secret = totp_new_secret()};
  auto_user user = {0};
  bool found = false;
  TRY(sessions_only(call));
  TRY(two_factor_find(db_of(call), user_id, &found, &old));
  if (found && old.is_confirmed) return err_new(ERR_CONFLICT, "the account has a second factor already: remove it first");
  TRY(user_get(db_of(call), user_id, &user));
  TRY(two_factor_set(db_of(call), user_id, &made));
  auto_secret *uri = totp_uri(made.secret, "Tramway", user.email);
  *ret_value = json_pack("{s:s, s:s}", "secret", made.secret, "uri", uri);
  return NULL;
}

/* New ones in place of all older ones; inside the caller's transaction. */
static err *make_recovery_codes(db *d, const char *user_id, json_t **ret_value) {
  auto_json *codes = json_array();
  TRY(recovery_code_delete_all(d, user_id));
  for (int i = 0; i < RECOVERY_CODES; i++) {
    auto_secret *hex = secret_random_hex(RECOVERY_BYTES);
    auto_secret *code = str_format("%.5s-%s", hex, hex + 5);
    char hash[SHA256_HEX_SIZE];
    hash_recovery_code(code, hash);
    TRY(recovery_code_add(d, user_id, hash));
    json_array_append_new(codes, json_string(code));
  }
  *ret_value = json_pack("{s:O}", "recoveryCodes", codes);
  return NULL;
}

RESOLVER(mutation_create) {
  const struct caller *caller = &asking_of(call)->caller;
  auto_two_factor f = {0};
  bool found = false, right = false;
  TRY(sessions_only(call));
  TRY(guarded_check(call, input_text(call, "token"), &right));
  if (!right) return err_new(ERR_DENIED, "the code is wrong: is the clock of the machine with the app right?");
  auto_db_transaction t = {0};
  TRY(db_begin(db_of(call), &t));
  TRY(two_factor_find(db_of(call), caller->user_id, &found, &f));
  if (f.is_confirmed) return err_new(ERR_CONFLICT, "the account has a second factor already");
  f.is_confirmed = true;
  TRY(two_factor_set(db_of(call), caller->user_id, &f));
  TRY(make_recovery_codes(db_of(call), caller->user_id, ret_value));
  TRY(api_token_confirm(db_of(call), caller->token_id, clock_now_us()));
  return db_commit(&t);
}

RESOLVER(mutation_delete) {
  TRY(sessions_only(call));
  TRY(two_factor_delete(db_of(call), asking_of(call)->caller.user_id));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_validate) {
  const struct caller *caller = &asking_of(call)->caller;
  const char *code = input_text(call, "token");
  bool right = false;
  TRY(guarded_check(call, code ? code : input_text(call, "code"), &right));
  if (right && caller->is_session) TRY(api_token_confirm(db_of(call), caller->token_id, clock_now_us()));
  *ret_value = json_boolean(right);
  return NULL;
}

RESOLVER(mutation_recovery_codes) {
  auto_db_transaction t = {0};
  TRY(sessions_only(call));
  TRY(db_begin(db_of(call), &t));
  TRY(make_recovery_codes(db_of(call), asking_of(call)->caller.user_id, ret_value));
  return db_commit(&t);
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "twoFactorInfo",         query_info,              NULL },
  { "Mutation", "twoFactorInfoSecret",   mutation_secret,         NULL },
  { "Mutation", "twoFactorInfoCreate",   mutation_create,         NULL },
  { "Mutation", "twoFactorInfoDelete",   mutation_delete,         NULL },
  { "Mutation", "twoFactorInfoValidate", mutation_validate,       NULL },
  { "Mutation", "recoveryCodeGenerate",  mutation_recovery_codes, NULL },
  { "Mutation", "recoveryCodeValidate",  mutation_validate,       NULL },
};
/* clang-format on */
const struct bindings bindings_two_factor = {rows, ARRAY_LEN(rows)};
