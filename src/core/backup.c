/* What all backups share: the queue of tasks, the start and the end, and what people ask for. */
#include "core/backup.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/backup_private.h"
#include "core/volume_private.h"
#include "store/backup.h"
#include "store/deployment.h"
#include "store/service.h"
#include "store/volume.h"

enum { TICK_MS = 10000, OUTPUT_MAX = 1 << 20, TOOL_MS = 120000 };

/* ---- tasks ---- */

backup_task *backup_task_new(struct backups *b, const char *volume_instance_id, backup_task_fn *begin) {
  backup_task *t = mem_zalloc(sizeof *t);
  t->owner = b;
  t->core = b->core;
  t->begin = begin;
  auto_volume_instance v = {0};
  err_ignore(volume_instance_get(b->core->db, volume_instance_id, &v)); /* one that is gone is nobody's */
  id_copy(t->workspace_id, v.workspace_id);
  id_copy(t->volume_instance_id, volume_instance_id);
  list_push(&b->tasks, &t->link);
  backup_task_wake(b);
  return t;
}

bool backups_have_task(const struct backups *b, const char *volume_instance_id) {
  LIST_FOREACH(t, &b->tasks, backup_task, link)
    if (str_eq(t->volume_instance_id, volume_instance_id)) return true;
  return false;
}

static bool is_taken(const struct backups *b, const backup_task *waiting) {
  LIST_FOREACH(t, &b->tasks, backup_task, link)
    if (t->running && str_eq(t->volume_instance_id, waiting->volume_instance_id)) return true;
  return false;
}

static bool has_its_share(const struct backups *b, const backup_task *waiting) {
  int running = 0;
  LIST_FOREACH(t, &b->tasks, backup_task, link)
    running += t->running && *t->workspace_id && str_eq(t->workspace_id, waiting->workspace_id);
  return running >= BACKUP_TASKS_MAX - 1;
}

static void start_some(void *arg) {
  struct backups *b = arg;
  b->due = false;
  if (b->core->stopping) return;
  for (bool again = true; again && b->running < BACKUP_TASKS_MAX;) {
    again = false;
    LIST_FOREACH(t, &b->tasks, backup_task, link) {
      if (t->running || is_taken(b, t) || has_its_share(b, t)) continue;
      t->running = again = true;
      t->begun_ms = clock_monotonic_ms();
      b->running++;
      t->begin(t);
      break;
    }
  }
}

void backup_task_wake(struct backups *b) {
  if (b->due || b->core->stopping) return;
  b->due = true;
  loop_defer(b->core->loop, start_some, b);
}

static void task_free(backup_task *t) {
  list_remove(&t->link);
  timer_stop(t->timer);
  database_close(t->session);
  drill_free(t->drill);
  backup_fill_free(t->fill);
  free(t->wanted_name);
  backup_done(&t->backup);
  backup_restore_done(&t->restore);
  volume_instance_done(&t->volume);
  deployment_done(&t->live);
  backup_wal_list_done(&t->wals);
  str_done(&t->output);
  free(t->pieces);
  free(t);
}

void backup_task_end(backup_task *t) {
  struct backups *b = t->owner;
  if (t->running) b->running--;
  task_free(t);
  backup_task_wake(b);
}

bool backup_task_stopped(backup_task *t, err *e) {
  if (!t->core->stopping) return false;
  err_ignore(e);
  backup_task_end(t);
  return true;
}

/* ---- the start and the end ---- */

struct backups *backups_new(core *c, restic *r) {
  struct backups *b = mem_zalloc(sizeof *b);
  b->core = c;
  b->restic = r;
  b->pushing = map_new();
  b->log_failing = map_new();
  b->tidy_after = map_new();
  list_init(&b->tasks);
  return b;
}

static err *resume(struct backups *b) {
  auto_volume_instance_list volumes = {0};
  TRY(volume_instance_list(b->core->db, &volumes));
  for (size_t i = 0; i < volumes.len; i++) {
    auto_backup_list list = {0};
    TRY(backup_list(b->core->db, volumes.items[i].id, &list));
    for (size_t j = 0; j < list.len; j++)
      if (list.items[j].state == BACKUP_TAKING) TRY(backup_take_resume(b, &list.items[j]));
  }
  return backup_restore_resume(b);
}

void backups_start(struct backups *b) {
  if (!b->restic) return;
  restic_set_engine(b->restic, b->core->engine);
  auto_err *e = backup_place_open(b->core);
  if (!e) e = resume(b);
  if (e) log_error("backup", "what a former tramd began: %s", err_message(e));
  b->tick = timer_start(b->core->loop, TICK_MS, TICK_MS, backup_watch_tick, b);
}

/* What waits for restic or a database is answered; what waits for the engine is freed after it. */
void backups_stop(struct backups *b) {
  timer_stop(b->tick);
  b->tick = NULL;
  if (b->restic) restic_stop(b->restic);
  LIST_FOREACH(t, &b->tasks, backup_task, link) {
    bool answered = t->job || t->asking;
    if (t->run) engine_volume_run_cancel(t->run);
    if (!t->running || (t->timer && !answered)) backup_task_end(t);
  }
  backup_wal_stop(b);
}

