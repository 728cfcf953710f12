/* Bodies of webhooks → events: the cases of hook_event.cases; run from the repository's root. */
#include "source/hook_event.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/hook_event_internal.h"
#include "tap.h"

#define SHA "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2"

struct name {
  char *name, *text;
};

static struct name names[32];
static size_t names_len;

/* $(NAME) → its text; the caller owns the result. */
static char *fill_in(const char *text) {
  struct str out = STR_EMPTY;
  str_init(&out);
  while (*text) {
    size_t i = 0;
    for (; i < names_len; i++) {
      auto_free char *use = str_format("$(%s)", names[i].name);
      if (!str_starts(text, use)) continue;
      str_add(&out, names[i].text);
      text += strlen(use);
      break;
    }
    if (i == names_len) str_add_char(&out, *text++);
  }
  return str_take(&out);
}

static void define(const char *line) {
  size_t len = strcspn(line, " ");
  CHECK(names_len < ARRAY_LEN(names));
  names[names_len++] = (struct name){str_ndup(line, len), str_dup(line + len + 1)};
}

struct one_case {
  const char *what;
  enum webhook_provider provider;
  char *name, *content_type;
  struct str body;
};

static void case_done(struct one_case *c) {
  free(c->name);
  free(c->content_type);
  str_done(&c->body);
}

static void begin_case(struct one_case *c, const char *line) {
  size_t len = strcspn(line, " ");
  auto_free char *provider = str_ndup(line, len);
  case_done(c);
  c->content_type = NULL;
  c->body = STR_EMPTY;
  CHECK_OK(webhook_provider_of(provider, &c->provider));
  c->name = str_eq(line + len + 1, "-") ? NULL : str_dup(line + len + 1);
}

static err *parse(const struct one_case *c, json_t **ret_event) {
  auto_free char *body = fill_in(str_text(&c->body));
  return hook_event_parse(c->provider, c->name, c->content_type, body, strlen(body), ret_event);
}

static void check_event(const struct one_case *c, const char *text) {
  auto_json *event = NULL, *wanted = NULL;
  auto_free char *expected = fill_in(text);
  auto_err *e = parse(c, &event);
  if (e) TAP_FAIL("%s: %s", c->what, err_message(e));
  CHECK_OK(json_parse(expected, strlen(expected), c->what, &wanted));
  auto_free char *got = json_to_text(event);
  if (!json_equal(event, wanted)) TAP_FAIL("%s:\n#   %s\n# expected\n#   %s", c->what, got, expected);
}

static void check_error(const struct one_case *c, const char *part) {
  auto_json *event = NULL;
  auto_err *e = parse(c, &event);
  if (!e || err_code_of(e) != ERR_INVALID || !strstr(err_message(e), part))
    TAP_FAIL("%s: '%s', expected '%s'", c->what, e ? err_message(e) : "no error", part);
}

TEST(bodies_become_events) {
  auto_str text = STR_EMPTY;
  auto_strv lines = STRV_EMPTY;
  struct one_case c = {.what = ""};
  int cases = 0;
  CHECK_OK(file_read("tests/unit/source/hook_event.cases", 1 << 20, &text));
  strv_split(&lines, str_text(&text), '\n');
  for (size_t i = 0; i < lines.len; i++) {
    const char *line = lines.items[i], *rest = *line ? line + 2 : line;
    switch (*line) {
    case '\0': break;
    case '#': c.what = line; break;
    case '=': define(rest); break;
    case '>': begin_case(&c, rest); break;
    case '@': str_replace_owned(&c.content_type, rest); break;
    case '<': check_event(&c, rest); cases++; break;
    case '!': check_error(&c, rest); cases++; break;
    default: str_addf(&c.body, "%s%s", c.body.len ? "\n" : "", line);
    }
  }
  case_done(&c);
  CHECK(cases > 60);
}

static const char body[] = "{\"ref\": \"refs/heads/main\", \"after\": \"" SHA "\", \"repository\": {\"clone_url\":"
                           " \"https://h/a/b\"}, \"head_commit\": {\"message\": \"caf\\u00e9\"}}";

/* Cut off at each byte: an error each time, and no event of half a body. */
TEST(half_a_body_is_no_event) {
  for (size_t len = 0; len < sizeof body - 1; len++) {
    auto_json *event = NULL;
    auto_err *e = hook_event_parse(WEBHOOK_GITHUB, "push", NULL, body, len, &event);
    CHECK(e && err_code_of(e) == ERR_INVALID && !event);
  }
}

TEST(a_long_message_is_cut_between_characters) {
  auto_free char *message = mem_zalloc(3 * HOOK_MESSAGE_MAX);
  message[0] = 'x';
  for (size_t i = 0; i < HOOK_MESSAGE_MAX; i++) memcpy(message + 1 + 2 * i, "\xc3\xa4", 2);
  auto_json *whole = json_pack("{s:s, s:s, s:s, s:s}", "repository", "ada/shop", "branch", "main", "commit", SHA,
                               "message", message);
  auto_free char *text = json_to_text(whole);
  auto_json *event = NULL;
  CHECK_OK(hook_event_parse(WEBHOOK_GENERIC, NULL, NULL, text, strlen(text), &event));
  const char *kept = json_get_text(event, "message");
  CHECK_INT(strlen(kept), HOOK_MESSAGE_MAX - 1);
  CHECK(str_is_utf8(kept, strlen(kept)));
}

TEST_MAIN
