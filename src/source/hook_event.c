#include "source/hook_event.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/git_url.h"
#include "source/hook_event_internal.h"

json_t *hook_event_ignored(const char *format, ...) {
  va_list args;
  va_start(args, format);
  auto_free char *reason = str_vformat(format, args);
  va_end(args);
  json_t *event = json_pack("{s:s}", "kind", "ignored");
  json_set_text(event, "reason", str_is_utf8(reason, strlen(reason)) ? reason : "not understood");
  return event;
}

static void set(json_t *event, const char *key, const char *text) {
  if (!str_empty(text)) json_set_text(event, key, text);
}

/* At most HOOK_MESSAGE_MAX bytes, whole characters. */
static void set_long(json_t *event, const char *key, const char *text) {
  size_t len = text ? strlen(text) : 0;
  if (len > HOOK_MESSAGE_MAX) {
    len = HOOK_MESSAGE_MAX;
    while (len && ((unsigned char)text[len] & 0xC0) == 0x80) len--;
  }
  auto_free char *kept = str_ndup(text ? text : "", len);
  set(event, key, kept);
}

json_t *hook_texts(const json_t *object, const char *const *keys) {
  json_t *texts = json_array();
  for (; *keys; keys++) {
    const char *text = json_get_text(object, *keys);
    if (!str_empty(text)) json_array_append_new(texts, json_string(text));
  }
  return texts;
}

const json_t *hook_commit(const json_t *list, const char *sha) {
  for (size_t i = 0; i < json_array_size(list); i++)
    if (str_eq(json_get_text(json_array_get(list, i), "id"), sha)) return json_array_get(list, i);
  return NULL;
}

int64_t hook_time(const json_t *object, const char *key) {
  int64_t time_us = 0;
  const char *text = json_get_text(object, key);
  return text && clock_parse(text, &time_us) ? time_us : 0;
}

static bool is_whole_commit(const char *text) {
  return text && strlen(text) == 40 && git_is_commit(text);
}

static bool is_zero(const char *sha) {
  return sha && strspn(sha, "0") == strlen(sha);
}

static err *missing(const char *what) {
  return err_new(ERR_INVALID, "the event has no %s, or none that could be one", what);
}

static err *make_push(const struct hook_push *p, json_t *repositories, json_t **ret_event) {
  const char *branch = p->ref;
  if (!branch) return missing("branch");
  if (str_starts(branch, "refs/tags/")) {
    *ret_event = hook_event_ignored("a tag was pushed: branches deploy");
    return NULL;
  }
  if (str_starts(branch, "refs/heads/")) branch += strlen("refs/heads/");
  if (!git_ref_valid(branch)) return missing("branch");
  if (!p->after || is_zero(p->after)) {
    *ret_event = hook_event_ignored("the branch '%s' was deleted", branch);
    return NULL;
  }
  if (!is_whole_commit(p->after)) return missing("commit");
  if (!json_array_size(repositories)) return missing("repository");
  json_t *event = json_pack("{s:s, s:O}", "kind", "push", "repositories", repositories);
  set(event, "defaultBranch", p->default_branch);
  set(event, "branch", branch);
  if (is_whole_commit(p->before) && !is_zero(p->before)) set(event, "before", p->before);
  set(event, "after", p->after);
  set_long(event, "author", p->author);
  set_long(event, "message", p->message);
  *ret_event = event;
  return NULL;
}

err *hook_event_push(const struct hook_push *p, json_t *repositories, json_t **ret_event) {
  err *e = make_push(p, repositories, ret_event);
  json_decref(repositories);
  return e;
}

err *hook_event_check(const char *sha, const char *kind, const char *name, enum check_state state,
                      int64_t ordinal, json_t **ret_event) {
  if (!is_whole_commit(sha)) return missing("commit");
  auto_free char *whole = str_format("%s: %s", kind, str_empty(name) ? "(no name)" : name);
  json_t *event = json_pack("{s:s, s:s, s:s, s:I}", "kind", "check", "sha", sha, "state",
                            check_state_name(state), "ordinal", (json_int_t)ordinal);
  set_long(event, "name", whole);
  *ret_event = event;
  return NULL;
}

