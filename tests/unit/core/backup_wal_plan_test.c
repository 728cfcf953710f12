#include "core/backup_wal_plan.h"

#include "base/mem.h"
#include "tap.h"

static struct backup_wal pieces[8];
static struct backup_wal_list list = {pieces, 0, false};

/* Segments by their last two digits. */
static char *segment(int timeline, int number) {
  return str_format("%08X%08X%08X", timeline, number / 256, number % 256);
}

static void add(int timeline, int first, int last) {
  pieces[list.len++] = (struct backup_wal){.first = segment(timeline, first), .last = segment(timeline, last)};
}

static void clear(void) {
  for (size_t i = 0; i < list.len; i++) backup_wal_done(&pieces[i]);
  list.len = 0;
}

/* "0 2", or the error. */
static const char *cover(int first, int last) {
  static char text[200];
  auto_free char *a = segment(1, first), *b = last < 0 ? NULL : segment(1, last);
  auto_free size_t *indices = NULL;
  size_t len = 0;
  auto_err *e = wal_cover(&list, a, b, &indices, &len);
  snprintf(text, sizeof text, "%s", e ? err_message(e) : "");
  for (size_t i = 0; !e && i < len; i++) snprintf(text + strlen(text), sizeof text - strlen(text), i ? " %zu" : "%zu", indices[i]);
  return text;
}

TEST(names) {
  CHECK(wal_is_segment("0000000100000000000000A3"));
  CHECK(!wal_is_segment("00000002.history") && !wal_is_segment("0000000100000000000000A3.tmp"));
  CHECK(wal_follows("000000010000000000000002", "000000010000000000000003"));
  CHECK(wal_follows("0000000100000000000000FF", "000000010000000100000000"));
  CHECK(!wal_follows("000000010000000000000002", "000000020000000000000003"));
  CHECK(!wal_follows("000000010000000000000002", "000000010000000000000002"));
}

TEST(a_label_says_where_its_log_begins) {
  auto_free char *name = NULL;
  CHECK_OK(wal_of_label("START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nCHECKPOINT LOCATION: 0/2000060\n", &name));
  CHECK_TEXT(name, "000000010000000000000002");
  char *none = NULL;
  CHECK_ERR(wal_of_label("", &none), ERR_CORRUPT, "label");
  CHECK_ERR(wal_of_label("START WAL LOCATION: 0/2000028 (file ../../etc)", &none), ERR_CORRUPT, "label");
}

TEST(what_is_in_the_archive) {
  auto_wal_listing l = {0}, recovering = {0};
  wal_listing_read("000000010000000000000003 1700000003.5 16777216\n000000010000000000000002 1700000002.0 16777216\n"
                   "000000010000000000000004.tmp 1700000009 5\n000000010000000000000002.00000028.backup 1 2\n", &l);
  CHECK_INT(l.segments.len, 2);
  CHECK_TEXT(l.segments.items[0], "000000010000000000000002");
  CHECK_INT(l.others.len, 1);
  CHECK_INT(l.first_us, 1700000002000000);
  CHECK(!l.recovers);
  auto_wal_listing odd = {0}; /* dates are as whoever made the files likes */
  wal_listing_read("000000010000000000000003 1e300 1\n000000010000000000000004 -7 1\n000000010000000000000005 nan 1\n", &odd);
  CHECK_INT(odd.segments.len, 3);
  CHECK_INT(odd.last_us, 0);
  wal_listing_read("recovery.signal 1 0\n", &recovering);
  CHECK(recovering.recovers);
}

/* Each gap is a piece: a shell in the instance must not be able to make thousands of them. */
TEST(more_gaps_than_postgres_leaves_are_refused) {
  auto_str text = STR_EMPTY;
  auto_wal_listing few = {0}, many = {0};
  for (int i = 0; i < WAL_RUNS_MAX; i++) str_addf(&text, "0000000100000000000000%02X 1 1\n", i * 2);
  wal_listing_read(str_text(&text), &few);
  CHECK_OK(wal_listing_check(&few));
  str_add(&text, "0000000200000000000000FF 1 1\n");
  wal_listing_read(str_text(&text), &many);
  CHECK_ERR(wal_listing_check(&many), ERR_LIMIT, "has 8 gaps");
}

