#include "http/ws_sync.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/websocket.h"
#include "http/ws_frames.h"
#include "http/ws_link.h"

enum {
  SEND_TIMEOUT_MS = 30000,
  GOODBYE_TIMEOUT_MS = 1000,
  MESSAGE_LIMIT = 16 * 1024 * 1024,
  INBOX_LIMIT = 4 * 1024 * 1024, /* bytes that may come while we send; beyond, reading waits */
};

/* A received message that nobody has asked for yet. */
struct inbox_message {
  struct inbox_message *next;
  bool is_text;
  struct str data;
};

struct ws_sync {
  struct ws_link link;
  ws_frames *frames;
  struct inbox_message *inbox, **inbox_end;
  size_t inbox_bytes;
  bool sending;          /* receive into the inbox, too, lest both ends wait for each other */
  bool extra_fd_is_next; /* it and messages take turns, lest a flood of these bury ^C */
};

/* --- what the frames ask for ------------------------------------------------------------------ */

/* One message at a time, but for what comes while we send. */
static bool may_receive(const ws_sync *s) {
  return !s->inbox || (s->sending && s->inbox_bytes < INBOX_LIMIT);
}

static ssize_t on_recv(void *arg, void *buffer, size_t size) {
  ws_sync *s = arg;
  struct str *early = &s->link.early;
  if (early->len > 0) {
    size_t n = early->len < size ? early->len : size;
    memcpy(buffer, early->data, n);
    str_consume(early, n);
    return (ssize_t)n;
  }
  if (may_receive(s)) return ws_link_recv(&s->link, buffer, size);
  errno = EAGAIN;
  return -1;
}

static ssize_t on_send(void *arg, const void *data, size_t len, bool more) {
  (void)more;
  ws_sync *s = arg;
  return ws_link_send(&s->link, data, len);
}

static void on_message(void *arg, bool is_text, struct str *message) {
  ws_sync *s = arg;
  struct inbox_message *item = mem_zalloc(sizeof *item);
  if (!message->data) str_init(message);
  item->is_text = is_text;
  item->data = *message;
  *message = STR_EMPTY;
  s->inbox_bytes += item->data.len;
  *s->inbox_end = item;
  s->inbox_end = &item->next;
}

static const struct ws_frames_owner frames_owner = {
    .recv = on_recv, .send = on_send, .on_message = on_message};

/* --- opening and closing ---------------------------------------------------------------------- */

err *ws_sync_connect(const struct ws_sync_options *options, ws_sync **ret_socket) {
  ws_sync *s = mem_zalloc(sizeof *s);
  s->inbox_end = &s->inbox;
  err *e = ws_link_open(&s->link, options);
  if (e) {
    ws_link_close(&s->link);
    free(s);
    return e;
  }
  size_t limit = options->message_limit ? options->message_limit : MESSAGE_LIMIT;
  s->frames = ws_frames_new(WS_FRAMES_CLIENT, limit, &frames_owner, s);
  *ret_socket = s;
  return NULL;
}

int ws_sync_close_code(const ws_sync *s) {
  int code = ws_frames_peer_code(s->frames);
  return code ? code : WS_ABNORMAL;
}

const char *ws_sync_close_reason(const ws_sync *s) {
  return ws_frames_peer_reason(s->frames);
}

/* Takes the first message out of the inbox; false when there is none. */
static bool take_message(ws_sync *s, struct str *ret_message, bool *ret_is_text) {
  struct inbox_message *first = s->inbox;
  if (!first) return false;
  s->inbox = first->next;
  if (!s->inbox) s->inbox_end = &s->inbox;
  s->inbox_bytes -= first->data.len;
  str_done(ret_message);
  *ret_message = first->data;
  *ret_is_text = first->is_text;
  free(first);
  return true;
}

/* Receives and sends what is possible now. */
static void exchange(ws_sync *s) {
  ws_frames_receive(s->frames);
  ws_frames_send(s->frames);
}

static bool is_over(const ws_sync *s) {
  return ws_frames_broken(s->frames) ||
         (!ws_frames_want_read(s->frames) && !ws_frames_want_write(s->frames));
}

