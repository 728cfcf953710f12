/* A gzip file to a plain one (RFC 1952).  Blocking. */
#ifndef TRAMWAY_SOURCE_GUNZIP_H
#define TRAMWAY_SOURCE_GUNZIP_H

#include <stdint.h>

#include "base/err.h"

/* Makes the file `to` (mode 0600) with at most `limit_bytes`: what is beyond is left out.  ERR_INVALID for
 * what is no gzip.  Nothing is left of `to` on failure. */
fallible gunzip_file(const char *from, const char *to, int64_t limit_bytes);

#endif
