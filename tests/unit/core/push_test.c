/* Which services a push deploys to, and what is skipped.  For the first the repositories are folders with
 * a few files, for the second git makes them. */
#include <sys/wait.h>

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

TEST(a_service_waits_for_the_first_push_to_its_repository) {
  town_open();
  CHECK(!core_waits_for_push(town, &instance));
  for (int own = 0; own < 2; own++) {
    str_replace_owned(&instance.settings.source_repo, own ? SOURCE_PUSHED_SERVICE : SOURCE_PUSHED_PROJECT);
    CHECK(core_waits_for_push(town, &instance));
    pushed(own ? service.id : project.id, "main");
    CHECK(!core_waits_for_push(town, &instance));
  }
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

/* ---- the rules of every push ---- */

static bool git_in(const char *folder, const char *const *argv) {
  int status;
  pid_t child = fork();
  if (child == 0) {
    if (chdir(folder) < 0) _exit(127);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
  }
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
#define GIT(folder, ...)                                                                             \
  CHECK(git_in(folder, (const char *const[]){"git", "-c", "user.name=Ada L", "-c", "user.email=a@b", \
                                             "-c", "init.defaultBranch=main", __VA_ARGS__, NULL}))

/* Commits a change of that file to the project's repository, and pushes it. */
static void push_commit(const char *file, const char *message, struct core_pushed *result) {
  static char before[41];
  auto_free char *work = path_join(town_folder, "work"), *repo = pushed_repo_path(core_pushed_repos(town), project.id);
  auto_free char *path = path_join(work, file), *head = path_join(repo, "refs/heads/main");
  auto_str sha = STR_EMPTY;
  bool is_first = !file_exists(work);
  if (is_first) {
    CHECK_OK(file_make_dirs(work, 0700));
    GIT(work, "init", "-q");
    GIT(work, "init", "-q", "--bare", repo);
    strcpy(before, ZERO);
  }
  CHECK_OK(file_write_fast(path, message, strlen(message), 0644));
  GIT(work, "add", "-A");
  GIT(work, "commit", "-q", "-m", message);
  GIT(work, "push", "-q", repo, "main");
  CHECK_OK(file_read(head, 100, &sha));
  struct core_push push = {.project_id = project.id, .user_id = user.id};
  struct ref_updates updates = {.items = mem_zalloc(sizeof *updates.items), .len = 1, .capacity = 1};
  updates.items[0].ref = str_dup("refs/heads/main");
  memcpy(updates.items[0].before, before, 41);
  memcpy(updates.items[0].after, sha.data, 40);
  memcpy(before, sha.data, 40);
  core_pushed_done(result);
  CHECK_OK(core_push_deploy(town, &push, &updates, result));
  ref_updates_done(&updates);
}

static void read_settings(void) {
  auto_service_instance now = {0};
  CHECK_OK(service_instance_get(town_db, instance.id, &now));
  service_instance_done(&instance);
  service_instance_copy(&now, &instance);
}

TEST(a_commit_can_ask_not_to_be_deployed) {
  town_open();
  auto_pushed result = {0};
  free_the_first();
  push_commit("a", "typo\n\nIn the manual only [skip deploy].", &result);
  CHECK_INT(result.deployments.len, 1);
  WAIT_STATUS(result.deployments.items[0], SKIPPED);
  CHECK_TEXT(reason_of(result.deployments.items[0]), "the commit says [skip deploy]");
  push_commit("a", "go on", &result);
  WAIT_STATUS(result.deployments.items[0], SUCCESS);
  town_close();
}

TEST(only_changes_that_are_watched_deploy) {
  town_open();
  auto_pushed result = {0};
  free_the_first();
  strv_add(&instance.settings.watch_patterns, "/api");
  CHECK_OK(service_instance_set_settings(town_db, instance.id, &instance.settings, 1));
  push_commit("docs", "first", &result); /* compared with nothing */
  WAIT_STATUS(result.deployments.items[0], SUCCESS);
  push_commit("docs", "second", &result);
  WAIT_STATUS(result.deployments.items[0], SKIPPED);
  CHECK_TEXT(reason_of(result.deployments.items[0]), "No changed files matched patterns: /api");
  push_commit("api", "third", &result);
  WAIT_STATUS(result.deployments.items[0], SUCCESS);
  town_close();
}

TEST(nobody_reports_checks_of_what_is_pushed_here) {
  town_open();
  auto_pushed result = {0};
  free_the_first();
  instance.settings.check_suites = true;
  CHECK_OK(service_instance_set_settings(town_db, instance.id, &instance.settings, 1));
  push_commit("a", "first", &result);
  WAIT_STATUS(result.deployments.items[0], SUCCESS);
  town_close();
}

TEST(what_does_not_deploy_by_itself_is_told_of) {
  town_open();
  auto_pushed result = {0};
  free_the_first();
  push_to(NULL, NULL, "main", &result);
  CHECK_INT(result.deployments.len, 1);
  core_pushed_done(&result);
  read_settings();
  instance.settings.auto_deploy = false;
  CHECK_OK(service_instance_set_settings(town_db, instance.id, &instance.settings, 1));
  push_to(NULL, NULL, "main", &result);
  CHECK_INT(result.deployments.len, 0);
  CHECK_INT(result.remarks.len, 1);
  CHECK_HAS(result.remarks.items[0], "autoDeploy is off");
  core_pushed_done(&result);
  instance.settings.auto_deploy = true;
  str_replace_owned(&instance.settings.source_commit, SHA);
  CHECK_OK(service_instance_set_settings(town_db, instance.id, &instance.settings, 1));
  push_to(NULL, NULL, "main", &result);
  CHECK_INT(result.deployments.len, 0);
  CHECK_HAS(result.remarks.items[0], "pinned to a commit");
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
