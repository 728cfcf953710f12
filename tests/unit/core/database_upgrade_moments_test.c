/* Whatever happens to an upgrade of a Postgres, or to its way back, at whatever moment, and when tramd ends right after it: one
 * version serves, with its own volume, and can be written to; the former volume is never destroyed; nothing of the copy is left. */
#include "core/internal.h"
#include "store/event.h"
#include "upgrade_town.h"

/* ---- the moments ---- */

static char held_id[ID_SIZE]; /* the deployment that a moment holds */

static bool find_latest_of(const char *service_id) {
  auto_service_instance i = {0};
  auto_deployment d = {0};
  bool found = false;
  CHECK_OK(service_instance_find(town_db, service_id, instance.environment_id, &found, &i));
  if (found) CHECK_OK(deployment_find_latest(town_db, i.id, &found, &d));
  if (found) id_copy(held_id, d.id);
  return found;
}

static bool find_copy(void) {
  auto_service sibling = {0};
  return sibling_exists(&sibling) && find_latest_of(sibling.id);
}

static bool find_new(void) {
  return find_latest_of(store.id) && !str_eq(held_id, id);
}

static void hold_build(void) {
  bld->hold = true;
}
static void hold_start(void) {
  en->app.status = INSTANCE_CREATED;
}
static void hold_freeze(void) {
  hold_question = "ALTER SYSTEM SET";
}
static void hold_connections(void) {
  hold_question = "pg_terminate_backend";
}
static void hold_forget(void) {
  hold_question = "pg_current_xact_id";
}
static void hold_facts(void) {
  hold_question = "'extensions'";
}
static void hold_last(void) {
  hold_question = "pg_terminate_backend";
  hold_after = 2;
}
static void hold_volume(void) {
  en->volumes.hold = true;
}
static void hold_new_build(void) {
  before_swap = hold_build;
}
static void hold_new_start(void) {
  before_swap = hold_start;
}

static bool is_asked(void) {
  return fake_exec_held != NULL;
}
static bool copy_exists(void) {
  return find_copy();
}
static bool copy_is_built(void) {
  return find_copy() && fake_build_of(bld, held_id);
}
static bool copy_starts(void) {
  return find_copy() && fake_find(en, held_id, 0);
}
static bool new_is_built(void) {
  return find_new() && fake_build_of(bld, held_id);
}
static bool new_starts(void) {
  return find_new() && fake_find(en, held_id, 0);
}

/* 'b' before there is a copy, 'c' there is one, 's' the service has its volume and image. */
/* clang-format off */
static const struct moment {
  const char *name;
  char when;
  void (*hold)(void);
  bool (*reached)(void);
} moments[] = {
  { "writing is to end",              'b', hold_freeze,      is_asked },
  { "connections are to end",         'b', hold_connections, is_asked },
  { "the settings are taken back",    'b', hold_forget,      is_asked },
  { "the copy's volume is made",      'c', hold_volume,      copy_exists },
  { "the copy's image is made",       'c', hold_build,       copy_is_built },
  { "the copy starts",                'c', hold_start,       copy_starts },
  { "the two are compared",           'c', hold_facts,       is_asked },
  { "nobody has written?",            'c', hold_last,        is_asked },
  { "the new version's image is made",'s', hold_new_build,   new_is_built },
  { "the new version starts",         's', hold_new_start,   new_starts },
};
/* clang-format on */

static void release(void) {
  bld->hold = en->volumes.hold = false;
  en->app = fake_runs(8080);
  let_go();
  fake_volumes_answer(&en->volumes);
  fake_end_builds(bld);
  LIST_FOREACH(i, &en->instances, struct fake_instance, link)
    if (i->app.status == INSTANCE_CREATED) fake_change(en, i, en->app);
}

/* ---- what happens ---- */

static void do_nothing(void) {
}
static void do_cancel(void) {
  CHECK_OK(core_database_upgrade_cancel(town, instance.environment_id, store.id));
}
static void do_delete_service(void) {
  CHECK_OK(core_service_delete(town, store.id));
}
static void do_delete_copy(void) {
  auto_service sibling = {0};
  if (sibling_exists(&sibling)) CHECK_OK(core_service_delete(town, sibling.id));
}
static void do_delete_new_volume(void) {
  auto_database_upgrade u = {0};
  if (look(&u) && *u.volume_id) CHECK_OK(core_volume_instance_delete(town, u.volume_id, ""));
}
static void do_fail_builds(void) {
  bld->fail = "no such package";
}
static void do_fail_start(void) {
  LIST_FOREACH(i, &en->instances, struct fake_instance, link)
    if (i->app.status == INSTANCE_CREATED) fake_change(en, i, fake_ended(INSTANCE_CRASHED, 1));
}
static void do_redeploy(void) {
  auto_service_instance now = {0};
  char made[ID_SIZE];
  CHECK_OK(service_instance_get(town_db, store_instance.id, &now));
  CHECK_OK(core_deploy_instance(town, &now, "", made));
}
static void do_deploy_former(void) { /* as a rollback does */
  char made[ID_SIZE];
  CHECK_OK(core_deploy_instance(town, &store_instance, "", made));
}

