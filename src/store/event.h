/* Table: events. */
#ifndef TRAMWAY_STORE_EVENT_H
#define TRAMWAY_STORE_EVENT_H

#include "model/event.h"
#include "store/db.h"
#include "store/page.h"

#define EVENTS_MAX 10000                              /* the newest are kept … */
#define EVENTS_AGE_MAX_US (90LL * 86400 * 1000000)    /* … for so long */
#define EVENTS_SAME_US (10LL * 60 * 1000000)

/* Adds *e, filling id, count and times where they are empty, and lets go of what is beyond the
 * limits.  An event that equals one of the last EVENTS_SAME_US (whom it concerns, object, action and
 * cause) is counted there instead: a crash loop does not push everything else out. */
fallible event_record(db *d, struct event *e, int64_t now_us);

/* Which events: those that fit every part that is set. */
struct event_filter {
  const char *project_id;     /* its own and the machine's */
  const char *environment_id; /* its own and those of no environment; NULL or "": any */
  /* JSON arrays of texts, or NULL: any, none. */
  const json_t *objects, *not_objects, *actions, *not_actions, *service_ids, *not_service_ids;
};

/* Newest first; `page` may be NULL. */
fallible event_list(db *d, const struct event_filter *filter, const struct page *page,
                    struct event_list *ret_list);

#endif
