/* sealed_open of store/sealed.h: the key, and everything encrypted with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "store/db_kept.h"
#include "store/sealed.h"
#include "store/sealed_internal.h"

enum { BATCH = 256 }; /* rows to a transaction */

struct state {
  bool found, pending, stale;
  char key_id[VAULT_KEY_ID_SIZE];
};

static err *read_state(db *d, struct state *ret_state) {
  auto_db_stmt *s = NULL;
  struct state state = {0};
  TRY(db_query(d, "SELECT key_id, pending, stale FROM secret_state WHERE one = 1", DB_NONE, &s));
  TRY(db_step(s, &state.found));
  if (state.found) {
    snprintf(state.key_id, sizeof state.key_id, "%s", db_column_text(s, 0));
    state.pending = db_column_int(s, 1);
    state.stale = db_column_int(s, 2);
  }
  *ret_state = state;
  return NULL;
}

err *sealed_key_id(db *d, char ret_id[VAULT_KEY_ID_SIZE]) {
  struct state state;
  int64_t has_table;
  ret_id[0] = '\0';
  TRY(db_query_int(d, "SELECT 1 FROM sqlite_schema WHERE name = 'secret_state'", DB_NONE, 0, &has_table));
  if (!has_table) return NULL; /* from before there were keys */
  TRY(read_state(d, &state));
  memcpy(ret_id, state.key_id, VAULT_KEY_ID_SIZE);
  return NULL;
}

/* ---- the key ---- */

static err *missing(err *e, const char *key_path) {
  err_ignore(e);
  return err_new(ERR_NOT_FOUND,
                 "the key file '%s' is missing, and without it nobody can read the variables in the database: put it "
                 "back from your copy (owner root, mode 0600), or restore a backup that has it: tram admin restore "
                 "--force",
                 key_path);
}

static err *check_key(const vault *v, const struct state *state, const char *key_path) {
  if (!state->found || vault_has_key(v, state->key_id)) return NULL;
  return err_new(ERR_CORRUPT,
                 "the key file '%s' is not the one of this database: it has key %s, and key %s is needed; put that one "
                 "back, or restore a backup that has it: tram admin restore --force",
                 key_path, vault_key_id(v), state->key_id);
}

static err *load_key(const char *key_path, const struct state *state, vault **ret_vault) {
  auto_vault *v = NULL;
  err *e = vault_open(key_path, &v);
  if (e && err_code_of(e) == ERR_NOT_FOUND) {
    if (state->found) return missing(e, key_path);
    err_ignore(e);
    e = vault_create(key_path, &v);
  }
  if (e) return e;
  TRY(check_key(v, state, key_path));
  *ret_vault = v;
  v = NULL;
  return NULL;
}

/* ---- encrypting what is not ---- */

struct pass {
  db *d;
  const struct sealed_column *column;
  char *select, *update;
  int64_t after; /* rowid */
  bool more;
};

static void pass_done(struct pass *p) {
  free(p->select);
  free(p->update);
}

/* The context is made by SQL, from the same columns as in sealed.c. */
static void pass_init(struct pass *p, db *d, const struct sealed_column *column) {
  auto_str context = STR_EMPTY;
  str_addf(&context, "'%s.%s'", column->table, column->value);
  for (size_t i = 0; column->identity[i]; i++) str_addf(&context, " || ':' || ifnull(%s, '')", column->identity[i]);
  *p = (struct pass){.d = d, .column = column, .after = INT64_MIN};
  p->select = str_format("SELECT rowid, %s, %s FROM %s WHERE rowid > ?1 ORDER BY rowid LIMIT %d", context.data,
                         column->value, column->table, BATCH);
  auto_free char *format = column->format ? str_format(", %s = 1", column->format) : str_dup("");
  p->update = str_format("UPDATE %s SET %s = ?2%s WHERE rowid = ?1", column->table, column->value, format);
}

