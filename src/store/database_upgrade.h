/* Table: database_upgrades. */
#ifndef TRAMWAY_STORE_DATABASE_UPGRADE_H
#define TRAMWAY_STORE_DATABASE_UPGRADE_H

#include "model/database_upgrade.h"
#include "store/db.h"

/* In the place of the former one of that database. */
fallible database_upgrade_begin(db *d, struct database_upgrade *u);
fallible database_upgrade_find(db *d, const char *environment_id, const char *service_id, bool *ret_found,
                               struct database_upgrade *ret_upgrade);
fallible database_upgrade_list_open(db *d, struct database_upgrade_list *ret_list); /* neither DONE nor FAILED */
/* Its sibling, the copy's volume, status, report and problem. */
fallible database_upgrade_update(db *d, const struct database_upgrade *u, int64_t now_us);

#endif
