#include "cli/railway_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/environment_keys.h"
#include "core/environment_patch.h"
#include "model/backup.h"
#include "model/bucket.h"
#include "model/project.h"
#include "model/service.h"

/* ---- names ---- */

enum { DEPTH_MAX = 32 };

static void collect_names(const json_t *value, int depth, json_t *names) {
  const char *id = json_get_text(value, "id"), *name = json_get_text(value, "name"), *key;
  size_t i;
  json_t *inner;
  if (depth > DEPTH_MAX) return;
  if (id && name && !json_object_get(names, id)) json_object_set_new(names, id, json_string(name));
  json_object_foreach((json_t *)value, key, inner) collect_names(inner, depth + 1, names);
  json_array_foreach(value, i, inner) collect_names(inner, depth + 1, names);
}

json_t *railway_names_read(const json_t *status) {
  json_t *names = json_object();
  collect_names(status, 0, names);
  return names;
}

/* "ghcr.io/ada/web:1" → "web" */
static char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  const char *base = slash ? slash + 1 : path;
  return str_ndup(base, strcspn(base, ":@."));
}

static char *name_of(const char *id, const json_t *part, const json_t *names) {
  const json_t *source = json_object_get(part, "source");
  const char *given = json_get_text(part, "name"), *listed = json_get_text(names, id);
  const char *private_name = json_get_text(json_object_get(part, "networking"), "privateNetworkEndpoint");
  const char *repo = json_get_text(source, "repo"), *image = json_get_text(source, "image");
  if (given || listed) return str_dup(given ? given : listed);
  if (!id_valid(id)) return str_dup(id);
  if (!str_empty(private_name)) return str_ndup(private_name, strcspn(private_name, "."));
  if (!str_empty(repo) || !str_empty(image)) return base_name(str_empty(repo) ? image : repo);
  return str_format("service-%.8s", id);
}

/* Two services from one image: "web", "web-2". */
static char *unique_name(const json_t *services, char *name) {
  char *unique = str_dup(name);
  for (int n = 2; json_object_get(services, unique); n++) {
    free(unique);
    unique = str_format("%s-%d", name, n);
  }
  free(name);
  return unique;
}

/* ---- parts ---- */

static void take_variables(struct import_plan *plan, const char *owner, json_t *object, const char *key) {
  const json_t *given = json_object_get(object, key);
  json_t *variables = json_object(), *entry;
  const char *name;
  json_object_foreach((json_t *)given, name, entry) {
    const char *value = json_is_string(entry) ? json_string_value(entry) : json_get_text(entry, "value");
    if (!value) value = json_get_text(entry, "defaultValue");
    bool sealed = json_get_bool(entry, "isSealed", false);
    if (value) {
      json_t *taken = json_pack("{s:s}", "value", value);
      if (sealed) json_object_set_new(taken, "isSealed", json_true());
      json_object_set_new(variables, name, taken);
    } else if (!json_is_null(entry)) {
      strv_addf(&plan->notes, "%s: the variable %s is left out: %s has no value in the file; set it", owner, name,
                sealed ? "it is sealed and" : "it");
    }
  }
  json_object_set_new(object, key, variables);
  if (!json_object_size(variables)) json_object_del(object, key);
}

/* Its host is another installation's. */
static void take_domain(struct import_plan *plan, const char *name, json_t *part) {
  json_t *networking = json_object_get(part, "networking"), *entry;
  const json_t *domains = json_object_get(networking, "serviceDomains");
  const char *host;
  bool taken = false;
  auto_json *ours = json_object();
  json_object_foreach((json_t *)domains, host, entry) {
    if (json_is_null(entry)) continue;
    if (taken)
      strv_addf(&plan->notes, "%s: the domain %s is left out: there is one generated domain of a service", name, host);
    else
      json_object_set(ours, HAS_DOMAIN, entry);
    taken = true;
  }
  if (taken)
    json_object_set(networking, "serviceDomains", ours);
  else
    json_object_del(networking, "serviceDomains");
}

/* Empty ones of the same size: the data and the ids are another installation's. */
static void take_volumes(struct import_plan *plan, const char *name, json_t *part, const json_t *volumes) {
  json_t *ours = json_object_get(plan->patch, "volumes"), *mount;
  auto_json *given = json_incref(json_object_get(part, "volumeMounts")), *mounts = json_object();
  const char *id;
  json_object_foreach(given, id, mount) {
    const json_t *volume = json_object_get(volumes, id), *size = json_object_get(volume, "sizeMB");
    auto_free char *made = str_format("%s-volume", name);
    const char *its = json_get_text(volume, "name") ? json_get_text(volume, "name") : made;
    json_object_set_new(ours, its, json_pack("{s:b, s:O*}", "isCreated", true, "sizeMB", size));
    json_object_set_new(mounts, its, json_pack("{s:O*, s:O*}", "mountPath", json_object_get(mount, "mountPath"),
                                               BACKUP_SCHEDULES, json_object_get(mount, BACKUP_SCHEDULES)));
    strv_addf(&plan->notes, "%s: the volume %s comes without its data", name, its);
  }
  json_object_del(part, "volumeMounts");
  if (json_object_size(mounts)) json_object_set(part, "volumeMounts", mounts);
}

