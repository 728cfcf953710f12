/* A blocking WebSocket client, for the CLI: libcurl makes the connection (TLS, proxies), wslay does
 * the frames.  Pings are answered while ws_sync_receive or ws_sync_send runs. */
#ifndef TRAMWAY_HTTP_WS_SYNC_H
#define TRAMWAY_HTTP_WS_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "http/request.h"

typedef struct ws_sync ws_sync;

struct ws_sync_options {
  const char *url;                   /* ws:// or wss:// (http:// and https:// are taken as these) */
  const struct http_header *headers; /* ends with a NULL name; may be NULL */
  const char *subprotocol;           /* demanded of the server; may be NULL */
  const char *unix_socket;           /* connect to this path instead */
  const char *ca_file;               /* PEM bundle to trust instead of the system's */
  int64_t connect_timeout_ms;        /* [10,000] up to the end of the handshake */
  size_t message_limit;              /* [16 MiB] of a received message */
};

/* Connects and shakes hands.  An answer other than 101 is an error: ERR_DENIED for 401 and 403,
 * ERR_NOT_FOUND for 404, else ERR_IO, with the status and the {"message"} of the body. */
fallible ws_sync_connect(const struct ws_sync_options *options, ws_sync **ret_socket);

/* Sends a whole message; blocks while the peer does not read (ERR_BUSY after 30 s). */
fallible ws_sync_send_text(ws_sync *s, const char *text, size_t len);
fallible ws_sync_send_binary(ws_sync *s, const void *data, size_t len);

enum ws_sync_event {
  WS_SYNC_MESSAGE,  /* a message is in ret_message */
  WS_SYNC_CLOSED,   /* the peer closed: see ws_sync_close_code */
  WS_SYNC_TIMEOUT,  /* timeout_ms passed */
  WS_SYNC_READABLE, /* extra_fd can be read (or has ended) */
};

/* Waits for a message, or for `extra_fd` (-1: none) to be readable; timeout_ms -1 waits for ever.
 * The message replaces what was in *ret_message.  A signal does not end it, for one that comes a moment
 * before the wait could not: a signalfd does, as `extra_fd`. */
fallible ws_sync_receive(ws_sync *s, int64_t timeout_ms, int extra_fd,
                         enum ws_sync_event *ret_event, struct str *ret_message, bool *ret_is_text);

int ws_sync_close_code(const ws_sync *s);           /* enum ws_code of http/websocket.h */
const char *ws_sync_close_reason(const ws_sync *s); /* borrowed; "" when none */

/* Says goodbye (waiting at most a second for the answer) when the socket is open; frees. */
void ws_sync_free(ws_sync *s, int code);

#endif
