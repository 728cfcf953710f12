#include "graphql/subscribe.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static const char sdl[] =
    "directive @access(role: Role!) on FIELD_DEFINITION | OBJECT enum Role { ANYONE }\n"
    "type Query { a: Int @access(role: ANYONE) }\n"
    "type Subscription { count(to: Int!): Count! @access(role: ANYONE)\n"
    "  nothing: Int @access(role: ANYONE) refuses: Int @access(role: ANYONE) }\n"
    "type Count @access(role: ANYONE) { n: Int! word: String! }\n";

/* Counts up to `to`, each number once `allowed` reaches it; 13 is an error, 7 has no word. */
struct counter {
  struct graphql_source source;
  int n, to;
};

static int allowed, open_sources, denied_from;
static struct graphql_source *last_source;

static err *counter_next(struct graphql_source *source, enum graphql_event *ret_event,
                         json_t **ret_value) {
  struct counter *counter = (struct counter *)source;
  if (counter->n == counter->to) {
    *ret_event = GRAPHQL_EVENT_END;
    return NULL;
  }
  *ret_event = counter->n < allowed ? GRAPHQL_EVENT_NEXT : GRAPHQL_EVENT_WAIT;
  if (*ret_event == GRAPHQL_EVENT_WAIT) return NULL;
  if (++counter->n == 13) return err_new(ERR_IO, "unlucky");
  *ret_value = json_pack("{s:i}", "n", counter->n);
  if (counter->n != 7) json_set_text(*ret_value, "word", "w");
  return NULL;
}

static void counter_close(struct graphql_source *source) {
  open_sources--;
  free(source);
}

static err *subscribe_count(struct graphql_call *call, struct graphql_source **ret_source) {
  struct counter *counter = mem_zalloc(sizeof *counter);
  counter->source.next = counter_next;
  counter->source.close = counter_close;
  counter->to = (int)json_get_int(call->args, "to", 0);
  *ret_source = last_source = &counter->source;
  open_sources++;
  return NULL;
}

static err *subscribe_refuses(struct graphql_call *call, struct graphql_source **ret_source) {
  (void)call, (void)ret_source;
  return err_new(ERR_NOT_FOUND, "no such thing");
}

static err *query_a(struct graphql_call *call, json_t **ret_value) {
  (void)call;
  *ret_value = json_integer(1);
  return NULL;
}

static err *access_fn(void *context, const char *role, const struct graphql_call *call) {
  (void)context, (void)role;
  bool denied = denied_from && allowed >= denied_from && str_eq(call->type, "Subscription");
  return denied ? err_new(ERR_DENIED, "not any more") : NULL;
}

static graphql_schema *make_schema(void) {
  static const struct graphql_binding rows[] = {
      {"Query", "a", query_a, NULL},
      {"Subscription", "count", NULL, subscribe_count},
      {"Subscription", "refuses", NULL, subscribe_refuses}};
  graphql_schema *schema = NULL;
  CHECK_OK(graphql_schema_new(sdl, sizeof sdl - 1, &schema));
  CHECK_OK(graphql_schema_bind(schema, rows, ARRAY_LEN(rows)));
  graphql_schema_set_access(schema, access_fn);
  allowed = open_sources = denied_from = 0;
  return schema;
}

static void note(void *arg) {
  ++*(int *)arg;
}

static json_t *subscribe(const graphql_schema *schema, const char *query, int *notes,
                         graphql_subscription **ret_subscription) {
  struct graphql_request request = {.query = query, .query_len = strlen(query)};
  return graphql_subscribe(schema, NULL, &request, &GRAPHQL_LIMITS_DEFAULT, note, notes,
                           ret_subscription);
}

/* Pulls once; the response as text, or "wait" or "end". */
static char *pull(graphql_subscription *subscription) {
  enum graphql_event event;
  auto_json *response = NULL;
  CHECK_OK(graphql_subscription_next(subscription, &event, &response));
  if (event == GRAPHQL_EVENT_WAIT) return str_dup("wait");
  if (event == GRAPHQL_EVENT_END) return str_dup("end");
  return json_to_text(response);
}

#define CHECK_PULL(subscription, expected)                                                         \
  do {                                                                                             \
    auto_free char *pulled_ = pull(subscription);                                                  \
    CHECK_TEXT(pulled_, expected);                                                                 \
  } while (0)

