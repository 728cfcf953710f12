#include "base/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"

enum { KEY = 32, ID = 8, NONCE = 12, TAG = 16, FORMAT = 1, HEAD = 1 + ID + NONCE, FILE_LIMIT = 4096 };
#define LINE_START "key "

struct key {
  unsigned char bytes[KEY], id[ID];
};

struct vault {
  char *path; /* NULL: nowhere */
  struct key keys[VAULT_KEYS_MAX];
  size_t len;
  char current_id[VAULT_KEY_ID_SIZE];
};

/* ---- keys ---- */

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(const char *hex, unsigned char *out, size_t size) {
  for (size_t i = 0; i < size; i++) {
    int high = hex_value(hex[2 * i]), low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);
    if (low < 0) return false;
    out[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

static void add_hex(struct str *out, const unsigned char *data, size_t size) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < size; i++) {
    str_add_char(out, digits[data[i] >> 4]);
    str_add_char(out, digits[data[i] & 15]);
  }
}

/* The beginning of a digest: it tells keys apart and says nothing of them. */
static void set_id(struct key *key) {
  static const char label[] = "tramway key id";
  char hex[SHA256_HEX_SIZE];
  sha256 *s = sha256_new();
  sha256_add(s, label, sizeof label);
  sha256_add(s, key->bytes, KEY);
  sha256_hex(s, hex);
  sha256_free(s);
  from_hex(hex, key->id, ID);
}

static void set_current(vault *v) {
  auto_str hex = STR_EMPTY;
  add_hex(&hex, v->keys[0].id, ID);
  memcpy(v->current_id, hex.data, VAULT_KEY_ID_SIZE);
}

static void make_key(struct key *key) {
  secret_random(key->bytes, KEY);
  set_id(key);
}

void vault_free(vault *v) {
  if (!v) return;
  free(v->path);
  secret_wipe(v, sizeof *v);
  free(v);
}

vault *vault_new_random(void) {
  vault *v = mem_zalloc(sizeof *v);
  make_key(&v->keys[v->len++]);
  set_current(v);
  return v;
}

/* ---- the file ---- */

static err *check_access(int fd, const char *path) {
  struct stat info;
  if (fstat(fd, &info) < 0) return err_errno(errno, "looking at '%s'", path);
  if (!S_ISREG(info.st_mode)) return err_new(ERR_DENIED, "'%s' is no regular file", path);
  if (info.st_uid != geteuid())
    return err_new(ERR_DENIED, "the key file '%s' belongs to the user %u, not to %u, who needs it: chown %u '%s'", path,
                   info.st_uid, geteuid(), geteuid(), path);
  if (info.st_mode & 077)
    return err_new(ERR_DENIED, "the key file '%s' has the mode %04o, so that others may use it: chmod 600 '%s'", path,
                   info.st_mode & 07777, path);
  return NULL;
}

static err *parse_line(vault *v, const char *line) {
  struct key key;
  const char *hex = line + strlen(LINE_START);
  if (!str_starts(line, LINE_START) || strlen(hex) != 2 * KEY || !from_hex(hex, key.bytes, KEY) ||
      v->len == VAULT_KEYS_MAX)
    return err_new(ERR_CORRUPT, "it is not a key file of Tramway, or was changed: put back the one that this data was "
                                "written with");
  set_id(&key);
  v->keys[v->len++] = key;
  secret_wipe(&key, sizeof key);
  return NULL;
}

static err *parse(vault *v, char *text) {
  for (char *line; (line = strsep(&text, "\n"));)
    if (*line && *line != '#') TRY(parse_line(v, line));
  if (!v->len) return err_new(ERR_CORRUPT, "it has no key");
  set_current(v);
  return NULL;
}

static err *read_text(const char *path, char *text) {
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return err_errno(errno, "opening the key file '%s'", path);
  TRY(check_access(fd, path));
  ssize_t got = read(fd, text, FILE_LIMIT);
  if (got < 0) return err_errno(errno, "reading the key file '%s'", path);
  text[got] = '\0';
  return NULL;
}

err *vault_open(const char *path, vault **ret_vault) {
  auto_vault *v = mem_zalloc(sizeof *v);
  char text[FILE_LIMIT + 1];
  v->path = str_dup(path);
  err *e = read_text(path, text);
  if (!e) e = err_wrap(parse(v, text), "the key file '%s'", path);
  secret_wipe(text, sizeof text);
  if (e) return e;
  *ret_vault = v;
  v = NULL;
  return NULL;
}

static err *save(const vault *v) {
  if (!v->path) return NULL;
  auto_str text = STR_EMPTY;
  str_add(&text, "# What Tramway's database is encrypted with.  Without it the values of variables are lost:\n"
                 "# keep a copy apart from the database.  Only root may read it.\n");
  for (size_t i = 0; i < v->len; i++) {
    str_add(&text, LINE_START);
    add_hex(&text, v->keys[i].bytes, KEY);
    str_add_char(&text, '\n');
  }
  err *e = file_write(v->path, text.data, text.len, 0600);
  secret_wipe(text.data, text.len);
  return err_wrap(e, "writing the key file");
}

err *vault_create(const char *path, vault **ret_vault) {
  auto_vault *v = vault_new_random();
  v->path = str_dup(path);
  if (file_exists(path)) return err_new(ERR_CONFLICT, "there is a key file '%s' already", path);
  TRY(save(v));
  *ret_vault = v;
  v = NULL;
  return NULL;
}

const char *vault_key_id(const vault *v) {
  return v->current_id;
}

static const struct key *key_of(const vault *v, const unsigned char id[ID]) {
  for (size_t i = 0; i < v->len; i++)
    if (memcmp(v->keys[i].id, id, ID) == 0) return &v->keys[i];
  return NULL;
}

