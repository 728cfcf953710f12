#include "graphql/execute.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static const char sdl[] =
    "directive @access(role: Role!) on FIELD_DEFINITION | OBJECT\n"
    "enum Role { ANYONE OWNER }\n"
    "scalar Date scalar JSON enum Color { RED GREEN }\n"
    "interface Node { id: ID! } union Thing = Shop | Item\n"
    "input Filter { color: Color = RED tags: [String!] min: Int! = 3 nested: Filter }\n"
    "type Query {\n"
    "  shop: Shop @access(role: ANYONE) sure: Shop! @access(role: ANYONE)\n"
    "  echo(i: Int, f: Float, s: String, b: Boolean, id: ID, e: Color, d: Date, j: JSON,\n"
    "    l: [Int!], m: [[Int]], o: Filter, def: Int! = 7): JSON @access(role: ANYONE)\n"
    "  value(path: String!): Values @access(role: ANYONE)\n"
    "  things: [Thing!] @access(role: ANYONE) node: Node @access(role: ANYONE)\n"
    "  fail(code: Int): String @access(role: ANYONE) secret: String @access(role: OWNER)\n"
    "  many(first: Int!): [Item!]! @access(role: ANYONE) looks: [String!] @access(role: ANYONE) }\n"
    "type Values @access(role: ANYONE) { int: Int float: Float string: String bool: Boolean id: "
    "ID\n"
    "  color: Color date: Date json: JSON list: [Int] strict: [Int!] must: Int! item: Item }\n"
    "type Mutation { add(n: Int!): Int! @access(role: ANYONE) }\n"
    "type Subscription { tick: Int @access(role: ANYONE) }\n"
    "type Shop implements Node @access(role: ANYONE) { id: ID! name: String items: [Item]\n"
    "  sureItems: [Item!]! broken: String brokenSure: String! owner: Owner }\n"
    "type Owner @access(role: OWNER) { name: String tax: String @access(role: ANYONE) }\n"
    "type Item implements Node @access(role: ANYONE) { id: ID! title: String! shop: Shop }\n";

struct host {
  int sum;
  bool owner;
  int access_calls;
};

static const char shop_json[] =
    "{\"id\": 7, \"name\": \"corner\", \"items\": [{\"id\": \"a\", \"title\": \"x\"},"
    " {\"id\": \"b\"}, null], \"sureItems\": [{\"id\": \"a\", \"title\": \"x\"}],"
    " \"owner\": {\"name\": \"Ann\", \"tax\": \"1\"}, \"__typename\": \"Shop\"}";

static json_t *loads(const char *text) {
  return json_loads(text, JSON_DECODE_ANY, NULL);
}

static err *get_shop(struct graphql_call *call, json_t **ret_value) {
  (void)call;
  *ret_value = loads(shop_json);
  return NULL;
}

static err *echo(struct graphql_call *call, json_t **ret_value) {
  *ret_value = json_incref(call->args);
  return NULL;
}

static err *value(struct graphql_call *call, json_t **ret_value) {
  *ret_value = loads(json_get_text(call->args, "path"));
  return NULL;
}

static err *things(struct graphql_call *call, json_t **ret_value) {
  (void)call;
  *ret_value = loads("[{\"__typename\": \"Item\", \"id\": \"i\", \"title\": \"t\"},"
                     " {\"__typename\": \"Shop\", \"id\": \"s\", \"name\": \"n\"}]");
  return NULL;
}

static err *node(struct graphql_call *call, json_t **ret_value) {
  (void)call;
  *ret_value = loads("{\"__typename\": \"Values\"}");
  return NULL;
}

static err *fail(struct graphql_call *call, json_t **ret_value) {
  (void)ret_value;
  int code = (int)json_get_int(call->args, "code", ERR_IO);
  return err_wrap(err_new((enum err_code)code, "the cause"), "failing");
}

static err *secret(struct graphql_call *call, json_t **ret_value) {
  (void)call;
  *ret_value = json_string("hidden");
  return NULL;
}

