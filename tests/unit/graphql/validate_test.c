#include "graphql/validate.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "graphql/cost.h"
#include "graphql/parse.h"
#include "graphql/schema.h"
#include "tap.h"

/* The schema of the specification's section 5, with what its examples add. */
static const char pets[] =
    "type Query { dog: Dog cat: Cat pet: Pet catOrDog: CatOrDog human(id: ID): Human\n"
    "  findDog(searchBy: FindDogInput): Dog booleanList(booleanListArg: [Boolean!]): Boolean\n"
    "  arguments: Arguments any(json: JSON): Int users(first: Int): Users }\n"
    "type Users { edges: [Edge!]! } type Edge { node: Human }\n"
    "type Mutation { rename(name: String!): Dog }\n"
    "type Subscription { newMessage: Message disallowed: Int }\n"
    "type Message { body: String sender: String }\n"
    "enum DogCommand { SIT DOWN HEEL }\n"
    "type Dog implements Pet { name: String! nickname: String barkVolume: Int owner: Human\n"
    "  doesKnowCommand(dogCommand: DogCommand!): Boolean!\n"
    "  isHouseTrained(atOtherHomes: Boolean): Boolean! friends: [Dog!] }\n"
    "interface Sentient { name: String! } interface Pet { name: String! }\n"
    "type Alien implements Sentient { name: String! homePlanet: String }\n"
    "type Human implements Sentient { name: String! pets: [Pet!] }\n"
    "enum CatCommand { JUMP }\n"
    "type Cat implements Pet { name: String! nickname: String meowVolume: Int\n"
    "  doesKnowCommand(catCommand: CatCommand!): Boolean! volume: String }\n"
    "union CatOrDog = Cat | Dog\n"
    "union DogOrHuman = Dog | Human union HumanOrAlien = Human | Alien\n"
    "type Arguments { multiple(x: Int!, y: Int!): Int! bool(b: Boolean): Boolean\n"
    "  nonNull(b: Boolean!): Boolean! defaulted(b: Boolean! = true): Boolean!\n"
    "  floatArg(f: Float): Float list(l: [Int]): Int id(i: ID): Int }\n"
    "input FindDogInput { name: String! owner: String age: Int! = 1 }\n"
    "scalar JSON\n"
    "directive @twice repeatable on FIELD directive @q(a: Int!) on QUERY | VARIABLE_DEFINITION\n";

static graphql_schema *pets_schema(void) {
  graphql_schema *schema = NULL;
  CHECK_OK(graphql_schema_new(pets, sizeof pets - 1, &schema));
  return schema;
}

/* The messages of all errors, one per line. */
static char *validate(const graphql_schema *schema, const char *query,
                      const struct graphql_limits *limits) {
  struct graphql_document *document = NULL;
  struct graphql_location at;
  CHECK_OK(graphql_parse(query, strlen(query), limits, &document, &at));
  struct graphql_errors errors = {.list = json_array(), .max = limits->max_errors};
  graphql_validate(schema, document, limits, &errors);
  auto_str text = STR_EMPTY;
  size_t index;
  json_t *error;
  json_array_foreach(errors.list, index, error) {
    const json_t *code = json_object_get(error, "extensions");
    str_addf(&text, "%s%s: %s", index ? "\n" : "", json_get_text(code, "code"),
             json_get_text(error, "message"));
  }
  json_decref(errors.list);
  graphql_document_free(document);
  return str_take(&text);
}

#define FRAGS " fragment D on Dog {name} "

