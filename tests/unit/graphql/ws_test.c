#include "graphql/ws.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "graphql/subscribe.h"
#include "tap.h"

static const char sdl[] = "type Query { a: Int } type Mutation { set: Int } type Subscription {\n"
                          "  count(to: Int!): Int never: Int bad: Int }";

struct counter {
  struct graphql_source source;
  int n, to;
};

static int open_sources;
static struct graphql_source *last_source;

static err *counter_next(struct graphql_source *source, enum graphql_event *ret_event,
                         json_t **ret_value) {
  struct counter *counter = (struct counter *)source;
  *ret_event = counter->n < counter->to ? GRAPHQL_EVENT_NEXT : GRAPHQL_EVENT_END;
  if (counter->to < 0) *ret_event = GRAPHQL_EVENT_WAIT;
  if (counter->to == 13) return err_new(ERR_IO, "unlucky");
  if (*ret_event == GRAPHQL_EVENT_NEXT) *ret_value = json_integer(++counter->n);
  return NULL;
}

static void counter_close(struct graphql_source *source) {
  open_sources--;
  free(source);
}

static err *count(struct graphql_call *call, struct graphql_source **ret_source) {
  struct counter *counter = mem_zalloc(sizeof *counter);
  counter->source.next = counter_next;
  counter->source.close = counter_close;
  counter->to = (int)json_get_int(call->args, "to", -1);
  *ret_source = last_source = &counter->source;
  open_sources++;
  return NULL;
}

static err *bad(struct graphql_call *call, struct graphql_source **ret_source) {
  (void)call, (void)ret_source;
  return err_new(ERR_NOT_FOUND, "no such thing");
}

static err *one(struct graphql_call *call, json_t **ret_value) {
  (void)call;
  *ret_value = json_integer(1);
  return NULL;
}

static graphql_schema *make_schema(void) {
  static const struct graphql_binding rows[] = {{"Query", "a", one, NULL},
                                                {"Mutation", "set", one, NULL},
                                                {"Subscription", "count", NULL, count},
                                                {"Subscription", "never", NULL, count},
                                                {"Subscription", "bad", NULL, bad}};
  graphql_schema *schema = NULL;
  CHECK_OK(graphql_schema_new(sdl, sizeof sdl - 1, &schema));
  CHECK_OK(graphql_schema_bind(schema, rows, ARRAY_LEN(rows)));
  open_sources = 0;
  return schema;
}

static void note(void *arg) {
  ++*(int *)arg;
}

#define INIT "{\"type\":\"connection_init\"}"
#define ACK "{\"type\":\"connection_ack\"}"
#define SUBSCRIBE(id, query)                                                                       \
  "{\"id\":\"" id "\",\"type\":\"subscribe\",\"payload\":{\"query\":\"" query "\"}}"
#define NEXT(id, field, value)                                                                     \
  "{\"id\":\"" id "\",\"type\":\"next\",\"payload\":{\"data\":{\"" field "\":" value "}}}"
#define COMPLETE(id) "{\"id\":\"" id "\",\"type\":\"complete\"}"

/* Hands over `in` (messages separated by lines), then pulls all that comes and writes it one per
 * line; at the end "close <code> <reason>" when the connection is to be closed. */
static char *talk(graphql_ws *ws, const char *in) {
  auto_strv messages = STRV_EMPTY;
  auto_str out = STR_EMPTY;
  const char *reason;
  strv_split(&messages, in, '\n');
  for (size_t i = 0; i < messages.len; i++) {
    if (str_eq(messages.items[i], "timeout"))
      graphql_ws_init_timeout(ws);
    else
      graphql_ws_receive(ws, messages.items[i], strlen(messages.items[i]));
    for (char *text; (text = graphql_ws_next(ws)); free(text))
      str_addf(&out, "%s%s", out.len ? "\n" : "", text);
  }
  int code = (int)graphql_ws_close_code(ws, &reason);
  if (code) str_addf(&out, "%sclose %d %s", out.len ? "\n" : "", code, reason);
  return str_take(&out);
}

