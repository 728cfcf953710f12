/* The buckets of an environment's document and of patches on it (core/environment_config.h):
 *
 *   {"buckets": {<bucket id>: {"name": "uploads", "region": "us-east-1"}}}
 *
 * In a patch a bucket has "isCreated" (a new one, whose key is an id or its name; or one that the project has in other
 * environments, which comes here empty) or "isDeleted", or is null, which deletes it.  There is one region: Railway's
 * names of regions stand for it.  Pure. */
#ifndef TRAMWAY_CORE_ENVIRONMENT_BUCKETS_H
#define TRAMWAY_CORE_ENVIRONMENT_BUCKETS_H

#include "core/environment_config.h"

/* "buckets" of the document.  The caller owns it. */
json_t *environment_buckets_make(const struct environment_rows *rows);

/* As somebody sent it, into the one form that the rest takes: keys are ids, names and regions are checked.  `staged`:
 * the patch that is staged, or NULL.  *ret_buckets is NULL when there are none. */
fallible environment_buckets_read(const struct environment_rows *rows, const json_t *staged, const json_t *given,
                                  json_t **ret_buckets);

/* A patch on a document.  ERR_LIMIT: there are too many. */
fallible environment_buckets_apply(json_t *config, const json_t *patch);

bool environment_buckets_is_storage(const json_t *service);      /* it is what serves buckets */
const char *environment_buckets_storage(const json_t *config);   /* its id, or NULL; borrowed */
/* Some bucket is new in `after`, and nothing there could serve it. */
bool environment_buckets_need_storage(const json_t *before, const json_t *after);

#endif
