/* Tables: buckets, bucket_instances.  Secrets are encrypted (store/sealed.h).  Inserts fill id, created_us and
 * updated_us where they are empty. */
#ifndef TRAMWAY_STORE_BUCKET_H
#define TRAMWAY_STORE_BUCKET_H

#include "model/bucket.h"
#include "store/db.h"
#include "store/page.h"

fallible bucket_insert(db *d, struct bucket *b); /* ERR_CONFLICT: the project has one of that name */
fallible bucket_get(db *d, const char *id, struct bucket *ret_bucket);
/* Those that have an instance that is not deleted, or none at all; newest first. */
fallible bucket_list_by_project(db *d, const char *project_id, const struct page *page, struct bucket_list *ret_list);
fallible bucket_list_all(db *d, const char *project_id, struct bucket_list *ret_list); /* deleted ones, too; oldest first */
fallible bucket_find_by_name(db *d, const char *project_id, const char *name, bool *ret_found, struct bucket *ret_bucket);
fallible bucket_rename(db *d, const char *id, const char *name, int64_t now_us); /* ERR_CONFLICT */
fallible bucket_delete(db *d, const char *id); /* with its instances */

fallible bucket_instance_insert(db *d, struct bucket_instance *i); /* ERR_CONFLICT: it is in the environment already */
fallible bucket_instance_find(db *d, const char *bucket_id, const char *environment_id, bool *ret_found,
                              struct bucket_instance *ret_instance); /* also a deleted one */
/* Oldest first, deleted ones too. */
fallible bucket_instance_list_by_bucket(db *d, const char *bucket_id, struct bucket_instance_list *ret_list);
fallible bucket_instance_list_by_environment(db *d, const char *environment_id, struct bucket_instance_list *ret_list);
fallible bucket_instance_list_by_service(db *d, const char *service_id, const char *environment_id,
                                         struct bucket_instance_list *ret_list);
fallible bucket_instance_list_deleted(db *d, int64_t before_us, struct bucket_instance_list *ret_list);
fallible bucket_instance_set_deleted(db *d, const char *id, int64_t deleted_us, int64_t now_us); /* 0: brought back */
/* With a new key: in the place of the row, under a new id. */
fallible bucket_instance_replace(db *d, struct bucket_instance *i);
fallible bucket_instance_delete(db *d, const char *id);

#endif
