#include "cli/client.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/version.h"

#define DEFAULT_TIMEOUT_S 90  /* as Railway's CLI; RAILWAY_HTTP_TIMEOUT changes it */
#define UPLOAD_STALL_MS 90000 /* an upload may take long, but not without a byte */
#define ERROR_TEXT_LIMIT 300
#define RETRY_WAIT_MAX_S 60 /* longer than that is for people to decide */
#define RETRIES_MAX 5

err *client_init(struct client *c, const char *program, const char *server, enum token_kind kind,
                 const char *token) {
  if (!str_starts(server, "http://") && !str_starts(server, "https://"))
    return err_new(ERR_INVALID, "the server '%s' is not a URL; it should look like %s", server,
                   CONFIG_DEFAULT_SERVER);
  size_t len = strlen(server);
  while (server[len - 1] == '/')
    len--;
  *c = (struct client){.http = http_sync_new(), .program = program};
  c->server = str_ndup(server, len);
  client_set_token(c, kind, token);
  return NULL;
}

void client_set_token(struct client *c, enum token_kind kind, const char *token) {
  c->kind = kind;
  str_replace_owned(&c->token, token);
}

void client_done(struct client *c) {
  if (c->http) http_sync_free(c->http);
  free(c->server);
  free(c->token);
  *c = (struct client){0};
}

/* The headers of every request, and the text they borrow. */
struct headers {
  struct http_header rows[5];
  char *agent, *authorization;
};

static void headers_init(struct headers *h, const struct client *c, const char *content_type) {
  size_t n = 0;
  h->authorization = NULL;
  h->agent = str_format("CLI %s", tramway_version);
  h->rows[n++] = (struct http_header){"User-Agent", h->agent};
  h->rows[n++] = (struct http_header){"X-Source", h->agent};
  if (content_type) h->rows[n++] = (struct http_header){"Content-Type", content_type};
  if (c->kind == TOKEN_PROJECT)
    h->rows[n++] = (struct http_header){"Project-Access-Token", c->token};
  if (c->kind == TOKEN_BEARER) {
    h->authorization = str_format("Bearer %s", c->token);
    h->rows[n++] = (struct http_header){"Authorization", h->authorization};
  }
  h->rows[n] = (struct http_header){NULL, NULL};
}

static void headers_done(struct headers *h) {
  free(h->agent);
  free(h->authorization);
}
#define auto_headers __attribute__((cleanup(headers_done))) struct headers

static err *unauthorized(const struct client *c) {
  const char *where = "";
  if (c->kind == TOKEN_PROJECT)
    where = " (the token in RAILWAY_TOKEN was refused)";
  else if (user_config_env("API_TOKEN"))
    where = " (the token in RAILWAY_API_TOKEN was refused)";
  return err_new(ERR_DENIED, "Unauthorized. Please login with `%s login`%s", c->program, where);
}

static enum err_code code_of_name(const char *name, int status) {
  for (int code = ERR_INVALID; name && code <= ERR_CODE_LAST; code++)
    if (str_eq(name, err_code_name((enum err_code)code))) return (enum err_code)code;
  for (int code = ERR_INVALID; code <= ERR_CODE_LAST; code++)
    if (status == err_code_http_status((enum err_code)code)) return (enum err_code)code;
  return status >= 400 && status < 500 ? ERR_INVALID : ERR_IO;
}

/* Whether the server says that it does not know who asks, rather than that they may not: the first
 * is cured by signing in.  Railway says "Not Authorized" for both and nothing else. */
static bool is_unknown_caller(int status, const char *message) {
  static const char *const texts[] = {"sign in", "project token not found"};
  if (status == 401) return true;
  auto_free char *lower = str_dup(message ? message : "");
  for (char *p = lower; *p; p++)
    *p = (char)tolower((unsigned char)*p);
  for (size_t i = 0; i < ARRAY_LEN(texts); i++)
    if (strstr(lower, texts[i])) return true;
  return str_eq(lower, "not authorized") || str_eq(lower, "unauthorized");
}

static err *first_error(const struct client *c, int status, const json_t *answer) {
  const json_t *error = json_array_get(json_object_get(answer, "errors"), 0);
  const char *message = json_get_text(error ? error : answer, "message");
  const char *name = json_get_text(json_object_get(error, "extensions"), "code");
  if (!error && status < 400) return NULL;
  if (is_unknown_caller(status, message)) return unauthorized(c);
  if (!message) return err_new(code_of_name(name, status), "the server answered %d", status);
  return err_new(code_of_name(name, status), "%s", message);
}

