/* Any bytes as a request: the query, then after a byte 0xFF (which no query can hold) the
 * variables. Whatever comes, the response must have the shape that the specification gives it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "graphql/execute.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sdl[] =
    "scalar JSON enum Color { RED GREEN } interface Node { id: ID! me: Node } union Any = A | B\n"
    "input In { c: Color = RED l: [In!] n: Int! = 1 s: String }\n"
    "type Query { a: A! b(first: Int): [B] any: [Any!] node(id: ID!): Node echo(i: In, j: JSON, l: "
    "[[Int!]]): JSON }\n"
    "type Mutation { set(i: Int!): Int }\n"
    "type A implements Node { id: ID! me: Node name: String! bad: Int b: [B!] any: Any }\n"
    "type B implements Node { id: ID! me: Node color: Color a: A f: Float no: String! }\n";

/* Values of an A, of a B and of neither. */
static const char *const things[] = {
    "{\"__typename\":\"A\",\"id\":1,\"name\":\"n\",\"bad\":\"x\"}",
    "{\"__typename\":\"B\",\"id\":\"2\",\"color\":\"RED\",\"f\":1.5}",
    "{\"__typename\":\"Nope\",\"id\":\"3\",\"name\":null}",
};

static err *thing(struct graphql_call *call, json_t **ret_value) {
  *ret_value = json_loads(things[strlen(call->field) % ARRAY_LEN(things)], 0, NULL);
  return NULL;
}

static err *list(struct graphql_call *call, json_t **ret_value) {
  (void)call;
  *ret_value = json_array();
  for (size_t i = 0; i < ARRAY_LEN(things); i++)
    json_array_append_new(*ret_value, json_loads(things[i], 0, NULL));
  return NULL;
}

static err *echo(struct graphql_call *call, json_t **ret_value) {
  *ret_value = json_incref(call->args);
  (void)graphql_call_selects(call, "a.b.c");
  return NULL;
}

static err *may(void *context, const char *role, const struct graphql_call *call) {
  (void)context, (void)role;
  return strcmp(call->field, "f") == 0 ? err_new(ERR_DENIED, "no") : NULL;
}

static graphql_schema *make_schema(void) {
  static const struct graphql_binding rows[] = {
      {"Query", "a", thing, NULL},    {"Query", "b", list, NULL},    {"Query", "any", list, NULL},
      {"Query", "node", thing, NULL}, {"Query", "echo", echo, NULL}, {"A", "me", thing, NULL},
      {"A", "b", list, NULL},         {"A", "any", thing, NULL},     {"B", "a", thing, NULL},
      {"B", "me", thing, NULL}};
  graphql_schema *schema = NULL;
  if (graphql_schema_new(sdl, sizeof sdl - 1, &schema) ||
      graphql_schema_bind(schema, rows, ARRAY_LEN(rows)))
    abort();
  graphql_schema_set_access(schema, may);
  return schema;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static graphql_schema *schema;
  if (!schema) schema = make_schema();
  struct graphql_limits limits = GRAPHQL_LIMITS_DEFAULT;
  limits.max_result_values = 2000;
  limits.max_cost = 100 * 1000;
  const uint8_t *end = memchr(data, 0xFF, size);
  size_t query_len = end ? (size_t)(end - data) : size;
  auto_json *variables =
      end ? json_loadb((const char *)end + 1, size - query_len - 1, 0, NULL) : NULL;
  struct graphql_request request = {
      .query = (const char *)data, .query_len = query_len, .variables = variables};
  auto_json *response = graphql_execute(schema, NULL, &request, &limits);
  const json_t *errors = json_object_get(response, "errors");
  const json_t *answer = json_object_get(response, "data");
  if (!errors && !json_is_object(answer)) abort();
  if (errors && json_array_size(errors) == 0) abort();
  auto_free char *text = json_to_text(response);
  if (!text) abort();
  return 0;
}
