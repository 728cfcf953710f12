#include "core/environment_keys.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "model/service_settings.h"

enum treatment {
  HONOURED,  /* checked by core/environment_patch.c */
  LATER,     /* Railway's; not available yet */
  WITHOUT,   /* has no meaning here: dropped */
};

struct key {
  const char *path;
  enum treatment treatment;
};

/* clang-format off */
static const struct key root_keys[] = {
  { "services",               HONOURED }, { "sharedVariables",       HONOURED },
  { "volumes",                HONOURED }, { "buckets",               HONOURED },
  { "privateNetworkDisabled", LATER },    { "groups",                WITHOUT },
};
/* Beside the settings (model/service_settings.c), which are all honoured. */
static const struct key service_keys[] = {
  { "name",                               HONOURED }, { "isCreated",                 HONOURED },
  { "isDeleted",                          HONOURED }, { "variables",                 HONOURED },
  { "networking.serviceDomains",          HONOURED }, { "networking.customDomains",  HONOURED },
  { "networking.tcpProxies",              HONOURED }, { "networking.privateNetworkEndpoint", WITHOUT },
  { "source.kind",                        WITHOUT },  { "source.upstreamUrl",        WITHOUT },
  { "source.checkSuites",                 LATER },    { "deploy.cronSchedule",       LATER },
  { "build.buildEnvironment",             WITHOUT },  { "build.nixpacksVersion",     WITHOUT },
  { "build.railpackVersion",              WITHOUT },  { "build.nixpacksConfigPath",  LATER },
  { "build.nixpacksPlan",                 LATER },    { "deploy.registryCredentials", HONOURED },
  { "deploy.sleepApplication",            LATER },    { "deploy.ipv6EgressEnabled",  LATER },
  { "deploy.region",                      WITHOUT },  { "deploy.runtime",            WITHOUT },
  { "deploy.useLegacyStacker",            WITHOUT },  { "deploy.limitOverride.containers.diskBytes", LATER },
  { "volumeMounts",                       HONOURED },   { "parentServiceId",           LATER },
  { "clusterRole",                        LATER },    { "clusterWiring",             LATER },
  { "groupId",                            WITHOUT },  { "icon",                      WITHOUT },
};
static const struct key volume_keys[] = {
  { "name",                   HONOURED }, { "sizeMB",                HONOURED },
  { "isCreated",              HONOURED }, { "isDeleted",             HONOURED },
  { "region",                 WITHOUT },  { "allowOnlineResize",     WITHOUT },
  { "alerts",                 LATER },
};
static const struct key bucket_keys[] = {
  { "name",                   HONOURED }, { "region",                HONOURED },
  { "isCreated",              HONOURED }, { "isDeleted",             HONOURED },
};
static const struct key mount_keys[] = {
  { "mountPath",              HONOURED }, { "backupSchedules",       HONOURED },
};
static const struct key tcp_proxy_keys[] = {
  { "allow",                  HONOURED },
};
/* clang-format on */

/* What the walk through one object knows. */
struct sifting {
  const struct key *keys;
  size_t count;
  bool has_settings;
  const char *owner; /* "services.web", or "" */
  struct strv *unavailable, *unknown;
};

static const struct key *key_named(const struct sifting *s, const char *path) {
  for (size_t i = 0; i < s->count; i++)
    if (str_eq(s->keys[i].path, path)) return &s->keys[i];
  return NULL;
}

/* Whether some key is below `path`. */
static bool is_group(const struct sifting *s, const char *path) {
  auto_free char *prefix = str_format("%s.", path);
  for (size_t i = 0; i < s->count; i++)
    if (str_starts(s->keys[i].path, prefix)) return true;
  for (size_t i = 0; s->has_settings && i < service_settings_count(); i++)
    if (str_starts(service_settings_path(i), prefix)) return true;
  return false;
}

/* null, false, 0, "", {}, [] and {"type": "disabled"} ask for nothing. */
static bool asks_for_nothing(const json_t *value) {
  if (json_is_null(value) || json_is_false(value)) return true;
  if (json_is_object(value))
    return !json_object_size(value) || str_eq(json_get_text(value, "type"), "disabled");
  if (json_is_array(value)) return !json_array_size(value);
  if (json_is_string(value)) return !json_string_length(value);
  return json_is_number(value) && json_number_value(value) == 0;
}

static void look_nearer(const char *path, const char *candidate, size_t *distance, const char **nearest) {
  size_t far = str_distance(path, candidate);
  if (far >= *distance) return;
  *distance = far;
  *nearest = candidate;
}

