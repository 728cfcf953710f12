/* Webhooks of a project: made, listed, deleted. */
#include <stdlib.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/webhook.h"

enum { PER_PROJECT = 50, DELIVERIES_SHOWN = 20 };

/* Without the secret: that is shown once, by who makes it. */
static json_t *webhook_json(const api *a, const struct webhook *hook) {
  const char *provider = webhook_provider_name(hook->provider);
  auto_free char *url = str_format("%s/webhooks/%s/%s", a->public_url, provider, hook->id);
  json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "id", hook->id, "projectId", hook->project_id, "provider", provider,
                        "url", url);
  json_object_set_new(o, "createdAt", time_json(hook->created_us));
  json_object_set_new(o, "lastDeliveryAt", time_json(hook->last_delivery_us));
  return o;
}

RESOLVER(query_webhooks) {
  auto_webhook_list list = {0};
  TRY(webhook_list(db_of(call), arg_text(call, "projectId"), &list));
  *ret_value = json_array();
  for (size_t i = 0; i < list.len; i++)
    json_array_append_new(*ret_value, webhook_json(asking_of(call)->api, &list.items[i]));
  return NULL;
}

RESOLVER(webhook_deliveries) {
  auto_webhook_delivery_list list = {0};
  TRY(webhook_delivery_list(db_of(call), parent_text(call, "id"), DELIVERIES_SHOWN, &list));
  *ret_value = json_array();
  for (size_t i = 0; i < list.len; i++) {
    const struct webhook_delivery *d = &list.items[i];
    json_t *o = json_object();
    json_set_text(o, "id", d->id);
    json_set_text(o, "providerId", d->provider_id);
    json_set_text(o, "outcome", d->outcome);
    json_object_set_new(o, "receivedAt", time_json(d->received_us));
    json_object_set_new(o, "handledAt", time_json(d->handled_us));
    json_array_append_new(*ret_value, o);
  }
  return NULL;
}

RESOLVER(mutation_webhook_create) {
  auto_webhook hook = {0};
  auto_webhook_list list = {0};
  TRY(webhook_provider_of(input_text(call, "provider"), &hook.provider));
  TRY(webhook_list(db_of(call), input_text(call, "projectId"), &list));
  if (list.len >= PER_PROJECT)
    return err_new(ERR_LIMIT, "the project has %d webhooks: delete one that is not used", PER_PROJECT);
  id_copy(hook.project_id, input_text(call, "projectId"));
  hook.secret = secret_random_hex(32);
  TRY(webhook_insert(db_of(call), &hook));
  *ret_value = webhook_json(asking_of(call)->api, &hook);
  json_set_text(*ret_value, "secret", hook.secret);
  return NULL;
}

RESOLVER(mutation_webhook_delete) {
  TRY(webhook_delete(db_of(call), arg_text(call, "id")));
  *ret_value = json_true();
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",          "tramwayWebhooks",      query_webhooks,          NULL },
  { "Mutation",       "tramwayWebhookCreate", mutation_webhook_create, NULL },
  { "Mutation",       "tramwayWebhookDelete", mutation_webhook_delete, NULL },
  { "TramwayWebhook", "deliveries",           webhook_deliveries,      NULL },
};
/* clang-format on */
const struct bindings bindings_webhook = {rows, ARRAY_LEN(rows)};
