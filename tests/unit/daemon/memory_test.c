#include "daemon/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

#ifndef __SANITIZE_ADDRESS__ /* whose malloc keeps what is freed */

static long field_kb(const char *name) {
  auto_str text = STR_EMPTY;
  auto_err *e = file_read("/proc/self/smaps_rollup", 65536, &text);
  const char *found = e ? NULL : strstr(str_text(&text), name);
  return found ? atol(found + strlen(name)) : 0;
}

/* Blocks below malloc's limit for mappings of their own, with one at the end that stays: without
 * trimming all of it would stay resident. */
TEST(freed_memory_goes_back) {
  enum { BLOCKS = 2000, SIZE = 16384, RELEASED_KB = 20000 };
  static char *blocks[BLOCKS];
  for (size_t i = 0; i < BLOCKS; i++) blocks[i] = memset(mem_alloc(SIZE), 1, SIZE);
  auto_free char *last = mem_alloc(SIZE);
  memset(last, 1, SIZE);
  for (size_t i = 0; i < BLOCKS; i++) free(blocks[i]);
  long before = field_kb("Rss:");
  memory_trim();
  CHECK(before - field_kb("Rss:") > RELEASED_KB);
  CHECK_INT(last[SIZE - 1], 1);
}

#endif

static const char *const words[] = {"the", "constants", "are", "as", "they", "were"};

TEST(programs_and_libraries_are_as_they_were) {
  for (int i = 0; i < 3; i++) {
    memory_trim();
    auto_free char *text = str_format("%s %s %d", words[0], words[1], 42);
    CHECK_TEXT(text, "the constants 42");
    CHECK_TEXT(words[5], "were");
  }
}

TEST_MAIN
