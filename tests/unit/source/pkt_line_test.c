#include "source/pkt_line.h"

#include "base/mem.h"
#include "tap.h"

#define A40 "1111111111111111111111111111111111111111"
#define B40 "2222222222222222222222222222222222222222"
#define ZERO "0000000000000000000000000000000000000000"

TEST(packets_are_read_one_by_one) {
  struct pkt_line line;
  CHECK_INT(pkt_line_read("000aabcdef", 10, &line), 10);
  CHECK_INT(line.len, 6);
  CHECK(memcmp(line.payload, "abcdef", 6) == 0);
  CHECK_INT(pkt_line_read("0004rest", 8, &line), 4);
  CHECK(line.payload && line.len == 0);
  CHECK_INT(pkt_line_read("0000", 4, &line), 4);
  CHECK(!line.payload);
  CHECK_INT(pkt_line_read("0001", 4, &line), 4);
  CHECK(!line.payload);
}

TEST(what_is_no_packet_or_not_whole) {
  struct pkt_line line;
  CHECK_INT(pkt_line_read("", 0, &line), 0);
  CHECK_INT(pkt_line_read("00", 2, &line), 0);
  CHECK_INT(pkt_line_read("000aabc", 7, &line), 0);
  CHECK_INT(pkt_line_read("0003", 4, &line), -1);
  CHECK_INT(pkt_line_read("00 a", 4, &line), -1);
  CHECK_INT(pkt_line_read("fff1", 4, &line), -1); /* longer than any may be */
  CHECK_INT(pkt_line_read("zzzz", 4, &line), -1);
}

TEST(progress_is_a_line_of_the_second_band) {
  auto_str out = STR_EMPTY;
  pkt_line_add_progress(&out, "hello");
  pkt_line_add_flush(&out);
  CHECK_TEXT(str_text(&out), "000b\x02hello\n0000");
}

TEST(long_progress_is_cut) {
  auto_str out = STR_EMPTY;
  auto_free char *text = mem_zalloc(10001);
  struct pkt_line line;
  memset(text, 'x', 10000);
  pkt_line_add_progress(&out, text);
  CHECK_INT(pkt_line_read(out.data, out.len, &line), (long long)out.len);
  CHECK_INT(line.len, 4002);
}

static void add_command(struct str *body, const char *command, const char *capabilities) {
  auto_str text = STR_EMPTY;
  str_add(&text, command);
  if (capabilities) str_add_char(&text, '\0');
  if (capabilities) str_add(&text, capabilities);
  pkt_line_add(body, text.data, text.len);
}

TEST(the_commands_of_a_push) {
  auto_str body = STR_EMPTY;
  auto_ref_updates updates = {0};
  add_command(&body, A40 " " B40 " refs/heads/main", " report-status side-band-64k agent=git/2.39.5");
  add_command(&body, ZERO " " A40 " refs/tags/v1\n", NULL);
  add_command(&body, A40 " " ZERO " refs/heads/old", NULL);
  pkt_line_add_flush(&body);
  str_add(&body, "PACK…");
  CHECK_OK(ref_updates_read(body.data, body.len, &updates));
  CHECK_INT(updates.len, 3);
  CHECK(updates.side_band);
  CHECK_TEXT(updates.items[0].before, A40);
  CHECK_TEXT(updates.items[0].after, B40);
  CHECK_TEXT(ref_update_branch(&updates.items[0]), "main");
  CHECK_TEXT(updates.items[1].ref, "refs/tags/v1");
  CHECK(!ref_update_branch(&updates.items[1]));
  CHECK(!ref_update_branch(&updates.items[2])); /* it is deleted */
}

TEST(a_push_that_only_asks) {
  auto_ref_updates updates = {0};
  CHECK_OK(ref_updates_read("0000", 4, &updates));
  CHECK_INT(updates.len, 0);
  CHECK(!updates.side_band);
}

/* clang-format off */
static const struct {
  const char *command, *message;
} bad[] = {
  { "",                                          "no command of git's" },
  { "hello",                                     "no command of git's" },
  { A40 " " B40,                                 "no command of git's" },
  { A40 " " B40 " ",                             "no command of git's" },
  { A40 "-" B40 " refs/heads/main",              "no command of git's" },
  { A40 " 222222222222222222222222222222222222222X refs/heads/main", "no command of git's" },
};
/* clang-format on */

TEST(what_are_no_commands) {
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    auto_str body = STR_EMPTY;
    struct ref_updates updates = {0};
    add_command(&body, bad[i].command, NULL);
    pkt_line_add_flush(&body);
    CHECK_ERR(ref_updates_read(body.data, body.len, &updates), ERR_INVALID, bad[i].message);
  }
  struct ref_updates updates = {0};
  CHECK_ERR(ref_updates_read("GET / HTTP", 10, &updates), ERR_INVALID, "not in git's wire format");
  CHECK_ERR(ref_updates_read("0040" A40, 44, &updates), ERR_LIMIT, "cut off");
}

TEST(a_push_of_too_many) {
  auto_str body = STR_EMPTY;
  struct ref_updates updates = {0};
  for (int i = 0; i <= REF_UPDATES_MAX; i++) {
    auto_free char *command = str_format(ZERO " " A40 " refs/heads/b%d", i);
    add_command(&body, command, NULL);
  }
  pkt_line_add_flush(&body);
  CHECK_ERR(ref_updates_read(body.data, body.len, &updates), ERR_LIMIT, "push them in parts");
}

TEST_MAIN
