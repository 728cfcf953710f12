/* The data view: what is in a database, read-only and with limits.  Everything is asked of the running instance
 * (core/database_client.h) as the superuser; who may ask is who may read the service's variables, the
 * superuser's password among them.
 *
 * What is given is borrowed for the call.  `done` is called once, later, and owns both; errors besides those of
 * database_open and database_ask: ERR_INVALID when the kind of database has no such thing. */
#ifndef TRAMWAY_CORE_DATABASE_VIEW_H
#define TRAMWAY_CORE_DATABASE_VIEW_H

#include "core/core.h"

struct database_place {
  const char *environment_id, *service_id;
  const char *database; /* NULL: the one of the service's variables */
};

typedef void database_view_fn(void *arg, err *e, json_t *value);

/* Postgres, MySQL: {"tables": [{"schema", "name", "kind", "rows", "bytes"}], "hasMore"}.  Numbers of rows are estimates. */
fallible core_database_tables(core *c, const struct database_place *place, database_view_fn *done, void *arg);

/* Postgres, MySQL: {"columns": [{"name", "type", "nullable", "primaryKey"}], "rows": [{"values": [text or null]}],
 * "hasMore"}. */
struct core_database_rows {
  const char *schema; /* NULL: "public", with MySQL the database */
  const char *table;
  const char *order_by; /* NULL: by the primary key */
  bool descending;
  int64_t limit, offset;
};
fallible core_database_rows(core *c, const struct database_place *place, const struct core_database_rows *question,
                            database_view_fn *done, void *arg);

/* {"kind", "version", "sizeBytes", "connections", "activeConnections", "maxConnections", "cacheHitRatio",
 * "uptimeSeconds", "slowQueries": [{"query", "calls", "meanMs", "totalMs", "rows"}]}; null: not known. */
fallible core_database_stats(core *c, const struct database_place *place, database_view_fn *done, void *arg);

/* Redis: {"keys": [{"key", "type", "ttlMs", "bytes"}], "cursor": text for the next page or null}.  Some pages are
 * empty although there are more. */
struct core_database_keys {
  const char *pattern, *cursor; /* NULL: all, from the start */
  int64_t limit;
};
fallible core_database_keys(core *c, const struct database_place *place, const struct core_database_keys *question,
                            database_view_fn *done, void *arg);

/* Redis: {"key", "type", "ttlMs", "bytes", "length", "entries": [{"name", "value"}]}; ERR_NOT_FOUND. */
fallible core_database_key(core *c, const struct database_place *place, const char *key, database_view_fn *done, void *arg);

#endif
