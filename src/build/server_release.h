/* Which versions of database servers Debian's releases have, and which of them stands in for a tag.  Pure.
 *
 * Postgres opens only data of its own major version: there an image is made for that version or not at all.
 * MariaDB, Redis and Valkey open what older ones wrote: there the nearest newer one stands in, and `caution`
 * says so, since going back is not possible. */
#ifndef TRAMWAY_BUILD_SERVER_RELEASE_H
#define TRAMWAY_BUILD_SERVER_RELEASE_H

#include "base/err.h"

struct server_release {
  const char *product; /* "postgres", "postgis", "pgvector", "mariadb", "mysql", "redis", "valkey" */
  const char *version; /* "17", "11.8" */
  const char *suite;   /* "trixie" */
};

/* `tag` as written: "17", "17.2-alpine", "pg17", "latest" (the newest).  NULL when Debian has none that will do.
 * *ret_caution is to be told to whoever asked, or NULL; owned. */
const struct server_release *server_release_find(const char *product, const char *tag, char **ret_caution);

/* "Postgres 15 and 17"; NULL for what is no product.  The caller owns it. */
char *server_release_list(const char *product);

/* "Postgres", "MariaDB" for MySQL too; NULL for what is no product. */
const char *server_release_label(const char *product);

#endif