TEST(valid_documents) {
  static const char *const rows[] = {
      "query A {dog{name}} query B {dog{owner{name}}}",
      "{dog{...D}}" FRAGS,
      "{__typename __schema{types{name}} __type(name: \"Dog\"){name fields{name}} pet{__typename}}",
      "{catOrDog{__typename ...on Dog{barkVolume} ...on Cat{meowVolume}}}",
      "{pet{name ...on Dog{barkVolume}}}",
      "{dog{...on Pet{name} ...on CatOrDog{...on Dog{barkVolume}} ...{name}}}",
      "{human{...on Sentient{name} ...on DogOrHuman{...on Human{name}}}}",
      "mutation($n: String!){rename(name: $n){name}}",
      "subscription S {newMessage{body sender}}",
      "subscription S {...F} fragment F on Subscription {newMessage{body} newMessage{sender}}",
      "{dog{name name alias: name isHouseTrained(atOtherHomes: true) "
      "isHouseTrained(atOtherHomes: true)}}",
      "{pet{...on Dog{volume: barkVolume} ...on Cat{volume: meowVolume}}}",
      "{pet{...on Dog{doesKnowCommand(dogCommand: SIT)} ...on Cat{doesKnowCommand(catCommand: "
      "JUMP)}}}",
      "{arguments{multiple(y: 1, x: 2) defaulted floatArg(f: 1) list(l: [1, null]) id(i: 7)}}",
      "{arguments{l1: list(l: 1) l2: list(l: null) bool(b: null)}}",
      "{findDog(searchBy: {name: \"x\", owner: null}){name}}",
      "{any(json: {a: [1, 2.5, \"x\", true, null, E, {}]})}",
      "query($j: Int){any(json: {a: [$j]})}",
      "query($b: Boolean){arguments{defaulted(b: $b)}}",
      "query($b: Boolean = true){arguments{nonNull(b: $b)}}",
      "query($b: [Boolean!]!){booleanList(booleanListArg: $b)}",
      "query($b: Boolean!){dog{name @include(if: $b) @twice @twice}}",
      "query($x: FindDogInput = {name: \"a\"} @q(a: 1)) @q(a: 1) {findDog(searchBy: $x){name}}",
      "query A($a: Boolean!){...F} query B($a: Boolean!){...F} fragment F on Query "
      "{dog{isHouseTrained(atOtherHomes: $a)}}",
  };
  auto_graphql_schema *schema = pets_schema();
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *errors = validate(schema, rows[i], &GRAPHQL_LIMITS_DEFAULT);
    if (*errors) TAP_FAIL("%s\n#   gives %s", rows[i], errors);
  }
}