static err *many(struct graphql_call *call, json_t **ret_value) {
  *ret_value = json_array();
  for (int64_t i = json_get_int(call->args, "first", 0); i > 0; i--)
    json_array_append_new(*ret_value,
                          json_pack("{s:I, s:s}", "id", (json_int_t)i, "title", "0123456789"));
  return NULL;
}

static err *looks(struct graphql_call *call, json_t **ret_value) {
  (void)call;
  *ret_value = NULL;
  return NULL;
}

static err *add(struct graphql_call *call, json_t **ret_value) {
  struct host *host = call->context;
  host->sum += (int)json_get_int(call->args, "n", 0);
  if (host->sum > 100) return err_new(ERR_LIMIT, "too much");
  *ret_value = json_integer(host->sum);
  return NULL;
}

static err *broken(struct graphql_call *call, json_t **ret_value) {
  (void)ret_value;
  CHECK_TEXT(json_get_text(call->parent, "name"), "corner");
  return err_new(ERR_CONFLICT, "%s is broken", call->field);
}

static err *check_date(const json_t *date) {
  return json_is_string(date) ? NULL : err_new(ERR_INVALID, "expected a text");
}

static err *access_fn(void *context, const char *role, const struct graphql_call *call) {
  struct host *host = context;
  host->access_calls++;
  if (str_eq(role, "ANYONE") || host->owner) return NULL;
  return err_new(ERR_DENIED, "%s.%s is for owners", call->type, call->field);
}

static graphql_schema *make_schema(void) {
  static const struct graphql_binding rows[] = {
      {"Query", "shop", get_shop, NULL},   {"Query", "sure", get_shop, NULL},
      {"Query", "echo", echo, NULL},       {"Query", "value", value, NULL},
      {"Query", "things", things, NULL},   {"Query", "node", node, NULL},
      {"Query", "fail", fail, NULL},       {"Query", "secret", secret, NULL},
      {"Query", "many", many, NULL},       {"Query", "looks", looks, NULL},
      {"Mutation", "add", add, NULL},      {"Shop", "broken", broken, NULL},
      {"Shop", "brokenSure", broken, NULL}};
  graphql_schema *schema = NULL;
  CHECK_OK(graphql_schema_new(sdl, sizeof sdl - 1, &schema));
  CHECK_OK(graphql_schema_bind(schema, rows, ARRAY_LEN(rows)));
  CHECK_OK(graphql_schema_bind_scalar(schema, "Date", check_date));
  graphql_schema_set_access(schema, access_fn);
  return schema;
}

static json_t *run(const char *query, const char *variables, struct host *host,
                   const struct graphql_limits *limits) {
  auto_graphql_schema *schema = make_schema();
  auto_json *values = variables ? loads(variables) : NULL;
  struct graphql_request request = {
      .query = query, .query_len = strlen(query), .variables = values};
  return graphql_execute(schema, host, &request, limits);
}

static char *run_text(const char *query, const char *variables) {
  struct host host = {0};
  auto_json *response = run(query, variables, &host, &GRAPHQL_LIMITS_DEFAULT);
  return json_to_text(response);
}

struct row {
  const char *query, *variables, *response;
};

static void check_rows(const struct row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    auto_free char *text = run_text(rows[i].query, rows[i].variables);
    if (!str_eq(text, rows[i].response))
      TAP_FAIL("%s\n#   gives %s\n#   not   %s", rows[i].query, text, rows[i].response);
  }
}

