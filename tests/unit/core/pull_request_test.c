/* The life of pull requests: their environments, what is deployed in them, and forks. */
#include "core/pull_request.h"

#include <sys/wait.h>

#include "core/volume.h"
#include "store/volume.h"
#include "town.h"

#define COMMITS 3

static char repository[128];
static char commits[COMMITS][64]; /* of the branch "lift", oldest first */
static struct service web;        /* `service` is from an image, this one from the repository */
static struct service_instance web_instance;
static struct strv names_of_repository;

/* ---- a repository, and a project that is built from it ---- */

static void git(const char *const *arguments, char *ret_output, size_t size) {
  const char *argv[16] = {"git", "-C", repository, "-c", "user.name=Ada", "-c", "user.email=a@example.org"};
  size_t n = 7;
  int ends[2];
  while ((argv[n] = *arguments++)) n++;
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execvp("git", (char *const *)argv);
    _exit(127);
  }
  close(ends[1]);
  ssize_t len = ret_output ? read(ends[0], ret_output, size - 1) : 0;
  if (ret_output) ret_output[len > 0 ? len - 1 : 0] = '\0'; /* without the line break */
  close(ends[0]);
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_INT(status, 0);
}
#define GIT(...) git((const char *const[]){__VA_ARGS__, NULL}, NULL, 0)

static void make_repository(void) {
  auto_free char *file = path_join(repository, "index.html");
  CHECK_OK(file_make_dirs(repository, 0755));
  GIT("init", "-q", "-b", "main");
  for (int i = 0; i < COMMITS; i++) {
    auto_free char *text = str_format("version %d", i);
    CHECK_OK(file_write_fast(file, text, strlen(text), 0644));
    GIT("add", ".");
    GIT("commit", "-q", "-m", text);
    git((const char *const[]){"rev-parse", "HEAD", NULL}, commits[i], sizeof commits[i]);
  }
  GIT("branch", "lift");
}

static void set_projects(bool pr_deploys, bool focused, bool bots) {
  project.pr_deploys = pr_deploys;
  project.focused_pr_environments = focused;
  project.bot_pr_environments = bots;
  CHECK_OK(project_update(town_db, &project, 1));
}

static void set_repository(struct service_instance *of, const char *root) {
  struct service_settings *s = &of->settings;
  s->source_kind = SOURCE_REPO;
  str_replace_owned(&s->source_repo, repository);
  str_replace_owned(&s->source_branch, "main");
  str_replace_owned(&s->source_image, NULL);
  str_replace_owned(&s->root_directory, root);
  CHECK_OK(service_instance_set_settings(town_db, of->id, s, 1));
}

static void open_town_without_code(void) {
  town_open();
  snprintf(repository, sizeof repository, "%s/repository", town_folder);
  strv_add(&names_of_repository, repository);
  town_make_service("web", &web, &web_instance);
  set_repository(&web_instance, NULL);
  set_projects(true, false, false);
  set_variable("COLOUR", "blue");
  seal_variable("SECRET", "s3cret");
}

static void open_town(void) {
  open_town_without_code();
  make_repository();
}

static void close_town(void) {
  town_close();
  service_done(&web);
  service_instance_done(&web_instance);
  strv_done(&names_of_repository);
}

static struct pull_request lift(int commit) {
  return (struct pull_request){.repositories = &names_of_repository, .number = 7, .title = "More lift", .branch = "lift",
                               .base_branch = "main", .commit = commits[commit]};
}

/* ---- what is so ---- */

static struct pull_request_answer answer;

static void told(err *e) {
  CHECK_OK(e);
  printf("# %s\n", answer.said ? answer.said : "");
}

static void opened(const struct pull_request *pr) {
  free(answer.said);
  answer = (struct pull_request_answer){0};
  told(core_pr_opened(town, project.id, pr, &answer));
}

static void closed(const struct pull_request *pr) {
  free(answer.said);
  answer = (struct pull_request_answer){0};
  told(core_pr_closed(town, project.id, pr, &answer));
}

