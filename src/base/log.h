/* The daemon's own log: one line per event on standard error, as
 *
 *     2026-11-21T06:00:57.123456Z info deploy: deployment 1c…: healthy after 312 ms
 *
 * Only the top of an activity logs.  No line may hold a secret. */
#ifndef TRAMWAY_BASE_LOG_H
#define TRAMWAY_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level); /* the program's one mutable global; INFO at the start */

void log_line(enum log_level level, const char *module, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(module, ...) log_line(LOG_LEVEL_ERROR, module, __VA_ARGS__)
#define log_warn(module, ...) log_line(LOG_LEVEL_WARN, module, __VA_ARGS__)
#define log_info(module, ...) log_line(LOG_LEVEL_INFO, module, __VA_ARGS__)
#define log_debug(module, ...) log_line(LOG_LEVEL_DEBUG, module, __VA_ARGS__)

#endif
