/* A database in one call: service, volume, variables and the link, all or nothing; and what is seen of it. */
#include "core/database_add.h"

#include "core/database_view.h"
#include "core/template.h"
#include "store/environment_patch.h"
#include "store/volume.h"
#include "town.h"

static struct core_database_added added;

static err *add(const char *code, const char *link_to) {
  struct core_database_add request = {.environment_id = instance.environment_id, .code = code,
                                      .link = {.service_id = link_to}, .user_id = user.id};
  core_database_added_done(&added);
  return core_database_add(town, &request, &added);
}

static err *add_image(const char *code, const char *name, const char *image) {
  struct core_database_add request = {.environment_id = instance.environment_id, .code = code, .name = name,
                                      .image = image, .user_id = user.id};
  core_database_added_done(&added);
  return core_database_add(town, &request, &added);
}

static void close_all(void) {
  core_database_added_done(&added);
  town_close();
}

static json_t *variables_of_service(const char *service_id) {
  json_t *variables = NULL;
  CHECK_OK(core_variables(town, instance.environment_id, service_id, false, &variables));
  return variables;
}

static size_t count_services(void) {
  auto_service_list list = {0};
  CHECK_OK(service_list_by_project(town_db, project.id, NULL, &list));
  return list.len;
}

static struct deployment latest_of(const char *service_id) {
  auto_service_instance i = {0};
  struct deployment d = {0};
  bool found = false;
  CHECK_OK(service_instance_find(town_db, service_id, instance.environment_id, &found, &i));
  CHECK(found);
  CHECK_OK(deployment_find_latest(town_db, i.id, &found, &d));
  CHECK(found);
  return d;
}

static void wait_live(const char *service_id) {
  auto_deployment d = latest_of(service_id);
  WAIT_STATUS(d.id, SUCCESS);
}

TEST(a_database_is_a_service_with_a_volume_and_variables) {
  town_open();
  CHECK_OK(add("postgres", NULL));
  CHECK_TEXT(added.name, "Postgres");
  CHECK_TEXT(added.image, "tramway/postgres:17");
  CHECK_INT(added.kind, DATABASE_POSTGRES);
  auto_volume_instance volume = {0};
  bool found = false;
  CHECK_OK(volume_instance_find_by_service(town_db, added.service_id, instance.environment_id, &found, &volume));
  CHECK(found);
  CHECK_TEXT(volume.mount_path, "/var/lib/postgresql/data");
  auto_json *variables = variables_of_service(added.service_id);
  const char *password = json_get_text(variables, "POSTGRES_PASSWORD");
  auto_free char *url = str_format("postgresql://postgres:%s@postgres.railway.internal:5432/railway", password);
  CHECK_INT(strlen(password), 32);
  CHECK_TEXT(json_get_text(variables, "DATABASE_URL"), url);
  CHECK_TEXT(json_get_text(variables, "PGHOST"), "postgres.railway.internal");
  wait_live(added.service_id);
  CHECK_INT(en->stop_grace_ms, 60000); /* RAILWAY_DEPLOYMENT_DRAINING_SECONDS */
  auto_environment_patch patch = {0};
  CHECK_OK(environment_patch_get(town_db, added.patch_id, &patch));
  CHECK_INT(patch.status, PATCH_COMMITTED);
  close_all();
}

TEST(its_volume_has_the_size_that_is_asked_for) {
  town_open();
  struct core_database_add request = {.environment_id = instance.environment_id, .code = "redis", .size_mb = 700, .user_id = user.id};
  auto_volume_instance volume = {0};
  bool found = false;
  CHECK_OK(core_database_add(town, &request, &added));
  CHECK_OK(volume_instance_find_by_service(town_db, added.service_id, instance.environment_id, &found, &volume));
  CHECK_INT(volume.size_bytes, 700000000);
  close_all();
}

TEST(it_is_linked_in_the_same_step_and_waited_for) {
  town_open();
  CHECK_OK(add("redis", service.id));
  auto_json *variables = variables_of_service(service.id), *its = variables_of_service(added.service_id);
  CHECK_TEXT(json_get_text(variables, "REDIS_URL"), json_get_text(its, "REDIS_URL"));
  wait_live(added.service_id);
  wait_live(service.id);
  close_all();
}

