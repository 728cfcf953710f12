/* Who may try a password, a code or a one-time token now.
 *
 * Three bounds.  An address has 10 attempts a minute.  An account that a wrong password was given for
 * five times from one address is closed to that address for a minute, then two, … fifteen at most;
 * other addresses are not affected, so that nobody can shut somebody else out.  And all together may
 * try 60 times a minute, since each costs tens of milliseconds of hashing; an address that signed in
 * before has another 30 of its own kind set aside, which strangers cannot use up.
 *
 * Everything is in memory and forgotten with tramd; tables are bounded (api/ledger.h).  An IPv6 caller
 * counts by its /64, of which it has 2^64 addresses.  Pure but for that memory: the time is given. */
#ifndef TRAMWAY_API_SIGN_IN_GUARD_H
#define TRAMWAY_API_SIGN_IN_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct sign_in_guard;

struct sign_in_guard *sign_in_guard_new(void);
void sign_in_guard_free(struct sign_in_guard *g); /* accepts NULL */

/* Counts an attempt; ERR_BUSY says how long to wait.  `account` is "" for what is about none. */
fallible sign_in_guard_enter(struct sign_in_guard *g, const char *address, const char *account, int64_t now_us);

/* What came of it. */
void sign_in_guard_result(struct sign_in_guard *g, const char *address, const char *account, bool right,
                          int64_t now_us);

/* An address as it is counted: IPv6 to its /64.  The caller owns it. */
char *sign_in_guard_origin(const char *address);

#endif
