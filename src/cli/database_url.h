/* What a database's URL says, and the program that talks to it.  Pure. */
#ifndef TRAMWAY_CLI_DATABASE_URL_H
#define TRAMWAY_CLI_DATABASE_URL_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "model/database.h"

struct database_url {
  enum database_kind kind;
  char *user, *password, *host, *port, *database, *sslmode; /* NULL: not in it; decoded */
};

/* "postgresql://user:password@host:port/database?sslmode=…", mysql, mariadb, redis, rediss, mongodb.  ERR_INVALID
 * does not show it. */
fallible database_url_parse(const char *url, struct database_url *ret_url);
void database_url_done(struct database_url *url);
#define auto_database_url __attribute__((cleanup(database_url_done))) struct database_url

/* The URL that a service's variables ({NAME: value}) hold, the public or the private one; NULL: none.  Borrowed. */
const char *database_url_of(const json_t *variables, bool is_public);

/* The URL with another host and port; the caller owns it. */
fallible database_url_elsewhere(const char *url, const char *host, int port, char **ret_url);

/* The programs that can talk to it here, best first. */
const char *const *database_url_programs(enum database_kind kind);

/* The arguments of `program`, and the variables ("NAME=value") that carry the password, which is never an argument. */
void database_url_command(const struct database_url *url, const char *program, struct strv *ret_argv,
                          struct strv *ret_env);

/* A line of shell that starts the client inside the instance, with what its own variables say. */
const char *database_url_inside(enum database_kind kind);

#endif
