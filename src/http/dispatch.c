#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/internal.h"

/* So much of a refused body is still read and thrown away, because a client that is cut off while
 * it sends seldom reads the answer. */
enum { DISCARD_LIMIT = 8 * 1024 * 1024 };

/* A list of the methods that the path knows, or NULL when it knows none. */
static char *allowed_methods(const http_request *r) {
  auto_strv methods = STRV_EMPTY;
  for (size_t i = 0; i < r->server->options.routes_len; i++) {
    const struct http_route *route = &r->server->options.routes[i];
    struct url_pairs params;
    if (strv_has(&methods, route->method) || !url_match(route->path, r->path, &params)) continue;
    url_pairs_done(&params);
    strv_add(&methods, route->method);
    if (str_eq(route->method, "GET")) strv_add(&methods, "HEAD");
  }
  if (methods.len == 0) return NULL;
  strv_add(&methods, "OPTIONS");
  return strv_join(&methods, ", ");
}

static void respond_no_route(http_request *r) {
  auto_free char *methods = allowed_methods(r);
  if (!methods) {
    respond_message(r, 404, "there is nothing at this path");
    return;
  }
  http_add_header(r, "Allow", methods);
  if (str_eq(r->method, "OPTIONS"))
    http_respond(r, 204, NULL, NULL, 0);
  else
    respond_message(r, 405, "this path does not know this method");
}

static const struct http_route *find_route(http_request *r) {
  for (size_t i = 0; i < r->server->options.routes_len; i++) {
    const struct http_route *route = &r->server->options.routes[i];
    if (str_eq(route->method, r->method) && url_match(route->path, r->path, &r->params))
      return route;
  }
  return NULL;
}

/* How the body is sent. */
struct framing {
  bool chunked;
  int64_t length; /* -1: chunked */
  int lengths;    /* how many Content-Length headers there are */
  bool strange;
};

static enum MHD_Result look_at_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                      const char *value) {
  (void)kind;
  struct framing *framing = arg;
  if (str_ieq(name, "Transfer-Encoding")) {
    framing->strange |= framing->chunked || !str_ieq(value, "chunked");
    framing->chunked = true;
  } else if (str_ieq(name, "Content-Length")) {
    long long length = 0;
    framing->strange |= !str_to_int(value, 0, INT64_MAX, &length) || ++framing->lengths > 1;
    framing->length = length;
  }
  return MHD_YES;
}

/* Where two readers could disagree on where the body ends, somebody may smuggle a request past the
 * edge: refused (RFC 9112 section 6.3). */
static bool read_framing(http_request *r, int64_t *ret_length) {
  struct framing framing = {0};
  MHD_get_connection_values(r->connection, MHD_HEADER_KIND, look_at_header, &framing);
  if (framing.strange || (framing.chunked && framing.lengths > 0)) return false;
  *ret_length = framing.chunked ? -1 : framing.length;
  return true;
}

static err *check_length(const http_request *r, int64_t length) {
  if (length <= request_body_limit(r)) return NULL;
  return err_new(ERR_LIMIT, "the body of %lld bytes is larger than the %lld accepted here",
                 (long long)length, (long long)r->body_limit);
}

/* Routes the request; afterwards it is answered (refused), or its body may come. */
static void begin(http_request *r, int64_t length) {
  http_server *s = r->server;
  if (s->options.before) s->options.before(r, s->options.arg);
  if (r->answered) return;
  r->route = find_route(r);
  if (!r->route) {
    respond_no_route(r);
    return;
  }
  if (r->route->body == HTTP_BODY_MEMORY) r->body_limit = (int64_t)r->route->body_limit;
  if (r->route->begin) r->route->begin(r, s->options.arg);
  if (r->answered) return;
  if (r->route->body == HTTP_BODY_FILE && !r->file_path)
    http_respond_err(r, err_new(ERR_IO, "nobody has said where the upload goes"));
  err *e = r->answered ? NULL : check_length(r, length);
  if (e) http_respond_err(r, e);
}

static enum MHD_Result give_answer(http_request *r) {
  struct MHD_Response *answer = r->answer;
  r->answer = NULL;
  enum MHD_Result result = MHD_queue_response(r->connection, r->status, answer);
  MHD_destroy_response(answer);
  return result;
}

/* Nothing more of the body is wanted. */
static void refuse_body(http_request *r) {
  request_drop_file(r);
  str_done(&r->body);
}

static void look_at_request(http_request *r, int64_t length) {
  size_t header_size =
      MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
  err *e = request_parse_target(r);
  if (e)
    http_respond_err(r, e);
  else if (header_size > r->server->options.header_limit)
    respond_message(r, 431, "the request's headers are too large");
  else
    begin(r, length);
}

/* The first call: the header is complete. */
static enum MHD_Result on_header(http_request *r, const char *method, const char *version) {
  r->phase = REQUEST_BODY;
  r->method = str_eq(method, "HEAD") ? "GET" : method;
  r->http_1_1 = str_eq(version, "HTTP/1.1");
  request_describe_peer(r);
  int64_t length = 0;
  bool clear = read_framing(r, &length);
  if (clear)
    look_at_request(r, length);
  else
    respond_message(r, 400, "the request does not say clearly where it ends");
  if (!r->answered) return MHD_YES;
  refuse_body(r);
  r->body_limit = 0;
  /* An answer given now makes libmicrohttpd close the connection: good when the client waits before
   * it sends ("Expect: 100-continue") or would send too much; else the body is thrown away first.
   */
  bool at_once = !clear || length > DISCARD_LIMIT || (length != 0 && http_header(r, "Expect"));
  return at_once ? give_answer(r) : MHD_YES;
}

static enum MHD_Result on_body(http_request *r, const char *data, size_t len) {
  if (!r->answered) {
    err *e = request_take_body(r, data, len);
    if (!e) return MHD_YES;
    refuse_body(r);
    http_respond_err(r, e);
  }
  r->body_size += (int64_t)len;
  return r->body_size > r->body_limit + DISCARD_LIMIT ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_complete(http_request *r) {
  r->phase = REQUEST_HANDLED;
  err *e = r->answered ? NULL : request_end_body(r);
  if (e)
    http_respond_err(r, e);
  else if (!r->answered)
    r->route->handler(r, r->server->options.arg);
  if (!r->answered && !r->on_abort)
    http_respond_err(r, err_new(ERR_IO, "the handler neither answered nor said who will"));
  if (r->answered) return give_answer(r);
  request_suspend(r);
  return MHD_YES;
}

enum MHD_Result dispatch_access(void *arg, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *data_len, void **request) {
  (void)arg;
  (void)connection;
  (void)url;
  http_request *r = *request;
  if (r->gone) return MHD_NO;
  size_t len = *data_len;
  *data_len = 0;
  switch (r->phase) {
  case REQUEST_NEW:
    return on_header(r, method, version);
  case REQUEST_BODY:
    return len > 0 ? on_body(r, data, len) : on_complete(r);
  case REQUEST_HANDLED:
    break;
  }
  return r->answer ? give_answer(r) : MHD_YES;
}

void *dispatch_request_line(void *arg, const char *target, struct MHD_Connection *connection) {
  return request_new(arg, connection, target ? target : "");
}

void dispatch_completed(void *arg, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode code) {
  (void)arg;
  (void)connection;
  http_request *r = *request;
  *request = NULL;
  if (!r) return;
  /* An upgraded one was ended before; libmicrohttpd holds a lock here, so that nothing may be
   * called. */
  if (!r->upgraded) request_done(r, code == MHD_REQUEST_TERMINATED_COMPLETED_OK && !r->cut);
  free(r);
}
