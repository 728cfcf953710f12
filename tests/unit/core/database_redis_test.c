/* Commands for redis-cli and its CSV. */
#include "core/database_redis.h"

#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

static char *line_told(const char *line) {
  auto_json *values = NULL;
  CHECK_OK(redis_line_read(line, strlen(line), &values));
  return json_to_text(values);
}

static void check_line(const char *line, const char *expected) {
  auto_free char *told = line_told(line);
  CHECK_TEXT(told, expected);
}

TEST(csv_is_read) {
  check_line("\"17\",\"a,b\",12,NULL", "[\"17\",\"a,b\",12,null]");
  check_line("\"a\\\"b\\n\\xff\\x00\\\\\"", "[\"a\\\"b\\\\x0a\\\\xff\\\\x00\\\\\\\\\"]");
  check_line("\"\xc3\xa4\"", "[\"\xc3\xa4\"]");
  check_line("\"\\xc3\\xa4\"", "[\"\xc3\xa4\"]");
  check_line("-2", "[-2]");
  check_line("", "[]");
}

TEST(broken_csv_is_told) {
  const char *const broken[] = {"\"a", "\"a\\", "\"a\\x1", "\"a\\xzz\"", "\"a\"b", "\xff"};
  for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
    auto_json *values = NULL;
    CHECK_ERR(redis_line_read(broken[i], strlen(broken[i]), &values), ERR_CORRUPT, "no CSV");
  }
}

TEST(an_error_is_one) {
  auto_json *values = NULL, *lines = NULL;
  const char *said = "ERROR,\"NOAUTH Authentication required.\"";
  CHECK_ERR(redis_line_read(said, strlen(said), &values), ERR_INVALID, "the database says: NOAUTH");
  CHECK_ERR(redis_lines_read("1\nERROR,\"LOADING\"\n2", &lines), ERR_INVALID, "LOADING");
  check_line("\"ERROR\",\"is a value here\"", "[\"ERROR\",\"is a value here\"]");
}

static void check_argument(const char *told, const char *expected) {
  auto_free char *argument = NULL;
  CHECK_OK(redis_argument(told, &argument));
  CHECK_TEXT(argument, expected);
}

TEST(nothing_in_a_key_ends_the_argument) {
  check_argument("user:1", "\"user\\x3a1\"");
  check_argument("a\" \nFLUSHALL", "\"a\\x22\\x20\\x0aFLUSHALL\"");
  check_argument("\\xff\\\\", "\"\\xff\\x5c\"");
  check_argument("\xc3\xa4", "\"\\xc3\\xa4\"");
  check_argument("", "\"\"");
}

TEST(what_is_no_key_is_refused) {
  auto_free char *long_key = str_format("%01025d", 0);
  const char *const bad[] = {"\\", "\\x1", "\\n", "\\xgg", long_key};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    auto_free char *argument = NULL;
    CHECK_ERR(redis_argument(bad[i], &argument), ERR_INVALID, i < 4 ? "backslash" : "1024 bytes");
  }
}

TEST(what_is_told_can_be_asked_for_again) {
  auto_json *values = NULL;
  auto_free char *argument = NULL;
  const char line[] = "\"a\\xff\\\\ \\n\xc3\xa4\"";
  CHECK_OK(redis_line_read(line, strlen(line), &values));
  CHECK_OK(redis_argument(json_string_value(json_array_get(values, 0)), &argument));
  CHECK_TEXT(argument, "\"a\\xff\\x5c\\x20\\x0a\\xc3\\xa4\"");
}

static void check_entries(const char *type, const char *line, const char *expected) {
  auto_json *values = NULL;
  CHECK_OK(redis_line_read(line, strlen(line), &values));
  auto_json *entries = redis_entries(type, values);
  auto_free char *text = json_to_text(entries);
  CHECK_TEXT(text, expected);
}

TEST(values_of_every_type) {
  check_entries("string", "\"v\"", "[{\"name\":null,\"value\":\"v\"}]");
  check_entries("hash", "\"0\",\"f\",\"v\"", "[{\"name\":\"f\",\"value\":\"v\"}]");
  check_entries("list", "\"a\",\"b\"", "[{\"name\":\"0\",\"value\":\"a\"},{\"name\":\"1\",\"value\":\"b\"}]");
  check_entries("set", "\"0\",\"m\"", "[{\"name\":null,\"value\":\"m\"}]");
  check_entries("zset", "\"m\",\"1.5\"", "[{\"name\":\"1.5\",\"value\":\"m\"}]");
  check_entries("stream", "\"PONG\"", "[]");
  CHECK(!redis_show("ReJSON-RL", "k"));
}

TEST(info_is_read) {
  const char *info = "# Server\r\nredis_version:8.0.2\r\nuptime_in_seconds:61\r\nlast:x";
  auto_free char *version = redis_info_text(info, "redis_version"), *last = redis_info_text(info, "last");
  CHECK_TEXT(version, "8.0.2");
  CHECK_TEXT(last, "x");
  CHECK(redis_info_number(info, "uptime_in_seconds") == 61);
  CHECK(redis_info_number(info, "version") == -1);
  CHECK(redis_info_number(info, "last") == -1);
  CHECK(redis_info_number("\na:1e300\r", "a") == -1);
  CHECK(redis_info_number("\na:nan\r", "a") == -1);
}

TEST_MAIN
