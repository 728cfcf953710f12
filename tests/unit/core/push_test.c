/* Which services a push deploys to.  The repositories are folders with a few files: git itself is in
 * tests/integration/push_test.c. */
#include "town.h"

#define SHA "1111111111111111111111111111111111111111"
#define ZERO "0000000000000000000000000000000000000000"

/* What git leaves of a push of `branch`. */
static void pushed(const char *id, const char *branch) {
  auto_free char *repo = pushed_repo_path(core_pushed_repos(town), id);
  auto_free char *heads = path_join(repo, "refs/heads"), *ref = path_join(heads, branch), *head = path_join(repo, "HEAD");
  CHECK_OK(file_make_dirs(heads, 0700));
  CHECK_OK(file_write_fast(ref, SHA "\n", 41, 0600));
  if (!file_exists(head)) CHECK_OK(file_write_fast(head, "ref: refs/heads/main\n", 21, 0600));
}

static void push_to(const char *service_id, const char *environment_id, const char *branch, struct core_pushed *result) {
  struct core_push push = {.project_id = project.id, .service_id = service_id, .environment_id = environment_id,
                           .user_id = user.id};
  struct ref_update item = {.before = ZERO, .after = SHA, .ref = str_format("refs/heads/%s", branch)};
  struct ref_updates updates = {.items = mem_zalloc(sizeof item), .len = 1, .capacity = 1};
  updates.items[0] = item;
  pushed(core_push_repository(&push), branch);
  CHECK_OK(core_push_deploy(town, &push, &updates, result));
  ref_updates_done(&updates);
}

#define auto_pushed __attribute__((cleanup(core_pushed_done))) struct core_pushed

static void make_plain_service(const char *name, struct service *ret_service, struct service_instance *ret_instance) {
  town_make_service(name, ret_service, ret_instance);
  service_settings_done(&ret_instance->settings);
  service_settings_init(&ret_instance->settings);
  CHECK_OK(service_instance_set_settings(town_db, ret_instance->id, &ret_instance->settings, 1));
}

static void free_the_first(void) {
  service_settings_done(&instance.settings);
  service_settings_init(&instance.settings);
  CHECK_OK(service_instance_set_settings(town_db, instance.id, &instance.settings, 1));
}

static void check_source(const char *instance_id, const char *repo, const char *branch) {
  auto_service_instance now = {0};
  CHECK_OK(service_instance_get(town_db, instance_id, &now));
  CHECK_TEXT(now.settings.source_repo, repo);
  CHECK_TEXT(now.settings.source_branch, branch);
}

TEST(the_only_service_is_connected_and_deployed) {
  town_open();
  auto_pushed result = {0};
  auto_deployment d = {0};
  free_the_first();
  push_to(NULL, NULL, "main", &result);
  CHECK_INT(result.deployments.len, 1);
  check_source(instance.id, SOURCE_PUSHED_PROJECT, "main");
  CHECK_OK(deployment_get(town_db, result.deployments.items[0], &d));
  CHECK_TEXT(d.settings.source_commit, SHA); /* of this deployment only */
  CHECK_TEXT(d.creator_user_id, user.id);
  town_close();
}

TEST(the_first_branch_is_the_default_one) {
  town_open();
  auto_pushed result = {0};
  free_the_first();
  push_to(NULL, NULL, "trunk", &result);
  CHECK_INT(result.deployments.len, 1);
  check_source(instance.id, SOURCE_PUSHED_PROJECT, "trunk");
  town_close();
}

TEST(another_branch_deploys_nothing_and_says_what_does) {
  town_open();
  auto_pushed first = {0}, second = {0};
  free_the_first();
  push_to(NULL, NULL, "main", &first);
  push_to(NULL, NULL, "feature", &second);
  CHECK_INT(second.deployments.len, 0);
  auto_free char *said = strv_join(&second.remarks, "\n");
  CHECK_HAS(said, "Nothing deploys from the branch 'feature'.");
  CHECK_HAS(said, "(production) deploys from main");
  town_close();
}

