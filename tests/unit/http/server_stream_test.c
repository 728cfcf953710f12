/* Answers that take their time. */
#include "server_fixture.h"

/* --- late answers ----------------------------------------------------------------------------- */

TEST(a_late_answer) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /late HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n");
  WAIT_FOR(seen.waiting);
  raw_turn();
  CHECK(raw_receive(fd, &answer) && answer.len == 0);
  http_respond_text(seen.waiting, 200, "at last");
  raw_expect(fd, &answer, "hello", 1);
  CHECK_HAS(answer.data, "at last");
  CHECK_INT(seen.aborted, 0);
  close(fd);
  stop();
}

TEST(a_client_that_does_not_wait_for_a_late_answer) {
  start();
  int fd = raw_connect(port);
  raw_send(fd, "GET /late HTTP/1.1\r\n" HOST "X-Keep: 1\r\n\r\n");
  WAIT_FOR(seen.waiting);
  raw_turn();
  close(fd);
  WAIT_FOR(seen.aborted == 1);
  raw_turn();
  CHECK_INT(seen.aborted, 1);
  stop();
}

TEST(stopping_aborts_late_answers) {
  start();
  int fd = raw_connect(port), other = raw_connect(port);
  raw_send(fd, "GET /late HTTP/1.1\r\n" HOST "\r\n");
  WAIT_FOR(seen.waiting);
  seen.waiting = NULL;
  raw_send(other, "GET /late HTTP/1.1\r\n" HOST "\r\n");
  WAIT_FOR(seen.waiting);
  http_server_stop(server);
  CHECK_INT(seen.aborted, 2);
  loop_free(raw_loop);
  close(fd);
  close(other);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void read_slowly(const char *target) {
  auto_str answer = STR_EMPTY;
  auto_free char *request =
      str_format("GET %s HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", target);
  int fd = raw_connect(port);
  raw_send(fd, request);
  int64_t before_turn = -1;
  while (seen.produced != before_turn ||
         seen.produced == 0) { /* until the kernel's buffers are full */
    before_turn = seen.produced;
    for (int i = 0; i < 10; i++)
      raw_turn();
  }
  printf("# %lld KiB produced for a reader that does not read\n", (long long)seen.produced / 1024);
  CHECK(seen.produced < STREAM_BYTES);
  CHECK_INT(seen.streams_ended, 0);
  raw_expect_end(fd, &answer);
  CHECK(answer.len > STREAM_BYTES);
  CHECK_INT(seen.streams_ended, 1);
  CHECK_INT(seen.stream_complete, true);
  close(fd);
}

TEST(a_slow_reader_is_not_produced_for) {
  start();
  read_slowly("/much");
  stop();
}

TEST(a_slow_reader_of_a_known_length) {
  start();
  read_slowly("/known");
  stop();
}

TEST(a_stream_waits_and_wakes) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /wait HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answer, "event-stream", 1);
  for (int i = 0; i < 3; i++) {
    raw_turn();
    snprintf(seen.chunk, sizeof seen.chunk, "event %d\n", i);
    http_stream_wake(seen.waiting);
    http_stream_wake(seen.waiting); /* harmless */
    raw_expect(fd, &answer, "event", i + 2);
  }
  strcpy(seen.chunk, "end");
  http_stream_wake(seen.waiting);
  raw_send(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n"); /* the connection stays */
  raw_expect(fd, &answer, "hello", 1);
  CHECK_HAS(answer.data, "\r\n0\r\n\r\nHTTP/1.1 200");
  CHECK_INT(seen.stream_complete, true);
  close(fd);
  stop();
}

TEST(a_stream_ends_when_its_client_goes_away) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /wait HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answer, "event-stream", 1);
  raw_turn();
  close(fd);
  WAIT_FOR(seen.streams_ended == 1);
  CHECK_INT(seen.stream_complete, false);
  stop();
}

TEST(a_stream_ends_when_the_server_stops) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "GET /wait HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answer, "event-stream", 1);
  http_server_stop(server);
  CHECK_INT(seen.streams_ended, 1);
  CHECK_INT(seen.stream_complete, false);
  loop_free(raw_loop);
  close(fd);
}

TEST(a_broken_stream_shows) {
  static const char *const targets[] = {"/wait", "/short"};
  static const char *const ends[] = {"fail", "end"};
  for (int i = 0; i < 2; i++) {
    start();
    auto_str answer = STR_EMPTY;
    auto_free char *request = str_format("GET %s HTTP/1.1\r\n" HOST "\r\n", targets[i]);
    int fd = raw_connect(port);
    raw_send(fd, request);
    raw_expect(fd, &answer, "\r\n\r\n", 1);
    strcpy(seen.chunk, ends[i]);
    http_stream_wake(seen.waiting);
    raw_expect_end(fd, &answer);
    CHECK(!strstr(answer.data, "\r\n0\r\n\r\n"));
    CHECK_INT(seen.streams_ended, 1);
    CHECK_INT(seen.stream_complete, false);
    close(fd);
    stop();
  }
}

TEST(head_of_a_stream) {
  start();
  auto_str answers = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "HEAD /known HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n");
  raw_expect(fd, &answers, "hello", 1);
  CHECK_HAS(answers.data, "Content-Length: 12582912\r\n");
  CHECK_INT(seen.produced, 0);
  CHECK_INT(seen.streams_ended, 1);
  close(fd);
  stop();
}

TEST_MAIN