static void instance_of(const struct service *s, struct service_instance *ret_instance) {
  bool found = false;
  CHECK_OK(service_instance_find(town_db, s->id, answer.environment_id, &found, ret_instance));
  CHECK(found);
}

/* The newest deployment of the service in the pull request's environment; false when there is none. */
static bool latest_of(const struct service *s, struct deployment *ret_deployment) {
  auto_service_instance i = {0};
  bool found = false;
  instance_of(s, &i);
  CHECK_OK(deployment_find_latest(town_db, i.id, &found, ret_deployment));
  return found;
}

static const char *status_in(const struct service *s) {
  auto_deployment d = {0};
  return latest_of(s, &d) ? deployment_status_name(d.status) : "none";
}

static size_t deployments_in(void) {
  auto_deployment_list list = {0};
  struct deployment_filter filter = {.environment_id = answer.environment_id};
  CHECK_OK(deployment_list(town_db, &filter, NULL, &list));
  return list.len;
}

static bool environment_is_gone(const char *id) {
  auto_environment e = {0};
  auto_environment_list deleted = {0};
  auto_err *missing = environment_get(town_db, id, &e);
  CHECK_OK(environment_list_deleted(town_db, &deleted));
  return missing && deleted.len == 0;
}

/* ---- opened, updated, closed ---- */

TEST(a_pull_request_gets_an_environment_with_its_commit) {
  open_town();
  struct pull_request pr = lift(1);
  opened(&pr);
  auto_environment e = {0};
  auto_service_instance i = {0};
  auto_deployment d = {0};
  auto_domain_list domains = {0}, none = {0};
  auto_variable_list variables = {0};
  CHECK_OK(environment_get(town_db, answer.environment_id, &e));
  CHECK_TEXT(e.name, "shop-pr-7");
  CHECK(e.is_ephemeral);
  CHECK_TEXT(e.source_environment_id, instance.environment_id);
  CHECK_TEXT(json_get_text(e.meta, "prTitle"), "More lift");
  CHECK_TEXT(json_get_text(e.meta, "baseBranch"), "main");
  instance_of(&web, &i);
  CHECK_TEXT(i.settings.source_branch, "lift");
  CHECK(!i.settings.source_commit); /* by hand: the branch's newest */
  CHECK_OK(domain_list_by_instance(town_db, i.id, &none));
  CHECK_INT(none.len, 0); /* the base's has none either */
  CHECK(latest_of(&web, &d));
  CHECK_TEXT(d.settings.source_commit, commits[1]);
  CHECK_TEXT(json_get_text(d.meta, "commitHash"), commits[1]);
  CHECK(json_get_int(d.meta, "prNumber", 0) == pr.number); /* a later commit of it takes its place while it waits */
  WAIT_STATUS(d.id, SUCCESS);
  CHECK(strv_has(&en->env, "RAILWAY_ENVIRONMENT_NAME=shop-pr-7") || str_eq(status_in(&service), "SUCCESS"));
  service_instance_done(&i);
  i = (struct service_instance){0};
  instance_of(&service, &i);
  CHECK_OK(domain_list_by_instance(town_db, i.id, &domains));
  CHECK_INT(domains.len, 1);
  CHECK(str_starts(domains.items[0].host, "api-shop-pr-7-"));
  CHECK_OK(variable_list_by_environment(town_db, e.id, &variables));
  CHECK_INT(variables.len, 1); /* not the sealed one */
  CHECK_TEXT(variables.items[0].name, "COLOUR");
  WAIT(str_eq(status_in(&service), "SUCCESS"));
  close_town();
}

TEST(an_event_that_comes_twice_changes_nothing) {
  open_town();
  struct pull_request pr = lift(1);
  opened(&pr);
  size_t before = deployments_in();
  char id[ID_SIZE];
  id_copy(id, answer.environment_id);
  opened(&pr);
  CHECK_TEXT(answer.environment_id, id);
  CHECK_INT(deployments_in(), before);
  close_town();
}

