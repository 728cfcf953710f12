/* One-time passwords against RFC 6238's and base32 against RFC 4648's test vectors. */
#include "base/totp.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* RFC 6238, appendix B (SHA-1, the last six of its eight digits): the secret "12345678901234567890". */
#define RFC_SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

TEST(codes_are_those_of_the_rfc) {
  static const struct {
    int64_t time_s;
    const char *code;
  } rows[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
              {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char code[TOTP_DIGITS + 1];
    CHECK(totp_code(RFC_SECRET, rows[i].time_s / TOTP_STEP_S, code));
    CHECK_TEXT(code, rows[i].code);
  }
}

TEST(a_code_is_good_for_a_step_either_way_and_once) {
  int64_t step = 0;
  CHECK(totp_matches(RFC_SECRET, "287082", 59, 0, &step));
  CHECK_INT(step, 1);
  CHECK(totp_matches(RFC_SECRET, "287082", 89, 0, &step));
  CHECK(totp_matches(RFC_SECRET, "287082", 5, 0, &step));
  CHECK(!totp_matches(RFC_SECRET, "287082", 90, 0, &step));
  CHECK(!totp_matches(RFC_SECRET, "287082", 59, 1, &step)); /* was used */
  CHECK(!totp_matches(RFC_SECRET, "28708", 59, 0, &step));
  CHECK(!totp_matches(RFC_SECRET, "2870820", 59, 0, &step));
  CHECK(!totp_matches("not base32!", "287082", 59, 0, &step));
  CHECK(!totp_matches("", "287082", 59, 0, &step));
}

TEST(base32_is_that_of_the_rfc) {
  static const struct {
    const char *bytes, *text;
  } rows[] = {{"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"}, {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"},
              {"foobar", "MZXW6YTBOI"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    uint8_t bytes[8] = {0};
    size_t len = 0;
    auto_free char *text = base32_encode((const uint8_t *)rows[i].bytes, strlen(rows[i].bytes));
    CHECK_TEXT(text, rows[i].text);
    CHECK(base32_decode(text, bytes, sizeof bytes, &len));
    CHECK_INT(len, strlen(rows[i].bytes));
    CHECK(memcmp(bytes, rows[i].bytes, len) == 0);
  }
  uint8_t few[2];
  size_t len;
  CHECK(!base32_decode("MZXW6", few, sizeof few, &len));
  CHECK(!base32_decode("M1", few, sizeof few, &len));
}

TEST(secrets_differ_and_their_uri_is_escaped) {
  auto_free char *a = totp_new_secret(), *b = totp_new_secret();
  CHECK_INT(strlen(a), 32);
  CHECK(!str_eq(a, b));
  auto_free char *uri = totp_uri("ABC", "Tramway", "me+you@example.org");
  CHECK_TEXT(uri, "otpauth://totp/Tramway:me%2Byou%40example.org?secret=ABC&issuer=Tramway");
}

TEST_MAIN
