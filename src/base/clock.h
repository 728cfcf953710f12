/* Time.  Wall-clock instants are Unix microseconds (what the database and logs keep); durations
 * are monotonic milliseconds. */
#ifndef TRAMWAY_BASE_CLOCK_H
#define TRAMWAY_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_now_us(void);       /* wall clock, Unix epoch */
int64_t clock_monotonic_ms(void); /* never goes back; only differences mean anything */

/* "2026-11-21T06:00:57.123456Z" (RFC 3339, UTC, 27 characters). */
#define CLOCK_TEXT_SIZE 32
void clock_format(int64_t time_us, char text[CLOCK_TEXT_SIZE]);

/* Reads RFC 3339 with any fraction and any offset; false when `text` is not that. */
bool clock_parse(const char *text, int64_t *ret_time_us);

#endif