TEST(new_commits_are_deployed_where_they_belong) {
  open_town();
  struct pull_request pr = lift(0);
  auto_deployment first = {0}, second = {0};
  opened(&pr);
  CHECK(latest_of(&web, &first));
  WAIT_STATUS(first.id, SUCCESS);
  WAIT(str_eq(status_in(&service), "SUCCESS"));
  pr = lift(2);
  pr.title = "Even more lift";
  opened(&pr);
  CHECK_INT(deployments_in(), 3); /* the image's service stays */
  CHECK(latest_of(&web, &second));
  CHECK_TEXT(second.settings.source_commit, commits[2]);
  WAIT_STATUS(second.id, SUCCESS);
  WAIT_STATUS(first.id, REMOVED);
  auto_environment e = {0};
  CHECK_OK(environment_get(town_db, answer.environment_id, &e));
  CHECK_TEXT(json_get_text(e.meta, "prTitle"), "Even more lift");
  close_town();
}

TEST(closed_its_environment_goes_and_opened_again_it_has_a_new_one) {
  open_town();
  struct pull_request pr = lift(1);
  char id[ID_SIZE];
  opened(&pr);
  id_copy(id, answer.environment_id);
  WAIT(str_eq(status_in(&web), "SUCCESS"));
  closed(&pr);
  CHECK_TEXT(answer.environment_id, id);
  WAIT(environment_is_gone(id));
  CHECK_INT(fake_count(en, NULL), 0);
  closed(&pr);
  CHECK_TEXT(answer.environment_id, "");
  opened(&pr);
  CHECK(*answer.environment_id && !str_eq(answer.environment_id, id));
  WAIT(str_eq(status_in(&web), "SUCCESS"));
  close_town();
}

TEST(closed_while_it_is_built_nothing_is_left) {
  open_town();
  struct pull_request pr = lift(1);
  char id[ID_SIZE];
  bld->hold = true;
  opened(&pr);
  id_copy(id, answer.environment_id);
  WAIT(str_eq(status_in(&web), "BUILDING"));
  closed(&pr);
  WAIT(environment_is_gone(id));
  CHECK(bld->cancelled > 0);
  CHECK_INT(fake_count(en, NULL), 0);
  close_town();
}

TEST(what_has_no_environment_is_told_why) {
  open_town();
  struct pull_request pr = lift(1);
  struct strv other = STRV_EMPTY;
  set_projects(false, false, false);
  opened(&pr);
  CHECK_TEXT(answer.environment_id, "");
  CHECK_HAS(answer.said, "makes no environments");
  set_projects(true, false, false);
  pr.is_bot = true;
  opened(&pr);
  CHECK_TEXT(answer.environment_id, "");
  CHECK_HAS(answer.said, "bots");
  set_projects(true, false, true);
  strv_add(&other, "https://git.example.org/else/where.git");
  pr.repositories = &other;
  opened(&pr);
  CHECK_TEXT(answer.environment_id, "");
  CHECK_HAS(answer.said, "no service of the base environment production");
  pr.repositories = &names_of_repository;
  opened(&pr);
  CHECK(*answer.environment_id);
  strv_done(&other);
  close_town();
}

TEST(events_that_make_no_sense_are_refused) {
  open_town();
  struct strv none = STRV_EMPTY;
  struct pull_request good = lift(1), rows[5];
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) rows[i] = good;
  rows[0].repositories = &none;
  rows[1].number = 0;
  rows[2].branch = "";
  rows[3].commit = "main";
  rows[4].commit = "ABCDEF0123456789ABCDEF0123456789ABCDEF01";
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    CHECK_ERR(core_pr_opened(town, project.id, &rows[i], &answer), ERR_INVALID, "");
  CHECK_ERR(core_pr_closed(town, project.id, &rows[1], &answer), ERR_INVALID, "number 0");
  close_town();
}

