#include "model/tag_update.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"

MODEL_ENUM_WORDS(auto_updates, "kind of automatic updates", "disabled", "patch", "minor");

enum { PARTS = 3, DIGITS_MAX = 9, WINDOWS_MAX = 50 };
#define HOUR_US (INT64_C(3600) * 1000000)

struct version {
  long numbers[PARTS];
  const char *prefix; /* "" or "v" */
  const char *suffix; /* what follows the numbers: "", "-alpine" */
};

static bool parse(const char *tag, struct version *v) {
  v->prefix = *tag == 'v' ? "v" : "";
  const char *p = tag + strlen(v->prefix);
  for (int i = 0; i < PARTS; i++) {
    if (i && *p++ != '.') return false;
    size_t len = strspn(p, "0123456789");
    if (len == 0 || len > DIGITS_MAX) return false;
    v->numbers[i] = 0;
    for (size_t n = 0; n < len; n++) v->numbers[i] = v->numbers[i] * 10 + (p[n] - '0');
    p += len;
  }
  v->suffix = p;
  return *p == '\0' || *p == '-';
}

bool tag_is_version(const char *tag) {
  struct version v;
  return parse(tag, &v);
}

static bool may_go(const struct version *from, const struct version *to, enum auto_updates kind) {
  bool alike = str_eq(from->prefix, to->prefix) && str_eq(from->suffix, to->suffix);
  return alike && from->numbers[0] == to->numbers[0] &&
         (kind == AUTO_UPDATES_MINOR || from->numbers[1] == to->numbers[1]);
}

static int compare(const struct version *a, const struct version *b) {
  for (int i = 0; i < PARTS; i++)
    if (a->numbers[i] != b->numbers[i]) return a->numbers[i] < b->numbers[i] ? -1 : 1;
  return 0;
}

const char *tag_newer(const char *tag, const struct strv *tags, enum auto_updates kind) {
  struct version own, best, v;
  const char *found = NULL;
  if (kind == AUTO_UPDATES_DISABLED || !parse(tag, &own)) return NULL;
  best = own;
  for (size_t i = 0; i < tags->len; i++) {
    if (!parse(tags->items[i], &v) || !may_go(&own, &v, kind) || compare(&v, &best) <= 0) continue;
    best = v;
    found = tags->items[i];
  }
  return found;
}

/* ---- maintenance windows ---- */

static const char *const days[] = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

static int day_of(const json_t *window) {
  const json_t *day = json_object_get(window, "day");
  if (json_is_integer(day)) return (int)json_integer_value(day);
  for (int i = 0; json_is_string(day) && i < (int)ARRAY_LEN(days); i++)
    if (strcasecmp(json_string_value(day), days[i]) == 0) return i;
  return -1;
}

err *schedule_check(const json_t *schedule) {
  if (!json_is_array(schedule) || json_array_size(schedule) > WINDOWS_MAX)
    return err_new(ERR_INVALID, "must be a list of at most %d windows", WINDOWS_MAX);
  for (size_t i = 0; i < json_array_size(schedule); i++) {
    const json_t *window = json_array_get(schedule, i);
    int64_t start = json_get_int(window, "startHour", -1), end = json_get_int(window, "endHour", -1);
    int day = day_of(window);
    if (day < 0 || day > 6 || start < 0 || start > 23 || end < 0 || end > 24)
      return err_new(ERR_INVALID, "window %zu must have a day (0 to 6, Sunday is 0), a startHour (0 to 23) and an "
                                  "endHour (1 to 24), in UTC", i + 1);
  }
  return NULL;
}

bool schedule_allows(const json_t *schedule, int64_t now_us) {
  enum { DAY_HOURS = 24, WEEK_HOURS = 7 * DAY_HOURS, EPOCH_DAY = 4 }; /* 1970-01-01 was a Thursday */
  if (!json_array_size(schedule)) return true;
  int64_t hour = (now_us / HOUR_US + EPOCH_DAY * DAY_HOURS) % WEEK_HOURS;
  for (size_t i = 0; i < json_array_size(schedule); i++) {
    const json_t *window = json_array_get(schedule, i);
    int64_t start = json_get_int(window, "startHour", 0), end = json_get_int(window, "endHour", 0);
    int64_t hours = end > start ? end - start : end + DAY_HOURS - start;
    int64_t since = (hour - day_of(window) * DAY_HOURS - start + 2 * WEEK_HOURS) % WEEK_HOURS;
    if (since < hours) return true;
  }
  return false;
}
