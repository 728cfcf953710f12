/* GitLab's bodies.  https://docs.gitlab.com/user/project/integrations/webhook_events/ */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/hook_event_internal.h"

/* Not path_with_namespace: a bare "owner/name" is GitHub's. */
static json_t *repositories_of(const json_t *project) {
  static const char *const urls[] = {"git_http_url", "git_ssh_url", "web_url", NULL};
  return hook_texts(project, urls);
}

static err *push(const json_t *body, json_t **ret_event) {
  const char *after = json_get_text(body, "after");
  const json_t *project = json_object_get(body, "project");
  const json_t *head = hook_commit(json_object_get(body, "commits"), after);
  const char *author = json_get_text(json_object_get(head, "author"), "name");
  struct hook_push p = {.ref = json_get_text(body, "ref"),
                        .before = json_get_text(body, "before"),
                        .after = after,
                        .default_branch = json_get_text(project, "default_branch"),
                        .author = author ? author : json_get_text(body, "user_name"),
                        .message = json_get_text(head, "message")};
  return hook_event_push(&p, repositories_of(project), ret_event);
}

static enum check_state state_of(const char *status) {
  if (str_eq(status, "success") || str_eq(status, "skipped")) return CHECK_PASSED;
  return str_eq(status, "failed") || str_eq(status, "canceled") ? CHECK_FAILED : CHECK_PENDING;
}

static err *pipeline(const json_t *body, json_t **ret_event) {
  const json_t *o = json_object_get(body, "object_attributes");
  return hook_event_check(json_get_text(o, "sha"), "pipeline", json_get_text(o, "source"),
                          state_of(json_get_text(o, "status")), json_get_int(o, "id", 0), ret_event);
}

/* Of an update only one that brought commits: "oldrev" is there then. */
static const char *merge_action(const json_t *o) {
  const char *action = json_get_text(o, "action");
  if (str_eq(action, "open") || str_eq(action, "reopen")) return "opened";
  if (str_eq(action, "close") || str_eq(action, "merge")) return "closed";
  return str_eq(action, "update") && json_get_text(o, "oldrev") ? "updated" : NULL;
}

/* Accounts of project and group access tokens. */
static bool is_bot(const char *name) {
  return name && (str_starts(name, "project_") || str_starts(name, "group_")) && strstr(name, "_bot");
}

static err *merge_request(const json_t *body, json_t **ret_event) {
  const json_t *o = json_object_get(body, "object_attributes");
  const char *action = merge_action(o);
  const char *author = json_get_text(json_object_get(body, "user"), "username");
  if (!action) {
    *ret_event = hook_event_ignored("a change of a merge request that changes no code");
    return NULL;
  }
  int64_t from = json_get_int(o, "source_project_id", 0), into = json_get_int(o, "target_project_id", 0);
  struct hook_pull p = {.action = action,
                        .number = json_get_int(o, "iid", 0),
                        .title = json_get_text(o, "title"),
                        .head_repository = json_get_text(json_object_get(o, "source"), "git_http_url"),
                        .head_branch = json_get_text(o, "source_branch"),
                        .head_sha = json_get_text(json_object_get(o, "last_commit"), "id"),
                        .base_branch = json_get_text(o, "target_branch"),
                        .author = author,
                        .is_fork = !from || from != into,
                        .is_bot = is_bot(author),
                        .merged = str_eq(json_get_text(o, "action"), "merge")};
  return hook_event_pull(&p, repositories_of(json_object_get(body, "project")), ret_event);
}

/* What it is stands in the body, too, where a system hook and a project's own say it alike. */
err *hook_event_gitlab(const char *name, const json_t *body, json_t **ret_event) {
  const char *kind = json_get_text(body, "object_kind");
  if (str_eq(kind, "push")) return push(body, ret_event);
  if (str_eq(kind, "pipeline")) return pipeline(body, ret_event);
  if (str_eq(kind, "merge_request")) return merge_request(body, ret_event);
  *ret_event = hook_event_ignored("nothing is done for the event '%.64s'", name);
  return NULL;
}
