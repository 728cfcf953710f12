/* Compose's interpolation of values: $VAR, ${VAR}, ${VAR:-default}, ${VAR-default}, ${VAR:+other},
 * ${VAR+other}, ${VAR:?message}, ${VAR?message}; $$ is a dollar sign.  Defaults may hold more of it.  Pure.
 * ${{…}} is a reference between services and stays. */
#ifndef TRAMWAY_CORE_INTERPOLATE_H
#define TRAMWAY_CORE_INTERPOLATE_H

#include <stdbool.h>

#include "base/str.h"
#include "base/err.h"

#define INTERPOLATE_DEPTH_MAX 8
#define INTERPOLATE_BYTES_MAX (1 << 18)

typedef const char *interpolate_lookup(void *arg, const char *name); /* NULL: not set */

/* Appends to *ret_text; names of variables that are not set and have no default, which are empty, are
 * added to *ret_unset.  ERR_INVALID: it cannot be read, or the message of ${VAR?message}. */
fallible interpolate(const char *text, interpolate_lookup *lookup, void *arg, struct str *ret_text,
                     struct strv *ret_unset);

#endif
