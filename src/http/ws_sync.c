#include "http/ws_sync.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "http/websocket.h"
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
  wslay_event_context_ptr frames;
  size_t message_limit;
  struct str message; /* the fragments so far */
  bool in_control_frame;
  struct inbox_message *inbox, **inbox_end;
  size_t inbox_bytes;
  bool sending; /* receive into the inbox, too, lest both ends wait for each other */
  bool broken;
  bool extra_fd_is_next; /* it and messages take turns, lest a flood of these bury ^C */
  int close_code;
  char *close_reason;
};

/* --- wslay's callbacks ------------------------------------------------------------------------ */

static ssize_t fail_io(ws_sync *s) {
  s->broken |= errno != EAGAIN;
  wslay_event_set_error(s->frames, s->broken ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
  return -1;
}

/* One message at a time, but for what comes while we send. */
static bool may_receive(const ws_sync *s) {
  return !s->inbox || (s->sending && s->inbox_bytes < INBOX_LIMIT);
}

static ssize_t on_recv(wslay_event_context_ptr frames, uint8_t *buffer, size_t size, int flags,
                       void *arg) {
  (void)frames;
  (void)flags;
  ws_sync *s = arg;
  struct str *early = &s->link.early;
  if (early->len > 0) {
    size_t n = early->len < size ? early->len : size;
    memcpy(buffer, early->data, n);
    str_consume(early, n);
    return (ssize_t)n;
  }
  if (!may_receive(s)) {
    errno = EAGAIN;
    return fail_io(s);
  }
  ssize_t n = ws_link_recv(&s->link, buffer, size);
  return n >= 0 ? n : fail_io(s);
}

static ssize_t on_send(wslay_event_context_ptr frames, const uint8_t *data, size_t len, int flags,
                       void *arg) {
  (void)frames;
  (void)flags;
  ws_sync *s = arg;
  ssize_t n = ws_link_send(&s->link, data, len);
  return n >= 0 ? n : fail_io(s);
}

static int on_mask(wslay_event_context_ptr frames, uint8_t *buffer, size_t size, void *arg) {
  (void)frames;
  (void)arg;
  secret_random(buffer, size);
  return 0;
}

static void on_frame_start(wslay_event_context_ptr frames,
                           const struct wslay_event_on_frame_recv_start_arg *frame, void *arg) {
  ws_sync *s = arg;
  s->in_control_frame = wslay_is_ctrl_frame(frame->opcode);
  if (s->in_control_frame || s->message.len + frame->payload_length <= s->message_limit) return;
  wslay_event_queue_close(frames, WS_TOO_BIG, NULL, 0);
  wslay_event_shutdown_read(frames);
}

static void on_frame_chunk(wslay_event_context_ptr frames,
                           const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *arg) {
  ws_sync *s = arg;
  if (!s->in_control_frame && wslay_event_want_read(frames))
    str_add_bytes(&s->message, chunk->data, chunk->data_length);
}

static void on_message(wslay_event_context_ptr frames,
                       const struct wslay_event_on_msg_recv_arg *message, void *arg) {
  ws_sync *s = arg;
  if (message->opcode == WSLAY_CONNECTION_CLOSE) {
    s->close_code = message->status_code ? message->status_code : WS_NO_CODE;
    if (message->msg_length > 2)
      s->close_reason = str_ndup((const char *)message->msg + 2, message->msg_length - 2);
  }
  if (wslay_is_ctrl_frame(message->opcode) || !wslay_event_want_read(frames)) return;
  struct inbox_message *item = mem_zalloc(sizeof *item);
  item->is_text = message->opcode == WSLAY_TEXT_FRAME;
  item->data = s->message;
  s->message = STR_EMPTY;
  s->inbox_bytes += item->data.len;
  *s->inbox_end = item;
  s->inbox_end = &item->next;
}

static void start_frames(ws_sync *s) {
  const struct wslay_event_callbacks callbacks = {
      .recv_callback = on_recv,
      .send_callback = on_send,
      .genmask_callback = on_mask,
      .on_frame_recv_start_callback = on_frame_start,
      .on_frame_recv_chunk_callback = on_frame_chunk,
      .on_msg_recv_callback = on_message,
  };
  if (wslay_event_context_client_init(&s->frames, &callbacks, s) != 0) abort(); /* out of memory */
  wslay_event_config_set_no_buffering(s->frames, 1);
}

/* --- opening and closing ---------------------------------------------------------------------- */

err *ws_sync_connect(const struct ws_sync_options *options, ws_sync **ret_socket) {
  ws_sync *s = mem_zalloc(sizeof *s);
  s->inbox_end = &s->inbox;
  s->message_limit = options->message_limit ? options->message_limit : MESSAGE_LIMIT;
  s->close_code = WS_ABNORMAL;
  err *e = ws_link_open(&s->link, options);
  if (e) {
    ws_link_close(&s->link);
    free(s);
    return e;
  }
  start_frames(s);
  *ret_socket = s;
  return NULL;
}

int ws_sync_close_code(const ws_sync *s) {
  return s->close_code;
}

const char *ws_sync_close_reason(const ws_sync *s) {
  return s->close_reason ? s->close_reason : "";
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
  (void)wslay_event_recv(s->frames); /* failures show as `broken` or as a queued closing frame */
  if (wslay_event_send(s->frames) != 0) s->broken = true;
}

static bool is_over(const ws_sync *s) {
  return s->broken || (!wslay_event_want_read(s->frames) && !wslay_event_want_write(s->frames));
}

static short wanted_events(const ws_sync *s) {
  bool read = wslay_event_want_read(s->frames) && may_receive(s);
  return (short)((read ? POLLIN : 0) | (wslay_event_want_write(s->frames) ? POLLOUT : 0));
}

static void say_goodbye(ws_sync *s, int code) {
  int64_t deadline_ms = clock_monotonic_ms() + GOODBYE_TIMEOUT_MS;
  (void)wslay_event_queue_close(s->frames, (uint16_t)code, NULL, 0);
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
  wslay_event_context_free(s->frames);
  str_done(&s->message);
  ws_link_close(&s->link);
  free(s->close_reason);
  free(s);
}

/* --- sending ---------------------------------------------------------------------------------- */

static err *flush(ws_sync *s) {
  int64_t deadline_ms = clock_monotonic_ms() + SEND_TIMEOUT_MS;
  for (;;) {
    exchange(s);
    if (s->broken) return err_new(ERR_IO, "the server closed the connection");
    if (!wslay_event_want_write(s->frames)) return NULL;
    int64_t left_ms = deadline_ms - clock_monotonic_ms();
    bool extra;
    if (left_ms <= 0) return err_new(ERR_BUSY, "the server does not take what is sent");
    (void)ws_link_wait(&s->link, wanted_events(s), -1, left_ms, &extra);
  }
}

static err *send_message(ws_sync *s, int opcode, const void *data, size_t len) {
  const struct wslay_event_msg message = {(uint8_t)opcode, data, len};
  if (s->broken || wslay_event_queue_msg(s->frames, &message) != 0)
    return err_new(ERR_IO, "the server closed the connection");
  s->sending = true;
  err *e = flush(s);
  s->sending = false;
  return e;
}

err *ws_sync_send_text(ws_sync *s, const char *text, size_t len) {
  return send_message(s, WSLAY_TEXT_FRAME, text, len);
}

err *ws_sync_send_binary(ws_sync *s, const void *data, size_t len) {
  return send_message(s, WSLAY_BINARY_FRAME, data, len);
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
    if (count < 0) *ret_event = WS_SYNC_SIGNAL;
    if (extra) *ret_event = WS_SYNC_READABLE;
    if (*ret_event != WS_SYNC_TIMEOUT) return NULL;
  }
}
