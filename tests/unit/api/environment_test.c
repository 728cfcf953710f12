/* Environments through the API: what copies lack, what pull requests are told, one made like another. */
#include "callers.h"
#include "core/pull_request.h"

static struct api a;
static struct caller admin, member, token; /* the token is staging's */
static struct environment staging;

static void open_all(void) {
  town_open();
  a = (struct api){.parts = {.db = town_db, .core = town}, .edge_url = (char *)"http://localhost:8080"};
  CHECK_OK(api_schema_new(&a.schema));
  add_member("admin@example.org", WORKSPACE_ADMIN, &admin);
  add_member("member@example.org", WORKSPACE_MEMBER, &member);
  set_variable("COLOUR", "blue");
  seal_variable("KEY", "s3cret");
  CHECK_OK(core_environment_create(town, project.id, "staging", instance.environment_id, false, &staging));
  token = (struct caller){.kind = CALLER_PROJECT};
  id_copy(token.project_id, project.id);
  id_copy(token.environment_id, staging.id);
}

static void close_all(void) {
  graphql_schema_free(a.schema);
  environment_done(&staging);
  staging = (struct environment){0};
  town_close();
}

/* The answer as text; the caller owns it.  $p is the project, $e production, $s staging, $service the service. */
static char *ask(const struct caller *caller, const char *query, const char *etag) {
  struct asking asking = {.api = &a, .caller = *caller};
  auto_json *variables = json_pack("{s:s, s:s, s:s, s:s, s:s?}", "p", project.id, "e", instance.environment_id, "s",
                                   staging.id, "service", service.id, "etag", etag);
  struct graphql_request request = {.query = query, .query_len = strlen(query), .variables = variables};
  auto_json *answer = graphql_execute(a.schema, &asking, &request, &GRAPHQL_LIMITS_DEFAULT);
  return json_to_text(answer);
}
#define ASK(caller, query) ask(caller, query, NULL)

TEST(a_copy_names_the_sealed_variables_that_it_lacks) {
  open_all();
  auto_free char *lacks = ASK(&member, "query($s: String!) { environment(id: $s) { missingSealedVariables sourceEnvironment { name } } }");
  CHECK_HAS(lacks, "\"missingSealedVariables\":[\"api.KEY\"]");
  CHECK(!strstr(lacks, "s3cret"));
  auto_free char *none = ASK(&member, "query($e: String!) { environment(id: $e) { missingSealedVariables } }");
  CHECK_HAS(none, "\"missingSealedVariables\":[]");
  close_all();
}

TEST(a_project_says_what_it_does_with_pull_requests) {
  open_all();
  auto_free char *set = ASK(&member, "mutation($p: String!, $s: String!) { projectUpdate(id: $p, input: {prDeploys: true, "
                                     "focusedPrEnvironments: true, baseEnvironmentId: $s}) { prDeploys focusedPrEnvironments "
                                     "botPrEnvironments baseEnvironment { name } name } }");
  CHECK_HAS(set, "\"prDeploys\":true,\"focusedPrEnvironments\":true,\"botPrEnvironments\":false");
  CHECK_HAS(set, "\"baseEnvironment\":{\"name\":\"staging\"},\"name\":\"shop\"");
  auto_free char *back = ASK(&member, "mutation($p: String!) { projectUpdate(id: $p, input: {baseEnvironmentId: null}) { "
                                      "prDeploys baseEnvironmentId } }");
  CHECK_HAS(back, "\"prDeploys\":true,\"baseEnvironmentId\":null");
  auto_free char *bad = ASK(&member, "mutation($p: String!) { projectUpdate(id: $p, input: {baseEnvironmentId: \"x\"}) { id } }");
  CHECK_HAS(bad, "NOT_FOUND");
  close_all();
}

TEST(a_pull_request_is_told_where_its_previews_are) {
  open_all();
  struct strv repositories = STRV_EMPTY;
  struct pull_request_answer answer = {0};
  struct pull_request pr = {.repositories = &repositories, .number = 3, .branch = "lift",
                            .commit = "0123456789abcdef0123456789abcdef01234567"};
  auto_service web = {0};
  auto_service_instance web_instance = {0};
  strv_add(&repositories, "ada/shop");
  town_make_service("a|b", &web, &web_instance);
  web_instance.settings.source_kind = SOURCE_REPO;
  str_replace_owned(&web_instance.settings.source_image, NULL);
  str_replace_owned(&web_instance.settings.source_repo, "https://github.com/ada/shop.git");
  CHECK_OK(service_instance_set_settings(town_db, web_instance.id, &web_instance.settings, 1));
  project.pr_deploys = true;
  CHECK_OK(project_update(town_db, &project, 1));
  pr.is_fork = true; /* so that nothing is fetched */
  CHECK_OK(core_pr_opened(town, project.id, &pr, &answer));
  environment_done(&staging);
  staging = (struct environment){0};
  CHECK_OK(environment_get(town_db, answer.environment_id, &staging));
  auto_free char *text = ASK(&member, "query($s: String!) { environment(id: $s) { pullRequestComment isEphemeral meta { prNumber "
                                      "prRepo branch } } }");
  CHECK_HAS(text, "Environment `shop-pr-3`, commit 0123456\\n\\n| Service | Deployment | Preview |");
  CHECK_HAS(text, "| a/b | NEEDS_APPROVAL |  |");
  CHECK_HAS(text, "| api | NEEDS_APPROVAL | http://api-shop-pr-3-");
  CHECK_HAS(text, ".localhost:8080 |");
  CHECK_HAS(text, "\"prNumber\":3,\"prRepo\":\"ada/shop\",\"branch\":\"lift\"");
  auto_free char *none = ASK(&member, "query($e: String!) { environment(id: $e) { pullRequestComment } }");
  CHECK_HAS(none, "\"pullRequestComment\":null");
  free(answer.said);
  strv_done(&repositories);
  close_all();
}

