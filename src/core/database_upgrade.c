/* What people ask of upgrades, and their life beside tramd's. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/database_private.h"
#include "core/database_upgrade_private.h"
#include "core/database_upgrade_steps.h"
#include "store/database_upgrade.h"
#include "store/deployment.h"
#include "store/service.h"

enum { ASK_MS = 2 * 3600 * 1000, ANSWER_BYTES = 8 << 20 };

/* ---- a task ---- */

static upgrade_task *task_new(core *c, struct database_upgrade *u) {
  upgrade_task *t = mem_zalloc(sizeof *t);
  t->core = c;
  t->u = *u;
  *u = (struct database_upgrade){0};
  t->since_ms = clock_monotonic_ms();
  t->thaws = !t->u.is_rehearsal && t->u.status != DATABASE_UPGRADE_RETURNING;
  list_push(&c->database_upgrades->tasks, &t->link);
  return t;
}

void upgrade_task_free(upgrade_task *t) {
  list_remove(&t->link);
  timer_stop(t->timer);
  database_close(t->session);
  json_decref(t->facts[0]);
  json_decref(t->facts[1]);
  free(t->version);
  free(t->frozen);
  free(t->said);
  database_upgrade_done(&t->u);
  free(t);
}

void upgrade_later(upgrade_task *t, void (*fn)(void *)) {
  timer_stop(t->timer);
  t->timer = timer_start(t->core->loop, t->core->options.retry_ms, 0, fn, t);
}

void upgrade_due(upgrade_task *t) {
  timer_stop(t->timer);
  t->timer = NULL;
}

/* The session goes last: the output is its. */
static void on_answer(void *arg, err *e, const char *output) {
  upgrade_task *t = arg;
  database_session *session = t->session;
  t->session = NULL;
  if (t->core->stopping) {
    err_ignore(e); /* the next start goes on */
    upgrade_task_free(t);
  } else {
    t->answer(t, e, output);
  }
  database_close(session);
}

err *upgrade_ask(upgrade_task *t, const char *service_id, const char *database, const char *text, upgrade_answer_fn *done) {
  struct database_target target = {.environment_id = t->u.environment_id, .service_id = service_id, .database = database};
  struct database_statement statement = {.text = text, .deadline_ms = ASK_MS, .output_max = ANSWER_BYTES};
  TRY(database_open(t->core, &target, &t->session));
  t->answer = done;
  database_ask(t->session, &statement, on_answer, t);
  return NULL;
}

err *upgrade_record(upgrade_task *t, enum database_upgrade_status status) {
  enum database_upgrade_status before = t->u.status;
  t->u.status = status;
  err *e = database_upgrade_update(t->core->db, &t->u, clock_now_us());
  if (e) t->u.status = before;
  return e;
}

err *upgrade_look_at(upgrade_task *t, const char *service_id, const char *image, bool *ret_live) {
  core *c = t->core;
  auto_service_instance instance = {0};
  auto_deployment d = {0};
  bool found = false;
  *ret_live = false;
  TRY(service_instance_find(c->db, service_id, t->u.environment_id, &found, &instance));
  if (found) TRY(deployment_find_latest(c->db, instance.id, &found, &d));
  if (!found) return err_new(ERR_CONFLICT, "it was deleted");
  if (!str_eq(d.settings.source_image, image)) return err_new(ERR_CONFLICT, "something else was deployed meanwhile");
  *ret_live = d.status == DEPLOYMENT_SUCCESS;
  if (*ret_live || (!deployment_status_is_final(d.status) && d.status != DEPLOYMENT_CRASHED)) return NULL;
  auto_free char *words = deploy_last_words(c, d.id, UPGRADE_LAST_LINES);
  return err_new(ERR_IO, "%s%s%s", d.status_reason ? d.status_reason : "it ended", *words ? ": " : "", words);
}

/* ---- what people ask ---- */

static bool is_open(const struct database_upgrade *u) {
  return u->status < DATABASE_UPGRADE_DONE || u->status == DATABASE_UPGRADE_RETURNING;
}

static err *check_none_open(core *c, const char *environment_id, const char *service_id) {
  auto_database_upgrade former = {0};
  bool found = false;
  TRY(database_upgrade_find(c->db, environment_id, service_id, &found, &former));
  return found && is_open(&former) ? err_new(ERR_CONFLICT, "an upgrade of this database is under way, or its way back") : NULL;
}

