#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "engine/local/instance.h"
#include "engine/local/oci_config.h"
#include "loop/spawn.h"

enum { CONFIG_LIMIT = 16 * 1024 * 1024 };

/* `crun exec` reads the command and its variables from a file, so that none shows in a process
 * list, and writes the process's pid to another: killing crun alone would leave the command behind.
 */
struct local_exec {
  engine_exec base;
  struct local_engine *engine;
  struct list link; /* in engine->execs */
  spawn *child;
  char *spec_path, *pid_path;
  void (*on_output)(void *arg, int fd, const char *data, size_t len);
  void (*on_exit)(void *arg, err *e, int exit_code);
  void *arg;
};

static err *write_spec(const struct instance *inst, const struct exec_options *options,
                       const char *path) {
  auto_free char *config_path = path_join(inst->bundle, "config.json");
  auto_str text = STR_EMPTY;
  TRY(file_read(config_path, CONFIG_LIMIT, &text));
  auto_json *config = NULL;
  TRY(json_parse(text.data, text.len, config_path, &config));
  auto_json *spec = oci_exec_json(config, options->argv, options->env, options->terminal);
  if (!spec) return err_new(ERR_CORRUPT, "'%s' has no process", config_path);
  auto_free char *spec_text = json_to_text(spec);
  return file_write_fast(path, spec_text, strlen(spec_text), 0600);
}

static void exec_free(struct local_exec *x) {
  list_remove(&x->link);
  if (x->spec_path) unlink(x->spec_path);
  if (x->pid_path) unlink(x->pid_path);
  free(x->spec_path);
  free(x->pid_path);
  free(x);
}

static int read_pid(const struct local_exec *x) {
  auto_str text = STR_EMPTY;
  auto_err *e = file_read(x->pid_path, 64, &text);
  return e ? 0 : atoi(str_text(&text));
}

static void on_output(void *arg, int fd, const char *data, size_t len) {
  struct local_exec *x = arg;
  if (!x->engine->closing) x->on_output(x->arg, fd, data, len);
}

static void on_done(void *arg, const struct spawn_result *result) {
  struct local_exec *x = arg;
  struct local_engine *en = x->engine;
  en->pending--;
  x->child = NULL;
  err *e = NULL;
  if (read_pid(x) == 0 && result->exit_status != 0) {
    auto_free char *tail = str_dup(result->error_tail);
    e = err_new(ERR_IO, "the command could not be started: %s", str_trim(tail));
  }
  if (en->closing)
    err_ignore(e);
  else
    x->on_exit(x->arg, e, e ? EXIT_CODE_NONE : result->exit_status);
  exec_free(x);
}

static struct local_exec *exec_new(struct local_engine *en, struct instance *inst,
                                   const struct exec_options *options) {
  struct local_exec *x = mem_zalloc(sizeof *x);
  x->base.ops = en->base.ops;
  x->engine = en;
  x->on_output = options->on_output;
  x->on_exit = options->on_exit;
  x->arg = options->arg;
  unsigned number = ++en->exec_count;
  x->spec_path = str_format("%s/exec-%u.json", inst->bundle, number);
  x->pid_path = str_format("%s/exec-%u.pid", inst->bundle, number);
  list_init(&x->link);
  list_push(&en->execs, &x->link);
  return x;
}

static err *launch(struct local_exec *x, const struct instance *inst,
                   const struct exec_options *options) {
  struct local_engine *en = x->engine;
  TRY(write_spec(inst, options, x->spec_path));
  auto_strv argv = STRV_EMPTY;
  strv_add_all(&argv, (const char *const *)en->runtime_argv.items);
  strv_add(&argv, "exec");
  if (options->terminal) strv_add(&argv, "--tty");
  strv_addf(&argv, "--process=%s", x->spec_path);
  strv_addf(&argv, "--pid-file=%s", x->pid_path);
  strv_add(&argv, inst->id);
  struct spawn_options spawn_options = {.argv = (const char *const *)argv.items,
                                        .keep_input = true,
                                        .terminal = options->terminal,
                                        .on_output = on_output};
  return spawn_start(en->loop, &spawn_options, on_done, x, &x->child);
}

err *local_exec_start(engine *base, const struct exec_options *options, engine_exec **ret_exec) {
  struct local_engine *en = (struct local_engine *)base;
  struct instance *inst = map_get(en->instances, options->instance_id);
  if (!inst) return err_new(ERR_NOT_FOUND, "there is no instance '%s'", options->instance_id);
  if (inst->phase != PHASE_RUN)
    return err_new(ERR_CONFLICT, "instance '%s' does not run", options->instance_id);
  struct local_exec *x = exec_new(en, inst, options);
  err *e = launch(x, inst, options);
  if (e) {
    exec_free(x);
    return err_wrap(e, "running a command in '%s'", options->instance_id);
  }
  en->pending++;
  if (options->terminal && options->columns > 0)
    spawn_resize(x->child, options->columns, options->rows);
  *ret_exec = &x->base;
  return NULL;
}

/* The struct behind the public handle; a stream that has ended takes nothing more. */
static struct local_exec *of(const engine_exec *x) {
  return (struct local_exec *)x;
}

void local_exec_write(engine_exec *x, const void *data, size_t len) {
  if (of(x)->child) spawn_write(of(x)->child, data, len);
}

size_t local_exec_pending(const engine_exec *x) {
  return of(x)->child ? spawn_input_pending(of(x)->child) : 0;
}

void local_exec_close_input(engine_exec *x) {
  if (of(x)->child) spawn_close_input(of(x)->child);
}

void local_exec_pause(engine_exec *x, bool paused) {
  if (of(x)->child) spawn_pause(of(x)->child, paused);
}

void local_exec_resize(engine_exec *x, int columns, int rows) {
  if (of(x)->child) spawn_resize(of(x)->child, columns, rows);
}

void local_exec_kill(engine_exec *base) {
  struct local_exec *x = of(base);
  if (!x->child) return;
  int pid = read_pid(x);
  if (pid > 1) kill(pid, SIGKILL); /* crun waits for it, so the number is still its own */
  spawn_cancel(x->child, 1000);
}

void local_exec_kill_all(struct local_engine *en) {
  LIST_FOREACH(x, &en->execs, struct local_exec, link) local_exec_kill(&x->base);
}
