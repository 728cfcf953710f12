/* A moment in the past as people write it: RFC 3339 ("2026-11-21T17:30:00Z", any offset), "2026-11-21 17:30[:00]" in
 * UTC, or how long ago: "30s", "15m", "2h", "3d", "1w".  Pure. */
#ifndef TRAMWAY_CLI_MOMENT_H
#define TRAMWAY_CLI_MOMENT_H

#include <stdint.h>

#include "base/err.h"

/* ERR_INVALID says how it is written. */
fallible moment_parse(const char *text, int64_t now_us, int64_t *ret_us);

#endif
