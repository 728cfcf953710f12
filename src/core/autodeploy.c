/* A branch moved: what that means for a service instance that deploys from it.
 *
 * A deployment that a push made knows in its `meta`, beside the commit, where the branch was before
 * ("push": {"before": …}).  Whether anything that it watches changed is asked when its code has been
 * fetched, and compared with what was deployed last: commits that were skipped or superseded in between
 * are not lost. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "core/internal.h"
#include "source/opt_out.h"
#include "source/repo_name.h"
#include "store/deployment.h"

enum { LOOK_BACK = 200 }; /* deployments of an instance */

bool core_deploys_pushes(const struct service_instance *instance) {
  const struct service_settings *s = &instance->settings;
  return s->source_kind == SOURCE_REPO && s->auto_deploy && str_empty(s->source_commit);
}

static const json_t *push_of(const struct deployment *d) {
  return json_object_get(d->meta, "push");
}

bool autodeploy_is_push(const struct deployment *d) {
  return json_is_object(push_of(d)) && !*d->source_deployment_id;
}

static const char *commit_of(const struct deployment *d) {
  return json_get_text(d->meta, "commitHash");
}

static bool is_of_branch(const struct deployment *d, const char *branch) {
  return str_eq(json_get_text(d->meta, "branch"), branch);
}

static err *list_recent(core *c, const char *service_instance_id, struct deployment_list *ret_list) {
  struct deployment_filter filter = {.service_instance_id = service_instance_id};
  struct page page = {.first = LOOK_BACK};
  return deployment_list(c->db, &filter, &page, ret_list);
}

/* ---- making one ---- */

/* The event of an earlier push that comes after a later one's: the newest deployment begins where this one
 * ends, and does not lead back. */
static err *is_overtaken(core *c, const struct service_instance *i, const struct branch_move *move, bool *ret_overtaken) {
  auto_deployment newest = {0};
  bool found = false;
  *ret_overtaken = false;
  TRY(deployment_find_latest(c->db, i->id, &found, &newest));
  if (!found || !autodeploy_is_push(&newest) || !is_of_branch(&newest, move->branch)) return NULL;
  *ret_overtaken = str_eq(json_get_text(push_of(&newest), "before"), move->after) &&
                   !str_eq(commit_of(&newest), move->before);
  return NULL;
}

static json_t *meta_of(const struct service_settings *s, const struct branch_move *move) {
  json_t *meta = json_object(), *push = json_object();
  auto_free char *repo = repo_full_name(s->source_repo);
  auto_free char *subject = move->message ? str_ndup(move->message, strcspn(move->message, "\n")) : NULL;
  json_set_text(meta, "repo", repo ? repo : s->source_repo);
  json_set_text(meta, "branch", move->branch);
  json_set_text(meta, "commitHash", move->after);
  if (move->author) json_set_text(meta, "commitAuthor", move->author);
  if (subject) json_set_text(meta, "commitMessage", subject);
  json_set_text(push, "before", move->before);
  json_object_set_new(meta, "push", push);
  return meta;
}

err *autodeploy_record(core *c, const struct service_instance *instance, const struct branch_move *move,
                       const char *user_id, struct deployment *ret_deployment, char **ret_why_not) {
  bool overtaken = false;
  if (!move->to_us) TRY(is_overtaken(c, instance, move, &overtaken));
  if (overtaken) {
    *ret_why_not = str_format("a newer push to '%s' was taken already", move->branch);
    return NULL;
  }
  auto_service_instance pinned = {0};
  service_instance_copy(instance, &pinned);
  str_replace_owned(&pinned.settings.source_branch, move->branch);
  str_replace_owned(&pinned.settings.source_commit, move->after);
  auto_json *meta = meta_of(&pinned.settings, move);
  auto_free char *words = opt_out_find(move->message);
  auto_free char *skipped = words ? str_format(AUTODEPLOY_OPTED_OUT, words) : NULL;
  auto_free char *waits = str_format("Waiting for the checks of commit %.7s", move->after);
  struct deployment_request request = {.cause = DEPLOYMENT_CAUSE_REPO,
                                       .user_id = user_id,
                                       .meta = meta,
                                       .skipped = skipped,
                                       .waits = pinned.settings.check_suites && !move->to_us ? waits : NULL};
  return record_deployment(c, &pinned, &request, ret_deployment);
}

/* ---- what came before ---- */

/* Its commit was deployed, or is on its way: not skipped, superseded or cancelled before it began. */
static bool counts_as_deployed(const struct deployment *d) {
  switch (d->status) {
  case DEPLOYMENT_SKIPPED:
  case DEPLOYMENT_WAITING:
  case DEPLOYMENT_NEEDS_APPROVAL: return false;
  case DEPLOYMENT_REMOVING:
  case DEPLOYMENT_REMOVED: return *d->image_id != '\0';
  default: return true;
  }
}

err *autodeploy_base(core *c, const struct deployment *d, char **ret_sha) {
  auto_deployment_list list = {0};
  bool older = false;
  *ret_sha = NULL;
  if (!autodeploy_is_push(d)) return NULL;
  TRY(list_recent(c, d->service_instance_id, &list));
  for (size_t i = 0; i < list.len; i++) {
    const struct deployment *other = &list.items[i];
    const char *sha = commit_of(other);
    if (older && sha && strlen(sha) == 40 && counts_as_deployed(other) &&
        is_of_branch(other, json_get_text(d->meta, "branch"))) {
      *ret_sha = str_dup(sha);
      return NULL;
    }
    if (str_eq(other->id, d->id)) older = true;
  }
  *ret_sha = str_dup(json_get_text(push_of(d), "before"));
  return NULL;
}
