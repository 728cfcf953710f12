/* Every key of railway.toml and railway.json, in its right and wrong forms; which block wins; what is
 * said of what nobody knows. */
#include "core/config_file.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/config_keys.h"
#include "tap.h"

/* An answer as text: the settings as JSON, then the variables, the build's, and the warnings; or "!" and the error. */
static char *apply_in(const char *path, const char *text, const char *environment, const char *base) {
  auto_service_settings s = {0};
  auto_config_result result = {0};
  service_settings_init(&s);
  s.start_command = str_dup("dashboard");
  struct config_source source = {.path = path, .text = text, .len = strlen(text), .environment = environment,
                                 .is_ephemeral = base != NULL, .base_environment = base};
  auto_err *e = config_file_apply(&source, &s, &result);
  if (e) return str_format("!%s", err_message(e));
  auto_json *settings = service_settings_to_json(&s);
  auto_str out = STR_EMPTY;
  auto_free char *all = json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS);
  str_add(&out, all);
  const json_t *tables[] = {result.variables, result.build_variables};
  for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
    auto_free char *table = json_dumps(tables[i], JSON_COMPACT | JSON_SORT_KEYS);
    if (json_object_size(tables[i])) str_addf(&out, "|%s:%s", i ? "build" : "env", table);
  }
  for (size_t i = 0; i < result.warnings.len; i++) str_addf(&out, "|%s", result.warnings.items[i]);
  return str_take(&out);
}

static char *apply(const char *path, const char *text) {
  return apply_in(path, text, "production", NULL);
}

#define T "railway.toml"
#define J "railway.json"
#define DASHBOARD "{\"deploy\":{\"startCommand\":\"dashboard\"}}"
#define WITH(members) "{\"deploy\":{" members ",\"startCommand\":\"dashboard\"}}"
#define BUILD(members) "{\"build\":{" members "},\"deploy\":{\"startCommand\":\"dashboard\"}}"

struct row {
  const char *path, *text, *answer;
};

static void check_rows(const struct row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    auto_free char *answer = apply(rows[i].path, rows[i].text);
    if (!str_eq(answer, rows[i].answer)) TAP_FAIL("%s\n# gives    %s\n# expected %s", rows[i].text, answer, rows[i].answer);
  }
}

