#include "http/server.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "loop/timer.h"
#include "raw.h"

enum { BODY_LIMIT = 1000, STREAM_BYTES = 12 * 1024 * 1024 };

static http_server *server;
static int port;
static char upload_path[64];

/* What happened, as the handlers saw it. */
static struct {
  http_request *waiting; /* for a late answer, or a stream that waits */
  int handled, aborted, streams_ended;
  bool stream_complete;
  int64_t produced; /* by the stream */
  char chunk[32];   /* the next bytes of /wait */
  int64_t upload_limit;
} seen;

/* --- handlers --------------------------------------------------------------------------------- */

static void on_hello(http_request *r, void *arg) {
  CHECK_TEXT(arg, "argument");
  seen.handled++;
  http_respond_text(r, 200, "hello");
}

static void on_show(http_request *r, void *arg) {
  (void)arg;
  auto_json *shown = json_object();
  json_set_text(shown, "a", http_param(r, "a"));
  json_set_text(shown, "b", http_param(r, "b"));
  json_set_text(shown, "q", http_query(r, "q"));
  json_set_text(shown, "none", http_query(r, "none"));
  json_set_text(shown, "header", http_header(r, "x-MY-header"));
  json_set_text(shown, "method", http_method(r));
  json_set_text(shown, "path", http_path(r));
  json_set_text(shown, "query", http_query_text(r));
  json_set_text(shown, "peer", http_peer(r));
  json_object_set_new(shown, "uid", json_integer(http_peer_uid(r)));
  http_respond_json(r, 200, shown);
}

static void on_echo(http_request *r, void *arg) {
  (void)arg;
  seen.handled++;
  size_t len;
  const char *body = http_body(r, &len);
  CHECK_INT(len, http_body_size(r));
  http_respond(r, 200, NULL, body, len);
}

static void on_gone(void *arg) {
  CHECK(arg == &seen);
  seen.aborted++;
  seen.waiting = NULL;
}

static void on_late(http_request *r, void *arg) {
  (void)arg;
  seen.waiting = r;
  http_on_abort(r, on_gone, &seen);
}

static void on_forget(http_request *r, void *arg) {
  (void)r;
  (void)arg;
}

static void begin_upload(http_request *r, void *arg) {
  (void)arg;
  err *e = http_body_to_file(r, upload_path, seen.upload_limit);
  if (e)
    http_respond_err(r, e);
  else
    http_on_abort(r, on_gone, &seen);
}

static void on_upload(http_request *r, void *arg) {
  (void)arg;
  seen.handled++;
  auto_free char *text = str_format("%lld bytes", (long long)http_body_size(r));
  CHECK_TEXT(http_body_path(r), upload_path);
  http_respond_text(r, 201, text);
}

static void on_stream_end(void *arg, bool complete) {
  CHECK(arg == &seen);
  seen.streams_ended++;
  seen.stream_complete = complete;
  seen.waiting = NULL;
}

static ssize_t produce_much(void *arg, char *buffer, size_t size) {
  (void)arg;
  int64_t left = STREAM_BYTES - seen.produced;
  if (left == 0) return HTTP_STREAM_END;
  if ((int64_t)size > left) size = (size_t)left;
  memset(buffer, 'x', size);
  seen.produced += (int64_t)size;
  return (ssize_t)size;
}

static void on_much(http_request *r, void *arg) {
  (void)arg;
  http_respond_stream(r, 200, NULL, -1, produce_much, on_stream_end, &seen);
}

static void on_known_length(http_request *r, void *arg) {
  (void)arg;
  http_respond_stream(r, 200, NULL, STREAM_BYTES, produce_much, on_stream_end, &seen);
}

static ssize_t produce_chunk(void *arg, char *buffer, size_t size) {
  (void)arg;
  size_t len = strlen(seen.chunk);
  CHECK(size > len);
  if (strcmp(seen.chunk, "end") == 0) return HTTP_STREAM_END;
  if (strcmp(seen.chunk, "fail") == 0) return HTTP_STREAM_FAIL;
  memcpy(buffer, seen.chunk, len);
  seen.chunk[0] = '\0';
  return (ssize_t)len; /* 0 is HTTP_STREAM_WAIT */
}

static void on_wait(http_request *r, void *arg) {
  (void)arg;
  seen.waiting = r;
  const struct http_header headers[] = {{"Content-Type", "text/event-stream"}, {0}};
  http_respond_stream(r, 200, headers, -1, produce_chunk, on_stream_end, &seen);
}

