/* Which services of a pull request's environment are deployed, and which are skipped. */
#include <string.h>

#include "base/mem.h"
#include "core/dependencies.h"
#include "core/pull_request_private.h"
#include "core/variables.h"
#include "source/watch.h"
#include "store/deployment.h"
#include "store/project.h"
#include "store/service.h"

struct street { /* the environment's services */
  struct service_instance_list instances;
  struct service_list services;
};

static void street_done(struct street *s) {
  service_instance_list_done(&s->instances);
  service_list_done(&s->services);
}
#define auto_street __attribute__((cleanup(street_done))) struct street

static err *find_street(core *c, const struct environment *environment, struct street *s) {
  TRY(service_instance_list_by_environment(c->db, environment->id, &s->instances));
  return service_list_by_project(c->db, environment->project_id, NULL, &s->services);
}

/* ---- what changed, and what that needs ---- */

static bool is_below(const char *path, const char *folder) {
  folder += strspn(folder, "/");
  size_t len = strlen(folder);
  while (len && folder[len - 1] == '/') len--;
  return !len || (strncmp(path, folder, len) == 0 && path[len] == '/');
}

/* Its watch paths decide; without any its root directory does, when the project asks for what changed
 * only.  What was never deployed here is, unless that is asked for. */
static err *is_touched(const struct service_settings *s, const struct pull_request_deploy *what, bool is_first,
                       bool *ret_touched) {
  const struct strv *files = what->changed_files;
  bool by_paths = s->watch_patterns.len && (what->focused || !is_first);
  *ret_touched = true;
  if (!files) return NULL;
  if (by_paths) return watch_matches(&s->watch_patterns, files, ret_touched);
  if (!what->focused || !s->root_directory) return NULL;
  *ret_touched = false;
  for (size_t i = 0; i < files->len; i++) *ret_touched |= is_below(files->items[i], s->root_directory);
  return NULL;
}

/* Adds what these services need, and what that needs. */
static err *add_needed(core *c, const struct street *s, struct strv *service_ids) {
  for (size_t done = 0; done < service_ids->len; done++)
    for (size_t i = 0; i < s->instances.len; i++) {
      const struct service_instance *instance = &s->instances.items[i];
      if (!str_eq(instance->service_id, service_ids->items[done])) continue;
      auto_json *variables = NULL;
      auto_strv needed = STRV_EMPTY;
      TRY(variables_of_user(c, instance, &variables));
      dependencies_find(variables, instance->service_id, &s->services, &needed);
      for (size_t n = 0; n < needed.len; n++)
        if (!strv_has(service_ids, needed.items[n])) strv_add(service_ids, needed.items[n]);
    }
  return NULL;
}

static err *find_wanted(core *c, const struct street *s, const struct pull_request_deploy *what,
                        struct strv *service_ids) {
  for (size_t i = 0; i < s->instances.len; i++) {
    const struct service_instance *instance = &s->instances.items[i];
    auto_deployment latest = {0};
    bool found = false;
    TRY(deployment_find_latest(c->db, instance->id, &found, &latest));
    bool wanted = !found && !what->focused;
    if (pull_request_owns(what->environment->meta, &instance->settings))
      TRY(is_touched(&instance->settings, what, !found, &wanted));
    if (wanted) strv_add(service_ids, instance->service_id);
  }
  return what->focused ? add_needed(c, s, service_ids) : NULL;
}

/* ---- one service ---- */

/* The settings say what is deployed by hand; this deployment is of that very commit. */
static err *deploy_one(core *c, const json_t *meta, const struct service_instance *instance, const char *user_id) {
  char id[ID_SIZE];
  auto_service_instance pinned = {0};
  const char *commit = json_get_text(meta, META_COMMIT);
  if (!pull_request_owns(meta, &instance->settings)) return core_deploy_instance(c, instance, user_id, id);
  service_instance_copy(instance, &pinned);
  str_replace_owned(&pinned.settings.source_commit, commit);
  auto_json *known = json_pack("{s:s*, s:s*, s:O*}", "commitHash", commit, "branch", pinned.settings.source_branch,
                               DEPLOYMENT_PR_NUMBER, json_object_get(meta, DEPLOYMENT_PR_NUMBER));
  struct deployment_request request = {.cause = DEPLOYMENT_CAUSE_REPO, .user_id = user_id, .meta = known};
  return create_deployment(c, &pinned, &request, id);
}

