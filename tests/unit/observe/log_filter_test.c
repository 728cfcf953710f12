#include "observe/log_filter.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

#define MESSAGE "GET /api/users failed: Connection refused"
#define ATTRIBUTES                                                                                 \
  "{\"user\":{\"id\":42,\"name\":\"Ada\"},\"tags\":[\"a\",\"b\"],\"items\":[{\"n\":1},{\"n\":7}]," \
  "\"ok\":true,\"none\":null,\"status\":\"503\",\"http.method\":\"GET\",\"ms\":12.5,\"version\":"  \
  "\"1..5\"}"

static const struct log_filter_input input = {
    .message = MESSAGE,
    .message_len = sizeof MESSAGE - 1,
    .severity = "error",
    .instance_id = "inst-1",
    .deployment_id = "dep-1",
    .attributes = ATTRIBUTES,
    .attributes_len = sizeof ATTRIBUTES - 1,
};

/* clang-format off */
static const struct { const char *filter; bool matches; } table[] = {
  { "", 1 }, { "   ", 1 },
  { "refused", 1 }, { "REFUSED", 1 }, { "accepted", 0 }, { "fus", 1 },
  { "\"connection refused\"", 1 }, { "\"refused connection\"", 0 }, { "refused connection", 1 },
  { "\"a\\\"b\"", 0 },
  { "get AND refused", 1 }, { "get AND accepted", 0 }, { "accepted OR refused", 1 },
  { "accepted OR denied", 0 }, { "and", 0 }, { "\"OR\"", 0 }, { "or", 0 },
  { "-accepted", 1 }, { "-refused", 0 }, { "--refused", 1 }, { "-\"connection refused\"", 0 },
  { "-(accepted OR refused)", 0 }, { "-(accepted refused)", 1 },
  { "accepted OR get refused", 1 }, { "(accepted OR get) denied", 0 }, { "(accepted OR get) refused", 1 },
  { "accepted AND x OR get", 1 },
  { "@level:error", 1 }, { "@level:ERROR", 1 }, { "@level:info", 0 }, { "-@level:info", 1 },
  { "@replica:inst-1", 1 }, { "replica:inst-1", 1 }, { "replica:inst-2", 0 }, { "@deployment:dep-1", 1 },
  { "@service:abc", 0 },
  { "@user.id:42", 1 }, { "@user.id:42.0", 1 }, { "@user.id:43", 0 }, { "@user.name:ada", 1 },
  { "@user.name:ad", 0 }, { "@user:x", 0 }, { "@missing:x", 0 },
  { "@tags[0]:a", 1 }, { "@tags[1]:a", 0 }, { "@tags[]:b", 1 }, { "@tags[*]:b", 1 }, { "@tags[i]:b", 1 },
  { "@tags:b", 1 }, { "@tags:c", 0 }, { "@tags[9]:a", 0 },
  { "@items[1].n:7", 1 }, { "@items[0].n:7", 0 }, { "@items[].n:7", 1 }, { "@items.n:7", 1 },
  { "@ok:true", 1 }, { "@ok:false", 0 }, { "@none:null", 1 },
  { "@status:503", 1 }, { "@status:>=500", 1 }, { "@status:<500", 0 }, { "@status:500..599", 1 },
  { "@status:400..499", 0 }, { "@ms:>12", 1 }, { "@ms:>12.5", 0 }, { "@ms:<=12.5", 1 }, { "@ms:12..13", 1 },
  { "@version:1..5", 1 }, { "@version:\"1..5\"", 1 },
  { "@http.method:GET", 1 }, { "@user.name:\"Ada\"", 1 },
  { "@level:error AND (@user.id:>40 OR accepted) -denied", 1 },
  { "/api/users", 1 }, { "failed:", 1 }, { "-", 0 },
};

static const struct { const char *filter, *message; } errors[] = {
  { "\"abc",          "filter: at character 1: the quotation mark is never closed" },
  { "a (b",           "filter: at character 5: ')' is missing" },
  { "a)",             "filter: at character 2: ')' has no '('" },
  { "()",             "filter: at character 1: the parentheses are empty" },
  { "a OR",           "OR needs something on both sides" },
  { "OR a",           "filter: at character 1: OR needs something on both sides" },
  { "a OR OR b",      "OR needs something on both sides" },
  { "AND a",          "filter: at character 1: AND needs something on both sides" },
  { "a AND",          "filter: at character 3: AND needs something on both sides" },
  { "a AND AND b",    "AND needs something" },
  { "a AND OR b",     "AND needs something" },
  { "@level",         "a field looks like @name:value" },
  { "@:x",            "a field looks like @name:value" },
  { "@level:",        "filter: at character 8: a value is missing" },
  { "@n:>x",          "a number is missing after the comparison" },
  { "@n:>=",          "a number is missing" },
  { "@a[x]:1",        "an index looks like [0] or []" },
  { "@a b:1",         "a field looks like" },
};
/* clang-format on */

TEST(table_of_filters) {
  for (size_t i = 0; i < ARRAY_LEN(table); i++) {
    auto_log_filter *f = NULL;
    err *e = log_filter_parse(table[i].filter, &f);
    if (e) TAP_FAIL("'%s': %s", table[i].filter, err_message(e));
    if (log_filter_matches(f, &input) != table[i].matches)
      TAP_FAIL("'%s': expected %d", table[i].filter, table[i].matches);
  }
}

TEST(errors_name_the_place) {
  for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
    log_filter *f;
    CHECK_ERR(log_filter_parse(errors[i].filter, &f), ERR_INVALID, errors[i].message);
  }
}

TEST(limits) {
  log_filter *f;
  auto_str text = STR_EMPTY;
  for (int i = 0; i < 65; i++) str_add(&text, "(");
  CHECK_ERR(log_filter_parse(str_text(&text), &f), ERR_LIMIT, "64 levels");
  str_clear(&text);
  for (int i = 0; i < 65; i++) str_add(&text, "-");
  str_add(&text, "a");
  CHECK_ERR(log_filter_parse(str_text(&text), &f), ERR_LIMIT, "64 levels");
  str_clear(&text);
  for (int i = 0; i < 257; i++) str_add(&text, "a ");
  CHECK_ERR(log_filter_parse(str_text(&text), &f), ERR_LIMIT, "256 parts");
  for (int i = 0; i < 4096; i++) str_add(&text, "a");
  CHECK_ERR(log_filter_parse(str_text(&text), &f), ERR_LIMIT, "4096 bytes");
}

TEST(no_attributes) {
  auto_log_filter *f = NULL;
  struct log_filter_input plain = {
      .message = "x", .message_len = 1, .severity = "info", .instance_id = "", .attributes = ""};
  CHECK_OK(log_filter_parse("@a:1 OR x", &f));
  CHECK(log_filter_matches(f, &plain));
}

TEST_MAIN
