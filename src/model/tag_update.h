/* Image tags that are versions, and which newer one an image may go to by itself (Railway's autoUpdates).
 * Pure. */
#ifndef TRAMWAY_MODEL_TAG_UPDATE_H
#define TRAMWAY_MODEL_TAG_UPDATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/names.h"

enum auto_updates {
  AUTO_UPDATES_DISABLED,
  AUTO_UPDATES_PATCH, /* 1.2.3 → 1.2.9 */
  AUTO_UPDATES_MINOR, /* 1.2.3 → 1.9.0 */
};
MODEL_ENUM(auto_updates); /* disabled patch minor */

/* "1.2.3", "v1.2.3", "1.2.3-alpine": three numbers (semver.org), with one suffix of words.  Any other tag is
 * not a version: what changes is what it points to. */
bool tag_is_version(const char *tag);

/* The newest of `tags` that `tag` may go to: equal in prefix, suffix and what the kind keeps.  Borrowed;
 * NULL when there is none. */
const char *tag_newer(const char *tag, const struct strv *tags, enum auto_updates kind);

/* Maintenance windows: [{"day": 0…6 or "monday", "startHour": 0…23, "endHour": 1…24}, …], UTC; day 0 is Sunday; an
 * endHour that is not after startHour is on the next day.  ERR_INVALID says what is wrong. */
fallible schedule_check(const json_t *schedule);
bool schedule_allows(const json_t *schedule, int64_t now_us); /* NULL and [] always do */

#endif
