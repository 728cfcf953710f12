/* Tables, rows and figures of SQL databases; the keys of Redis are in database_keys.c. */
#include "core/database_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "core/database_private.h"
#include "core/database_redis.h"
#include "core/database_sql.h"

enum { SLOW_QUERIES = 20 };

/* ---- one look ---- */

err *database_look_open(core *c, const struct database_place *place, bool sql, database_view_fn *done, void *arg,
                        struct database_look **ret_look) {
  struct database_target target = {.environment_id = place->environment_id, .service_id = place->service_id,
                                   .database = place->database, .read_only = true,
                                   .statement_ms = DATABASE_LOOK_STATEMENT_MS};
  database_session *session = NULL;
  TRY(database_open(c, &target, &session));
  enum database_kind kind = database_session_kind(session);
  if (sql != (kind != DATABASE_REDIS)) {
    database_close(session);
    return err_new(ERR_INVALID, sql ? "Redis has no tables: look at its keys" : "this database has no keys: look at its tables");
  }
  struct database_look *look = mem_zalloc(sizeof *look);
  *look = (struct database_look){.session = session, .kind = kind, .done = done, .arg = arg};
  *ret_look = look;
  return NULL;
}

void database_look_ask(struct database_look *look, const char *text, database_step_fn *next) {
  look->next = next;
  struct database_statement statement = {.text = text, .deadline_ms = DATABASE_LOOK_MS};
  database_ask(look->session, &statement, database_look_answered, look);
}

void database_look_end(struct database_look *look, err *e, json_t *value) {
  database_close(look->session);
  look->done(look->arg, e, value);
  json_decref(look->columns);
  json_decref(look->value);
  free(look->schema);
  free(look->table);
  free(look->order_by);
  free(look->argument);
  free(look);
}

/* database_answer_fn: the next step, which asks again, ends the look, or fails. */
void database_look_answered(void *arg, err *e, const char *output) {
  struct database_look *look = arg;
  if (!e) e = look->next(look, output);
  if (e) database_look_end(look, e, NULL);
}

/* ---- tables ---- */

static err *take_tables(struct database_look *look, const char *output) {
  json_t *tables = NULL;
  TRY(database_lines_read(output, &tables));
  bool more = json_array_size(tables) > DATABASE_TABLES_MAX;
  if (more) json_array_remove(tables, DATABASE_TABLES_MAX);
  database_look_end(look, NULL, json_pack("{s:o, s:b}", "tables", tables, "hasMore", more));
  return NULL;
}

err *core_database_tables(core *c, const struct database_place *place, database_view_fn *done, void *arg) {
  struct database_look *look = NULL;
  TRY(database_look_open(c, place, true, done, arg, &look));
  auto_free char *sql = database_sql_tables(look->kind, DATABASE_TABLES_MAX);
  database_look_ask(look, sql, take_tables);
  return NULL;
}

/* ---- rows ---- */

static json_t *columns_told(const json_t *columns) {
  json_t *told = json_array();
  size_t i;
  const json_t *c;
  json_array_foreach((json_t *)columns, i, c) {
    bool nullable = json_is_true(json_object_get(c, "nullable")) || json_get_int(c, "nullable", 0);
    bool is_key = json_is_true(json_object_get(c, "primaryKey")) || json_get_int(c, "primaryKey", 0);
    json_array_append_new(told, json_pack("{s:O, s:O, s:b, s:b}", "name", json_object_get(c, "name"), "type",
                                          json_object_get(c, "type"), "nullable", nullable, "primaryKey", is_key));
  }
  return told;
}

static err *take_rows(struct database_look *look, const char *output) {
  auto_json *lines = NULL;
  TRY(database_lines_read(output, &lines));
  json_t *rows = json_array(), *values;
  size_t i;
  bool more = (int64_t)json_array_size(lines) > look->limit;
  json_array_foreach(lines, i, values)
    if ((int64_t)i < look->limit) json_array_append_new(rows, json_pack("{s:O}", "values", values));
  database_look_end(look, NULL, json_pack("{s:o, s:o, s:b}", "columns", columns_told(look->columns), "rows", rows,
                                          "hasMore", more));
  return NULL;
}

static struct database_rows_question rows_question(const struct database_look *look) {
  return (struct database_rows_question){.table = {look->schema, look->table}, .columns = look->columns,
                                         .order_by = look->order_by, .descending = look->descending,
                                         .limit = look->limit, .offset = look->offset};
}

static err *take_columns(struct database_look *look, const char *output) {
  auto_free char *sql = NULL;
  TRY(database_lines_read(output, &look->columns));
  struct database_rows_question question = rows_question(look);
  TRY(database_sql_rows(look->kind, &question, &sql));
  database_look_ask(look, sql, take_rows);
  return NULL;
}

static err *take_begun(struct database_look *look, const char *output) {
  struct database_table table = {look->schema, look->table};
  auto_free char *sql = database_sql_columns(look->kind, &table);
  (void)output;
  database_look_ask(look, sql, take_columns);
  return NULL;
}

static void ask_rows(struct database_look *look) {
  struct database_table table = {look->schema, look->table};
  auto_free char *sql = database_sql_begin(look->kind, &table);
  database_look_ask(look, sql, take_begun);
}

