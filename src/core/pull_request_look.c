/* Which files a pull request changes, when a project deploys only what that concerns and nobody said which:
 * asked of git, as what differs between the branch that it goes into and its commit.  The environment's meta
 * says that it is still to be found out, so a start of tramd goes on with it.  When git cannot say, everything
 * is deployed. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/pull_request_private.h"
#include "source/repo_name.h"
#include "store/project.h"
#include "store/service.h"

struct look {
  struct list link;
  core *core;
  char environment_id[ID_SIZE];
  char *url, *base_branch, *commit;
  git_job *job;
};

static void look_free(struct look *l) {
  list_remove(&l->link);
  free(l->url);
  free(l->base_branch);
  free(l->commit);
  free(l);
}

/* In its environment as it is now; another commit has a look of its own. */
static err *decide(const struct look *l, const struct strv *changed) {
  core *c = l->core;
  auto_environment environment = {0};
  auto_project project = {0};
  TRY(environment_get(c->db, l->environment_id, &environment));
  if (!str_eq(json_get_text(environment.meta, META_COMMIT), l->commit)) return NULL;
  TRY(project_get(c->db, environment.project_id, &project));
  struct pull_request_deploy what = {.environment = &environment, .changed_files = changed,
                                     .focused = project.focused_pr_environments};
  TRY(pull_request_deploy(c, &what));
  json_object_del(environment.meta, META_UNDECIDED);
  return environment_set_meta(c->db, environment.id, environment.meta, clock_now_us());
}

static void end(struct look *l, err *unknown, const struct strv *changed) {
  core *c = l->core;
  if (unknown) log_warn("pull request", "%s: which files changed: %s; deploying all", l->environment_id, err_message(unknown));
  err_free(unknown);
  auto_err *e = decide(l, changed);
  bool is_gone = e && err_code_of(e) == ERR_NOT_FOUND;
  if (e && !is_gone) log_error("pull request", "%s: %s; trying again", l->environment_id, err_message(e));
  look_free(l);
  if (e && !is_gone) core_resume_later(c);
}

static void on_changes(void *arg, err *e, const struct git_commit *commit) {
  struct look *l = arg;
  l->job = NULL;
  if (l->core->stopping) {
    err_free(e);
    look_free(l);
    return;
  }
  end(l, e, e ? NULL : commit->changed);
}

static err *fetch(struct look *l, const char *ref, const char *since, git_done_fn *done) {
  struct git_request request = {.url = l->url, .ref = ref, .since = since, .allow_local = true};
  TRY(core_disk_admits_source(l->core, NULL));
  return git_fetch(l->core->git, &request, done, l, &l->job);
}

static void on_base(void *arg, err *e, const struct git_commit *commit) {
  struct look *l = arg;
  l->job = NULL;
  if (l->core->stopping) {
    err_free(e);
    look_free(l);
    return;
  }
  if (!e) e = fetch(l, l->commit, commit->sha, on_changes);
  if (e) end(l, e, NULL);
}

static err *find_url(core *c, const struct environment *environment, char **ret_url) {
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_environment(c->db, environment->id, &list));
  for (size_t i = 0; i < list.len; i++)
    if (!*ret_url && pull_request_owns(environment->meta, &list.items[i].settings))
      *ret_url = repo_url(list.items[i].settings.source_repo);
  return *ret_url ? NULL : err_new(ERR_NOT_FOUND, "no service is built from its repository any more");
}

static bool is_looked_at(core *c, const struct environment *environment) {
  LIST_FOREACH(l, &c->looks, struct look, link)
    if (str_eq(l->environment_id, environment->id) && str_eq(l->commit, json_get_text(environment->meta, META_COMMIT)))
      return true;
  return false;
}

err *pull_request_look(core *c, const struct environment *environment) {
  auto_free char *url = NULL;
  if (is_looked_at(c, environment)) return NULL;
  TRY(find_url(c, environment, &url));
  struct look *l = mem_zalloc(sizeof *l);
  l->core = c;
  id_copy(l->environment_id, environment->id);
  l->url = str_dup(url);
  l->base_branch = str_dup(json_get_text(environment->meta, "baseBranch"));
  l->commit = str_dup(json_get_text(environment->meta, META_COMMIT));
  list_push(&c->looks, &l->link);
  err *e = fetch(l, l->base_branch, NULL, on_base);
  if (e) look_free(l);
  return e;
}

err *pull_request_resume(core *c) {
  auto_environment_list list = {0};
  TRY(environment_list_with_meta(c->db, &list));
  for (size_t i = 0; i < list.len; i++) {
    if (!json_get_bool(list.items[i].meta, META_UNDECIDED, false)) continue;
    auto_err *e = pull_request_look(c, &list.items[i]);
    if (e) log_warn("pull request", "%s: %s", list.items[i].id, err_message(e));
  }
  return NULL;
}

void pull_request_stop(core *c) {
  LIST_FOREACH(l, &c->looks, struct look, link)
    if (l->job) git_cancel(l->job);
}
