/* Everything that can be asked of a deployment, at every moment of its life, and with an end of tramd
 * right after it: what is answered, what serves meanwhile, how all of them end, and that nothing is left.
 *
 * A cell of the table says what is refused ("…"), how `new` ends, and who serves in the end: 'o' old,
 * 'n' new, 'x' the deployment that was made, '-' nobody. */
#include "core/internal.h"
#include "phases.h"

static char ancient[ID_SIZE]; /* was live before `old`, and is removed */
static char made[ID_SIZE];    /* by the action; "" */

/* ---- the moments ---- */

enum kind { COMING, LIVE, CRASHED, COMPLETED, REMOVING, FAILED, REMOVED, KINDS };

struct moment {
  const char *name;
  enum kind kind;
  const struct phase *phase; /* of a COMING one; NULL: `arrive` makes it and takes it there */
  void (*arrive)(void);
};

static void use_repository(void) {
  instance.settings.source_kind = SOURCE_REPO;
  str_replace_owned(&instance.settings.source_repo, town_folder);
  change_settings();
}

static void arrive_fetching(void) {
  use_repository(); /* the fetch ends when the loop turns, and fails: it is no repository */
  deploy(new);
  CHECK_STATUS(new, INITIALIZING);
}

static void arrive_waiting(void) {
  auto_service base = {0};
  auto_service_instance base_instance = {0};
  char id[ID_SIZE];
  town_make_service("base", &base, &base_instance);
  set_variable("BASE", "http://base.railway.internal");
  en->app.status = INSTANCE_CREATED;
  CHECK_OK(core_deploy_instance(town, &base_instance, "", id));
  WAIT_STATUS(id, DEPLOYING);
  deploy(new);
  WAIT_STATUS(new, DEPLOYING);
  turns(4);
  CHECK_INT(fake_count(en, new), 0);
}

static void arrive_live(void) {
  deploy_live(new);
  WAIT_STATUS(old, REMOVED);
}

static void arrive_draining(void) {
  gate->sessions = 1;
  deploy_live(new);
  WAIT_STATUS(old, REMOVING);
  WAIT(gate->asked > 1);
}

static void end_app(struct fake_app app) {
  arrive_live();
  fake_change(en, fake_find(en, new, 0), app);
  WAIT(!served_by());
}

static void arrive_crashed(void) {
  end_app(fake_ended(INSTANCE_CRASHED, 3));
  CHECK_STATUS(new, CRASHED);
}

static void arrive_completed(void) {
  end_app(fake_ended(INSTANCE_EXITED, 0));
  CHECK_STATUS(new, SUCCESS);
}

static void arrive_removing(void) {
  arrive_live();
  en->hold_removals = true;
  CHECK_OK(core_remove(town, new, true));
  WAIT(!list_empty(&en->removals));
  CHECK_STATUS(new, REMOVING);
}

static void arrive_failed(void) {
  bld->fail = "no";
  deploy(new);
  WAIT_STATUS(new, FAILED);
  bld->fail = NULL;
}

static void arrive_removed(void) {
  arrive_live();
  CHECK_OK(core_remove(town, new, true));
  WAIT_STATUS(new, REMOVED);
}

/* clang-format off */
static const struct moment moments[] = {
  { "source is fetched",     COMING,    NULL,       arrive_fetching },
  { "queued",                COMING,    &phases[0], NULL },
  { "building",              COMING,    &phases[1], NULL },
  { "waits for another",     COMING,    NULL,       arrive_waiting },
  { "pre-deploy command",    COMING,    &phases[2], NULL },
  { "its job is removed",    COMING,    &phases[3], NULL },
  { "instances are started", COMING,    &phases[4], NULL },
  { "health is checked",     COMING,    &phases[5], NULL },
  { "the edge is told",      COMING,    &phases[6], NULL },
  { "the old one drains",    LIVE,      NULL,       arrive_draining },
  { "live",                  LIVE,      NULL,       arrive_live },
  { "crashed",               CRASHED,   NULL,       arrive_crashed },
  { "completed",             COMPLETED, NULL,       arrive_completed },
  { "removing",              REMOVING,  NULL,       arrive_removing },
  { "failed",                FAILED,    NULL,       arrive_failed },
  { "removed",               REMOVED,   NULL,       arrive_removed },
};
/* clang-format on */

