/* One deployment from its creation to its image: source, queue, build.  run_launch.c takes it on.
 *
 * A run is the activity; the row in the database is the truth.  Each step is recorded before it is
 * tried.  A run that tramd's end interrupts is started again from the row: what is recorded as done
 * is not done twice, and every step is safe to try again. */
#include "core/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/disk.h"
#include "core/release.h"
#include "core/variables.h"
#include "source/repo_name.h"
#include "source/watch.h"
#include "store/artifact.h"
#include "store/deployment.h"

struct run *run_find(core *c, const char *deployment_id) {
  return map_get(c->runs, deployment_id);
}

bool run_is_building(const struct run *r) {
  return r->phase == RUN_BUILDING;
}

bool run_is_fetching(const struct run *r) {
  return r->phase == RUN_SOURCE;
}

bool run_wants_build(const struct run *r) {
  return r->phase == RUN_QUEUED;
}

void run_set_replicas(struct run *r, int64_t replicas) {
  r->deployment.settings.num_replicas = replicas;
}

const char *run_service_instance(const struct run *r) {
  return r->deployment.service_instance_id;
}

static void free_later(void *arg) {
  struct run *r = arg;
  deployment_done(&r->deployment);
  free(r->end_reason);
  err_free(r->stopped);
  json_decref(r->build_variables);
  strv_done(&r->changed);
  free(r);
}

void run_free(struct run *r) {
  map_remove(r->core->runs, r->deployment.id);
  health_cancel(r->health);
  handover_cancel(r->handover);
  timer_stop(r->deadline);
  run_leave_config(r);
  waiting_wake(r->core);
  handover_wake(r->core);
  loop_defer(r->core->loop, free_later, r);
}

void run_quiet(struct run *r) {
  r->cancelled = true;
  health_cancel(r->health);
  r->health = NULL;
  timer_stop(r->deadline);
  r->deadline = NULL;
  if (r->build) build_cancel(r->build);
  if (r->git_job) git_cancel(r->git_job);
}

bool run_is_quiet(const struct run *r) {
  return !r->build && !r->git_job && !r->config_job;
}

/* ---- the ends ---- */

/* A cancellation is recorded before it is tried, so that a start of tramd goes on with it. */
static err *record_cancelled(struct run *r) {
  auto_db_transaction t = {0};
  if (r->deployment.status == DEPLOYMENT_REMOVING) return NULL;
  TRY(db_begin(r->core->db, &t));
  if (*r->superseded_by_id)
    TRY(deployment_set_superseded(r->core->db, r->deployment.id, r->superseded_by_id, clock_now_us()));
  TRY(deploy_apply(r->core, r->deployment.id, DEPLOY_REMOVE, r->end_reason));
  TRY(db_commit(&t));
  r->deployment.status = DEPLOYMENT_REMOVING;
  return NULL;
}

static err *record_end(struct run *r) {
  if (r->end_event != DEPLOY_REMOVE)
    return deploy_apply(r->core, r->deployment.id, r->end_event, r->end_reason);
  TRY(record_cancelled(r));
  return deploy_apply(r->core, r->deployment.id, DEPLOY_GONE, r->end_reason);
}

/* What keeps the end from being recorded (a full disk) passes; a row that is gone does not come back. */
static bool worth_another_try(const err *e) {
  return e && err_code_of(e) != ERR_NOT_FOUND && err_code_of(e) != ERR_CONFLICT;
}

static void close_row(void *arg) {
  struct run *r = arg;
  core *c = r->core;
  auto_err *e = record_end(r);
  if (e) log_error("deploy", "%s: recording its end: %s", r->deployment.id, err_message(e));
  timer_stop(r->deadline);
  r->deadline = NULL;
  if (worth_another_try(e)) {
    if (!c->stopping) r->deadline = timer_start(c->loop, c->options.retry_ms, 0, close_row, r);
    return;
  }
  auto_free char *instance = str_dup(r->deployment.service_instance_id);
  receipt_failed(c, r->deployment.id);
  run_free(r);
  handover_undo(c, instance);
  receipt_settled(c);
  routes_changed(c);
  queue_wake(c);
  removal_wake(c);
}

/* The instances of this run that were started, if any, are gone; the row is closed by `end_event`. */
static void after_cleanup(void *arg, err *e) {
  struct run *r = arg;
  if (e) log_warn("deploy", "%s: removing its instances: %s", r->deployment.id, err_message(e));
  err_free(e);
  close_row(r);
}

/* A volume's former deployment is started again when this one is gone. */
static void tell_way_back(struct run *r) {
  bool sleeps = false;
  err_ignore(handover_has_sleeper(r->core, r->deployment.service_instance_id, &sleeps));
  if (!sleeps) return;
  auto_free char *longer = str_format("%s; the deployment before it is started again", r->end_reason);
  str_replace_owned(&r->end_reason, longer);
}

