/* The database fails once, at each statement of a deployment in turn: tramd does not crash, the old
 * deployment keeps serving until a new one does, what the rows say is true or can be gone on with,
 * and after a restart everything is settled. */
#include "town.h"

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

static void open_with_old(void) {
  town_open();
  deploy_live(old);
  turns(5);
  str_replace_owned(&instance.settings.pre_deploy_command, "migrate");
}

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

/* Until the database is asked nothing for some turns: what is left waits for something.  The test
 * itself asks it nothing meanwhile. */
static void let_it_go_on(bool serves) {
  enum { QUIET_TURNS = 12 };
  int before = statements, quiet = 0;
  for (int n = 0; n < 200 && quiet < QUIET_TURNS; n++) {
    turn();
    if (serves) CHECK(served_by()); /* visitors are never sent to what does not run */
    quiet = statements == before ? quiet + 1 : 0;
    before = statements;
  }
}

static void check_truth(void) {
  auto_deployment d = {0};
  latest(&d);
  if (d.status == DEPLOYMENT_FAILED) {
    CHECK(!str_empty(d.status_reason));
    CHECK_TEXT(served_by(), old);
  }
  if (d.status == DEPLOYMENT_SUCCESS) CHECK_TEXT(served_by(), d.id);
  bool back = false; /* all of a rollback is recorded, or nothing */
  CHECK_OK(domain_host_exists(town_db, lost_host, &back));
  CHECK_INT(back, *lost_host && str_eq(d.id, new) && d.status == DEPLOYMENT_SUCCESS);
}

static void fail_at(int nth, void (*open)(void), err *(*act)(void)) {
  open();
  count_statements();
  db_fail_after(town_db, nth);
  err *e = act();
  err_ignore(e);
  let_it_go_on(true);
  db_fail_after(town_db, 0);
  check_truth();
  town_restart();
  WAIT(is_settled());
  auto_deployment d = {0};
  latest(&d);
  bool ended = d.status == DEPLOYMENT_SUCCESS || d.status == DEPLOYMENT_FAILED;
  CHECK(ended);
  town_close();
}

static void fail_at_each(void (*open)(void), err *(*act)(void)) {
  open();
  count_statements();
  CHECK_OK(act());
  let_it_go_on(true);
  int most = statements;
  CHECK_STATUS(new, SUCCESS);
  WAIT(is_settled());
  town_close();
  printf("# %d statements\n", most);
  CHECK(most > 50);
  for (int n = 1; n <= most; n++) {
    printf("# the database fails at statement %d\n", n);
    fail_at(n, open, act);
  }
}

static err *act_deploy(void) {
  return core_deploy_instance(town, &instance, "", new);
}

TEST(a_deployment_survives_the_failure_of_each_statement) {
  fail_at_each(open_with_old, act_deploy);
}

static char ancient[ID_SIZE];

static void open_with_ancient(void) {
  town_open();
  auto_domain second = {0};
  deploy_live(ancient);
  snprintf(lost_host, sizeof lost_host, "%s", domain.host);
  CHECK_OK(core_domain_delete(town, domain.id));
  CHECK_OK(core_domain_create(town, &instance, 0, &second));
  domain_done(&domain);
  domain_copy(&second, &domain);
  deploy_live(old);
  WAIT_STATUS(ancient, REMOVED);
  turns(5);
}

static err *act_roll_back(void) {
  return core_rollback(town, ancient, "", new);
}

TEST(a_rollback_survives_the_failure_of_each_statement) {
  fail_at_each(open_with_ancient, act_roll_back);
}

static bool service_is_gone(void) {
  auto_service s = {0};
  auto_err *e = service_get(town_db, service.id, &s);
  auto_service_list deleted = {0};
  CHECK_OK(service_list_deleted(town_db, &deleted));
  return e && deleted.len == 0;
}

TEST(a_deletion_survives_the_failure_of_each_statement) {
  open_with_old();
  count_statements();
  CHECK_OK(core_service_delete(town, service.id));
  let_it_go_on(false);
  int most = statements;
  CHECK(service_is_gone());
  town_close();
  for (int n = 1; n <= most; n++) {
    printf("# the database fails at statement %d of %d\n", n, most);
    open_with_old();
    count_statements();
    db_fail_after(town_db, n);
    err *e = core_service_delete(town, service.id);
    let_it_go_on(false);
    db_fail_after(town_db, 0);
    if (e) CHECK_OK(core_service_delete(town, service.id));
    err_ignore(e);
    town_restart();
    WAIT(service_is_gone());
    CHECK_INT(fake_count(en, NULL), 0);
    town_close();
  }
}

TEST(a_cancellation_survives_the_failure_of_each_statement) {
  enum { MOST = 16 };
  for (int n = 1; n <= MOST; n++) {
    open_with_old();
    en->app.status = INSTANCE_CREATED;
    deploy(new);
    WAIT(fake_find(en, new, 0));
    count_statements();
    db_fail_after(town_db, n);
    err_ignore(core_cancel(town, new));
    let_it_go_on(true);
    db_fail_after(town_db, 0);
    CHECK_TEXT(served_by(), old);
    town_restart();
    WAIT(is_final(new) || (n == 1 && fake_find(en, new, 0)));
    WAIT_STATUS(old, SUCCESS);
    CHECK_TEXT(served_by(), old);
    town_close();
  }
}

TEST_MAIN
