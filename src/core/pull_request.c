#include "core/pull_request.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/duplicate.h"
#include "core/pull_request_private.h"
#include "source/repo_name.h"
#include "store/project.h"
#include "store/service.h"

enum { TITLE_KEPT = 300, BRANCH_MAX = 255, COMMIT_LEN = 40, NAME_TRIES = 100 };

/* ---- what an event says ---- */

/* The keys of all its names: one of them is how a service names it. */
static json_t *keys_of(const struct pull_request *pr) {
  json_t *keys = json_array();
  for (size_t i = 0; pr->repositories && i < pr->repositories->len; i++) {
    auto_free char *key = repo_key(pr->repositories->items[i]);
    if (key) json_array_append_new(keys, json_string(key));
  }
  return keys;
}

static err *check(const struct pull_request *pr) {
  auto_json *keys = keys_of(pr);
  if (!json_array_size(keys)) return err_new(ERR_INVALID, "pull request: it names no repository");
  if (pr->number < 1 || pr->number > INT32_MAX)
    return err_new(ERR_INVALID, "pull request: number %lld is none", (long long)pr->number);
  return NULL;
}

static err *check_head(const struct pull_request *pr) {
  TRY(check(pr));
  TRY(name_check("branch", pr->branch, BRANCH_MAX));
  if (pr->base_branch) TRY(name_check("branch", pr->base_branch, BRANCH_MAX));
  if (!pr->commit || strlen(pr->commit) != COMMIT_LEN || pr->commit[strspn(pr->commit, "0123456789abcdef")])
    return err_new(ERR_INVALID, "pull request %lld: the commit is not 40 hex digits", (long long)pr->number);
  return NULL;
}

/* As much of it as is kept, whole characters only; NULL when it is no text. */
static char *short_title(const char *title) {
  if (!title || !str_is_utf8(title, strlen(title))) return NULL;
  size_t len = strnlen(title, TITLE_KEPT);
  while (len && ((unsigned char)title[len] & 0xc0) == 0x80) len--;
  return str_ndup(title, len);
}

/* What is to be deployed depends on what it changes, and that is not told.  A stranger's commit is not
 * fetched to find out. */
static bool has_to_look(const struct project *project, const struct pull_request *pr, const json_t *meta) {
  return project->focused_pr_environments && !pr->changed_files && !json_get_bool(meta, META_IS_FORK, false);
}

/* Over what is known of it; a change of fork-ness is one for the worse only. */
static json_t *meta_of(const struct project *project, const struct pull_request *pr, const json_t *former) {
  json_t *meta = former ? json_deep_copy(former) : json_object();
  auto_free char *title = short_title(pr->title);
  bool is_fork = pr->is_fork || json_get_bool(former, META_IS_FORK, false);
  json_object_set_new(meta, DEPLOYMENT_PR_NUMBER, json_integer(pr->number));
  auto_free char *full_name = repo_full_name(pr->repositories->items[0]);
  json_set_text(meta, "prRepo", full_name);
  json_object_set_new(meta, META_REPO_KEYS, keys_of(pr));
  if (title) json_set_text(meta, "prTitle", title);
  json_set_text(meta, "branch", pr->branch);
  if (pr->base_branch) json_set_text(meta, "baseBranch", pr->base_branch);
  json_set_text(meta, META_COMMIT, pr->commit);
  json_object_set_new(meta, META_IS_FORK, json_boolean(is_fork));
  if (has_to_look(project, pr, meta)) json_object_set_new(meta, META_UNDECIDED, json_true());
  return meta;
}

/* ---- settings that follow it ---- */

static bool has_key(const json_t *keys, const char *key) {
  size_t i;
  const json_t *item;
  json_array_foreach(keys, i, item) if (key && str_eq(json_string_value(item), key)) return true;
  return false;
}

static bool is_built_from(const struct service_settings *s, const json_t *keys) {
  auto_free char *key = s->source_kind == SOURCE_REPO && s->source_repo ? repo_key(s->source_repo) : NULL;
  return has_key(keys, key);
}

bool pull_request_owns(const json_t *meta, const struct service_settings *s) {
  return is_built_from(s, json_object_get(meta, META_REPO_KEYS));
}

