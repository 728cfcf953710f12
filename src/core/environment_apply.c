#include "core/environment_apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/bucket_private.h"
#include "core/environment_apply_buckets.h"
#include "core/environment_apply_volumes.h"
#include "core/environment_patch.h"
#include "core/environment_volumes.h"
#include "core/volume_private.h"
#include "store/backup.h"
#include "store/domain.h"
#include "store/service.h"
#include "store/tcp_proxy.h"

void environment_apply_done(struct environment_apply *a) {
  for (size_t i = 0; i < a->scaled_len; i++) deployment_list_done(&a->scaled[i].touched);
  free(a->scaled);
  a->scaled = NULL;
  a->scaled_len = a->scaled_capacity = 0;
  strv_done(&a->affected);
  strv_done(&a->storages);
  a->affected = a->storages = STRV_EMPTY;
}

static err *admin_only(const struct environment_apply *a, const char *what) {
  return a->is_admin ? NULL : err_new(ERR_DENIED, "Not Authorized: %s needs the role admin in the workspace", what);
}

/* ---- variables ---- */

static err *apply_variables(struct environment_apply *a, const char *service_id, const json_t *before,
                            const json_t *after) {
  auto_json *changes = json_object();
  const char *name;
  json_t *entry;
  json_object_foreach((json_t *)after, name, entry) {
    const json_t *present = json_object_get(before, name);
    if (!present || !json_equal(present, entry)) json_object_set(changes, name, entry);
  }
  json_object_foreach((json_t *)before, name, entry)
    if (!json_object_get(after, name)) json_object_set_new(changes, name, json_null());
  if (!json_object_size(changes)) return NULL;
  return core_variables_apply(a->core, a->environment_id, service_id, changes, false, &a->affected);
}

/* When all services are there: they may name each other. */
static err *apply_all_variables(struct environment_apply *a) {
  const json_t *had = json_object_get(a->before, "services");
  const char *id;
  json_t *part;
  TRY(err_wrap(apply_variables(a, "", json_object_get(a->before, "sharedVariables"),
                               json_object_get(a->after, "sharedVariables")), "shared variables"));
  json_object_foreach(json_object_get(a->after, "services"), id, part)
    TRY(err_wrap(apply_variables(a, id, json_object_get(json_object_get(had, id), "variables"),
                                 json_object_get(part, "variables")), "service '%s'", json_get_text(part, "name")));
  return NULL;
}

/* ---- domains ---- */

static const struct domain *domain_row(const struct environment_apply *a, const char *host) {
  for (size_t i = 0; i < a->rows->domains.len; i++)
    if (str_eq(a->rows->domains.items[i].host, host)) return &a->rows->domains.items[i];
  return NULL;
}

/* Names below the installation's suffix are generated domains; others are the user's. */
static err *check_suffix(const struct environment_apply *a, const char *host, enum domain_kind kind) {
  auto_free char *suffix = str_format(".%s", a->core->options.domain_suffix);
  bool generated = str_ends(host, suffix);
  if (kind == DOMAIN_SERVICE && !generated)
    return err_new(ERR_INVALID, "domain '%s': a service domain ends in '%s'; \"" HAS_DOMAIN "\" gets one", host, suffix);
  if (kind == DOMAIN_CUSTOM && generated)
    return err_new(ERR_INVALID, "domain '%s': what ends in '%s' is no custom domain", host, suffix);
  return NULL;
}

static err *add_domain(const struct environment_apply *a, const struct service_instance *instance,
                       enum domain_kind kind, const char *host, int port) {
  auto_domain d = {.kind = kind, .target_port = port, .sync_status = SYNC_ACTIVE};
  if (str_eq(host, HAS_DOMAIN)) return core_domain_create(a->core, instance, port, &d);
  TRY(check_suffix(a, host, kind));
  d.host = str_dup(host);
  if (kind == DOMAIN_SERVICE) d.suffix = str_dup(a->core->options.domain_suffix);
  id_copy(d.project_id, instance->project_id);
  id_copy(d.environment_id, instance->environment_id);
  id_copy(d.service_id, instance->service_id);
  id_copy(d.service_instance_id, instance->id);
  return domain_insert(a->core->db, &d);
}