/* ---- the actions ---- */

static err *do_nothing(void) {
  return NULL;
}
static err *do_redeploy(void) {
  return core_redeploy(town, new, false, "", made);
}
static err *do_newer(void) {
  return core_deploy_instance(town, &instance, "", made);
}
static err *do_roll_back(void) {
  return core_rollback(town, ancient, "", made);
}
static err *do_roll_back_to_it(void) {
  return core_rollback(town, new, "", made);
}
static err *do_restart(void) {
  return core_restart(town, new);
}
static err *do_restart_old(void) {
  return core_restart(town, old);
}
static err *do_cancel(void) {
  return core_cancel(town, new);
}
static err *do_remove(void) {
  return core_remove(town, new, false);
}
static err *do_remove_old(void) {
  return core_remove(town, old, false);
}
static err *do_scale(void) {
  instance.settings.num_replicas = 3;
  return core_set_settings(town, instance.id, &instance.settings);
}
static err *do_delete_service(void) {
  return core_service_delete(town, service.id);
}
static err *do_delete_environment(void) {
  return core_environment_delete(town, instance.environment_id);
}
static err *do_delete_project(void) {
  return core_project_delete(town, project.id);
}

struct cell {
  const char *refused; /* NULL: it is done */
  const char *status;  /* of `new`, in the end; NULL: all is gone */
  char serves;
};

struct action {
  const char *name;
  err *(*act)(void);
  struct cell cells[KINDS];
};

#define LIVE_ONE "it is the live one"
#define NEVER_LIVE "it never was live"
#define NOT_RUNNING "only a running one can be restarted"
#define NO_CANCEL "nothing to cancel"
#define IS_LIVE "it is live"
#define GONE {{0}, {0}, {0}, {0}, {0}, {0}, {0}}
/* clang-format off */
#define S "SUCCESS"
#define R "REMOVED"
static const struct action actions[] = {
  /*                                            COMING                 LIVE                  CRASHED                       COMPLETED              REMOVING               FAILED                        REMOVED */
  { "nothing",            do_nothing,         {{NULL, S, 'n'},        {NULL, S, 'n'},       {NULL, "CRASHED", '-'},       {NULL, S, '-'},        {NULL, R, '-'},        {NULL, "FAILED", 'o'},        {NULL, R, '-'}} },
  { "redeploy",           do_redeploy,        {{NULL, R, 'x'},        {NULL, R, 'x'},       {NULL, R, 'x'},               {NULL, R, 'x'},        {NULL, R, 'x'},        {NULL, "FAILED", 'x'},        {NULL, R, 'x'}} },
  { "a newer one",        do_newer,           {{NULL, R, 'x'},        {NULL, R, 'x'},       {NULL, R, 'x'},               {NULL, R, 'x'},        {NULL, R, 'x'},        {NULL, "FAILED", 'x'},        {NULL, R, 'x'}} },
  { "rollback",           do_roll_back,       {{NULL, R, 'x'},        {NULL, R, 'x'},       {NULL, R, 'x'},               {NULL, R, 'x'},        {NULL, R, 'x'},        {NULL, "FAILED", 'x'},        {NULL, R, 'x'}} },
  { "rollback to it",     do_roll_back_to_it, {{NEVER_LIVE, S, 'n'},  {LIVE_ONE, S, 'n'},   {LIVE_ONE, "CRASHED", '-'},   {LIVE_ONE, S, '-'},    {NULL, R, 'x'},        {NEVER_LIVE, "FAILED", 'o'},  {NULL, R, 'x'}} },
  { "restart",            do_restart,         {{NOT_RUNNING, S, 'n'}, {NULL, S, 'n'},       {NULL, S, 'n'},               {NULL, S, 'n'},        {NOT_RUNNING, R, '-'}, {NOT_RUNNING, "FAILED", 'o'}, {NOT_RUNNING, R, '-'}} },
  { "restart of the old", do_restart_old,     {{NULL, S, 'n'},        {NOT_RUNNING, S, 'n'}, {NOT_RUNNING, "CRASHED", '-'}, {NOT_RUNNING, S, '-'}, {NOT_RUNNING, R, '-'}, {NULL, "FAILED", 'o'},       {NOT_RUNNING, R, '-'}} },
  { "cancel",             do_cancel,          {{NULL, R, 'o'},        {IS_LIVE, S, 'n'},    {IS_LIVE, "CRASHED", '-'},    {IS_LIVE, S, '-'},     {NO_CANCEL, R, '-'},   {NO_CANCEL, "FAILED", 'o'},   {NO_CANCEL, R, '-'}} },
  { "remove",             do_remove,          {{NULL, R, 'o'},        {NULL, R, '-'},       {NULL, R, '-'},               {NULL, R, '-'},        {NULL, R, '-'},        {NULL, "FAILED", 'o'},        {NULL, R, '-'}} },
  { "remove the old",     do_remove_old,      {{NULL, S, 'n'},        {NULL, S, 'n'},       {NULL, "CRASHED", '-'},       {NULL, S, '-'},        {NULL, R, '-'},        {NULL, "FAILED", '-'},        {NULL, R, '-'}} },
  { "three replicas",     do_scale,           {{NULL, S, 'n'},        {NULL, S, 'n'},       {NULL, S, 'n'},               {NULL, S, 'n'},        {NULL, R, '-'},        {NULL, "FAILED", 'o'},        {NULL, R, '-'}} },
  { "delete service",     do_delete_service,     GONE },
  { "delete environment", do_delete_environment, GONE },
  { "delete project",     do_delete_project,     GONE },
};
#undef S
#undef R
/* clang-format on */