/* How it ends at the moments 'b', 'c' and 's': 'u' upgraded, 'f' as it was, '-' without the service, '?' whichever. */
/* clang-format off */
static const struct {
  const char *name;
  void (*act)(void);
  const char *ends;
} actions[] = {
  { "nothing",                              do_nothing,           "uuu" },
  { "it is cancelled",                      do_cancel,            "fff" },
  { "the service is deleted",               do_delete_service,    "---" },
  { "the copy's service is deleted",        do_delete_copy,       "ufu" },
  { "the copy's volume is deleted",         do_delete_new_volume, "uff" },
  { "no image can be made any more",        do_fail_builds,       "???" },
  { "what starts ends at once",             do_fail_start,        "u??" },
  { "somebody deploys the service",         do_redeploy,          "??u" },
  { "somebody deploys what was before",     do_deploy_former,     "??f" },
};
/* clang-format on */

/* ---- and then ---- */

static bool is_open(const struct database_upgrade *u) {
  return u->status < DATABASE_UPGRADE_DONE || u->status == DATABASE_UPGRADE_RETURNING;
}

static bool is_settled(void) {
  auto_database_upgrade u = {0};
  bool open = look(&u) && is_open(&u);
  return !open && core_is_quiet(town) && !map_len(town->runs) && !map_len(town->retiring) && list_empty(&en->removals) &&
         !fake_execs_alive;
}

static void check_serves(const char *image, const char *volume_id) {
  const struct fake_instance *i = runs_now();
  auto_deployment d = {0};
  CHECK(i);
  CHECK_TEXT(i->volume_id, volume_id);
  CHECK_INT(i->app.status, INSTANCE_RUNNING);
  CHECK_OK(deployment_get(town_db, i->workload_id, &d));
  CHECK_STATUS(i->workload_id, SUCCESS);
  CHECK_TEXT(d.settings.source_image, image);
  check_service(image, volume_id);
  int running = 0;
  LIST_FOREACH(n, &en->instances, struct fake_instance, link) running++;
  CHECK_INT(running, 1);
}

static bool volume_state(const char *volume_id, enum volume_state *ret_state) {
  auto_volume_instance v = {0};
  err *e = *volume_id ? volume_instance_get(town_db, volume_id, &v) : err_new(ERR_NOT_FOUND, "none");
  bool found = !e;
  if (found) *ret_state = v.state;
  err_free(e);
  return found;
}

static void check_event(const char *object, const char *action) {
  auto_event_list events = {0};
  bool found = false;
  CHECK_OK(event_list(town_db, &(struct event_filter){.project_id = project.id}, NULL, &events));
  for (size_t i = 0; i < events.len; i++)
    found |= str_eq(events.items[i].object, object) && str_eq(events.items[i].action, action);
  CHECK(found);
}

static bool is_thawed(void) {
  return strstr(str_text(&asked), "setting = 'no' AND sourcefile ~ '/postgresql.auto.conf$') \\gexec\nSELECT pg_reload_conf()");
}

static void check_end(char end) {
  auto_database_upgrade u = {0};
  enum volume_state state = VOLUME_DELETING;
  CHECK(volume_state(former.id, &state));
  CHECK(state != VOLUME_DELETING);
  check_no_sibling();
  bool found = look(&u);
  if (end == '-') {
    CHECK(!found);
    CHECK_INT(fake_count(en, NULL), 0);
    return;
  }
  CHECK(found);
  bool upgraded = u.status == DATABASE_UPGRADE_DONE;
  if (end != '?') CHECK_INT(upgraded, end == 'u');
  check_serves(upgraded ? "tramway/postgres:17" : "tramway/postgres:15", upgraded ? u.volume_id : former.id);
  if (!upgraded) CHECK(is_thawed());
  check_event("upgrade", upgraded ? "done" : "failed");
}

/* AddressSanitizer makes it five times as slow, and sees a third of the cells; without it all are tried. */
#ifdef __SANITIZE_ADDRESS__
enum { STEP = 3 };
#else
enum { STEP = 1 };
#endif

static void try_moment(const struct moment *m, size_t action, bool restart) {
  const char *ends = actions[action].ends;
  printf("# %s: %s%s\n", m->name, actions[action].name, restart ? ", and tramd ends" : "");
  open_store();
  m->hold();
  CHECK_OK(upgrade("17", false));
  WAIT(m->reached());
  actions[action].act();
  if (restart) town_restart();
  turns(3);
  release();
  TAP_WAIT_FOR(is_settled(), TOWN_DEADLINE_MS, turn());
  bld->fail = NULL;
  char end = ends[m->when == 'b' ? 0 : m->when == 'c' ? 1 : 2];
  check_end(restart && end == 'u' && m->when != 's' ? 'f' : end);
  close_store();
}

