#include "cli/stream.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/queries.h"

#define ACK_TIMEOUT_MS 10000
#define FIRST_WAIT_MS 1000
#define LONGEST_WAIT_MS 8000
#define CLOSE_NORMAL 1000     /* RFC 6455 section 7.4.1 */
#define FATAL_CODE_FIRST 4400 /* the protocol's own close codes: trying again would not help */
#define FATAL_CODE_LAST 4499

struct subscription {
  json_t *payload; /* NULL once it has ended */
};

struct stream {
  struct client *client;
  ws_sync *socket; /* NULL while there is no connection */
  struct subscription subscriptions[STREAM_MAX];
  int count;
  int failures; /* connections lost in a row, without a message between */
  struct str text;
};

static err *send_json(stream *s, const json_t *message) {
  auto_free char *text = json_to_text(message);
  return ws_sync_send_text(s->socket, text, strlen(text));
}

static err *send_subscribe(stream *s, int id) {
  auto_free char *name = str_format("%d", id);
  auto_json *message = json_pack("{s:s, s:s, s:O}", "id", name, "type", "subscribe", "payload",
                                 s->subscriptions[id].payload);
  return send_json(s, message);
}

static void disconnect(stream *s) {
  if (s->socket) ws_sync_free(s->socket, CLOSE_NORMAL);
  s->socket = NULL;
}

static err *receive(stream *s, int64_t timeout_ms, enum ws_sync_event *ret_event,
                    json_t **ret_message) {
  bool is_text;
  TRY(ws_sync_receive(s->socket, timeout_ms, -1, ret_event, &s->text, &is_text));
  if (*ret_event != WS_SYNC_MESSAGE) return NULL;
  return json_parse(str_text(&s->text), s->text.len, "the server's message", ret_message);
}

static err *await_ack(stream *s) {
  for (int64_t end = clock_monotonic_ms() + ACK_TIMEOUT_MS;;) {
    int64_t left = end - clock_monotonic_ms();
    if (left <= 0) return err_new(ERR_BUSY, "the server did not acknowledge the connection");
    enum ws_sync_event event;
    auto_json *message = NULL;
    TRY(receive(s, left, &event, &message));
    if (event == WS_SYNC_CLOSED)
      return err_new(ERR_IO, "the server closed the connection: %s",
                     ws_sync_close_reason(s->socket));
    if (message && str_eq(json_get_text(message, "type"), "connection_ack")) return NULL;
  }
}

static err *greet(stream *s) {
  auto_json *init = json_pack("{s:s}", "type", "connection_init");
  TRY(send_json(s, init));
  TRY(await_ack(s));
  for (int id = 0; id < s->count; id++)
    if (s->subscriptions[id].payload) TRY(send_subscribe(s, id));
  return NULL;
}

static err *connect_once(stream *s) {
  TRY(client_open_ws(s->client, "/graphql/v2", "graphql-transport-ws", &s->socket));
  err *e = greet(s);
  if (e) disconnect(s);
  return e;
}

err *stream_open(struct client *c, stream **ret_stream) {
  stream *s = mem_zalloc(sizeof *s);
  s->client = c;
  err *e = connect_once(s);
  if (e) {
    stream_free(s);
    return err_wrap(e, "following on %s", c->server);
  }
  *ret_stream = s;
  return NULL;
}

void stream_free(stream *s) {
  if (!s) return;
  disconnect(s);
  for (int i = 0; i < s->count; i++)
    json_decref(s->subscriptions[i].payload);
  str_done(&s->text);
  free(s);
}

err *stream_subscribe(stream *s, const char *query, json_t *variables, int *ret_id) {
  json_t *payload = json_object();
  json_object_set_new(payload, "query", json_string(query));
  json_object_set_new(payload, "variables", variables);
  if (s->count == STREAM_MAX) {
    json_decref(payload);
    return err_new(ERR_LIMIT, "more than %d subscriptions", STREAM_MAX);
  }
  s->subscriptions[s->count].payload = payload;
  *ret_id = s->count++;
  return s->socket ? send_subscribe(s, *ret_id) : NULL;
}

