/* Reading what somebody sent; applying it to a document is in core/environment_merge.c. */
#include "core/environment_patch.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/environment_keys.h"
#include "core/environment_volumes.h"
#include "model/project.h"

/* ---- variables ---- */

/* NUL bytes inside would cut the text silently. */
static err *check_value(const char *name, const json_t *value) {
  const char *text = json_string_value(value);
  if (!text) return err_new(ERR_INVALID, "variable '%s': the value is no text", name);
  return variable_value_check(name, text, json_string_length(value));
}

/* Of the entry's members only value and isSealed mean something here; a value of null keeps the present one. */
static err *read_entry(const char *name, const json_t *given, json_t **ret_entry) {
  auto_json *entry = json_object();
  const json_t *value = json_is_string(given) ? given : json_object_get(given, "value");
  const json_t *sealed = json_object_get(given, "isSealed");
  if (!json_is_object(given) && !json_is_string(given))
    return err_new(ERR_INVALID, "variable '%s': must be text, {\"value\": text} or null", name);
  if (value && !json_is_null(value)) {
    TRY(check_value(name, value));
    json_object_set(entry, "value", (json_t *)value);
  }
  if (sealed && !json_is_boolean(sealed) && !json_is_null(sealed))
    return err_new(ERR_INVALID, "variable '%s': isSealed must be true or false", name);
  if (json_is_boolean(sealed)) json_object_set(entry, "isSealed", (json_t *)sealed);
  *ret_entry = json_incref(entry);
  return NULL;
}

static err *read_variables(json_t *owner, const char *key) {
  json_t *variables = json_object_get(owner, key), *given;
  const char *name;
  if (!variables) return NULL;
  if (!json_is_object(variables)) return err_new(ERR_INVALID, "'%s' must be an object", key);
  auto_json *read = json_object();
  json_object_foreach(variables, name, given) {
    json_t *entry = NULL;
    TRY(variable_name_check(name));
    if (!json_is_null(given)) TRY(read_entry(name, given, &entry));
    json_object_set_new(read, name, entry ? entry : json_null());
  }
  json_object_set(owner, key, read);
  return NULL;
}

/* ---- domains ---- */

static err *read_domains(json_t *networking, const char *key, bool generated) {
  json_t *domains = json_object_get(networking, key), *entry;
  const char *host;
  if (!domains) return NULL;
  if (!json_is_object(domains)) return err_new(ERR_INVALID, "networking.%s must be an object", key);
  json_object_foreach(domains, host, entry) {
    const json_t *port = json_object_get(entry, "port");
    if (!generated || !str_eq(host, HAS_DOMAIN)) TRY(domain_host_check(host));
    if (json_is_null(entry)) continue;
    if (!json_is_object(entry)) return err_new(ERR_INVALID, "domain '%s': must be an object or null", host);
    bool unset = !port || json_is_null(port);
    if (!unset && !(json_is_integer(port) && json_integer_value(port) > 0 && json_integer_value(port) < 65536))
      return err_new(ERR_INVALID, "domain '%s': the port is not within 1 and 65535", host);
  }
  return NULL;
}

static err *read_tcp_proxy(const char *port, json_t *entry, json_t *proxies) {
  auto_json *allow = NULL;
  const json_t *given = json_object_get(entry, "allow");
  long long number;
  if (!str_to_int(port, 1, 65535, &number) || port[0] == '+' || port[0] == '0')
    return err_new(ERR_INVALID, "TCP proxy '%.20s': the port is not within 1 and 65535", port);
  if (json_is_null(entry)) return NULL;
  if (!json_is_object(entry)) return err_new(ERR_INVALID, "TCP proxy '%s': must be an object or null", port);
  if (!given) return NULL;
  TRY(err_wrap(tcp_allow_read(given, &allow), "TCP proxy '%s'", port));
  json_object_set_new(proxies, port, json_pack("{s:O}", "allow", allow));
  return NULL;
}

static err *read_tcp_proxies(json_t *networking) {
  json_t *proxies = json_object_get(networking, "tcpProxies"), *entry;
  const char *port;
  void *next;
  if (!proxies) return NULL;
  if (!json_is_object(proxies)) return err_new(ERR_INVALID, "networking.tcpProxies must be an object");
  json_object_foreach_safe(proxies, next, port, entry) TRY(read_tcp_proxy(port, entry, proxies));
  return NULL;
}

static err *read_networking(json_t *service) {
  json_t *networking = json_object_get(service, "networking");
  if (!networking || json_is_null(networking)) {
    json_object_del(service, "networking");
    return NULL;
  }
  if (!json_is_object(networking)) return err_new(ERR_INVALID, "'networking' must be an object");
  TRY(read_domains(networking, "serviceDomains", true));
  TRY(read_tcp_proxies(networking));
  return read_domains(networking, "customDomains", false);
}

/* ---- credentials ---- */

static bool is_text_or_none(const json_t *value) {
  return !value || json_is_null(value) || json_is_string(value);
}

static err *read_registry(json_t *service) {
  const json_t *given = environment_config_registry(service);
  if (!given || json_is_null(given)) return NULL;
  if (!json_is_object(given) || !is_text_or_none(json_object_get(given, "username")) ||
      !is_text_or_none(json_object_get(given, "password")))
    return err_new(ERR_INVALID, "deploy.registryCredentials must be {\"username\": text, \"password\": text} or null");
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
    return err_new(ERR_INVALID, "service '%s': a patch cannot rename it to '%s'; serviceUpdate does", present->name, name);
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
  if (!name) return err_new(ERR_INVALID, "the new service %s needs a \"name\"", key);
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

static err *read_service(struct reading *r, const char *key, const json_t *given) {
  char id[ID_SIZE];
  if (!json_is_object(given) && !json_is_null(given)) return err_new(ERR_INVALID, "must be an object");
  auto_json *part = json_is_null(given) ? json_pack("{s:b}", "isDeleted", true) : json_incref((json_t *)given);
  TRY(find_service(r, key, part, id));
  if (json_object_get(r->services, id) || made_by(r->services, id, json_get_text(part, "name")))
    return err_new(ERR_INVALID, "it is there twice");
  if (json_get_bool(part, "isDeleted", false)) {
    json_object_set_new(r->services, id, json_pack("{s:b}", "isDeleted", true));
    return NULL;
  }
  json_object_del(part, "isDeleted");
  TRY(read_variables(part, "variables"));
  TRY(read_networking(part));
  TRY(read_registry(part));
  if (json_object_size(part)) json_object_set(r->services, id, part);
  return NULL;
}

static err *read_services(struct reading *r, const json_t *given) {
  const char *key;
  json_t *part;
  if (given && !json_is_object(given)) return err_new(ERR_INVALID, "'services' must be an object");
  json_object_foreach((json_t *)given, key, part) TRY(err_wrap(read_service(r, key, part), "service '%.64s'", key));
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
  TRY(read_variables(given, "sharedVariables"));
  json_t *shared = json_object_get(given, "sharedVariables");
  auto_json *volumes = NULL;
  TRY(environment_volumes_read(rows, staged, json_object_get(given, "volumes"), services, &volumes));
  if (json_object_size(services)) json_object_set(patch, "services", services);
  if (volumes) json_object_set(patch, "volumes", volumes);
  if (json_object_size(shared)) json_object_set(patch, "sharedVariables", shared);
  *ret_patch = json_incref(patch);
  return NULL;
}
