/* A blocking HTTP client, for the CLI: no loop, one request at a time, libcurl's easy interface. */
#ifndef TRAMWAY_HTTP_HTTP_SYNC_H
#define TRAMWAY_HTTP_HTTP_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "http/client.h"

typedef struct http_sync http_sync; /* keeps the connection between requests */

http_sync *http_sync_new(void);
void http_sync_free(http_sync *c);

struct http_sync_options {
  const char *url;
  const char *method;                /* NULL: GET, or POST with a body */
  const struct http_header *headers; /* ends with a NULL name; may be NULL */

  /* The body: from memory, … */
  const void *body;
  size_t body_len;
  /* … or pulled: writes at most `size` bytes and returns how many, 0 at the end, -1 to give up.
   * body_size is its whole length when known, else -1 (sent chunked). */
  ssize_t (*read_body)(void *arg, char *buffer, size_t size);
  int64_t body_size;
  void *arg; /* for read_body, progress and on_data */

  /* Called while something goes on: at most ten times a second, and at least about once; false
   * gives up (^C).  `total` is -1 when unknown. */
  bool (*progress)(void *arg, int64_t sent, int64_t total);
  /* The answer's body as it comes, when its status is below 400; false gives up. */
  bool (*on_data)(void *arg, const char *data, size_t len);

  const char *unix_socket;    /* connect to this path instead */
  const char *ca_file;        /* PEM bundle to trust instead of the system's */
  int64_t connect_timeout_ms; /* [10,000] */
  int64_t timeout_ms;         /* [60,000] for all of it; -1: none */
  int64_t stall_timeout_ms;   /* [60,000] without a byte either way (whole seconds); -1: none */
  size_t response_limit;      /* [64 MiB] of collected body */
};

struct http_sync_response {
  int status;
  struct str body;
  struct http_header *headers; /* owned; ends with a NULL name */
};
void http_sync_response_done(struct http_sync_response *response);
const char *http_sync_response_header(const struct http_sync_response *response, const char *name);

/* Does the request.  Any answer is success, whatever its status.  Errors: ERR_BUSY for timeouts and
 * refused connections (try again), ERR_LIMIT, ERR_INVALID, ERR_IO; they name the URL's host.
 * *ret_outcome (may be NULL) is written in any case. */
fallible http_sync_request(http_sync *c, const struct http_sync_options *options,
                           struct http_sync_response *ret_response, enum http_outcome *ret_outcome);

#endif
