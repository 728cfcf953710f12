/* Projects, environments, services and their domains: making and unmaking them. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/duplicate.h"
#include "core/volume_private.h"
#include "store/deployment.h"
#include "store/domain.h"
#include "store/project.h"
#include "store/service.h"
#include "store/volume.h"

/* ---- making ---- */

static err *insert_project(core *c, struct project *p) {
  auto_environment production = {.name = str_dup(ENVIRONMENT_NAME_DEFAULT)};
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(project_insert(c->db, p));
  id_copy(production.project_id, p->id);
  TRY(environment_insert(c->db, &production));
  return db_commit(&t);
}

err *core_project_create(core *c, const char *workspace_id, const char *name,
                         const char *description, struct project *ret_project) {
  TRY(project_name_check(name));
  struct project p = {.name = str_dup(name), .description = str_dup(description)};
  id_copy(p.workspace_id, workspace_id);
  err *e = insert_project(c, &p);
  if (e) {
    project_done(&p);
    return e;
  }
  *ret_project = p;
  return NULL;
}

static err *insert_service(core *c, struct service *s, const struct service_settings *settings) {
  auto_environment_list environments = {0};
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(service_insert(c->db, s));
  TRY(environment_list_by_project(c->db, s->project_id, NULL, &environments));
  for (size_t n = 0; n < environments.len; n++) {
    auto_service_instance made = {0};
    TRY(add_instance(c, s, environments.items[n].id, settings, &made));
  }
  return db_commit(&t);
}

err *core_service_create(core *c, const char *project_id, const char *name,
                         const struct service_settings *settings, struct service *ret_service) {
  TRY(service_name_check(name));
  struct service s = {0};
  id_copy(s.project_id, project_id);
  err *e = service_set_name(&s, name);
  if (!e) e = insert_service(c, &s, settings);
  if (e) {
    service_done(&s);
    return err_wrap(e, "service '%s'", name);
  }
  *ret_service = s;
  return NULL;
}

/* ---- unmaking: recorded here, done by removal.c ---- */

/* Its environments are marked themselves: each has a network that is to be removed. */
static err *mark_project(core *c, const char *id) {
  auto_environment_list environments = {0};
  auto_volume_instance_list volumes = {0};
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(volume_instance_list_by_project(c->db, id, &volumes));
  TRY(volume_trash_list(c, &volumes));
  TRY(environment_list_by_project(c->db, id, NULL, &environments));
  for (size_t i = 0; i < environments.len; i++)
    TRY(environment_mark_deleted(c->db, environments.items[i].id, clock_now_us()));
  TRY(project_mark_deleted(c->db, id, clock_now_us()));
  return db_commit(&t);
}

err *core_project_delete(core *c, const char *id) {
  TRY(mark_project(c, id));
  volumes_wake(c);
  removal_wake(c);
  return NULL;
}

typedef err *mark_fn(db *d, const char *id, int64_t now_us);

/* What it had goes into the trash, from where it can be restored elsewhere. */
static err *mark_with_volumes(core *c, mark_fn *mark, const char *id, struct volume_instance_list *volumes) {
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(volume_trash_list(c, volumes));
  TRY(mark(c->db, id, clock_now_us()));
  TRY(db_commit(&t));
  volumes_wake(c);
  return NULL;
}

err *service_instance_leave(core *c, const struct service_instance *instance) {
  auto_volume_instance v = {0};
  bool has = false;
  TRY(volume_instance_find_by_service(c->db, instance->service_id, instance->environment_id, &has, &v));
  struct volume_instance_list one = {.items = &v, .len = has ? 1 : 0};
  TRY(volume_trash_list(c, &one));
  return service_instance_mark_deleted(c->db, instance->id, clock_now_us());
}

err *core_environment_delete(core *c, const char *id) {
  auto_volume_instance_list volumes = {0};
  auto_environment environment = {0};
  auto_environment_list all = {0};
  TRY(environment_get(c->db, id, &environment));
  TRY(environment_list_by_project(c->db, environment.project_id, NULL, &all));
  if (all.len == 1)
    return err_new(ERR_CONFLICT, "'%s' is the project's last environment: delete the project instead",
                   environment.name);
  TRY(volume_instance_list_by_environment(c->db, id, &volumes));
  TRY(mark_with_volumes(c, environment_mark_deleted, id, &volumes));
  removal_wake(c);
  return NULL;
}

err *core_service_delete(core *c, const char *id) {
  auto_volume_instance_list volumes = {0};
  TRY(volume_instance_list_by_service(c->db, id, &volumes));
  TRY(mark_with_volumes(c, service_mark_deleted, id, &volumes));
  removal_wake(c);
  return NULL;
}

err *core_service_instance_delete(core *c, const char *id) {
  auto_service_instance instance = {0};
  TRY(service_instance_get(c->db, id, &instance));
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(service_instance_leave(c, &instance));
  TRY(db_commit(&t));
  volumes_wake(c);
  removal_wake(c);
  return NULL;
}

/* ---- domains ---- */

enum { CODE_TRIES = 100 };

static err *free_host(core *c, const struct service_instance *instance, char **ret_host) {
  auto_service service = {0};
  auto_environment environment = {0};
  TRY(service_get(c->db, instance->service_id, &service));
  TRY(environment_get(c->db, instance->environment_id, &environment));
  auto_free char *environment_label = label_from_name(environment.name);
  for (int i = 0; i < CODE_TRIES; i++) {
    auto_free char *code = secret_random_hex(2);
    char *host = domain_generated_host(service.label, environment_label, code, c->options.domain_suffix);
    bool taken = true;
    err *e = domain_host_exists(c->db, host, &taken);
    if (!e && !taken) {
      *ret_host = host;
      return NULL;
    }
    free(host);
    if (e) return e;
  }
  return err_new(ERR_BUSY, "no free host name was found for '%s': try again", service.label);
}

err *core_domain_create(core *c, const struct service_instance *instance, int target_port,
                        struct domain *ret_domain) {
  auto_domain_list present = {0};
  TRY(domain_list_by_instance(c->db, instance->id, &present));
  for (size_t i = 0; i < present.len; i++)
    if (present.items[i].kind == DOMAIN_SERVICE)
      return err_new(ERR_CONFLICT, "the service has the generated domain %s already", present.items[i].host);
  struct domain d = {.kind = DOMAIN_SERVICE, .target_port = target_port, .sync_status = SYNC_ACTIVE};
  TRY(free_host(c, instance, &d.host));
  d.suffix = str_dup(c->options.domain_suffix);
  id_copy(d.project_id, instance->project_id);
  id_copy(d.environment_id, instance->environment_id);
  id_copy(d.service_id, instance->service_id);
  id_copy(d.service_instance_id, instance->id);
  err *e = domain_insert(c->db, &d);
  if (e) {
    domain_done(&d);
    return e;
  }
  routes_changed(c);
  *ret_domain = d;
  return NULL;
}

err *core_domain_delete(core *c, const char *id) {
  TRY(domain_delete(c->db, id));
  routes_changed(c);
  return NULL;
}

err *core_domain_set_port(core *c, const char *id, int target_port) {
  TRY(domain_set_target_port(c->db, id, target_port, clock_now_us()));
  routes_changed(c);
  return NULL;
}
