/* Volumes, as engine.h's callers ask for them: what is done to one volume happens in the order it was asked
 * for, and volumes do not wait for each other. */
#include "engine/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/local_private.h"
#include "loop/spawn.h"
#include "loop/work.h"

enum { FORMAT_DEADLINE_MS = 120000, COPY_DEADLINE_MS = 1800000 };

struct volume_job {
  struct list link; /* in engine->volume_jobs */
  struct local_engine *engine;
  work_fn *first;                   /* on the pool */
  void (*then)(struct volume_job *j); /* starts a program; NULL: done after `first` */
  work_fn *last;                    /* on the pool, after the program */
  bool started, complete;           /* complete after `first`: no program is needed */
  char *id;                         /* NULL: of all volumes */
  char *snapshot;
  int64_t size_bytes;
  struct volume_usage usage;
  engine_done_fn *done;
  engine_volume_usage_fn *usage_done; /* or this */
  void *arg;
};

/* --- The order --------------------------------------------------------------------- */

static bool must_wait(const struct volume_job *j) {
  LIST_FOREACH(before, &j->engine->volume_jobs, struct volume_job, link) {
    if (before == j) return false;
    if (!before->id || !j->id || str_eq(before->id, j->id)) return true;
  }
  return false;
}

static void start_jobs(struct local_engine *en);

static void job_free(struct volume_job *j) {
  list_remove(&j->link);
  free(j->id);
  free(j->snapshot);
  free(j);
}

static void job_over(struct volume_job *j, err *e) {
  struct local_engine *en = j->engine;
  en->pending--;
  list_remove(&j->link);
  if (j->usage_done)
    j->usage_done(j->arg, e, e ? NULL : &j->usage);
  else
    j->done(j->arg, e);
  job_free(j);
  start_jobs(en);
}

static void on_last(void *arg, err *e) {
  job_over(arg, e);
}

static void on_program(void *arg, const struct spawn_result *result) {
  struct volume_job *j = arg;
  err *e = spawn_result_err(result);
  if (e)
    job_over(j, e);
  else
    work_start(j->engine->loop, j->last, on_last, j);
}

static void on_first(void *arg, err *e) {
  struct volume_job *j = arg;
  if (e || j->complete || !j->then)
    job_over(j, e);
  else
    j->then(j);
}

static void start_jobs(struct local_engine *en) {
  if (en->closing) return; /* volume_jobs_drop answers */
  LIST_FOREACH(j, &en->volume_jobs, struct volume_job, link) {
    if (j->started || must_wait(j)) continue;
    j->started = true;
    en->pending++;
    work_start(en->loop, j->first, on_first, j);
  }
}

static struct volume_job *job_new(engine *base, const char *id, engine_done_fn *done, void *arg) {
  struct volume_job *j = mem_zalloc(sizeof *j);
  j->engine = (struct local_engine *)base;
  j->id = id ? str_dup(id) : NULL;
  j->done = done;
  j->arg = arg;
  list_push(&j->engine->volume_jobs, &j->link);
  return j;
}

static void run_program(struct volume_job *j, const struct strv *argv, const char *what, int64_t deadline_ms) {
  struct spawn_options options = {.argv = (const char *const *)argv->items, .deadline_ms = deadline_ms};
  err *e = spawn_start(j->engine->loop, &options, on_program, j, NULL);
  if (e) job_over(j, err_wrap(e, "%s", what));
}

void volume_jobs_drop(struct local_engine *en) {
  while (!list_empty(&en->volume_jobs)) { /* whoever hears of it may ask for more */
    struct volume_job *j = CONTAINER_OF(en->volume_jobs.next, struct volume_job, link);
    en->pending++;
    job_over(j, err_new(ERR_BUSY, "the engine ends"));
  }
}

/* --- Making and growing ------------------------------------------------------------ */

static err *prepare(void *arg) {
  struct volume_job *j = arg;
  bool is_new;
  TRY(err_wrap(volume_store_prepare(&j->engine->volumes, j->id, j->size_bytes, &is_new), "volume '%s'", j->id));
  j->complete = !is_new;
  return NULL;
}

static void format(struct volume_job *j) {
  auto_strv argv = STRV_EMPTY;
  volume_format_argv(&j->engine->volumes, j->id, &argv);
  run_program(j, &argv, "volumes need mkfs.xfs (apt-get install xfsprogs)", FORMAT_DEADLINE_MS);
}

static err *finish(void *arg) {
  struct volume_job *j = arg;
  return err_wrap(volume_store_finish(&j->engine->volumes, j->id), "volume '%s'", j->id);
}

void local_volume_apply(engine *base, const struct engine_volume *v, engine_done_fn *done, void *arg) {
  struct volume_job *j = job_new(base, v->id, done, arg);
  j->size_bytes = v->size_bytes;
  j->first = prepare;
  j->then = format;
  j->last = finish;
  start_jobs(j->engine);
}

/* --- Usage ------------------------------------------------------------------------- */

