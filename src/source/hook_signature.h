/* Whether a webhook's request comes from who knows the hook's secret.  Pure; asked before anything of
 * the body is looked at.  All comparisons take the same time whatever differs.
 *
 *   GitHub          X-Hub-Signature-256: sha256=<HMAC-SHA-256 of the body>
 *   Gitea, Forgejo  X-Gitea-Signature or X-Forgejo-Signature: <the same in hex>, or GitHub's header
 *   GitLab          X-Gitlab-Token: the secret itself (GitLab signs nothing)
 *   generic         X-Tramway-Timestamp: Unix seconds, at most HOOK_WINDOW_S off;
 *                   X-Tramway-Signature: sha256=<HMAC-SHA-256 of "<timestamp>.<body>"> */
#ifndef TRAMWAY_SOURCE_HOOK_SIGNATURE_H
#define TRAMWAY_SOURCE_HOOK_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "model/webhook.h"

#define HOOK_WINDOW_S 300

struct hook_request { /* headers that are not there are NULL; borrowed */
  enum webhook_provider provider;
  const char *signature; /* GitLab: the token */
  const char *timestamp; /* generic only */
  const char *body;
  size_t len;
};

/* The header that carries the signature: the i-th a provider may use; NULL after the last. */
const char *hook_signature_header(enum webhook_provider provider, size_t i);

bool hook_signature_valid(const struct hook_request *r, const char *secret, int64_t now_us);

/* What is the same only for the same delivery, for who cannot sign another.  The delivery's id counts
 * only where nothing is signed: else a stranger could send a captured body under another id. */
void hook_replay_key(const struct hook_request *r, const char *delivery_id, char ret_key[SHA256_HEX_SIZE]);

#endif
