#include "http/client.h"

#include <fcntl.h>

#include "http/server.h"
#include "loop/timer.h"
#include "raw.h"

static http_server *server;
static http_client *client;
static int port;

/* How a call ended. */
struct ended {
  int done;
  enum http_outcome outcome;
  int status;
  char *body, *message, *header;
  int64_t duration_ms;
  struct str data; /* by on_data */
  http_call *cancel_on_data, *pause_on_data;
};

static void on_done(void *arg, const struct http_result *result) {
  struct ended *end = arg;
  end->done++;
  end->outcome = result->outcome;
  end->status = result->status;
  end->duration_ms = result->duration_ms;
  CHECK_INT(strlen(result->body), result->body_len);
  str_replace_owned(&end->body, result->body);
  str_replace_owned(&end->message, result->message);
  str_replace_owned(&end->header, http_result_header(result, "x-TEST"));
}

static void ended_done(struct ended *end) {
  free(end->body);
  free(end->message);
  free(end->header);
  str_done(&end->data);
}
#define auto_ended __attribute__((cleanup(ended_done))) struct ended

static void on_data(void *arg, const char *data, size_t len) {
  struct ended *end = arg;
  str_add_bytes(&end->data, data, len);
  if (end->cancel_on_data) http_call_cancel(end->cancel_on_data);
  if (end->pause_on_data) http_call_pause(end->pause_on_data, true);
  end->cancel_on_data = end->pause_on_data = NULL;
}

/* --- a server that behaves -------------------------------------------------------------------- */

static void on_echo(http_request *r, void *arg) {
  (void)arg;
  size_t len;
  const char *body = http_body(r, &len);
  const char *host = http_header(r, "Host"), *mine = http_header(r, "X-Mine");
  const char *agent = http_header(r, "User-Agent");
  auto_free char *text =
      str_format("%s %s host=%s mine=%s agent=%s body=%s", http_method(r), http_path(r), host,
                 mine ? mine : "(none)", agent, len ? body : "");
  const struct http_header headers[] = {{"X-Test", " padded "}, {0}};
  http_respond(r, 200, headers, text, strlen(text));
}

static void on_status(http_request *r, void *arg) {
  (void)arg;
  const struct http_header headers[] = {{"Location", "http://127.0.0.1:1/"}, {0}};
  http_respond(r, atoi(http_param(r, "status")), headers, NULL, 0);
}

static void on_large(http_request *r, void *arg) {
  (void)arg;
  static char large[3000000];
  memset(large, 'l', sizeof large);
  http_respond_static(r, 200, NULL, large, sizeof large);
}

static void on_gone(void *arg) {
  (void)arg;
}

static void on_never(http_request *r, void *arg) {
  (void)arg;
  http_on_abort(r, on_gone, NULL);
}

/* clang-format off */
static const struct http_route routes[] = {
  { "GET",    "/echo/{rest...}",  on_echo,   HTTP_BODY_NONE,   0, NULL },
  { "POST",   "/echo/{rest...}",  on_echo,   HTTP_BODY_MEMORY, 1 << 20, NULL },
  { "PATCH",  "/echo/{rest...}",  on_echo,   HTTP_BODY_MEMORY, 1 << 20, NULL },
  { "DELETE", "/echo/{rest...}",  on_echo,   HTTP_BODY_NONE,   0, NULL },
  { "GET",    "/status/{status}", on_status, HTTP_BODY_NONE,   0, NULL },
  { "GET",    "/large",           on_large,  HTTP_BODY_NONE,   0, NULL },
  { "GET",    "/never",           on_never,  HTTP_BODY_NONE,   0, NULL },
};
/* clang-format on */

static char socket_address[64];

static void start(void) {
  raw_loop = loop_new();
  snprintf(socket_address, sizeof socket_address, "unix:/tmp/http-client-test-%d.sock",
           (int)getpid());
  const char *const addresses[] = {"127.0.0.1:0", socket_address, NULL};
  const struct http_server_options options = {
      .listen = addresses, .routes = routes, .routes_len = ARRAY_LEN(routes)};
  CHECK_OK(http_server_start(raw_loop, &options, &server));
  port = http_server_port(server, 0);
  client = http_client_new(raw_loop);
}

static void stop(void) {
  http_client_free(client);
  http_server_stop(server);
  loop_free(raw_loop);
}

