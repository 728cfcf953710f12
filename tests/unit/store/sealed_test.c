/* Values at rest: encrypted, each in its own row only, with a key that can be changed. */
#include "store/sealed.h"

#include <sys/stat.h>

#include "base/json.h"
#include "house.h"
#include "store/variable.h"

#define CANARY "canary-7f3a-in-clear"

static void set(struct house *h, const char *name, const char *value) {
  auto_variable v = {.name = str_dup(name), .value = str_dup(value)};
  memcpy(v.project_id, h->project.id, ID_SIZE);
  memcpy(v.environment_id, h->environment.id, ID_SIZE);
  memcpy(v.service_id, h->service.id, ID_SIZE);
  must(variable_set(h->d, &v));
}

static char *get(struct house *h, const char *name) {
  auto_variable v = {0};
  bool found;
  must(variable_find(h->d, h->environment.id, h->service.id, name, &found, &v));
  return str_dup(found ? v.value : NULL);
}

#define CHECK_VALUE(h, name, expected)                                                             \
  do {                                                                                             \
    auto_free char *value_ = get(h, name);                                                         \
    CHECK_TEXT(value_, expected);                                                                  \
  } while (0)

static char *key_path(const struct house *h) {
  return path_join(h->folder, STORE_KEY_FILE);
}

static void house_leave(struct house *h) {
  db_close(h->d);
  h->d = NULL;
}

static err *house_enter(struct house *h) {
  return store_open(h->path, &h->d);
}

static bool on_disk(const struct house *h, const char *text) {
  static const char *const suffixes[] = {"", "-wal", "-shm", ".before-3"};
  for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
    auto_free char *path = str_format("%s%s", h->path, suffixes[i]);
    auto_str file = STR_EMPTY;
    if (!file_exists(path)) continue;
    must(file_read(path, 64 << 20, &file));
    if (memmem(file.data, file.len, text, strlen(text))) return true;
  }
  return false;
}

TEST(no_value_lies_on_disk_in_clear) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  auto_json *variables = json_pack("{s:s}", "KEY", CANARY);
  house_deploy(&h, DEPLOYMENT_QUEUED, id);
  set(&h, "KEY", CANARY);
  must(deployment_variables_set(h.d, id, variables));
  must(sealed_setting_set(h.d, "some_key", CANARY));
  CHECK(!on_disk(&h, CANARY));
  CHECK_VALUE(&h, "KEY", CANARY);
  auto_json *got = NULL;
  auto_free char *setting = NULL, *nothing = NULL;
  CHECK_OK(deployment_variables_get(h.d, id, &got));
  CHECK(json_equal(got, variables));
  CHECK_OK(sealed_setting_get(h.d, "some_key", &setting));
  CHECK_TEXT(setting, CANARY);
  CHECK_OK(sealed_setting_get(h.d, "other", &nothing));
  CHECK_TEXT(nothing, NULL);
}

TEST(a_value_is_good_in_its_own_row_only) {
  auto_house h;
  house_open(&h);
  auto_variable v = {0};
  bool found;
  set(&h, "A", "one");
  set(&h, "B", "two");
  must(db_run_script(h.d, "UPDATE variables SET value = (SELECT value FROM variables WHERE name = 'A') WHERE name = 'B'"));
  CHECK_ERR(variable_find(h.d, h.environment.id, h.service.id, "B", &found, &v), ERR_CORRUPT, "something else");
  must(db_run_script(h.d, "UPDATE variables SET value = 'two', format = 0 WHERE name = 'B'"));
  CHECK_ERR(variable_find(h.d, h.environment.id, h.service.id, "B", &found, &v), ERR_CORRUPT, "not encrypted");
  CHECK_VALUE(&h, "A", "one");
}

/* As a database of before: values in clear, no key. */
static void make_old(struct house *h, const char *id) {
  auto_free char *key = key_path(h), *copy = str_format("%s.before-3", h->path);
  must(db_run(h->d, "UPDATE variables SET format = 0, value = '" CANARY "' || name", DB_NONE, NULL));
  must(db_run(h->d, "INSERT INTO deployment_variables VALUES (?1, 0, '{\"K\":\"" CANARY "\"}')", DB_BIND(db_text(id)), NULL));
  must(db_run_script(h->d, "DELETE FROM secret_state"));
  must(file_write(copy, CANARY, strlen(CANARY), 0600));
  house_leave(h);
  CHECK(unlink(key) == 0 && on_disk(h, CANARY));
}

