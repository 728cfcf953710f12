/* A request that the HTTP server has received, and the ways to answer it.
 *
 * A handler (http/server.h) is called on the loop with a request and answers it with exactly one
 * http_respond… call, at once or later.  A handler that returns without having answered must have
 * called http_on_abort: if the client goes away first, that function is called, and from then on
 * the request no longer exists for its owner.  Answering hands the request back to the server; it
 * must not be touched afterwards (but see streams).  Whatever a getter returns lives as long as the
 * request is not answered.
 *
 * Clients of a kind that end their sending half of the connection while they still wait for a late
 * answer (`nc -N`) count as gone. */
#ifndef TRAMWAY_HTTP_REQUEST_H
#define TRAMWAY_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"

typedef struct http_request http_request;

/* Lists of headers end with a row whose name is NULL.  A value with a control character in it (a
 * line break that would start another header) and a name that is no token are left out of the
 * answer and logged. */
struct http_header {
  const char *name;
  const char *value;
};

/* --- what was asked --------------------------------------------------------------------------- */

const char *http_method(const http_request *r); /* "GET"; also for HEAD, whose body is dropped */
const char *http_path(const http_request *r);   /* as sent, without the query */
const char *http_query_text(const http_request *r); /* as sent, without the '?'; "" when none */

/* The part of the path that matched "{name}" in the route, percent-decoded; NULL when not there. */
const char *http_param(const http_request *r, const char *name);

/* The first query parameter of that name, decoded ('+' is a space); NULL when not there. */
const char *http_query(const http_request *r, const char *name);

/* The value of a header, its name in any letter case; NULL when not there. */
const char *http_header(const http_request *r, const char *name);

/* The other end of the connection: "192.0.2.1", "2001:db8::1", or "unix". */
const char *http_peer(const http_request *r);

/* The user at the other end of a unix socket as the kernel knows it; -1 for TCP. */
int64_t http_peer_uid(const http_request *r);

/* --- the body --------------------------------------------------------------------------------- */

/* The collected body of a HTTP_BODY_MEMORY route, NUL-terminated; "" when empty. */
const char *http_body(const http_request *r, size_t *ret_len);

/* For a HTTP_BODY_FILE route, from its `begin`: the body is written to a new file `path` (mode
 * 0600, no fsync), at most `limit_bytes` of it.  While the body comes the file is the server's: it
 * is removed when the upload is aborted or too large.  When the handler is called it is the
 * handler's to keep or remove.  Fails when the file exists already or cannot be made. */
fallible http_body_to_file(http_request *r, const char *path, int64_t limit_bytes);

/* After that: what comes beyond the file's limit is read and thrown away, up to `limit_bytes` in all,
 * so that the handler (which sees it by http_body_size) can refuse it in the client's protocol. */
void http_body_drop_beyond(http_request *r, int64_t limit_bytes);

const char *http_body_path(const http_request *r); /* NULL when there is no file */
int64_t http_body_size(const http_request *r);     /* bytes received, in memory or in the file */

/* --- the owner -------------------------------------------------------------------------------- */

typedef void http_abort_fn(void *arg);

/* Calls fn(arg) once if the client goes away (or the server stops) before the request is answered.
 * A later call replaces the earlier one; NULL takes it back. */
void http_on_abort(http_request *r, http_abort_fn *fn, void *arg);

/* Keeps a value with the request, e.g. from the server's `before` for the handlers: who is asking.
 * free_fn, when not NULL, is called on it when the request ends or another value is set. */
void http_set_context(http_request *r, void *context, void (*free_fn)(void *context));
void *http_context(const http_request *r);

/* --- answers ---------------------------------------------------------------------------------- */

/* Adds a header to whatever answer will be given, also the server's own 404 (CORS, cookies). */
void http_add_header(http_request *r, const char *name, const char *value);

/* Answers with a copy of `body` (NULL with len 0: none).  `headers` may be NULL. */
void http_respond(http_request *r, int status, const struct http_header *headers, const void *body,
                  size_t len);

/* The same without a copy: takes `body`, which came from malloc. */
void http_respond_take(http_request *r, int status, const struct http_header *headers, char *body,
                       size_t len);

/* The same for a body that lives as long as the program (embedded files). */
void http_respond_static(http_request *r, int status, const struct http_header *headers,
                         const void *body, size_t len);

/* Answers with plain text, and with JSON (borrows `value`). */
void http_respond_text(http_request *r, int status, const char *text);
void http_respond_json(http_request *r, int status, const json_t *value);

/* Answers with {"message": …} and the status that belongs to the error's code; takes `e`.  Server
 * faults (5xx) are logged here, being the top of the activity. */
void http_respond_err(http_request *r, err *e);

/* Answers with the regular file open as `fd` from its start; takes `fd`. */
void http_respond_file(http_request *r, int status, const struct http_header *headers, int fd);

/* --- streamed answers ------------------------------------------------------------------------- */

/* Asked for the next bytes whenever the client can take some: writes at most `size` bytes (some
 * KiB, what the request's header left of the connection's memory) to `buffer` and returns how many,
 * or one of the values below.  A slow client is simply asked for less often; nothing is queued. */
typedef ssize_t http_stream_read_fn(void *arg, char *buffer, size_t size);
#define HTTP_STREAM_WAIT 0 /* nothing now: ask again after http_stream_wake */
#define HTTP_STREAM_END ((ssize_t)-1)
#define HTTP_STREAM_FAIL                                                                           \
  ((ssize_t)-2) /* cut the connection, so that the client sees a broken answer */

/* Called exactly once: the answer is over and the request gone; `complete` when all was sent. */
typedef void http_stream_end_fn(void *arg, bool complete);

/* Answers with a stream of `length` bytes, or of unknown length with -1 (chunked).  This is the one
 * answer after which `r` may still be used, until `end`: for http_stream_wake alone. */
void http_respond_stream(http_request *r, int status, const struct http_header *headers,
                         int64_t length, http_stream_read_fn *read, http_stream_end_fn *end,
                         void *arg);

/* There are bytes again.  May be called at any time, also from `read`; needless calls are cheap. */
void http_stream_wake(http_request *r);

#endif
