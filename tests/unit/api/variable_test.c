/* Variables as the API takes and tells them. */
#include "api/internal.h"
#include "core/town.h"

static struct api a;
static struct caller member;

static void open_all(void) {
  town_open();
  a = (struct api){.parts = {.db = town_db, .core = town}};
  CHECK_OK(api_schema_new(&a.schema));
  auto_user u = {.email = str_dup("member@example.org")};
  CHECK_OK(user_insert(town_db, &u));
  struct workspace_member row = {.role = WORKSPACE_MEMBER, .created_us = 1};
  id_copy(row.user_id, u.id);
  id_copy(row.workspace_id, workspace.id);
  CHECK_OK(workspace_member_set(town_db, &row));
  member = (struct caller){.kind = CALLER_USER};
  id_copy(member.user_id, u.id);
}

static void close_all(void) {
  graphql_schema_free(a.schema);
  town_close();
}

/* "$P" stands for the ids of project and environment, "$S" for these and the service.  The caller owns the answer. */
static char *ask(const char *pattern) {
  auto_str query = STR_EMPTY;
  struct asking asking = {.api = &a, .caller = member};
  for (; *pattern; pattern++) {
    bool with_service = strncmp(pattern, "$S", 2) == 0;
    if (!with_service && strncmp(pattern, "$P", 2) != 0) {
      str_add_char(&query, *pattern);
      continue;
    }
    str_addf(&query, "projectId: \"%s\", environmentId: \"%s\"", project.id, instance.environment_id);
    if (with_service) str_addf(&query, ", serviceId: \"%s\"", service.id);
    pattern++;
  }
  struct graphql_request request = {.query = str_text(&query), .query_len = query.len};
  auto_json *answer = graphql_execute(a.schema, &asking, &request, &GRAPHQL_LIMITS_DEFAULT);
  return json_to_text(answer);
}

static void check(const char *query, const char *part) {
  auto_free char *answer = ask(query);
  CHECK_HAS(answer, part);
}

TEST(values_are_told_as_they_are_written_and_as_they_are_meant) {
  open_all();
  check("mutation { variableUpsert(input: {$P, name: \"REGION\", value: \"eu\"}) }", "true");
  check("mutation { variableCollectionUpsert(input: {$S, variables: {A: \"${{shared.REGION}}\", B: \"two\\nlines\"}}) }", "true");
  check("{ variables($P) }", "{\"REGION\":\"eu\"}");
  check("{ variables($S) }", "{\"A\":\"eu\",\"B\":\"two\\nlines\"}");
  check("{ variables($S, unrendered: true) }", "{\"A\":\"${{shared.REGION}}\",\"B\":\"two\\nlines\"}");
  check("{ variablesForServiceDeployment($S) }", "\"A\":\"eu\"");
  check("{ variablesForServiceDeployment($S) }", "\"RAILWAY_SERVICE_NAME\":\"api\"");
  check("mutation { variableCollectionUpsert(input: {$S, replace: true, variables: {C: \"c\"}}) }", "true");
  check("{ variables($S) }", "{\"C\":\"c\"}");
  check("mutation { variableDelete(input: {$S, name: \"C\"}) }", "true");
  check("mutation { variableDelete(input: {$S, name: \"C\"}) }", "NOT_FOUND");
  check("mutation { variableUpsert(input: {$S, name: \"C\", value: \"${{C}}\"}) }", "api.C -> api.C");
  close_all();
}

TEST(sealed_ones_are_named_and_never_told) {
  open_all();
  check("mutation { variableCollectionUpsert(input: {$S, variables: {K: {value: \"s3cret\", isSealed: true}, L: \"<${{K}}>\"}}) }", "true");
  check("{ variables($S) }", "{\"variables\":{}}");
  check("{ variables($S, unrendered: true) }", "{\"L\":\"<${{K}}>\"}");
  auto_free char *query = str_format("{ environment(id: \"%s\") { variables { edges { node { name isSealed serviceId references"
                                     " service { name } environment { name } } } } } }",
                                     instance.environment_id), *answer = ask(query);
  CHECK_HAS(answer, "\"name\":\"K\",\"isSealed\":true");
  CHECK_HAS(answer, "\"references\":[\"K\"],\"service\":{\"name\":\"api\"},\"environment\":{\"name\":\"production\"}");
  CHECK(!strstr(answer, "s3cret"));
  close_all();
}

TEST(a_shared_one_comes_to_services_and_goes) {
  open_all();
  auto_free char *on = str_format("mutation { sharedVariableConfigure(input: {$P, name: \"REGION\", enabledServiceIds: [\"%s\"],"
                                  " disabledServiceIds: []}) { name serviceId isSealed } }", service.id);
  auto_free char *off = str_format("mutation { sharedVariableConfigure(input: {$P, name: \"REGION\", enabledServiceIds: [],"
                                   " disabledServiceIds: [\"%s\"]}) { name } }", service.id);
  check(on, "NOT_FOUND");
  check("mutation { variableUpsert(input: {$P, name: \"REGION\", value: \"eu\"}) }", "true");
  check(on, "{\"name\":\"REGION\",\"serviceId\":null,\"isSealed\":false}");
  check("{ variables($S, unrendered: true) }", "{\"REGION\":\"${{shared.REGION}}\"}");
  check(off, "{\"name\":\"REGION\"}");
  check("{ variables($S) }", "{\"variables\":{}}");
  check("mutation { variableUpsert(input: {$S, name: \"REGION\", value: \"own\"}) }", "true");
  check(off, "{\"name\":\"REGION\"}");
  check("{ variables($S) }", "{\"REGION\":\"own\"}");
  close_all();
}

TEST_MAIN
