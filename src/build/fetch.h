/* Downloads for base images, with libcurl.  Blocking: for work_start's threads. */
#ifndef TRAMWAY_BUILD_FETCH_H
#define TRAMWAY_BUILD_FETCH_H

#include "base/str.h"
#include "build/build.h"

/* Whether anything answers HTTP at `url` within a few seconds, with whatever status.  ERR_IO says
 * why not. */
fallible fetch_probe(const struct builder_config *config, const char *url);

/* GETs a text of at most `limit` bytes; `accept` is the Accept header or NULL. */
fallible fetch_text(const struct builder_config *config, const char *url, const char *accept,
                    size_t limit, struct str *ret_text);

/* GETs a file; `integrity` is npm's "sha512-<base64>".  Nothing is left at `path` on failure. */
fallible fetch_file(const struct builder_config *config, const char *url, const char *integrity,
                    const char *path);

#endif
