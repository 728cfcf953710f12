/* Projects and environments: names, pages, deletion in two steps. */
#include "store/project.h"

#include "house.h"
#include "store/domain.h"

#define NOTHING "00000000-0000-4000-8000-000000000000"

static void add_project(struct house *h, const char *name, char id[ID_SIZE]) {
  auto_project p = {.name = str_dup(name)};
  memcpy(p.workspace_id, h->workspace.id, ID_SIZE);
  must(project_insert(h->d, &p));
  memcpy(id, p.id, ID_SIZE);
}

static err *add_environment(struct house *h, const char *name, char id[ID_SIZE]) {
  auto_environment e = {.name = str_dup(name)};
  memcpy(e.project_id, h->project.id, ID_SIZE);
  TRY(environment_insert(h->d, &e));
  memcpy(id, e.id, ID_SIZE);
  return NULL;
}

TEST(a_project_comes_back) {
  auto_house h;
  house_open(&h);
  auto_project got = {0}, none = {0}, changed = {.name = str_dup("store"), .description = str_dup("sells things")};
  id_copy(changed.id, h.project.id);
  changed.pr_deploys = changed.bot_pr_environments = true;
  id_copy(changed.base_environment_id, h.environment.id);
  CHECK_OK(project_update(h.d, &changed, 42));
  CHECK_OK(project_get(h.d, h.project.id, &got));
  CHECK(got.pr_deploys && got.bot_pr_environments && !got.focused_pr_environments);
  CHECK_TEXT(got.base_environment_id, h.environment.id);
  CHECK_TEXT(got.name, "store");
  CHECK_TEXT(got.description, "sells things");
  CHECK_TEXT(got.workspace_id, h.workspace.id);
  CHECK_INT(got.updated_us, 42);
  CHECK_INT(got.deleted_us, 0);
  CHECK_ERR(project_get(h.d, NOTHING, &none), ERR_NOT_FOUND,
            "project '" NOTHING "' does not exist");
  id_copy(changed.id, NOTHING);
  CHECK_ERR(project_update(h.d, &changed, 1), ERR_NOT_FOUND, "project");
}

TEST(projects_may_share_a_name) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  add_project(&h, "shop", id);
  auto_project_list list = {0};
  CHECK_OK(project_list_by_workspace(h.d, h.workspace.id, NULL, &list));
  CHECK_INT(list.len, 2);
}

TEST(a_project_needs_its_workspace) {
  auto_house h;
  house_open(&h);
  auto_project p = {.name = str_dup("x"), .workspace_id = NOTHING};
  CHECK_ERR(project_insert(h.d, &p), ERR_CONFLICT, "FOREIGN KEY");
  p.workspace_id[0] = '\0';
  CHECK_ERR(project_insert(h.d, &p), ERR_CONFLICT, "NOT NULL");
}

TEST(pages_are_newest_first_and_end) {
  auto_house h;
  house_open(&h);
  char ids[5][ID_SIZE];
  memcpy(ids[0], h.project.id, ID_SIZE);
  for (int i = 1; i < 5; i++)
    add_project(&h, "p", ids[i]);
  struct page page = {.first = 2};
  for (int seen = 0; seen < 5;) {
    auto_project_list list = {0};
    CHECK_OK(project_list_by_workspace(h.d, h.workspace.id, &page, &list));
    CHECK_INT(list.len, seen < 4 ? 2 : 1);
    CHECK_INT(list.has_more, seen < 4 && seen + 2 < 5);
    for (size_t i = 0; i < list.len; i++, seen++)
      CHECK_TEXT(list.items[i].id, ids[4 - seen]);
    page.after = ids[5 - seen];
  }
  auto_project_list end = {0}, mine = {0};
  page.after = ids[0];
  CHECK_OK(project_list_by_workspace(h.d, h.workspace.id, &page, &end));
  CHECK_INT(end.len, 0);
  CHECK(!end.has_more);
  CHECK_OK(project_list_by_user(h.d, h.user.id, &(struct page){.after = "", .first = 5}, &mine));
  CHECK_INT(mine.len, 5);
  CHECK(!mine.has_more);
}

