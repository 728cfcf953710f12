/* The database layer by itself: values, errors by code, transactions, injected failures. */
#include "store/db.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "house.h"

/* An empty database with one table. */
static void open_pairs(struct house *h) {
  house_empty(h);
  must(db_run_script(h->d,
                     "CREATE TABLE pairs (k TEXT PRIMARY KEY, v INTEGER NOT NULL CHECK (v < 100),"
                     " parent TEXT REFERENCES pairs(k)) STRICT"));
}

static fallible put(db *d, const char *k, int64_t v) {
  return db_run(d, "INSERT INTO pairs (k, v) VALUES (?1, ?2)", DB_BIND(db_text(k), db_int(v)),
                NULL);
}

static int64_t count(db *d) {
  int64_t number;
  must(db_query_int(d, "SELECT count(*) FROM pairs INDEXED BY sqlite_autoindex_pairs_1", DB_NONE, 0,
                    &number));
  return number;
}

TEST(values_come_back_as_they_went_in) {
  auto_house h;
  open_pairs(&h);
  auto_db_stmt *s = NULL;
  CHECK_OK(db_query(h.d, "SELECT ?1, ?2, ?3, ?4",
                    DB_BIND(db_int(INT64_MIN), db_text("grüße"), db_text(NULL), db_id("")), &s));
  bool row;
  CHECK_OK(db_step(s, &row));
  CHECK(row);
  CHECK_INT(db_column_count(s), 4);
  CHECK_INT(db_column_int(s, 0), INT64_MIN);
  CHECK_TEXT(db_column_text(s, 1), "grüße");
  CHECK(db_column_is_null(s, 2));
  CHECK(db_column_is_null(s, 3));
  CHECK(db_column_is_text(s, 1) && !db_column_is_text(s, 0));
  CHECK_OK(db_step(s, &row));
  CHECK(!row);
}

TEST(one_text_can_be_in_use_twice) {
  auto_house h;
  open_pairs(&h);
  must(put(h.d, "a", 1));
  must(put(h.d, "b", 2));
  auto_db_stmt *outer = NULL, *inner = NULL;
  const char *sql = "SELECT v FROM pairs WHERE k >= ?1 ORDER BY k";
  bool row;
  CHECK_OK(db_query(h.d, sql, DB_BIND(db_text("a")), &outer));
  CHECK_OK(db_step(outer, &row));
  CHECK_OK(db_query(h.d, sql, DB_BIND(db_text("b")), &inner));
  CHECK_OK(db_step(inner, &row));
  CHECK_INT(db_column_int(inner, 0), 2);
  CHECK_INT(db_column_int(outer, 0), 1);
  CHECK_OK(db_step(outer, &row));
  CHECK_INT(db_column_int(outer, 0), 2);
}

TEST(more_texts_than_are_kept_work_too) {
  auto_house h;
  open_pairs(&h);
  for (int i = 0; i < DB_CACHED_STATEMENTS_MAX + 50; i++) {
    auto_free char *sql = str_format("SELECT %d", i);
    int64_t number;
    CHECK_OK(db_query_int(h.d, sql, DB_NONE, -1, &number));
    CHECK_INT(number, i);
  }
}

TEST(what_is_not_used_is_let_go_of_and_made_anew) {
  auto_house h;
  open_pairs(&h);
  CHECK_OK(put(h.d, "a", 1));
  auto_db_stmt *rows = NULL;
  bool row;
  CHECK_OK(db_query(h.d, "SELECT v FROM pairs WHERE k = ?1", DB_BIND(db_text("a")), &rows));
  CHECK_OK(db_step(rows, &row));
  int before;
  CHECK_INT(sqlite3_db_status(db_handle(h.d), SQLITE_DBSTATUS_STMT_USED, &before, &(int){0}, 0), SQLITE_OK);
  for (int i = 0; i < 3; i++) db_trim(h.d);
  int after;
  CHECK_INT(sqlite3_db_status(db_handle(h.d), SQLITE_DBSTATUS_STMT_USED, &after, &(int){0}, 0), SQLITE_OK);
  CHECK(after < before);
  CHECK_INT(db_column_int(rows, 0), 1); /* what is in use stays */
  CHECK_OK(db_step(rows, &row));
  CHECK(!row);
  CHECK_OK(put(h.d, "b", 2));
  CHECK_INT(count(h.d), 2);
}

TEST(constraints_are_conflicts_and_name_the_statement) {
  auto_house h;
  open_pairs(&h);
  must(put(h.d, "a", 1));
  CHECK_ERR(put(h.d, "a", 2), ERR_CONFLICT, "INSERT INTO pairs (k, v) VALUES (?1, ?2): UNIQUE");
  CHECK_ERR(put(h.d, "b", 100), ERR_CONFLICT, "CHECK constraint failed");
  CHECK_ERR(db_run(h.d, "INSERT INTO pairs VALUES ('c', 1, 'nobody')", DB_NONE, NULL), ERR_CONFLICT,
            "FOREIGN KEY");
  CHECK_ERR(db_run(h.d, "INSERT INTO pairs (k, v) VALUES ('d', 'text')", DB_NONE, NULL),
            ERR_CONFLICT, "cannot store TEXT value in INTEGER column");
  CHECK_INT(count(h.d), 1);
}

