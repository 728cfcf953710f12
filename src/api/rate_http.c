/* Rate limits of HTTP requests and of messages on WebSockets. */
#include <stdio.h>

#include "api/internal.h"
#include "api/rate.h"
#include "api/sign_in_guard.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

/* What a caller counts as; the caller owns it. */
static char *key_of(const struct caller *caller) {
  if (caller->kind == CALLER_PROJECT) return str_format("token %s", caller->token_id);
  if (caller->kind == CALLER_USER && *caller->workspace_id) return str_format("workspace %s", caller->workspace_id);
  if (caller->kind == CALLER_USER) return str_format("user %s", caller->user_id);
  auto_free char *origin = sign_in_guard_origin(caller->address);
  return str_format("address %s", origin);
}

bool rate_counts(const http_request *r) {
  return !auth_peer_is_local(r) || http_header(r, "x-forwarded-for");
}

bool rate_admits(api *a, const struct caller *caller) {
  auto_free char *key = key_of(caller);
  return !rate_take(a->rate, key, clock_now_us()).refused;
}

static void tell(http_request *r, const struct rate_verdict *v) {
  char text[32];
  if (!v->counted) return;
  snprintf(text, sizeof text, "%d", v->limit);
  http_add_header(r, "X-RateLimit-Limit", text);
  snprintf(text, sizeof text, "%d", v->remaining);
  http_add_header(r, "X-RateLimit-Remaining", text);
  snprintf(text, sizeof text, "%lld", (long long)v->reset_s);
  http_add_header(r, "X-RateLimit-Reset", text);
}

static void refuse(http_request *r, const struct rate_verdict *v) {
  char text[16];
  snprintf(text, sizeof text, "%d", v->retry_after_s);
  http_add_header(r, "Retry-After", text);
  auto_free char *message = str_format("Rate limit exceeded: try again in %d seconds", v->retry_after_s);
  auto_json *body = json_pack("{s:s, s:[{s:s, s:{s:s}}]}", "message", message, "errors", "message", message,
                              "extensions", "code", err_code_name(ERR_BUSY));
  http_respond_json(r, 429, body);
}

void handle_before(http_request *r, void *api_) {
  api *a = api_;
  struct caller caller;
  if (!rate_counts(r) || str_eq(http_path(r), "/healthz")) return;
  err *e = auth_caller(a, r, &caller);
  if (e) caller.kind = CALLER_NOBODY; /* the handler tells what is wrong with its token */
  err_ignore(e);
  auto_free char *key = key_of(&caller);
  struct rate_verdict v = rate_take(a->rate, key, clock_now_us());
  tell(r, &v);
  if (v.refused) refuse(r, &v);
}
