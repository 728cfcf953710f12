/* One page of a list, newest first, after Relay's cursor connections: the cursor is the id of the
 * last item seen. */
#ifndef TRAMWAY_STORE_PAGE_H
#define TRAMWAY_STORE_PAGE_H

#include <stdint.h>

#define PAGE_FIRST_MAX 1000 /* `railway deployment list --limit` goes to 1000 */

/* In place of a NULL page, which means everything.  `after` NULL or "": from the newest.  An
 * `after` that names nothing is ERR_INVALID; so is a `first` outside 1 … PAGE_FIRST_MAX. */
struct page {
  const char *after;
  int64_t first;
};

#endif