static err *measure(void *arg) {
  struct volume_job *j = arg;
  return volume_store_usage(&j->engine->volumes, j->id, &j->usage);
}

void local_volume_usage(engine *base, const char *id, engine_volume_usage_fn *done, void *arg) {
  struct volume_job *j = job_new(base, id, NULL, arg);
  j->usage_done = done;
  j->first = measure;
  start_jobs(j->engine);
}

/* --- Removing ---------------------------------------------------------------------- */

static const char *workload_with(const struct local_engine *en, const char *volume_id) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->workloads, &cursor, &id, &value)) {
    const struct workload *w = ((struct local_workload *)value)->w;
    for (size_t i = 0; i < w->volumes_len; i++)
      if (str_eq(w->volumes[i].volume_id, volume_id)) return id;
  }
  return NULL;
}

static err *take_away(void *arg) {
  struct volume_job *j = arg;
  return volume_store_remove(&j->engine->volumes, j->id);
}

void local_volume_remove(engine *base, const char *id, engine_done_fn *done, void *arg) {
  struct local_engine *en = (struct local_engine *)base;
  const char *workload = workload_with(en, id);
  if (workload) {
    done(arg, err_new(ERR_BUSY, "volume '%s' is in use by workload '%s'", id, workload));
    return;
  }
  if (volume_is_run_on(en, id)) {
    done(arg, err_new(ERR_BUSY, "a program runs on volume '%s'", id));
    return;
  }
  struct volume_job *j = job_new(base, id, done, arg);
  j->first = take_away;
  start_jobs(en);
}

/* --- Snapshots --------------------------------------------------------------------- */

static char *snapshot_path(const struct volume_job *j, const char *prefix) {
  auto_free char *name = str_format("%s%s", prefix, j->snapshot);
  return volume_store_files(&j->engine->volumes, j->id, name);
}

static err *drop_snapshot(void *arg) {
  struct volume_job *j = arg;
  auto_free char *path = snapshot_path(j, ""), *unfinished = snapshot_path(j, ".new-");
  TRY(volume_store_mount(&j->engine->volumes, j->id));
  TRY(file_remove_tree(unfinished));
  return file_remove_tree(path);
}

/* cp remembers all names of a folder, and all files with several names: of a service's making. */
#define COPY_MEMORY "--as=1073741824"

/* As volume_run.c runs programs: what runs on the volume may put a link in a folder's place while it is copied. */
static void copy_files(struct volume_job *j) {
  const struct local_engine *en = j->engine;
  auto_free char *point = path_join(en->volumes.mounts, j->id), *to = str_format("snapshots/.new-%s", j->snapshot);
  auto_strv argv = STRV_EMPTY;
  strv_add_all(&argv, (const char *const[]){en->config.exec_program, "--die-with-parent", "--private-mounts", "--bind", point,
                                            en->folders.volume, "--", "prlimit", COPY_MEMORY, "cp", "-a", "--reflink=always", "-T", "--", "files", to, NULL});
  run_program(j, &argv, "copying the volume's files", COPY_DEADLINE_MS);
}

static err *name_snapshot(void *arg) {
  struct volume_job *j = arg;
  auto_free char *path = snapshot_path(j, ""), *unfinished = snapshot_path(j, ".new-");
  if (rename(unfinished, path) < 0) return err_errno(errno, "naming '%s'", path);
  return NULL;
}

void local_volume_snapshot(engine *base, const char *id, const char *snapshot, bool wanted,
                           engine_done_fn *done, void *arg) {
  struct volume_job *j = job_new(base, id, done, arg);
  j->snapshot = str_dup(snapshot);
  j->first = drop_snapshot;
  if (wanted) j->then = copy_files;
  j->last = name_snapshot;
  start_jobs(j->engine);
}

/* --- The start --------------------------------------------------------------------- */

static err *open_root(void *arg, const char *id, int *ret_fd) {
  struct local_engine *en = arg;
  TRY(volume_store_mount(&en->volumes, id));
  auto_free char *files = volume_store_files(&en->volumes, id, NULL);
  int fd = open(files, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "opening '%s'", files);
  *ret_fd = fd;
  return NULL;
}

void volumes_begin(struct local_engine *en) {
  list_init(&en->volume_jobs);
  volume_store_init(&en->volumes, en->config.data_dir, en->config.run_dir, en->config.disk_reserve_bytes);
  folder_files_init(&en->files, en->loop, open_root, en, &en->pending);
  en->base.files = &en->files.base;
}

static err *tidy(void *arg) {
  struct volume_job *j = arg;
  return volume_store_tidy(&j->engine->volumes);
}

static void on_tidy(void *arg, err *e) {
  (void)arg;
  if (e) log_warn("engine", "what is left of volumes: %s", err_message(e));
  err_free(e);
}

void volumes_tidy(struct local_engine *en) {
  struct volume_job *j = job_new(&en->base, NULL, on_tidy, en);
  j->first = tidy;
  start_jobs(en);
}
