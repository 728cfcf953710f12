#include "core/environment_diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "model/backup.h"

MODEL_ENUM_WORDS(environment_change_kind, "kind of change", "CREATED", "UPDATED", "DELETED");

void environment_diff_done(struct environment_diff *diff) {
  for (size_t i = 0; i < diff->len; i++) {
    free(diff->items[i].service_name);
    free(diff->items[i].path);
    free(diff->items[i].from);
    free(diff->items[i].to);
  }
  free(diff->items);
  *diff = (struct environment_diff){0};
}

/* Of what is being compared. */
struct side {
  struct environment_diff *diff;
  const char *service_id, *service_name;
  bool values;
};

static struct environment_change *add(const struct side *at, const char *path, const json_t *before,
                                      const json_t *after) {
  struct environment_diff *diff = at->diff;
  diff->items = mem_grow(diff->items, &diff->capacity, diff->len + 1, sizeof *diff->items);
  struct environment_change *c = &diff->items[diff->len++];
  *c = (struct environment_change){.kind = !before ? CHANGE_CREATED : !after ? CHANGE_DELETED : CHANGE_UPDATED,
                                   .service_name = str_dup(at->service_name),
                                   .path = str_dup(path)};
  id_copy(c->service_id, at->service_id);
  return c;
}

static char *text_of(const json_t *value) {
  auto_strv texts = STRV_EMPTY;
  if (!value || json_is_null(value)) return NULL;
  if (json_is_string(value)) return str_dup(json_string_value(value));
  if (!json_is_array(value)) return json_to_text(value);
  for (size_t i = 0; i < json_array_size(value); i++) {
    auto_free char *item = text_of(json_array_get(value, i));
    strv_add(&texts, item ? item : "");
  }
  return strv_join(&texts, ", ");
}

/* ---- settings: leaf by leaf ---- */

static void compare_values(const struct side *at, const char *path, const json_t *before, const json_t *after);

typedef void compare_fn(const struct side *at, const char *path, const json_t *before, const json_t *after);

static void compare_entries(const struct side *at, const char *prefix, const json_t *before, const json_t *after,
                            compare_fn *compare) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)before, key, value) {
    auto_free char *path = str_format("%s.%s", prefix, key);
    compare(at, path, value, json_object_get(after, key));
  }
  json_object_foreach((json_t *)after, key, value) {
    auto_free char *path = str_format("%s.%s", prefix, key);
    if (!json_object_get(before, key)) compare(at, path, NULL, value);
  }
}

static void compare_secrets(const struct side *at, const char *path, const json_t *before, const json_t *after) {
  if ((before && after && json_equal(before, after)) || (!before && !after)) return;
  add(at, path, before, after)->is_sealed = true;
}

static void compare_values(const struct side *at, const char *path, const json_t *before, const json_t *after) {
  if (str_eq(path, "deploy.registryCredentials")) {
    compare_secrets(at, path, before, after);
  } else if (json_is_object(before) || json_is_object(after)) {
    compare_entries(at, path, before, after, compare_values);
  } else if ((before || after) && !json_equal(before, after)) {
    struct environment_change *c = add(at, path, before, after);
    c->from = text_of(before);
    c->to = text_of(after);
  }
}

/* ---- domains and variables: entry by entry ---- */

static void compare_domain(const struct side *at, const char *path, const json_t *before, const json_t *after) {
  if ((before && after && json_equal(before, after)) || (!before && !after)) return;
  struct environment_change *c = add(at, path, before, after);
  long long from = json_get_int(before, "port", 0), to = json_get_int(after, "port", 0);
  if (before) c->from = from ? str_format("port %lld", from) : str_dup("the app's port");
  if (after) c->to = to ? str_format("port %lld", to) : str_dup("the app's port");
}

static char *allowed(const json_t *entry) {
  const json_t *allow = json_object_get(entry, "allow");
  return json_array_size(allow) ? text_of(allow) : str_dup("everybody");
}

static void compare_tcp_proxy(const struct side *at, const char *path, const json_t *before, const json_t *after) {
  if ((before && after && json_equal(before, after)) || (!before && !after)) return;
  struct environment_change *c = add(at, path, before, after);
  if (before) c->from = allowed(before);
  if (after) c->to = allowed(after);
}

static void compare_variable(const struct side *at, const char *path, const json_t *before, const json_t *after) {
  if ((before && after && json_equal(before, after)) || (!before && !after)) return;
  struct environment_change *c = add(at, path, before, after);
  c->is_variable = true;
  c->is_sealed = json_get_bool(before, "isSealed", false) || json_get_bool(after, "isSealed", false);
  if (c->is_sealed || !at->values) return;
  c->from = str_dup(json_get_text(before, "value"));
  c->to = str_dup(json_get_text(after, "value"));
}

/* ---- volumes: entry by entry ---- */

static char *size_text(const json_t *volume) {
  long long size = json_get_int(volume, "sizeMB", 0);
  const char *name = json_get_text(volume, "name");
  auto_free char *text = str_format("%lld MB", size);
  return str_format("%s%s%s", name ? name : "a volume", size ? ", " : "", size ? text : "");
}

static void compare_volume(const struct side *at, const char *path, const json_t *before, const json_t *after) {
  if ((before && after && json_equal(before, after)) || (!before && !after)) return;
  struct environment_change *c = add(at, path, before, after);
  if (before) c->from = size_text(before);
  if (after) c->to = size_text(after);
}

