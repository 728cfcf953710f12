#include "core/database_upgrade.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/database_client.h"
#include "core/database_private.h"
#include "core/database_upgrade_report.h"
#include "core/database_upgrade_steps.h"
#include "core/database_view.h"
#include "core/internal.h"
#include "store/database_upgrade.h"
#include "store/deployment.h"
#include "store/service.h"

enum { FREEZE_MS = 60000, COUNT_MS = 2 * 3600 * 1000, FACTS_BYTES = 8 << 20, ALL_FACTS_BYTES = 32 << 20, DATABASES_MAX = 1000, LAST_LINES = 8 };

/* `no` is a way to say off that nobody writes: what is set already stays as it is.  What autovacuum does would count as
 * transactions. */
static const char sql_freeze[] =
    "ALTER SYSTEM SET default_transaction_read_only = on;\n"
    "SELECT 'ALTER SYSTEM SET autovacuum = no' WHERE NOT EXISTS (SELECT FROM pg_file_settings WHERE name = 'autovacuum' AND "
    "sourcefile ~ '/postgresql.auto.conf$') \\gexec\n"
    "SELECT pg_reload_conf()";
/* Ends who connected before; then a number that every transaction that writes makes larger. */
static const char sql_frozen[] =
    "SELECT current_setting('default_transaction_read_only') || ' ' || (SELECT count(pg_terminate_backend(pid)) FROM "
    "pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'autovacuum worker') AND "
    "backend_start < pg_conf_load_time()) || ' ' || pg_snapshot_xmax(pg_current_snapshot())";
#define SQL_UNFREEZE                                                                                                        \
  "ALTER SYSTEM RESET default_transaction_read_only;\n"                                                                     \
  "SELECT 'ALTER SYSTEM RESET autovacuum' WHERE EXISTS (SELECT FROM pg_file_settings WHERE name = 'autovacuum' AND "          \
  "setting = 'no' AND sourcefile ~ '/postgresql.auto.conf$') \\gexec\n"
static const char sql_forget[] = SQL_UNFREEZE "SELECT 1"; /* the server stays so until it reads its files again */
static const char sql_thaw[] = SQL_UNFREEZE "SELECT pg_reload_conf()";

struct database_upgrades {
  core *core;
  struct list tasks;
};

/* One that is under way. */
struct task {
  struct list link;
  database_upgrades *of;
  struct database_upgrade u;
  char *version, *problem, *frozen; /* of the live one: what sql_frozen said */
  char user_id[ID_SIZE];
  timer *timer;
  json_t *facts[2]; /* of the live one and of the copy */
  size_t asked;     /* for the facts: databases, both sides; the clusters are the first two */
  size_t facts_bytes;
  int64_t since_ms;
  bool asking, thaws;
};

static void task_free(struct task *t) {
  list_remove(&t->link);
  timer_stop(t->timer);
  json_decref(t->facts[0]);
  json_decref(t->facts[1]);
  free(t->version);
  free(t->problem);
  free(t->frozen);
  database_upgrade_done(&t->u);
  free(t);
}

static void later(struct task *t, void (*fn)(void *)) {
  timer_stop(t->timer);
  t->timer = timer_start(t->of->core->loop, t->of->core->options.retry_ms, 0, fn, t);
}

static void due(struct task *t) {
  timer_stop(t->timer);
  t->timer = NULL;
}

static err *ask(struct task *t, const char *service_id, const char *database, const char *text, database_answer_fn *done) {
  struct database_target target = {.environment_id = t->u.environment_id, .service_id = service_id, .database = database};
  struct database_statement statement = {.text = text, .deadline_ms = COUNT_MS, .output_max = FACTS_BYTES};
  TRY(database_run(t->of->core, &target, &statement, done, t));
  t->asking = true;
  return NULL;
}

/* An answer has come; true: tramd ends, and the next start goes on. */
static bool ended(struct task *t, err *e) {
  t->asking = false;
  if (!t->of->core->stopping) return false;
  err_free(e);
  task_free(t);
  return true;
}

static err *record(struct task *t, enum database_upgrade_status status) {
  t->u.status = status;
  return database_upgrade_update(t->of->core->db, &t->u, clock_now_us());
}

/* ---- the end ---- */

static void conclude(void *arg);

static void on_thawed(void *arg, err *e, const char *output) {
  struct task *t = arg;
  (void)output;
  if (ended(t, e)) return;
  if (e) log_warn("core", "a database that was not upgraded is not written to yet: %s", err_message(e));
  t->thaws = e != NULL;
  err_free(e);
  later(t, conclude);
}