TEST(an_error_holds_no_value) {
  auto_house h;
  open_pairs(&h);
  must(put(h.d, "hunter2", 1));
  err *e = put(h.d, "hunter2", 1);
  CHECK(e && !strstr(err_message(e), "hunter2"));
  err_free(e);
}

TEST(the_number_of_values_must_fit) {
  auto_house h;
  open_pairs(&h);
  CHECK_ERR(db_run(h.d, "SELECT ?1, ?2", DB_BIND(db_int(1)), NULL), ERR_INVALID,
            "1 values for 2 parameters");
  CHECK_ERR(db_run(h.d, "SELECT 1", DB_BIND(db_int(1)), NULL), ERR_INVALID, "");
}

TEST(wrong_sql_is_an_error_with_a_short_head) {
  auto_house h;
  open_pairs(&h);
  CHECK_ERR(db_run(h.d, "SELECT\n    a   FROM nowhere", DB_NONE, NULL), ERR_IO,
            "SELECT a FROM nowhere: no such table");
  auto_free char *long_name = mem_zalloc(1000);
  memset(long_name, 'x', 999);
  err *e = db_run(h.d, long_name, DB_NONE, NULL);
  CHECK(e && strstr(err_message(e), "x…: "));
  err_free(e);
}

TEST(a_full_disk_is_a_limit) {
  auto_house h;
  open_pairs(&h);
  CHECK_OK(db_run_script(h.d, "PRAGMA max_page_count = 1"));
  err *e = NULL;
  for (int i = 0; !e && i < 100; i++) {
    char key[1001];
    snprintf(key, sizeof key, "%01000d", i);
    e = put(h.d, key, 1);
  }
  CHECK(e);
  CHECK_INT(err_code_of(e), ERR_LIMIT);
  err_free(e);
}

TEST(a_too_large_value_is_a_limit) {
  auto_house h;
  open_pairs(&h);
  sqlite3_limit(db_handle(h.d), SQLITE_LIMIT_LENGTH, 1000);
  auto_free char *large = mem_zalloc(2000);
  memset(large, 'x', 1999);
  CHECK_ERR(put(h.d, large, 1), ERR_LIMIT, "too big");
}

TEST(what_is_no_database_is_corrupt) {
  auto_house h;
  house_empty(&h);
  auto_free char *path = path_join(h.folder, "other.db");
  auto_free char *noise = mem_zalloc(8192);
  memset(noise, 'n', 8192);
  must(file_write(path, noise, 8192, 0600));
  db *other;
  CHECK_ERR(db_open(path, &other), ERR_CORRUPT, "other.db");
  CHECK_ERR(store_open(path, &other), ERR_CORRUPT, "not a database");
}

TEST(a_damaged_page_is_corrupt) {
  auto_house h;
  house_empty(&h);
  auto_free char *path = path_join(h.folder, "plain.db");
  db *d;
  must(db_open(path, &d));
  must(db_run_script(d, "CREATE TABLE pairs (k TEXT PRIMARY KEY, v INTEGER) STRICT"));
  for (int i = 0; i < 1000; i++) {
    char key[40];
    snprintf(key, sizeof key, "key %d", i);
    must(put(d, key, 1));
  }
  db_close(d); /* checkpoints: all is in the file itself */
  struct stat info;
  CHECK(stat(path, &info) == 0);
  auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);
  char noise[4096];
  memset(noise, 0xee, sizeof noise);
  for (off_t at = 4096; at < info.st_size; at += 4096) /* page 1 is the schema */
    CHECK(pwrite(fd, noise, sizeof noise, at) == (ssize_t)sizeof noise);
  CHECK_OK(db_open(path, &d));
  int64_t number;
  CHECK_ERR(db_query_int(d, "SELECT sum(v) FROM pairs", DB_NONE, 0, &number), ERR_CORRUPT,
            "malformed");
  db_close(d);
}

TEST(a_held_lock_is_busy) {
  auto_house h;
  open_pairs(&h);
  auto_db *other = NULL;
  CHECK_OK(db_open(h.path, &other));
  sqlite3_busy_timeout(db_handle(other), 1);
  auto_db_transaction ours = {0}, theirs = {0};
  CHECK_OK(db_begin(h.d, &ours));
  CHECK_ERR(db_begin(other, &theirs), ERR_BUSY, "BEGIN IMMEDIATE: database is locked");
  CHECK(!db_in_transaction(other));
}

TEST(the_file_is_private) {
  auto_house h;
  open_pairs(&h);
  auto_free char *wal = str_format("%s-wal", h.path);
  struct stat info;
  CHECK(stat(h.path, &info) == 0);
  CHECK_INT(info.st_mode & 0777, 0600);
  CHECK(stat(wal, &info) == 0);
  CHECK_INT(info.st_mode & 0777, 0600);
}

