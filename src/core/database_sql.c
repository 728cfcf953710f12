#include "core/database_sql.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

enum { NAME_MAX_BYTES = 128, COLUMN_NAME_MAX_BYTES = 1024 /* MySQL's: 64 characters */ };

/* ---- names and texts ---- */

err *database_name_check(const char *what, const char *name) {
  size_t len = strlen(name);
  bool good = len > 0 && len <= NAME_MAX_BYTES && str_is_utf8(name, len);
  for (const char *p = name; *p && good; p++) good = (unsigned char)*p >= ' ' && *p != 127;
  return good ? NULL : err_new(ERR_INVALID, "that is not the name of a %s", what);
}

static char *quoted(const char *text, char quote, bool backslashes) {
  struct str out = STR_EMPTY;
  str_add_char(&out, quote);
  for (const char *p = text; *p; p++) {
    if (*p == quote || (backslashes && *p == '\\')) str_add_char(&out, *p);
    str_add_char(&out, *p);
  }
  str_add_char(&out, quote);
  return str_take(&out);
}

char *database_quote_name(enum database_kind kind, const char *name) {
  return quoted(name, kind == DATABASE_MYSQL ? '`' : '"', false);
}

/* Postgres: with standard_conforming_strings; MySQL: without NO_BACKSLASH_ESCAPES (core/database_program). */
char *database_quote_text(enum database_kind kind, const char *text) {
  return quoted(text, '\'', kind == DATABASE_MYSQL);
}

/* ---- tables and columns ---- */

#define SEARCH_PATH "SET search_path = pg_catalog; SET lock_timeout = 2000;\n"

char *database_sql_tables(enum database_kind kind, int limit) {
  if (kind == DATABASE_MYSQL)
    return str_format("SELECT JSON_OBJECT('schema', TABLE_SCHEMA, 'name', TABLE_NAME, 'kind', IF(TABLE_TYPE = 'BASE TABLE', "
                      "'TABLE', 'VIEW'), 'rows', TABLE_ROWS, 'bytes', DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES "
                      "WHERE TABLE_SCHEMA NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema') "
                      "AND TABLE_TYPE IN ('BASE TABLE', 'VIEW') ORDER BY TABLE_SCHEMA, TABLE_NAME LIMIT %d", limit + 1);
  return str_format(SEARCH_PATH
                    "SELECT json_build_object('schema', n.nspname, 'name', c.relname, 'kind', CASE c.relkind WHEN 'v' THEN 'VIEW' "
                    "WHEN 'm' THEN 'MATERIALIZED_VIEW' ELSE 'TABLE' END, 'rows', CASE WHEN c.relkind <> 'v' AND c.reltuples >= 0 "
                    "THEN c.reltuples::bigint END, 'bytes', CASE WHEN c.relkind <> 'v' THEN pg_total_relation_size(c.oid) END) "
                    "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
                    "WHERE c.relkind IN ('r', 'p', 'm', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
                    "AND n.nspname !~ '^pg_(toast|temp)' ORDER BY n.nspname, c.relname LIMIT %d", limit + 1);
}

char *database_sql_begin(enum database_kind kind, const struct database_table *table) {
  auto_free char *schema = database_quote_name(kind, table->schema), *name = database_quote_name(kind, table->name);
  if (kind == DATABASE_MYSQL) return str_format("START TRANSACTION READ ONLY; SELECT 1 FROM %s.%s LIMIT 0", schema, name);
  return str_format(SEARCH_PATH "BEGIN READ ONLY; LOCK TABLE %s.%s IN ACCESS SHARE MODE", schema, name);
}

char *database_sql_columns(enum database_kind kind, const struct database_table *table) {
  auto_free char *schema = database_quote_text(kind, table->schema), *name = database_quote_text(kind, table->name);
  if (kind == DATABASE_MYSQL)
    return str_format("SELECT JSON_OBJECT('name', c.COLUMN_NAME, 'type', c.COLUMN_TYPE, 'nullable', c.IS_NULLABLE = 'YES', "
                      "'primaryKey', c.COLUMN_KEY = 'PRI', 'binary', c.DATA_TYPE IN ('tinyblob', 'blob', 'mediumblob', "
                      "'longblob', 'binary', 'varbinary', 'bit', 'geometry', 'point', 'linestring', 'polygon'), "
                      "'isView', t.TABLE_TYPE <> 'BASE TABLE') FROM information_schema.COLUMNS AS c "
                      "JOIN information_schema.TABLES AS t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME "
                      "WHERE c.TABLE_SCHEMA = %s AND c.TABLE_NAME = %s AND c.TABLE_SCHEMA NOT IN ('mysql', 'sys', "
                      "'performance_schema', 'information_schema') ORDER BY c.ORDINAL_POSITION LIMIT %d",
                      schema, name, DATABASE_COLUMNS_MAX);
  return str_format("SELECT json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'nullable', "
                    "NOT a.attnotnull, 'primaryKey', EXISTS (SELECT 1 FROM pg_index AS i WHERE i.indrelid = c.oid AND "
                    "i.indisprimary AND a.attnum = ANY (i.indkey)), 'binary', a.atttypid = 'bytea'::regtype, 'isView', "
                    "c.relkind NOT IN ('r', 'p')) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid "
                    "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s "
                    "AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') "
                    "AND c.relkind IN ('r', 'p', 'm', 'v') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LIMIT %d",
                    schema, name, DATABASE_COLUMNS_MAX);
}

