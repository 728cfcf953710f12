#include "http/websocket.h"

#include "http/server.h"
#include "http/ws_handshake.h"
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
static void add_frame(struct str *bytes, int first, const void *data, size_t len) {
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

static void send_frame(int fd, int first, const char *text) {
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

static void expect_text(int fd, struct str *received, const char *text) {
  auto_free char *payload = expect_frame(fd, received, 0x81);
  CHECK_TEXT(payload, text);
}

/* Expects a closing frame of the server's. */
static void expect_close(int fd, struct str *received, int code, const char *reason) {
  auto_free char *payload = expect_frame(fd, received, 0x88);
  CHECK_INT((unsigned char)payload[0] << 8 | (unsigned char)payload[1], code);
  CHECK_TEXT(payload + 2, reason);
}

static void send_close(int fd, int code, const char *reason) {
  auto_str payload = STR_EMPTY, bytes = STR_EMPTY;
  str_add_char(&payload, (char)(code >> 8));
  str_add_char(&payload, (char)(code & 0xff));
  str_add(&payload, reason);
  add_frame(&bytes, 0x88, payload.data, payload.len);
  raw_send_bytes(fd, bytes.data, bytes.len);
}

/* --- the handshake ---------------------------------------------------------------------------- */

TEST(handshakes_that_are_refused) {
  /* clang-format off */
  static const struct { const char *headers, *status, *part; } rows[] = {
    { "", "400", "WebSocket requests only" },
    { "Upgrade: h2c\r\nConnection: Upgrade\r\n", "400", "WebSocket requests only" },
    { "Upgrade: websocket\r\n", "400", "WebSocket requests only" },
    { "Upgrade: websocket\r\nConnection: Upgrade\r\n", "400", "Sec-WebSocket-Version: 13" },
    { "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n", "400", "must be 13" },
    { "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", "400", "Sec-WebSocket-Key" },
    { "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n", "400", "Sec-WebSocket-Key" },
    { "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: b\r\n", "400", "must be 'a'" },
  };
  /* clang-format on */
  start();
  plan.options.subprotocol = "a";
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *request =
        str_format("GET /ws HTTP/1.1\r\nHost: localhost\r\n%s\r\n", rows[i].headers);
    auto_free char *answer = raw_ask(port, request, "}");
    CHECK_HAS(answer, rows[i].part);
    CHECK_INT(atoi(answer + strlen("HTTP/1.1 ")), atoi(rows[i].status));
  }
  CHECK(!accepted);
  auto_free char *old = raw_ask(port, "GET /ws HTTP/1.0\r\n" HANDSHAKE "\r\n", "only");
  CHECK_HAS(old, "HTTP/1.1 400");
  CHECK_INT(seen.closed, 0);
  stop();
}

TEST(subprotocols) {
  start();
  plan.options.subprotocol = "graphql-transport-ws";
  auto_free char *answer = raw_ask(port,
                                   "GET /ws HTTP/1.1\r\n" HANDSHAKE "Sec-WebSocket-Protocol: x\r\n"
                                   "Sec-WebSocket-Protocol: y, graphql-transport-ws\r\n\r\n",
                                   "\r\n\r\n");
  CHECK_HAS(answer, "HTTP/1.1 101");
  CHECK_HAS(answer, "Sec-WebSocket-Protocol: graphql-transport-ws\r\n");
  stop();
}

TEST(messages_before_and_with_the_handshake) {
  start();
  plan.greeting = "welcome";
  plan.echo = true;
  auto_str bytes = STR_EMPTY, received = STR_EMPTY;
  str_add(&bytes, "GET /ws HTTP/1.1\r\n" HANDSHAKE "\r\n");
  add_frame(&bytes, 0x81, "eager", 5);
  int fd = raw_connect(port);
  raw_send_bytes(fd, bytes.data, bytes.len);
  raw_expect(fd, &received, "\r\n\r\n", 1);
  str_consume(&received, (size_t)(strstr(received.data, "\r\n\r\n") - received.data) + 4);
  expect_text(fd, &received, "welcome");
  expect_text(fd, &received, "eager");
  close(fd);
  WAIT_FOR(seen.closed);
  stop();
}

TEST(a_client_that_leaves_during_the_handshake) {
  start();
  int fd = raw_connect(port);
  raw_send(fd, "GET /late HTTP/1.1\r\n" HANDSHAKE "\r\n");
  WAIT_FOR(late);
  struct linger reset = {.l_onoff = 1};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(fd); /* with a reset, which shows only when the answer is sent */
  on_request(late, NULL);
  WAIT_FOR(seen.closed);
  CHECK_INT(seen.code, WS_ABNORMAL);
  stop();
}

TEST(an_accept_after_a_while) {
  start();
  plan.greeting = "hello";
  auto_str received = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /late HTTP/1.1\r\n" HANDSHAKE "\r\n");
  WAIT_FOR(late);
  raw_turn();
  on_request(late, NULL);
  raw_expect(fd, &received, "hello", 1);
  close(fd);
  WAIT_FOR(seen.closed);
  stop();
}

/* --- messages --------------------------------------------------------------------------------- */

TEST(echo) {
  start();
  plan.echo = true;
  auto_str received = STR_EMPTY, bytes = STR_EMPTY;
  int fd = open_socket(&received);
  send_frame(fd, 0x81, "grüße");
  expect_text(fd, &received, "grüße");
  send_frame(fd, 0x81, "");
  expect_text(fd, &received, "");
  add_frame(&bytes, 0x82, "\0\xff\1", 3);
  raw_send_bytes(fd, bytes.data, bytes.len);
  auto_free char *binary = expect_frame(fd, &received, 0x82);
  CHECK(memcmp(binary, "\0\xff\1", 3) == 0);
  CHECK_INT(seen.binaries, 1);
  close(fd);
  WAIT_FOR(seen.closed);
  CHECK_INT(seen.code, WS_ABNORMAL);
  CHECK_TEXT(seen.reason, "the peer closed the connection");
  stop();
}

TEST(fragments_with_a_ping_between_them) {
  start();
  plan.echo = true;
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  send_frame(fd, 0x01, "one \xc3"); /* an ä, divided */
  send_frame(fd, 0x89, "ping");
  send_frame(fd, 0x00, "");
  send_frame(fd, 0x00, "\xa4 two");
  auto_free char *pong = expect_frame(fd, &received, 0x8a);
  CHECK_TEXT(pong, "ping");
  CHECK_INT(seen.messages, 0);
  send_frame(fd, 0x80, " three");
  expect_text(fd, &received, "one ä two three");
  close(fd);
  WAIT_FOR(seen.closed);
  stop();
}

TEST(a_message_byte_by_byte) {
  start();
  auto_str received = STR_EMPTY, bytes = STR_EMPTY;
  int fd = open_socket(&received);
  add_frame(&bytes, 0x81, "slow", 4);
  for (size_t i = 0; i < bytes.len; i++) {
    raw_send_bytes(fd, bytes.data + i, 1);
    raw_turn();
  }
  WAIT_FOR(seen.messages == 1);
  CHECK_TEXT(seen.text.data, "slow\n");
  close(fd);
  WAIT_FOR(seen.closed);
  stop();
}

TEST(a_message_of_one_byte_fragments) {
  start();
  auto_str received = STR_EMPTY, bytes = STR_EMPTY;
  int fd = open_socket(&received);
  for (int i = 0; i < MESSAGE_LIMIT; i++)
    add_frame(&bytes, i == 0 ? 0x02 : 0x00, "x", 1);
  add_frame(&bytes, 0x80, "", 0);
  raw_send_bytes(fd, bytes.data, bytes.len);
  WAIT_FOR(seen.messages == 1);
  CHECK_INT(seen.text.len, MESSAGE_LIMIT + 1);
  close(fd);
  WAIT_FOR(seen.closed);
  stop();
}

/* --- what a peer must not do ------------------------------------------------------------------ */

TEST(broken_rules) {
  /* clang-format off */
  static const struct { const char *bytes; size_t len; int code; } rows[] = {
    { "\x81\x81\0\0\0\0\xff",             7, WS_BAD_TEXT },
    { "\x81\x82\0\0\0\0\xc3\x28",         8, WS_BAD_TEXT },
    { "\x81\x81\0\0\0\0\xc3",             7, WS_BAD_TEXT },       /* ends within a character */
    { "\x81\x01x",                        3, WS_PROTOCOL_ERROR }, /* not masked */
    { "\x83\x80\0\0\0\0",                 6, WS_PROTOCOL_ERROR }, /* an opcode that is reserved */
    { "\xc1\x80\0\0\0\0",                 6, WS_PROTOCOL_ERROR }, /* compressed, which was not agreed on */
    { "\x80\x80\0\0\0\0",                 6, WS_PROTOCOL_ERROR }, /* continues nothing */
    { "\x09\x80\0\0\0\0",                 6, WS_PROTOCOL_ERROR }, /* a ping in fragments */
    { "\x89\xfe\0\x7e\0\0\0\0",           8, WS_PROTOCOL_ERROR }, /* a long ping */
    { "\x88\x81\0\0\0\0x",                7, WS_NO_CODE },        /* half a code: wslay is lenient */
    { "\x88\x82\0\0\0\0\x03\xed",         8, WS_PROTOCOL_ERROR }, /* 1005, which is never sent */
    { "\x88\x83\0\0\0\0\x03\xe8\xff",     9, WS_BAD_TEXT },       /* a reason that is not UTF-8 */
    { "\x82\xff\0\0\0\0\0\x01\x86\xa1\0\0\0\0x", 15, WS_TOO_BIG }, /* the limit and one more */
    { "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x", 15, WS_TOO_BIG },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    start();
    auto_str received = STR_EMPTY;
    int fd = open_socket(&received);
    raw_send_bytes(fd, rows[i].bytes, rows[i].len);
    auto_free char *payload = expect_frame(fd, &received, 0x88);
    int code = payload[0] ? (unsigned char)payload[0] << 8 | (unsigned char)payload[1] : 0;
    /* wslay closes without a code where a frame's header is at fault */
    if (code != rows[i].code && code != 0) TAP_FAIL("row %zu: closed with %d", i, code);
    raw_expect_end(fd, &received);
    close(fd);
    WAIT_FOR(seen.closed);
    if (seen.code != rows[i].code) TAP_FAIL("row %zu: on_close was told %d", i, seen.code);
    CHECK_INT(seen.messages, 0);
    stop();
  }
}

TEST(too_large_in_fragments) {
  start();
  auto_str received = STR_EMPTY, bytes = STR_EMPTY;
  int fd = open_socket(&received);
  static char part[60000];
  add_frame(&bytes, 0x02, part, sizeof part);
  add_frame(&bytes, 0x80, part, sizeof part);
  raw_send_bytes(fd, bytes.data, bytes.len);
  expect_close(fd, &received, WS_TOO_BIG, "");
  close(fd);
  WAIT_FOR(seen.closed);
  CHECK_INT(seen.code, WS_TOO_BIG);
  stop();
}

TEST(a_sender_of_too_much_still_gets_the_code) {
  start();
  auto_str received = STR_EMPTY, bytes = STR_EMPTY;
  int fd = open_socket(&received);
  static char part[4000000];
  add_frame(&bytes, 0x82, part, sizeof part);
  raw_send_bytes(fd, bytes.data, bytes.len); /* all of it, before looking */
  expect_close(fd, &received, WS_TOO_BIG, "");
  close(fd);
  WAIT_FOR(seen.closed);
  stop();
}

TEST(a_flood_of_pings_is_not_queued_for) {
  start();
  auto_str received = STR_EMPTY, bytes = STR_EMPTY;
  int fd = open_socket(&received);
  char ping[100] = "";
  for (int i = 0; i < 1000; i++)
    add_frame(&bytes, 0x89, ping, sizeof ping);
  long long sent = 0;
  for (int i = 0; i < 2000; i++) { /* and never a look at the answers */
    ssize_t n = send(fd, bytes.data, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) sent += n;
    /* A frame cut in two is no matter here: what is looked at is memory. */
    raw_turn();
    if (accepted && ws_pending(accepted) > 20000) TAP_FAIL("%zu queued", ws_pending(accepted));
  }
  printf("# %lld KiB of pings taken\n", sent / 1024);
  close(fd);
  WAIT_FOR(seen.closed);
  stop();
}

/* --- closing ---------------------------------------------------------------------------------- */

TEST(the_peer_closes) {
  /* clang-format off */
  static const struct { int code; const char *reason; } rows[] = {
    { 1000, "" }, { 1001, "leaving" }, { 3000, "ünï" }, { 4999, "own" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    start();
    auto_str received = STR_EMPTY;
    int fd = open_socket(&received);
    send_close(fd, rows[i].code, rows[i].reason);
    expect_close(fd, &received, rows[i].code, rows[i].reason);
    raw_expect_end(fd, &received);
    CHECK_INT(seen.closed, 1);
    CHECK_INT(seen.code, rows[i].code);
    CHECK_TEXT(seen.reason, rows[i].reason);
    close(fd);
    stop();
  }
}

TEST(the_peer_closes_without_a_code) {
  start();
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  send_frame(fd, 0x88, "");
  auto_free char *payload = expect_frame(fd, &received, 0x88);
  CHECK_TEXT(payload, "");
  WAIT_FOR(seen.closed);
  CHECK_INT(seen.code, WS_NO_CODE);
  close(fd);
  stop();
}

TEST(the_server_closes_after_what_is_queued) {
  start();
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  ws_send_text(accepted, "last words", 10);
  ws_close(accepted, 4000, "the reason");
  CHECK(!ws_send_text(accepted, "too late", 8));
  ws_close(accepted, 4001, "a second time");
  expect_text(fd, &received, "last words");
  expect_close(fd, &received, 4000, "the reason");
  CHECK_INT(seen.closed, 0); /* the peer's answer is awaited */
  send_frame(fd, 0x81, "not heard any more");
  send_close(fd, 4000, "");
  WAIT_FOR(seen.closed);
  CHECK_INT(seen.code, 4000);
  CHECK_INT(seen.messages, 0);
  raw_expect_end(fd, &received);
  close(fd);
  stop();
}

TEST(closing_right_after_accepting) {
  start();
  plan.greeting = "hi";
  plan.close_at_once = true;
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  expect_text(fd, &received, "hi");
  expect_close(fd, &received, 4001, "enough");
  close(fd);
  WAIT_FOR(seen.closed);
  stop();
}

TEST(a_long_reason_is_cut_between_characters) {
  start();
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  auto_str reason = STR_EMPTY;
  while (reason.len < 200)
    str_add(&reason, "ä");
  ws_close(accepted, 1000, reason.data);
  auto_free char *payload = expect_frame(fd, &received, 0x88);
  CHECK_INT(strlen(payload + 2), 122);
  CHECK(str_is_utf8(payload + 2, 122));
  close(fd);
  WAIT_FOR(seen.closed);
  stop();
}

TEST(a_peer_that_does_not_answer_the_closing_frame) {
  start();
  plan.options.close_timeout_ms = 200;
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  ws_close(accepted, 1000, NULL);
  long long started_ms = tap_now_ms();
  WAIT_FOR(seen.closed);
  CHECK(tap_now_ms() - started_ms >= 190);
  CHECK_INT(seen.code, WS_ABNORMAL);
  CHECK_TEXT(seen.reason, "no answer to the closing frame");
  close(fd);
  stop();
}

TEST(the_server_stops) {
  start();
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  http_server_stop(server);
  CHECK_INT(seen.closed, 1);
  CHECK_INT(seen.code, WS_GOING_AWAY);
  loop_free(raw_loop);
  raw_loop = loop_new(); /* for the reading below */
  expect_close(fd, &received, WS_GOING_AWAY, "");
  loop_free(raw_loop);
  close(fd);
  str_done(&seen.text);
  free(seen.reason);
}

/* --- keeping alive ---------------------------------------------------------------------------- */

TEST(pings) {
  start();
  plan.options.ping_interval_ms = 50;
  plan.options.pong_timeout_ms = 200;
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  for (int i = 0; i < 6; i++) { /* longer than the timeout */
    auto_free char *ping = expect_frame(fd, &received, 0x89);
    send_frame(fd, 0x8a, ping);
  }
  CHECK_INT(seen.closed, 0);
  WAIT_FOR(seen.closed); /* not answered any more */
  CHECK_INT(seen.code, WS_ABNORMAL);
  CHECK_TEXT(seen.reason, "no answer to a ping");
  close(fd);
  stop();
}

/* --- queues ----------------------------------------------------------------------------------- */

TEST(a_producer_that_waits_for_a_slow_reader) {
  enum { BYTES = 32 * 1024 * 1024 };
  start();
  plan.produce_bytes = BYTES;
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  for (int i = 0; i < 20; i++)
    raw_turn();
  CHECK(plan.produce_bytes > 0);
  CHECK(ws_pending(accepted) <= 65536 + 16384);
  size_t total = received.len;
  while (total < BYTES) {
    received.len = 0;
    CHECK(raw_receive(fd, &received));
    total += received.len;
    if (received.len == 0) raw_turn();
  }
  CHECK_INT(plan.produce_bytes, 0);
  CHECK(seen.drained > 10);
  close(fd);
  WAIT_FOR(seen.closed);
  stop();
}

TEST(a_producer_that_does_not_wait) {
  start();
  plan.options.queue_limit = QUEUE_LIMIT;
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  static char block[65536];
  int sent = 0;
  while (ws_send_binary(accepted, block, sizeof block))
    CHECK(++sent < 10000);
  CHECK(ws_pending(accepted) <= QUEUE_LIMIT + 200); /* the closing frame is there, too */
  raw_turn();
  close(fd);
  WAIT_FOR(seen.closed);
  CHECK_INT(seen.code, WS_ABNORMAL);
  CHECK_TEXT(seen.reason, "the peer reads too slowly");
  stop();
}

TEST(pausing) {
  start();
  auto_str received = STR_EMPTY;
  int fd = open_socket(&received);
  ws_pause(accepted, true);
  raw_turn();
  send_frame(fd, 0x81, "held back");
  for (int i = 0; i < 10; i++)
    raw_turn();
  CHECK_INT(seen.messages, 0);
  ws_pause(accepted, false);
  WAIT_FOR(seen.messages == 1);
  ws_pause(accepted, true);
  raw_turn();
  close(fd);
  WAIT_FOR(seen.closed); /* also noticed while paused */
  stop();
}

TEST_MAIN
