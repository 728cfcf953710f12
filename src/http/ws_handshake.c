#include "http/ws_handshake.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 section 1.3 */

bool ws_handshake_key_valid(const char *key) {
  if (!key || strlen(key) != WS_KEY_SIZE - 1 || strcmp(key + 22, "==") != 0) return false;
  for (int i = 0; i < 22; i++)
    if (!isalnum((unsigned char)key[i]) && key[i] != '+' && key[i] != '/') return false;
  return true;
}

void ws_handshake_new_key(char key[WS_KEY_SIZE]) {
  unsigned char random[16];
  secret_random(random, sizeof random);
  EVP_EncodeBlock((unsigned char *)key, random, sizeof random);
}

void ws_handshake_accept(const char *key, char accept[WS_ACCEPT_SIZE]) {
  char text[WS_KEY_SIZE - 1 + sizeof guid];
  memcpy(text, key, WS_KEY_SIZE - 1);
  memcpy(text + WS_KEY_SIZE - 1, guid, sizeof guid);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len;
  if (!EVP_Digest(text, sizeof text - 1, digest, &len, EVP_sha1(), NULL)) abort();
  EVP_EncodeBlock((unsigned char *)accept, digest, (int)len);
}

bool ws_handshake_has_token(const char *list, const char *token, bool ignore_case) {
  size_t token_len = strlen(token);
  while (list && *list) {
    list += strspn(list, " \t,");
    size_t len = strcspn(list, ","), trimmed = len;
    while (trimmed > 0 && (list[trimmed - 1] == ' ' || list[trimmed - 1] == '\t'))
      trimmed--;
    if (trimmed == token_len && (ignore_case ? strncasecmp(list, token, token_len) == 0
                                             : memcmp(list, token, token_len) == 0))
      return true;
    list += len;
  }
  return false;
}
