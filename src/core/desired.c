/* A deployment as the workload that the engine is to run. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/command.h"
#include "core/volume_private.h"
#include "core/railway_variables.h"
#include "core/variables.h"
#include "store/artifact.h"
#include "store/service.h"

/* ---- the image's part ---- */

static void take_strings(const json_t *config, const char *key, struct strv *v) {
  const json_t *list = json_object_get(config, key);
  for (size_t i = 0; i < json_array_size(list); i++)
    strv_add(v, json_string_value(json_array_get(list, i)));
}

/* The image's environment first, then ours over it. */
static void merge_env(const json_t *config, const json_t *variables, struct strv *env) {
  auto_strv of_image = STRV_EMPTY;
  take_strings(config, "env", &of_image);
  for (size_t i = 0; i < of_image.len; i++) {
    const char *equals = strchr(of_image.items[i], '=');
    if (!equals) continue;
    auto_free char *name = str_ndup(of_image.items[i], (size_t)(equals - of_image.items[i]));
    if (!json_object_get(variables, name)) strv_add(env, of_image.items[i]);
  }
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)variables, name, value)
    strv_addf(env, "%s=%s", name, json_string_value(value));
}

static int stop_signal(const char *name) {
  static const struct {
    const char *name;
    int number;
  } rows[] = {{"SIGTERM", SIGTERM}, {"SIGINT", SIGINT},   {"SIGQUIT", SIGQUIT}, {"SIGHUP", SIGHUP},
              {"SIGKILL", SIGKILL}, {"SIGUSR1", SIGUSR1}, {"SIGUSR2", SIGUSR2}, {"SIGWINCH", SIGWINCH}};
  long long number;
  if (str_to_int(name, 1, 64, &number)) return (int)number;
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (str_ieq(name, rows[i].name) || str_ieq(name, rows[i].name + 3)) return rows[i].number;
  return 0;
}

static err *take_command(const json_t *config, const struct deployment *d, const char *job_command,
                         struct strv *argv) {
  auto_strv entrypoint = STRV_EMPTY, command = STRV_EMPTY;
  take_strings(config, "entrypoint", &entrypoint);
  take_strings(config, "command", &command);
  const char *planned = json_get_text(config, "startCommand");
  const char *start = job_command                               ? job_command
                      : !str_empty(d->settings.start_command) ? d->settings.start_command
                                                              : planned;
  return command_merge(&entrypoint, &command, start, argv);
}

int64_t desired_stop_grace_ms(const core *c, const struct service_settings *s) {
  return s->draining_s ? s->draining_s * 1000 : c->options.stop_grace_ms;
}

void core_limits(const core *c, const struct service_settings *s, int64_t *ret_memory_bytes, int64_t *ret_cpu_millis) {
  *ret_memory_bytes = s->memory_bytes ? s->memory_bytes : c->options.default_memory_bytes;
  *ret_cpu_millis = s->cpu_millis ? s->cpu_millis : c->options.default_cpu_millis;
}

static void take_limits(core *c, const struct deployment *d, struct workload *w) {
  const struct service_settings *s = &d->settings;
  core_limits(c, s, &w->memory_bytes, &w->cpu_millis);
  w->pids = c->options.default_pids;
  w->stop_grace_ms = desired_stop_grace_ms(c, s);
  w->restart = s->restart_policy == RESTART_ALWAYS  ? WORKLOAD_RESTART_ALWAYS
               : s->restart_policy == RESTART_NEVER ? WORKLOAD_RESTART_NEVER
                                                    : WORKLOAD_RESTART_ON_FAILURE;
  w->restart_max_retries = (int)s->restart_max_retries;
  w->replicas = (int)s->num_replicas;
}

/* Control variables that are no settings (reference 2.6). */
static void take_control_variables(const json_t *variables, struct desired *desired) {
  long long number;
  const char *uid = json_get_text(variables, "RAILWAY_RUN_UID");
  if (str_to_int(uid, 0, 65535, &number)) str_replace_owned(&desired->user, uid);
  if (str_to_int(json_get_text(variables, "RAILWAY_SHM_SIZE_BYTES"), 0, 1LL << 40, &number))
    desired->workload.shm_bytes = number;
}