/* ---- what must be so ---- */

static long long number_of(const char *sql) {
  int64_t number;
  CHECK_OK(db_query_int(town_db, sql, DB_NONE, -1, &number));
  return number;
}

/* Nothing is on its way any more, neither in core nor in what it was given. */
static bool is_settled(void) {
  return core_is_quiet(town) && !map_len(town->runs) && !map_len(town->retiring) && !map_len(town->scaling) &&
         !map_len(town->settling) && list_empty(&en->removals) &&
         list_empty(&gate->tellings) && json_equal(gate->wanted, gate->live) &&
         !number_of("SELECT count(*) FROM deployments WHERE status NOT IN"
                    " ('SUCCESS', 'CRASHED', 'FAILED', 'REMOVED')") &&
         !number_of("SELECT count(*) FROM projects WHERE deleted_us > 0") &&
         !number_of("SELECT count(*) FROM environments WHERE deleted_us > 0") &&
         !number_of("SELECT count(*) FROM services WHERE deleted_us > 0");
}

/* Visitors find somebody at each moment, as long as nobody asked for something else. */
static bool must_serve;

static void watch(void) {
  turn();
  if (must_serve && !served_by()) TAP_FAIL("nobody serves");
}

static void check_nothing_left_at_all(void) {
  LIST_FOREACH(i, &en->instances, struct fake_instance, link) {
    auto_deployment d = {0};
    CHECK_OK(deployment_get(town_db, i->workload_id, &d)); /* no job, and none without a deployment */
    CHECK(deployment_status_is_active(d.status));
  }
  CHECK_INT(number_of("SELECT count(*) FROM deployment_steps WHERE completed_us = 0"), 0);
  CHECK_INT(number_of("SELECT count(*) FROM deployment_instances WHERE status <> 'REMOVED'"), fake_count(en, NULL));
  CHECK_INT(number_of("SELECT count(*) FROM receipts WHERE ended_us = 0"), 0);
  CHECK_INT(number_of("SELECT count(*) FROM deployments WHERE status IN ('SUCCESS', 'CRASHED')"
                      " GROUP BY service_instance_id HAVING count(*) > 1"), -1);
}

