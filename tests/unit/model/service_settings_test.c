/* Settings: the defaults that stored rows rely on, JSON both ways, ranges. */
#include "model/service_settings.h"

#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

static json_t *json(const char *text) {
  json_t *value;
  if (json_parse(text, strlen(text), "test", &value)) abort();
  return value;
}

/* A change here needs a migration: see model/service_settings.h. */
TEST(the_defaults_are_part_of_the_stored_format) {
  auto_service_settings s;
  service_settings_init(&s);
  CHECK_INT(s.source_kind, SOURCE_NONE);
  CHECK_INT(s.builder, BUILDER_RAILPACK);
  CHECK_INT(s.restart_policy, RESTART_ON_FAILURE);
  CHECK_INT(s.healthcheck_timeout_s, 300);
  CHECK_INT(s.restart_max_retries, 10);
  CHECK_INT(s.num_replicas, 1);
  CHECK_INT(s.overlap_s, 0);
  CHECK_INT(s.draining_s, 0);
  CHECK_INT(s.memory_bytes, 0);
  CHECK_INT(s.cpu_millis, 0);
  CHECK(!s.check_suites && s.auto_deploy);
  CHECK(!s.source_repo && !s.start_command && !s.healthcheck_path && !s.watch_patterns.len);
  CHECK_OK(service_settings_check(&s));
  auto_json *object = service_settings_to_json(&s);
  CHECK_INT(json_object_size(object), 0);
}

static const char everything[] =
    "{\"source\":{\"kind\":\"repo\",\"repo\":\"ada/"
    "shop\",\"branch\":\"main\",\"commitSha\":\"abc\","
    "\"checkSuites\":true,\"autoDeploy\":false,\"image\":\"nginx:1\",\"rootDirectory\":\"/api\"},\"configFile\":\"/api/railway.toml\","
    "\"build\":{\"builder\":\"DOCKERFILE\",\"buildCommand\":\"make\",\"dockerfilePath\":\"d/"
    "Dockerfile\","
    "\"watchPatterns\":[\"/api/**\",\"!/api/docs\"]},"
    "\"deploy\":{\"startCommand\":\"./run $PORT\",\"preDeployCommand\":\"migrate\","
    "\"healthcheckPath\":\"/health\",\"healthcheckTimeout\":60,\"restartPolicyType\":\"ALWAYS\","
    "\"restartPolicyMaxRetries\":3,\"numReplicas\":2,\"overlapSeconds\":5,\"drainingSeconds\":7,"
    "\"limitOverride\":{\"containers\":{\"memoryBytes\":536870912,\"cpu\":0.5}}}}";

TEST(everything_goes_through_json_and_back) {
  auto_json *object = json(everything);
  auto_service_settings s;
  service_settings_init(&s);
  CHECK_OK(service_settings_apply_json(&s, object));
  CHECK_INT(s.source_kind, SOURCE_REPO);
  CHECK_TEXT(s.source_branch, "main");
  CHECK_TEXT(s.root_directory, "/api");
  CHECK(s.check_suites && !s.auto_deploy);
  CHECK_INT(s.builder, BUILDER_DOCKERFILE);
  CHECK_INT(s.watch_patterns.len, 2);
  CHECK_TEXT(s.pre_deploy_command, "migrate");
  CHECK_INT(s.healthcheck_timeout_s, 60);
  CHECK_INT(s.restart_policy, RESTART_ALWAYS);
  CHECK_INT(s.memory_bytes, 512LL << 20);
  CHECK_INT(s.cpu_millis, 500);
  CHECK_OK(service_settings_check(&s));
  auto_json *back = service_settings_to_json(&s);
  CHECK(json_equal(back, object));
}

TEST(a_copy_is_equal_and_apart) {
  auto_json *object = json(everything);
  struct service_settings s;
  service_settings_init(&s);
  CHECK_OK(service_settings_apply_json(&s, object));
  auto_service_settings copy;
  service_settings_copy(&s, &copy);
  CHECK(service_settings_equal(&s, &copy));
  strv_add(&s.watch_patterns, "more");
  CHECK(!service_settings_equal(&s, &copy));
  service_settings_done(&s);
  CHECK_TEXT(copy.start_command, "./run $PORT");
  CHECK_TEXT(copy.watch_patterns.items[1], "!/api/docs");
}

