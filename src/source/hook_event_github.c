/* GitHub's bodies, and Gitea's and Forgejo's, which are modelled after them.
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/hook_event_internal.h"

static json_t *repositories_of(const json_t *repository) {
  static const char *const urls[] = {"clone_url", "ssh_url", "html_url", NULL};
  static const char *const names[] = {"full_name", NULL};
  json_t *found = hook_texts(repository, urls);
  if (json_array_size(found)) return found;
  json_decref(found);
  return hook_texts(repository, names);
}

static const char *text_in(const json_t *object, const char *key, const char *inner) {
  return json_get_text(json_object_get(object, key), inner);
}

static err *push(const json_t *body, json_t **ret_event) {
  const char *after = json_get_text(body, "after");
  const json_t *head = json_object_get(body, "head_commit");
  if (!json_is_object(head)) head = hook_commit(json_object_get(body, "commits"), after);
  struct hook_push p = {.ref = json_get_text(body, "ref"),
                        .before = json_get_text(body, "before"),
                        .after = json_is_true(json_object_get(body, "deleted")) ? NULL : after,
                        .default_branch = text_in(body, "repository", "default_branch"),
                        .author = text_in(head, "author", "name"),
                        .message = json_get_text(head, "message")};
  return hook_event_push(&p, repositories_of(json_object_get(body, "repository")), ret_event);
}

/* ---- checks ---- */

static enum check_state state_of_conclusion(const char *status, const char *conclusion) {
  if (!str_eq(status, "completed") || str_empty(conclusion)) return CHECK_PENDING;
  bool fine = str_eq(conclusion, "success") || str_eq(conclusion, "neutral") || str_eq(conclusion, "skipped");
  return fine ? CHECK_PASSED : CHECK_FAILED;
}

static err *check_run(const json_t *body, json_t **ret_event) {
  const json_t *run = json_object_get(body, "check_run");
  const char *app = text_in(run, "app", "slug"), *name = json_get_text(run, "name");
  auto_free char *whole = str_format("%s/%s", app ? app : "", name ? name : "");
  return hook_event_check(json_get_text(run, "head_sha"), "check", whole,
                          state_of_conclusion(json_get_text(run, "status"), json_get_text(run, "conclusion")),
                          json_get_int(run, "id", 0), ret_event);
}

/* Only as a whole: apps that have nothing to say leave theirs queued for ever. */
static err *check_suite(const json_t *body, json_t **ret_event) {
  const json_t *suite = json_object_get(body, "check_suite");
  const char *app = text_in(suite, "app", "slug");
  if (!str_eq(json_get_text(body, "action"), "completed")) {
    *ret_event = hook_event_ignored("a check suite that has not ended");
    return NULL;
  }
  auto_free char *name = str_format("%s #%lld", app ? app : "", (long long)json_get_int(suite, "id", 0));
  return hook_event_check(json_get_text(suite, "head_sha"), "check suite", name,
                          state_of_conclusion("completed", json_get_text(suite, "conclusion")),
                          hook_time(suite, "updated_at"), ret_event);
}

static err *workflow_run(const json_t *body, json_t **ret_event) {
  const json_t *run = json_object_get(body, "workflow_run");
  const char *title = json_get_text(run, "name");
  auto_free char *name = str_format("%s #%lld", title ? title : "", (long long)json_get_int(run, "id", 0));
  return hook_event_check(json_get_text(run, "head_sha"), "workflow", name,
                          state_of_conclusion(json_get_text(run, "status"), json_get_text(run, "conclusion")),
                          hook_time(run, "updated_at"), ret_event);
}

static err *status(const json_t *body, json_t **ret_event) {
  const char *said = json_get_text(body, "state");
  enum check_state state = str_eq(said, "pending")                            ? CHECK_PENDING
                           : str_eq(said, "failure") || str_eq(said, "error") ? CHECK_FAILED
                                                                              : CHECK_PASSED;
  if (!said) return err_new(ERR_INVALID, "the event has no state");
  int64_t id = json_get_int(body, "id", 0);
  return hook_event_check(json_get_text(body, "sha"), "status", json_get_text(body, "context"), state,
                          id ? id : hook_time(body, "updated_at"), ret_event);
}

/* Forgejo's, which tell only of ends. */
static err *action_run(const char *name, const json_t *body, json_t **ret_event) {
  const json_t *run = json_object_get(body, "run");
  const char *workflow = json_get_text(run, "workflow_id");
  auto_free char *whole = str_format("%s #%lld", workflow ? workflow : "", (long long)json_get_int(run, "id", 0));
  return hook_event_check(json_get_text(run, "commit_sha"), "workflow", whole,
                          str_ends(name, "_failure") ? CHECK_FAILED : CHECK_PASSED, hook_time(run, "updated"),
                          ret_event);
}

/* ---- pull requests ---- */

static const char *pull_action(const json_t *body) {
  static const struct {
    const char *theirs, *ours;
  } rows[] = {{"opened", "opened"},       {"reopened", "opened"},      {"synchronize", "updated"},
              {"synchronized", "updated"}, {"closed", "closed"}};
  const char *action = json_get_text(body, "action");
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (str_eq(action, rows[i].theirs)) return rows[i].ours;
  bool new_base = str_eq(action, "edited") && json_object_get(json_object_get(body, "changes"), "base");
  return new_base ? "updated" : NULL;
}

static err *pull_request(const json_t *body, json_t **ret_event) {
  const char *action = pull_action(body);
  const json_t *pull = json_object_get(body, "pull_request");
  const json_t *head = json_object_get(pull, "head"), *base = json_object_get(pull, "base");
  const json_t *user = json_object_get(pull, "user");
  if (!action) {
    *ret_event = hook_event_ignored("a change of a pull request that changes no code");
    return NULL;
  }
  const char *login = json_get_text(user, "login");
  const char *from = text_in(head, "repo", "full_name"), *into = text_in(base, "repo", "full_name");
  struct hook_pull p = {.action = action,
                        .number = json_get_int(pull, "number", json_get_int(body, "number", 0)),
                        .title = json_get_text(pull, "title"),
                        .head_repository = text_in(head, "repo", "clone_url"),
                        .head_branch = json_get_text(head, "ref"),
                        .head_sha = json_get_text(head, "sha"),
                        .base_branch = json_get_text(base, "ref"),
                        .author = login,
                        .is_fork = !from || !into || !str_ieq(from, into), /* a deleted fork has no repo */
                        .is_bot = str_eq(json_get_text(user, "type"), "Bot") || (login && str_ends(login, "[bot]")),
                        .merged = json_get_bool(pull, "merged", false)};
  return hook_event_pull(&p, repositories_of(json_object_get(body, "repository")), ret_event);
}

err *hook_event_github(const char *name, const json_t *body, json_t **ret_event) {
  static const struct {
    const char *name;
    err *(*read)(const json_t *body, json_t **ret_event);
  } rows[] = {{"push", push},
              {"check_run", check_run},
              {"check_suite", check_suite},
              {"workflow_run", workflow_run},
              {"status", status},
              {"pull_request", pull_request},
              {"pull_request_sync", pull_request}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (str_eq(name, rows[i].name)) return rows[i].read(body, ret_event);
  if (str_starts(name, "action_run_")) return action_run(name, body, ret_event);
  *ret_event = str_eq(name, "ping") ? json_pack("{s:s}", "kind", "ping")
                                    : hook_event_ignored("nothing is done for the event '%.64s'", name);
  return NULL;
}
