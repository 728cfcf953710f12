/* From a webhook's event to a deployment: which services, what is skipped, what waits for CI, and what a
 * restart or a failing database changes (nothing).  With real git on a repository made here. */
#include <sys/wait.h>

#include "store/webhook.h"
#include "town.h"

static struct webhook hook;
static char *repo;

/* ---- a repository ---- */

static int run_git(const char *const *argv) {
  pid_t child = fork();
  if (child == 0) {
    if (chdir(repo) < 0) _exit(127);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
  }
  int status;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define GIT(...)                                                                                   \
  CHECK_INT(run_git((const char *const[]){"git", "-c", "user.name=Ada L", "-c", "user.email=a@b",  \
                                          "-c", "init.defaultBranch=main", "-c",                   \
                                          "gc.auto=0", __VA_ARGS__, NULL}), 0)

static void head(char ret_sha[41]) {
  auto_str text = STR_EMPTY;
  auto_free char *path = path_join(repo, ".git/refs/heads/main");
  CHECK_OK(file_read(path, 100, &text));
  CHECK(text.len >= 40);
  memcpy(ret_sha, text.data, 40);
  ret_sha[40] = '\0';
}

/* Writes to the file, unless it is NULL, and commits. */
static void commit(const char *file, const char *message, char ret_sha[41]) {
  static int number;
  if (file) {
    auto_free char *path = path_join(repo, file), *folder = str_dup(path), *text = str_format("%d\n", ++number);
    *strrchr(folder, '/') = '\0';
    CHECK_OK(file_make_dirs(folder, 0755));
    CHECK_OK(file_write_fast(path, text, strlen(text), 0644));
    GIT("add", "-A");
  }
  GIT("commit", "-q", "--allow-empty", "-m", message);
  head(ret_sha);
}

/* ---- the town, with its service on that repository ---- */

static char first[41]; /* commit */

static void open_repo(void) {
  town_open();
  repo = path_join(town_folder, "repo");
  CHECK_OK(file_make_dirs(repo, 0755));
  GIT("init", "-q");
  commit("README", "first", first);
  instance.settings.source_kind = SOURCE_REPO;
  str_replace_owned(&instance.settings.source_image, NULL);
  str_replace_owned(&instance.settings.source_repo, repo);
  str_replace_owned(&instance.settings.source_branch, "main");
  change_settings();
  hook = (struct webhook){.provider = WEBHOOK_GITHUB, .secret = str_dup("s")};
  id_copy(hook.project_id, project.id);
  CHECK_OK(webhook_insert(town_db, &hook));
}

static void close_repo(void) {
  town_close();
  webhook_done(&hook);
  free(repo);
}

static void watch_only(const char *pattern) {
  strv_add(&instance.settings.watch_patterns, pattern);
  change_settings();
}

static bool take(const char *key, json_t *event) {
  auto_json *owned = event;
  bool is_new = false;
  struct core_delivery delivery = {.replay_key = key, .provider_id = key, .event = owned};
  CHECK_OK(core_take_delivery(town, &hook, &delivery, &is_new));
  return is_new;
}

static json_t *push_event(const char *before, const char *after, const char *message) {
  return json_pack("{s:s, s:[s, s], s:s, s:s*, s:s, s:s, s:s}", "kind", "push", "repositories", "https://h/x", repo,
                   "branch", "main", "before", before, "after", after, "author", "Ada", "message", message);
}

static void push(const char *before, const char *after, const char *message) {
  CHECK(take(after, push_event(before, after, message)));
}

static void check(const char *sha, const char *name, const char *state, int ordinal) {
  static int number;
  auto_free char *key = str_format("check %d", ++number);
  CHECK(take(key, json_pack("{s:s, s:s, s:s, s:s, s:i}", "kind", "check", "sha", sha, "name", name, "state", state,
                            "ordinal", ordinal)));
}

static bool all_handled(void) {
  auto_webhook_delivery_list open = {0};
  CHECK_OK(webhook_delivery_list_open(town_db, &open));
  return open.len == 0;
}

/* Static: valid until the next call. */
static const char *outcome(void) {
  static char text[300];
  auto_webhook_delivery_list list = {0};
  WAIT(all_handled());
  CHECK_OK(webhook_delivery_list(town_db, hook.id, 1, &list));
  snprintf(text, sizeof text, "%s", list.len ? list.items[0].outcome : "");
  return text;
}

static size_t count(void) {
  auto_deployment_list list = {0};
  struct deployment_filter filter = {.service_instance_id = instance.id};
  CHECK_OK(deployment_list(town_db, &filter, NULL, &list));
  return list.len;
}

/* The deployment of that commit, once it is there. */
static bool find(const char *sha, char ret_id[ID_SIZE]) {
  auto_deployment_list list = {0};
  struct deployment_filter filter = {.service_instance_id = instance.id};
  CHECK_OK(deployment_list(town_db, &filter, NULL, &list));
  for (size_t i = 0; i < list.len; i++) {
    if (!str_eq(json_get_text(list.items[i].meta, "commitHash"), sha)) continue;
    id_copy(ret_id, list.items[i].id);
    return true;
  }
  return false;
}

static const char *pushed(const char *before, const char *sha, const char *message) {
  static char id[ID_SIZE];
  push(before, sha, message);
  WAIT(find(sha, id));
  return id;
}

/* ---- which services ---- */

TEST(a_push_deploys_its_commit) {
  open_repo();
  char sha[41], later[41];
  commit("a", "Add a\n\nand more", sha);
  commit("b", "not pushed yet", later);
  const char *id = pushed(first, sha, "Add a\n\nand more");
  WAIT_STATUS(id, SUCCESS);
  auto_deployment d = {0};
  CHECK_OK(deployment_get(town_db, id, &d));
  CHECK_INT(d.cause, DEPLOYMENT_CAUSE_REPO);
  CHECK_TEXT(d.settings.source_commit, sha);
  CHECK_TEXT(json_get_text(d.meta, "commitHash"), sha);
  CHECK_TEXT(json_get_text(d.meta, "branch"), "main");
  CHECK_TEXT(json_get_text(d.meta, "commitAuthor"), "Ada L"); /* as the commit says */
  CHECK_TEXT(json_get_text(d.meta, "commitMessage"), "Add a");
  CHECK_TEXT(json_get_text(d.meta, "repo"), repo);
  CHECK(strv_has(&en->env, "RAILWAY_GIT_BRANCH=main"));
  CHECK_TEXT(outcome(), "1 deployment of 'main'");
  CHECK_TEXT(served_by(), id);
  close_repo();
}

TEST(a_delivery_that_comes_again_does_nothing) {
  open_repo();
  CHECK(take("one", push_event(NULL, first, "x")));
  CHECK(!take("one", push_event(NULL, first, "x")));
  CHECK_TEXT(outcome(), "1 deployment of 'main'");
  CHECK(!take("one", push_event(NULL, first, "x")));
  turns(10);
  CHECK_INT(count(), 1);
  close_repo();
}

TEST(only_what_is_connected_deploys) {
  open_repo();
  str_replace_owned(&instance.settings.source_branch, "develop");
  change_settings();
  take("1", push_event(NULL, first, "x"));
  CHECK_TEXT(outcome(), "no service deploys from the branch 'main'");
  str_replace_owned(&instance.settings.source_branch, "main");
  str_replace_owned(&instance.settings.source_repo, "https://elsewhere/a/b");
  change_settings();
  take("2", push_event(NULL, first, "x"));
  CHECK_TEXT(outcome(), "no service of the project deploys from that repository");
  str_replace_owned(&instance.settings.source_repo, repo);
  instance.settings.auto_deploy = false;
  change_settings();
  take("3", push_event(NULL, first, "x"));
  CHECK_TEXT(outcome(), "no service of the project deploys from that repository");
  instance.settings.auto_deploy = true;
  str_replace_owned(&instance.settings.source_commit, first);
  change_settings();
  take("4", push_event(NULL, first, "x"));
  CHECK_TEXT(outcome(), "no service of the project deploys from that repository");
  CHECK_INT(count(), 0);
  close_repo();
}

TEST(without_a_branch_the_default_one_deploys) {
  open_repo();
  str_replace_owned(&instance.settings.source_branch, NULL);
  change_settings();
  json_t *event = push_event(NULL, first, "x");
  json_set_text(event, "defaultBranch", "trunk");
  take("1", event);
  CHECK_TEXT(outcome(), "no service deploys from the branch 'main'");
  event = push_event(NULL, first, "x");
  json_set_text(event, "defaultBranch", "main");
  take("2", event);
  CHECK_TEXT(outcome(), "1 deployment of 'main'");
  close_repo();
}

/* ---- what is skipped ---- */

TEST(a_commit_can_ask_not_to_be_deployed) {
  open_repo();
  const char *id = pushed(NULL, first, "typo\n\n[skip deploy]");
  CHECK_STATUS(id, SKIPPED);
  CHECK_TEXT(reason_of(id), "the commit says [skip deploy]");
  close_repo();
}

TEST(only_changes_that_are_watched_deploy) {
  open_repo();
  char docs[41], api[41], empty[41];
  watch_only("/api/**");
  commit("docs/a.md", "docs", docs);
  const char *id = pushed(first, docs, "docs");
  WAIT_STATUS(id, SKIPPED);
  CHECK_TEXT(reason_of(id), "No changed files matched patterns: /api/**");
  commit("api/main.c", "api", api);
  id = pushed(docs, api, "api");
  WAIT_STATUS(id, SUCCESS);
  commit(NULL, "empty", empty);
  id = pushed(api, empty, "empty");
  WAIT_STATUS(id, SKIPPED);
  close_repo();
}

/* What was pushed with a commit that was skipped comes with the next one. */
TEST(changes_of_skipped_commits_are_not_lost) {
  open_repo();
  const char *id;
  char live[41], api[41], docs[41];
  watch_only("/api/**");
  commit("api/main.c", "one", live);
  id = pushed(first, live, "one");
  WAIT_STATUS(id, SUCCESS);
  commit("api/main.c", "two", api);
  id = pushed(live, api, "two [skip deploy]");
  CHECK_STATUS(id, SKIPPED);
  commit("docs/a.md", "docs", docs);
  id = pushed(api, docs, "docs");
  WAIT_STATUS(id, SUCCESS);
  close_repo();
}

TEST(what_cannot_be_compared_deploys) {
  open_repo();
  const char *id;
  char api[41], amended[41];
  watch_only("/api/**");
  commit("docs/a.md", "docs", api);
  id = pushed("0123456789012345678901234567890123456789", api, "docs");
  WAIT_STATUS(id, SUCCESS);
  GIT("commit", "-q", "--amend", "-m", "docs, again");
  head(amended);
  id = pushed(api, amended, "docs, again");
  WAIT_STATUS(id, SKIPPED); /* a force push of the same files */
  close_repo();
}

/* ---- earlier and later pushes ---- */

TEST(a_later_push_takes_the_place_of_one_that_has_not_begun) {
  open_repo();
  char building[ID_SIZE], waiting[ID_SIZE], second[41], third[41];
  bld->hold = true;
  id_copy(building, pushed(NULL, first, "first"));
  WAIT_STATUS(building, BUILDING);
  commit("a", "second", second);
  id_copy(waiting, pushed(first, second, "second"));
  WAIT_STATUS(waiting, QUEUED);
  commit("a", "third", third);
  push(second, third, "third");
  WAIT_STATUS(waiting, REMOVED);
  auto_free char *reason = str_format("superseded by a newer push: %.7s", third);
  CHECK_TEXT(reason_of(waiting), reason);
  CHECK_STATUS(building, BUILDING);
  bld->hold = false;
  fake_end_builds(bld);
  char id[ID_SIZE];
  CHECK(find(third, id));
  WAIT_STATUS(id, SUCCESS);
  close_repo();
}

TEST(an_event_that_comes_late_does_not_lead_back) {
  open_repo();
  const char *id;
  char second[41], third[41];
  commit("a", "second", second);
  commit("a", "third", third);
  id = pushed(second, third, "third");
  WAIT_STATUS(id, SUCCESS);
  push(first, second, "second");
  CHECK_TEXT(outcome(), "a newer push to 'main' was taken already");
  CHECK_INT(count(), 1);
  take("back", push_event(third, second, "back")); /* and this is a force push */
  CHECK_TEXT(outcome(), "1 deployment of 'main'");
  take("forth", push_event(second, third, "forth"));
  CHECK_TEXT(outcome(), "1 deployment of 'main'");
  close_repo();
}

/* ---- waiting for CI ---- */

static void wait_for_ci(int timeout_ms, int settle_ms) {
  struct core_options options = town_options();
  options.ci_timeout_ms = timeout_ms;
  options.ci_settle_ms = settle_ms;
  core_set_options(town, &options);
  instance.settings.check_suites = true;
  change_settings();
}

TEST(a_push_waits_until_all_checks_have_passed) {
  open_repo();
  wait_for_ci(60000, 1);
  const char *id = pushed(NULL, first, "x");
  check(first, "build", "PENDING", 1);
  check(first, "test", "PASSED", 1);
  CHECK_TEXT(outcome(), "'test' PASSED");
  turns(20);
  CHECK_STATUS(id, WAITING);
  check(first, "build", "PASSED", 2);
  WAIT_STATUS(id, SUCCESS);
  close_repo();
}

TEST(a_check_that_fails_skips_the_push) {
  open_repo();
  wait_for_ci(60000, 1);
  const char *id = pushed(NULL, first, "x");
  check(first, "build", "PENDING", 1);
  check(first, "test", "FAILED", 1);
  WAIT_STATUS(id, SKIPPED);
  CHECK_TEXT(reason_of(id), "Wait for CI: 'test' failed");
  CHECK_INT(bld->started, 0);
  close_repo();
}

TEST(checks_may_end_before_the_push_is_heard_of) {
  open_repo();
  const char *id;
  wait_for_ci(60000, 1);
  check(first, "test", "PASSED", 1);
  id = pushed(NULL, first, "x");
  WAIT_STATUS(id, SUCCESS);
  close_repo();
}

TEST(a_wait_has_an_end) {
  open_repo();
  wait_for_ci(30, 1);
  const char *id = pushed(NULL, first, "x");
  WAIT_STATUS(id, SKIPPED);
  CHECK_HAS(reason_of(id), "no check of the commit was heard of");
  close_repo();
}

TEST(a_wait_ends_for_a_later_push_and_by_hand) {
  open_repo();
  wait_for_ci(60000, 1);
  char one[ID_SIZE], two[ID_SIZE], second[41];
  id_copy(one, pushed(NULL, first, "x"));
  commit("a", "second", second);
  id_copy(two, pushed(first, second, "second"));
  WAIT_STATUS(one, SKIPPED);
  CHECK_HAS(reason_of(one), "superseded by a newer push");
  auto_deployment d = {0};
  CHECK_OK(deployment_get(town_db, one, &d));
  CHECK_TEXT(d.superseded_by_id, two);
  CHECK_STATUS(two, WAITING);
  CHECK_OK(core_cancel(town, two));
  WAIT_STATUS(two, REMOVED);
  close_repo();
}

/* What it brings is in nothing else, until that is live: what was asked for later is what serves. */
TEST(a_wait_goes_on_beside_other_code_and_ends_when_that_is_live) {
  open_repo();
  char live[ID_SIZE], waiting[ID_SIZE], again[ID_SIZE], second[41];
  auto_deployment d = {0};
  id_copy(live, pushed(NULL, first, "x"));
  WAIT_STATUS(live, SUCCESS);
  wait_for_ci(60000, 1);
  commit("a", "second", second);
  id_copy(waiting, pushed(first, second, "second"));
  bld->hold = true;
  CHECK_OK(core_redeploy(town, live, false, "", again));
  WAIT_STATUS(again, BUILDING);
  turns(20);
  CHECK_STATUS(waiting, WAITING);
  bld->hold = false;
  fake_end_builds(bld);
  WAIT_STATUS(again, SUCCESS);
  check(second, "build", "PASSED", 1);
  WAIT_STATUS(waiting, SKIPPED);
  CHECK_OK(deployment_get(town_db, waiting, &d));
  CHECK_TEXT(d.superseded_by_id, again);
  close_repo();
}

TEST(what_passed_its_checks_may_still_be_unwatched) {
  open_repo();
  char docs[41];
  watch_only("/api/**");
  wait_for_ci(60000, 1);
  commit("docs/a", "docs", docs);
  const char *id = pushed(first, docs, "docs");
  check(docs, "test", "PASSED", 1);
  WAIT_STATUS(id, SKIPPED);
  CHECK_HAS(reason_of(id), "No changed files matched");
  close_repo();
}

/* ---- tramd ends, the database fails ---- */

TEST(what_was_taken_is_acted_upon_after_a_restart) {
  open_repo();
  char id[ID_SIZE];
  push(NULL, first, "x");
  town_restart();
  WAIT(find(first, id));
  WAIT_STATUS(id, SUCCESS);
  CHECK_INT(count(), 1);
  close_repo();
}

TEST(a_wait_goes_on_after_a_restart) {
  open_repo();
  wait_for_ci(60000, 1);
  const char *id = pushed(NULL, first, "x");
  town_restart();
  wait_for_ci(60000, 1);
  CHECK_STATUS(id, WAITING);
  check(first, "test", "PASSED", 1);
  WAIT_STATUS(id, SUCCESS);
  close_repo();
}

/* At each statement of acting upon it: it is done in the end, once. */
TEST(the_database_may_fail_once) {
  enum { STATEMENTS = 40 };
  open_repo();
  wait_for_ci(60000, 1); /* so that nothing else happens in the database */
  for (int nth = 1; nth <= STATEMENTS; nth++) {
    char id[ID_SIZE];
    auto_free char *key = str_format("push %d", nth);
    size_t before = count();
    CHECK(take(key, push_event(NULL, first, "x")));
    db_fail_after(town_db, nth);
    for (int i = 0; i < 20; i++) turn();
    db_fail_after(town_db, 0);
    WAIT(all_handled());
    CHECK_INT(count(), before + 1);
    CHECK(find(first, id));
    WAIT_STATUS(id, WAITING);
  }
  close_repo();
}

TEST(what_makes_no_sense_does_not_hold_up_the_rest) {
  open_repo();
  take("1", json_pack("{s:s, s:s, s:s, s:s}", "kind", "check", "sha", first, "name", "x", "state", "WHAT"));
  CHECK_HAS(outcome(), "state of a check 'WHAT' is not one of");
  take("2", push_event(NULL, first, "x"));
  CHECK_TEXT(outcome(), "1 deployment of 'main'");
  close_repo();
}

TEST_MAIN
