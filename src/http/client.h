/* An HTTP client on the loop: libcurl's multi interface.  For health checks, webhooks, registries,
 * the Kubernetes API.  It says in words apart why a request failed, because "connection refused",
 * "no answer in time" and "answered 503" ask for different advice.
 *
 * TLS certificates are verified.  Redirects are not followed: a redirect is an answer. */
#ifndef TRAMWAY_HTTP_CLIENT_H
#define TRAMWAY_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "http/request.h"
#include "loop/loop.h"

typedef struct http_client http_client; /* connections are kept and reused within one */
typedef struct http_call http_call;

enum http_outcome {
  HTTP_ANSWERED,        /* there is a status, whatever it is */
  HTTP_UNRESOLVED,      /* the host name has no address */
  HTTP_REFUSED,         /* nothing listens there */
  HTTP_UNREACHABLE,     /* no route, network down, no such unix socket */
  HTTP_CONNECT_TIMEOUT, /* the connection was not made in time */
  HTTP_TIMEOUT,         /* connected, but no whole answer in time */
  HTTP_RESET,           /* connected, then closed or reset before a whole answer came */
  HTTP_TLS_FAILED,      /* handshake or certificate */
  HTTP_TOO_LARGE,       /* the answer is larger than response_limit */
  HTTP_BROKEN,          /* what answered does not speak HTTP, or anything else */
};
#define HTTP_OUTCOME_LAST HTTP_BROKEN

const char *http_outcome_name(enum http_outcome outcome); /* "connection refused" */

struct http_call_options {
  const char *url;                   /* http:// or https:// */
  const char *method;                /* NULL: GET, or POST with a body */
  const struct http_header *headers; /* copied; NULL-terminated by name, or NULL */
  const void *body;                  /* copied */
  size_t body_len;
  const char *unix_socket; /* connect to this path instead */
  const char
      *connect_to;     /* "10.0.0.7:3000" or "[::1]:3000": connect there, whatever the URL says */
  const char *ca_file; /* PEM bundle to trust instead of the system's */
  int64_t connect_timeout_ms; /* [5,000] */
  int64_t timeout_ms;         /* [30,000] for all of it; -1: none (watches) */
  size_t response_limit;      /* [1 MiB] of body */
  bool fresh; /* a new connection, closed afterwards, and no proxy (health checks) */
  /* Body bytes as they come instead of collected; no response_limit then. */
  void (*on_data)(void *arg, const char *data, size_t len);
};

struct http_result {
  enum http_outcome outcome;
  int status;       /* also when the answer broke off after its header; else 0 */
  const char *body; /* borrowed until `done` returns; NUL-terminated; never NULL */
  size_t body_len;
  const char *message; /* "connection refused (127.0.0.1:3000)"; "" when answered */
  int64_t duration_ms;
  const struct http_header *headers; /* of the answer; ends with a NULL name */
};

/* The value of a header of the answer, or NULL. */
const char *http_result_header(const struct http_result *result, const char *name);

/* NULL when answered with a status below 400; else what happened, with the URL and the first line
 * of a short text body: "GET http://…: answered 503: no leader". */
fallible http_result_err(const struct http_result *result, const char *method, const char *url);

http_client *http_client_new(loop *l);

/* Cancels what is still running (no `done` is called) and frees.  Not from within `done` or
 * on_data. NULL is accepted. */
void http_client_free(http_client *c);

typedef void http_done_fn(void *arg, const struct http_result *result);

/* Starts a request; done(arg, …) is called once, later, on the loop, unless it is cancelled.  The
 * call is valid until then.  Fails only for options that make no sense (ERR_INVALID). */
fallible http_client_start(http_client *c, const struct http_call_options *options,
                           http_done_fn *done, void *arg, http_call **ret_call);

void http_call_cancel(http_call *call); /* `done` will not be called */

/* Holds an answer's body back (the sender waits) or lets it flow again.  For on_data. */
void http_call_pause(http_call *call, bool paused);

#endif