TEST(keys_with_their_types) {
  /* clang-format off */
  static const struct row rows[] = {
    {T, "", DASHBOARD},
    {J, "{}", DASHBOARD},
    {J, "\xEF\xBB\xBF{\"$schema\": \"https://railway.com/railway.schema.json\"}", DASHBOARD},
    {T, "[build]\nbuilder = 'nixpacks'", BUILD("\"builder\":\"NIXPACKS\"")},
    {T, "build.builder = 'DockerFile'\nbuild.dockerfilePath = '/x/Dockerfile'", BUILD("\"builder\":\"DOCKERFILE\",\"dockerfilePath\":\"/x/Dockerfile\"")},
    {T, "[build]\nbuildCommand = 'make'\nwatchPatterns = ['src/**', '!x']", BUILD("\"buildCommand\":\"make\",\"watchPatterns\":[\"src/**\",\"!x\"]")},
    {T, "[deploy]\nstartCommand = 'a && b'", "{\"deploy\":{\"startCommand\":\"a && b\"}}"},
    {J, "{\"deploy\": {\"startCommand\": null}}", "{}"},
    {T, "[deploy]\npreDeployCommand = ['a', 'b']", WITH("\"preDeployCommand\":\"a && b\"")},
    {T, "[deploy]\npreDeployCommand = 'a'", WITH("\"preDeployCommand\":\"a\"")},
    {T, "[deploy]\nhealthcheckPath = '/h'\nhealthcheckTimeout = 20", WITH("\"healthcheckPath\":\"/h\",\"healthcheckTimeout\":20")},
    {J, "{\"deploy\": {\"healthcheckTimeout\": \"20\", \"healthcheckPath\": null}}", WITH("\"healthcheckTimeout\":20")},
    {J, "{\"deploy\": {\"healthcheckTimeout\": null}}", DASHBOARD},
    {T, "[deploy]\nrestartPolicyType = 'never'\nrestartPolicyMaxRetries = 3", WITH("\"restartPolicyMaxRetries\":3,\"restartPolicyType\":\"NEVER\"")},
    {T, "[deploy]\noverlapSeconds = '60'\ndrainingSeconds = 10", WITH("\"drainingSeconds\":10,\"overlapSeconds\":60")},
    {T, "[deploy]\nnumReplicas = 2", WITH("\"numReplicas\":2")},
    {T, "[deploy.limitOverride.containers]\ncpu = 0.5\nmemoryBytes = 500000000",
     WITH("\"limitOverride\":{\"containers\":{\"cpu\":0.5,\"memoryBytes\":500000000}}")},
    {J, "{\"deploy\": {\"limitOverride\": null}, \"build\": null, \"environments\": null}", DASHBOARD},
    {T, "[deploy.multiRegionConfig]\nus-west2 = {numReplicas = 2}", WITH("\"numReplicas\":2")},
    {J, "{\"deploy\": {\"multiRegionConfig\": {\"a\": {\"numReplicas\": 2}, \"b\": {}, \"c\": null}, \"numReplicas\": 9}}",
     WITH("\"numReplicas\":3") "|railway.json: line 1: everything runs on this machine: the replicas of the 2 regions are added up"},
    {J, "{\"deploy\": {\"multiRegionConfig\": null}}", DASHBOARD},
    {T, "[env]\nA = 'x'\nB = 8000\nC = true\nD = 1.5", DASHBOARD "|env:{\"A\":\"x\",\"B\":\"8000\",\"C\":\"true\",\"D\":\"1.5\"}"},
    {T, "[build.env]\nA = 'x'\n[build.args]\nB = 'y'", DASHBOARD "|build:{\"A\":\"x\",\"B\":\"y\"}"},
    {T, "[build]\nnixpacksConfigPath = '/x/n.toml'", DASHBOARD "|build:{\"NIXPACKS_CONFIG_FILE\":\"/x/n.toml\"}"},
    {J, "{\"build\": {\"nixpacksPlan\": {\"phases\": {}}}}", DASHBOARD "|build:{\"NIXPACKS_PLAN\":\"{\\\"phases\\\":{}}\"}"},
    {T, "[deploy]\nsleepApplication = false\nuseLegacyStacker = false", DASHBOARD},
    {J, "{\"deploy\": {\"cronSchedule\": null, \"region\": null}}", DASHBOARD},
  };
  /* clang-format on */
  check_rows(rows, ARRAY_LEN(rows));
}

