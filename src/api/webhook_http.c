/* POST /webhooks/{provider}/{hook}: what a forge sends.
 *
 * Nothing of the body is looked at before its signature is right.  A hook that does not exist, one of
 * another provider and a wrong signature have the same answer, and take the same time.  202 means that the
 * event is in the journal and will be acted upon, whatever happens to tramd. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/hook_event.h"
#include "source/hook_signature.h"
#include "store/webhook.h"

enum { PER_MINUTE = 300 }; /* deliveries of one hook: a push with a hundred checks is nothing unusual */
#define MINUTE_US (60LL * 1000000)

struct hook_rate {
  int64_t since_us;
  int count;
};

void webhook_rates_free(api *a) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (a->hook_rates && map_next(a->hook_rates, &cursor, &id, &value)) free(value);
  map_free(a->hook_rates);
  a->hook_rates = NULL;
}

static bool is_within_rate(api *a, const char *hook_id, int64_t now_us) {
  struct hook_rate *rate = map_get(a->hook_rates, hook_id);
  if (!rate) map_set(a->hook_rates, hook_id, rate = mem_zalloc(sizeof *rate));
  if (now_us - rate->since_us >= MINUTE_US) *rate = (struct hook_rate){.since_us = now_us};
  return ++rate->count <= PER_MINUTE;
}

static void refuse(http_request *r) {
  auto_json *body = json_pack("{s:s}", "message", "no such webhook, or a wrong signature");
  http_respond_json(r, 401, body);
}

static void slow_down(http_request *r) {
  http_add_header(r, "Retry-After", "60");
  auto_json *body = json_pack("{s:s}", "message", "more than 300 deliveries of this webhook in a minute");
  http_respond_json(r, 429, body);
}

static const char *signature_of(const http_request *r, enum webhook_provider provider) {
  const char *name, *value = NULL;
  for (size_t i = 0; !value && (name = hook_signature_header(provider, i)); i++) value = http_header(r, name);
  return value;
}

/* Who does not even sign need not send a body. */
void handle_webhook_begin(http_request *r, void *api_) {
  enum webhook_provider provider;
  (void)api_;
  auto_err *unknown = webhook_provider_of(http_param(r, "provider"), &provider);
  if (unknown || !signature_of(r, provider)) refuse(r);
}

static const char *first_header(const http_request *r, const char *const *names) {
  const char *value = NULL;
  for (; *names && !value; names++) value = http_header(r, *names);
  return value;
}

static const char *event_name(const http_request *r) {
  static const char *const names[] = {"X-GitHub-Event", "X-Gitea-Event", "X-Forgejo-Event", "X-Gitlab-Event", NULL};
  return first_header(r, names);
}

static const char *delivery_id(const http_request *r) {
  static const char *const names[] = {"X-GitHub-Delivery", "X-Gitea-Delivery", "X-Forgejo-Delivery",
                                      "Idempotency-Key", "X-Gitlab-Event-UUID", "X-Tramway-Delivery", NULL};
  const char *id = first_header(r, names);
  return id && strlen(id) <= 128 && str_is_utf8(id, strlen(id)) ? id : NULL;
}

/* `ret_known` says whether the hook is there and the signature right. */
static err *verify(api *a, const http_request *r, const struct hook_request *request, struct webhook *ret_hook,
                   bool *ret_known) {
  bool found = false;
  const char *id = http_param(r, "hook");
  auto_free char *nobodys = secret_random_hex(32);
  if (id_valid(id)) TRY(webhook_find(a->parts.db, id, &found, ret_hook));
  bool usable = found && ret_hook->provider == request->provider;
  bool valid = hook_signature_valid(request, usable ? ret_hook->secret : nobodys, clock_now_us());
  *ret_known = valid && usable;
  return NULL;
}

/* What became of an event whose signature is right, for its sender's list of deliveries. */
static err *take(api *a, const http_request *r, const struct hook_request *request, const struct webhook *hook,
                 json_t **ret_body) {
  auto_json *event = NULL;
  char key[SHA256_HEX_SIZE];
  bool is_new = false;
  TRY(hook_event_parse(hook->provider, event_name(r), http_header(r, "Content-Type"), request->body, request->len,
                       &event));
  const char *kind = json_get_text(event, "kind"), *reason = json_get_text(event, "reason");
  if (str_eq(kind, "ping") || str_eq(kind, "ignored")) {
    *ret_body = json_pack("{s:s, s:s*}", "status", str_eq(kind, "ping") ? "pong" : "ignored", "reason", reason);
    return NULL;
  }
  hook_replay_key(request, delivery_id(r), key);
  struct core_delivery delivery = {.replay_key = key, .provider_id = delivery_id(r), .event = event};
  TRY(core_take_delivery(a->parts.core, hook, &delivery, &is_new));
  *ret_body = json_pack("{s:s}", "status", is_new ? "accepted" : "known already");
  return NULL;
}

void handle_webhook(http_request *r, void *api_) {
  api *a = api_;
  struct hook_request request = {.timestamp = http_header(r, "X-Tramway-Timestamp")};
  auto_webhook hook = {0};
  auto_json *body = NULL;
  bool known = false;
  err *e = webhook_provider_of(http_param(r, "provider"), &request.provider);
  request.signature = e ? NULL : signature_of(r, request.provider);
  if (request.provider != WEBHOOK_GENERIC) request.timestamp = NULL;
  request.body = http_body(r, &request.len);
  if (!e) e = verify(a, r, &request, &hook, &known);
  if (!e && !known) {
    refuse(r);
    return;
  }
  if (!e && !is_within_rate(a, hook.id, clock_now_us())) {
    slow_down(r);
    return;
  }
  if (!e) e = take(a, r, &request, &hook, &body);
  if (e)
    http_respond_err(r, e);
  else
    http_respond_json(r, 202, body);
}
