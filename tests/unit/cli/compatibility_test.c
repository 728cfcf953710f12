/* docs/railway.md says what of Railway there is; it must be true, and name all there is to name. */
#include "api/api.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/absent.h"
#include "cli/commands.h"
#include "graphql/execute.h"
#include "graphql/schema.h"
#include "tap.h"

struct row {
  char *name, *state, *note;
};

static struct str text;
static graphql_schema *schema;
static size_t rows_seen;

/* A cell of "| a | b | c |", without spaces and backquotes around it; the caller owns it. */
static char *cell(const char *line, int number) {
  const char *start = line;
  for (int i = 0; i <= number; i++) start = strchr(start, '|') + 1;
  auto_free char *inside = str_ndup(start, strcspn(start, "|"));
  char *begin = inside + strspn(inside, " `");
  size_t len = strlen(begin);
  while (len && strchr(" `", begin[len - 1])) len--;
  return str_ndup(begin, len);
}

/* Calls `check` with each row of the table under that heading. */
static void each_row(const char *heading, void (*check)(const struct row *row)) {
  CHECK_OK(file_read("docs/railway.md", 1 << 20, &text));
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, str_text(&text), '\n');
  bool inside = false;
  rows_seen = 0;
  for (size_t i = 0; i < lines.len; i++) {
    const char *line = lines.items[i];
    if (str_starts(line, "## ")) inside = str_eq(line + 3, heading);
    if (!inside || !str_starts(line, "| `")) continue;
    struct row row = {cell(line, 0), cell(line, 1), cell(line, 2)};
    rows_seen++;
    check(&row);
    free(row.name);
    free(row.state);
    free(row.note);
  }
  str_done(&text);
}

static void check_state(const struct row *row) {
  bool works = str_eq(row->state, "works"), differs = str_eq(row->state, "differs");
  bool known = works || differs || str_eq(row->state, "not offered");
  if (!known || (!works && str_empty(row->note)))
    printf("# %s: '%s', '%s'\n", row->name, row->state, row->note);
  CHECK(known && (works || !str_empty(row->note)));
}

static bool is_offered(const struct row *row) {
  return !str_eq(row->state, "not offered");
}

/* ---- the API ---- */

static void check_operation(const struct row *row) {
  check_state(row);
  auto_strv parts = STRV_EMPTY;
  strv_split(&parts, row->name, '.');
  CHECK_INT(parts.len, 2);
  const struct graphql_type *type = graphql_schema_type(schema, parts.items[0]);
  bool there = graphql_type_field(type, parts.items[1]);
  auto_free char *line = str_format("\n  %s\n", row->name);
  bool named_absent = strstr(embedded_text("api/absent.txt"), line);
  if (there != is_offered(row) || there == named_absent)
    printf("# %s: '%s', but it is %sin the schema and %sin api/absent.txt\n", row->name, row->state,
           there ? "" : "not ", named_absent ? "" : "not ");
  CHECK(there == is_offered(row) && there != named_absent);
}

TEST(each_operation_of_railways_api_is_there_or_says_why_not) {
  CHECK_OK(api_schema_new(&schema));
  each_row("API operations", check_operation);
  CHECK_INT(rows_seen, 152 + 230 + 13); /* what Railway's introspection has */
  graphql_schema_free(schema);
}

static void check_type(const struct row *row) {
  const struct graphql_type *type = graphql_schema_type(schema, row->name);
  CHECK(type);
  auto_strv lacking = STRV_EMPTY;
  strv_split(&lacking, row->state, ',');
  for (size_t i = 0; type && i < lacking.len; i++) {
    char *name = lacking.items[i] + strspn(lacking.items[i], " `");
    name[strcspn(name, "`")] = '\0';
    if (graphql_type_field(type, name)) printf("# %s.%s is there\n", row->name, name);
    CHECK(!graphql_type_field(type, name));
  }
}

TEST(the_fields_that_types_are_said_to_lack_are_not_there) {
  CHECK_OK(api_schema_new(&schema));
  each_row("Types of the API", check_type);
  CHECK(rows_seen > 0);
  graphql_schema_free(schema);
}

/* ---- the command line ---- */

static void check_verb(const struct row *row) {
  check_state(row);
  bool there = command_find(all_commands, row->name);
  if (there != is_offered(row) || there == !!absent_verb_reason(row->name))
    printf("# verb %s: '%s'\n", row->name, row->state);
  CHECK(there == is_offered(row) && there != !!absent_verb_reason(row->name));
}

TEST(each_verb_of_railways_cli_is_there_or_says_why_not) {
  each_row("Verbs", check_verb);
  CHECK(rows_seen > 50);
}

/* ---- what the caller is told ---- */

TEST(who_asks_the_api_for_what_is_not_there_is_told_so_and_why) {
  static const char query[] = "mutation { templatePublish(input: {}) { id } }";
  CHECK_OK(api_schema_new(&schema));
  struct graphql_request request = {.query = query, .query_len = strlen(query)};
  auto_json *answer = graphql_execute(schema, NULL, &request, &GRAPHQL_LIMITS_DEFAULT);
  const json_t *error = json_array_get(json_object_get(answer, "errors"), 0);
  CHECK_HAS(json_get_text(error, "message"), "Mutation.templatePublish is not available in Tramway: ");
  graphql_schema_free(schema);
}

TEST_MAIN
