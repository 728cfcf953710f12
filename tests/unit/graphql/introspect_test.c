#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "graphql/execute.h"
#include "tap.h"

/* What graphql-js's getIntrospectionQuery() asks with all its options of October 2021 on; GraphiQL
 * and code generators send it. */
static const char introspection_query[] =
    "query IntrospectionQuery { __schema { description queryType { name } mutationType { name }\n"
    "  subscriptionType { name } types { ...FullType }\n"
    "  directives { name description isRepeatable locations args(includeDeprecated: true) {\n"
    "    ...InputValue } } } }\n"
    "fragment FullType on __Type { kind name description specifiedByURL\n"
    "  fields(includeDeprecated: true) { name description args(includeDeprecated: true) {\n"
    "    ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }\n"
    "  inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef }\n"
    "  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }\n"
    "  possibleTypes { ...TypeRef } }\n"
    "fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue\n"
    "  isDeprecated deprecationReason }\n"
    "fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType {\n"
    "  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name\n"
    "  ofType { kind name ofType { kind name } } } } } } } } } }\n";

static json_t *run(const char *sdl, const char *query) {
  graphql_schema *schema = NULL;
  CHECK_OK(graphql_schema_new(sdl, strlen(sdl), &schema));
  struct graphql_request request = {.query = query, .query_len = strlen(query)};
  json_t *response = graphql_execute(schema, NULL, &request, &GRAPHQL_LIMITS_DEFAULT);
  graphql_schema_free(schema);
  return response;
}

static void check(const char *sdl, const char *query, const char *data) {
  auto_json *response = run(sdl, query);
  auto_free char *text = json_to_text(response);
  auto_free char *expected = str_format("{\"data\":%s}", data);
  CHECK_TEXT(text, expected);
}

TEST(the_standard_query_on_our_own_schema) {
  auto_str sdl = STR_EMPTY;
  CHECK_OK(file_read("api/schema.graphql", 4 * 1024 * 1024, &sdl));
  auto_json *response = run(str_text(&sdl), introspection_query);
  CHECK(!json_object_get(response, "errors"));
  json_t *schema = json_object_get(json_object_get(response, "data"), "__schema");
  CHECK_TEXT(json_get_text(json_object_get(schema, "queryType"), "name"), "Query");
  CHECK(json_array_size(json_object_get(schema, "types")) > 100);
  CHECK_INT(json_array_size(json_object_get(schema, "directives")), 5);
}