TEST(events_are_pulled_and_executed) {
  auto_graphql_schema *schema = make_schema();
  graphql_subscription *s = NULL;
  int notes = 0;
  CHECK(!subscribe(schema, "subscription{c:count(to:2){n t:__typename}}", &notes, &s));
  CHECK_PULL(s, "wait");
  allowed = 2;
  graphql_source_ready(last_source);
  CHECK_INT(notes, 1);
  CHECK_PULL(s, "{\"data\":{\"c\":{\"n\":1,\"t\":\"Count\"}}}");
  CHECK_PULL(s, "{\"data\":{\"c\":{\"n\":2,\"t\":\"Count\"}}}");
  CHECK_PULL(s, "end");
  CHECK_PULL(s, "end");
  CHECK_INT(open_sources, 1);
  graphql_subscription_free(s);
  CHECK_INT(open_sources, 0);
}

TEST(errors_in_an_event_do_not_end_the_stream) {
  auto_graphql_schema *schema = make_schema();
  graphql_subscription *s = NULL;
  int notes = 0;
  allowed = 8;
  CHECK(!subscribe(schema, "subscription{count(to:8){word}}", &notes, &s));
  for (int i = 1; i < 7; i++)
    CHECK_PULL(s, "{\"data\":{\"count\":{\"word\":\"w\"}}}");
  auto_free char *seventh = pull(s);
  CHECK_HAS(seventh, "{\"data\":null,\"errors\":[{\"message\":\"Count.word has no value");
  CHECK_PULL(s, "{\"data\":{\"count\":{\"word\":\"w\"}}}");
  CHECK_PULL(s, "end");
  graphql_subscription_free(s);
}

TEST(a_failing_source_ends_the_stream) {
  auto_graphql_schema *schema = make_schema();
  graphql_subscription *s = NULL;
  enum graphql_event event;
  json_t *response = NULL;
  int notes = 0;
  allowed = 20;
  CHECK(!subscribe(schema, "subscription{count(to:20){n}}", &notes, &s));
  for (int i = 1; i < 13; i++)
    free(pull(s));
  CHECK_ERR(graphql_subscription_next(s, &event, &response), ERR_IO, "unlucky");
  CHECK_PULL(s, "end");
  graphql_subscription_free(s);
  CHECK_INT(open_sources, 0);
}

TEST(access_is_asked_again_for_every_event) {
  auto_graphql_schema *schema = make_schema();
  graphql_subscription *s = NULL;
  enum graphql_event event;
  json_t *response = NULL;
  int notes = 0;
  denied_from = 2;
  allowed = 1;
  CHECK(!subscribe(schema, "subscription{count(to:5){n}}", &notes, &s));
  CHECK_PULL(s, "{\"data\":{\"count\":{\"n\":1}}}");
  allowed = 2;
  CHECK_ERR(graphql_subscription_next(s, &event, &response), ERR_DENIED, "not any more");
  CHECK_PULL(s, "end");
  graphql_subscription_free(s);
}

TEST(requests_that_do_not_become_subscriptions) {
  static const struct {
    const char *query, *response;
  } rows[] = {
      {"{a}", "{\"data\":{\"a\":1}}"},
      {"subscription{refuses}", "{\"errors\":[{\"message\":\"no such thing\""},
      {"subscription{nothing}", "'nothing' cannot be subscribed to"},
      {"subscription{count(to:1){n} @skip(if:true)}", "expected a field"},
      {"subscription{count(to:1)@skip(if:true){n}}", "the subscription selects nothing"},
      {"subscription{nope}", "Subscription has no field 'nope'"},
  };
  auto_graphql_schema *schema = make_schema();
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    graphql_subscription *s = NULL;
    int notes = 0;
    auto_json *response = subscribe(schema, rows[i].query, &notes, &s);
    auto_free char *text = json_to_text(response);
    CHECK_HAS(text, rows[i].response);
    CHECK(!s);
  }
  denied_from = 1;
  allowed = 1;
  graphql_subscription *s = NULL;
  int notes = 0;
  auto_json *response = subscribe(schema, "subscription{count(to:1){n}}", &notes, &s);
  auto_free char *text = json_to_text(response);
  CHECK_HAS(text, "\"code\":\"DENIED\"");
  CHECK_INT(open_sources, 0);
}

TEST_MAIN
