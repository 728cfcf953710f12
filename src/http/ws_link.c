#include "http/ws_link.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "http/ws_handshake.h"

enum { CONNECT_TIMEOUT_MS = 10000, ANSWER_MAX = 64 * 1024 };

ssize_t ws_link_send(struct ws_link *l, const void *data, size_t len) {
  size_t n = 0;
  CURLcode code = curl_easy_send(l->easy, data, len, &n);
  if (code == CURLE_OK) return (ssize_t)n;
  errno = code == CURLE_AGAIN ? EAGAIN : ECONNRESET;
  return -1;
}

ssize_t ws_link_recv(struct ws_link *l, void *buffer, size_t size) {
  size_t n = 0;
  CURLcode code = curl_easy_recv(l->easy, buffer, size, &n);
  if (code == CURLE_OK && n > 0) return (ssize_t)n;
  errno = code == CURLE_AGAIN ? EAGAIN : ECONNRESET;
  return -1;
}

int ws_link_wait(const struct ws_link *l, short events, int extra_fd, int64_t timeout_ms,
                 bool *ret_extra_ready) {
  struct pollfd fds[2] = {{.fd = l->fd, .events = events}, {.fd = extra_fd, .events = POLLIN}};
  int count = poll(fds, 2, timeout_ms < 0 ? -1 : (int)timeout_ms);
  *ret_extra_ready = count > 0 && fds[1].revents != 0;
  return count;
}

/* Waits after an EAGAIN; any other errno is the connection's end. */
static err *wait_until(struct ws_link *l, short events, int64_t deadline_ms) {
  if (errno != EAGAIN) return err_new(ERR_IO, "the server closed the connection");
  int64_t left_ms = deadline_ms - clock_monotonic_ms();
  bool extra;
  if (left_ms <= 0 || ws_link_wait(l, events, -1, left_ms, &extra) == 0)
    return err_new(ERR_BUSY, "no answer in time");
  return NULL;
}

static err *send_all(struct ws_link *l, const char *data, size_t len, int64_t deadline_ms) {
  while (len > 0) {
    ssize_t n = ws_link_send(l, data, len);
    if (n < 0) {
      TRY(wait_until(l, POLLOUT, deadline_ms));
      continue;
    }
    data += n;
    len -= (size_t)n;
  }
  return NULL;
}

/* Appends what comes next to l->early. */
static err *receive_some(struct ws_link *l, int64_t deadline_ms) {
  if (l->early.len > ANSWER_MAX) return err_new(ERR_LIMIT, "the answer is too large");
  char buffer[4096];
  for (;;) {
    ssize_t n = ws_link_recv(l, buffer, sizeof buffer);
    if (n > 0) {
      str_add_bytes(&l->early, buffer, (size_t)n);
      return NULL;
    }
    TRY(wait_until(l, POLLIN, deadline_ms));
  }
}

/* --- the handshake ---------------------------------------------------------------------------- */

int ws_link_parse_status(const char *answer) {
  if (strncmp(answer, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)answer[7]) || answer[8] != ' ')
    return 0;
  int status = 0;
  for (int i = 9; i < 12; i++) {
    if (!isdigit((unsigned char)answer[i])) return 0;
    status = status * 10 + answer[i] - '0';
  }
  return status;
}

char *ws_link_find_header(const char *answer, const char *name) {
  size_t name_len = strlen(name);
  for (const char *line = strstr(answer, "\r\n"); line; line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':') continue;
    const char *value = line + name_len + 1;
    auto_free char *text = str_ndup(value, strcspn(value, "\r"));
    return str_dup(str_trim(text));
  }
  return NULL;
}

