/* From a record of a file to an entry as a reader is shown it, if the filter takes it. */
#ifndef TRAMWAY_OBSERVE_LOG_SHOW_H
#define TRAMWAY_OBSERVE_LOG_SHOW_H

#include "observe/log_filter.h"
#include "observe/log_reader.h"
#include "observe/log_store.h"
#include "observe/log_text.h"

struct log_show {
  log_filter *filter;
  char *deployment_id;
  int64_t after_ns, before_ns; /* exclusive; 0: open */
  struct log_text text;        /* of the last entry */
  redactor *redactor;          /* NULL: nothing is secret */
  struct str redacted;
};

/* Also checks the query: ERR_INVALID. */
fallible log_show_init(struct log_show *show, const struct log_query *query);
void log_show_done(struct log_show *show);

/* False when the record is not to be shown; else the entry is valid until the next call. */
bool log_show_entry(struct log_show *show, const struct log_record *record, const char *instance_id,
                    struct log_entry *ret_entry);

#endif
