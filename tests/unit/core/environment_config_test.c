/* The document of an environment: rows → document, patches on it, and what they change. */
#include "core/environment_config.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/environment_diff.h"
#include "core/environment_keys.h"
#include "core/environment_patch.h"
#include "core/environment_sync.h"
#include "tap.h"

#define WEB "11111111-1111-4111-8111-111111111111"
#define DB "22222222-2222-4222-8222-222222222222"
#define AWAY "33333333-3333-4333-8333-333333333333" /* in other environments only */
#define NEW "44444444-4444-4444-8444-444444444444"

static json_t *parse(const char *text) {
  json_t *value = NULL;
  CHECK_OK(json_parse(text, strlen(text), "test", &value));
  return value;
}

/* ---- an environment ---- */

static struct service services[3];
static struct service_instance instances[2];
static struct variable variables[4];
static struct domain domains[2];
static struct tcp_proxy proxies[1];
static struct volume volumes[1];
static struct volume_instance volume_instances[1];
static struct backup_schedule schedules[1];
static struct bucket buckets[3];
static struct bucket_instance bucket_instances[2];

#define DATA "55555555-5555-4555-8555-555555555555"     /* a volume, at db */
#define UPLOADS "66666666-6666-4666-8666-666666666666"  /* buckets: here, */
#define TRASHED "77777777-7777-4777-8777-777777777777"  /* here in the trash, */
#define ELSEWHERE "88888888-8888-4888-8888-888888888888" /* and in other environments only */

static void add_service(size_t i, const char *id, const char *name) {
  services[i] = (struct service){0};
  id_copy(services[i].id, id);
  CHECK_OK(service_set_name(&services[i], name));
}

static void add_variable(size_t i, const char *service_id, const char *name, const char *value, bool sealed) {
  variables[i] = (struct variable){.name = str_dup(name), .value = str_dup(value), .is_sealed = sealed};
  id_copy(variables[i].service_id, service_id);
}

static void add_instance(size_t i, const char *id, const char *service_id, const char *settings) {
  auto_json *object = parse(settings);
  instances[i] = (struct service_instance){0};
  id_copy(instances[i].id, id);
  id_copy(instances[i].service_id, service_id);
  service_settings_init(&instances[i].settings);
  CHECK_OK(service_settings_apply_json(&instances[i].settings, object));
}

static void add_bucket(size_t i, const char *id, const char *name) {
  buckets[i] = (struct bucket){.name = str_dup(name)};
  id_copy(buckets[i].id, id);
}

static void add_data(void) {
  volumes[0] = (struct volume){.name = str_dup("data")};
  volume_instances[0] = (struct volume_instance){.mount_path = str_dup("/data"), .size_bytes = 500 * VOLUME_MB};
  schedules[0] = (struct backup_schedule){.daily = true};
  id_copy(volumes[0].id, DATA);
  id_copy(volume_instances[0].id, "vi-data");
  id_copy(volume_instances[0].volume_id, DATA);
  id_copy(volume_instances[0].service_id, DB);
  id_copy(schedules[0].volume_instance_id, "vi-data");
  add_bucket(0, UPLOADS, "uploads");
  add_bucket(1, TRASHED, "trashed");
  add_bucket(2, ELSEWHERE, "elsewhere");
  bucket_instances[0] = bucket_instances[1] = (struct bucket_instance){0};
  id_copy(bucket_instances[0].bucket_id, UPLOADS);
  id_copy(bucket_instances[1].bucket_id, TRASHED);
  bucket_instances[1].deleted_us = 1;
}

/* As the store gives them: instances newest first. */
static struct environment_rows rows_open(void) {
  add_service(0, WEB, "web");
  add_service(1, DB, "My DB");
  add_service(2, AWAY, "worker");
  add_instance(0, "i-db", DB, "{\"source\": {\"kind\": \"image\", \"image\": \"postgres:16\"}}");
  add_instance(1, "i-web", WEB,
               "{\"source\": {\"kind\": \"repo\", \"repo\": \"ada/web\"}, \"deploy\": {\"numReplicas\": 2}}");
  add_variable(0, "", "REGION", "north", false);
  add_variable(1, WEB, "COLOUR", "red", false);
  add_variable(2, WEB, "KEY", "s3cret", true);
  add_variable(3, DB, "PASSWORD", "pw", false);
  domains[0] = (struct domain){.kind = DOMAIN_SERVICE, .host = str_dup("web-1.localhost"), .target_port = 3000};
  domains[1] = (struct domain){.kind = DOMAIN_CUSTOM, .host = str_dup("example.org")};
  id_copy(domains[0].service_instance_id, "i-web");
  id_copy(domains[1].service_instance_id, "i-web");
  proxies[0] = (struct tcp_proxy){.application_port = 9000, .proxy_port = 20001,
                                  .allow = json_pack("[s]", "198.51.100.0/24")};
  id_copy(proxies[0].service_instance_id, "i-web");
  add_data();
  return (struct environment_rows){.services = {services, 3, false}, .instances = {instances, 2, false},
                                   .variables = {variables, 4, false}, .domains = {domains, 2, false},
                                   .tcp_proxies = {proxies, 1, false}, .volumes = {volumes, 1, false},
                                   .volume_instances = {volume_instances, 1, false},
                                   .backup_schedules = {schedules, 1, false}, .buckets = {buckets, 3, false},
                                   .bucket_instances = {bucket_instances, 2, false}};
}