TEST(types) {
  static const char sdl[] =
      "\"all\" schema {query: Query}\n"
      "type Query implements N {\"the id\" id(a: [Int!]! = [1], b: I = {s: \"x\\n\"}): ID!\n"
      "  old: E @deprecated(reason: \"r\")}\n"
      "interface N {id: ID!} union U = Query scalar D @specifiedBy(url: \"u\")\n"
      "enum E {A B @deprecated} input I {s: String = \"d\" e: E = A f: Float = 1.50}\n"
      "directive @x(y: Boolean = true) repeatable on FIELD | QUERY\n";
  check(
      sdl,
      "{__type(name:\"Query\"){kind name fields{name description args{name defaultValue "
      "type{kind ofType{kind ofType{kind ofType{name}}}}} type{kind name ofType{name}}} "
      "interfaces{name} possibleTypes{name} enumValues{name} inputFields{name} ofType{name}}}",
      "{\"__type\":{\"kind\":\"OBJECT\",\"name\":\"Query\",\"fields\":[{\"name\":\"id\","
      "\"description\":\"the id\",\"args\":[{\"name\":\"a\",\"defaultValue\":\"[1]\",\"type\":"
      "{\"kind\":\"NON_NULL\",\"ofType\":{\"kind\":\"LIST\",\"ofType\":{\"kind\":\"NON_NULL\","
      "\"ofType\":{\"name\":\"Int\"}}}}},{\"name\":\"b\",\"defaultValue\":\"{s: \\\"x\\\\n\\\"}\","
      "\"type\":{\"kind\":\"INPUT_OBJECT\",\"ofType\":null}}],\"type\":{\"kind\":\"NON_NULL\","
      "\"name\":null,\"ofType\":{\"name\":\"ID\"}}}],\"interfaces\":[{\"name\":\"N\"}],"
      "\"possibleTypes\":null,\"enumValues\":null,\"inputFields\":null,\"ofType\":null}}");
  check(sdl,
        "{__type(name:\"Query\"){fields(includeDeprecated:true){name isDeprecated "
        "deprecationReason}}}",
        "{\"__type\":{\"fields\":[{\"name\":\"id\",\"isDeprecated\":false,\"deprecationReason\":"
        "null},"
        "{\"name\":\"old\",\"isDeprecated\":true,\"deprecationReason\":\"r\"}]}}");
  check(sdl,
        "{e:__type(name:\"E\"){enumValues{name}} all:__type(name:\"E\"){enumValues("
        "includeDeprecated:true){name deprecationReason}}}",
        "{\"e\":{\"enumValues\":[{\"name\":\"A\"}]},\"all\":{\"enumValues\":[{\"name\":\"A\","
        "\"deprecationReason\":null},{\"name\":\"B\",\"deprecationReason\":\"No longer "
        "supported\"}]}}");
  check(
      sdl,
      "{n:__type(name:\"N\"){kind possibleTypes{name} interfaces{name}} "
      "u:__type(name:\"U\"){kind possibleTypes{name} fields{name}} "
      "d:__type(name:\"D\"){kind specifiedByURL} no:__type(name:\"Nope\"){name}}",
      "{\"n\":{\"kind\":\"INTERFACE\",\"possibleTypes\":[{\"name\":\"Query\"}],\"interfaces\":[]},"
      "\"u\":{\"kind\":\"UNION\",\"possibleTypes\":[{\"name\":\"Query\"}],\"fields\":null},"
      "\"d\":{\"kind\":\"SCALAR\",\"specifiedByURL\":\"u\"},\"no\":null}");
  check(sdl, "{__type(name:\"I\"){inputFields{name defaultValue type{name}}}}",
        "{\"__type\":{\"inputFields\":[{\"name\":\"s\",\"defaultValue\":\"\\\"d\\\"\",\"type\":{"
        "\"name\":\"String\"}},{\"name\":\"e\",\"defaultValue\":\"A\",\"type\":{\"name\":\"E\"}},{"
        "\"name\":\"f\",\"defaultValue\":\"1.50\",\"type\":{\"name\":\"Float\"}}]}}");
  check(sdl,
        "{__schema{description mutationType{name} subscriptionType{name}} "
        "__type(name:\"__Type\"){kind fields{name}} t:__type(name:\"__TypeKind\"){__typename}}",
        "{\"__schema\":{\"description\":\"all\",\"mutationType\":null,\"subscriptionType\":null},"
        "\"__type\":{\"kind\":\"OBJECT\",\"fields\":[{\"name\":\"kind\"},{\"name\":\"name\"},{"
        "\"name\":\"description\"},{\"name\":\"fields\"},{\"name\":\"interfaces\"},{\"name\":"
        "\"possibleTypes\"},{\"name\":\"enumValues\"},{\"name\":\"inputFields\"},{\"name\":"
        "\"ofType\"},"
        "{\"name\":\"specifiedByURL\"}]},\"t\":{\"__typename\":\"__Type\"}}");
}

TEST(directives) {
  auto_json *response =
      run("type Query {a: Int} directive @x(y: Boolean = true) repeatable on FIELD",
          "{__schema{directives{name isRepeatable locations args{name defaultValue}}}}");
  auto_free char *text = json_to_text(response);
  CHECK_HAS(text,
            "{\"name\":\"x\",\"isRepeatable\":true,\"locations\":[\"FIELD\"],\"args\":[{\"name\":"
            "\"y\",\"defaultValue\":\"true\"}]}");
  CHECK_HAS(text, "{\"name\":\"skip\",\"isRepeatable\":false");
}

TEST_MAIN