TEST(invalid_documents) {
  static const struct {
    const char *query, *errors;
  } rows[] = {
      /* 5.2 operations */
      {"fragment F on Dog {name}", "no operation is given"},
      {"query A {dog{name}} query A {dog{name}}", "there are two operations 'A'"},
      {"{dog{name}} query A {dog{name}}", "an operation without a name must be the only one"},
      {"subscription {newMessage{body} disallowed}", "a subscription must select one field"},
      {"subscription {...F} fragment F on Subscription {newMessage{body} disallowed}",
       "a subscription must select one field"},
      {"subscription {__typename}", "a subscription must not select __typename"},
      /* 5.3 fields */
      {"{dog{meowVolume}}", "Dog has no field 'meowVolume'"},
      {"{dog{barkVolum}}", "Dog has no field 'barkVolum'; did you mean 'barkVolume'?"},
      {"{pet{nickname}}", "Pet has no field 'nickname'"},
      {"{catOrDog{name}}", "CatOrDog has no field 'name'"},
      {"{dog{__schema{types{name}}}}", "Dog has no field '__schema'"},
      {"{dog{name: nickname name}}", "'name' stands for two fields with different types (the other "
                                     "is in line 1); give one an alias"},
      {"{dog{nickname: name nickname: name x: barkVolume x: nickname}}",
       "two fields with different types"},
      {"{dog{isHouseTrained(atOtherHomes: true) isHouseTrained(atOtherHomes: false)}}",
       "two fields with different arguments"},
      {"{dog{isHouseTrained(atOtherHomes: true) isHouseTrained}}", "different arguments"},
      {"query($a: Boolean $b: Boolean){dog{isHouseTrained(atOtherHomes: $a) "
       "isHouseTrained(atOtherHomes: $b)}}",
       "different arguments"},
      {"{pet{...on Dog{someValue: nickname} ...on Cat{someValue: meowVolume}}}", "different types"},
      {"{pet{...on Dog{x: owner{name}} ...on Cat{x: nickname}}}", "different types"},
      {"{pet{name ...on Dog{name: nickname}}}", "different types"},
      {"{dog{x: name ...on Pet{x: name} ...on Dog{x: name y: nickname}} dog{y: barkVolume}}",
       "'y' stands for two fields with different types"},
      {"{human{pets{...on Dog{n: nickname}}} human{pets{...on Pet{n: name}}}}", "different types"},
      {"{human{pets{...on Dog{n: nickname}}} human{pets{...on Dog{n: barkVolume}}}}",
       "different types"},
      {"{dog{name{x}}}", "Dog.name is a String, which has no fields to select"},
      {"{dog}", "Query.dog is a Dog: select some of its fields with { }"},
      /* 5.4 arguments */
      {"{dog{doesKnowCommand(command: SIT, dogCommand: SIT)}}",
       "Dog.doesKnowCommand has no argument 'command'"},
      {"{dog{name @include(unless: true, if: true)}}", "@include has no argument 'unless'"},
      {"{arguments{bool(b: true, b: false)}}", "'b' is given twice"},
      {"{arguments{nonNull}}", "Arguments.nonNull needs the argument 'b'"},
      {"{arguments{nonNull(b: null)}}", "expected Boolean!, found null"},
      {"{dog{name @skip}}", "@skip needs the argument 'if'"},
      /* 5.5 fragments */
      {"{dog{...D ...D}} fragment D on Dog {name} fragment D on Dog {name}",
       "there are two fragments 'D'"},
      {"{dog{...D}} fragment D on Nope {name}", "there is no object, interface or union Nope"},
      {"{dog{...on Nope{name}}}", "there is no object, interface or union Nope"},
      {"{dog{...D}} fragment D on Int {name}", "there is no object, interface or union Int"},
      {"{dog{...on FindDogInput{name}}}", "there is no object, interface or union FindDogInput"},
      {"{dog{name}}" FRAGS, "the fragment 'D' is never used"},
      {"{dog{name}} fragment X on Dog {...Y} fragment Y on Dog {name}",
       "the fragment 'X' is never used\nINVALID: the fragment 'Y' is never used"},
      {"{dog{...X}}", "there is no fragment 'X'"},
      {"{dog{...X}} fragment X on Dog {name ...X}", "the fragment 'X' contains itself"},
      {"{dog{...X}} fragment X on Dog {owner{...Y}} fragment Y on Human {pets{...X}}",
       "contains itself"},
      {"{dog{...on Cat{meowVolume}}}", "no Dog can be a Cat"},
      {"{human{...on Pet{name}}}", "no Human can be a Pet"},
      {"{pet{...F}} fragment F on HumanOrAlien {__typename}", "no Pet can be a HumanOrAlien"},
      /* 5.6 values */
      {"{arguments{multiple(x: \"1\", y: 1)}}", "expected Int!, found a string"},
      {"{arguments{multiple(x: 1.5, y: 1)}}", "expected Int!, found a number with a fraction"},
      {"{arguments{multiple(x: 3000000000, y: 1)}}", "3000000000 does not fit into Int's 32 bits"},
      {"{arguments{list(l: [1, \"a\"])}}", "expected Int, found a string"},
      {"{arguments{list(l: {})}}", "expected Int, found an object"},
      {"{arguments{floatArg(f: 1e999)}}", "too large"},
      {"{arguments{id(i: 1.5)}}", "expected ID, found a number"},
      {"{dog{doesKnowCommand(dogCommand: JUMP)}}", "'JUMP' is not a value of DogCommand"},
      {"{dog{doesKnowCommand(dogCommand: \"SIT\")}}", "expected DogCommand!, found a string"},
      {"{rename: dog{name} arguments{bool(b: YES)}}", "expected Boolean, found a name"},
      {"{findDog(searchBy: {name: \"x\", favorite: 1}){name}}",
       "FindDogInput has no field 'favorite'"},
      {"{findDog(searchBy: {name: \"x\", name: \"y\"}){name}}", "'name' is given twice"},
      {"{findDog(searchBy: {owner: \"x\"}){name}}", "FindDogInput needs the field 'name'"},
      {"{findDog(searchBy: \"x\"){name}}", "expected FindDogInput, found a string"},
      {"{findDog(searchBy: {name: null}){name}}", "expected String!, found null"},
      {"{any(json: {a: 1, a: 2})}", "'a' is given twice"},
      /* 5.7 directives */
      {"{dog{name @nope}}", "there is no directive @nope"},
      {"query @skip(if: true) {dog{name}}", "@skip may not be here"},
      {"{dog{name @skip(if: true) @skip(if: false)}}", "@skip is there twice"},
      {"{dog{...D @twice}}" FRAGS, "@twice may not be here"},
      {"{dog{...D}} fragment D on Dog @twice {name}", "@twice may not be here"},
      {"{dog{...on Dog @twice {name}}}", "@twice may not be here"},
      /* 5.8 variables */
      {"query($a: Int, $a: Int){arguments{x: list(l: [$a])}}", "the variable $a is declared twice"},
      {"query($a: Dog){dog{name}}", "there is no input type Dog"},
      {"query($a: [Nope!]){dog{name}}", "there is no input type Nope"},
      {"query($a: Int = \"x\"){arguments{list(l: [$a])}}", "expected Int, found a string"},
      {"{arguments{bool(b: $b)}}", "the variable $b is not declared"},
      {"query A($b: Boolean){...F} query B{...F} fragment F on Query {arguments{bool(b: $b)}}",
       "the variable $b is not declared"},
      {"query($b: Boolean){dog{name}}", "the variable $b is never used"},
      {"query($b: Int){arguments{bool(b: $b)}}",
       "the variable $b has a type that does not fit here"},
      {"query($b: Boolean){arguments{nonNull(b: $b)}}", "does not fit here"},
      {"query($b: Boolean = null){arguments{nonNull(b: $b)}}", "does not fit here"},
      {"query($b: [Boolean]){booleanList(booleanListArg: $b)}", "does not fit here"},
      {"query($b: Boolean){booleanList(booleanListArg: [$b])}", "does not fit here"},
      {"query($l: Int){arguments{list(l: $l)}}", "does not fit here"},
      {"query($n: String){findDog(searchBy: {name: $n}){name}}", "does not fit here"},
      {"query($b: Boolean){dog{name @include(if: $b)}}", "does not fit here"},
      {"mutation {nope}", "Mutation has no field 'nope'"},
  };
  auto_graphql_schema *schema = pets_schema();
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *errors = validate(schema, rows[i].query, &GRAPHQL_LIMITS_DEFAULT);
    if (!str_starts(errors, "INVALID: ") || !strstr(errors, rows[i].errors))
      TAP_FAIL("%s\n#   gives %s\n#   not   %s", rows[i].query, errors, rows[i].errors);
  }
}

