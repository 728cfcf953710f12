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
fallible image_list_of_snapshot(db *d, const char *snapshot_id, struct image_list *ret_list); /* the newest 100 */
/* Its inputs gave another image since: it stays for the deployments that run it, but is not found
 * by its key any more. */
fallible image_forget_key(db *d, const char *id);
fallible image_touch(db *d, const char *id, int64_t now_us);
fallible image_delete(db *d, const char *id); /* its deployments can no longer be rolled back to */

/* ---- who needs what: for core/disk ---- */

/* How deployments use an image or a snapshot. */
struct artifact_use {
  char id[ID_SIZE];
  char *key;            /* the image's digest, the snapshot's hash */
  int64_t last_used_us; /* by itself or by the end of a deployment */
  bool is_running;      /* a deployment that is not over has it */
  int64_t newest_place; /* 1: the newest of some service instance, 2: the one before, …; 0: of none.
                           Images count that went live, or may; snapshots all. */
};
struct artifact_use_list {
  struct artifact_use *items;
  size_t len, capacity;
};
void artifact_use_list_done(struct artifact_use_list *list);
#define auto_artifact_use_list __attribute__((cleanup(artifact_use_list_done))) struct artifact_use_list

/* Deletes every row with that digest or hash; none is success.  What referred to them loses the link. */
fallible image_forget(db *d, const char *digest);
fallible snapshot_forget(db *d, const char *hash);

fallible image_list_uses(db *d, struct artifact_use_list *ret_list);
fallible snapshot_list_uses(db *d, struct artifact_use_list *ret_list);

#endif