TEST(names_fit_and_do_not_clash) {
  open_town();
  auto_environment taken = {0}, e = {0};
  struct pull_request pr = lift(1);
  str_replace_owned(&project.name, "A very long name, which somebody gave their project for a re-ason");
  CHECK_OK(project_update(town_db, &project, 1));
  opened(&pr);
  CHECK_OK(environment_get(town_db, answer.environment_id, &e));
  CHECK(strlen(e.name) <= ENVIRONMENT_NAME_MAX);
  CHECK(str_starts(e.name, "a-very-long-name-"));
  CHECK(str_ends(e.name, "-pr-7"));
  CHECK_OK(core_environment_create(town, project.id, "shop-pr-8", NULL, false, &taken));
  str_replace_owned(&project.name, "shop");
  CHECK_OK(project_update(town_db, &project, 1));
  pr.number = 8;
  opened(&pr);
  environment_done(&e);
  e = (struct environment){0};
  CHECK_OK(environment_get(town_db, answer.environment_id, &e));
  CHECK_TEXT(e.name, "shop-pr-8-2");
  close_town();
}

TEST(the_base_is_the_environment_that_is_set) {
  open_town();
  auto_environment staging = {0}, e = {0};
  struct pull_request pr = lift(1);
  CHECK_OK(core_environment_create(town, project.id, "staging", instance.environment_id, false, &staging));
  id_copy(project.base_environment_id, staging.id);
  CHECK_OK(project_update(town_db, &project, 1));
  opened(&pr);
  CHECK_OK(environment_get(town_db, answer.environment_id, &e));
  CHECK_TEXT(e.source_environment_id, staging.id);
  close_town();
}

/* Whatever the database refused, the event is delivered again, and then all is as it should be. */
TEST(an_event_that_failed_halfway_is_completed_when_it_comes_again) {
  enum { STEP = 5 };
  bool failed = true;
  int tried = 0;
  for (int n = 1; failed; n += STEP, tried++) {
    open_town_without_code();
    struct pull_request pr = lift(0);
    auto_environment_list all = {0};
    pr.commit = "0123456789abcdef0123456789abcdef01234567";
    db_fail_after(town_db, n);
    struct pull_request_answer first = {0};
    err *e = core_pr_opened(town, project.id, &pr, &first);
    db_fail_after(town_db, 0);
    failed = e != NULL;
    err_free(e);
    free(first.said);
    opened(&pr);
    CHECK_OK(environment_list_by_project(town_db, project.id, NULL, &all));
    CHECK_INT(all.len, 2);
    CHECK_INT(deployments_in(), 2);
    close_town();
  }
  printf("# %d statements were tried\n", tried);
  CHECK(tried > 5);
}

/* ---- focused ---- */

TEST(focused_only_what_changed_is_deployed_and_what_it_needs) {
  open_town();
  struct pull_request pr = lift(1);
  auto_service docs = {0}, queue = {0};
  auto_service_instance docs_instance = {0}, queue_instance = {0}, skipped = {0};
  struct strv files = STRV_EMPTY;
  town_make_service("docs", &docs, &docs_instance);
  town_make_service("queue", &queue, &queue_instance);
  set_repository(&web_instance, "web");
  set_repository(&docs_instance, "/docs/");
  set_projects(true, true, false);
  struct variable v = {.name = (char *)"API", .value = (char *)"http://${{api.RAILWAY_PRIVATE_DOMAIN}}"};
  id_copy(v.project_id, project.id);
  id_copy(v.environment_id, instance.environment_id);
  id_copy(v.service_id, web.id);
  CHECK_OK(variable_set(town_db, &v));
  strv_add(&files, "web/index.html");
  strv_add(&files, "docs.md");
  pr.changed_files = &files;
  opened(&pr);
  CHECK(!str_eq(status_in(&web), "SKIPPED"));
  CHECK(!str_eq(status_in(&service), "SKIPPED")); /* web names it */
  CHECK_TEXT(status_in(&docs), "SKIPPED");
  CHECK_TEXT(status_in(&queue), "SKIPPED");
  instance_of(&docs, &skipped);
  CHECK_OK(core_unskip(town, &skipped, user.id));
  CHECK(!str_eq(status_in(&docs), "SKIPPED"));
  CHECK_TEXT(status_in(&queue), "SKIPPED");
  CHECK_ERR(core_unskip(town, &skipped, user.id), ERR_CONFLICT, "was not skipped");
  strv_done(&files);
  close_town();
}