/* A fork's branch is not in the repository, or another one of that name is: only the commit counts. */
void pull_request_adapt(void *meta, struct service_settings *s) {
  if (!pull_request_owns(meta, s)) return;
  bool is_fork = json_get_bool(meta, META_IS_FORK, false);
  str_replace_owned(&s->source_branch, is_fork ? NULL : json_get_text(meta, "branch"));
  str_replace_owned(&s->source_commit, is_fork ? json_get_text(meta, META_COMMIT) : NULL);
  s->auto_deploy = false; /* what is pushed to the branch comes as an event of the pull request, too */
}

static err *adapt_instances(core *c, const struct environment *environment) {
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_environment(c->db, environment->id, &list));
  for (size_t i = 0; i < list.len; i++) {
    if (!pull_request_owns(environment->meta, &list.items[i].settings)) continue;
    pull_request_adapt(environment->meta, &list.items[i].settings);
    TRY(service_instance_set_settings(c->db, list.items[i].id, &list.items[i].settings, clock_now_us()));
  }
  return NULL;
}

/* ---- its environment ---- */

static bool is_of(const struct environment *e, const struct pull_request *pr) {
  auto_json *keys = keys_of(pr);
  const json_t *theirs = json_object_get(e->meta, META_REPO_KEYS), *item;
  size_t i;
  if (json_get_int(e->meta, DEPLOYMENT_PR_NUMBER, 0) != pr->number) return false;
  json_array_foreach(theirs, i, item) if (has_key(keys, json_string_value(item))) return true;
  return false;
}

static err *find_environment(core *c, const char *project_id, const struct pull_request *pr, bool *ret_found,
                             struct environment *ret_environment) {
  auto_environment_list list = {0};
  TRY(environment_list_by_project(c->db, project_id, NULL, &list));
  *ret_found = false;
  for (size_t i = 0; i < list.len && !*ret_found; i++) {
    if (!is_of(&list.items[i], pr)) continue;
    environment_copy(&list.items[i], ret_environment);
    *ret_found = true;
  }
  return NULL;
}

/* "shop-pr-12"; with another's pull request of that number in the project "shop-pr-12-2". */
static err *free_name(core *c, const struct project *project, const struct pull_request *pr, char **ret_name) {
  auto_free char *label = label_from_name(project->name);
  const char *start = *label ? label : "project";
  for (int i = 1; i <= NAME_TRIES; i++) {
    auto_free char *times = i > 1 ? str_format("-%d", i) : str_dup("");
    auto_free char *ending = str_format("-pr-%lld%s", (long long)pr->number, times);
    size_t kept = strnlen(start, ENVIRONMENT_NAME_MAX - strlen(ending));
    while (kept && start[kept - 1] == '-') kept--;
    auto_free char *name = str_format("%.*s%s", (int)kept, start, ending);
    auto_environment taken = {0};
    bool found = false;
    TRY(environment_find_by_name(c->db, project->id, name, &found, &taken));
    if (found) continue;
    *ret_name = str_dup(name);
    return NULL;
  }
  return err_new(ERR_CONFLICT, "pull request %lld: every name for its environment is taken", (long long)pr->number);
}

/* The one that is set, else the oldest that belongs to no pull request. */
static err *find_base(core *c, const struct project *project, bool *ret_found, struct environment *ret_base) {
  auto_environment_list list = {0};
  const struct environment *chosen = NULL;
  TRY(environment_list_by_project(c->db, project->id, NULL, &list));
  for (size_t i = 0; i < list.len; i++)
    if (!list.items[i].is_ephemeral) chosen = &list.items[i];
  for (size_t i = 0; i < list.len; i++)
    if (str_eq(list.items[i].id, project->base_environment_id)) chosen = &list.items[i];
  *ret_found = chosen != NULL;
  if (chosen) environment_copy(chosen, ret_base);
  return NULL;
}

static err *has_service_of(core *c, const char *environment_id, const json_t *meta, bool *ret_has) {
  auto_service_instance_list list = {0};
  TRY(service_instance_list_by_environment(c->db, environment_id, &list));
  *ret_has = false;
  for (size_t i = 0; i < list.len; i++) *ret_has |= pull_request_owns(meta, &list.items[i].settings);
  return NULL;
}

/* ---- opened ---- */

