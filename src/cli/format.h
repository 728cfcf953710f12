/* Values as people read them.  Pure: no terminal, no clock. */
#ifndef TRAMWAY_CLI_FORMAT_H
#define TRAMWAY_CLI_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define FORMAT_SIZE 32

/* "340 ms", "3.2 s", "2 min 5 s", "3 h 12 min". */
void format_duration(int64_t duration_ms, char text[FORMAT_SIZE]);

/* "512 B", "3.4 kB", "12 MB" (powers of 1000). */
void format_bytes(int64_t size_bytes, char text[FORMAT_SIZE]);

/* "just now", "5 min ago", "3 h ago", "12 days ago". */
void format_age(int64_t age_ms, char text[FORMAT_SIZE]);

/* RFC 3339 → local time "2026-11-21 07:00:57"; the text itself when it is no time. */
void format_local_time(const char *timestamp, char text[FORMAT_SIZE]);

/* SNAPSHOT_CODE → "Snapshot code". */
char *format_words(const char *constant);

/* How many columns the text takes: characters, without terminal colours.  Wide characters (CJK)
 * count as one. */
size_t format_width(const char *text);

/* A copy that is safe to show on a terminal: colours (ESC [ … m) and tabs stay, every other control
 * character goes, and bytes that are not UTF-8 become '?'.  Logs are written by strangers. */
char *format_printable(const char *text);

/* A folder's name as a service's or project's name: lower case, digits and '-', at most 32
 * characters, "app" when nothing is left. */
char *format_name(const char *folder);

/* Rows of equal length that are printed with aligned columns. */
struct table {
  size_t columns;
  struct strv cells; /* row by row */
};
void table_init(struct table *t, size_t columns);
void table_add(struct table *t, ...) __attribute__((sentinel)); /* `columns` texts and a NULL */
void table_print(const struct table *t, const char *indent, struct str *text);
void table_done(struct table *t);
static inline void table_cleanup_(struct table *t) {
  table_done(t);
}
#define auto_table __attribute__((cleanup(table_cleanup_))) struct table

#endif
