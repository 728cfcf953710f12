/* How much disk logs take, and how they are bounded.  Old logs go whole (log_store_remove); of one
 * that is being written the oldest lines are given back to the file system by punching a hole into
 * the file's beginning.  conmon appends on, and no offset changes: no line behind the hole is lost or
 * read twice, and nobody has to be told.  (conmon's own --log-size-max throws the whole file away.)
 *
 * Blocking: for a pool thread.  The functions need no log_store. */
#ifndef TRAMWAY_OBSERVE_LOG_KEEP_H
#define TRAMWAY_OBSERVE_LOG_KEEP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The logs of one deployment: build and deploy together. */
struct log_use {
  char *deployment_id;
  int64_t bytes;
};
struct log_use_list {
  struct log_use *items;
  size_t len, capacity;
};
void log_use_list_done(struct log_use_list *list);

static inline void log_use_list_cleanup_(struct log_use_list *list) {
  log_use_list_done(list);
}
#define auto_log_use_list __attribute__((cleanup(log_use_list_cleanup_))) struct log_use_list

/* Of all that is below `dir` under names that log_store makes; what has other names is left alone. */
fallible log_keep_list(const char *dir, struct log_use_list *ret_list);

/* When the deployment's logs hold more than `limit_bytes` together, gives their oldest
 * lines back until they hold three quarters of it: the largest files first.  *ret_freed is how much.
 * ERR_CONFLICT where the file system cannot punch holes. */
fallible log_keep_trim(const char *dir, const char *deployment_id, int64_t limit_bytes,
                       int64_t *ret_freed);

#endif
