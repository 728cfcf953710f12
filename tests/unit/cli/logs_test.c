#include "cli/logs.h"

#include "base/mem.h"
#include "tap.h"

static json_t *line_of(const char *text) {
  json_t *line = json_loads(text, 0, NULL);
  CHECK(line != NULL);
  return line;
}

TEST(lines_as_people_read_them) {
  static const struct {
    const char *json, *text;
  } rows[] = {
      {"{\"message\":\"hello\",\"timestamp\":\"t\",\"attributes\":[]}", "hello"},
      {"{\"message\":\"hello\",\"attributes\":[{\"key\":\"level\",\"value\":\"\\\"info\\\"\"}]}",
       "hello"},
      {"{\"message\":\"no\",\"timestamp\":\"T1\",\"attributes\":[{\"key\":\"level\",\"value\":"
       "\"\\\"error\\\"\"},{\"key\":\"code\",\"value\":\"500\"},{\"key\":\"who\",\"value\":"
       "\"\\\"me\\\"\"}]}",
       "T1 [ERROR] no code=500 who=me"},
      {"{\"message\":\"x\",\"timestamp\":\"T\",\"severity\":\"warn\",\"attributes\":"
       "[{\"key\":\"a\",\"value\":\"not json\"}]}",
       "T [WARN] x a=not json"},
      {"{\"message\":\"a\\u001b[2Jb\",\"attributes\":[]}", "a[2Jb"},
      {"{}", ""},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_json *line = line_of(rows[i].json);
    auto_free char *text = log_line_text(line);
    CHECK_TEXT(text, rows[i].text);
  }
}

TEST(times_compare_whatever_their_decimals) {
  static const struct {
    const char *a, *b;
    int order;
  } rows[] = {
      {"2026-11-21T06:00:57Z", "2026-11-21T06:00:57Z", 0},
      {"2026-11-21T06:00:57Z", "2026-11-21T06:00:57.1Z", -1},
      {"2026-11-21T06:00:57.12Z", "2026-11-21T06:00:57.1Z", 1},
      {"2026-11-21T06:00:57.123456789Z", "2026-11-21T06:00:58Z", -1},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    int order = log_compare_times(rows[i].a, rows[i].b);
    CHECK_INT((order > 0) - (order < 0), rows[i].order);
  }
}

/* What is printed for batches of lines. */
static char *print_batches(bool json, const char *first, const char *second) {
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream(&text, &size);
  struct output out = {.out = file, .err = file};
  struct log_printer printer;
  auto_json *a = json_loads(first, 0, NULL), *b = json_loads(second, 0, NULL);
  log_printer_init(&printer, &out, json);
  log_print(&printer, a);
  log_print(&printer, b);
  log_printer_done(&printer);
  fclose(file);
  return text;
}

TEST(a_repeated_line_is_printed_once) {
  auto_free char *text = print_batches(
      false, "[{\"timestamp\":\"T1\",\"message\":\"a\"},{\"timestamp\":\"T2\",\"message\":\"b\"}]",
      "[{\"timestamp\":\"T2\",\"message\":\"b\"},{\"timestamp\":\"T3\",\"message\":\"c\"}]");
  CHECK_TEXT(text, "a\nb\nc\n");
}

TEST(json_lines_hold_their_attributes) {
  auto_free char *text = print_batches(
      true,
      "[{\"timestamp\":\"T1\",\"message\":\"a\",\"attributes\":[{\"key\":\"level\",\"value\":"
      "\"\\\"info\\\"\"},{\"key\":\"n\",\"value\":\"5\"},{\"key\":\"message\",\"value\":"
      "\"\\\"no\\\"\"}]}]",
      "[]");
  auto_json *line = line_of(text);
  CHECK_TEXT(json_get_text(line, "message"), "a");
  CHECK_TEXT(json_get_text(line, "level"), "info");
  CHECK_INT(json_get_int(line, "n", 0), 5);
}

TEST_MAIN
