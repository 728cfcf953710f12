/* What the files of source/hook_event*.c share.  Nobody else includes this. */
#ifndef TRAMWAY_SOURCE_HOOK_EVENT_INTERNAL_H
#define TRAMWAY_SOURCE_HOOK_EVENT_INTERNAL_H

#include "base/json.h"
#include "source/hook_event.h"

#define HOOK_MESSAGE_MAX 4096 /* bytes of a commit's message that are kept */

/* One provider's bodies; `name` is its event header. */
fallible hook_event_github(const char *name, const json_t *body, json_t **ret_event); /* and Gitea, Forgejo */
fallible hook_event_gitlab(const char *name, const json_t *body, json_t **ret_event);
fallible hook_event_generic(const json_t *body, json_t **ret_event);

json_t *hook_event_ignored(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct hook_push { /* texts are borrowed and may be NULL */
  const char *ref, *before, *after, *default_branch, *author, *message;
};
/* Checks, and ignores what is no push to a branch: a deletion, a tag.  Takes `repositories`. */
fallible hook_event_push(const struct hook_push *p, json_t *repositories, json_t **ret_event);

fallible hook_event_check(const char *sha, const char *kind, const char *name, enum check_state state,
                          int64_t ordinal, json_t **ret_event);

struct hook_pull {
  const char *action, *title, *head_repository, *head_branch, *head_sha, *base_branch, *author;
  int64_t number;
  bool is_fork, is_bot, merged;
};
fallible hook_event_pull(const struct hook_pull *p, json_t *repositories, json_t **ret_event);

/* The texts at `keys` (NULL-terminated) of `object`, those that are there, as an array. */
json_t *hook_texts(const json_t *object, const char *const *keys);

/* The member of `list` whose "id" is `sha`. */
const json_t *hook_commit(const json_t *list, const char *sha);

/* RFC 3339 in object[key] as Unix microseconds; 0 when it is not there. */
int64_t hook_time(const json_t *object, const char *key);

#endif
