/* Patches as the API takes and tells them: shapes, rights, and what never comes out. */
#include "callers.h"
#include "graphql/subscribe.h"

static struct api a;
static struct caller viewer, member, admin;

static void open_all(void) {
  town_open();
  a = (struct api){.parts = {.db = town_db, .core = town}};
  CHECK_OK(api_schema_new(&a.schema));
  add_member("viewer@example.org", WORKSPACE_VIEWER, &viewer);
  add_member("member@example.org", WORKSPACE_MEMBER, &member);
  add_member("admin@example.org", WORKSPACE_ADMIN, &admin);
}

static void close_all(void) {
  graphql_schema_free(a.schema);
  town_close();
}

/* With $e the environment and $p the patch.  The caller owns the answer. */
static char *ask(const struct caller *caller, const char *query, const char *patch) {
  struct asking asking = {.api = &a, .caller = *caller};
  auto_json *document = json_loads(patch ? patch : "null", JSON_DECODE_ANY, NULL);
  auto_json *variables = json_pack("{s:s, s:O}", "e", instance.environment_id, "p", document);
  struct graphql_request request = {.query = query, .query_len = strlen(query), .variables = variables};
  auto_json *answer = graphql_execute(a.schema, &asking, &request, &GRAPHQL_LIMITS_DEFAULT);
  return json_to_text(answer);
}

#define CHANGES "changes(decryptVariables: true) { kind serviceName path from to isVariable isSealed }"
#define STAGE "mutation($e: String!, $p: EnvironmentConfig!) { environmentStageChanges(environmentId: $e, input: $p, merge: true) "
#define COMMIT "mutation($e: String!, $p: EnvironmentConfig) { environmentPatchCommit(environmentId: $e, patch: $p) }"
#define STAGED "query($e: String!) { environmentStagedChanges(environmentId: $e) "
#define CONFIG "query($e: String!) { environment(id: $e) { config(decryptVariables: true) configEtag unmergedChangesCount } }"

static const char secret_patch[] =
    "{\"services\":{\"api\":{\"variables\":{\"OPEN\":\"plain\",\"KEY\":{\"value\":\"s3cret\",\"isSealed\":true}}}}}";

TEST(what_is_staged_is_told_and_committed) {
  open_all();
  auto_free char *staged = ask(&member, STAGE "{ id status message appliedAt appliedBy { email } " CHANGES " } }", secret_patch);
  CHECK_HAS(staged, "\"status\":\"STAGED\",\"message\":null,\"appliedAt\":null,\"appliedBy\":null");
  CHECK_HAS(staged, "{\"kind\":\"CREATED\",\"serviceName\":\"api\",\"path\":\"variables.OPEN\",\"from\":null,\"to\":\"plain\","
                    "\"isVariable\":true,\"isSealed\":false}");
  auto_free char *count = ask(&member, CONFIG, NULL);
  CHECK_HAS(count, "\"unmergedChangesCount\":2");
  auto_free char *done = ask(&member, "mutation($e: String!) { environmentPatchCommitStaged(environmentId: $e, commitMessage: \"why\") }", NULL);
  CHECK(!strstr(done, "errors"));
  auto_free char *history = ask(&member, "query($e: String!) { environmentPatches(environmentId: $e) { edges { node { status message "
                                         "appliedBy { email } patch(decryptVariables: true) " CHANGES " } } } }", NULL);
  CHECK_HAS(history, "\"status\":\"COMMITTED\",\"message\":\"why\",\"appliedBy\":{\"email\":\"member@example.org\"}");
  CHECK_HAS(history, "\"OPEN\":{\"value\":\"plain\"");
  auto_free char *none = ask(&member, STAGED "{ id status patch } }", NULL);
  CHECK_HAS(none, instance.environment_id);
  CHECK_HAS(none, "\"patch\":{}");
  auto_free char *zero = ask(&member, CONFIG, NULL);
  CHECK_HAS(zero, "\"unmergedChangesCount\":0");
  CHECK_HAS(zero, "\"OPEN\":{\"value\":\"plain\"");
  close_all();
}

TEST(sealed_values_never_come_out) {
  open_all();
  static const char *const queries[] = {
      STAGED "{ patch(decryptVariables: true) " CHANGES " } }", CONFIG,
      "query($e: String!) { environmentPatches(environmentId: $e) { edges { node { patch(decryptVariables: true) " CHANGES " } } } }",
      "query($e: String!, $p: EnvironmentConfig!) { environmentPatchPreview(environmentId: $e, patch: $p) { patch(decryptVariables: true) "
      CHANGES " } }",
      STAGE "{ patch(decryptVariables: true) " CHANGES " } }", COMMIT,
      "mutation($e: String!) { environmentDiscardChanges(environmentId: $e) { patch(decryptVariables: true) " CHANGES " } }"};
  for (int round = 0; round < 2; round++) /* the second time it is sealed already */
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
      auto_free char *answer = ask(&admin, queries[i], strstr(queries[i], "$p") ? secret_patch : NULL);
      CHECK(!strstr(answer, "\"errors\""));
      CHECK(!strstr(answer, "s3cret"));
    }
  auto_free char *again = ask(&admin, STAGE "{ patch(decryptVariables: true) } }",
                              "{\"services\":{\"api\":{\"variables\":{\"KEY\":\"an0ther\"}}}}");
  CHECK(!strstr(again, "an0ther"));
  close_all();
}

