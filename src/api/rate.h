/* How many requests a caller may make: per hour and per second, as Railway counts (reference 2.14).
 *
 * Who sends a good token counts by its account, workspace or project token; all others by their
 * address.  Each window begins with its first request.  Callers are remembered in bounded tables.
 *
 * Requests that come from this machine itself, without a proxy's X-Forwarded-For, are not counted: who
 * is on the host has it anyway, and scripts there (backups, `make soak`, CI on the host) may be fast. */
#ifndef TRAMWAY_API_RATE_H
#define TRAMWAY_API_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate_limits {
  int per_hour, per_second; /* 0: no limit */
};

struct rate_verdict {
  bool counted; /* there is a limit per hour: the numbers below mean something */
  bool refused;
  int limit, remaining; /* requests per hour */
  int64_t reset_s;      /* Unix seconds: when the hour is over */
  int retry_after_s;    /* of a refused one, at least 1 */
};

typedef struct rate rate;

rate *rate_new(struct rate_limits limits);
void rate_free(rate *r); /* accepts NULL */

/* Counts a request of `key`.  A refused one does not count. */
struct rate_verdict rate_take(rate *r, const char *key, int64_t now_us);

#endif