bool vault_has_key(const vault *v, const char *key_id) {
  unsigned char id[ID];
  return strlen(key_id) == 2 * ID && from_hex(key_id, id, ID) && key_of(v, id);
}

/* ---- rotation ---- */

err *vault_add_key(vault *v) {
  if (v->len == VAULT_KEYS_MAX) return err_new(ERR_LIMIT, "the key file has %d keys already", VAULT_KEYS_MAX);
  memmove(v->keys + 1, v->keys, v->len * sizeof *v->keys);
  v->len++;
  make_key(&v->keys[0]);
  set_current(v);
  return save(v);
}

bool vault_has_old_keys(const vault *v) {
  return v->len > 1;
}

err *vault_drop_old_keys(vault *v) {
  secret_wipe(v->keys + 1, (v->len - 1) * sizeof *v->keys);
  v->len = 1;
  return save(v);
}

/* ---- values ---- */

static bool encrypt(EVP_CIPHER_CTX *c, const struct key *key, const char *context, const unsigned char *in, size_t len,
                    unsigned char *blob) {
  int done, context_len = (int)strlen(context);
  unsigned char *out = blob + HEAD;
  return EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, blob + 1 + ID) == 1 &&
         EVP_EncryptUpdate(c, NULL, &done, blob, HEAD) == 1 &&
         EVP_EncryptUpdate(c, NULL, &done, (const unsigned char *)context, context_len) == 1 &&
         EVP_EncryptUpdate(c, out, &done, in, (int)len) == 1 && EVP_EncryptFinal_ex(c, out + len, &done) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, out + len) == 1;
}

static bool decrypt(EVP_CIPHER_CTX *c, const struct key *key, const char *context, const unsigned char *blob, size_t len,
                    unsigned char *out) {
  int done, context_len = (int)strlen(context);
  unsigned char tag[TAG];
  memcpy(tag, blob + HEAD + len, TAG);
  return EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, blob + 1 + ID) == 1 &&
         EVP_DecryptUpdate(c, NULL, &done, blob, HEAD) == 1 &&
         EVP_DecryptUpdate(c, NULL, &done, (const unsigned char *)context, context_len) == 1 &&
         EVP_DecryptUpdate(c, out, &done, blob + HEAD, (int)len) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 && EVP_DecryptFinal_ex(c, out + len, &done) == 1;
}

#define VALUE_MAX (1 << 30) /* OpenSSL counts in int */

err *vault_encrypt(const vault *v, const char *context, const void *data, size_t len, struct str *ret_blob) {
  if (len > VALUE_MAX) return err_new(ERR_LIMIT, "a value of %zu bytes is too large to be encrypted", len);
  size_t size = HEAD + len + TAG;
  auto_free unsigned char *blob = mem_alloc(size);
  blob[0] = FORMAT;
  memcpy(blob + 1, v->keys[0].id, ID);
  secret_random(blob + 1 + ID, NONCE);
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  bool ok = c && encrypt(c, &v->keys[0], context, data, len, blob);
  EVP_CIPHER_CTX_free(c);
  if (!ok) return err_new(ERR_IO, "OpenSSL could not encrypt a value with AES-256-GCM");
  str_add_bytes(ret_blob, blob, size);
  return NULL;
}

static err *find_key(const vault *v, const unsigned char *blob, size_t len, const struct key **ret_key) {
  if (len < HEAD + TAG || len > VALUE_MAX || blob[0] != FORMAT)
    return err_new(ERR_CORRUPT, "the encrypted value is kept in a format that this version does not know");
  *ret_key = key_of(v, blob + 1);
  if (*ret_key) return NULL;
  auto_str id = STR_EMPTY;
  add_hex(&id, blob + 1, ID);
  return err_new(ERR_CORRUPT, "the value was encrypted with key %s, which is not in the key file", id.data);
}

err *vault_decrypt(const vault *v, const char *context, const void *blob, size_t len, struct str *ret_text) {
  const struct key *key;
  TRY(find_key(v, blob, len, &key));
  size_t size = len - HEAD - TAG;
  auto_free unsigned char *text = mem_alloc(size + 1);
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  bool ok = c && decrypt(c, key, context, blob, size, text);
  EVP_CIPHER_CTX_free(c);
  if (ok) {
    str_add(ret_text, ""); /* also of an empty value a text */
    str_add_bytes(ret_text, text, size);
  }
  secret_wipe(text, size + 1);
  if (ok) return NULL;
  return err_new(ERR_CORRUPT, "the encrypted value was changed, or belongs to something else");
}

err *vault_encrypt_hex(const vault *v, const char *context, const char *text, char **ret_hex) {
  auto_str blob = STR_EMPTY, hex = STR_EMPTY;
  TRY(vault_encrypt(v, context, text, strlen(text), &blob));
  add_hex(&hex, (const unsigned char *)blob.data, blob.len);
  *ret_hex = str_take(&hex);
  return NULL;
}

err *vault_decrypt_hex(const vault *v, const char *context, const char *hex, struct str *ret_text) {
  size_t len = strlen(hex) / 2;
  auto_free unsigned char *blob = mem_alloc(len + 1);
  if (strlen(hex) % 2 || !from_hex(hex, blob, len)) return err_new(ERR_CORRUPT, "the encrypted value is no hex text");
  return vault_decrypt(v, context, blob, len, ret_text);
}

bool vault_is_current(const vault *v, const void *blob, size_t len) {
  return len >= HEAD && memcmp((const unsigned char *)blob + 1, v->keys[0].id, ID) == 0;
}

bool vault_is_current_hex(const vault *v, const char *hex) {
  unsigned char head[HEAD];
  return strlen(hex) >= 2 * HEAD && from_hex(hex, head, HEAD) && vault_is_current(v, head, HEAD);
}