static void end_run(struct run *r, enum deploy_event event, const char *reason) {
  if (r->phase == RUN_ENDING) return;
  bool launched = r->phase >= RUN_WAITING, switching = r->phase == RUN_SWITCHING;
  r->phase = RUN_ENDING;
  r->end_event = event;
  if (reason != r->end_reason) str_replace_owned(&r->end_reason, reason);
  if (launched && event == DEPLOY_FAIL) tell_way_back(r);
  reason = r->end_reason;
  handover_cancel(r->handover);
  r->handover = NULL;
  health_cancel(r->health);
  r->health = NULL;
  timer_stop(r->deadline);
  r->deadline = NULL;
  auto_free char *shown = redaction_text(r->core, r->deployment.id, reason);
  err_ignore(deployment_step_finish_open(r->core->db, r->deployment.id, clock_now_us(), shown));
  if (switching)
    run_leave_edge(r, after_cleanup);
  else if (launched)
    run_remove_instances(r, after_cleanup);
  else
    close_row(r);
}

void run_fail(struct run *r, err *e) {
  auto_free char *line = str_format("Deployment failed: %s", err_message(e));
  deploy_build_line(r->core, r->deployment.id, "error", line);
  end_run(r, DEPLOY_FAIL, err_message(e));
  err_free(e);
}

void run_fail_with(struct run *r, const err *why) {
  if (!r->build) {
    run_fail(r, err_dup(why));
  } else if (!r->stopped && !r->cancelled) {
    r->stopped = err_dup(why);
    build_cancel(r->build); /* on_built goes on from there */
  }
}

void run_cancel(struct run *r, const char *reason) {
  if (r->cancelled || r->phase == RUN_ENDING) return; /* it ends already */
  r->cancelled = true;
  r->end_reason = str_dup(reason);
  deploy_build_line(r->core, r->deployment.id, "info", reason);
  auto_err *e = record_cancelled(r);
  if (e) log_error("deploy", "%s: recording that it was cancelled: %s", r->deployment.id, err_message(e));
  if (r->build)
    build_cancel(r->build); /* the build ends first; on_built goes on from there */
  else if (r->git_job)
    git_cancel(r->git_job);
  else
    end_run(r, DEPLOY_REMOVE, r->end_reason);
}

void run_supersede(struct run *r, const char *by_id, const char *reason) {
  if (!r->cancelled && r->phase != RUN_ENDING) id_copy(r->superseded_by_id, by_id);
  run_cancel(r, reason);
}

/* ---- source ---- */

/* Whether it is a push that concerns nothing that the service watches; `ret_reason` says so.  What is not
 * known (a force push took the earlier commit away; tramd ended in between) counts as changed. */
static err *check_watched(const struct run *r, char **ret_reason) {
  const struct strv *patterns = &r->deployment.settings.watch_patterns;
  bool matches = true;
  if (!autodeploy_is_push(&r->deployment) || !patterns->len || !r->knows_changes) return NULL;
  TRY(watch_matches(patterns, &r->changed, &matches));
  auto_free char *list = strv_join(patterns, ", ");
  if (!matches) *ret_reason = str_format("No changed files matched patterns: %s", list);
  return NULL;
}

static void skip(struct run *r, const char *reason) {
  deploy_build_line(r->core, r->deployment.id, "info", reason);
  end_run(r, DEPLOY_SKIP, reason);
}

static err *give_place(struct run *r, const char *newer_id) {
  auto_deployment newer = {0};
  TRY(deployment_get(r->core->db, newer_id, &newer));
  auto_free char *reason = supersede_reason(&newer);
  run_supersede(r, newer.id, reason);
  return NULL;
}

static void to_queue(struct run *r) {
  char newer[ID_SIZE] = "";
  auto_free char *unwatched = NULL;
  err *e = check_watched(r, &unwatched);
  if (unwatched) {
    skip(r, unwatched);
    return;
  }
  if (!e) e = supersede(r->core, &r->deployment, newer);
  if (!e && *newer) e = give_place(r, newer);
  if (!e && r->phase == RUN_ENDING) return;
  if (!e && r->deployment.status != DEPLOYMENT_QUEUED) e = deploy_apply(r->core, r->deployment.id, DEPLOY_QUEUE, NULL);
  if (e) {
    run_fail(r, e);
    return;
  }
  r->deployment.status = DEPLOYMENT_QUEUED;
  r->phase = RUN_QUEUED;
  queue_wake(r->core);
}

void run_configured(struct run *r) {
  if (*r->deployment.image_id)
    run_launch(r);
  else
    to_queue(r);
}

/* From the source, where there is one. */
static err *configure(struct run *r) {
  if (run_wants_config(r)) return run_read_config(r);
  run_configured(r);
  return NULL;
}

