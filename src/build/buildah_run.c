/* One program that builds something, from its network to the removal of its last trace. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "build/build_cgroup.h"
#include "build/buildah_internal.h"
#include "build/buildah_log.h"
#include "loop/spawn.h"
#include "loop/timer.h"

enum { CGROUP_POLL_MS = 20, CGROUP_DEADLINE_MS = 10000, IMAGE_ID_LIMIT = 256 };

struct buildah_run {
  buildah *tools;
  struct list link;       /* in tools->waiting */
  char *cgroup;           /* its name */
  char *work_dir, *context, *dockerfile, *ignore_file, *target, *tag, *id_file;
  struct strv args, run_env;
  bool no_cache;
  struct strv host_argv;  /* a program of the host instead of buildah */
  buildah_log *log;
  buildah_done_fn *done;
  void (*done_host)(void *arg, err *e);
  void *arg;
  int slot;               /* of its network; -1: none */
  spawn *child;
  timer *poll;
  int64_t poll_end_ms;
  bool cancelled, killed, counted;
  err *error;
  char *image_id;
};

static void run_free(buildah_run *run) {
  free(run->cgroup);
  free(run->work_dir);
  free(run->context);
  free(run->dockerfile);
  free(run->ignore_file);
  free(run->target);
  free(run->tag);
  free(run->id_file);
  free(run->image_id);
  strv_done(&run->args);
  strv_done(&run->run_env);
  strv_done(&run->host_argv);
  buildah_log_free(run->log);
  free(run);
}

void buildah_run_link(buildah_run *run, struct list *waiting) {
  list_push(waiting, &run->link);
}

buildah_run *buildah_run_first(struct list *waiting) {
  buildah_run *run = CONTAINER_OF(waiting->next, buildah_run, link);
  list_remove(&run->link);
  return run;
}

/* --- the end --- */

static void report(void *arg) {
  buildah_run *run = arg;
  if (run->done_host)
    run->done_host(run->arg, run->error);
  else
    run->done(run->arg, run->error, run->error ? NULL : run->image_id);
  run_free(run);
}

static void leave_store(void *arg) {
  buildah_run *run = arg;
  if (run->counted)
    buildah_store_leave(run->tools, run->killed, report, run);
  else
    report(run);
}

static void close_network(buildah_run *run) {
  if (run->slot >= 0)
    build_network_close(run->tools->networks, run->slot, leave_store, run);
  else
    leave_store(run);
}

/* Killed processes leave their group when they have been reaped, a moment later. */
static void remove_cgroup(void *arg) {
  buildah_run *run = arg;
  build_cgroup_kill(run->tools->config->cgroup_parent, run->cgroup);
  err *e = build_cgroup_remove(run->tools->config->cgroup_parent, run->cgroup);
  bool late = clock_monotonic_ms() > run->poll_end_ms;
  if (e && !late) {
    err_free(e);
    if (!run->poll) run->poll = timer_start(run->tools->loop, CGROUP_POLL_MS, CGROUP_POLL_MS, remove_cgroup, run);
    return;
  }
  timer_stop(run->poll);
  run->poll = NULL;
  if (e) log_warn("build", "%s", err_message(e));
  err_free(e);
  close_network(run);
}

static void finish(buildah_run *run, err *e) {
  run->error = e;
  run->poll_end_ms = clock_monotonic_ms() + CGROUP_DEADLINE_MS;
  remove_cgroup(run);
}

/* --- the program --- */

static void on_output(void *arg, int fd, const char *data, size_t len) {
  buildah_run *run = arg;
  if (!run->cancelled) buildah_log_take(run->log, fd, data, len);
}

static err *read_image_id(buildah_run *run) {
  auto_str id = STR_EMPTY;
  TRY(err_wrap(file_read(run->id_file, IMAGE_ID_LIMIT, &id), "reading the image id"));
  run->image_id = str_dup(str_trim(id.data));
  return NULL;
}

static err *failure_of(const buildah_run *run, const struct spawn_result *result) {
  const struct builder_config *config = run->tools->config;
  if (result->timed_out)
    return err_new(ERR_BUSY, "the build took longer than %lld s and was stopped",
                   (long long)(config->timeout_ms / 1000));
  if (run->host_argv.len) return spawn_result_err(result);
  err *e = buildah_log_error(run->log);
  if (result->read_error) e = err_wrap(e, "its output could not be read (%s)", strerror(result->read_error));
  if (!build_cgroup_was_full(run->tools->config->cgroup_parent, run->cgroup)) return e;
  return err_wrap(e, "the build used all of its %lld MiB of memory", (long long)(config->memory_bytes >> 20));
}

static void on_exit_of_program(void *arg, const struct spawn_result *result) {
  buildah_run *run = arg;
  run->child = NULL;
  run->killed = result->signal != 0;
  if (run->cancelled) {
    finish(run, err_new(ERR_BUSY, "cancelled"));
    return;
  }
  buildah_log_end(run->log);
  if (result->exit_status) {
    finish(run, failure_of(run, result));
    return;
  }
  finish(run, run->host_argv.len ? NULL : read_image_id(run));
}

static err *write_run_env(const buildah_run *run, const struct buildah_options *options) {
  auto_free char *path = path_join(run->work_dir, "run-env");
  auto_str text = STR_EMPTY;
  buildah_command_run_env(run->tools->config, options, &text);
  return file_write_fast(path, str_text(&text), text.len, 0600);
}

