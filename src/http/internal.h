/* What server.c, request.c, respond.c and websocket.c know of each other.  Nobody else includes it.
 *
 * A request's life (`phase`): made when libmicrohttpd has read the request line (NEW); `begin` and
 * the body (BODY); the handler was called (HANDLED).  libmicrohttpd's connection is suspended while
 * nothing can be done (a late answer, a stream with nothing to send).  libmicrohttpd does not watch
 * a suspended connection, so a watcher of our own tells when the client goes away.  The request is
 * freed in libmicrohttpd's completion callback and nowhere else. */
#ifndef TRAMWAY_HTTP_INTERNAL_H
#define TRAMWAY_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <netinet/in.h>

#include "base/list.h"
#include "http/listen.h"
#include "http/server.h"
#include "http/url.h"
#include "http/websocket.h"

enum request_phase { REQUEST_NEW, REQUEST_BODY, REQUEST_HANDLED };

struct listener {
  struct listen_socket socket;
  uv_poll_t poll;
  http_server *server;
};

struct http_server {
  loop *loop;
  struct http_server_options options;
  struct MHD_Daemon *mhd;
  uv_poll_t readiness;     /* of libmicrohttpd's epoll descriptor */
  uv_timer_t wakeup;       /* for its timeouts */
  uv_timer_t accept_again; /* after running out of descriptors */
  struct listener *listeners;
  size_t listeners_len;
  struct list unwatched; /* requests suspended in this turn: watched from its end on */
  struct list watched;   /* the other suspended ones */
  struct list sockets;   /* WebSockets */
  bool watch_deferred;
  bool listening;
  bool pump_wanted;
  int refs; /* open handles and the pending deferral; freed when none is left */
};

struct http_request {
  http_server *server;
  struct MHD_Connection *connection;
  enum request_phase phase;
  bool http_1_1;
  bool suspended; /* libmicrohttpd's connection is */
  bool gone;      /* the client is: to be dropped as soon as libmicrohttpd asks */
  char *target;   /* as sent; `path` and `query_text` point into it */
  const char *path, *query_text;
  const char *method; /* libmicrohttpd's, but GET for HEAD */
  struct url_pairs query, params;
  const struct http_route *route;
  char peer[INET6_ADDRSTRLEN];

  struct str body;
  int64_t body_size, body_limit;
  int64_t drop_limit; /* of what is thrown away beyond body_limit; 0: beyond it is refused */
  char *file_path;
  int file_fd; /* -1: none */

  struct MHD_Response *answer; /* not yet given to libmicrohttpd */
  unsigned status;
  bool answered;
  struct http_header *added; /* http_add_header; NULL-terminated by name once there */
  size_t added_len, added_capacity;

  bool streaming, woken, cut;
  http_stream_read_fn *stream_read;
  http_stream_end_fn *stream_end;
  void *stream_arg;
  int64_t stream_length;

  http_abort_fn *on_abort;
  void *abort_arg;
  void *context;
  void (*context_free)(void *context);

  struct list suspended_link;
  uv_poll_t *watcher; /* for the client going away; NULL until needed */
  bool upgraded;
};

/* request.c */
http_request *request_new(http_server *s, struct MHD_Connection *connection, const char *target);
void request_done(http_request *r, bool complete); /* the end, with all callbacks that are due */
fallible request_parse_target(http_request *r);
void request_describe_peer(http_request *r);
int64_t request_body_limit(const http_request *r); /* of what may come */
fallible request_take_body(http_request *r, const char *data, size_t len);
fallible request_end_body(http_request *r);
void request_drop_file(http_request *r); /* closes and removes what was uploaded so far */

/* respond.c */
void respond_message(http_request *r, int status, const char *message);
void respond_with(http_request *r, int status, const struct http_header *headers,
                  struct MHD_Response *response);

/* dispatch.c: what libmicrohttpd calls, in this order (the second one several times) */
void *dispatch_request_line(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result dispatch_access(void *server, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *data_len, void **request);
void dispatch_completed(void *server, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode code);

/* suspend.c */
void request_suspend(http_request *r);
void request_resume(http_request *r); /* does nothing to one that is not suspended */

/* server.c.  libmicrohttpd has no descriptor that tells of resumed and closed connections: whoever
 * does that calls server_pump_soon. */
void server_pump_soon(http_server *s);
void server_unref(http_server *s);

/* websocket.c */
void ws_abandon_all(http_server *s); /* the server stops */

#endif
