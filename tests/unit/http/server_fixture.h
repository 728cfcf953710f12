/* For the tests of the HTTP server: a server with a route for each kind of answer. */
#ifndef TRAMWAY_TESTS_HTTP_SERVER_FIXTURE_H
#define TRAMWAY_TESTS_HTTP_SERVER_FIXTURE_H

#include <fcntl.h>

#include "http/server.h"
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

#endif
