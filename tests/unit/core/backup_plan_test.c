#include "core/backup_plan.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

#define VOLUME "0b1f6a52-33a1-4a53-8d3e-0f6b3a1c9d77"
#define MINUTE_US (60LL * 1000000)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

static int64_t at(const char *text) {
  int64_t us = 0;
  CHECK(clock_parse(text, &us));
  return us;
}

static struct backup items[16];
static struct backup_list list = {items, 0, false};
static const struct backup_schedule all = {.daily = true, .weekly = true, .monthly = true};

static void clear(void) {
  list.len = 0;
}

static struct backup *add(enum backup_kind kind, enum backup_state state, int64_t us) {
  items[list.len] = (struct backup){.kind = kind, .state = state, .created_us = us, .taken_us = us};
  return &items[list.len++];
}

/* "MONTHLY", or "-". */
static const char *due(const struct backup_schedule *s, int64_t now_us) {
  struct backup_question q = {VOLUME, at("2026-01-01T00:00:00Z"), s, &list, now_us};
  enum backup_kind kind;
  return backup_is_due(&q, &kind) ? backup_kind_name(kind) : "-";
}

TEST(slots_are_at_the_volumes_own_minute_of_the_night) {
  auto_free char *daily = backup_cron(VOLUME, BACKUP_DAILY), *weekly = backup_cron(VOLUME, BACKUP_WEEKLY);
  int minute, hour;
  CHECK_INT(sscanf(daily, "%d %d * * *", &minute, &hour), 2);
  CHECK(hour >= 1 && hour < 6);
  CHECK(str_ends(weekly, "* * 0"));
  int64_t slot = backup_slot_us(VOLUME, BACKUP_DAILY, at("2026-11-21T12:00:00Z"));
  CHECK_INT(slot, at("2026-11-21T00:00:00Z") + hour * HOUR_US + minute * MINUTE_US);
  CHECK_INT(backup_slot_us(VOLUME, BACKUP_DAILY, slot - 1), slot - DAY_US);
  CHECK_INT(backup_slot_us(VOLUME, BACKUP_DAILY, slot), slot);
  /* Saturday the 21st: the week began on the 15th */
  CHECK_INT(backup_slot_us(VOLUME, BACKUP_WEEKLY, at("2026-11-21T12:00:00Z")), slot - 6 * DAY_US);
  CHECK_INT(backup_slot_us(VOLUME, BACKUP_MONTHLY, at("2026-11-21T12:00:00Z")), slot - 20 * DAY_US);
}

TEST(the_first_is_the_one_that_is_kept_longest_and_serves_for_the_others) {
  clear();
  int64_t now = at("2026-11-21T12:00:00Z");
  CHECK_TEXT(due(&all, now), "MONTHLY");
  add(BACKUP_MONTHLY, BACKUP_READY, now - HOUR_US);
  CHECK_TEXT(due(&all, now), "-");
  CHECK_TEXT(due(&all, now + DAY_US), "WEEKLY"); /* Sunday */
  CHECK_TEXT(due(&all, now + 20 * DAY_US), "MONTHLY");
}

TEST(days_pass) {
  clear();
  struct backup_schedule daily = {.daily = true};
  int64_t now = at("2026-11-21T12:00:00Z");
  CHECK_TEXT(due(&daily, now), "DAILY");
  add(BACKUP_MANUAL, BACKUP_READY, now); /* is no daily one: it may be deleted at any time */
  CHECK_TEXT(due(&daily, now), "DAILY");
  add(BACKUP_DAILY, BACKUP_READY, now);
  CHECK_TEXT(due(&daily, now + HOUR_US), "-");
  CHECK_TEXT(due(&daily, now + DAY_US), "DAILY");
  struct backup_schedule none = {0};
  CHECK_TEXT(due(&none, now + DAY_US), "-");
}

TEST(a_new_volume_one_that_is_taken_and_one_that_failed_wait) {
  clear();
  CHECK_TEXT(due(&all, at("2026-01-01T00:05:00Z")), "-");
  CHECK_TEXT(due(&all, at("2026-01-01T00:10:00Z")), "MONTHLY");
  int64_t now = at("2026-11-21T12:00:00Z");
  struct backup *b = add(BACKUP_DAILY, BACKUP_TAKING, now - DAY_US);
  CHECK_TEXT(due(&all, now), "-");
  *b = (struct backup){.kind = BACKUP_DAILY, .state = BACKUP_FAILED, .created_us = now - MINUTE_US};
  CHECK_TEXT(due(&all, now), "-");
  CHECK_TEXT(due(&all, now + BACKUP_RETRY_US), "MONTHLY");
}

/* Each further failure doubles the wait, up to 4 h; a good one begins anew. */
TEST(what_keeps_failing_is_tried_less_and_less) {
  static const int minutes[] = {15, 30, 60, 120, 240, 240, 240};
  clear();
  int64_t now = at("2026-11-21T00:30:00Z");
  for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
    add(BACKUP_DAILY, BACKUP_FAILED, now);
    CHECK_TEXT(due(&all, now + minutes[i] * MINUTE_US - 1), "-");
    CHECK_TEXT(due(&all, now + minutes[i] * MINUTE_US), "MONTHLY");
    now += minutes[i] * MINUTE_US;
  }
  items[0] = (struct backup){.kind = BACKUP_MANUAL, .state = BACKUP_READY, .created_us = now};
  items[1] = (struct backup){.kind = BACKUP_DAILY, .state = BACKUP_FAILED, .created_us = now + 1};
  list.len = 2;
  CHECK_TEXT(due(&all, now + 15 * MINUTE_US + 1), "MONTHLY");
  items[1].kind = BACKUP_MANUAL; /* who asked for it tries again, or does not */
  CHECK_TEXT(due(&all, now + 2), "MONTHLY");
}