static const char *id_of(char serves) {
  return serves == 'o' ? old : serves == 'n' ? new : serves == 'x' ? made : NULL;
}

static void check_end(const struct moment *m, const struct action *a) {
  const struct cell *cell = &a->cells[m->kind];
  check_nothing_left_at_all();
  if (!cell->status) {
    CHECK_INT(number_of("SELECT count(*) FROM deployments WHERE service_instance_id IN"
                        " (SELECT id FROM service_instances WHERE service_id ="
                        "  (SELECT id FROM services WHERE name = 'api'))"), 0);
    CHECK(!json_object_get(gate->live, domain.host));
    return;
  }
  bool fetch_failed = m->arrive == arrive_fetching && str_eq(cell->status, "SUCCESS");
  bool made_failed = m->arrive == arrive_fetching && *made && a->act != do_roll_back;
  bool failed_first = m->arrive == arrive_fetching && a->act == do_roll_back && status_of(new) == DEPLOYMENT_FAILED;
  const char *status = fetch_failed || made_failed || failed_first ? "FAILED" : cell->status;
  const char *server = fetch_failed || made_failed ? old : id_of(cell->serves);
  if (fetch_failed && a->act == do_remove_old) server = NULL;
  CHECK_TEXT(deployment_status_name(status_of(new)), status);
  CHECK_TEXT(served_by(), server);
  if (made_failed) CHECK_STATUS(made, FAILED);
  if (server && !str_eq(server, old)) CHECK_STATUS(old, REMOVED);
  if (server && a->act == do_scale) CHECK_INT(fake_count(en, server), 3);
  if (server && a->act != do_scale) CHECK_INT(fake_count(en, server), 1);
}

/* ---- all of them ---- */

static void arrive(const struct moment *m) {
  auto_environment spare = {0};
  *made = '\0';
  must_serve = false;
  town_open();
  CHECK_OK(core_environment_create(town, project.id, "spare", NULL, false, &spare));
  deploy_live(ancient);
  deploy_live(old);
  WAIT_STATUS(ancient, REMOVED);
  if (m->arrive) {
    m->arrive();
    return;
  }
  m->phase->hold();
  change_settings();
  deploy(new);
  WAIT(m->phase->reached());
}

static bool takes_down(const struct moment *m, const struct action *a) {
  bool in_place = a->act == do_restart || a->act == do_restart_old; /* it is away for a moment */
  return !a->cells[m->kind].status || in_place || a->act == do_remove_old || (a->act == do_remove && m->kind == LIVE);
}

static void try_cell(const struct moment *m, const struct action *a, bool restart) {
  printf("# %s: %s%s\n", m->name, a->name, restart ? ", and tramd ends" : "");
  arrive(m);
  must_serve = served_by() && !takes_down(m, a);
  err *e = a->act();
  const char *refused = a->cells[m->kind].refused;
  if (refused)
    CHECK_ERR(e, ERR_CONFLICT, refused);
  else
    CHECK_OK(e);
  if (restart) town_restart();
  for (int i = 0; i < 3; i++) watch();
  release_all();
  TAP_WAIT_FOR(is_settled(), TOWN_DEADLINE_MS, watch());
  check_end(m, a);
  town_close();
}

/* AddressSanitizer makes it five times as slow, and sees a third of the cells; without it all are tried. */
#ifdef __SANITIZE_ADDRESS__
#define IS_TRIED(cell) ((cell) % 3 == 0)
#else
#define IS_TRIED(cell) true
#endif

static void try_all(bool restarts) {
  for (size_t i = 0; i < ARRAY_LEN(moments); i++)
    for (size_t n = 0; n < ARRAY_LEN(actions); n++)
      if (IS_TRIED(i + n + restarts)) try_cell(&moments[i], &actions[n], restarts);
}

TEST(everything_at_every_moment) {
  try_all(false);
}

TEST(everything_at_every_moment_and_tramd_ends_right_after) {
  try_all(true);
}

TEST_MAIN
