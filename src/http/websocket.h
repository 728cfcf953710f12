/* WebSockets (RFC 6455) on the server's side, with wslay.
 *
 * A handler of a GET route looks at the request, then either answers it or accepts:
 *
 *     if (!ws_offers(r, "graphql-transport-ws")) return http_respond_err(r, err_new(…));
 *     err *e = ws_accept(r, &options, &s);
 *     if (e) return http_respond_err(r, e);
 *
 * The socket is valid until its on_close has been called, which happens exactly once, never from
 * within ws_accept, ws_send_… or ws_close.  Messages may be sent at once.
 *
 * What is received: fragments are put together up to message_limit (1009 beyond), text is checked
 * to be UTF-8 (1007).  Pings are answered; a ping is sent every ping_interval_ms, and a peer that
 * sends nothing for pong_timeout_ms after it is closed with 1006. */
#ifndef TRAMWAY_HTTP_WEBSOCKET_H
#define TRAMWAY_HTTP_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "http/request.h"

typedef struct ws ws;

enum ws_code { /* RFC 6455 section 7.4.1 and the IANA registry; 4000–4999 are an application's own
                */
               WS_NORMAL = 1000,
               WS_GOING_AWAY = 1001,
               WS_PROTOCOL_ERROR = 1002,
               WS_UNSUPPORTED = 1003,
               WS_NO_CODE = 1005,  /* the peer closed without saying why; never sent */
               WS_ABNORMAL = 1006, /* the connection broke; never sent */
               WS_BAD_TEXT = 1007,
               WS_POLICY = 1008,
               WS_TOO_BIG = 1009,
               WS_INTERNAL = 1011,
               WS_TRY_AGAIN_LATER = 1013,
};

/* `data` is NUL-terminated beyond `len`. */
typedef void ws_message_fn(void *arg, bool is_text, const char *data, size_t len);

/* The queue has become empty after it was not: produce more. */
typedef void ws_drained_fn(void *arg);

/* `code` and `reason` are the peer's; or the code that it was closed with for breaking the rules
 * (1002, 1007, 1009); or WS_ABNORMAL and what happened.  The socket is gone. */
typedef void ws_close_fn(void *arg, int code, const char *reason);

/* The queue: messages wait in memory while the peer reads slowly.  A producer of much data keeps it
 * short by looking at ws_pending and waiting for on_drained; when it grows beyond queue_limit all
 * the same, the peer counts as too slow and the socket is closed with WS_POLICY. */
struct ws_options {
  const char *subprotocol; /* one the client offered (checked), or NULL */
  ws_message_fn *on_message;
  ws_drained_fn *on_drained; /* may be NULL */
  ws_close_fn *on_close;
  void *arg;
  /* 0 means the default in brackets. */
  size_t message_limit;     /* [1 MiB] bytes of a received message */
  size_t queue_limit;       /* [4 MiB] bytes queued to be sent */
  int64_t ping_interval_ms; /* [30,000] */
  int64_t pong_timeout_ms;  /* [20,000] */
  int64_t close_timeout_ms; /* [5,000] for the peer's answer to a closing frame */
};

/* Whether the client offers that subprotocol in Sec-WebSocket-Protocol. */
bool ws_offers(const http_request *r, const char *subprotocol);

/* Whether the request wants to become a WebSocket at all. */
bool ws_requested(const http_request *r);

/* Answers the request with 101.  On failure (no valid handshake: ERR_INVALID) it is unanswered. */
fallible ws_accept(http_request *r, const struct ws_options *options, ws **ret_socket);

/* Queues a message (copied).  False when it was not queued because the socket is closing. */
bool ws_send_text(ws *s, const char *text, size_t len); /* must be UTF-8 */
bool ws_send_binary(ws *s, const void *data, size_t len);

size_t ws_pending(const ws *s); /* bytes queued and not yet handed to the kernel */

/* Holds on_message back: the peer is no longer read from (nor is it pinged).  Messages that were
 * read already, at most 4 KiB of them, still come. */
void ws_pause(ws *s, bool paused);

/* Sends what is queued and then the closing frame; `reason` (at most 123 bytes) may be NULL.
 * on_close follows when the peer has answered, or after close_timeout_ms. */
void ws_close(ws *s, int code, const char *reason);

#endif
