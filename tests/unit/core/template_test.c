/* The catalogue and what becomes of a template.  Pure, but for the last part. */
#include "core/template.h"

#include "base/json.h"
#include "base/mem.h"
#include "core/variable_functions.h"
#include "model/database.h"
#include "model/project.h"
#include "tap.h"

static struct service_list present;

static void have(const char *name) {
  present.items = mem_realloc_array(present.items, present.len + 1, sizeof *present.items);
  present.items[present.len] = (struct service){0};
  CHECK_OK(service_set_name(&present.items[present.len++], name));
}

static void have_none(void) {
  service_list_done(&present);
}

static json_t *config_of(const char *code) {
  auto_json *template = NULL;
  CHECK_OK(template_find(code, &template));
  return json_incref(json_object_get(template, "serializedConfig"));
}

static json_t *read_config(const char *text) {
  json_t *config = NULL;
  CHECK_OK(json_parse(text, strlen(text), "config", &config));
  return config;
}

/* The only service that the patch makes. */
static json_t *only_service(const json_t *patch) {
  const char *id;
  json_t *service;
  json_object_foreach(json_object_get(patch, "services"), id, service) {
    CHECK(id_valid(id));
    CHECK(json_get_bool(service, "isCreated", false));
    return service;
  }
  return NULL;
}

static const char *variable(const json_t *service, const char *name) {
  return json_get_text(json_object_get(json_object_get(service, "variables"), name), "value");
}

/* ---- what railway.md 2.11 says ---- */

// clang-format off
static const struct {
  const char *code, *name, *value;
} expected[] = {
  {"postgres", "PGHOST", "${{RAILWAY_PRIVATE_DOMAIN}}"},
  {"postgres", "PGPORT", "5432"},
  {"postgres", "PGUSER", "${{POSTGRES_USER}}"},
  {"postgres", "PGPASSWORD", "${{POSTGRES_PASSWORD}}"},
  {"postgres", "PGDATABASE", "${{POSTGRES_DB}}"},
  {"postgres", "DATABASE_URL", "postgresql://${{PGUSER}}:${{POSTGRES_PASSWORD}}@${{RAILWAY_PRIVATE_DOMAIN}}:5432/${{PGDATABASE}}"},
  {"postgres", "DATABASE_PUBLIC_URL",
   "postgresql://${{PGUSER}}:${{POSTGRES_PASSWORD}}@${{RAILWAY_TCP_PROXY_DOMAIN}}:${{RAILWAY_TCP_PROXY_PORT}}/${{PGDATABASE}}"},
  {"postgres", "PGDATA", "/var/lib/postgresql/data/pgdata"},
  {"postgres", "POSTGRES_DB", "railway"},
  {"postgres", "POSTGRES_USER", "postgres"},
  {"postgres", "POSTGRES_PASSWORD", "${{secret(32)}}"},
  {"postgres", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "60"},
  {"postgres", "SSL_CERT_DAYS", "820"},
  {"mysql", "MYSQLHOST", "${{RAILWAY_PRIVATE_DOMAIN}}"},
  {"mysql", "MYSQLPORT", "3306"},
  {"mysql", "MYSQLUSER", "root"},
  {"mysql", "MYSQLPASSWORD", "${{MYSQL_ROOT_PASSWORD}}"},
  {"mysql", "MYSQLDATABASE", "${{MYSQL_DATABASE}}"},
  {"mysql", "MYSQL_DATABASE", "railway"},
  {"mysql", "MYSQL_ROOT_PASSWORD", "${{secret(32)}}"},
  {"mysql", "MYSQL_URL", "mysql://${{MYSQLUSER}}:${{MYSQL_ROOT_PASSWORD}}@${{RAILWAY_PRIVATE_DOMAIN}}:3306/${{MYSQL_DATABASE}}"},
  {"mariadb", "MYSQL_URL", "mysql://${{MYSQLUSER}}:${{MYSQL_ROOT_PASSWORD}}@${{RAILWAY_PRIVATE_DOMAIN}}:3306/${{MYSQL_DATABASE}}"},
  {"redis", "REDISHOST", "${{RAILWAY_PRIVATE_DOMAIN}}"},
  {"redis", "REDISPORT", "6379"},
  {"redis", "REDISUSER", "default"},
  {"redis", "REDISPASSWORD", "${{REDIS_PASSWORD}}"},
  {"redis", "REDIS_PASSWORD", "${{secret(32)}}"},
  {"redis", "REDIS_URL", "redis://${{REDISUSER}}:${{REDIS_PASSWORD}}@${{REDISHOST}}:${{REDISPORT}}"},
  {"mongo", "MONGOHOST", "${{RAILWAY_PRIVATE_DOMAIN}}"},
  {"mongo", "MONGOPORT", "27017"},
  {"mongo", "MONGO_INITDB_ROOT_USERNAME", "mongo"},
  {"mongo", "MONGO_INITDB_ROOT_PASSWORD", "${{secret(32)}}"},
  {"mongo", "MONGO_URL", "mongodb://${{MONGOUSER}}:${{MONGOPASSWORD}}@${{MONGOHOST}}:${{MONGOPORT}}"},
};
// clang-format on

