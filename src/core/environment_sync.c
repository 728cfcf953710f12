#include "core/environment_sync.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/environment_buckets.h"
#include "core/environment_patch.h"

/* What `to` lacks to be as `from`, leaf by leaf; null is the default.  NULL stands for {}. */
static json_t *difference(const json_t *from, const json_t *to) {
  json_t *patch = json_object(), *value;
  const char *key;
  json_object_foreach((json_t *)from, key, value) {
    const json_t *present = json_object_get(to, key);
    if (present && json_equal(present, value)) continue;
    if (json_is_object(value))
      json_object_set_new(patch, key, difference(value, json_is_object(present) ? present : NULL));
    else
      json_object_set_new(patch, key, json_deep_copy(value));
  }
  json_object_foreach((json_t *)to, key, value)
    if (!json_object_get(from, key))
      json_object_set_new(patch, key, json_is_object(value) ? difference(NULL, value) : json_null());
  return patch;
}

static void set_unless_empty(json_t *object, const char *key, json_t *part) {
  if (json_object_size(part))
    json_object_set(object, key, part);
  json_decref(part);
}

static void add_settings(json_t *patch, const json_t *from, const json_t *to) {
  static const char *const parts[] = {"build", "deploy", "source"};
  const json_t *its_source = json_object_get(from, "source"), *our_source = json_object_get(to, "source");
  const char *repo = json_get_text(its_source, "repo"), *file = json_get_text(from, "configFile");
  for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
    json_t *part = difference(json_object_get(from, parts[i]), json_object_get(to, parts[i]));
    if (str_eq(parts[i], "source") && repo && str_eq(repo, json_get_text(our_source, "repo"))) {
      json_object_del(part, "branch");
      json_object_del(part, "commitSha");
    }
    json_object_del(part, "registryCredentials"); /* as what is sealed, which each environment has of its own */
    set_unless_empty(patch, parts[i], part);
  }
  if (!str_eq(file, json_get_text(to, "configFile")))
    json_object_set_new(patch, "configFile", file ? json_string(file) : json_null());
}

static bool is_sealed(const json_t *variable) {
  return json_get_bool(variable, "isSealed", false);
}

static json_t *variables_patch(const json_t *from, const json_t *to) {
  json_t *patch = json_object(), *entry;
  const char *name;
  json_object_foreach((json_t *)from, name, entry) {
    const json_t *present = json_object_get(to, name);
    bool same = str_eq(json_get_text(entry, "value"), json_get_text(present, "value"));
    if (is_sealed(entry) || is_sealed(present) || (present && same)) continue;
    json_object_set_new(patch, name, json_pack("{s:O}", "value", json_object_get(entry, "value")));
  }
  json_object_foreach((json_t *)to, name, entry)
    if (!json_object_get(from, name) && !is_sealed(entry)) json_object_set_new(patch, name, json_null());
  return patch;
}

static json_t *service_patch(const json_t *from, const json_t *to) {
  json_t *patch = json_object();
  const json_t *generated = json_object_get(json_object_get(from, "networking"), "serviceDomains");
  if (!to) {
    json_object_set_new(patch, "isCreated", json_true());
    json_object_set_new(patch, "name", json_incref(json_object_get(from, "name")));
    if (json_object_size(generated))
      json_object_set_new(patch, "networking", json_pack("{s:{s:{}}}", "serviceDomains", HAS_DOMAIN));
    if (json_object_get(from, "volumeMounts")) json_object_set(patch, "volumeMounts", json_object_get(from, "volumeMounts"));
  }
  add_settings(patch, from, to);
  set_unless_empty(patch, "variables", variables_patch(json_object_get(from, "variables"), json_object_get(to, "variables")));
  return patch;
}

/* The volumes of services that come to `to`: there, empty.  Those that are in both have data of their own. */
static json_t *volumes_patch(const json_t *from, const json_t *to, const json_t *services) {
  json_t *patch = json_object(), *service, *mount;
  const char *id, *volume_id;
  json_object_foreach((json_t *)services, id, service)
    json_object_foreach(json_object_get(service, "volumeMounts"), volume_id, mount) {
      json_t *volume = json_object_get(json_object_get(from, "volumes"), volume_id);
      if (!volume || json_object_get(json_object_get(to, "volumes"), volume_id)) continue;
      json_object_set_new(patch, volume_id, json_pack("{s:b, s:O, s:O}", "isCreated", true, "name",
                                                      json_object_get(volume, "name"), "sizeMB",
                                                      json_object_get(volume, "sizeMB")));
    }
  return patch;
}

static json_t *buckets_patch(const json_t *from, const json_t *to) {
  const json_t *theirs = json_object_get(from, "buckets"), *ours = json_object_get(to, "buckets");
  json_t *patch = json_object(), *bucket;
  const char *id;
  json_object_foreach((json_t *)theirs, id, bucket)
    if (!json_object_get(ours, id))
      json_object_set_new(patch, id, json_pack("{s:b, s:O}", "isCreated", true, "name", json_object_get(bucket, "name")));
  json_object_foreach((json_t *)ours, id, bucket)
    if (!json_object_get(theirs, id)) json_object_set_new(patch, id, json_pack("{s:b}", "isDeleted", true));
  return patch;
}

/* Each environment may have made a storage service of its own: it stays with the buckets that it has. */
static bool is_other_storage(const json_t *from, const json_t *to, const char *service_id) {
  const char *theirs = environment_buckets_storage(from), *ours = environment_buckets_storage(to);
  return theirs && ours && !str_eq(theirs, ours) && (str_eq(service_id, theirs) || str_eq(service_id, ours));
}

json_t *environment_sync_patch(const json_t *from, const json_t *to) {
  const json_t *theirs = json_object_get(from, "services"), *ours = json_object_get(to, "services");
  json_t *patch = json_object(), *services = json_object(), *service;
  const char *id;
  json_object_foreach((json_t *)theirs, id, service)
    if (!is_other_storage(from, to, id))
      set_unless_empty(services, id, service_patch(service, json_object_get(ours, id)));
  json_object_foreach((json_t *)ours, id, service)
    if (!json_object_get(theirs, id) && !is_other_storage(from, to, id))
      json_object_set_new(services, id, json_pack("{s:b}", "isDeleted", true));
  set_unless_empty(patch, "buckets", buckets_patch(from, to));
  set_unless_empty(patch, "volumes", volumes_patch(from, to, services));
  set_unless_empty(patch, "services", services);
  set_unless_empty(patch, "sharedVariables",
                   variables_patch(json_object_get(from, "sharedVariables"), json_object_get(to, "sharedVariables")));
  return patch;
}
