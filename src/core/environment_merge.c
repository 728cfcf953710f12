/* What a patch does to a document, and patches with each other. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/environment_buckets.h"
#include "core/environment_patch.h"
#include "core/environment_volumes.h"

/* ---- a patch on a document ---- */

static err *apply_variable(json_t *variables, const char *name, const json_t *entry) {
  const json_t *present = json_object_get(variables, name), *value = json_object_get(entry, "value");
  bool sealed = json_get_bool(present, "isSealed", false);
  if (json_is_null(entry)) {
    json_object_del(variables, name);
    return NULL;
  }
  if (!value) value = json_object_get(present, "value");
  if (!value) return err_new(ERR_INVALID, "needs a value");
  if (sealed && json_is_false(json_object_get(entry, "isSealed")))
    return err_new(ERR_INVALID, "it is sealed, which cannot be taken back: delete it and set it anew");
  sealed |= json_get_bool(entry, "isSealed", false);
  json_t *merged = json_pack("{s:O}", "value", value);
  if (sealed) json_object_set_new(merged, "isSealed", json_true());
  json_object_set_new(variables, name, merged);
  return NULL;
}

/* `at`: the path of `variables`. */
static err *apply_variables(json_t *variables, const char *at, const json_t *patch) {
  json_t *entry;
  const char *name;
  json_object_foreach((json_t *)patch, name, entry)
    TRY(err_wrap(apply_variable(variables, name, entry), "%s.%.64s", at, name));
  if (json_object_size(variables) > PATCH_VARIABLES_MAX)
    return err_new(ERR_LIMIT, "%s: more than %d variables", at, PATCH_VARIABLES_MAX);
  return NULL;
}

static void apply_domain(json_t *domains, const char *host, const json_t *entry) {
  const char *at = host, *first;
  void *iter = json_object_iter(domains);
  if (str_eq(host, HAS_DOMAIN) && iter && (first = json_object_iter_key(iter))) at = first;
  json_int_t port = json_get_int(entry, "port", 0);
  if (json_is_null(entry))
    json_object_del(domains, at);
  else
    json_object_set_new(domains, at, port ? json_pack("{s:I}", "port", port) : json_object());
}

/* An allow list that is not given stays; one that is empty is none. */
static void apply_tcp_proxy(json_t *proxies, const char *port, const json_t *entry) {
  const json_t *given = json_object_get(entry, "allow");
  const json_t *allow = given ? given : json_object_get(json_object_get(proxies, port), "allow");
  if (json_is_null(entry))
    json_object_del(proxies, port);
  else
    json_object_set_new(proxies, port, json_array_size(allow) ? json_pack("{s:O}", "allow", allow) : json_object());
}

typedef void apply_entry_fn(json_t *entries, const char *key, const json_t *entry);

static void apply_networking(json_t *service, const json_t *patch) {
  static const struct {
    const char *key;
    apply_entry_fn *apply;
  } kinds[] = {{"serviceDomains", apply_domain}, {"customDomains", apply_domain}, {"tcpProxies", apply_tcp_proxy}};
  json_t *networking = json_object_get(service, "networking");
  const char *host;
  json_t *entry;
  if (!networking) json_object_set_new(service, "networking", networking = json_object());
  for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
    json_t *entries = json_object_get(networking, kinds[i].key);
    if (!entries) json_object_set_new(networking, kinds[i].key, entries = json_object());
    json_object_foreach(json_object_get(patch, kinds[i].key), host, entry) kinds[i].apply(entries, host, entry);
    if (!json_object_size(entries)) json_object_del(networking, kinds[i].key);
  }
  if (!json_object_size(networking)) json_object_del(service, "networking");
}

static bool names_source(const json_t *patch, const char *key) {
  const json_t *value = json_object_get(json_object_get(patch, "source"), key);
  return value && !json_is_null(value);
}

/* An image takes a repository's place, and the other way round. */
static err *apply_settings(json_t *service, const json_t *patch) {
  auto_service_settings s = {0};
  bool image = names_source(patch, "image"), repo = names_source(patch, "repo");
  if (image && repo) return err_new(ERR_INVALID, "the source is a repo or an image: give one of them");
  TRY(environment_config_settings(service, &s));
  if (image) str_replace_owned(&s.source_repo, NULL);
  if (repo) str_replace_owned(&s.source_image, NULL);
  TRY(service_settings_apply_json(&s, patch));
  s.source_kind = s.source_image ? SOURCE_IMAGE : s.source_repo ? SOURCE_REPO : SOURCE_NONE;
  TRY(service_settings_check(&s));
  environment_config_set_settings(service, &s);
  return NULL;
}

