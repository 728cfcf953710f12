/* An engine without containers, for the tests of core/: a test says what an app does when it is
 * started and changes it later; every instance that was ever made is accounted for.
 *
 * As the local engine does: reports and answers come from the loop, removing what is unknown
 * succeeds at once, and a removal that was asked for is done even when tramd ends meanwhile. */
#ifndef TRAMWAY_TESTS_CORE_FAKE_ENGINE_H
#define TRAMWAY_TESTS_CORE_FAKE_ENGINE_H

#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "engine/engine_ops.h"
#include "fake_exec.h"
#include "fake_volumes.h"

enum { FAKE_SOCKETS_MAX = 4 };

/* What an instance is like once it was started. */
struct fake_app {
  enum instance_status status; /* INSTANCE_CREATED: it stays so until the test says otherwise */
  int exit_code, restarts;
  bool oom_killed;
  const char *problem; /* NULL: none */
  struct instance_socket sockets[FAKE_SOCKETS_MAX];
  size_t sockets_len;
};

struct fake_instance {
  struct list link;
  char workload_id[65], id[80], environment_id[65], image_id[80], address[48];
  char volume_id[65], mount_path[128]; /* "": it has none */
  int replica;
  bool booted;
  struct fake_app app;
};

struct fake_removal {
  struct list link;
  char workload_id[65];
  engine_done_fn *done;
  void *arg;
};

struct fake_question {
  struct list link;
  char instance_id[80];
  engine_sockets_fn *done;
  void *arg;
};

struct fake_engine {
  struct engine base;
  loop *loop;
  engine_change_fn *on_change; /* NULL: nobody is connected */
  void *change_arg;
  struct list instances, removals, questions;
  struct fake_app app, job; /* of what is started from now on */
  const char *address;      /* of every instance; NULL: each has its own */
  bool hold_removals, hold_sockets;
  bool gone; /* freed, as far as core knows: asking it for something is a bug */
  const char *fail_apply, *fail_remove, *fail_networks, *fail_sockets; /* with this error */
  engine_done_fn *start_done;
  void *start_arg;
  int made, networks_removed, jobs_run, restarted;
  struct strv env; /* of the workload that was applied last */
  struct strv renamed; /* "<workload id> <label>" */
  char *former_label;  /* of the workload that was applied last */
  char *user;      /* likewise */
  int64_t shm_bytes, stop_grace_ms;
  char *command;   /* likewise: its last argument */
  struct fake_volumes volumes;
};

static inline struct fake_engine *fake_of(engine *en) {
  return (struct fake_engine *)en;
}

/* Running, and listening on `port` (0: nowhere). */
static inline struct fake_app fake_runs(int port) {
  struct fake_app app = {.status = INSTANCE_RUNNING, .exit_code = EXIT_CODE_NONE, .sockets_len = port ? 1 : 0};
  app.sockets[0].port = port;
  return app;
}

static inline struct fake_app fake_ended(enum instance_status status, int exit_code) {
  return (struct fake_app){.status = status, .exit_code = exit_code};
}

static inline void fake_fill_report(const struct fake_instance *i, struct instance_report *report) {
  *report = (struct instance_report){.workload_id = i->workload_id,
                                     .instance_id = i->id,
                                     .replica = i->replica,
                                     .status = i->app.status,
                                     .address = i->app.status == INSTANCE_RUNNING ? i->address : "",
                                     .address6 = "",
                                     .exit_code = i->app.exit_code,
                                     .oom_killed = i->app.oom_killed,
                                     .restarts = i->app.restarts,
                                     .problem = i->app.problem ? i->app.problem : ""};
}

static inline void fake_report(struct fake_engine *en, const struct fake_instance *i) {
  struct instance_report report;
  fake_fill_report(i, &report);
  if (en->on_change) en->on_change(en->change_arg, &report);
}

/* ---- for tests ---- */

static inline struct fake_instance *fake_find(struct fake_engine *en, const char *workload_id, int replica) {
  LIST_FOREACH(i, &en->instances, struct fake_instance, link)
    if (strcmp(i->workload_id, workload_id) == 0 && i->replica == replica) return i;
  return NULL;
}

static inline int fake_count(struct fake_engine *en, const char *workload_id) { /* NULL: all */
  int count = 0;
  LIST_FOREACH(i, &en->instances, struct fake_instance, link)
    count += !workload_id || strcmp(i->workload_id, workload_id) == 0;
  return count;
}

/* The instance does something else from now on, and the engine sees it. */
static inline void fake_change(struct fake_engine *en, struct fake_instance *i, struct fake_app app) {
  i->app = app;
  i->booted = true;
  fake_report(en, i);
}

