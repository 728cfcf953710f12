#include "graphql/schema.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

#define ACCESS                                                                                     \
  "enum R { A B } directive @access(role: R!, of: String = \"x\") on FIELD_DEFINITION | OBJECT\n"

static graphql_schema *build(const char *text) {
  graphql_schema *schema = NULL;
  CHECK_OK(graphql_schema_new(text, strlen(text), &schema));
  return schema;
}

TEST(faults_of_schemas) {
  static const struct {
    const char *text, *message;
  } rows[] = {
      {"type T {a: Int}", "the schema has no query type"},
      {"schema {query: X}", "X is no object type"},
      {"scalar Query", "Query is no object type"},
      {"type Query {a: X}", "line 1, column 16: there is no type X"},
      {"type Query {a(b: X): Int}", "there is no type X"},
      {"type Query {a: Int a: Int}", "Query.a is there twice"},
      {"type Query {a(b: Int b: Int): Int}", "'b' is there twice"},
      {"type Query {a: Int} type Query {b: Int}", "type Query is defined twice"},
      {"type Query {a: Int} scalar String", "type String is defined twice"},
      {"type Query {a: Int} scalar __X", "reserved"},
      {"type Query {a: Int} directive @x on FIELD directive @x on FIELD", "@x is defined twice"},
      {"type Query", "Query is empty"},
      {"type Query {a: E} enum E", "E is empty"},
      {"type Query {a: U} union U", "U is empty"},
      {"type Query {a: E} enum E {A A}", "E.A is there twice"},
      {"type Query {a: I} input I {b: Int}", "I is no output type"},
      {"type Query {a(b: Query): Int}", "Query is no input type"},
      {"type Query {a(b: I): Int} input I {c: Query}", "Query is no input type"},
      {"type Query {a: U} union U = Int", "Int is no object type"},
      {"type Query implements Int {a: Int}", "Int is no interface type"},
      {"type Query implements N {a: Int} interface N {id: ID}", "Query.id is not as N wants it"},
      {"type Query implements N {id: ID} interface N {id: ID!}", "Query.id is not as N wants it"},
      {"type Query implements N {id(a: Int!): ID} interface N {id: ID}", "Query.id is not as"},
      {"type Query implements N {id: ID} interface N {id(a: Int): ID}", "Query.id is not as"},
      {"type Query implements N {id: ID} interface N implements M {id: ID} interface M {id: ID}",
       "Query must implement M too"},
      {"type Query {a(b: Int = \"x\"): Int}", "'b': expected Int, found a string"},
      {"type Query {a(b: E = C): Int} enum E {A}", "'C' is not a value of E"},
      {"type Query {a(b: I = {}): Int} input I {c: Int!}", "field 'c': 'c' is required"},
      {"type Query {a(b: I): Int} input I {c: I!}", "I must contain itself"},
      {"type Query {a(b: I): Int} input I {c: J!} input J {d: I!}", "must contain itself"},
      {"type Query {a: Int @nope}", "there is no directive @nope"},
      {"type Query {a: Int @skip(if: true)}", "@skip may not be here"},
      {"type Query {a: Int @deprecated(why: 1)}", "@deprecated has no argument 'why'"},
      {"type Query {a: Int @deprecated(reason: 1)}", "argument 'reason': expected String"},
      {ACCESS "type Query {a: Int @access}", "argument 'role': 'role' is required"},
      {ACCESS "type Query {a: Int @access(role: C)}", "'C' is not a value of R"},
      {"type Query {a: Int", "line 1, column 19: expected a field, found the end"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    graphql_schema *schema = NULL;
    CHECK_ERR(graphql_schema_new(rows[i].text, strlen(rows[i].text), &schema), ERR_INVALID,
              rows[i].message);
  }
}

TEST(every_fault_is_named_in_one_go) {
  graphql_schema *schema = NULL;
  static const char text[] = "type Query {a: X\nb: Y}";
  CHECK_ERR(graphql_schema_new(text, sizeof text - 1, &schema), ERR_INVALID,
            "there is no type X\nline 2, column 4: there is no type Y");
}

TEST(defaults_are_coerced_whatever_the_order) {
  auto_graphql_schema *schema =
      build("type Query {a(i: I = {}): Int} input I {j: J = {} l: [Int] = 7}"
            "input J {k: K = {}} input K {x: Float = 1 y: Int}");
  const struct graphql_field *field = graphql_type_field(schema->roots[GRAPHQL_QUERY], "a");
  auto_free char *text = json_to_text(field->args[0].default_value);
  CHECK_TEXT(text, "{\"j\":{\"k\":{\"x\":1}},\"l\":[7]}");
}

TEST(interfaces_and_unions_know_their_objects) {
  auto_graphql_schema *schema =
      build("type Query implements N {id: ID! u: U n: N} interface N {id: ID}\n"
            "type A implements N {id: ID!} type B {x: Int} union U = A | B");
  const struct graphql_type *n = graphql_schema_type(schema, "N");
  const struct graphql_type *u = graphql_schema_type(schema, "U");
  const struct graphql_type *a = graphql_schema_type(schema, "A");
  const struct graphql_type *b = graphql_schema_type(schema, "B");
  CHECK_INT(n->possible_count, 2);
  CHECK(graphql_type_includes(n, a) && !graphql_type_includes(n, b));
  CHECK(graphql_type_includes(u, a) && graphql_type_includes(u, b));
}

TEST(access_is_the_field_s_own_or_its_type_s) {
  auto_graphql_schema *schema =
      build(ACCESS "type Query {t: T @access(role: B, of: \"y\")} type T @access(role: A) {"
                   " x: Int y: Int @access(role: B)}");
  const struct graphql_type *t = graphql_schema_type(schema, "T");
  CHECK_TEXT(graphql_type_field(t, "x")->role, "A");
  CHECK_TEXT(graphql_type_field(t, "y")->role, "B");
  CHECK_TEXT(json_get_text(graphql_type_field(t, "y")->access, "of"), "x");
  CHECK_TEXT(json_get_text(graphql_type_field(schema->roots[GRAPHQL_QUERY], "t")->access, "of"),
             "y");
  CHECK_OK(graphql_schema_check_access(schema));
}

TEST(missing_access_is_reported) {
  auto_graphql_schema *schema =
      build(ACCESS "type Query @access(role: A) {t: T u: T @access(role: A)} type T {x: Int"
                   " y: Int @access(role: B)} type Mutation {m: Int}");
  CHECK_ERR(graphql_schema_check_access(schema), ERR_INVALID,
            "Query.t: says nothing about access\nT.x: says nothing about access\n"
            "Mutation.m: says nothing about access");
}

static err *nothing(struct graphql_call *call, json_t **ret_value) {
  (void)call, (void)ret_value;
  return NULL;
}

static err *no_source(struct graphql_call *call, struct graphql_source **ret_source) {
  (void)call, (void)ret_source;
  return err_new(ERR_IO, "none");
}

TEST(binding) {
  auto_graphql_schema *schema = build("type Query {a: T} type T {x: Int p(first: Int): Int}"
                                      "type Subscription {s: Int}");
  CHECK_ERR(graphql_schema_check_resolvers(schema), ERR_INVALID,
            "Query.a: has no resolver\nT.p: has arguments but no resolver\n"
            "Subscription.s: has no resolver");
  static const struct graphql_binding wrong[] = {
      {"Nope", "a", nothing, NULL},      {"Query", "b", nothing, NULL},
      {"Query", "a", NULL, no_source},   {"Subscription", "s", nothing, NULL},
      {"__Type", "name", nothing, NULL},
  };
  CHECK_ERR(graphql_schema_bind(schema, wrong, ARRAY_LEN(wrong)), ERR_INVALID,
            "Nope.a: no such object type\nQuery.b: no such field\n"
            "Query.a: needs a resolver and no subscriber\n"
            "Subscription.s: needs a subscriber and no resolver\n__Type.name: no such object type");
  static const struct graphql_binding right[] = {{"Query", "a", nothing, NULL},
                                                 {"T", "p", nothing, NULL},
                                                 {"Subscription", "s", NULL, no_source}};
  CHECK_OK(graphql_schema_bind(schema, right, ARRAY_LEN(right)));
  CHECK_OK(graphql_schema_check_resolvers(schema));
  CHECK_ERR(graphql_schema_bind(schema, right, 1), ERR_INVALID, "Query.a: bound twice");
}

static err *refuse(const json_t *value) {
  (void)value;
  return err_new(ERR_IO, "no");
}

TEST(only_custom_scalars_have_checks) {
  auto_graphql_schema *schema = build("type Query {a: Date} scalar Date enum E {A}");
  CHECK_OK(graphql_schema_bind_scalar(schema, "Date", refuse));
  CHECK_ERR(graphql_schema_bind_scalar(schema, "Int", refuse), ERR_INVALID, "Int is not a custom");
  CHECK_ERR(graphql_schema_bind_scalar(schema, "E", refuse), ERR_INVALID, "E is not a custom");
}

TEST(unreachable_types_are_reported) {
  auto_graphql_schema *schema =
      build("type Query {a(i: I): N} input I {e: E} enum E {A} interface N {x: Int}"
            "type Q implements N {x: Int q: D} scalar D type Lost {x: Int} input Gone {e: E}");
  CHECK_ERR(graphql_schema_check_reachable(schema), ERR_INVALID,
            "Lost: cannot be reached from the root types\nGone: cannot be reached");
}

TEST_MAIN