/* A branch off main whose only commit is in docs/; its commit. */
static void branch_docs(char *ret_commit, size_t size) {
  auto_free char *folder = path_join(repository, "docs"), *file = path_join(folder, "a.md");
  CHECK_OK(file_make_dirs(folder, 0755));
  GIT("checkout", "-q", "-b", "words", "main");
  CHECK_OK(file_write_fast(file, "words", 5, 0644));
  GIT("add", ".");
  GIT("commit", "-q", "-m", "words");
  git((const char *const[]){"rev-parse", "HEAD", NULL}, ret_commit, size);
}

TEST(what_changed_is_asked_of_git_when_nobody_says_it) {
  open_town();
  char commit[64], id[ID_SIZE];
  struct pull_request pr = lift(2);
  auto_service docs = {0};
  auto_service_instance docs_instance = {0};
  town_make_service("docs", &docs, &docs_instance);
  set_repository(&web_instance, "web");
  set_repository(&docs_instance, "docs");
  branch_docs(commit, sizeof commit);
  pr.branch = "words";
  pr.commit = commit;
  set_projects(true, true, false);
  opened(&pr);
  CHECK_HAS(answer.said, "looking at what it changes");
  id_copy(id, answer.environment_id);
  CHECK_INT(deployments_in(), 0);
  opened(&pr); /* meanwhile */
  if (!deployments_in()) town_restart(); /* and tramd ends */
  WAIT(deployments_in() == 3);
  CHECK_TEXT(answer.environment_id, id);
  CHECK_TEXT(status_in(&web), "SKIPPED");
  CHECK_TEXT(status_in(&service), "SKIPPED");
  CHECK(!str_eq(status_in(&docs), "SKIPPED"));
  pr.base_branch = "nowhere"; /* git cannot say */
  pr.commit = commits[1];
  opened(&pr);
  WAIT(deployments_in() > 4);
  CHECK(!str_eq(status_in(&web), "SKIPPED"));
  close_town();
}

TEST(watch_paths_decide_about_later_commits) {
  open_town();
  struct pull_request pr = lift(0);
  struct strv files = STRV_EMPTY;
  auto_deployment d = {0};
  strv_add(&web_instance.settings.watch_patterns, "/src/**");
  set_repository(&web_instance, NULL);
  strv_add(&files, "README.md");
  pr.changed_files = &files;
  opened(&pr);
  CHECK(!str_eq(status_in(&web), "SKIPPED")); /* a new environment has all */
  pr = lift(1);
  pr.changed_files = &files;
  opened(&pr);
  CHECK(latest_of(&web, &d));
  CHECK_STATUS(d.id, SKIPPED);
  CHECK_HAS(reason_of(d.id), "No changed files matched patterns");
  strv_done(&files);
  close_town();
}

/* ---- forks ---- */

static struct pull_request of_fork(int commit) {
  struct pull_request pr = lift(commit);
  pr.is_fork = true;
  return pr;
}

TEST(a_forks_commit_waits_for_approval_and_gets_no_variable) {
  open_town();
  struct pull_request pr = of_fork(1);
  auto_variable_list variables = {0};
  auto_deployment d = {0};
  opened(&pr);
  CHECK_TEXT(status_in(&web), "NEEDS_APPROVAL");
  CHECK_TEXT(status_in(&service), "NEEDS_APPROVAL");
  CHECK_OK(variable_list_by_environment(town_db, answer.environment_id, &variables));
  CHECK_INT(variables.len, 0);
  turns(20);
  town_restart();
  turns(20);
  CHECK_TEXT(status_in(&web), "NEEDS_APPROVAL");
  CHECK_INT(bld->started, 0);
  CHECK(latest_of(&web, &d));
  CHECK_HAS(reason_of(d.id), "approve");
  CHECK_OK(core_approve(town, d.id, user.id));
  WAIT_STATUS(d.id, SUCCESS);
  WAIT(str_eq(status_in(&service), "SUCCESS"));
  CHECK_ERR(core_approve(town, d.id, user.id), ERR_CONFLICT, "does not wait");
  close_town();
}

