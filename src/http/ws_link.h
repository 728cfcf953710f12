/* The connection below a blocking WebSocket client: made by libcurl (TLS), shaken hands on. */
#ifndef TRAMWAY_HTTP_WS_LINK_H
#define TRAMWAY_HTTP_WS_LINK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "http/transfer.h"
#include "http/ws_sync.h"

struct ws_link {
  CURL *easy;
  struct transfer transfer;
  int fd;           /* for waiting only */
  struct str early; /* read beyond the handshake's answer */
};

/* Connects and shakes hands (see ws_sync_connect); ws_link_close undoes it, also half done. */
fallible ws_link_open(struct ws_link *l, const struct ws_sync_options *options);
void ws_link_close(struct ws_link *l);

/* Like send and recv: -1 with errno EAGAIN when it must wait; ECONNRESET when it is over. */
ssize_t ws_link_send(struct ws_link *l, const void *data, size_t len);
ssize_t ws_link_recv(struct ws_link *l, void *buffer, size_t size);

/* Waits for `events` (of poll) on the connection or for reading on extra_fd (-1: none), for ever
 * with timeout_ms -1.  Returns what poll does. */
int ws_link_wait(const struct ws_link *l, short events, int extra_fd, int64_t timeout_ms,
                 bool *ret_extra_ready);

/* Parses the answer's status line and headers: "HTTP/1.1 101 …\r\n…\r\n\r\n".  0 when it is not
 * one. */
int ws_link_parse_status(const char *answer);

/* The value of a header in an answer's text; the caller owns it, or NULL. */
char *ws_link_find_header(const char *answer, const char *name);

#endif
