#include "core/environment_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/environment_buckets.h"
#include "core/environment_volumes.h"

void environment_rows_done(struct environment_rows *rows) {
  service_list_done(&rows->services);
  service_instance_list_done(&rows->instances);
  variable_list_done(&rows->variables);
  domain_list_done(&rows->domains);
  tcp_proxy_list_done(&rows->tcp_proxies);
  credential_list_done(&rows->credentials);
  volume_instance_list_done(&rows->volume_instances);
  volume_list_done(&rows->volumes);
  bucket_list_done(&rows->buckets);
  bucket_instance_list_done(&rows->bucket_instances);
  backup_schedule_list_done(&rows->backup_schedules);
}

const struct service *environment_rows_service(const struct environment_rows *rows, const char *id) {
  for (size_t i = 0; i < rows->services.len; i++)
    if (str_eq(rows->services.items[i].id, id)) return &rows->services.items[i];
  return NULL;
}

/* ---- credentials ---- */

#define REGISTRY "registryCredentials"

const json_t *environment_config_registry(const json_t *service) {
  return json_object_get(json_object_get(service, "deploy"), REGISTRY);
}

void environment_config_set_registry(json_t *service, const json_t *registry) {
  json_t *deploy = json_object_get(service, "deploy");
  if (registry && !deploy) json_object_set_new(service, "deploy", deploy = json_object());
  if (registry)
    json_object_set(deploy, REGISTRY, (json_t *)registry);
  else
    json_object_del(deploy, REGISTRY);
  if (deploy && !json_object_size(deploy)) json_object_del(service, "deploy");
}

void environment_config_hide_registry(json_t *service) {
  json_object_del(json_object_get(json_object_get(service, "deploy"), REGISTRY), "password");
}

/* ---- settings ---- */

static const char *const setting_groups[] = {"source", "build", "deploy", "configFile"};

void environment_config_set_settings(json_t *service, const struct service_settings *settings) {
  auto_json *object = service_settings_to_json(settings);
  auto_json *registry = json_incref((json_t *)environment_config_registry(service));
  json_t *source = json_object_get(object, "source");
  json_object_del(source, "kind");
  if (!json_object_size(source)) json_object_del(object, "source");
  for (size_t i = 0; i < ARRAY_LEN(setting_groups); i++) {
    json_t *group = json_object_get(object, setting_groups[i]);
    json_object_del(service, setting_groups[i]);
    if (group) json_object_set(service, setting_groups[i], group);
  }
  environment_config_set_registry(service, registry);
}

err *environment_config_settings(const json_t *service, struct service_settings *ret_settings) {
  struct service_settings s;
  service_settings_init(&s);
  err *e = service_settings_apply_json(&s, service);
  if (e) {
    service_settings_done(&s);
    return e;
  }
  s.source_kind = s.source_image ? SOURCE_IMAGE : s.source_repo ? SOURCE_REPO : SOURCE_NONE;
  *ret_settings = s;
  return NULL;
}

/* ---- from the rows ---- */

static json_t *variables_of(const struct variable_list *list, const char *service_id) {
  json_t *object = json_object();
  for (size_t i = 0; i < list->len; i++) {
    const struct variable *v = &list->items[i];
    if (!str_eq(v->service_id, service_id)) continue;
    json_t *entry = json_pack("{s:s}", "value", v->value);
    if (v->is_sealed) json_object_set_new(entry, "isSealed", json_true());
    json_object_set_new(object, v->name, entry);
  }
  return object;
}

static json_t *domains_of(const struct domain_list *list, const char *instance_id, enum domain_kind kind) {
  json_t *object = json_object();
  for (size_t i = 0; i < list->len; i++) {
    const struct domain *d = &list->items[i];
    if (d->kind != kind || !str_eq(d->service_instance_id, instance_id)) continue;
    json_t *entry = json_object();
    if (d->target_port) json_object_set_new(entry, "port", json_integer(d->target_port));
    json_object_set_new(object, d->host, entry);
  }
  return object;
}