/* What the event that made the deployment told stays; a commit that was asked for by itself is of the
 * branch that the settings name, if any. */
static json_t *commit_meta(const struct deployment *d, const struct git_commit *commit) {
  const struct service_settings *s = &d->settings;
  json_t *meta = d->meta ? json_copy(d->meta) : json_object();
  auto_free char *repo = repo_full_name(s->source_repo);
  json_set_text(meta, "repo", repo ? repo : s->source_repo);
  json_set_text(meta, "branch", *commit->branch || !s->source_branch ? commit->branch : s->source_branch);
  json_set_text(meta, "commitHash", commit->sha);
  json_set_text(meta, "commitAuthor", commit->author);
  json_set_text(meta, "commitMessage", commit->message);
  return meta;
}

static err *take_commit(struct run *r, const struct git_commit *commit) {
  core *c = r->core;
  auto_json *meta = commit_meta(&r->deployment, commit);
  TRY(snapshot_record(c, &commit->snapshot, meta, r->deployment.snapshot_id));
  TRY(deployment_set_snapshot(c->db, r->deployment.id, r->deployment.snapshot_id, clock_now_us()));
  TRY(deployment_set_meta(c->db, r->deployment.id, meta, clock_now_us()));
  json_decref(r->deployment.meta);
  r->deployment.meta = json_incref(meta);
  return deploy_step_end(c, r->deployment.id, r->step_id, NULL);
}

static void on_fetched(void *arg, err *e, const struct git_commit *commit) {
  struct run *r = arg;
  r->git_job = NULL;
  if (r->core->stopping) {
    err_free(e);
    return;
  }
  if (r->cancelled) {
    err_free(e);
    end_run(r, DEPLOY_REMOVE, r->end_reason);
    return;
  }
  if (!e && commit->changed) {
    strv_add_all(&r->changed, (const char *const *)commit->changed->items);
    r->knows_changes = true;
  }
  if (!e) e = take_commit(r, commit);
  if (!e && commit->opt_out && autodeploy_is_push(&r->deployment)) {
    auto_free char *reason = str_format(AUTODEPLOY_OPTED_OUT, commit->opt_out);
    skip(r, reason);
    return;
  }
  if (!e) e = configure(r);
  if (e) run_fail(r, e);
}

/* What signs in at the source's host; its texts are borrowed by the request. */
static err *sign_in(struct run *r, struct credential *credential, struct git_request *request) {
  bool found = false;
  TRY(credentials_for_repository(r->core, r->deployment.project_id, request->url, &found, credential));
  if (!found) return NULL;
  if (credential->kind == CREDENTIAL_DEPLOY_KEY) {
    request->ssh_key = credential->secret;
  } else {
    request->username = credential->username;
    request->password = credential->secret;
  }
  return NULL;
}

static err *fetch_source(struct run *r) {
  const struct service_settings *s = &r->deployment.settings;
  auto_free char *pushed = NULL, *url = repo_url(s->source_repo), *since = NULL;
  auto_credential credential = {0};
  struct git_request request = {.url = url,
                                .ref = s->source_commit ? s->source_commit : s->source_branch,
                                .allow_local = true};
  if (str_starts(s->source_repo, "push:")) {
    pushed = push_repository(r->core, &r->deployment);
    if (!pushed) return err_new(ERR_INVALID, "'%s' is no repository of this service", s->source_repo);
    request.repository = pushed;
  } else {
    TRY(sign_in(r, &credential, &request));
  }
  TRY(core_disk_admits_source(r->core, NULL));
  TRY(deploy_step_begin(r->core, r->deployment.id, STEP_SNAPSHOT_CODE, r->step_id));
  r->phase = RUN_SOURCE;
  TRY(autodeploy_base(r->core, &r->deployment, &since));
  request.since = since;
  return git_fetch(r->core->git, &request, on_fetched, r, &r->git_job);
}

/* ---- build ---- */

static void on_build_line(void *arg, const char *line) {
  struct run *r = arg;
  deploy_build_line(r->core, r->deployment.id, "info", line);
}

static err *take_image(struct run *r, const struct image_info *info) {
  core *c = r->core;
  TRY(deploy_step_end(c, r->deployment.id, r->step_id, NULL));
  TRY(deploy_step_begin(c, r->deployment.id, STEP_PUBLISH_IMAGE, r->step_id));
  TRY(run_record_image(r, info));
  return deploy_step_end(c, r->deployment.id, r->step_id, NULL);
}

