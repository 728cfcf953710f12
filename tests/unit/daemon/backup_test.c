/* Backups: what is in one, what a damaged one is told from, and that a restore is whole or nothing. */
#include "daemon/backup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/backup_archive.h"
#include "store/db_copy.h"
#include "store/migrate.h"
#include "store/sealed.h"
#include "tap.h"

static const struct backup_parts all = {0}, codeless = {.no_snapshots = true}, keyless = {.no_snapshots = true, .no_key = true};

/* A machine with a state; `backup` is where a test puts its backup. */
struct machine {
  char *root, *config, *data, *backup;
};

static void put(const char *folder, const char *name, const char *text) {
  auto_free char *path = path_join(folder, name);
  auto_free char *parent = str_ndup(path, (size_t)(strrchr(path, '/') - path));
  CHECK_OK(file_make_dirs(parent, 0700));
  CHECK_OK(file_write(path, text, strlen(text), 0600));
}

static void machine_empty(struct machine *m) {
  char root[] = "/tmp/tramway-backup-XXXXXX";
  CHECK(mkdtemp(root));
  *m = (struct machine){str_dup(root), path_join(root, "etc/tramway.toml"), path_join(root, "data"),
                        path_join(root, "b.tar.zst")};
}

static void write_config(const struct machine *m) {
  auto_free char *text = str_format("[data]\ndir = \"%s\"\nrun_dir = \"%s/run\"\n", m->data, m->root);
  put(m->root, "etc/tramway.toml", text);
}

static void say(const struct machine *m, const char *word) {
  auto_free char *path = path_join(m->data, "tramway.db");
  auto_db *d = NULL;
  CHECK_OK(store_open(path, &d));
  CHECK_OK(db_run(d, "INSERT OR REPLACE INTO settings (key, value) VALUES ('word', ?1)",
                  DB_BIND(db_text(word)), NULL));
}

/* "" when there is no database. */
static char *said(const struct machine *m) {
  auto_free char *path = path_join(m->data, "tramway.db");
  auto_db *d = NULL;
  auto_db_stmt *row = NULL;
  bool found;
  if (!file_exists(path)) return str_dup("");
  CHECK_OK(db_open(path, &d));
  CHECK_OK(db_query(d, "SELECT value FROM settings WHERE key = 'word'", DB_NONE, &row));
  CHECK_OK(db_step(row, &found));
  return str_dup(found ? db_column_text(row, 0) : "");
}

static void machine_used(struct machine *m) {
  machine_empty(m);
  write_config(m);
  CHECK_OK(file_make_dirs(m->data, 0700));
  say(m, "first");
  put(m->data, "engine/ranges.json", "{}");
  put(m->data, "logs/app.log", "not in it");
  put(m->data, "snapshots/abc/src/ä.txt", "code");
  auto_free char *link = path_join(m->data, "snapshots/abc/link");
  CHECK(symlink("src/ä.txt", link) == 0);
}

static void machine_done(struct machine *m) {
  err_ignore(file_remove_tree(m->root));
  free(m->root);
  free(m->config);
  free(m->data);
  free(m->backup);
}
#define auto_machine __attribute__((cleanup(machine_done))) struct machine

static bool has(const struct machine *m, const char *name) {
  auto_free char *path = path_join(m->data, name);
  return file_exists(path);
}

/* In a process of its own: the lock that a restore takes stays until its process ends.  The code of
 * the error, and its message in `message`. */
static enum err_code restore_code(const struct machine *m, bool force, char message[512]) {
  int words[2], status;
  CHECK(pipe(words) == 0);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    int nothing = open("/dev/null", O_WRONLY);
    dup2(nothing, 1);
    err *e = backup_restore(m->config, m->backup, force);
    const char *text = e ? err_message(e) : "";
    int code = e ? (int)err_code_of(e) : 0;
    ssize_t done = write(words[1], text, strlen(text));
    fflush(NULL);
    _exit(done < 0 ? 99 : code);
  }
  close(words[1]);
  ssize_t got = read(words[0], message, 511);
  message[got > 0 ? got : 0] = '\0';
  close(words[0]);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
  return (enum err_code)WEXITSTATUS(status);
}

static void lose(const struct machine *m) {
  CHECK_OK(file_remove_tree(m->data));
}

