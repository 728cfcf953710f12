#include "core/supersede_plan.h"

#include "base/json.h"
#include "base/str.h"
#include "core/internal.h"

static const char *commit_of(const struct deployment *d) {
  const char *known = json_get_text(d->meta, "commitHash");
  return known ? known : d->settings.source_commit;
}

static const char *branch_of(const struct deployment *d) {
  return d->settings.source_branch ? d->settings.source_branch : json_get_text(d->meta, "branch");
}

/* The commit of a push and that of a pull request are what their branch is at; any other was asked for by its name. */
static bool follows_branch(const struct deployment *d) {
  if (*d->source_deployment_id) return false; /* has the snapshot of then */
  return str_empty(d->settings.source_commit) || autodeploy_is_push(d) || json_object_get(d->meta, DEPLOYMENT_PR_NUMBER);
}

static bool is_same_source(const struct deployment *a, const struct deployment *b) {
  const struct service_settings *s = &a->settings, *t = &b->settings;
  if (s->source_kind != t->source_kind) return false;
  if (s->source_kind == SOURCE_IMAGE) return str_eq(s->source_image, t->source_image);
  if (*a->snapshot_id && str_eq(a->snapshot_id, b->snapshot_id)) return true;
  if (s->source_kind != SOURCE_REPO || !str_eq(s->source_repo, t->source_repo)) return false;
  return commit_of(a) && str_eq(commit_of(a), commit_of(b));
}

static bool is_same_branch(const struct deployment *a, const struct deployment *b) {
  return a->settings.source_kind == SOURCE_REPO && b->settings.source_kind == SOURCE_REPO && follows_branch(a) &&
         follows_branch(b) && str_eq(a->settings.source_repo, b->settings.source_repo) &&
         str_eq(branch_of(a), branch_of(b));
}

bool supersede_contains(const struct deployment *newer, const struct deployment *older, const struct deployment *serving) {
  if (newer->cause == DEPLOYMENT_CAUSE_ROLLBACK || older->cause == DEPLOYMENT_CAUSE_ROLLBACK) return false;
  return is_same_source(newer, older) || is_same_branch(newer, older) || (serving && is_same_source(serving, older));
}