TEST(a_second_one_gets_a_number) {
  town_open();
  CHECK_OK(add("mysql", NULL));
  CHECK_OK(add("mysql", NULL));
  CHECK_TEXT(added.name, "MySQL-2");
  auto_json *variables = variables_of_service(added.service_id);
  CHECK_HAS(json_get_text(variables, "MYSQL_URL"), "@mysql-2.railway.internal:3306/railway");
  CHECK_OK(add_image("postgres", "orders", "tramway/postgres:15"));
  CHECK_TEXT(added.name, "orders");
  close_all();
}

TEST(another_image_is_told_by_the_start_command_what_tramways_does_by_itself) {
  town_open();
  CHECK_OK(add_image("postgres", NULL, "postgres:17"));
  auto_deployment official = latest_of(added.service_id);
  CHECK_HAS(official.settings.start_command, "archive_mode=on -c archive_timeout=60");
  CHECK_HAS(official.settings.start_command, "-c ssl=$tls");
  CHECK_OK(add_image("postgres", NULL, "tramway/postgis:17"));
  auto_deployment own = latest_of(added.service_id);
  CHECK_TEXT(own.settings.start_command, NULL);
  CHECK_OK(add_image("redis", NULL, "redis:8"));
  auto_deployment redis = latest_of(added.service_id);
  CHECK_HAS(redis.settings.start_command, "requirepass $REDIS_PASSWORD");
  CHECK_ERR(add_image("redis", NULL, "postgres:17"), ERR_INVALID, "does not look like Redis");
  close_all();
}

TEST(what_cannot_be_added_leaves_nothing) {
  town_open();
  size_t before = count_services();
  auto_strv affected = STRV_EMPTY;
  auto_json *changes = json_pack("{s:s}", "DATABASE_URL", "postgres://elsewhere");
  CHECK_OK(core_variables_change(town, instance.environment_id, service.id, changes, false, &affected));
  CHECK_ERR(add("oracle", NULL), ERR_NOT_FOUND, "there are mariadb, mongo, mysql, postgres, redis; any other image");
  CHECK_ERR(add("storage", NULL), ERR_NOT_FOUND, "there is no database \"storage\"");
  CHECK_ERR(add("postgres", service.id), ERR_CONFLICT, "'api' has a variable DATABASE_URL that says something else");
  CHECK_ERR(add("postgres", "00000000-0000-4000-8000-000000000000"), ERR_NOT_FOUND, "");
  CHECK_ERR(add_image("postgres", "…", NULL), ERR_INVALID, "name");
  struct core_database_add tiny = {.environment_id = instance.environment_id, .code = "redis", .size_mb = 1, .user_id = user.id};
  CHECK_ERR(core_database_add(town, &tiny, &added), ERR_INVALID, "");
  CHECK_INT(count_services(), before);
  close_all();
}

TEST(a_link_is_a_reference_that_follows) {
  town_open();
  auto_free char *variable = NULL, *again = NULL;
  struct core_database_link link = {.service_id = service.id, .variable = "CACHE"};
  CHECK_OK(add("redis", NULL));
  CHECK_OK(core_database_link(town, instance.environment_id, added.service_id, &link, user.id, &variable));
  CHECK_TEXT(variable, "CACHE");
  CHECK_OK(core_database_link(town, instance.environment_id, added.service_id, &link, user.id, &again));
  auto_json *variables = variables_of_service(service.id);
  CHECK_HAS(json_get_text(variables, "CACHE"), "@redis.railway.internal:6379");
  link.service_id = added.service_id;
  char *none = NULL;
  CHECK_ERR(core_database_link(town, instance.environment_id, added.service_id, &link, user.id, &none), ERR_INVALID, "itself");
  CHECK_ERR(core_database_link(town, instance.environment_id, service.id, &link, user.id, &none), ERR_INVALID,
            "'api' is not a database: its source is registry.example/app:1");
  close_all();
}

/* ---- a template of one's own ---- */

