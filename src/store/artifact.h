/* Tables: snapshots, images.  Inserts fill id, created_us and last_used_us where they are empty. */
#ifndef TRAMWAY_STORE_ARTIFACT_H
#define TRAMWAY_STORE_ARTIFACT_H

#include "model/artifact.h"
#include "store/db.h"

fallible snapshot_insert(db *d, struct snapshot *s); /* ERR_CONFLICT: the hash is there already */
fallible snapshot_get(db *d, const char *id, struct snapshot *ret_snapshot);
fallible snapshot_find_by_hash(db *d, const char *hash, bool *ret_found,
                               struct snapshot *ret_snapshot);
fallible snapshot_touch(db *d, const char *id, int64_t now_us); /* last used */
fallible snapshot_delete(db *d, const char *id); /* deployments and images of it lose the link */

fallible image_insert(db *d, struct image *i); /* ERR_CONFLICT: the build key is there already */
fallible image_get(db *d, const char *id, struct image *ret_image);
fallible image_find_by_build_key(db *d, const char *build_key, bool *ret_found,
                                 struct image *ret_image);
fallible image_list(db *d, struct image_list *ret_list); /* newest first */
/* Its inputs gave another image since: it stays for the deployments that run it, but is not found
 * by its key any more. */
fallible image_forget_key(db *d, const char *id);
fallible image_touch(db *d, const char *id, int64_t now_us);
fallible image_delete(db *d, const char *id); /* its deployments can no longer be rolled back to */

/* What may be thrown away: last used before `before_us`, and every deployment that refers to it has
 * had a final status since before `before_us`. */
fallible image_list_unused(db *d, int64_t before_us, struct image_list *ret_list);
fallible snapshot_list_unused(db *d, int64_t before_us, struct snapshot_list *ret_list);

#endif