TEST(a_branch_called_like_an_environment_deploys_there) {
  town_open();
  auto_pushed first = {0}, second = {0};
  auto_environment staging = {0};
  auto_service_instance there = {0};
  bool found = false;
  free_the_first();
  CHECK_OK(core_environment_create(town, project.id, "Staging", NULL, false, &staging));
  push_to(NULL, NULL, "main", &first);
  push_to(NULL, NULL, "staging", &second);
  CHECK_INT(second.deployments.len, 1);
  CHECK_OK(service_instance_find(town_db, service.id, staging.id, &found, &there));
  check_source(there.id, SOURCE_PUSHED_PROJECT, "staging");
  check_source(instance.id, SOURCE_PUSHED_PROJECT, "main");
  town_close();
}

TEST(of_several_services_one_is_to_be_named) {
  town_open();
  auto_pushed first = {0}, second = {0};
  auto_service other = {0};
  auto_service_instance there = {0};
  free_the_first();
  make_plain_service("other", &other, &there);
  push_to(NULL, NULL, "main", &first);
  CHECK_INT(first.deployments.len, 0);
  auto_free char *said = strv_join(&first.remarks, "\n");
  CHECK_HAS(said, "2 services");
  CHECK_HAS(said, "<project>/<service>.git");
  push_to(other.id, NULL, "main", &second);
  CHECK_INT(second.deployments.len, 1);
  check_source(there.id, SOURCE_PUSHED_SERVICE, "main");
  check_source(instance.id, NULL, NULL);
  town_close();
}

TEST(a_service_from_an_image_is_left_alone) {
  town_open();
  auto_pushed result = {0};
  push_to(service.id, NULL, "main", &result);
  CHECK_INT(result.deployments.len, 0);
  auto_free char *said = strv_join(&result.remarks, "\n");
  CHECK_HAS(said, "another source");
  town_close();
}

TEST(a_project_token_deploys_any_branch_to_its_environment_alone) {
  town_open();
  auto_pushed result = {0};
  auto_environment staging = {0};
  auto_service_instance there = {0};
  bool found = false;
  free_the_first();
  CHECK_OK(core_environment_create(town, project.id, "staging", NULL, false, &staging));
  push_to(NULL, staging.id, "feature", &result);
  CHECK_INT(result.deployments.len, 1);
  CHECK_OK(service_instance_find(town_db, service.id, staging.id, &found, &there));
  check_source(there.id, SOURCE_PUSHED_PROJECT, "feature");
  check_source(instance.id, NULL, NULL);
  town_close();
}

TEST(an_update_that_did_not_happen_deploys_nothing) {
  town_open();
  auto_pushed result = {0};
  free_the_first();
  pushed(project.id, "main");
  struct core_push push = {.project_id = project.id};
  struct ref_updates updates = {.items = mem_zalloc(sizeof *updates.items), .len = 1, .capacity = 1};
  updates.items[0] = (struct ref_update){.before = ZERO, .after = "2222222222222222222222222222222222222222",
                                         .ref = str_dup("refs/heads/main")};
  CHECK_OK(core_push_deploy(town, &push, &updates, &result));
  CHECK_INT(updates.len, 0);
  CHECK_INT(result.deployments.len, 0);
  check_source(instance.id, NULL, NULL);
  ref_updates_done(&updates);
  town_close();
}

TEST(what_was_pushed_goes_with_its_project) {
  town_open();
  auto_pushed result = {0};
  free_the_first();
  push_to(NULL, NULL, "main", &result);
  CHECK_OK(core_project_delete(town, project.id));
  WAIT(!pushed_repo_exists(core_pushed_repos(town), project.id));
  town_close();
}

TEST(a_source_names_no_other_repository) {
  town_open();
  auto_service_instance named = {0};
  char id[ID_SIZE];
  service_instance_copy(&instance, &named);
  named.settings.source_kind = SOURCE_REPO;
  str_replace_owned(&named.settings.source_repo, "push:../other");
  CHECK_OK(core_deploy_instance(town, &named, NULL, id));
  WAIT_STATUS(id, FAILED);
  CHECK_HAS(reason_of(id), "is no repository of this service");
  town_close();
}

TEST_MAIN