static json_t *schedules_of(const json_t *mount) {
  static const struct backup_schedule all = {.daily = true, .weekly = true, .monthly = true};
  json_t *given = json_object_get(mount, BACKUP_SCHEDULES);
  return given ? json_incref(given) : backup_schedule_kinds(&all);
}

static char *schedules_text(const json_t *kinds) {
  return json_array_size(kinds) ? text_of(kinds) : str_dup("none");
}

/* One that is attached elsewhere keeps what it has, and so says nothing of it. */
static void compare_schedules(const struct side *at, const char *mount_path, const json_t *before, const json_t *after) {
  auto_free char *path = str_format("%s." BACKUP_SCHEDULES, mount_path);
  auto_json *from = schedules_of(before), *to = schedules_of(after);
  if (!json_object_get(after, BACKUP_SCHEDULES) || json_equal(from, to)) return;
  struct environment_change *c = add(at, path, from, to);
  c->from = schedules_text(from);
  c->to = schedules_text(to);
}

static void compare_mount(const struct side *at, const char *path, const json_t *before, const json_t *after) {
  const char *from = json_get_text(before, "mountPath"), *to = json_get_text(after, "mountPath");
  if (!str_eq(from, to)) {
    struct environment_change *c = add(at, path, before, after);
    c->from = str_dup(from);
    c->to = str_dup(to);
  }
  if (after) compare_schedules(at, path, before, after);
}

/* ---- buckets ---- */

static void compare_bucket(const struct side *at, const char *path, const json_t *before, const json_t *after) {
  if (!before == !after) return; /* nothing of one that stays can change here */
  struct environment_change *c = add(at, path, before, after);
  if (before) c->from = str_dup(json_get_text(before, "name"));
  if (after) c->to = str_dup(json_get_text(after, "name"));
}

/* ---- services ---- */

static void compare_service(struct side *at, const char *id, const json_t *before, const json_t *after) {
  static const char *const groups[] = {"configFile", "source", "build", "deploy"};
  static const char *const domains[] = {"serviceDomains", "customDomains"};
  const json_t *net_before = json_object_get(before, "networking"), *net_after = json_object_get(after, "networking");
  at->service_id = id;
  at->service_name = json_get_text(after ? after : before, "name");
  if (!before != !after) add(at, "", before, after);
  if (!after) return; /* all of it goes */
  for (size_t i = 0; i < ARRAY_LEN(groups); i++)
    compare_values(at, groups[i], json_object_get(before, groups[i]), json_object_get(after, groups[i]));
  for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
    auto_free char *path = str_format("networking.%s", domains[i]);
    compare_entries(at, path, json_object_get(net_before, domains[i]), json_object_get(net_after, domains[i]),
                    compare_domain);
  }
  compare_entries(at, "volumeMounts", json_object_get(before, "volumeMounts"), json_object_get(after, "volumeMounts"),
                  compare_mount);
  compare_entries(at, "networking.tcpProxies", json_object_get(net_before, "tcpProxies"),
                  json_object_get(net_after, "tcpProxies"), compare_tcp_proxy);
  compare_entries(at, "variables", json_object_get(before, "variables"), json_object_get(after, "variables"),
                  compare_variable);
}

void environment_diff_make(const json_t *before, const json_t *after, bool values, struct environment_diff *ret_diff) {
  *ret_diff = (struct environment_diff){0};
  struct side at = {.diff = ret_diff, .values = values};
  const json_t *had = json_object_get(before, "services"), *has = json_object_get(after, "services");
  const char *id;
  json_t *service;
  json_object_foreach((json_t *)has, id, service) compare_service(&at, id, json_object_get(had, id), service);
  json_object_foreach((json_t *)had, id, service)
    if (!json_object_get(has, id)) compare_service(&at, id, service, NULL);
  at.service_id = at.service_name = NULL;
  compare_entries(&at, "volumes", json_object_get(before, "volumes"), json_object_get(after, "volumes"), compare_volume);
  compare_entries(&at, "buckets", json_object_get(before, "buckets"), json_object_get(after, "buckets"), compare_bucket);
  compare_entries(&at, "sharedVariables", json_object_get(before, "sharedVariables"),
                  json_object_get(after, "sharedVariables"), compare_variable);
}

static json_t *change_json(const struct environment_change *c) {
  return json_pack("{s:s, s:s?, s:s?, s:s, s:s?, s:s?, s:b, s:b}", "kind", environment_change_kind_name(c->kind),
                   "serviceId", *c->service_id ? c->service_id : NULL, "serviceName", c->service_name, "path", c->path,
                   "from", c->from, "to", c->to, "isVariable", c->is_variable, "isSealed", c->is_sealed);
}

json_t *environment_diff_json(const struct environment_diff *diff) {
  json_t *list = json_array();
  for (size_t i = 0; i < diff->len; i++) json_array_append_new(list, change_json(&diff->items[i]));
  return list;
}

/* ---- who is to be deployed ---- */

static bool needs_deployment(const struct environment_change *c) {
  if (!*c->path) return c->kind != CHANGE_DELETED;
  return !str_starts(c->path, "networking.") && !str_eq(c->path, "deploy.numReplicas") &&
         !str_ends(c->path, "." BACKUP_SCHEDULES);
}

void environment_diff_affected(const struct environment_diff *diff, struct strv *ret_ids) {
  for (size_t i = 0; i < diff->len; i++) {
    const struct environment_change *c = &diff->items[i];
    if (*c->service_id && needs_deployment(c) && !strv_has(ret_ids, c->service_id)) strv_add(ret_ids, c->service_id);
  }
}