TEST(a_backup_comes_back_on_an_empty_machine) {
  auto_machine m;
  char message[512];
  struct stat info;
  machine_used(&m);
  CHECK_OK(backup_make(m.config, m.backup, &all));
  CHECK(stat(m.backup, &info) == 0);
  CHECK_INT(info.st_mode & 0777, 0600);
  lose(&m);
  CHECK(unlink(m.config) == 0); /* all of it is gone; the backup knows where things belong */
  CHECK_INT(restore_code(&m, false, message), 0);
  CHECK_TEXT(message, "");
  auto_free char *word = said(&m);
  CHECK_TEXT(word, "first");
  CHECK(file_exists(m.config));
  CHECK(has(&m, "engine/ranges.json") && has(&m, "snapshots/abc/src/ä.txt") && has(&m, "snapshots/abc/link"));
  CHECK(!has(&m, "logs") && !has(&m, ".restore") && !has(&m, ".restore.new"));
  auto_free char *database = path_join(m.data, "tramway.db");
  CHECK(stat(database, &info) == 0);
  CHECK_INT(info.st_mode & 0777, 0600);
}

TEST(without_snapshots_there_are_none) {
  auto_machine m;
  char message[512];
  machine_used(&m);
  CHECK_OK(backup_make(m.config, m.backup, &codeless));
  lose(&m);
  CHECK_INT(restore_code(&m, false, message), 0);
  CHECK(has(&m, "tramway.db") && !has(&m, "snapshots"));
}

TEST(what_was_pushed_comes_along_but_not_what_is_under_way) {
  auto_machine m;
  char message[512];
  machine_used(&m);
  put(m.data, "git/pushed/one.git/HEAD", "ref: refs/heads/main\n");
  put(m.data, "git/pushed/one.git/config", "[core]\n");
  put(m.data, "git/pushed/one.git/packed-refs", "1 refs/heads/main\n");
  put(m.data, "git/pushed/one.git/refs/heads/tmp_x", "1\n");
  put(m.data, "git/pushed/one.git/refs/heads/main.lock", "");
  put(m.data, "git/pushed/one.git/objects/ab/cd", "object");
  put(m.data, "git/pushed/one.git/objects/tmp_objdir-incoming-x/ab", "");
  put(m.data, "git/pushed/half.git/config", "[core]\n");
  put(m.data, "git/mirrors/a/HEAD", "a cache");
  auto_free char *tags = path_join(m.data, "git/pushed/one.git/refs/tags");
  CHECK_OK(file_make_dirs(tags, 0700));
  CHECK_OK(backup_make(m.config, m.backup, &codeless));
  put(m.data, "git/pushed/two.git/HEAD", "later");
  CHECK_INT(restore_code(&m, true, message), 0);
  CHECK(has(&m, "git/pushed/one.git/HEAD") && has(&m, "git/pushed/one.git/packed-refs"));
  CHECK(has(&m, "git/pushed/one.git/refs/heads/tmp_x") && has(&m, "git/pushed/one.git/refs/tags"));
  CHECK(has(&m, "git/pushed/one.git/objects/ab/cd") && has(&m, "git/mirrors/a/HEAD"));
  CHECK(!has(&m, "git/pushed/one.git/refs/heads/main.lock") && !has(&m, "git/pushed/half.git"));
  CHECK(!has(&m, "git/pushed/one.git/objects/tmp_objdir-incoming-x") && !has(&m, "git/pushed/two.git"));
}

TEST(it_is_made_while_the_database_is_being_written) {
  auto_machine m;
  auto_db *d = NULL;
  machine_used(&m);
  auto_free char *path = path_join(m.data, "tramway.db");
  CHECK_OK(db_open(path, &d));
  auto_db_transaction t = {0};
  CHECK_OK(db_begin(d, &t));
  CHECK_OK(db_run_script(d, "UPDATE settings SET value = 'half'"));
  CHECK_OK(backup_make(m.config, m.backup, &codeless));
}

TEST(a_state_is_replaced_only_when_forced_and_then_kept) {
  auto_machine m;
  char message[512];
  machine_used(&m);
  CHECK_OK(backup_make(m.config, m.backup, &codeless));
  say(&m, "second");
  CHECK_INT(restore_code(&m, false, message), ERR_CONFLICT);
  CHECK_HAS(message, "--force moves it aside");
  auto_free char *before = said(&m);
  CHECK_TEXT(before, "second");
  CHECK_INT(restore_code(&m, true, message), 0);
  auto_free char *after = said(&m);
  CHECK_TEXT(after, "first");
  DIR *dir = opendir(m.data);
  auto_free char *aside = NULL;
  for (struct dirent *entry; (entry = readdir(dir));)
    if (str_starts(entry->d_name, "replaced-")) aside = str_format("%s/tramway.db", entry->d_name);
  closedir(dir);
  CHECK(aside && has(&m, aside));
  CHECK(has(&m, "logs/app.log"));
}