/* An instance without core's asking: what an earlier tramd left. */
static inline struct fake_instance *fake_add(struct fake_engine *en, const char *workload_id, int replica,
                                             struct fake_app app) {
  struct fake_instance *i = mem_zalloc(sizeof *i);
  snprintf(i->workload_id, sizeof i->workload_id, "%s", workload_id);
  snprintf(i->id, sizeof i->id, "%.64s-%d", workload_id, replica);
  i->replica = replica;
  i->app = app;
  i->app.status = INSTANCE_CREATED;
  en->made++;
  if (en->address)
    snprintf(i->address, sizeof i->address, "%s", en->address);
  else
    snprintf(i->address, sizeof i->address, "10.0.%d.%d", en->made / 250, en->made % 250 + 1);
  list_push(&en->instances, &i->link);
  return i;
}

/* ---- the operations ---- */

static inline void fake_drop_(struct fake_engine *en, const char *workload_id, int from_replica) {
  LIST_FOREACH(i, &en->instances, struct fake_instance, link) {
    if (strcmp(i->workload_id, workload_id) != 0 || i->replica < from_replica) continue;
    list_remove(&i->link);
    i->app.status = INSTANCE_REMOVED;
    fake_report(en, i);
    free(i);
  }
}

static inline void fake_boot_(void *en_) {
  struct fake_engine *en = en_;
  LIST_FOREACH(i, &en->instances, struct fake_instance, link) {
    if (i->booted) continue;
    i->booted = true;
    bool is_job = str_ends(i->workload_id, "-pre");
    en->jobs_run += is_job;
    i->app = is_job ? en->job : en->app;
    if (i->app.status != INSTANCE_CREATED) fake_report(en, i);
  }
}

static inline err *fake_apply_(engine *base, const struct workload *w) {
  struct fake_engine *en = fake_of(base);
  if (en->gone) abort();
  if (en->fail_apply) return err_new(ERR_IO, "%s", en->fail_apply);
  LIST_FOREACH(r, &en->removals, struct fake_removal, link)
    if (strcmp(r->workload_id, w->id) == 0) return err_new(ERR_CONFLICT, "it is being removed");
  strv_done(&en->env);
  strv_add_all(&en->env, w->env);
  str_replace_owned(&en->user, w->user);
  str_replace_owned(&en->former_label, w->former_label);
  en->shm_bytes = w->shm_bytes;
  en->stop_grace_ms = w->stop_grace_ms;
  for (size_t n = 0; w->argv[n]; n++) str_replace_owned(&en->command, w->argv[n]);
  for (int replica = 0; replica < w->replicas; replica++) {
    if (fake_find(en, w->id, replica)) continue;
    struct fake_instance *i = fake_add(en, w->id, replica, en->app);
    snprintf(i->environment_id, sizeof i->environment_id, "%s", w->environment_id);
    snprintf(i->image_id, sizeof i->image_id, "%s", w->image_id);
    if (!w->volumes_len) continue;
    if (!fake_volume_find(&en->volumes, w->volumes[0].volume_id)) abort(); /* it is made first */
    LIST_FOREACH(other, &en->instances, struct fake_instance, link)
      if (other != i && strcmp(other->volume_id, w->volumes[0].volume_id) == 0) abort(); /* never two have it */
    snprintf(i->volume_id, sizeof i->volume_id, "%s", w->volumes[0].volume_id);
    snprintf(i->mount_path, sizeof i->mount_path, "%s", w->volumes[0].mount_path);
  }
  fake_drop_(en, w->id, w->replicas);
  loop_defer(en->loop, fake_boot_, en);
  return NULL;
}

static inline err *fake_rename_(engine *base, const char *workload_id, const char *label) {
  struct fake_engine *en = fake_of(base);
  if (en->fail_apply) return err_new(ERR_IO, "%s", en->fail_apply);
  if (fake_find(en, workload_id, 0)) strv_addf(&en->renamed, "%s %s", workload_id, label);
  return NULL;
}

static inline void fake_finish_removals(void *en_) {
  struct fake_engine *en = en_;
  if (en->hold_removals) return;
  struct list now;
  list_init(&now);
  LIST_FOREACH(r, &en->removals, struct fake_removal, link) {
    list_remove(&r->link);
    list_push(&now, &r->link);
  }
  while (!list_empty(&now)) {
    struct fake_removal *r = CONTAINER_OF(now.next, struct fake_removal, link);
    list_remove(&r->link);
    err *e = en->fail_remove ? err_new(ERR_IO, "%s", en->fail_remove) : NULL;
    if (!e) fake_drop_(en, r->workload_id, 0);
    if (r->done)
      r->done(r->arg, e);
    else
      err_free(e);
    free(r);
  }
}

