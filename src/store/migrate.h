/* Brings a database to the tables that this program knows.
 *
 * A migration is a file src/store/migrations/NNNN_words.sql, numbered from 0001 without gaps and
 * embedded in the program.  Each runs once; those that a start finds missing run in one transaction
 * together with their entries in schema_migrations, so a failed upgrade leaves the database as the
 * version before knows it.  An entry keeps a SHA-256 of the text, for a released migration is never
 * edited: a change is a new file.  There is no way back but the copy (store/db_kept.h). */
#ifndef TRAMWAY_STORE_MIGRATE_H
#define TRAMWAY_STORE_MIGRATE_H

#include "store/db.h"

struct migration {
  const char *name; /* "0001_accounts.sql" */
  const char *text;
};

/* `path` is the database's file; NULL: no copy is kept.  ERR_CONFLICT when the database has
 * migrations that are not in the list (a newer Tramway wrote it), ERR_CORRUPT when an applied one
 * was changed, ERR_INVALID when the list has a gap, ERR_LIMIT when there is no room for the copy. */
fallible migrate_run(db *d, const char *path, const struct migration *migrations, size_t count);

/* How many migrations the database has; 0 when it is fresh. */
fallible migrate_version(db *d, int64_t *ret_version);

/* db_open, migrate_run with the embedded migrations, and sealed_open: the way to open the state.  The key
 * of its secrets is the file STORE_KEY_FILE beside it, or `key_path`. */
#define STORE_KEY_FILE "secret.key"
fallible store_open(const char *path, db **ret_db);
fallible store_open_with_key(const char *path, const char *key_path, db **ret_db);

#endif