static err *seal_row(struct pass *p, db_stmt *s, bool *ret_changed) {
  const vault *v = db_vault(p->d);
  const char *context = db_column_text(s, 1);
  auto_str text = STR_EMPTY, blob = STR_EMPTY;
  size_t len;
  *ret_changed = false;
  if (db_column_is_null(s, 2)) return NULL;
  if (db_column_is_text(s, 2)) {
    str_add(&text, db_column_text(s, 2));
  } else {
    const void *old = db_column_blob(s, 2, &len);
    if (vault_is_current(v, old, len)) return NULL;
    TRY(vault_decrypt(v, context, old, len, &text));
  }
  err *e = vault_encrypt(v, context, text.data, text.len, &blob);
  secret_wipe(text.data, text.len);
  if (!e) e = db_run(p->d, p->update, DB_BIND(db_int(p->after), db_blob(blob.data, blob.len)), NULL);
  *ret_changed = !e;
  return e;
}

static err *seal_rows(struct pass *p, int64_t *changed) {
  auto_db_stmt *s = NULL;
  p->more = false;
  TRY(db_query(p->d, p->select, DB_BIND(db_int(p->after)), &s));
  for (bool row, done;;) {
    TRY(db_step(s, &row));
    if (!row) return NULL;
    p->more = true;
    p->after = db_column_int(s, 0);
    TRY(err_wrap(seal_row(p, s, &done), "'%s', row %lld", p->column->table, (long long)p->after));
    *changed += done;
  }
}

/* Whoever is interrupted behind this knows by `stale` that something is to be cleaned up. */
static err *seal_batch(struct pass *p, int64_t *ret_changed) {
  auto_db_transaction t = {0};
  int64_t changed = 0;
  TRY(db_begin(p->d, &t));
  TRY(seal_rows(p, &changed));
  if (changed) TRY(db_run(p->d, "UPDATE secret_state SET stale = 1 WHERE one = 1", DB_NONE, NULL));
  *ret_changed += changed;
  return db_commit(&t);
}

static err *seal_all(db *d, int64_t *ret_changed) {
  for (size_t i = 0; sealed_columns[i]; i++) {
    struct pass p;
    pass_init(&p, d, sealed_columns[i]);
    err *e;
    do e = seal_batch(&p, ret_changed);
    while (!e && p.more);
    pass_done(&p);
    if (e) return err_wrap(e, "encrypting");
  }
  return db_run(d, "UPDATE secret_state SET key_id = ?1, pending = 0 WHERE one = 1",
                DB_BIND(db_text(vault_key_id(db_vault(d)))), NULL);
}

/* The file is written anew without its free pages, in memory where SQLite needs room of its own, and its log
 * emptied; copies from before upgrades hold the old values for good, so they go. */
static err *clean(db *d, const char *path) {
  int64_t is_busy;
  TRY(db_run_script(d, "PRAGMA temp_store = MEMORY; VACUUM; PRAGMA temp_store = DEFAULT"));
  TRY(db_query_int(d, "PRAGMA wal_checkpoint(TRUNCATE)", DB_NONE, 0, &is_busy));
  if (path) TRY(db_kept_remove(path));
  if (!is_busy) return db_run(d, "UPDATE secret_state SET stale = 0 WHERE one = 1", DB_NONE, NULL);
  log_warn("store", "another program has the database open, so that its log may hold old values until the next start");
  return NULL;
}

err *sealed_open(db *d, const char *path, const char *key_path) {
  struct state state;
  vault *v = NULL;
  int64_t changed = 0;
  TRY(read_state(d, &state));
  if (key_path)
    TRY(load_key(key_path, &state, &v));
  else
    v = vault_new_random();
  db_set_vault(d, v);
  if (!state.found)
    TRY(db_run(d, "INSERT INTO secret_state (one, key_id, pending, stale) VALUES (1, ?1, 1, 0)",
               DB_BIND(db_text(vault_key_id(v))), NULL));
  if (!state.found || state.pending || !str_eq(state.key_id, vault_key_id(v))) TRY(seal_all(d, &changed));
  if (changed) log_info("store", "%lld values were encrypted with key %s", (long long)changed, vault_key_id(v));
  auto_err *e = changed || state.stale ? clean(d, path) : NULL; /* a full disk must not keep apps from their tramd */
  if (e) log_error("store", "old values may be left in free pages of the database until the next start: %s", err_message(e));
  return NULL;
}