static err *say(struct pull_request_answer *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static err *say(struct pull_request_answer *answer, const char *format, ...) {
  va_list args;
  va_start(args, format);
  answer->said = str_vformat(format, args);
  va_end(args);
  return NULL;
}

static err *deploy(core *c, const struct project *project, const struct pull_request *pr,
                   const struct environment *environment, bool is_new, struct pull_request_answer *answer) {
  struct pull_request_deploy what = {.environment = environment, .changed_files = pr->changed_files,
                                     .focused = project->focused_pr_environments};
  const char *done = is_new ? "made" : "brought up to date";
  id_copy(answer->environment_id, environment->id);
  if (has_to_look(project, pr, environment->meta)) {
    TRY(pull_request_look(c, environment));
    return say(answer, "environment %s %s: looking at what it changes", environment->name, done);
  }
  TRY(pull_request_deploy(c, &what));
  bool waits = json_get_bool(environment->meta, META_IS_FORK, false);
  return say(answer, "environment %s %s: %zu deployed, %zu skipped%s", environment->name, done, what.deployed, what.skipped,
             waits ? "; a fork's commit waits until a member approves of it" : "");
}

static err *make(core *c, const struct project *project, const struct pull_request *pr,
                 struct pull_request_answer *answer) {
  auto_environment base = {0}, made = {0};
  auto_json *meta = meta_of(project, pr, NULL);
  auto_free char *name = NULL;
  bool found = false, built = false;
  TRY(find_base(c, project, &found, &base));
  if (found) TRY(has_service_of(c, base.id, meta, &built));
  if (!built) return say(answer, "no service of the base environment %s is built from its repository", found ? base.name : "");
  TRY(free_name(c, project, pr, &name));
  struct duplication how = {.project_id = project->id, .name = name, .source_id = base.id, .is_ephemeral = true,
                            .meta = meta, .without_variables = pr->is_fork, .adapt = pull_request_adapt, .arg = meta};
  TRY(duplicate_environment(c, &how, &made));
  log_info("pull request", "%s: made for number %lld: %s", made.id, (long long)pr->number, made.name);
  return deploy(c, project, pr, &made, true, answer);
}

static err *bring_up_to_date(core *c, const struct project *project, const struct pull_request *pr,
                             struct environment *environment, struct pull_request_answer *answer) {
  json_t *meta = meta_of(project, pr, environment->meta);
  json_decref(environment->meta);
  environment->meta = meta;
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(environment_set_meta(c->db, environment->id, meta, clock_now_us()));
  TRY(adapt_instances(c, environment));
  TRY(db_commit(&t));
  return deploy(c, project, pr, environment, false, answer);
}

static err *open_it(core *c, const char *project_id, const struct pull_request *pr, struct pull_request_answer *answer) {
  auto_project project = {0};
  auto_environment environment = {0};
  bool found = false;
  TRY(check_head(pr));
  TRY(project_get(c->db, project_id, &project));
  if (!project.pr_deploys) return say(answer, "the project makes no environments for pull requests");
  if (pr->is_bot && !project.bot_pr_environments)
    return say(answer, "the project makes no environments for pull requests of bots");
  TRY(find_environment(c, project_id, pr, &found, &environment));
  return found ? bring_up_to_date(c, &project, pr, &environment, answer) : make(c, &project, pr, answer);
}

static err *answered(err *e, struct pull_request_answer *answer, struct pull_request_answer *ret_answer) {
  if (e)
    free(answer->said);
  else
    *ret_answer = *answer;
  return e;
}

err *core_pr_opened(core *c, const char *project_id, const struct pull_request *pr,
                    struct pull_request_answer *ret_answer) {
  struct pull_request_answer answer = {0};
  return answered(open_it(c, project_id, pr, &answer), &answer, ret_answer);
}

/* ---- closed ---- */

static err *close_it(core *c, const char *project_id, const struct pull_request *pr,
                     struct pull_request_answer *answer) {
  auto_environment environment = {0};
  bool found = false;
  TRY(check(pr));
  TRY(find_environment(c, project_id, pr, &found, &environment));
  if (!found) return say(answer, "there is no environment of it");
  TRY(core_environment_delete(c, environment.id));
  id_copy(answer->environment_id, environment.id);
  return say(answer, "environment %s deleted", environment.name);
}

err *core_pr_closed(core *c, const char *project_id, const struct pull_request *pr,
                    struct pull_request_answer *ret_answer) {
  struct pull_request_answer answer = {0};
  return answered(close_it(c, project_id, pr, &answer), &answer, ret_answer);
}
