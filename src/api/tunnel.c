/* GET /tunnel, a WebSocket (model/streams.h): a TCP connection to a port of a running instance (`tram connect`). */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/websocket.h"
#include "loop/timer.h"
#include "model/streams.h"

enum { TUNNELS_MAX = 500 /* of everybody */, TUNNELS_OF_ONE_MAX = 200 };

struct tunnel {
  struct list link; /* in api->tunnels */
  api *api;
  ws *ws;
  engine_stream *stream;
  timer *input_watch; /* runs while what the client sends is held back */
  timer *access_watch;
  struct caller caller;
  char environment_id[ID_SIZE];
  bool held;
};

static void tunnel_free(struct tunnel *t) {
  if (t->stream) engine_stream_close(t->stream);
  timer_stop(t->input_watch);
  timer_stop(t->access_watch);
  list_remove(&t->link);
  free(t);
}

static void on_data(void *arg, const char *data, size_t len) {
  struct tunnel *t = arg;
  if (!t->ws) return;
  ws_send_binary(t->ws, data, len);
  if (ws_pending(t->ws) <= STREAM_HOLD_BYTES || t->held) return;
  t->held = true;
  engine_stream_pause(t->stream, true);
}

static void on_drained(void *arg) {
  struct tunnel *t = arg;
  if (t->held && t->stream) engine_stream_pause(t->stream, false);
  t->held = false;
}

static void on_end(void *arg, err *e) {
  struct tunnel *t = arg;
  t->stream = NULL;
  if (t->ws && e) {
    auto_json *message = json_pack("{s:s}", "error", err_message(e));
    auto_free char *text = json_to_text(message);
    ws_send_text(t->ws, text, strlen(text));
  }
  if (t->ws) ws_close(t->ws, WS_NORMAL, NULL); /* on_close frees */
  err_free(e);
}

/* Queue "tunnel input": what the instance has not taken yet.  Bound: STREAM_QUEUE_BYTES and one message.
 * Policy: beyond it nothing more is read from the client until the instance has caught up. */
static void look_at_input(void *arg) {
  struct tunnel *t = arg;
  if (t->stream && engine_stream_pending(t->stream) > STREAM_QUEUE_BYTES) return;
  timer_stop(t->input_watch);
  t->input_watch = NULL;
  if (t->ws) ws_pause(t->ws, false);
}

static void on_message(void *arg, bool is_text, const char *data, size_t len) {
  struct tunnel *t = arg;
  if (is_text || !t->stream) return;
  if (len)
    engine_stream_write(t->stream, data, len);
  else
    engine_stream_shut(t->stream);
  if (t->input_watch || engine_stream_pending(t->stream) <= STREAM_QUEUE_BYTES) return;
  ws_pause(t->ws, true);
  t->input_watch = timer_start(t->api->parts.loop, STREAM_INPUT_LOOK_MS, STREAM_INPUT_LOOK_MS, look_at_input, t);
}

static void on_close(void *arg, int code, const char *reason) {
  (void)code, (void)reason;
  tunnel_free(arg);
}

static void look_at_access(void *arg) {
  struct tunnel *t = arg;
  if (exec_may_stay(t->api, &t->caller, t->environment_id)) return;
  if (t->ws) ws_close(t->ws, WS_POLICY, "you may not be here any more"); /* on_close ends the connection */
}

static err *read_port(const http_request *r, int *ret_port) {
  const char *text = http_query(r, "port");
  long long port;
  if (!text || !str_to_int(text, 1, 65535, &port)) return err_new(ERR_INVALID, "'port' must be 1 to 65535");
  *ret_port = (int)port;
  return NULL;
}

/* So that nobody keeps all others from theirs. */
static err *check_count(api *a, const struct tunnel *t) {
  int all = 0, own = 0;
  LIST_FOREACH(other, &a->tunnels, struct tunnel, link) {
    all++;
    own += str_eq(other->caller.user_id, t->caller.user_id) && str_eq(other->caller.project_id, t->caller.project_id);
  }
  if (own > TUNNELS_OF_ONE_MAX) return err_new(ERR_LIMIT, "you have %d tunnels already", TUNNELS_OF_ONE_MAX);
  return all > TUNNELS_MAX ? err_new(ERR_LIMIT, "there are %d tunnels already", TUNNELS_MAX) : NULL;
}

static err *check(api *a, http_request *r, struct tunnel *t, int *ret_port, struct deployment *d, char **ret_instance) {
  int replica = -1;
  TRY(auth_caller(a, r, &t->caller));
  TRY(exec_find_deployment(a, r, &t->caller, d, &replica));
  TRY(read_port(r, ret_port));
  TRY(core_running_instance(a->parts.core, d->id, replica, ret_instance));
  TRY(check_count(a, t));
  if (!ws_offers(r, TUNNEL_PROTOCOL))
    return err_new(ERR_INVALID, "open a WebSocket with the subprotocol " TUNNEL_PROTOCOL);
  return audit_accepted(a, &t->caller, "tunnel", d->environment_id,
                        json_pack("{s:s, s:s, s:i}", "deploymentId", d->id, "serviceId", d->service_id, "port", *ret_port));
}

static err *open_tunnel(struct tunnel *t, http_request *r) {
  api *a = t->api;
  auto_deployment d = {0};
  auto_free char *instance_id = NULL;
  int port = 0;
  TRY(check(a, r, t, &port, &d, &instance_id));
  id_copy(t->environment_id, d.environment_id);
  struct dial_options dial = {.instance_id = instance_id, .port = (uint16_t)port, .on_data = on_data, .on_end = on_end, .arg = t};
  struct ws_options options = {.subprotocol = TUNNEL_PROTOCOL, .on_message = on_message, .on_drained = on_drained,
                               .on_close = on_close, .arg = t};
  TRY(engine_dial(a->parts.engine, &dial, &t->stream));
  return ws_accept(r, &options, &t->ws);
}

void handle_tunnel(http_request *r, void *api_) {
  struct tunnel *t = mem_zalloc(sizeof *t);
  t->api = api_;
  list_push(&t->api->tunnels, &t->link);
  err *e = open_tunnel(t, r);
  if (e) {
    http_respond_err(r, e);
    tunnel_free(t);
    return;
  }
  t->access_watch = timer_start(t->api->parts.loop, STREAM_ACCESS_LOOK_MS, STREAM_ACCESS_LOOK_MS, look_at_access, t);
}
