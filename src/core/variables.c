/* The variables of services with everything that their references need: what users set in the environment, and what
 * the platform gives. */
#include "core/variables.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "core/bucket_private.h"
#include "core/control_variables.h"
#include "core/dependencies.h"
#include "core/railway_variables.h"
#include "core/release.h"
#include "core/volume_private.h"
#include "store/artifact.h"
#include "store/deployment.h"
#include "store/service.h"
#include "store/tcp_proxy.h"
#include "store/variable.h"

/* ---- the world that references look into ---- */

static void add_variable(json_t *variables, json_t *sealed, const struct variable *v) {
  if (!json_object_get(variables, v->service_id)) json_object_set_new(variables, v->service_id, json_object());
  json_object_set_new(json_object_get(variables, v->service_id), v->name, json_string(v->value));
  if (!v->is_sealed) return;
  if (!json_object_get(sealed, v->service_id)) json_object_set_new(sealed, v->service_id, json_object());
  json_object_set_new(json_object_get(sealed, v->service_id), v->name, json_true());
}

static void add_namespace(struct service_list *to, const char *id, const char *project_id, const char *name) {
  struct service *s = &to->items[to->len++];
  *s = (struct service){.name = str_dup(name)};
  id_copy(s->id, id);
  id_copy(s->project_id, project_id);
}

/* A bucket whose name a service has is not found by it. */
static err *load_namespaces(struct world *w) {
  auto_bucket_list buckets = {0};
  auto_json *variables = NULL;
  TRY(buckets_variables(w->core, w->environment.id, &buckets, &variables));
  service_list_done(&w->namespaces);
  w->namespaces.items = mem_realloc_array(NULL, w->services.len + buckets.len + 1, sizeof *w->namespaces.items);
  for (size_t i = 0; i < w->services.len; i++) service_copy(&w->services.items[i], &w->namespaces.items[w->namespaces.len++]);
  for (size_t i = 0; i < buckets.len; i++)
    add_namespace(&w->namespaces, buckets.items[i].id, w->project.id, buckets.items[i].name);
  json_object_update(w->variables, variables);
  return NULL;
}

err *world_load_variables(struct world *w) {
  auto_variable_list list = {0};
  TRY(variable_list_by_environment(w->core->db, w->environment.id, &list));
  json_decref(w->variables);
  json_decref(w->sealed);
  w->variables = json_object();
  w->sealed = json_object();
  for (size_t i = 0; i < list.len; i++) add_variable(w->variables, w->sealed, &list.items[i]);
  return load_namespaces(w);
}

err *world_load(core *c, const char *environment_id, struct world *w) {
  w->core = c;
  w->platforms = json_object();
  TRY(environment_get(c->db, environment_id, &w->environment));
  TRY(project_get(c->db, w->environment.project_id, &w->project));
  TRY(service_list_by_project(c->db, w->project.id, NULL, &w->services));
  TRY(tcp_proxy_list_by_environment(c->db, environment_id, &w->tcp_proxies));
  return domain_list_by_environment(c->db, environment_id, &w->domains);
}

void world_done(struct world *w) {
  environment_done(&w->environment);
  project_done(&w->project);
  service_list_done(&w->services);
  service_list_done(&w->namespaces);
  domain_list_done(&w->domains);
  tcp_proxy_list_done(&w->tcp_proxies);
  json_decref(w->variables);
  json_decref(w->sealed);
  json_decref(w->platforms);
}

/* ---- what the platform gives ---- */

static const struct service *service_in(const struct world *w, const char *id) {
  for (size_t i = 0; i < w->services.len; i++)
    if (str_eq(w->services.items[i].id, id)) return &w->services.items[i];
  return NULL;
}

static const char *host_of(const struct world *w, const char *service_id) {
  for (size_t i = 0; i < w->domains.len; i++)
    if (str_eq(w->domains.items[i].service_id, service_id)) return w->domains.items[i].host;
  return NULL;
}

static const struct tcp_proxy *proxy_of(const struct world *w, const char *service_id) {
  for (size_t i = 0; i < w->tcp_proxies.len; i++)
    if (str_eq(w->tcp_proxies.items[i].service_id, service_id)) return &w->tcp_proxies.items[i];
  return NULL;
}

static json_t *hosts_of_all(const struct world *w) {
  json_t *hosts = json_object();
  for (size_t i = 0; i < w->services.len; i++) {
    const char *host = host_of(w, w->services.items[i].id);
    if (host) json_object_set_new(hosts, w->services.items[i].name, json_string(host));
  }
  return hosts;
}

/* What a storage service takes from buckets. */
static err *add_keys(const struct world *w, const struct service *service, json_t *variables) {
  auto_str lines = STR_EMPTY;
  TRY(buckets_keys(w->core, service->id, w->environment.id, &lines));
  if (lines.len) json_object_set_new(variables, "S3_KEYS", json_string(lines.data));
  secret_wipe(lines.data, lines.len);
  return NULL;
}

