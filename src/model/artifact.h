/* What deployments are made from and kept for: snapshots of source code and built or pulled
 * images.  Both are immutable, content-addressed and shared by all deployments that need them. */
#ifndef TRAMWAY_MODEL_ARTIFACT_H
#define TRAMWAY_MODEL_ARTIFACT_H

#include "model/shape.h"

struct snapshot {
  char id[ID_SIZE];
  char *hash; /* of the content, 64 lower-case hex digits; unique */
  int64_t size_bytes;
  int64_t file_count;
  json_t *meta; /* where it came from: repo, branch, commitHash, … (object or NULL) */
  int64_t created_us, last_used_us;
};
MODEL_STRUCT(snapshot);
#define auto_snapshot MODEL_AUTO(snapshot)
#define auto_snapshot_list MODEL_AUTO(snapshot_list)

struct image {
  char id[ID_SIZE];
  char *build_key; /* hash of the snapshot and all build inputs, or of the pulled digest; unique */
  char *reference; /* how the image store calls it */
  char *digest;    /* sha256:… */
  char snapshot_id[ID_SIZE]; /* what it was built from, or "" */
  int64_t size_bytes;
  json_t *config; /* entrypoint, cmd, env, user, exposed ports, … (object or NULL); `arguments`: names of the only
                     variables in build_key, which a Dockerfile declares; without it all may be */
  int64_t created_us, last_used_us;
};
MODEL_STRUCT(image);
#define auto_image MODEL_AUTO(image)
#define auto_image_list MODEL_AUTO(image_list)

#endif