static err *apply_domain(const struct environment_apply *a, const struct service_instance *instance,
                         enum domain_kind kind, const char *host, const json_t *entry) {
  int port = (int)json_get_int(entry, "port", 0);
  const struct domain *present = domain_row(a, host);
  if (!present || !str_eq(present->service_instance_id, instance->id)) return add_domain(a, instance, kind, host, port);
  if (present->target_port == port) return NULL;
  return domain_set_target_port(a->core->db, present->id, port, clock_now_us());
}

static err *apply_domains(const struct environment_apply *a, const struct service_instance *instance,
                          const json_t *before, const json_t *after) {
  static const char *const keys[] = {[DOMAIN_SERVICE] = "serviceDomains", [DOMAIN_CUSTOM] = "customDomains"};
  const json_t *from = json_object_get(before, "networking"), *to = json_object_get(after, "networking");
  const char *host;
  json_t *entry;
  for (unsigned kind = 0; kind < sizeof keys / sizeof *keys; kind++) {
    const json_t *had = json_object_get(from, keys[kind]), *has = json_object_get(to, keys[kind]);
    json_object_foreach((json_t *)had, host, entry)
      if (!json_object_get(has, host)) TRY(domain_delete(a->core->db, domain_row(a, host)->id));
    json_object_foreach((json_t *)has, host, entry) TRY(apply_domain(a, instance, kind, host, entry));
  }
  if (from || to) routes_changed(a->core);
  return NULL;
}

/* ---- TCP proxies ---- */

static const struct tcp_proxy *proxy_row(const struct environment_apply *a, const char *instance_id, int port) {
  for (size_t i = 0; i < a->rows->tcp_proxies.len; i++) {
    const struct tcp_proxy *p = &a->rows->tcp_proxies.items[i];
    if (p->application_port == port && str_eq(p->service_instance_id, instance_id)) return p;
  }
  return NULL;
}

static err *apply_tcp_proxy(const struct environment_apply *a, const struct service_instance *instance,
                            const char *port, const json_t *entry) {
  auto_tcp_proxy made = {0};
  auto_json *none = json_array();
  const json_t *allow = json_object_get(entry, "allow");
  const struct tcp_proxy *present = proxy_row(a, instance->id, atoi(port));
  if (!present) return core_tcp_proxy_create(a->core, instance, atoi(port), allow, &made);
  if (json_equal(present->allow, allow ? allow : none)) return NULL;
  return core_tcp_proxy_allow(a->core, present->id, allow);
}

static err *apply_tcp_proxies(const struct environment_apply *a, const struct service_instance *instance,
                              const json_t *before, const json_t *after) {
  const json_t *had = json_object_get(json_object_get(before, "networking"), "tcpProxies");
  const json_t *has = json_object_get(json_object_get(after, "networking"), "tcpProxies");
  const char *port;
  json_t *entry;
  json_object_foreach((json_t *)had, port, entry)
    if (!json_object_get(has, port))
      TRY(core_tcp_proxy_delete(a->core, proxy_row(a, instance->id, atoi(port))->id));
  json_object_foreach((json_t *)has, port, entry) TRY(apply_tcp_proxy(a, instance, port, entry));
  return NULL;
}

/* ---- services ---- */

static err *check_source(const struct environment_apply *a, const struct service_settings *s) {
  if (!s->source_repo || (s->source_repo[0] != '/' && !str_starts(s->source_repo, "file:"))) return NULL;
  return err_wrap(admin_only(a, "reading it"), "a repository on the host, '%s'", s->source_repo);
}

static err *change_settings(struct environment_apply *a, const struct service_instance *instance,
                            const json_t *before, const json_t *after) {
  auto_service_settings had = {0}, has = {0};
  TRY(environment_config_settings(before, &had));
  TRY(environment_config_settings(after, &has));
  if (service_settings_equal(&had, &has)) return NULL;
  if (!str_eq(had.source_repo, has.source_repo)) TRY(check_source(a, &has));
  a->scaled = mem_grow(a->scaled, &a->scaled_capacity, a->scaled_len + 1, sizeof *a->scaled);
  struct scaled *scaled = &a->scaled[a->scaled_len++];
  *scaled = (struct scaled){.replicas = has.num_replicas};
  return scale_record(a->core, instance->id, &has, &scaled->touched);
}

