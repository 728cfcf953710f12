/* A database's own client program, driven over the engine's exec. */
#include "core/database_client.h"

#include "core/database_program.h"
#include "store/service.h"
#include "town.h"

/* ---- which program, and how ---- */

static err *find(const char *image, const char *variables, const char *database, struct database_program *p) {
  auto_json *object = NULL;
  TRY(json_parse(variables, strlen(variables), "variables", &object));
  struct database_program_question q = {.image = image, .variables = object, .database = database, .read_only = true,
                                        .statement_ms = 5000};
  return database_program_find(&q, p);
}

static bool has_word(const struct strv *list, const char *word) {
  for (size_t i = 0; i < list->len; i++)
    if (strstr(list->items[i], word)) return true;
  return false;
}

TEST(psql_is_told_everything_by_variables) {
  auto_database_program p = {0};
  CHECK_OK(find("postgres:17", "{\"POSTGRES_USER\": \"ann\", \"POSTGRES_DB\": \"shop\", \"POSTGRES_PASSWORD\": \"s3cret\","
                               " \"PGHOST\": \"postgres.railway.internal\"}", NULL, &p));
  CHECK_TEXT(p.argv.items[0], "psql");
  CHECK(!has_word(&p.argv, "s3cret"));
  CHECK(strv_has(&p.env, "PGHOST=/var/run/postgresql"));
  CHECK(strv_has(&p.env, "PGUSER=ann"));
  CHECK(strv_has(&p.env, "PGDATABASE=shop"));
  CHECK(strv_has(&p.env, "PGPASSWORD=s3cret"));
  CHECK(has_word(&p.env, "default_transaction_read_only=on"));
  CHECK(has_word(&p.env, "statement_timeout=5000"));
}

TEST(without_variables_it_is_what_the_image_makes) {
  auto_database_program p = {0};
  CHECK_OK(find("postgres", "{}", NULL, &p));
  CHECK(strv_has(&p.env, "PGUSER=postgres"));
  CHECK(strv_has(&p.env, "PGDATABASE=postgres"));
  CHECK(!has_word(&p.env, "PGPASSWORD"));
}

TEST(mysql_mariadb_redis_and_valkey) {
  auto_database_program mysql = {0}, mariadb = {0}, redis = {0}, valkey = {0};
  CHECK_OK(find("mysql:9", "{\"MYSQL_ROOT_PASSWORD\": \"s3cret\"}", NULL, &mysql));
  CHECK_OK(find("tramway/mariadb:11", "{\"MYSQL_DATABASE\": \"railway\"}", NULL, &mariadb));
  CHECK_OK(find("redis:8", "{\"REDIS_PASSWORD\": \"s3cret\"}", "3", &redis));
  CHECK_OK(find("valkey/valkey:8", "{}", NULL, &valkey));
  CHECK_TEXT(mysql.argv.items[0], "mysql");
  CHECK_TEXT(mariadb.argv.items[0], "mariadb");
  CHECK_TEXT(redis.argv.items[0], "redis-cli");
  CHECK_TEXT(valkey.argv.items[0], "valkey-cli");
  CHECK(strv_has(&mysql.env, "MYSQL_PWD=s3cret"));
  CHECK(strv_has(&redis.env, "REDISCLI_AUTH=s3cret"));
  CHECK(strv_has(&mariadb.argv, "--database=railway"));
  CHECK(strv_has(&redis.argv, "3"));
  CHECK(!has_word(&mysql.argv, "s3cret") && !has_word(&redis.argv, "s3cret"));
  CHECK_HAS(mysql.preamble, "max_execution_time = 5000");
  CHECK_HAS(mariadb.preamble, "max_statement_time = 5.000");
  CHECK_HAS(mariadb.preamble, "READ ONLY");
}