static void rows_close(void) {
  for (size_t i = 0; i < 3; i++) service_done(&services[i]);
  for (size_t i = 0; i < 2; i++) service_instance_done(&instances[i]);
  for (size_t i = 0; i < 4; i++) variable_done(&variables[i]);
  for (size_t i = 0; i < 2; i++) domain_done(&domains[i]);
  tcp_proxy_done(&proxies[0]);
  volume_done(&volumes[0]);
  volume_instance_done(&volume_instances[0]);
  for (size_t i = 0; i < 3; i++) bucket_done(&buckets[i]);
}

/* ---- the document ---- */

static char *changes_of(const json_t *before, const json_t *after, bool values);

static const char web_part[] =
    "{\"name\":\"web\",\"source\":{\"repo\":\"ada/web\"},\"deploy\":{\"numReplicas\":2},"
    "\"networking\":{\"serviceDomains\":{\"web-1.localhost\":{\"port\":3000}},\"customDomains\":{\"example.org\":{}},"
    "\"tcpProxies\":{\"9000\":{\"allow\":[\"198.51.100.0/24\"]}}},"
    "\"variables\":{\"COLOUR\":{\"value\":\"red\"},\"KEY\":{\"value\":\"s3cret\",\"isSealed\":true}}}";

TEST(the_document_holds_all_of_an_environment) {
  struct environment_rows rows = rows_open();
  auto_json *config = environment_config_make(&rows);
  auto_free char *web = json_to_text(json_object_get(json_object_get(config, "services"), WEB));
  CHECK_TEXT(web, web_part);
  auto_free char *text = json_to_text(config);
  CHECK_HAS(text, "\"" DB "\":{\"name\":\"My DB\",\"source\":{\"image\":\"postgres:16\"},\"volumeMounts\":{\"" DATA "\":"
                  "{\"mountPath\":\"/data\",\"backupSchedules\":[\"DAILY\"]}},\"variables\":{\"PASSWORD\":"
                  "{\"value\":\"pw\"}}}},\"sharedVariables\":{\"REGION\":{\"value\":\"north\"}},\"volumes\":{\"" DATA
                  "\":{\"name\":\"data\",\"sizeMB\":500}},\"buckets\":{\"" UPLOADS
                  "\":{\"name\":\"uploads\",\"region\":\"us-east-1\"}}}");
  CHECK(!strstr(text, AWAY));
  rows_close();
}

TEST(what_leaves_has_no_sealed_value) {
  struct environment_rows rows = rows_open();
  auto_json *config = environment_config_make(&rows);
  auto_json *with = environment_config_told(config, NULL, true), *without = environment_config_told(config, NULL, false);
  auto_free char *values = json_to_text(with), *names = json_to_text(without);
  CHECK_HAS(values, "\"COLOUR\":{\"value\":\"red\",\"isSealed\":false},\"KEY\":{\"isSealed\":true}");
  CHECK_HAS(names, "\"COLOUR\":{\"isSealed\":false},\"KEY\":{\"isSealed\":true}");
  CHECK(!strstr(values, "s3cret") && !strstr(names, "\"red\"") && !strstr(names, "north"));
  auto_json *patch = parse("{\"services\":{\"" WEB "\":{\"variables\":{\"KEY\":{\"value\":\"another\"}}}}}");
  auto_json *told = environment_config_told(patch, config, true);
  auto_free char *patch_text = json_to_text(told);
  CHECK(!strstr(patch_text, "another"));
  environment_patch_forget_sealed(patch, config);
  auto_free char *kept = json_to_text(patch);
  CHECK(!strstr(kept, "another"));
  rows_close();
}

#define PART(members) "{\"services\":{\"web\":{\"deploy\":{\"registryCredentials\":" members "}}}}"

