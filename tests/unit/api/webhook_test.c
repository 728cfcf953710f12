/* The webhooks' path over a real connection: who is believed, what is said to whom, and how often. */
#include "api/internal.h"
#include "base/clock.h"
#include "core/town.h"
#include "http/raw.h"
#include "store/webhook.h"

#define SECRET "s3cret"
#define SHA "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2"
#define PUSH(after) "{\"ref\":\"refs/heads/main\",\"after\":\"" after "\",\"repository\":{\"full_name\":\"ada/shop\"}}"

static struct api a;
static struct webhook hooks[4]; /* by provider */

static void open_all(void) {
  static const char *const listen[] = {"127.0.0.1:0", NULL};
  town_open();
  raw_loop = town_loop;
  a = (struct api){.parts = {.db = town_db, .core = town}, .hook_rates = map_new()};
  struct http_server_options options = {.listen = listen, .routes = api_routes, .routes_len = api_routes_len, .arg = &a};
  CHECK_OK(http_server_start(town_loop, &options, &a.server));
  for (int i = 0; i < 4; i++) {
    hooks[i] = (struct webhook){.provider = (enum webhook_provider)i, .secret = str_dup(SECRET)};
    id_copy(hooks[i].project_id, project.id);
    CHECK_OK(webhook_insert(town_db, &hooks[i]));
  }
}

static void close_all(void) {
  http_server_stop(a.server);
  webhook_rates_free(&a);
  for (int i = 0; i < 4; i++) webhook_done(&hooks[i]);
  town_close();
}

/* The whole answer; the caller owns it. */
static char *post(const char *path, const char *headers, const char *body) {
  auto_free char *request = str_format("POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
                                       path, strlen(body), headers, body);
  struct str answer;
  str_init(&answer);
  int fd = raw_connect(http_server_port(a.server, 0));
  raw_send(fd, request);
  raw_expect_end(fd, &answer);
  close(fd);
  return str_take(&answer);
}

static int http_status_of(const char *answer) {
  return str_starts(answer, "HTTP/1.1 ") ? atoi(answer + 9) : 0;
}

static char *sign(const char *text) {
  char hex[SHA256_HEX_SIZE];
  secret_hmac_sha256_hex(SECRET, text, strlen(text), hex);
  return str_dup(hex);
}

/* To GitHub's hook, signed. */
static char *send_event(const char *event, const char *body) {
  auto_free char *digest = sign(body), *path = str_format("/webhooks/github/%s", hooks[WEBHOOK_GITHUB].id);
  auto_free char *headers = str_format("X-GitHub-Event: %s\r\nX-Hub-Signature-256: sha256=%s\r\n", event, digest);
  return post(path, headers, body);
}

static size_t journal(enum webhook_provider provider) {
  auto_webhook_delivery_list list = {0};
  CHECK_OK(webhook_delivery_list(town_db, hooks[provider].id, 1000, &list));
  return list.len;
}

TEST(each_provider_is_believed_by_its_own_signature) {
  open_all();
  auto_free char *now = str_format("%lld", (long long)(clock_now_us() / 1000000));
  static const char gitlab[] = "{\"object_kind\":\"push\",\"ref\":\"refs/heads/main\",\"after\":\"" SHA
                               "\",\"project\":{\"git_http_url\":\"https://h/a/b\"}}";
  static const char generic[] = "{\"repository\":\"ada/shop\",\"branch\":\"main\",\"commit\":\"" SHA "\"}";
  auto_free char *timed = str_format("%s.%s", now, generic), *hub = sign(PUSH(SHA)), *own = sign(timed);
  char *lines[] = {
      str_format("X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=%s\r\n", hub),
      str_dup("X-Gitlab-Event: Push Hook\r\nX-Gitlab-Token: " SECRET "\r\n"),
      str_format("X-Gitea-Event: push\r\nX-Gitea-Signature: %s\r\n", hub),
      str_format("X-Tramway-Timestamp: %s\r\nX-Tramway-Signature: sha256=%s\r\n", now, own),
  };
  static const char *const bodies[] = {PUSH(SHA), gitlab, PUSH(SHA), generic};
  for (int i = 0; i < 4; i++) {
    auto_free char *path = str_format("/webhooks/%s/%s", webhook_provider_name((enum webhook_provider)i), hooks[i].id);
    auto_free char *answer = post(path, lines[i], bodies[i]), *again = post(path, lines[i], bodies[i]);
    if (http_status_of(answer) != 202) TAP_FAIL("%s: %s", path, answer);
    CHECK_HAS(answer, "\"status\":\"accepted\"");
    CHECK_INT(http_status_of(again), 202);
    CHECK_HAS(again, "known already");
    CHECK_INT(journal((enum webhook_provider)i), 1);
  }
  for (int i = 0; i < 4; i++) free(lines[i]);
  auto_free char *forgejo = str_format("/webhooks/forgejo/%s", hooks[WEBHOOK_GITEA].id);
  auto_free char *signed_line = str_format("X-Forgejo-Event: ping\r\nX-Forgejo-Signature: %s\r\n", hub);
  auto_free char *answer = post(forgejo, signed_line, PUSH(SHA));
  CHECK_INT(http_status_of(answer), 202);
  close_all();
}

