#include "store/two_factor.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/sealed.h"

void two_factor_done(struct two_factor *f) {
  if (f->secret) secret_wipe(f->secret, strlen(f->secret));
  free(f->secret);
  *f = (struct two_factor){0};
}

err *two_factor_find(db *d, const char *user_id, bool *ret_found, struct two_factor *ret_factor) {
  auto_db_stmt *s = NULL;
  struct two_factor f = {0};
  TRY(db_query(d, "SELECT secret, is_confirmed, last_step FROM two_factors WHERE user_id = ?1",
               DB_BIND(db_text(user_id)), &s));
  TRY(db_step(s, ret_found));
  if (!*ret_found) return NULL;
  TRY(err_wrap(sealed_read(d, &sealed_two_factor, &user_id, s, 0, &f.secret), "the second factor of an account"));
  f.is_confirmed = db_column_int(s, 1) != 0;
  f.last_step = db_column_int(s, 2);
  *ret_factor = f;
  return NULL;
}

err *two_factor_set(db *d, const char *user_id, const struct two_factor *f) {
  auto_str blob = STR_EMPTY;
  TRY(sealed_encrypt(d, &sealed_two_factor, &user_id, f->secret, &blob));
  return db_run(d,
                "INSERT INTO two_factors (user_id, secret, is_confirmed, last_step) VALUES (?1, ?2, ?3, ?4)"
                " ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret,"
                " is_confirmed = excluded.is_confirmed, last_step = excluded.last_step",
                DB_BIND(db_text(user_id), db_blob(blob.data, blob.len), db_int(f->is_confirmed), db_int(f->last_step)),
                NULL);
}

err *two_factor_delete(db *d, const char *user_id) {
  auto_db_transaction t = {0};
  TRY(db_begin(d, &t));
  TRY(recovery_code_delete_all(d, user_id));
  TRY(db_run(d, "DELETE FROM two_factors WHERE user_id = ?1", DB_BIND(db_text(user_id)), NULL));
  return db_commit(&t);
}

err *two_factor_use_step(db *d, const char *user_id, int64_t step, bool *ret_used) {
  int64_t changed = 0;
  TRY(db_run(d, "UPDATE two_factors SET last_step = ?2 WHERE user_id = ?1 AND last_step < ?2",
             DB_BIND(db_text(user_id), db_int(step)), &changed));
  *ret_used = changed > 0;
  return NULL;
}

err *recovery_code_add(db *d, const char *user_id, const char *secret_hash) {
  return db_run(d, "INSERT INTO recovery_codes (user_id, secret_hash) VALUES (?1, ?2)",
                DB_BIND(db_text(user_id), db_text(secret_hash)), NULL);
}

err *recovery_code_use(db *d, const char *user_id, const char *secret_hash, bool *ret_used) {
  int64_t changed = 0;
  TRY(db_run(d, "DELETE FROM recovery_codes WHERE user_id = ?1 AND secret_hash = ?2",
             DB_BIND(db_text(user_id), db_text(secret_hash)), &changed));
  *ret_used = changed > 0;
  return NULL;
}

err *recovery_code_count(db *d, const char *user_id, int64_t *ret_count) {
  return db_query_int(d, "SELECT count(*) FROM recovery_codes WHERE user_id = ?1", DB_BIND(db_text(user_id)), 0,
                      ret_count);
}

err *recovery_code_delete_all(db *d, const char *user_id) {
  return db_run(d, "DELETE FROM recovery_codes WHERE user_id = ?1", DB_BIND(db_text(user_id)), NULL);
}