/* An answer that is not ours: a proxy's page, another program on that port. */
static err *foreign_answer(const struct client *c, int status, const char *body, size_t len) {
  if (is_unknown_caller(status, NULL)) return unauthorized(c);
  auto_free char *start = str_ndup(body, len < ERROR_TEXT_LIMIT ? len : ERROR_TEXT_LIMIT);
  start[strcspn(start, "\r\n")] = '\0';
  enum err_code code = status < 400 ? ERR_CORRUPT : code_of_name(NULL, status);
  return err_new(code, "%s answered %d: \"%s\"; is it a Tramway server?", c->server, status, start);
}

typedef err *read_fn(const struct client *c, int status, const char *body, size_t len, json_t **ret_answer);

static err *read_whole(const struct client *c, int status, const char *body, size_t len, json_t **ret_answer) {
  auto_json *answer = NULL;
  err *e = json_parse(body, len, "the answer", &answer);
  if (e || !json_is_object(answer)) {
    err_ignore(e);
    return foreign_answer(c, status, body, len);
  }
  *ret_answer = json_incref(answer);
  return NULL;
}

static err *read_object(const struct client *c, int status, const char *body, size_t len,
                        json_t **ret_answer) {
  auto_json *answer = NULL;
  TRY(read_whole(c, status, body, len, &answer));
  TRY(first_error(c, status, answer));
  *ret_answer = json_incref(answer);
  return NULL;
}

err *client_read_answer(const struct client *c, int status, const char *body, size_t len,
                        json_t **ret_data) {
  auto_json *answer = NULL;
  TRY(read_object(c, status, body, len, &answer));
  json_t *data = json_object_get(answer, "data");
  if (!json_is_object(data)) return foreign_answer(c, status, body, len);
  *ret_data = json_incref(data);
  return NULL;
}

static int64_t timeout_ms(void) {
  long long seconds;
  const char *text = user_config_env("HTTP_TIMEOUT");
  if (!text || !str_to_int(text, 1, 86400, &seconds)) seconds = DEFAULT_TIMEOUT_S;
  return seconds * 1000;
}

/* What a failed connection needs said: where it went, and what may be wrong there. */
static err *explain(const struct client *c, err *e, enum http_outcome outcome) {
  if (!e) return NULL;
  if (outcome != HTTP_REFUSED && outcome != HTTP_UNREACHABLE && outcome != HTTP_UNRESOLVED)
    return e;
  const char *text = err_message(e);
  err *told = err_new(err_code_of(e),
                      "%s; is Tramway running at %s? Start it, or name another "
                      "server with `%s login --server URL`",
                      text, c->server, c->program);
  err_free(e);
  return told;
}

/* How long a 429 asks to wait, when that is worth waiting for; 0 when it is not. */
static long long wait_asked_for(const struct http_sync_response *response) {
  long long seconds = 0;
  if (response->status != 429) return 0;
  const char *text = http_sync_response_header(response, "Retry-After");
  return text && str_to_int(text, 0, RETRY_WAIT_MAX_S, &seconds) ? (seconds ? seconds : 1) : 0;
}

/* One request, and again as the server asks when there were too many of them. */
static err *request_patiently(struct client *c, const struct http_sync_options *options,
                              struct http_sync_response *ret_response, enum http_outcome *ret_outcome) {
  for (int attempt = 1;; attempt++) {
    TRY(http_sync_request(c->http, options, ret_response, ret_outcome));
    long long seconds = wait_asked_for(ret_response);
    if (!seconds || attempt == RETRIES_MAX) return NULL;
    http_sync_response_done(ret_response);
    fprintf(stderr, "%s: the server has had too many requests: waiting %lld s\n", c->program, seconds);
    nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
  }
}

static err *post_query(struct client *c, const json_t *request, read_fn *read, json_t **ret_answer) {
  auto_free char *body = json_to_text(request);
  auto_free char *url = str_format("%s/graphql/v2", c->server);
  auto_headers headers;
  headers_init(&headers, c, "application/json");
  struct http_sync_options options = {.url = url,
                                      .headers = headers.rows,
                                      .body = body,
                                      .body_len = strlen(body),
                                      .timeout_ms = timeout_ms()};
  struct http_sync_response response;
  enum http_outcome outcome;
  err *e = request_patiently(c, &options, &response, &outcome);
  if (e) return explain(c, e, outcome);
  e = read(c, response.status, str_text(&response.body), response.body.len, ret_answer);
  http_sync_response_done(&response);
  return e;
}

