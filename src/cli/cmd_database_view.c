/* database tables, rows, keys, key, stats: a look into a database. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/queries.h"
#include "cli/scope.h"

enum { CELL_WIDTH = 60, PAGE_MAX = 200 };

/* ---- shared ---- */

/* Adds {environmentId, serviceId} of the database that is meant to `variables` (taken), and asks. */
static err *ask(struct cli *cli, const struct args *args, const char *query, const char *field, json_t *variables,
                json_t **ret_answer) {
  auto_scope scope = {0};
  auto_json *taken = variables, *data = NULL;
  struct database_meant database;
  TRY(scope_find(cli, args, SCOPE_ENVIRONMENT, &scope));
  TRY(database_find(cli, args, &scope, &database));
  json_set_text(taken, "environmentId", scope.environment_id);
  json_set_text(taken, "serviceId", database.id);
  TRY(cli_query(cli, query, json_incref(taken), &data));
  *ret_answer = json_incref(json_object_get(data, field));
  return NULL;
}

static char *number_text(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  return json_is_number(value) ? str_format("%.0f", json_number_value(value)) : str_dup("");
}

static char *bytes_text(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  char text[FORMAT_SIZE] = "";
  if (json_is_number(value)) format_bytes((int64_t)json_number_value(value), text);
  return str_dup(text);
}

/* A value in one line, not too wide: it was written by strangers. */
static char *cell_text(const char *value) {
  if (!value) return str_dup("NULL");
  char *text = format_printable(value);
  size_t characters = 0;
  for (char *p = text; *p; p++) {
    if (*p == '\n' || *p == '\t' || *p == '\r') *p = ' ';
    bool starts = ((unsigned char)*p & 0xC0) != 0x80;
    if (!starts || ++characters <= CELL_WIDTH) continue;
    char *cut = str_format("%.*s…", (int)(p - text), text);
    free(text);
    return cut;
  }
  return text;
}

/* ---- tables ---- */

static err *run_tables(struct cli *cli, const struct args *args) {
  auto_json *answer = NULL;
  auto_table table = {0};
  size_t i;
  const json_t *row;
  TRY(ask(cli, args, query_database_tables, "databaseTables", json_pack("{s:s*}", "database", args_text(args, "name")), &answer));
  const json_t *tables = json_object_get(answer, "tables");
  if (args_has(args, "json")) {
    out_json(&cli->out, tables);
    return NULL;
  }
  if (!json_array_size(tables)) out_line(&cli->out, "There are no tables");
  table_init(&table, 5);
  if (json_array_size(tables)) table_add(&table, "SCHEMA", "TABLE", "KIND", "ROWS", "SIZE", NULL);
  json_array_foreach(tables, i, row) {
    auto_free char *rows = number_text(row, "rows"), *bytes = bytes_text(row, "bytes");
    auto_free char *schema = cell_text(json_get_text(row, "schema")), *name = cell_text(json_get_text(row, "name"));
    auto_free char *kind = format_words(json_get_text(row, "kind"));
    table_add(&table, schema, name, kind, *rows ? rows : "-", bytes, NULL);
  }
  out_table(&cli->out, &table);
  if (json_get_bool(answer, "hasMore", false)) out_line(&cli->out, "… and more");
  return NULL;
}

/* ---- rows ---- */

static void print_rows(struct cli *cli, const json_t *answer) {
  const json_t *columns = json_object_get(answer, "columns"), *row, *value;
  auto_table table = {0};
  size_t i, n;
  table_init(&table, json_array_size(columns));
  json_array_foreach((json_t *)columns, i, value) strv_add_take(&table.cells, cell_text(json_get_text(value, "name")));
  json_array_foreach(json_object_get(answer, "rows"), i, row)
    json_array_foreach(json_object_get(row, "values"), n, value)
      strv_add_take(&table.cells, cell_text(json_string_value(value)));
  out_table(&cli->out, &table);
}

