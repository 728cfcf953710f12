/* The connection to a Tramway server: GraphQL over HTTP, uploads, WebSockets.  Every request
 * carries the token; a request that is refused for it becomes ERR_DENIED "Unauthorized. Please
 * login …". */
#ifndef TRAMWAY_CLI_CLIENT_H
#define TRAMWAY_CLI_CLIENT_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/user_config.h"
#include "http/http_sync.h"
#include "http/ws_sync.h"

struct client {
  http_sync *http;
  char *server; /* no slash at the end */
  char *token;
  enum token_kind kind;
  const char *program; /* for advice; borrowed */
};

/* ERR_INVALID unless `server` is an http:// or https:// URL. */
fallible client_init(struct client *c, const char *program, const char *server,
                     enum token_kind kind, const char *token);
void client_done(struct client *c);

/* Sends another token from now on (after signing in). */
void client_set_token(struct client *c, enum token_kind kind, const char *token);

/* One request; `variables` is taken, NULL for none.  *ret_data is the answer's "data" object.  The
 * first of the answer's errors becomes the error; its extensions.code decides the code. */
fallible client_graphql(struct client *c, const char *query, json_t *variables, json_t **ret_data);

/* The same for a document of several operations (`operation` names one; NULL: the only one).  *ret_answer is
 * the whole answer, {"data": …, "errors": …}; with `allow_errors` those of the query are no error of ours. */
fallible client_graphql_whole(struct client *c, const char *query, json_t *variables, const char *operation,
                              bool allow_errors, json_t **ret_answer);

/* POSTs a form (client_escape its values) and gives the JSON answer, whatever its status: for OAuth, whose
 * errors are answers. */
fallible client_post_form(struct client *c, const char *path, const char *form, json_t **ret_answer);

struct client_upload {
  const char *path; /* with the query, as "/project/…" */
  ssize_t (*read_body)(void *arg, char *buffer, size_t size);
  bool (*progress)(void *arg, int64_t sent, int64_t total);
  int64_t size_bytes;
  void *arg;
};
/* POSTs application/gzip and gives the JSON answer. */
fallible client_send_upload(struct client *c, const struct client_upload *upload,
                            json_t **ret_answer);

/* Any other request; for files. */
struct client_transfer {
  const char *method, *path; /* as above */
  ssize_t (*read_body)(void *arg, char *buffer, size_t size); /* NULL: no body */
  int64_t size_bytes;
  bool (*on_data)(void *arg, const char *data, size_t len); /* takes the answer as it comes; false gives up */
  void *arg;
};
/* *ret_answer is the JSON answer; with on_data NULL. */
fallible client_transfer(struct client *c, const struct client_transfer *transfer, json_t **ret_answer);

fallible client_open_ws(struct client *c, const char *path, const char *subprotocol,
                        ws_sync **ret_socket);

/* `text` as a part of a URL; the caller owns it. */
char *client_escape(const char *text);

/* What an answer of GraphQL means: its data, or its first error.  Pure, for tests. */
fallible client_read_answer(const struct client *c, int status, const char *body, size_t len,
                            json_t **ret_data);

#endif
