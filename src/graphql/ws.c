#include "graphql/ws.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "graphql/subscribe.h"

struct reply {
  struct list link;
  char *text;
  size_t len;
};

struct operation { /* a running subscription */
  struct list link;
  graphql_ws *ws;
  char *id;
  graphql_subscription *subscription;
  bool ready; /* worth pulling from */
};

struct graphql_ws {
  const graphql_schema *schema;
  void *context;
  struct graphql_limits limits;
  graphql_ws_wake *wake;
  void *wake_arg;
  bool acknowledged;
  struct list replies; /* the queue "ws replies": see the header */
  size_t reply_count;
  size_t reply_bytes;
  struct list operations; /* the one pulled from last is at the end */
  size_t operation_count;
  enum graphql_ws_close_code close_code;
  char close_reason[124]; /* RFC 6455, section 5.5.1: 123 bytes */
};

graphql_ws *graphql_ws_new(const graphql_schema *schema, void *context,
                           const struct graphql_limits *limits, graphql_ws_wake *wake,
                           void *wake_arg) {
  graphql_ws *ws = mem_zalloc(sizeof *ws);
  ws->schema = schema;
  ws->context = context;
  ws->limits = *limits;
  ws->wake = wake;
  ws->wake_arg = wake_arg;
  list_init(&ws->replies);
  list_init(&ws->operations);
  return ws;
}

static void operation_free(struct operation *operation) {
  list_remove(&operation->link);
  operation->ws->operation_count--;
  graphql_subscription_free(operation->subscription);
  free(operation->id);
  free(operation);
}

static void drop_all(graphql_ws *ws) {
  LIST_FOREACH(operation, &ws->operations, struct operation, link) {
    operation_free(operation);
  }
  LIST_FOREACH(reply, &ws->replies, struct reply, link) {
    list_remove(&reply->link);
    free(reply->text);
    free(reply);
  }
  ws->reply_count = ws->reply_bytes = 0;
}

void graphql_ws_free(graphql_ws *ws) {
  if (!ws) return;
  drop_all(ws);
  free(ws);
}

/* ---- Going out ---- */

static void close_with(graphql_ws *ws, enum graphql_ws_close_code code, const char *reason) {
  if (ws->close_code) return;
  ws->close_code = code;
  snprintf(ws->close_reason, sizeof ws->close_reason, "%s", reason);
  for (size_t len = strlen(ws->close_reason); !str_is_utf8(ws->close_reason, len);) /* cut in two */
    ws->close_reason[--len] = 0;
  drop_all(ws);
  ws->wake(ws->wake_arg);
}

/* {"id", "type", "payload"}, without what is NULL; `payload` is taken. */
static char *message_text(const char *id, const char *type, json_t *payload) {
  auto_json *message = json_object();
  if (id) json_set_text(message, "id", id);
  json_set_text(message, "type", type);
  if (payload) json_object_set_new(message, "payload", payload);
  return json_to_text(message);
}

static void reply(graphql_ws *ws, const char *id, const char *type, json_t *payload) {
  struct reply *made = mem_alloc(sizeof *made);
  made->text = message_text(id, type, payload);
  made->len = strlen(made->text);
  list_init(&made->link);
  list_push(&ws->replies, &made->link);
  ws->reply_count++;
  ws->reply_bytes += made->len;
  ws->wake(ws->wake_arg);
}

static char *take_reply(graphql_ws *ws) {
  struct reply *first = CONTAINER_OF(ws->replies.next, struct reply, link);
  char *text = first->text;
  list_remove(&first->link);
  ws->reply_count--;
  ws->reply_bytes -= first->len;
  free(first);
  return text;
}

/* The list of errors that an "error" message carries, of a response without data; takes it. */
static json_t *errors_of(json_t *response) {
  json_t *errors = json_incref(json_object_get(response, "errors"));
  json_decref(response);
  return errors;
}

/* Pulls from one operation; NULL when it has nothing. */
static char *pull(struct operation *operation) {
  enum graphql_event event = GRAPHQL_EVENT_WAIT;
  json_t *response = NULL;
  char *text = NULL;
  operation->ready = false;
  err *e = graphql_subscription_next(operation->subscription, &event, &response);
  if (e) {
    text = message_text(operation->id, "error", errors_of(graphql_error_response(e)));
  } else if (event == GRAPHQL_EVENT_NEXT) {
    operation->ready = true;
    return message_text(operation->id, "next", response);
  } else if (event == GRAPHQL_EVENT_END) {
    text = message_text(operation->id, "complete", NULL);
  }
  if (text) operation_free(operation);
  return text;
}

static struct operation *first_ready(graphql_ws *ws) {
  LIST_FOREACH(operation, &ws->operations, struct operation, link) {
    if (operation->ready) return operation;
  }
  return NULL;
}

char *graphql_ws_next(graphql_ws *ws) {
  if (ws->close_code) return NULL;
  if (!list_empty(&ws->replies)) return take_reply(ws);
  for (struct operation *operation; (operation = first_ready(ws));) {
    list_remove(&operation->link); /* its turn is over: to the end */
    list_push(&ws->operations, &operation->link);
    char *text = pull(operation);
    if (text) return text;
  }
  return NULL;
}

/* ---- Coming in: one function for each type of message ---- */

static void on_init(graphql_ws *ws, const char *id, const json_t *payload) {
  (void)id;
  (void)payload; /* who it is, the host knows from the request's headers */
  if (ws->acknowledged) {
    close_with(ws, GRAPHQL_WS_TOO_MANY, "Too many initialisation requests");
    return;
  }
  ws->acknowledged = true;
  reply(ws, NULL, "connection_ack", NULL);
}

