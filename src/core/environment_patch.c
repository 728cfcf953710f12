/* Reading what somebody sent; applying it to a document is in core/environment_merge.c. */
#include "core/environment_patch.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/environment_buckets.h"
#include "core/environment_keys.h"
#include "core/environment_volumes.h"
#include "model/project.h"

/* ---- variables ---- */

/* NUL bytes inside would cut the text silently. */
static err *check_value(const char *name, const json_t *value) {
  const char *text = json_string_value(value);
  if (!text) return err_new(ERR_INVALID, "the value is no text");
  return variable_value_check(name, text, json_string_length(value));
}

/* Of the entry's members only value and isSealed mean something here; a value of null keeps the present one. */
static err *read_entry(const char *name, const json_t *given, json_t **ret_entry) {
  auto_json *entry = json_object();
  const json_t *value = json_is_string(given) ? given : json_object_get(given, "value");
  const json_t *sealed = json_object_get(given, "isSealed");
  if (!json_is_object(given) && !json_is_string(given))
    return err_new(ERR_INVALID, "must be text, {\"value\": text} or null");
  if (value && !json_is_null(value)) {
    TRY(check_value(name, value));
    json_object_set(entry, "value", (json_t *)value);
  }
  if (sealed && !json_is_boolean(sealed) && !json_is_null(sealed))
    return err_new(ERR_INVALID, "isSealed must be true or false");
  if (json_is_boolean(sealed)) json_object_set(entry, "isSealed", (json_t *)sealed);
  *ret_entry = json_incref(entry);
  return NULL;
}

static err *read_variable(const char *name, const json_t *given, json_t *variables) {
  json_t *entry = NULL;
  TRY(variable_name_check(name));
  if (!json_is_null(given)) TRY(read_entry(name, given, &entry));
  json_object_set_new(variables, name, entry ? entry : json_null());
  return NULL;
}

/* `at`: the path of the owner with a dot behind it, or "". */
static err *read_variables(json_t *owner, const char *at, const char *key) {
  json_t *variables = json_object_get(owner, key), *given;
  const char *name;
  if (!variables) return NULL;
  if (!json_is_object(variables)) return err_new(ERR_INVALID, "%s%s: must be an object", at, key);
  auto_json *read = json_object();
  json_object_foreach(variables, name, given)
    TRY(err_wrap(read_variable(name, given, read), "%s%s.%.64s", at, key, name));
  json_object_set(owner, key, read);
  return NULL;
}

/* ---- domains ---- */

static err *check_domain(const char *host, const json_t *entry, bool generated) {
  const json_t *port = json_object_get(entry, "port");
  if (!generated || !str_eq(host, HAS_DOMAIN)) TRY(domain_host_check(host));
  if (json_is_null(entry)) return NULL;
  if (!json_is_object(entry)) return err_new(ERR_INVALID, "must be an object or null");
  bool unset = !port || json_is_null(port);
  if (!unset && !(json_is_integer(port) && json_integer_value(port) > 0 && json_integer_value(port) < 65536))
    return err_new(ERR_INVALID, "the port is not within 1 and 65535");
  return NULL;
}

static err *read_domains(json_t *networking, const char *at, const char *key, bool generated) {
  json_t *domains = json_object_get(networking, key), *entry;
  const char *host;
  if (!domains) return NULL;
  if (!json_is_object(domains)) return err_new(ERR_INVALID, "%snetworking.%s: must be an object", at, key);
  json_object_foreach(domains, host, entry)
    TRY(err_wrap(check_domain(host, entry, generated), "%snetworking.%s.%.64s", at, key, host));
  return NULL;
}

static err *read_tcp_proxy(const char *port, json_t *entry, json_t *proxies) {
  auto_json *allow = NULL;
  const json_t *given = json_object_get(entry, "allow");
  long long number;
  if (!str_to_int(port, 1, 65535, &number) || port[0] == '+' || port[0] == '0')
    return err_new(ERR_INVALID, "the port is not within 1 and 65535");
  if (json_is_null(entry)) return NULL;
  if (!json_is_object(entry)) return err_new(ERR_INVALID, "must be an object or null");
  if (!given) return NULL;
  TRY(err_wrap(tcp_allow_read(given, &allow), "allow"));
  json_object_set_new(proxies, port, json_pack("{s:O}", "allow", allow));
  return NULL;
}

