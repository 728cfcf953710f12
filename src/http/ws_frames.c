#include "http/ws_frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/mem.h"
#include "base/secret.h"
#include "http/websocket.h"

struct ws_frames {
  wslay_event_context_ptr wslay;
  const struct ws_frames_owner *owner;
  void *arg;
  size_t message_limit;
  struct str message; /* the fragments so far */
  bool in_control_frame, broken;
  int peer_code;
  char *peer_reason;
};

/* --- wslay's callbacks ------------------------------------------------------------------------ */

static ssize_t fail_io(ws_frames *f, int number) {
  f->broken |= number != EAGAIN && number != EINTR;
  wslay_event_set_error(f->wslay, f->broken ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
  return -1;
}

static ssize_t on_recv(wslay_event_context_ptr wslay, uint8_t *buffer, size_t size, int flags,
                       void *arg) {
  (void)wslay;
  (void)flags;
  ws_frames *f = arg;
  ssize_t n = f->owner->recv(f->arg, buffer, size);
  return n > 0 ? n : fail_io(f, n == 0 ? ECONNRESET : errno);
}

static ssize_t on_send(wslay_event_context_ptr wslay, const uint8_t *data, size_t len, int flags,
                       void *arg) {
  (void)wslay;
  ws_frames *f = arg;
  ssize_t n = f->owner->send(f->arg, data, len, flags & WSLAY_MSG_MORE);
  return n >= 0 ? n : fail_io(f, errno);
}

static int on_mask(wslay_event_context_ptr wslay, uint8_t *buffer, size_t size, void *arg) {
  (void)wslay;
  (void)arg;
  secret_random(buffer, size);
  return 0;
}

static void on_frame_start(wslay_event_context_ptr wslay,
                           const struct wslay_event_on_frame_recv_start_arg *frame, void *arg) {
  ws_frames *f = arg;
  f->in_control_frame = wslay_is_ctrl_frame(frame->opcode);
  if (f->in_control_frame || f->message.len + frame->payload_length <= f->message_limit) return;
  (void)ws_frames_queue_close(f, WS_TOO_BIG, NULL);
  wslay_event_shutdown_read(wslay);
}

/* Messages are put together here and not by wslay, whose list of fragments costs a hundred times a
 * message of one-byte fragments. */
static void on_frame_chunk(wslay_event_context_ptr wslay,
                           const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *arg) {
  ws_frames *f = arg;
  if (!f->in_control_frame && wslay_event_want_read(wslay))
    str_add_bytes(&f->message, chunk->data, chunk->data_length);
}

static void note_close(ws_frames *f, const struct wslay_event_on_msg_recv_arg *message) {
  f->peer_code = message->status_code ? message->status_code : WS_NO_CODE;
  if (message->msg_length > 2)
    f->peer_reason = str_ndup((const char *)message->msg + 2, message->msg_length - 2);
}

static void on_message(wslay_event_context_ptr wslay,
                       const struct wslay_event_on_msg_recv_arg *message, void *arg) {
  ws_frames *f = arg;
  if (message->opcode == WSLAY_CONNECTION_CLOSE) note_close(f, message);
  if (message->opcode == WSLAY_PING && f->owner->on_ping) f->owner->on_ping(f->arg);
  if (wslay_is_ctrl_frame(message->opcode) || !wslay_event_want_read(wslay)) return;
  f->owner->on_message(f->arg, message->opcode == WSLAY_TEXT_FRAME, &f->message);
  str_done(&f->message); /* an idle socket holds no memory for its largest message */
}

/* --- the frames ------------------------------------------------------------------------------- */

ws_frames *ws_frames_new(enum ws_frames_side side, size_t message_limit,
                         const struct ws_frames_owner *owner, void *arg) {
  static const struct wslay_event_callbacks callbacks = {
      .recv_callback = on_recv,
      .send_callback = on_send,
      .genmask_callback = on_mask,
      .on_frame_recv_start_callback = on_frame_start,
      .on_frame_recv_chunk_callback = on_frame_chunk,
      .on_msg_recv_callback = on_message,
  };
  ws_frames *f = mem_zalloc(sizeof *f);
  f->owner = owner;
  f->arg = arg;
  f->message_limit = message_limit;
  int failed = side == WS_FRAMES_SERVER ? wslay_event_context_server_init(&f->wslay, &callbacks, f)
                                        : wslay_event_context_client_init(&f->wslay, &callbacks, f);
  if (failed) abort(); /* out of memory */
  wslay_event_config_set_no_buffering(f->wslay, 1);
  return f;
}

void ws_frames_free(ws_frames *f) {
  if (!f) return;
  wslay_event_context_free(f->wslay);
  str_done(&f->message);
  free(f->peer_reason);
  free(f);
}

void ws_frames_receive(ws_frames *f) {
  (void)wslay_event_recv(f->wslay); /* a failure shows as `broken` or as a queued closing frame */
}

void ws_frames_send(ws_frames *f) {
  if (wslay_event_send(f->wslay) != 0) f->broken = true;
}

bool ws_frames_broken(const ws_frames *f) {
  return f->broken;
}

bool ws_frames_want_read(const ws_frames *f) {
  return wslay_event_want_read(f->wslay);
}

bool ws_frames_want_write(const ws_frames *f) {
  return wslay_event_want_write(f->wslay);
}

size_t ws_frames_pending(const ws_frames *f) {
  return wslay_event_get_queued_msg_length(f->wslay);
}

static bool queue(ws_frames *f, int opcode, const void *data, size_t len) {
  const struct wslay_event_msg message = {(uint8_t)opcode, data, len};
  return wslay_event_queue_msg(f->wslay, &message) == 0;
}

bool ws_frames_queue(ws_frames *f, bool is_text, const void *data, size_t len) {
  return queue(f, is_text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, data, len);
}

bool ws_frames_queue_ping(ws_frames *f) {
  return queue(f, WSLAY_PING, NULL, 0);
}

bool ws_frames_queue_close(ws_frames *f, int code, const char *reason) {
  return wslay_event_queue_close(f->wslay, (uint16_t)code, (const uint8_t *)reason,
                                 reason ? strlen(reason) : 0) == 0;
}

bool ws_frames_close_sent(const ws_frames *f) {
  return wslay_event_get_close_sent(f->wslay);
}

int ws_frames_sent_code(const ws_frames *f) {
  int code = wslay_event_get_status_code_sent(f->wslay);
  return code == WS_NO_CODE ? WS_PROTOCOL_ERROR : code;
}

int ws_frames_peer_code(const ws_frames *f) {
  return f->peer_code;
}

const char *ws_frames_peer_reason(const ws_frames *f) {
  return f->peer_reason ? f->peer_reason : "";
}