TEST(conversations) {
  static const struct {
    const char *in, *out;
  } rows[] = {
      {INIT, ACK},
      {"{\"type\":\"connection_init\",\"payload\":{\"token\":\"x\"}}", ACK},
      {INIT "\n" INIT, ACK "\nclose 4429 Too many initialisation requests"},
      {"timeout", "close 4408 Connection initialisation timeout"},
      {INIT "\ntimeout", ACK},
      {"{\"type\":\"ping\"}", "{\"type\":\"pong\"}"},
      {"{\"type\":\"ping\",\"payload\":{\"a\":1}}", "{\"type\":\"pong\",\"payload\":{\"a\":1}}"},
      {"{\"type\":\"pong\"}", ""},
      {SUBSCRIBE("1", "{a}"), "close 4401 Unauthorized"},
      {INIT "\n" SUBSCRIBE("1", "{a}"), ACK "\n" NEXT("1", "a", "1") "\n" COMPLETE("1")},
      {INIT "\n" SUBSCRIBE("1", "mutation{set}"),
       ACK "\n" NEXT("1", "set", "1") "\n" COMPLETE("1")},
      {INIT "\n" SUBSCRIBE("x", "subscription{count(to:2)}"),
       ACK "\n" NEXT("x", "count", "1") "\n" NEXT("x", "count", "2") "\n" COMPLETE("x")},
      {INIT "\n" SUBSCRIBE("x", "subscription{count(to:13)}"), ACK
       "\n{\"id\":\"x\",\"type\":\"error\",\"payload\":[{\"message\":\"unlucky\",\"extensions\":"
       "{\"code\":\"IO\"}}]}"},
      {INIT "\n" SUBSCRIBE("x", "subscription{bad}"),
       ACK "\n{\"id\":\"x\",\"type\":\"error\",\"payload\":[{\"message\":\"no such "
           "thing\",\"locations\":"
           "[{\"line\":1,\"column\":1}],\"extensions\":{\"code\":\"NOT_FOUND\"}}]}"},
      {INIT "\n" SUBSCRIBE("x", "{nope}"), ACK
       "\n{\"id\":\"x\",\"type\":\"error\",\"payload\":[{\"message\":\"Query has no field 'nope'\","
       "\"locations\":[{\"line\":1,\"column\":2}],\"extensions\":{\"code\":\"INVALID\"}}]}"},
      {INIT "\n" SUBSCRIBE("x", "subscription{never}") "\n" SUBSCRIBE("x", "{a}"),
       ACK "\nclose 4409 Subscriber for x already exists"},
      {INIT
       "\n" SUBSCRIBE("x", "subscription{never}") "\n" COMPLETE("x") "\n" SUBSCRIBE("x", "{a}"),
       ACK "\n" NEXT("x", "a", "1") "\n" COMPLETE("x")},
      {INIT "\n" SUBSCRIBE("1", "{a}") "\n" SUBSCRIBE("1", "{a}"),
       ACK "\n" NEXT("1", "a", "1") "\n" COMPLETE("1") "\n" NEXT("1", "a", "1") "\n" COMPLETE("1")},
      {INIT "\n" COMPLETE("unknown"), ACK},
      {"", "close 4400 Invalid message"},
      {"nonsense", "close 4400 Invalid message"},
      {"[]", "close 4400 Invalid message"},
      {"{}", "close 4400 Invalid message"},
      {"{\"type\":1}", "close 4400 Invalid message"},
      {"{\"type\":\"start\"}", "close 4400 Invalid message"},
      {"{\"type\":\"connection_init\",\"payload\":1}", "close 4400 Invalid message"},
      {INIT "\n{\"type\":\"complete\"}", ACK "\nclose 4400 Invalid message"},
      {INIT "\n{\"type\":\"subscribe\",\"payload\":{\"query\":\"{a}\"}}",
       ACK "\nclose 4400 Invalid message"},
      {INIT "\n{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{\"query\":\"{a}\"}}",
       ACK "\nclose 4400 Invalid message"},
      {INIT "\n{\"type\":\"subscribe\",\"id\":\"1\"}",
       ACK "\nclose 4400 the request must be an object with the text 'query'"},
      {INIT
       "\n{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"{a}\",\"variables\":[]}}",
       ACK "\nclose 4400 'variables' must be an object"},
  };
  auto_graphql_schema *schema = make_schema();
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    int notes = 0;
    graphql_ws *ws = graphql_ws_new(schema, NULL, &GRAPHQL_LIMITS_DEFAULT, note, &notes);
    auto_free char *out = talk(ws, rows[i].in);
    graphql_ws_free(ws);
    if (!str_eq(out, rows[i].out))
      TAP_FAIL("%s\n#   gives %s\n#   not   %s", rows[i].in, out, rows[i].out);
    CHECK_INT(open_sources, 0);
    CHECK(notes > 0 || !*out);
  }
}