TEST(a_folder_that_is_not_there_is_an_error) {
  db *d;
  CHECK_ERR(db_open("/nonexistent/state.db", &d), ERR_NOT_FOUND, "/nonexistent/state.db");
}

TEST(settings_of_the_connection_took_effect) {
  auto_house h;
  open_pairs(&h);
  static const struct {
    const char *pragma;
    int64_t value;
  } rows[] = {{"PRAGMA synchronous", 2}, {"PRAGMA foreign_keys", 1}, {"PRAGMA trusted_schema", 0}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    int64_t value;
    CHECK_OK(db_query_int(h.d, rows[i].pragma, DB_NONE, -1, &value));
    CHECK_INT(value, rows[i].value);
  }
}

TEST(a_database_in_memory_is_for_tests) {
  auto_db *d = NULL;
  CHECK_OK(store_open(":memory:", &d));
}

/* --- transactions --- */

static fallible put_two(db *d, const char *a, const char *b) {
  auto_db_transaction t = {0};
  TRY(db_begin(d, &t));
  TRY(put(d, a, 1));
  TRY(put(d, b, 2));
  return db_commit(&t);
}

TEST(a_transaction_is_all_or_nothing) {
  auto_house h;
  open_pairs(&h);
  CHECK_OK(put_two(h.d, "a", "b"));
  CHECK_INT(count(h.d), 2);
  CHECK_ERR(put_two(h.d, "c", "a"), ERR_CONFLICT, "UNIQUE");
  CHECK_INT(count(h.d), 2);
  CHECK(!db_in_transaction(h.d));
}

TEST(transactions_do_not_nest) {
  auto_house h;
  open_pairs(&h);
  auto_db_transaction outer = {0}, inner = {0};
  CHECK_OK(db_begin(h.d, &outer));
  CHECK_ERR(db_begin(h.d, &inner), ERR_CONFLICT, "do not nest");
  db_rollback(&inner); /* was never begun: must not end the outer one */
  CHECK(db_in_transaction(h.d));
  CHECK_OK(db_commit(&outer));
  CHECK_ERR(db_commit(&outer), ERR_CONFLICT, "no transaction is open");
}

TEST(any_failing_statement_undoes_the_transaction) {
  auto_house h;
  open_pairs(&h);
  enum { STATEMENTS = 4 }; /* BEGIN, two INSERTs, COMMIT */
  for (int nth = 1; nth <= STATEMENTS; nth++) {
    db_fail_after(h.d, nth);
    CHECK_ERR(put_two(h.d, "a", "b"), ERR_IO, "injected failure");
    CHECK(!db_in_transaction(h.d));
    CHECK_INT(count(h.d), 0);
  }
  db_fail_after(h.d, STATEMENTS + 1);
  CHECK_OK(put_two(h.d, "a", "b"));
  db_fail_after(h.d, 0);
  CHECK_INT(count(h.d), 2);
}

TEST(a_failing_script_is_injected_too) {
  auto_house h;
  open_pairs(&h);
  db_fail_after(h.d, 1);
  CHECK_ERR(db_run_script(h.d, "SELECT 1"), ERR_IO, "SELECT 1: injected failure");
  CHECK_OK(db_run_script(h.d, "SELECT 1"));
}

static int64_t synchronous(db *d) {
  int64_t level;
  must(db_query_int(d, "PRAGMA synchronous", DB_NONE, -1, &level));
  return level;
}

TEST(only_in_a_relaxed_scope_nothing_waits_for_the_disk) {
  enum { NORMAL = 1, FULL = 2 };
  auto_house h;
  open_pairs(&h);
  CHECK_INT(synchronous(h.d), FULL);
  {
    auto_db_relaxed relaxed = db_relax(h.d);
    CHECK_INT(synchronous(h.d), NORMAL);
    must(put(h.d, "a", 1));
  }
  CHECK_INT(synchronous(h.d), FULL);
  {
    auto_db_transaction t = {0};
    must(db_begin(h.d, &t));
    auto_db_relaxed relaxed = db_relax(h.d);
    CHECK_INT(synchronous(h.d), FULL);
    must(put(h.d, "b", 2));
    must(db_commit(&t));
  }
  CHECK_INT(synchronous(h.d), FULL);
  CHECK_INT(count(h.d), 2);
}

TEST(changed_rows_are_counted) {
  auto_house h;
  open_pairs(&h);
  must(put_two(h.d, "a", "b"));
  int64_t changed;
  CHECK_OK(db_run(h.d, "UPDATE pairs SET v = 5 WHERE k >= ?1", DB_BIND(db_text("a")), &changed));
  CHECK_INT(changed, 2);
  CHECK_OK(db_run(h.d, "UPDATE pairs SET v = 5 WHERE k = ?1", DB_BIND(db_text("z")), &changed));
  CHECK_INT(changed, 0);
}

TEST_MAIN
