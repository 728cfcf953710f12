/* A deployment whose image is made waits for the services that it needs and that are on their way to
 * live themselves, so that what is deployed together starts in order (step WAIT_FOR_DEPENDENCIES).
 * What serves already, or failed, is not waited for. */
#include <stdlib.h>

#include "base/log.h"
#include "core/run.h"
#include "core/variables.h"
#include "model/dependency_graph.h"
#include "store/deployment.h"
#include "store/service.h"

/* A dependency may have to be built, queue for it, and then pass its health check.  After this the
 * rest is tried without it: its own health check has the last word. */
enum { DEPENDENCIES_MAX_MS = 15 * 60 * 1000 };

struct company { /* what is on its way in the same environment, this deployment not counted */
  struct deployment_list others;
  struct service_list services;
};

static void company_done(struct company *company) {
  deployment_list_done(&company->others);
  service_list_done(&company->services);
}
#define auto_company __attribute__((cleanup(company_done))) struct company

static err *find_company(core *c, const struct deployment *d, struct company *company) {
  struct deployment_filter filter = {
      .environment_id = d->environment_id,
      .statuses = DEPLOYMENT_STATUS_BIT(DEPLOYMENT_QUEUED) | DEPLOYMENT_STATUS_BIT(DEPLOYMENT_INITIALIZING) |
                  DEPLOYMENT_STATUS_BIT(DEPLOYMENT_BUILDING) | DEPLOYMENT_STATUS_BIT(DEPLOYMENT_DEPLOYING)};
  TRY(deployment_list(c->db, &filter, NULL, &company->others));
  return company->others.len > 1 ? service_list_by_project(c->db, d->project_id, NULL, &company->services) : NULL;
}

static err *add_edges(core *c, const struct company *company, const struct deployment *d, dependency_graph *g,
                      struct strv *needed) {
  TRY(variables_dependencies(c, d, &company->services, needed));
  for (size_t i = 0; i < needed->len; i++) dependency_graph_add(g, d->service_id, needed->items[i]);
  return NULL;
}

static const char *name_of(const struct company *company, const char *service_id) {
  for (size_t i = 0; i < company->services.len; i++)
    if (str_eq(company->services.items[i].id, service_id)) return company->services.items[i].name;
  return service_id;
}

/* The names of the services that `d` has to wait for now. */
static err *find_pending(core *c, const struct deployment *d, struct strv *ret_names) {
  auto_company company = {0};
  auto_dependency_graph *g = dependency_graph_new();
  auto_strv needed = STRV_EMPTY;
  TRY(find_company(c, d, &company));
  TRY(add_edges(c, &company, d, g, &needed));
  for (size_t i = 0; i < company.others.len && needed.len; i++) {
    auto_strv its_needs = STRV_EMPTY;
    TRY(add_edges(c, &company, &company.others.items[i], g, &its_needs));
  }
  for (size_t i = 0; i < company.others.len; i++) {
    const char *service = company.others.items[i].service_id, *name = name_of(&company, service);
    if (!strv_has(&needed, service) || strv_has(ret_names, name)) continue;
    if (dependency_graph_waits(g, d->service_id, service)) strv_add(ret_names, name);
  }
  return NULL;
}

/* An earlier try of this run was past this: it is not held back again. */
static err *was_passed(struct run *r, bool *ret_passed) {
  auto_deployment_step_list steps = {0};
  TRY(deployment_step_list(r->core->db, r->deployment.id, &steps));
  *ret_passed = false;
  for (size_t i = 0; i < steps.len; i++)
    *ret_passed |= steps.items[i].step == STEP_PRE_DEPLOY_COMMAND || steps.items[i].step == STEP_CREATE_CONTAINER;
  return NULL;
}

static err *go_on(struct run *r) {
  timer_stop(r->deadline);
  r->deadline = NULL;
  TRY(deploy_step_end(r->core, r->deployment.id, r->step_id, NULL));
  run_start_instances(r);
  return NULL;
}

static void on_deadline(void *arg) {
  struct run *r = arg;
  deploy_build_line(r->core, r->deployment.id, "warn",
                    "The services it needs are not live yet: going on without them");
  err *e = go_on(r);
  if (e) run_fail(r, e);
}

static err *begin(struct run *r, const struct strv *names) {
  core *c = r->core;
  auto_free char *joined = strv_join(names, ", ");
  auto_free char *line = str_format("Waiting for the deployment of: %s", joined);
  TRY(deploy_step_begin(c, r->deployment.id, STEP_WAIT_FOR_DEPENDENCIES, r->step_id));
  deploy_build_line(c, r->deployment.id, "info", line);
  r->deadline = timer_start(c->loop, DEPENDENCIES_MAX_MS, 0, on_deadline, r);
  return NULL;
}

err *run_wait(struct run *r) {
  auto_strv names = STRV_EMPTY;
  bool passed = false;
  r->phase = RUN_WAITING;
  TRY(was_passed(r, &passed));
  if (!passed) TRY(find_pending(r->core, &r->deployment, &names));
  if (names.len) return begin(r, &names);
  run_start_instances(r);
  return NULL;
}

/* ---- when another has ended ---- */

static err *look_again(struct run *r) {
  auto_strv names = STRV_EMPTY;
  TRY(find_pending(r->core, &r->deployment, &names));
  return names.len ? NULL : go_on(r);
}

static void look(void *arg) {
  core *c = arg;
  auto_strv ids = STRV_EMPTY; /* going on may end a run, which changes the map */
  size_t cursor = 0;
  const char *id;
  void *value;
  c->waiting_due = false;
  while (!c->stopping && map_next(c->runs, &cursor, &id, &value))
    if (((struct run *)value)->phase == RUN_WAITING) strv_add(&ids, id);
  for (size_t i = 0; i < ids.len; i++) {
    struct run *r = run_find(c, ids.items[i]);
    err *e = r && r->phase == RUN_WAITING ? look_again(r) : NULL;
    if (e) run_fail(r, e);
  }
}

void waiting_wake(core *c) {
  if (c->waiting_due || c->stopping) return;
  c->waiting_due = true;
  loop_defer(c->loop, look, c);
}
