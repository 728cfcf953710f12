/* For the tests of WebSockets: a server that does as planned, and frames by hand. */
#ifndef TRAMWAY_TESTS_HTTP_WEBSOCKET_FIXTURE_H
#define TRAMWAY_TESTS_HTTP_WEBSOCKET_FIXTURE_H

#include "http/websocket.h"

#include "http/server.h"
#include "raw.h"

enum { MESSAGE_LIMIT = 100000, QUEUE_LIMIT = 8 * 1024 * 1024 };

static http_server *server;
static int port;
static ws *accepted; /* the newest */

static struct {
  struct str text; /* of the messages, each followed by a line break */
  int messages, binaries, closed, code, drained;
  char *reason;
} seen;

/* What the server does, set by the tests before they connect. */
static struct {
  struct ws_options options;
  const char *greeting; /* sent by the handler right after ws_accept */
  bool echo;
  bool close_at_once;
  int64_t produce_bytes; /* to be sent, by and by, as the queue drains */
} plan;

/* --- the server ------------------------------------------------------------------------------- */

static void on_message(void *arg, bool is_text, const char *data, size_t len) {
  CHECK(arg == &seen);
  CHECK(data[len] == '\0');
  seen.messages++;
  if (!is_text) seen.binaries++;
  str_add_bytes(&seen.text, data, len);
  str_add_char(&seen.text, '\n');
  if (!plan.echo) return;
  CHECK(is_text ? ws_send_text(accepted, data, len) : ws_send_binary(accepted, data, len));
}

static void on_close(void *arg, int code, const char *reason) {
  CHECK(arg == &seen);
  seen.closed++;
  seen.code = code;
  str_replace_owned(&seen.reason, reason);
  accepted = NULL;
}

/* A producer that keeps its queue short. */
static void produce(void) {
  static char block[16384];
  while (plan.produce_bytes > 0 && ws_pending(accepted) < 65536) {
    CHECK(ws_send_binary(accepted, block, sizeof block));
    plan.produce_bytes -= (int64_t)sizeof block;
  }
}

static void on_drained(void *arg) {
  CHECK(arg == &seen);
  seen.drained++;
  produce();
}

static void on_request(http_request *r, void *arg) {
  (void)arg;
  struct ws_options options = plan.options;
  options.on_message = on_message;
  options.on_drained = on_drained;
  options.on_close = on_close;
  options.arg = &seen;
  err *e = ws_accept(r, &options, &accepted);
  if (e) {
    http_respond_err(r, e);
    return;
  }
  if (plan.greeting) CHECK(ws_send_text(accepted, plan.greeting, strlen(plan.greeting)));
  if (plan.close_at_once) ws_close(accepted, 4001, "enough");
  produce();
}

static http_request *late;

static void on_gone(void *arg) {
  (void)arg;
  late = NULL;
}

static void on_late_request(http_request *r, void *arg) {
  (void)arg;
  late = r;
  http_on_abort(r, on_gone, NULL);
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/ws", .handler = on_request},
    {.method = "GET", .path = "/late", .handler = on_late_request},
};

static void start(void) {
  memset(&seen, 0, sizeof seen);
  memset(&plan, 0, sizeof plan);
  accepted = NULL;
  plan.options.message_limit = MESSAGE_LIMIT;
  raw_loop = loop_new();
  static const char *const any_port[] = {"127.0.0.1:0", NULL};
  const struct http_server_options options = {
      .listen = any_port, .routes = routes, .routes_len = ARRAY_LEN(routes)};
  CHECK_OK(http_server_start(raw_loop, &options, &server));
  port = http_server_port(server, 0);
}

static void stop(void) {
  http_server_stop(server);
  loop_free(raw_loop);
  str_done(&seen.text);
  free(seen.reason);
}

/* --- the client ------------------------------------------------------------------------------- */

#define HANDSHAKE                                                                                  \
  "Host: localhost\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"                   \
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* Adds a frame as clients send it: masked.  `first` is FIN, RSV and the opcode. */
static inline void add_frame(struct str *bytes, int first, const void *data, size_t len) {
  static const char mask[4] = {0x12, 0x34, 0x56, 0x78};
  str_add_char(bytes, (char)first);
  if (len < 126) {
    str_add_char(bytes, (char)(0x80 | len));
  } else { /* the shortest form that fits is the only one allowed */
    str_add_char(bytes, (char)(0x80 | (len < 65536 ? 126 : 127)));
    for (int shift = len < 65536 ? 8 : 56; shift >= 0; shift -= 8)
      str_add_char(bytes, (char)((uint64_t)len >> shift & 0xff));
  }
  str_add_bytes(bytes, mask, 4);
  for (size_t i = 0; i < len; i++)
    str_add_char(bytes, (char)(((const char *)data)[i] ^ mask[i % 4]));
}

static inline void send_frame(int fd, int first, const char *text) {
  auto_str bytes = STR_EMPTY;
  add_frame(&bytes, first, text, strlen(text));
  raw_send_bytes(fd, bytes.data, bytes.len);
}

/* Connects and shakes hands; `received` gets what comes after the answer. */
static int open_socket(struct str *received) {
  int fd = raw_connect(port);
  raw_send(fd, "GET /ws HTTP/1.1\r\n" HANDSHAKE "\r\n");
  raw_expect(fd, received, "\r\n\r\n", 1);
  CHECK_HAS(received->data, "HTTP/1.1 101");
  CHECK_HAS(received->data, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
  str_consume(received, (size_t)(strstr(received->data, "\r\n\r\n") - received->data) + 4);
  return fd;
}

/* Takes the next frame, which must begin with `first`, out of what comes; returns its payload. */
static char *expect_frame(int fd, struct str *received, int first) {
  for (;;) {
    const unsigned char *p = (const unsigned char *)received->data;
    size_t head = 2, len = 0;
    if (received->len >= 2) {
      len = p[1];
      if (len == 126) head = 4;
      if (len == 127) head = 10;
    }
    if (received->len >= head && head > 2) {
      len = 0;
      for (size_t i = 2; i < head; i++)
        len = len << 8 | p[i];
    }
    if (received->len >= 2 && received->len >= head + len) {
      CHECK_INT(p[0], first);
      char *payload = str_ndup(received->data + head, len);
      str_consume(received, head + len);
      return payload;
    }
    size_t had = received->len;
    long long end_ms = tap_now_ms() + RAW_DEADLINE_MS;
    while (received->len == had) {
      if (!raw_receive(fd, received)) TAP_FAIL("closed while a frame was awaited");
      if (tap_now_ms() > end_ms) TAP_FAIL("no frame in time");
      raw_turn();
    }
  }
}

static inline void expect_text(int fd, struct str *received, const char *text) {
  auto_free char *payload = expect_frame(fd, received, 0x81);
  CHECK_TEXT(payload, text);
}

/* Expects a closing frame of the server's. */
static inline void expect_close(int fd, struct str *received, int code, const char *reason) {
  auto_free char *payload = expect_frame(fd, received, 0x88);
  CHECK_INT((unsigned char)payload[0] << 8 | (unsigned char)payload[1], code);
  CHECK_TEXT(payload + 2, reason);
}

static inline void send_close(int fd, int code, const char *reason) {
  auto_str payload = STR_EMPTY, bytes = STR_EMPTY;
  str_add_char(&payload, (char)(code >> 8));
  str_add_char(&payload, (char)(code & 0xff));
  str_add(&payload, reason);
  add_frame(&bytes, 0x88, payload.data, payload.len);
  raw_send_bytes(fd, bytes.data, bytes.len);
}

#endif
