/* What makes one environment like another. */
#include "core/environment_sync.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/environment_patch.h"
#include "tap.h"

#define A "11111111-1111-4111-8111-111111111111"
#define B "22222222-2222-4222-8222-222222222222"

/* A document with one service, or without; ' stands for ". */
static json_t *document(const char *services, const char *shared) {
  auto_free char *text = str_format("{\"services\": {%s}, \"sharedVariables\": {%s}, \"volumes\": {}, \"buckets\": {}}",
                                    services, shared);
  for (char *p = text; *p; p++)
    if (*p == '\'') *p = '"';
  json_t *value = NULL;
  CHECK_OK(json_parse(text, strlen(text), "document", &value));
  return value;
}

#define SERVICE(parts) "'" A "': {'name': 'api', 'variables': {}, " parts "}"
#define VARIABLES(list) "'" A "': {'name': 'api', 'variables': {" list "}}"

static const struct {
  const char *what, *from, *to, *shared_from, *shared_to, *patch;
} rows[] = {
    {"nothing differs", SERVICE("'deploy': {'startCommand': 'x'}"), SERVICE("'deploy': {'startCommand': 'x'}"), "", "", "{}"},
    {"a setting", SERVICE("'deploy': {'startCommand': 'x'}"), SERVICE("'deploy': {'startCommand': 'y', 'numReplicas': 3}"), "",
     "", "{'services': {'" A "': {'deploy': {'startCommand': 'x', 'numReplicas': null}}}}"},
    {"a nested one", SERVICE("'deploy': {}"), SERVICE("'deploy': {'limitOverride': {'containers': {'cpu': 2}}}"), "", "",
     "{'services': {'" A "': {'deploy': {'limitOverride': {'containers': {'cpu': null}}}}}}"},
    {"a list", SERVICE("'build': {'watchPatterns': ['a']}"), SERVICE("'build': {'watchPatterns': ['b']}"), "", "",
     "{'services': {'" A "': {'build': {'watchPatterns': ['a']}}}}"},
    {"the branch stays", SERVICE("'source': {'repo': 'o/r', 'branch': 'staging', 'rootDirectory': 'a'}"),
     SERVICE("'source': {'repo': 'o/r', 'branch': 'main'}"), "", "", "{'services': {'" A "': {'source': {'rootDirectory': 'a'}}}}"},
    {"of another repository it does not", SERVICE("'source': {'repo': 'o/r', 'branch': 'staging'}"),
     SERVICE("'source': {'image': 'nginx'}"), "", "",
     "{'services': {'" A "': {'source': {'repo': 'o/r', 'branch': 'staging', 'image': null}}}}"},
    {"the configuration file", SERVICE("'configFile': '/a.toml'"), SERVICE("'build': {}"), "", "",
     "{'services': {'" A "': {'configFile': '/a.toml'}}}"},
    {"variables", VARIABLES("'A': {'value': '1'}, 'B': {'value': '2'}"), VARIABLES("'B': {'value': '3'}, 'C': {'value': '4'}"), "", "",
     "{'services': {'" A "': {'variables': {'A': {'value': '1'}, 'B': {'value': '2'}, 'C': null}}}}"},
    {"sealed ones are left alone", VARIABLES("'A': {'value': '1', 'isSealed': true}, 'B': {'value': '2'}"),
     VARIABLES("'B': {'value': 'b', 'isSealed': true}, 'C': {'value': 'c', 'isSealed': true}"), "", "", "{}"},
    {"shared ones", "", "", "'S': {'value': '1'}", "'T': {'value': '1'}", "{'sharedVariables': {'S': {'value': '1'}, 'T': null}}"},
    {"a service that comes", SERVICE("'source': {'repo': 'o/r', 'branch': 'staging'}, 'networking': {'serviceDomains': {'x.y': {}}}"),
     "", "", "",
     "{'services': {'" A "': {'isCreated': true, 'name': 'api', 'networking': {'serviceDomains': {'<hasDomain>': {}}}, "
     "'source': {'repo': 'o/r', 'branch': 'staging'}}}}"},
    {"a service that goes", "", "'" B "': {'name': 'old', 'variables': {}}", "", "", "{'services': {'" B "': {'isDeleted': true}}}"},
    {"domains stay", SERVICE("'networking': {'serviceDomains': {'a.b': {'port': 1}}}"), SERVICE("'networking': {'customDomains': {'c.d': {}}}"),
     "", "", "{}"},
};

