#include "source/hook_signature.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* clang-format off */
static const char *const headers[][4] = {
  [WEBHOOK_GITHUB]  = { "X-Hub-Signature-256" },
  [WEBHOOK_GITLAB]  = { "X-Gitlab-Token" },
  [WEBHOOK_GITEA]   = { "X-Gitea-Signature", "X-Forgejo-Signature", "X-Hub-Signature-256" },
  [WEBHOOK_GENERIC] = { "X-Tramway-Signature" },
};
/* clang-format on */

const char *hook_signature_header(enum webhook_provider provider, size_t i) {
  return i < ARRAY_LEN(headers[0]) ? headers[provider][i] : NULL;
}

/* By digests under a key nobody knows, so that not even the length of the secret shows. */
static bool token_equal(const char *given, const char *secret) {
  char one[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
  auto_free char *key = secret_random_hex(32);
  secret_hmac_sha256_hex(key, given, strlen(given), one);
  secret_hmac_sha256_hex(key, secret, strlen(secret), other);
  return secret_equal(one, other, sizeof one);
}

static bool digest_equal(const char *given, const char *key, const void *data, size_t len) {
  char wanted[SHA256_HEX_SIZE], hex[SHA256_HEX_SIZE];
  secret_hmac_sha256_hex(key, data, len, wanted);
  if (str_starts(given, "sha256=")) given += strlen("sha256=");
  if (strlen(given) != sizeof hex - 1) return false;
  for (size_t i = 0; i < sizeof hex; i++) hex[i] = given[i] >= 'A' && given[i] <= 'F' ? (char)(given[i] + 32) : given[i];
  return secret_equal(hex, wanted, sizeof hex);
}

static bool is_timely(const char *timestamp, int64_t now_us) {
  long long seconds;
  if (!str_to_int(timestamp, 0, INT64_MAX / 2000000, &seconds)) return false;
  int64_t off_s = now_us / 1000000 - seconds;
  return off_s >= -HOOK_WINDOW_S && off_s <= HOOK_WINDOW_S;
}

static void add_signed(const struct hook_request *r, struct str *out) {
  if (r->timestamp) str_addf(out, "%s.", r->timestamp);
  str_add_bytes(out, r->body, r->len);
}

bool hook_signature_valid(const struct hook_request *r, const char *secret, int64_t now_us) {
  if (str_empty(r->signature) || str_empty(secret)) return false;
  if (r->provider == WEBHOOK_GITLAB) return token_equal(r->signature, secret);
  if (r->provider != WEBHOOK_GENERIC) return digest_equal(r->signature, secret, r->body, r->len);
  if (str_empty(r->timestamp)) return false;
  auto_str signed_text = STR_EMPTY;
  add_signed(r, &signed_text);
  return digest_equal(r->signature, secret, signed_text.data, signed_text.len) && is_timely(r->timestamp, now_us);
}

void hook_replay_key(const struct hook_request *r, const char *delivery_id, char ret_key[SHA256_HEX_SIZE]) {
  auto_str text = STR_EMPTY;
  if (r->provider == WEBHOOK_GITLAB && !str_empty(delivery_id))
    str_add(&text, delivery_id);
  else
    add_signed(r, &text);
  secret_sha256_hex(str_text(&text), text.len, ret_key);
}
