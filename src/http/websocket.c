#include "http/websocket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "http/internal.h"
#include "http/ws_frames.h"
#include "http/ws_handshake.h"
#include "loop/timer.h"

enum {
  MESSAGE_LIMIT = 1024 * 1024,
  QUEUE_LIMIT = 4 * 1024 * 1024,
  PING_INTERVAL_MS = 30000,
  PONG_TIMEOUT_MS = 20000,
  CLOSE_TIMEOUT_MS = 5000,
  READ_PER_TURN = 256 * 1024, /* so that one busy peer does not hold up the others */
  PINGS_UNANSWERED = 64,      /* an answer to each is queued; beyond, nothing more is read */
  REASON_MAX = 123,           /* RFC 6455 section 5.5 */
};

/* A socket's end has three steps: a closing frame is queued (wanted by us, or by the frames for
 * what the peer did), it is sent and the peer's own or its EOF is waited for (`lingering`; what it
 * still sends is thrown away), and `end` tells the owner.  Everything but receiving happens in
 * `settle`, once at the end of a turn in which something changed. */
struct ws {
  http_server *server;
  struct list link;
  struct ws_options options;
  ws_frames *frames;
  struct MHD_UpgradeResponseHandle *upgrade; /* owns the descriptor; NULL before the upgrade */
  int fd;
  uv_poll_t poll;
  struct str early; /* what libmicrohttpd had read beyond the request */
  size_t read_budget;
  int pings; /* received since everything queued was sent */
  timer *ping_timer, *pong_deadline, *close_deadline;
  bool close_wanted, lingering, broken, ended;
  int close_code; /* to be sent */
  char *close_reason;
  const char *final_reason; /* what on_close is told when the peer gave none */
  bool paused, had_pending, settle_deferred;
  int refs; /* the poll handle, a deferred settle, and until its end the socket itself */
};

static void ws_unref(ws *s) {
  if (--s->refs > 0) return;
  ws_frames_free(s->frames);
  str_done(&s->early);
  free(s->close_reason);
  free(s);
}

/* --- what the frames ask for ------------------------------------------------------------------ */

static ssize_t on_recv(void *arg, void *buffer, size_t size) {
  ws *s = arg;
  if (s->read_budget == 0 || s->paused || s->pings > PINGS_UNANSWERED) {
    errno = EAGAIN;
    return -1;
  }
  if (s->early.len > 0) {
    size_t n = s->early.len < size ? s->early.len : size;
    memcpy(buffer, s->early.data, n);
    str_consume(&s->early, n);
    return (ssize_t)n;
  }
  ssize_t n = recv(s->fd, buffer, size < s->read_budget ? size : s->read_budget, 0);
  if (n > 0) s->read_budget -= (size_t)n;
  return n;
}