TEST(wrong_types_and_values) {
  /* clang-format off */
  static const struct row rows[] = {
    {T, "\n[deploy]\nhealthcheckTimeout = 'soon'", "!railway.toml: line 3: setting 'deploy.healthcheckTimeout': must be a whole number; it is \"soon\""},
    {J, "{\"deploy\": {\n\"healthcheckTimeout\":\n 1.5}}", "!railway.json: line 2: setting 'deploy.healthcheckTimeout': must be a whole number; it is 1.5"},
    {T, "[deploy]\nhealthcheckTimeout = 0", "!railway.toml: line 2: setting 'deploy.healthcheckTimeout': 0 is not within 1 and 86400; it is 0"},
    {T, "[deploy]\nhealthcheckPath = 'h'", "!railway.toml: line 2: setting 'deploy.healthcheckPath': 'h' must begin with '/'; it is \"h\""},
    {T, "[deploy]\nstartCommand = 1", "!railway.toml: line 2: setting 'deploy.startCommand': must be text; it is 1"},
    {T, "[deploy]\nstartCommand = ['a']", "!railway.toml: line 2: setting 'deploy.startCommand': must be text; it is [\"a\"]"},
    {T, "[deploy]\nstartCommand = 2026-11-21", "!railway.toml: line 2: setting 'deploy.startCommand': text stands in quotes; it is \"2026-11-21\""},
    {T, "[deploy]\nregion = inf", "!railway.toml: line 2: 'deploy.region' must be text; it is \"inf\""},
    {T, "[deploy]\npreDeployCommand = [1]", "!railway.toml: line 2: setting 'deploy.preDeployCommand': must be a list of texts; it is [1]"},
    {T, "[deploy]\nrestartPolicyType = 'SOMETIMES'",
     "!railway.toml: line 2: setting 'deploy.restartPolicyType': restart policy 'SOMETIMES' is not one of ON_FAILURE, ALWAYS, NEVER; it is \"SOMETIMES\""},
    {T, "[build]\nbuilder = true", "!railway.toml: line 2: setting 'build.builder': builder '' is not one of RAILPACK, DOCKERFILE, NIXPACKS, HEROKU, PAKETO; it is true"},
    {T, "[build]\nwatchPatterns = 'x'", "!railway.toml: line 2: setting 'build.watchPatterns': must be a list of texts; it is \"x\""},
    {T, "[build]\ndockerfilePath = '../x'", "!railway.toml: line 2: setting 'build.dockerfilePath': '../x' must not have '..' in it; it is \"../x\""},
    {T, "build = 1", "!railway.toml: line 1: a table of keys belongs here; it is 1"},
    {T, "deploy.limitOverride.containers = 'x'", "!railway.toml: line 1: a table of keys belongs here; it is \"x\""},
    {T, "[deploy]\ncronSchedule = 5", "!railway.toml: line 2: 'deploy.cronSchedule' must be text; it is 5"},
    {T, "[deploy]\nsleepApplication = 'yes'", "!railway.toml: line 2: 'deploy.sleepApplication' must be true or false; it is \"yes\""},
    {T, "[deploy]\nlimitOverride.containers.diskBytes = 'x'",
     "!railway.toml: line 2: 'deploy.limitOverride.containers.diskBytes' must be a number; it is \"x\""},
    {T, "[deploy]\nregistryCredentials = 'user:secret'", "!railway.toml: line 2: 'deploy.registryCredentials' must be an object with username and password, both texts"},
    {T, "[deploy.registryCredentials]\npassword = 'secret'", "!railway.toml: line 1: 'deploy.registryCredentials' must be an object with username and password, both texts"},
    {T, "[deploy]\nmultiRegionConfig = 2", "!railway.toml: line 2: 'deploy.multiRegionConfig' must be an object; it is 2"},
    {T, "[deploy.multiRegionConfig]\na = 2",
     "!railway.toml: line 1: 'deploy.multiRegionConfig' must say {\"numReplicas\": <number>} for each region; it is {\"a\":2}"},
    {T, "[deploy.multiRegionConfig]\na.numReplicas = 51", "!railway.toml: line 1: setting 'deploy.numReplicas': 51 is not within 1 and 50; it is 51"},
    {T, "environments = 1", "!railway.toml: line 1: 'environments' must be a table of environments; it is 1"},
    {T, "environments.x = 1", "!railway.toml: line 1: an environment's block is a table with build and deploy; it is 1"},
    {T, "a = ", "!railway.toml: line 1, column 5: expected a value"},
    {J, "{\n \"a\" 1}", "!railway.json: not JSON: line 2, column 6: ':' expected near '1'"},
    {J, "[]", "!railway.json: line 1: must be an object"},
    {J, "{\"a\": 1, \"a\": 2}", "!railway.json: not JSON: line 1, column 12: duplicate object key near '\"a\"'"},
  };
  /* clang-format on */
  check_rows(rows, ARRAY_LEN(rows));
}