/* ---- rows ---- */

/* The value of a column as text that is not too long, or null. */
static void add_cell(struct str *sql, enum database_kind kind, const json_t *column) {
  auto_free char *c = database_quote_name(kind, json_get_text(column, "name"));
  bool is_binary = json_is_true(json_object_get(column, "binary")) || json_get_int(column, "binary", 0);
  if (kind == DATABASE_MYSQL && is_binary)
    str_addf(sql, "CONCAT('0x', LOWER(HEX(LEFT(%s, %d))), IF(LENGTH(%s) > %d, CONCAT('… (', LENGTH(%s), ' bytes)'), ''))",
             c, DATABASE_BYTES_MAX, c, DATABASE_BYTES_MAX, c);
  else if (kind == DATABASE_MYSQL)
    str_addf(sql, "IF(CHAR_LENGTH(CAST(%s AS CHAR)) > %d, CONCAT(LEFT(CAST(%s AS CHAR), %d), '… (', "
                  "CHAR_LENGTH(CAST(%s AS CHAR)), ' characters)'), CAST(%s AS CHAR))",
             c, DATABASE_CELL_MAX, c, DATABASE_CELL_MAX, c, c);
  else if (is_binary)
    str_addf(sql, "concat('0x', encode(substr(%s, 1, %d), 'hex'), CASE WHEN octet_length(%s) > %d THEN "
                  "concat('… (', octet_length(%s), ' bytes)') END)",
             c, DATABASE_BYTES_MAX, c, DATABASE_BYTES_MAX, c);
  else
    str_addf(sql, "CASE WHEN length(format('%%s', %s)) > %d THEN concat(left(format('%%s', %s), %d), '… (', "
                  "length(format('%%s', %s)), ' characters)') ELSE format('%%s', %s) END",
             c, DATABASE_CELL_MAX, c, DATABASE_CELL_MAX, c, c);
}

static void add_cells(struct str *sql, enum database_kind kind, const json_t *columns) {
  size_t i;
  const json_t *column;
  json_array_foreach((json_t *)columns, i, column) {
    auto_free char *c = database_quote_name(kind, json_get_text(column, "name"));
    /* num_nulls, because IS NULL is true of a row value whose fields are all null */
    str_addf(sql, kind == DATABASE_MYSQL ? "%sIF(%s IS NULL, NULL, " : "%sCASE WHEN num_nulls(%s) = 0 THEN ", i ? ", " : "", c);
    add_cell(sql, kind, column);
    str_add(sql, kind == DATABASE_MYSQL ? ")" : " END");
  }
}

static const json_t *column_named(const json_t *columns, const char *name) {
  size_t i;
  const json_t *column;
  json_array_foreach((json_t *)columns, i, column) if (str_eq(json_get_text(column, "name"), name)) return column;
  return NULL;
}

static void add_order(struct str *sql, enum database_kind kind, const struct database_rows_question *q) {
  const char *direction = q->descending ? " DESC" : "", *separator = " ORDER BY ";
  size_t i;
  const json_t *column;
  json_array_foreach((json_t *)q->columns, i, column) {
    const char *name = json_get_text(column, "name");
    bool is_key = json_is_true(json_object_get(column, "primaryKey")) || json_get_int(column, "primaryKey", 0);
    if (q->order_by ? !str_eq(name, q->order_by) : !is_key) continue;
    auto_free char *c = database_quote_name(kind, name);
    str_addf(sql, "%s%s%s", separator, c, direction);
    separator = ", ";
  }
}

static bool is_view(const json_t *columns) {
  const json_t *said = json_object_get(json_array_get(columns, 0), "isView");
  return json_is_true(said) || json_integer_value(said);
}