/* Until it has succeeded, whatever comes between. */
static err *conclude_once(struct task *t) {
  core *c = t->of->core;
  bool swapped = false;
  if (t->problem) TRY(upgrade_is_swapped(c, &t->u, &swapped));
  if (swapped) TRY(upgrade_swap(c, &t->u, true, t->user_id));
  TRY(upgrade_clear(c, &t->u));
  if (t->thaws) {
    err *e = ask(t, t->u.service_id, NULL, sql_thaw, on_thawed);
    if (!e || err_code_of(e) != ERR_NOT_FOUND) return e;
    err_free(e); /* it was deleted */
  }
  str_replace_owned(&t->u.problem, t->problem);
  return record(t, t->problem ? DATABASE_UPGRADE_FAILED : DATABASE_UPGRADE_DONE);
}

static void conclude(void *arg) {
  struct task *t = arg;
  due(t);
  enum database_upgrade_status before = t->u.status;
  err *e = conclude_once(t);
  bool gone = e && err_code_of(e) == ERR_NOT_FOUND; /* with its service */
  if (e && !gone) {
    log_warn("core", "the end of a database's upgrade: %s; trying again", err_message(e));
    t->u.status = before;
    later(t, conclude);
  } else if (!t->asking) {
    task_free(t);
  }
  err_free(e);
}

static void fail(struct task *t, err *e) {
  log_warn("core", "the upgrade of a database: %s", err_message(e));
  t->problem = str_dup(err_message(e));
  err_free(e);
  conclude(t);
}

/* ---- the swap ---- */

/* *ret_live, or the error says how it ended. */
static err *look_at_deployment(struct task *t, const char *service_id, bool *ret_live) {
  core *c = t->of->core;
  auto_service_instance instance = {0};
  auto_deployment d = {0};
  bool found = false;
  *ret_live = false;
  TRY(service_instance_find(c->db, service_id, t->u.environment_id, &found, &instance));
  if (found) TRY(deployment_find_latest(c->db, instance.id, &found, &d));
  if (!found) return err_new(ERR_CONFLICT, "it was deleted");
  *ret_live = d.status == DEPLOYMENT_SUCCESS;
  if (*ret_live || (!deployment_status_is_final(d.status) && d.status != DEPLOYMENT_CRASHED)) return NULL;
  auto_free char *words = deploy_last_words(c, d.id, LAST_LINES);
  return err_new(ERR_IO, "%s: %s", d.status_reason ? d.status_reason : "it ended", words);
}

static void on_swapping(void *arg) {
  struct task *t = arg;
  bool live = false;
  due(t);
  err *e = look_at_deployment(t, t->u.service_id, &live);
  if (e)
    fail(t, err_wrap(e, "the database with the newer version did not start, and went back"));
  else if (!live)
    later(t, on_swapping);
  else {
    t->thaws = false; /* what was frozen has ended */
    conclude(t);
  }
}

static void swap(struct task *t) {
  err *e = record(t, DATABASE_UPGRADE_SWAPPING);
  if (!e) e = upgrade_swap(t->of->core, &t->u, false, t->user_id);
  if (e)
    fail(t, err_wrap(e, "the swap"));
  else
    later(t, on_swapping);
}

static void on_still_frozen(void *arg, err *e, const char *output) {
  struct task *t = arg;
  if (ended(t, e)) return;
  if (!e && !str_eq(output, t->frozen))
    e = err_new(ERR_CONFLICT, "the database was written to or started again while it was copied: stop those who write, and try again");
  if (e)
    fail(t, e);
  else
    swap(t);
}

/* ---- is all there? ---- */

static void compare(struct task *t) {
  json_t *report = upgrade_report_make(t->facts[0], t->facts[1], !t->u.is_rehearsal);
  json_object_set(report, "copySeconds", json_object_get(t->u.report, "copySeconds"));
  json_decref(t->u.report);
  t->u.report = report;
  size_t problems = json_array_size(json_object_get(report, "problems"));
  err *e = problems ? err_new(ERR_CONFLICT, "%zu of what is in the database did not arrive as it is: %s", problems,
                              json_string_value(json_array_get(json_object_get(report, "problems"), 0)))
                    : NULL;
  if (!e && !t->u.is_rehearsal) e = ask(t, t->u.service_id, NULL, sql_frozen, on_still_frozen);
  if (e)
    fail(t, e);
  else if (t->u.is_rehearsal)
    conclude(t);
}

static void ask_facts(struct task *t);

