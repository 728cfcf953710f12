#include "core/database_upgrade_report.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

enum { LINES_MAX = 100 }; /* of a report's lists */

const char upgrade_sql_cluster[] =
    "SELECT json_build_object('version', current_setting('server_version'), 'bytes', (SELECT sum(pg_database_size(oid)) "
    "FROM pg_database), 'roles', (SELECT json_agg(rolname ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'), "
    "'databases', (SELECT json_agg(datname ORDER BY datname) FROM pg_database WHERE datallowconn AND NOT datistemplate))";

/* Of an extension's own tables and sequences the extension decides what is in them. */
#define OF_AN_EXTENSION "EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"
const char upgrade_sql_database[] =
    "SELECT json_build_object('extensions', (SELECT coalesce(json_object_agg(extname, extversion), '{}') FROM pg_extension), "
    "'tables', (SELECT coalesce(json_object_agg(n.nspname || '.' || c.relname, (xpath('/row/n/text()', query_to_xml(format("
    "'SELECT count(*) AS n FROM ONLY %I.%I', n.nspname, c.relname), false, true, '')))[1]::text::bigint), '{}') "
    "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND c.relispopulated "
    "AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' "
    "AND NOT " OF_AN_EXTENSION "), "
    "'sequences', (SELECT coalesce(json_object_agg(n.nspname || '.' || c.relname, pg_sequence_last_value(c.oid::regclass)), '{}') "
    "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND c.relpersistence <> 't' "
    "AND NOT " OF_AN_EXTENSION "))";

struct comparison {
  bool frozen;
  json_t *problems, *differences;
  int64_t tables, rows;
};

static void __attribute__((format(printf, 2, 3))) note(json_t *list, const char *format, ...) {
  va_list args;
  if (json_array_size(list) >= LINES_MAX) return;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  json_array_append_new(list, json_string(text));
}

static bool has(const json_t *names, const char *name) {
  for (size_t i = 0; i < json_array_size(names); i++)
    if (str_eq(json_string_value(json_array_get(names, i)), name)) return true;
  return false;
}

static void compare_names(struct comparison *m, const char *what, const json_t *live, const json_t *copy) {
  for (size_t i = 0; i < json_array_size(live); i++) {
    const char *name = json_string_value(json_array_get(live, i));
    if (name && !has(copy, name)) note(m->problems, "the %s %s is not in the copy", what, name);
  }
}

static void compare_tables(struct comparison *m, const char *database, const json_t *live, const json_t *copy) {
  const char *name;
  json_t *count;
  json_object_foreach((json_t *)live, name, count) {
    const json_t *copied = json_object_get(copy, name);
    long long was = json_integer_value(count), is = json_integer_value(copied);
    m->tables++;
    if (__builtin_add_overflow(m->rows, was, &m->rows)) m->rows = INT64_MAX; /* what it tells need not be true */
    if (!copied)
      note(m->problems, "the table %s of %s is not in the copy", name, database);
    else if (was != is)
      note(m->frozen ? m->problems : m->differences, "the table %s of %s has %lld rows, and in the copy %lld%s", name, database,
           was, is, m->frozen ? "" : ": if nobody wrote to it meanwhile, something is wrong");
  }
}

/* null: nobody has asked it yet. */
static void compare_sequences(struct comparison *m, const char *database, const json_t *live, const json_t *copy) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)live, name, value) {
    const json_t *copied = json_object_get(copy, name);
    if (!copied)
      note(m->problems, "the sequence %s of %s is not in the copy", name, database);
    else if (!json_equal(value, copied))
      note(m->frozen ? m->problems : m->differences, "the sequence %s of %s stands at %lld, and in the copy at %lld", name, database,
           (long long)json_integer_value(value), (long long)json_integer_value(copied));
  }
}

static void compare_extensions(struct comparison *m, const char *database, const json_t *live, const json_t *copy) {
  const char *name;
  json_t *version;
  json_object_foreach((json_t *)live, name, version) {
    const char *was = json_string_value(version), *is = json_get_text(copy, name);
    if (!is)
      note(m->problems, "the extension %s of %s is not in the copy", name, database);
    else if (!str_eq(was, is))
      note(m->differences, "the extension %s of %s: %s becomes %s", name, database, was, is);
  }
}

json_t *upgrade_report_make(const json_t *live, const json_t *copy, bool frozen) {
  const json_t *was = json_object_get(live, "cluster"), *is = json_object_get(copy, "cluster");
  struct comparison m = {.frozen = frozen, .problems = json_array(), .differences = json_array()};
  const char *name;
  json_t *database;
  compare_names(&m, "database", json_object_get(was, "databases"), json_object_get(is, "databases"));
  compare_names(&m, "role", json_object_get(was, "roles"), json_object_get(is, "roles"));
  json_object_foreach(json_object_get(live, "databases"), name, database) {
    const json_t *copied = json_object_get(json_object_get(copy, "databases"), name);
    compare_tables(&m, name, json_object_get(database, "tables"), json_object_get(copied, "tables"));
    compare_sequences(&m, name, json_object_get(database, "sequences"), json_object_get(copied, "sequences"));
    compare_extensions(&m, name, json_object_get(database, "extensions"), json_object_get(copied, "extensions"));
  }
  return json_pack("{s:s?, s:s?, s:I, s:I, s:I, s:o, s:o}", "fromVersion", json_get_text(was, "version"), "toVersion",
                   json_get_text(is, "version"), "bytes", (json_int_t)json_get_int(was, "bytes", 0), "tables",
                   (json_int_t)m.tables, "rows", (json_int_t)m.rows, "problems", m.problems, "differences", m.differences);
}
