/* GraphQL over HTTP and over graphql-transport-ws. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/late.h"
#include "base/mem.h"
#include "graphql/ws.h"
#include "http/websocket.h"
#include "loop/timer.h"

static void respond(http_request *r, int status, json_t *response) {
  http_respond_json(r, status, response);
  json_decref(response);
}

/* A request that is being answered: at once, or when what it asks for is there. */
struct asked {
  http_request *request;
  struct asking asking;
  json_t *body;
};

static void asked_free(struct asked *q) {
  late_free(q->asking.late);
  json_decref(q->body);
  free(q);
}

static void on_gone(void *arg) {
  asked_free(arg);
}

static void execute(void *arg) {
  struct asked *q = arg;
  struct graphql_request request;
  json_t *response = NULL;
  err *e = graphql_request_from_json(q->body, &request);
  if (!e) response = graphql_execute(q->asking.api->schema, &q->asking, &request, &GRAPHQL_LIMITS_DEFAULT);
  if (late_is_waiting(q->asking.late)) {
    json_decref(response);
    http_on_abort(q->request, on_gone, q);
    return;
  }
  if (e)
    respond(q->request, err_code_http_status(err_code_of(e)), graphql_error_response(e));
  else
    respond(q->request, 200, response); /* errors of fields are part of a good answer */
  asked_free(q);
}

static err *read_request(struct asked *q) {
  size_t len;
  const char *text = http_body(q->request, &len);
  TRY(auth_caller(q->asking.api, q->request, &q->asking.caller));
  return json_parse(text, len, "request body", &q->body);
}

void handle_graphql(http_request *r, void *api_) {
  api *a = api_;
  struct asked *q = mem_zalloc(sizeof *q);
  q->request = r;
  q->asking.api = a;
  q->asking.late = late_new(a->late_all, execute, q);
  err *e = read_request(q);
  if (!e) {
    execute(q);
    return;
  }
  int status = err_code_of(e) == ERR_DENIED ? 401 : err_code_http_status(err_code_of(e));
  respond(r, status, graphql_error_response(e));
  asked_free(q);
}

/* ---- WebSocket ---- */

enum { SEND_AHEAD_BYTES = 256 * 1024 }; /* pulled from sources no further ahead of the client */

struct socket {
  struct asking asking;
  ws *ws;
  graphql_ws *protocol;
  timer *init_deadline;
  bool pump_due, closing, counted;
};

static void pump(void *arg) {
  struct socket *s = arg;
  s->pump_due = false;
  if (!s->ws || s->closing) return;
  while (ws_pending(s->ws) < SEND_AHEAD_BYTES) {
    auto_free char *message = graphql_ws_next(s->protocol);
    if (!message) break;
    if (!ws_send_text(s->ws, message, strlen(message))) break;
  }
  ws_pause(s->ws, !graphql_ws_has_room(s->protocol));
  const char *reason = NULL;
  enum graphql_ws_close_code code = graphql_ws_close_code(s->protocol, &reason);
  if (code == GRAPHQL_WS_OPEN) return;
  s->closing = true;
  ws_close(s->ws, (int)code, reason);
}

static void pump_later(void *arg) {
  struct socket *s = arg;
  if (s->pump_due) return;
  s->pump_due = true;
  loop_defer(s->asking.api->parts.loop, pump, s);
}

static void on_message(void *arg, bool is_text, const char *data, size_t len) {
  struct socket *s = arg;
  if (s->closing) return;
  if (s->counted && !rate_admits(s->asking.api, &s->asking.caller)) {
    s->closing = true;
    ws_close(s->ws, WS_TRY_AGAIN_LATER, "Rate limit exceeded");
    return;
  }
  if (is_text)
    graphql_ws_receive(s->protocol, data, len);
  else
    graphql_ws_receive(s->protocol, "", 0); /* malformed: closes with 4400 */
  pump_later(s);
}

static void on_init_deadline(void *arg) {
  struct socket *s = arg;
  graphql_ws_init_timeout(s->protocol);
  pump_later(s);
}

static void free_socket(void *arg) {
  struct socket *s = arg;
  if (s->pump_due) { /* its turn is still to come */
    loop_defer(s->asking.api->parts.loop, free_socket, s);
    return;
  }
  graphql_ws_free(s->protocol);
  free(s);
}

static void on_close(void *arg, int code, const char *reason) {
  (void)code, (void)reason;
  struct socket *s = arg;
  s->ws = NULL;
  timer_stop(s->init_deadline);
  free_socket(s);
}

static err *accept_socket(api *a, http_request *r) {
  struct caller caller;
  TRY(auth_caller(a, r, &caller));
  if (!ws_offers(r, GRAPHQL_WS_PROTOCOL))
    return err_new(ERR_INVALID, "this path speaks GraphQL: POST a query, or open a WebSocket with the "
                                "subprotocol " GRAPHQL_WS_PROTOCOL);
  struct socket *s = mem_zalloc(sizeof *s);
  s->asking = (struct asking){.api = a, .caller = caller};
  s->asking.caller.is_long_lived = true;
  s->counted = rate_counts(r);
  struct ws_options options = {.subprotocol = GRAPHQL_WS_PROTOCOL, .on_message = on_message,
                               .on_drained = pump_later, .on_close = on_close, .arg = s};
  err *e = ws_accept(r, &options, &s->ws);
  if (e) {
    free(s);
    return e;
  }
  s->protocol = graphql_ws_new(a->schema, &s->asking, &GRAPHQL_LIMITS_DEFAULT, pump_later, s);
  s->init_deadline = timer_start(a->parts.loop, GRAPHQL_WS_INIT_TIMEOUT_MS, 0, on_init_deadline, s);
  return NULL;
}

void handle_graphql_socket(http_request *r, void *api_) {
  err *e = accept_socket(api_, r);
  if (e) http_respond_err(r, e);
}
