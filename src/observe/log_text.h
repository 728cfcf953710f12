/* What a reader is shown of a line.  Pure. */
#ifndef TRAMWAY_OBSERVE_LOG_TEXT_H
#define TRAMWAY_OBSERVE_LOG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* A line is cut here, with a mark (Railway cuts too; the value is ours). */
enum { LOG_TEXT_MAX = 64 * 1024 };
#define LOG_TEXT_CUT_MARK " …[cut]"

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
 * characters are dropped, newlines become spaces.  At most LOG_TEXT_MAX bytes and a mark. */
void log_text_clean(struct str *out, const char *data, size_t len);

#endif
