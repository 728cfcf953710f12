/* Railway's log filter grammar (railway.md 2.12).  Pure.
 *
 *   filter := all { "OR" all }          all  := part { ["AND"] part }
 *   part   := "-" part | "(" filter ")" | "@" path ":" value | "replica:" value | word | "phrase"
 *   value  := [">" | ">=" | "<" | "<="] text | number ".." number
 *   path   := name { "." name | "[" number "]" }
 *
 * A word or phrase matches anywhere in the message.  `@level:`, `@replica:`, `@deployment:` and
 * `@service:` look at the line's own fields, every other path into its attributes; `name[]` (or
 * `name` alone, of a list) means any item.  Letter case is ignored (ASCII), as people type it. */
#ifndef TRAMWAY_OBSERVE_LOG_FILTER_H
#define TRAMWAY_OBSERVE_LOG_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Ours: a filter is typed by a person. */
enum { LOG_FILTER_TEXT_MAX = 4096, LOG_FILTER_DEPTH_MAX = 64, LOG_FILTER_PARTS_MAX = 256 };

typedef struct log_filter log_filter;

struct log_filter_input {
  const char *message;
  size_t message_len;
  const char *severity;
  const char *instance_id;
  const char *deployment_id; /* NULL where the line does not know */
  const char *service_id;    /* NULL where the line does not know */
  const char *attributes;    /* JSON object text, or ""; parsed only when the filter asks */
  size_t attributes_len;
};

/* NULL, "" and blanks give a filter that takes everything.  ERR_INVALID:
 * "filter: at character 7: ')' is missing". */
fallible log_filter_parse(const char *text, log_filter **ret_filter);
bool log_filter_matches(const log_filter *f, const struct log_filter_input *input);
void log_filter_free(log_filter *f); /* NULL is accepted */

static inline void log_filter_cleanup_(log_filter **f) {
  log_filter_free(*f);
}
#define auto_log_filter __attribute__((cleanup(log_filter_cleanup_))) log_filter

#endif