TEST(what_cannot_be_asked_is_named) {
  auto_database_program p = {0};
  CHECK_ERR(find("mongo:7", "{}", NULL, &p), ERR_INVALID, "MongoDB");
  CHECK_ERR(find("nginx", "{}", NULL, &p), ERR_INVALID, "'nginx' is not known to be a database");
  CHECK_ERR(find(NULL, "{}", NULL, &p), ERR_INVALID, "not known");
  CHECK_ERR(find("postgres", "{}", "-h evil", &p), ERR_INVALID, "not the name");
  CHECK_ERR(find("postgres", "{}", "dbname=x host=evil", &p), ERR_INVALID, "not the name");
  CHECK_ERR(find("postgres", "{}", "", &p), ERR_INVALID, "not the name");
}

TEST(a_statement_is_ended_once) {
  auto_free char *with = database_program_input(DATABASE_POSTGRES, "SELECT 1; \n", "m");
  auto_free char *without = database_program_input(DATABASE_MYSQL, "SELECT 1", "m");
  auto_free char *command = database_program_input(DATABASE_REDIS, "PING", "m");
  CHECK_TEXT(with, "SELECT 1; \n\nSELECT 'm';\n");
  CHECK_TEXT(without, "SELECT 1;\nSELECT 'm';\n");
  CHECK_TEXT(command, "PING\nECHO m\n");
}

/* ---- sessions ---- */

static struct service store;
static struct service_instance store_instance;
static char id[ID_SIZE];
static struct {
  int count;
  char output[200], error[300];
  enum err_code code;
} told;

static void on_answer(void *arg, err *e, const char *output) {
  (void)arg;
  told.count++;
  told.code = e ? err_code_of(e) : 0;
  snprintf(told.output, sizeof told.output, "%s", output ? output : "");
  snprintf(told.error, sizeof told.error, "%s", e ? err_message(e) : "");
  err_free(e);
}

/* The marker that the input asks for: 'hex' at its end. */
static void say_end(struct fake_exec *x) {
  auto_free char *input = str_ndup(x->input.data, x->input.len);
  char *quote = strrchr(input, '\'');
  *quote = 0;
  auto_free char *line = str_format("%s\n", strrchr(input, '\'') + 1);
  fake_exec_say(x, 1, line);
}

static const char *say;
static void answers(struct fake_exec *x) {
  fake_exec_say(x, 1, say);
  say_end(x);
}

static void fails(struct fake_exec *x) {
  fake_exec_say(x, 2, "ERROR:  relation \"x\"\ndoes not exist\n");
  fake_exec_exit(x, NULL, 3);
}

static void cannot_start(struct fake_exec *x) {
  fake_exec_exit(x, err_new(ERR_IO, "the command could not be started: no psql"), EXIT_CODE_NONE);
}

static void is_silent(struct fake_exec *x) {
  (void)x;
}

static void open_store(void) {
  auto_service_settings settings = {0};
  bool found = false;
  fake_exec_fail = NULL;
  town_open();
  service_settings_init(&settings);
  settings.source_kind = SOURCE_IMAGE;
  settings.source_image = str_dup("tramway/postgres:17");
  CHECK_OK(core_service_create(town, project.id, "Postgres", &settings, &store));
  CHECK_OK(service_instance_find(town_db, store.id, instance.environment_id, &found, &store_instance));
  CHECK_OK(core_deploy_instance(town, &store_instance, user.id, id));
  WAIT_STATUS(id, SUCCESS);
  fake_exec_answer = answers;
  memset(&told, 0, sizeof told);
}

static void close_store(void) {
  WAIT(!fake_execs_alive);
  town_close();
  service_done(&store);
  service_instance_done(&store_instance);
}

static struct database_target target(void) {
  return (struct database_target){.environment_id = instance.environment_id, .service_id = store.id};
}

static database_session *open_session(void) {
  struct database_target of = target();
  database_session *s = NULL;
  CHECK_OK(database_open(town, &of, &s));
  CHECK_INT(database_session_kind(s), DATABASE_POSTGRES);
  return s;
}

static void ask(database_session *s, struct database_statement statement) {
  int before = told.count;
  database_ask(s, &statement, on_answer, NULL);
  CHECK_INT(told.count, before);
  WAIT(told.count > before);
}

