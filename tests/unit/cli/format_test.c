#include "cli/format.h"

#include "base/clock.h"
#include "base/mem.h"
#include "tap.h"

TEST(durations) {
  static const struct {
    int64_t ms;
    const char *text;
  } rows[] = {
      {-5, "0 ms"},         {0, "0 ms"},           {999, "999 ms"},
      {1000, "1.0 s"},      {3249, "3.2 s"},       {59999, "59.9 s"},
      {60000, "1 min 0 s"}, {125000, "2 min 5 s"}, {11520000, "3 h 12 min"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char text[FORMAT_SIZE];
    format_duration(rows[i].ms, text);
    CHECK_TEXT(text, rows[i].text);
  }
}

TEST(sizes) {
  static const struct {
    int64_t bytes;
    const char *text;
  } rows[] = {
      {-1, "0 B"},        {0, "0 B"},          {999, "999 B"},         {1000, "1.0 kB"},
      {3449, "3.4 kB"},   {9949, "9.9 kB"},    {9951, "10 kB"},        {999499, "999 kB"},
      {999500, "1.0 MB"}, {12000000, "12 MB"}, {3400000000, "3.4 GB"}, {INT64_MAX, "9223 PB"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char text[FORMAT_SIZE];
    format_bytes(rows[i].bytes, text);
    CHECK_TEXT(text, rows[i].text);
  }
}

TEST(ages) {
  static const struct {
    int64_t ms;
    const char *text;
  } rows[] = {
      {-1000, "just now"},  {59999, "just now"},          {60000, "1 min ago"},
      {3600000, "1 h ago"}, {47 * 3600000LL, "47 h ago"}, {72 * 3600000LL, "3 days ago"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char text[FORMAT_SIZE];
    format_age(rows[i].ms, text);
    CHECK_TEXT(text, rows[i].text);
  }
}

TEST(local_times) {
  char text[FORMAT_SIZE];
  setenv("TZ", "UTC", 1);
  tzset();
  format_local_time("2026-11-21T06:00:57.123Z", text);
  CHECK_TEXT(text, "2026-11-21 06:00:57");
  format_local_time("soon", text);
  CHECK_TEXT(text, "soon");
  format_local_time(NULL, text);
  CHECK_TEXT(text, "");
}

TEST(constants_as_words) {
  auto_free char *words = format_words("SNAPSHOT_CODE");
  CHECK_TEXT(words, "Snapshot code");
}

TEST(only_harmless_bytes_reach_a_terminal) {
  static const struct {
    const char *text, *expected;
  } rows[] = {
      {"plain", "plain"},
      {"a\tb", "a\tb"},
      {"\033[31mred\033[0m", "\033[31mred\033[0m"},
      {"\033[38;5;12mblue", "\033[38;5;12mblue"},
      {"\033[2Jgone", "[2Jgone"},
      {"\033]0;title\007x", "]0;titlex"},
      {"\033[31", "[31"},
      {"a\rb\nc\bd\x7f", "abcd"},
      {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
      {"\xff\xc3", "??"},
      {"\xc2\x9b"
       "2J",
       "2J"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *got = format_printable(rows[i].text);
    CHECK_TEXT(got, rows[i].expected);
  }
}

TEST(names_from_folders) {
  static const struct {
    const char *folder, *name;
  } rows[] = {
      {"shop", "shop"},
      {"My App", "my-app"},
      {"a__b", "a-b"},
      {"--x--", "x"},
      {"\xc3\xa4pfel", "pfel"},
      {"...", "app"},
      {"", "app"},
      {"0123456789012345678901234567890123456789", "01234567890123456789012345678901"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *name = format_name(rows[i].folder);
    CHECK_TEXT(name, rows[i].name);
  }
}

TEST(tables_align_characters_not_bytes) {
  auto_table table;
  auto_str text = STR_EMPTY;
  table_init(&table, 3);
  table_add(&table, "NAME", "STATUS", "NOTE", NULL);
  table_add(&table, "gr\xc3\xbc\xc3\x9f", "\033[32mSUCCESS\033[0m", "x", NULL);
  table_add(&table, "b", "-", "", NULL);
  table_print(&table, " ", &text);
  CHECK_TEXT(str_text(&text), " NAME  STATUS   NOTE\n"
                              " gr\xc3\xbc\xc3\x9f  \033[32mSUCCESS\033[0m  x\n"
                              " b     -\n");
}

TEST(a_short_row_is_filled_up) {
  auto_table table;
  auto_str text = STR_EMPTY;
  table_init(&table, 2);
  table_add(&table, "only", NULL);
  table_add(&table, "a", "b", NULL);
  table_print(&table, "", &text);
  CHECK_TEXT(str_text(&text), "only\na     b\n");
}

TEST_MAIN
