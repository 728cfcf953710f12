/* Shaking hands, messages, and what a peer must not do. */
#include "websocket_fixture.h"

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

TEST_MAIN
