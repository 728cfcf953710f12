#include "cli/pages.h"

#include "tap.h"

TEST(a_path_leads_into_the_answer) {
  auto_json *data = json_pack("{s:{s:{s:i}}}", "environment", "variables", "count", 3);
  CHECK_INT(json_get_int(pages_at(data, "environment.variables"), "count", 0), 3);
  CHECK(pages_at(data, "environment.services") == NULL);
  CHECK(pages_at(data, "project.services.edges") == NULL);
}

TEST(the_next_page_begins_where_this_one_ends) {
  auto_json *more = json_pack("{s:{s:b, s:s}}", "pageInfo", "hasNextPage", 1, "endCursor", "b");
  auto_json *last = json_pack("{s:{s:b, s:s}}", "pageInfo", "hasNextPage", 0, "endCursor", "c");
  auto_json *bare = json_object();
  const char *after = NULL;
  CHECK_OK(pages_next(more, "a", &after));
  CHECK_TEXT(after, "b");
  CHECK_OK(pages_next(last, "b", &after));
  CHECK(after == NULL);
  CHECK_OK(pages_next(bare, NULL, &after));
  CHECK(after == NULL);
}

TEST(a_list_that_never_ends_is_an_error) {
  auto_json *same = json_pack("{s:{s:b, s:s}}", "pageInfo", "hasNextPage", 1, "endCursor", "b");
  auto_json *lost = json_pack("{s:{s:b, s:n}}", "pageInfo", "hasNextPage", 1, "endCursor");
  const char *after = NULL;
  CHECK_ERR(pages_next(same, "b", &after), ERR_CORRUPT, "goes on");
  CHECK_ERR(pages_next(lost, "a", &after), ERR_CORRUPT, "goes on");
}

TEST_MAIN
