/* Table: database_upgrades.  A row outlives its service: what was made for it may still be there. */
#ifndef TRAMWAY_STORE_DATABASE_UPGRADE_H
#define TRAMWAY_STORE_DATABASE_UPGRADE_H

#include "model/database_upgrade.h"
#include "store/db.h"

/* In the place of the former one of that database. */
fallible database_upgrade_begin(db *d, struct database_upgrade *u);
fallible database_upgrade_find(db *d, const char *environment_id, const char *service_id, bool *ret_found,
                               struct database_upgrade *ret_upgrade);
/* One that is DONE, of whoever had that volume before. */
fallible database_upgrade_find_by_former_volume(db *d, const char *volume_instance_id, bool *ret_found,
                                                struct database_upgrade *ret_upgrade);
fallible database_upgrade_list_open(db *d, struct database_upgrade_list *ret_list); /* under way */
/* Sibling, deployment, the copy's volume, status, report, problem, frozen_us. */
fallible database_upgrade_update(db *d, const struct database_upgrade *u, int64_t now_us);
fallible database_upgrade_delete(db *d, const char *id);
fallible database_upgrade_forget(db *d); /* those that are over, of services and environments that are no more */

#endif