TEST(what_is_unknown_or_without_effect_is_said) {
  /* clang-format off */
  static const struct row rows[] = {
    {T, "[deploy]\nstartComand = 'x'", DASHBOARD "|railway.toml: line 2: unknown key 'deploy.startComand': did you mean 'deploy.startCommand'?"},
    {T, "[deploy]\nSTARTCOMMAND = 'x'", DASHBOARD "|railway.toml: line 2: unknown key 'deploy.STARTCOMMAND': did you mean 'deploy.startCommand'?"},
    {T, "[build]\nstartCommand = 'x'", DASHBOARD "|railway.toml: line 2: unknown key 'build.startCommand': did you mean 'deploy.startCommand'?"},
    {T, "[environment]\nA = 'x'", DASHBOARD "|railway.toml: line 1: unknown key 'environment': did you mean 'environments'?"},
    {T, "[deploy.performance]\nx = 1\n[build.cache]\ny = 2", DASHBOARD
     "|railway.toml: line 1: unknown key 'deploy.performance' is passed over|railway.toml: line 3: unknown key 'build.cache' is passed over"},
    {T, "'a b'.c = 1", DASHBOARD "|railway.toml: line 1: unknown key 'a b' is passed over"},
    {T, "[source]\nrepo = 'x'", DASHBOARD "|railway.toml: line 1: unknown key 'source' is passed over"},
    {T, "[deploy]\n\ncronSchedule = '0 * * * *'\nregion = 'us'", DASHBOARD "|railway.toml: without effect here: deploy.cronSchedule (line 3: there "
     "are no schedules yet: the service runs all the time), deploy.region (line 4: everything runs on this machine)"},
    {T, "[deploy.registryCredentials]\nusername = 'ada'\npassword = 'secret'", DASHBOARD "|railway.toml: line 1: the password is kept "
     "encrypted with the service from now on: take it out of the file"},
    {T, "[env]\n'A-B' = 'x'\nC = [1]", DASHBOARD "|railway.toml: line 2: the variable name 'A-B' may only have letters, digits and '_', and not begin "
     "with a digit: the variable is passed over|railway.toml: line 3: its value is no text: the variable is passed over"},
    {T, "env = 1", DASHBOARD "|railway.toml: line 1: 'env' is not a table of variables and is passed over"},
    {T, "[environments.other.deploy]\nstartComand = 'x'\nnumReplicas = 'many'", DASHBOARD
     "|railway.toml: line 2: unknown key 'deploy.startComand': did you mean 'deploy.startCommand'?"},
  };
  /* clang-format on */
  check_rows(rows, ARRAY_LEN(rows));
}

TEST(the_nearest_block_wins) {
  const char *text = "[deploy]\nstartCommand = 'base'\nnumReplicas = 2\nhealthcheckPath = '/base'\n"
                     "[env]\nA = 'base'\n"
                     "[environments.staging.deploy]\nstartCommand = 'staging'\nhealthcheckPath = '/staging'\n"
                     "[environments.staging.env]\nA = 'staging'\n"
                     "[environments.pr.deploy]\nstartCommand = 'pr'\n"
                     "[environments.pr-7.deploy]\nnumReplicas = '7'\n";
  /* clang-format off */
  static const struct { const char *environment, *base, *answer; } rows[] = {
    {"production", NULL, "{\"deploy\":{\"healthcheckPath\":\"/base\",\"numReplicas\":2,\"startCommand\":\"base\"}}|env:{\"A\":\"base\"}"},
    {"staging", NULL, "{\"deploy\":{\"healthcheckPath\":\"/staging\",\"numReplicas\":2,\"startCommand\":\"staging\"}}|env:{\"A\":\"staging\"}"},
    {"pr-7", "staging", "{\"deploy\":{\"healthcheckPath\":\"/staging\",\"numReplicas\":7,\"startCommand\":\"pr\"}}|env:{\"A\":\"staging\"}"},
    {"pr-8", "production", "{\"deploy\":{\"healthcheckPath\":\"/base\",\"numReplicas\":2,\"startCommand\":\"pr\"}}|env:{\"A\":\"base\"}"},
    {"pr-7", NULL, "{\"deploy\":{\"healthcheckPath\":\"/base\",\"numReplicas\":7,\"startCommand\":\"base\"}}|env:{\"A\":\"base\"}"},
    {"pr", "pr", "{\"deploy\":{\"healthcheckPath\":\"/base\",\"numReplicas\":2,\"startCommand\":\"pr\"}}|env:{\"A\":\"base\"}"},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *answer = apply_in(T, text, rows[i].environment, rows[i].base);
    if (!str_eq(answer, rows[i].answer)) TAP_FAIL("%s: %s, expected %s", rows[i].environment, answer, rows[i].answer);
  }
}

