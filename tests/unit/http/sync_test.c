/* The blocking clients, against a server in a child process. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/http_sync.h"
#include "http/server.h"
#include "http/websocket.h"
#include "http/ws_sync.h"
#include "tap.h"

enum { BIG = 5 * 1000 * 1000 };

/* --- the server's process --------------------------------------------------------------------- */

static void on_echo(http_request *r, void *arg) {
  (void)arg;
  size_t len;
  const char *body = http_body(r, &len);
  const struct http_header headers[] = {{"X-Test", "1"}, {0}};
  http_respond(r, 200, headers, body, len);
}

static void on_hello(http_request *r, void *arg) {
  (void)arg;
  const char *token = http_header(r, "Authorization");
  if (!token)
    http_respond_err(r, err_new(ERR_DENIED, "who are you?"));
  else
    http_respond_text(r, 200, token);
}

static void on_gone(void *arg) {
  (void)arg;
}

static void on_never(http_request *r, void *arg) {
  (void)arg;
  http_on_abort(r, on_gone, NULL);
}

struct peer {
  ws *ws;
};

/* Does what the message says, or echoes it. */
static void on_message(void *arg, bool is_text, const char *data, size_t len) {
  struct peer *peer = arg;
  static char big[BIG];
  if (!is_text) {
    ws_send_binary(peer->ws, data, len);
  } else if (strcmp(data, "close") == 0) {
    ws_close(peer->ws, 4002, "as you say");
  } else if (strcmp(data, "vanish") == 0) {
    _exit(0);
  } else if (strcmp(data, "big") == 0) {
    ws_send_binary(peer->ws, big, sizeof big);
  } else if (strcmp(data, "flood") == 0) {
    for (int i = 0; i < 1000; i++)
      ws_send_text(peer->ws, "flood", 5);
  } else {
    ws_send_text(peer->ws, data, len);
  }
}

static void on_close(void *arg, int code, const char *reason) {
  (void)code;
  (void)reason;
  free(arg);
}

static void on_ws(http_request *r, void *arg) {
  (void)arg;
  struct peer *peer = mem_zalloc(sizeof *peer);
  const struct ws_options options = {.subprotocol = ws_offers(r, "test") ? "test" : NULL,
                                     .on_message = on_message,
                                     .on_close = on_close,
                                     .arg = peer,
                                     .message_limit = 2 * BIG,
                                     .queue_limit = 8 * BIG,
                                     .ping_interval_ms = 20};
  err *e = ws_accept(r, &options, &peer->ws);
  if (!e) return;
  http_respond_err(r, e);
  free(peer);
}

/* clang-format off */
static const struct http_route routes[] = {
  { "GET",  "/hello", on_hello, HTTP_BODY_NONE,   0, NULL },
  { "POST", "/echo",  on_echo,  HTTP_BODY_MEMORY, 2 * BIG, NULL },
  { "POST", "/small", on_echo,  HTTP_BODY_MEMORY, 10, NULL },
  { "GET",  "/never", on_never, HTTP_BODY_NONE,   0, NULL },
  { "GET",  "/ws",    on_ws,    HTTP_BODY_NONE,   0, NULL },
};
/* clang-format on */

static void serve(int report_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  loop *l = loop_new();
  http_server *server;
  static const char *const any_port[] = {"127.0.0.1:0", NULL};
  const struct http_server_options options = {
      .listen = any_port, .routes = routes, .routes_len = ARRAY_LEN(routes)};
  err *e = http_server_start(l, &options, &server);
  int port = e ? 0 : http_server_port(server, 0);
  if (write(report_fd, &port, sizeof port) == sizeof port && !e) loop_run(l);
  _exit(1);
}

static pid_t child;
static int port;

static void start(void) {
  int fds[2];
  CHECK(pipe2(fds, O_CLOEXEC) == 0);
  child = fork();
  CHECK(child >= 0);
  if (child == 0) serve(fds[1]);
  CHECK(read(fds[0], &port, sizeof port) == sizeof port && port > 0);
  close(fds[0]);
  close(fds[1]);
}

