/* Watch paths: which changes of a repository concern a service.  Pure.
 *
 * Patterns are gitignore(5)'s, from the repository's root, whatever the service's root directory is;
 * the last that matches a file or the nearest of its folders decides, and "!" takes out what an
 * earlier one took in.  Other than in a .gitignore, that also goes for what lies below a folder that
 * matched: "/web/" and then "!/web/docs/" means what it says. */
#ifndef TRAMWAY_SOURCE_WATCH_H
#define TRAMWAY_SOURCE_WATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* Whether one of `paths` ("a/b") matches; without patterns every change does, even none.
 * ERR_LIMIT for patterns that are larger than an ignore file may be. */
fallible watch_matches(const struct strv *patterns, const struct strv *paths, bool *ret_matches);

#endif