/* Adds "GET path HTTP/1.1" and Host. */
static void add_request_line(struct str *request, const char *url) {
  CURLU *parts = curl_url(); /* the URL was parsed before, by transfer_init */
  char *host = NULL, *port = NULL, *path = NULL, *query = NULL;
  curl_url_set(parts, CURLUPART_URL, url, 0);
  curl_url_get(parts, CURLUPART_HOST, &host, 0);
  curl_url_get(parts, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
  curl_url_get(parts, CURLUPART_PATH, &path, 0);
  curl_url_get(parts, CURLUPART_QUERY, &query, 0);
  str_addf(request, "GET %s%s%s HTTP/1.1\r\n", path, query ? "?" : "", query ? query : "");
  str_addf(request, "Host: %s%s%s\r\n", host, port ? ":" : "", port ? port : "");
  curl_free(host);
  curl_free(port);
  curl_free(path);
  curl_free(query);
  curl_url_cleanup(parts);
}

static err *send_request(struct ws_link *l, const char *url, const struct ws_sync_options *options,
                         const char *key, int64_t deadline_ms) {
  auto_str request = STR_EMPTY;
  add_request_line(&request, url);
  for (const struct http_header *h = options->headers; h && h->name; h++)
    str_addf(&request, "%s: %s\r\n", h->name, h->value);
  if (options->subprotocol)
    str_addf(&request, "Sec-WebSocket-Protocol: %s\r\n", options->subprotocol);
  str_addf(&request,
           "Upgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
           key);
  return send_all(l, request.data, request.len, deadline_ms);
}

/* Reads until the answer's header is whole; what follows it stays in l->early. */
static err *read_answer(struct ws_link *l, int64_t deadline_ms, struct str *ret_answer) {
  const char *end;
  while (!(end = strstr(str_text(&l->early), "\r\n\r\n")))
    TRY(receive_some(l, deadline_ms));
  size_t len = (size_t)(end - l->early.data) + 4;
  str_add_bytes(ret_answer, l->early.data, len);
  str_consume(&l->early, len);
  return NULL;
}

/* The {"message": …} of a refusal's body, or NULL; the caller owns it. */
static char *read_refusal(struct ws_link *l, const char *answer, int64_t deadline_ms) {
  auto_free char *length_text = ws_link_find_header(answer, "Content-Length");
  long long length;
  if (!str_to_int(length_text, 1, ANSWER_MAX, &length)) return NULL;
  err *e = NULL;
  while (!e && (long long)l->early.len < length)
    e = receive_some(l, deadline_ms);
  auto_json *body = NULL;
  if (!e) e = json_parse(l->early.data, (size_t)length, "the answer", &body);
  err_ignore(e); /* then the status has to do */
  return str_dup(json_get_text(body, "message"));
}

static err *refusal(struct ws_link *l, const char *answer, int64_t deadline_ms) {
  int status = ws_link_parse_status(answer);
  if (status == 0) return err_new(ERR_IO, "what answers there does not speak HTTP");
  auto_free char *message = read_refusal(l, answer, deadline_ms);
  enum err_code code = status == 401 || status == 403   ? ERR_DENIED
                       : status == 404                  ? ERR_NOT_FOUND
                       : status == 429 || status == 503 ? ERR_BUSY
                                                        : ERR_IO;
  return err_new(code, "the server answered %d%s%s", status, message ? ": " : "",
                 message ? message : "");
}

static err *check_answer(const char *answer, const char *key, const char *subprotocol) {
  char expected[WS_ACCEPT_SIZE];
  ws_handshake_accept(key, expected);
  auto_free char *accept = ws_link_find_header(answer, "Sec-WebSocket-Accept");
  auto_free char *chosen = ws_link_find_header(answer, "Sec-WebSocket-Protocol");
  if (!str_eq(accept, expected))
    return err_new(ERR_IO, "the server's WebSocket handshake is not valid");
  if (!str_eq(chosen, subprotocol))
    return err_new(ERR_IO, "the server speaks the subprotocol '%s', not '%s'", chosen ? chosen : "",
                   subprotocol ? subprotocol : "");
  return NULL;
}

static err *shake_hands(struct ws_link *l, const char *url, const struct ws_sync_options *options,
                        int64_t deadline_ms) {
  char key[WS_KEY_SIZE];
  ws_handshake_new_key(key);
  TRY(send_request(l, url, options, key, deadline_ms));
  auto_str answer = STR_EMPTY;
  TRY(read_answer(l, deadline_ms, &answer));
  if (ws_link_parse_status(answer.data) != 101) return refusal(l, answer.data, deadline_ms);
  return check_answer(answer.data, key, options->subprotocol);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* libcurl 7.88 of Debian knows no ws://. */
static char *http_url(const char *url) {
  if (str_starts(url, "ws://")) return str_format("http://%s", url + 5);
  if (str_starts(url, "wss://")) return str_format("https://%s", url + 6);
  return str_dup(url);
}

static err *connect_link(struct ws_link *l) {
  curl_easy_setopt(l->easy, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(l->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
  enum http_outcome outcome = transfer_outcome(&l->transfer, curl_easy_perform(l->easy));
  if (outcome != HTTP_ANSWERED) {
    auto_free char *message = transfer_message(&l->transfer, outcome);
    bool later =
        outcome == HTTP_REFUSED || outcome == HTTP_CONNECT_TIMEOUT || outcome == HTTP_UNREACHABLE;
    return err_new(later ? ERR_BUSY : ERR_IO, "%s", message);
  }
  curl_socket_t fd;
  if (curl_easy_getinfo(l->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd < 0)
    return err_new(ERR_IO, "the server closed the connection");
  l->fd = fd;
  return NULL;
}

err *ws_link_open(struct ws_link *l, const struct ws_sync_options *options) {
  *l = (struct ws_link){.fd = -1};
  int64_t timeout_ms =
      options->connect_timeout_ms ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS;
  int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
  auto_free char *url = http_url(options->url);
  const struct transfer_options setup = {
      .url = url,
      .headers = options->headers, /* checked, though not sent by libcurl */
      .unix_socket = options->unix_socket,
      .ca_file = options->ca_file,
      .connect_timeout_ms = timeout_ms,
      .timeout_ms = -1,
  };
  l->easy = curl_easy_init();
  if (!l->easy) abort(); /* out of memory */
  TRY(transfer_init(&l->transfer, l->easy, &setup));
  TRY(connect_link(l));
  return err_wrap(shake_hands(l, url, options, deadline_ms), "%s", l->transfer.target);
}

void ws_link_close(struct ws_link *l) {
  curl_easy_cleanup(l->easy);
  transfer_done(&l->transfer);
  str_done(&l->early);
  *l = (struct ws_link){.fd = -1};
}
