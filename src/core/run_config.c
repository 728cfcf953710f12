/* A run between its source and its build: railway.toml or railway.json, and the Procfile's release
 * command, go over the settings that the deployment was made with.  The outcome is recorded in its row,
 * so that `tram diff` and a rollback see what really ran.
 *
 * The files are read on a pool thread.  A run that was interrupted reads them again, which gives the
 * same: what the files say is stronger than what they said before, and the service's own variables are
 * stronger than [env].  Once its variables are settled (core/variables.h) only what the build alone
 * gets is taken: the rest is recorded, and control variables have been laid over it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "build/provider.h"
#include "build/source_view.h"
#include "core/config_file.h"
#include "core/run.h"
#include "loop/work.h"
#include "store/artifact.h"
#include "store/deployment.h"
#include "store/project.h"
#include "store/service.h"

struct config_job {
  struct run *run; /* NULL: it has ended meanwhile */
  char *source_dir, *dockerfile_path, *environment, *base_environment;
  bool is_ephemeral;
  bool gone; /* the code is not on this machine any more */
  struct service_settings settings;
  char *file;    /* that was found: "backend/railway.toml", or NULL */
  char *release; /* the Procfile's, where it is the pre-deploy command; or NULL */
  struct config_result result;
};

static void config_job_free(struct config_job *job) {
  free(job->source_dir);
  free(job->dockerfile_path);
  free(job->environment);
  free(job->base_environment);
  free(job->file);
  free(job->release);
  service_settings_done(&job->settings);
  config_result_done(&job->result);
  free(job);
}

/* ---- on the pool thread ---- */

/* Finds the file: *ret_view is NULL when there is none. */
static err *find_file(struct config_job *job, const struct source_view *all, const struct source_view *root,
                      const struct source_view **ret_view, const char **ret_path) {
  const char *set = job->settings.config_file;
  const char *folder = source_path(job->settings.root_directory ? job->settings.root_directory : "");
  *ret_view = NULL;
  if (set) {
    *ret_path = source_path(set);
    if (!source_has(all, *ret_path))
      return err_new(ERR_NOT_FOUND, "there is no config file '%s' in the source: correct the service's config file path",
                     *ret_path);
    *ret_view = all;
    job->file = str_dup(*ret_path);
    return NULL;
  }
  *ret_path = config_file_in(root);
  if (!*ret_path) return NULL;
  *ret_view = root;
  bool in_folder = *folder && !str_eq(folder, ".");
  job->file = in_folder ? str_format("%s%s%s", folder, str_ends(folder, "/") ? "" : "/", *ret_path) : str_dup(*ret_path);
  return NULL;
}

static err *read_file(struct config_job *job, const struct source_view *all, const struct source_view *root) {
  const struct source_view *view;
  const char *path;
  auto_str text = STR_EMPTY;
  TRY(find_file(job, all, root, &view, &path));
  if (!view) return NULL;
  TRY(err_wrap(view->read(view->arg, path, &text), "%s", job->file));
  struct config_source source = {.path = job->file, .text = str_text(&text), .len = text.len,
                                 .environment = job->environment, .is_ephemeral = job->is_ephemeral,
                                 .base_environment = job->base_environment};
  return config_file_apply(&source, &job->settings, &job->result);
}

/* A Procfile belongs to the planner: beside a Dockerfile it says nothing. */
static void read_release(struct config_job *job, const struct source_view *all, const struct source_view *root) {
  const char *set = job->settings.dockerfile_path, *path;
  if (!str_empty(job->settings.pre_deploy_command)) return;
  if (source_dockerfile(all, root, set ? set : job->dockerfile_path, &path)) return;
  job->release = procfile_command(root, "release");
  if (job->release) str_replace_owned(&job->settings.pre_deploy_command, job->release);
}

static err *read_both(struct config_job *job, const struct source_view *all, const struct source_view *root) {
  err *e = read_file(job, all, root);
  if (!e) read_release(job, all, root);
  err *problem = source_view_problem(root);
  if (!problem) problem = source_view_problem(all);
  if (!problem) return e;
  err_ignore(e); /* concluded from what could not be looked at */
  return problem;
}

