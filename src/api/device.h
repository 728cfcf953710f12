/* Signing a program in on a machine without a browser: OAuth 2.0 device authorization (RFC 8628).
 *
 *   program → device_begin          a secret device code, and a short one for a person to type
 *   person  → device_find, _decide  on a page, after showing their password
 *   program → device_poll           until it is decided
 *
 * What is pending is kept in memory: ten minutes, at most DEVICES_MAX; a restart of tramd ends it, and
 * the program is told to begin again.  Pure but for that memory: the time is given. */
#ifndef TRAMWAY_API_DEVICE_H
#define TRAMWAY_API_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"

struct devices;

enum { DEVICES_MAX = 200, DEVICE_LIFE_S = 600, DEVICE_INTERVAL_S = 5, USER_CODE_SIZE = 10 };

struct devices *devices_new(void);
void devices_free(struct devices *all); /* accepts NULL */

/* `origin` describes who asks, for the person to see.  ERR_BUSY when too many wait.  The codes are
 * written out: *ret_device_code is owned. */
fallible device_begin(struct devices *all, const char *origin, int64_t now_us, char **ret_device_code,
                      char ret_user_code[USER_CODE_SIZE]);

/* Who asks, of a user code ("BCDF-GHJK", letter case, spaces and the hyphen do not matter); NULL when
 * there is none that waits. */
const char *device_find(struct devices *all, const char *user_code, int64_t now_us);

/* The person's answer; false when the code is not waiting any more. */
bool device_decide(struct devices *all, const char *user_code, const char *user_id, bool allow, int64_t now_us);

enum device_state { DEVICE_PENDING, DEVICE_SLOW_DOWN, DEVICE_EXPIRED, DEVICE_DENIED, DEVICE_ALLOWED };

/* What the program is told.  ALLOWED and DENIED are told once. */
enum device_state device_poll(struct devices *all, const char *device_code, int64_t now_us,
                              char ret_user_id[ID_SIZE]);

#endif