static err *read_tcp_proxies(json_t *networking, const char *at) {
  json_t *proxies = json_object_get(networking, "tcpProxies"), *entry;
  const char *port;
  void *next;
  if (!proxies) return NULL;
  if (!json_is_object(proxies)) return err_new(ERR_INVALID, "%snetworking.tcpProxies: must be an object", at);
  json_object_foreach_safe(proxies, next, port, entry)
    TRY(err_wrap(read_tcp_proxy(port, entry, proxies), "%snetworking.tcpProxies.%.20s", at, port));
  return NULL;
}

static err *read_networking(json_t *service, const char *at) {
  json_t *networking = json_object_get(service, "networking");
  if (!networking || json_is_null(networking)) {
    json_object_del(service, "networking");
    return NULL;
  }
  if (!json_is_object(networking)) return err_new(ERR_INVALID, "%snetworking: must be an object", at);
  TRY(read_domains(networking, at, "serviceDomains", true));
  TRY(read_tcp_proxies(networking, at));
  return read_domains(networking, at, "customDomains", false);
}

/* ---- credentials ---- */

static bool is_text_or_none(const json_t *value) {
  return !value || json_is_null(value) || json_is_string(value);
}

static err *read_registry(json_t *service, const char *at) {
  const json_t *given = environment_config_registry(service);
  if (!given || json_is_null(given)) return NULL;
  if (!json_is_object(given) || !is_text_or_none(json_object_get(given, "username")) ||
      !is_text_or_none(json_object_get(given, "password")))
    return err_new(ERR_INVALID, "%sdeploy.registryCredentials: must be {\"username\": text, \"password\": text} or null", at);
  auto_json *read = json_pack("{s:s*, s:s*}", "username", json_get_text(given, "username"), "password",
                              json_get_text(given, "password"));
  environment_config_set_registry(service, read);
  return NULL;
}

/* ---- services ---- */

struct reading {
  const struct environment_rows *rows;
  const json_t *staged; /* the services of the patch that is staged */
  json_t *services;     /* what was read so far */
};

static bool is_named(const char *name, const char *wanted) {
  if (str_eq(name, wanted)) return true;
  auto_free char *label = label_from_name(name), *wanted_label = label_from_name(wanted);
  return *label && str_eq(label, wanted_label);
}

static const struct service *row_of(const struct environment_rows *rows, const char *key, const char *name) {
  const struct service *found = environment_rows_service(rows, key);
  const char *wanted = id_valid(key) ? name : key;
  for (size_t i = 0; !found && wanted && i < rows->services.len; i++)
    if (is_named(rows->services.items[i].name, wanted)) found = &rows->services.items[i];
  return found;
}

/* The id of a service that a patch makes, or NULL. */
static const char *made_by(const json_t *services, const char *key, const char *name) {
  const char *id, *wanted = id_valid(key) ? name : key;
  const json_t *service;
  json_object_foreach((json_t *)services, id, service) {
    if (str_eq(id, key)) return id;
    const char *its_name = json_get_text(service, "name");
    if (wanted && its_name && json_get_bool(service, "isCreated", false) && is_named(its_name, wanted)) return id;
  }
  return NULL;
}

static bool is_here(const struct environment_rows *rows, const char *service_id) {
  for (size_t i = 0; i < rows->instances.len; i++)
    if (str_eq(rows->instances.items[i].service_id, service_id)) return true;
  return false;
}

/* A service of the project, here or in other environments only. */
static err *read_present(const struct reading *r, const struct service *present, json_t *part, char ret_id[ID_SIZE]) {
  const char *name = json_get_text(part, "name");
  bool created = json_get_bool(part, "isCreated", false), here = is_here(r->rows, present->id);
  if (name && !str_eq(name, present->name))
    return err_new(ERR_INVALID, "name: a patch cannot rename it to '%s'; serviceUpdate does", name);
  if (!here && !created)
    return err_new(ERR_NOT_FOUND, "Service \"%s\" is not in this environment: \"isCreated\": true adds it", present->name);
  json_object_del(part, "isCreated");
  json_object_del(part, "name");
  if (!here) {
    json_object_set_new(part, "isCreated", json_true());
    json_object_set_new(part, "name", json_string(present->name));
  }
  id_copy(ret_id, present->id);
  return NULL;
}

