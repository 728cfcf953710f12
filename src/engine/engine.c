#include "engine/engine.h"

#include <string.h>

#include "base/mem.h"
#include "engine/engine_ops.h"

/* Limits on what a caller may ask for.  Linux: one argument or variable is at most 128 KiB
 * (MAX_ARG_STRLEN), all of them together a quarter of the 8 MiB stack. */
enum {
  WORKLOAD_LABEL_MAX = 63, /* RFC 1035 section 2.3.4 */
  WORKLOAD_REPLICAS_MAX = 50,
  WORKLOAD_STRINGS_MAX = 4096,
  WORKLOAD_STRING_SIZE_MAX = 128 * 1024 - 1,
  WORKLOAD_STRINGS_SIZE_MAX = 2 * 1024 * 1024 - 64 * 1024,
};

/* Ids become names of files, cgroups and containers: nothing but letters, digits and hyphens. */
bool engine_is_name(const char *text, size_t longest) {
  if (!text || !*text || *text == '-' || strlen(text) > longest) return false;
  return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static fallible check_strings(const char *what, const char *const *items, size_t *total) {
  for (size_t i = 0; items && items[i]; i++) {
    size_t len = strlen(items[i]);
    if (len > WORKLOAD_STRING_SIZE_MAX)
      return err_new(ERR_LIMIT, "one of the %s is longer than 128 KiB", what);
    if (!str_is_utf8(items[i], len))
      return err_new(ERR_INVALID, "number %zu of the %s is not UTF-8", i + 1, what);
    *total += len + 1;
    if (i >= WORKLOAD_STRINGS_MAX || *total > WORKLOAD_STRINGS_SIZE_MAX)
      return err_new(ERR_LIMIT, "the %s are too many or too large: Linux takes about 2 MiB", what);
  }
  return NULL;
}

static fallible check_environment(const char *const *env) {
  for (size_t i = 0; env && env[i]; i++) {
    const char *equals = strchr(env[i], '=');
    if (!equals || equals == env[i])
      return err_new(ERR_INVALID, "variable number %zu has no name or no '='", i + 1);
  }
  return NULL;
}

fallible engine_check_command(const char *const *argv, const char *const *env) {
  if (!argv || !argv[0]) return err_new(ERR_INVALID, "there is no command to run");
  size_t total = 0;
  TRY(check_strings("arguments", argv, &total));
  TRY(check_strings("variables", env, &total));
  return check_environment(env);
}

static fallible check_volumes(const struct workload *w) {
  if (w->volumes_len > WORKLOAD_VOLUMES_MAX)
    return err_new(ERR_LIMIT, "more than %d volumes", WORKLOAD_VOLUMES_MAX);
  if (w->volumes_len && w->kind == WORKLOAD_JOB) return err_new(ERR_INVALID, "a job has no volumes");
  for (size_t i = 0; i < w->volumes_len; i++) {
    if (!engine_is_name(w->volumes[i].volume_id, ENGINE_ID_MAX))
      return err_new(ERR_INVALID, "a volume's id must be 1 to 64 of a-z, 0-9 and '-'");
    TRY(volume_mount_path_check(w->volumes[i].mount_path));
  }
  return NULL;
}

static fallible check_workload(const struct workload *w) {
  if (!engine_is_name(w->id, ENGINE_ID_MAX))
    return err_new(ERR_INVALID, "the workload id must be 1 to 64 of a-z, 0-9 and '-'");
  if (!engine_is_name(w->environment_id, ENGINE_ID_MAX) || !engine_is_name(w->service_id, ENGINE_ID_MAX))
    return err_new(ERR_INVALID,
                   "the environment's and the service's id must be 1 to 64 of a-z, 0-9 "
                   "and '-'");
  if (!engine_is_name(w->service_label, WORKLOAD_LABEL_MAX))
    return err_new(ERR_INVALID, "the service's label must be a DNS label");
  if (!str_empty(w->former_label) && !engine_is_name(w->former_label, WORKLOAD_LABEL_MAX))
    return err_new(ERR_INVALID, "the service's former label must be a DNS label");
  if (!w->image_id || !*w->image_id) return err_new(ERR_INVALID, "there is no image");
  if (!w->argv || !w->argv[0]) return err_new(ERR_INVALID, "there is no start command");
  if (w->replicas < 0 || w->replicas > WORKLOAD_REPLICAS_MAX)
    return err_new(ERR_INVALID, "replicas must be 0 to %d", WORKLOAD_REPLICAS_MAX);
  if (w->kind == WORKLOAD_JOB && w->replicas > 1)
    return err_new(ERR_INVALID, "a job has one replica");
  if (w->memory_bytes < 0 || w->cpu_millis < 0 || w->pids < 0 || w->shm_bytes < 0 ||
      w->stop_grace_ms < 0 || w->restart_max_retries < 0)
    return err_new(ERR_INVALID, "a limit is negative");
  TRY(check_volumes(w));
  return engine_check_command(w->argv, w->env);
}

void engine_on_repair(engine *en, repair_fn *fn, void *arg) {
  en->on_repair = fn;
  en->repair_arg = arg;
}

void engine_start(engine *en, engine_done_fn *done, void *arg) {
  en->ops->start(en, done, arg);
}

fallible engine_apply(engine *en, const struct workload *w) {
  err *e = check_workload(w);
  if (!e) e = en->ops->apply(en, w);
  return err_wrap(e, "workload '%s'", w->id ? w->id : "");
}

void engine_remove(engine *en, const char *workload_id, engine_done_fn *done, void *arg) {
  en->ops->remove(en, workload_id, done, arg);
}

fallible engine_rename(engine *en, const char *workload_id, const char *service_label) {
  if (!engine_is_name(service_label, WORKLOAD_LABEL_MAX))
    return err_new(ERR_INVALID, "the service's label must be a DNS label");
  return en->ops->rename(en, workload_id, service_label);
}

fallible engine_restart(engine *en, const char *workload_id, int replica) {
  return en->ops->restart(en, workload_id, replica);
}

void engine_remove_environment(engine *en, const char *environment_id, engine_done_fn *done,
                               void *arg) {
  en->ops->remove_environment(en, environment_id, done, arg);
}

void engine_sockets(engine *en, const char *instance_id, engine_sockets_fn *done, void *arg) {
  en->ops->sockets(en, instance_id, done, arg);
}

void engine_each(engine *en, const char *workload_id, engine_change_fn *fn, void *arg) {
  en->ops->each(en, workload_id, fn, arg);
}

fallible engine_exec_start(engine *en, const struct exec_options *options, engine_exec **ret_exec) {
  TRY(engine_check_command(options->argv, options->env));
  return en->ops->exec_start(en, options, ret_exec);
}

void engine_exec_write(engine_exec *x, const void *data, size_t len) {
  x->ops->exec_write(x, data, len);
}

size_t engine_exec_pending(const engine_exec *x) {
  return x->ops->exec_pending(x);
}

void engine_exec_close_input(engine_exec *x) {
  x->ops->exec_close_input(x);
}

void engine_exec_pause(engine_exec *x, bool paused) {
  x->ops->exec_pause(x, paused);
}

void engine_exec_resize(engine_exec *x, int columns, int rows) {
  x->ops->exec_resize(x, columns, rows);
}

void engine_exec_kill(engine_exec *x) {
  x->ops->exec_kill(x);
}

fallible engine_dial(engine *en, const struct dial_options *options, engine_stream **ret_stream) {
  if (!options->port) return err_new(ERR_INVALID, "0 is no port");
  return en->ops->dial(en, options, ret_stream);
}

void engine_stream_write(engine_stream *s, const void *data, size_t len) {
  s->ops->stream_write(s, data, len);
}

size_t engine_stream_pending(const engine_stream *s) {
  return s->ops->stream_pending(s);
}

void engine_stream_shut(engine_stream *s) {
  s->ops->stream_shut(s);
}

void engine_stream_pause(engine_stream *s, bool paused) {
  s->ops->stream_pause(s, paused);
}

void engine_stream_close(engine_stream *s) {
  s->ops->stream_close(s);
}

void engine_halt(engine *en, engine_done_fn *done, void *arg) {
  en->ops->halt(en, done, arg);
}

void engine_free(engine *en) {
  if (en) en->ops->free(en);
}
