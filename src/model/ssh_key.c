#include "model/ssh_key.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define F(member) FIELD(struct ssh_key, member)
static const struct field ssh_key_fields[] = {
    F(id), F(user_id), F(workspace_id), F(name), F(public_key), F(fingerprint), F(created_us), F(updated_us),
};
#undef F
const struct shape ssh_key_shape = SHAPE("SSH key", struct ssh_key, ssh_key_fields);

enum { KEY_BYTES_MAX = 8192 };

static const char *const kinds[] = {"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                    "ecdsa-sha2-nistp521", "sk-ssh-ed25519@openssh.com",
                                    "sk-ecdsa-sha2-nistp256@openssh.com"};

static err *no_key(void) {
  return err_new(ERR_INVALID, "that is no public key: give the line of a .pub file, such as `ssh-ed25519 AAAA…`");
}

/* The bytes begin with the kind's own name, its length before it (RFC 4253, 6.6). */
static bool names_itself(const unsigned char *bytes, size_t len, const char *kind) {
  size_t kind_len = strlen(kind);
  return len > 4 + kind_len && !bytes[0] && !bytes[1] && ((size_t)bytes[2] << 8 | bytes[3]) == kind_len &&
         memcmp(bytes + 4, kind, kind_len) == 0;
}

static char *fingerprint_of(const unsigned char *bytes, size_t len) {
  unsigned char sum[SHA256_DIGEST_LENGTH];
  char coded[64] = "";
  SHA256(bytes, len, sum);
  EVP_EncodeBlock((unsigned char *)coded, sum, sizeof sum);
  coded[strcspn(coded, "=")] = '\0';
  return str_format("SHA256:%s", coded);
}

static err *read_key(const char *kind, const char *coded, char **ret_fingerprint) {
  size_t len = strlen(coded), padding = len >= 2 ? (coded[len - 1] == '=') + (coded[len - 2] == '=') : 0;
  auto_free unsigned char *bytes = mem_zalloc(len / 4 * 3 + 4);
  if (len == 0 || len > KEY_BYTES_MAX || len % 4) return no_key();
  int size = EVP_DecodeBlock(bytes, (const unsigned char *)coded, (int)len);
  if (size <= (int)padding || !names_itself(bytes, (size_t)size - padding, kind)) return no_key();
  *ret_fingerprint = fingerprint_of(bytes, (size_t)size - padding);
  return NULL;
}

err *ssh_key_parse(const char *line, char **ret_public_key, char **ret_fingerprint) {
  auto_free char *copy = str_dup(line);
  auto_strv words = STRV_EMPTY;
  strv_split(&words, str_trim(copy), ' ');
  if (words.len < 2 || strchr(copy, '\n')) return no_key();
  for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
    if (!str_eq(words.items[0], kinds[i])) continue;
    TRY(read_key(kinds[i], words.items[1], ret_fingerprint));
    *ret_public_key = str_format("%s %s", words.items[0], words.items[1]);
    return NULL;
  }
  return no_key();
}
