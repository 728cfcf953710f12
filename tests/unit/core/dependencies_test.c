#include "core/dependencies.h"

#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

static struct service services[] = {
    {.id = "1", .name = (char *)"Main DB", .label = (char *)"main-db"},
    {.id = "2", .name = (char *)"api", .label = (char *)"api"},
    {.id = "3", .name = (char *)"api.v2", .label = (char *)"api-v2"},
    {.id = "4", .name = (char *)"web", .label = (char *)"web"},
};
static const struct service_list all = {.items = services, .len = ARRAY_LEN(services)};

static void check_found(const char *value, const char *expected) {
  auto_json *variables = json_pack("{s:s, s:s}", "OTHER", "api", "X", value);
  auto_strv found = STRV_EMPTY;
  dependencies_find(variables, "4", &all, &found);
  auto_free char *joined = strv_join(&found, " ");
  if (!str_eq(joined, expected)) printf("# value: %s\n", value);
  CHECK_TEXT(joined, expected);
}

TEST(what_a_value_names_is_needed) {
  /* clang-format off */
  static const struct { const char *value, *ids; } rows[] = {
    {"", ""},
    {"api", ""},
    {"${{api.URL}}", "2"},
    {"http://${{ api.HOST }}:${{api.PORT}}/", "2"},
    {"{{ API.URL }}", "2"},
    {"${{Main DB.DATABASE_URL}}", "1"},
    {"${{\"Main DB\".DATABASE_URL}}", "1"},
    {"${{main-db.DATABASE_URL}}", "1"},
    {"${{api.v2.URL}}", "3"},
    {"${{shared.URL}}", ""},
    {"${{URL}}", ""},
    {"${{.URL}}", ""},
    {"${{api.URL", ""},
    {"{{", ""},
    {"${{web.URL}}", ""},
    {"${{web.URL}} ${{api.URL}}", "2"},
    {"api.railway.internal", "2"},
    {"API.Railway.Internal:8080", "2"},
    {"postgres://u:p@main-db.railway.internal:5432/x", "1"},
    {"v2-api.railway.internal", ""},
    {"api.railway.internal.", "2"},
    {"api.railway.internal.example.org", ""},
    {"api.railway.internals", ""},
    {"x.api.railway.internal", ""},
    {"my_api.railway.internal", ""},
    {".railway.internal", ""},
    {"no.railway.internal, api.railway.internal", "2"},
    {"postgres://u:p@main-db:5432/x", "1"},
    {"redis://main-db", "1"},
    {"http://api/web", "2"},
    {"http://example.org/api", ""},
    {"http://api.example.org", ""},
    {"mongodb://u:p@api:1,main-db:2/x", "1 2"},
    {"amqp://api:secret@main-db", "1"},
    {"http://", ""},
    {"http://a://api", ""},
    {"see http://api?x=1 and http://main-db#y", "1 2"},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) check_found(rows[i].value, rows[i].ids);
}

TEST(no_variables_need_nothing) {
  auto_strv found = STRV_EMPTY;
  auto_json *empty = json_object();
  dependencies_find(empty, "4", &all, &found);
  dependencies_find(NULL, "4", &all, &found);
  CHECK_INT(found.len, 0);
}

TEST_MAIN
