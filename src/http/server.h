/* The HTTP/1.1 server: libmicrohttpd, driven by the loop.  Routes in, requests out (http/request.h,
 * http/websocket.h).  No TLS: the edge has it.
 *
 * What comes in is bounded before it is kept: connections, the header of a request, bodies by the
 * route's limit (413, by Content-Length before a byte is read, chunked bodies as they come), idle
 * connections by a timeout. */
#ifndef TRAMWAY_HTTP_SERVER_H
#define TRAMWAY_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "http/request.h"
#include "loop/loop.h"

typedef struct http_server http_server;
typedef void http_handler_fn(http_request *r, void *arg);

enum http_body_policy {
  HTTP_BODY_NONE,   /* a body is refused with 413 */
  HTTP_BODY_MEMORY, /* collected; the handler is called when it is whole */
  HTTP_BODY_FILE,   /* written to the file that `begin` names */
};

/* A route matches segment by segment: text, "{name}" for any one segment that is not empty, and as
 * the last one "{name...}" for all that is left (possibly nothing, slashes included).  The first
 * row that fits wins.  GET routes also answer HEAD.  Where only the method does not fit, the server
 * answers 405, and 204 to OPTIONS, both with Allow. */
struct http_route {
  const char *method;
  const char *path;         /* "/project/{p}/environment/{e}/up" */
  http_handler_fn *handler; /* called when the request is complete */
  enum http_body_policy body;
  size_t body_limit; /* bytes, for HTTP_BODY_MEMORY */
  /* Called when the header is there but nothing of the body was read: answers (refusal, then the
   * handler is not called) or returns; not later.  For HTTP_BODY_FILE it must call
   * http_body_to_file.  May be NULL otherwise. */
  http_handler_fn *begin;
};

struct http_server_options {
  /* NULL-terminated: "127.0.0.1:8080", "[::1]:8080", "*:8080" (IPv6 and IPv4), "unix:/run/x.sock".
   * Port 0 is any free one.  A unix socket file that nobody serves any more is replaced. */
  const char *const *listen;
  const struct http_route *routes; /* borrowed until http_server_stop */
  size_t routes_len;
  void *arg; /* for every handler */
  /* Called for every request before its route is looked at (signing in, CORS headers); may answer.
   */
  http_handler_fn *before;
  /* 0 means the default in brackets. */
  size_t connection_limit;  /* [1000] further ones are closed at once */
  size_t per_address_limit; /* [none] connections from one IP address; keep off behind a proxy */
  size_t header_limit;      /* [32 KiB] request line and headers; 431 beyond (Railway's limit) */
  int64_t idle_timeout_ms;  /* [60,000] whole seconds; without a byte either way.  Not for requests
                               that wait for a late answer or stream with nothing to send */
  unsigned unix_mode;       /* [0600] permissions of unix sockets */
};

/* Listens and serves.  The process ignores SIGPIPE from then on: writing to a peer that has gone
 * must be an error of that connection only.  ERR_CONFLICT when an address is in use. */
fallible http_server_start(loop *l, const struct http_server_options *options,
                           http_server **ret_server);

/* Stops listening; connections that are open go on. */
void http_server_close_listeners(http_server *s);

/* Closes everything and frees: unanswered requests are aborted, streams end incomplete, WebSockets
 * close with 1001.  Not from inside a handler.  NULL is accepted. */
void http_server_stop(http_server *s);

/* The real address of options->listen[index]: "127.0.0.1:41233", "unix:/run/x.sock"; and its port
 * (0 for a unix socket). */
const char *http_server_address(const http_server *s, size_t index);
int http_server_port(const http_server *s, size_t index);

#endif