TEST(an_upgrade_leaves_nothing_in_clear) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  auto_json *got = NULL;
  house_deploy(&h, DEPLOYMENT_QUEUED, id);
  for (int i = 0; i < 600; i++) { /* some batches */
    auto_free char *name = str_format("V%d", i);
    set(&h, name, "x");
  }
  make_old(&h, id);
  CHECK_OK(house_enter(&h));
  CHECK(!on_disk(&h, CANARY));
  CHECK_VALUE(&h, "V599", CANARY "V599");
  CHECK_OK(deployment_variables_get(h.d, id, &got));
  CHECK_TEXT(json_get_text(got, "K"), CANARY);
}

TEST(an_upgrade_goes_on_where_it_was_interrupted) {
  for (int nth = 1;; nth++) {
    auto_house h;
    house_open(&h);
    char id[ID_SIZE];
    house_deploy(&h, DEPLOYMENT_QUEUED, id);
    set(&h, "A", "x");
    set(&h, "B", "x");
    make_old(&h, id);
    auto_free char *key = key_path(&h);
    must(db_open(h.path, &h.d));
    db_fail_after(h.d, nth);
    err *e = sealed_open(h.d, h.path, key);
    house_leave(&h);
    CHECK_OK(house_enter(&h));
    CHECK(!on_disk(&h, CANARY));
    CHECK_VALUE(&h, "A", CANARY "A");
    if (!e) return;
    err_free(e);
    CHECK(nth < 100);
  }
}

TEST(a_missing_or_another_key_is_told_and_nothing_is_made) {
  auto_house h;
  house_open(&h);
  auto_free char *key = key_path(&h), *aside = str_format("%s.aside", key);
  auto_vault *other = NULL;
  set(&h, "A", "one");
  house_leave(&h);
  CHECK(rename(key, aside) == 0);
  CHECK_ERR(house_enter(&h), ERR_NOT_FOUND, "put it back");
  CHECK(!file_exists(key));
  CHECK_OK(vault_create(key, &other));
  CHECK_ERR(house_enter(&h), ERR_CORRUPT, "is not the one of this database");
  CHECK(rename(aside, key) == 0 && chmod(key, 0644) == 0);
  CHECK_ERR(house_enter(&h), ERR_DENIED, "chmod 600");
  CHECK(chmod(key, 0600) == 0);
  CHECK_OK(house_enter(&h));
  CHECK_VALUE(&h, "A", "one");
}

static char *id_in_database(struct house *h) {
  char id[VAULT_KEY_ID_SIZE];
  must(sealed_key_id(h->d, id));
  return str_dup(id);
}

TEST(a_rotation_goes_on_where_it_was_interrupted) {
  auto_house h;
  house_open(&h);
  auto_free char *key = key_path(&h), *first = id_in_database(&h);
  auto_json *variables = json_pack("{s:s}", "KEY", CANARY);
  char id[ID_SIZE];
  house_deploy(&h, DEPLOYMENT_QUEUED, id);
  must(deployment_variables_set(h.d, id, variables));
  set(&h, "A", "one");
  bool whole = false;
  for (int nth = 1; !whole; nth++) {
    auto_free char *before = id_in_database(&h);
    must(vault_add_key(db_vault(h.d)));
    house_leave(&h);
    must(db_open(h.path, &h.d));
    db_fail_after(h.d, nth);
    err *e = sealed_open(h.d, h.path, key);
    whole = !e;
    err_free(e);
    house_leave(&h);
    CHECK_OK(house_enter(&h));
    auto_free char *after = id_in_database(&h);
    CHECK(!str_eq(before, after));
    CHECK_TEXT(vault_key_id(db_vault(h.d)), after);
    must(vault_drop_old_keys(db_vault(h.d)));
    house_leave(&h);
    CHECK_OK(house_enter(&h));
    CHECK_VALUE(&h, "A", "one");
    auto_json *got = NULL;
    CHECK_OK(deployment_variables_get(h.d, id, &got));
    CHECK(json_equal(got, variables));
    CHECK(nth < 100);
  }
  CHECK(!vault_has_key(db_vault(h.d), first));
}

TEST_MAIN
