/* Tables: two_factors (sealed: store/sealed.h), recovery_codes. */
#ifndef TRAMWAY_STORE_TWO_FACTOR_H
#define TRAMWAY_STORE_TWO_FACTOR_H

#include "base/secret.h"
#include "store/db.h"

struct two_factor {
  char *secret;      /* base32 (base/totp.h) */
  bool is_confirmed; /* a code of it was shown once: from then on it is asked for */
  int64_t last_step; /* of the newest code that was used: none is good twice */
};
void two_factor_done(struct two_factor *f); /* wipes */
#define auto_two_factor __attribute__((cleanup(two_factor_done))) struct two_factor

fallible two_factor_find(db *d, const char *user_id, bool *ret_found, struct two_factor *ret_factor);
fallible two_factor_set(db *d, const char *user_id, const struct two_factor *f); /* adds or replaces */
fallible two_factor_delete(db *d, const char *user_id); /* with its recovery codes; not there is success */

/* Notes that a code of this step was used; false when one of it or of a later one was before. */
fallible two_factor_use_step(db *d, const char *user_id, int64_t step, bool *ret_used);

/* Recovery codes are kept as SHA-256.  recovery_code_use: false when there is none of that hash. */
fallible recovery_code_add(db *d, const char *user_id, const char *secret_hash);
fallible recovery_code_use(db *d, const char *user_id, const char *secret_hash, bool *ret_used);
fallible recovery_code_count(db *d, const char *user_id, int64_t *ret_count);
fallible recovery_code_delete_all(db *d, const char *user_id);

#endif
