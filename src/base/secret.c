#include "base/secret.h"

#include <crypt.h>
#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/str.h"

struct sha256 {
  EVP_MD_CTX *context;
};

void secret_random(void *buffer, size_t size) {
  char *p = buffer;
  while (size) {
    ssize_t got = getrandom(p, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) abort();
    p += got;
    size -= (size_t)got;
  }
}

void secret_wipe(void *buffer, size_t size) {
  OPENSSL_cleanse(buffer, size);
}

bool secret_equal(const void *a, const void *b, size_t size) {
  return CRYPTO_memcmp(a, b, size) == 0;
}

static void to_hex(const unsigned char *data, size_t size, char *hex) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < size; i++) {
    hex[2 * i] = digits[data[i] >> 4];
    hex[2 * i + 1] = digits[data[i] & 15];
  }
  hex[2 * size] = '\0';
}

char *secret_random_hex(size_t bytes) {
  auto_free unsigned char *raw = mem_alloc(bytes);
  secret_random(raw, bytes);
  char *hex = mem_alloc(2 * bytes + 1);
  to_hex(raw, bytes, hex);
  secret_wipe(raw, bytes);
  return hex;
}

void id_new(char id[ID_SIZE]) {
  unsigned char raw[16];
  char hex[33];
  secret_random(raw, sizeof raw);
  raw[6] = (unsigned char)((raw[6] & 0x0f) | 0x40);
  raw[8] = (unsigned char)((raw[8] & 0x3f) | 0x80);
  to_hex(raw, sizeof raw, hex);
  snprintf(id, ID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void id_copy(char to[ID_SIZE], const char *from) {
  size_t len = from ? strlen(from) : 0;
  if (len >= ID_SIZE) len = 0;
  memcpy(to, from ? from : "", len);
  to[len] = '\0';
}

bool id_valid(const char *text) {
  if (!text || strlen(text) != ID_SIZE - 1) return false;
  for (size_t i = 0; i < ID_SIZE - 1; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) return false;
  }
  return true;
}

sha256 *sha256_new(void) {
  sha256 *s = mem_alloc(sizeof *s);
  s->context = EVP_MD_CTX_new();
  if (!s->context || EVP_DigestInit_ex(s->context, EVP_sha256(), NULL) != 1) abort();
  return s;
}

void sha256_add(sha256 *s, const void *data, size_t size) {
  if (EVP_DigestUpdate(s->context, data, size) != 1) abort();
}

void sha256_hex(sha256 *s, char hex[SHA256_HEX_SIZE]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(s->context, digest, &size) != 1) abort();
  to_hex(digest, size, hex);
}

void sha256_free(sha256 *s) {
  if (!s) return;
  EVP_MD_CTX_free(s->context);
  free(s);
}

void secret_hmac_sha256_hex(const char *key, const void *data, size_t size, char hex[SHA256_HEX_SIZE]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (!HMAC(EVP_sha256(), key, (int)strlen(key), data, size, digest, &length)) abort();
  to_hex(digest, length, hex);
}

enum { SCRAM_ROUNDS = 4096, SCRAM_SALT = 16, SHA256_BYTES = 32, BASE64_SIZE = 64 };

static void scram_key(const unsigned char *salted, const char *what, unsigned char key[SHA256_BYTES]) {
  unsigned int length = 0;
  if (!HMAC(EVP_sha256(), salted, SHA256_BYTES, (const unsigned char *)what, strlen(what), key, &length)) abort();
}

char *secret_scram_sha256(const char *password) {
  unsigned char salt[SCRAM_SALT], salted[SHA256_BYTES], client[SHA256_BYTES], stored[SHA256_BYTES], server[SHA256_BYTES];
  unsigned char salt64[BASE64_SIZE], stored64[BASE64_SIZE], server64[BASE64_SIZE];
  secret_random(salt, sizeof salt);
  if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, sizeof salt, SCRAM_ROUNDS, EVP_sha256(), sizeof salted,
                        salted) != 1)
    abort();
  scram_key(salted, "Client Key", client);
  scram_key(salted, "Server Key", server);
  if (!EVP_Digest(client, sizeof client, stored, NULL, EVP_sha256(), NULL)) abort();
  EVP_EncodeBlock(salt64, salt, sizeof salt);
  EVP_EncodeBlock(stored64, stored, sizeof stored);
  EVP_EncodeBlock(server64, server, sizeof server);
  secret_wipe(salted, sizeof salted);
  secret_wipe(client, sizeof client);
  return str_format("SCRAM-SHA-256$%d:%s$%s:%s", SCRAM_ROUNDS, (char *)salt64, (char *)stored64, (char *)server64);
}

void secret_sha256_hex(const void *data, size_t size, char hex[SHA256_HEX_SIZE]) {
  sha256 *s = sha256_new();
  sha256_add(s, data, size);
  sha256_hex(s, hex);
  sha256_free(s);
}

err *password_hash(const char *password, char **ret_hash) {
  struct crypt_data *data = mem_zalloc(sizeof *data);
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  const char *hash = NULL;
  if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof setting))
    hash = crypt_rn(password, setting, data, (int)sizeof *data);
  err *e = NULL;
  if (hash)
    *ret_hash = str_dup(hash);
  else
    e = err_errno(errno, "hashing a password with yescrypt");
  secret_wipe(data, sizeof *data);
  free(data);
  return e;
}

bool password_matches(const char *password, const char *hash) {
  struct crypt_data *data = mem_zalloc(sizeof *data);
  const char *again = crypt_rn(password, hash, data, (int)sizeof *data);
  bool same = again && strlen(again) == strlen(hash) && secret_equal(again, hash, strlen(hash));
  secret_wipe(data, sizeof *data);
  free(data);
  return same;
}
