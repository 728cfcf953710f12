/* Buckets: object storage that speaks S3 (reference 2.16).  A bucket belongs to a project; its instance in an
 * environment has the objects, on the volume of the environment's storage service, and a key of its own. */
#ifndef TRAMWAY_MODEL_BUCKET_H
#define TRAMWAY_MODEL_BUCKET_H

#include "model/shape.h"

struct bucket {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  char *name; /* what references call it; unique in the project, whatever the case */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(bucket);
#define auto_bucket MODEL_AUTO(bucket)
#define auto_bucket_list MODEL_AUTO(bucket_list)

struct bucket_instance {
  char id[ID_SIZE]; /* another one with each key */
  char bucket_id[ID_SIZE];
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE]; /* the storage service that serves it */
  char *bucket_name;        /* what S3 calls it: "uploads-1f2e3d4c"; unique in the installation, never changes */
  char *access_key_id;      /* "TRAM" and 16 of A-Z2-7 */
  char *secret_access_key;  /* 40 of A-Za-z0-9 */
  int64_t created_us, updated_us;
  int64_t deleted_us; /* not 0: since then without a key; its objects can be brought back for a while */
};
MODEL_STRUCT(bucket_instance);
#define auto_bucket_instance MODEL_AUTO(bucket_instance)
#define auto_bucket_instance_list MODEL_AUTO(bucket_instance_list)

#define BUCKET_NAME_MAX 32 /* bytes; with "-" and 8 digits it is S3's name, which has at most 63 */

/* A name that S3 takes: 3 to 32 of a-z, 0-9 and '-', beginning and ending without '-'.  ERR_INVALID says which. */
fallible bucket_name_check(const char *name);

#endif