/* The same bytes, but for the date. */
TEST(who_is_not_believed_learns_nothing) {
  open_all();
  auto_free char *right = sign("{"), *wrong = sign("}");
  auto_free char *signed_line = str_format("X-Hub-Signature-256: sha256=%s\r\n", right);
  auto_free char *wrong_line = str_format("X-Hub-Signature-256: sha256=%s\r\n", wrong);
  auto_free char *own = str_format("/webhooks/github/%s", hooks[0].id), *other = str_format("/webhooks/gitlab/%s", hooks[0].id),
                 *strange = str_format("/webhooks/nowhere/%s", hooks[0].id);
  char *answers[] = {
      post(own, wrong_line, "{"), post(own, "", "{"), post(other, "X-Gitlab-Token: " SECRET "\r\n", "{"),
      post("/webhooks/github/00000000-0000-4000-8000-000000000000", signed_line, "{"),
      post("/webhooks/github/x", signed_line, "{"), post(strange, signed_line, "{"),
      post("/webhooks/github/00000000-0000-4000-8000-000000000000", "", "{"),
  };
  for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
    CHECK_INT(http_status_of(answers[i]), 401);
    CHECK_TEXT(strstr(answers[i], "\r\n\r\n"), strstr(answers[0], "\r\n\r\n"));
  }
  for (size_t i = 0; i < ARRAY_LEN(answers); i++) free(answers[i]);
  auto_free char *believed = post(own, signed_line, "{"); /* and only now the body is looked at */
  CHECK_INT(http_status_of(believed), 400);
  CHECK_INT(journal(WEBHOOK_GITHUB), 0);
  close_all();
}

TEST(what_asks_for_nothing_is_not_kept) {
  open_all();
  auto_free char *ping = send_event("ping", "{\"zen\":\"x\"}"), *star = send_event("star", "{}");
  CHECK_INT(http_status_of(ping), 202);
  CHECK_HAS(ping, "pong");
  CHECK_INT(http_status_of(star), 202);
  CHECK_HAS(star, "ignored");
  auto_free char *broken = send_event("push", "{\"ref\":\"refs/heads/main\"}");
  CHECK_INT(http_status_of(broken), 202); /* without a commit: a deleted branch */
  auto_free char *wrong = send_event("push", "{}");
  CHECK_INT(http_status_of(wrong), 400);
  CHECK_HAS(wrong, "the event has no branch");
  CHECK_INT(journal(WEBHOOK_GITHUB), 0);
  close_all();
}

TEST(a_body_that_is_too_large_is_not_read) {
  open_all();
  auto_free char *path = str_format("/webhooks/github/%s", hooks[0].id);
  auto_free char *request = str_format("POST %s HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=0\r\n"
                                       "Content-Length: 900000000\r\n\r\n", path);
  auto_free char *answer = raw_ask(http_server_port(a.server, 0), request, "accepted here");
  CHECK_INT(http_status_of(answer), 413);
  close_all();
}

TEST(a_hook_may_not_send_without_end) {
  open_all();
  auto_free char *answer = NULL;
  for (int i = 0; i < 301; i++) {
    free(answer);
    answer = send_event("ping", "{}");
    if (i < 300) CHECK_INT(http_status_of(answer), 202);
  }
  CHECK_INT(http_status_of(answer), 429);
  CHECK_HAS(answer, "Retry-After: 60");
  auto_free char *path = str_format("/webhooks/gitlab/%s", hooks[WEBHOOK_GITLAB].id);
  auto_free char *other = post(path, "X-Gitlab-Event: x\r\nX-Gitlab-Token: " SECRET "\r\n", "{}");
  CHECK_INT(http_status_of(other), 202);
  close_all();
}

TEST_MAIN