bool backups_try(const struct backups *b, const char *workload_id) {
  LIST_FOREACH(t, &b->tasks, backup_task, link)
    if (t->drill && str_eq(t->restore.id, workload_id)) return true;
  return false;
}

bool backups_is_quiet(const struct backups *b) {
  LIST_FOREACH(t, &b->tasks, backup_task, link)
    if (t->asking) return false;
  return !b->due && (!b->restic || restic_is_quiet(b->restic));
}

void backups_free(struct backups *b) {
  if (!b) return;
  LIST_FOREACH(t, &b->tasks, backup_task, link) task_free(t);
  backup_wal_free(b);
  map_free(b->pushing);
  backup_forget_times(b->log_failing);
  backup_forget_times(b->tidy_after);
  free(b);
}

/* ---- what several need ---- */

err *backups_check(core *c) {
  return c->backups->restic ? NULL : err_new(ERR_CONFLICT, "there are no backups: tramd's log says why");
}

struct restic_job_options backup_job(const backup_task *t, const char *repository, restic_done_fn *done) {
  return (struct restic_job_options){.repository = repository, .deadline_ms = BACKUP_DEADLINE_MS, .done = done,
                                     .arg = (void *)t};
}

char *backup_wal_repository(const char *volume_instance_id) {
  return str_format("%s-wal", volume_instance_id);
}

/* Whether it runs with it: what is attached to its service may be another volume since (a swap whose deployment failed). */
static err *runs_with(core *c, const struct deployment *d, const struct volume_instance *v, bool *ret_does) {
  auto_mount m = {0};
  struct instance_counts counts;
  bool mounts = false;
  *ret_does = false;
  instances_count(c, d->id, &counts);
  if (!counts.running) return NULL;
  err *moved = mount_of_deployment(c, d, &mounts, &m);
  if (moved && err_code_of(moved) != ERR_CONFLICT) return moved;
  *ret_does = !moved && mounts && str_eq(m.volume.id, v->id);
  err_free(moved);
  return NULL;
}

static err *find_in_service(core *c, const struct volume_instance *v, bool *ret_found, struct deployment *ret_live) {
  auto_service_instance instance = {0};
  TRY(service_instance_find(c->db, v->service_id, v->environment_id, ret_found, &instance));
  if (*ret_found) TRY(deployment_find_active(c->db, instance.id, ret_found, ret_live));
  return *ret_found ? runs_with(c, ret_live, v, ret_found) : NULL;
}

static err *find_in_environment(core *c, const struct volume_instance *v, bool *ret_found, struct deployment *ret_live) {
  auto_deployment_list active = {0};
  *ret_found = false;
  TRY(deployment_list_active(c->db, &active));
  for (size_t i = 0; i < active.len && !*ret_found; i++) {
    if (!str_eq(active.items[i].environment_id, v->environment_id)) continue;
    TRY(runs_with(c, &active.items[i], v, ret_found));
    if (*ret_found) deployment_copy(&active.items[i], ret_live);
  }
  return NULL;
}

err *backup_find_live(core *c, const struct volume_instance *v, struct deployment *ret_live) {
  auto_deployment live = {0};
  bool found = false;
  TRY(*v->service_id ? find_in_service(c, v, &found, &live) : find_in_environment(c, v, &found, &live));
  if (!found) return NULL;
  *ret_live = live;
  live = (struct deployment){0};
  return NULL;
}

void backup_event(core *c, const struct volume_instance *v, enum event_severity severity, const char *action,
                  const char *cause, const char *outcome) {
  auto_event e = {.severity = severity};
  id_copy(e.project_id, v->project_id);
  id_copy(e.environment_id, v->environment_id);
  id_copy(e.service_id, v->service_id);
  e.object = str_dup("backup");
  e.action = str_dup(action);
  e.cause = str_dup(cause);
  e.outcome = str_dup(outcome);
  e.payload = json_pack("{s:s, s:s}", "volumeInstanceId", v->id, "volumeId", v->volume_id);
  event_tell(c, &e);
}

/* ---- tools on a volume ---- */

struct tool {
  backup_task *task;
  backup_tool_fn *done;
};

static void on_tool_output(void *arg, int fd, const char *data, size_t len) {
  struct tool *tool = arg;
  (void)fd;
  if (tool->task->output.len + len <= OUTPUT_MAX) str_add_bytes(&tool->task->output, data, len);
}

static void on_tool_exit(void *arg, err *e, int exit_code) {
  struct tool *tool = arg;
  backup_task *t = tool->task;
  backup_tool_fn *done = tool->done;
  free(tool);
  t->run = NULL;
  if (!backup_task_stopped(t, e)) done(t, e, exit_code);
}

err *backup_tool(backup_task *t, const char *volume_id, const char *const *argv, const char *input,
                 backup_tool_fn *done) {
  struct tool *tool = mem_zalloc(sizeof *tool);
  *tool = (struct tool){t, done};
  str_clear(&t->output);
  struct volume_run run = {.volume_id = volume_id, .argv = argv, .input = input, .input_len = input ? strlen(input) : 0,
                           .deadline_ms = TOOL_MS, .on_output = on_tool_output, .on_exit = on_tool_exit, .arg = tool};
  err *e = engine_volume_run(t->core->engine, &run, &t->run);
  if (e) free(tool);
  return e;
}
