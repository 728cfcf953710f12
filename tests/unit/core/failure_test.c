/* The database fails once, at each statement of what can be done with a deployment in turn: tramd does
 * not crash, visitors are always sent to what runs, who asked or the deployment's reason is told the
 * failure, everything comes to rest by itself, nothing is left over, and the next deploy works. */
#include "uploads.h"

static char old[ID_SIZE], new[ID_SIZE];
static char lost_host[256]; /* "", or what comes back with the deployment */
static int statements;

static int count_statement(unsigned what, void *arg, void *statement, void *text) {
  (void)what, (void)arg, (void)statement, (void)text;
  statements++;
  return 0;
}

static void count_statements(void) {
  statements = 0;
  sqlite3_trace_v2(db_handle(town_db), SQLITE_TRACE_STMT, count_statement, NULL);
}

static int failures; /* statements that were made to fail, over all scenarios */

enum { EVERY_RESTART = 4, EVERY_NEXT = 4 }; /* not each time: they are slow */

/* ---- what is done ---- */

static err *deploy_with_job(void) {
  str_replace_owned(&instance.settings.pre_deploy_command, "migrate");
  return core_deploy_instance(town, &instance, "", new);
}

static err *redeploy(void) {
  return core_redeploy(town, old, true, "", new);
}

static char first[ID_SIZE]; /* was live before `old`, and had another domain */

static void deploy_twice(void) {
  auto_domain second = {0};
  id_copy(first, old);
  snprintf(lost_host, sizeof lost_host, "%s", domain.host);
  CHECK_OK(core_domain_delete(town, domain.id));
  CHECK_OK(core_domain_create(town, &instance, 0, &second));
  while (str_eq(second.host, lost_host)) { /* its number is drawn: one in thousands is the same again */
    CHECK_OK(core_domain_delete(town, second.id));
    domain_done(&second);
    CHECK_OK(core_domain_create(town, &instance, 0, &second));
  }
  domain_done(&domain);
  domain_copy(&second, &domain);
  deploy_live(old);
  WAIT_STATUS(first, REMOVED);
}

static err *roll_back(void) {
  return core_rollback(town, first, "", new);
}

static char *archive;
static err *upload_error;

static void make_archive(void) {
  free(archive);
  archive = archive_of(FILES("index.html", "<p>one", "railway.toml", "[deploy]\nnumReplicas = 1\n[env]\nA = 'b'\n"));
}

static void on_answer(void *arg, err *e, const char *id) {
  upload_error = e;
  if (!e) id_copy(new, id);
  *(bool *)arg = true;
}

static err *upload(void) {
  struct core_upload request = {.project_id = project.id, .environment_id = instance.environment_id,
                                .service_id = service.id, .archive_path = archive, .message = "", .user_id = ""};
  bool answered = false;
  core_deploy_upload(town, &request, on_answer, &answered);
  TAP_WAIT_FOR(answered, TOWN_DEADLINE_MS, turn());
  CHECK(!file_exists(archive));
  return upload_error;
}

static void deploy_to_cancel(void) {
  en->app.status = INSTANCE_CREATED; /* it starts, and never runs */
  deploy(new);
  WAIT(fake_find(en, new, 0));
}

static err *cancel(void) {
  return core_cancel(town, new);
}

static err *scale(void) {
  instance.settings.num_replicas = 3;
  return core_set_settings(town, instance.id, &instance.settings);
}

static err *restart(void) {
  return core_restart(town, old);
}

static err *take_down(void) {
  return core_remove(town, old, false);
}

static err *delete_service(void) {
  return core_service_delete(town, service.id);
}

static err *delete_project(void) {
  return core_project_delete(town, project.id);
}

/* ---- how it ends ---- */

static void latest(struct deployment *ret_deployment) {
  bool found = false;
  CHECK_OK(deployment_find_latest(town_db, instance.id, &found, ret_deployment));
  CHECK(found);
}

/* Every deployment has come to rest: the only active one serves, and nothing else runs. */
static bool is_settled(void) {
  auto_deployment active = {0};
  auto_deployment_list unfinished = {0};
  bool found = false;
  CHECK_OK(deployment_list_unfinished(town_db, &unfinished));
  CHECK_OK(deployment_find_active(town_db, instance.id, &found, &active));
  return found && unfinished.len <= 1 && str_eq(served_by(), active.id) &&
         fake_count(en, active.id) == fake_count(en, NULL);
}

/* As many run as its settings say. */
static bool is_scaled(void) {
  auto_service_instance now = {0};
  CHECK_OK(service_instance_get(town_db, instance.id, &now));
  return is_settled() && fake_count(en, NULL) == now.settings.num_replicas;
}

static bool is_down(void) {
  auto_deployment_list unfinished = {0};
  CHECK_OK(deployment_list_unfinished(town_db, &unfinished));
  return unfinished.len == 0 && fake_count(en, NULL) == 0 && !served_by();
}

static bool service_is_gone(void) {
  auto_service s = {0};
  auto_err *e = service_get(town_db, service.id, &s);
  auto_service_list deleted = {0};
  CHECK_OK(service_list_deleted(town_db, &deleted));
  return e && deleted.len == 0 && fake_count(en, NULL) == 0;
}

