/* Projects by id and in order, copies of services, and what the machine gives them. */
#include "callers.h"

static struct api a;
static struct caller member, outsider, token;

static void open_all(void) {
  town_open();
  a = (struct api){.parts = {.db = town_db, .core = town}};
  CHECK_OK(api_schema_new(&a.schema));
  add_member("member@example.org", WORKSPACE_MEMBER, &member);
  add_stranger("outsider@example.org", &outsider);
  token = (struct caller){.kind = CALLER_PROJECT};
  id_copy(token.project_id, project.id);
  id_copy(token.environment_id, instance.environment_id);
}

static void close_all(void) {
  graphql_schema_free(a.schema);
  town_close();
}

/* $p is the project, $e production, $s the service, $w the workspace.  The caller owns the answer. */
static char *ask(const struct caller *caller, const char *query) {
  struct asking asking = {.api = &a, .caller = *caller};
  auto_json *variables = json_pack("{s:s, s:s, s:s, s:s}", "p", project.id, "e", instance.environment_id, "s",
                                   service.id, "w", workspace.id);
  struct graphql_request request = {.query = query, .query_len = strlen(query), .variables = variables};
  auto_json *answer = graphql_execute(a.schema, &asking, &request, &GRAPHQL_LIMITS_DEFAULT);
  return json_to_text(answer);
}

#define CHECK_ANSWER(caller, query, part)          \
  do {                                             \
    auto_free char *answer_ = ask(caller, query);  \
    CHECK_HAS(answer_, part);                      \
  } while (0)

TEST(projects_by_id_are_those_within_reach) {
  static const char query[] = "query($p: String!, $e: String!) { projectsByIds(ids: [$e, $p, \"x\"]) { name } }";
  open_all();
  CHECK_ANSWER(&member, query, "{\"projectsByIds\":[{\"name\":\"shop\"}]}");
  CHECK_ANSWER(&outsider, query, "{\"projectsByIds\":[]}");
  CHECK_ANSWER(&token, query, "DENIED");
  close_all();
}

TEST(projects_come_in_the_order_that_is_asked_for) {
  open_all();
  struct project aardvark = {0};
  CHECK_OK(core_project_create(town, workspace.id, "aardvark", NULL, &aardvark));
  CHECK_OK(project_update(town_db, &project, INT64_MAX / 2));
  CHECK_ANSWER(&member, "{ projects(orderBy: NAME_ASC) { edges { node { name } } } }",
               "[{\"node\":{\"name\":\"aardvark\"}},{\"node\":{\"name\":\"shop\"}}]");
  CHECK_ANSWER(&member, "query($w: String!) { projects(workspaceId: $w, orderBy: CREATED_AT_DESC, includeDeleted: true) "
                        "{ edges { node { name } } } }",
               "[{\"node\":{\"name\":\"aardvark\"}},{\"node\":{\"name\":\"shop\"}}]");
  CHECK_ANSWER(&member, "{ projects(orderBy: UPDATED_AT_DESC, first: 1) { edges { node { name } } } }",
               "[{\"node\":{\"name\":\"shop\"}}]");
  project_done(&aardvark);
  close_all();
}

TEST(a_new_project_may_have_pull_request_environments) {
  open_all();
  CHECK_ANSWER(&member, "mutation($w: String!) { projectCreate(input: {workspaceId: $w, name: \"a\", prDeploys: true}) { prDeploys } }",
               "\"prDeploys\":true");
  CHECK_ANSWER(&member, "mutation($w: String!) { projectCreate(input: {workspaceId: $w, name: \"b\"}) { prDeploys } }",
               "\"prDeploys\":false");
  close_all();
}

TEST(the_one_region_is_this_machine) {
  open_all();
  CHECK_ANSWER(&member, "{ regions { name location country deploymentConstraints { deprecationInfo { isDeprecated } } } }",
               "[{\"name\":\"local\",\"location\":\"This machine\",\"country\":\"\",\"deploymentConstraints\":null}]");
  CHECK_ANSWER(&token, "query($p: String!) { regions(projectId: $p) { name } }", "local");
  CHECK_ANSWER(&outsider, "query($p: String!) { regions(projectId: $p) { name } }", "NOT_FOUND");
  CHECK_ANSWER(&member, "query($e: String!, $s: String!) { serviceInstanceIsUpdatable(environmentId: $e, serviceId: $s) }",
               "\"serviceInstanceIsUpdatable\":false");
  close_all();
}

/* ---- limits ---- */

#define LIMITS "query($e: String!, $s: String!) { own: serviceInstanceLimitOverride(environmentId: $e, serviceId: $s) " \
               "all: serviceInstanceLimits(environmentId: $e, serviceId: $s) }"
#define SET(limits) "mutation($e: String!, $s: String!) { serviceInstanceLimitsUpdate(input: {environmentId: $e, serviceId: $s, " limits "}) }"

TEST(limits_are_the_services_own_or_the_installations) {
  open_all();
  CHECK_ANSWER(&member, LIMITS, "{\"own\":null,\"all\":{\"containers\":{}}}");
  CHECK_ANSWER(&member, SET("vCPUs: 0.5, memoryGB: 1.5"), "true");
  CHECK_ANSWER(&member, LIMITS, "\"own\":{\"containers\":{\"memoryBytes\":1500000000,\"cpu\":0.5}}");
  CHECK_ANSWER(&member, SET("memoryGB: 2"), "true");
  CHECK_ANSWER(&member, LIMITS, "\"own\":{\"containers\":{\"memoryBytes\":2000000000,\"cpu\":0.5}}");
  struct core_options options = town_options();
  options.default_cpu_millis = 250;
  options.default_memory_bytes = 64 << 20;
  core_set_options(town, &options);
  CHECK_ANSWER(&member, SET("vCPUs: null"), "true");
  CHECK_ANSWER(&member, LIMITS, "{\"own\":{\"containers\":{\"memoryBytes\":2000000000}},"
                                "\"all\":{\"containers\":{\"memoryBytes\":2000000000,\"cpu\":0.25}}}");
  close_all();
}

TEST(limits_that_cannot_be_are_refused) {
  open_all();
  CHECK_ANSWER(&member, SET("memoryGB: 0.001"), "INVALID");
  CHECK_ANSWER(&member, SET("memoryGB: -1"), "'memoryGB' must be within 0 and 17592");
  CHECK_ANSWER(&member, SET("memoryGB: 1e300"), "INVALID");
  CHECK_ANSWER(&member, SET("vCPUs: 2000"), "INVALID");
  CHECK_ANSWER(&outsider, SET("vCPUs: 1"), "NOT_FOUND");
  CHECK_ANSWER(&member, LIMITS, "{\"own\":null,\"all\":{\"containers\":{}}}");
  close_all();
}

TEST(a_service_is_copied_by_members) {
  static const char query[] = "mutation($e: String!, $s: String!) { serviceDuplicate(environmentId: $e, serviceId: $s) { name } }";
  open_all();
  CHECK_ANSWER(&outsider, query, "NOT_FOUND");
  CHECK_ANSWER(&token, query, "{\"serviceDuplicate\":{\"name\":\"api-copy\"}}");
  CHECK_ANSWER(&member, query, "{\"serviceDuplicate\":{\"name\":\"api-copy-2\"}}");
  close_all();
}

TEST_MAIN