static void on_ping(graphql_ws *ws, const char *id, const json_t *payload) {
  (void)id;
  reply(ws, NULL, "pong", json_incref((json_t *)payload));
}

static void on_pong(graphql_ws *ws, const char *id, const json_t *payload) {
  (void)ws, (void)id, (void)payload;
}

static struct operation *find(graphql_ws *ws, const char *id) {
  LIST_FOREACH(operation, &ws->operations, struct operation, link) {
    if (str_eq(operation->id, id)) return operation;
  }
  return NULL;
}

static void on_ready(void *arg) {
  struct operation *operation = arg;
  operation->ready = true;
  operation->ws->wake(operation->ws->wake_arg);
}

static void send_response(graphql_ws *ws, const char *id, json_t *response) {
  if (!json_object_get(response, "data")) {
    reply(ws, id, "error", errors_of(response));
    return;
  }
  reply(ws, id, "next", response);
  reply(ws, id, "complete", NULL);
}

static void start(graphql_ws *ws, const char *id, const struct graphql_request *request) {
  struct operation *operation = mem_zalloc(sizeof *operation);
  operation->ws = ws;
  json_t *response = graphql_subscribe(ws->schema, ws->context, request, &ws->limits, on_ready,
                                       operation, &operation->subscription);
  if (response) {
    free(operation);
    send_response(ws, id, response);
    return;
  }
  operation->id = str_dup(id);
  operation->ready = true;
  list_init(&operation->link);
  list_push(&ws->operations, &operation->link);
  ws->operation_count++;
  ws->wake(ws->wake_arg);
}

static void on_subscribe(graphql_ws *ws, const char *id, const json_t *payload) {
  struct graphql_request request;
  if (!ws->acknowledged) {
    close_with(ws, GRAPHQL_WS_UNAUTHORIZED, "Unauthorized");
    return;
  }
  if (find(ws, id)) {
    auto_free char *reason = str_format("Subscriber for %.80s already exists", id);
    close_with(ws, GRAPHQL_WS_DUPLICATE_ID, reason);
    return;
  }
  err *e = graphql_request_from_json(payload, &request);
  if (e) {
    close_with(ws, GRAPHQL_WS_BAD_MESSAGE, err_message(e));
    err_free(e);
  } else if (ws->operation_count >= GRAPHQL_WS_MAX_SUBSCRIPTIONS) {
    e = err_new(ERR_LIMIT, "more than %d subscriptions on one connection",
                GRAPHQL_WS_MAX_SUBSCRIPTIONS);
    reply(ws, id, "error", errors_of(graphql_error_response(e)));
  } else {
    start(ws, id, &request);
  }
}

static void on_complete(graphql_ws *ws, const char *id, const json_t *payload) {
  (void)payload;
  struct operation *operation = find(ws, id); /* none: it ended while the message was on its way */
  if (operation) operation_free(operation);
}

/* clang-format off */
static const struct {
  const char *type;
  bool has_id;
  void (*handle)(graphql_ws *ws, const char *id, const json_t *payload);
} messages[] = {
  { "connection_init", false, on_init      },
  { "ping",            false, on_ping      },
  { "pong",            false, on_pong      },
  { "subscribe",       true,  on_subscribe },
  { "complete",        true,  on_complete  },
};
/* clang-format on */

static bool usable_id(const char *id) {
  return id && *id && strlen(id) <= GRAPHQL_WS_MAX_ID_BYTES;
}

static bool handle(graphql_ws *ws, const json_t *message) {
  const char *type = json_get_text(message, "type");
  const char *id = json_get_text(message, "id");
  const json_t *payload = json_object_get(message, "payload");
  bool payload_ok = !payload || json_is_null(payload) || json_is_object(payload);
  for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
    if (!str_eq(type, messages[i].type)) continue;
    if (!payload_ok || (messages[i].has_id && !usable_id(id))) return false;
    messages[i].handle(ws, id, payload);
    return true;
  }
  return false;
}

bool graphql_ws_has_room(const graphql_ws *ws) {
  return !ws->close_code && ws->reply_count < GRAPHQL_WS_MAX_REPLIES &&
         ws->reply_bytes < GRAPHQL_WS_MAX_REPLY_BYTES;
}

void graphql_ws_receive(graphql_ws *ws, const char *text, size_t len) {
  auto_json *message = NULL;
  if (ws->close_code) return;
  if (!graphql_ws_has_room(ws)) {
    close_with(ws, GRAPHQL_WS_TOO_MANY, "Too many messages");
    return;
  }
  /* A query's text may double in size when written as JSON. */
  if (len > 2 * (ws->limits.max_document_bytes + ws->limits.max_variable_bytes)) {
    close_with(ws, GRAPHQL_WS_BAD_MESSAGE, "The message is too large");
    return;
  }
  auto_err *e = json_parse(text, len, "message", &message);
  if (e || !handle(ws, message)) close_with(ws, GRAPHQL_WS_BAD_MESSAGE, "Invalid message");
}

void graphql_ws_init_timeout(graphql_ws *ws) {
  if (!ws->acknowledged)
    close_with(ws, GRAPHQL_WS_INIT_TIMEOUT, "Connection initialisation timeout");
}

enum graphql_ws_close_code graphql_ws_close_code(const graphql_ws *ws, const char **ret_reason) {
  *ret_reason = ws->close_reason;
  return ws->close_code;
}

size_t graphql_ws_subscription_count(const graphql_ws *ws) {
  return ws->operation_count;
}
