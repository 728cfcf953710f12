#include "model/tag_update.h"

#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

/* clang-format off */
static const struct {
  const char *tag, *tags, *patch, *minor; /* NULL: none newer */
} rows[] = {
  { "1.2.3",        "1.2.3 1.2.4 1.2.10 1.3.0 2.0.0", "1.2.10",       "1.3.0" },
  { "v1.2.3",       "v1.2.4 1.2.9 v2.0.0",            "v1.2.4",       "v1.2.4" },
  { "1.2.3-alpine", "1.2.4 1.2.4-alpine 1.9.0-slim",  "1.2.4-alpine", "1.2.4-alpine" },
  { "1.2.3",        "1.2.4-rc1 1.2.2 latest 1.2",     NULL,           NULL },
  { "1.2.3",        "1.2.03",                         NULL,           NULL },
  { "1.2.3",        "",                               NULL,           NULL },
  { "16",           "17 16.1.0",                      NULL,           NULL },
  { "latest",       "1.0.0",                          NULL,           NULL },
  { "1.2.3",        "1.2.99999999999",                NULL,           NULL },
};
/* clang-format on */

TEST(the_newest_that_may_be) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_strv tags = STRV_EMPTY;
    strv_split(&tags, rows[i].tags, ' ');
    CHECK_TEXT(tag_newer(rows[i].tag, &tags, AUTO_UPDATES_PATCH), rows[i].patch);
    CHECK_TEXT(tag_newer(rows[i].tag, &tags, AUTO_UPDATES_MINOR), rows[i].minor);
    CHECK(!tag_newer(rows[i].tag, &tags, AUTO_UPDATES_DISABLED));
  }
}

TEST(what_is_a_version) {
  CHECK(tag_is_version("1.2.3") && tag_is_version("v0.0.1") && tag_is_version("10.20.30-alpine3.19"));
  CHECK(!tag_is_version("latest") && !tag_is_version("1.2") && !tag_is_version("1.2.3.4") && !tag_is_version("1.2.x"));
}

#define HOUR_US (INT64_C(3600) * 1000000)
#define AT(day, hour) (((day) * 24 + (hour)) * HOUR_US) /* day 0 is Thursday, 1 January 1970 */

static bool allows(const char *text, int64_t now_us) {
  auto_json *schedule = NULL;
  CHECK_OK(json_parse(text, strlen(text), "schedule", &schedule));
  CHECK_OK(schedule_check(schedule));
  return schedule_allows(schedule, now_us);
}

TEST(maintenance_windows) {
  CHECK(schedule_allows(NULL, 0));
  CHECK(allows("[]", AT(0, 5)));
  const char *thursday = "[{\"day\": 4, \"startHour\": 2, \"endHour\": 6}]";
  CHECK(!allows(thursday, AT(0, 1)));
  CHECK(allows(thursday, AT(0, 2)));
  CHECK(allows(thursday, AT(0, 5)));
  CHECK(!allows(thursday, AT(0, 6)));
  CHECK(!allows(thursday, AT(1, 3)));
  const char *night = "[{\"day\": \"Saturday\", \"startHour\": 22, \"endHour\": 4}]"; /* into Sunday */
  CHECK(allows(night, AT(2, 23)));
  CHECK(allows(night, AT(3, 3)));
  CHECK(!allows(night, AT(3, 4)));
  CHECK(!allows(night, AT(2, 21)));
}

static void check_refused(const char *text) {
  auto_json *schedule = NULL;
  CHECK_OK(json_parse(text, strlen(text), "schedule", &schedule));
  CHECK_ERR(schedule_check(schedule), ERR_INVALID, "");
}

TEST(what_is_no_schedule) {
  check_refused("{}");
  check_refused("[{}]");
  check_refused("[{\"day\": 7, \"startHour\": 0, \"endHour\": 1}]");
  check_refused("[{\"day\": \"someday\", \"startHour\": 0, \"endHour\": 1}]");
  check_refused("[{\"day\": 1, \"startHour\": 24, \"endHour\": 1}]");
  check_refused("[{\"day\": 1, \"startHour\": 1, \"endHour\": 25}]");
}

TEST_MAIN
