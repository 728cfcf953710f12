/* What a database is told when its password changes. */
#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "core/password_plan.h"
#include "tap.h"

static json_t *variables(const char *text) {
  json_t *value = NULL;
  CHECK_OK(json_parse(text, strlen(text), "test", &value));
  return value;
}

TEST(two_users_of_postgres_in_turn) {
  auto_json *first = variables("{\"POSTGRES_USER\": \"postgres\", \"PGUSER\": \"postgres\", \"POSTGRES_PASSWORD\": \"old\"}");
  auto_json *second = variables("{\"POSTGRES_USER\": \"postgres\", \"PGUSER\": \"postgres_2\", \"POSTGRES_PASSWORD\": \"old\"}");
  auto_password_plan plan = {0}, back = {0};
  CHECK_OK(password_plan_make(DATABASE_POSTGRES, first, &plan));
  CHECK_TEXT(plan.old_user, "postgres");
  CHECK_TEXT(plan.new_user, "postgres_2");
  auto_free char *text = password_plan_begin(&plan, "sesame");
  CHECK_HAS(text, "ALTER ROLE \"postgres_2\" LOGIN SUPERUSER REPLICATION PASSWORD 'SCRAM-SHA-256$4096:");
  CHECK_HAS(text, "ALTER ROLE \"postgres_2\" SET role TO 'postgres';");
  CHECK(!strstr(text, "sesame"));
  auto_free char *end = password_plan_end(DATABASE_POSTGRES, plan.old_user);
  CHECK_TEXT(end, "ALTER ROLE \"postgres\" PASSWORD NULL;");
  CHECK_OK(password_plan_make(DATABASE_POSTGRES, second, &back));
  CHECK_TEXT(back.new_user, "postgres");
  auto_free char *again = password_plan_begin(&back, "sesame");
  CHECK_HAS(again, "ALTER ROLE \"postgres\" LOGIN PASSWORD 'SCRAM");
  CHECK(!strstr(again, "SET role"));
}

TEST(two_users_of_mysql) {
  auto_json *given = variables("{\"MYSQLUSER\": \"root\", \"MYSQL_ROOT_PASSWORD\": \"old\"}");
  auto_password_plan plan = {0};
  CHECK_OK(password_plan_make(DATABASE_MYSQL, given, &plan));
  auto_free char *text = password_plan_begin(&plan, "sesame");
  CHECK_HAS(text, "ALTER USER 'root_2'@'%' IDENTIFIED BY 'sesame' ACCOUNT UNLOCK;");
  auto_free char *end = password_plan_end(DATABASE_MYSQL, plan.old_user);
  CHECK_TEXT(end, "ALTER USER 'root'@'%' ACCOUNT LOCK;");
}

TEST(one_user_of_redis) {
  auto_json *given = variables("{\"REDIS_PASSWORD\": \"old\"}");
  auto_password_plan plan = {0};
  CHECK_OK(password_plan_make(DATABASE_REDIS, given, &plan));
  CHECK(!plan.user_variable && !plan.old_user);
  auto_free char *text = password_plan_begin(&plan, "sesame");
  CHECK_TEXT(text, "ACL SETUSER default >sesame\nACL SAVE");
}

TEST(what_is_not_tramways_to_change) {
  /* clang-format off */
  static const struct { enum database_kind kind; const char *variables, *says; } cases[] = {
    {DATABASE_MONGO,    "{\"MONGO\": \"x\"}", "this kind"},
    {DATABASE_POSTGRES, "{\"PGUSER\": \"postgres\"}", "POSTGRES_PASSWORD"},
    {DATABASE_POSTGRES, "{\"POSTGRES_PASSWORD\": \"x\"}", "PGUSER names no user"},
    {DATABASE_POSTGRES, "{\"POSTGRES_PASSWORD\": \"x\", \"POSTGRES_USER\": \"a\", \"PGUSER\": \"b\"}", "neither 'a' nor 'a_2'"},
    {DATABASE_POSTGRES, "{\"POSTGRES_PASSWORD\": \"x\", \"POSTGRES_USER\": \"a\\\"\", \"PGUSER\": \"a\\\"\"}", "names no user"},
    {DATABASE_MYSQL,    "{\"MYSQL_ROOT_PASSWORD\": \"x\", \"MYSQLUSER\": \"shop\"}", "neither 'root'"},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    auto_json *given = variables(cases[i].variables);
    auto_password_plan plan = {0};
    CHECK_ERR(password_plan_make(cases[i].kind, given, &plan), ERR_INVALID, cases[i].says);
  }
}

TEST_MAIN
