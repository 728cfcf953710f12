/* Randomness, digests, tokens, passwords: everything cryptographic that is not TLS, on OpenSSL 3
 * and libcrypt.  A caller that holds a secret clears it with secret_wipe when done. */
#ifndef TRAMWAY_BASE_SECRET_H
#define TRAMWAY_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

void secret_random(void *buffer, size_t size); /* aborts when the kernel gives none */
void secret_wipe(void *buffer, size_t size);   /* zeroes; never optimised away */
bool secret_equal(const void *a, const void *b, size_t size); /* constant time */

/* `bytes` random bytes as lower-case hex; the caller owns it. */
char *secret_random_hex(size_t bytes);

/* A random 128-bit id in UUID version 4 form: 36 characters and a NUL. */
#define ID_SIZE 37
void id_new(char id[ID_SIZE]);
void id_copy(char to[ID_SIZE], const char *from); /* NULL, and what is no id's length, gives "" */
bool id_valid(const char *text); /* 8-4-4-4-12 hex digits, any case */

/* SHA-256 of `data` as 64 lower-case hex digits and a NUL. */
#define SHA256_HEX_SIZE 65
void secret_sha256_hex(const void *data, size_t size, char hex[SHA256_HEX_SIZE]);

/* HMAC-SHA-256 (RFC 2104) of `data`: tells whether two values are equal to who has the key only. */
void secret_hmac_sha256_hex(const char *key, const void *data, size_t size, char hex[SHA256_HEX_SIZE]);

/* What Postgres stores of a password, and takes in its place: "SCRAM-SHA-256$4096:<salt>$<keys>" (RFC 7677).  The
 * password is ASCII.  The caller owns it. */
char *secret_scram_sha256(const char *password);

/* An incremental SHA-256. */
typedef struct sha256 sha256;
sha256 *sha256_new(void);
void sha256_add(sha256 *s, const void *data, size_t size);
void sha256_hex(sha256 *s, char hex[SHA256_HEX_SIZE]); /* call once, at the end */
void sha256_free(sha256 *s);

/* yescrypt.  Hashing takes tens of milliseconds on purpose: bound how often a stranger may ask. */
fallible password_hash(const char *password, char **ret_hash);
bool password_matches(const char *password, const char *hash);

#endif
