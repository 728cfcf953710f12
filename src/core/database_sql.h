/* The statements of the data view, and what their answers say.  Pure.
 *
 * Whoever may write to the database may leave things there that run with the reader's rights when they are read, and the
 * reader is the superuser.  So only tables are read, no views; values become text by their types' own output functions
 * and not by casts, which users may define; names come from pg_catalog alone; and everything is READ ONLY. */
#ifndef TRAMWAY_CORE_DATABASE_SQL_H
#define TRAMWAY_CORE_DATABASE_SQL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/database.h"

#define DATABASE_TABLES_MAX 500
#define DATABASE_COLUMNS_MAX 200
#define DATABASE_ROWS_MAX 200
#define DATABASE_OFFSET_MAX 1000000
#define DATABASE_CELL_MAX 1000  /* characters of a value; what is longer is cut, and says how long it is */
#define DATABASE_BYTES_MAX 64   /* of a binary one */

struct database_table {
  const char *schema, *name;
};

/* ERR_INVALID when it cannot be the name of a schema, table or column: empty, longer than 128 bytes, no UTF-8, or with
 * control characters. */
fallible database_name_check(const char *what, const char *name);

/* Quoted for the kind's SQL; the caller owns them. */
char *database_quote_name(enum database_kind kind, const char *name);
char *database_quote_text(enum database_kind kind, const char *text);

/* A line of JSON per table: {"schema", "name", "kind": "TABLE" | "VIEW" | "MATERIALIZED_VIEW", "rows", "bytes"}; a
 * line more than `limit` when there are more. */
char *database_sql_tables(enum database_kind kind, int limit);

/* Begins a transaction in which nobody puts a view in the table's place: _columns and _rows come after it. */
char *database_sql_begin(enum database_kind kind, const struct database_table *table);

/* A line per column: {"name", "type", "nullable", "primaryKey", "binary", "isView"}; none: there is no such table. */
char *database_sql_columns(enum database_kind kind, const struct database_table *table);

/* `columns` as the former statement gave them. */
struct database_rows_question {
  struct database_table table;
  const json_t *columns;
  const char *order_by; /* a column; NULL: the primary key */
  bool descending;
  int64_t limit, offset;
};

/* A line per row: an array of texts and nulls; a line more than `limit` when there are more.  ERR_INVALID: it is a view,
 * has no such column; ERR_NOT_FOUND: no such table. */
fallible database_sql_rows(enum database_kind kind, const struct database_rows_question *q, char **ret_sql);

/* One line: {"version", "sizeBytes", "connections", "activeConnections", "maxConnections", "cacheHitRatio",
 * "uptimeSeconds"}. */
char *database_sql_stats(enum database_kind kind);

/* Postgres: a line with the schema of pg_stat_statements, none when it is not there; and from it a line per query:
 * {"query", "calls", "meanMs", "totalMs", "rows"}, the most expensive first. */
char *database_sql_statements_schema(void);
char *database_sql_statements(const char *schema, int limit);

/* The lines of an answer as an array of JSON values; ERR_CORRUPT.  The caller owns it. */
fallible database_lines_read(const char *output, json_t **ret_values);

#endif