static err *take_database(struct database_look *look, const char *output) {
  if (!*output || str_eq(output, "NULL")) return err_new(ERR_INVALID, "name the schema: the service's variables name no database");
  look->schema = str_dup(output);
  ask_rows(look);
  return NULL;
}

static err *check_rows(const struct core_database_rows *q) {
  TRY(database_name_check("table", q->table));
  if (q->schema) TRY(database_name_check("schema", q->schema));
  if (q->order_by) TRY(database_name_check("column", q->order_by));
  /* the rest is checked with the columns at hand: here only what would waste a look */
  if (q->limit < 1 || q->limit > DATABASE_ROWS_MAX)
    return err_new(ERR_INVALID, "the limit is not within 1 and %d", DATABASE_ROWS_MAX);
  return NULL;
}

err *core_database_rows(core *c, const struct database_place *place, const struct core_database_rows *q,
                        database_view_fn *done, void *arg) {
  struct database_look *look = NULL;
  TRY(check_rows(q));
  TRY(database_look_open(c, place, true, done, arg, &look));
  look->schema = str_dup(q->schema ? q->schema : look->kind == DATABASE_POSTGRES ? "public" : NULL);
  look->table = str_dup(q->table);
  look->order_by = str_dup(q->order_by);
  look->descending = q->descending;
  look->limit = q->limit;
  look->offset = q->offset;
  if (look->schema)
    ask_rows(look);
  else
    database_look_ask(look, "SELECT DATABASE()", take_database);
  return NULL;
}

/* ---- figures ---- */

static const char *const figures[] = {"version", "sizeBytes", "connections", "activeConnections", "maxConnections",
                                      "cacheHitRatio", "uptimeSeconds", "slowQueries"};

static void end_stats(struct database_look *look) {
  json_t *stats = json_pack("{s:s}", "kind", database_kind_name(look->kind));
  for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
    json_t *value = json_object_get(look->value, figures[i]);
    json_object_set_new(stats, figures[i], value ? json_incref(value) : json_null());
  }
  database_look_end(look, NULL, stats);
}

static err *take_slow(struct database_look *look, const char *output) {
  json_t *queries = NULL;
  TRY(database_lines_read(output, &queries));
  json_object_set_new(look->value, "slowQueries", queries);
  end_stats(look);
  return NULL;
}

static err *take_schema(struct database_look *look, const char *output) {
  auto_json *lines = NULL;
  TRY(database_lines_read(output, &lines));
  const char *schema = json_get_text(json_array_get(lines, 0), "schema");
  if (!schema) {
    end_stats(look);
    return NULL;
  }
  auto_free char *sql = database_sql_statements(schema, SLOW_QUERIES);
  database_look_ask(look, sql, take_slow);
  return NULL;
}

static err *take_stats(struct database_look *look, const char *output) {
  auto_json *lines = NULL;
  TRY(database_lines_read(output, &lines));
  look->value = json_incref(json_array_get(lines, 0));
  if (look->kind == DATABASE_POSTGRES) {
    auto_free char *sql = database_sql_statements_schema();
    database_look_ask(look, sql, take_schema);
  } else {
    end_stats(look);
  }
  return NULL;
}

static void add_info(json_t *stats, const char *info, const char *key, const char *name) {
  double number = redis_info_number(info, name);
  if (number >= 0) json_object_set_new(stats, key, json_integer((json_int_t)number));
}

static err *take_info(struct database_look *look, const char *info) {
  auto_free char *version = redis_info_text(info, "valkey_version");
  if (!version) version = redis_info_text(info, "redis_version");
  if (!version) return err_new(ERR_CORRUPT, "the database says nothing about itself");
  look->value = json_pack("{s:s*}", "version", version);
  add_info(look->value, info, "sizeBytes", "used_memory");
  add_info(look->value, info, "connections", "connected_clients");
  add_info(look->value, info, "maxConnections", "maxclients");
  add_info(look->value, info, "uptimeSeconds", "uptime_in_seconds");
  double hits = redis_info_number(info, "keyspace_hits"), misses = redis_info_number(info, "keyspace_misses");
  if (hits >= 0 && misses >= 0 && hits + misses > 0)
    json_object_set_new(look->value, "cacheHitRatio", json_real(hits / (hits + misses)));
  end_stats(look);
  return NULL;
}

err *core_database_stats(core *c, const struct database_place *place, database_view_fn *done, void *arg) {
  enum database_kind kind = DATABASE_NONE;
  struct database_look *look = NULL;
  struct database_place of = *place;
  TRY(database_kind_of_service(c, place, &kind));
  /* pg_stat_statements sees all of the server, and is made in this one */
  if (kind == DATABASE_POSTGRES && !of.database) of.database = "postgres";
  TRY(database_look_open(c, &of, kind != DATABASE_REDIS, done, arg, &look));
  if (kind == DATABASE_REDIS) {
    database_look_ask(look, "INFO", take_info);
  } else {
    auto_free char *sql = database_sql_stats(look->kind);
    database_look_ask(look, sql, take_stats);
  }
  return NULL;
}
