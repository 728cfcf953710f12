/* Migrations: a fresh database, the same again, one that was tampered with, one that is newer; and
 * that the embedded ones make the tables that the model's structs are kept in. */
#include "store/migrate.h"

#include "house.h"

static const struct migration three[] = {
    {"0001_one.sql", "CREATE TABLE one (a INTEGER) STRICT;"},
    {"0002_two.sql", "CREATE TABLE two (a INTEGER) STRICT; INSERT INTO two VALUES (1);"},
    {"0003_three.sql", "INSERT INTO two VALUES (2);"},
};

static int64_t number_of(db *d, const char *sql) {
  int64_t number;
  must(db_query_int(d, sql, DB_NONE, -1, &number));
  return number;
}

static db *memory(void) {
  db *d;
  must(db_open(":memory:", &d));
  return d;
}

TEST(a_fresh_database_gets_all_and_the_next_start_none) {
  auto_db *d = memory();
  CHECK_OK(migrate_run(d, NULL, three, 3));
  CHECK_OK(migrate_run(d, NULL, three, 3));
  CHECK_INT(number_of(d, "SELECT count(*) FROM schema_migrations"), 3);
  CHECK_INT(number_of(d, "SELECT sum(a) FROM two"), 3);
}

TEST(only_what_is_missing_runs) {
  auto_db *d = memory();
  CHECK_OK(migrate_run(d, NULL, three, 1));
  CHECK_OK(migrate_run(d, NULL, three, 3));
  CHECK_INT(number_of(d, "SELECT sum(a) FROM two"), 3);
}

TEST(an_edited_migration_is_refused) {
  auto_db *d = memory();
  CHECK_OK(migrate_run(d, NULL, three, 3));
  struct migration edited[3];
  memcpy(edited, three, sizeof edited);
  edited[1].text = "CREATE TABLE two (a INTEGER) STRICT; INSERT INTO two VALUES (9);";
  CHECK_ERR(migrate_run(d, NULL, edited, 3), ERR_CORRUPT, "0002_two.sql");
}

TEST(a_newer_database_is_refused) {
  auto_db *d = memory();
  CHECK_OK(migrate_run(d, NULL, three, 3));
  CHECK_ERR(migrate_run(d, NULL, three, 2), ERR_CONFLICT, "newer Tramway (migration '0003_three.sql')");
}

TEST(a_record_with_a_gap_is_corrupt) {
  auto_db *d = memory();
  CHECK_OK(migrate_run(d, NULL, three, 3));
  CHECK_OK(db_run_script(d, "DELETE FROM schema_migrations WHERE number = 2"));
  CHECK_ERR(migrate_run(d, NULL, three, 3), ERR_CORRUPT, "lacks migration 2");
}

TEST(a_list_with_a_gap_is_refused_before_anything_runs) {
  auto_db *d = memory();
  const struct migration gap[] = {three[0], three[2]};
  CHECK_ERR(migrate_run(d, NULL, gap, 2), ERR_INVALID, "must begin with '0002_'");
  CHECK_INT(number_of(d, "SELECT count(*) FROM sqlite_schema"), 0);
}

TEST(a_failing_migration_leaves_no_half) {
  auto_db *d = memory();
  const struct migration bad[] = {three[0],
                                  {"0002_bad.sql", "CREATE TABLE x (a); SELECT nonsense;"}};
  CHECK_OK(migrate_run(d, NULL, three, 1));
  CHECK_ERR(migrate_run(d, NULL, bad, 2), ERR_IO, "migration '0002_bad.sql'");
  CHECK_INT(number_of(d, "SELECT count(*) FROM sqlite_schema WHERE name = 'x'"), 0);
  CHECK_INT(number_of(d, "SELECT max(number) FROM schema_migrations"), 1);
  CHECK_OK(migrate_run(d, NULL, three, 3));
}

TEST(a_migration_must_not_end_its_transaction) {
  auto_db *d = memory();
  const struct migration bad[] = {{"0001_bad.sql", "COMMIT;"}};
  CHECK_ERR(migrate_run(d, NULL, bad, 1), ERR_INVALID, "ends the transaction");
}

TEST(any_failing_statement_leaves_a_database_that_the_next_start_completes) {
  for (int nth = 1; nth <= 10; nth++) {
    auto_db *d = memory();
    db_fail_after(d, nth);
    CHECK_ERR(migrate_run(d, NULL, three, 3), ERR_IO, "injected failure");
    db_fail_after(d, 0);
    CHECK_OK(migrate_run(d, NULL, three, 3));
    CHECK_INT(number_of(d, "SELECT sum(a) FROM two"), 3);
  }
}

TEST(the_embedded_ones_open_twice) {
  auto_house h;
  house_empty(&h);
  auto_db *again = NULL;
  CHECK_OK(store_open(h.path, &again));
  CHECK(number_of(again, "SELECT max(number) FROM schema_migrations") >= 3);
  CHECK_INT(number_of(again, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

TEST(a_newer_file_is_refused_by_name) {
  auto_house h;
  house_empty(&h);
  must(db_run_script(h.d, "INSERT INTO schema_migrations SELECT max(number) + 1, '9999_later.sql',"
                          " 'x', 0 FROM schema_migrations"));
  db *other;
  CHECK_ERR(store_open(h.path, &other), ERR_CONFLICT,
            "state.db': the database was written by a newer");
}

TEST_MAIN
