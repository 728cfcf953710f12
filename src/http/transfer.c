#include "http/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* clang-format off */
static const char *const outcome_names[] = {
  [HTTP_ANSWERED]        = "answered",
  [HTTP_UNRESOLVED]      = "the host name has no address",
  [HTTP_REFUSED]         = "connection refused",
  [HTTP_UNREACHABLE]     = "host unreachable",
  [HTTP_CONNECT_TIMEOUT] = "no connection in time",
  [HTTP_TIMEOUT]         = "no answer in time",
  [HTTP_RESET]           = "connection closed before the answer was complete",
  [HTTP_TLS_FAILED]      = "TLS failed",
  [HTTP_TOO_LARGE]       = "the answer is too large",
  [HTTP_BROKEN]          = "not a valid HTTP answer",
};
/* clang-format on */

const char *http_outcome_name(enum http_outcome outcome) {
  return outcome_names[outcome];
}

const char *transfer_find_header(const struct http_header *headers, const char *name) {
  for (; headers && headers->name; headers++)
    if (str_ieq(headers->name, name)) return headers->value;
  return NULL;
}

/* --- gathering -------------------------------------------------------------------------------- */

bool transfer_add_body(struct transfer *t, const char *data, size_t len) {
  t->too_large = t->body.len + len > t->response_limit;
  if (!t->too_large) str_add_bytes(&t->body, data, len);
  return !t->too_large;
}

static void clear_headers(struct transfer *t) {
  for (size_t i = 0; i < t->headers_len; i++) {
    free((char *)t->headers[i].name);
    free((char *)t->headers[i].value);
  }
  free(t->headers);
  t->headers = NULL;
  t->headers_len = t->headers_capacity = t->headers_bytes = 0;
}

static void add_header(struct transfer *t, char *name, char *value) {
  t->headers = mem_grow(t->headers, &t->headers_capacity, t->headers_len + 2, sizeof *t->headers);
  t->headers[t->headers_len++] = (struct http_header){name, value};
  t->headers[t->headers_len] = (struct http_header){0};
}

/* One line of the answer's header, with its line break. */
static size_t on_header(char *line, size_t one, size_t len, void *arg) {
  struct transfer *t = arg;
  if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) clear_headers(t); /* also after a 100 */
  const char *colon = memchr(line, ':', len);
  t->headers_bytes += len;
  if (!colon || t->headers_len >= TRANSFER_HEADERS_MAX ||
      t->headers_bytes > TRANSFER_HEADER_BYTES_MAX)
    return one * len;
  size_t name_len = (size_t)(colon - line);
  auto_free char *value = str_ndup(colon + 1, len - name_len - 1);
  add_header(t, str_ndup(line, name_len), str_dup(str_trim(value)));
  return one * len;
}

/* --- setting up ------------------------------------------------------------------------------- */

static bool has_control_character(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) return true;
  return false;
}

static err *add_sent_headers(struct transfer *t, const struct http_header *headers) {
  for (; headers && headers->name; headers++) {
    if (has_control_character(headers->name) || has_control_character(headers->value))
      return err_new(ERR_INVALID, "the header '%s' has a control character in it", headers->name);
    /* libcurl writes an empty value as "Name;" and takes "Name:" as an order to leave it out. */
    auto_free char *line = *headers->value ? str_format("%s: %s", headers->name, headers->value)
                                           : str_format("%s;", headers->name);
    t->sent_headers = curl_slist_append(t->sent_headers, line);
  }
  return NULL;
}

