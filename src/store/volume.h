/* Tables: volumes, volume_instances.
 *
 * A volume instance that is deleted goes to the trash first (deleted_us > 0): only what says so here lists it
 * then, and `_purge` forgets it when its data are destroyed.  Its row outlives its project, environment and
 * service; core puts it into the trash when one of these goes, in the same transaction.
 * Inserts fill id, created_us and updated_us where they are empty. */
#ifndef TRAMWAY_STORE_VOLUME_H
#define TRAMWAY_STORE_VOLUME_H

#include "model/volume.h"
#include "store/db.h"
#include "store/page.h"

fallible volume_insert(db *d, struct volume *v);
fallible volume_get(db *d, const char *id, struct volume *ret_volume); /* also of one in the trash */
/* Those that are not in the trash with all their instances; newest first. */
fallible volume_list_by_project(db *d, const char *project_id, const struct page *page, struct volume_list *ret_list);
fallible volume_name_exists(db *d, const char *project_id, const char *name, bool *ret_exists); /* among those */
fallible volume_rename(db *d, const char *id, const char *name, int64_t now_us);
fallible volume_purge(db *d, const char *id); /* if it has no instance left */

/* ERR_CONFLICT: the service has a volume in this environment already, or the volume is in it already. */
fallible volume_instance_insert(db *d, struct volume_instance *v);
fallible volume_instance_get(db *d, const char *id, struct volume_instance *ret_instance); /* also in the trash */
fallible volume_instance_find(db *d, const char *volume_id, const char *environment_id, bool *ret_found,
                              struct volume_instance *ret_instance); /* not in the trash */
fallible volume_instance_find_by_service(db *d, const char *service_id, const char *environment_id, bool *ret_found,
                                         struct volume_instance *ret_instance);
/* Oldest first; not in the trash. */
fallible volume_instance_list(db *d, struct volume_instance_list *ret_list);
fallible volume_instance_list_by_volume(db *d, const char *volume_id, struct volume_instance_list *ret_list);
fallible volume_instance_list_by_environment(db *d, const char *environment_id, struct volume_instance_list *ret_list);
fallible volume_instance_list_by_service(db *d, const char *service_id, struct volume_instance_list *ret_list);
fallible volume_instance_list_by_project(db *d, const char *project_id, struct volume_instance_list *ret_list);
/* In the trash, the newest there first. */
fallible volume_instance_list_trashed(db *d, struct volume_instance_list *ret_list);
fallible volume_instance_list_trashed_of_workspace(db *d, const char *workspace_id,
                                                   struct volume_instance_list *ret_list);

/* Writes what may change: whose it is and where it belongs, mount path, size, state, problem, origin, the trash; not its usage.  ERR_CONFLICT
 * as volume_instance_insert. */
fallible volume_instance_update(db *d, const struct volume_instance *v, int64_t now_us);
fallible volume_instance_set_usage(db *d, const char *id, int64_t used_bytes, int alerted_percent, int64_t now_us);
fallible volume_instance_purge(db *d, const char *id); /* ERR_NOT_FOUND unless it is in the trash */

#endif
