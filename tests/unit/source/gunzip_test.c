#include "source/gunzip.h"

#include "scratch.h"
#include "tap.h"

/* `printf 'hello hello hello' | gzip -n` */
static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57,
                                       0xc8, 0x40, 0x90, 0x00, 0x80, 0x88, 0xf9, 0xe5, 0x11, 0x00, 0x00, 0x00};

static void check_unpacked(const char *folder, int64_t limit, const char *expected) {
  auto_free char *from = path_join(folder, "from"), *to = path_join(folder, "to");
  auto_str text = STR_EMPTY;
  CHECK_OK(file_write_fast(from, packed, sizeof packed, 0600));
  CHECK_OK(gunzip_file(from, to, limit));
  CHECK_OK(file_read(to, 1000, &text));
  CHECK_TEXT(str_text(&text), expected);
  CHECK_INT(unlink(to), 0);
}

TEST(a_gzip_is_unpacked_up_to_the_limit) {
  auto_scratch *folder = scratch_new();
  check_unpacked(folder, 1000, "hello hello hello");
  check_unpacked(folder, 5, "hello");
}

TEST(what_is_no_gzip_leaves_nothing) {
  auto_scratch *folder = scratch_new();
  auto_free char *from = path_join(folder, "from"), *to = path_join(folder, "to");
  scratch_file(folder, "from", "0032want plain");
  CHECK_ERR(gunzip_file(from, to, 1000), ERR_INVALID, "no gzip");
  CHECK(!file_exists(to));
  CHECK_OK(file_write_fast(from, packed, 14, 0600)); /* cut off */
  CHECK_ERR(gunzip_file(from, to, 1000), ERR_INVALID, "no gzip");
  CHECK(!file_exists(to));
}

TEST_MAIN