static const char *asked_database(const struct task *t) {
  const json_t *names = json_object_get(json_object_get(t->facts[0], "cluster"), "databases");
  return t->asked < 2 ? NULL : json_string_value(json_array_get(names, t->asked / 2 - 1));
}

/* The program that tells is the image's: it may tell without end. */
static err *take_facts(struct task *t, const char *output, json_t **ret_facts) {
  size_t len = strlen(output);
  t->facts_bytes += len;
  if (t->facts_bytes > ALL_FACTS_BYTES) return err_new(ERR_LIMIT, "it tells more of itself than %d bytes", ALL_FACTS_BYTES);
  TRY(json_parse(output, len, "what the database says of itself", ret_facts));
  if (json_array_size(json_object_get(*ret_facts, "databases")) <= DATABASES_MAX) return NULL;
  return err_new(ERR_LIMIT, "it has more than %d databases", DATABASES_MAX);
}

static void on_facts(void *arg, err *e, const char *output) {
  struct task *t = arg;
  auto_json *facts = NULL;
  const char *database = asked_database(t);
  if (ended(t, e)) return;
  if (!e) e = take_facts(t, output, &facts);
  if (e) {
    fail(t, err_wrap(e, t->asked % 2 ? "the copy" : "the database"));
    return;
  }
  json_t *all = t->facts[t->asked % 2];
  if (database)
    json_object_set(json_object_get(all, "databases"), database, facts);
  else
    json_object_set(all, "cluster", facts);
  t->asked++;
  ask_facts(t);
}

/* A database that the copy does not have is not asked for: that is in the report anyway. */
static bool is_missing(const struct task *t, const char *database) {
  const json_t *names = json_object_get(json_object_get(t->facts[1], "cluster"), "databases");
  for (size_t i = 0; i < json_array_size(names); i++)
    if (str_eq(json_string_value(json_array_get(names, i)), database)) return false;
  return true;
}

static void ask_facts(struct task *t) {
  const char *database = asked_database(t);
  bool of_copy = t->asked % 2;
  if (t->asked >= 2 && !database) {
    compare(t);
    return;
  }
  if (of_copy && database && is_missing(t, database)) {
    t->asked++;
    ask_facts(t);
    return;
  }
  err *e = ask(t, of_copy ? t->u.sibling_id : t->u.service_id, database, database ? upgrade_sql_database : upgrade_sql_cluster,
               on_facts);
  if (e) fail(t, e);
}

/* ---- the copy ---- */

static void on_copying(void *arg) {
  struct task *t = arg;
  bool live = false;
  due(t);
  err *e = look_at_deployment(t, t->u.sibling_id, &live);
  if (e) {
    fail(t, err_wrap(e, "the copy"));
    return;
  }
  if (!live) {
    later(t, on_copying);
    return;
  }
  t->u.report = json_pack("{s:I}", "copySeconds", (json_int_t)((clock_monotonic_ms() - t->since_ms) / 1000));
  for (int i = 0; i < 2; i++) t->facts[i] = json_pack("{s:{}}", "databases");
  e = record(t, DATABASE_UPGRADE_COMPARING);
  if (e)
    fail(t, e);
  else
    ask_facts(t);
}

static void copy(struct task *t) {
  err *e = upgrade_make_sibling(t->of->core, t->version, &t->u, t->user_id);
  t->since_ms = clock_monotonic_ms();
  if (e)
    fail(t, e);
  else
    later(t, on_copying);
}

/* ---- the end of writing ---- */

static void on_forgotten(void *arg, err *e, const char *output) {
  struct task *t = arg;
  (void)output;
  if (ended(t, e)) return;
  if (e)
    fail(t, err_wrap(e, "ending what writes"));
  else
    copy(t);
}

static void ask_frozen(void *arg);

static void on_frozen(void *arg, err *e, const char *output) {
  struct task *t = arg;
  if (ended(t, e)) return;
  bool frozen = !e && str_starts(output, "on 0 ");
  if (!e && !frozen && clock_monotonic_ms() - t->since_ms > FREEZE_MS)
    e = err_new(ERR_BUSY, "some connections did not end within a minute");
  if (frozen) {
    t->frozen = str_dup(output);
    e = ask(t, t->u.service_id, NULL, sql_forget, on_forgotten);
  }
  if (e)
    fail(t, err_wrap(e, "ending what writes"));
  else if (!frozen)
    later(t, ask_frozen);
}

static void ask_frozen(void *arg) {
  struct task *t = arg;
  due(t);
  err *e = ask(t, t->u.service_id, NULL, sql_frozen, on_frozen);
  if (e) fail(t, err_wrap(e, "ending what writes"));
}

