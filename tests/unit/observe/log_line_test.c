#include "observe/log_line.h"

#include "base/mem.h"
#include "observe/log_text.h"
#include "tap.h"

/* clang-format off */
static const struct {
  const char *line;
  int64_t time_ns; /* -1: no such line */
  bool is_stderr, is_partial;
  const char *text;
} lines[] = {
  { "2026-11-20T23:17:51.104849467+00:00 stdout F text",  1795216671104849467, 0, 0, "text" },
  { "2026-11-20T23:17:51.104849467+00:00 stderr P a  b ", 1795216671104849467, 1, 1, "a  b " },
  { "2026-11-21T00:17:51.104849467+01:00 stdout F x",     1795216671104849467, 0, 0, "x" },
  { "2026-11-20T18:47:51.104849467-04:30 stdout F x",     1795216671104849467, 0, 0, "x" },
  { "1970-01-01T00:00:00Z stdout F ",                     0, 0, 0, "" },
  { "1970-01-01T00:00:00Z stdout F",                      0, 0, 0, "" },
  { "2000-02-29T00:00:00.5Z stdout F x",                  951782400500000000, 0, 0, "x" },
  { "",                                                   -1, 0, 0, "" },
  { "text",                                               -1, 0, 0, "" },
  { "2026-11-20T23:17:51.104849467+00:00",                -1, 0, 0, "" },
  { "2026-11-20T23:17:51.104849467+00:00 stdout",         -1, 0, 0, "" },
  { "2026-11-20T23:17:51.104849467+00:00 stdwhy F x",     -1, 0, 0, "" },
  { "2026-11-20T23:17:51.104849467+00:00 stdout X x",     -1, 0, 0, "" },
  { "2026-11-20T23:17:51.104849467+00:00 stdout Fx",      -1, 0, 0, "" },
  { "2026-11-20T23:17:51. stdout F x",                    -1, 0, 0, "" },
  { "2026-13-20T23:17:51Z stdout F x",                    -1, 0, 0, "" },
  { "9999-11-20T23:17:51Z stdout F x",                    -1, 0, 0, "" },
  { "1970-01-01T00:00:00+01:00 stdout F x",               -1, 0, 0, "" },
};

static const struct { const char *in, *severity, *message, *attributes; } texts[] = {
  { "plain",                                 "info",  "plain", "" },
  { "with\ttab\r",                           "info",  "with\ttab", "" },
  { "\x1b[31mred\x1b[0m \x1b[1;38;5;9mx",    "info",  "red x", "" },
  { "\x1b]8;;http://x\x1b\\link\x1b]8;;\a!", "info",  "link!", "" },
  { "\x1b]never closed",                     "info",  "never closed", "" },
  { "\x1b(Bx\x1b=y\x1b",                     "info",  "xy", "" },
  { "a\x01\x7f" "b",                         "info",  "ab", "" },
  { "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "info", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "" },
  { "bad \xFF\xC3(",                         "info",  "bad \xEF\xBF\xBD\xEF\xBF\xBD(", "" },
  { "c1 \xC2\x9B" "31m",                     "info",  "c1 31m", "" },
  { "{\"message\":\"hi\",\"level\":\"warn\"}",              "warn",  "hi", "" },
  { "{\"msg\":\"hi\",\"level\":\"WARNING\",\"a\":{\"b\":1}}", "warn", "hi", "{\"a\":{\"b\":1}}" },
  { "{\"level\":30,\"time\":1,\"msg\":\"pino\"}",           "info",  "pino", "{\"time\":1}" },
  { "{\"level\":50,\"msg\":\"pino\"}",                      "error", "pino", "" },
  { "{\"level\":\"fatal\",\"message\":\"x\"}",              "error", "x", "" },
  { "{\"level\":\"Trace\",\"message\":\"x\"}",              "debug", "x", "" },
  { "{\"level\":\"odd\",\"message\":\"x\"} \r",             "info",  "x", "" },
  { "{\"message\":\"a\\nb\\u001b[1mc\"}",                   "info",  "a bc", "" },
  { "{\"message\":\"m\",\"msg\":\"n\"}",                    "info",  "m", "{\"msg\":\"n\"}" },
  { "{\"message\":5,\"msg\":\"n\"}",                        "info",  "n", "{\"message\":5}" },
  { "{\"other\":\"hi\"}",                    "info",  "{\"other\":\"hi\"}", "" },
  { "{\"message\":\"hi\"",                   "info",  "{\"message\":\"hi\"", "" },
  { "{\"message\":\"hi\"} x}",               "info",  "{\"message\":\"hi\"} x}", "" },
};
/* clang-format on */

TEST(lines_as_conmon_writes_them) {
  for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
    struct log_line line;
    bool ok = log_line_parse(lines[i].line, strlen(lines[i].line), &line);
    if (ok != (lines[i].time_ns >= 0)) TAP_FAIL("'%s': %d", lines[i].line, ok);
    if (!ok) continue;
    CHECK_INT(line.time_ns, lines[i].time_ns);
    CHECK_INT(line.is_stderr, lines[i].is_stderr);
    CHECK_INT(line.is_partial, lines[i].is_partial);
    CHECK_INT(line.len, strlen(lines[i].text));
    CHECK(memcmp(line.text, lines[i].text, line.len) == 0);
  }
}

TEST(what_is_written_is_read_again) {
  static const int64_t times[] = {0, 951782399999999999, 951868800000000000, 1795216671104849467,
                                  4102444800000000000};
  for (size_t i = 0; i < ARRAY_LEN(times); i++) {
    auto_str out = STR_EMPTY;
    struct log_line line;
    log_line_add(&out, times[i], i % 2, "hello", 5);
    CHECK_INT(out.data[out.len - 1], '\n');
    CHECK(log_line_parse(out.data, out.len - 1, &line));
    CHECK_INT(line.time_ns, times[i]);
    CHECK_INT(line.is_stderr, i % 2);
    CHECK_INT(line.len, 5);
  }
}

TEST(what_is_shown) {
  struct log_text text = {0};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    log_text_set(&text, texts[i].in, strlen(texts[i].in), false);
    CHECK_TEXT(str_text(&text.message), texts[i].message);
    CHECK_TEXT(str_text(&text.attributes), texts[i].attributes);
    CHECK_TEXT(text.severity, texts[i].severity);
  }
  log_text_set(&text, "oops", 4, true);
  CHECK_TEXT(text.severity, "error");
  log_text_set(&text, "a\0b", 3, false);
  CHECK_TEXT(str_text(&text.message), "ab");
  log_text_done(&text);
}

TEST(long_lines_are_cut_at_a_character) {
  auto_str in = STR_EMPTY, out = STR_EMPTY;
  for (int i = 0; i < 30000; i++) str_add(&in, "\xE2\x82\xAC");
  log_text_clean(&out, in.data, in.len);
  CHECK(str_ends(str_text(&out), "\xE2\x82\xAC" LOG_TEXT_CUT_MARK));
  CHECK_INT(out.len, LOG_TEXT_MAX / 3 * 3 + strlen(LOG_TEXT_CUT_MARK));
  CHECK(str_is_utf8(out.data, out.len));
  str_clear(&out);
  log_text_clean(&out, in.data, LOG_TEXT_MAX / 3 * 3);
  CHECK_INT(out.len, LOG_TEXT_MAX / 3 * 3);
}

TEST_MAIN