static err *check_runs(core *c, const struct database_upgrade *u) {
  enum database_kind kind;
  return database_kind_of_service(c, &(struct database_place){.environment_id = u->environment_id, .service_id = u->service_id},
                                  &kind);
}

static err *insert(core *c, struct database_upgrade *u) {
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(database_upgrade_begin(c->db, u));
  return db_commit(&t);
}

err *core_database_upgrade(core *c, const struct core_database_upgrade *request) {
  auto_database_upgrade u = {.status = DATABASE_UPGRADE_COPYING, .is_rehearsal = request->is_rehearsal};
  TRY(check_none_open(c, request->environment_id, request->service_id));
  id_copy(u.environment_id, request->environment_id);
  id_copy(u.service_id, request->service_id);
  TRY(upgrade_check(c, request->version, &u));
  TRY(check_runs(c, &u));
  TRY(insert(c, &u));
  upgrade_task *t = task_new(c, &u);
  t->version = str_dup(request->version);
  id_copy(t->user_id, request->user_id);
  upgrade_copy_begin(t);
  return NULL;
}

err *core_database_upgrade_back(core *c, const char *environment_id, const char *service_id, const char *user_id) {
  auto_database_upgrade u = {0};
  bool found = false, is_on = false;
  TRY(check_none_open(c, environment_id, service_id));
  TRY(database_upgrade_find(c->db, environment_id, service_id, &found, &u));
  if (!found || u.is_rehearsal || u.status != DATABASE_UPGRADE_DONE)
    return err_new(ERR_CONFLICT, "this database was not upgraded, or went back already");
  TRY(upgrade_is_attached(c, &u, true, &is_on));
  if (!is_on) return err_new(ERR_CONFLICT, "the database has another volume or another image meanwhile");
  TRY(upgrade_check_former(c, &u));
  u.status = DATABASE_UPGRADE_RETURNING;
  u.deployment_id[0] = '\0';
  str_replace_owned(&u.problem, NULL);
  TRY(database_upgrade_update(c->db, &u, clock_now_us()));
  upgrade_task *t = task_new(c, &u);
  id_copy(t->user_id, user_id);
  upgrade_switch(t);
  return NULL;
}

static upgrade_task *task_of(core *c, const char *environment_id, const char *service_id) {
  LIST_FOREACH(t, &c->database_upgrades->tasks, upgrade_task, link)
    if (str_eq(t->u.environment_id, environment_id) && str_eq(t->u.service_id, service_id)) return t;
  return NULL;
}

err *core_database_upgrade_cancel(core *c, const char *environment_id, const char *service_id) {
  upgrade_task *t = task_of(c, environment_id, service_id);
  if (!t || t->u.status == DATABASE_UPGRADE_RETURNING)
    return err_new(ERR_CONFLICT, "no upgrade of this database is under way, and no rehearsal");
  if (t->u.problem) return NULL; /* it is being undone already */
  database_close(t->session);
  t->session = NULL;
  upgrade_due(t);
  upgrade_fail(t, err_new(ERR_CONFLICT, "it was cancelled"));
  return NULL;
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

/* What was switched goes on; a copy that nobody watched is thrown away. */
static err *resume_one(core *c, struct database_upgrade *u) {
  bool is_on = u->status == DATABASE_UPGRADE_RETURNING;
  if (u->status == DATABASE_UPGRADE_SWAPPING) TRY(upgrade_is_attached(c, u, true, &is_on));
  if (!is_on && !u->problem) u->problem = str_dup("tramd ended meanwhile: begin again");
  upgrade_task *t = task_new(c, u);
  upgrade_later(t, t->u.problem ? upgrade_undo : upgrade_switch);
  return NULL;
}

err *database_upgrades_resume(database_upgrades *all) {
  auto_database_upgrade_list open = {0};
  TRY(database_upgrade_forget(all->core->db));
  TRY(database_upgrade_list_open(all->core->db, &open));
  for (size_t i = 0; i < open.len; i++) TRY(resume_one(all->core, &open.items[i]));
  return NULL;
}

void database_upgrades_stop(database_upgrades *all) {
  LIST_FOREACH(t, &all->tasks, upgrade_task, link) if (!t->session) upgrade_task_free(t);
}

bool database_upgrades_are_quiet(const database_upgrades *all) {
  return list_empty(&all->tasks);
}

void database_upgrades_free(database_upgrades *all) {
  free(all);
}