/* A clock that was a year ahead for a minute leaves times that are still to come: nothing waits for them. */
TEST(a_clock_that_was_ahead_holds_nothing_up) {
  clear();
  int64_t now = at("2026-11-21T12:00:00Z"), ahead = now + 365 * DAY_US;
  struct backup *b = add(BACKUP_MONTHLY, BACKUP_READY, ahead);
  struct backup_question q = {VOLUME, now - 2 * DAY_US, &all, &list, now};
  CHECK_TEXT(due(&all, now), "MONTHLY");
  CHECK(backup_is_overdue(&q));
  CHECK(backup_to_drill(&list, now) == b);
  b->state = BACKUP_FAILED;
  CHECK_TEXT(due(&all, now), "MONTHLY");
  b->state = BACKUP_READY;
  b->drilled_us = ahead;
  CHECK(backup_to_drill(&list, now) == b);
  q.made_us = ahead;
  CHECK(backup_is_overdue(&q));
  *b = (struct backup){.kind = BACKUP_MONTHLY, .state = BACKUP_READY, .created_us = now + MINUTE_US, .taken_us = now + MINUTE_US};
  CHECK_TEXT(due(&all, now), "-"); /* set back by a minute: that was no wrong one */
  CHECK(!backup_is_overdue(&q));
  CHECK_INT(backup_age_us(now, now + MINUTE_US), 0);
  CHECK(backup_age_us(now, ahead) == INT64_MAX);
}

TEST(what_goes_and_that_the_newest_good_one_stays) {
  static char snapshot[] = "00000001";
  clear();
  int64_t now = at("2026-11-21T12:00:00Z");
  struct backup *old = add(BACKUP_DAILY, BACKUP_READY, now - 8 * DAY_US), *newest = add(BACKUP_DAILY, BACKUP_READY, now - 7 * DAY_US);
  struct backup *failed = add(BACKUP_DAILY, BACKUP_FAILED, now);
  old->expires_us = newest->expires_us = now - DAY_US;
  CHECK(backup_goes(&list, old, now));
  CHECK(!backup_goes(&list, newest, now)); /* none could be taken since */
  CHECK(!backup_goes(&list, old, 0));      /* nobody knows what time it is */
  CHECK(!backup_goes(&list, failed, now));
  failed->snapshot_id = snapshot; /* what it left in the repository */
  CHECK(backup_goes(&list, failed, now));
  old->is_locked = true;
  CHECK(!backup_goes(&list, old, now));
  newest->state = BACKUP_DELETING; /* somebody wants it so */
  CHECK(backup_goes(&list, newest, 0));
}

TEST(how_long_they_are_kept) {
  CHECK_INT(backup_kept_us(BACKUP_MANUAL), 0);
  CHECK_INT(backup_kept_us(BACKUP_DAILY), 6 * DAY_US);
  CHECK_INT(backup_kept_us(BACKUP_WEEKLY), 30 * DAY_US);
  CHECK_INT(backup_kept_us(BACKUP_MONTHLY), 90 * DAY_US);
}

TEST(the_newest_is_tried_weekly_and_the_last_base_before_a_moment_is_found) {
  clear();
  int64_t now = at("2026-11-21T12:00:00Z");
  CHECK(!backup_to_drill(&list, now));
  struct backup *old = add(BACKUP_DAILY, BACKUP_READY, now - 2 * DAY_US);
  struct backup *newest = add(BACKUP_DAILY, BACKUP_READY, now - DAY_US);
  add(BACKUP_DAILY, BACKUP_FAILED, now);
  CHECK(backup_to_drill(&list, now) == newest);
  old->drilled_us = now - DAY_US;
  CHECK(!backup_to_drill(&list, now));
  CHECK(backup_to_drill(&list, now + 6 * DAY_US) == newest);
  old->drill_problem = (char[]){"it does not come up"}; /* tried again the next day */
  CHECK(!backup_to_drill(&list, now - 1));
  CHECK(backup_to_drill(&list, now) == newest);
  CHECK(!backup_base_for(&list, now));
  old->method = newest->method = BACKUP_POSTGRES;
  CHECK(backup_base_for(&list, now) == newest);
  CHECK(backup_base_for(&list, 0) == newest);
  CHECK(backup_base_for(&list, newest->taken_us) == old);
  CHECK(!backup_base_for(&list, old->taken_us));
}

TEST(what_is_overdue) {
  clear();
  int64_t now = at("2026-11-21T12:00:00Z");
  struct backup_question q = {VOLUME, now - HOUR_US, &all, &list, now};
  CHECK(!backup_is_overdue(&q));
  q.made_us = now - 2 * DAY_US;
  CHECK(backup_is_overdue(&q));
  add(BACKUP_DAILY, BACKUP_READY, now - DAY_US);
  CHECK(!backup_is_overdue(&q));
  q.now_us += DAY_US;
  CHECK(backup_is_overdue(&q));
  struct backup_schedule weekly = {.weekly = true}, none = {0};
  q.schedule = &weekly;
  CHECK(!backup_is_overdue(&q));
  q.made_us -= 7 * DAY_US;
  q.now_us += 6 * DAY_US;
  CHECK(backup_is_overdue(&q));
  q.schedule = &none;
  CHECK(!backup_is_overdue(&q));
}

TEST_MAIN
