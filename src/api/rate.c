#include "api/rate.h"

#include <stdlib.h>

#include "api/ledger.h"
#include "base/mem.h"

enum { REMEMBERED = 8192 };
#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)

struct window {
  int64_t since_us;
  int count;
};

struct account {
  struct window hour, second;
};

struct rate {
  struct rate_limits limits;
  ledger *accounts;
};

rate *rate_new(struct rate_limits limits) {
  rate *r = mem_zalloc(sizeof *r);
  r->limits = limits;
  r->accounts = ledger_new(REMEMBERED, sizeof(struct account));
  return r;
}

void rate_free(rate *r) {
  if (!r) return;
  ledger_free(r->accounts);
  free(r);
}

/* Whether the window is full; one that is over, or begins in a future that a clock took back, starts anew. */
static bool is_full(struct window *w, int64_t length_us, int limit, int64_t now_us) {
  if (now_us - w->since_us >= length_us || now_us < w->since_us) *w = (struct window){.since_us = now_us};
  return limit && w->count >= limit;
}

static int wait_s(const struct window *w, int64_t length_us, int64_t now_us) {
  return (int)((w->since_us + length_us - now_us + SECOND_US - 1) / SECOND_US);
}

struct rate_verdict rate_take(rate *r, const char *key, int64_t now_us) {
  struct account *a = ledger_get(r->accounts, key);
  struct rate_verdict v = {.counted = r->limits.per_hour > 0, .limit = r->limits.per_hour};
  bool hour_full = is_full(&a->hour, HOUR_US, r->limits.per_hour, now_us);
  bool second_full = is_full(&a->second, SECOND_US, r->limits.per_second, now_us);
  v.refused = hour_full || second_full;
  if (hour_full) v.retry_after_s = wait_s(&a->hour, HOUR_US, now_us);
  else if (second_full) v.retry_after_s = wait_s(&a->second, SECOND_US, now_us);
  if (!v.refused) {
    a->hour.count++;
    a->second.count++;
  }
  v.remaining = v.limit > a->hour.count ? v.limit - a->hour.count : 0;
  v.reset_s = (a->hour.since_us + HOUR_US) / SECOND_US;
  return v;
}
