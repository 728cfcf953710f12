/* Secrets at rest: AES-256-GCM (NIST SP 800-38D) under keys from a file that only its owner may read.
 *
 *     vault *v;
 *     TRY(vault_open("/var/lib/tramway/secret.key", &v));
 *     TRY(vault_encrypt(v, "variables:…", text, strlen(text), &blob));
 *     TRY(vault_decrypt(v, "variables:…", blob.data, blob.len, &text));   the same context
 *
 * The context is authenticated, not stored: it says whose value it is, so that nobody who can write the
 * database can put one row's value into another's.  A blob is
 *
 *     format 1 (1 byte) · key id (8) · nonce (12, random) · ciphertext · tag (16)
 *
 * A random nonce is good for 2^32 values under one key.
 *
 * The key file is text: a line "key <64 hex digits>" each, '#' begins a comment.  The first encrypts, all
 * decrypt: there is a second one only while a rotation is not over.  A key's id follows from the key, so
 * a wrong file is noticed before anything is read with it.  Not thread-safe while keys change; encrypting
 * and decrypting is. */
#ifndef TRAMWAY_BASE_VAULT_H
#define TRAMWAY_BASE_VAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

typedef struct vault vault;

#define VAULT_KEY_ID_SIZE 17 /* 16 hex digits and a NUL */
#define VAULT_KEYS_MAX 8

/* Reads the file.  ERR_NOT_FOUND when there is none; ERR_DENIED when another user owns it or may read
 * it, ERR_CORRUPT when it is no key file: each says what to do. */
fallible vault_open(const char *path, vault **ret_vault);

/* Writes a file with a new key (mode 0600, synced), in a folder that is there, and opens it. */
fallible vault_create(const char *path, vault **ret_vault);

/* With a key that is nowhere kept: for a database in memory. */
vault *vault_new_random(void);
void vault_free(vault *v); /* wipes; NULL is accepted */

/* Appends to *ret_blob. */
fallible vault_encrypt(const vault *v, const char *context, const void *data, size_t len, struct str *ret_blob);

/* Appends to *ret_text, which gets a NUL behind it as every str.  ERR_CORRUPT: it was not encrypted with
 * one of these keys for this context, or was changed since.  No error has a part of the value. */
fallible vault_decrypt(const vault *v, const char *context, const void *blob, size_t len, struct str *ret_text);

/* The same with the blob as hex digits, for text files. */
fallible vault_encrypt_hex(const vault *v, const char *context, const char *text, char **ret_hex);
fallible vault_decrypt_hex(const vault *v, const char *context, const char *hex, struct str *ret_text);

const char *vault_key_id(const vault *v);                 /* of the key that encrypts */
bool vault_has_key(const vault *v, const char *key_id);
bool vault_is_current(const vault *v, const void *blob, size_t len); /* encrypted with that key */
bool vault_is_current_hex(const vault *v, const char *hex);

/* Rotation: vault_add_key puts a new key in front, in the file first; when everything has been encrypted
 * again, vault_drop_old_keys leaves only that.  A vault of vault_new_random has no file. */
fallible vault_add_key(vault *v);
bool vault_has_old_keys(const vault *v);
fallible vault_drop_old_keys(vault *v);

static inline void vault_cleanup_(vault **v) {
  vault_free(*v);
}
#define auto_vault __attribute__((cleanup(vault_cleanup_))) vault

#endif
