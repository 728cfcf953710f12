/* Waiting for CI: what is known of a commit's checks → what becomes of the deployment. */
#include "core/checks.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

#define S 1000000LL /* a second */

/* One letter each: p(ending), g(ood), f(ailed); all heard of at `heard`. */
static void make(const char *states, int64_t heard_us, struct commit_check_list *ret_list) {
  size_t len = strlen(states);
  *ret_list = (struct commit_check_list){.items = mem_zalloc((len + 1) * sizeof *ret_list->items), .len = len};
  for (size_t i = 0; i < len; i++)
    ret_list->items[i] = (struct commit_check){.name = str_format("check %zu", i),
                                               .state = states[i] == 'p'   ? CHECK_PENDING
                                                        : states[i] == 'g' ? CHECK_PASSED
                                                                           : CHECK_FAILED,
                                               .updated_us = heard_us};
}

/* A deployment that has waited since 100 s, for at most 60 s, and 10 s after the last news. */
/* clang-format off */
static const struct { const char *states; int64_t heard_s, now_s; enum checks_verdict verdict; int64_t again_s; const char *reason; } table[] = {
  { "",    0,   100, CHECKS_WAIT, 160, NULL },
  { "",    0,   159, CHECKS_WAIT, 160, NULL },
  { "",    0,   160, CHECKS_SKIP, 0,   "no check of the commit was heard of within 1 min" },
  { "p",   101, 102, CHECKS_WAIT, 160, NULL },
  { "p",   101, 160, CHECKS_SKIP, 0,   "'check 0' had not ended after 1 min" },
  { "g",   101, 102, CHECKS_WAIT, 111, NULL },
  { "g",   101, 111, CHECKS_PASS, 0,   "1 check passed" },
  { "gg",  101, 111, CHECKS_PASS, 0,   "2 checks passed" },
  { "gp",  101, 130, CHECKS_WAIT, 160, NULL },
  { "gp",  101, 160, CHECKS_SKIP, 0,   "'check 1' had not ended" },
  { "gf",  101, 101, CHECKS_SKIP, 0,   "'check 1' failed" },
  { "pf",  101, 101, CHECKS_SKIP, 0,   "'check 1' failed" },
  { "ff",  101, 500, CHECKS_SKIP, 0,   "'check 0' failed" },
  { "g",   50,  100, CHECKS_PASS, 0,   "1 check passed" }, /* they had ended before the push was heard of */
  { "f",   50,  100, CHECKS_SKIP, 0,   "'check 0' failed" },
  { "g",   155, 160, CHECKS_WAIT, 165, NULL }, /* all ended in time, a moment ago */
  { "g",   155, 165, CHECKS_PASS, 0,   "1 check passed" },
};
/* clang-format on */

TEST(what_is_known_decides) {
  struct checks_wait wait = {.since_us = 100 * S, .timeout_us = 60 * S, .settle_us = 10 * S};
  for (size_t i = 0; i < ARRAY_LEN(table); i++) {
    auto_commit_check_list list;
    auto_free char *reason = NULL;
    int64_t again_us = 0;
    make(table[i].states, table[i].heard_s * S, &list);
    enum checks_verdict verdict = checks_judge(&wait, &list, table[i].now_s * S, &reason, &again_us);
    if (verdict != table[i].verdict) TAP_FAIL("row %zu: %d", i, (int)verdict);
    if (table[i].reason) CHECK_HAS(reason, table[i].reason);
    CHECK_INT(again_us / S, table[i].again_s);
  }
}

/* clang-format off */
static const struct { int64_t before, now; char was, is; bool replaces; } heard[] = {
  { 1, 2, 'p', 'g', true  },
  { 1, 2, 'f', 'p', true  }, /* it runs again */
  { 1, 2, 'g', 'f', true  },
  { 2, 1, 'p', 'g', false }, /* late: a newer one is known */
  { 2, 1, 'g', 'p', false },
  { 1, 1, 'p', 'g', true  },
  { 1, 1, 'g', 'p', false }, /* out of order: what has ended does not begin */
  { 1, 1, 'g', 'f', true  },
  { 1, 1, 'p', 'p', true  },
};
/* clang-format on */

TEST(what_is_heard_late_does_not_count) {
  for (size_t i = 0; i < ARRAY_LEN(heard); i++) {
    auto_commit_check_list list;
    const char states[] = {heard[i].was, heard[i].is, '\0'};
    make(states, 0, &list);
    list.items[0].ordinal = heard[i].before;
    list.items[1].ordinal = heard[i].now;
    if (checks_replaces(&list.items[0], &list.items[1]) != heard[i].replaces) TAP_FAIL("row %zu", i);
  }
}

TEST_MAIN