static err *apply_registry(const struct environment_apply *a, const struct service_instance *instance,
                           const json_t *before, const json_t *after) {
  const json_t *had = environment_config_registry(before), *has = environment_config_registry(after);
  if (had == has || (had && has && json_equal(had, has))) return NULL;
  return core_registry_credentials(a->core, instance, json_get_text(has, "username"), json_get_text(has, "password"));
}

static const struct service_instance *instance_row(const struct environment_apply *a, const char *service_id) {
  for (size_t i = 0; i < a->rows->instances.len; i++)
    if (str_eq(a->rows->instances.items[i].service_id, service_id)) return &a->rows->instances.items[i];
  return NULL;
}

static err *make_service(const struct environment_apply *a, const char *id, const char *name) {
  auto_service s = {0};
  id_copy(s.id, id);
  id_copy(s.project_id, a->project_id);
  TRY(service_set_name(&s, name));
  return service_insert(a->core->db, &s);
}

/* In this environment only. */
static err *make_instance(const struct environment_apply *a, const char *id, const json_t *after,
                          struct service_instance *ret_instance) {
  if (!environment_rows_service(a->rows, id)) TRY(make_service(a, id, json_get_text(after, "name")));
  id_copy(ret_instance->project_id, a->project_id);
  id_copy(ret_instance->environment_id, a->environment_id);
  id_copy(ret_instance->service_id, id);
  TRY(environment_config_settings(after, &ret_instance->settings));
  TRY(check_source(a, &ret_instance->settings));
  return service_instance_insert(a->core->db, ret_instance);
}

static err *apply_service(struct environment_apply *a, const char *id, const json_t *before, const json_t *after) {
  auto_service_instance made = {0};
  const struct service_instance *instance = instance_row(a, id);
  if (instance)
    TRY(change_settings(a, instance, before, after));
  else
    TRY(make_instance(a, id, after, &made));
  if (!instance) instance = &made;
  TRY(apply_registry(a, instance, before, after));
  TRY(apply_tcp_proxies(a, instance, before, after));
  return apply_domains(a, instance, before, after);
}

/* One that a point-in-time restore made goes when another gets its volume: who may restore may swap. */
static err *is_swapped_in(const struct environment_apply *a, const char *id, bool *ret_is) {
  auto_backup_restore r = {0};
  const char *other;
  TRY(backup_restore_find_by_service(a->core->db, id, ret_is, &r));
  *ret_is = *ret_is && r.state == RESTORE_DONE && environment_volumes_mount(a->after, r.target_volume_id, &other);
  return NULL;
}

/* From this environment; when that is the last, the service itself. */
static err *delete_service(struct environment_apply *a, const char *id) {
  auto_service_instance_list all = {0};
  bool is_leftover = false;
  TRY(is_swapped_in(a, id, &is_leftover));
  if (!is_leftover) TRY(admin_only(a, "deleting a service"));
  TRY(service_instance_list_by_service(a->core->db, id, &all));
  a->deletes = true;
  if (all.len > 1) return service_instance_leave(a->core, instance_row(a, id));
  return service_mark_deleted(a->core->db, id, clock_now_us());
}

err *environment_apply(struct environment_apply *a) {
  const json_t *had = json_object_get(a->before, "services"), *has = json_object_get(a->after, "services");
  const char *id;
  json_t *part;
  TRY(environment_apply_volumes_off(a));
  json_object_foreach((json_t *)had, id, part)
    if (!json_object_get(has, id))
      TRY(err_wrap(delete_service(a, id), "service '%s'", json_get_text(part, "name")));
  json_object_foreach((json_t *)has, id, part)
    TRY(err_wrap(apply_service(a, id, json_object_get(had, id), part), "service '%s'", json_get_text(part, "name")));
  TRY(environment_apply_volumes_on(a));
  TRY(environment_apply_buckets(a));
  return apply_all_variables(a);
}

void environment_apply_follow(struct environment_apply *a) {
  for (size_t i = 0; i < a->scaled_len; i++) scale_follow_list(a->core, &a->scaled[i].touched, a->scaled[i].replicas);
  if (a->deletes) removal_wake(a->core);
  if (a->volumes) volumes_wake(a->core);
  for (size_t i = 0; i < a->storages.len; i++) buckets_tell(a->core, a->storages.items[i], a->environment_id);
}
