/* Programs of the host on a volume's files.  tramway-exec mounts them in a namespace of the program's own:
 * nothing is left when it or tramd ends, however suddenly. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"
#include "engine/local/local_private.h"
#include "loop/spawn.h"
#include "loop/work.h"

enum { NOT_PREPARED = 125, NOT_FOUND = 127, CANCEL_GRACE_MS = 2000 };

struct local_run {
  volume_run_handle base;
  struct local_engine *engine;
  struct list link; /* in engine->volume_runs */
  struct volume_run run; /* its texts belong to `argv`, `env`, `id` and `snapshot` */
  char *id, *snapshot;
  struct strv argv, env;
  void *input;
  spawn *child; /* NULL until the volume is mounted */
  bool cancelled;
};

static void run_over(struct local_run *r, err *e, int exit_code) {
  struct local_engine *en = r->engine;
  en->pending--;
  list_remove(&r->link);
  r->run.on_exit(r->run.arg, e, exit_code);
  free(r->id);
  free(r->snapshot);
  strv_done(&r->argv);
  strv_done(&r->env);
  if (r->input) secret_wipe(r->input, r->run.input_len);
  free(r->input);
  free(r);
}

static void on_exit_of(void *arg, const struct spawn_result *result) {
  struct local_run *r = arg;
  bool is_its_own = !result->signal && !result->timed_out && !result->cancelled &&
                    (result->exit_status < NOT_PREPARED || result->exit_status > NOT_FOUND);
  r->child = NULL;
  run_over(r, is_its_own ? NULL : spawn_result_err(result), result->exit_status);
}

static void on_output_of(void *arg, int fd, const char *data, size_t len) {
  struct local_run *r = arg;
  if (!r->engine->closing && r->run.on_output) r->run.on_output(r->run.arg, fd, data, len);
}

static err *launch(struct local_run *r) {
  const struct local_engine *en = r->engine;
  auto_free char *files = volume_store_files(&en->volumes, r->id, r->snapshot);
  auto_strv argv = STRV_EMPTY;
  strv_add_all(&argv, (const char *const[]){en->config.exec_program, "--die-with-parent", "--private-mounts",
                                            r->run.read_only || r->snapshot ? "--bind-read-only" : "--bind",
                                            files, en->folders.volume, "--", NULL});
  strv_add_all(&argv, (const char *const *)r->argv.items);
  struct spawn_options options = {.argv = (const char *const *)argv.items,
                                  .env = r->run.env ? (const char *const *)r->env.items : NULL,
                                  .input = r->input,
                                  .input_len = r->run.input_len,
                                  .deadline_ms = r->run.deadline_ms,
                                  .on_output = on_output_of};
  return spawn_start(en->loop, &options, on_exit_of, r, &r->child);
}

static err *mount_volume(void *arg) {
  struct local_run *r = arg;
  TRY(volume_store_mount(&r->engine->volumes, r->id));
  auto_free char *files = volume_store_files(&r->engine->volumes, r->id, r->snapshot);
  if (file_exists(files)) return NULL;
  return err_new(ERR_NOT_FOUND, "volume '%s' has no snapshot '%s'", r->id, r->snapshot ? r->snapshot : "");
}

static void on_mounted(void *arg, err *e) {
  struct local_run *r = arg;
  if (!e && (r->cancelled || r->engine->closing)) e = err_new(ERR_BUSY, "it was cancelled");
  if (!e) e = launch(r);
  if (e) run_over(r, e, EXIT_CODE_NONE);
}

err *local_volume_run(engine *base, const struct volume_run *run, volume_run_handle **ret_run) {
  struct local_engine *en = (struct local_engine *)base;
  if (en->halting || en->closing) return err_new(ERR_BUSY, "everything is being stopped");
  struct local_run *r = mem_zalloc(sizeof *r);
  r->base.ops = base->ops;
  r->engine = en;
  r->run = *run;
  r->id = str_dup(run->volume_id);
  r->snapshot = run->snapshot ? str_dup(run->snapshot) : NULL;
  strv_add_all(&r->argv, run->argv);
  strv_add_all(&r->env, run->env);
  if (run->input) r->input = mem_dup(run->input, run->input_len);
  list_push(&en->volume_runs, &r->link);
  en->pending++;
  work_start(en->loop, mount_volume, on_mounted, r);
  if (ret_run) *ret_run = &r->base;
  return NULL;
}

static struct local_run *of(volume_run_handle *run) {
  return (struct local_run *)run;
}

void local_volume_run_cancel(volume_run_handle *run) {
  of(run)->cancelled = true;
  if (of(run)->child) spawn_cancel(of(run)->child, CANCEL_GRACE_MS);
}

bool volume_is_run_on(const struct local_engine *en, const char *id) {
  LIST_FOREACH(r, &en->volume_runs, struct local_run, link)
    if (str_eq(r->id, id)) return true;
  return false;
}

void volume_runs_end(struct local_engine *en) {
  LIST_FOREACH(r, &en->volume_runs, struct local_run, link) local_volume_run_cancel(&r->base);
}