TEST(a_damaged_one_is_refused_wherever_it_is_damaged) {
  auto_machine m;
  char message[512];
  machine_used(&m);
  CHECK_OK(backup_make(m.config, m.backup, &all));
  lose(&m);
  auto_str whole = STR_EMPTY;
  CHECK_OK(file_read(m.backup, 1 << 24, &whole));
  for (size_t i = 0; i < 24; i++) {
    size_t at = whole.len * i / 24;
    whole.data[at] ^= 0x55;
    CHECK_OK(file_write_fast(m.backup, whole.data, whole.len, 0600));
    CHECK(restore_code(&m, false, message) != 0);
    CHECK_HAS(message, "restoring '");
    CHECK(!has(&m, "tramway.db"));
    whole.data[at] ^= 0x55;
    CHECK_OK(file_write_fast(m.backup, whole.data, at, 0600)); /* cut off there */
    CHECK(restore_code(&m, false, message) != 0);
  }
}

/* An archive as its author likes it. */
static void forge(const struct machine *m, const char *name, const char *about) {
  backup_writer *w;
  auto_json *manifest = json_loads(about, 0, NULL);
  auto_fd fd = open(m->backup, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK_OK(backup_open(fd, &w));
  if (name) CHECK_OK(backup_add_file(w, m->config, name));
  CHECK_OK(backup_close(w, manifest));
  backup_free(w);
}

TEST(a_strangers_archive_is_refused) {
  auto_machine m;
  char message[512];
  machine_empty(&m);
  write_config(&m);
  forge(&m, "tramway.db", "{}");
  CHECK_INT(restore_code(&m, false, message), ERR_CORRUPT);
  CHECK_HAS(message, "not a database");
  forge(&m, "../../escaped", "{}");
  CHECK_INT(restore_code(&m, false, message), ERR_INVALID);
  forge(&m, NULL, "{}");
  CHECK_INT(restore_code(&m, false, message), ERR_INVALID);
  CHECK_HAS(message, "has no database");
  CHECK_OK(file_write(m.backup, "hello", 5, 0600));
  CHECK_INT(restore_code(&m, false, message), ERR_INVALID);
  CHECK_HAS(message, "no whole backup");
  CHECK(!has(&m, ".restore") && !has(&m, ".restore.new"));
}

TEST(a_volume_s_id_that_is_a_path_leads_nowhere) {
  static const char *const ids[] = {"../../escaped", "/escaped", "a/b", "..", "", "A"};
  auto_machine m;
  char message[512];
  machine_used(&m);
  auto_free char *path = path_join(m.data, "tramway.db"), *kept = str_format("%s.kept", m.backup);
  auto_str database = STR_EMPTY;
  CHECK_OK(file_read(path, 1 << 30, &database));
  CHECK_OK(file_write(kept, database.data, database.len, 0600));
  for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
    backup_writer *w;
    auto_json *manifest = json_pack("{s:{s:i}, s:b}", "volumes", ids[i], 300000000, "key", false);
    auto_fd fd = open(m.backup, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK_OK(backup_open(fd, &w));
    CHECK_OK(backup_add_file(w, kept, "tramway.db"));
    CHECK_OK(backup_close(w, manifest));
    backup_free(w);
    CHECK_INT(restore_code(&m, true, message), ERR_CORRUPT);
    CHECK_HAS(message, "no volume's id");
  }
  unlink(kept);
}

/* Made by Tramway as of before there were volumes (744b516): format 1, no images, a database of then. */
TEST(one_of_the_version_before_is_taken) {
  auto_machine m;
  char message[512];
  machine_empty(&m);
  write_config(&m);
  str_replace_owned(&m.backup, "tests/unit/daemon/backup-format-1.tar.zst");
  CHECK_INT(restore_code(&m, false, message), 0);
  CHECK_TEXT(message, "");
  auto_free char *path = path_join(m.data, "tramway.db");
  auto_db *d = NULL;
  auto_db_stmt *row = NULL;
  bool found;
  CHECK_OK(store_open(path, &d)); /* brought to this version's tables */
  CHECK_OK(db_query(d, "SELECT (SELECT name FROM projects), (SELECT count(*) FROM volume_instances)", DB_NONE, &row));
  CHECK_OK(db_step(row, &found));
  CHECK(found);
  CHECK_TEXT(db_column_text(row, 0), "old-shop");
  CHECK_INT(db_column_int(row, 1), 0);
  CHECK(has(&m, "secret.key") && !has(&m, "volumes") && !has(&m, "containers"));
}

TEST(one_of_a_newer_version_is_refused_before_anything_moves) {
  auto_machine m;
  char message[512];
  machine_used(&m);
  auto_free char *path = path_join(m.data, "tramway.db");
  auto_db *d = NULL;
  CHECK_OK(db_open(path, &d));
  CHECK_OK(db_run_script(d, "INSERT INTO schema_migrations SELECT max(number) + 1, '9999_later.sql', 'x', 0"
                            " FROM schema_migrations"));
  CHECK_OK(backup_make(m.config, m.backup, &codeless));
  CHECK_OK(db_run_script(d, "DELETE FROM schema_migrations WHERE name = '9999_later.sql'"));
  CHECK_INT(restore_code(&m, true, message), ERR_CONFLICT);
  CHECK_HAS(message, "newer Tramway");
  auto_free char *word = said(&m);
  CHECK_TEXT(word, "first");
}

/* Interrupted after any number of its moves, the next start completes it. */
TEST(an_interrupted_exchange_is_finished) {
  auto_machine m;
  char message[512];
  machine_used(&m);
  CHECK_OK(backup_make(m.config, m.backup, &all));
  lose(&m);
  CHECK_INT(restore_code(&m, false, message), 0);
  auto_free char *decided = path_join(m.data, ".restore"), *database = path_join(m.data, "tramway.db");
  auto_free char *fresh = path_join(decided, "tramway.db");
  CHECK_OK(file_make_dirs(decided, 0700));
  CHECK(rename(database, fresh) == 0); /* all is moved but the database */
  CHECK_OK(backup_finish_restore(m.data));
  auto_free char *word = said(&m);
  CHECK_TEXT(word, "first");
  CHECK(!has(&m, ".restore"));
  CHECK_OK(file_make_dirs(decided, 0700)); /* all is moved */
  CHECK_OK(backup_finish_restore(m.data));
  CHECK(!has(&m, ".restore"));
  CHECK_OK(backup_finish_restore(m.data));
  auto_free char *again = said(&m);
  CHECK_TEXT(again, "first");
}

TEST(what_cannot_be_written_leaves_nothing) {
  auto_machine m;
  machine_used(&m);
  CHECK_ERR(backup_make(m.config, "/proc/backup", &codeless), ERR_NOT_FOUND, "/proc/backup");
  CHECK_ERR(backup_make("/nonexistent.toml", m.backup, &codeless), ERR_NOT_FOUND, "nonexistent");
  lose(&m);
  CHECK_ERR(backup_make(m.config, m.backup, &codeless), ERR_NOT_FOUND, "nothing to back up");
  CHECK(!file_exists(m.backup));
  auto_free char *unfinished = str_format("%s.new", m.backup), *copy = str_format("%s.db", m.backup);
  CHECK(!file_exists(unfinished) && !file_exists(copy));
}

/* ---- the key ---- */

static void keep_secret(const struct machine *m, const char *value) {
  auto_free char *path = path_join(m->data, "tramway.db");
  auto_db *d = NULL;
  CHECK_OK(store_open(path, &d));
  CHECK_OK(sealed_setting_set(d, "secret", value));
}

static char *kept_secret(const struct machine *m) {
  auto_free char *path = path_join(m->data, "tramway.db");
  auto_db *d = NULL;
  char *value = NULL;
  CHECK_OK(store_open(path, &d));
  CHECK_OK(sealed_setting_get(d, "secret", &value));
  return value;
}

TEST(the_key_comes_along_and_replaces_what_is_there) {
  auto_machine m;
  char message[512];
  machine_used(&m);
  keep_secret(&m, "hunter2");
  CHECK_OK(backup_make(m.config, m.backup, &codeless));
  lose(&m);
  CHECK_OK(file_make_dirs(m.data, 0700));
  say(&m, "another, with a key of its own");
  CHECK_INT(restore_code(&m, true, message), 0);
  auto_free char *secret = kept_secret(&m);
  CHECK_TEXT(secret, "hunter2");
}

TEST(without_the_key_a_restore_needs_it_first) {
  auto_machine m;
  char message[512];
  auto_vault *other = NULL;
  machine_used(&m);
  keep_secret(&m, "hunter2");
  auto_free char *key = path_join(m.data, STORE_KEY_FILE), *aside = path_join(m.root, "kept.key");
  CHECK_OK(backup_make(m.config, m.backup, &keyless));
  CHECK(rename(key, aside) == 0);
  lose(&m);
  CHECK_INT(restore_code(&m, false, message), ERR_NOT_FOUND);
  CHECK_HAS(message, "put it back");
  CHECK_OK(vault_create(key, &other));
  CHECK_INT(restore_code(&m, false, message), ERR_CORRUPT);
  CHECK_HAS(message, "is not the one of this database");
  CHECK(!has(&m, "tramway.db"));
  CHECK(rename(aside, key) == 0);
  CHECK_INT(restore_code(&m, false, message), 0);
  auto_free char *secret = kept_secret(&m);
  CHECK_TEXT(secret, "hunter2");
}

TEST_MAIN