TEST(selections) {
  static const struct row rows[] = {
      {"{shop{id name}}", NULL, "{\"data\":{\"shop\":{\"id\":\"7\",\"name\":\"corner\"}}}"},
      {"{b:shop{n:name} a:shop{name}}", NULL,
       "{\"data\":{\"b\":{\"n\":\"corner\"},\"a\":{\"name\":\"corner\"}}}"},
      {"{shop{id} shop{name id}}", NULL,
       "{\"data\":{\"shop\":{\"id\":\"7\",\"name\":\"corner\"}}}"},
      {"{__typename shop{__typename t:__typename}}", NULL,
       "{\"data\":{\"__typename\":\"Query\",\"shop\":{\"__typename\":\"Shop\",\"t\":\"Shop\"}}}"},
      {"{shop{...F ...on Node{id} ...on Shop{name}}} fragment F on Node{id}", NULL,
       "{\"data\":{\"shop\":{\"id\":\"7\",\"name\":\"corner\"}}}"},
      {"{things{__typename ...on Item{title} ...on Node{id} ...on Shop{name}}}", NULL,
       "{\"data\":{\"things\":[{\"__typename\":\"Item\",\"title\":\"t\",\"id\":\"i\"},"
       "{\"__typename\":\"Shop\",\"id\":\"s\",\"name\":\"n\"}]}}"},
      {"query($y:Boolean!,$n:Boolean!){shop{id @skip(if:$y) name @include(if:$n) "
       "a:name @skip(if:$n) b:name @include(if:$y) ...@skip(if:$y){c:name} ...F @include(if:$n)}}"
       "fragment F on Shop{d:name}",
       "{\"y\":true,\"n\":false}", "{\"data\":{\"shop\":{\"a\":\"corner\",\"b\":\"corner\"}}}"},
      {"{shop{id @include(if:true) @skip(if:true) name}}", NULL,
       "{\"data\":{\"shop\":{\"name\":\"corner\"}}}"},
      {"{looks}", NULL, "{\"data\":{\"looks\":null}}"},
      {"mutation{a:add(n:1) b:add(n:2) c:add(n:3)}", NULL, "{\"data\":{\"a\":1,\"b\":3,\"c\":6}}"},
  };
  check_rows(rows, ARRAY_LEN(rows));
}

#define ECHO(literal, json)                                                                        \
  { "{echo(" literal ")}", NULL, "{\"data\":{\"echo\":" json "}}" }
#define VARS(type, arg, variables, json)                                                           \
  { "query($v:" type "){echo(" arg ":$v)}", variables, "{\"data\":{\"echo\":" json "}}" }

TEST(arguments) {
  static const struct row rows[] = {
      {"{echo}", NULL, "{\"data\":{\"echo\":{\"def\":7}}}"},
      ECHO("i:-5 def:1", "{\"i\":-5,\"def\":1}"),
      ECHO("f:2", "{\"f\":2,\"def\":7}"),
      ECHO("f:2.5 b:false s:\"\"", "{\"f\":2.5,\"s\":\"\",\"b\":false,\"def\":7}"),
      ECHO("id:12 e:GREEN", "{\"id\":\"12\",\"e\":\"GREEN\",\"def\":7}"),
      ECHO("id:\"x\" s:null", "{\"s\":null,\"id\":\"x\",\"def\":7}"),
      ECHO("l:3 m:[[1,null],null,2]", "{\"l\":[3],\"m\":[[1,null],null,[2]],\"def\":7}"),
      ECHO("j:{a:[1,\"b\",RED]}", "{\"j\":{\"a\":[1,\"b\",\"RED\"]},\"def\":7}"),
      ECHO("o:{}", "{\"o\":{\"color\":\"RED\",\"min\":3},\"def\":7}"),
      ECHO("o:{color:null tags:\"t\" nested:{min:1}}",
           "{\"o\":{\"color\":null,\"tags\":[\"t\"],\"min\":3,\"nested\":{\"color\":\"RED\","
           "\"min\":1}},"
           "\"def\":7}"),
      VARS("Int", "i", "{\"v\":5}", "{\"i\":5,\"def\":7}"),
      VARS("Int", "i", "{\"v\":null}", "{\"i\":null,\"def\":7}"),
      VARS("Int", "i", "{}", "{\"def\":7}"),
      VARS("Int", "i", NULL, "{\"def\":7}"),
      VARS("Int=4", "i", "{}", "{\"i\":4,\"def\":7}"),
      VARS("Int=4", "i", "{\"v\":null}", "{\"i\":null,\"def\":7}"),
      VARS("Int", "def", "{}", "{\"def\":7}"),
      VARS("ID", "id", "{\"v\":9007199254740993}", "{\"id\":\"9007199254740993\",\"def\":7}"),
      VARS("Float", "f", "{\"v\":1}", "{\"f\":1,\"def\":7}"),
      VARS("[Int!]", "l", "{\"v\":3}", "{\"l\":[3],\"def\":7}"),
      VARS("Date", "d", "{\"v\":\"2026\"}", "{\"d\":\"2026\",\"def\":7}"),
      VARS("JSON", "j", "{\"v\":[{\"a\":9007199254740993}]}",
           "{\"j\":[{\"a\":9007199254740993}],\"def\":7}"),
      VARS("Filter", "o", "{\"v\":{\"nested\":{\"tags\":[\"a\"]}}}",
           "{\"o\":{\"color\":\"RED\",\"min\":3,\"nested\":{\"color\":\"RED\",\"tags\":[\"a\"],"
           "\"min\":3}},\"def\":7}"),
      {"query($t:String!,$j:JSON){echo(o:{tags:[$t,\"u\"]} j:{a:[$j] b:$j})}", "{\"t\":\"x\"}",
       "{\"data\":{\"echo\":{\"j\":{\"a\":[null]},\"o\":{\"color\":\"RED\",\"tags\":[\"x\",\"u\"],"
       "\"min\":3},\"def\":7}}}"},
      {"query($c:Color){echo(o:{color:$c})}", "{}",
       "{\"data\":{\"echo\":{\"o\":{\"color\":\"RED\",\"min\":3},\"def\":7}}}"},
  };
  check_rows(rows, ARRAY_LEN(rows));
}

