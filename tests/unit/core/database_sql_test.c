/* The data view's statements: what is quoted, what is refused.  That they run is in tests/e2e/databases_test. */
#include "core/database_sql.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static json_t *columns(void) {
  json_t *list = NULL;
  CHECK_OK(database_lines_read("{\"name\": \"id\", \"primaryKey\": true}\n{\"name\": \"a\\\"; DROP TABLE x; --`\", \"primaryKey\": false}\n"
                               "{\"name\": \"pic\", \"binary\": 1}", &list));
  return list;
}

static err *rows(enum database_kind kind, struct database_rows_question q, char **ret_sql) {
  auto_json *list = columns();
  q.columns = q.columns ? q.columns : list;
  if (!q.table.name) q.table = (struct database_table){"public", "t"};
  return database_sql_rows(kind, &q, ret_sql);
}

TEST(names_cannot_end_their_quotes) {
  auto_free char *postgres = database_quote_name(DATABASE_POSTGRES, "a\"; DROP TABLE x; --");
  auto_free char *mysql = database_quote_name(DATABASE_MYSQL, "a`; DROP TABLE x; --\\");
  CHECK_TEXT(postgres, "\"a\"\"; DROP TABLE x; --\"");
  CHECK_TEXT(mysql, "`a``; DROP TABLE x; --\\`");
}

TEST(texts_cannot_end_their_quotes) {
  auto_free char *postgres = database_quote_text(DATABASE_POSTGRES, "a\\'; DROP TABLE x; --");
  auto_free char *mysql = database_quote_text(DATABASE_MYSQL, "a\\'; DROP TABLE x; --");
  CHECK_TEXT(postgres, "'a\\''; DROP TABLE x; --'");
  CHECK_TEXT(mysql, "'a\\\\''; DROP TABLE x; --'");
}

TEST(what_is_no_name_is_refused) {
  auto_free char *longest = str_format("%0129d", 1);
  const char *const bad[] = {"", "a\nb", "\\!\n", "a\x01", "\xff", "a\x7f", longest};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    CHECK_ERR(database_name_check("table", bad[i]), ERR_INVALID, "not the name of a table");
  CHECK_OK(database_name_check("table", "Bestellungen \"2026\"; ü"));
}

TEST(a_table_s_name_stays_a_text_where_it_is_looked_for) {
  struct database_table table = {"public", "x' OR '1'='1"};
  auto_free char *sql = database_sql_columns(DATABASE_POSTGRES, &table);
  CHECK_HAS(sql, "c.relname = 'x'' OR ''1''=''1'");
}

TEST(rows_are_read_by_output_functions_in_order_of_the_key) {
  auto_free char *sql = NULL;
  CHECK_OK(rows(DATABASE_POSTGRES, (struct database_rows_question){.limit = 20, .offset = 40}, &sql));
  CHECK_HAS(sql, "format('%s', \"id\")");
  CHECK_HAS(sql, "format('%s', \"a\"\"; DROP TABLE x; --`\")");
  CHECK_HAS(sql, "encode(substr(\"pic\", 1, 64), 'hex')");
  CHECK_HAS(sql, " FROM \"public\".\"t\" ORDER BY \"id\" LIMIT 21 OFFSET 40");
  CHECK(!strstr(sql, "\"id\"::"));
}

TEST(a_table_is_held_while_it_is_looked_at) {
  struct database_table table = {"public", "t\"; --"};
  auto_free char *postgres = database_sql_begin(DATABASE_POSTGRES, &table), *mysql = database_sql_begin(DATABASE_MYSQL, &table);
  CHECK(str_starts(postgres, "SET search_path = pg_catalog;"));
  CHECK_HAS(postgres, "BEGIN READ ONLY; LOCK TABLE \"public\".\"t\"\"; --\" IN ACCESS SHARE MODE");
  CHECK_TEXT(mysql, "START TRANSACTION READ ONLY; SELECT 1 FROM `public`.`t\"; --` LIMIT 0");
}

TEST(mysql_s_rows) {
  auto_free char *sql = NULL;
  struct database_rows_question q = {.limit = 1, .order_by = "pic", .descending = true};
  CHECK_OK(rows(DATABASE_MYSQL, q, &sql));
  CHECK_HAS(sql, "CAST(`a\"; DROP TABLE x; --``` AS CHAR)");
  CHECK_HAS(sql, "HEX(LEFT(`pic`, 64))");
  CHECK_HAS(sql, " FROM `public`.`t` ORDER BY `pic` DESC LIMIT 2 OFFSET 0");
}

TEST(what_cannot_be_read_is_refused) {
  char *sql = NULL;
  auto_json *none = json_array(), *view = json_pack("[{s:s, s:b}]", "name", "id", "isView", true);
  CHECK_ERR(rows(DATABASE_POSTGRES, (struct database_rows_question){.limit = 0}, &sql), ERR_INVALID, "limit");
  CHECK_ERR(rows(DATABASE_POSTGRES, (struct database_rows_question){.limit = 201}, &sql), ERR_INVALID, "limit");
  CHECK_ERR(rows(DATABASE_POSTGRES, (struct database_rows_question){.limit = 1, .offset = -1}, &sql), ERR_INVALID, "offset");
  CHECK_ERR(rows(DATABASE_POSTGRES, (struct database_rows_question){.limit = 1, .order_by = "1; DROP TABLE x"}, &sql),
            ERR_INVALID, "no column '1; DROP TABLE x'");
  CHECK_ERR(rows(DATABASE_POSTGRES, (struct database_rows_question){.limit = 1, .columns = none}, &sql), ERR_NOT_FOUND,
            "no table 't' in the schema 'public'");
  CHECK_ERR(rows(DATABASE_POSTGRES, (struct database_rows_question){.limit = 1, .columns = view}, &sql), ERR_INVALID, "is a view");
}

TEST(a_client_that_lies_about_columns_is_told_so) {
  static const char *const lies[] = {"[{}]", "[1]", "[{\"name\": 1}]", "[[]]", "[null]", "[{\"name\": null, \"type\": \"text\"}]"};
  auto_free char *sql = NULL, *name = str_format("%2000s", "x");
  auto_json *many = json_array(), *wide = json_pack("[{s:s}]", "name", name);
  for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
    auto_json *columns = NULL;
    CHECK_OK(json_parse(lies[i], strlen(lies[i]), "columns", &columns));
    CHECK_ERR(rows(DATABASE_POSTGRES, (struct database_rows_question){.limit = 1, .columns = columns}, &sql), ERR_CORRUPT, "no name");
  }
  for (int i = 0; i <= DATABASE_COLUMNS_MAX; i++) json_array_append_new(many, json_pack("{s:s}", "name", "a"));
  CHECK_ERR(rows(DATABASE_MYSQL, (struct database_rows_question){.limit = 1, .columns = many}, &sql), ERR_CORRUPT, "more columns");
  CHECK_ERR(rows(DATABASE_MYSQL, (struct database_rows_question){.limit = 1, .columns = wide}, &sql), ERR_CORRUPT, "no name");
}

TEST(answers_are_lines_of_json) {
  auto_json *values = NULL, *none = NULL, *bad = NULL;
  CHECK_OK(database_lines_read("[\"a\",null]\n[\"b\"]", &values));
  CHECK_INT(json_array_size(values), 2);
  CHECK_OK(database_lines_read("", &none));
  CHECK_INT(json_array_size(none), 0);
  CHECK_ERR(database_lines_read("NOTICE: x", &bad), ERR_CORRUPT, "the database's answer");
}

TEST_MAIN