/* "schema.table", or the table alone. */
static err *run_rows(struct cli *cli, const struct args *args) {
  auto_json *answer = NULL;
  long long limit, offset;
  const char *word = args_word(args, 0), *dot = strchr(word, '.');
  auto_free char *schema = dot ? str_ndup(word, (size_t)(dot - word)) : str_dup(args_text(args, "schema"));
  TRY(args_int(args, "limit", 1, PAGE_MAX, 50, &limit));
  TRY(args_int(args, "offset", 0, INT64_MAX, 0, &offset));
  json_t *variables = json_pack("{s:s, s:s*, s:s*, s:s*, s:b, s:I, s:I}", "table", dot ? dot + 1 : word, "schema", schema,
                                "database", args_text(args, "name"), "orderBy", args_text(args, "order"), "descending",
                                args_has(args, "descending"), "limit", (json_int_t)limit, "offset", (json_int_t)offset);
  TRY(ask(cli, args, query_database_rows, "databaseRows", variables, &answer));
  if (args_has(args, "json")) {
    out_json(&cli->out, answer);
    return NULL;
  }
  print_rows(cli, answer);
  if (json_get_bool(answer, "hasMore", false))
    out_line(&cli->out, "… more with --offset %lld", offset + limit);
  return NULL;
}

/* ---- keys ---- */

static err *run_keys(struct cli *cli, const struct args *args) {
  auto_json *answer = NULL;
  auto_table table = {0};
  long long limit;
  size_t i;
  const json_t *key;
  TRY(args_int(args, "limit", 1, PAGE_MAX, 50, &limit));
  TRY(ask(cli, args, query_database_keys, "databaseKeys",
          json_pack("{s:s*, s:s*, s:I}", "pattern", args_word(args, 0), "cursor", args_text(args, "cursor"), "limit",
                    (json_int_t)limit), &answer));
  if (args_has(args, "json")) {
    out_json(&cli->out, answer);
    return NULL;
  }
  table_init(&table, 4);
  table_add(&table, "KEY", "TYPE", "SIZE", "EXPIRES IN", NULL);
  json_array_foreach(json_object_get(answer, "keys"), i, key) {
    auto_free char *name = cell_text(json_get_text(key, "key")), *bytes = bytes_text(key, "bytes");
    const json_t *ttl = json_object_get(key, "ttlMs");
    char expires[FORMAT_SIZE] = "-";
    if (json_is_number(ttl)) format_duration((int64_t)json_number_value(ttl), expires);
    table_add(&table, name, json_get_text(key, "type"), bytes, expires, NULL);
  }
  out_table(&cli->out, &table);
  const char *cursor = json_get_text(answer, "cursor");
  if (cursor) out_line(&cli->out, "… more with --cursor %s", cursor);
  return NULL;
}

static err *run_key(struct cli *cli, const struct args *args) {
  auto_json *answer = NULL;
  auto_table table = {0};
  size_t i;
  const json_t *entry;
  TRY(ask(cli, args, query_database_key, "databaseKey", json_pack("{s:s}", "key", args_word(args, 0)), &answer));
  if (args_has(args, "json")) {
    out_json(&cli->out, answer);
    return NULL;
  }
  auto_free char *bytes = bytes_text(answer, "bytes"), *length = number_text(answer, "length");
  out_line(&cli->out, "%s, %s long, %s in memory", json_get_text(answer, "type"), *length ? length : "?", bytes);
  table_init(&table, 2);
  json_array_foreach(json_object_get(answer, "entries"), i, entry) {
    const char *name = json_get_text(entry, "name");
    auto_free char *shown = name ? cell_text(name) : str_dup(""), *value = cell_text(json_get_text(entry, "value"));
    table_add(&table, shown, value, NULL);
  }
  out_table(&cli->out, &table);
  return NULL;
}

/* ---- stats ---- */

