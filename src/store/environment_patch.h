/* Tables: environment_patches, environment_patch_deploys. */
#ifndef TRAMWAY_STORE_ENVIRONMENT_PATCH_H
#define TRAMWAY_STORE_ENVIRONMENT_PATCH_H

#include "base/str.h"
#include "model/environment_patch.h"
#include "store/db.h"
#include "store/page.h"

/* Adds it, filling id, created_us and updated_us where they are empty, or changes the one with its id, all but
 * environment, creator and created_us.  ERR_CONFLICT: another one is staged in the environment. */
fallible environment_patch_set(db *d, struct environment_patch *p);
fallible environment_patch_get(db *d, const char *id, struct environment_patch *ret_patch);
fallible environment_patch_find_staged(db *d, const char *environment_id, bool *ret_found,
                                       struct environment_patch *ret_patch);
/* Those that were committed, newest first; `page` may be NULL. */
fallible environment_patch_list(db *d, const char *environment_id, const struct page *page,
                                struct environment_patch_list *ret_list);
fallible environment_patch_list_applying(db *d, struct environment_patch_list *ret_list); /* oldest first */

fallible environment_patch_delete(db *d, const char *id);
/* Of those that were committed, all but the newest `kept`. */
fallible environment_patch_forget_old(db *d, const char *environment_id, int64_t kept);

/* The deployments that it is still to make: ids of service instances, in order. */
fallible environment_patch_add_deploy(db *d, const char *patch_id, const char *service_instance_id);
fallible environment_patch_list_deploys(db *d, const char *patch_id, struct strv *ret_service_instances);
fallible environment_patch_drop_deploy(db *d, const char *patch_id, const char *service_instance_id);
/* A deployment with today's settings and variables is being made: of whatever patch wanted one. */
fallible environment_patch_settle_deploys(db *d, const char *service_instance_id);

#endif