err *client_graphql(struct client *c, const char *query, json_t *variables, json_t **ret_data) {
  auto_json *request = json_pack("{s:s, s:o}", "query", query, "variables", variables ? variables : json_object());
  if (!request) return err_new(ERR_INVALID, "the query or its variables are not UTF-8");
  return post_query(c, request, client_read_answer, ret_data);
}

err *client_graphql_whole(struct client *c, const char *query, json_t *variables, const char *operation,
                          bool allow_errors, json_t **ret_answer) {
  auto_json *request = json_pack("{s:s, s:o, s:s*}", "query", query, "variables",
                                 variables ? variables : json_object(), "operationName", operation);
  if (!request) return err_new(ERR_INVALID, "the query or the operation's name is not UTF-8");
  return post_query(c, request, allow_errors ? read_whole : read_object, ret_answer);
}

err *client_post_form(struct client *c, const char *path, const char *form, json_t **ret_answer) {
  auto_free char *url = str_format("%s%s", c->server, path);
  auto_headers headers;
  headers_init(&headers, c, "application/x-www-form-urlencoded");
  struct http_sync_options options = {.url = url, .headers = headers.rows, .body = form, .body_len = strlen(form),
                                      .timeout_ms = timeout_ms()};
  struct http_sync_response response;
  enum http_outcome outcome;
  err *e = request_patiently(c, &options, &response, &outcome);
  if (e) return explain(c, e, outcome);
  e = json_parse(str_text(&response.body), response.body.len, "the answer", ret_answer);
  if (e) {
    err_ignore(e);
    e = foreign_answer(c, response.status, str_text(&response.body), response.body.len);
  }
  http_sync_response_done(&response);
  return e;
}

err *client_send_upload(struct client *c, const struct client_upload *upload, json_t **ret_answer) {
  auto_free char *url = str_format("%s%s", c->server, upload->path);
  auto_headers headers;
  headers_init(&headers, c, "application/gzip");
  struct http_sync_options options = {.url = url,
                                      .method = "POST",
                                      .headers = headers.rows,
                                      .read_body = upload->read_body,
                                      .body_size = upload->size_bytes,
                                      .arg = upload->arg,
                                      .progress = upload->progress,
                                      .timeout_ms = -1,
                                      .stall_timeout_ms = UPLOAD_STALL_MS};
  struct http_sync_response response;
  enum http_outcome outcome;
  err *e = http_sync_request(c->http, &options, &response, &outcome);
  if (e) return explain(c, e, outcome);
  e = read_object(c, response.status, str_text(&response.body), response.body.len, ret_answer);
  http_sync_response_done(&response);
  return e;
}

err *client_transfer(struct client *c, const struct client_transfer *t, json_t **ret_answer) {
  auto_free char *url = str_format("%s%s", c->server, t->path);
  auto_headers headers;
  headers_init(&headers, c, t->read_body ? "application/octet-stream" : NULL);
  struct http_sync_options options = {.url = url,
                                      .method = t->method,
                                      .headers = headers.rows,
                                      .read_body = t->read_body,
                                      .body_size = t->size_bytes,
                                      .on_data = t->on_data,
                                      .arg = t->arg,
                                      .timeout_ms = -1,
                                      .stall_timeout_ms = UPLOAD_STALL_MS};
  struct http_sync_response response;
  enum http_outcome outcome;
  err *e = request_patiently(c, &options, &response, &outcome);
  if (e) return explain(c, e, outcome);
  if (!t->on_data || response.status >= 400)
    e = read_object(c, response.status, str_text(&response.body), response.body.len, ret_answer);
  http_sync_response_done(&response);
  return e;
}

err *client_open_ws(struct client *c, const char *path, const char *subprotocol,
                    ws_sync **ret_socket) {
  auto_free char *url = str_format("%s%s", c->server, path);
  auto_headers headers;
  headers_init(&headers, c, NULL);
  struct ws_sync_options options = {
      .url = url, .headers = headers.rows, .subprotocol = subprotocol};
  return ws_sync_connect(&options, ret_socket);
}

char *client_escape(const char *text) {
  auto_str escaped = STR_EMPTY;
  str_init(&escaped);
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    bool plain = (c < 0x80 && isalnum(c)) || strchr("-._~", c);
    if (plain)
      str_add_char(&escaped, *text);
    else
      str_addf(&escaped, "%%%02X", c);
  }
  return str_take(&escaped);
}
