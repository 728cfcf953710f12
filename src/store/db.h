/* SQLite, as the store uses it.
 *
 *     auto_db_stmt *rows = NULL;
 *     TRY(db_query(d, "SELECT name FROM projects WHERE workspace_id = ?1", DB_BIND(db_text(id)),
 * &rows)); for (bool row;;) { TRY(db_step(rows, &row)); if (!row) break; use(db_column_text(rows,
 * 0));
 *     }
 *
 * One connection, used from one thread.  Statements are prepared once and kept, by their text; SQL
 * texts are constants with `?` parameters, never made from what a user wrote.
 *
 * Errors begin with the head of the statement and end with SQLite's message: CONFLICT a constraint
 * is violated, LIMIT the disk is full or a value too large, CORRUPT the file is damaged or no
 * database, BUSY another process holds the lock for longer than DB_BUSY_TIMEOUT_MS, IO the rest.
 * No error contains a bound value. */
#ifndef TRAMWAY_STORE_DB_H
#define TRAMWAY_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vault.h"

typedef struct db db;
typedef struct db_stmt db_stmt;

#define DB_BUSY_TIMEOUT_MS 2000 /* only a backup or an administrator's sqlite3 shares the file */
#define DB_VALUE_BYTES_MAX (64 << 20)
#define DB_CACHED_STATEMENTS_MAX 512

/* Opens or makes the file (mode 0600) with journal_mode=WAL, synchronous=FULL, foreign_keys=ON and
 * trusted_schema=OFF, checking that each took effect.  ":memory:" is for tests.  Almost every
 * caller wants store_open (store/migrate.h), which also brings the tables up to date. */
fallible db_open(const char *path, db **ret_db);
void db_close(db *d); /* accepts NULL; every statement must have been finished */

/* A value for a `?`.  Text and blobs are copied by db_query and db_run. */
struct db_value {
  enum { DB_NULL, DB_INT, DB_TEXT, DB_BLOB } type;
  int64_t number; /* of a blob: its bytes */
  const void *text;
};
static inline struct db_value db_int(int64_t number) {
  return (struct db_value){DB_INT, number, NULL};
}
static inline struct db_value db_text(const char *text) { /* NULL becomes NULL */
  return (struct db_value){text ? DB_TEXT : DB_NULL, 0, text};
}
static inline struct db_value db_blob(const void *data, size_t size) {
  return (struct db_value){DB_BLOB, (int64_t)size, data};
}
static inline struct db_value db_id(const char *id) { /* NULL and "" become NULL */
  return db_text(id && *id ? id : NULL);
}

struct db_values {
  const struct db_value *items;
  size_t len;
};
#define DB_BIND(...)                                                                               \
  ((struct db_values){(const struct db_value[]){__VA_ARGS__},                                      \
                      sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)})
#define DB_NONE ((struct db_values){NULL, 0})

/* Prepares and binds; nothing runs before the first db_step.  `values` are ?1, ?2, … in order and
 * must be as many as the statement has (ERR_INVALID).  Finish with db_finish or `auto_db_stmt`;
 * the same text may be in use more than once at a time. */
fallible db_query(db *d, const char *sql, struct db_values values, db_stmt **ret_stmt);
fallible db_step(db_stmt *s, bool *ret_row);
void db_finish(db_stmt *s); /* accepts NULL */

/* Lets go of the statements that were not used since the last call, and of the pages that are kept of the file. */
void db_trim(db *d);

int db_column_count(const db_stmt *s);
bool db_column_is_null(const db_stmt *s, int column);
bool db_column_is_text(const db_stmt *s, int column);
int64_t db_column_int(const db_stmt *s, int column); /* 0 for NULL */
const void *db_column_blob(const db_stmt *s, int column, size_t *ret_size); /* borrowed like text */
const char *db_column_text(const db_stmt *s,
                           int column); /* borrowed until the next step, or NULL */

/* A statement without rows; `ret_changed` (rows inserted, updated or deleted) may be NULL. */
fallible db_run(db *d, const char *sql, struct db_values values, int64_t *ret_changed);

/* The first column of the first row; NULL or no row gives `otherwise`. */
fallible db_query_int(db *d, const char *sql, struct db_values values, int64_t otherwise,
                      int64_t *ret_number);

/* Several statements, for migrations. */
fallible db_run_script(db *d, const char *sql);

/* Transactions do not nest: db_begin inside one is ERR_CONFLICT.  A function of the store is one
 * statement and so atomic by itself; who needs several to hold together opens a transaction around
 * them:
 *
 *     auto_db_transaction t = {0};
 *     TRY(db_begin(d, &t));
 *     …
 *     return db_commit(&t);
 *
 * Leaving the scope without a commit, or with a failed one, rolls back. */
struct db_transaction {
  db *owner;
};
fallible db_begin(db *d, struct db_transaction *ret_transaction);
fallible db_commit(struct db_transaction *t);
void db_rollback(struct db_transaction *t); /* harmless when there is none open */
bool db_in_transaction(const db *d);

/* In the scope of `auto_db_relaxed r = db_relax(d);` nothing waits for the disk.  What is written
 * survives the end of tramd; a power loss may take it back, until the next write outside of such a
 * scope, which takes it along.  For what is observed anew after a start of the machine.  Inside a
 * transaction it changes nothing. */
struct db_relaxed {
  db *owner;
};
struct db_relaxed db_relax(db *d);
void db_relaxed_end(struct db_relaxed *r);
#define auto_db_relaxed __attribute__((cleanup(db_relaxed_end), unused)) struct db_relaxed

/* The key of its sealed values (store/sealed.h); the database owns it. */
void db_set_vault(db *d, vault *v);
vault *db_vault(const db *d);

/* For tests: the `nth` statement from now on fails with ERR_IO "injected failure" in place of
 * running (BEGIN and COMMIT count, each execution counts once); the others run.  0 takes it back.
 */
void db_fail_after(db *d, int nth);

/* The connection itself, for tests and for backups (sqlite3_backup_init). */
sqlite3 *db_handle(db *d);

static inline void db_stmt_cleanup_(db_stmt **s) {
  db_finish(*s);
}
static inline void db_cleanup_(db **d) {
  db_close(*d);
}
#define auto_db_stmt __attribute__((cleanup(db_stmt_cleanup_))) db_stmt
#define auto_db __attribute__((cleanup(db_cleanup_))) db
#define auto_db_transaction __attribute__((cleanup(db_rollback))) struct db_transaction

#endif