/* A name that S3 takes, near the one that it has. */
static char *bucket_name(const char *id, const json_t *bucket, const json_t *names) {
  const char *given = json_get_text(bucket, "name"), *listed = json_get_text(names, id);
  if (!given) given = listed ? listed : "";
  auto_free char *label = label_from_name(given), *cut = str_ndup(label, strnlen(label, BUCKET_NAME_MAX));
  auto_err *refused = bucket_name_check(cut);
  return refused ? str_format("bucket-%.8s", id) : str_dup(cut);
}

/* Empty ones, with keys of their own. */
static void take_buckets(struct import_plan *plan, const json_t *given, const json_t *names) {
  json_t *buckets = json_object(), *bucket;
  const char *id;
  json_object_foreach((json_t *)given, id, bucket) {
    if (!json_is_object(bucket) || json_get_bool(bucket, "isDeleted", false)) continue;
    auto_free char *name = bucket_name(id, bucket, names);
    json_object_set_new(buckets, name, json_pack("{s:b}", "isCreated", true));
    strv_addf(&plan->notes, "the bucket %s comes without its objects", name);
  }
  json_object_set_new(plan->patch, "buckets", buckets);
  if (!json_object_size(buckets)) json_object_del(plan->patch, "buckets");
}

static void take_service(struct import_plan *plan, const char *id, const json_t *given, const json_t *volumes,
                         const json_t *names) {
  json_t *services = json_object_get(plan->patch, "services"), *part = json_deep_copy(given);
  auto_free char *name = unique_name(services, name_of(id, given, names));
  const json_t *source = json_object_get(part, "source");
  json_object_set_new(services, name, part);
  json_object_set_new(part, "isCreated", json_true());
  json_object_set_new(part, "name", json_string(name));
  json_object_del(part, "isDeleted");
  take_domain(plan, name, part);
  take_variables(plan, name, part, "variables");
  take_volumes(plan, name, part, volumes);
  if (!json_get_text(source, "repo") && !json_get_text(source, "image"))
    strv_addf(&plan->uploads, "up --service %s", name);
}

static const json_t *find_document(const json_t *root) {
  static const char *const around[] = {"config", "serializedConfig", "environment", "data"};
  for (int depth = 0; depth < 4; depth++) {
    if (json_is_object(json_object_get(root, "services"))) return root;
    const json_t *inner = NULL;
    for (size_t i = 0; i < ARRAY_LEN(around) && !inner; i++) inner = json_object_get(root, around[i]);
    if (!inner) return NULL;
    root = inner;
  }
  return NULL;
}

err *railway_config_read(const json_t *root, const json_t *names, struct import_plan *ret_plan) {
  const json_t *document = find_document(root);
  auto_strv unavailable = STRV_EMPTY, unknown = STRV_EMPTY;
  if (!document) return err_new(ERR_INVALID, "this is no EnvironmentConfig: it has no \"services\"");
  struct import_plan plan = {.patch = json_deep_copy(document)};
  json_object_set_new(plan.patch, "services", json_object());
  json_object_set_new(plan.patch, "volumes", json_object());
  const char *id;
  json_t *part;
  json_object_foreach(json_object_get(document, "services"), id, part)
    if (json_is_object(part) && !json_get_bool(part, "isDeleted", false)) 
      take_service(&plan, id, part, json_object_get(document, "volumes"), names);
  take_variables(&plan, "shared", plan.patch, "sharedVariables");
  take_buckets(&plan, json_object_get(document, "buckets"), names);
  json_object_del(plan.patch, "$schema");
  if (!json_object_size(json_object_get(plan.patch, "volumes"))) json_object_del(plan.patch, "volumes");
  environment_keys_sift(plan.patch, &unavailable, &unknown);
  for (size_t i = 0; i < unavailable.len; i++)
    strv_addf(&plan.notes, "%s is left out: not available in Tramway yet", unavailable.items[i]);
  for (size_t i = 0; i < unknown.len; i++) strv_addf(&plan.notes, "%s is left out: no such key", unknown.items[i]);
  *ret_plan = plan;
  return NULL;
}
