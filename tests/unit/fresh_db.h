/* A database as store_open makes a new one, but copied from one that was made once: the migrations take 14 ms,
 * the copy 0.1, and some tests need a thousand.  Its key is its own. */
#ifndef TRAMWAY_TESTS_FRESH_DB_H
#define TRAMWAY_TESTS_FRESH_DB_H

#include "store/migrate.h"
#include "store/sealed.h"

static inline err *fresh_db_template(db **ret_db) {
  static db *made;
  if (!made) TRY(store_open(":memory:", &made));
  *ret_db = made;
  return db_run(made, "DELETE FROM secret_state", DB_NONE, NULL);
}

/* What is in the empty `d` then is what store_open would find after the migrations. */
static inline err *fresh_db_fill(db *d) {
  db *made;
  TRY(fresh_db_template(&made));
  sqlite3_backup *copy = sqlite3_backup_init(db_handle(d), "main", db_handle(made), "main");
  int result = copy ? sqlite3_backup_step(copy, -1) : SQLITE_ERROR;
  sqlite3_backup_finish(copy);
  return result == SQLITE_DONE ? NULL : err_new(ERR_IO, "copying a database: %s", sqlite3_errstr(result));
}

/* In memory. */
static inline err *fresh_db(db **ret_db) {
  auto_db *d = NULL;
  TRY(db_open(":memory:", &d));
  TRY(fresh_db_fill(d));
  TRY(sealed_open(d, NULL, NULL));
  *ret_db = d;
  d = NULL;
  return NULL;
}

/* In the file `path`, with its key beside it. */
static inline err *fresh_db_file(const char *path, db **ret_db) {
  auto_db *d = NULL;
  TRY(db_open(path, &d));
  TRY(fresh_db_fill(d));
  db_close(d);
  d = NULL;
  return store_open(path, ret_db);
}

#endif
