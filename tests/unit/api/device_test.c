/* The device flow's states (RFC 8628): who waits, who may, how often it may be asked. */
#include "api/device.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

#define SECOND INT64_C(1000000)
#define START (INT64_C(1700000000) * SECOND)

static struct devices *all;
static char user_code[USER_CODE_SIZE], user_id[ID_SIZE];
static const char someone[] = "11111111-2222-4333-8444-555555555555";

static char *begin(int64_t now_us) {
  char *device_code = NULL;
  CHECK_OK(device_begin(all, "CLI 1 at 192.0.2.1", now_us, &device_code, user_code));
  return device_code;
}

TEST(a_program_is_signed_in_once_after_a_person_has_allowed_it) {
  all = devices_new();
  auto_free char *code = begin(START);
  CHECK_INT(strlen(code), 64);
  CHECK_INT(strlen(user_code), 9);
  CHECK_INT(user_code[4], '-');
  CHECK_INT(device_poll(all, code, START, user_id), DEVICE_PENDING);
  CHECK_TEXT(device_find(all, user_code, START), "CLI 1 at 192.0.2.1");
  auto_free char *typed = str_format(" %.4s%s ", user_code, user_code + 5);
  for (char *p = typed; *p; p++)
    if (*p >= 'A') *p = (char)(*p + 32);
  CHECK(device_decide(all, typed, someone, true, START + SECOND));
  CHECK(!device_decide(all, user_code, someone, false, START + SECOND)); /* it was decided */
  CHECK(!device_find(all, user_code, START + SECOND));
  CHECK_INT(device_poll(all, code, START + 5 * SECOND, user_id), DEVICE_ALLOWED);
  CHECK_TEXT(user_id, someone);
  CHECK_INT(device_poll(all, code, START + 10 * SECOND, user_id), DEVICE_EXPIRED);
  devices_free(all);
}

TEST(a_refusal_is_told_and_time_runs_out) {
  all = devices_new();
  auto_free char *refused = begin(START);
  CHECK(device_decide(all, user_code, someone, false, START));
  CHECK_INT(device_poll(all, refused, START, user_id), DEVICE_DENIED);
  auto_free char *late = begin(START);
  CHECK_INT(device_poll(all, late, START + (DEVICE_LIFE_S - 1) * SECOND, user_id), DEVICE_PENDING);
  CHECK(!device_decide(all, user_code, someone, true, START + DEVICE_LIFE_S * SECOND));
  CHECK_INT(device_poll(all, late, START + DEVICE_LIFE_S * SECOND, user_id), DEVICE_EXPIRED);
  CHECK_INT(device_poll(all, "never given out", START, user_id), DEVICE_EXPIRED);
  devices_free(all);
}

TEST(who_asks_too_often_is_slowed_down) {
  all = devices_new();
  auto_free char *code = begin(START);
  CHECK_INT(device_poll(all, code, START, user_id), DEVICE_PENDING);
  CHECK_INT(device_poll(all, code, START + SECOND, user_id), DEVICE_SLOW_DOWN);
  CHECK_INT(device_poll(all, code, START + 7 * SECOND, user_id), DEVICE_SLOW_DOWN); /* ten seconds now */
  CHECK_INT(device_poll(all, code, START + 22 * SECOND, user_id), DEVICE_PENDING);
  devices_free(all);
}

TEST(no_more_than_a_bounded_number_waits) {
  all = devices_new();
  for (int i = 0; i < DEVICES_MAX; i++) free(begin(START));
  char *code = NULL;
  CHECK_ERR(device_begin(all, "x", START, &code, user_code), ERR_BUSY, "too many");
  free(begin(START + DEVICE_LIFE_S * SECOND));
  devices_free(all);
}

TEST(no_code_that_is_none_is_found) {
  static const char *const codes[] = {"", "-", "BCDF", "BCDF-GHJKL", "BCDF-GHJ", "<script>", "BCDF-GHJK-BCDF-GHJK"};
  all = devices_new();
  free(begin(START));
  for (size_t i = 0; i < ARRAY_LEN(codes); i++) CHECK(!device_find(all, codes[i], START));
  devices_free(all);
}

TEST_MAIN