static void on_cut_short(http_request *r, void *arg) {
  (void)arg;
  strcpy(seen.chunk, "abc");
  http_respond_stream(r, 200, NULL, 10, produce_chunk, on_stream_end, &seen);
  seen.waiting = r;
}

static void on_file(http_request *r, void *arg) {
  (void)arg;
  http_respond_file(r, 200, NULL, open(upload_path, O_RDONLY | O_CLOEXEC));
}

static void on_bad_headers(http_request *r, void *arg) {
  (void)arg;
  const struct http_header headers[] = {{"X-Split", "a\r\nX-Evil: 1"}, {"X Name", "v"},
                                        {"X-Good", "tab\tis fine"},    {"X-Empty", ""},
                                        {"Content-Length", "1"},       {0}};
  http_add_header(r, "X-Added\r\nX-Evil", "2");
  http_respond(r, 200, headers, "body", 4);
}

static void on_fail(http_request *r, void *arg) {
  (void)arg;
  http_respond_err(r, err_new(ERR_CONFLICT, "the name \"%s\" is taken", http_param(r, "name")));
}

static void on_static(http_request *r, void *arg) {
  (void)arg;
  http_respond_static(r, 200, NULL, "forever", 7);
}

static void before(http_request *r, void *arg) {
  (void)arg;
  http_add_header(r, "Access-Control-Allow-Origin", "*");
  if (http_header(r, "X-Deny")) http_respond_err(r, err_new(ERR_DENIED, "not you"));
  if (!http_header(r, "X-Keep")) return;
  seen.aborted = 0;
  http_set_context(r, str_dup("freed with the request"), free);
}

/* clang-format off */
static const struct http_route routes[] = {
  { "GET",  "/hello",               on_hello,        HTTP_BODY_NONE,   0, NULL },
  { "GET",  "/show/{a}/x/{b...}",   on_show,         HTTP_BODY_NONE,   0, NULL },
  { "POST", "/echo",                on_echo,         HTTP_BODY_MEMORY, BODY_LIMIT, NULL },
  { "PUT",  "/echo",                on_echo,         HTTP_BODY_MEMORY, BODY_LIMIT, NULL },
  { "GET",  "/late",                on_late,         HTTP_BODY_NONE,   0, NULL },
  { "GET",  "/forget",              on_forget,       HTTP_BODY_NONE,   0, NULL },
  { "POST", "/upload",              on_upload,       HTTP_BODY_FILE,   0, begin_upload },
  { "GET",  "/much",                on_much,         HTTP_BODY_NONE,   0, NULL },
  { "GET",  "/known",               on_known_length, HTTP_BODY_NONE,   0, NULL },
  { "GET",  "/wait",                on_wait,         HTTP_BODY_NONE,   0, NULL },
  { "GET",  "/short",               on_cut_short,    HTTP_BODY_NONE,   0, NULL },
  { "GET",  "/file",                on_file,         HTTP_BODY_NONE,   0, NULL },
  { "GET",  "/headers",             on_bad_headers,  HTTP_BODY_NONE,   0, NULL },
  { "GET",  "/fail/{name}",         on_fail,         HTTP_BODY_NONE,   0, NULL },
  { "GET",  "/static",              on_static,       HTTP_BODY_NONE,   0, NULL },
};
/* clang-format on */

static void start_with(struct http_server_options options) {
  memset(&seen, 0, sizeof seen);
  seen.upload_limit = 1 << 20;
  snprintf(upload_path, sizeof upload_path, "/tmp/http-server-test-%d", (int)getpid());
  unlink(upload_path);
  raw_loop = loop_new();
  static const char *const any_port[] = {"127.0.0.1:0", NULL};
  if (!options.listen) options.listen = any_port;
  options.routes = routes;
  options.routes_len = ARRAY_LEN(routes);
  options.arg = (void *)"argument";
  CHECK_OK(http_server_start(raw_loop, &options, &server));
  port = http_server_port(server, 0);
}

static void start(void) {
  start_with((struct http_server_options){.before = before});
}

static void stop(void) {
  http_server_stop(server);
  loop_free(raw_loop);
  unlink(upload_path);
}

#define HOST "Host: localhost\r\n"

/* --- routes and headers ----------------------------------------------------------------------- */