static err *read_files(void *arg) {
  struct config_job *job = arg;
  struct source_view all, root;
  auto_free char *folder = NULL;
  err *e = source_view_open(job->source_dir, &all);
  if (e && err_code_of(e) == ERR_NOT_FOUND) { /* a build says what to do */
    err_ignore(e);
    job->gone = true;
    return NULL;
  }
  if (e) return e;
  const char *set = job->settings.root_directory ? job->settings.root_directory : "";
  e = err_wrap(source_view_real_path(&all, source_path(set), &folder), "root directory '%s'", set);
  if (!e) e = source_view_open(folder, &root);
  if (!e) {
    e = read_both(job, &all, &root);
    source_view_close(&root);
  }
  source_view_close(&all);
  return e;
}

/* ---- taking it over ---- */

static void log_lines(struct run *r, const struct config_job *job) {
  const char *id = r->deployment.id, *key;
  if (job->file) {
    const char *slash = strrchr(job->file, '/');
    auto_free char *found = str_format("found '%s' at '%s'", slash ? slash + 1 : job->file, job->file);
    deploy_build_line(r->core, id, "info", found);
  }
  auto_strv keys = STRV_EMPTY;
  json_t *where;
  json_object_foreach(job->result.mapping, key, where) strv_add(&keys, key);
  auto_free char *listed = keys.len ? strv_join(&keys, ", ") : NULL;
  auto_free char *sets = listed ? str_format("  it sets %s", listed) : NULL;
  if (sets) deploy_build_line(r->core, id, "info", sets);
  for (size_t i = 0; i < job->result.warnings.len; i++)
    deploy_build_line(r->core, id, "warn", job->result.warnings.items[i]);
  auto_free char *release =
      job->release ? str_format("the Procfile's release command is the pre-deploy command: %s", job->release) : NULL;
  if (release) deploy_build_line(r->core, id, "info", release);
}

static json_t *names_of(const json_t *object) {
  json_t *names = json_array(), *value;
  const char *name;
  json_object_foreach((json_t *)object, name, value) json_array_append_new(names, json_string(name));
  return names;
}

/* Railway's names: what the file said, where it said it, and what holds in the end. */
static json_t *describe(const struct deployment *d, const struct config_job *job) {
  json_t *meta = d->meta ? json_deep_copy(d->meta) : json_object();
  auto_json *settings = service_settings_to_json(&d->settings);
  json_t *manifest = json_object();
  static const char *const parts[] = {"build", "deploy"};
  for (size_t i = 0; i < ARRAY_LEN(parts); i++)
    json_object_set(manifest, parts[i], json_object_get(settings, parts[i]));
  json_object_set_new(meta, "serviceManifest", manifest);
  if (d->settings.root_directory) json_set_text(meta, "rootDirectory", d->settings.root_directory);
  if (job->gone) return meta; /* the rest is as it was when it was there */
  static const char *const of_file[] = {"configFile", "fileServiceManifest", "propertyFileMapping", "fileVariables"};
  for (size_t i = 0; i < ARRAY_LEN(of_file); i++) json_object_del(meta, of_file[i]);
  if (!job->file) return meta;
  json_set_text(meta, "configFile", job->file);
  json_object_set(meta, "fileServiceManifest", job->result.manifest);
  json_object_set(meta, "propertyFileMapping", job->result.mapping);
  json_object_set_new(meta, "fileVariables", names_of(job->result.variables));
  return meta;
}

/* {name: value} of [env] as the deployment has it that this one repeats: its code is gone. */
static err *variables_of_before(struct run *r, json_t **ret_variables) {
  auto_json *then = NULL;
  json_t *variables = json_object(), *name;
  size_t i;
  err *e = deployment_variables_get(r->core->db, r->deployment.source_deployment_id, &then);
  json_array_foreach(json_object_get(r->deployment.meta, "fileVariables"), i, name) {
    json_t *value = json_object_get(then, json_string_value(name));
    if (value) json_object_set(variables, json_string_value(name), value);
  }
  *ret_variables = variables;
  return e;
}

static err *take_what_was(struct run *r, struct config_job *job) {
  const json_t *manifest = json_object_get(r->deployment.meta, "fileServiceManifest");
  TRY(variables_of_before(r, &job->result.variables));
  return manifest ? service_settings_apply_json(&job->settings, manifest) : NULL;
}

