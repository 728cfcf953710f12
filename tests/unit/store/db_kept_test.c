/* What an upgrade keeps: a copy of the database from before, the newest few, and the database itself
 * when it fails. */
#include "store/db_kept.h"

#include <dirent.h>
#include <sys/stat.h>

#include "house.h"
#include "store/db_copy.h"

static const struct migration steps[] = {
    {"0001_one.sql", "CREATE TABLE one (a INTEGER) STRICT; INSERT INTO one VALUES (1);"},
    {"0002_two.sql", "UPDATE one SET a = 2;"},
    {"0003_three.sql", "UPDATE one SET a = 3;"},
    {"0004_four.sql", "UPDATE one SET a = 4;"},
    {"0005_five.sql", "UPDATE one SET a = 5;"},
    {"0006_six.sql", "UPDATE one SET a = 6;"},
};

struct place {
  char *folder, *path;
  db *d;
};

static void place_open(struct place *p) {
  char folder[] = "/tmp/tramway-kept-XXXXXX";
  if (!mkdtemp(folder)) abort();
  *p = (struct place){str_dup(folder), path_join(folder, "state.db"), NULL};
  must(db_open(p->path, &p->d));
}

static void place_close(struct place *p) {
  db_close(p->d);
  err_ignore(file_remove_tree(p->folder));
  free(p->folder);
  free(p->path);
}
#define auto_place __attribute__((cleanup(place_close))) struct place

static int64_t value_in(db *d) {
  int64_t value;
  must(db_query_int(d, "SELECT a FROM one", DB_NONE, -1, &value));
  return value;
}

static int64_t value_kept(const struct place *p, size_t number) {
  auto_free char *path = db_kept_path(p->path, number);
  auto_db *copy = NULL;
  if (!file_exists(path)) return -1;
  must(db_open(path, &copy));
  return value_in(copy);
}

TEST(a_fresh_database_has_nothing_worth_keeping) {
  auto_place p;
  place_open(&p);
  CHECK_OK(migrate_run(p.d, p.path, steps, 3));
  CHECK_INT(value_kept(&p, 3), -1);
}

TEST(an_upgrade_keeps_what_was_there_for_root_alone) {
  auto_place p;
  struct stat info;
  place_open(&p);
  CHECK_OK(migrate_run(p.d, p.path, steps, 1));
  CHECK_OK(migrate_run(p.d, p.path, steps, 3));
  CHECK_INT(value_in(p.d), 3);
  CHECK_INT(value_kept(&p, 3), 1);
  auto_free char *path = db_kept_path(p.path, 3);
  CHECK(stat(path, &info) == 0);
  CHECK_INT(info.st_mode & 0777, 0600);
  CHECK_OK(migrate_run(p.d, p.path, steps, 3)); /* nothing to do, nothing kept */
  CHECK_INT(value_kept(&p, 3), 1);
}

TEST(the_newest_three_stay) {
  auto_place p;
  place_open(&p);
  for (size_t count = 1; count <= ARRAY_LEN(steps); count++)
    CHECK_OK(migrate_run(p.d, p.path, steps, count));
  CHECK_INT(value_kept(&p, 2), -1);
  CHECK_INT(value_kept(&p, 3), -1);
  CHECK_INT(value_kept(&p, 4), 3);
  CHECK_INT(value_kept(&p, 5), 4);
  CHECK_INT(value_kept(&p, 6), 5);
}

TEST(a_failed_upgrade_leaves_the_database_as_the_version_before_knows_it) {
  auto_place p;
  place_open(&p);
  const struct migration bad[] = {steps[0], steps[1], {"0003_bad.sql", "SELECT nonsense;"}};
  CHECK_OK(migrate_run(p.d, p.path, steps, 1));
  CHECK_ERR(migrate_run(p.d, p.path, bad, 3), ERR_IO, "state.db.before-3'");
  CHECK_ERR(migrate_run(p.d, p.path, bad, 3), ERR_IO, "install the version before again");
  CHECK_INT(value_in(p.d), 1);
  CHECK_OK(migrate_run(p.d, p.path, steps, 1));
  int64_t version;
  CHECK_OK(migrate_version(p.d, &version));
  CHECK_INT(version, 1);
}

TEST(without_a_copy_there_is_no_upgrade) {
  auto_place p;
  place_open(&p);
  CHECK_OK(migrate_run(p.d, p.path, steps, 1));
  CHECK_ERR(migrate_run(p.d, "/proc/state.db", steps, 3), ERR_LIMIT, "before it is upgraded");
  CHECK_INT(value_in(p.d), 1);
}

TEST(any_failing_statement_leaves_old_or_new) {
  for (int nth = 1; nth <= 13; nth++) {
    auto_place p;
    place_open(&p);
    CHECK_OK(migrate_run(p.d, p.path, steps, 1));
    db_fail_after(p.d, nth);
    auto_err *e = migrate_run(p.d, p.path, steps, 3);
    db_fail_after(p.d, 0);
    CHECK_INT(value_in(p.d), e ? 1 : 3);
    CHECK_OK(migrate_run(p.d, p.path, steps, 3));
    CHECK_INT(value_in(p.d), 3);
    auto_free char *unfinished = str_format("%s.before-3.new", p.path);
    CHECK(!file_exists(unfinished));
  }
}

TEST(a_copy_needs_room) {
  auto_place p;
  place_open(&p);
  CHECK_ERR(db_copy(p.d, "/proc/copy.db"), ERR_LIMIT, "in '/proc', and there are 0: free some");
}

TEST(a_copy_is_made_while_another_connection_writes) {
  auto_place p;
  auto_db *other = NULL;
  place_open(&p);
  CHECK_OK(migrate_run(p.d, NULL, steps, 2));
  CHECK_OK(db_open(p.path, &other));
  auto_db_transaction t = {0};
  CHECK_OK(db_begin(p.d, &t));
  CHECK_OK(db_run_script(p.d, "UPDATE one SET a = 99"));
  auto_free char *path = path_join(p.folder, "copy.db");
  CHECK_OK(db_copy(other, path));
  CHECK_OK(db_commit(&t));
  auto_db *copy = NULL;
  CHECK_OK(db_open(path, &copy));
  CHECK_INT(value_in(copy), 2);
  db_rollback(&t);
}

TEST_MAIN
