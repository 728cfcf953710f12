#include "base/totp.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

char *base32_encode(const uint8_t *bytes, size_t len) {
  auto_str text = STR_EMPTY;
  uint32_t bits = 0;
  int count = 0;
  str_init(&text);
  for (size_t i = 0; i < len; i++) {
    bits = bits << 8 | bytes[i];
    for (count += 8; count >= 5; count -= 5) str_add_char(&text, alphabet[bits >> (count - 5) & 31]);
  }
  if (count > 0) str_add_char(&text, alphabet[bits << (5 - count) & 31]);
  return str_take(&text);
}

bool base32_decode(const char *text, uint8_t *bytes, size_t capacity, size_t *ret_len) {
  uint32_t bits = 0;
  int count = 0;
  size_t len = 0;
  for (const char *p = text; *p; p++) {
    if (*p == ' ' || *p == '=') continue;
    const char *found = strchr(alphabet, toupper((unsigned char)*p));
    if (!found) return false;
    bits = bits << 5 | (uint32_t)(found - alphabet);
    count += 5;
    if (count < 8) continue;
    if (len == capacity) return false;
    count -= 8;
    bytes[len++] = (uint8_t)(bits >> count);
  }
  *ret_len = len;
  return true;
}

char *totp_new_secret(void) {
  uint8_t bytes[TOTP_SECRET_BYTES];
  secret_random(bytes, sizeof bytes);
  char *text = base32_encode(bytes, sizeof bytes);
  secret_wipe(bytes, sizeof bytes);
  return text;
}

/* RFC 4226, 5.3: dynamic truncation. */
bool totp_code(const char *secret, int64_t step, char ret_code[TOTP_DIGITS + 1]) {
  uint8_t key[64], message[8], digest[EVP_MAX_MD_SIZE];
  unsigned digest_len = 0;
  size_t key_len = 0;
  if (!base32_decode(secret, key, sizeof key, &key_len) || !key_len) return false;
  for (int i = 0; i < 8; i++) message[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
  HMAC(EVP_sha1(), key, (int)key_len, message, sizeof message, digest, &digest_len);
  secret_wipe(key, sizeof key);
  const uint8_t *at = digest + (digest[digest_len - 1] & 15);
  uint32_t number = (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
  snprintf(ret_code, TOTP_DIGITS + 1, "%06u", number % 1000000);
  return true;
}

bool totp_matches(const char *secret, const char *code, int64_t now_s, int64_t last_step, int64_t *ret_step) {
  char right[TOTP_DIGITS + 1];
  if (strlen(code) != TOTP_DIGITS) return false;
  for (int64_t step = now_s / TOTP_STEP_S - 1; step <= now_s / TOTP_STEP_S + 1; step++) {
    if (step <= last_step || !totp_code(secret, step, right) || !secret_equal(right, code, TOTP_DIGITS)) continue;
    *ret_step = step;
    return true;
  }
  return false;
}

static void add_escaped(struct str *text, const char *part) {
  for (; *part; part++) {
    unsigned char c = (unsigned char)*part;
    if ((c < 0x80 && isalnum(c)) || strchr("-._~", c))
      str_add_char(text, *part);
    else
      str_addf(text, "%%%02X", c);
  }
}

char *totp_uri(const char *secret, const char *issuer, const char *account) {
  struct str text = STR_EMPTY;
  str_add(&text, "otpauth://totp/");
  add_escaped(&text, issuer);
  str_add(&text, ":");
  add_escaped(&text, account);
  str_addf(&text, "?secret=%s&issuer=", secret);
  add_escaped(&text, issuer);
  return str_take(&text);
}
