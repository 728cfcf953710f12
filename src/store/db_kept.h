/* Copies of the database from before upgrades: `<database>.before-<number>` is what it was before
 * the migrations up to <number> ran.  The newest DB_KEPT_MAX stay. */
#ifndef TRAMWAY_STORE_DB_KEPT_H
#define TRAMWAY_STORE_DB_KEPT_H

#include "store/db.h"

#define DB_KEPT_MAX 3

/* Its name; the caller owns it. */
char *db_kept_path(const char *path, size_t number);

/* Makes the copy of `d`, whose file is `path`, and removes the oldest beyond the limit. */
fallible db_keep(db *d, const char *path, size_t number);

/* Removes all copies. */
fallible db_kept_remove(const char *path);

#endif
