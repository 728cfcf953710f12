/* Log lines, printed as Railway's CLI does: the bare message, or with attributes beyond the level
 * "2026-11-21T06:00:57Z [ERROR] message key=value"; as JSON one object per line. */
#ifndef TRAMWAY_CLI_LOGS_H
#define TRAMWAY_CLI_LOGS_H

#include <stdbool.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/output.h"

#define LOG_FIELDS "timestamp message severity attributes { key value }"

struct log_printer {
  struct output *out;
  bool json;
  bool dim;        /* build lines beside the app's own */
  bool to_error;   /* on standard error: part of an explanation */
  struct str last; /* timestamp of the newest line printed: a repeated line is dropped */
};
void log_printer_init(struct log_printer *p, struct output *out, bool json);
void log_printer_done(struct log_printer *p);
static inline void log_printer_cleanup_(struct log_printer *p) {
  log_printer_done(p);
}
#define auto_log_printer __attribute__((cleanup(log_printer_cleanup_))) struct log_printer

/* Prints an array of lines, oldest first. */
void log_print(struct log_printer *p, const json_t *lines);

/* One line as people read it; the caller owns it. */
char *log_line_text(const json_t *line);

/* < 0, 0 or > 0: RFC 3339 timestamps in UTC with any number of decimals. */
int log_compare_times(const char *a, const char *b);

#endif
