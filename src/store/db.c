#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

struct db {
  sqlite3 *handle;
  map *statements; /* SQL text → db_stmt that is kept */
  vault *vault;    /* NULL before sealed_open */
  int fail_after;  /* statements until the injected failure; 0: none */
};

struct db_stmt {
  db *owner;
  sqlite3_stmt *handle;
  bool kept; /* in owner->statements; otherwise it ends with db_finish */
  bool in_use;
  bool used;    /* since the last db_trim */
  bool started; /* stepped since it was bound */
};

/* --- errors --- */

static enum err_code code_of(int result) {
  switch (result & 0xff) {
  case SQLITE_CONSTRAINT:
    return ERR_CONFLICT;
  case SQLITE_FULL:
  case SQLITE_TOOBIG:
    return ERR_LIMIT;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return ERR_CORRUPT;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return ERR_BUSY;
  default:
    return ERR_IO;
  }
}

/* The head of a statement, on one line. */
static char *head_of(const char *sql) {
  enum { HEAD_LEN = 72 };
  auto_str head = STR_EMPTY;
  for (; *sql && head.len < HEAD_LEN; sql++) {
    bool space = *sql == ' ' || *sql == '\n' || *sql == '\t';
    if (!space)
      str_add_char(&head, *sql);
    else if (head.len && head.data[head.len - 1] != ' ')
      str_add_char(&head, ' ');
  }
  if (*sql) str_add(&head, "…");
  return str_take(&head);
}

static err *failed(const db *d, int result, const char *sql) {
  auto_free char *head = head_of(sql);
  return err_new(code_of(result), "database: %s: %s", head, sqlite3_errmsg(d->handle));
}

/* Whether the failure that a test has ordered is due. */
static bool injected(db *d) {
  return d->fail_after > 0 && --d->fail_after == 0;
}

static err *injected_failure(const char *sql) {
  auto_free char *head = head_of(sql);
  return err_new(ERR_IO, "database: %s: injected failure", head);
}

void db_fail_after(db *d, int nth) {
  d->fail_after = nth;
}

/* --- opening --- */

/* SQLite would make the file readable by everybody; its journals take the file's mode.  O_EXCL:
 * opening and closing a database file that this process has open would drop SQLite's locks. */
static err *make_private(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno != EEXIST) return err_errno(errno, "making the database '%s'", path);
  if (fd >= 0) close(fd);
  return NULL;
}

static err *set_pragma(db *d, const char *set, const char *get, const char *expected) {
  auto_db_stmt *s = NULL;
  bool row;
  TRY(db_run_script(d, set));
  TRY(db_query(d, get, DB_NONE, &s));
  TRY(db_step(s, &row));
  const char *value = row ? db_column_text(s, 0) : "";
  if (str_eq(value, expected)) return NULL;
  return err_new(ERR_IO, "database: '%s' has no effect: it is '%s', not '%s'", set, value,
                 expected);
}

static err *configure(db *d, bool in_memory) {
  sqlite3_extended_result_codes(d->handle, 1);
  sqlite3_busy_timeout(d->handle, DB_BUSY_TIMEOUT_MS);
  sqlite3_limit(d->handle, SQLITE_LIMIT_LENGTH, DB_VALUE_BYTES_MAX);
  sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  TRY(set_pragma(d, "PRAGMA trusted_schema = OFF", "PRAGMA trusted_schema", "0"));
  TRY(set_pragma(d, "PRAGMA journal_mode = WAL", "PRAGMA journal_mode",
                 in_memory ? "memory" : "wal"));
  TRY(set_pragma(d, "PRAGMA synchronous = FULL", "PRAGMA synchronous", "2"));
  return set_pragma(d, "PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", "1");
}