TEST(the_databases_have_railways_variables) {
  for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
    auto_json *config = config_of(expected[i].code), *patch = NULL;
    CHECK_OK(template_patch(config, &present, &patch));
    CHECK_TEXT(variable(only_service(patch), expected[i].name), expected[i].value);
  }
}

TEST(every_template_of_the_catalogue_is_whole) {
  auto_json *all = template_catalogue();
  size_t i, files = 0;
  json_t *template;
  for (const char *const *code = (const char *const[]){"postgres", "mysql", "mariadb", "redis", "mongo", "storage", NULL}; *code; code++) files++;
  CHECK_INT(json_array_size(all), files);
  json_array_foreach(all, i, template) {
    auto_json *patch = NULL;
    CHECK(id_valid(json_get_text(template, "id")));
    CHECK(json_get_text(template, "description") && json_get_text(template, "createdAt"));
    CHECK_OK(template_patch(json_object_get(template, "serializedConfig"), &present, &patch));
    const json_t *service = only_service(patch);
    enum database_kind kind = database_kind_of_image(json_get_text(json_object_get(service, "source"), "image"));
    const struct database_facts *facts = kind == DATABASE_NONE ? NULL : database_facts(kind);
    if (facts) CHECK(variable(service, facts->url_variable));
    if (facts) CHECK(variable(service, facts->public_url_variable)); /* resolved while there is a TCP proxy */
    const char *id, *volume;
    json_t *mount, *made;
    json_object_foreach(json_object_get(service, "volumeMounts"), id, mount)
      CHECK_TEXT(json_get_text(mount, "mountPath"), facts ? facts->mount_path : "/data");
    json_object_foreach(json_object_get(patch, "volumes"), volume, made) {
      CHECK(json_get_bool(made, "isCreated", false));
      CHECK(json_object_get(json_object_get(service, "volumeMounts"), volume));
    }
    CHECK_INT(json_object_size(json_object_get(patch, "volumes")), 1);
  }
}

TEST(secrets_are_made_when_they_are_set) {
  auto_free char *one = NULL, *other = NULL;
  CHECK_OK(variable_functions_evaluate("POSTGRES_PASSWORD", "${{secret(32)}}", &one));
  CHECK_OK(variable_functions_evaluate("POSTGRES_PASSWORD", "${{secret(32)}}", &other));
  CHECK_INT(strlen(one), 32);
  CHECK(strcmp(one, other) != 0);
  CHECK_INT(strcspn(one, ":/@?#%"), 32); /* it stands in a URL */
}

TEST(a_template_is_found_by_code_and_by_id) {
  auto_json *by_code = NULL, *by_id = NULL, *none = NULL;
  CHECK_OK(template_find("Postgres", &by_code));
  CHECK_OK(template_find(json_get_text(by_code, "id"), &by_id));
  CHECK_TEXT(json_get_text(by_id, "code"), "postgres");
  CHECK_ERR(template_find("oracle", &none), ERR_NOT_FOUND, "there are mariadb, mongo, mysql, postgres, redis");
}

/* ---- names ---- */

static char *name_with(const char *config_text) {
  auto_json *config = read_config(config_text), *patch = NULL;
  CHECK_OK(template_patch(config, &present, &patch));
  return str_dup(json_get_text(only_service(patch), "name"));
}

TEST(a_name_that_is_taken_gets_a_number) {
  have("Postgres");
  have("postgres 2"); /* the same DNS name as Postgres-2 */
  auto_free char *third = name_with("{\"services\": {\"a\": {\"name\": \"Postgres\"}}}");
  CHECK_TEXT(third, "Postgres-3");
  have_none();
}

TEST(a_long_name_stays_within_its_limit) {
  have("ÄÄÄÄÄÄÄÄÄÄaaaaaaaaaaaaaaaaaaaaaa");
  auto_free char *name = name_with("{\"services\": {\"a\": {\"name\": \"ÄÄÄÄÄÄÄÄÄÄaaaaaaaaaaaaaaaaaaaaaa\"}}}");
  CHECK_TEXT(name, "ÄÄÄÄÄÄÄÄÄÄaaaaaaaaaaaaaaaaaaaa-2");
  CHECK_OK(service_name_check(name));
  have_none();
}

