#include "base/json_lines.h"

#include <string.h>

#include "base/mem.h"
#include "tap.h"

static const char text[] = "\n"
                           "{ \"a\": 1,\n"
                           "  \"b\": {\n"
                           "    \"c d\": [1, {\"x\":\n"
                           "      \"}\\\"]\"},\n"
                           "      [ 2,\n"
                           "        3 ]],\n"
                           "    \"\\u00e9\": null, \"e\" : true },\n"
                           "  \"z\": { } }\n";

TEST(lines_of_keys_and_items) {
  static const struct {
    const char *path;
    int line;
  } cases[] = {{"", 1},         {"a", 2},           {"b", 3},           {"b.\"c d\"", 4}, {"b.\"c d\"[1].x", 4},
               {"b.\"c d\"[2]", 6}, {"b.\"c d\"[2][1]", 7}, {"b.\"\xC3\xA9\"", 8}, {"b.e", 8},     {"z", 9},
               {"x", 0},        {"b.x", 0},         {"a.b", 0},         {"b.\"c d\"[3]", 0}};
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    int line = json_line_of(text, strlen(text), cases[i].path);
    if (line != cases[i].line) TAP_FAIL("'%s' is on line %d, not %d", cases[i].path, line, cases[i].line);
  }
}

/* A text that is cut short is read within its bounds: ASan watches an exact copy. */
TEST(every_prefix_is_read_within_bounds) {
  for (size_t len = 1; len < strlen(text); len++) {
    auto_free char *exact = mem_dup(text, len);
    json_line_of(exact, len, "b.e.f");
  }
}

TEST(a_deep_text_does_not_overrun_the_stack) {
  enum { DEEP = 500000 };
  auto_free char *deep = mem_alloc(DEEP);
  memset(deep, '[', DEEP);
  CHECK_INT(json_line_of(deep, DEEP, "x"), 0);
}

TEST_MAIN