/* What a volume has is set aside on the disk: whoever may open a pull request must not be able to take all of it. */
TEST(a_forks_environment_sets_nothing_of_the_disk_aside_before_an_approval) {
  open_town();
  struct pull_request pr = of_fork(1);
  auto_volume made = {0};
  auto_volume_instance v = {0};
  auto_deployment d = {0};
  bool found = false;
  struct core_volume_request request = {.project_id = project.id, .environment_id = instance.environment_id,
                                        .service_id = service.id, .mount_path = "/data", .size_bytes = 1 << 30};
  CHECK_OK(core_volume_create(town, &request, &made));
  opened(&pr);
  CHECK_OK(volume_instance_find(town_db, made.id, answer.environment_id, &found, &v));
  CHECK(found);
  turns(20);
  town_restart();
  turns(20);
  CHECK(!fake_volume_find(&en->volumes, v.id));
  CHECK(latest_of(&web, &d));
  CHECK_OK(core_approve(town, d.id, user.id));
  WAIT(fake_volume_find(&en->volumes, v.id) != NULL);
  WAIT_STATUS(d.id, SUCCESS);
  close_town();
}

TEST(an_approval_is_for_one_commit) {
  open_town();
  struct pull_request pr = of_fork(0);
  auto_deployment first = {0}, second = {0};
  auto_service_instance i = {0};
  char by_hand[ID_SIZE];
  opened(&pr);
  CHECK(latest_of(&web, &first));
  pr = of_fork(1); /* while somebody looked at the first */
  opened(&pr);
  CHECK_STATUS(first.id, SKIPPED);
  CHECK_ERR(core_approve(town, first.id, user.id), ERR_CONFLICT, "SKIPPED");
  CHECK(latest_of(&web, &second));
  CHECK_TEXT(second.settings.source_commit, commits[1]);
  CHECK_OK(core_approve(town, second.id, user.id));
  WAIT_STATUS(second.id, SUCCESS);
  instance_of(&web, &i);
  CHECK_OK(core_deploy_instance(town, &i, user.id, by_hand)); /* the same commit again */
  CHECK(!str_eq(status_in(&web), "NEEDS_APPROVAL"));
  WAIT_STATUS(by_hand, SUCCESS);
  pr = of_fork(2);
  opened(&pr);
  CHECK_TEXT(status_in(&web), "NEEDS_APPROVAL");
  service_instance_done(&i);
  i = (struct service_instance){0};
  instance_of(&web, &i);
  CHECK_OK(core_deploy_instance(town, &i, user.id, by_hand)); /* by hand is no way around it */
  CHECK_STATUS(by_hand, NEEDS_APPROVAL);
  pr.is_fork = false; /* nor is an event that says otherwise */
  opened(&pr);
  CHECK_TEXT(status_in(&web), "NEEDS_APPROVAL");
  close_town();
}

TEST(what_waits_for_approval_can_be_turned_down) {
  open_town();
  struct pull_request pr = of_fork(1);
  auto_deployment d = {0};
  opened(&pr);
  CHECK(latest_of(&web, &d));
  CHECK_OK(core_cancel(town, d.id));
  WAIT_STATUS(d.id, REMOVED);
  CHECK_ERR(core_approve(town, d.id, user.id), ERR_CONFLICT, "REMOVED");
  close_town();
}

TEST(what_waits_for_approval_goes_with_its_environment) {
  open_town();
  struct pull_request pr = of_fork(1);
  char id[ID_SIZE];
  opened(&pr);
  id_copy(id, answer.environment_id);
  closed(&pr);
  WAIT(environment_is_gone(id));
  CHECK_INT(bld->started, 0);
  free(answer.said);
  close_town();
}

TEST_MAIN