static err *skip_one(core *c, const json_t *meta, const struct service_instance *instance) {
  char id[ID_SIZE];
  auto_service_instance pinned = {0};
  service_instance_copy(instance, &pinned);
  bool owned = pull_request_owns(meta, &pinned.settings);
  if (owned) str_replace_owned(&pinned.settings.source_commit, json_get_text(meta, META_COMMIT));
  struct deployment_request request = {
      .cause = instance->settings.source_kind == SOURCE_IMAGE ? DEPLOYMENT_CAUSE_IMAGE : DEPLOYMENT_CAUSE_REPO,
      .skipped = owned ? "No changed files matched patterns of this service"
                       : "nothing that the pull request changed needs this service"};
  return create_deployment(c, &pinned, &request, id);
}

/* Approvals that were asked for an earlier commit lapse with it. */
static err *lapse(core *c, const struct service_instance *instance, const char *commit) {
  auto_deployment_list waiting = {0};
  struct deployment_filter filter = {.service_instance_id = instance->id,
                                     .statuses = DEPLOYMENT_STATUS_BIT(DEPLOYMENT_NEEDS_APPROVAL)};
  TRY(deployment_list(c->db, &filter, NULL, &waiting));
  for (size_t i = 0; i < waiting.len; i++)
    if (!str_eq(waiting.items[i].settings.source_commit, commit))
      TRY(deploy_apply(c, waiting.items[i].id, DEPLOY_SKIP, "a newer commit took its place"));
  return NULL;
}

static bool has_source(const struct service_instance *instance) {
  return instance->settings.source_kind == SOURCE_REPO || instance->settings.source_kind == SOURCE_IMAGE;
}

static err *see_to(core *c, struct pull_request_deploy *what, const struct service_instance *instance, bool wanted) {
  const json_t *meta = what->environment->meta;
  bool owned = pull_request_owns(meta, &instance->settings), found = false;
  auto_deployment latest = {0};
  if (owned) TRY(lapse(c, instance, json_get_text(meta, META_COMMIT)));
  TRY(deployment_find_latest(c->db, instance->id, &found, &latest));
  bool has_it = found && (!owned || str_eq(latest.settings.source_commit, json_get_text(meta, META_COMMIT)));
  bool was_skipped = found && latest.status == DEPLOYMENT_SKIPPED;
  if (wanted && (!has_it || was_skipped)) {
    what->deployed++;
    return deploy_one(c, meta, instance, "");
  }
  if (wanted || has_it || was_skipped) return NULL;
  what->skipped++;
  return skip_one(c, meta, instance);
}

err *pull_request_deploy(core *c, struct pull_request_deploy *what) {
  auto_street s = {0};
  auto_strv wanted = STRV_EMPTY;
  TRY(find_street(c, what->environment, &s));
  TRY(find_wanted(c, &s, what, &wanted));
  for (size_t i = s.instances.len; i-- > 0;) {
    const struct service_instance *instance = &s.instances.items[i];
    if (has_source(instance)) TRY(see_to(c, what, instance, strv_has(&wanted, instance->service_id)));
  }
  return NULL;
}

/* ---- by hand ---- */

err *core_unskip(core *c, const struct service_instance *instance, const char *user_id) {
  auto_street s = {0};
  auto_strv wanted = STRV_EMPTY;
  auto_environment environment = {0};
  bool is_first = true;
  TRY(environment_get(c->db, instance->environment_id, &environment));
  TRY(find_street(c, &environment, &s));
  strv_add(&wanted, instance->service_id);
  TRY(add_needed(c, &s, &wanted));
  for (size_t w = 0; w < wanted.len; w++, is_first = false)
    for (size_t i = 0; i < s.instances.len; i++) {
      auto_deployment latest = {0};
      bool found = false;
      if (!str_eq(s.instances.items[i].service_id, wanted.items[w])) continue;
      TRY(deployment_find_latest(c->db, s.instances.items[i].id, &found, &latest));
      bool skipped = found && latest.status == DEPLOYMENT_SKIPPED;
      if (is_first && !skipped) return err_new(ERR_CONFLICT, "the service was not skipped: deploy it with `tram redeploy`");
      if (skipped) TRY(deploy_one(c, environment.meta, &s.instances.items[i], user_id));
    }
  return NULL;
}
