/* Brings a database to the tables that this program knows.
 *
 * A migration is a file src/store/migrations/NNNN_words.sql, numbered from 0001 without gaps and
 * embedded in the program.  Each runs once, in a transaction together with its entry in
 * schema_migrations; the entry keeps a SHA-256 of the text, for a released migration is never
 * edited: a change is a new file. */
#ifndef TRAMWAY_STORE_MIGRATE_H
#define TRAMWAY_STORE_MIGRATE_H

#include "store/db.h"

struct migration {
  const char *name; /* "0001_accounts.sql" */
  const char *text;
};

/* ERR_CONFLICT when the database has migrations that are not in the list (a newer Tramway wrote
 * it), ERR_CORRUPT when an applied one was changed, ERR_INVALID when the list has a gap.  What was
 * applied before a failing migration stays. */
fallible migrate_run(db *d, const struct migration *migrations, size_t count);

/* db_open and migrate_run with the embedded migrations: the way to open the state. */
fallible store_open(const char *path, db **ret_db);

#endif
