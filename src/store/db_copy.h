/* A consistent copy of a whole database while it is in use. */
#ifndef TRAMWAY_STORE_DB_COPY_H
#define TRAMWAY_STORE_DB_COPY_H

#include "store/db.h"

#define DB_COPY_RESERVE_BYTES (16LL << 20) /* stays free beside the copy, for the database's own log */

/* Writes the copy to `path` (mode 0600), in place of what is there: whole or not at all.  ERR_LIMIT
 * when the file system has no room for it.  Not inside a transaction.  Blocking: seconds for a
 * database of a gigabyte. */
fallible db_copy(db *d, const char *path);

#endif
