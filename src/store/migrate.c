#include "store/migrate.h"

#include <string.h>

#include "base/clock.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/log.h"
#include "base/str.h"
#include "store/db_kept.h"
#include "store/sealed.h"

#define FOLDER "src/store/migrations/"
#define DIGITS 4

/* Migrations have numbers 1 … count; `migration` is the one of `number`. */
static err *check_name(const struct migration *migration, size_t number) {
  auto_free char *expected = str_format("%0*zu_", DIGITS, number);
  if (str_starts(migration->name, expected)) return NULL;
  return err_new(ERR_INVALID, "migration '%s': its name must begin with '%s'", migration->name,
                 expected);
}

static void checksum_of(const struct migration *migration, char hex[SHA256_HEX_SIZE]) {
  secret_sha256_hex(migration->text, strlen(migration->text), hex);
}

static err *make_log(db *d) {
  return db_run_script(d, "CREATE TABLE IF NOT EXISTS schema_migrations ("
                          " number INTEGER PRIMARY KEY, name TEXT NOT NULL,"
                          " checksum TEXT NOT NULL, applied_us INTEGER NOT NULL) STRICT");
}

static err *check_applied(db_stmt *row, const struct migration *migrations, size_t count,
                          size_t expected_number) {
  size_t number = (size_t)db_column_int(row, 0);
  const char *name = db_column_text(row, 1);
  if (number != expected_number)
    return err_new(ERR_CORRUPT, "the database lacks migration %zu, but has '%s'", expected_number,
                   name);
  if (number > count)
    return err_new(ERR_CONFLICT,
                   "the database was written by a newer Tramway (migration '%s'): start that "
                   "version, or restore a backup from before the upgrade",
                   name);
  char checksum[SHA256_HEX_SIZE];
  checksum_of(&migrations[number - 1], checksum);
  if (str_eq(db_column_text(row, 2), checksum)) return NULL;
  return err_new(ERR_CORRUPT,
                 "migration '%s' was applied to the database as '%s' with another text: it must "
                 "not be edited; restore the file, and put the change into a new migration",
                 migrations[number - 1].name, name);
}

/* Compares what was applied with what is known; counts it. */
static err *check_log(db *d, const struct migration *migrations, size_t count,
                      size_t *ret_applied) {
  auto_db_stmt *rows = NULL;
  TRY(db_query(d, "SELECT number, name, checksum FROM schema_migrations ORDER BY number", DB_NONE,
               &rows));
  for (size_t applied = 0;; applied++) {
    bool row;
    TRY(db_step(rows, &row));
    if (!row) {
      *ret_applied = applied;
      return NULL;
    }
    TRY(check_applied(rows, migrations, count, applied + 1));
  }
}

static err *apply(db *d, const struct migration *migration, size_t number) {
  char checksum[SHA256_HEX_SIZE];
  checksum_of(migration, checksum);
  TRY(db_run_script(d, migration->text));
  if (!db_in_transaction(d)) return err_new(ERR_INVALID, "it ends the transaction that it runs in");
  return db_run(d, "INSERT INTO schema_migrations VALUES (?1, ?2, ?3, ?4)",
                DB_BIND(db_int((int64_t)number), db_text(migration->name), db_text(checksum),
                        db_int(clock_now_us())),
                NULL);
}

static err *apply_all(db *d, const struct migration *migrations, size_t from, size_t count) {
  auto_db_transaction t = {0};
  TRY(db_begin(d, &t));
  for (size_t i = from; i < count; i++)
    TRY(err_wrap(apply(d, &migrations[i], i + 1), "migration '%s'", migrations[i].name));
  return db_commit(&t);
}

/* The error of an upgrade, with the way back. */
static err *way_back(err *e, const char *path, size_t count) {
  if (!e || !path) return e;
  auto_free char *copy = db_kept_path(path, count);
  auto_err *cause = e;
  return err_new(err_code_of(cause),
                 "%s; the database was left as it was: install the version before again and start it "
                 "(a copy is in '%s')", err_message(cause), copy);
}

err *migrate_run(db *d, const char *path, const struct migration *migrations, size_t count) {
  for (size_t i = 0; i < count; i++)
    TRY(check_name(&migrations[i], i + 1));
  TRY(make_log(d));
  size_t applied;
  TRY(check_log(d, migrations, count, &applied));
  if (applied == count) return NULL;
  if (!applied) return apply_all(d, migrations, applied, count);
  if (path) {
    TRY(err_wrap(db_keep(d, path, count), "before it is upgraded"));
    log_info("store", "upgrading the database from %zu to %zu; what it was is kept as '%s.before-%zu'",
             applied, count, path, count);
  }
  return way_back(apply_all(d, migrations, applied, count), path, count);
}

err *migrate_version(db *d, int64_t *ret_version) {
  return db_query_int(d, "SELECT max(number) FROM schema_migrations", DB_NONE, 0, ret_version);
}

/* The embedded migrations, in order; the names and texts are borrowed from the program itself. */
static struct migration *embedded_migrations(size_t *ret_count) {
  struct migration *migrations = NULL;
  size_t count = 0, capacity = 0;
  for (const struct embedded_file *f = embedded_files; f->name; f++) {
    if (!str_starts(f->name, FOLDER)) continue;
    migrations = mem_grow(migrations, &capacity, count + 1, sizeof *migrations);
    migrations[count++] = (struct migration){f->name + strlen(FOLDER), f->text};
  }
  *ret_count = count;
  return migrations;
}

err *store_open_with_key(const char *path, const char *key_path, db **ret_db) {
  size_t count;
  auto_free struct migration *migrations = embedded_migrations(&count);
  const char *file = str_eq(path, ":memory:") ? NULL : path;
  auto_db *d = NULL;
  TRY(db_open(path, &d));
  TRY(err_wrap(migrate_run(d, file, migrations, count), "database '%s'", path));
  TRY(err_wrap(sealed_open(d, file, file ? key_path : NULL), "database '%s'", path));
  *ret_db = d;
  d = NULL;
  return NULL;
}

err *store_open(const char *path, db **ret_db) {
  const char *slash = strrchr(path, '/');
  auto_free char *folder = slash ? str_ndup(path, (size_t)(slash - path)) : str_dup(".");
  auto_free char *key_path = path_join(folder, STORE_KEY_FILE);
  return store_open_with_key(path, key_path, ret_db);
}
