/* What differs between two releases. */
#include "core/release_diff.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static json_t *parse(const char *text) {
  json_t *value = NULL;
  CHECK_OK(json_parse(text, strlen(text), "test", &value));
  return value;
}

/* A release as JSON: {"image", "source", "settings", "variables", "routes", "volumes"}, the last five optional. */
static void make(const char *text, struct release *ret_release) {
  auto_json *given = parse(text);
  static const char *const parts[] = {"source", "variables", "routes", "volumes"};
  for (size_t i = 0; i < ARRAY_LEN(parts); i++)
    if (!json_object_get(given, parts[i]))
      json_object_set_new(given, parts[i], i < 2 ? json_object() : json_array());
  *ret_release = (struct release){.image_digest = str_dup(json_get_text(given, "image")),
                                  .source = json_deep_copy(json_object_get(given, "source")),
                                  .variables = json_deep_copy(json_object_get(given, "variables")),
                                  .routes = json_deep_copy(json_object_get(given, "routes")),
                                  .volumes = json_deep_copy(json_object_get(given, "volumes"))};
  service_settings_init(&ret_release->settings);
  const json_t *settings = json_object_get(given, "settings");
  if (settings) CHECK_OK(service_settings_apply_json(&ret_release->settings, settings));
}

/* "SETTINGS deploy.numReplicas 1 -> 3 | …" */
static char *diff_of(const char *from_text, const char *to_text) {
  auto_release from = {0}, to = {0};
  auto_release_diff diff = {0};
  struct str text;
  str_init(&text);
  make(from_text, &from);
  make(to_text, &to);
  release_diff_make(&from, &to, &diff);
  for (size_t i = 0; i < diff.len; i++) {
    const struct release_difference *item = &diff.items[i];
    str_addf(&text, "%s%s %s %s -> %s%s", i ? " | " : "", release_part_name(item->part), item->name,
             item->from ? item->from : item->in_from ? "?" : "none", item->to ? item->to : item->in_to ? "?" : "none",
             item->sealed ? " sealed" : "");
  }
  return str_take(&text);
}

/* clang-format off */
static const struct {
  const char *from, *to, *expected;
} rows[] = {
  { "{\"image\": \"sha256:1\"}", "{\"image\": \"sha256:1\"}", "" },
  { "{\"image\": \"sha256:1\"}", "{\"image\": \"sha256:2\"}", "SOURCE image sha256:1 -> sha256:2" },
  { "{\"image\": \"\"}", "{\"image\": \"sha256:2\"}", "SOURCE image none -> sha256:2" },
  { "{\"image\": \"a\", \"source\": {\"snapshot\": \"1\", \"branch\": \"main\"}}",
    "{\"image\": \"a\", \"source\": {\"snapshot\": \"2\", \"commitHash\": \"c\"}}",
    "SOURCE snapshot 1 -> 2 | SOURCE branch main -> none | SOURCE commitHash none -> c" },
  { "{\"image\": \"a\", \"settings\": {\"deploy\": {\"startCommand\": \"npm start\", \"drainingSeconds\": 5}}}",
    "{\"image\": \"a\", \"settings\": {\"deploy\": {\"numReplicas\": 3, \"restartPolicyType\": \"NEVER\"}}}",
    "SETTINGS deploy.startCommand npm start -> none | SETTINGS deploy.restartPolicyType ON_FAILURE -> NEVER"
    " | SETTINGS deploy.numReplicas 1 -> 3 | SETTINGS deploy.drainingSeconds 5 -> none" },
  { "{\"image\": \"a\", \"settings\": {\"build\": {\"watchPatterns\": [\"a\", \"b\"]}}}",
    "{\"image\": \"a\", \"settings\": {\"deploy\": {\"limitOverride\": {\"containers\": {\"cpu\": 0.5, \"memoryBytes\": 67108864}}}}}",
    "SETTINGS build.watchPatterns a, b -> none | SETTINGS deploy.limitOverride.containers.memoryBytes none -> 67108864"
    " | SETTINGS deploy.limitOverride.containers.cpu none -> 0.5" },
  { "{\"image\": \"a\", \"variables\": {\"A\": {\"digest\": \"1\"}, \"B\": {\"digest\": \"1\"}, \"C\": {\"digest\": \"1\"}}}",
    "{\"image\": \"a\", \"variables\": {\"D\": {\"digest\": \"1\"}, \"C\": {\"digest\": \"1\"}, \"B\": {\"digest\": \"2\", \"sealed\": true}}}",
    "VARIABLES A ? -> none | VARIABLES B ? -> ? sealed | VARIABLES D none -> ?" },
  { "{\"image\": \"a\", \"variables\": {\"RAILWAY_GIT_BRANCH\": {\"digest\": \"1\"}, \"RAILWAY_SNAPSHOT_ID\": {\"digest\": \"1\"}}}",
    "{\"image\": \"a\"}", "" },
  { "{\"image\": \"a\", \"routes\": [{\"host\": \"a.b\", \"targetPort\": 0}, {\"host\": \"c.d\", \"targetPort\": 1}]}",
    "{\"image\": \"a\", \"routes\": [{\"host\": \"e.f\", \"targetPort\": 1}, {\"host\": \"a.b\", \"targetPort\": 3000}]}",
    "ROUTES a.b the app's port -> port 3000 | ROUTES c.d port 1 -> none | ROUTES e.f none -> port 1" },
  { "{\"image\": \"a\", \"volumes\": [{\"name\": \"data\", \"mountPath\": \"/a\"}]}",
    "{\"image\": \"a\", \"volumes\": [{\"name\": \"data\", \"mountPath\": \"/b\"}]}",
    "VOLUMES data /a -> /b" },
};
/* clang-format on */

TEST(every_part_is_compared) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *found = diff_of(rows[i].from, rows[i].to);
    CHECK_TEXT(found, rows[i].expected);
  }
}

TEST_MAIN