static void on_freezing(void *arg, err *e, const char *output) {
  struct task *t = arg;
  (void)output;
  if (ended(t, e)) return;
  if (e)
    fail(t, err_wrap(e, "ending what writes"));
  else
    later(t, ask_frozen);
}

/* ---- beginning ---- */

static struct task *task_new(database_upgrades *all, struct database_upgrade *u) {
  struct task *t = mem_zalloc(sizeof *t);
  t->of = all;
  t->u = *u;
  *u = (struct database_upgrade){0};
  t->since_ms = clock_monotonic_ms();
  list_push(&all->tasks, &t->link);
  return t;
}

static bool is_open(const struct database_upgrade *u) {
  return u->status != DATABASE_UPGRADE_DONE && u->status != DATABASE_UPGRADE_FAILED;
}

static err *check_none_open(core *c, const char *environment_id, const char *service_id) {
  auto_database_upgrade former = {0};
  bool found = false;
  TRY(database_upgrade_find(c->db, environment_id, service_id, &found, &former));
  return found && is_open(&former) ? err_new(ERR_CONFLICT, "an upgrade of this database is under way") : NULL;
}

static err *check_runs(core *c, const struct database_upgrade *u) {
  enum database_kind kind;
  return database_kind_of_service(c, &(struct database_place){.environment_id = u->environment_id, .service_id = u->service_id},
                                  &kind);
}

err *core_database_upgrade(core *c, const struct core_database_upgrade *request) {
  auto_database_upgrade u = {.status = DATABASE_UPGRADE_COPYING, .is_rehearsal = request->is_rehearsal};
  TRY(check_none_open(c, request->environment_id, request->service_id));
  id_copy(u.environment_id, request->environment_id);
  id_copy(u.service_id, request->service_id);
  TRY(upgrade_check(c, request->version, &u));
  TRY(check_runs(c, &u));
  TRY(database_upgrade_begin(c->db, &u));
  struct task *t = task_new(c->database_upgrades, &u);
  t->version = str_dup(request->version);
  id_copy(t->user_id, request->user_id);
  t->thaws = !request->is_rehearsal;
  if (request->is_rehearsal) {
    copy(t);
    return NULL;
  }
  err *e = ask(t, t->u.service_id, NULL, sql_freeze, on_freezing);
  if (e) fail(t, e);
  return NULL;
}

err *core_database_upgrade_back(core *c, const char *environment_id, const char *service_id, const char *user_id) {
  auto_database_upgrade u = {0};
  bool found = false;
  TRY(check_none_open(c, environment_id, service_id));
  TRY(database_upgrade_find(c->db, environment_id, service_id, &found, &u));
  if (!found || u.is_rehearsal || u.status != DATABASE_UPGRADE_DONE)
    return err_new(ERR_CONFLICT, "this database was not upgraded, or went back already");
  TRY(upgrade_swap(c, &u, true, user_id));
  u.status = DATABASE_UPGRADE_FAILED;
  str_replace_owned(&u.problem, "it went back to the former version");
  return database_upgrade_update(c->db, &u, clock_now_us());
}

err *core_database_upgrade_state(core *c, const char *environment_id, const char *service_id, bool *ret_found,
                                 struct database_upgrade *ret_upgrade) {
  return database_upgrade_find(c->db, environment_id, service_id, ret_found, ret_upgrade);
}

/* ---- with tramd ---- */

database_upgrades *database_upgrades_new(core *c) {
  database_upgrades *all = mem_zalloc(sizeof *all);
  all->core = c;
  list_init(&all->tasks);
  return all;
}

/* What was swapped goes on; all else is cleared away. */
err *database_upgrades_resume(database_upgrades *all) {
  auto_database_upgrade_list open = {0};
  TRY(database_upgrade_list_open(all->core->db, &open));
  for (size_t i = 0; i < open.len; i++) {
    bool swapped = false;
    TRY(upgrade_is_swapped(all->core, &open.items[i], &swapped));
    struct task *t = task_new(all, &open.items[i]);
    t->thaws = !swapped && !t->u.is_rehearsal;
    if (!swapped) t->problem = str_dup("tramd ended meanwhile: begin again");
    later(t, swapped ? on_swapping : conclude);
  }
  return NULL;
}

void database_upgrades_stop(database_upgrades *all) {
  LIST_FOREACH(t, &all->tasks, struct task, link) if (!t->asking) task_free(t);
}

bool database_upgrades_are_quiet(const database_upgrades *all) {
  return list_empty(&all->tasks);
}

void database_upgrades_free(database_upgrades *all) {
  free(all);
}