#define PREVIEW "query($e: String!, $s: String!) { environmentSyncPreview(environmentId: $s, sourceEnvironmentId: $e) { " \
                "etag changes(decryptVariables: true) { kind path from to } } }"
#define SYNC "mutation($e: String!, $s: String!, $etag: String) { environmentSync(environmentId: $s, " \
             "sourceEnvironmentId: $e, etag: $etag, skipDeploys: true) }"

static char *etag_in(const char *answer) {
  const char *at = strstr(answer, "\"etag\":\"");
  CHECK(at != NULL);
  return at ? str_ndup(at + 8, strcspn(at + 8, "\"")) : str_dup("");
}

TEST(one_is_made_like_another_as_it_was_shown) {
  open_all();
  auto_service_instance there = {0};
  bool found = false;
  set_variable("COLOUR", "red");
  str_replace_owned(&instance.settings.start_command, "run it");
  change_settings();
  auto_free char *shown = ASK(&member, PREVIEW), *etag = etag_in(shown);
  CHECK_HAS(shown, "\"path\":\"deploy.startCommand\",\"from\":null,\"to\":\"run it\"");
  CHECK_HAS(shown, "\"path\":\"variables.COLOUR\",\"from\":\"blue\",\"to\":\"red\"");
  CHECK(!strstr(shown, "KEY"));
  set_variable("COLOUR", "green"); /* in between */
  auto_free char *changed = ask(&member, SYNC, etag);
  CHECK_HAS(changed, "CONFLICT");
  auto_free char *again = ASK(&member, PREVIEW), *new_etag = etag_in(again), *done = ask(&member, SYNC, new_etag);
  CHECK(!strstr(done, "errors"));
  CHECK_OK(service_instance_find(town_db, service.id, staging.id, &found, &there));
  CHECK_TEXT(there.settings.start_command, "run it");
  auto_free char *rest = ASK(&member, PREVIEW);
  CHECK_HAS(rest, "\"changes\":[]");
  close_all();
}

TEST(a_token_of_one_environment_does_not_take_from_another) {
  open_all();
  auto_free char *preview = ASK(&token, PREVIEW), *sync = ask(&token, SYNC, NULL);
  CHECK_HAS(preview, "NOT_FOUND");
  CHECK_HAS(sync, "NOT_FOUND");
  CHECK(!strstr(preview, "blue"));
  close_all();
}

static size_t variables_in_staging(void) {
  auto_variable_list left = {0};
  CHECK_OK(variable_list(town_db, staging.id, service.id, &left));
  return left.len;
}

TEST(a_service_leaves_one_environment) {
  open_all();
  auto_service_instance there = {0}, here = {0};
  bool found = true;
  auto_free char *denied = ASK(&member, "mutation($service: String!, $s: String!) { serviceDelete(id: $service, environmentId: $s) }");
  CHECK_HAS(denied, "DENIED");
  auto_free char *done = ASK(&admin, "mutation($service: String!, $s: String!) { serviceDelete(id: $service, environmentId: $s) }");
  CHECK(!strstr(done, "errors"));
  CHECK_OK(service_instance_find(town_db, service.id, staging.id, &found, &there));
  CHECK(!found);
  CHECK_OK(service_instance_find(town_db, service.id, instance.environment_id, &found, &here));
  CHECK(found);
  auto_free char *back = ASK(&member, PREVIEW), *etag = etag_in(back);
  CHECK_HAS(back, "\"kind\":\"CREATED\",\"path\":\"\"");
  WAIT(variables_in_staging() == 0);
  auto_free char *made = ask(&member, SYNC, etag);
  CHECK(!strstr(made, "errors"));
  CHECK_OK(service_instance_find(town_db, service.id, staging.id, &found, &there));
  CHECK(found);
  close_all();
}

TEST_MAIN
