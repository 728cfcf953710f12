/* `git push` to Tramway: which services a branch deploys to, and their deployments.
 *
 * A project has a repository, and so has each of its services; a service instance is connected to one of
 * them by its source (SOURCE_PUSHED_…) and to a branch by its source_branch, as it would be to one on
 * GitHub.  What is in a repository is its owner's: a source names no ids, so that it cannot name
 * somebody else's. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/internal.h"
#include "loop/work.h"
#include "store/deployment.h"
#include "store/project.h"
#include "store/service.h"

/* One branch of a push. */
struct pushed_branch {
  core *core;
  const struct core_push *push;
  const char *repo;   /* SOURCE_PUSHED_… */
  const char *branch, *sha, *before; /* the last: NULL when it is new */
  bool is_default;
  struct core_pushed *out;
  size_t connected; /* instances that are connected to it */
};

pushed_repos *core_pushed_repos(core *c) {
  return c->pushed;
}

const char *core_push_repository(const struct core_push *push) {
  return str_empty(push->service_id) ? push->project_id : push->service_id;
}

void core_pushed_done(struct core_pushed *p) {
  strv_done(&p->deployments);
  strv_done(&p->remarks);
  *p = (struct core_pushed){0};
}

bool core_waits_for_push(const core *c, const struct service_instance *instance) {
  const char *repo = instance->settings.source_repo;
  if (str_eq(repo, SOURCE_PUSHED_PROJECT)) return !pushed_repo_exists(c->pushed, instance->project_id);
  return str_eq(repo, SOURCE_PUSHED_SERVICE) && !pushed_repo_exists(c->pushed, instance->service_id);
}

char *push_repository(const core *c, const struct deployment *d) {
  if (str_eq(d->settings.source_repo, SOURCE_PUSHED_PROJECT)) return pushed_repo_path(c->pushed, d->project_id);
  if (str_eq(d->settings.source_repo, SOURCE_PUSHED_SERVICE)) return pushed_repo_path(c->pushed, d->service_id);
  return NULL;
}

/* ---- the end of a repository ---- */

struct forgetting {
  core *core;
  char id[ID_SIZE];
};

static err *remove_repo(void *arg) {
  struct forgetting *f = arg;
  return pushed_repo_remove(f->core->pushed, f->id);
}

static void on_removed(void *arg, err *e) {
  struct forgetting *f = arg;
  f->core->uploads--;
  if (e) log_warn("core", "removing what was pushed to %s: %s", f->id, err_message(e));
  err_free(e);
  free(f);
}

void push_forget(core *c, const char *id) {
  if (!pushed_repo_exists(c->pushed, id)) return;
  struct forgetting *f = mem_zalloc(sizeof *f);
  f->core = c;
  id_copy(f->id, id);
  c->uploads++; /* core_is_quiet waits for it */
  work_start(c->loop, remove_repo, on_removed, f);
}

/* ---- which instances ---- */

static bool in_scope(const struct pushed_branch *b, const struct service_instance *i) {
  const struct core_push *p = b->push;
  return (str_empty(p->service_id) || str_eq(i->service_id, p->service_id)) &&
         (str_empty(p->environment_id) || str_eq(i->environment_id, p->environment_id));
}

static bool is_connected(const struct pushed_branch *b, const struct service_instance *i) {
  return i->settings.source_kind == SOURCE_REPO && str_eq(i->settings.source_repo, b->repo);
}

static bool is_free(const struct service_instance *i) {
  return i->settings.source_kind == SOURCE_NONE || i->settings.source_kind == SOURCE_UPLOAD;
}

static bool takes_branch(const struct pushed_branch *b, const struct service_instance *i) {
  const char *branch = i->settings.source_branch;
  return str_empty(branch) ? b->is_default : str_eq(branch, b->branch);
}

/* Whether it is clear that the push means that service: it has its own repository, is the only one, or is
 * connected in another environment. */
static bool is_meant(const struct pushed_branch *b, const char *service_id, size_t services,
                     const struct service_instance_list *all) {
  if (!str_empty(b->push->service_id) || services == 1) return true;
  for (size_t i = 0; i < all->len; i++)
    if (str_eq(all->items[i].service_id, service_id) && is_connected(b, &all->items[i])) return true;
  return false;
}

/* The environment "production", else the oldest (they come newest first). */
static const char *home_environment(const struct environment_list *list) {
  for (size_t i = 0; i < list->len; i++)
    if (str_eq(list->items[i].name, ENVIRONMENT_NAME_DEFAULT)) return list->items[i].id;
  return list->len ? list->items[list->len - 1].id : "";
}

static bool fits_environment(const struct pushed_branch *b, const char *environment_id,
                             const struct environment_list *list) {
  if (!str_empty(b->push->environment_id)) return true; /* in_scope has looked */
  if (b->is_default && str_eq(environment_id, home_environment(list))) return true;
  auto_free char *wanted = label_from_name(b->branch);
  for (size_t i = 0; i < list->len; i++) {
    auto_free char *label = label_from_name(list->items[i].name);
    if (str_eq(list->items[i].id, environment_id)) return *wanted && str_eq(label, wanted);
  }
  return false;
}

static err *connect_one(struct pushed_branch *b, struct service_instance *i) {
  struct service_settings *s = &i->settings;
  s->source_kind = SOURCE_REPO;
  str_replace_owned(&s->source_repo, b->repo);
  str_replace_owned(&s->source_branch, b->branch);
  return core_set_settings(b->core, i->id, s);
}