static inline void fake_remove_(engine *base, const char *workload_id, engine_done_fn *done, void *arg) {
  struct fake_engine *en = fake_of(base);
  if (en->gone) abort();
  if (!fake_count(en, workload_id)) {
    if (done) done(arg, NULL);
    return;
  }
  struct fake_removal *r = mem_zalloc(sizeof *r);
  snprintf(r->workload_id, sizeof r->workload_id, "%s", workload_id);
  r->done = done;
  r->arg = arg;
  list_push(&en->removals, &r->link);
  loop_defer(en->loop, fake_finish_removals, en);
}

static inline err *fake_restart_(engine *base, const char *workload_id, int replica) {
  struct fake_engine *en = fake_of(base);
  LIST_FOREACH(i, &en->instances, struct fake_instance, link) {
    if (strcmp(i->workload_id, workload_id) != 0) continue;
    if (replica == ENGINE_ALL_REPLICAS) fake_change(en, i, en->app);
    if (i->replica != replica) continue;
    i->app.status = INSTANCE_RESTARTING;
    fake_report(en, i);
    i->booted = false;
    en->restarted++;
  }
  loop_defer(en->loop, fake_boot_, en);
  return NULL;
}

static inline void fake_remove_environment_(engine *base, const char *environment_id, engine_done_fn *done,
                                            void *arg) {
  struct fake_engine *en = fake_of(base);
  err *e = en->fail_networks ? err_new(ERR_IO, "%s", en->fail_networks) : NULL;
  LIST_FOREACH(i, &en->instances, struct fake_instance, link)
    if (!e && strcmp(i->environment_id, environment_id) == 0)
      e = err_new(ERR_CONFLICT, "workload '%s' still uses the environment", i->workload_id);
  en->networks_removed += e == NULL;
  done(arg, e);
}

static inline void fake_answer_questions(void *en_) {
  struct fake_engine *en = en_;
  if (en->hold_sockets) return;
  struct list now;
  list_init(&now);
  LIST_FOREACH(q, &en->questions, struct fake_question, link) {
    list_remove(&q->link);
    list_push(&now, &q->link);
  }
  while (!list_empty(&now)) {
    struct fake_question *q = CONTAINER_OF(now.next, struct fake_question, link);
    list_remove(&q->link);
    struct fake_instance *of = NULL;
    LIST_FOREACH(i, &en->instances, struct fake_instance, link)
      if (strcmp(i->id, q->instance_id) == 0) of = i;
    err *e = en->fail_sockets ? err_new(ERR_IO, "%s", en->fail_sockets)
             : of             ? NULL
                              : err_new(ERR_NOT_FOUND, "there is no instance '%s'", q->instance_id);
    q->done(q->arg, e, e ? NULL : of->app.sockets, e ? 0 : of->app.sockets_len);
    free(q);
  }
}

static inline void fake_sockets_(engine *base, const char *instance_id, engine_sockets_fn *done, void *arg) {
  struct fake_engine *en = fake_of(base);
  if (en->gone) abort();
  struct fake_question *q = mem_zalloc(sizeof *q);
  snprintf(q->instance_id, sizeof q->instance_id, "%s", instance_id);
  q->done = done;
  q->arg = arg;
  list_push(&en->questions, &q->link);
  loop_defer(en->loop, fake_answer_questions, en);
}

static inline void fake_each_(engine *base, const char *workload_id, engine_change_fn *fn, void *arg) {
  LIST_FOREACH(i, &fake_of(base)->instances, struct fake_instance, link) {
    if (workload_id && strcmp(i->workload_id, workload_id) != 0) continue;
    struct instance_report report;
    fake_fill_report(i, &report);
    fn(arg, &report);
  }
}

static inline void fake_started_(void *en_) {
  struct fake_engine *en = en_;
  LIST_FOREACH(i, &en->instances, struct fake_instance, link) fake_report(en, i);
  if (en->start_done) en->start_done(en->start_arg, NULL);
}

static inline void fake_start_(engine *base, engine_done_fn *done, void *arg) {
  struct fake_engine *en = fake_of(base);
  en->gone = false;
  en->start_done = done;
  en->start_arg = arg;
  loop_defer(en->loop, fake_started_, en);
}

static inline err *fake_exec_start_(engine *base, const struct exec_options *options, engine_exec **ret_exec) {
  return fake_exec_start_at(fake_of(base)->loop, base->ops, options, ret_exec);
}