static void stop(void) {
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

/* --- requests --------------------------------------------------------------------------------- */

static char *url_of(const char *scheme, const char *path) {
  return str_format("%s://127.0.0.1:%d%s", scheme, port, path);
}

static void response_done(struct http_sync_response *response) {
  http_sync_response_done(response);
}
#define auto_response __attribute__((cleanup(response_done))) struct http_sync_response

static err *ask(const char *path, struct http_sync_options options,
                struct http_sync_response *ret_response, enum http_outcome *ret_outcome) {
  auto_free char *url = url_of("http", path);
  options.url = url;
  http_sync *c = http_sync_new();
  err *e = http_sync_request(c, &options, ret_response, ret_outcome);
  http_sync_free(c);
  return e;
}

TEST(requests_on_one_connection) {
  start();
  auto_free char *hello = url_of("http", "/hello"), *echo = url_of("http", "/echo");
  http_sync *c = http_sync_new();
  for (int i = 0; i < 2; i++) {
    auto_response denied = {0}, welcome = {0}, echoed = {0};
    const struct http_header headers[] = {{"Authorization", "me"}, {0}};
    struct http_sync_options options = {.url = hello};
    enum http_outcome outcome;
    CHECK_OK(http_sync_request(c, &options, &denied, &outcome));
    CHECK_INT(outcome, HTTP_ANSWERED);
    CHECK_INT(denied.status, 403);
    CHECK_TEXT(denied.body.data, "{\"message\":\"who are you?\"}");
    options.headers = headers;
    CHECK_OK(http_sync_request(c, &options, &welcome, NULL));
    CHECK_INT(welcome.status, 200);
    CHECK_TEXT(welcome.body.data, "me");
    CHECK_TEXT(http_sync_response_header(&welcome, "CONTENT-LENGTH"), "2");
    CHECK_TEXT(http_sync_response_header(&welcome, "X-Test"), NULL);
    options = (struct http_sync_options){.url = echo, .body = "abc", .body_len = 3};
    CHECK_OK(http_sync_request(c, &options, &echoed, NULL));
    CHECK_TEXT(echoed.body.data, "abc");
    CHECK_TEXT(http_sync_response_header(&echoed, "X-Test"), "1");
  }
  http_sync_free(c);
  stop();
}

struct upload {
  int64_t left;
  int64_t give_up_at; /* by the reader, when not 0 */
  int64_t told_sent, told_total;
  bool refuse_progress;
  int64_t received;
};

static ssize_t read_body(void *arg, char *buffer, size_t size) {
  struct upload *upload = arg;
  if (upload->left <= upload->give_up_at && upload->give_up_at) return -1;
  if ((int64_t)size > upload->left) size = (size_t)upload->left;
  memset(buffer, 'u', size);
  upload->left -= (int64_t)size;
  return (ssize_t)size;
}

static bool on_progress(void *arg, int64_t sent, int64_t total) {
  struct upload *upload = arg;
  upload->told_sent = sent;
  upload->told_total = total;
  return !upload->refuse_progress;
}

static bool on_data(void *arg, const char *data, size_t len) {
  struct upload *upload = arg;
  CHECK(data[0] == 'u');
  upload->received += (int64_t)len;
  return true;
}

TEST(uploads) {
  start();
  for (int chunked = 0; chunked < 2; chunked++) {
    struct upload upload = {.left = BIG};
    auto_response response = {0};
    CHECK_OK(ask("/echo",
                 (struct http_sync_options){.read_body = read_body,
                                            .body_size = chunked ? -1 : BIG,
                                            .progress = on_progress,
                                            .on_data = on_data,
                                            .arg = &upload},
                 &response, NULL));
    CHECK_INT(response.status, 200);
    CHECK_INT(response.body.len, 0);
    CHECK_INT(upload.received, BIG);
  }
  stop();
}

TEST(an_upload_that_is_refused) {
  start();
  struct upload upload = {.left = BIG};
  auto_response response = {0};
  CHECK_OK(ask("/small",
               (struct http_sync_options){
                   .read_body = read_body, .body_size = BIG, .on_data = on_data, .arg = &upload},
               &response, NULL));
  CHECK_INT(response.status, 413);
  CHECK_HAS(response.body.data, "larger than the 10 accepted"); /* collected, not streamed */
  stop();
}

TEST(giving_up) {
  start();
  struct upload upload = {.left = BIG, .give_up_at = BIG / 2};
  auto_response response = {0};
  struct http_sync_options options = {.read_body = read_body, .body_size = BIG, .arg = &upload};
  CHECK_ERR(ask("/echo", options, &response, NULL), ERR_BUSY, "given up");
  options = (struct http_sync_options){.progress = on_progress, .arg = &upload};
  upload.refuse_progress = true;
  CHECK_ERR(ask("/never", options, &response, NULL), ERR_BUSY, "given up");
  stop();
}

TEST(failures) {
  start();
  auto_response response = {0};
  enum http_outcome outcome;
  CHECK_ERR(ask("/never", (struct http_sync_options){.timeout_ms = 100}, &response, &outcome),
            ERR_BUSY, "no answer in time (127.0.0.1:");
  CHECK_INT(outcome, HTTP_TIMEOUT);
  struct http_sync_options big = {.body = "12345", .body_len = 5, .response_limit = 4};
  CHECK_ERR(ask("/echo", big, &response, &outcome), ERR_LIMIT, "too large");
  CHECK_INT(outcome, HTTP_TOO_LARGE);
  stop();
  CHECK_ERR(ask("/hello", (struct http_sync_options){0}, &response, &outcome), ERR_BUSY,
            "connection refused (127.0.0.1:");
  CHECK_INT(outcome, HTTP_REFUSED);
  http_sync *c = http_sync_new();
  const struct http_sync_options bad = {.url = "gopher://a/"};
  CHECK_ERR(http_sync_request(c, &bad, &response, NULL), ERR_INVALID, "gopher");
  http_sync_free(c);
}

/* --- WebSockets ------------------------------------------------------------------------------- */

static ws_sync *connect_socket(const struct ws_sync_options *more) {
  auto_free char *url = url_of("ws", "/ws?x=1");
  struct ws_sync_options options = more ? *more : (struct ws_sync_options){0};
  options.url = url;
  ws_sync *s;
  CHECK_OK(ws_sync_connect(&options, &s));
  return s;
}

static void say(ws_sync *s, const char *text) {
  CHECK_OK(ws_sync_send_text(s, text, strlen(text)));
}

/* Waits for an event of that kind. */
static void expect(ws_sync *s, enum ws_sync_event wanted, int extra_fd, struct str *message) {
  enum ws_sync_event event;
  bool is_text;
  CHECK_OK(ws_sync_receive(s, 5000, extra_fd, &event, message, &is_text));
  CHECK_INT(event, wanted);
}

static void expect_text(ws_sync *s, const char *text) {
  auto_str message = STR_EMPTY;
  expect(s, WS_SYNC_MESSAGE, -1, &message);
  CHECK_TEXT(message.data, text);
}

TEST(echo) {
  start();
  const struct ws_sync_options options = {.subprotocol = "test"};
  ws_sync *s = connect_socket(&options);
  auto_str message = STR_EMPTY;
  enum ws_sync_event event;
  bool is_text;
  say(s, "one");
  say(s, "two");
  expect_text(s, "one");
  expect_text(s, "two");
  say(s, "");
  CHECK_OK(ws_sync_receive(s, 5000, -1, &event, &message, &is_text));
  CHECK(event == WS_SYNC_MESSAGE && is_text && message.len == 0);
  CHECK_OK(ws_sync_send_binary(s, "\0\1\2", 3));
  CHECK_OK(ws_sync_receive(s, -1, -1, &event, &message, &is_text));
  CHECK(event == WS_SYNC_MESSAGE && !is_text && message.len == 3);
  long long started_ms = tap_now_ms();
  CHECK_OK(ws_sync_receive(s, 100, -1, &event, &message, &is_text)); /* the pings meanwhile are
                                                                        answered, or it would end */
  CHECK_INT(event, WS_SYNC_TIMEOUT);
  CHECK(tap_now_ms() - started_ms >= 90);
  ws_sync_free(s, WS_NORMAL);
  stop();
}

TEST(large_messages_both_ways_at_once) {
  start();
  ws_sync *s = connect_socket(NULL);
  auto_str message = STR_EMPTY;
  static char big[BIG];
  say(s, "big");
  CHECK_OK(ws_sync_send_binary(s, big, sizeof big)); /* while the server sends, too */
  for (int i = 0; i < 2; i++) {
    expect(s, WS_SYNC_MESSAGE, -1, &message);
    CHECK_INT(message.len, BIG);
  }
  ws_sync_free(s, WS_NORMAL);
  stop();
}

TEST(closing) {
  start();
  ws_sync *s = connect_socket(NULL);
  auto_str message = STR_EMPTY;
  say(s, "close");
  expect(s, WS_SYNC_CLOSED, -1, &message);
  CHECK_INT(ws_sync_close_code(s), 4002);
  CHECK_TEXT(ws_sync_close_reason(s), "as you say");
  expect(s, WS_SYNC_CLOSED, -1, &message); /* and so it stays */
  CHECK_ERR(ws_sync_send_text(s, "x", 1), ERR_IO, "closed the connection");
  ws_sync_free(s, WS_NORMAL);
  s = connect_socket(NULL);
  say(s, "vanish");
  expect(s, WS_SYNC_CLOSED, -1, &message);
  CHECK_INT(ws_sync_close_code(s), WS_ABNORMAL);
  CHECK_TEXT(ws_sync_close_reason(s), "");
  ws_sync_free(s, WS_NORMAL);
  stop();
}

TEST(another_descriptor) {
  start();
  ws_sync *s = connect_socket(NULL);
  auto_str message = STR_EMPTY;
  int fds[2];
  CHECK(pipe2(fds, O_CLOEXEC) == 0);
  CHECK(write(fds[1], "x", 1) == 1);
  expect(s, WS_SYNC_READABLE, fds[0], &message);
  say(s, "flood");
  int messages = 0, readable = 0;
  while (messages < 100) { /* it is not buried under the flood */
    enum ws_sync_event event;
    bool is_text;
    CHECK_OK(ws_sync_receive(s, 5000, fds[0], &event, &message, &is_text));
    if (event == WS_SYNC_MESSAGE) messages++;
    if (event == WS_SYNC_READABLE) readable++;
  }
  CHECK(readable >= 99);
  ws_sync_free(s, WS_NORMAL);
  close(fds[0]);
  close(fds[1]);
  stop();
}

static volatile sig_atomic_t signals;

static void on_signal(int number) {
  (void)number;
  signals++;
}

TEST(a_signal_does_not_end_the_wait) {
  start();
  ws_sync *s = connect_socket(NULL);
  auto_str message = STR_EMPTY;
  enum ws_sync_event event;
  bool is_text;
  const struct sigaction action = {.sa_handler = on_signal};
  const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
  sigaction(SIGALRM, &action, NULL);
  long long started_ms = tap_now_ms();
  CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
  CHECK_OK(ws_sync_receive(s, 100, -1, &event, &message, &is_text));
  CHECK_INT(event, WS_SYNC_TIMEOUT);
  CHECK(tap_now_ms() - started_ms >= 90);
  CHECK(signals == 1);
  ws_sync_free(s, WS_NORMAL);
  stop();
}

TEST(too_large_a_message) {
  start();
  const struct ws_sync_options options = {.message_limit = BIG - 1};
  ws_sync *s = connect_socket(&options);
  auto_str message = STR_EMPTY;
  say(s, "big");
  expect(s, WS_SYNC_CLOSED, -1, &message);
  ws_sync_free(s, WS_NORMAL);
  stop();
}

TEST(refusals) {
  start();
  auto_free char *nowhere = url_of("ws", "/nowhere"), *denied = url_of("http", "/hello");
  auto_free char *socket = url_of("ws", "/ws"), *never = url_of("ws", "/never");
  ws_sync *s;
  struct ws_sync_options options = {.url = nowhere};
  CHECK_ERR(ws_sync_connect(&options, &s), ERR_NOT_FOUND, "answered 404: there is nothing");
  options.url = denied;
  CHECK_ERR(ws_sync_connect(&options, &s), ERR_DENIED, "answered 403: who are you?");
  const struct http_header headers[] = {{"Authorization", "me"}, {0}};
  options.headers = headers;
  CHECK_ERR(ws_sync_connect(&options, &s), ERR_IO, "answered 200");
  options = (struct ws_sync_options){.url = socket, .subprotocol = "other"};
  CHECK_ERR(ws_sync_connect(&options, &s), ERR_IO, "the subprotocol '', not 'other'");
  options = (struct ws_sync_options){.url = never, .connect_timeout_ms = 100};
  CHECK_ERR(ws_sync_connect(&options, &s), ERR_BUSY, "no answer in time");
  options.url = "ftp://127.0.0.1/";
  CHECK_ERR(ws_sync_connect(&options, &s), ERR_INVALID, "URL");
  stop();
  options.url = socket;
  CHECK_ERR(ws_sync_connect(&options, &s), ERR_BUSY, "connection refused");
}

TEST_MAIN