static void note_unknown(const struct sifting *s, const char *path, const char *full) {
  enum { NEAR = 5 };
  const char *nearest = NULL;
  size_t distance = NEAR;
  for (size_t i = 0; i < s->count; i++)
    if (s->keys[i].treatment == HONOURED) look_nearer(path, s->keys[i].path, &distance, &nearest);
  for (size_t i = 0; s->has_settings && i < service_settings_count(); i++)
    look_nearer(path, service_settings_path(i), &distance, &nearest);
  if (nearest)
    strv_addf(s->unknown, "%s (did you mean %s?)", full, nearest);
  else
    strv_add(s->unknown, full);
}

static void sift_object(const struct sifting *s, const char *prefix, json_t *object);

/* Whether the key stays. */
static bool keep(const struct sifting *s, const char *path, json_t *value) {
  bool is_kind = str_eq(path, "source.kind"); /* a setting of ours, but no key of the document */
  if (s->has_settings && !is_kind && service_settings_known_key(path)) return true;
  const struct key *key = key_named(s, path);
  auto_free char *full = *s->owner ? str_format("%s.%s", s->owner, path) : str_dup(path);
  if (key && key->treatment == LATER && !asks_for_nothing(value)) strv_add(s->unavailable, full);
  if (key) return key->treatment == HONOURED;
  if (!is_group(s, path)) {
    note_unknown(s, path, full);
    return false;
  }
  if (json_is_object(value)) sift_object(s, path, value);
  return true; /* null, or what the settings will refuse */
}

static void sift_object(const struct sifting *s, const char *prefix, json_t *object) {
  const char *name;
  json_t *value;
  void *next;
  json_object_foreach_safe(object, next, name, value) {
    auto_free char *path = *prefix ? str_format("%s.%s", prefix, name) : str_dup(name);
    if (!keep(s, path, value)) json_object_del(object, name);
  }
}

/* {"us-west": {"numReplicas": 2}, "eu": {"numReplicas": 1}} → numReplicas 3, unless that is given, too. */
static void join_regions(json_t *service) {
  json_t *deploy = json_object_get(service, "deploy"), *region;
  const json_t *regions = json_object_get(deploy, "multiRegionConfig");
  const char *name;
  json_int_t replicas = 0;
  json_object_foreach((json_t *)regions, name, region) replicas += json_get_int(region, "numReplicas", 0);
  if (replicas > 0 && !json_object_get(deploy, "numReplicas"))
    json_object_set_new(deploy, "numReplicas", json_integer(replicas));
  json_object_del(deploy, "multiRegionConfig");
}

/* Each of the objects in `entries`. */
static void sift_entries(const struct sifting *how, json_t *entries) {
  const char *key;
  json_t *entry;
  json_object_foreach(entries, key, entry) {
    auto_free char *owner = str_format("%s.%s", how->owner, key);
    struct sifting one = *how;
    one.owner = owner;
    if (json_is_object(entry)) sift_object(&one, "", entry);
  }
}

#define ENTRIES(table, of) \
  (&(struct sifting){.keys = table, .count = ARRAY_LEN(table), .owner = of, .unavailable = ret_unavailable, .unknown = ret_unknown})

static void sift_inside(json_t *service, const char *owner, struct strv *ret_unavailable, struct strv *ret_unknown) {
  auto_free char *mounts = str_format("%s.volumeMounts", owner), *proxies = str_format("%s.networking.tcpProxies", owner);
  sift_entries(ENTRIES(mount_keys, mounts), json_object_get(service, "volumeMounts"));
  sift_entries(ENTRIES(tcp_proxy_keys, proxies), json_object_get(json_object_get(service, "networking"), "tcpProxies"));
}

void environment_keys_sift(json_t *patch, struct strv *ret_unavailable, struct strv *ret_unknown) {
  struct sifting root = {.keys = root_keys, .count = ARRAY_LEN(root_keys), .owner = "",
                         .unavailable = ret_unavailable, .unknown = ret_unknown};
  const char *id;
  json_t *service;
  sift_object(&root, "", patch);
  json_object_foreach(json_object_get(patch, "services"), id, service) {
    if (!json_is_object(service)) continue;
    const char *name = json_get_text(service, "name");
    auto_free char *owner = str_format("services.%s", name ? name : id);
    struct sifting inner = {.keys = service_keys, .count = ARRAY_LEN(service_keys), .has_settings = true,
                            .owner = owner, .unavailable = ret_unavailable, .unknown = ret_unknown};
    join_regions(service);
    sift_object(&inner, "", service);
    sift_inside(service, owner, ret_unavailable, ret_unknown);
  }
  sift_entries(ENTRIES(volume_keys, "volumes"), json_object_get(patch, "volumes"));
  sift_entries(ENTRIES(bucket_keys, "buckets"), json_object_get(patch, "buckets"));
}