static void print_slow(struct cli *cli, const json_t *queries) {
  auto_table table = {0};
  size_t i;
  const json_t *q;
  if (!json_array_size(queries)) return;
  out_line(&cli->out, "Queries that took most time:");
  table_init(&table, 4);
  table_add(&table, "TOTAL", "MEAN", "CALLS", "QUERY", NULL);
  json_array_foreach((json_t *)queries, i, q) {
    char total[FORMAT_SIZE], mean[FORMAT_SIZE];
    format_duration((int64_t)json_number_value(json_object_get(q, "totalMs")), total);
    snprintf(mean, sizeof mean, "%.2f ms", json_number_value(json_object_get(q, "meanMs")));
    auto_free char *calls = number_text(q, "calls"), *text = cell_text(json_get_text(q, "query"));
    table_add(&table, total, mean, calls, text, NULL);
  }
  out_table(&cli->out, &table);
}

static err *run_stats(struct cli *cli, const struct args *args) {
  auto_json *answer = NULL;
  auto_table table = {0};
  TRY(ask(cli, args, query_database_stats, "databaseStats", json_object(), &answer));
  if (args_has(args, "json")) {
    out_json(&cli->out, answer);
    return NULL;
  }
  const json_t *hit = json_object_get(answer, "cacheHitRatio"), *uptime = json_object_get(answer, "uptimeSeconds");
  auto_free char *size = bytes_text(answer, "sizeBytes"), *now = number_text(answer, "connections");
  auto_free char *active = number_text(answer, "activeConnections"), *most = number_text(answer, "maxConnections");
  auto_free char *connections = str_format("%s of %s%s%s%s", now, most, *active ? " (" : "", active, *active ? " active)" : "");
  auto_free char *cache = json_is_number(hit) ? str_format("%.1f %%", json_number_value(hit) * 100) : str_dup("-");
  auto_free char *version = cell_text(json_get_text(answer, "version"));
  char up[FORMAT_SIZE] = "-";
  if (json_is_number(uptime)) format_duration((int64_t)json_number_value(uptime) * 1000, up);
  table_init(&table, 2);
  table_add(&table, "Version", version, NULL);
  table_add(&table, "Up for", up, NULL);
  table_add(&table, "Size", size, NULL);
  table_add(&table, "Connections", connections, NULL);
  table_add(&table, "Cache hits", cache, NULL);
  out_table(&cli->out, &table);
  print_slow(cli, json_object_get(answer, "slowQueries"));
  return NULL;
}

/* ---- the rows ---- */

/* clang-format off */
#define FLAG_NAME     { "name",       "NAME",     "a database of the server other than the service's own" }
static const struct flag tables_flags[] = { FLAG_DATABASE, FLAG_NAME, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
static const struct flag rows_flags[] = {
  FLAG_DATABASE, FLAG_NAME,
  { "schema",     "SCHEMA", "of the table (default: public, with MySQL the database)" },
  { "order",      "COLUMN", "order by this column (default: by the primary key)" },
  { "descending", NULL,     "the last first" },
  { "limit|n",    "NUMBER", "that many rows (50, at most 200)" },
  { "offset",     "NUMBER", "from this row on" },
  FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag keys_flags[] = {
  FLAG_DATABASE,
  { "cursor",     "CURSOR", "the next page" },
  { "limit|n",    "NUMBER", "about that many keys (50, at most 200)" },
  FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag look_flags[] = { FLAG_DATABASE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END };
/* clang-format on */
const struct command database_tables = {
    .name = "tables", .usage = "", .summary = "List the tables", .flags = tables_flags, .run = run_tables};
const struct command database_rows = {
    .name = "rows",
    .usage = "[SCHEMA.]TABLE",
    .summary = "Show rows of a table",
    .details = "Read-only. Long values are cut, and shown whole by `connect`.",
    .examples = "database rows tickets --order created_at --descending -n 10",
    .flags = rows_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_rows,
};
const struct command database_keys = {
    .name = "keys",
    .usage = "[PATTERN]",
    .summary = "List the keys of Redis or Valkey",
    .examples = "database keys 'session:*'",
    .flags = keys_flags,
    .max_words = 1,
    .run = run_keys,
};
const struct command database_key = {
    .name = "key",
    .usage = "KEY",
    .summary = "Show a key's value",
    .flags = look_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_key,
};
const struct command database_stats = {
    .name = "stats",
    .usage = "",
    .summary = "Show size, connections, cache and slow queries",
    .flags = look_flags,
    .run = run_stats,
};
