/* Events as the API tells them: to whom, of which environment, by which filter. */
#include "callers.h"

static struct api a;
static struct caller viewer, stranger, token;
static char staging[ID_SIZE];

static void happen(const char *object, const char *cause, const char *environment_id) {
  engine_tell_repair(&en->base, &(struct repair){.object = object,
                                                 .cause = cause,
                                                 .outcome = "made again",
                                                 .environment_id = environment_id});
}

/* One event of production, one of staging, one of the machine. */
static void open_all(void) {
  town_open();
  a = (struct api){.parts = {.db = town_db, .core = town}};
  CHECK_OK(api_schema_new(&a.schema));
  add_member("viewer@example.org", WORKSPACE_VIEWER, &viewer);
  add_stranger("stranger@example.org", &stranger);
  auto_environment environment = {.name = str_dup("staging")};
  id_copy(environment.project_id, project.id);
  CHECK_OK(environment_insert(town_db, &environment));
  id_copy(staging, environment.id);
  token = (struct caller){.kind = CALLER_PROJECT};
  id_copy(token.project_id, project.id);
  id_copy(token.environment_id, staging);
  happen("network", "gone in production", instance.environment_id);
  happen("network", "gone in staging", staging);
  happen("edge", "gone for all", NULL);
}

static void close_all(void) {
  graphql_schema_free(a.schema);
  town_close();
}

/* The answer as text; the caller owns it. */
static char *ask(const struct caller *caller, const char *environment_id, const char *more) {
  struct asking asking = {.api = &a, .caller = *caller};
  auto_json *variables = json_pack("{s:s, s:s?}", "project", project.id, "environment", environment_id);
  auto_free char *query = str_format(
      "query($project: String!, $environment: String) { events(projectId: $project, environmentId: $environment%s)"
      " { edges { node { object action severity projectId project { name } environment { name } payload } }"
      " pageInfo { hasNextPage } } }", more);
  struct graphql_request request = {.query = query, .query_len = strlen(query), .variables = variables};
  auto_json *answer = graphql_execute(a.schema, &asking, &request, &GRAPHQL_LIMITS_DEFAULT);
  return json_to_text(answer);
}

TEST(a_viewer_reads_all_of_the_project_and_the_machines) {
  open_all();
  auto_free char *all = ask(&viewer, NULL, "");
  CHECK_HAS(all, "gone in production");
  CHECK_HAS(all, "gone in staging");
  CHECK_HAS(all, "\"object\":\"edge\",\"action\":\"repaired\",\"severity\":\"NOTICE\",\"projectId\":null,"
                 "\"project\":{\"name\":\"shop\"},\"environment\":null");
  CHECK_HAS(all, "\"outcome\":\"made again\"");
  auto_free char *one = ask(&viewer, staging, "");
  CHECK(!strstr(one, "gone in production"));
  CHECK_HAS(one, "gone in staging");
  CHECK_HAS(one, "\"environment\":{\"name\":\"staging\"}");
  CHECK_HAS(one, "gone for all");
  close_all();
}

TEST(filters_and_pages) {
  open_all();
  auto_free char *network = ask(&viewer, NULL, ", filter: {object: {in: [\"network\"]}, action: {notIn: null}}");
  CHECK_HAS(network, "gone in staging");
  CHECK(!strstr(network, "gone for all"));
  auto_free char *first = ask(&viewer, NULL, ", first: 1");
  CHECK_HAS(first, "gone for all");
  CHECK(!strstr(first, "gone in"));
  CHECK_HAS(first, "\"hasNextPage\":true");
  auto_free char *bad = ask(&viewer, NULL, ", first: 0");
  CHECK_HAS(bad, "INVALID");
  close_all();
}

TEST(others_see_less_or_nothing) {
  open_all();
  auto_free char *nothing = ask(&stranger, NULL, "");
  CHECK_HAS(nothing, "NOT_FOUND");
  auto_free char *other = ask(&token, instance.environment_id, "");
  CHECK_HAS(other, "NOT_FOUND");
  auto_free char *own = ask(&token, NULL, "");
  CHECK_HAS(own, "gone in staging");
  CHECK(!strstr(own, "gone in production"));
  close_all();
}

TEST_MAIN
