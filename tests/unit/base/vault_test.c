/* Encryption at rest: values come back, and nothing else does. */
#include "base/vault.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tap.h"

struct place {
  char folder[64], *path;
};

static void place_new(struct place *p) {
  snprintf(p->folder, sizeof p->folder, "/tmp/tramway-vault-XXXXXX");
  if (!mkdtemp(p->folder)) abort();
  p->path = path_join(p->folder, "secret.key");
}

static void place_done(struct place *p) {
  err_ignore(file_remove_tree(p->folder));
  free(p->path);
}
#define auto_place __attribute__((cleanup(place_done))) struct place

static void seal(const vault *v, const char *context, const char *text, struct str *blob) {
  CHECK_OK(vault_encrypt(v, context, text, strlen(text), blob));
}

#define CHECK_OPENS(v, context, sealed, expected)                                                  \
  do {                                                                                             \
    auto_str text_ = STR_EMPTY;                                                                    \
    CHECK_OK(vault_decrypt(v, context, (sealed).data, (sealed).len, &text_));                      \
    CHECK_TEXT(str_text(&text_), expected);                                                        \
  } while (0)
#define CHECK_SHUT(v, context, bytes, size, why)                                                   \
  do {                                                                                             \
    auto_str text_ = STR_EMPTY;                                                                    \
    CHECK_ERR(vault_decrypt(v, context, bytes, size, &text_), ERR_CORRUPT, why);                   \
    CHECK_INT(text_.len, 0);                                                                       \
  } while (0)

TEST(a_value_comes_back_in_its_context_and_in_no_other) {
  auto_vault *v = vault_new_random();
  auto_str blob = STR_EMPTY, empty = STR_EMPTY;
  seal(v, "variables:1", "hunter2 \xc3\xa4\n", &blob);
  seal(v, "variables:1", "", &empty);
  CHECK(!memmem(blob.data, blob.len, "hunter2", 7));
  CHECK_OPENS(v, "variables:1", blob, "hunter2 \xc3\xa4\n");
  CHECK_OPENS(v, "variables:1", empty, "");
  CHECK_SHUT(v, "variables:2", blob.data, blob.len, "belongs to something else");
}

TEST(the_same_value_is_never_the_same_blob) {
  auto_vault *v = vault_new_random();
  auto_str one = STR_EMPTY, two = STR_EMPTY;
  seal(v, "c", "same", &one);
  seal(v, "c", "same", &two);
  CHECK_INT(one.len, two.len);
  CHECK(memcmp(one.data, two.data, one.len) != 0);
}

TEST(any_changed_or_missing_byte_is_noticed) {
  auto_vault *v = vault_new_random();
  auto_str blob = STR_EMPTY;
  seal(v, "c", "secret", &blob);
  for (size_t i = 0; i < blob.len; i++) {
    blob.data[i] ^= 1;
    CHECK_SHUT(v, "c", blob.data, blob.len, "");
    blob.data[i] ^= 1;
  }
  for (size_t len = 0; len < blob.len; len++) CHECK_SHUT(v, "c", blob.data, len, "");
  CHECK_OPENS(v, "c", blob, "secret");
}

TEST(another_key_opens_nothing_and_is_named) {
  auto_vault *v = vault_new_random(), *other = vault_new_random();
  auto_str blob = STR_EMPTY;
  seal(v, "c", "secret", &blob);
  CHECK_SHUT(other, "c", blob.data, blob.len, vault_key_id(v));
  CHECK(vault_has_key(v, vault_key_id(v)) && !vault_has_key(other, vault_key_id(v)));
}

