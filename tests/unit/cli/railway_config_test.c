/* A Railway project's EnvironmentConfig as a patch: names for ids, what is left out and told. */
#include "cli/railway_config.h"

#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

static json_t *parse(const char *text) {
  json_t *value = NULL;
  CHECK_OK(json_parse(text, strlen(text), "test", &value));
  return value;
}

#define A "11111111-1111-4111-8111-111111111111"
#define B "22222222-2222-4222-8222-222222222222"

/* clang-format off */
static const struct {
  const char *document, *patch, *note;
} rows[] = {
  { "{\"services\":{\"" A "\":{\"name\":\"web\",\"source\":{\"image\":\"nginx\"}}}}",
    "{\"services\":{\"web\":{\"name\":\"web\",\"source\":{\"image\":\"nginx\"},\"isCreated\":true}}}", NULL },
  { "{\"services\":{\"" A "\":{\"source\":{\"repo\":\"ada/shop\"}}}}",
    "{\"services\":{\"shop\":{\"name\":\"shop\",\"source\":{\"repo\":\"ada/shop\"},\"isCreated\":true}}}", NULL },
  { "{\"services\":{\"" A "\":{\"source\":{\"image\":\"x/redis:7@sha\"}},\"" B "\":{\"source\":{\"image\":\"redis\"}}}}",
    "{\"services\":{\"redis\":{\"name\":\"redis\",\"source\":{\"image\":\"x/redis:7@sha\"},\"isCreated\":true},"
    "\"redis-2\":{\"name\":\"redis-2\",\"source\":{\"image\":\"redis\"},\"isCreated\":true}}}", NULL },
  { "{\"services\":{\"" B "\":{}}}", "{\"services\":{\"listed\":{\"name\":\"listed\",\"isCreated\":true}}}", NULL },
  { "{\"services\":{\"" A "\":{}}}", "{\"services\":{\"service-11111111\":{\"name\":\"service-11111111\",\"isCreated\":true}}}", NULL },
  { "{\"services\":{\"" A "\":{\"networking\":{\"privateNetworkEndpoint\":\"api\",\"serviceDomains\":{\"a.up.railway.app\":{\"port\":80}}}}}}",
    "{\"services\":{\"api\":{\"name\":\"api\",\"networking\":{\"serviceDomains\":{\"<hasDomain>\":{\"port\":80}}},\"isCreated\":true}}}", NULL },
  { "{\"services\":{\"web\":{\"variables\":{\"X\":{\"value\":\"1\"},\"Y\":{\"value\":null},\"Z\":null,\"D\":{\"defaultValue\":\"d\"}}}}}",
    "{\"services\":{\"web\":{\"name\":\"web\",\"variables\":{\"X\":{\"value\":\"1\"},\"D\":{\"value\":\"d\"}},\"isCreated\":true}}}",
    "web: the variable Y is left out: it has no value in the file" },
  { "{\"services\":{},\"sharedVariables\":{\"K\":{\"isSealed\":true},\"L\":{\"value\":\"v\",\"isSealed\":true}}}",
    "{\"services\":{},\"sharedVariables\":{\"L\":{\"value\":\"v\",\"isSealed\":true}}}", "it is sealed and has no value" },
  { "{\"services\":{\"web\":{\"deploy\":{\"cronSchedule\":\"0 * * * *\",\"runtime\":\"V2\",\"region\":\"x\"}}},\"volumes\":{\"v\":{}}}",
    "{\"services\":{\"web\":{\"name\":\"web\",\"deploy\":{},\"isCreated\":true}}}",
    "services.web.deploy.cronSchedule is left out: not available in Tramway yet" },
  { "{\"services\":{\"db\":{\"volumeMounts\":{\"" A "\":{\"mountPath\":\"/d\"}}}},\"volumes\":{\"" A "\":{\"sizeMB\":900,\"region\":\"x\"}}}",
    "{\"services\":{\"db\":{\"name\":\"db\",\"volumeMounts\":{\"db-volume\":{\"mountPath\":\"/d\"}},\"isCreated\":true}},"
    "\"volumes\":{\"db-volume\":{\"isCreated\":true,\"sizeMB\":900}}}", "db: the volume db-volume comes without its data" },
  { "{\"services\":{},\"buckets\":{\"" B "\":{\"region\":\"sjc\"},\"gone\":{\"isDeleted\":true}}}",
    "{\"services\":{},\"buckets\":{\"listed\":{\"isCreated\":true}}}", "the bucket listed comes without its objects" },
  { "{\"services\":{},\"buckets\":{\"" A "\":{\"region\":\"sjc\"}}}",
    "{\"services\":{},\"buckets\":{\"bucket-11111111\":{\"isCreated\":true}}}", "the bucket bucket-11111111 comes" },
  { "{\"services\":{\"web\":{\"deploy\":{\"wat\":1}}}}",
    "{\"services\":{\"web\":{\"name\":\"web\",\"deploy\":{},\"isCreated\":true}}}", "services.web.deploy.wat is left out: no such key" },
  { "{\"services\":{\"web\":{\"isDeleted\":true}}}", "{\"services\":{}}", NULL },
  { "{\"data\":{\"environment\":{\"config\":{\"services\":{}}}}}", "{\"services\":{}}", NULL },
};
/* clang-format on */

TEST(a_document_becomes_a_patch) {
  auto_json *status = parse("{\"services\":{\"edges\":[{\"node\":{\"id\":\"" B "\",\"name\":\"listed\"}}]}}");
  auto_json *names = railway_names_read(status);
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_json *document = parse(rows[i].document), *expected = parse(rows[i].patch);
    auto_import_plan plan = {0};
    CHECK_OK(railway_config_read(document, i < 2 ? NULL : i == 2 ? NULL : names, &plan));
    auto_free char *seen = json_to_text(plan.patch);
    if (!json_equal(plan.patch, expected)) TAP_FAIL("%s gives\n#   %s\n# expected\n#   %s", rows[i].document, seen, rows[i].patch);
    auto_free char *notes = plan.notes.len ? strv_join(&plan.notes, "\n") : NULL;
    if (rows[i].note)
      CHECK_HAS(notes, rows[i].note);
    else if (notes)
      TAP_FAIL("%s notes: %s", rows[i].document, notes);
  }
}

TEST(what_is_no_document_is_refused) {
  static const char *const texts[] = {"{}", "[]", "{\"services\":[]}", "{\"config\":{\"config\":{\"config\":{\"config\":{\"services\":{}}}}}}"};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    auto_json *document = parse(texts[i]);
    auto_import_plan plan = {0};
    CHECK_ERR(railway_config_read(document, NULL, &plan), ERR_INVALID, "no EnvironmentConfig");
  }
}

TEST_MAIN
