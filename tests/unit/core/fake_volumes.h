/* The volumes of the fake engine: names and sizes, and their files in a temporary folder.  Answers come from the loop, as everything else. */
#ifndef TRAMWAY_TESTS_CORE_FAKE_VOLUMES_H
#define TRAMWAY_TESTS_CORE_FAKE_VOLUMES_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/list.h"
#include "base/mem.h"
#include "engine/engine_ops.h"
#include "engine/local/folder_files.h"

struct fake_volume {
  struct list link;
  char id[65];
  int64_t size_bytes, used_bytes;
  struct strv snapshots;
};

struct fake_volumes {
  loop *loop;
  struct list all, answers;
  const char *fail;  /* whatever is asked fails with this error */
  bool hold;         /* answers wait for fake_volumes_answer */
  struct strv paused; /* workloads */
  int pauses, runs;
  struct strv command; /* of the program that was run last on a volume */
  const char *output;  /* what it says; NULL: nothing */
  int exit_code;       /* how it ends */
  struct folder_files files;
  char folder[64];
  int pending;
};

struct fake_volume_answer {
  struct list link;
  struct fake_volumes *of;
  engine_done_fn *done;
  engine_volume_usage_fn *usage_done;
  struct volume_run run;
  volume_run_handle handle;
  void *arg;
  err *e;
  struct volume_usage usage;
};

static inline struct fake_volume *fake_volume_find(struct fake_volumes *v, const char *id) {
  LIST_FOREACH(i, &v->all, struct fake_volume, link)
    if (strcmp(i->id, id) == 0) return i;
  return NULL;
}

static inline void fake_volume_answer_one_(struct fake_volume_answer *a) {
  list_remove(&a->link);
  if (a->usage_done) {
    a->usage_done(a->arg, a->e, a->e ? NULL : &a->usage);
  } else if (a->run.on_exit) {
    const char *output = a->of->output;
    if (output && !a->e && a->run.on_output) a->run.on_output(a->run.arg, 1, output, strlen(output));
    a->run.on_exit(a->run.arg, a->e, a->of->exit_code);
  } else if (a->done) {
    a->done(a->arg, a->e);
  } else {
    err_free(a->e);
  }
  free(a);
}

static inline void fake_volumes_answer(void *arg) {
  struct fake_volumes *v = arg;
  struct list now;
  list_init(&now);
  LIST_FOREACH(a, &v->answers, struct fake_volume_answer, link) {
    if (v->hold) return;
    list_remove(&a->link);
    list_push(&now, &a->link);
  }
  while (!list_empty(&now)) fake_volume_answer_one_(CONTAINER_OF(now.next, struct fake_volume_answer, link));
}

static inline struct fake_volume_answer *fake_volume_answer_later(struct fake_volumes *v, err *e) {
  struct fake_volume_answer *a = mem_zalloc(sizeof *a);
  a->of = v;
  a->e = v->fail && !e ? err_new(ERR_IO, "%s", v->fail) : e;
  list_push(&v->answers, &a->link);
  loop_defer(v->loop, fake_volumes_answer, v);
  return a;
}

static inline void fake_volume_done_later(struct fake_volumes *v, err *e, engine_done_fn *done, void *arg) {
  struct fake_volume_answer *a = fake_volume_answer_later(v, e);
  a->done = done;
  a->arg = arg;
}

static inline err *fake_volume_missing(const char *id) {
  return err_new(ERR_NOT_FOUND, "volume '%s': there is no such volume", id);
}

static inline void fake_volume_apply(struct fake_volumes *v, const struct engine_volume *wanted,
                                     engine_done_fn *done, void *arg) {
  struct fake_volume *i = fake_volume_find(v, wanted->id);
  err *e = NULL;
  if (i && wanted->size_bytes < i->size_bytes) e = err_new(ERR_INVALID, "a volume cannot shrink");
  if (!i && !v->fail) {
    i = mem_zalloc(sizeof *i);
    snprintf(i->id, sizeof i->id, "%s", wanted->id);
    list_push(&v->all, &i->link);
  }
  if (i && !e && !v->fail) i->size_bytes = wanted->size_bytes;
  fake_volume_done_later(v, e, done, arg);
}

static inline void fake_volume_drop_(struct fake_volume *i) {
  list_remove(&i->link);
  strv_done(&i->snapshots);
  free(i);
}

