/* Which credentials a fetch is given. */
#include "core/internal.h"
#include "source/repo_name.h"
#include "town.h"

static void keep(enum credential_kind kind, const char *host) {
  auto_credential c = {.kind = kind, .host = str_dup(host), .username = str_dup(""), .secret = str_dup("hunter2")};
  id_copy(c.project_id, project.id);
  CHECK_OK(core_credential_set(town, &c));
}

static bool finds(const char *source_repo) {
  auto_credential found_one = {0};
  auto_free char *url = repo_url(source_repo);
  bool found = false;
  CHECK_OK(credentials_for_repository(town, project.id, url, &found, &found_one));
  return found;
}

TEST(a_repository_has_those_of_its_host) {
  town_open();
  CHECK(!finds("ada/shop"));
  keep(CREDENTIAL_REPOSITORY, "GitHub.com");
  CHECK(finds("ada/shop") && finds("https://github.com/ada/shop.git"));
  CHECK(!finds("https://example.org/ada/shop") && !finds("git@github.com:ada/shop.git") && !finds("/srv/git/shop"));
  town_close();
}

TEST(a_project_does_not_see_anothers) {
  town_open();
  bool found = true;
  auto_credential c = {0};
  auto_project other = {0};
  keep(CREDENTIAL_REPOSITORY, "github.com");
  CHECK_OK(core_project_create(town, project.workspace_id, "other", NULL, &other));
  CHECK_OK(credentials_for_repository(town, other.id, "https://github.com/ada/shop", &found, &c));
  CHECK(!found);
  town_close();
}

TEST_MAIN
