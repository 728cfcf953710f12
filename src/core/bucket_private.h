/* What the files of buckets share, and what the rest of core asks them.  Inside core/ only. */
#ifndef TRAMWAY_CORE_BUCKET_PRIVATE_H
#define TRAMWAY_CORE_BUCKET_PRIVATE_H

#include "core/bucket.h"
#include "core/internal.h"

/* The lines of S3_KEYS for a storage service; nothing for any other service. */
fallible buckets_keys(core *c, const char *service_id, const char *environment_id, struct str *ret_lines);

/* The buckets of an environment as references see them: {"<bucket id>": {"BUCKET": …}}, and their names. */
fallible buckets_variables(core *c, const char *environment_id, struct bucket_list *ret_buckets, json_t **ret_variables);

/* The instance, also one in the trash.  ERR_NOT_FOUND: the bucket is not in the environment. */
fallible bucket_instance_of(core *c, const char *id, const char *environment_id, struct bucket_instance *ret_instance);
void bucket_key_make(struct bucket_instance *i); /* a new one */

/* Its instance in an environment, with a key, served by that storage service, which is to be told. */
fallible bucket_add(core *c, const struct bucket *b, const char *environment_id, const char *service_id);

/* Adds the ids of the services there whose variables refer to it. */
fallible bucket_users(core *c, const char *id, const char *environment_id, struct strv *ret_services);

/* Copies for an environment that is a copy: new and empty, with keys of their own, on the storage service there. */
fallible buckets_duplicate(core *c, const char *from_environment_id, const char *to_environment_id);

/* ---- bucket_ask.c: what is asked of the program in a storage service's instance ---- */

/* Runs `tramway-s3 <command> <argument>` in its running instance.  ERR_CONFLICT: none runs, or it refuses.  `done`
 * owns the answer, an object, or the error; core_stop ends all, with ERR_BUSY. */
fallible bucket_ask(core *c, const char *service_id, const char *environment_id, const char *command,
                    const char *argument, core_bucket_fn *done, void *arg);
void bucket_asks_stop(core *c);

/* Tells a storage service its keys as they are now, if it runs; and an instance that starts, of whatever service. */
void buckets_tell(core *c, const char *service_id, const char *environment_id);
void buckets_instance_started(core *c, const char *deployment_id, const char *instance_id);

/* ---- bucket_trash.c: what was deleted, for a while ---- */

void buckets_sweep_start(core *c); /* destroys what was there long enough, now and every hour */
void buckets_sweep_stop(core *c);

#endif