static err *make_pull(const struct hook_pull *p, json_t *repositories, json_t **ret_event) {
  if (!json_array_size(repositories)) return missing("repository");
  if (p->number <= 0) return missing("number");
  if (!is_whole_commit(p->head_sha)) return missing("commit");
  if (!p->head_branch || !git_ref_valid(p->head_branch)) return missing("branch");
  if (!p->base_branch || !git_ref_valid(p->base_branch)) return missing("base branch");
  json_t *event = json_pack("{s:s, s:O, s:s, s:I, s:b, s:b, s:b}", "kind", "pull_request", "repositories",
                            repositories, "action", p->action, "number", (json_int_t)p->number, "isFork",
                            p->is_fork, "isBot", p->is_bot, "merged", p->merged);
  set_long(event, "title", p->title);
  set_long(event, "headRepository", p->head_repository);
  set(event, "headBranch", p->head_branch);
  set(event, "headSha", p->head_sha);
  set(event, "baseBranch", p->base_branch);
  set_long(event, "author", p->author);
  *ret_event = event;
  return NULL;
}

err *hook_event_pull(const struct hook_pull *p, json_t *repositories, json_t **ret_event) {
  err *e = make_pull(p, repositories, ret_event);
  json_decref(repositories);
  return e;
}

/* {"repository": URL or owner/name, "branch" or "ref", "commit", "before"?, "message"?, "author"?}, or
 * {"repository", "commit", "check": name, "state": "pending|success|failure"}. */
err *hook_event_generic(const json_t *body, json_t **ret_event) {
  static const char *const names[] = {"repository", NULL};
  static const struct {
    const char *word;
    enum check_state state;
  } states[] = {{"pending", CHECK_PENDING}, {"success", CHECK_PASSED}, {"failure", CHECK_FAILED}};
  const char *commit = json_get_text(body, "commit"), *check = json_get_text(body, "check");
  const char *state = json_get_text(body, "state");
  for (size_t i = 0; check && i < ARRAY_LEN(states); i++)
    if (state && str_ieq(state, states[i].word))
      return hook_event_check(commit, "check", check, states[i].state, 0, ret_event);
  if (check) return err_new(ERR_INVALID, "'state' must be pending, success or failure");
  if (!commit) return missing("commit");
  const char *ref = json_get_text(body, "ref");
  struct hook_push push = {.ref = ref ? ref : json_get_text(body, "branch"),
                           .before = json_get_text(body, "before"),
                           .after = commit,
                           .author = json_get_text(body, "author"),
                           .message = json_get_text(body, "message")};
  return hook_event_push(&push, hook_texts(body, names), ret_event);
}

/* ---- the body's encoding ---- */

static int hex_value(char c) {
  return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static char *decode_form(const char *text, size_t len, size_t *ret_len) {
  struct str out = STR_EMPTY;
  str_init(&out);
  for (size_t i = 0; i < len; i++) {
    bool coded = text[i] == '%' && i + 2 < len && isxdigit((unsigned char)text[i + 1]) &&
                 isxdigit((unsigned char)text[i + 2]);
    str_add_char(&out, coded            ? (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]))
                       : text[i] == '+' ? ' '
                                        : text[i]);
    if (coded) i += 2;
  }
  *ret_len = out.len;
  return str_take(&out);
}

static err *parse_body(const char *content_type, const char *body, size_t len, json_t **ret_body) {
  bool is_form = content_type && strncasecmp(content_type, "application/x-www-form-urlencoded", 33) == 0;
  if (!is_form) return json_parse(body, len, "the body", ret_body);
  for (const char *part = body, *end = body + len; part < end;) {
    const char *next = memchr(part, '&', (size_t)(end - part));
    size_t part_len = (size_t)((next ? next : end) - part);
    if (part_len > 8 && memcmp(part, "payload=", 8) == 0) {
      size_t text_len;
      auto_free char *text = decode_form(part + 8, part_len - 8, &text_len);
      return json_parse(text, text_len, "the body's payload", ret_body);
    }
    part += part_len + 1;
  }
  return err_new(ERR_INVALID, "the form has no field 'payload'");
}

err *hook_event_parse(enum webhook_provider provider, const char *name, const char *content_type,
                      const char *body, size_t len, json_t **ret_event) {
  auto_json *value = NULL;
  TRY(err_recode(parse_body(content_type, body, len, &value), ERR_INVALID));
  if (!json_is_object(value)) return err_new(ERR_INVALID, "the body is no JSON object");
  if (provider == WEBHOOK_GENERIC) return hook_event_generic(value, ret_event);
  if (str_empty(name)) return err_new(ERR_INVALID, "the header that names the event is not there");
  return provider == WEBHOOK_GITLAB ? hook_event_gitlab(name, value, ret_event)
                                    : hook_event_github(name, value, ret_event);
}
