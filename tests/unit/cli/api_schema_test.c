#include "cli/api_schema.h"

#include "base/embedded.h"
#include "base/mem.h"
#include "tap.h"

static graphql_schema *load(void) {
  graphql_schema *schema = NULL;
  const char *text = embedded_text("api/schema.graphql");
  CHECK_OK(graphql_schema_new(text, strlen(text), &schema));
  return schema;
}

static bool has(const json_t *found, const char *kind, const char *name) {
  size_t i;
  const json_t *row;
  json_array_foreach(found, i, row)
    if (str_eq(json_get_text(row, "kind"), kind) && str_eq(json_get_text(row, "name"), name)) return true;
  return false;
}

TEST(a_part_of_a_name_is_found_in_any_letter_case) {
  graphql_schema *schema = load();
  auto_json *found = NULL, *mutations = NULL, *few = NULL, *none = NULL;
  CHECK_OK(api_schema_search(schema, "servicedomain", NULL, 100, &found));
  CHECK(has(found, "mutation", "serviceDomainCreate") && has(found, "object", "ServiceDomain") &&
        has(found, "input", "ServiceDomainCreateInput"));
  CHECK_OK(api_schema_search(schema, "servicedomain", "mutation", 100, &mutations));
  CHECK(has(mutations, "mutation", "serviceDomainCreate") && !has(mutations, "object", "ServiceDomain"));
  CHECK_OK(api_schema_search(schema, "service", NULL, 3, &few));
  CHECK_INT(json_array_size(few), 3);
  CHECK_OK(api_schema_search(schema, "xylophone", NULL, 3, &none));
  CHECK_INT(json_array_size(none), 0);
  graphql_schema_free(schema);
}

TEST(there_are_only_kinds_that_there_are) {
  graphql_schema *schema = load();
  auto_json *found = NULL;
  CHECK_ERR(api_schema_search(schema, "a", "table", 3, &found), ERR_INVALID, "--kind table");
  graphql_schema_free(schema);
}

TEST(operations_types_and_fields_are_described) {
  graphql_schema *schema = load();
  auto_str text = STR_EMPTY;
  CHECK_OK(api_schema_describe(schema, "serviceDomainDelete", &text));
  CHECK_HAS(str_text(&text), "mutation\n# Takes a generated domain away");
  CHECK_HAS(str_text(&text), "serviceDomainDelete(id: String!): Boolean!\n");
  CHECK_OK(api_schema_describe(schema, "PageInfo", &text));
  CHECK_HAS(str_text(&text), "type PageInfo {\n  hasNextPage: Boolean!\n");
  CHECK_OK(api_schema_describe(schema, "SortOrder", &text));
  CHECK_HAS(str_text(&text), "enum SortOrder {\n  asc\n  desc\n}\n");
  CHECK_OK(api_schema_describe(schema, "ServiceDomainUpdateInput", &text));
  CHECK_HAS(str_text(&text), "input ServiceDomainUpdateInput {\n  serviceDomainId: String!\n");
  CHECK_OK(api_schema_describe(schema, "PageInfo.endCursor", &text));
  CHECK_HAS(str_text(&text), "\nendCursor: String\n");
  CHECK_ERR(api_schema_describe(schema, "Xylophone", &text), ERR_NOT_FOUND, "api search Xylophone");
  graphql_schema_free(schema);
}

TEST_MAIN