TEST(registry_credentials_are_told_without_the_password) {
  struct environment_rows rows = rows_open();
  struct credential own = {.kind = CREDENTIAL_REGISTRY, .username = str_dup("ada"), .secret = str_dup("hunter2")};
  id_copy(own.service_instance_id, "i-web");
  rows.credentials = (struct credential_list){&own, 1, false};
  auto_json *config = environment_config_make(&rows), *told = environment_config_told(config, NULL, true);
  auto_free char *text = json_to_text(told);
  CHECK_HAS(text, "\"registryCredentials\":{\"username\":\"ada\"}");
  CHECK(!strstr(text, "hunter2"));
  auto_json *input = parse(PART("{\"username\":\"bob\"}")), *patch = NULL, *after = NULL;
  CHECK_OK(environment_patch_read(&rows, NULL, input, &patch));
  CHECK_OK(environment_patch_apply(config, patch, &after)); /* keeps the password */
  const json_t *web = json_object_get(json_object_get(after, "services"), WEB);
  CHECK_TEXT(json_get_text(environment_config_registry(web), "password"), "hunter2");
  auto_free char *changes = changes_of(config, after, true);
  CHECK_TEXT(changes, "UPDATED web/deploy.registryCredentials > sealed");
  auto_json *other = environment_config_make(&rows);
  environment_config_set_registry(json_object_get(json_object_get(other, "services"), WEB), NULL);
  auto_json *sync = environment_sync_patch(config, other);
  CHECK_INT(json_object_size(sync), 0);
  credential_done(&own);
  rows_close();
}

TEST(passwords_do_not_stay_in_the_history) {
  struct environment_rows rows = rows_open();
  auto_json *input = parse(PART("{\"username\":\"ada\",\"password\":\"hunter2\",\"x\":1}")), *patch = NULL;
  CHECK_OK(environment_patch_read(&rows, NULL, input, &patch));
  environment_patch_forget_sealed(patch, NULL);
  auto_free char *text = json_to_text(patch);
  CHECK_HAS(text, "\"registryCredentials\":{\"username\":\"ada\"}");
  rows_close();
}

TEST(the_etag_follows_from_all_of_it) {
  struct environment_rows rows = rows_open();
  char one[SHA256_HEX_SIZE], two[SHA256_HEX_SIZE];
  auto_json *config = environment_config_make(&rows), *after = NULL;
  auto_json *patch = parse("{\"services\":{\"" WEB "\":{\"variables\":{\"KEY\":{\"value\":\"another\"}}}}}");
  environment_config_etag(config, "k", one);
  environment_config_etag(config, "k", two);
  CHECK_TEXT(one, two);
  CHECK_OK(environment_patch_apply(config, patch, &after));
  environment_config_etag(after, "k", two);
  CHECK(!str_eq(one, two));
  environment_config_etag(config, "another key", two);
  CHECK(!str_eq(one, two));
  rows_close();
}

/* ---- patches: input → what changes, or the error ---- */

static char *changes_of(const json_t *before, const json_t *after, bool values) {
  auto_environment_diff diff = {0};
  auto_str text = STR_EMPTY;
  str_init(&text);
  environment_diff_make(before, after, values, &diff);
  for (size_t i = 0; i < diff.len; i++) {
    const struct environment_change *c = &diff.items[i];
    str_addf(&text, "%s%s %s/%s %s>%s%s", i ? " | " : "", environment_change_kind_name(c->kind),
             c->service_name ? c->service_name : "", c->path, c->from ? c->from : "", c->to ? c->to : "",
             c->is_sealed ? " sealed" : "");
  }
  return str_take(&text);
}

static err *change(const struct environment_rows *rows, const char *input_text, char **ret_changes) {
  auto_json *config = environment_config_make(rows), *patch = NULL, *after = NULL, *input = parse(input_text);
  TRY(environment_patch_read(rows, NULL, input, &patch));
  TRY(environment_patch_apply(config, patch, &after));
  *ret_changes = changes_of(config, after, true);
  return NULL;
}