/* `d`: the deployment that it is for; NULL: the one that is live, if any. */
static err *platform_make(struct world *w, const struct service *service, const struct deployment *d,
                          json_t **ret_variables) {
  auto_domain_list domains = {0};
  auto_snapshot snapshot = {0};
  auto_mount m = {0};
  bool mounts = false;
  auto_json *hosts = hosts_of_all(w);
  const char *host = host_of(w, service->id);
  if (d) TRY(rollback_domains(w->core, d, &domains));
  if (d) host = domains.len ? domains.items[0].host : NULL;
  if (d && *d->snapshot_id) TRY(snapshot_get(w->core->db, d->snapshot_id, &snapshot));
  TRY(mount_to_tell(w->core, d, service->id, w->environment.id, &mounts, &m));
  struct railway_facts facts = {.project = &w->project, .environment = &w->environment, .service = service,
                                .deployment = d, .snapshot_hash = snapshot.hash, .public_domain = host,
                                .volume_name = m.name, .volume_mount_path = m.path, .hosts = hosts};
  const struct tcp_proxy *proxy = proxy_of(w, service->id);
  if (proxy) {
    facts.tcp_domain = w->core->options.tcp_domain;
    facts.tcp_port = proxy->proxy_port;
    facts.tcp_application_port = proxy->application_port;
  }
  auto_json *variables = json_object();
  railway_variables_add(&facts, variables);
  TRY(add_keys(w, service, variables));
  *ret_variables = json_incref(variables);
  return NULL;
}

static err *find_live(struct world *w, const char *service_id, bool *ret_found, struct deployment *ret_deployment) {
  auto_service_instance instance = {0};
  *ret_found = false;
  TRY(service_instance_find(w->core->db, service_id, w->environment.id, ret_found, &instance));
  return *ret_found ? deployment_find_active(w->core->db, instance.id, ret_found, ret_deployment) : NULL;
}

static err *platform_of(void *w_, const struct service *service, const json_t **ret_variables) {
  struct world *w = w_;
  json_t *variables = json_object_get(w->platforms, service->id);
  if (!variables && !service_in(w, service->id)) { /* a bucket */
    variables = json_object();
    json_object_set_new(w->platforms, service->id, variables);
  }
  if (!variables) {
    auto_deployment live = {0};
    bool found = false;
    TRY(find_live(w, service->id, &found, &live));
    TRY(platform_make(w, service, found ? &live : NULL, &variables));
    json_object_set_new(w->platforms, service->id, variables);
  }
  *ret_variables = variables;
  return NULL;
}

struct reference_world world_of_references(struct world *w) {
  return (struct reference_world){.services = &w->namespaces,
                                  .variables = w->variables,
                                  .sealed = w->sealed,
                                  .platform = platform_of,
                                  .arg = w};
}

/* Makes `d` the deployment of its service that RAILWAY_* tell of; ERR_NOT_FOUND when that is being deleted. */
static err *set_deployment(struct world *w, const struct deployment *d, const char *service_id) {
  const struct service *service = service_in(w, service_id);
  json_t *variables = NULL;
  if (!service) return err_new(ERR_NOT_FOUND, "Service not found");
  TRY(platform_make(w, service, d, &variables));
  json_object_set_new(w->platforms, service_id, variables);
  return NULL;
}

/* ---- of a deployment ---- */

err *variables_of_user(core *c, const struct service_instance *instance, json_t **ret_variables) {
  auto_variable_list list = {0};
  TRY(variable_list(c->db, instance->environment_id, instance->service_id, &list));
  json_t *variables = json_object();
  for (size_t i = 0; i < list.len; i++)
    json_object_set_new(variables, list.items[i].name, json_string(list.items[i].value));
  *ret_variables = variables;
  return NULL;
}

err *variables_of_deployment(core *c, const struct deployment *d, json_t **ret_variables) {
  auto_world w = {0};
  auto_json *values = NULL;
  TRY(world_load(c, d->environment_id, &w));
  TRY(set_deployment(&w, d, d->service_id));
  TRY(deployment_variables_get(c->db, d->id, &values));
  json_object_update_missing(values, json_object_get(w.platforms, d->service_id));
  *ret_variables = json_incref(values);
  return NULL;
}

static json_t *texts(const struct strv *v) {
  json_t *list = json_array();
  for (size_t i = 0; i < v->len; i++) json_array_append_new(list, json_string(v->items[i]));
  return list;
}

