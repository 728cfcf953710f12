/* What is bounded: attempts to sign in, requests, and what is remembered of callers. */
#include "api/ledger.h"
#include "api/rate.h"
#include "api/sign_in_guard.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

#define SECOND INT64_C(1000000)
#define START (INT64_C(1700000000) * SECOND)

TEST(a_ledger_forgets_whom_it_has_not_heard_of_for_longest) {
  ledger *l = ledger_new(3, sizeof(int));
  static const char *const keys[] = {"a", "b", "c"};
  for (int i = 0; i < 3; i++) *(int *)ledger_get(l, keys[i]) = i + 1;
  CHECK_INT(*(int *)ledger_get(l, "a"), 1); /* b is the oldest now */
  CHECK_INT(*(int *)ledger_get(l, "d"), 0);
  CHECK_INT(ledger_len(l), 3);
  CHECK_INT(*(int *)ledger_get(l, "a"), 1);
  CHECK_INT(*(int *)ledger_get(l, "c"), 3);
  CHECK_INT(*(int *)ledger_get(l, "b"), 0);
  ledger_free(l);
}

static bool may_try(struct sign_in_guard *g, const char *address, const char *account, int64_t now_us) {
  err *e = sign_in_guard_enter(g, address, account, now_us);
  bool may = !e;
  if (e) CHECK_INT(err_code_of(e), ERR_BUSY);
  err_free(e);
  return may;
}

TEST(an_address_has_ten_attempts_a_minute) {
  struct sign_in_guard *g = sign_in_guard_new();
  for (int i = 0; i < 10; i++) CHECK(may_try(g, "192.0.2.1", "", START + i));
  CHECK_ERR(sign_in_guard_enter(g, "192.0.2.1", "", START + 10 * SECOND), ERR_BUSY, "51 seconds");
  CHECK(may_try(g, "192.0.2.2", "", START + 10 * SECOND));
  CHECK(may_try(g, "192.0.2.1", "", START + 60 * SECOND));
  sign_in_guard_free(g);
}

TEST(an_ipv6_caller_is_its_network) {
  static const struct {
    const char *address, *origin;
  } rows[] = {{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"}, {"::1", "::/64"}, {"192.0.2.1", "192.0.2.1"}, {"unix", "unix"},
              {"::ffff:192.0.2.1", "::ffff:192.0.2.1"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *origin = sign_in_guard_origin(rows[i].address);
    CHECK_TEXT(origin, rows[i].origin);
  }
}

TEST(wrong_passwords_close_the_account_to_that_address_only) {
  struct sign_in_guard *g = sign_in_guard_new();
  int64_t now = START;
  for (int i = 0; i < 5; i++) {
    CHECK(may_try(g, "192.0.2.1", "Ada@example.org", now));
    sign_in_guard_result(g, "192.0.2.1", "Ada@example.org", false, now);
  }
  CHECK(!may_try(g, "192.0.2.1", "ada@example.org", now)); /* letter case is ignored */
  CHECK(may_try(g, "192.0.2.1", "bob@example.org", now));
  CHECK(may_try(g, "198.51.100.7", "ada@example.org", now)); /* Ada herself */
  static const int minutes[] = {1, 2, 4, 8, 15, 15};
  for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
    CHECK(!may_try(g, "192.0.2.1", "ada@example.org", now + minutes[i] * 60 * SECOND - 1));
    now += minutes[i] * 60 * SECOND;
    CHECK(may_try(g, "192.0.2.1", "ada@example.org", now));
    sign_in_guard_result(g, "192.0.2.1", "ada@example.org", false, now);
  }
  now += 15 * 60 * SECOND;
  CHECK(may_try(g, "192.0.2.1", "ada@example.org", now));
  sign_in_guard_result(g, "192.0.2.1", "ada@example.org", true, now);
  CHECK(may_try(g, "192.0.2.1", "ada@example.org", now));
  sign_in_guard_free(g);
}

TEST(strangers_together_do_not_use_up_what_is_kept_for_the_known) {
  struct sign_in_guard *g = sign_in_guard_new();
  CHECK(may_try(g, "198.51.100.7", "ada@example.org", START));
  sign_in_guard_result(g, "198.51.100.7", "ada@example.org", true, START);
  int let_in = 0;
  for (int i = 0; i < 500; i++) {
    auto_free char *address = str_format("192.0.%d.%d", i / 200, i % 200);
    let_in += may_try(g, address, "ada@example.org", START + 1);
  }
  CHECK_INT(let_in, 59); /* and Ada's first one */
  CHECK(may_try(g, "198.51.100.7", "ada@example.org", START + 2));
  sign_in_guard_free(g);
}

TEST(requests_are_counted_by_the_hour_and_by_the_second) {
  rate *r = rate_new((struct rate_limits){.per_hour = 25, .per_second = 10});
  struct rate_verdict v = {0};
  for (int i = 0; i < 10; i++) v = rate_take(r, "user a", START + i);
  CHECK(v.counted && !v.refused);
  CHECK_INT(v.limit, 25);
  CHECK_INT(v.remaining, 15);
  CHECK_INT(v.reset_s, START / SECOND + 3600);
  v = rate_take(r, "user a", START + SECOND / 2);
  CHECK(v.refused);
  CHECK_INT(v.retry_after_s, 1);
  CHECK(!rate_take(r, "user b", START + SECOND / 2).refused);
  for (int i = 0; i < 10; i++) CHECK(!rate_take(r, "user a", START + SECOND + i).refused);
  for (int i = 0; i < 5; i++) CHECK(!rate_take(r, "user a", START + 2 * SECOND + i).refused);
  v = rate_take(r, "user a", START + 600 * SECOND);
  CHECK(v.refused);
  CHECK_INT(v.remaining, 0);
  CHECK_INT(v.retry_after_s, 3000);
  CHECK(!rate_take(r, "user a", START + 3600 * SECOND).refused);
  rate_free(r);
}

TEST(without_limits_nothing_is_refused) {
  rate *r = rate_new((struct rate_limits){0});
  for (int i = 0; i < 1000; i++) {
    struct rate_verdict v = rate_take(r, "user a", START);
    CHECK(!v.refused && !v.counted);
  }
  rate_free(r);
}

TEST_MAIN
