/* Connections to an instance, without one: its address is this machine's. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/local/instance.h"
#include "tap.h"

enum { DEADLINE_MS = 8000 };

static struct local_engine en;
static struct instance inst;
static const struct engine_ops ops = {.dial = local_dial,
                                      .stream_write = local_stream_write,
                                      .stream_pending = local_stream_pending,
                                      .stream_shut = local_stream_shut,
                                      .stream_pause = local_stream_pause,
                                      .stream_close = local_stream_close};

static struct {
  struct str text;
  bool ended;
  char error[200];
} got;

static void set_up(void) {
  static char address[] = "127.0.0.1", id[] = "i";
  en = (struct local_engine){.base = {.ops = &ops}, .loop = loop_new(), .instances = map_new()};
  list_init(&en.streams);
  inst = (struct instance){.id = id, .address = address, .phase = PHASE_RUN};
  map_set(en.instances, "i", &inst);
  str_init(&got.text);
  got.ended = false;
  got.error[0] = '\0';
}

static void tear_down(void) {
  en.closing = true;
  local_stream_close_all(&en);
  while (en.pending) loop_turn(en.loop, 20);
  map_free(en.instances);
  loop_free(en.loop);
  str_done(&got.text);
}

static void on_data(void *arg, const char *data, size_t len) {
  (void)arg;
  str_add_bytes(&got.text, data, len);
}

static void on_end(void *arg, err *e) {
  (void)arg;
  got.ended = true;
  if (e) snprintf(got.error, sizeof got.error, "%s", err_message(e));
  err_free(e);
}

static int listen_here(uint16_t *ret_port) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  socklen_t size = sizeof to;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(fd, (struct sockaddr *)&to, size) == 0 && listen(fd, 8) == 0);
  getsockname(fd, (struct sockaddr *)&to, &size);
  *ret_port = ntohs(to.sin_port);
  return fd;
}

static engine_stream *dial(uint16_t port) {
  engine_stream *s = NULL;
  struct dial_options options = {.instance_id = "i", .port = port, .on_data = on_data, .on_end = on_end};
  CHECK_OK(engine_dial(&en.base, &options, &s));
  return s;
}

#define WAIT(condition) TAP_WAIT_FOR(condition, DEADLINE_MS, loop_turn(en.loop, 10))

TEST(bytes_go_both_ways_until_both_have_said_all) {
  uint16_t port = 0;
  char answer[8] = "";
  set_up();
  int listener = listen_here(&port);
  engine_stream *s = dial(port);
  engine_stream_write(s, "ping", 4); /* it is not connected yet */
  engine_stream_shut(s);
  int fd = accept(listener, NULL, NULL);
  WAIT(recv(fd, answer, 4, MSG_DONTWAIT | MSG_PEEK) == 4);
  CHECK_INT(read(fd, answer, sizeof answer), 4);
  CHECK_TEXT(answer, "ping");
  CHECK_INT(write(fd, "pong", 4), 4);
  WAIT(got.text.len == 4);
  WAIT(recv(fd, answer, 1, MSG_DONTWAIT) == 0);
  CHECK(!got.ended);
  close(fd);
  WAIT(got.ended);
  CHECK_TEXT(got.error, "");
  close(listener);
  tear_down();
}

TEST(what_is_paused_comes_later_and_what_is_closed_never) {
  uint16_t port = 0;
  set_up();
  int listener = listen_here(&port);
  engine_stream *s = dial(port);
  int fd = accept(listener, NULL, NULL);
  CHECK_INT(write(fd, "a", 1), 1);
  WAIT(got.text.len == 1);
  engine_stream_pause(s, true);
  CHECK_INT(write(fd, "b", 1), 1);
  for (int i = 0; i < 5; i++) loop_turn(en.loop, 5);
  CHECK_INT(got.text.len, 1);
  engine_stream_pause(s, false);
  WAIT(got.text.len == 2);
  engine_stream_close(s);
  WAIT(en.pending == 0);
  CHECK(!got.ended);
  close(fd);
  close(listener);
  tear_down();
}

TEST(nobody_there_is_told) {
  uint16_t port = 0;
  set_up();
  close(listen_here(&port));
  dial(port);
  WAIT(got.ended);
  CHECK_HAS(got.error, "connecting to port");
  tear_down();
}

TEST(only_what_runs_is_dialled) {
  engine_stream *s = NULL;
  struct dial_options options = {.instance_id = "nobody", .port = 80, .on_data = on_data, .on_end = on_end};
  set_up();
  CHECK_ERR(engine_dial(&en.base, &options, &s), ERR_NOT_FOUND, "there is no instance 'nobody'");
  options.instance_id = "i";
  inst.phase = PHASE_RUN + 1;
  CHECK_ERR(engine_dial(&en.base, &options, &s), ERR_CONFLICT, "does not run");
  options.port = 0;
  CHECK_ERR(engine_dial(&en.base, &options, &s), ERR_INVALID, "0 is no port");
  tear_down();
}

TEST_MAIN