static void make_job(struct workload *w) {
  w->kind = WORKLOAD_JOB;
  w->replicas = 1;
  w->restart = WORKLOAD_RESTART_NEVER;
}

err *desired_dependencies(core *c, const struct deployment *d, struct strv *ret_services) {
  auto_service_list services = {0};
  TRY(service_list_by_project(c->db, d->project_id, NULL, &services));
  return variables_dependencies(c, d, &services, ret_services);
}

static err *take_volume(core *c, const struct deployment *d, struct desired *desired) {
  auto_mount m = {0};
  bool mounts = false;
  TRY(mount_of_deployment(c, d, &mounts, &m));
  if (!mounts) return NULL;
  desired->volume_id = str_dup(m.volume.id);
  desired->mount_path = str_dup(m.path);
  return NULL;
}

static err *fill(core *c, const struct deployment *d, const char *job_command, struct desired *desired) {
  auto_image image = {0};
  auto_service service = {0};
  auto_json *variables = NULL;
  TRY(image_get(c->db, d->image_id, &image));
  TRY(service_get(c->db, d->service_id, &service));
  TRY(variables_of_deployment(c, d, &variables));
  TRY(desired_dependencies(c, d, &desired->depends_on));
  TRY(take_command(image.config, d, job_command, &desired->argv));
  merge_env(image.config, variables, &desired->env);
  take_strings(image.config, "exposedPorts", &desired->exposed);
  desired->id = str_format("%s%s", d->id, job_command ? JOB_SUFFIX : "");
  desired->image_id = str_dup(image.digest);
  desired->environment_id = str_dup(d->environment_id);
  desired->service_id = str_dup(d->service_id);
  const char *then = json_get_text(d->resolved, "label"); /* of before it was renamed */
  desired->label = str_dup(service.label);
  desired->former_label = then && !str_eq(then, service.label) ? str_dup(then) : NULL;
  desired->working_dir = str_dup(json_get_text(image.config, "workingDir"));
  desired->user = str_dup(json_get_text(image.config, "user"));
  desired->port = railway_variables_port(variables);
  take_limits(c, d, &desired->workload);
  take_control_variables(variables, desired);
  desired->workload.stop_signal = stop_signal(json_get_text(image.config, "stopSignal"));
  if (!job_command) return take_volume(c, d, desired);
  make_job(&desired->workload);
  return NULL;
}

err *desired_make(core *c, const struct deployment *d, const char *job_command,
                  struct desired *ret_desired) {
  struct desired desired = {0};
  err *e = fill(c, d, job_command, &desired);
  if (e) {
    desired_done(&desired);
    return e;
  }
  struct workload *w = &desired.workload;
  w->id = desired.id;
  w->image_id = desired.image_id;
  w->environment_id = desired.environment_id;
  w->service_id = desired.service_id;
  w->service_label = desired.label;
  w->former_label = desired.former_label;
  w->depends_on = (const char *const *)desired.depends_on.items;
  w->argv = (const char *const *)desired.argv.items;
  w->env = (const char *const *)desired.env.items;
  w->working_dir = str_empty(desired.working_dir) ? NULL : desired.working_dir;
  w->user = desired.user ? desired.user : "";
  *ret_desired = desired;
  ret_desired->volume = (struct workload_volume){desired.volume_id, desired.mount_path};
  ret_desired->workload.volumes = desired.volume_id ? &ret_desired->volume : NULL;
  ret_desired->workload.volumes_len = desired.volume_id ? 1 : 0;
  return NULL;
}

int64_t desired_health_timeout_ms(const core *c, const struct deployment *d) {
  int64_t set = d->settings.healthcheck_timeout_s;
  return set != HEALTHCHECK_TIMEOUT_S_DEFAULT ? set * 1000 : c->options.healthcheck_timeout_ms;
}

void desired_done(struct desired *desired) {
  strv_done(&desired->argv);
  strv_done(&desired->env);
  strv_done(&desired->exposed);
  strv_done(&desired->depends_on);
  free(desired->id);
  free(desired->image_id);
  free(desired->environment_id);
  free(desired->service_id);
  free(desired->label);
  free(desired->former_label);
  free(desired->working_dir);
  free(desired->user);
  free(desired->volume_id);
  free(desired->mount_path);
  *desired = (struct desired){0};
}
