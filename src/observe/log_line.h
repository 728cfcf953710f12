/* One line of a log file as conmon writes it ("k8s-file"), and what a reader is shown of it.  Pure.
 *
 *   2026-11-20T23:17:51.104849467+00:00 stdout F text */
#ifndef TRAMWAY_OBSERVE_LOG_LINE_H
#define TRAMWAY_OBSERVE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* A shown line is cut here, with a mark (Railway cuts too; the value is ours). */
enum { LOG_LINE_MAX = 64 * 1024 };

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

/* What is shown of a line. */
struct log_text {
  struct str message;    /* valid UTF-8; no ANSI sequences, no control characters but tab */
  struct str attributes; /* JSON object text, or empty */
  const char *severity;  /* "debug", "info", "warn", "error" */
};

/* Fills `text` (cleared first, so that one can be used again and again).  A one-line JSON object
 * with a text `message` or `msg` is taken apart (railway.md 2.12, "Structured"): its `level`, a
 * word or a pino number, becomes the severity, its other keys the attributes.  A newline within
 * such a message becomes a space. */
void log_text_set(struct log_text *text, const char *data, size_t len, bool is_stderr);
void log_text_done(struct log_text *text);

/* Appends `data` repaired: bytes that are no UTF-8 become U+FFFD, ANSI sequences and control
 * characters are dropped, newlines become spaces.  At most LOG_LINE_MAX bytes and a mark. */
void log_text_clean(struct str *out, const char *data, size_t len);

#endif
