#include "cli/database_url.h"

#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

static char *command(const char *url, const char *program) {
  auto_database_url u = {0};
  auto_strv argv = STRV_EMPTY, env = STRV_EMPTY;
  CHECK_OK(database_url_parse(url, &u));
  database_url_command(&u, program, &argv, &env);
  auto_free char *words = strv_join(&argv, " "), *variables = strv_join(&env, " ");
  return str_format("%s | %s", variables, words);
}

#define SAYS(url, program, expected)                                                                         \
  do {                                                                                                       \
    auto_free char *said_ = command(url, program);                                                           \
    CHECK_TEXT(said_, expected);                                                                             \
  } while (0)

TEST(the_password_is_in_the_environment_alone) {
  SAYS("postgresql://postgres:p%40ss%2Fw@db.railway.internal:5432/railway?sslmode=require", "psql",
       "PGDATABASE=railway PGPASSWORD=p@ss/w PGSSLMODE=require | psql -h db.railway.internal -p 5432 -U postgres");
  SAYS("postgres://u:p@h/db", "psql", "PGDATABASE=db PGPASSWORD=p | psql -h h -p 5432 -U u");
  SAYS("mysql://root:pw@h:3307/shop", "mariadb", "MYSQL_PWD=pw | mariadb --protocol=TCP -h h -P 3307 -u root --database=shop");
  SAYS("redis://default:pw@h:6379", "redis-cli", "REDISCLI_AUTH=pw | redis-cli -h h -p 6379");
  SAYS("redis://ada:pw@h:6379/2", "valkey-cli", "REDISCLI_AUTH=pw | valkey-cli -h h -p 6379 --user ada -n 2");
  SAYS("mongodb://mongo:pw@h:27017", "mongosh", " | mongosh --host h --port 27017 -u mongo --authenticationDatabase admin");
}

/* A variable is written by whoever may change the project; the client runs on another one's machine. */
TEST(a_databases_name_is_no_option_of_the_client) {
  SAYS("mysql://u:p@h/--pager=sh%20-c%20id", "mysql",
       "MYSQL_PWD=p | mysql --protocol=TCP -h h -P 3306 -u u --database=--pager=sh -c id");
  SAYS("postgres://u:p@h/host=elsewhere%20sslkey=x", "psql",
       "PGDATABASE=host=elsewhere sslkey=x PGPASSWORD=p | psql -h h -p 5432 -U u");
}

TEST(what_is_no_databases_url_is_refused_without_being_shown) {
  auto_database_url u = {0};
  CHECK_ERR(database_url_parse("https://u:hidden@h/x", &u), ERR_INVALID, "'https' is no database's URL");
  auto_err *e = database_url_parse("postgres://u:hidden@h:99999999/x", &u);
  CHECK(e && !strstr(err_message(e), "hidden"));
}

TEST(a_tunnels_url_is_the_databases_at_another_place) {
  auto_free char *url = NULL;
  CHECK_OK(database_url_elsewhere("postgresql://u:p%40@db.railway.internal:5432/x?sslmode=require", "127.0.0.1", 40001, &url));
  CHECK_TEXT(url, "postgresql://u:p%40@127.0.0.1:40001/x?sslmode=require");
}

TEST(a_services_variables_tell_its_url) {
  auto_json *v = json_pack("{s:s, s:s, s:s}", "DATABASE_URL", "mysql://not.this", "REDIS_URL", "redis://a", "REDIS_PUBLIC_URL",
                           "redis://b");
  CHECK_TEXT(database_url_of(v, false), "redis://a");
  CHECK_TEXT(database_url_of(v, true), "redis://b");
  auto_json *none = json_pack("{s:s}", "DATABASE_URL", "sqlite:x");
  CHECK(!database_url_of(none, false) && !database_url_of(none, true));
}

TEST(each_kind_has_programs_and_a_line) {
  for (enum database_kind kind = DATABASE_POSTGRES; kind <= DATABASE_MONGO; kind++) {
    CHECK(database_url_programs(kind)[0] != NULL);
    CHECK_HAS(database_url_inside(kind), "exec ");
  }
}

TEST_MAIN