TEST(a_configuration_of_ones_own_is_deployed_whole) {
  town_open();
  char patch_id[ID_SIZE];
  auto_strv made = STRV_EMPTY;
  auto_json *config = NULL;
  const char *text = "{\"services\": {\"a\": {\"name\": \"api\", \"source\": {\"image\": \"registry.example/x:1\"}, \"variables\": "
                     "{\"KEY\": {\"defaultValue\": \"${{secret(16)}}\"}}}, \"b\": {\"name\": \"worker\", \"source\": {\"image\": "
                     "\"registry.example/y:1\"}, \"variables\": {\"API_KEY\": {\"defaultValue\": \"${{api.KEY}}\"}}}}}";
  CHECK_OK(json_parse(text, strlen(text), "config", &config));
  struct core_template_deploy request = {.environment_id = instance.environment_id, .config = config,
                                         .template_name = "mine", .user_id = user.id};
  CHECK_OK(core_template_deploy(town, &request, patch_id, &made));
  CHECK_INT(made.len, 2);
  auto_json *first = variables_of_service(made.items[0]), *second = variables_of_service(made.items[1]);
  const char *key = json_get_text(first, "KEY") ? json_get_text(first, "KEY") : json_get_text(second, "KEY");
  const char *same = json_get_text(first, "API_KEY") ? json_get_text(first, "API_KEY") : json_get_text(second, "API_KEY");
  CHECK_INT(strlen(key), 16);
  CHECK_TEXT(same, key); /* api is called api-2 now, and the reference followed */
  wait_live(made.items[0]);
  wait_live(made.items[1]);
  close_all();
}

/* ---- the data view ---- */

static const char *const *script; /* answers, one per statement */
static struct {
  int count;
  err *e;
  json_t *value;
} seen;

static void plays(struct fake_exec *x) {
  auto_free char *input = str_ndup(x->input.data, x->input.len);
  bool is_redis = strstr(input, "ECHO ") != NULL;
  char *mark = strrchr(input, is_redis ? ' ' : '\'');
  if (!is_redis) {
    *mark = 0;
    mark = strrchr(input, '\'');
  }
  mark++;
  mark[strcspn(mark, "\n")] = 0;
  auto_free char *line = str_format(is_redis ? "\"%s\"\n" : "%s\n", mark);
  CHECK(*script);
  if (str_eq(*script, "FAIL")) {
    fake_exec_say(x, 2, "ERROR:  relation \"public.t\" does not exist\n");
    fake_exec_exit(x, NULL, 3);
  } else {
    fake_exec_say(x, 1, *script);
    fake_exec_say(x, 1, line);
  }
  script++;
}

static void on_seen(void *arg, err *e, json_t *value) {
  (void)arg;
  seen.count++;
  seen.e = e;
  seen.value = value;
}

static struct database_place place(void) {
  return (struct database_place){.environment_id = instance.environment_id, .service_id = added.service_id};
}

static void open_with(const char *code, const char *const *answers) {
  town_open();
  CHECK_OK(add(code, NULL));
  wait_live(added.service_id);
  fake_exec_answer = plays;
  script = answers;
  memset(&seen, 0, sizeof seen);
}

static void check_seen(const char *expected) {
  WAIT(seen.count);
  if (seen.e) TAP_FAIL("%s", err_message(seen.e));
  auto_free char *text = json_dumps(seen.value, JSON_COMPACT);
  CHECK_TEXT(text, expected);
  json_decref(seen.value);
  WAIT(!fake_execs_alive);
  fake_exec_answer = NULL;
  close_all();
}

static void check_refused(enum err_code code, const char *why) {
  WAIT(seen.count);
  CHECK_ERR(seen.e, code, why);
  WAIT(!fake_execs_alive);
  fake_exec_answer = NULL;
  close_all();
}

TEST(tables_are_listed) {
  open_with("postgres", (const char *const[]){"{\"schema\": \"public\", \"name\": \"t\"}\n", NULL});
  struct database_place of = place();
  CHECK_OK(core_database_tables(town, &of, on_seen, NULL));
  check_seen("{\"tables\":[{\"schema\":\"public\",\"name\":\"t\"}],\"hasMore\":false}");
}

TEST(rows_are_shown_a_page_at_a_time) {
  open_with("postgres", (const char *const[]){"", "{\"name\": \"id\", \"type\": \"integer\", \"primaryKey\": true, \"nullable\": false}\n",
                                              "[\"1\"]\n[\"2\"]\n", NULL});
  struct database_place of = place();
  CHECK_OK(core_database_rows(town, &of, &(struct core_database_rows){.table = "t", .limit = 1}, on_seen, NULL));
  check_seen("{\"columns\":[{\"name\":\"id\",\"type\":\"integer\",\"nullable\":false,\"primaryKey\":true}],\"rows\":[{\"values\":[\"1\"]}],"
             "\"hasMore\":true}");
}