TEST(null_in_a_block_takes_back_what_the_base_says) {
  auto_free char *answer = apply(J, "{\"deploy\": {\"startCommand\": \"a\"}, \"environments\": {\"production\": {\"deploy\": {\"startCommand\": null}}}}");
  CHECK_TEXT(answer, "{}");
}

TEST(where_each_setting_came_from) {
  const char *text = "[deploy]\nstartCommand = 'a'\nnumReplicas = 2\n[environments.'my env'.deploy]\nnumReplicas = 3\n";
  auto_service_settings s = {0};
  auto_config_result result = {0};
  service_settings_init(&s);
  struct config_source source = {.path = T, .text = text, .len = strlen(text), .environment = "my env"};
  CHECK_OK(config_file_apply(&source, &s, &result));
  auto_free char *manifest = json_dumps(result.manifest, JSON_COMPACT | JSON_SORT_KEYS);
  CHECK_TEXT(manifest, "{\"deploy\":{\"numReplicas\":3,\"startCommand\":\"a\"}}");
  CHECK_TEXT(json_get_text(result.mapping, "deploy.startCommand"), "$.deploy.startCommand");
  CHECK_TEXT(json_get_text(result.mapping, "deploy.numReplicas"), "$.environments.\"my env\".deploy.numReplicas");
}

TEST(the_guides_file) {
  const char *text = "[build]\nbuilder = \"NIXPACKS\"\n\n[deploy]\n"
                     "startCommand = \"alembic upgrade head && uvicorn app.main:app --host=0.0.0.0 --port=$PORT\"\n"
                     "healthcheckPath = \"/api/v1/health\"\nhealthcheckTimeout = 300\nrestartPolicyType = \"ON_FAILURE\"\n"
                     "restartPolicyMaxRetries = 3\n\n[env]\nPYTHON_VERSION = \"3.11\"\nPIP_NO_CACHE_DIR = \"1\"\n\n"
                     "[build.env]\nPYTHON_VERSION = \"3.11\"\n";
  auto_free char *answer = apply(T, text);
  CHECK_TEXT(answer, "{\"build\":{\"builder\":\"NIXPACKS\"},\"deploy\":{\"healthcheckPath\":\"/api/v1/health\","
                     "\"restartPolicyMaxRetries\":3,\"startCommand\":\"alembic upgrade head && uvicorn app.main:app "
                     "--host=0.0.0.0 --port=$PORT\"}}|env:{\"PIP_NO_CACHE_DIR\":\"1\",\"PYTHON_VERSION\":\"3.11\"}"
                     "|build:{\"PYTHON_VERSION\":\"3.11\"}");
}

TEST(limits) {
  auto_str text = STR_EMPTY;
  for (int i = 0; i < 100; i++) str_addf(&text, "x%d = 1\n", i);
  auto_free char *many = apply(T, str_text(&text));
  CHECK(strstr(many, "railway.toml: and 80 more warnings"));
  while (text.len <= CONFIG_FILE_BYTES_MAX) str_add(&text, "# more than a configuration has\n");
  auto_free char *large = apply(T, str_text(&text));
  CHECK_TEXT(large, "!railway.toml: larger than 262144 bytes");
}

/* The user's table has a row for each key, and says whether it does something. */
TEST(the_docs_list_every_key) {
  auto_str docs = STR_EMPTY;
  CHECK_OK(file_read("docs/config-as-code.md", 1 << 20, &docs));
  struct config_key key;
  size_t i = 0;
  for (; config_key_at(i, &key); i++) {
    auto_free char *row = str_format("\n| `%s` |", key.path);
    const char *at = strstr(str_text(&docs), row);
    if (!at) TAP_FAIL("docs/config-as-code.md has no row for '%s'", key.path);
    auto_free char *line = str_ndup(at + 1, strcspn(at + 1, "\n"));
    bool offered = !strstr(line, "| not offered");
    if (offered == (key.idle != NULL)) TAP_FAIL("docs/config-as-code.md, '%s': %s", key.path, line);
  }
  CHECK(i > 30);
}

TEST_MAIN