/* Asks the server for `path` and waits. */
static void ask(const char *path, struct http_call_options options, struct ended *ret_end) {
  auto_free char *url = str_format("http://127.0.0.1:%d%s", port, path);
  if (!options.url) options.url = url;
  CHECK_OK(http_client_start(client, &options, on_done, ret_end, NULL));
  CHECK_INT(ret_end->done, 0); /* never at once */
  WAIT_FOR(ret_end->done);
}

/* --- answers ---------------------------------------------------------------------------------- */

TEST(requests) {
  start();
  auto_ended get = {0}, post = {0}, patch = {0}, delete = {0}, head = {0};
  const struct http_header headers[] = {{"X-Mine", "yes"}, {"Host", "app.example"}, {0}};
  ask("/echo/a?b", (struct http_call_options){.headers = headers}, &get);
  CHECK_INT(get.outcome, HTTP_ANSWERED);
  CHECK_INT(get.status, 200);
  CHECK_TEXT(get.body, "GET /echo/a host=app.example mine=yes agent=tramway body=");
  CHECK_TEXT(get.header, "padded");
  CHECK_TEXT(get.message, "");
  ask("/echo/", (struct http_call_options){.body = "text", .body_len = 4}, &post);
  CHECK_HAS(post.body, "POST /echo/");
  CHECK_HAS(post.body, "body=text");
  ask("/echo/", (struct http_call_options){.method = "PATCH", .body = "p", .body_len = 1}, &patch);
  CHECK_HAS(patch.body, "PATCH /echo/");
  ask("/echo/", (struct http_call_options){.method = "DELETE"}, &delete);
  CHECK_HAS(delete.body, "DELETE /echo/");
  ask("/large", (struct http_call_options){.method = "HEAD"}, &head);
  CHECK_INT(head.status, 200);
  CHECK_TEXT(head.body, "");
  stop();
}

TEST(a_redirect_is_an_answer) {
  start();
  auto_ended end = {0};
  ask("/status/302", (struct http_call_options){0}, &end);
  CHECK_INT(end.outcome, HTTP_ANSWERED);
  CHECK_INT(end.status, 302);
  stop();
}

TEST(another_place_to_connect_to) {
  start();
  auto_ended unix_end = {0}, tcp_end = {0};
  ask("",
      (struct http_call_options){.url = "http://app.railway.internal/echo/",
                                 .unix_socket = socket_address + strlen("unix:")},
      &unix_end);
  CHECK_HAS(unix_end.body, "host=app.railway.internal ");
  auto_free char *place = str_format("127.0.0.1:%d", port);
  ask("",
      (struct http_call_options){
          .url = "http://app.railway.internal:8080/echo/", .connect_to = place, .fresh = true},
      &tcp_end);
  CHECK_HAS(tcp_end.body, "host=app.railway.internal:8080 ");
  stop();
}

TEST(many_at_once) {
  enum { COUNT = 200 };
  start();
  static struct ended ends[COUNT];
  memset(ends, 0, sizeof ends);
  auto_free char *url = str_format("http://127.0.0.1:%d/echo/", port);
  for (int i = 0; i < COUNT; i++) {
    const struct http_call_options options = {.url = url, .fresh = i % 2};
    CHECK_OK(http_client_start(client, &options, on_done, &ends[i], NULL));
  }
  for (int i = 0; i < COUNT; i++) {
    WAIT_FOR(ends[i].done);
    CHECK_INT(ends[i].status, 200);
    ended_done(&ends[i]);
  }
  stop();
}

TEST(data_as_it_comes) {
  start();
  auto_ended end = {0};
  ask("/large", (struct http_call_options){.on_data = on_data}, &end);
  CHECK_INT(end.outcome, HTTP_ANSWERED);
  CHECK_INT(end.data.len, 3000000);
  CHECK_TEXT(end.body, "");
  stop();
}

TEST(pausing) {
  start();
  auto_ended end = {0};
  auto_free char *url = str_format("http://127.0.0.1:%d/large", port);
  const struct http_call_options options = {.url = url, .on_data = on_data};
  http_call *call;
  CHECK_OK(http_client_start(client, &options, on_done, &end, &call));
  end.pause_on_data = call;
  WAIT_FOR(end.data.len > 0);
  for (int i = 0; i < 20; i++)
    raw_turn();
  CHECK(end.data.len < 3000000);
  CHECK_INT(end.done, 0);
  http_call_pause(call, false);
  WAIT_FOR(end.done);
  CHECK_INT(end.data.len, 3000000);
  stop();
}

