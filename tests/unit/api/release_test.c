/* Releases and their differences as the API tells them: to whom, and how much. */
#include "callers.h"

static char first[ID_SIZE], second[ID_SIZE];
static struct api a;
static struct caller viewer, member, stranger;

static void open_all(void) {
  town_open();
  a = (struct api){.parts = {.db = town_db, .core = town}};
  CHECK_OK(api_schema_new(&a.schema));
  add_member("viewer@example.org", WORKSPACE_VIEWER, &viewer);
  add_member("member@example.org", WORKSPACE_MEMBER, &member);
  add_stranger("stranger@example.org", &stranger);
  set_variable("COLOUR", "blue");
  seal_variable("SECRET", "one");
  deploy_live(first);
  set_variable("COLOUR", "red");
  seal_variable("SECRET", "two");
  bld->image = "sha256:2";
  deploy_live(second);
}

static void close_all(void) {
  graphql_schema_free(a.schema);
  town_close();
}

/* The answer as text; the caller owns it. */
static char *ask(const struct caller *caller, const char *query) {
  struct asking asking = {.api = &a, .caller = *caller};
  auto_json *variables = json_pack("{s:s, s:s}", "first", first, "second", second);
  struct graphql_request request = {.query = query, .query_len = strlen(query), .variables = variables};
  auto_json *answer = graphql_execute(a.schema, &asking, &request, &GRAPHQL_LIMITS_DEFAULT);
  return json_to_text(answer);
}

#define DIFF(values)                                                                               \
  "query($first: String!, $second: String!) { deploymentDiff(from: $first, to: $second" values ")" \
  " { same differences { part name change from to isSealed } } }"

TEST(a_viewer_reads_names_a_member_values_and_nobody_sealed_ones) {
  open_all();
  auto_free char *names = ask(&viewer, DIFF(""));
  CHECK_HAS(names, "\"same\":false");
  CHECK_HAS(names, "\"part\":\"SOURCE\",\"name\":\"image\",\"change\":\"CHANGED\",\"from\":\"sha256:1\",\"to\":\"sha256:2\"");
  CHECK_HAS(names, "\"name\":\"COLOUR\",\"change\":\"CHANGED\",\"from\":null,\"to\":null,\"isSealed\":false");
  auto_free char *denied = ask(&viewer, DIFF(", values: true"));
  CHECK_HAS(denied, "DENIED");
  CHECK(!strstr(denied, "blue"));
  auto_free char *values = ask(&member, DIFF(", values: true"));
  CHECK_HAS(values, "\"name\":\"COLOUR\",\"change\":\"CHANGED\",\"from\":\"blue\",\"to\":\"red\"");
  CHECK_HAS(values, "\"name\":\"SECRET\",\"change\":\"CHANGED\",\"from\":null,\"to\":null,\"isSealed\":true");
  auto_free char *nothing = ask(&stranger, DIFF(""));
  CHECK_HAS(nothing, "NOT_FOUND");
  close_all();
}

#define RELEASE(values)                                                                            \
  "query($first: String!) { deployment(id: $first) { release { hash imageDigest version settings"  \
  " variables" values " { name isSealed value } routes { host targetPort } volumes { name } } } }"

TEST(a_release_is_told_likewise) {
  open_all();
  auto_free char *names = ask(&viewer, RELEASE(""));
  CHECK_HAS(names, "\"imageDigest\":\"sha256:1\",\"version\":\"1.2.3\"");
  CHECK_HAS(names, "\"name\":\"COLOUR\",\"isSealed\":false,\"value\":null");
  CHECK_HAS(names, "\"targetPort\":null");
  CHECK(!strstr(names, "digest\""));
  auto_free char *denied = ask(&viewer, RELEASE("(values: true)"));
  CHECK_HAS(denied, "DENIED");
  auto_free char *values = ask(&member, RELEASE("(values: true)"));
  CHECK_HAS(values, "\"name\":\"COLOUR\",\"isSealed\":false,\"value\":\"blue\"");
  CHECK_HAS(values, "\"name\":\"SECRET\",\"isSealed\":true,\"value\":null");
  close_all();
}

TEST(a_rollback_gives_the_id_of_the_new_deployment) {
  open_all();
  auto_free char *denied = ask(&viewer, "mutation($first: String!) { deploymentRollbackV2(id: $first) }");
  CHECK_HAS(denied, "DENIED");
  auto_free char *answer = ask(&member, "mutation($first: String!) { deploymentRollbackV2(id: $first) }");
  auto_deployment latest = {0};
  bool found = false;
  CHECK_OK(deployment_find_latest(town_db, instance.id, &found, &latest));
  CHECK_HAS(answer, latest.id);
  CHECK_INT(latest.cause, DEPLOYMENT_CAUSE_ROLLBACK);
  WAIT_STATUS(latest.id, SUCCESS);
  close_all();
}

TEST(a_snapshot_has_the_variables_of_then_for_members) {
  static const char query[] = "query($first: String!) { deploymentSnapshot(deploymentId: $first) { id variables } }";
  open_all();
  auto_free char *values = ask(&member, query);
  CHECK_HAS(values, first);
  CHECK_HAS(values, "\"COLOUR\":\"blue\"");
  CHECK(!strstr(values, "SECRET") && !strstr(values, "errors"));
  auto_free char *denied = ask(&viewer, query);
  CHECK_HAS(denied, "DENIED");
  CHECK(!strstr(denied, "blue"));
  close_all();
}

TEST_MAIN
