#include "core/backup_plan.h"

#include <time.h>

#include "base/str.h"

#define SECOND_US 1000000LL
#define DAY_US (86400 * SECOND_US)

enum { NIGHT_BEGINS_MINUTE = 60, NIGHT_MINUTES = 300 };

enum { RETRY_DOUBLED_MOST = 4 };

int64_t backup_age_us(int64_t now_us, int64_t then_us) {
  if (then_us > now_us + BACKUP_SKEW_US) return INT64_MAX;
  return then_us > now_us ? 0 : now_us - then_us;
}

int64_t backup_kept_us(enum backup_kind kind) {
  static const int64_t days[] = {[BACKUP_MANUAL] = 0, [BACKUP_DAILY] = 6, [BACKUP_WEEKLY] = 30, [BACKUP_MONTHLY] = 90};
  return days[kind] * DAY_US;
}

static int minute_of(const char *volume_instance_id) {
  unsigned hash = 5381;
  for (const char *p = volume_instance_id; *p; p++) hash = hash * 33 + (unsigned char)*p;
  return NIGHT_BEGINS_MINUTE + (int)(hash % NIGHT_MINUTES);
}

char *backup_cron(const char *volume_instance_id, enum backup_kind kind) {
  static const char *const days[] = {"* * *", "* * *", "* * 0", "1 * *"};
  int minute = minute_of(volume_instance_id);
  return str_format("%d %d %s", minute % 60, minute / 60, days[kind]);
}

int64_t backup_slot_us(const char *volume_instance_id, enum backup_kind kind, int64_t now_us) {
  int64_t offset_us = minute_of(volume_instance_id) * 60 * SECOND_US;
  time_t shifted = (time_t)((now_us - offset_us) / SECOND_US);
  struct tm day;
  gmtime_r(&shifted, &day);
  day.tm_hour = day.tm_min = day.tm_sec = 0;
  if (kind == BACKUP_WEEKLY) day.tm_mday -= day.tm_wday;
  if (kind == BACKUP_MONTHLY) day.tm_mday = 1;
  return timegm(&day) * SECOND_US + offset_us;
}

/* One that is there, or on its way, since then, of that kind or kept longer. */
static bool is_served(const struct backup_question *q, enum backup_kind kind, int64_t since_us) {
  for (size_t i = 0; i < q->backups->len; i++) {
    const struct backup *b = &q->backups->items[i];
    bool counts = b->state == BACKUP_READY || b->state == BACKUP_TAKING;
    bool is_past = b->created_us <= q->now_us + BACKUP_SKEW_US;
    if (counts && is_past && b->kind >= kind && b->created_us >= since_us) return true;
  }
  return false;
}

static bool is_wanted(const struct backup_schedule *s, enum backup_kind kind) {
  return kind == BACKUP_DAILY ? s->daily : kind == BACKUP_WEEKLY ? s->weekly : s->monthly;
}

/* One that has failed for hours is not tried every quarter of one: each try costs its service a pause. */
static bool waits(const struct backup_question *q) {
  int failures = 0;
  int64_t good_us = INT64_MAX, failed_us = INT64_MAX; /* how long ago */
  for (size_t i = 0; i < q->backups->len; i++) {
    const struct backup *b = &q->backups->items[i];
    if (b->state == BACKUP_TAKING) return true;
    int64_t age_us = backup_age_us(q->now_us, b->created_us);
    if (b->state == BACKUP_READY && age_us < good_us) good_us = age_us;
  }
  for (size_t i = 0; i < q->backups->len; i++) {
    const struct backup *b = &q->backups->items[i];
    int64_t age_us = backup_age_us(q->now_us, b->created_us);
    if (b->state != BACKUP_FAILED || b->kind == BACKUP_MANUAL || age_us >= good_us) continue;
    failures++;
    if (age_us < failed_us) failed_us = age_us;
  }
  int doubled = failures - 1 < RETRY_DOUBLED_MOST ? failures - 1 : RETRY_DOUBLED_MOST;
  return failures && failed_us < BACKUP_RETRY_US << doubled;
}

bool backup_is_due(const struct backup_question *q, enum backup_kind *ret_kind) {
  if (backup_age_us(q->now_us, q->made_us) < BACKUP_FIRST_US || waits(q)) return false;
  for (enum backup_kind kind = BACKUP_MONTHLY; kind >= BACKUP_DAILY; kind--) {
    int64_t slot_us = backup_slot_us(q->volume_instance_id, kind, q->now_us);
    if (!is_wanted(q->schedule, kind) || is_served(q, kind, slot_us)) continue;
    *ret_kind = kind;
    return true;
  }
  return false;
}

static const struct backup *newest_ready(const struct backup_list *backups, int64_t before_us, bool only_bases) {
  const struct backup *newest = NULL;
  for (size_t i = 0; i < backups->len; i++) {
    const struct backup *b = &backups->items[i];
    if (b->state != BACKUP_READY || (before_us && b->taken_us >= before_us)) continue;
    if (only_bases && b->method != BACKUP_POSTGRES) continue;
    if (!newest || b->taken_us > newest->taken_us) newest = b;
  }
  return newest;
}

const struct backup *backup_to_drill(const struct backup_list *backups, int64_t now_us) {
  const struct backup *last = NULL, *newest = newest_ready(backups, 0, false);
  for (size_t i = 0; i < backups->len; i++) {
    const struct backup *b = &backups->items[i];
    bool counts = b->drilled_us && b->drilled_us <= now_us + BACKUP_SKEW_US;
    if (counts && (!last || b->drilled_us > last->drilled_us)) last = b;
  }
  if (!newest || backup_age_us(now_us, newest->taken_us) < BACKUP_DRILL_AFTER_US) return NULL;
  if (!last) return newest;
  int64_t wait_us = last->drill_problem ? DAY_US : BACKUP_DRILL_US;
  return now_us - last->drilled_us < wait_us ? NULL : newest;
}

const struct backup *backup_base_for(const struct backup_list *backups, int64_t target_us) {
  return newest_ready(backups, target_us, true);
}

bool backup_goes(const struct backup_list *backups, const struct backup *b, int64_t now_us) {
  if (b->state == BACKUP_DELETING) return true;
  if (b->state == BACKUP_FAILED) return b->snapshot_id != NULL;
  bool expired = b->state == BACKUP_READY && !b->is_locked && b->expires_us && b->expires_us <= now_us;
  return expired && b != newest_ready(backups, 0, false);
}

/* Of the one that is taken most often; half a day late is no news. */
static int64_t too_old_us(const struct backup_schedule *s) {
  return s->daily ? BACKUP_TOO_OLD_US : (s->weekly ? 7 : 31) * DAY_US + DAY_US / 2;
}

bool backup_is_overdue(const struct backup_question *q) {
  const struct backup_schedule *s = q->schedule;
  int64_t most_us = too_old_us(s);
  if (!(s->daily || s->weekly || s->monthly) || backup_age_us(q->now_us, q->made_us) < most_us) return false;
  for (size_t i = 0; i < q->backups->len; i++) {
    const struct backup *b = &q->backups->items[i];
    if (b->state == BACKUP_READY && backup_age_us(q->now_us, b->taken_us) <= most_us) return false;
  }
  return true;
}