TEST(rights_decide) {
  open_all();
  auto_free char *looks = ask(&viewer, STAGED "{ id } }", NULL), *stages = ask(&viewer, STAGE "{ id } }", secret_patch);
  CHECK_HAS(looks, "DENIED");
  CHECK_HAS(stages, "DENIED");
  auto_free char *deletes = ask(&member, COMMIT, "{\"services\":{\"api\":{\"isDeleted\":true}}}");
  CHECK_HAS(deletes, "deleting a service");
  auto_free char *host = ask(&member, COMMIT, "{\"services\":{\"api\":{\"source\":{\"repo\":\"/root\"}}}}");
  CHECK_HAS(host, "a repository on the host");
  auto_free char *may = ask(&admin, COMMIT, "{\"services\":{\"api\":{\"isDeleted\":true}}}");
  CHECK(!strstr(may, "errors"));
  close_all();
}

static char *import_compose(const char *yaml, bool only_read) {
  auto_json *variables = json_pack("{s:s, s:s, s:s, s:b}", "e", instance.environment_id, "p", project.id, "y", yaml, "s", only_read);
  static const char query[] = "mutation($e: String!, $p: String!, $y: String!, $s: Boolean) { dockerComposeImport(environmentId: $e, "
                              "projectId: $p, yaml: $y, skipStagingPatch: $s) { errors patch } }";
  struct asking asking = {.api = &a, .caller = member};
  struct graphql_request request = {.query = query, .query_len = strlen(query), .variables = variables};
  auto_json *answer = graphql_execute(a.schema, &asking, &request, &GRAPHQL_LIMITS_DEFAULT);
  return json_to_text(answer);
}

TEST(a_compose_file_is_staged) {
  open_all();
  auto_free char *bad = import_compose("services: {web: {image: x, privileged: true}}", false);
  CHECK_HAS(bad, "services.web.privileged would give the app");
  CHECK_HAS(bad, "\"patch\":null");
  auto_free char *no_file = import_compose("services: {web: {image: x, env_file: .env}}", false);
  CHECK_HAS(no_file, "the API gets the compose file alone");
  auto_free char *read = import_compose("services: {web: {image: x, environment: [A=hidden], hostname: y}}", true);
  CHECK_HAS(read, "web: hostname is left out");
  CHECK_HAS(read, "\"source\":{\"image\":\"x\"}");
  CHECK(!strstr(read, "hidden"));
  auto_free char *nothing = ask(&member, STAGED "{ patch } }", NULL);
  CHECK_HAS(nothing, "\"patch\":{}");
  auto_free char *staged = import_compose("services: {web: {image: x}}", false);
  CHECK(!strstr(staged, "\"patch\":null"));
  auto_free char *now = ask(&member, STAGED "{ " CHANGES " } }", NULL);
  CHECK_HAS(now, "\"path\":\"source.image\",\"from\":null,\"to\":\"x\"");
  close_all();
}

TEST(what_is_refused_says_why) {
  open_all();
  auto_free char *later = ask(&member, COMMIT, "{\"services\":{\"api\":{\"deploy\":{\"cronSchedule\":\"* * * * *\"}}}}");
  CHECK_HAS(later, "not available in Tramway yet: services.api.deploy.cronSchedule");
  auto_free char *stale = ask(&member, "mutation($e: String!, $p: EnvironmentConfig) { environmentPatchCommit(environmentId: $e, "
                                       "patch: $p, baseConfigEtag: \"old\") }", secret_patch);
  CHECK_HAS(stale, "CONFLICT");
  auto_free char *nothing = ask(&member, "mutation($e: String!) { environmentPatchCommitStaged(environmentId: $e) }", NULL);
  CHECK_HAS(nothing, "nothing is staged");
  close_all();
}

/* ---- the subscription ---- */

static void note_ready(void *arg) {
  *(bool *)arg = true;
}

static void check_next(graphql_subscription *subscription, const char *part) {
  enum graphql_event event = GRAPHQL_EVENT_WAIT;
  auto_json *answer = NULL;
  CHECK_OK(graphql_subscription_next(subscription, &event, &answer));
  CHECK_INT(event, part ? GRAPHQL_EVENT_NEXT : GRAPHQL_EVENT_WAIT);
  if (!part) return;
  auto_free char *text = json_to_text(answer);
  CHECK_HAS(text, part);
}

TEST(who_subscribes_is_told_what_is_staged_and_each_change_of_it) {
  static const char query[] = "subscription($e: String!) { environmentStagedPatch(environmentId: $e) { changes { path } } }";
  open_all();
  struct asking asking = {.api = &a, .caller = member};
  auto_json *variables = json_pack("{s:s}", "e", instance.environment_id);
  struct graphql_request request = {.query = query, .query_len = strlen(query), .variables = variables};
  graphql_subscription *subscription = NULL;
  bool ready = false;
  auto_json *refused = graphql_subscribe(a.schema, &asking, &request, &GRAPHQL_LIMITS_DEFAULT, note_ready, &ready, &subscription);
  CHECK(!refused && subscription);
  check_next(subscription, "\"changes\":[]");
  check_next(subscription, NULL);
  static const char *const steps[][2] = {
      {STAGE "{ id } }", "variables.OPEN"},
      {"mutation($e: String!) { environmentDiscardChanges(environmentId: $e) { id } }", "\"changes\":[]"},
      {STAGE "{ id } }", "variables.OPEN"},
      {"mutation($e: String!) { environmentPatchCommitStaged(environmentId: $e) }", "\"changes\":[]"}};
  for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
    ready = false;
    auto_free char *answer = ask(&member, steps[i][0], strstr(steps[i][0], "$p") ? secret_patch : NULL);
    CHECK(!strstr(answer, "errors") && ready);
    check_next(subscription, steps[i][1]);
    check_next(subscription, NULL);
  }
  graphql_subscription_free(subscription);
  close_all();
}

TEST_MAIN