TEST(mysql_s_database_is_its_schema) {
  open_with("mysql", (const char *const[]){"railway\n", "", "{\"name\": \"id\", \"type\": \"int\", \"primaryKey\": 1, \"nullable\": 0}\n",
                                           "[\"1\"]\n", NULL});
  struct database_place of = place();
  CHECK_OK(core_database_rows(town, &of, &(struct core_database_rows){.table = "t", .limit = 1}, on_seen, NULL));
  check_seen("{\"columns\":[{\"name\":\"id\",\"type\":\"int\",\"nullable\":false,\"primaryKey\":true}],\"rows\":[{\"values\":[\"1\"]}],"
             "\"hasMore\":false}");
}

TEST(a_table_that_is_not_there_is_the_database_s_error) {
  open_with("postgres", (const char *const[]){"FAIL", NULL});
  struct database_place of = place();
  CHECK_OK(core_database_rows(town, &of, &(struct core_database_rows){.table = "t", .limit = 1}, on_seen, NULL));
  check_refused(ERR_INVALID, "relation \"public.t\" does not exist");
}

TEST(an_answer_that_is_none_is_told) {
  open_with("postgres", (const char *const[]){"what?\n", NULL});
  struct database_place of = place();
  CHECK_OK(core_database_tables(town, &of, on_seen, NULL));
  check_refused(ERR_CORRUPT, "the database's answer");
}

TEST(keys_of_redis) {
  open_with("redis", (const char *const[]){"\"17\",\"a\",\"gone\"\n", "\"string\"\n-1\n56\n\"none\"\n-2\nNULL\n", NULL});
  struct database_place of = place();
  CHECK_OK(core_database_keys(town, &of, &(struct core_database_keys){.limit = 10}, on_seen, NULL));
  check_seen("{\"keys\":[{\"key\":\"a\",\"type\":\"string\",\"ttlMs\":null,\"bytes\":56}],\"cursor\":\"17\"}");
}

TEST(the_last_page_has_no_cursor) {
  open_with("redis", (const char *const[]){"\"0\"\n", NULL});
  struct database_place of = place();
  CHECK_OK(core_database_keys(town, &of, &(struct core_database_keys){.limit = 10}, on_seen, NULL));
  check_seen("{\"keys\":[],\"cursor\":null}");
}

TEST(a_key_with_its_value) {
  open_with("redis", (const char *const[]){"\"hash\"\n900\n80\n", "1\n\"0\",\"f\",\"v\"\n", NULL});
  struct database_place of = place();
  CHECK_OK(core_database_key(town, &of, "h", on_seen, NULL));
  check_seen("{\"key\":\"h\",\"type\":\"hash\",\"ttlMs\":900,\"bytes\":80,\"length\":1,\"entries\":[{\"name\":\"f\",\"value\":\"v\"}]}");
}

TEST(a_key_that_is_not_there) {
  open_with("redis", (const char *const[]){"\"none\"\n-2\nNULL\n", NULL});
  struct database_place of = place();
  CHECK_OK(core_database_key(town, &of, "h", on_seen, NULL));
  check_refused(ERR_NOT_FOUND, "there is no key 'h'");
}

TEST(figures_without_pg_stat_statements) {
  open_with("postgres", (const char *const[]){"{\"version\": \"17.1\", \"connections\": 3}\n", "", NULL});
  struct database_place of = place();
  CHECK_OK(core_database_stats(town, &of, on_seen, NULL));
  check_seen("{\"kind\":\"POSTGRES\",\"version\":\"17.1\",\"sizeBytes\":null,\"connections\":3,\"activeConnections\":null,"
             "\"maxConnections\":null,\"cacheHitRatio\":null,\"uptimeSeconds\":null,\"slowQueries\":null}");
}

TEST(what_a_kind_has_not_is_refused_at_once) {
  open_with("redis", (const char *const[]){NULL});
  struct database_place of = place();
  CHECK_ERR(core_database_tables(town, &of, on_seen, NULL), ERR_INVALID, "Redis has no tables");
  CHECK_ERR(core_database_rows(town, &of, &(struct core_database_rows){.table = "a\nb", .limit = 1}, on_seen, NULL), ERR_INVALID,
            "not the name");
  CHECK_ERR(core_database_keys(town, &of, &(struct core_database_keys){.limit = 10, .cursor = "0\nFLUSHALL"}, on_seen, NULL),
            ERR_INVALID, "cursor");
  CHECK_ERR(core_database_keys(town, &of, &(struct core_database_keys){.limit = 1000}, on_seen, NULL), ERR_INVALID, "limit");
  CHECK_INT(seen.count, 0);
  WAIT(!fake_execs_alive);
  fake_exec_answer = NULL;
  close_all();
}

TEST_MAIN
