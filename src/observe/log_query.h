/* log_store_query: the newest entries of a log, read from its files' ends. */
#ifndef TRAMWAY_OBSERVE_LOG_QUERY_H
#define TRAMWAY_OBSERVE_LOG_QUERY_H

#include "observe/log_store.h"

/* Ours: beyond this much text an answer holds fewer entries than were asked for. */
enum { LOG_QUERY_LIMIT_MAX = 5000, LOG_QUERY_BYTES_MAX = 32 * 1024 * 1024 };

fallible log_query_run(const char *dir, const struct log_query *query, log_entry_fn *fn, void *arg);

#endif
