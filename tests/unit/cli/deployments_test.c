/* Which deployment of a list is meant. */
#include "cli/deployments.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* "a1 SUCCESS", with a '*' what can be rolled back to; newest first. */
static json_t *list_of(const char *text) {
  auto_strv lines = STRV_EMPTY;
  json_t *all = json_array();
  strv_split(&lines, text, ',');
  for (size_t i = 0; i < lines.len; i++) {
    const char *space = strchr(lines.items[i], ' ');
    auto_free char *id = str_ndup(lines.items[i], (size_t)(space - lines.items[i]));
    bool good = str_ends(space + 1, "*");
    auto_free char *status = str_ndup(space + 1, strlen(space + 1) - good);
    json_array_append_new(all, json_pack("{s:s, s:s, s:b}", "id", id, "status", status, "canRollback", good));
  }
  return all;
}

static const char *id_of(const json_t *deployment) {
  return deployment ? json_get_text(deployment, "id") : "none";
}

TEST(the_live_one_and_the_one_before_it) {
  static const struct {
    const char *list, *live, *previous;
  } rows[] = {
      {"a FAILED", "none", "none"},
      {"b SUCCESS,a REMOVED*", "b", "a"},
      {"c BUILDING,b SUCCESS,a REMOVED*", "b", "a"},
      {"c FAILED,b CRASHED,a REMOVED*", "b", "a"},
      {"d REMOVED*,c SLEEPING,b REMOVED,a REMOVED*", "c", "a"},
      {"b SUCCESS,a REMOVING*", "b", "a"},
      {"b REMOVED*,a REMOVED*", "none", "b"}, /* after `down` */
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_json *all = list_of(rows[i].list);
    CHECK_TEXT(id_of(deployments_live(all)), rows[i].live);
    CHECK_TEXT(id_of(deployments_previous_good(all)), rows[i].previous);
  }
}

TEST(what_is_on_its_way) {
  auto_json *all = list_of("a QUEUED,b DEPLOYING,c SUCCESS,d REMOVING,e FAILED");
  CHECK(deployments_is_coming(json_array_get(all, 0)));
  CHECK(deployments_is_coming(json_array_get(all, 1)));
  for (size_t i = 2; i < 5; i++) CHECK(!deployments_is_coming(json_array_get(all, i)));
  CHECK(!deployments_is_coming(NULL));
}

TEST(the_beginning_of_an_id_is_enough) {
  auto_json *all = list_of("3f0c1 SUCCESS,3f0d2 REMOVED,9d1e3 REMOVED");
  auto_free char *id = NULL;
  CHECK_OK(deployments_match(all, "3f0c", &id));
  CHECK_TEXT(id, "3f0c1");
  char *none = NULL;
  CHECK_ERR(deployments_match(all, "3f0", &none), ERR_INVALID, "several deployments begin with '3f0'");
  CHECK_ERR(deployments_match(all, "aa", &none), ERR_NOT_FOUND, "no deployment begins with 'aa'");
  auto_json *one = list_of("3f0c1 SUCCESS");
  CHECK_ERR(deployments_match(one, "", &none), ERR_NOT_FOUND, "");
}

TEST_MAIN