err *db_open(const char *path, db **ret_db) {
  bool in_memory = str_eq(path, ":memory:");
  if (!in_memory) TRY(make_private(path));
  auto_db *d = mem_zalloc(sizeof *d);
  d->statements = map_new();
  int result = sqlite3_open_v2(path, &d->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (result != SQLITE_OK)
    return err_new(code_of(result), "opening the database '%s': %s", path,
                   d->handle ? sqlite3_errmsg(d->handle) : sqlite3_errstr(result));
  TRY(err_wrap(configure(d, in_memory), "opening '%s'", path));
  *ret_db = d;
  d = NULL;
  return NULL;
}

static void stmt_free(db_stmt *s) {
  sqlite3_finalize(s->handle);
  free(s);
}

void db_close(db *d) {
  if (!d) return;
  const char *sql;
  void *statement;
  for (size_t cursor = 0; map_next(d->statements, &cursor, &sql, &statement);)
    stmt_free(statement);
  map_free(d->statements);
  vault_free(d->vault);
  sqlite3_close_v2(d->handle);
  free(d);
}

void db_set_vault(db *d, vault *v) {
  vault_free(d->vault);
  d->vault = v;
}

vault *db_vault(const db *d) {
  if (!d->vault) abort(); /* a database that was opened without its secrets */
  return d->vault;
}

sqlite3 *db_handle(db *d) {
  return d->handle;
}

/* --- statements --- */

static err *prepare(db *d, const char *sql, db_stmt **ret_stmt) {
  db_stmt *kept = map_get(d->statements, sql);
  if (kept && !kept->in_use) {
    kept->in_use = kept->used = true;
    *ret_stmt = kept;
    return NULL;
  }
  sqlite3_stmt *handle;
  int result = sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
  if (result != SQLITE_OK) return failed(d, result, sql);
  db_stmt *s = mem_zalloc(sizeof *s);
  *s = (db_stmt){.owner = d, .handle = handle, .in_use = true, .used = true};
  s->kept = !kept && map_len(d->statements) < DB_CACHED_STATEMENTS_MAX;
  if (s->kept) map_set(d->statements, sql, s);
  *ret_stmt = s;
  return NULL;
}

static int bind(sqlite3_stmt *handle, int index, const struct db_value *value) {
  switch (value->type) {
  case DB_TEXT:
    return sqlite3_bind_text(handle, index, value->text, -1, SQLITE_TRANSIENT);
  case DB_BLOB:
    return sqlite3_bind_blob64(handle, index, value->text, (sqlite3_uint64)value->number, SQLITE_TRANSIENT);
  case DB_INT:
    return sqlite3_bind_int64(handle, index, value->number);
  case DB_NULL:
    break;
  }
  return sqlite3_bind_null(handle, index);
}

static err *bind_all(db_stmt *s, const char *sql, struct db_values values) {
  int wanted = sqlite3_bind_parameter_count(s->handle);
  if ((size_t)wanted != values.len) {
    auto_free char *head = head_of(sql);
    return err_new(ERR_INVALID, "database: %s: %zu values for %d parameters", head, values.len,
                   wanted);
  }
  for (int i = 0; i < wanted; i++) {
    int result = bind(s->handle, i + 1, &values.items[i]);
    if (result != SQLITE_OK) return failed(s->owner, result, sql);
  }
  return NULL;
}

err *db_query(db *d, const char *sql, struct db_values values, db_stmt **ret_stmt) {
  auto_db_stmt *s = NULL;
  TRY(prepare(d, sql, &s));
  TRY(bind_all(s, sql, values));
  *ret_stmt = s;
  s = NULL;
  return NULL;
}

err *db_step(db_stmt *s, bool *ret_row) {
  const char *sql = sqlite3_sql(s->handle);
  if (!s->started && injected(s->owner)) return injected_failure(sql);
  s->started = true;
  int result = sqlite3_step(s->handle);
  if (result != SQLITE_ROW && result != SQLITE_DONE) return failed(s->owner, result, sql);
  *ret_row = result == SQLITE_ROW;
  return NULL;
}

void db_finish(db_stmt *s) {
  if (!s) return;
  if (!s->kept) {
    stmt_free(s);
    return;
  }
  sqlite3_reset(s->handle); /* repeats the error of the step, which was reported then */
  sqlite3_clear_bindings(s->handle);
  s->in_use = s->started = false;
}

void db_trim(db *d) {
  auto_strv unused = STRV_EMPTY;
  const char *sql;
  void *value;
  for (size_t cursor = 0; map_next(d->statements, &cursor, &sql, &value);) {
    db_stmt *s = value;
    if (!s->in_use && !s->used) strv_add(&unused, sql);
    s->used = false;
  }
  for (size_t i = 0; i < unused.len; i++) stmt_free(map_remove(d->statements, unused.items[i]));
  sqlite3_db_release_memory(d->handle);
}

int db_column_count(const db_stmt *s) {
  return sqlite3_column_count(s->handle);
}

bool db_column_is_null(const db_stmt *s, int column) {
  return sqlite3_column_type(s->handle, column) == SQLITE_NULL;
}

bool db_column_is_text(const db_stmt *s, int column) {
  return sqlite3_column_type(s->handle, column) == SQLITE_TEXT;
}

int64_t db_column_int(const db_stmt *s, int column) {
  return sqlite3_column_int64(s->handle, column);
}

const char *db_column_text(const db_stmt *s, int column) {
  return (const char *)sqlite3_column_text(s->handle, column);
}

const void *db_column_blob(const db_stmt *s, int column, size_t *ret_size) {
  const void *blob = sqlite3_column_blob(s->handle, column);
  *ret_size = (size_t)sqlite3_column_bytes(s->handle, column);
  return blob;
}

err *db_run(db *d, const char *sql, struct db_values values, int64_t *ret_changed) {
  auto_db_stmt *s = NULL;
  TRY(db_query(d, sql, values, &s));
  bool row;
  TRY(db_step(s, &row));
  if (ret_changed) *ret_changed = sqlite3_changes64(d->handle);
  return NULL;
}

err *db_query_int(db *d, const char *sql, struct db_values values, int64_t otherwise,
                  int64_t *ret_number) {
  auto_db_stmt *s = NULL;
  TRY(db_query(d, sql, values, &s));
  bool row;
  TRY(db_step(s, &row));
  *ret_number = row && !db_column_is_null(s, 0) ? db_column_int(s, 0) : otherwise;
  return NULL;
}

err *db_run_script(db *d, const char *sql) {
  if (injected(d)) return injected_failure(sql);
  int result = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
  return result == SQLITE_OK ? NULL : failed(d, result, sql);
}

/* --- transactions --- */

static void set_synchronous(db *d, const char *pragma) {
  if (sqlite3_exec(d->handle, pragma, NULL, NULL, NULL) != SQLITE_OK)
    log_error("database", "%s: %s", pragma, sqlite3_errmsg(d->handle));
}

struct db_relaxed db_relax(db *d) {
  if (db_in_transaction(d)) return (struct db_relaxed){NULL};
  set_synchronous(d, "PRAGMA synchronous = NORMAL");
  return (struct db_relaxed){d};
}

void db_relaxed_end(struct db_relaxed *r) {
  if (r->owner) set_synchronous(r->owner, "PRAGMA synchronous = FULL");
  r->owner = NULL;
}

bool db_in_transaction(const db *d) {
  return !sqlite3_get_autocommit(d->handle);
}

err *db_begin(db *d, struct db_transaction *ret_transaction) {
  if (db_in_transaction(d))
    return err_new(ERR_CONFLICT, "database: a transaction is open already; they do not nest");
  /* IMMEDIATE: waits for the lock here, so that no later statement can fail for want of it. */
  TRY(db_run(d, "BEGIN IMMEDIATE", DB_NONE, NULL));
  ret_transaction->owner = d;
  return NULL;
}

err *db_commit(struct db_transaction *t) {
  if (!t->owner) return err_new(ERR_CONFLICT, "database: no transaction is open");
  TRY(db_run(t->owner, "COMMIT", DB_NONE, NULL));
  t->owner = NULL;
  return NULL;
}

void db_rollback(struct db_transaction *t) {
  /* SQLite itself rolls back on a full disk and the like: then there is none open. */
  if (t->owner && db_in_transaction(t->owner))
    sqlite3_exec(t->owner->handle, "ROLLBACK", NULL, NULL, NULL);
  t->owner = NULL;
}