static ssize_t on_send(void *arg, const void *data, size_t len, bool more) {
  ws *s = arg;
  return send(s->fd, data, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
}

static void on_message(void *arg, bool is_text, struct str *message) {
  ws *s = arg;
  if (s->close_wanted) return;
  s->options.on_message(s->options.arg, is_text, str_text(message), message->len);
}

static void on_ping(void *arg) {
  ws *s = arg;
  s->pings++;
}

static const struct ws_frames_owner frames_owner = {
    .recv = on_recv, .send = on_send, .on_message = on_message, .on_ping = on_ping};

/* --- the end ---------------------------------------------------------------------------------- */

static void on_poll_closed(uv_handle_t *handle) {
  ws_unref(handle->data);
}

static void end(ws *s, int code) {
  s->ended = true;
  list_remove(&s->link);
  timer_stop(s->ping_timer);
  timer_stop(s->pong_deadline);
  timer_stop(s->close_deadline);
  if (s->upgrade) {
    uv_close((uv_handle_t *)&s->poll, on_poll_closed);
    MHD_upgrade_action(s->upgrade, MHD_UPGRADE_ACTION_CLOSE);
    server_pump_soon(s->server);
  }
  bool by_peer = ws_frames_peer_code(s->frames) || !s->final_reason;
  s->options.on_close(s->options.arg, code,
                      by_peer ? ws_frames_peer_reason(s->frames) : s->final_reason);
  ws_unref(s);
}

static int final_code(const ws *s) {
  int peer_code = ws_frames_peer_code(s->frames);
  if (peer_code) return peer_code;
  if (s->close_wanted || !ws_frames_close_sent(s->frames)) return WS_ABNORMAL;
  return ws_frames_sent_code(s->frames); /* the verdict on what the peer did */
}

/* --- reading and writing ---------------------------------------------------------------------- */

static void settle(ws *s);

static void run_settle(void *arg) {
  ws *s = arg;
  s->settle_deferred = false;
  settle(s);
  ws_unref(s);
}

static void settle_later(ws *s) {
  if (s->settle_deferred || !s->upgrade) return; /* the upgrade settles */
  s->settle_deferred = true;
  s->refs++;
  loop_defer(s->server->loop, run_settle, s);
}

static void break_off(ws *s, const char *reason) {
  s->broken = true;
  if (!s->final_reason) s->final_reason = reason;
  settle_later(s);
}

static void on_close_deadline(void *arg) {
  break_off(arg, "no answer to the closing frame");
}

static void on_pong_deadline(void *arg) {
  break_off(arg, "no answer to a ping");
}

static void on_ping_due(void *arg) {
  ws *s = arg;
  if (s->paused) return;
  (void)ws_frames_queue_ping(s->frames); /* refused while closing: then that is awaited */
  if (!s->pong_deadline)
    s->pong_deadline =
        timer_start(s->server->loop, s->options.pong_timeout_ms, 0, on_pong_deadline, s);
  settle_later(s);
}

static void receive(ws *s) {
  s->read_budget = READ_PER_TURN;
  timer_stop(s->pong_deadline);
  s->pong_deadline = NULL;
  ws_frames_receive(s->frames);
  if (ws_frames_broken(s->frames)) break_off(s, "the peer closed the connection");
}

/* Reads and drops what comes after the closing frame, until the peer closes: closing before it
 * would make the kernel reset the connection, and the closing frame could be lost. */
static void discard(ws *s) {
  char waste[16384];
  ssize_t n = recv(s->fd, waste, sizeof waste, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) s->broken = true;
}

static void await_close(ws *s) {
  if (s->close_deadline) return;
  s->close_deadline =
      timer_start(s->server->loop, s->options.close_timeout_ms, 0, on_close_deadline, s);
}

static void queue_close(ws *s) {
  (void)ws_frames_queue_close(s->frames, s->close_code, s->close_reason);
  await_close(s);
}

/* Hands the kernel what it takes, then the closing frame when that is due. */
static void send_queued(ws *s) {
  ws_frames_send(s->frames);
  if (s->close_wanted && ws_pending(s) == 0 && !ws_frames_close_sent(s->frames)) {
    queue_close(s);
    ws_frames_send(s->frames);
  }
  if (ws_frames_broken(s->frames)) break_off(s, "the peer closed the connection");
  if (!ws_frames_want_write(s->frames)) s->pings = 0;
  if (!s->had_pending || ws_pending(s) > 0) return;
  s->had_pending = false;
  if (s->options.on_drained && !s->close_wanted) s->options.on_drained(s->options.arg);
}

static void start_linger(ws *s) {
  s->lingering = true;
  shutdown(s->fd, SHUT_WR);
  await_close(s);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  ws *s = poll->data;
  if (status < 0 || (s->paused && (events & UV_DISCONNECT)))
    break_off(s, "the connection broke");
  else if (s->lingering)
    discard(s);
  else if (events & UV_READABLE)
    receive(s);
  settle(s);
}

static void watch(ws *s) {
  int events = 0;
  bool may_read = ws_frames_want_read(s->frames) && s->pings <= PINGS_UNANSWERED;
  if (ws_frames_want_write(s->frames)) events |= UV_WRITABLE;
  if (s->lingering || (may_read && !s->paused)) events |= UV_READABLE;
  if (s->paused) events |= UV_DISCONNECT;
  uv_poll_start(&s->poll, events, on_poll);
}

static void settle(ws *s) {
  if (s->ended) return;
  if (s->early.len > 0 && !s->paused) receive(s);
  if (!s->broken) send_queued(s);
  bool close_sent = ws_frames_close_sent(s->frames);
  if (s->broken || (close_sent && ws_frames_peer_code(s->frames))) {
    end(s, final_code(s));
    return;
  }
  if (close_sent && !ws_frames_want_read(s->frames) && !s->lingering) start_linger(s);
  watch(s);
}

/* --- the upgrade ------------------------------------------------------------------------------ */

/* The request ended; when it did so without an upgrade, that is the socket's end. */
static void on_request_end(void *arg, bool upgraded) {
  ws *s = arg;
  if (upgraded) return;
  s->final_reason = "the connection broke during the handshake";
  end(s, WS_ABNORMAL);
}

static void on_upgrade(void *arg, struct MHD_Connection *connection, void *request,
                       const char *early, size_t early_len, MHD_socket fd,
                       struct MHD_UpgradeResponseHandle *upgrade) {
  (void)connection;
  ws *s = arg;
  http_request *r = request;
  request_done(r, true); /* frees the descriptor from the request's watcher, too */
  r->upgraded = true;
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on unix sockets, rightly */
  s->fd = fd;
  s->upgrade = upgrade;
  str_add_bytes(&s->early, early, early_len);
  s->poll.data = s;
  s->refs++;
  if (uv_poll_init(loop_uv(s->server->loop), &s->poll, fd) != 0) abort(); /* it is an open socket */
  s->ping_timer = timer_start(s->server->loop, s->options.ping_interval_ms,
                              s->options.ping_interval_ms, on_ping_due, s);
  settle_later(s);
}

static void fill_defaults(struct ws_options *options) {
  if (!options->message_limit) options->message_limit = MESSAGE_LIMIT;
  if (!options->queue_limit) options->queue_limit = QUEUE_LIMIT;
  if (!options->ping_interval_ms) options->ping_interval_ms = PING_INTERVAL_MS;
  if (!options->pong_timeout_ms) options->pong_timeout_ms = PONG_TIMEOUT_MS;
  if (!options->close_timeout_ms) options->close_timeout_ms = CLOSE_TIMEOUT_MS;
  options->subprotocol = NULL; /* the caller's; not needed any more */
}

struct offer {
  const char *subprotocol;
  bool found;
};

static enum MHD_Result look_for_offer(void *arg, enum MHD_ValueKind kind, const char *name,
                                      const char *value) {
  (void)kind;
  struct offer *offer = arg;
  if (str_ieq(name, "Sec-WebSocket-Protocol"))
    offer->found |= ws_handshake_has_token(value, offer->subprotocol, false);
  return MHD_YES;
}

bool ws_offers(const http_request *r, const char *subprotocol) {
  struct offer offer = {.subprotocol = subprotocol};
  MHD_get_connection_values(r->connection, MHD_HEADER_KIND, look_for_offer, &offer);
  return offer.found;
}

bool ws_requested(const http_request *r) {
  return ws_handshake_has_token(http_header(r, "Upgrade"), "websocket", true) &&
         ws_handshake_has_token(http_header(r, "Connection"), "upgrade", true);
}

static err *check_handshake(http_request *r, const char *subprotocol) {
  if (!ws_requested(r) || !r->http_1_1)
    return err_new(ERR_INVALID, "this path answers WebSocket requests only");
  if (!str_eq(http_header(r, "Sec-WebSocket-Version"), "13")) {
    http_add_header(r, "Sec-WebSocket-Version", "13");
    return err_new(ERR_INVALID, "the WebSocket version must be 13");
  }
  if (!ws_handshake_key_valid(http_header(r, "Sec-WebSocket-Key")))
    return err_new(ERR_INVALID, "Sec-WebSocket-Key is not 16 bytes in base64");
  if (subprotocol && !ws_offers(r, subprotocol))
    return err_new(ERR_INVALID, "the WebSocket subprotocol must be '%s'", subprotocol);
  return NULL;
}

err *ws_accept(http_request *r, const struct ws_options *options, ws **ret_socket) {
  TRY(check_handshake(r, options->subprotocol));
  char accept[WS_ACCEPT_SIZE];
  ws_handshake_accept(http_header(r, "Sec-WebSocket-Key"), accept);
  ws *s = mem_zalloc(sizeof *s);
  s->server = r->server;
  s->options = *options;
  fill_defaults(&s->options);
  s->frames = ws_frames_new(WS_FRAMES_SERVER, s->options.message_limit, &frames_owner, s);
  s->refs = 1;
  list_init(&s->link);
  list_push(&r->server->sockets, &s->link);
  const struct http_header headers[] = {
      {"Upgrade", "websocket"},
      {"Sec-WebSocket-Accept", accept},
      {options->subprotocol ? "Sec-WebSocket-Protocol" : NULL, options->subprotocol},
      {0},
  };
  r->streaming = true;
  r->stream_end = on_request_end;
  r->stream_arg = s;
  respond_with(r, 101, headers, MHD_create_response_for_upgrade(on_upgrade, s));
  *ret_socket = s;
  return NULL;
}

/* --- what the owner calls --------------------------------------------------------------------- */

static void give_up_on_slow_peer(ws *s) {
  s->close_wanted = true;
  s->close_code = WS_POLICY;
  str_replace_owned(&s->close_reason, "too slow a reader");
  s->final_reason = "the peer reads too slowly";
  queue_close(s); /* goes before what is queued, which is dropped */
  settle_later(s);
}

static bool queue_message(ws *s, bool is_text, const void *data, size_t len) {
  if (s->ended || s->broken || s->close_wanted) return false;
  if (ws_pending(s) + len > s->options.queue_limit) {
    give_up_on_slow_peer(s);
    return false;
  }
  if (!ws_frames_queue(s->frames, is_text, data, len)) return false;
  s->had_pending = true;
  settle_later(s);
  return true;
}

bool ws_send_text(ws *s, const char *text, size_t len) {
  return queue_message(s, true, text, len);
}

bool ws_send_binary(ws *s, const void *data, size_t len) {
  return queue_message(s, false, data, len);
}

size_t ws_pending(const ws *s) {
  return ws_frames_pending(s->frames);
}

void ws_pause(ws *s, bool paused) {
  if (paused == s->paused || s->close_wanted || s->ended) return;
  s->paused = paused;
  timer_stop(s->pong_deadline);
  s->pong_deadline = NULL;
  settle_later(s);
}

/* At most REASON_MAX bytes of `reason`, cut between characters; NULL when it is not UTF-8. */
static char *close_reason(const char *reason) {
  size_t len = reason ? strlen(reason) : 0;
  if (len == 0 || !str_is_utf8(reason, len)) return NULL;
  if (len > REASON_MAX) len = REASON_MAX;
  while (!str_is_utf8(reason, len))
    len--;
  return str_ndup(reason, len);
}

void ws_close(ws *s, int code, const char *reason) {
  if (s->ended || s->close_wanted) return;
  s->close_wanted = true;
  s->paused = false;
  s->close_code = code;
  s->close_reason = close_reason(reason);
  settle_later(s);
}

void ws_abandon_all(http_server *server) {
  LIST_FOREACH(s, &server->sockets, ws, link) {
    if (!s->upgrade) continue; /* its request is about to end */
    (void)ws_frames_queue_close(s->frames, WS_GOING_AWAY, NULL);
    ws_frames_send(s->frames);
    s->final_reason = "the server stops";
    end(s, WS_GOING_AWAY);
  }
}
