/* What the clients (client.c, http_sync.c, ws_sync.c) share: setting up a libcurl handle, gathering
 * its answer within limits, and telling in our words how it ended. */
#ifndef TRAMWAY_HTTP_TRANSFER_H
#define TRAMWAY_HTTP_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "http/client.h"

/* Of an answer's headers so many are kept; the rest is dropped.  (libcurl itself refuses single
 * headers of over 100 KiB.) */
enum { TRANSFER_HEADERS_MAX = 256, TRANSFER_HEADER_BYTES_MAX = 64 * 1024 };

struct transfer_options { /* as in struct http_call_options, all defaults filled in */
  const char *url;
  const char *method;
  const struct http_header *headers;
  const char *unix_socket;
  const char *connect_to;
  const char *ca_file;
  int64_t connect_timeout_ms;
  int64_t timeout_ms; /* -1: none */
  size_t response_limit;
  bool direct; /* not through a proxy that the environment names */
};

struct transfer {
  CURL *easy;
  struct curl_slist *sent_headers, *connect_to;
  char *target; /* for messages: "127.0.0.1:3000", or the unix socket */
  char error[CURL_ERROR_SIZE];
  struct str body;
  size_t response_limit;
  bool too_large;
  struct http_header *headers; /* of the answer; ends with a NULL name once there is one */
  size_t headers_len, headers_capacity, headers_bytes;
};

/* Sets up `easy` (new, or reset), which stays the caller's, for one request.  ERR_INVALID for a URL
 * that is not http(s) and for headers with control characters; then nothing is to be undone. */
fallible transfer_init(struct transfer *t, CURL *easy, const struct transfer_options *options);
void transfer_done(struct transfer *t);

/* Appends to the body within the limit; false (and `too_large`) beyond. */
bool transfer_add_body(struct transfer *t, const char *data, size_t len);

int transfer_status(const struct transfer *t);
enum http_outcome transfer_outcome(const struct transfer *t, CURLcode code);

/* "connection refused (127.0.0.1:3000)"; "" when answered.  The caller owns it. */
char *transfer_message(const struct transfer *t, enum http_outcome outcome);

/* The value of a header in a list that ends with a NULL name (and may be NULL); or NULL. */
const char *transfer_find_header(const struct http_header *headers, const char *name);

#endif