TEST(statement_after_statement) {
  open_store();
  database_session *s = open_session();
  say = "a\tb\nc\td\n";
  ask(s, (struct database_statement){.text = "SELECT 1"});
  CHECK_TEXT(told.output, "a\tb\nc\td");
  say = "";
  ask(s, (struct database_statement){.text = "CHECKPOINT"});
  CHECK_INT(told.code, 0);
  CHECK_TEXT(told.output, "");
  database_close(s);
  close_store();
}

TEST(one_statement) {
  open_store();
  struct database_target of = target();
  say = "17\n";
  CHECK_OK(database_run(town, &of, &(struct database_statement){.text = "SELECT 17"}, on_answer, NULL));
  WAIT(told.count);
  CHECK_TEXT(told.output, "17");
  close_store();
}

TEST(a_failed_statement_ends_the_session) {
  open_store();
  database_session *s = open_session();
  fake_exec_answer = fails;
  ask(s, (struct database_statement){.text = "SELECT * FROM x"});
  CHECK_INT(told.code, ERR_INVALID);
  CHECK_TEXT(told.error, "the database says: ERROR:  relation \"x\" does not exist");
  ask(s, (struct database_statement){.text = "SELECT 1"});
  CHECK_INT(told.code, ERR_CONFLICT);
  database_close(s);
  close_store();
}

TEST(what_holds_a_secret_is_not_told_again) {
  open_store();
  database_session *s = open_session();
  fake_exec_answer = fails;
  ask(s, (struct database_statement){.text = "ALTER USER postgres PASSWORD 'x'", .is_secret = true});
  CHECK_TEXT(told.error, "the database refused it (exit status 3)");
  database_close(s);
  close_store();
}

TEST(a_program_that_there_is_not) {
  open_store();
  database_session *s = open_session();
  fake_exec_answer = cannot_start;
  ask(s, (struct database_statement){.text = "SELECT 1"});
  CHECK_INT(told.code, ERR_IO);
  CHECK_HAS(told.error, "the database's client program: the command could not be started");
  database_close(s);
  close_store();
}

TEST(too_slow_and_too_much) {
  open_store();
  database_session *slow = open_session();
  fake_exec_answer = is_silent;
  ask(slow, (struct database_statement){.text = "SELECT pg_sleep(9)", .deadline_ms = 20});
  CHECK_INT(told.code, ERR_BUSY);
  database_close(slow);
  database_session *loud = open_session();
  fake_exec_answer = answers;
  say = "0123456789\n";
  ask(loud, (struct database_statement){.text = "SELECT 1", .output_max = 5});
  CHECK_INT(told.code, ERR_LIMIT);
  database_close(loud);
  close_store();
}

TEST(a_session_that_is_closed_while_it_asks_says_nothing) {
  open_store();
  database_session *s = open_session();
  fake_exec_answer = is_silent;
  database_ask(s, &(struct database_statement){.text = "SELECT 1"}, on_answer, NULL);
  database_close(s);
  WAIT(!fake_execs_alive);
  CHECK_INT(told.count, 0);
  close_store();
}

TEST(what_does_not_run_cannot_be_asked) {
  open_store();
  database_session *s = NULL;
  struct database_target of = target();
  of.service_id = service.id;
  CHECK_ERR(database_open(town, &of, &s), ERR_CONFLICT, "'api' does not run");
  char app[ID_SIZE];
  CHECK_OK(core_deploy_instance(town, &instance, user.id, app));
  WAIT_STATUS(app, SUCCESS);
  CHECK_ERR(database_open(town, &of, &s), ERR_INVALID, "not known to be a database");
  fake_exec_fail = "no more processes";
  of = target();
  CHECK_ERR(database_open(town, &of, &s), ERR_IO, "no more processes");
  close_store();
}

TEST(the_end_of_tramd_ends_sessions) {
  open_store();
  database_session *s = open_session();
  fake_exec_answer = is_silent;
  database_ask(s, &(struct database_statement){.text = "SELECT 1"}, on_answer, NULL);
  core_stop(town);
  CHECK_INT(told.code, ERR_BUSY);
  database_close(s);
  WAIT(core_is_quiet(town));
  close_store();
}

TEST_MAIN
