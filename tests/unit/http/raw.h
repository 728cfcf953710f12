/* For the tests of http/: a client that is nothing but a socket, in the same thread as the loop
 * that serves it.  Every wait turns the loop and has a deadline. */
#ifndef TRAMWAY_TESTS_HTTP_RAW_H
#define TRAMWAY_TESTS_HTTP_RAW_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "loop/loop.h"
#include "tap.h"

enum { RAW_DEADLINE_MS = 10000 };

static loop *raw_loop;

/* One turn of the loop, after at most 5 ms.  (loop_turn's limit is a timer; where that is due
 * before the turn begins, the turn waits for whatever comes next.) */
static inline void raw_turn(void) {
  uv_loop_t *uv = loop_uv(raw_loop);
  uv_update_time(uv);
  int next_ms = uv_backend_timeout(uv);
  struct pollfd ready = {.fd = uv_backend_fd(uv), .events = POLLIN};
  poll(&ready, 1, next_ms >= 0 && next_ms < 5 ? next_ms : 5);
  uv_run(uv, UV_RUN_NOWAIT);
}

#define WAIT_FOR(condition) TAP_WAIT_FOR(condition, RAW_DEADLINE_MS, raw_turn())

/* A non-blocking socket, connected to 127.0.0.1:port. */
static inline int raw_connect(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    TAP_FAIL("connect: %s", strerror(errno));
  return fd;
}

static inline void raw_send_bytes(int fd, const void *data, size_t len) {
  const char *rest = data;
  long long end_ms = tap_now_ms() + RAW_DEADLINE_MS;
  while (len > 0) {
    ssize_t n = send(fd, rest, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) return; /* cut off; what was answered tells */
    if (n > 0) rest += n, len -= (size_t)n;
    if (n < 0) raw_turn();
    if (tap_now_ms() > end_ms) TAP_FAIL("the server does not take what is sent");
  }
}

static inline void raw_send(int fd, const char *text) {
  raw_send_bytes(fd, text, strlen(text));
}

/* Appends what is there; false at the end of the connection. */
static inline bool raw_receive(int fd, struct str *into) {
  char buffer[65536];
  ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n > 0) str_add_bytes(into, buffer, (size_t)n);
  return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Reads until `part` has come `count` times. */
static inline void raw_expect(int fd, struct str *into, const char *part, int count) {
  long long end_ms = tap_now_ms() + RAW_DEADLINE_MS;
  for (;;) {
    bool open = raw_receive(fd, into);
    int found = 0;
    for (const char *p = str_text(into); (p = strstr(p, part)); p++)
      found++;
    if (found >= count) return;
    if (!open) TAP_FAIL("closed without '%s':\n# %.400s", part, str_text(into));
    if (tap_now_ms() > end_ms) TAP_FAIL("no '%s' in time:\n# %.400s", part, str_text(into));
    raw_turn();
  }
}

/* Reads until the server closes. */
static inline void raw_expect_end(int fd, struct str *into) {
  long long end_ms = tap_now_ms() + RAW_DEADLINE_MS;
  while (raw_receive(fd, into)) {
    if (tap_now_ms() > end_ms) TAP_FAIL("not closed in time:\n# %.400s", str_text(into));
    raw_turn();
  }
}

/* One request on a connection of its own; the answer is the caller's. */
static inline char *raw_ask(int port, const char *request, const char *until) {
  struct str answer;
  str_init(&answer);
  int fd = raw_connect(port);
  raw_send(fd, request);
  raw_expect(fd, &answer, until, 1);
  close(fd);
  return str_take(&answer);
}

#endif
