/* Closing, keeping alive, and slow readers. */
#include "websocket_fixture.h"

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