TEST(a_patch_says_what_differs) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_json *from = document(rows[i].from, rows[i].shared_from), *to = document(rows[i].to, rows[i].shared_to);
    auto_json *patch = environment_sync_patch(from, to);
    auto_free char *expected = str_dup(rows[i].patch);
    for (char *p = expected; *p; p++)
      if (*p == '\'') *p = '"';
    auto_json *wanted = NULL;
    CHECK_OK(json_parse(expected, strlen(expected), "patch", &wanted));
    if (!json_equal(patch, wanted)) {
      auto_free char *got = json_to_text(patch);
      printf("# %s: %s\n", rows[i].what, got);
    }
    CHECK(json_equal(patch, wanted));
  }
}

/* ---- buckets and what serves them ---- */

#define C "33333333-3333-4333-8333-333333333333"
#define UP "'" A "': {'name': 'uploads', 'region': 'us-east-1'}"
#define OLD "'" B "': {'name': 'old', 'region': 'us-east-1'}"
#define STORAGE(id, name) "'" id "': {'name': '" name "', 'source': {'image': 'tramway/s3:2'}, 'variables': {}}"

static json_t *with_buckets(const char *services, const char *buckets) {
  json_t *document_ = document(services, "");
  auto_free char *text = str_format("{%s}", buckets);
  for (char *p = text; *p; p++)
    if (*p == '\'') *p = '"';
  json_t *value = NULL;
  CHECK_OK(json_parse(text, strlen(text), "buckets", &value));
  json_object_set_new(document_, "buckets", value);
  return document_;
}

static const struct {
  const char *what, *from_services, *from, *to_services, *to, *patch;
} bucket_rows[] = {
    {"both have it", STORAGE(B, "s"), UP, STORAGE(B, "s"), UP, "{}"},
    {"a bucket comes, empty, with what serves it, and one goes", STORAGE(B, "s"), UP, "", OLD,
     "{'buckets': {'" A "': {'isCreated': true, 'name': 'uploads'}, '" B "': {'isDeleted': true}}, "
     "'services': {'" B "': {'isCreated': true, 'name': 's', 'source': {'image': 'tramway/s3:2'}}}}"},
    {"each has its own storage service", STORAGE(B, "s"), UP, STORAGE(C, "s-2"), "",
     "{'buckets': {'" A "': {'isCreated': true, 'name': 'uploads'}}}"},
    {"the last one goes with what served it", "", "", STORAGE(C, "s"), UP,
     "{'buckets': {'" A "': {'isDeleted': true}}, 'services': {'" C "': {'isDeleted': true}}}"},
};

TEST(buckets_come_empty_and_go) {
  for (size_t i = 0; i < ARRAY_LEN(bucket_rows); i++) {
    auto_json *from = with_buckets(bucket_rows[i].from_services, bucket_rows[i].from);
    auto_json *to = with_buckets(bucket_rows[i].to_services, bucket_rows[i].to), *after = NULL, *wanted = NULL;
    auto_json *patch = environment_sync_patch(from, to);
    auto_free char *expected = str_dup(bucket_rows[i].patch), *got = json_to_text(patch);
    for (char *p = expected; *p; p++)
      if (*p == '\'') *p = '"';
    CHECK_OK(json_parse(expected, strlen(expected), "patch", &wanted));
    if (!json_equal(patch, wanted)) TAP_FAIL("%s: %s", bucket_rows[i].what, got);
    CHECK_OK(environment_patch_apply(to, patch, &after));
    auto_json *rest = environment_sync_patch(from, after);
    CHECK_INT(json_object_size(rest), 0);
  }
}

/* Applied, it leaves nothing to be done. */
TEST(once_is_enough) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_json *from = document(rows[i].from, rows[i].shared_from), *to = document(rows[i].to, rows[i].shared_to);
    auto_json *patch = environment_sync_patch(from, to), *after = NULL;
    CHECK_OK(environment_patch_apply(to, patch, &after));
    auto_json *rest = environment_sync_patch(from, after);
    if (json_object_size(rest)) {
      auto_free char *got = json_to_text(rest);
      printf("# %s: left: %s\n", rows[i].what, got);
    }
    CHECK_INT(json_object_size(rest), 0);
  }
}

TEST_MAIN