TEST(faulty_variables_have_no_data) {
  static const struct {
    const char *type, *arg, *value, *message;
  } rows[] = {
      {"Int", "i", "{\"v\":\"5\"}", "variable $v: expected Int, found a string"},
      {"Int", "i", "{\"v\":1.0}", "variable $v: expected Int, found a number with a fraction"},
      {"Int", "i", "{\"v\":2147483648}", "variable $v: 2147483648 does not fit into Int's 32 bits"},
      {"Int!", "i", "{}", "variable $v: a value of type Int! is required"},
      {"Int!", "i", "{\"v\":null}", "variable $v: expected Int!, found null"},
      {"String", "s", "{\"v\":5}", "variable $v: expected String, found an integer"},
      {"Boolean", "b", "{\"v\":1}", "variable $v: expected Boolean, found an integer"},
      {"Color", "e", "{\"v\":\"BLUE\"}", "variable $v: 'BLUE' is not a value of Color"},
      {"Color", "e", "{\"v\":1}", "variable $v: expected Color, found an integer"},
      {"[Int!]", "l", "{\"v\":[1,null]}", "variable $v: item 1: expected Int!, found null"},
      {"Date", "d", "{\"v\":5}", "variable $v: Date: expected a text"},
      {"Filter", "o", "{\"v\":5}", "variable $v: expected Filter, found an integer"},
      {"Filter", "o", "{\"v\":{\"x\":1}}", "variable $v: Filter has no field 'x'"},
      {"Filter", "o", "{\"v\":{\"nested\":{\"min\":null}}}",
       "variable $v: field 'nested': field 'min': expected Int!, found null"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *query = str_format("query($v:%s){echo(%s:$v)}", rows[i].type, rows[i].arg);
    auto_free char *text = run_text(query, rows[i].value);
    auto_free char *expected =
        str_format("{\"errors\":[{\"message\":\"%s\",\"locations\":[{\"line\":1,\"column\":7}],"
                   "\"extensions\":{\"code\":\"INVALID\"}}]}",
                   rows[i].message);
    CHECK_TEXT(text, expected);
  }
}

#define ERROR(message, column, path, code)                                                         \
  "\"errors\":[{\"message\":\"" message "\",\"locations\":[{\"line\":1,\"column\":" column         \
  "}],\"path\":" path ",\"extensions\":{\"code\":\"" code "\"}}]}"

TEST(errors_and_nulls) {
  static const struct row rows[] = {
      {"{fail shop{id}}", NULL,
       "{\"data\":{\"fail\":null,\"shop\":{\"id\":\"7\"}}," ERROR("failing: the cause", "2",
                                                                  "[\"fail\"]", "IO")},
      {"{x:fail(code:2)}", NULL,
       "{\"data\":{\"x\":null}," ERROR("failing: the cause", "2", "[\"x\"]", "NOT_FOUND")},
      {"{shop{id broken name}}", NULL,
       "{\"data\":{\"shop\":{\"id\":\"7\",\"broken\":null,\"name\":\"corner\"}}," ERROR(
           "broken is broken", "10", "[\"shop\",\"broken\"]", "CONFLICT")},
      {"{shop{id brokenSure name}}", NULL,
       "{\"data\":{\"shop\":null}," ERROR("brokenSure is broken", "10", "[\"shop\",\"brokenSure\"]",
                                          "CONFLICT")},
      {"{sure{id brokenSure name}}", NULL,
       "{\"data\":null," ERROR("brokenSure is broken", "10", "[\"sure\",\"brokenSure\"]",
                               "CONFLICT")},
      {"{shop{items{title}}}", NULL,
       "{\"data\":{\"shop\":{\"items\":[{\"title\":\"x\"},null,null]}}," ERROR(
           "Item.title has no value, although it is never null", "13",
           "[\"shop\",\"items\",1,\"title\"]", "CORRUPT")},
      {"{shop{i:items{id t:title}}}", NULL,
       "{\"data\":{\"shop\":{\"i\":[{\"id\":\"a\",\"t\":\"x\"},null,null]}}," ERROR(
           "Item.title has no value, although it is never null", "18", "[\"shop\",\"i\",1,\"t\"]",
           "CORRUPT")},
      {"{shop{sureItems{shop{brokenSure}}}}", NULL,
       "{\"data\":{\"shop\":{\"sureItems\":[{\"shop\":null}]}}}"},
      {"mutation{a:add(n:1) b:add(n:200)}", NULL,
       "{\"data\":null," ERROR("too much", "21", "[\"b\"]", "LIMIT")},
      {"{node{id}}", NULL,
       "{\"data\":{\"node\":null}," ERROR("node: the value is no Node", "2", "[\"node\"]",
                                          "CORRUPT")},
  };
  check_rows(rows, ARRAY_LEN(rows));
}

TEST(results_are_coerced) {
  static const struct {
    const char *field, *value, *result; /* result NULL: the field is an error */
  } rows[] = {
      {"int", "5", "5"},
      {"int", "2147483648", NULL},
      {"int", "1.5", NULL},
      {"int", "\\\"5\\\"", NULL},
      {"float", "5", "5"},
      {"float", "1.5", "1.5"},
      {"float", "true", NULL},
      {"string", "\\\"x\\\"", "\"x\""},
      {"string", "5", NULL},
      {"bool", "true", "true"},
      {"bool", "1", NULL},
      {"id", "5", "\"5\""},
      {"id", "\\\"x\\\"", "\"x\""},
      {"id", "[]", NULL},
      {"color", "\\\"RED\\\"", "\"RED\""},
      {"color", "\\\"BLUE\\\"", NULL},
      {"date", "5", "5"},
      {"json", "{\\\"a\\\":[1]}", "{\"a\":[1]}"},
      {"list", "[1,null,3]", "[1,null,3]"},
      {"list", "5", NULL},
      {"strict", "[1,null,3]", NULL},
      {"list", "[1,true,3]", NULL},
      {"item{id}", "5", NULL},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *name = str_dup(rows[i].field);
    name[strcspn(name, "{")] = 0;
    auto_free char *query =
        str_format("{value(path:\"{\\\"%s\\\":%s}\"){%s}}", name, rows[i].value, rows[i].field);
    auto_free char *text = run_text(query, NULL);
    if (!rows[i].result) {
      CHECK_HAS(text, "\"CORRUPT\"");
      continue;
    }
    auto_free char *expected =
        str_format("{\"data\":{\"value\":{\"%s\":%s}}}", name, rows[i].result);
    CHECK_TEXT(text, expected);
  }
}

TEST(a_bad_item_of_a_nullable_list_is_null) {
  auto_free char *text = run_text("{value(path:\"{\\\"list\\\":[1,true,3]}\"){list}}", NULL);
  CHECK_HAS(text, "{\"data\":{\"value\":{\"list\":[1,null,3]}}");
  CHECK_HAS(text, "\"path\":[\"value\",\"list\",1]");
}

TEST(access_is_asked_for_every_field) {
  static const char query[] = "{secret shop{owner{name tax}}}";
  struct host stranger = {0}, owner = {.owner = true};
  auto_json *refused = run(query, NULL, &stranger, &GRAPHQL_LIMITS_DEFAULT);
  auto_json *granted = run(query, NULL, &owner, &GRAPHQL_LIMITS_DEFAULT);
  auto_free char *refused_text = json_to_text(refused);
  auto_free char *granted_text = json_to_text(granted);
  CHECK_TEXT(
      granted_text,
      "{\"data\":{\"secret\":\"hidden\",\"shop\":{\"owner\":{\"name\":\"Ann\",\"tax\":\"1\"}}}}");
  CHECK_HAS(refused_text,
            "{\"data\":{\"secret\":null,\"shop\":{\"owner\":{\"name\":null,\"tax\":\"1\"}}}");
  CHECK_HAS(refused_text, "\"message\":\"Query.secret is for owners\"");
  CHECK_HAS(refused_text, "\"message\":\"Owner.name is for owners\"");
  CHECK_HAS(refused_text, "\"code\":\"DENIED\"");
  CHECK_INT(stranger.access_calls, 5);
}

TEST(introspection_needs_no_access) {
  struct host host = {0};
  auto_json *response = run("{__schema{types{name}} __type(name:\"Owner\"){name}}", NULL, &host,
                            &GRAPHQL_LIMITS_DEFAULT);
  CHECK(!json_object_get(response, "errors"));
  CHECK_INT(host.access_calls, 0);
}

TEST(a_message_is_always_text) {
  auto_json *response = graphql_error_response(err_new(ERR_IO, "caf\xC3 \xFF!"));
  auto_free char *text = json_to_text(response);
  CHECK_TEXT(text, "{\"errors\":[{\"message\":\"caf? ?!\",\"extensions\":{\"code\":\"IO\"}}]}");
}

TEST(operations_are_chosen_by_name) {
  static const char query[] = "query A{a:shop{id}} query B{b:shop{id}}";
  static const struct {
    const char *name, *response;
  } rows[] = {
      {"A", "{\"data\":{\"a\":{\"id\":\"7\"}}}"},
      {"B", "{\"data\":{\"b\":{\"id\":\"7\"}}}"},
      {"C", "there is no operation 'C'"},
      {NULL, "there are several operations: say which with operationName"},
  };
  auto_graphql_schema *schema = make_schema();
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct host host = {0};
    struct graphql_request request = {
        .query = query, .query_len = strlen(query), .operation_name = rows[i].name};
    auto_json *response = graphql_execute(schema, &host, &request, &GRAPHQL_LIMITS_DEFAULT);
    auto_free char *text = json_to_text(response);
    CHECK_HAS(text, rows[i].response);
  }
}