static inline void fake_volume_apply_(engine *base, const struct engine_volume *v, engine_done_fn *done,
                                      void *arg) {
  fake_volume_apply(&fake_of(base)->volumes, v, done, arg);
}

/* As the real one: not while an instance has it. */
static inline void fake_volume_remove_(engine *base, const char *id, engine_done_fn *done, void *arg) {
  LIST_FOREACH(i, &fake_of(base)->instances, struct fake_instance, link) {
    if (strcmp(i->volume_id, id) != 0) continue;
    done(arg, err_new(ERR_BUSY, "volume '%s' is in use by workload '%s'", id, i->workload_id));
    return;
  }
  fake_volume_remove(&fake_of(base)->volumes, id, done, arg);
}

static inline void fake_volume_usage_(engine *base, const char *id, engine_volume_usage_fn *done, void *arg) {
  fake_volume_usage(&fake_of(base)->volumes, id, done, arg);
}

static inline void fake_volume_snapshot_(engine *base, const char *id, const char *name, bool wanted,
                                         engine_done_fn *done, void *arg) {
  fake_volume_snapshot(&fake_of(base)->volumes, id, name, wanted, done, arg);
}

static inline void fake_pause_(engine *base, const char *workload_id, bool paused, engine_done_fn *done,
                               void *arg) {
  bool runs = fake_count(fake_of(base), workload_id) > 0;
  fake_volume_pause(&fake_of(base)->volumes, workload_id, runs, paused, done, arg);
}

static inline err *fake_volume_run_(engine *base, const struct volume_run *run, volume_run_handle **ret_run) {
  volume_run_handle *handle = fake_volume_run(&fake_of(base)->volumes, base->ops, run);
  if (ret_run) *ret_run = handle;
  return NULL;
}

static const struct engine_ops fake_ops = {.start = fake_start_,
                                           .apply = fake_apply_,
                                           .remove = fake_remove_,
                                           .rename = fake_rename_,
                                           .restart = fake_restart_,
                                           .remove_environment = fake_remove_environment_,
                                           .sockets = fake_sockets_,
                                           .each = fake_each_,
                                           .exec_start = fake_exec_start_,
                                           .exec_write = fake_exec_write_,
                                           .exec_pending = fake_exec_pending_,
                                           .exec_close_input = fake_exec_close_input_,
                                           .exec_kill = fake_exec_kill_,
                                           .volume_apply = fake_volume_apply_,
                                           .volume_remove = fake_volume_remove_,
                                           .volume_usage = fake_volume_usage_,
                                           .volume_snapshot = fake_volume_snapshot_,
                                           .pause = fake_pause_,
                                           .volume_run = fake_volume_run_,
                                           .volume_run_cancel = fake_volume_run_cancel};

/* ---- its life ---- */

static inline struct fake_engine *fake_engine_new(loop *l) {
  struct fake_engine *en = mem_zalloc(sizeof *en);
  en->base.ops = &fake_ops;
  en->loop = l;
  list_init(&en->instances);
  list_init(&en->removals);
  list_init(&en->questions);
  fake_volumes_init(&en->volumes, l);
  en->base.files = &en->volumes.files.base;
  en->app = fake_runs(8080);
  en->job = fake_ended(INSTANCE_EXITED, 0);
  return en;
}

/* tramd ends: nothing is called back, what runs is left running. */
static inline void fake_engine_disconnect(struct fake_engine *en) {
  en->on_change = NULL;
  en->gone = true;
  fake_volumes_disconnect(&en->volumes);
  LIST_FOREACH(r, &en->removals, struct fake_removal, link) {
    list_remove(&r->link);
    fake_drop_(en, r->workload_id, 0);
    free(r);
  }
  en->volumes.hold = false;
  fake_volumes_answer(&en->volumes);
  LIST_FOREACH(q, &en->questions, struct fake_question, link) {
    list_remove(&q->link);
    q->done(q->arg, err_new(ERR_BUSY, "the engine ends"), NULL, 0);
    free(q);
  }
}

/* After the loop, which may still hold calls to it. */
static inline void fake_engine_free(struct fake_engine *en) {
  fake_engine_disconnect(en);
  LIST_FOREACH(i, &en->instances, struct fake_instance, link) {
    list_remove(&i->link);
    free(i);
  }
  fake_volumes_done(&en->volumes);
  strv_done(&en->env);
  strv_done(&en->renamed);
  free(en->former_label);
  free(en->command);
  free(en->user);
  free(en);
}

#endif