/* The program that told them is the image's: it may say anything. */
static err *check_columns(const json_t *columns) {
  size_t i;
  const json_t *column;
  if (json_array_size(columns) > DATABASE_COLUMNS_MAX)
    return err_new(ERR_CORRUPT, "the database's client told of more columns than it was asked for");
  json_array_foreach((json_t *)columns, i, column) {
    const char *name = json_get_text(column, "name");
    if (!name || strlen(name) > COLUMN_NAME_MAX_BYTES)
      return err_new(ERR_CORRUPT, "the database's client told of a column that has no name");
  }
  return NULL;
}

static err *check_question(const struct database_rows_question *q) {
  if (!json_array_size(q->columns))
    return err_new(ERR_NOT_FOUND, "there is no table '%s' in the schema '%s'", q->table.name, q->table.schema);
  TRY(check_columns(q->columns));
  if (is_view(q->columns))
    return err_new(ERR_INVALID, "'%s' is a view: reading it runs what its maker wrote with the rights of the superuser; "
                                "use `tram connect`", q->table.name);
  if (q->order_by && !column_named(q->columns, q->order_by))
    return err_new(ERR_INVALID, "the table '%s' has no column '%s' to order by", q->table.name, q->order_by);
  if (q->limit < 1 || q->limit > DATABASE_ROWS_MAX)
    return err_new(ERR_INVALID, "the limit is not within 1 and %d", DATABASE_ROWS_MAX);
  if (q->offset < 0 || q->offset > DATABASE_OFFSET_MAX)
    return err_new(ERR_INVALID, "the offset is not within 0 and %d", DATABASE_OFFSET_MAX);
  return NULL;
}

err *database_sql_rows(enum database_kind kind, const struct database_rows_question *q, char **ret_sql) {
  auto_str sql = STR_EMPTY;
  TRY(check_question(q));
  auto_free char *schema = database_quote_name(kind, q->table.schema), *name = database_quote_name(kind, q->table.name);
  str_add(&sql, kind == DATABASE_MYSQL ? "SELECT JSON_ARRAY(" : "SELECT array_to_json(ARRAY[");
  add_cells(&sql, kind, q->columns);
  str_addf(&sql, "%s FROM %s.%s", kind == DATABASE_MYSQL ? ")" : "]::text[])", schema, name);
  add_order(&sql, kind, q);
  str_addf(&sql, " LIMIT %lld OFFSET %lld", (long long)q->limit + 1, (long long)q->offset);
  *ret_sql = str_take(&sql);
  return NULL;
}

/* ---- how it fares ---- */

char *database_sql_stats(enum database_kind kind) {
  if (kind == DATABASE_MYSQL)
    return str_dup("SELECT JSON_OBJECT('version', VERSION(), 'sizeBytes', (SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM "
                   "information_schema.TABLES), 'connections', (SELECT COUNT(*) FROM information_schema.PROCESSLIST), "
                   "'activeConnections', (SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND <> 'Sleep'), "
                   "'maxConnections', @@max_connections)");
  return str_dup(SEARCH_PATH
                 "SELECT json_build_object('version', current_setting('server_version'), 'sizeBytes', (SELECT sum(pg_database_size(oid)) "
                 "FROM pg_database), 'connections', (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
                 "'activeConnections', (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND state = 'active'), "
                 "'maxConnections', current_setting('max_connections')::int, 'cacheHitRatio', (SELECT round(sum(blks_hit) / "
                 "nullif(sum(blks_hit + blks_read), 0), 4) FROM pg_stat_database), 'uptimeSeconds', "
                 "extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::bigint)");
}

char *database_sql_statements_schema(void) {
  return str_dup(SEARCH_PATH "SELECT json_build_object('schema', n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n "
                             "ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'");
}

/* What sets a password stands there as it was typed. */
char *database_sql_statements(const char *schema, int limit) {
  auto_free char *name = database_quote_name(DATABASE_POSTGRES, schema);
  return str_format(SEARCH_PATH
                    "SELECT json_build_object('query', left(query, %d), 'calls', calls, 'meanMs', round(mean_exec_time::numeric, 3), "
                    "'totalMs', round(total_exec_time::numeric, 3), 'rows', rows) FROM %s.pg_stat_statements(true) "
                    "WHERE query IS NOT NULL AND query !~* 'password' ORDER BY total_exec_time DESC LIMIT %d",
                    DATABASE_CELL_MAX, name, limit);
}

/* ---- answers ---- */

err *database_lines_read(const char *output, json_t **ret_values) {
  auto_json *values = json_array();
  while (*output) {
    size_t len = strcspn(output, "\n");
    json_t *value = NULL;
    TRY(err_recode(json_parse(output, len, "the database's answer", &value), ERR_CORRUPT));
    json_array_append_new(values, value);
    output += len + (output[len] == '\n');
  }
  *ret_values = json_incref(values);
  return NULL;
}