static err *build_command(buildah_run *run, const struct strv *cgroups, const char *network,
                          struct strv *argv, struct strv *env) {
  const buildah *b = run->tools;
  struct buildah_options options = {
      .work_dir = run->work_dir,
      .context = run->context,
      .dockerfile = run->dockerfile,
      .ignore_file = run->ignore_file,
      .target = run->target,
      .tag = run->tag,
      .args = (const char *const *)run->args.items,
      .run_env = (const char *const *)run->run_env.items,
      .no_cache = run->no_cache,
  };
  TRY(write_run_env(run, &options));
  auto_free char *parent = build_cgroup_parent(run->tools->config->cgroup_parent, run->cgroup);
  buildah_command_begin(b->config, &b->paths, cgroups, b->resolver_is_local ? NULL : network, argv);
  buildah_command_build(b->config, &b->paths, &options, network, parent, run->id_file, argv);
  buildah_command_env(b->config, &b->paths, &options, env);
  return NULL;
}

static void host_command(const buildah_run *run, const struct strv *cgroups, struct strv *argv,
                         struct strv *env) {
  strv_add(argv, run->tools->config->exec_program);
  for (size_t i = 0; i < cgroups->len; i++) {
    strv_add(argv, "--cgroup");
    strv_add(argv, cgroups->items[i]);
  }
  strv_add(argv, "--private-mounts");
  strv_add(argv, "--die-with-parent");
  strv_add(argv, "--");
  strv_add_all(argv, (const char *const *)run->host_argv.items);
  buildah_command_env(run->tools->config, &run->tools->paths, NULL, env);
}

static err *launch(buildah_run *run, const char *network) {
  const buildah *b = run->tools;
  struct build_limits limits = {b->config->memory_bytes, b->config->cpu_millis};
  TRY(build_cgroup_make(run->tools->config->cgroup_parent, run->cgroup, &limits));
  auto_strv cgroups = STRV_EMPTY, argv = STRV_EMPTY, env = STRV_EMPTY;
  build_cgroup_joins(run->tools->config->cgroup_parent, run->cgroup, &cgroups);
  if (run->host_argv.len)
    host_command(run, &cgroups, &argv, &env);
  else
    TRY(build_command(run, &cgroups, network, &argv, &env));
  struct spawn_options options = {
      .argv = (const char *const *)argv.items,
      .env = (const char *const *)env.items,
      .deadline_ms = b->config->timeout_ms,
      .on_output = on_output,
  };
  return spawn_start(b->loop, &options, on_exit_of_program, run, &run->child);
}

static void on_network(void *arg, err *e, int slot, const char *path) {
  buildah_run *run = arg;
  run->slot = slot;
  if (!e && run->cancelled) e = err_new(ERR_BUSY, "cancelled");
  if (!e) e = launch(run, path);
  if (e) finish(run, e);
}

static void launch_without_network(void *arg) {
  on_network(arg, NULL, -1, NULL);
}

void buildah_run_begin(buildah_run *run) {
  run->counted = !run->host_argv.len;
  if (run->counted) run->tools->running++;
  if (run->host_argv.len)
    loop_defer(run->tools->loop, launch_without_network, run);
  else
    build_network_open(run->tools->networks, on_network, run);
}

static void begin_later(void *arg) {
  buildah_run *run = arg;
  if (run->tools->cleaning && !run->host_argv.len)
    buildah_run_link(run, &run->tools->waiting);
  else
    buildah_run_begin(run);
}

static buildah_run *run_new(buildah *b, const char *name, void *arg) {
  buildah_run *run = mem_zalloc(sizeof *run);
  run->tools = b;
  run->cgroup = str_format("%s-%s", b->tag, name);
  run->slot = -1;
  run->arg = arg;
  list_init(&run->link);
  return run;
}

void buildah_start(buildah *b, const struct buildah_options *o, build_line_fn *on_line,
                   buildah_done_fn *done, void *arg, buildah_run **ret_run) {
  buildah_run *run = run_new(b, o->name, arg);
  run->work_dir = str_dup(o->work_dir);
  run->context = str_dup(o->context);
  run->dockerfile = str_dup(o->dockerfile);
  run->ignore_file = str_dup(o->ignore_file);
  run->target = str_dup(o->target);
  run->tag = str_dup(o->tag);
  run->id_file = path_join(o->work_dir, "image-id");
  strv_add_all(&run->args, o->args);
  strv_add_all(&run->run_env, o->run_env);
  run->no_cache = o->no_cache;
  run->log = buildah_log_new(o->file_name, o->steps, on_line, arg);
  run->done = done;
  *ret_run = run;
  loop_defer(b->loop, begin_later, run);
}

void buildah_run_host(buildah *b, const struct buildah_host_options *options,
                      void (*done)(void *arg, err *e), void *arg, buildah_run **ret_run) {
  buildah_run *run = run_new(b, options->name, arg);
  strv_add_all(&run->host_argv, options->argv);
  run->log = buildah_log_new("", NULL, options->on_line, arg);
  run->done_host = done;
  *ret_run = run;
  loop_defer(b->loop, begin_later, run);
}

void buildah_cancel(buildah_run *run) {
  run->cancelled = true;
  if (!list_empty(&run->link)) { /* still waits for the store */
    list_remove(&run->link);
    run->error = err_new(ERR_BUSY, "cancelled");
    loop_defer(run->tools->loop, report, run);
    return;
  }
  if (!run->child) return;
  spawn_kill(run->child, SIGKILL); /* buildah tidies up on no signal; buildah_store_leave does */
  build_cgroup_kill(run->tools->config->cgroup_parent, run->cgroup);
}
