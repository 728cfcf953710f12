/* Databases are services like any other; which kind one is follows from its image's name, as Railway's
 * CLI has it (reference 2.11), so that a database from a template, from `--image` and from a compose
 * file are treated alike.  MariaDB counts as MYSQL and Valkey as REDIS: they speak the same. */
#ifndef TRAMWAY_MODEL_DATABASE_H
#define TRAMWAY_MODEL_DATABASE_H

#include "model/names.h"

enum database_kind { DATABASE_NONE, DATABASE_POSTGRES, DATABASE_MYSQL, DATABASE_REDIS, DATABASE_MONGO };
MODEL_ENUM(database_kind); /* NONE POSTGRES MYSQL REDIS MONGO */

/* By the last part of the image's name, without tag and digest; "postgres-exporter", "postgrest" and other
 * programs that work on a database are none.  NULL and "" are DATABASE_NONE. */
enum database_kind database_kind_of_image(const char *image);

/* As its tag says, "17.2-alpine" or "pg17": 17.  0: it says nothing. */
int database_image_major(const char *image);

struct database_facts {
  const char *label;               /* "Postgres", for people; also what the template calls its service */
  int port;                        /* 5432 */
  const char *mount_path;          /* of its volume: "/var/lib/postgresql/data" */
  const char *url_variable;        /* "DATABASE_URL" */
  const char *public_url_variable; /* "DATABASE_PUBLIC_URL" */
};

/* Of a kind that is not DATABASE_NONE. */
const struct database_facts *database_facts(enum database_kind kind);

#endif
