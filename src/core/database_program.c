#include "core/database_program.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* The first of these variables that has a value; else `otherwise`. */
static const char *first_of(const json_t *variables, const char *const *names, const char *otherwise) {
  for (; *names; names++) {
    const char *value = json_get_text(variables, *names);
    if (!str_empty(value)) return value;
  }
  return otherwise;
}

#define FIRST_OF(variables, otherwise, ...) first_of(variables, (const char *const[]){__VA_ARGS__, NULL}, otherwise)

static void add_all(struct strv *v, const char *const *items) {
  strv_add_all(v, items);
}

/* ---- Postgres: over the socket, which the images trust; psql reads everything else from libpq's variables ---- */

static void use_psql(const struct database_program_question *q, struct database_program *p) {
  static const char *const argv[] = {"psql", "-X", "-q", "-w", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1",
                                     "-v", "VERBOSITY=terse", NULL};
  const char *user = FIRST_OF(q->variables, "postgres", "POSTGRES_USER", "PGUSER");
  const char *database = FIRST_OF(q->variables, user, "POSTGRES_DB", "PGDATABASE");
  const char *password = FIRST_OF(q->variables, NULL, "POSTGRES_PASSWORD", "PGPASSWORD");
  add_all(&p->argv, argv);
  strv_add(&p->env, "PGHOST=/var/run/postgresql");
  strv_addf(&p->env, "PGPORT=%s", FIRST_OF(q->variables, "5432", "PGPORT"));
  strv_addf(&p->env, "PGUSER=%s", user);
  strv_addf(&p->env, "PGDATABASE=%s", q->database ? q->database : database);
  if (password) strv_addf(&p->env, "PGPASSWORD=%s", password);
  strv_add(&p->env, "PGAPPNAME=tramway");
  strv_add(&p->env, "PGCONNECT_TIMEOUT=10");
  strv_add(&p->env, "PGCLIENTENCODING=UTF8");
  strv_addf(&p->env, "PGOPTIONS=-c standard_conforming_strings=on -c statement_timeout=%lld%s",
            (long long)q->statement_ms, q->read_only ? " -c default_transaction_read_only=on" : "");
}

/* ---- MySQL and MariaDB, likewise over the socket ---- */

static void use_mysql(const struct database_program_question *q, struct database_program *p) {
  static const char *const options[] = {"--user=root", "--protocol=socket", "--batch", "--raw", "--skip-column-names",
                                        "--unbuffered", "--skip-reconnect", "--local-infile=0", "--connect-timeout=10",
                                        "--default-character-set=utf8mb4", NULL};
  bool is_mariadb = strstr(q->image, "mariadb") != NULL;
  const char *password = FIRST_OF(q->variables, NULL, "MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD");
  const char *database = FIRST_OF(q->variables, NULL, "MYSQL_DATABASE", "MARIADB_DATABASE");
  strv_add(&p->argv, is_mariadb ? "mariadb" : "mysql");
  add_all(&p->argv, options);
  if (q->database || database) strv_addf(&p->argv, "--database=%s", q->database ? q->database : database);
  if (password) strv_addf(&p->env, "MYSQL_PWD=%s", password);
  struct str before = STR_EMPTY;
  str_add(&before, "SET SESSION sql_mode = 'STRICT_ALL_TABLES';\n");
  if (q->statement_ms && is_mariadb)
    str_addf(&before, "SET SESSION max_statement_time = %lld.%03lld;\n", (long long)(q->statement_ms / 1000),
             (long long)(q->statement_ms % 1000));
  else if (q->statement_ms)
    str_addf(&before, "SET SESSION max_execution_time = %lld;\n", (long long)q->statement_ms);
  if (q->read_only) str_add(&before, "SET SESSION TRANSACTION READ ONLY;\n");
  p->preamble = str_take(&before);
}

/* ---- Redis and Valkey: CSV, because it is the same for any bytes and in every version ---- */

static void use_redis(const struct database_program_question *q, struct database_program *p) {
  const char *password = FIRST_OF(q->variables, NULL, "REDIS_PASSWORD", "REDISPASSWORD", "VALKEY_PASSWORD");
  strv_add(&p->argv, strstr(q->image, "valkey") ? "valkey-cli" : "redis-cli");
  strv_add(&p->argv, "-h");
  strv_add(&p->argv, "127.0.0.1");
  strv_add(&p->argv, "-p");
  strv_add(&p->argv, FIRST_OF(q->variables, "6379", "REDISPORT", "REDIS_PORT"));
  if (q->database) {
    strv_add(&p->argv, "-n");
    strv_add(&p->argv, q->database);
  }
  strv_add(&p->argv, "--csv");
  if (!password) return;
  strv_addf(&p->env, "REDISCLI_AUTH=%s", password);
  strv_addf(&p->env, "VALKEYCLI_AUTH=%s", password);
}

/* ---- all of them ---- */

err *database_program_find(const struct database_program_question *q, struct database_program *ret_program) {
  struct database_program p = {.kind = database_kind_of_image(q->image)};
  if (q->database && (!*q->database || *q->database == '-' || strpbrk(q->database, "\n\r=")))
    return err_new(ERR_INVALID, "'%.64s' is not the name of a database", q->database);
  switch (p.kind) {
  case DATABASE_POSTGRES: use_psql(q, &p); break;
  case DATABASE_MYSQL: use_mysql(q, &p); break;
  case DATABASE_REDIS: use_redis(q, &p); break;
  case DATABASE_MONGO:
    return err_new(ERR_INVALID, "Tramway does not look into MongoDB: use `tram connect` or mongosh");
  case DATABASE_NONE:
    return err_new(ERR_INVALID, "the image '%.200s' is not known to be a database", q->image ? q->image : "");
  }
  *ret_program = p;
  return NULL;
}

void database_program_done(struct database_program *p) {
  strv_done(&p->argv);
  strv_done(&p->env);
  free(p->preamble);
  *p = (struct database_program){0};
}

char *database_program_input(enum database_kind kind, const char *statement, const char *marker) {
  if (kind == DATABASE_REDIS) return str_format("%s\nECHO %s\n", statement, marker);
  size_t len = strlen(statement);
  while (len && strchr(" \t\r\n", statement[len - 1])) len--;
  return str_format("%s%s\nSELECT '%s';\n", statement, len && statement[len - 1] == ';' ? "" : ";", marker);
}

char *database_program_end(enum database_kind kind, const char *marker) {
  return kind == DATABASE_REDIS ? str_format("\"%s\"", marker) : str_dup(marker);
}