TEST(applying_changes_only_what_is_there) {
  auto_json *object = json(everything);
  auto_json *change = json("{\"deploy\": {\"numReplicas\": 4, \"startCommand\": null},"
                           " \"build\": null, \"somethingElse\": {\"x\": 1}}");
  auto_service_settings s;
  service_settings_init(&s);
  CHECK_OK(service_settings_apply_json(&s, object));
  CHECK_OK(service_settings_apply_json(&s, change));
  CHECK_INT(s.num_replicas, 4);
  CHECK_TEXT(s.start_command, NULL);
  CHECK_INT(s.builder, BUILDER_RAILPACK);
  CHECK_TEXT(s.build_command, NULL);
  CHECK_INT(s.watch_patterns.len, 0);
  CHECK_TEXT(s.healthcheck_path, "/health");
  CHECK_TEXT(s.source_repo, "ada/shop");
}

TEST(null_sets_the_default) {
  auto_json *object = json(everything), *reset = json("{\"deploy\": null}");
  auto_service_settings s;
  service_settings_init(&s);
  CHECK_OK(service_settings_apply_json(&s, object));
  CHECK_OK(service_settings_apply_json(&s, reset));
  CHECK_INT(s.healthcheck_timeout_s, HEALTHCHECK_TIMEOUT_S_DEFAULT);
  CHECK_INT(s.restart_max_retries, RESTART_MAX_RETRIES_DEFAULT);
  CHECK_INT(s.num_replicas, NUM_REPLICAS_DEFAULT);
  CHECK_INT(s.restart_policy, RESTART_ON_FAILURE);
}

TEST(the_forms_that_railways_files_have_are_read) {
  auto_json *object = json("{\"build\": {\"builder\": \"nixpacks\"}, \"deploy\": {"
                           "\"overlapSeconds\": \"60\", \"preDeployCommand\": [\"a\", \"b c\"],"
                           "\"restartPolicyType\": \"never\", \"startCommand\": \"\"}}");
  auto_json *empty = json("{\"deploy\": {\"preDeployCommand\": [\"\"]}}");
  auto_service_settings s;
  service_settings_init(&s);
  CHECK_OK(service_settings_apply_json(&s, object));
  CHECK_INT(s.builder, BUILDER_NIXPACKS);
  CHECK_INT(s.overlap_s, 60);
  CHECK_TEXT(s.pre_deploy_command, "a && b c");
  CHECK_INT(s.restart_policy, RESTART_NEVER);
  CHECK_TEXT(s.start_command, NULL);
  CHECK_OK(service_settings_apply_json(&s, empty));
  CHECK_TEXT(s.pre_deploy_command, NULL);
}