/* With the host name that the service has now: what was resolved may hold it. */
static err *record(core *c, struct deployment *d, const struct service *service, const struct resolved_variables *r,
                   const struct strv *services) {
  auto_db_transaction t = {0};
  auto_service_settings settings;
  auto_json *resolved = json_pack("{s:o, s:o, s:s}", "services", texts(services), "sealed", texts(&r->sealed), "label",
                                  service->label);
  service_settings_copy(&d->settings, &settings);
  control_variables_apply(r->values, &settings);
  TRY(db_begin(c->db, &t));
  TRY(deployment_variables_set(c->db, d->id, r->values));
  TRY(deployment_set_resolved(c->db, d->id, resolved));
  TRY(deployment_set_settings(c->db, d->id, &settings, clock_now_us()));
  TRY(db_commit(&t));
  d->resolved = json_incref(resolved);
  service_settings_done(&d->settings);
  service_settings_copy(&settings, &d->settings);
  return NULL;
}

static void tell(core *c, const struct deployment *d, const struct resolved_variables *r) {
  for (size_t i = 0; i < r->unknown.len; i++) deploy_build_line(c, d->id, "warn", r->unknown.items[i]);
  for (size_t i = 0; i < r->hints.len; i++) deploy_build_line(c, d->id, "info", r->hints.items[i]);
}

err *variables_settle(core *c, struct deployment *d) {
  auto_world w = {0};
  auto_resolved_variables resolved = {0};
  auto_strv services = STRV_EMPTY;
  json_t *own = NULL;
  if (d->resolved) return NULL;
  TRY(world_load(c, d->environment_id, &w));
  TRY(world_load_variables(&w));
  TRY(set_deployment(&w, d, d->service_id));
  TRY(deployment_variables_get(c->db, d->id, &own));
  json_object_set_new(w.variables, d->service_id, own);
  struct reference_world world = world_of_references(&w);
  TRY(references_resolve(&world, d->service_id, &resolved));
  for (size_t i = 0; i < resolved.services.len; i++) /* without buckets: their ENDPOINT is the address of a service */
    if (service_in(&w, resolved.services.items[i])) strv_add(&services, resolved.services.items[i]);
  auto_strv addressed = STRV_EMPTY;
  dependencies_find(resolved.values, d->service_id, &w.services, &addressed);
  for (size_t i = 0; i < addressed.len; i++)
    if (!strv_has(&services, addressed.items[i])) strv_add(&services, addressed.items[i]);
  TRY(record(c, d, service_in(&w, d->service_id), &resolved, &services));
  redaction_forget(c, d->id);
  tell(c, d, &resolved);
  return NULL;
}

err *variables_dependencies(core *c, const struct deployment *d, const struct service_list *services,
                            struct strv *ret_ids) {
  auto_json *variables = NULL;
  const json_t *known = json_object_get(d->resolved, "services");
  for (size_t i = 0; i < json_array_size(known); i++) strv_add(ret_ids, json_string_value(json_array_get(known, i)));
  if (d->resolved) return NULL;
  TRY(deployment_variables_get(c->db, d->id, &variables));
  dependencies_find(variables, d->service_id, services, ret_ids);
  return NULL;
}

/* ---- of a service, for people ---- */

static err *resolve_in(struct world *w, core *c, const char *environment_id, const char *service_id,
                       struct resolved_variables *ret_resolved) {
  TRY(world_load(c, environment_id, w));
  TRY(world_load_variables(w));
  struct reference_world world = world_of_references(w);
  if (*service_id && !service_in(w, service_id)) return err_new(ERR_NOT_FOUND, "Service not found");
  return references_resolve(&world, service_id, ret_resolved);
}

err *core_unresolved_references(core *c, const char *environment_id, const char *service_id, json_t **ret_list) {
  auto_world w = {0};
  auto_resolved_variables resolved = {0};
  TRY(resolve_in(&w, c, environment_id, service_id, &resolved));
  *ret_list = json_array();
  for (size_t i = 0; i < resolved.unknown.len; i++)
    json_array_append_new(*ret_list, json_pack("{s:s, s:s}", "variable", resolved.unknown_in.items[i], "problem",
                                               resolved.unknown.items[i]));
  return NULL;
}

err *core_variables(core *c, const char *environment_id, const char *service_id, bool with_platform,
                    json_t **ret_variables) {
  auto_world w = {0};
  auto_resolved_variables resolved = {0};
  const json_t *platform = NULL;
  TRY(resolve_in(&w, c, environment_id, service_id, &resolved));
  const struct service *service = service_in(&w, service_id);
  for (size_t i = 0; i < resolved.sealed.len; i++) json_object_del(resolved.values, resolved.sealed.items[i]);
  if (with_platform && service) TRY(platform_of(&w, service, &platform));
  if (platform) json_object_update_missing(resolved.values, (json_t *)platform);
  *ret_variables = json_incref(resolved.values);
  return NULL;
}