static void wait_before_attempt(int failures) {
  int64_t wait_ms = FIRST_WAIT_MS;
  for (int i = 1; i < failures && wait_ms < LONGEST_WAIT_MS; i++)
    wait_ms += wait_ms / 2;
  if (wait_ms > LONGEST_WAIT_MS) wait_ms = LONGEST_WAIT_MS;
  struct timespec wait = {wait_ms / 1000, wait_ms % 1000 * 1000000};
  nanosleep(&wait, NULL);
}

/* The connection is gone for the reason `e` (taken): makes it again, or gives the reason back. */
static err *reconnect(stream *s, err *e) {
  disconnect(s);
  while (e) {
    bool worth_it = err_code_of(e) == ERR_IO || err_code_of(e) == ERR_BUSY;
    if (!worth_it || ++s->failures > STREAM_ATTEMPTS)
      return err_wrap(e, "lost the connection to %s", s->client->server);
    wait_before_attempt(s->failures);
    err_free(e);
    e = connect_once(s);
  }
  return NULL;
}

static err *close_reason(const stream *s) {
  int code = ws_sync_close_code(s->socket);
  bool fatal = code >= FATAL_CODE_FIRST && code <= FATAL_CODE_LAST;
  return err_new(fatal ? ERR_INVALID : ERR_IO, "the server closed the connection (%d %s)", code,
                 ws_sync_close_reason(s->socket));
}

static bool subscription_of(const stream *s, const json_t *message, int *ret_id) {
  long long id;
  const char *name = json_get_text(message, "id");
  if (!name || s->count == 0 || !str_to_int(name, 0, s->count - 1, &id)) return false;
  *ret_id = (int)id;
  return s->subscriptions[id].payload != NULL;
}

static err *subscription_error(const stream *s, const json_t *errors) {
  auto_json *answer = json_pack("{s:O}", "errors", errors);
  auto_free char *text = json_to_text(answer);
  json_t *data = NULL;
  err *e = client_read_answer(s->client, 200, text, strlen(text), &data);
  json_decref(data);
  return e;
}

static void end_subscription(stream *s, int id) {
  json_decref(s->subscriptions[id].payload);
  s->subscriptions[id].payload = NULL;
}

/* Reads one message; *ret_done when it is one for the caller. */
static err *take(stream *s, json_t *message, struct stream_message *ret, bool *ret_done) {
  const char *type = json_get_text(message, "type");
  int id = 0;
  *ret_done = false;
  if (str_eq(type, "ping")) {
    auto_json *pong = json_pack("{s:s}", "type", "pong");
    return send_json(s, pong);
  }
  if (!subscription_of(s, message, &id)) return NULL;
  json_t *payload = json_object_get(message, "payload");
  if (str_eq(type, "error")) return subscription_error(s, payload);
  if (str_eq(type, "next")) {
    json_t *errors = json_object_get(payload, "errors");
    if (json_array_size(errors)) return subscription_error(s, errors);
    s->failures = 0;
    json_t *data = json_object_get(payload, "data");
    *ret = (struct stream_message){STREAM_DATA, id, json_incref(data)};
    *ret_done = true;
  } else if (str_eq(type, "complete")) {
    end_subscription(s, id);
    *ret = (struct stream_message){STREAM_END, id, NULL};
    *ret_done = true;
  }
  return NULL;
}

err *stream_next(stream *s, int64_t timeout_ms, struct stream_message *ret_message) {
  int64_t end = clock_monotonic_ms() + timeout_ms;
  for (;;) {
    int64_t left = timeout_ms < 0 ? -1 : end - clock_monotonic_ms();
    if (timeout_ms >= 0 && left < 0) left = 0;
    enum ws_sync_event event = WS_SYNC_CLOSED;
    auto_json *message = NULL;
    err *e = receive(s, left, &event, &message);
    if (!e && event == WS_SYNC_CLOSED) e = close_reason(s);
    if (e) {
      TRY(reconnect(s, e));
      continue;
    }
    if (event == WS_SYNC_TIMEOUT) {
      *ret_message = (struct stream_message){.event = STREAM_TIMEOUT};
      return NULL;
    }
    if (event != WS_SYNC_MESSAGE) continue;
    bool done;
    TRY(take(s, message, ret_message, &done));
    if (done) return NULL;
  }
}
