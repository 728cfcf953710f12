/* Buckets (reference 2.16): a bucket of a project has an instance in each environment where it was made, with a key
 * of its own, served by the environment's storage service (docs/adr/0017), which the first bucket makes.
 *
 * A storage service has its keys from S3_KEYS, which the platform gives it when it is deployed; changes are told to
 * it while it runs, and whenever an instance of it starts.  References know a bucket by its name:
 * `${{uploads.BUCKET}}`, ACCESS_KEY_ID, SECRET_ACCESS_KEY, REGION, ENDPOINT. */
#ifndef TRAMWAY_CORE_BUCKET_H
#define TRAMWAY_CORE_BUCKET_H

#include "core/core.h"
#include "model/bucket.h"

#define BUCKETS_MAX 100 /* of an environment */
#define BUCKET_REGION "us-east-1"
#define BUCKET_PORT 9000
#define BUCKET_TRASH_MS (48LL * 3600 * 1000) /* as Railway */

struct core_bucket_create {
  const char *project_id;
  const char *environment_id; /* of that project; NULL: in none yet, a patch brings it there (core/environment_buckets.h) */
  const char *name;           /* NULL: "bucket", or with a number behind it */
  const char *region;         /* NULL: there is one anyway */
  const char *user_id;        /* who deploys the storage service; "" for a project token */
};
/* As the commit of a patch.  Also one of the project that is in other environments only.  ERR_CONFLICT: it is there
 * already, or in the trash. */
fallible core_bucket_create(core *c, const struct core_bucket_create *request, struct bucket *ret_bucket);
fallible core_bucket_rename(core *c, const char *id, const char *name);

/* What its instance is reached by. */
struct core_bucket_access {
  struct bucket_instance instance;
  char *endpoint;    /* for services of the environment */
  char *public_host; /* the storage service's domain; NULL: it has none */
};
void core_bucket_access_done(struct core_bucket_access *access);
#define auto_core_bucket_access __attribute__((cleanup(core_bucket_access_done))) struct core_bucket_access
/* ERR_NOT_FOUND: it is not in the environment; ERR_CONFLICT: its storage service is gone. */
fallible core_bucket_access(core *c, const char *id, const char *environment_id, struct core_bucket_access *ret_access);

/* The former key ends at once.  With `redeploys`, the services that refer to it are deployed again. */
fallible core_bucket_reset(core *c, const char *id, const char *environment_id, bool redeploys, const char *user_id);

/* Its key ends at once; its objects are destroyed after BUCKET_TRASH_MS, until when it can be restored with a new key. */
fallible core_bucket_delete(core *c, const char *id, const char *environment_id);
fallible core_bucket_restore(core *c, const char *id, const char *environment_id);

/* {"objectCount": n, "sizeBytes": n}, which `done` owns, or an error. */
typedef void core_bucket_fn(void *arg, err *e, json_t *value);
fallible core_bucket_details(core *c, const char *id, const char *environment_id, core_bucket_fn *done, void *arg);

#endif