static inline void fake_volume_remove(struct fake_volumes *v, const char *id, engine_done_fn *done, void *arg) {
  struct fake_volume *i = fake_volume_find(v, id);
  if (i && !v->fail) fake_volume_drop_(i);
  fake_volume_done_later(v, NULL, done, arg);
}

static inline void fake_volume_usage(struct fake_volumes *v, const char *id, engine_volume_usage_fn *done,
                                     void *arg) {
  struct fake_volume *i = fake_volume_find(v, id);
  struct fake_volume_answer *a = fake_volume_answer_later(v, i ? NULL : fake_volume_missing(id));
  a->usage_done = done;
  a->arg = arg;
  if (i) a->usage = (struct volume_usage){.used_bytes = i->used_bytes, .size_bytes = i->size_bytes, .files = 1000};
}

static inline void fake_volume_snapshot(struct fake_volumes *v, const char *id, const char *name, bool wanted,
                                        engine_done_fn *done, void *arg) {
  struct fake_volume *i = fake_volume_find(v, id);
  if (i && wanted && !strv_has(&i->snapshots, name)) strv_add(&i->snapshots, name);
  for (size_t n = 0; i && !wanted && n < i->snapshots.len; n++)
    if (strcmp(i->snapshots.items[n], name) == 0) i->snapshots.items[n][0] = '\0';
  fake_volume_done_later(v, i ? NULL : fake_volume_missing(id), done, arg);
}

static inline void fake_volume_pause(struct fake_volumes *v, const char *workload_id, bool runs, bool paused,
                                     engine_done_fn *done, void *arg) {
  struct strv rest = STRV_EMPTY;
  for (size_t n = 0; n < v->paused.len; n++)
    if (strcmp(v->paused.items[n], workload_id) != 0) strv_add(&rest, v->paused.items[n]);
  if (paused && runs) strv_add(&rest, workload_id);
  v->pauses += paused && runs;
  strv_done(&v->paused);
  v->paused = rest;
  fake_volume_done_later(v, runs ? NULL : err_new(ERR_NOT_FOUND, "nothing of it runs"), done, arg);
}

static inline volume_run_handle *fake_volume_run(struct fake_volumes *v, const struct engine_ops *ops,
                                                 const struct volume_run *run) {
  struct fake_volume *i = fake_volume_find(v, run->volume_id);
  struct fake_volume_answer *a = fake_volume_answer_later(v, i ? NULL : fake_volume_missing(run->volume_id));
  a->run = *run;
  a->handle.ops = ops;
  v->runs++;
  strv_done(&v->command);
  strv_add_all(&v->command, run->argv);
  return &a->handle;
}

static inline void fake_volume_run_cancel(volume_run_handle *handle) {
  struct fake_volume_answer *a = CONTAINER_OF(handle, struct fake_volume_answer, handle);
  if (!a->e) a->e = err_new(ERR_BUSY, "it was cancelled");
  a->of->hold = false;
  loop_defer(a->of->loop, fake_volumes_answer, a->of);
}

/* The files of a volume, made when they are first asked for. */
static inline err *fake_volume_open(void *arg, const char *id, int *ret_fd) {
  struct fake_volumes *v = arg;
  if (!fake_volume_find(v, id)) return fake_volume_missing(id);
  auto_free char *path = path_join(v->folder, id);
  TRY(file_make_dirs(path, 0755));
  *ret_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return *ret_fd < 0 ? err_new(ERR_IO, "opening '%s'", path) : NULL;
}

static inline void fake_volumes_init(struct fake_volumes *v, loop *l) {
  v->loop = l;
  snprintf(v->folder, sizeof v->folder, "/dev/shm/tramway-volumes-%d", (int)getpid());
  folder_files_init(&v->files, l, fake_volume_open, v, &v->pending);
  list_init(&v->all);
  list_init(&v->answers);
}

/* tramd ends: what was asked is answered. */
static inline void fake_volumes_disconnect(struct fake_volumes *v) {
  LIST_FOREACH(a, &v->answers, struct fake_volume_answer, link) {
    if (!a->e) a->e = err_new(ERR_BUSY, "the engine ends");
    fake_volume_answer_one_(a);
  }
}

static inline void fake_volumes_done(struct fake_volumes *v) {
  fake_volumes_disconnect(v);
  LIST_FOREACH(i, &v->all, struct fake_volume, link) fake_volume_drop_(i);
  strv_done(&v->paused);
  strv_done(&v->command);
  err_ignore(file_remove_tree(v->folder));
}

#endif
