/* api/schema.graphql as it is in the repository; run from the repository's root. */
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "graphql/schema.h"
#include "tap.h"

static graphql_schema *load(void) {
  auto_str text = STR_EMPTY;
  graphql_schema *schema = NULL;
  CHECK_OK(file_read("api/schema.graphql", 4 * 1024 * 1024, &text));
  CHECK_OK(graphql_schema_new(text.data, text.len, &schema));
  return schema;
}

TEST(it_is_a_valid_schema) {
  auto_graphql_schema *schema = load();
  CHECK(schema->roots[GRAPHQL_QUERY] && schema->roots[GRAPHQL_MUTATION] &&
        schema->roots[GRAPHQL_SUBSCRIPTION]);
}

TEST(every_field_says_who_may_call_it) {
  auto_graphql_schema *schema = load();
  CHECK_OK(graphql_schema_check_access(schema));
}

TEST(every_type_can_be_reached) {
  auto_graphql_schema *schema = load();
  CHECK_OK(graphql_schema_check_reachable(schema));
}

TEST(every_root_field_is_described) {
  auto_graphql_schema *schema = load();
  for (int kind = 0; kind < GRAPHQL_OPERATION_KINDS; kind++)
    for (size_t i = 0; i < schema->roots[kind]->field_count; i++)
      if (str_empty(schema->roots[kind]->fields[i].description))
        TAP_FAIL("%s has no description", schema->roots[kind]->fields[i].name);
}

/* The argument that `by` names: "id", or "input.projectId" for a field of an input object. */
static const struct graphql_input *find_by(const struct graphql_field *field, const char *by) {
  auto_strv parts = STRV_EMPTY;
  strv_split(&parts, by, '.');
  for (size_t i = 0; i < field->arg_count; i++) {
    if (!str_eq(field->args[i].name, parts.items[0])) continue;
    const struct graphql_type *type = graphql_named_type(field->args[i].type);
    return parts.len > 1 ? graphql_type_input(type, parts.items[1]) : &field->args[i];
  }
  return NULL;
}

TEST(every_subject_of_a_role_is_an_argument) {
  auto_graphql_schema *schema = load();
  for (int kind = 0; kind < GRAPHQL_OPERATION_KINDS; kind++)
    for (size_t i = 0; i < schema->roots[kind]->field_count; i++) {
      const struct graphql_field *field = &schema->roots[kind]->fields[i];
      const char *by = json_string_value(json_object_get(field->access, "by"));
      bool has_subject = json_object_get(field->access, "of");
      if (by && !find_by(field, by)) TAP_FAIL("%s has no argument '%s'", field->name, by);
      if (str_starts(field->role, "WORKSPACE_") != has_subject)
        TAP_FAIL("%s: a role in a workspace needs a subject, others have none", field->name);
    }
}

TEST_MAIN