/* clang-format off */
static const struct {
  const char *input, *changes; /* or the error */
} patches[] = {
  /* settings */
  { "{}", "" },
  { "{\"services\":{\"web\":{\"deploy\":{\"startCommand\":\"npm start\"}}}}", "CREATED web/deploy.startCommand >npm start" },
  { "{\"services\":{\"" WEB "\":{\"deploy\":{\"numReplicas\":\"3\"}}}}", "UPDATED web/deploy.numReplicas 2>3" },
  { "{\"services\":{\"WEB\":{\"deploy\":{\"numReplicas\":null}}}}", "DELETED web/deploy.numReplicas 2>" },
  { "{\"services\":{\"web\":{\"deploy\":null}}}", "DELETED web/deploy.numReplicas 2>" },
  { "{\"services\":{\"web\":{\"deploy\":{\"multiRegionConfig\":{\"a\":{\"numReplicas\":3},\"b\":{\"numReplicas\":1}}}}}}",
    "UPDATED web/deploy.numReplicas 2>4" },
  { "{\"services\":{\"web\":{\"source\":{\"image\":\"nginx:1\"}}}}",
    "DELETED web/source.repo ada/web> | CREATED web/source.image >nginx:1" },
  { "{\"services\":{\"web\":{\"source\":{\"image\":\"nginx:1\",\"repo\":\"a/b\"}}}}", "a repo or an image" },
  { "{\"services\":{\"web\":{\"deploy\":{\"healthcheckPath\":\"up\"}}}}", "services.web: setting 'deploy.healthcheckPath'" },
  { "{\"services\":{\"web\":{\"deploy\":{\"numReplicas\":\"many\"}}}}", "must be a whole number" },
  { "{\"services\":{\"web\":{\"deploy\":7}}}", "'deploy' must be an object" },
  { PART("{\"username\":\"ada\",\"password\":\"hunter2\"}"), "CREATED web/deploy.registryCredentials > sealed" },
  { PART("{\"username\":\"ada\"}"), "needs a username and a password" },
  { PART("\"ada:hunter2\""), "must be {\"username\": text, \"password\": text} or null" },
  { PART("null"), "" },
  { "{\"services\":{\"my-db\":{\"build\":{\"watchPatterns\":[\"a\",\"b\"]}}}}", "CREATED My DB/build.watchPatterns >a, b" },
  /* keys */
  { "{\"services\":{\"web\":{\"deploy\":{\"startComand\":\"x\"}}}}", "no such key: services.web.deploy.startComand (did you mean deploy.startCommand?)" },
  { "{\"services\":{\"web\":{\"deploy\":{\"cronSchedule\":\"* * * * *\",\"sleepApplication\":true}}},\"volumes\":{\"data\":{\"alerts\":{\"usage\":80}}}}",
    "not available in Tramway yet: services.web.deploy.cronSchedule, services.web.deploy.sleepApplication, volumes.data.alerts" },
  { "{\"services\":{\"web\":{\"deploy\":{\"cronSchedule\":null,\"sleepApplication\":false,\"runtime\":\"V2\"},"
    "\"build\":{\"buildEnvironment\":\"V3\"},\"source\":{\"autoUpdates\":{\"type\":\"disabled\"}},\"volumeMounts\":{}}},\"volumes\":{}}", "" },
  { "{\"sevices\":{}}", "no such key: sevices (did you mean services?)" },
  { "{\"buckets\":{\"a\":{\"isCreatd\":true}},\"volumes\":{\"data\":{\"size\":1}},\"services\":{\"my-db\":{\"volumeMounts\":"
    "{\"data\":{\"path\":\"/x\"}},\"networking\":{\"tcpProxies\":{\"1\":{\"allows\":[]}}}}}}",
    "no such key: services.my-db.volumeMounts.data.path, services.my-db.networking.tcpProxies.1.allows (did you mean allow?), "
    "volumes.data.size (did you mean sizeMB?), buckets.a.isCreatd (did you mean isCreated?)" },
  { "[]", "the patch must be an object" },
  { "{\"services\":[]}", "'services' must be an object" },
  { "{\"services\":{\"web\":3}}", "services.web: must be an object" },
  /* variables */
  { "{\"services\":{\"web\":{\"variables\":{\"COLOUR\":{\"value\":\"blue\"},\"NEW\":\"x\"}}}}",
    "UPDATED web/variables.COLOUR red>blue | CREATED web/variables.NEW >x" },
  { "{\"services\":{\"web\":{\"variables\":{\"COLOUR\":null,\"NONE\":null}}}}", "DELETED web/variables.COLOUR red>" },
  { "{\"services\":{\"web\":{\"variables\":{\"KEY\":\"other\"}}}}", "UPDATED web/variables.KEY > sealed" },
  { "{\"services\":{\"web\":{\"variables\":{\"COLOUR\":{\"isSealed\":true}}}}}", "UPDATED web/variables.COLOUR > sealed" },
  { "{\"services\":{\"web\":{\"variables\":{\"KEY\":{\"isSealed\":true}}}}}", "" },
  { "{\"services\":{\"web\":{\"variables\":{\"KEY\":{\"isSealed\":false}}}}}", "services.web.variables.KEY: it is sealed" },
  { "{\"services\":{\"web\":{\"variables\":{\"NEW\":{}}}}}", "services.web.variables.NEW: needs a value" },
  { "{\"services\":{\"web\":{\"variables\":{\"NEW\":{\"value\":7}}}}}", "services.web.variables.NEW: the value is no text" },
  { "{\"services\":{\"web\":{\"variables\":{\"NEW\":7}}}}", "services.web.variables.NEW: must be text" },
  { "{\"services\":{\"web\":{\"variables\":{\"a-b\":\"x\"}}}}", "services.web.variables.a-b: the variable name 'a-b'" },
  { "{\"sharedVariables\":{\"REGION\":\"south\",\"ZONE\":{\"value\":\"1\",\"description\":\"x\"}}}",
    "UPDATED /sharedVariables.REGION north>south | CREATED /sharedVariables.ZONE >1" },
  /* services */
  { "{\"services\":{\"api\":{\"isCreated\":true,\"source\":{\"image\":\"api:1\"},\"variables\":{\"A\":\"1\"}}}}",
    "CREATED api/ > | CREATED api/source.image >api:1 | CREATED api/variables.A >1" },
  { "{\"services\":{\"" NEW "\":{\"isCreated\":true,\"name\":\"api\"}}}", "CREATED api/ >" },
  { "{\"services\":{\"" NEW "\":{\"isCreated\":true}}}", "services." NEW ": name: a new service needs one" },
  { "{\"services\":{\"" NEW "\":{\"isCreated\":true,\"name\":\"web\"}}}", "" }, /* Railway's id for a service that is here */
  { "{\"services\":{\"a\":{\"isCreated\":true},\"" NEW "\":{\"isCreated\":true,\"name\":\"A\"}}}", "it is there twice" },
  { "{\"services\":{\"nobody\":{\"deploy\":{}}}}", "Service \"nobody\" not found" },
  { "{\"services\":{\"worker\":{\"deploy\":{}}}}", "is not in this environment" },
  { "{\"services\":{\"worker\":{\"isCreated\":true,\"source\":{\"image\":\"w:1\"}}}}", "CREATED worker/ > | CREATED worker/source.image >w:1" },
  { "{\"services\":{\"web\":{\"name\":\"site\"}}}", "a patch cannot rename it" },
  { "{\"services\":{\"web\":{\"isDeleted\":true}}}", "DELETED web/ >" },
  { "{\"services\":{\"web\":null}}", "DELETED web/ >" },
  /* domains */
  { "{\"services\":{\"web\":{\"networking\":{\"serviceDomains\":{\"web-1.localhost\":{\"port\":4000}}}}}}",
    "UPDATED web/networking.serviceDomains.web-1.localhost port 3000>port 4000" },
  { "{\"services\":{\"web\":{\"networking\":{\"serviceDomains\":{\"<hasDomain>\":{\"port\":3000}}}}}}", "" },
  { "{\"services\":{\"web\":{\"networking\":{\"customDomains\":{\"example.org\":null}}}}}",
    "DELETED web/networking.customDomains.example.org the app's port>" },
  { "{\"services\":{\"My DB\":{\"networking\":{\"serviceDomains\":{\"<hasDomain>\":{}}}}}}",
    "CREATED My DB/networking.serviceDomains.<hasDomain> >the app's port" },
  { "{\"services\":{\"web\":{\"networking\":{\"customDomains\":{\"<hasDomain>\":{}}}}}}", "services.web.networking.customDomains.<hasDomain>: " },
  { "{\"services\":{\"web\":{\"networking\":{\"customDomains\":{\"a.org\":{\"port\":99999}}}}}}",
    "services.web.networking.customDomains.a.org: the port is not within" },
  /* TCP proxies: web has one to 9000, for the office */
  { "{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":{\"5432\":{}}}}}}",
    "CREATED web/networking.tcpProxies.5432 >everybody" },
  { "{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":{\"5432\":{\"allow\":[\"203.0.113.7\",\"2001:DB8::/32\"]}}}}}}",
    "CREATED web/networking.tcpProxies.5432 >203.0.113.7/32, 2001:db8::/32" },
  { "{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":{\"9000\":{}}}}}}", "" },
  { "{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":{\"9000\":{\"allow\":[]}}}}}}",
    "UPDATED web/networking.tcpProxies.9000 198.51.100.0/24>everybody" },
  { "{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":{\"9000\":null}}}}}",
    "DELETED web/networking.tcpProxies.9000 198.51.100.0/24>" },
  { "{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":{\"http\":{}}}}}}", "services.web.networking.tcpProxies.http: the port is not within" },
  { "{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":{\"65536\":{}}}}}}", "the port is not within" },
  { "{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":{\"5432\":{\"allow\":[\"203.0.113.7/24\"]}}}}}}",
    "'203.0.113.7/24' is no address and no network" },
  { "{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":{\"5432\":{\"allow\":\"::/0\"}}}}}}",
    "services.web.networking.tcpProxies.5432: allow: " },
  { "{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":7}}}}", "services.web.networking.tcpProxies: must be an object" },
  /* volumes: db has one of 500 MB, backed up each day */
  { "{\"volumes\":{\"data\":{\"sizeMB\":700}}}", "UPDATED /volumes." DATA " data, 500 MB>data, 700 MB" },
  { "{\"volumes\":{\"data\":{\"sizeMB\":\"big\"}}}", "volumes.data: sizeMB: must be a number of megabytes" },
  { "{\"volumes\":{\"data\":{\"sizeMB\":300}}}", "volumes." DATA ": sizeMB: " },
  { "{\"volumes\":{\"data\":{\"name\":\"other\"}}}", "volumes.data: name: a patch cannot rename it" },
  { "{\"volumes\":{\"nix\":{\"sizeMB\":700}}}", "volumes.nix: there is no such volume" },
  { "{\"volumes\":7}", "'volumes' must be an object" },
  { "{\"services\":{\"my-db\":{\"volumeMounts\":{\"data\":{\"mountPath\":\"/other\"}}}}}",
    "UPDATED My DB/volumeMounts." DATA " /data>/other" },
  { "{\"services\":{\"my-db\":{\"volumeMounts\":{\"data\":{\"backupSchedules\":[\"MONTHLY\",\"DAILY\"]}}}}}",
    "UPDATED My DB/volumeMounts." DATA ".backupSchedules DAILY>DAILY, MONTHLY" },
  { "{\"services\":{\"my-db\":{\"volumeMounts\":{\"data\":{\"backupSchedules\":[]}}}}}",
    "UPDATED My DB/volumeMounts." DATA ".backupSchedules DAILY>none" },
  { "{\"services\":{\"my-db\":{\"volumeMounts\":{\"data\":{\"backupSchedules\":null}}}}}",
    "UPDATED My DB/volumeMounts." DATA ".backupSchedules DAILY>DAILY, WEEKLY, MONTHLY" },
  { "{\"services\":{\"my-db\":{\"volumeMounts\":{\"data\":{\"backupSchedules\":[\"HOURLY\"]}}}}}",
    "services.My DB.volumeMounts.data: backupSchedules: " },
  { "{\"services\":{\"my-db\":{\"volumeMounts\":{\"data\":{\"backupSchedules\":\"DAILY\"}}}}}",
    "services.My DB.volumeMounts.data: backupSchedules: must be a list of DAILY, WEEKLY and MONTHLY" },
  { "{\"services\":{\"my-db\":{\"volumeMounts\":{\"data\":null}},\"web\":{\"deploy\":{\"numReplicas\":1},\"volumeMounts\":{\"data\":{\"mountPath\":\"/d\"}}}}}",
    "DELETED web/deploy.numReplicas 2> | CREATED web/volumeMounts." DATA " >/d | DELETED My DB/volumeMounts." DATA " /data>" },
  { "{\"services\":{\"web\":{\"volumeMounts\":{\"data\":{}}}}}", "services.web: volumeMounts." DATA ": needs a \"mountPath\"" },
  { "{\"services\":{\"web\":{\"volumeMounts\":{\"nix\":{\"mountPath\":\"/d\"}}}}}", "services.web.volumeMounts.nix: there is no such volume" },
  { "{\"services\":{\"web\":{\"volumeMounts\":{\"data\":{\"mountPath\":7}}}}}", "services.web.volumeMounts.data: mountPath: must be text" },
  /* buckets */
  { "{\"buckets\":{\"pictures\":{\"isCreated\":true,\"region\":\"sjc\"}}}", "CREATED /buckets.* >pictures" },
  { "{\"buckets\":{\"" NEW "\":{\"isCreated\":true,\"name\":\"pictures\"}}}", "CREATED /buckets." NEW " >pictures" },
  { "{\"buckets\":{\"elsewhere\":{\"isCreated\":true}}}", "CREATED /buckets." ELSEWHERE " >elsewhere" },
  { "{\"buckets\":{\"" NEW "\":{\"isCreated\":true,\"name\":\"elsewhere\"}}}", "CREATED /buckets." ELSEWHERE " >elsewhere" },
  { "{\"buckets\":{\"" UPLOADS "\":{\"isCreated\":true,\"region\":\"us-east-1\"}}}", "" },
  { "{\"buckets\":{\"Uploads\":{\"isDeleted\":true}}}", "DELETED /buckets." UPLOADS " uploads>" },
  { "{\"buckets\":{\"uploads\":null}}", "DELETED /buckets." UPLOADS " uploads>" },
  { "{\"buckets\":{\"elsewhere\":null}}", "buckets.elsewhere: there is no such bucket in this environment" },
  { "{\"buckets\":{\"elsewhere\":{\"region\":\"sjc\"}}}", "buckets.elsewhere: the bucket 'elsewhere' is not in this environment" },
  { "{\"buckets\":{\"trashed\":{\"isCreated\":true}}}", "buckets.trashed: it was deleted and can be restored still: `tram bucket restore trashed`" },
  { "{\"buckets\":{\"nix\":{}}}", "buckets.nix: there is no such bucket: \"isCreated\": true makes it" },
  { "{\"buckets\":{\"nix\":{\"isCreated\":true,\"region\":\"mars\"}}}", "buckets.nix: region: there is no region 'mars'" },
  { "{\"buckets\":{\"uploads\":{\"region\":7}}}", "buckets.uploads: region must be text" },
  { "{\"buckets\":{\"uploads\":{\"name\":\"other\"}}}", "buckets.uploads: name: a patch cannot rename it" },
  { "{\"buckets\":{\"No_Bucket\":{\"isCreated\":true}}}", "buckets.No_Bucket: " },
  { "{\"buckets\":{\"" NEW "\":{\"isCreated\":true}}}", "buckets." NEW ": name: a new bucket needs one" },
  { "{\"buckets\":{\"abc\":{\"isCreated\":true},\"" NEW "\":{\"isCreated\":true,\"name\":\"abc\"}}}", "it is there twice" },
  { "{\"buckets\":{\"uploads\":3}}", "buckets.uploads: must be an object or null" },
  { "{\"buckets\":[]}", "'buckets' must be an object" },
};
/* clang-format on */

/* A * stands for an id that was made. */
static bool fits(const char *changes, const char *pattern) {
  const char *star = strchr(pattern, '*');
  if (!star) return str_eq(changes, pattern);
  size_t head = (size_t)(star - pattern);
  return strncmp(changes, pattern, head) == 0 && str_ends(changes, star + 1);
}

TEST(a_patch_changes_what_it_names) {
  struct environment_rows rows = rows_open();
  for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
    auto_free char *changes = NULL;
    auto_err *e = change(&rows, patches[i].input, &changes);
    bool as_expected = e ? *patches[i].changes && strstr(err_message(e), patches[i].changes) != NULL
                         : fits(changes, patches[i].changes);
    if (!as_expected)
      TAP_FAIL("%s gives\n#   %s\n# expected\n#   %s", patches[i].input, e ? err_message(e) : changes, patches[i].changes);
  }
  rows_close();
}

TEST(no_error_holds_a_value) {
  struct environment_rows rows = rows_open();
  static const char *const inputs[] = {
      "{\"services\":{\"web\":{\"variables\":{\"A\":{\"value\":[\"hunter2\"]}}}}}",
      "{\"services\":{\"web\":{\"variables\":{\"A\":[\"hunter2\"]}}}}",
      "{\"services\":{\"web\":{\"variables\":{\"KEY\":{\"value\":\"hunter2\",\"isSealed\":false}}}}}"};
  for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
    auto_free char *changes = NULL;
    auto_err *e = change(&rows, inputs[i], &changes);
    CHECK(e && !strstr(err_message(e), "hunter2"));
  }
  rows_close();
}

/* A document given back to an empty environment makes the same one. */
TEST(a_document_can_be_applied_elsewhere) {
  struct environment_rows rows = rows_open(), empty = {.services = rows.services};
  auto_json *config = environment_config_make(&rows), *before = environment_config_make(&empty), *patch = NULL,
            *after = NULL, *part;
  auto_json *input = json_deep_copy(config);
  const char *id;
  json_object_foreach(json_object_get(input, "services"), id, part) {
    json_object_set_new(part, "isCreated", json_true());
    json_object_set(json_object_get(input, "services"), id, part);
  }
  json_object_set_new(json_object_get(json_object_get(input, "volumes"), DATA), "isCreated", json_true());
  json_object_set_new(json_object_get(json_object_get(input, "buckets"), UPLOADS), "isCreated", json_true());
  CHECK_OK(environment_patch_read(&empty, NULL, input, &patch));
  CHECK_OK(environment_patch_apply(before, patch, &after));
  auto_free char *changes = changes_of(config, after, true);
  CHECK_TEXT(changes, "");
  part = NULL;
  rows_close();
}

/* ---- patches with each other ---- */

TEST(patches_are_merged) {
  struct environment_rows rows = rows_open();
  auto_json *one = NULL, *two = NULL, *undo = NULL;
  auto_json *first = parse("{\"services\":{\"web\":{\"variables\":{\"A\":\"1\",\"COLOUR\":null}},"
                           "\"api\":{\"isCreated\":true,\"source\":{\"image\":\"a:1\"}}}}");
  auto_json *second = parse("{\"services\":{\"web\":{\"variables\":{\"A\":\"2\"}},\"api\":{\"variables\":{\"B\":\"3\"}}}}");
  auto_json *third = parse("{\"services\":{\"API\":null,\"web\":{\"deploy\":{\"startCommand\":\"x\"}}}}");
  auto_json *config = environment_config_make(&rows), *after = NULL;
  CHECK_OK(environment_patch_read(&rows, NULL, first, &one));
  CHECK_OK(environment_patch_read(&rows, one, second, &two));
  auto_json *both = environment_patch_merge(one, two);
  CHECK_OK(environment_patch_apply(config, both, &after));
  auto_free char *changes = changes_of(config, after, true);
  CHECK_TEXT(changes, "DELETED web/variables.COLOUR red> | CREATED web/variables.A >2 | CREATED api/ > | "
                      "CREATED api/source.image >a:1 | CREATED api/variables.B >3");
  CHECK_OK(environment_patch_read(&rows, both, third, &undo));
  auto_json *all = environment_patch_merge(both, undo), *last = NULL;
  CHECK_OK(environment_patch_apply(config, all, &last));
  auto_free char *less = changes_of(config, last, false);
  CHECK_TEXT(less, "CREATED web/deploy.startCommand >x | DELETED web/variables.COLOUR > | CREATED web/variables.A >");
  rows_close();
}

TEST(items_are_discarded_by_path) {
  static const struct {
    const char *path, *left;
  } steps[] = {
      {"web.variables.A", "CREATED web/networking.customDomains.a.org >the app's port | CREATED web/variables.B >2"},
      {"networking", NULL},
      {"services." WEB ".networking.customDomains.a.org", "CREATED web/variables.B >2"},
      {"sharedVariables.REGION", "CREATED web/variables.B >2"},
      {"Web.variables", ""},
      {"web", NULL},
  };
  struct environment_rows rows = rows_open();
  auto_json *config = environment_config_make(&rows), *patch = NULL;
  auto_json *input = parse("{\"services\":{\"web\":{\"variables\":{\"A\":\"1\",\"B\":\"2\"},"
                           "\"networking\":{\"customDomains\":{\"a.org\":{}}}}},\"sharedVariables\":{\"REGION\":\"north\"}}");
  CHECK_OK(environment_patch_read(&rows, NULL, input, &patch));
  for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
    auto_json *after = NULL;
    auto_err *e = environment_patch_discard(patch, &rows, steps[i].path);
    CHECK_INT(e != NULL, steps[i].left == NULL);
    if (e) continue;
    CHECK_OK(environment_patch_apply(config, patch, &after));
    auto_free char *changes = changes_of(config, after, true);
    CHECK_TEXT(changes, steps[i].left);
  }
  CHECK_INT(json_object_size(patch), 0);
  rows_close();
}

TEST(what_is_gone_is_a_conflict) {
  struct environment_rows rows = rows_open(), empty = {0};
  auto_json *config = environment_config_make(&empty), *patch = NULL, *after = NULL;
  auto_json *input = parse("{\"services\":{\"web\":{\"variables\":{\"A\":\"1\"}}}}");
  CHECK_OK(environment_patch_read(&rows, NULL, input, &patch));
  CHECK_ERR(environment_patch_apply(config, patch, &after), ERR_CONFLICT, "not in the environment any more");
  rows_close();
}

TEST(a_bucket_that_is_staged_is_undone_or_discarded_by_its_name) {
  struct environment_rows rows = rows_open();
  auto_json *one = NULL, *two = NULL, *config = environment_config_make(&rows);
  auto_json *first = parse("{\"buckets\":{\"pictures\":{\"isCreated\":true},\"uploads\":null}}");
  auto_json *second = parse("{\"buckets\":{\"pictures\":null}}");
  CHECK_OK(environment_patch_read(&rows, NULL, first, &one));
  CHECK_OK(environment_patch_read(&rows, one, second, &two));
  auto_json *both = environment_patch_merge(one, two), *after = NULL;
  CHECK_OK(environment_patch_apply(config, both, &after));
  auto_free char *changes = changes_of(config, after, false);
  CHECK_TEXT(changes, "DELETED /buckets." UPLOADS " uploads>");
  CHECK_OK(environment_patch_discard(one, &rows, "buckets.uploads"));
  CHECK_OK(environment_patch_discard(one, &rows, "buckets.pictures"));
  CHECK_INT(json_object_size(one), 0);
  CHECK_ERR(environment_patch_discard(one, &rows, "buckets.pictures"), ERR_NOT_FOUND, "nothing is staged at");
  rows_close();
}

/* ---- who is to be deployed ---- */

TEST(only_what_needs_it_is_affected) {
  static const struct {
    const char *input, *affected;
  } cases[] = {
      {"{\"services\":{\"web\":{\"deploy\":{\"numReplicas\":5}}}}", ""},
      {"{\"services\":{\"web\":{\"networking\":{\"customDomains\":{\"b.org\":{}}}}}}", ""},
      {"{\"services\":{\"web\":{\"networking\":{\"tcpProxies\":{\"5432\":{}}}}}}", ""},
      {"{\"services\":{\"web\":{\"deploy\":{\"startCommand\":\"x\"}}}}", WEB},
      {"{\"services\":{\"web\":{\"variables\":{\"COLOUR\":\"x\"}},\"my-db\":{\"variables\":{\"PASSWORD\":\"y\"}}}}",
       WEB " " DB},
      {"{\"sharedVariables\":{\"REGION\":\"x\"}}", ""},
      {"{\"services\":{\"my-db\":{\"volumeMounts\":{\"data\":{\"backupSchedules\":[]}}}}}", ""},
      {"{\"services\":{\"my-db\":{\"volumeMounts\":{\"data\":{\"mountPath\":\"/x\"}}}}}", DB},
      {"{\"buckets\":{\"pictures\":{\"isCreated\":true}}}", ""},
      {"{\"services\":{\"web\":null}}", ""},
  };
  struct environment_rows rows = rows_open();
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    auto_environment_diff diff = {0};
    auto_strv ids = STRV_EMPTY;
    auto_json *config = environment_config_make(&rows), *patch = NULL, *after = NULL;
    auto_json *input = parse(cases[i].input);
    CHECK_OK(environment_patch_read(&rows, NULL, input, &patch));
    CHECK_OK(environment_patch_apply(config, patch, &after));
    environment_diff_make(config, after, false, &diff);
    environment_diff_affected(&diff, &ids);
    auto_free char *joined = strv_join(&ids, " ");
    CHECK_TEXT(joined, cases[i].affected);
  }
  rows_close();
}

TEST_MAIN