TEST(wrong_types_name_the_setting) {
  static const struct {
    const char *text, *part;
  } rows[] = {
      {"[]", "settings must be an object"},
      {"{\"deploy\": 1}", "'deploy' must be an object"},
      {"{\"deploy\": {\"startCommand\": 1}}", "setting 'deploy.startCommand': must be text"},
      {"{\"deploy\": {\"preDeployCommand\": {}}}", "must be text or a list of texts"},
      {"{\"deploy\": {\"preDeployCommand\": [1]}}", "must be a list of texts"},
      {"{\"deploy\": {\"numReplicas\": \"two\"}}", "'deploy.numReplicas': must be a whole number"},
      {"{\"deploy\": {\"numReplicas\": 1.5}}", "must be a whole number"},
      {"{\"deploy\": {\"numReplicas\": true}}", "must be a whole number"},
      {"{\"deploy\": {\"restartPolicyType\": \"x\"}}", "is not one of ON_FAILURE"},
      {"{\"deploy\": {\"restartPolicyType\": 1}}", "is not one of ON_FAILURE"},
      {"{\"build\": {\"watchPatterns\": \"x\"}}", "must be a list of texts"},
      {"{\"deploy\": {\"limitOverride\": {\"containers\": {\"cpu\": \"1\"}}}}", "number of cores"},
      {"{\"deploy\": {\"limitOverride\": {\"containers\": {\"cpu\": -1}}}}", "within 0 and 1024"},
      {"{\"deploy\": {\"limitOverride\": {\"containers\": {\"cpu\": 1e300}}}}", "within 0 and"},
      {"{\"deploy\": {\"limitOverride\": {\"containers\": []}}}", "'containers' must be an object"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_json *object = json(rows[i].text);
    auto_service_settings s;
    service_settings_init(&s);
    CHECK_ERR(service_settings_apply_json(&s, object), ERR_INVALID, rows[i].part);
  }
}

TEST(text_with_a_nul_byte_is_not_cut_silently) {
  auto_json *object = json_pack("{s:{s:o}}", "deploy", "startCommand", json_stringn("a\0b", 3));
  auto_service_settings s;
  service_settings_init(&s);
  CHECK_ERR(service_settings_apply_json(&s, object), ERR_INVALID, "must be text");
}

TEST(too_many_patterns_are_a_limit) {
  auto_json *patterns = json_array();
  for (int i = 0; i <= WATCH_PATTERNS_MAX; i++)
    json_array_append_new(patterns, json_string("x"));
  auto_json *object = json_pack("{s:{s:O}}", "build", "watchPatterns", patterns);
  auto_service_settings s;
  service_settings_init(&s);
  CHECK_ERR(service_settings_apply_json(&s, object), ERR_LIMIT, "257 entries; at most 256");
}

TEST(values_out_of_range_are_refused) {
  static const struct {
    const char *text, *part;
  } rows[] = {
      {"{\"deploy\": {\"healthcheckTimeout\": 0}}", "'deploy.healthcheckTimeout': 0 is not within"},
      {"{\"deploy\": {\"healthcheckTimeout\": 86401}}", "86401 is not within 1 and 86400"},
      {"{\"deploy\": {\"restartPolicyMaxRetries\": -1}}", "-1 is not within"},
      {"{\"deploy\": {\"numReplicas\": 0}}", "'deploy.numReplicas': 0"},
      {"{\"deploy\": {\"numReplicas\": 51}}", "51 is not within 1 and 50"},
      {"{\"deploy\": {\"overlapSeconds\": -1}}", "overlapSeconds"},
      {"{\"deploy\": {\"drainingSeconds\": 86401}}", "drainingSeconds"},
      {"{\"deploy\": {\"healthcheckPath\": \"health\"}}", "must begin with '/'"},
      {"{\"deploy\": {\"limitOverride\": {\"containers\": {\"memoryBytes\": 1000}}}}",
       "below the least"},
      {"{\"source\": {\"rootDirectory\": \"../x\"}}", "must not have '..'"},
      {"{\"build\": {\"dockerfilePath\": \"a/../../x\"}}", "must not have '..'"},
      {"{\"configFile\": \"/..\"}", "must not have '..'"},
      {"{\"source\": {\"kind\": \"repo\"}}", "'source.repo'"},
      {"{\"source\": {\"kind\": \"image\"}}", "'source.image'"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_json *object = json(rows[i].text);
    auto_service_settings s;
    service_settings_init(&s);
    CHECK_OK(service_settings_apply_json(&s, object));
    CHECK_ERR(service_settings_check(&s), ERR_INVALID, rows[i].part);
  }
}

TEST(long_and_broken_text_is_refused) {
  auto_service_settings s;
  service_settings_init(&s);
  s.start_command = mem_zalloc(COMMAND_LEN_MAX + 2);
  memset(s.start_command, 'x', COMMAND_LEN_MAX + 1);
  CHECK_ERR(service_settings_check(&s), ERR_LIMIT, "32769 bytes; at most 32768");
  s.start_command[COMMAND_LEN_MAX] = '\0';
  CHECK_OK(service_settings_check(&s));
  s.start_command[0] = '\xff';
  CHECK_ERR(service_settings_check(&s), ERR_INVALID, "'deploy.startCommand': is not UTF-8");
}

TEST(known_keys) {
  CHECK(service_settings_known_key("deploy.startCommand"));
  CHECK(service_settings_known_key("configFile"));
  CHECK(!service_settings_known_key("deploy"));
  CHECK(!service_settings_known_key("deploy.startcommand"));
}

TEST_MAIN
