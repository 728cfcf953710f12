#include "api/sign_in_guard.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/ledger.h"
#include "base/mem.h"
#include "base/str.h"

enum {
  REMEMBERED = 4096,
  PER_ADDRESS = 10,
  PER_MINUTE = 60,
  PER_MINUTE_KNOWN = 30,
  FREE_FAILURES = 5,
  WAIT_MAX_MINUTES = 15,
};
#define MINUTE_US (INT64_C(60) * 1000000)

struct window {
  int64_t since_us;
  int count;
};

struct origin {
  struct window attempts;
  bool known; /* signed in from here before */
};

struct pair { /* an account from an address */
  int failures;
  int64_t closed_until_us;
};

struct sign_in_guard {
  ledger *origins, *pairs;
  struct window strangers, known;
};

struct sign_in_guard *sign_in_guard_new(void) {
  struct sign_in_guard *g = mem_zalloc(sizeof *g);
  g->origins = ledger_new(REMEMBERED, sizeof(struct origin));
  g->pairs = ledger_new(REMEMBERED, sizeof(struct pair));
  return g;
}

void sign_in_guard_free(struct sign_in_guard *g) {
  if (!g) return;
  ledger_free(g->origins);
  ledger_free(g->pairs);
  free(g);
}

char *sign_in_guard_origin(const char *address) {
  struct in6_addr bits;
  if (inet_pton(AF_INET6, address, &bits) != 1 || IN6_IS_ADDR_V4MAPPED(&bits)) return str_dup(address);
  char text[INET6_ADDRSTRLEN];
  memset(bits.s6_addr + 8, 0, 8);
  inet_ntop(AF_INET6, &bits, text, sizeof text);
  return str_format("%s/64", text);
}

static err *count_in(struct window *w, int most, int64_t now_us) {
  if (now_us - w->since_us >= MINUTE_US || now_us < w->since_us) *w = (struct window){.since_us = now_us};
  if (w->count++ < most) return NULL;
  w->count = most; /* an attempt that was refused does not count */
  return err_new(ERR_BUSY, "too many attempts to sign in: try again in %d seconds",
                 (int)((w->since_us + MINUTE_US - now_us) / 1000000) + 1);
}

static struct pair *pair_of(struct sign_in_guard *g, const char *origin, const char *account) {
  auto_free char *key = str_format("%s %s", origin, account);
  for (char *p = key; *p; p++) *p = (char)tolower((unsigned char)*p);
  return ledger_get(g->pairs, key);
}

err *sign_in_guard_enter(struct sign_in_guard *g, const char *address, const char *account, int64_t now_us) {
  auto_free char *origin = sign_in_guard_origin(address);
  struct origin *from = ledger_get(g->origins, origin);
  TRY(count_in(&from->attempts, PER_ADDRESS, now_us));
  if (*account) {
    const struct pair *pair = pair_of(g, origin, account);
    if (now_us < pair->closed_until_us)
      return err_new(ERR_BUSY, "too many wrong passwords for this account from your address: try again in %d seconds",
                     (int)((pair->closed_until_us - now_us) / 1000000) + 1);
  }
  return from->known ? count_in(&g->known, PER_MINUTE_KNOWN, now_us) : count_in(&g->strangers, PER_MINUTE, now_us);
}

void sign_in_guard_result(struct sign_in_guard *g, const char *address, const char *account, bool right,
                          int64_t now_us) {
  auto_free char *origin = sign_in_guard_origin(address);
  struct pair *pair = pair_of(g, origin, account);
  if (right) {
    struct origin *from = ledger_get(g->origins, origin);
    from->known = true;
    *pair = (struct pair){0};
    return;
  }
  if (++pair->failures < FREE_FAILURES) return;
  int doublings = pair->failures - FREE_FAILURES;
  int minutes = doublings >= 4 ? WAIT_MAX_MINUTES : 1 << doublings;
  pair->closed_until_us = now_us + minutes * MINUTE_US;
}