static err *read_new(const char *key, json_t *part, char ret_id[ID_SIZE]) {
  const char *given = json_get_text(part, "name");
  auto_free char *name = str_dup(given ? given : id_valid(key) ? NULL : key);
  if (!json_get_bool(part, "isCreated", false))
    return err_new(ERR_NOT_FOUND, "Service \"%s\" not found: \"isCreated\": true makes it", key);
  if (!name) return err_new(ERR_INVALID, "name: a new service needs one");
  TRY(service_name_check(name));
  if (id_valid(key))
    id_copy(ret_id, key);
  else
    id_new(ret_id);
  json_object_set_new(part, "name", json_string(name));
  return NULL;
}

static err *find_service(const struct reading *r, const char *key, json_t *part, char ret_id[ID_SIZE]) {
  const char *name = json_get_text(part, "name");
  const struct service *present = row_of(r->rows, key, name);
  const char *staged = present ? NULL : made_by(r->staged, key, name);
  if (present) return read_present(r, present, part, ret_id);
  if (!staged) return read_new(key, part, ret_id);
  id_copy(ret_id, staged);
  return NULL;
}

static err *identify(struct reading *r, const char *key, json_t *part, char ret_id[ID_SIZE]) {
  if (!json_is_object(part)) return err_new(ERR_INVALID, "must be an object");
  TRY(find_service(r, key, part, ret_id));
  bool twice = json_object_get(r->services, ret_id) || made_by(r->services, ret_id, json_get_text(part, "name"));
  return twice ? err_new(ERR_INVALID, "it is there twice") : NULL;
}

static err *read_service(struct reading *r, const char *key, const json_t *given) {
  char id[ID_SIZE];
  auto_free char *at = str_format("services.%.64s.", key);
  auto_json *part = json_is_null(given) ? json_pack("{s:b}", "isDeleted", true) : json_incref((json_t *)given);
  TRY(err_wrap(identify(r, key, part, id), "services.%.64s", key));
  if (json_get_bool(part, "isDeleted", false)) {
    json_object_set_new(r->services, id, json_pack("{s:b}", "isDeleted", true));
    return NULL;
  }
  json_object_del(part, "isDeleted");
  TRY(read_variables(part, at, "variables"));
  TRY(read_networking(part, at));
  TRY(read_registry(part, at));
  if (json_object_size(part)) json_object_set(r->services, id, part);
  return NULL;
}

static err *read_services(struct reading *r, const json_t *given) {
  const char *key;
  json_t *part;
  if (given && !json_is_object(given)) return err_new(ERR_INVALID, "'services' must be an object");
  json_object_foreach((json_t *)given, key, part) TRY(read_service(r, key, part));
  return NULL;
}

static err *sift(json_t *patch) {
  auto_strv unavailable = STRV_EMPTY, unknown = STRV_EMPTY;
  environment_keys_sift(patch, &unavailable, &unknown);
  auto_free char *later = strv_join(&unavailable, ", "), *nobodys = strv_join(&unknown, ", ");
  if (unavailable.len) return err_new(ERR_INVALID, "not available in Tramway yet: %s", later);
  if (unknown.len) return err_new(ERR_INVALID, "no such key: %s", nobodys);
  return NULL;
}

err *environment_patch_read(const struct environment_rows *rows, const json_t *staged, const json_t *input,
                            json_t **ret_patch) {
  if (!json_is_object(input)) return err_new(ERR_INVALID, "the patch must be an object");
  size_t size = json_dumpb(input, NULL, 0, JSON_COMPACT);
  if (size > PATCH_BYTES_MAX)
    return err_new(ERR_LIMIT, "the patch has %zu bytes; at most %d are allowed", size, PATCH_BYTES_MAX);
  auto_json *given = json_deep_copy(input), *patch = json_object(), *services = json_object();
  TRY(sift(given));
  struct reading r = {.rows = rows, .staged = json_object_get(staged, "services"), .services = services};
  TRY(read_services(&r, json_object_get(given, "services")));
  TRY(read_variables(given, "", "sharedVariables"));
  json_t *shared = json_object_get(given, "sharedVariables");
  auto_json *volumes = NULL, *buckets = NULL;
  TRY(environment_volumes_read(rows, staged, json_object_get(given, "volumes"), services, &volumes));
  TRY(environment_buckets_read(rows, staged, json_object_get(given, "buckets"), &buckets));
  if (json_object_size(services)) json_object_set(patch, "services", services);
  if (volumes) json_object_set(patch, "volumes", volumes);
  if (buckets) json_object_set(patch, "buckets", buckets);
  if (json_object_size(shared)) json_object_set(patch, "sharedVariables", shared);
  *ret_patch = json_incref(patch);
  return NULL;
}