TEST(references_within_a_template_follow_a_new_name) {
  have("db");
  auto_json *patch = NULL, *config = read_config(
      "{\"services\": {\"a\": {\"name\": \"db\"}, \"b\": {\"name\": \"app\", \"variables\": {"
      "\"URL\": \"x${{db.URL}}y${{db.URL}}\", \"OTHER\": {\"defaultValue\": \"${{dbx.URL}}\"}}}}}");
  CHECK_OK(template_patch(config, &present, &patch));
  const char *id;
  json_t *service;
  json_object_foreach(json_object_get(patch, "services"), id, service) {
    if (!str_eq(json_get_text(service, "name"), "app")) continue;
    CHECK_TEXT(variable(service, "URL"), "x${{db-2.URL}}y${{db-2.URL}}");
    CHECK_TEXT(variable(service, "OTHER"), "${{dbx.URL}}");
  }
  have_none();
}

/* ---- documents of one's own ---- */

TEST(values_come_before_defaults_and_optional_ones_may_lack) {
  auto_json *patch = NULL, *config = read_config(
      "{\"services\": {\"a\": {\"name\": \"app\", \"deploy\": {\"startCommand\": \"run\", \"cronSchedule\": null}, \"build\": {},"
      "\"variables\": {\"A\": {\"value\": \"1\", \"defaultValue\": \"2\"}, \"B\": {\"isOptional\": true}, \"C\": \"3\"},"
      "\"volumeMounts\": {\"v\": {\"mountPath\": \"/data/\", \"sizeMB\": 700}}}}}");
  CHECK_OK(template_patch(config, &present, &patch));
  json_t *service = only_service(patch);
  CHECK_TEXT(variable(service, "A"), "1");
  CHECK(!json_object_get(json_object_get(service, "variables"), "B"));
  CHECK_TEXT(variable(service, "C"), "3");
  CHECK(!json_object_get(service, "build"));
  CHECK_INT(json_object_size(json_object_get(service, "deploy")), 1);
  auto_free char *text = json_to_text(patch);
  CHECK_HAS(text, "\"mountPath\":\"/data\"");
  CHECK_HAS(text, "\"sizeMB\":700");
}

// clang-format off
static const struct {
  const char *config;
  enum err_code code;
  const char *why;
} refused[] = {
  {"[]",                                             ERR_INVALID, "'services' must be an object"},
  {"{\"services\": {}}",                             ERR_INVALID, "at least one service"},
  {"{\"services\": {\"a\": {}}}",                    ERR_INVALID, "the service 'a' has no name"},
  {"{\"services\": {\"a\": 1}}",                     ERR_INVALID, "the service 'a' has no name"},
  {"{\"services\": {\"a\": {\"name\": \"…\"}}}",     ERR_INVALID, "name"},
  {"{\"services\": {\"a\": {\"name\": \"x\"}, \"b\": {\"name\": \"x\"}}}", ERR_INVALID, "two services are called 'x'"},
  {"{\"services\": {\"a\": {\"name\": \"x\", \"variables\": {\"K\": {}}}}}", ERR_INVALID, "service 'x': the variable K needs a value"},
  {"{\"services\": {\"a\": {\"name\": \"x\", \"volumeMounts\": {\"v\": {\"mountPath\": \"/etc\"}}}}}", ERR_INVALID, "/etc"},
  {"{\"services\": {\"a\": {\"name\": \"x\", \"volumeMounts\": {\"v\": {}}}}}", ERR_INVALID, "service 'x'"},
  {"{\"services\": {\"a\": {\"name\": \"x\", \"volumeMounts\": {\"v\": {\"mountPath\": \"/d\", \"sizeMB\": -1}}}}}", ERR_LIMIT, "too large"},
  {"{\"services\": {\"a\": {\"name\": \"x\", \"volumeMounts\": {\"v\": {\"mountPath\": \"/d\"}, \"w\": {\"mountPath\": \"/e\"}}}}}", ERR_INVALID, "one volume"},
};
// clang-format on

TEST(what_makes_no_sense_is_refused) {
  for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
    auto_json *config = read_config(refused[i].config), *patch = NULL;
    CHECK_ERR(template_patch(config, &present, &patch), refused[i].code, refused[i].why);
  }
}

TEST_MAIN