TEST(requests_that_fail_before_execution) {
  static const struct row rows[] = {
      {"{", NULL,
       "{\"errors\":[{\"message\":\"line 1, column 2: expected a field, found the end\","
       "\"locations\":[{\"line\":1,\"column\":2}],\"extensions\":{\"code\":\"INVALID\"}}]}"},
      {"{nope}", NULL,
       "{\"errors\":[{\"message\":\"Query has no field 'nope'; did you mean "
       "'node'?\",\"locations\":"
       "[{\"line\":1,\"column\":2}],\"extensions\":{\"code\":\"INVALID\"}}]}"},
      {"subscription{tick}", NULL,
       "{\"errors\":[{\"message\":\"a subscription needs a WebSocket (graphql-transport-ws)\","
       "\"locations\":[{\"line\":1,\"column\":1}],\"extensions\":{\"code\":\"INVALID\"}}]}"},
  };
  check_rows(rows, ARRAY_LEN(rows));
}

TEST(limits) {
  static const struct {
    const char *query;
    struct graphql_limits change; /* what is not 0 */
    const char *message;
  } rows[] = {
      {"{many(first:100){id}}",
       {.max_cost = 100},
       "the operation costs 101, at most 100 is accepted"},
      {"{many(first:100){id}}", {.max_result_values = 200}, "more than 200 values"},
      {"{many(first:100){title}}", {.max_result_bytes = 999}, "or 999 bytes"},
      {"query($j:JSON){echo(j:$j)}", {.max_variable_bytes = 8}, "the variables are larger than 8"},
      {"{shop{id}}", {.max_document_bytes = 5}, "the document has 10 bytes"},
      {"{shop{id}}", {.max_tokens = 3}, "more than 3 tokens"},
      {"{shop{id}}", {.max_nesting = 1}, "nested deeper than 1"},
      {"{shop{id}}", {.max_field_depth = 1}, "fields nested deeper than 1"},
      {"{shop{id}}", {.max_fields = 1}, "more than 1 fields"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct host host = {0};
    struct graphql_limits limits = GRAPHQL_LIMITS_DEFAULT;
    const size_t *change = (const size_t *)&rows[i].change;
    for (size_t k = 0; k < sizeof limits / sizeof *change; k++)
      if (change[k]) ((size_t *)&limits)[k] = change[k];
    auto_json *response = run(rows[i].query, "{\"j\":\"0123456789\"}", &host, &limits);
    auto_free char *text = json_to_text(response);
    CHECK_HAS(text, rows[i].message);
    CHECK_HAS(text, "\"code\":\"LIMIT\"");
    CHECK(!json_object_get(response, "data") || json_is_null(json_object_get(response, "data")));
  }
}

static bool seen_title, seen_deep, seen_skipped;

static err *look(struct graphql_call *call, json_t **ret_value) {
  (void)ret_value;
  seen_title = graphql_call_selects(call, "items.title");
  seen_deep = graphql_call_selects(call, "items.shop.name");
  seen_skipped = graphql_call_selects(call, "items.id");
  return NULL;
}

TEST(resolvers_can_look_ahead) {
  static const char query[] =
      "{shop{items{...F id @skip(if:true)}}} fragment F on Item{...on Node{...on Item{title}}}";
  static const struct graphql_binding rows[] = {{"Query", "shop", look, NULL}};
  graphql_schema *schema = NULL;
  CHECK_OK(graphql_schema_new(sdl, sizeof sdl - 1, &schema));
  CHECK_OK(graphql_schema_bind(schema, rows, 1));
  struct graphql_request request = {.query = query, .query_len = strlen(query)};
  auto_json *response = graphql_execute(schema, NULL, &request, &GRAPHQL_LIMITS_DEFAULT);
  CHECK(!json_object_get(response, "errors"));
  CHECK(seen_title && !seen_deep && !seen_skipped);
  graphql_schema_free(schema);
}

TEST(requests_from_json) {
  static const struct {
    const char *body, *error; /* NULL: none */
  } rows[] = {
      {"{\"query\":\"{a}\"}", NULL},
      {"{\"query\":\"{a}\",\"operationName\":null,\"variables\":null,\"extensions\":{}}", NULL},
      {"{\"query\":\"{a}\",\"operationName\":\"A\",\"variables\":{}}", NULL},
      {"[]", "the text 'query'"},
      {"{\"query\":1}", "the text 'query'"},
      {"{\"query\":\"{a}\",\"operationName\":1}", "'operationName' must be a text"},
      {"{\"query\":\"{a}\",\"variables\":\"{}\"}", "'variables' must be an object"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct graphql_request request = {0};
    auto_json *body = loads(rows[i].body);
    if (rows[i].error)
      CHECK_ERR(graphql_request_from_json(body, &request), ERR_INVALID, rows[i].error);
    else
      CHECK_OK(graphql_request_from_json(body, &request));
  }
  auto_json *response = graphql_error_response(err_new(ERR_DENIED, "no token"));
  auto_free char *text = json_to_text(response);
  CHECK_TEXT(text,
             "{\"errors\":[{\"message\":\"no token\",\"extensions\":{\"code\":\"DENIED\"}}]}");
}

TEST_MAIN