/* A password that is not given stays. */
static err *apply_registry(json_t *service, const json_t *patch) {
  const json_t *given = environment_config_registry(patch), *present = environment_config_registry(service);
  if (!given) return NULL;
  auto_json *merged = present ? json_deep_copy(present) : json_object();
  json_object_update(merged, (json_t *)given);
  bool none = json_is_null(given);
  if (!none && (!json_get_text(merged, "username") || !json_get_text(merged, "password")))
    return err_new(ERR_INVALID, "deploy.registryCredentials needs a username and a password");
  environment_config_set_registry(service, none ? NULL : merged);
  return NULL;
}

static err *apply_parts(json_t *service, const json_t *patch) {
  TRY(apply_settings(service, patch));
  TRY(apply_registry(service, patch));
  TRY(environment_volumes_apply_mounts(service, json_object_get(patch, "volumeMounts")));
  apply_networking(service, json_object_get(patch, "networking"));
  return NULL;
}

static err *apply_service(json_t *config, const char *id, const char *at, const json_t *patch) {
  json_t *services = json_object_get(config, "services"), *service = json_object_get(services, id);
  bool created = json_get_bool(patch, "isCreated", false), deleted = json_get_bool(patch, "isDeleted", false);
  auto_free char *variables = str_format("%s.variables", at);
  if (!service && !created)
    return err_new(ERR_CONFLICT, "%s: it is not in the environment any more: discard what is staged for it", at);
  if (deleted) {
    json_object_del(services, id);
    return NULL;
  }
  if (!service) {
    service = json_pack("{s:O?, s:{}}", "name", json_object_get(patch, "name"), "variables");
    json_object_set_new(services, id, service);
  }
  TRY(err_wrap(apply_parts(service, patch), "%s", at));
  return apply_variables(json_object_get(service, "variables"), variables, json_object_get(patch, "variables"));
}

/* When all of the patch is applied: another service may have taken it. */
static void forget_volumes(json_t *after, const json_t *before, const json_t *patch) {
  const char *id;
  json_t *part;
  json_object_foreach(json_object_get(patch, "services"), id, part)
    if (json_get_bool(part, "isDeleted", false))
      environment_volumes_forget_service(after, json_object_get(json_object_get(before, "services"), id));
}

static const char *name_in(const json_t *config, const json_t *patch, const char *id) {
  const char *name = json_get_text(json_object_get(json_object_get(config, "services"), id), "name");
  return name ? name : json_get_text(patch, "name") ? json_get_text(patch, "name") : id;
}

err *environment_patch_apply(const json_t *config, const json_t *patch, json_t **ret_config) {
  auto_json *after = json_deep_copy(config);
  json_t *services = json_object_get(after, "services"), *part;
  const char *id;
  TRY(environment_volumes_apply(after, patch));
  TRY(environment_buckets_apply(after, patch));
  json_object_foreach(json_object_get(patch, "services"), id, part) {
    auto_free char *at = str_format("services.%s", name_in(config, part, id));
    TRY(apply_service(after, id, at, part));
  }
  forget_volumes(after, config, patch);
  TRY(environment_volumes_check(after));
  if (json_object_size(services) > PATCH_SERVICES_MAX)
    return err_new(ERR_LIMIT, "more than %d services", PATCH_SERVICES_MAX);
  TRY(apply_variables(json_object_get(after, "sharedVariables"), "sharedVariables", json_object_get(patch, "sharedVariables")));
  *ret_config = json_incref(after);
  return NULL;
}

/* ---- patches ---- */

static void merge_into(json_t *object, const json_t *more) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)more, key, value) {
    json_t *present = json_object_get(object, key);
    if (json_is_object(present) && json_is_object(value))
      merge_into(present, value);
    else
      json_object_set_new(object, key, json_deep_copy(value));
  }
}

