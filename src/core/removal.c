/* What is marked deleted is stopped, then forgotten.  Looked at again whenever something of it has
 * ended, and at every start: nothing depends on one pass finishing. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/internal.h"
#include "store/deployment.h"
#include "store/project.h"
#include "store/service.h"

/* Begins the end of everything that the service instance runs; tells whether something still does. */
static err *stop_instance(core *c, const char *service_instance_id, bool *ret_busy) {
  auto_deployment_list list = {0};
  struct deployment_filter filter = {.service_instance_id = service_instance_id};
  TRY(deployment_list(c->db, &filter, NULL, &list));
  for (size_t i = 0; i < list.len; i++) {
    const struct deployment *d = &list.items[i];
    if (deployment_status_is_final(d->status)) continue;
    *ret_busy = true;
    struct run *r = run_find(c, d->id);
    if (r)
      run_cancel(r, "its service is deleted");
    else
      TRY(retire_start(c, d->id, false));
  }
  return NULL;
}

static err *stop_list(core *c, const struct service_instance_list *instances, bool *ret_busy) {
  for (size_t i = 0; i < instances->len; i++) TRY(stop_instance(c, instances->items[i].id, ret_busy));
  return NULL;
}

struct purge {
  core *core;
  char id[ID_SIZE]; /* of the environment */
};

/* Its row goes last: as long as it is there, every start of tramd goes on with it. */
static void on_network_gone(void *arg, err *e) {
  struct purge *p = arg;
  core *c = p->core;
  map_remove(c->purging, p->id);
  if (!e && !c->stopping) e = environment_purge(c->db, p->id);
  if (e) {
    log_warn("core", "removing environment %s: %s; trying again", p->id, err_message(e));
    core_retry_later(c);
  } else {
    removal_wake(c); /* its project may have waited */
  }
  err_free(e);
  free(p);
}

static void purge_environment(core *c, const char *id) {
  if (map_has(c->purging, id)) return;
  struct purge *p = mem_zalloc(sizeof *p);
  p->core = c;
  id_copy(p->id, id);
  map_set(c->purging, p->id, p);
  engine_remove_environment(c->engine, id, on_network_gone, p);
}

/* Ids: NULL for any. */
struct scope {
  const char *project_id, *environment_id, *service_id;
};

static bool is_within(const struct service_instance *s, const struct scope *scope) {
  return (!scope->project_id || str_eq(s->project_id, scope->project_id)) &&
         (!scope->environment_id || str_eq(s->environment_id, scope->environment_id)) &&
         (!scope->service_id || str_eq(s->service_id, scope->service_id));
}

/* Rows go with the service, environment or project; files do not. */
static err *forget_logs(core *c, const char *service_instance_id) {
  auto_deployment_list list = {0};
  struct deployment_filter filter = {.service_instance_id = service_instance_id};
  TRY(deployment_list(c->db, &filter, NULL, &list));
  for (size_t i = 0; i < list.len; i++) TRY(log_store_remove(c->logs, list.items[i].id));
  return NULL;
}

/* Whether nothing of it runs any more; then its logs are gone, too. */
static err *is_over(core *c, const struct service_instance_list *deleted, const struct scope *scope,
                    bool *ret_over) {
  bool busy = false;
  for (size_t i = 0; i < deleted->len; i++)
    if (is_within(&deleted->items[i], scope)) TRY(stop_instance(c, deleted->items[i].id, &busy));
  for (size_t i = 0; i < deleted->len && !busy; i++)
    if (is_within(&deleted->items[i], scope)) TRY(forget_logs(c, deleted->items[i].id));
  *ret_over = !busy;
  return NULL;
}

static err *purge_instances(core *c, const struct service_instance_list *deleted) {
  for (size_t i = 0; i < deleted->len; i++) {
    const struct service_instance *one = &deleted->items[i];
    const struct service_instance_list alone = {.items = deleted->items + i, .len = 1};
    const struct scope scope = {0};
    bool over = false;
    if (!one->deleted_us) continue;
    TRY(is_over(c, &alone, &scope, &over));
    if (over) TRY(service_instance_purge(c->db, one));
  }
  return NULL;
}

static err *purge_services(core *c, const struct service_instance_list *deleted) {
  auto_service_list services = {0};
  TRY(service_list_deleted(c->db, &services));
  for (size_t i = 0; i < services.len; i++) {
    struct scope scope = {.service_id = services.items[i].id};
    bool over = false;
    TRY(is_over(c, deleted, &scope, &over));
    if (over) TRY(service_purge(c->db, services.items[i].id));
    if (over) push_forget(c, services.items[i].id);
  }
  return NULL;
}

static err *purge_environments(core *c, const struct service_instance_list *deleted) {
  auto_environment_list environments = {0};
  TRY(environment_list_deleted(c->db, &environments));
  for (size_t i = 0; i < environments.len; i++) {
    struct scope scope = {.environment_id = environments.items[i].id};
    bool over = false;
    TRY(is_over(c, deleted, &scope, &over));
    if (over) purge_environment(c, environments.items[i].id);
  }
  return NULL;
}

static err *has_environments(core *c, const char *project_id, bool *ret_has) {
  auto_environment_list environments = {0};
  TRY(environment_list_deleted(c->db, &environments));
  *ret_has = false;
  for (size_t i = 0; i < environments.len; i++)
    if (str_eq(environments.items[i].project_id, project_id)) *ret_has = true;
  return NULL;
}

static err *purge_projects(core *c, const struct service_instance_list *deleted) {
  auto_project_list projects = {0};
  TRY(project_list_deleted(c->db, &projects));
  for (size_t i = 0; i < projects.len; i++) {
    struct scope scope = {.project_id = projects.items[i].id};
    bool over = false, has = false;
    TRY(is_over(c, deleted, &scope, &over));
    if (over) TRY(has_environments(c, projects.items[i].id, &has));
    if (over && !has) TRY(project_purge(c->db, projects.items[i].id));
    if (over && !has) push_forget(c, projects.items[i].id);
  }
  return NULL;
}

static err *pass(core *c) {
  auto_service_instance_list deleted = {0};
  bool busy = false;
  TRY(service_instance_list_deleted(c->db, &deleted));
  TRY(stop_list(c, &deleted, &busy));
  TRY(purge_instances(c, &deleted));
  TRY(purge_services(c, &deleted));
  TRY(purge_environments(c, &deleted));
  return purge_projects(c, &deleted);
}

static void look(void *arg) {
  core *c = arg;
  c->removal_due = false;
  if (c->stopping) return;
  err *e = pass(c);
  if (e) {
    log_error("core", "removing what was deleted: %s", err_message(e));
    core_retry_later(c);
  }
  err_free(e);
  routes_changed(c);
}

void removal_wake(core *c) {
  if (c->removal_due || c->stopping) return;
  c->removal_due = true;
  loop_defer(c->loop, look, c);
}
