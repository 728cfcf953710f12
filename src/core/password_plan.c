#include "core/password_plan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"

#define SECOND "_2"

/* clang-format off */
static const struct names_of { enum database_kind kind; const char *user, *base, *password; } all[] = {
  {DATABASE_POSTGRES, "PGUSER",    "POSTGRES_USER", "POSTGRES_PASSWORD"},
  {DATABASE_MYSQL,    "MYSQLUSER", NULL,            "MYSQL_ROOT_PASSWORD"},
  {DATABASE_REDIS,    NULL,        NULL,            "REDIS_PASSWORD"},
};
/* clang-format on */

void password_plan_done(struct password_plan *plan) {
  free(plan->old_user);
  free(plan->new_user);
  free(plan->base_user);
  *plan = (struct password_plan){0};
}

/* Needs no quoting beyond that of an identifier. */
static bool is_plain(const char *name) {
  size_t len = strlen(name);
  for (size_t i = 0; i < len; i++)
    if (!isalnum((unsigned char)name[i]) && !strchr("_-", name[i])) return false;
  return len > 0 && len < 60;
}

static err *choose_users(const struct names_of *names, const json_t *variables, struct password_plan *plan) {
  const char *now = json_get_text(variables, names->user);
  const char *base = names->base ? json_get_text(variables, names->base) : "root";
  if (!now || !base || !is_plain(now) || !is_plain(base))
    return err_new(ERR_INVALID, "the database's variable %s names no user whose password could be changed", names->user);
  auto_free char *second = str_format("%s" SECOND, base);
  if (!str_eq(now, base) && !str_eq(now, second))
    return err_new(ERR_INVALID, "%s is '%s', which is neither '%s' nor '%s': its password is not Tramway's to change",
                   names->user, now, base, second);
  plan->base_user = str_dup(base);
  plan->old_user = str_dup(now);
  plan->new_user = str_dup(str_eq(now, base) ? second : base);
  return NULL;
}

err *password_plan_make(enum database_kind kind, const json_t *variables, struct password_plan *ret_plan) {
  auto_password_plan plan = {.kind = kind};
  const struct names_of *names = NULL;
  for (size_t i = 0; i < ARRAY_LEN(all); i++)
    if (all[i].kind == kind) names = &all[i];
  if (!names) return err_new(ERR_INVALID, "Tramway cannot change the password of this kind of database");
  if (!json_get_text(variables, names->password))
    return err_new(ERR_INVALID, "the database has no variable %s", names->password);
  plan.user_variable = names->user;
  plan.password_variable = names->password;
  if (names->user) TRY(choose_users(names, variables, &plan));
  *ret_plan = plan;
  plan = (struct password_plan){0};
  return NULL;
}

/* The verifier in the place of the password: statements may be logged, and are kept by pg_stat_statements. */
static char *begin_postgres(const struct password_plan *plan, const char *password) {
  const char *user = plan->new_user, *base = plan->base_user;
  auto_free char *verifier = secret_scram_sha256(password);
  if (str_eq(user, base)) return str_format("ALTER ROLE \"%s\" LOGIN PASSWORD '%s';", user, verifier);
  return str_format("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%s') THEN CREATE ROLE \"%s\"; "
                    "END IF; END $$;\n"
                    "ALTER ROLE \"%s\" LOGIN SUPERUSER REPLICATION PASSWORD '%s';\nALTER ROLE \"%s\" SET role TO '%s';",
                    user, user, user, verifier, user, base);
}

static char *begin_mysql(const struct password_plan *plan, const char *password) {
  const char *user = plan->new_user;
  return str_format("CREATE USER IF NOT EXISTS '%s'@'%%' IDENTIFIED BY '%s';\n"
                    "ALTER USER '%s'@'%%' IDENTIFIED BY '%s' ACCOUNT UNLOCK;\n"
                    "GRANT ALL PRIVILEGES ON *.* TO '%s'@'%%' WITH GRANT OPTION;",
                    user, password, user, password, user);
}

char *password_plan_begin(const struct password_plan *plan, const char *password) {
  switch (plan->kind) {
  case DATABASE_POSTGRES: return begin_postgres(plan, password);
  case DATABASE_MYSQL: return begin_mysql(plan, password);
  default: return str_format("ACL SETUSER default >%s\nACL SAVE", password);
  }
}

char *password_plan_end(enum database_kind kind, const char *old_user) {
  if (kind == DATABASE_POSTGRES) return str_format("ALTER ROLE \"%s\" PASSWORD NULL;", old_user);
  if (kind == DATABASE_MYSQL) return str_format("ALTER USER '%s'@'%%' ACCOUNT LOCK;", old_user);
  return NULL;
}