/* Checks the URL and sets t->target to its "host:port". */
static err *look_at_url(struct transfer *t, const struct transfer_options *options) {
  CURLU *parts = curl_url();
  char *scheme = NULL, *host = NULL, *port = NULL;
  bool ok = parts && curl_url_set(parts, CURLUPART_URL, options->url, 0) == CURLUE_OK &&
            curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
            curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
            curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
            (str_ieq(scheme, "http") || str_ieq(scheme, "https"));
  const char *elsewhere = options->unix_socket ? options->unix_socket : options->connect_to;
  if (ok) t->target = elsewhere ? str_dup(elsewhere) : str_format("%s:%s", host, port);
  curl_free(scheme);
  curl_free(host);
  curl_free(port);
  curl_url_cleanup(parts);
  return ok ? NULL : err_new(ERR_INVALID, "'%s' is no http:// or https:// URL", options->url);
}

static void set_route(struct transfer *t, const struct transfer_options *options) {
  CURL *easy = t->easy;
  if (options->unix_socket) curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, options->unix_socket);
  if (options->connect_to) {
    auto_free char *rule = str_format("::%s", options->connect_to);
    t->connect_to = curl_slist_append(NULL, rule);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, t->connect_to);
  }
  bool direct = options->direct || options->unix_socket || options->connect_to;
  if (direct) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  if (options->ca_file) curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
}

static void set_request(struct transfer *t, const struct transfer_options *options) {
  CURL *easy = t->easy;
  curl_easy_setopt(easy, CURLOPT_URL, options->url);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "tramway");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->sent_headers);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
  if (options->timeout_ms > 0)
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
  if (str_eq(options->method, "HEAD")) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (options->method) curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, options->method);
}

err *transfer_init(struct transfer *t, CURL *easy, const struct transfer_options *options) {
  *t = (struct transfer){.easy = easy, .response_limit = options->response_limit};
  err *e = look_at_url(t, options);
  if (!e) e = add_sent_headers(t, options->headers);
  if (e) {
    transfer_done(t);
    return e;
  }
  str_init(&t->body);
  set_request(t, options);
  set_route(t, options);
  return NULL;
}

void transfer_done(struct transfer *t) {
  curl_slist_free_all(t->sent_headers);
  curl_slist_free_all(t->connect_to);
  clear_headers(t);
  str_done(&t->body);
  free(t->target);
  *t = (struct transfer){0};
}

/* --- how it ended ----------------------------------------------------------------------------- */

int transfer_status(const struct transfer *t) {
  long status = 0;
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  return (int)status;
}

static bool was_connected(const struct transfer *t) {
  curl_off_t connected_us = 0, sending_us = 0; /* a kept connection has only the second */
  curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
  curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &sending_us);
  return connected_us > 0 || sending_us > 0;
}

static enum http_outcome connect_failure(const struct transfer *t) {
  long number = 0;
  curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
  if (number == ETIMEDOUT) return HTTP_CONNECT_TIMEOUT;
  return number == ECONNREFUSED ? HTTP_REFUSED : HTTP_UNREACHABLE;
}

enum http_outcome transfer_outcome(const struct transfer *t, CURLcode code) {
  if (t->too_large) return HTTP_TOO_LARGE;
  switch (code) {
  case CURLE_OK:
    return HTTP_ANSWERED;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return HTTP_UNRESOLVED;
  case CURLE_COULDNT_CONNECT:
    return connect_failure(t);
  case CURLE_OPERATION_TIMEDOUT:
    return was_connected(t) ? HTTP_TIMEOUT : HTTP_CONNECT_TIMEOUT;
  case CURLE_GOT_NOTHING:
  case CURLE_PARTIAL_FILE:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
    return HTTP_RESET;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_PEER_FAILED_VERIFICATION:
    return HTTP_TLS_FAILED;
  default:
    return HTTP_BROKEN;
  }
}

char *transfer_message(const struct transfer *t, enum http_outcome outcome) {
  if (outcome == HTTP_ANSWERED) return str_dup("");
  bool in_words =
      outcome != HTTP_TLS_FAILED && outcome != HTTP_BROKEN; /* else libcurl knows more */
  const char *more = in_words || !t->error[0] ? "" : t->error;
  return str_format("%s (%s)%s%s", http_outcome_name(outcome), t->target, *more ? ": " : "", more);
}