static bool project_is_gone(void) {
  auto_project p = {0};
  auto_err *e = project_get(town_db, project.id, &p);
  return e && service_is_gone();
}

static const struct scenario {
  const char *name;
  void (*prepare)(void); /* NULL: nothing beside a live deployment */
  err *(*act)(void);
  bool (*is_at_rest)(void);
  bool stops; /* at the end nobody is served */
} scenarios[] = {
    {"a deployment", NULL, deploy_with_job, is_settled, false},
    {"an upload", make_archive, upload, is_settled, false},
    {"a redeploy of an image", NULL, redeploy, is_settled, false},
    {"a rollback", deploy_twice, roll_back, is_settled, false},
    {"a cancellation", deploy_to_cancel, cancel, is_settled, false},
    {"a change of replicas", NULL, scale, is_scaled, false},
    {"a restart", NULL, restart, is_settled, false},
    {"a removal", NULL, take_down, is_down, true},
    {"the deletion of a service", NULL, delete_service, service_is_gone, true},
    {"the deletion of a project", NULL, delete_project, project_is_gone, true},
};

/* Until the database is asked nothing for some turns: what is left waits for something.  The test
 * itself asks it nothing meanwhile. */
static void let_it_go_on(bool serves) {
  enum { QUIET_TURNS = 5 };
  int before = statements, quiet = 0;
  for (int n = 0; n < 200 && quiet < QUIET_TURNS; n++) {
    turn();
    if (serves) CHECK(served_by()); /* visitors are never sent to what does not run */
    quiet = statements == before ? quiet + 1 : 0;
    before = statements;
  }
}

static void open_scenario(const struct scenario *s) {
  *lost_host = '\0';
  town_open();
  deploy_live(old);
  WAIT(is_settled());
  turns(2);
  if (s->prepare) s->prepare();
  turns(2);
  count_statements();
}

static void check_truth(void) {
  auto_deployment d = {0};
  latest(&d);
  if (d.status == DEPLOYMENT_FAILED) {
    CHECK_HAS(d.status_reason ? d.status_reason : "", "injected failure");
    CHECK_TEXT(served_by(), old);
  }
  if (d.status == DEPLOYMENT_SUCCESS) CHECK_TEXT(served_by(), d.id);
  bool back = false; /* all of a rollback is recorded, or nothing */
  CHECK_OK(domain_host_exists(town_db, lost_host, &back));
  CHECK_INT(back, *lost_host && str_eq(d.id, new) && d.status == DEPLOYMENT_SUCCESS);
}

static void check_next_deploy(void) {
  char next[ID_SIZE];
  en->app.status = INSTANCE_RUNNING;
  deploy_live(next);
  WAIT(is_settled());
  check_nothing_left(old);
}

/* What was refused can be asked for again. */
static void act_again(const struct scenario *s) {
  if (s->prepare == make_archive) make_archive();
  auto_err *e = s->act();
  bool done_already = e && (err_code_of(e) == ERR_CONFLICT || err_code_of(e) == ERR_NOT_FOUND);
  if (!done_already) CHECK_OK(err_dup(e));
}

static void fail_at(const struct scenario *s, int nth, bool restarts) {
  open_scenario(s);
  db_fail_after(town_db, nth);
  err *e = s->act();
  if (e) CHECK_HAS(err_message(e), "injected failure");
  let_it_go_on(!s->stops);
  db_fail_after(town_db, 0);
  if (!s->stops) check_truth();
  if (restarts) town_restart();
  if (e && (s->stops || s->act == cancel)) act_again(s);
  err_free(e);
  WAIT(s->is_at_rest());
  if (!s->stops && nth % EVERY_NEXT == 0) check_next_deploy();
  town_close();
}

static int count_of(const struct scenario *s) {
  open_scenario(s);
  CHECK_OK(s->act());
  let_it_go_on(!s->stops);
  WAIT(s->is_at_rest());
  int most = statements;
  town_close();
  return most;
}

static void fail_each(const struct scenario *s, int step, bool restarts) {
  int most = count_of(s);
  printf("# %s: %d statements\n", s->name, most);
  for (int n = 1; n <= most; n += step) {
    if (getenv("VERBOSE")) printf("# %s: the database fails at statement %d\n", s->name, n);
    fail_at(s, n, restarts);
  }
  failures += most;
}

/* AddressSanitizer makes it five times as slow; without it each statement fails. */
#ifdef __SANITIZE_ADDRESS__
enum { EVERY = 5 };
#else
enum { EVERY = 1 };
#endif

TEST(everything_survives_the_failure_of_each_statement) {
  for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) fail_each(&scenarios[i], EVERY, false);
  printf("# %d statements failed\n", failures);
  CHECK(failures >= 300);
  free(archive);
  archive = NULL;
}

TEST(and_a_restart_right_after_it) {
  fail_each(&scenarios[0], EVERY_RESTART * EVERY, true);
}

TEST_MAIN