TEST(cancelling) {
  start();
  auto_ended first = {0}, second = {0}, third = {0};
  auto_free char *never = str_format("http://127.0.0.1:%d/never", port);
  auto_free char *large = str_format("http://127.0.0.1:%d/large", port);
  struct http_call_options options = {.url = never, .on_data = on_data};
  http_call *call;
  CHECK_OK(http_client_start(client, &options, on_done, &first, &call));
  http_call_cancel(call); /* before it was begun */
  CHECK_OK(http_client_start(client, &options, on_done, &second, &call));
  for (int i = 0; i < 10; i++)
    raw_turn();
  http_call_cancel(call);
  options.url = large;
  CHECK_OK(http_client_start(client, &options, on_done, &third, &call));
  third.cancel_on_data = call; /* while libcurl is at work */
  WAIT_FOR(third.data.len > 0);
  for (int i = 0; i < 10; i++)
    raw_turn();
  CHECK_INT(first.done + second.done + third.done, 0);
  stop();
}

/* Starts the next request where one ended. */
static void start_another(void *arg, const struct http_result *result) {
  CHECK_INT(result->status, 200);
  auto_free char *url = str_format("http://127.0.0.1:%d/echo/", port);
  const struct http_call_options options = {.url = url};
  CHECK_OK(http_client_start(client, &options, on_done, arg, NULL));
}

TEST(starting_from_done) {
  start();
  auto_ended end = {0};
  auto_free char *url = str_format("http://127.0.0.1:%d/echo/", port);
  const struct http_call_options options = {.url = url};
  CHECK_OK(http_client_start(client, &options, start_another, &end, NULL));
  WAIT_FOR(end.done);
  CHECK_INT(end.status, 200);
  stop();
}

TEST(freeing_with_calls_under_way) {
  start();
  auto_ended end = {0};
  auto_free char *url = str_format("http://127.0.0.1:%d/never", port);
  const struct http_call_options options = {.url = url};
  CHECK_OK(http_client_start(client, &options, on_done, &end, NULL));
  for (int i = 0; i < 5; i++)
    raw_turn();
  stop();
  CHECK_INT(end.done, 0);
}

/* --- failures --------------------------------------------------------------------------------- */

/* What a server of the tests does with a connection once it has read something. */
enum manner { KEEP_QUIET, CLOSE, RESET, HALF_AN_ANSWER, NOT_HTTP };

static int bad_fd, bad_peer, bad_port;
static enum manner bad_manner;

static int listen_anywhere(int backlog, int *ret_port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(listen(fd, backlog) == 0);
  CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
  *ret_port = ntohs(address.sin_port);
  return fd;
}

static void behave_badly(void) {
  raw_turn();
  if (bad_peer < 0) bad_peer = accept(bad_fd, NULL, NULL);
  char request[4096];
  if (bad_peer < 0 || recv(bad_peer, request, sizeof request, MSG_DONTWAIT) <= 0) return;
  struct linger reset = {.l_onoff = 1};
  if (bad_manner == HALF_AN_ANSWER)
    raw_send(bad_peer, "HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\npart");
  if (bad_manner == NOT_HTTP) raw_send(bad_peer, "SSH-2.0-OpenSSH_9.2\r\n");
  if (bad_manner == KEEP_QUIET) return;
  if (bad_manner == RESET) setsockopt(bad_peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(bad_peer);
  bad_peer = -1;
}

TEST(how_a_request_fails) {
  int closed_port;
  close(listen_anywhere(1, &closed_port));
  auto_free char *closed = str_format("http://127.0.0.1:%d/", closed_port);
  bad_fd = listen_anywhere(10, &bad_port);
  auto_free char *bad = str_format("http://127.0.0.1:%d/", bad_port);
  auto_free char *bad_tls = str_format("https://127.0.0.1:%d/", bad_port);
  /* clang-format off */
  const struct { const char *url; enum manner manner; enum http_outcome outcome; int status; const char *message; } rows[] = {
    { closed,  0,              HTTP_REFUSED,    0,   "connection refused (127.0.0.1:" },
    { bad,     KEEP_QUIET,     HTTP_TIMEOUT,    0,   "no answer in time (127.0.0.1:" },
    { bad,     CLOSE,          HTTP_RESET,      0,   "closed before the answer" },
    { bad,     RESET,          HTTP_RESET,      0,   "closed before the answer" },
    { bad,     HALF_AN_ANSWER, HTTP_RESET,      503, "closed before the answer" },
    { bad,     NOT_HTTP,       HTTP_BROKEN,     0,   "not a valid HTTP answer" },
    { bad_tls, NOT_HTTP,       HTTP_TLS_FAILED, 0,   "TLS failed" },
    { "http://no-such-host.invalid/", 0, HTTP_UNRESOLVED, 0, "no address (no-such-host.invalid:80)" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    start();
    auto_ended end = {0};
    bad_peer = -1;
    bad_manner = rows[i].manner;
    int64_t timeout_ms = rows[i].outcome == HTTP_TIMEOUT ? 1000 : RAW_DEADLINE_MS;
    const struct http_call_options options = {.url = rows[i].url, .timeout_ms = timeout_ms, .fresh = true};
    CHECK_OK(http_client_start(client, &options, on_done, &end, NULL));
    TAP_WAIT_FOR(end.done, RAW_DEADLINE_MS, behave_badly());
    if (end.outcome != rows[i].outcome)
      TAP_FAIL("row %zu: %s: %s", i, http_outcome_name(end.outcome), end.message);
    CHECK_INT(end.status, rows[i].status);
    CHECK_HAS(end.message, rows[i].message);
    if (bad_peer >= 0) close(bad_peer);
    stop();
  }
  close(bad_fd);
}

TEST(no_connection_in_time) {
  int full_port;
  int fd = listen_anywhere(0, &full_port);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)full_port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fillers[4]; /* the queue is full; the kernel leaves further ones unanswered */
  for (int i = 0; i < 4; i++) {
    fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)connect(fillers[i], (struct sockaddr *)&address, sizeof address);
  }
  start();
  auto_ended end = {0};
  auto_free char *url = str_format("http://127.0.0.1:%d/", full_port);
  ask("", (struct http_call_options){.url = url, .connect_timeout_ms = 200}, &end);
  CHECK_INT(end.outcome, HTTP_CONNECT_TIMEOUT);
  CHECK(end.duration_ms >= 190 && end.duration_ms < 5000);
  stop();
  for (int i = 0; i < 4; i++)
    close(fillers[i]);
  close(fd);
}

