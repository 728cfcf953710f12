#include "cli/moment.h"

#include "base/clock.h"
#include "base/mem.h"
#include "tap.h"

TEST(moments) {
  int64_t now = 0, wanted = 0, got = 0;
  CHECK(clock_parse("2026-11-21T17:30:00Z", &now));
  CHECK_OK(moment_parse("30s", now, &got));
  CHECK_INT(now - got, 30LL * 1000000);
  CHECK_OK(moment_parse("2h", now, &got));
  CHECK_INT(now - got, 7200LL * 1000000);
  CHECK_OK(moment_parse("1w", now, &got));
  CHECK_INT(now - got, 604800LL * 1000000);
  static const char *const same[] = {"2026-11-20T08:15:00Z", "2026-11-20T09:15:00+01:00", "2026-11-20 08:15", "2026-11-20 08:15:00"};
  CHECK(clock_parse(same[0], &wanted));
  for (size_t i = 0; i < ARRAY_LEN(same); i++) {
    CHECK_OK(moment_parse(same[i], now, &got));
    CHECK_INT(got, wanted);
  }
  static const char *const wrong[] = {"", "now", "5", "5y", "-5m", "2026-11-20", "2026-13-20 08:15", "99999999s"};
  for (size_t i = 0; i < ARRAY_LEN(wrong); i++) CHECK_ERR(moment_parse(wrong[i], now, &got), ERR_INVALID, "no moment");
}

TEST_MAIN
