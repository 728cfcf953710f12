/* One-time passwords by the clock (RFC 6238, with HMAC-SHA-1, 6 digits and 30 seconds: what every
 * authenticator app takes), and base32 (RFC 4648) for their secrets. */
#ifndef TRAMWAY_BASE_TOTP_H
#define TRAMWAY_BASE_TOTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOTP_SECRET_BYTES = 20, TOTP_STEP_S = 30, TOTP_DIGITS = 6 };

/* A new secret as base32, without padding; the caller wipes and frees it. */
char *totp_new_secret(void);

/* The code of a step (Unix seconds / TOTP_STEP_S).  False when `secret` is no base32. */
bool totp_code(const char *secret, int64_t step, char ret_code[TOTP_DIGITS + 1]);

/* Whether `code` is that of now, or of the step before or after it for a clock that is off; and later
 * than `last_step`, so that none is good twice.  *ret_step is the one it was of. */
bool totp_matches(const char *secret, const char *code, int64_t now_s, int64_t last_step, int64_t *ret_step);

/* "otpauth://totp/…" for the app's QR code; the caller wipes and frees it. */
char *totp_uri(const char *secret, const char *issuer, const char *account);

/* False for a character outside of A-Z2-7 or more than `capacity` bytes; spaces and '=' are skipped. */
bool base32_decode(const char *text, uint8_t *bytes, size_t capacity, size_t *ret_len);
char *base32_encode(const uint8_t *bytes, size_t len); /* the caller owns it */

#endif