TEST(the_fewest_pieces_that_hold_all) {
  clear();
  add(1, 1, 4), add(1, 1, 9), add(1, 10, 12), add(1, 10, 20);
  CHECK_TEXT(cover(3, 4), "1");
  CHECK_TEXT(cover(3, 15), "1 3");
  CHECK_TEXT(cover(3, -1), "1 3");
  CHECK_TEXT(cover(3, 21), "the log after segment 000000010000000000000014 is in no backup");
  CHECK_TEXT(cover(0, 4), "the log's segment 000000010000000000000000 is in no backup");
  add(1, 22, 30);
  CHECK_HAS(cover(3, 25), "after segment 000000010000000000000014");
  CHECK_TEXT(cover(3, -1), "1 3");
  add(2, 20, 25); /* it was promoted, or restored */
  CHECK_TEXT(cover(3, -1), "1 3 5");
  clear();
}

TEST(an_archive_of_two_timelines_is_two_pieces) {
  auto_strv s = STRV_EMPTY;
  const int numbers[][2] = {{1, 3}, {1, 4}, {2, 4}, {2, 5}, {2, 7}};
  for (size_t i = 0; i < ARRAY_LEN(numbers); i++) strv_add_take(&s, segment(numbers[i][0], numbers[i][1]));
  CHECK_INT(wal_run(&s, 0), 2);
  CHECK_INT(wal_run(&s, 2), 2);
  CHECK_INT(wal_run(&s, 4), 1);
  clear();
  add(1, 3, 4), add(2, 4, 5);
  CHECK(!wal_is_held(&list, &s));
  add(2, 7, 7);
  CHECK(wal_is_held(&list, &s));
  struct backup base = {.state = BACKUP_READY, .method = BACKUP_POSTGRES, .taken_us = 100};
  struct backup_list backups = {&base, 1, false};
  base.wal_first = segment(2, 5), base.wal_last = segment(2, 5);
  CHECK(wal_is_spare(&list, 0, &backups, 50));
  pieces[0].snapshot_id = str_dup("769e112c"), pieces[1].snapshot_id = str_dup("769e112c");
  CHECK(!wal_is_spare(&list, 0, &backups, 50)); /* it is in one snapshot with what is needed */
  backup_done(&base);
  clear();
}

TEST(what_nobody_needs_goes) {
  clear();
  add(1, 1, 4), add(1, 1, 9), add(1, 10, 20), add(1, 21, 30), add(1, 31, 40);
  struct backup bases[2] = {{.state = BACKUP_READY, .method = BACKUP_POSTGRES, .taken_us = 100},
                            {.state = BACKUP_READY, .method = BACKUP_POSTGRES, .taken_us = 500}};
  struct backup_list backups = {bases, 2, false};
  bases[0].wal_first = segment(1, 12), bases[0].wal_last = segment(1, 13);
  bases[1].wal_first = segment(1, 32), bases[1].wal_last = segment(1, 32);
  CHECK(wal_is_spare(&list, 0, &backups, 200));
  CHECK(wal_is_spare(&list, 1, &backups, 200));
  CHECK(!wal_is_spare(&list, 2, &backups, 200)); /* the old base's own */
  CHECK(wal_is_spare(&list, 3, &backups, 200));
  CHECK(!wal_is_spare(&list, 4, &backups, 200));
  CHECK(!wal_is_spare(&list, 3, &backups, 50)); /* both may be rolled forward */
  bases[1].state = BACKUP_TAKING;
  CHECK(!wal_is_spare(&list, 3, &backups, 200));
  backups.len = 0;
  CHECK(wal_is_spare(&list, 0, &backups, 0)); /* another has it */
  CHECK(!wal_is_spare(&list, 3, &backups, 0));
  backup_done(&bases[0]), backup_done(&bases[1]);
  clear();
}

TEST_MAIN