/* What is to be made and then deleted is not made. */
static void drop_undone(json_t *patch, const char *key) {
  json_t *parts = json_object_get(patch, key), *part;
  const char *id;
  void *next;
  json_object_foreach_safe(parts, next, id, part)
    if (json_get_bool(part, "isCreated", false) && json_get_bool(part, "isDeleted", false))
      json_object_del(parts, id);
  if (parts && !json_object_size(parts)) json_object_del(patch, key);
}

json_t *environment_patch_merge(const json_t *patch, const json_t *more) {
  json_t *merged = json_deep_copy(patch);
  merge_into(merged, more);
  drop_undone(merged, "services");
  drop_undone(merged, "volumes");
  drop_undone(merged, "buckets");
  return merged;
}

/* Keys may hold dots: each that the path begins with is tried.  Objects that become empty go, too. */
static bool remove_at(json_t *object, const char *path) {
  const char *key;
  json_t *value;
  void *next;
  json_object_foreach_safe(object, next, key, value) {
    size_t len = strlen(key);
    if (strncmp(path, key, len) != 0) continue;
    bool whole = path[len] == '\0';
    if (!whole && !(path[len] == '.' && json_is_object(value) && remove_at(value, path + len + 1))) continue;
    if (whole || !json_object_size(value)) json_object_del(object, key);
    return true;
  }
  return false;
}

/* What follows `name` and a dot; "" when nothing does; NULL when the path does not begin with it. */
static const char *after_name(const char *path, const char *name) {
  size_t len = name ? strlen(name) : 0;
  if (!len || strncasecmp(path, name, len) != 0) return NULL;
  return !path[len] ? path + len : path[len] == '.' ? path + len + 1 : NULL;
}

static bool discard_of_service(json_t *services, const struct environment_rows *rows, const char *path) {
  const char *id;
  json_t *part;
  void *next;
  json_object_foreach_safe(services, next, id, part) {
    const struct service *row = environment_rows_service(rows, id);
    const char *rest = after_name(path, id);
    if (!rest) rest = after_name(path, row ? row->name : json_get_text(part, "name"));
    if (!rest) continue;
    if (*rest && !remove_at(part, rest)) continue;
    if (!*rest || !json_object_size(part)) json_object_del(services, id);
    return true;
  }
  return false;
}

/* "buckets.uploads": by the name that the patch has for it. */
static bool discard_named(json_t *patch, const char *kind, const char *path) {
  json_t *parts = json_object_get(patch, kind), *part;
  const char *id, *wanted = after_name(path, kind);
  void *next;
  json_object_foreach_safe(parts, next, id, part) {
    const char *rest = wanted ? after_name(wanted, json_get_text(part, "name")) : NULL;
    if (!rest || *rest) continue;
    json_object_del(parts, id);
    if (!json_object_size(parts)) json_object_del(patch, kind);
    return true;
  }
  return false;
}

err *environment_patch_discard(json_t *patch, const struct environment_rows *rows, const char *path) {
  json_t *services = json_object_get(patch, "services");
  const char *inner = after_name(path, "services");
  bool done = inner && *inner ? discard_of_service(services, rows, inner)
                              : discard_of_service(services, rows, path) || discard_named(patch, "volumes", path) ||
                                    discard_named(patch, "buckets", path) || remove_at(patch, path);
  if (services && !json_object_size(services)) json_object_del(patch, "services");
  return done ? NULL : err_new(ERR_NOT_FOUND, "nothing is staged at '%.200s'", path);
}

static void forget(json_t *variables, const json_t *present) {
  const char *name;
  json_t *entry;
  json_object_foreach(variables, name, entry)
    if (json_get_bool(entry, "isSealed", false) || json_get_bool(json_object_get(present, name), "isSealed", false))
      json_object_del(entry, "value");
}

void environment_patch_forget_sealed(json_t *patch, const json_t *config) {
  const json_t *present = json_object_get(config, "services");
  const char *id;
  json_t *part;
  json_object_foreach(json_object_get(patch, "services"), id, part) {
    forget(json_object_get(part, "variables"), json_object_get(json_object_get(present, id), "variables"));
    environment_config_hide_registry(part);
  }
  forget(json_object_get(patch, "sharedVariables"), json_object_get(config, "sharedVariables"));
}