TEST(a_page_must_make_sense) {
  auto_house h;
  house_open(&h);
  struct project_list list;
  static const struct {
    struct page page;
    const char *part;
  } rows[] = {
      {{.first = 0}, "1 to 1000"},
      {{.first = -1}, "1 to 1000"},
      {{.first = PAGE_FIRST_MAX + 1}, "1 to 1000"},
      {{.first = 1, .after = NOTHING}, "names no project"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    CHECK_ERR(project_list_by_workspace(h.d, h.workspace.id, &rows[i].page, &list), ERR_INVALID,
              rows[i].part);
}

TEST(a_deleted_project_is_hidden_then_purged_with_all_it_has) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  house_deploy(&h, DEPLOYMENT_SUCCESS, id);
  CHECK_ERR(project_purge(h.d, h.project.id), ERR_NOT_FOUND, "project");
  CHECK_OK(project_mark_deleted(h.d, h.project.id, 99));
  CHECK_ERR(project_mark_deleted(h.d, h.project.id, 99), ERR_NOT_FOUND, "project");
  struct project none;
  struct environment no_environment;
  struct service no_service;
  auto_project_list shown = {0}, deleted = {0};
  CHECK_ERR(project_get(h.d, h.project.id, &none), ERR_NOT_FOUND, "project");
  CHECK_ERR(environment_get(h.d, h.environment.id, &no_environment), ERR_NOT_FOUND, "environment");
  CHECK_ERR(service_get(h.d, h.service.id, &no_service), ERR_NOT_FOUND, "service");
  CHECK_OK(project_list_by_workspace(h.d, h.workspace.id, NULL, &shown));
  CHECK_INT(shown.len, 0);
  CHECK_OK(project_list_deleted(h.d, &deleted));
  CHECK_INT(deleted.len, 1);
  CHECK_INT(deleted.items[0].deleted_us, 99);
  CHECK_OK(project_purge(h.d, h.project.id));
  static const char *const empty[] = {"projects", "environments", "services", "service_instances",
                                      "deployments"};
  for (size_t i = 0; i < ARRAY_LEN(empty); i++)
    CHECK_INT(house_count(&h, empty[i]), 0);
}

TEST(an_environment_comes_back) {
  auto_house h;
  house_open(&h);
  auto_environment e = {.name = str_dup("pr-7"), .is_ephemeral = true}, got = {0};
  memcpy(e.project_id, h.project.id, ID_SIZE);
  memcpy(e.source_environment_id, h.environment.id, ID_SIZE);
  e.meta = json_pack("{s:i}", "prNumber", 7);
  CHECK_OK(environment_insert(h.d, &e));
  CHECK_OK(environment_get(h.d, e.id, &got));
  CHECK(got.is_ephemeral);
  CHECK_TEXT(got.source_environment_id, h.environment.id);
  CHECK(json_equal(got.meta, e.meta));
}

TEST(environment_names_are_unique_in_their_project) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE], again[ID_SIZE];
  CHECK_OK(add_environment(&h, "staging", id));
  CHECK_ERR(add_environment(&h, "staging", again), ERR_CONFLICT,
            "the project has an environment named 'staging' already");
  CHECK_ERR(environment_rename(h.d, id, ENVIRONMENT_NAME_DEFAULT, 1), ERR_CONFLICT, "production");
  CHECK_OK(environment_rename(h.d, id, "test", 1));
  bool there;
  auto_environment found = {0}, none = {0};
  CHECK_OK(environment_find_by_name(h.d, h.project.id, "test", &there, &found));
  CHECK(there);
  CHECK_TEXT(found.id, id);
  CHECK_OK(environment_find_by_name(h.d, h.project.id, "staging", &there, &none));
  CHECK(!there);
}

TEST(a_name_is_free_again_while_its_environment_is_removed) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE], again[ID_SIZE];
  CHECK_OK(add_environment(&h, "staging", id));
  CHECK_OK(environment_mark_deleted(h.d, id, 1));
  CHECK_OK(add_environment(&h, "staging", again));
  auto_environment_list shown = {0}, deleted = {0};
  CHECK_OK(environment_list_by_project(h.d, h.project.id, NULL, &shown));
  CHECK_INT(shown.len, 2);
  CHECK_TEXT(shown.items[0].id, again);
  CHECK_OK(environment_list_deleted(h.d, &deleted));
  CHECK_INT(deleted.len, 1);
  CHECK_OK(environment_purge(h.d, id));
  CHECK_ERR(environment_purge(h.d, again), ERR_NOT_FOUND, "environment");
}

TEST(a_purged_source_leaves_the_copy) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  CHECK_OK(add_environment(&h, "staging", id));
  auto_environment copy = {.name = str_dup("pr")}, got = {0};
  memcpy(copy.project_id, h.project.id, ID_SIZE);
  memcpy(copy.source_environment_id, id, ID_SIZE);
  CHECK_OK(environment_insert(h.d, &copy));
  CHECK_OK(environment_mark_deleted(h.d, id, 1));
  CHECK_OK(environment_purge(h.d, id));
  CHECK_OK(environment_get(h.d, copy.id, &got));
  CHECK_TEXT(got.source_environment_id, "");
}

TEST_MAIN
