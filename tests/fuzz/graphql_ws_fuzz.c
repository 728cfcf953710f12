/* Any bytes as a conversation over graphql-transport-ws: messages separated by line ends.  An odd
 * length of a message makes the client slow: it takes no answer after it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "graphql/subscribe.h"
#include "graphql/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sdl[] =
    "type Query { a: Int } type Subscription { count(to: Int!): Int idle: Int }";

struct counter {
  struct graphql_source source;
  int64_t left;
};

static err *counter_next(struct graphql_source *source, enum graphql_event *ret_event,
                         json_t **ret_value) {
  struct counter *counter = (struct counter *)source;
  *ret_event = counter->left < 0 ? GRAPHQL_EVENT_WAIT : GRAPHQL_EVENT_NEXT;
  if (counter->left == 0) *ret_event = GRAPHQL_EVENT_END;
  if (counter->left == 7) return err_new(ERR_IO, "unlucky");
  if (*ret_event == GRAPHQL_EVENT_NEXT) *ret_value = json_integer(counter->left--);
  return NULL;
}

static void counter_close(struct graphql_source *source) {
  free(source);
}

static err *count(struct graphql_call *call, struct graphql_source **ret_source) {
  struct counter *counter = mem_zalloc(sizeof *counter);
  counter->source.next = counter_next;
  counter->source.close = counter_close;
  counter->left = json_get_int(call->args, "to", -1) % 10;
  *ret_source = &counter->source;
  return NULL;
}

static graphql_schema *make_schema(void) {
  static const struct graphql_binding rows[] = {{"Subscription", "count", NULL, count},
                                                {"Subscription", "idle", NULL, count}};
  graphql_schema *schema = NULL;
  if (graphql_schema_new(sdl, sizeof sdl - 1, &schema) ||
      graphql_schema_bind(schema, rows, ARRAY_LEN(rows)))
    abort();
  return schema;
}

static void nothing(void *arg) {
  (void)arg;
}

static void take_answers(graphql_ws *ws) {
  for (char *text; (text = graphql_ws_next(ws)); free(text)) {
    auto_json *message = json_loads(text, 0, NULL);
    if (!json_get_text(message, "type")) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static graphql_schema *schema;
  if (!schema) schema = make_schema();
  graphql_ws *ws = graphql_ws_new(schema, NULL, &GRAPHQL_LIMITS_DEFAULT, nothing, NULL);
  const char *reason;
  while (size > 0) {
    const uint8_t *end = memchr(data, '\n', size);
    size_t len = end ? (size_t)(end - data) : size;
    graphql_ws_receive(ws, (const char *)data, len);
    if (len % 2 == 0) take_answers(ws);
    size -= end ? len + 1 : len;
    data += end ? len + 1 : len;
  }
  graphql_ws_init_timeout(ws);
  take_answers(ws);
  if (graphql_ws_close_code(ws, &reason) && graphql_ws_subscription_count(ws)) abort();
  graphql_ws_free(ws);
  return 0;
}
