#include "cli/database_url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static enum database_kind kind_of_scheme(const char *scheme) {
  static const struct {
    const char *scheme;
    enum database_kind kind;
  } rows[] = {{"postgres", DATABASE_POSTGRES}, {"postgresql", DATABASE_POSTGRES}, {"mysql", DATABASE_MYSQL},
              {"mariadb", DATABASE_MYSQL},     {"redis", DATABASE_REDIS},         {"rediss", DATABASE_REDIS},
              {"mongodb", DATABASE_MONGO}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (str_eq(scheme, rows[i].scheme)) return rows[i].kind;
  return DATABASE_NONE;
}

void database_url_done(struct database_url *url) {
  char *texts[] = {url->user, url->password, url->host, url->port, url->database, url->sslmode};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) free(texts[i]);
  *url = (struct database_url){0};
}

static void curl_url_cleanup_(CURLU **u) {
  curl_url_cleanup(*u);
}
#define auto_curl_url __attribute__((cleanup(curl_url_cleanup_))) CURLU

static char *part(CURLU *u, CURLUPart which) {
  char *text = NULL;
  if (curl_url_get(u, which, &text, CURLU_URLDECODE | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) return NULL;
  char *copy = *text ? str_dup(text) : NULL;
  curl_free(text);
  return copy;
}

static err *parse(const char *url, CURLU **ret_parsed) {
  CURLU *u = curl_url();
  if (u && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
    *ret_parsed = u;
    return NULL;
  }
  curl_url_cleanup(u);
  return err_new(ERR_INVALID, "the database's URL cannot be read");
}

static char *sslmode_of(const char *query) {
  auto_strv pairs = STRV_EMPTY;
  if (query) strv_split(&pairs, query, '&');
  for (size_t i = 0; i < pairs.len; i++)
    if (str_starts(pairs.items[i], "sslmode=")) return str_dup(strchr(pairs.items[i], '=') + 1);
  return NULL;
}

err *database_url_parse(const char *url, struct database_url *ret_url) {
  auto_curl_url *u = NULL;
  TRY(parse(url, &u));
  auto_free char *scheme = part(u, CURLUPART_SCHEME), *path = part(u, CURLUPART_PATH), *query = part(u, CURLUPART_QUERY);
  enum database_kind kind = kind_of_scheme(scheme);
  if (!kind) return err_new(ERR_INVALID, "'%.20s' is no database's URL", scheme ? scheme : "");
  *ret_url = (struct database_url){.kind = kind,
                                   .user = part(u, CURLUPART_USER),
                                   .password = part(u, CURLUPART_PASSWORD),
                                   .host = part(u, CURLUPART_HOST),
                                   .port = part(u, CURLUPART_PORT),
                                   .database = path && path[0] == '/' && path[1] ? str_dup(path + 1) : NULL,
                                   .sslmode = sslmode_of(query)};
  if (!ret_url->port) ret_url->port = str_format("%d", database_facts(kind)->port);
  return NULL;
}

const char *database_url_of(const json_t *variables, bool is_public) {
  for (enum database_kind kind = DATABASE_POSTGRES; kind <= DATABASE_MONGO; kind++) {
    const struct database_facts *facts = database_facts(kind);
    const char *url = json_get_text(variables, is_public ? facts->public_url_variable : facts->url_variable);
    const char *colon = url ? strstr(url, "://") : NULL;
    auto_free char *scheme = colon ? str_ndup(url, (size_t)(colon - url)) : NULL;
    if (scheme && kind_of_scheme(scheme) == kind) return url;
  }
  return NULL;
}

err *database_url_elsewhere(const char *url, const char *host, int port, char **ret_url) {
  auto_curl_url *u = NULL;
  char *text = NULL;
  auto_free char *digits = str_format("%d", port);
  TRY(parse(url, &u));
  curl_url_set(u, CURLUPART_HOST, host, 0);
  curl_url_set(u, CURLUPART_PORT, digits, 0);
  if (curl_url_get(u, CURLUPART_URL, &text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return err_new(ERR_INVALID, "the database's URL cannot be written");
  *ret_url = str_dup(text);
  curl_free(text);
  return NULL;
}

/* clang-format off */
static const char *const programs[][3] = {
  [DATABASE_POSTGRES] = { "psql",      NULL },
  [DATABASE_MYSQL]    = { "mysql",     "mariadb",    NULL },
  [DATABASE_REDIS]    = { "redis-cli", "valkey-cli", NULL },
  [DATABASE_MONGO]    = { "mongosh",   NULL },
};

/* What the templates name (reference 2.11).  mongosh takes a password only when it asks for one. */
static const char *const inside[] = {
  [DATABASE_POSTGRES] = "PGPASSWORD=\"$POSTGRES_PASSWORD\" exec psql -h localhost -U \"${PGUSER:-postgres}\" -d \"${PGDATABASE:-postgres}\"",
  [DATABASE_MYSQL]    = "c=$(command -v mysql || command -v mariadb); MYSQL_PWD=\"$MYSQLPASSWORD\" exec \"${c:-mysql}\" -h 127.0.0.1 "
                        "-u \"${MYSQLUSER:-root}\" \"${MYSQLDATABASE:-mysql}\"",
  [DATABASE_REDIS]    = "c=$(command -v redis-cli || command -v valkey-cli); REDISCLI_AUTH=\"$REDISPASSWORD\" exec \"${c:-redis-cli}\"",
  [DATABASE_MONGO]    = "exec mongosh --host localhost -u \"${MONGOUSER:-mongo}\" --authenticationDatabase admin",
};
/* clang-format on */

const char *const *database_url_programs(enum database_kind kind) {
  return programs[kind];
}

const char *database_url_inside(enum database_kind kind) {
  return inside[kind];
}

static void add_option(struct strv *argv, const char *option, const char *value) {
  if (!value) return;
  strv_add(argv, option);
  strv_add(argv, value);
}

static void add_variable(struct strv *env, const char *name, const char *value) {
  if (value) strv_addf(env, "%s=%s", name, value);
}

static void redis_command(const struct database_url *url, struct strv *argv, struct strv *env) {
  bool has_name = url->user && !str_eq(url->user, "default");
  add_option(argv, "-h", url->host);
  add_option(argv, "-p", url->port);
  if (has_name) add_option(argv, "--user", url->user);
  add_option(argv, "-n", url->database);
  add_variable(env, "REDISCLI_AUTH", url->password);
}

void database_url_command(const struct database_url *url, const char *program, struct strv *ret_argv,
                          struct strv *ret_env) {
  strv_add(ret_argv, program);
  if (url->kind == DATABASE_REDIS) {
    redis_command(url, ret_argv, ret_env);
  } else if (url->kind == DATABASE_MYSQL) {
    strv_add(ret_argv, "--protocol=TCP");
    add_option(ret_argv, "-h", url->host);
    add_option(ret_argv, "-P", url->port);
    add_option(ret_argv, "-u", url->user);
    if (url->database) strv_addf(ret_argv, "--database=%s", url->database); /* alone it could be an option */
    add_variable(ret_env, "MYSQL_PWD", url->password);
  } else if (url->kind == DATABASE_POSTGRES) {
    add_option(ret_argv, "-h", url->host);
    add_option(ret_argv, "-p", url->port);
    add_option(ret_argv, "-U", url->user);
    add_variable(ret_env, "PGDATABASE", url->database); /* of -d psql would read settings, too */
    add_variable(ret_env, "PGPASSWORD", url->password);
    add_variable(ret_env, "PGSSLMODE", url->sslmode);
  } else {
    add_option(ret_argv, "--host", url->host);
    add_option(ret_argv, "--port", url->port);
    add_option(ret_argv, "-u", url->user);
    if (url->user) add_option(ret_argv, "--authenticationDatabase", "admin");
  }
}