TEST(variables_and_operation_names_are_passed_on) {
  auto_graphql_schema *schema = make_schema();
  int notes = 0;
  graphql_ws *ws = graphql_ws_new(schema, NULL, &GRAPHQL_LIMITS_DEFAULT, note, &notes);
  auto_free char *out = talk(
      ws, INIT "\n{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"subscription S("
               "$n:Int!){count(to:$n)} query Q{a}\",\"operationName\":\"S\",\"variables\":{\"n\":"
               "1}}}");
  CHECK_TEXT(out, ACK "\n" NEXT("1", "count", "1") "\n" COMPLETE("1"));
  graphql_ws_free(ws);
}

TEST(subscriptions_take_turns) {
  auto_graphql_schema *schema = make_schema();
  int notes = 0;
  graphql_ws *ws = graphql_ws_new(schema, NULL, &GRAPHQL_LIMITS_DEFAULT, note, &notes);
  free(talk(ws, INIT));
  static const char *const in[] = {SUBSCRIBE("a", "subscription{count(to:2)}"),
                                   SUBSCRIBE("b", "subscription{count(to:2)}"),
                                   SUBSCRIBE("c", "{a}")};
  for (size_t i = 0; i < ARRAY_LEN(in); i++)
    graphql_ws_receive(ws, in[i], strlen(in[i]));
  CHECK_INT(graphql_ws_subscription_count(ws), 2);
  static const char *const out[] = {NEXT("c", "a", "1"),     COMPLETE("c"),
                                    NEXT("a", "count", "1"), NEXT("b", "count", "1"),
                                    NEXT("a", "count", "2"), NEXT("b", "count", "2"),
                                    COMPLETE("a"),           COMPLETE("b")};
  for (size_t i = 0; i < ARRAY_LEN(out); i++) {
    auto_free char *text = graphql_ws_next(ws);
    CHECK_TEXT(text, out[i]);
  }
  CHECK(!graphql_ws_next(ws));
  CHECK_INT(graphql_ws_subscription_count(ws), 0);
  graphql_ws_free(ws);
}

TEST(a_waiting_source_is_pulled_only_when_ready) {
  auto_graphql_schema *schema = make_schema();
  int notes = 0;
  graphql_ws *ws = graphql_ws_new(schema, NULL, &GRAPHQL_LIMITS_DEFAULT, note, &notes);
  free(talk(ws, INIT "\n" SUBSCRIBE("a", "subscription{never}")));
  struct counter *counter = (struct counter *)last_source;
  counter->to = 1;
  CHECK(!graphql_ws_next(ws));
  notes = 0;
  graphql_source_ready(last_source);
  CHECK_INT(notes, 1);
  auto_free char *text = graphql_ws_next(ws);
  CHECK_TEXT(text, NEXT("a", "never", "1"));
  graphql_ws_free(ws);
  CHECK_INT(open_sources, 0);
}

TEST(one_subscription_too_many_is_an_error_of_its_own) {
  auto_graphql_schema *schema = make_schema();
  int notes = 0;
  graphql_ws *ws = graphql_ws_new(schema, NULL, &GRAPHQL_LIMITS_DEFAULT, note, &notes);
  free(talk(ws, INIT));
  for (int i = 0; i <= GRAPHQL_WS_MAX_SUBSCRIPTIONS; i++) {
    auto_free char *in = str_format("{\"id\":\"%d\",\"type\":\"subscribe\",\"payload\":{\"query\":"
                                    "\"subscription{never}\"}}",
                                    i);
    auto_free char *out = talk(ws, in);
    if (i < GRAPHQL_WS_MAX_SUBSCRIPTIONS)
      CHECK_TEXT(out, "");
    else
      CHECK_HAS(out, "\"type\":\"error\",\"payload\":[{\"message\":\"more than 64 subscriptions");
  }
  CHECK_INT(graphql_ws_subscription_count(ws), GRAPHQL_WS_MAX_SUBSCRIPTIONS);
  graphql_ws_free(ws);
  CHECK_INT(open_sources, 0);
}

TEST(a_client_that_does_not_read_is_not_read_from) {
  auto_graphql_schema *schema = make_schema();
  int notes = 0;
  graphql_ws *ws = graphql_ws_new(schema, NULL, &GRAPHQL_LIMITS_DEFAULT, note, &notes);
  static const char ping[] = "{\"type\":\"ping\"}";
  const char *reason;
  for (int i = 0; i < GRAPHQL_WS_MAX_REPLIES; i++) {
    CHECK(graphql_ws_has_room(ws));
    graphql_ws_receive(ws, ping, sizeof ping - 1);
  }
  CHECK(!graphql_ws_has_room(ws));
  free(graphql_ws_next(ws));
  CHECK(graphql_ws_has_room(ws));
  graphql_ws_receive(ws, ping, sizeof ping - 1);
  graphql_ws_receive(ws, ping, sizeof ping - 1);
  CHECK_INT(graphql_ws_close_code(ws, &reason), GRAPHQL_WS_TOO_MANY);
  CHECK(!graphql_ws_next(ws));
  graphql_ws_free(ws);
}

TEST(large_replies_fill_the_queue_too) {
  auto_graphql_schema *schema = make_schema();
  int notes = 0;
  graphql_ws *ws = graphql_ws_new(schema, NULL, &GRAPHQL_LIMITS_DEFAULT, note, &notes);
  auto_free char *filler = mem_zalloc(GRAPHQL_WS_MAX_REPLY_BYTES + 1);
  memset(filler, 'x', GRAPHQL_WS_MAX_REPLY_BYTES);
  auto_free char *ping = str_format("{\"type\":\"ping\",\"payload\":{\"a\":\"%s\"}}", filler);
  graphql_ws_receive(ws, ping, strlen(ping));
  CHECK(!graphql_ws_has_room(ws));
  free(graphql_ws_next(ws));
  CHECK(graphql_ws_has_room(ws));
  graphql_ws_free(ws);
}

TEST(a_message_beyond_the_limits_closes) {
  struct graphql_limits limits = GRAPHQL_LIMITS_DEFAULT;
  limits.max_document_bytes = limits.max_variable_bytes = 16;
  auto_graphql_schema *schema = make_schema();
  int notes = 0;
  graphql_ws *ws = graphql_ws_new(schema, NULL, &limits, note, &notes);
  auto_free char *out = talk(ws, SUBSCRIBE("1", "{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}"));
  CHECK_TEXT(out, "close 4400 The message is too large");
  graphql_ws_free(ws);
}

TEST_MAIN
