/* One line of a log file as conmon writes it ("k8s-file").  Pure.
 *
 *   2026-11-20T23:17:51.104849467+00:00 stdout F text */
#ifndef TRAMWAY_OBSERVE_LOG_LINE_H
#define TRAMWAY_OBSERVE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct log_line {
  int64_t time_ns; /* Unix nanoseconds */
  bool is_stderr;
  bool is_partial; /* the text goes on in the stream's next line */
  const char *text; /* points into what was parsed */
  size_t len;
};

/* `data` without its newline.  False when it is no such line. */
bool log_line_parse(const char *data, size_t len, struct log_line *ret_line);

/* Appends "TIME STREAM F TEXT\n" for a text without newlines. */
void log_line_add(struct str *out, int64_t time_ns, bool is_stderr, const char *text, size_t len);

#endif