TEST(parts_of_the_request) {
  start();
  auto_free char *answer = raw_ask(
      port, "GET /show/1%2F2/x/c/d%20e?q=%C3%A4+b&q=2 HTTP/1.1\r\n" HOST "X-My-Header: v\r\n\r\n",
      "}");
  CHECK_HAS(answer, "HTTP/1.1 200 OK");
  CHECK_HAS(answer, "Content-Type: application/json");
  CHECK_HAS(answer, "\"a\":\"1/2\"");
  CHECK_HAS(answer, "\"b\":\"c/d e\"");
  CHECK_HAS(answer, "\"q\":\"ä b\"");
  CHECK_HAS(answer, "\"none\":null");
  CHECK_HAS(answer, "\"header\":\"v\"");
  CHECK_HAS(answer, "\"path\":\"/show/1%2F2/x/c/d%20e\"");
  CHECK_HAS(answer, "\"query\":\"q=%C3%A4+b&q=2\"");
  CHECK_HAS(answer, "\"peer\":\"127.0.0.1\"");
  CHECK_HAS(answer, "\"uid\":-1");
  stop();
}

TEST(answers_by_request_line) {
  /* clang-format off */
  static const struct { const char *line, *status, *part; } rows[] = {
    { "GET /hello HTTP/1.1",                 "200", "hello" },
    { "GET http://localhost/hello HTTP/1.1", "200", "hello" },
    { "HEAD /hello HTTP/1.1",                "200", "Content-Length: 5\r\n" },
    { "GET /nothing HTTP/1.1",               "404", "nothing at this path" },
    { "OPTIONS /nothing HTTP/1.1",           "404", "nothing at this path" },
    { "POST /hello HTTP/1.1",                "405", "Allow: GET, HEAD, OPTIONS" },
    { "OPTIONS /echo HTTP/1.1",              "204", "Allow: POST, PUT, OPTIONS" },
    { "GET /hello?a=%zz HTTP/1.1",           "400", "percent-encoded" },
    { "GET /%00 HTTP/1.1",                   "400", "percent-encoded" },
    { "GET * HTTP/1.1",                      "400", "percent-encoded" },
    { "GET /forget HTTP/1.1",                "500", "neither answered" },
    { "GET /static HTTP/1.1",                "200", "forever" },
    { "GET /fail/a%22b HTTP/1.1",            "409", "{\"message\":\"the name \\\"a\\\"b\\\" is taken\"}" },
  };
  /* clang-format on */
  start();
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *request = str_format("%s\r\n" HOST "\r\n", rows[i].line);
    auto_free char *answer = raw_ask(port, request, rows[i].part);
    CHECK_INT(atoi(answer + strlen("HTTP/1.1 ")), atoi(rows[i].status));
    bool understood = atoi(rows[i].status) != 400; /* only then `before` was asked */
    CHECK_INT(strstr(answer, "Access-Control-Allow-Origin: *") != NULL, understood);
  }
  stop();
}

TEST(before_may_refuse) {
  start();
  auto_free char *answer =
      raw_ask(port, "GET /hello HTTP/1.1\r\n" HOST "X-Deny: 1\r\n\r\n", "not you");
  CHECK_HAS(answer, "HTTP/1.1 403");
  CHECK_INT(seen.handled, 0);
  stop();
}

TEST(no_header_can_be_smuggled_into_an_answer) {
  start();
  auto_free char *answer = raw_ask(port, "GET /headers HTTP/1.1\r\n" HOST "\r\n", "body");
  CHECK(!strstr(answer, "Evil"));
  CHECK(!strstr(answer, "X Name"));
  CHECK_HAS(answer, "X-Good: tab\tis fine\r\n");
  CHECK_HAS(answer, "Content-Length: 4\r\n");
  stop();
}

TEST(requests_whose_end_is_unclear_are_refused) {
  static const char *const headers[] = {
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 5\r\nContent-Length: 5\r\n",
      "Content-Length: 5\r\nContent-Length: 6\r\n",
      "Transfer-Encoding: gzip\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Content-Length: +5\r\n",
      "Content-Length: 5x\r\n",
      "Content-Length: -5\r\n",
  };
  start();
  for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
    auto_free char *request = str_format("POST /echo HTTP/1.1\r\n" HOST
                                         "%s\r\n0\r\n\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n",
                                         headers[i]);
    auto_str answer = STR_EMPTY;
    int fd = raw_connect(port);
    raw_send(fd, request);
    raw_expect_end(fd, &answer);
    close(fd);
    if (!str_starts(str_text(&answer), "HTTP/1.1 400"))
      TAP_FAIL("%s: %s", headers[i], str_text(&answer));
  }
  CHECK_INT(seen.handled, 0);
  stop();
}

