/* Every document that the program sends fits api/schema.graphql and the server's limits. */
#include "cli/queries.h"

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "graphql/cost.h"
#include "graphql/parse.h"
#include "graphql/validate.h"
#include "tap.h"

static graphql_schema *load_schema(void) {
  struct str text = STR_EMPTY;
  graphql_schema *schema = NULL;
  CHECK_OK(file_read("api/schema.graphql", 4 << 20, &text));
  CHECK_OK(graphql_schema_new(str_text(&text), text.len, &schema));
  str_done(&text);
  return schema;
}

static void check_query(const graphql_schema *schema, const char *query) {
  static const struct graphql_limits limits = GRAPHQL_LIMITS_DEFAULT;
  auto_graphql_document *document = NULL;
  struct graphql_location at;
  struct graphql_errors errors = {.list = json_array(), .max = 1};
  err *e = graphql_parse(query, strlen(query), &limits, &document, &at);
  if (e) TAP_FAIL("%s\n#   %s", query, err_message(e));
  graphql_validate(schema, document, &limits, &errors);
  const char *fault = json_get_text(json_array_get(errors.list, 0), "message");
  if (fault) TAP_FAIL("%s\n#   %s", query, fault);
  json_decref(errors.list);
  /* The largest page that a variable may ask for. */
  auto_json *variables = json_pack("{s:i, s:i}", "first", 500, "limit", 5000);
  size_t cost = graphql_cost(schema, document->operations, variables, &limits);
  if (cost > limits.max_cost) TAP_FAIL("%s\n#   costs %zu", query, cost);
}

TEST(every_query_fits_the_schema_and_its_limits) {
  graphql_schema *schema = load_schema();
  size_t count = 0;
  for (; all_queries[count]; count++)
    check_query(schema, all_queries[count]);
  CHECK(count > 30);
  graphql_schema_free(schema);
}

TEST_MAIN