static json_t *tcp_proxies_of(const struct tcp_proxy_list *list, const char *instance_id) {
  json_t *object = json_object();
  for (size_t i = 0; i < list->len; i++) {
    const struct tcp_proxy *p = &list->items[i];
    if (!str_eq(p->service_instance_id, instance_id)) continue;
    auto_free char *port = str_format("%d", p->application_port);
    json_t *entry = json_object();
    if (json_array_size(p->allow)) json_object_set(entry, "allow", p->allow);
    json_object_set_new(object, port, entry);
  }
  return object;
}

static void add_registry(json_t *part, const struct credential_list *list, const char *instance_id) {
  for (size_t i = 0; i < list->len; i++) {
    const struct credential *c = &list->items[i];
    if (c->kind != CREDENTIAL_REGISTRY || !str_eq(c->service_instance_id, instance_id)) continue;
    auto_json *registry = json_pack("{s:s, s:s}", "username", c->username, "password", c->secret);
    environment_config_set_registry(part, registry);
  }
}

/* Empty objects are left out. */
static void put(json_t *object, const char *key, json_t *value) {
  if (json_object_size(value))
    json_object_set(object, key, value);
  json_decref(value);
}

static json_t *service_part(const struct environment_rows *rows, const struct service_instance *instance) {
  const struct service *service = environment_rows_service(rows, instance->service_id);
  json_t *part = json_object(), *networking = json_object();
  if (service) json_object_set_new(part, "name", json_string(service->name));
  environment_config_set_settings(part, &instance->settings);
  add_registry(part, &rows->credentials, instance->id);
  put(networking, "serviceDomains", domains_of(&rows->domains, instance->id, DOMAIN_SERVICE));
  put(networking, "customDomains", domains_of(&rows->domains, instance->id, DOMAIN_CUSTOM));
  put(networking, "tcpProxies", tcp_proxies_of(&rows->tcp_proxies, instance->id));
  put(part, "networking", networking);
  put(part, "volumeMounts", environment_volumes_mounts(rows, instance->service_id));
  json_object_set_new(part, "variables", variables_of(&rows->variables, instance->service_id));
  return part;
}

json_t *environment_config_make(const struct environment_rows *rows) {
  json_t *services = json_object();
  for (size_t i = rows->instances.len; i-- > 0;) /* the oldest first */
    json_object_set_new(services, rows->instances.items[i].service_id, service_part(rows, &rows->instances.items[i]));
  return json_pack("{s:o, s:o, s:o, s:o}", "services", services, "sharedVariables", variables_of(&rows->variables, ""),
                   "volumes", environment_volumes_make(rows), "buckets", environment_buckets_make(rows));
}

/* ---- what may be told ---- */

static void hide_values(json_t *variables, const json_t *present, bool values) {
  const char *name;
  json_t *entry;
  json_object_foreach(variables, name, entry) {
    bool sealed = json_get_bool(entry, "isSealed", false) ||
                  json_get_bool(json_object_get(present, name), "isSealed", false);
    if (json_is_object(entry) && (sealed || !values)) json_object_del(entry, "value");
    if (json_is_object(entry)) json_object_set_new(entry, "isSealed", json_boolean(sealed));
  }
}

json_t *environment_config_told(const json_t *document, const json_t *config, bool values) {
  json_t *told = json_deep_copy(document), *part;
  const json_t *present = json_object_get(config, "services");
  const char *id;
  json_object_foreach(json_object_get(told, "services"), id, part) {
    hide_values(json_object_get(part, "variables"), json_object_get(json_object_get(present, id), "variables"), values);
    environment_config_hide_registry(part);
  }
  hide_values(json_object_get(told, "sharedVariables"), json_object_get(config, "sharedVariables"), values);
  return told;
}

void environment_config_etag(const json_t *config, const char *key, char ret_etag[SHA256_HEX_SIZE]) {
  char *text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
  if (!text) abort(); /* out of memory */
  secret_hmac_sha256_hex(key, text, strlen(text), ret_etag);
  secret_wipe(text, strlen(text));
  free(text);
}