TEST(headers_are_limited) {
  start();
  auto_str request = STR_EMPTY;
  str_add(&request, "GET /hello HTTP/1.1\r\n" HOST "X-Long: ");
  while (request.len < 30 * 1024)
    str_add(&request, "0123456789");
  auto_free char *fits = str_format("%s\r\n\r\n", request.data);
  auto_free char *answer = raw_ask(port, fits, "\r\n\r\n");
  CHECK_HAS(answer, "HTTP/1.1 200");
  while (request.len < 33 * 1024)
    str_add(&request, "0123456789");
  auto_free char *over = str_format("%s\r\n\r\n", request.data);
  auto_free char *refusal = raw_ask(port, over, "\r\n\r\n");
  CHECK_HAS(refusal, "HTTP/1.1 431");
  while (request.len < 100 * 1024)
    str_add(&request, "0123456789");
  auto_free char *far_over = raw_ask(port, request.data, "\r\n\r\n");
  CHECK_HAS(far_over, "HTTP/1.1 4"); /* 431, or 414 from libmicrohttpd itself */
  CHECK_INT(seen.handled, 1);
  stop();
}

/* --- connections ------------------------------------------------------------------------------ */

TEST(keep_alive_and_pipelining) {
  start();
  auto_str answers = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n"
               "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nsecond"
               "GET /hello HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answers, "hello", 2);
  CHECK(strstr(answers.data, "second") < strstr(strstr(answers.data, "second"), "hello"));
  raw_send(fd, "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  raw_expect(fd, &answers, "hello", 3);
  raw_expect_end(fd, &answers);
  close(fd);
  stop();
}

TEST(an_early_answer_to_a_request_without_body_keeps_the_connection) {
  start();
  auto_str answers = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd,
           "GET /nothing HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST "X-Deny: 1\r\n\r\n"
           "GET /hello HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answers, "hello", 1);
  CHECK_HAS(answers.data, "not you");
  close(fd);
  stop();
}

TEST(http_1_0) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /hello HTTP/1.0\r\n\r\n");
  raw_expect_end(fd, &answer);
  CHECK_HAS(answer.data, "hello");
  close(fd);
  strcpy(seen.chunk, "part");
  auto_str stream = STR_EMPTY;
  fd = raw_connect(port);
  raw_send(fd, "GET /wait HTTP/1.0\r\n\r\n");
  raw_expect(fd, &stream, "\r\n\r\npart", 1);
  strcpy(seen.chunk, "end");
  http_stream_wake(seen.waiting);
  raw_expect_end(fd, &stream);
  CHECK_INT(seen.stream_complete, true);
  close(fd);
  stop();
}

TEST(idle_connections_are_closed) {
  start_with((struct http_server_options){.idle_timeout_ms = 1000});
  auto_str nothing = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /hel"); /* and never the rest */
  raw_expect_end(fd, &nothing);
  close(fd);
  stop();
}