TEST(no_such_unix_socket) {
  start();
  auto_ended end = {0};
  ask("/", (struct http_call_options){.unix_socket = "/no/such/socket"}, &end);
  CHECK_INT(end.outcome, HTTP_UNREACHABLE);
  CHECK_TEXT(end.message, "host unreachable (/no/such/socket)");
  stop();
}

TEST(too_large) {
  start();
  auto_ended end = {0};
  ask("/large", (struct http_call_options){.response_limit = 2999999}, &end);
  CHECK_INT(end.outcome, HTTP_TOO_LARGE);
  CHECK_INT(end.status, 200);
  auto_ended fits = {0};
  ask("/large", (struct http_call_options){.response_limit = 3000000}, &fits);
  CHECK_INT(fits.outcome, HTTP_ANSWERED);
  stop();
}

TEST(options_that_make_no_sense) {
  start();
  static const char *const urls[] = {
      "", "x", "ftp://a/", "file:///etc/passwd", "http://", "http://a b/", "http://a/\r\nX: y"};
  for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
    const struct http_call_options options = {.url = urls[i]};
    CHECK_ERR(http_client_start(client, &options, on_done, NULL, NULL), ERR_INVALID, "URL");
  }
  const struct http_header headers[] = {{"X-Evil", "a\r\nX: y"}, {0}};
  const struct http_call_options options = {.url = "http://127.0.0.1/", .headers = headers};
  CHECK_ERR(http_client_start(client, &options, on_done, NULL, NULL), ERR_INVALID, "X-Evil");
  stop();
}

TEST(errors) {
  struct http_result result = {.outcome = HTTP_ANSWERED, .status = 204, .body = "", .message = ""};
  CHECK_OK(http_result_err(&result, "GET", "u"));
  result.status = 503;
  result.body = "no leader\nmore";
  CHECK_ERR(http_result_err(&result, "GET", "u"), ERR_IO, "GET u: answered 503: no leader");
  result.status = 404;
  CHECK_ERR(http_result_err(&result, "GET", "u"), ERR_NOT_FOUND, "404");
  result.status = 401;
  CHECK_ERR(http_result_err(&result, "GET", "u"), ERR_DENIED, "401");
  result.outcome = HTTP_REFUSED;
  result.message = "connection refused (h:1)";
  CHECK_ERR(http_result_err(&result, "PUT", "u"), ERR_BUSY, "PUT u: connection refused (h:1)");
}

TEST(every_outcome_has_a_name) {
  for (int i = 0; i <= HTTP_OUTCOME_LAST; i++)
    CHECK(http_outcome_name((enum http_outcome)i));
}

TEST_MAIN