/* The service's own win. */
static err *add_variables(struct run *r, json_t *of_file) {
  auto_json *variables = NULL;
  if (json_object_size(of_file) == 0) return NULL;
  TRY(deployment_variables_get(r->core->db, r->deployment.id, &variables));
  json_object_update_missing(variables, of_file);
  return deployment_variables_set(r->core->db, r->deployment.id, variables);
}

static err *record(struct run *r, const struct config_job *job) {
  core *c = r->core;
  struct deployment *d = &r->deployment;
  auto_db_relaxed relaxed = db_relax(c->db); /* read again, if it must be */
  auto_db_transaction t = {0};
  auto_json *meta = describe(d, job);
  TRY(db_begin(c->db, &t));
  TRY(deployment_set_settings(c->db, d->id, &d->settings, clock_now_us()));
  TRY(deployment_set_meta(c->db, d->id, meta, clock_now_us()));
  TRY(add_variables(r, job->result.variables));
  TRY(db_commit(&t));
  json_decref(d->meta);
  d->meta = json_incref(meta);
  return NULL;
}

/* Unlike settings they stay: what is secret is not kept with a deployment. */
static err *take_registry(struct run *r, const json_t *registry) {
  auto_service_instance instance = {0};
  if (!registry) return NULL;
  TRY(service_instance_get(r->core->db, r->deployment.service_instance_id, &instance));
  return err_wrap(core_registry_credentials(r->core, &instance, json_get_text(registry, "username"),
                                            json_get_text(registry, "password")),
                  "deploy.registryCredentials");
}

static err *take(struct run *r, struct config_job *job) {
  json_decref(r->build_variables);
  r->build_variables = json_incref(job->result.build_variables);
  if (r->deployment.resolved) return NULL;
  if (job->gone) TRY(take_what_was(r, job));
  log_lines(r, job);
  TRY(take_registry(r, job->result.registry));
  service_settings_done(&r->deployment.settings);
  r->deployment.settings = job->settings;
  job->settings = (struct service_settings){0};
  return record(r, job);
}

static void on_read(void *arg, err *e) {
  struct config_job *job = arg;
  struct run *r = job->run;
  if (r) r->config_job = NULL;
  if (!r || r->phase != RUN_CONFIG || r->core->stopping) { /* the next start reads again */
    err_free(e);
    config_job_free(job);
    return;
  }
  if (!e) e = take(r, job);
  config_job_free(job);
  if (e)
    run_fail(r, e);
  else
    run_configured(r);
}

/* ---- the start ---- */

static err *take_environment(struct run *r, struct config_job *job) {
  auto_environment environment = {0}, base = {0};
  TRY(environment_get(r->core->db, r->deployment.environment_id, &environment));
  job->environment = str_dup(environment.name);
  job->is_ephemeral = environment.is_ephemeral;
  if (!*environment.source_environment_id) return NULL;
  err *e = environment_get(r->core->db, environment.source_environment_id, &base);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  err_ignore(e); /* it was deleted */
  job->base_environment = str_dup(base.name);
  return NULL;
}

static err *prepare(struct run *r, struct config_job *job) {
  auto_snapshot snapshot = {0};
  auto_json *variables = NULL;
  TRY(snapshot_get(r->core->db, r->deployment.snapshot_id, &snapshot));
  TRY(deployment_variables_get(r->core->db, r->deployment.id, &variables));
  TRY(take_environment(r, job));
  job->source_dir = snapshot_path(r->core->snapshots, snapshot.hash);
  job->dockerfile_path = str_dup(json_get_text(variables, "RAILWAY_DOCKERFILE_PATH"));
  service_settings_copy(&r->deployment.settings, &job->settings);
  return NULL;
}

bool run_wants_config(const struct run *r) {
  const struct deployment *d = &r->deployment;
  bool frozen = d->cause == DEPLOYMENT_CAUSE_ROLLBACK, launched = d->status == DEPLOYMENT_DEPLOYING;
  return *d->snapshot_id && !frozen && !launched;
}

err *run_read_config(struct run *r) {
  struct config_job *job = mem_zalloc(sizeof *job);
  job->run = r;
  service_settings_init(&job->settings);
  err *e = prepare(r, job);
  if (e) {
    config_job_free(job);
    return e;
  }
  r->phase = RUN_CONFIG;
  r->config_job = job;
  work_start(r->core->loop, read_files, on_read, job);
  return NULL;
}

void run_leave_config(struct run *r) {
  if (r->config_job) r->config_job->run = NULL;
}