static void on_built(void *arg, err *e, const struct image_info *info) {
  struct run *r = arg;
  r->build = NULL;
  if (r->core->stopping) {
    err_free(e); /* the row still says BUILDING: the next start builds again */
    return;
  }
  queue_wake(r->core);
  disk_soon(r->core->disk);
  if (r->cancelled) {
    err_free(e);
    end_run(r, DEPLOY_REMOVE, r->end_reason);
    return;
  }
  if (r->stopped) {
    err_ignore(e);
    e = r->stopped;
    r->stopped = NULL;
  }
  if (!e) e = take_image(r, info);
  if (e)
    run_fail(r, err_wrap(e, "build"));
  else
    run_launch(r);
}

static err *build_variables(struct run *r, struct strv *ret_env, struct strv *ret_secret) {
  auto_json *variables = NULL;
  TRY(variables_settle(r->core, &r->deployment));
  TRY(variables_of_deployment(r->core, &r->deployment, &variables));
  const char *name;
  json_t *value;
  if (r->build_variables) json_object_update_missing(variables, r->build_variables);
  json_object_foreach(variables, name, value) strv_addf(ret_env, "%s=%s", name, json_string_value(value));
  redaction_names(&r->deployment, variables, ret_secret);
  return NULL;
}

static const char *variable_of(const struct strv *env, const char *name) {
  size_t len = strlen(name);
  for (size_t i = 0; i < env->len; i++)
    if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=') return env->items[i] + len + 1;
  return NULL;
}

static err *start_build(struct run *r) {
  core *c = r->core;
  const struct service_settings *s = &r->deployment.settings;
  auto_strv env = STRV_EMPTY, secret = STRV_EMPTY;
  auto_free char *source = NULL, *key = NULL, *reusable = NULL;
  auto_snapshot snapshot = {0};
  auto_build_logins logins = {0};
  TRY(credentials_for_build(c, &r->deployment, &logins));
  TRY(build_variables(r, &env, &secret));
  if (secret.len) TRY(release_key(c, &key));
  bool from_image = s->source_kind == SOURCE_IMAGE;
  if (!from_image) {
    TRY(snapshot_get(c->db, r->deployment.snapshot_id, &snapshot));
    TRY(snapshot_touch(c->db, snapshot.id, clock_now_us()));
    source = snapshot_path(c->snapshots, snapshot.hash);
  }
  const char *no_cache = variable_of(&env, "NO_CACHE");
  struct build_request request = {
      .deployment_id = r->deployment.id,
      .service_id = r->deployment.service_id,
      .source_dir = source,
      .snapshot_id = snapshot.hash,
      .image = from_image ? s->source_image : NULL,
      .root_directory = s->root_directory ? s->root_directory : "",
      .builder = builder_name(s->builder),
      .dockerfile_path = s->dockerfile_path,
      .build_command = s->build_command,
      .start_command = s->start_command,
      .variables = (const char *const *)env.items,
      .logins = logins.items,
      .logins_len = logins.len,
      .secret_names = (const char *const *)secret.items,
      .digest_key = key,
      .no_cache = no_cache && !str_eq(no_cache, "0") && *no_cache,
  };
  TRY(run_find_image(r, &request, &reusable));
  request.reuse_image_id = reusable;
  return build_start(c->builder, &request, on_build_line, on_built, r, &r->build);
}

void run_build(struct run *r) {
  r->phase = RUN_BUILDING;
  err *e = deploy_apply(r->core, r->deployment.id, DEPLOY_BUILD, NULL);
  if (!e) r->deployment.status = DEPLOYMENT_BUILDING;
  if (!e) e = deploy_step_begin(r->core, r->deployment.id, STEP_BUILD_IMAGE, r->step_id);
  if (!e) e = start_build(r);
  if (e) run_fail(r, err_wrap(e, "build"));
}

/* ---- the start ---- */

/* Where the row says that the run is. */
static err *begin(struct run *r) {
  struct deployment *d = &r->deployment;
  if (*d->image_id) return configure(r);
  if (d->status == DEPLOYMENT_DEPLOYING)
    return err_new(ERR_CORRUPT, "it was being started, but no image of it is recorded");
  bool needs_fetch = d->settings.source_kind == SOURCE_REPO && !*d->snapshot_id;
  if (needs_fetch) return fetch_source(r);
  if (d->settings.source_kind != SOURCE_IMAGE && !*d->snapshot_id)
    return err_new(ERR_INVALID, "the service has no source: deploy with `tram up`, or connect a "
                                "repository or an image");
  return configure(r);
}

err *run_start(core *c, const char *deployment_id) {
  struct run *r = mem_zalloc(sizeof *r);
  r->core = c;
  err *e = deployment_get(c->db, deployment_id, &r->deployment);
  if (e) {
    free(r);
    return e;
  }
  map_set(c->runs, r->deployment.id, r);
  e = deployment_step_finish_open(c->db, deployment_id, clock_now_us(),
                                  "interrupted: tramd was stopped; tried again");
  if (!e) e = begin(r);
  if (e) run_fail(r, e);
  return NULL;
}