static err *connect_free_ones(struct pushed_branch *b, size_t services, struct service_instance_list *all) {
  auto_environment_list environments = {0};
  TRY(environment_list_by_project(b->core->db, b->push->project_id, NULL, &environments));
  for (size_t i = 0; i < all->len; i++) {
    struct service_instance *item = &all->items[i];
    if (in_scope(b, item) && is_free(item) && fits_environment(b, item->environment_id, &environments) &&
        is_meant(b, item->service_id, services, all))
      TRY(connect_one(b, item));
  }
  return NULL;
}

/* ---- their deployments ---- */

static err *record_one(struct pushed_branch *b, const struct service_instance *i, struct deployment *ret_deployment) {
  struct branch_move move = {.branch = b->branch, .after = b->sha, .before = b->before, .to_us = true};
  auto_free char *why_not = NULL;
  auto_db_transaction t = {0};
  TRY(db_begin(b->core->db, &t));
  TRY(autodeploy_record(b->core, i, &move, b->push->user_id, ret_deployment, &why_not));
  return db_commit(&t);
}

static void deploy_one(struct pushed_branch *b, const struct service_instance *i) {
  auto_deployment d = {0};
  b->connected++;
  if (!core_deploys_pushes(i)) {
    strv_add(&b->out->remarks, i->settings.auto_deploy
                                   ? "not deployed: the service is pinned to a commit"
                                   : "not deployed: the service does not deploy by itself (autoDeploy is off)");
    return;
  }
  auto_err *e = record_one(b, i, &d);
  if (e) {
    strv_addf(&b->out->remarks, "not deployed: %s", err_message(e));
    return;
  }
  strv_add(&b->out->deployments, d.id);
  begin_deployment(b->core, &d);
}

/* "api (production) deploys from main" for each that is connected. */
static void tell_connected(struct pushed_branch *b, const struct service_instance_list *all) {
  for (size_t i = 0; i < all->len; i++) {
    const struct service_instance *item = &all->items[i];
    auto_service service = {0};
    auto_environment environment = {0};
    if (!in_scope(b, item) || !is_connected(b, item)) continue;
    auto_err *e = service_get(b->core->db, item->service_id, &service);
    if (!e) e = environment_get(b->core->db, item->environment_id, &environment);
    if (e) continue;
    strv_addf(&b->out->remarks, "%s (%s) deploys from %s", service.name, environment.name,
              str_empty(item->settings.source_branch) ? "the default branch" : item->settings.source_branch);
  }
}

static void tell_nothing_deployed(struct pushed_branch *b, const struct service_list *services,
                                  const struct service_instance_list *all) {
  strv_addf(&b->out->remarks, "Nothing deploys from the branch '%s'.", b->branch);
  size_t before = b->out->remarks.len;
  tell_connected(b, all);
  if (b->out->remarks.len > before) return;
  if (!str_empty(b->push->service_id) || services->len == 1) {
    strv_add(&b->out->remarks, "The service has another source, or no environment of that name: push the branch "
                               "that an environment is called like, or the default branch for production.");
    return;
  }
  auto_strv names = STRV_EMPTY;
  for (size_t i = services->len; i-- > 0;) strv_add(&names, services->items[i].name);
  auto_free char *list = strv_join(&names, ", ");
  strv_addf(&b->out->remarks, "The project has %zu services (%s): push to …/git/<project>/<service>.git instead.",
            services->len, list);
}

static err *first_service(struct pushed_branch *b, struct service_list *services) {
  auto_project project = {0};
  auto_service made = {0};
  TRY(project_get(b->core->db, b->push->project_id, &project));
  TRY(core_service_create(b->core, b->push->project_id, project.name, NULL, &made));
  service_list_done(services);
  *services = (struct service_list){0};
  return service_list_by_project(b->core->db, b->push->project_id, NULL, services);
}

static err *deploy_branch(struct pushed_branch *b) {
  auto_service_list services = {0};
  auto_service_instance_list all = {0};
  TRY(service_list_by_project(b->core->db, b->push->project_id, NULL, &services));
  if (services.len == 0) TRY(first_service(b, &services));
  TRY(service_instance_list_by_project(b->core->db, b->push->project_id, &all));
  TRY(connect_free_ones(b, services.len, &all));
  for (size_t i = 0; i < all.len; i++)
    if (in_scope(b, &all.items[i]) && is_connected(b, &all.items[i]) && takes_branch(b, &all.items[i]))
      deploy_one(b, &all.items[i]);
  if (!b->connected) tell_nothing_deployed(b, &services, &all);
  return NULL;
}

static bool was_there(const struct ref_update *u) {
  return u->before[strspn(u->before, "0")] != '\0';
}

err *core_push_deploy(core *c, const struct core_push *push, struct ref_updates *updates,
                      struct core_pushed *ret_pushed) {
  auto_free char *default_name = NULL;
  if (c->stopping) return err_new(ERR_BUSY, "Tramway is stopping: push again");
  TRY(pushed_settle(c->pushed, core_push_repository(push), updates, &default_name));
  for (size_t i = 0; i < updates->len; i++) {
    const char *branch = ref_update_branch(&updates->items[i]);
    if (!branch) continue;
    struct pushed_branch b = {.core = c, .push = push, .branch = branch, .sha = updates->items[i].after,
                              .before = was_there(&updates->items[i]) ? updates->items[i].before : NULL,
                              .repo = str_empty(push->service_id) ? SOURCE_PUSHED_PROJECT : SOURCE_PUSHED_SERVICE,
                              .is_default = str_eq(branch, default_name), .out = ret_pushed};
    TRY(deploy_branch(&b));
  }
  return NULL;
}
