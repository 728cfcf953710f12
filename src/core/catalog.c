/* Projects, environments, services and their domains: making and unmaking them. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/internal.h"
#include "store/deployment.h"
#include "store/domain.h"
#include "store/project.h"
#include "store/service.h"
#include "store/variable.h"

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

static err *add_instance(core *c, const struct service *s, const char *environment_id,
                         const struct service_settings *settings) {
  auto_service_instance i = {0};
  id_copy(i.project_id, s->project_id);
  id_copy(i.service_id, s->id);
  id_copy(i.environment_id, environment_id);
  if (settings)
    service_settings_copy(settings, &i.settings);
  else
    service_settings_init(&i.settings);
  return service_instance_insert(c->db, &i);
}

static err *copy_variables(core *c, const char *from_id, const struct environment *to) {
  auto_variable_list list = {0};
  TRY(variable_list_by_environment(c->db, from_id, &list));
  for (size_t n = 0; n < list.len; n++) {
    if (list.items[n].is_sealed) continue; /* write-only: not even we hand them on (reference 2.2) */
    auto_variable copy = {0};
    variable_copy(&list.items[n], &copy);
    id_copy(copy.environment_id, to->id);
    copy.id[0] = '\0';
    copy.created_us = copy.updated_us = 0;
    TRY(variable_set(c->db, &copy));
  }
  return NULL;
}

static err *add_all_instances(core *c, const struct environment *environment, const char *source_id) {
  auto_service_list services = {0};
  TRY(service_list_by_project(c->db, environment->project_id, NULL, &services));
  for (size_t n = 0; n < services.len; n++) {
    auto_service_instance source = {0};
    bool found = false;
    if (!str_empty(source_id))
      TRY(service_instance_find(c->db, services.items[n].id, source_id, &found, &source));
    TRY(add_instance(c, &services.items[n], environment->id, found ? &source.settings : NULL));
  }
  return NULL;
}

static err *insert_environment(core *c, struct environment *environment, const char *source_id) {
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(environment_insert(c->db, environment));
  TRY(add_all_instances(c, environment, source_id));
  if (!str_empty(source_id)) TRY(copy_variables(c, source_id, environment));
  return db_commit(&t);
}

err *core_environment_create(core *c, const char *project_id, const char *name,
                             const char *source_id, bool ephemeral,
                             struct environment *ret_environment) {
  TRY(environment_name_check(name));
  if (!str_empty(source_id)) {
    auto_environment source = {0};
    TRY(environment_get(c->db, source_id, &source));
    if (!str_eq(source.project_id, project_id))
      return err_new(ERR_NOT_FOUND, "the environment to duplicate is not in this project");
  }
  struct environment made = {.name = str_dup(name), .is_ephemeral = ephemeral};
  id_copy(made.project_id, project_id);
  id_copy(made.source_environment_id, source_id);
  err *e = insert_environment(c, &made, source_id);
  if (e) {
    environment_done(&made);
    return e;
  }
  *ret_environment = made;
  return NULL;
}

static err *insert_service(core *c, struct service *s, const struct service_settings *settings) {
  auto_environment_list environments = {0};
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(service_insert(c->db, s));
  TRY(environment_list_by_project(c->db, s->project_id, NULL, &environments));
  for (size_t n = 0; n < environments.len; n++)
    TRY(add_instance(c, s, environments.items[n].id, settings));
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
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(environment_list_by_project(c->db, id, NULL, &environments));
  for (size_t i = 0; i < environments.len; i++)
    TRY(environment_mark_deleted(c->db, environments.items[i].id, clock_now_us()));
  TRY(project_mark_deleted(c->db, id, clock_now_us()));
  return db_commit(&t);
}

err *core_project_delete(core *c, const char *id) {
  TRY(mark_project(c, id));
  removal_wake(c);
  return NULL;
}

err *core_environment_delete(core *c, const char *id) {
  auto_environment environment = {0};
  auto_environment_list all = {0};
  TRY(environment_get(c->db, id, &environment));
  TRY(environment_list_by_project(c->db, environment.project_id, NULL, &all));
  if (all.len == 1)
    return err_new(ERR_CONFLICT, "'%s' is the project's last environment: delete the project instead",
                   environment.name);
  TRY(environment_mark_deleted(c->db, id, clock_now_us()));
  removal_wake(c);
  return NULL;
}

err *core_service_delete(core *c, const char *id) {
  TRY(service_mark_deleted(c->db, id, clock_now_us()));
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