TEST(a_missing_operation_type) {
  static const char text[] = "type Query {a: Int}";
  graphql_schema *schema = NULL;
  CHECK_OK(graphql_schema_new(text, sizeof text - 1, &schema));
  auto_free char *errors = validate(schema, "mutation {a}", &GRAPHQL_LIMITS_DEFAULT);
  CHECK_TEXT(errors, "INVALID: this API has no mutation");
  graphql_schema_free(schema);
}

TEST(depth_and_number_of_fields_are_limited) {
  struct graphql_limits limits = GRAPHQL_LIMITS_DEFAULT;
  auto_graphql_schema *schema = pets_schema();
  limits.max_field_depth = 3;
  limits.max_fields = 6;
  static const struct {
    const char *query, *errors;
  } rows[] = {
      {"{dog{owner{name}}}", ""},
      {"{dog{owner{pets{name}}}}", "LIMIT: fields nested deeper than 3"},
      {"{dog{...F}} fragment F on Dog {owner{...G}} fragment G on Human {pets{name}}",
       "LIMIT: fields nested deeper than 3"},
      {"{a: dog{name} b: dog{name} c: dog{name}}", ""},
      {"{a: dog{...F} b: dog{...F} c: dog{...F}} fragment F on Dog {name nickname}",
       "LIMIT: more than 6 fields are selected"},
      {"query A {a: dog{name} b: dog{name}} query B {a: dog{name} b: dog{name}}",
       "LIMIT: more than 6 fields are selected"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *errors = validate(schema, rows[i].query, &limits);
    CHECK_TEXT(errors, rows[i].errors);
  }
}

/* Doubling fragments would be 2^60 fields; the walk must end long before. */
TEST(exponential_fragments_are_refused_quickly) {
  auto_graphql_schema *schema = pets_schema();
  auto_str query = STR_EMPTY;
  str_add(&query, "{dog{...F0}}");
  for (int i = 0; i < 60; i++)
    str_addf(&query, "fragment F%d on Dog {a: friends{...F%d} b: friends{...F%d}}", i, i + 1,
             i + 1);
  str_add(&query, "fragment F60 on Dog {name}");
  long long start = tap_cpu_ms();
  auto_free char *errors = validate(schema, str_text(&query), &GRAPHQL_LIMITS_DEFAULT);
  CHECK_HAS(errors, "LIMIT: ");
  CHECK(tap_cpu_ms() - start < 2000);
}

TEST(too_many_errors_are_cut) {
  struct graphql_limits limits = GRAPHQL_LIMITS_DEFAULT;
  limits.max_errors = 2;
  auto_graphql_schema *schema = pets_schema();
  auto_free char *errors = validate(schema, "{a b c d}", &limits);
  CHECK_TEXT(errors, "INVALID: Query has no field 'a'\nINVALID: Query has no field 'b'");
}

TEST(costs) {
  static const struct {
    const char *query, *variables;
    size_t cost;
  } rows[] = {
      {"{dog{name}}", "{}", 2},
      {"{human{pets{name}}}", "{}", 1 + 1 + 10},
      {"{users{edges{node{name}}}}", "{}", 1 + 10 * 3},
      {"{users(first: 100){edges{node{name pets{name}}}}}", "{}", 1 + 100 * (3 + 1 + 10)},
      {"query($n: Int){users(first: $n){edges{node{name}}}}", "{\"n\": 50}", 1 + 50 * 3},
      {"query($n: Int){users(first: $n){edges{node{name}}}}", "{}", 1 + 10 * 3},
      {"{users(first: -5){edges{node{name}}}}", "{}", 1 + 10 * 3},
      {"{...F ...F} fragment F on Query {dog{name} ...{cat{name}}}", "{}", 8},
      {"{dog{friends{friends{friends{name}}}}}", "{}", 1 + 1 + 10 * (1 + 10 * (1 + 10))},
  };
  auto_graphql_schema *schema = pets_schema();
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_graphql_document *document = NULL;
    auto_json *variables = json_loads(rows[i].variables, 0, NULL);
    struct graphql_errors errors = {.list = json_array(), .max = 10};
    struct graphql_location at;
    CHECK_OK(graphql_parse(rows[i].query, strlen(rows[i].query), &GRAPHQL_LIMITS_DEFAULT, &document,
                           &at));
    graphql_validate(schema, document, &GRAPHQL_LIMITS_DEFAULT, &errors);
    CHECK(!graphql_errors_any(&errors));
    CHECK_INT(graphql_cost(schema, document->operations, variables, &GRAPHQL_LIMITS_DEFAULT),
              rows[i].cost);
    json_decref(errors.list);
  }
}

TEST_MAIN