static short wanted_events(const ws_sync *s) {
  bool read = ws_frames_want_read(s->frames) && may_receive(s);
  return (short)((read ? POLLIN : 0) | (ws_frames_want_write(s->frames) ? POLLOUT : 0));
}

static void say_goodbye(ws_sync *s, int code) {
  int64_t deadline_ms = clock_monotonic_ms() + GOODBYE_TIMEOUT_MS;
  (void)ws_frames_queue_close(s->frames, code, NULL);
  s->sending = true;
  for (;;) {
    exchange(s);
    int64_t left_ms = deadline_ms - clock_monotonic_ms();
    bool extra;
    if (is_over(s) || left_ms <= 0) return;
    (void)ws_link_wait(&s->link, wanted_events(s), -1, left_ms, &extra);
  }
}

void ws_sync_free(ws_sync *s, int code) {
  if (!s) return;
  if (!is_over(s)) say_goodbye(s, code);
  auto_str message = STR_EMPTY;
  bool is_text;
  while (take_message(s, &message, &is_text))
    continue;
  ws_frames_free(s->frames);
  ws_link_close(&s->link);
  free(s);
}

/* --- sending ---------------------------------------------------------------------------------- */

static err *flush(ws_sync *s) {
  int64_t deadline_ms = clock_monotonic_ms() + SEND_TIMEOUT_MS;
  for (;;) {
    exchange(s);
    if (ws_frames_broken(s->frames)) return err_new(ERR_IO, "the server closed the connection");
    if (!ws_frames_want_write(s->frames)) return NULL;
    int64_t left_ms = deadline_ms - clock_monotonic_ms();
    bool extra;
    if (left_ms <= 0) return err_new(ERR_BUSY, "the server does not take what is sent");
    (void)ws_link_wait(&s->link, wanted_events(s), -1, left_ms, &extra);
  }
}

static err *send_message(ws_sync *s, bool is_text, const void *data, size_t len) {
  if (is_over(s) || !ws_frames_queue(s->frames, is_text, data, len))
    return err_new(ERR_IO, "the server closed the connection");
  s->sending = true;
  err *e = flush(s);
  s->sending = false;
  return e;
}

err *ws_sync_send_text(ws_sync *s, const char *text, size_t len) {
  return send_message(s, true, text, len);
}

err *ws_sync_send_binary(ws_sync *s, const void *data, size_t len) {
  return send_message(s, false, data, len);
}

/* --- receiving -------------------------------------------------------------------------------- */

/* What there is to tell without waiting; WS_SYNC_TIMEOUT for nothing. */
static enum ws_sync_event look(ws_sync *s, int extra_fd, struct str *ret_message,
                               bool *ret_is_text) {
  bool extra = false;
  exchange(s);
  if (s->extra_fd_is_next && extra_fd >= 0) ws_link_wait(&s->link, 0, extra_fd, 0, &extra);
  s->extra_fd_is_next = false;
  if (extra) return WS_SYNC_READABLE;
  if (!take_message(s, ret_message, ret_is_text))
    return is_over(s) ? WS_SYNC_CLOSED : WS_SYNC_TIMEOUT;
  s->extra_fd_is_next = true;
  return WS_SYNC_MESSAGE;
}

err *ws_sync_receive(ws_sync *s, int64_t timeout_ms, int extra_fd, enum ws_sync_event *ret_event,
                     struct str *ret_message, bool *ret_is_text) {
  int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
  for (;;) {
    *ret_event = look(s, extra_fd, ret_message, ret_is_text);
    if (*ret_event != WS_SYNC_TIMEOUT) return NULL;
    int64_t left_ms = timeout_ms < 0 ? -1 : deadline_ms - clock_monotonic_ms();
    if (timeout_ms >= 0 && left_ms <= 0) return NULL;
    bool extra;
    int count = ws_link_wait(&s->link, wanted_events(s), extra_fd, left_ms, &extra);
    if (count < 0 && errno != EINTR) return err_errno(errno, "waiting for the server");
    if (!extra) continue;
    *ret_event = WS_SYNC_READABLE;
    return NULL;
  }
}
