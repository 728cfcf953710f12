/* Routes, headers, connections and addresses. */
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "server_fixture.h"

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