TEST(whatever_happens_at_whatever_moment) {
  for (size_t i = 0; i < ARRAY_LEN(moments); i++)
    for (size_t n = i % STEP; n < ARRAY_LEN(actions); n += STEP) try_moment(&moments[i], n, false);
}

TEST(and_tramd_ends_right_after) {
  for (size_t i = 0; i < ARRAY_LEN(moments); i++)
    for (size_t n = (i + 1) % STEP; n < ARRAY_LEN(actions); n += STEP) try_moment(&moments[i], n, true);
}

/* ---- the way back ---- */

static void open_upgraded(struct database_upgrade *ret_upgrade) {
  open_store();
  CHECK_OK(upgrade("17", false));
  WAIT_UPGRADE(DONE);
  WAIT(is_settled());
  CHECK(look(ret_upgrade));
}

static void do_delete_former_volume(void) {
  CHECK_OK(core_volume_instance_delete(town, former.id, ""));
}

static void try_back(bool at_build, size_t action, bool restart) {
  static const struct {
    const char *name;
    void (*act)(void);
    char end; /* 'f' back, 'u' still upgraded */
  } all[] = {
      {"nothing", do_nothing, 'f'},
      {"no image can be made any more", do_fail_builds, '?'},
      {"the former version does not start", do_fail_start, '?'},
      {"the former volume is deleted", do_delete_former_volume, 'u'},
      {"the service is deleted", do_delete_service, '-'},
  };
  auto_database_upgrade u = {0}, now = {0};
  if (action >= ARRAY_LEN(all)) return;
  printf("# back, %s: %s%s\n", at_build ? "the image is made" : "it starts", all[action].name, restart ? ", and tramd ends" : "");
  open_upgraded(&u);
  id_copy(id, runs_now()->workload_id);
  (at_build ? hold_build : hold_start)();
  CHECK_OK(core_database_upgrade_back(town, instance.environment_id, store.id, ""));
  WAIT(at_build ? new_is_built() : new_starts());
  CHECK_ERR(core_database_upgrade_cancel(town, instance.environment_id, store.id), ERR_CONFLICT, "no upgrade of this database");
  all[action].act();
  if (restart) town_restart();
  turns(3);
  release();
  TAP_WAIT_FOR(is_settled(), TOWN_DEADLINE_MS, turn());
  bld->fail = NULL;
  bool found = look(&now);
  CHECK_INT(found, all[action].end != '-');
  if (found) {
    bool back = now.status == DATABASE_UPGRADE_RETURNED;
    if (all[action].end != '?') CHECK_INT(back, all[action].end == 'f');
    check_serves(back ? "tramway/postgres:15" : "tramway/postgres:17", back ? former.id : u.volume_id);
    check_event("way back of an upgrade", back ? "done" : "failed");
  }
  close_store();
}

TEST(the_way_back_is_as_safe) {
  for (size_t n = 0; n < 5; n++)
    for (int i = 0; i < 4; i++) try_back(i & 1, n, i & 2);
}

/* ---- the database fails ---- */

enum { TURNS_MAX = 1000 };
static int statements;

static int count_statement(unsigned what, void *arg, void *statement, void *text) {
  (void)what, (void)arg, (void)statement, (void)text;
  statements++;
  return 0;
}

/* The `nth` statement of tramd's own database fails (0: none): in the end one version serves. */
static void upgrade_failing_at(int nth) {
  auto_database_upgrade u = {0};
  printf("# statement %d\n", nth);
  open_store();
  statements = 0;
  sqlite3_trace_v2(db_handle(town_db), SQLITE_TRACE_STMT, count_statement, NULL);
  db_fail_after(town_db, nth);
  err *e = upgrade("17", false);
  bool begun = !e;
  err_ignore(e);
  for (int i = 0; i < TURNS_MAX && statements < nth; i++) turn();
  db_fail_after(town_db, 0);
  TAP_WAIT_FOR(is_settled(), TOWN_DEADLINE_MS, turn());
  bool upgraded = look(&u) && u.status == DATABASE_UPGRADE_DONE;
  check_serves(upgraded ? "tramway/postgres:17" : "tramway/postgres:15", upgraded ? u.volume_id : former.id);
  check_no_sibling();
  if (begun && !upgraded) CHECK(is_thawed());
  close_store();
}

TEST(its_own_database_may_fail_at_any_statement) {
  upgrade_failing_at(0);
  int most = statements;
  printf("# %d statements\n", most);
  for (int nth = 1; nth <= most; nth += 13 * STEP) upgrade_failing_at(nth);
}

TEST_MAIN