TEST(connections_are_limited) {
  start_with((struct http_server_options){.connection_limit = 2});
  auto_str text = STR_EMPTY;
  int first = raw_connect(port), second = raw_connect(port);
  raw_send(first, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(first, &text, "hello", 1);
  int third = raw_connect(port);
  raw_expect_end(third, &text);
  close(third);
  close(second);
  raw_turn();
  raw_turn();
  auto_free char *answer = raw_ask(port, "GET /hello HTTP/1.1\r\n" HOST "\r\n", "hello");
  CHECK(answer);
  close(first);
  stop();
}

TEST(connections_of_one_address_are_limited) {
  start_with((struct http_server_options){.per_address_limit = 1});
  auto_str text = STR_EMPTY;
  int first = raw_connect(port), second = raw_connect(port);
  raw_expect_end(second, &text);
  raw_send(first, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(first, &text, "hello", 1);
  close(first);
  close(second);
  stop();
}

static long resident_kib(void) {
  long pages = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  CHECK(file && fscanf(file, "%ld %ld", &pages, &resident) == 2);
  fclose(file);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Asks `target` on a thousand connections and leaves them open. */
static void open_a_thousand(const char *what, const char *target, const char *part) {
  enum { COUNT = 1000 };
  static int fds[COUNT];
  auto_free char *request = str_format("GET %s HTTP/1.1\r\n" HOST "\r\n", target);
  start_with((struct http_server_options){.connection_limit = 2 * COUNT});
  long before_kib = resident_kib();
  for (int i = 0; i < COUNT; i++) {
    fds[i] = raw_connect(port);
    raw_send(fds[i], request);
    if (i % 50 == 0) raw_turn();
  }
  for (int i = 0; i < COUNT; i++) {
    auto_str answer = STR_EMPTY;
    raw_expect(fds[i], &answer, part, 1);
  }
  printf("# 1000 %s: %ld KiB each\n", what, (resident_kib() - before_kib) / COUNT);
  auto_free char *answer = raw_ask(port, "GET /hello HTTP/1.1\r\n" HOST "\r\n", "hello");
  CHECK(answer);
  for (int i = 0; i < COUNT; i++)
    close(fds[i]);
  stop();
}

TEST(a_thousand_idle_connections) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  open_a_thousand("event streams with nothing to send", "/wait", "event-stream");
  open_a_thousand("kept connections after a request", "/hello", "hello");
}

/* --- bodies ----------------------------------------------------------------------------------- */

/* A POST of `len` bytes to /echo, then a GET; returns both answers. */
static void post(int len, bool chunked, struct str *ret_answers) {
  auto_str request = STR_EMPTY;
  if (chunked)
    str_addf(&request, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%x\r\n",
             len);
  else
    str_addf(&request, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", len);
  for (int i = 0; i < len; i++)
    str_add_char(&request, 'b');
  if (chunked) str_add(&request, "\r\n0\r\n\r\n");
  str_add(&request, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
  int fd = raw_connect(port);
  raw_send(fd, request.data);
  raw_expect(fd, ret_answers, "hello", 1);
  close(fd);
}

TEST(bodies_up_to_the_limit) {
  static const int sizes[] = {1, BODY_LIMIT - 1, BODY_LIMIT, BODY_LIMIT + 1, 500000};
  start();
  for (int i = 0; i < 2 * (int)ARRAY_LEN(sizes); i++) {
    int size = sizes[i / 2];
    auto_str answers = STR_EMPTY;
    post(size, i % 2, &answers); /* the connection stays good after a refusal, too */
    CHECK_HAS(answers.data, size <= BODY_LIMIT ? "HTTP/1.1 200" : "HTTP/1.1 413");
    CHECK_INT(strstr(answers.data, "bbb") != NULL, size >= 3 && size <= BODY_LIMIT);
  }
  stop();
}

TEST(a_body_for_nobody) {
  start();
  auto_free char *answer =
      raw_ask(port, "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "accepted here");
  CHECK_HAS(answer, "HTTP/1.1 413");
  stop();
}

TEST(a_huge_body_is_refused_at_once) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9000000000000\r\n\r\n");
  raw_expect(fd, &answer, "accepted here", 1);
  raw_expect_end(fd, &answer);
  CHECK_HAS(answer.data, "HTTP/1.1 413");
  close(fd);
  stop();
}

TEST(an_endless_refused_body_is_cut_off) {
  start();
  int fd = raw_connect(port);
  static char chunk[65536 + 9];
  memset(chunk, 'b', sizeof chunk);
  memcpy(chunk, "10000\r\n", 7);
  memcpy(chunk + sizeof chunk - 2, "\r\n", 2);
  raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
  int sent = 0;
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  for (; sent < 4096 && !(poll(&ready, 1, 0) > 0); sent++)
    raw_send_bytes(fd, chunk, sizeof chunk);
  CHECK(sent < 1024); /* of 64 KiB each: far below what was offered */
  CHECK_INT(seen.handled, 0);
  close(fd);
  stop();
}

TEST(expecting_clients_are_told_before_they_send) {
  start();
  auto_str yes = STR_EMPTY, no = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  raw_expect(fd, &yes, "HTTP/1.1 100", 1);
  raw_send(fd, "abc");
  raw_expect(fd, &yes, "abc", 1);
  close(fd);
  fd = raw_connect(port);
  raw_send(fd,
           "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
  raw_expect_end(fd, &no);
  CHECK_HAS(no.data, "HTTP/1.1 413");
  CHECK(!strstr(no.data, "100 Continue"));
  close(fd);
  stop();
}

TEST(a_body_byte_by_byte) {
  start();
  auto_str answer = STR_EMPTY;
  const char *request = "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                        "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
  int fd = raw_connect(port);
  for (const char *p = request; *p; p++) {
    raw_send_bytes(fd, p, 1);
    raw_turn();
  }
  raw_expect(fd, &answer, "\r\n\r\nabcde", 1);
  close(fd);
  stop();
}

TEST(malformed_chunks) {
  start();
  auto_free char *answer = raw_ask(
      port, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "\r\n\r\n");
  CHECK_HAS(answer, "HTTP/1.1 400");
  CHECK_INT(seen.handled, 0);
  stop();
}

TEST(uploads_go_to_a_file) {
  start();
  auto_str answer = STR_EMPTY, content = STR_EMPTY;
  static char data[300000];
  for (size_t i = 0; i < sizeof data; i++)
    data[i] = (char)('a' + i % 26);
  int fd = raw_connect(port);
  raw_send(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\n");
  raw_send_bytes(fd, data, sizeof data);
  raw_expect(fd, &answer, "300000 bytes", 1);
  CHECK_HAS(answer.data, "HTTP/1.1 201");
  CHECK_OK(file_read(upload_path, 1 << 20, &content));
  CHECK(content.len == sizeof data && memcmp(content.data, data, sizeof data) == 0);
  CHECK_INT(seen.aborted, 0);
  struct stat file;
  CHECK(stat(upload_path, &file) == 0);
  CHECK_INT(file.st_mode & 0777, 0600);
  close(fd);
  /* A file that is there is not written over. */
  auto_free char *conflict =
      raw_ask(port, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", "exists");
  CHECK_HAS(conflict, "HTTP/1.1 409");
  CHECK(file_exists(upload_path));
  /* And sent back. */
  answer.len = 0;
  fd = raw_connect(port);
  raw_send(fd, "GET /file HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  raw_expect_end(fd, &answer);
  CHECK_HAS(answer.data, "Content-Length: 300000\r\n");
  CHECK(memcmp(answer.data + answer.len - sizeof data, data, sizeof data) == 0);
  close(fd);
  stop();
}

TEST(an_empty_upload) {
  start();
  auto_free char *answer =
      raw_ask(port, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "0 bytes");
  CHECK_HAS(answer, "HTTP/1.1 201");
  CHECK(file_exists(upload_path));
  stop();
}

TEST(an_aborted_upload_is_removed) {
  start();
  int fd = raw_connect(port);
  raw_send(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nsome of it");
  WAIT_FOR(file_exists(upload_path));
  CHECK_INT(seen.aborted, 0);
  close(fd);
  WAIT_FOR(seen.aborted == 1);
  CHECK(!file_exists(upload_path));
  CHECK_INT(seen.handled, 0);
  stop();
}

TEST(an_upload_beyond_the_limit_is_removed) {
  start();
  seen.upload_limit = 10;
  auto_free char *declared = raw_ask(
      port, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n01234567890", "accepted");
  CHECK_HAS(declared, "HTTP/1.1 413");
  CHECK(!file_exists(upload_path));
  auto_free char *chunked =
      raw_ask(port,
              "POST /upload HTTP/1.1\r\n" HOST
              "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
              "accepted");
  CHECK_HAS(chunked, "HTTP/1.1 413");
  CHECK(!file_exists(upload_path));
  CHECK_INT(seen.handled, 0);
  CHECK_INT(seen.aborted, 0); /* it was answered, by the server */
  stop();
}

TEST(stopping_aborts_uploads) {
  start();
  int fd = raw_connect(port);
  raw_send(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nsome of it");
  WAIT_FOR(file_exists(upload_path));
  http_server_stop(server);
  CHECK_INT(seen.aborted, 1);
  CHECK(!file_exists(upload_path));
  close(fd);
  loop_free(raw_loop);
}

/* --- late answers ----------------------------------------------------------------------------- */

TEST(a_late_answer) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /late HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n");
  WAIT_FOR(seen.waiting);
  raw_turn();
  CHECK(raw_receive(fd, &answer) && answer.len == 0);
  http_respond_text(seen.waiting, 200, "at last");
  raw_expect(fd, &answer, "hello", 1);
  CHECK_HAS(answer.data, "at last");
  CHECK_INT(seen.aborted, 0);
  close(fd);
  stop();
}

TEST(a_client_that_does_not_wait_for_a_late_answer) {
  start();
  int fd = raw_connect(port);
  raw_send(fd, "GET /late HTTP/1.1\r\n" HOST "X-Keep: 1\r\n\r\n");
  WAIT_FOR(seen.waiting);
  raw_turn();
  close(fd);
  WAIT_FOR(seen.aborted == 1);
  raw_turn();
  CHECK_INT(seen.aborted, 1);
  stop();
}

TEST(stopping_aborts_late_answers) {
  start();
  int fd = raw_connect(port), other = raw_connect(port);
  raw_send(fd, "GET /late HTTP/1.1\r\n" HOST "\r\n");
  WAIT_FOR(seen.waiting);
  seen.waiting = NULL;
  raw_send(other, "GET /late HTTP/1.1\r\n" HOST "\r\n");
  WAIT_FOR(seen.waiting);
  http_server_stop(server);
  CHECK_INT(seen.aborted, 2);
  loop_free(raw_loop);
  close(fd);
  close(other);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void read_slowly(const char *target) {
  auto_str answer = STR_EMPTY;
  auto_free char *request =
      str_format("GET %s HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", target);
  int fd = raw_connect(port);
  raw_send(fd, request);
  int64_t before_turn = -1;
  while (seen.produced != before_turn ||
         seen.produced == 0) { /* until the kernel's buffers are full */
    before_turn = seen.produced;
    for (int i = 0; i < 10; i++)
      raw_turn();
  }
  printf("# %lld KiB produced for a reader that does not read\n", (long long)seen.produced / 1024);
  CHECK(seen.produced < STREAM_BYTES);
  CHECK_INT(seen.streams_ended, 0);
  raw_expect_end(fd, &answer);
  CHECK(answer.len > STREAM_BYTES);
  CHECK_INT(seen.streams_ended, 1);
  CHECK_INT(seen.stream_complete, true);
  close(fd);
}

TEST(a_slow_reader_is_not_produced_for) {
  start();
  read_slowly("/much");
  stop();
}

TEST(a_slow_reader_of_a_known_length) {
  start();
  read_slowly("/known");
  stop();
}

TEST(a_stream_waits_and_wakes) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /wait HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answer, "event-stream", 1);
  for (int i = 0; i < 3; i++) {
    raw_turn();
    snprintf(seen.chunk, sizeof seen.chunk, "event %d\n", i);
    http_stream_wake(seen.waiting);
    http_stream_wake(seen.waiting); /* harmless */
    raw_expect(fd, &answer, "event", i + 2);
  }
  strcpy(seen.chunk, "end");
  http_stream_wake(seen.waiting);
  raw_send(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n"); /* the connection stays */
  raw_expect(fd, &answer, "hello", 1);
  CHECK_HAS(answer.data, "\r\n0\r\n\r\nHTTP/1.1 200");
  CHECK_INT(seen.stream_complete, true);
  close(fd);
  stop();
}

TEST(a_stream_ends_when_its_client_goes_away) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /wait HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answer, "event-stream", 1);
  raw_turn();
  close(fd);
  WAIT_FOR(seen.streams_ended == 1);
  CHECK_INT(seen.stream_complete, false);
  stop();
}

TEST(a_stream_ends_when_the_server_stops) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /wait HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answer, "event-stream", 1);
  http_server_stop(server);
  CHECK_INT(seen.streams_ended, 1);
  CHECK_INT(seen.stream_complete, false);
  loop_free(raw_loop);
  close(fd);
}

TEST(a_broken_stream_shows) {
  static const char *const targets[] = {"/wait", "/short"};
  static const char *const ends[] = {"fail", "end"};
  for (int i = 0; i < 2; i++) {
    start();
    auto_str answer = STR_EMPTY;
    auto_free char *request = str_format("GET %s HTTP/1.1\r\n" HOST "\r\n", targets[i]);
    int fd = raw_connect(port);
    raw_send(fd, request);
    raw_expect(fd, &answer, "\r\n\r\n", 1);
    strcpy(seen.chunk, ends[i]);
    http_stream_wake(seen.waiting);
    raw_expect_end(fd, &answer);
    CHECK(!strstr(answer.data, "\r\n0\r\n\r\n"));
    CHECK_INT(seen.streams_ended, 1);
    CHECK_INT(seen.stream_complete, false);
    close(fd);
    stop();
  }
}

TEST(head_of_a_stream) {
  start();
  auto_str answers = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "HEAD /known HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answers, "hello", 1);
  CHECK_HAS(answers.data, "Content-Length: 12582912\r\n");
  CHECK_INT(seen.produced, 0);
  CHECK_INT(seen.streams_ended, 1);
  close(fd);
  stop();
}

/* --- listening -------------------------------------------------------------------------------- */

TEST(several_addresses) {
  auto_free char *path = str_format("/tmp/http-server-test-%d.sock", (int)getpid());
  auto_free char *unix_address = str_format("unix:%s", path);
  const char *const listen[] = {"127.0.0.1:0", "[::1]:0", "*:0", unix_address, NULL};
  start_with((struct http_server_options){.listen = listen, .unix_mode = 0660});
  CHECK(str_starts(http_server_address(server, 0), "127.0.0.1:"));
  CHECK(str_starts(http_server_address(server, 1), "[::1]:"));
  CHECK_TEXT(http_server_address(server, 3), unix_address);
  CHECK_INT(http_server_port(server, 3), 0);
  CHECK(!http_server_address(server, 4));
  auto_free char *v4_on_v6 =
      raw_ask(http_server_port(server, 2), "GET /show/1/x/2 HTTP/1.1\r\n" HOST "\r\n", "}");
  CHECK_HAS(v4_on_v6, "\"peer\":\"127.0.0.1\"");

  struct stat file;
  CHECK(stat(path, &file) == 0);
  CHECK_INT(file.st_mode & 0777, 0660);
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
  auto_str answer = STR_EMPTY;
  raw_send(fd, "GET /show/1/x/2 HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answer, "}", 1);
  auto_free char *uid = str_format("\"uid\":%d", (int)getuid());
  CHECK_HAS(answer.data, "\"peer\":\"unix\"");
  CHECK_HAS(answer.data, uid);
  close(fd);

  http_server *second;
  const char *const taken[] = {unix_address, NULL};
  const struct http_server_options options = {.listen = taken};
  CHECK_ERR(http_server_start(raw_loop, &options, &second), ERR_CONFLICT,
            "another program serves it");
  stop();
  CHECK(!file_exists(path));
}

TEST(a_left_over_unix_socket_is_replaced) {
  auto_free char *path = str_format("/tmp/http-server-test-%d.sock", (int)getpid());
  auto_free char *unix_address = str_format("unix:%s", path);
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  close(fd);
  const char *const listen[] = {unix_address, NULL};
  start_with((struct http_server_options){.listen = listen});
  stop();
  CHECK(!file_exists(path));
}

TEST(addresses_that_cannot_be_used) {
  start();
  auto_free char *taken = str_format("127.0.0.1:%d", port);
  /* clang-format off */
  const struct { const char *address; enum err_code code; const char *part; } rows[] = {
    { taken,                    ERR_CONFLICT, "in use" },
    { "127.0.0.1",              ERR_INVALID,  "host:port" },
    { ":80",                    ERR_INVALID,  "host:port" },
    { "::1:80",                 ERR_INVALID,  "host:port" },
    { "127.0.0.1:65536",        ERR_INVALID,  "host:port" },
    { "127.0.0.1:http",         ERR_INVALID,  "host:port" },
    { "unix:/no/such/folder/s", ERR_NOT_FOUND, "No such file" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    const char *const listen[] = {"127.0.0.1:0", rows[i].address, NULL};
    const struct http_server_options options = {.listen = listen};
    http_server *other;
    CHECK_ERR(http_server_start(raw_loop, &options, &other), rows[i].code, rows[i].part);
  }
  stop();
}

TEST(malformed_route_patterns) {
  raw_loop = loop_new();
  static const struct http_route bad[] = {{.method = "GET", .path = "/{", .handler = on_hello}};
  const struct http_server_options options = {.routes = bad, .routes_len = 1};
  CHECK_ERR(http_server_start(raw_loop, &options, &server), ERR_INVALID, "malformed");
  loop_free(raw_loop);
}

TEST(closing_the_listeners_keeps_connections) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answer, "hello", 1);
  http_server_close_listeners(server);
  raw_send(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answer, "hello", 2);
  close(fd);
  stop();
}

TEST_MAIN