TEST(a_key_file_is_private_and_says_the_same_when_it_is_read_again) {
  auto_place p;
  place_new(&p);
  auto_vault *v = NULL, *again = NULL, *third = NULL;
  auto_str blob = STR_EMPTY;
  struct stat info;
  CHECK_ERR(vault_open(p.path, &v), ERR_NOT_FOUND, "secret.key");
  CHECK_OK(vault_create(p.path, &v));
  CHECK(stat(p.path, &info) == 0 && (info.st_mode & 07777) == 0600);
  CHECK_ERR(vault_create(p.path, &third), ERR_CONFLICT, "already");
  seal(v, "c", "secret", &blob);
  CHECK_OK(vault_open(p.path, &again));
  CHECK_TEXT(vault_key_id(again), vault_key_id(v));
  CHECK_OPENS(again, "c", blob, "secret");
}

TEST(a_key_file_that_others_may_use_is_refused_with_what_to_do) {
  auto_place p;
  place_new(&p);
  auto_vault *v = NULL, *again = NULL;
  CHECK_OK(vault_create(p.path, &v));
  CHECK(chmod(p.path, 0640) == 0);
  CHECK_ERR(vault_open(p.path, &again), ERR_DENIED, "chmod 600");
  CHECK(chmod(p.path, 0600) == 0);
  if (geteuid() == 0) {
    CHECK(chown(p.path, 65534, 0) == 0);
    CHECK_ERR(vault_open(p.path, &again), ERR_DENIED, "chown 0");
  }
  CHECK(unlink(p.path) == 0 && mkdir(p.path, 0700) == 0);
  CHECK_ERR(vault_open(p.path, &again), ERR_DENIED, "no regular file");
  CHECK(rmdir(p.path) == 0 && symlink("/dev/null", p.path) == 0);
  err *e = vault_open(p.path, &again);
  CHECK(e);
  err_free(e);
}

TEST(what_is_no_key_file_is_told) {
  static const char *const texts[] = {"", "# nothing\n", "key 12\n", "kex\n",
                                      "key zz00000000000000000000000000000000000000000000000000000000000000\n"};
  auto_place p;
  place_new(&p);
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    auto_vault *v = NULL;
    CHECK_OK(file_write(p.path, texts[i], strlen(texts[i]), 0600));
    CHECK_ERR(vault_open(p.path, &v), ERR_CORRUPT, "secret.key");
  }
}

TEST(rotation_reads_the_old_until_it_is_dropped) {
  auto_place p;
  place_new(&p);
  auto_vault *v = NULL, *between = NULL, *after = NULL;
  auto_str old = STR_EMPTY, fresh = STR_EMPTY;
  CHECK_OK(vault_create(p.path, &v));
  seal(v, "c", "secret", &old);
  CHECK_OK(vault_add_key(v));
  seal(v, "c", "secret", &fresh);
  CHECK(!vault_is_current(v, old.data, old.len) && vault_is_current(v, fresh.data, fresh.len));
  CHECK_OK(vault_open(p.path, &between)); /* killed here */
  CHECK(vault_has_old_keys(between));
  CHECK_OPENS(between, "c", old, "secret");
  CHECK_OPENS(between, "c", fresh, "secret");
  CHECK_OK(vault_drop_old_keys(v));
  CHECK_OK(vault_open(p.path, &after));
  CHECK(!vault_has_old_keys(after));
  CHECK_OPENS(after, "c", fresh, "secret");
  CHECK_SHUT(after, "c", old.data, old.len, "not in the key file");
}

TEST(hex_is_the_same_for_text_files) {
  auto_vault *v = vault_new_random(), *other = vault_new_random();
  auto_free char *hex = NULL;
  auto_str text = STR_EMPTY;
  CHECK_OK(vault_encrypt_hex(v, "c", "secret", &hex));
  CHECK(vault_is_current_hex(v, hex) && !vault_is_current_hex(other, hex));
  CHECK_OK(vault_decrypt_hex(v, "c", hex, &text));
  CHECK_TEXT(text.data, "secret");
  CHECK_ERR(vault_decrypt_hex(v, "c", "xyz", &text), ERR_CORRUPT, "hex");
  CHECK_ERR(vault_decrypt_hex(v, "c", "", &text), ERR_CORRUPT, "format");
}

TEST_MAIN
