/* Wiring, the start (adopt what runs, go on with what was begun) and the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "core/backup_private.h"
#include "core/bucket_private.h"
#include "core/database_upgrade.h"
#include "core/disk.h"
#include "core/handover.h"
#include "core/image_watch.h"
#include "core/internal.h"
#include "core/password_rotations.h"
#include "core/release.h"
#include "core/volume_private.h"
#include "store/deployment.h"
#include "store/release.h"

enum { ETAG_KEY_BYTES = 32 };

struct starting {
  core *core;
  engine_done_fn *done;
  void *arg;
};

static void options_done(struct core_options *o) {
  free((char *)o->data_dir);
  free((char *)o->domain_suffix);
  free((char *)o->tcp_domain);
  free((char *)o->version);
  free((char *)o->backup_location);
  free((char *)o->backup_region);
}

void core_set_options(core *c, const struct core_options *options) {
  struct core_options copy = *options;
  copy.data_dir = str_dup(options->data_dir);
  copy.domain_suffix = str_dup(options->domain_suffix);
  copy.tcp_domain = str_dup(options->tcp_domain ? options->tcp_domain : options->domain_suffix);
  copy.version = str_dup(options->version);
  copy.backup_location = str_dup(options->backup_location);
  copy.backup_region = str_dup(options->backup_region);
  if (!copy.retry_ms) copy.retry_ms = 1000;
  if (!copy.volume_size_bytes) copy.volume_size_bytes = VOLUME_SIZE_BYTES_DEFAULT;
  if (!copy.volume_trash_ms) copy.volume_trash_ms = VOLUME_TRASH_MS_DEFAULT;
  options_done(&c->options);
  c->options = copy;
  volume_watch_retime(c);
}

static err *open_sources(core *c) {
  auto_free char *snapshots = path_join(c->options.data_dir, "snapshots");
  auto_free char *mirrors = path_join(c->options.data_dir, "git");
  c->images = image_index_new(c->options.data_dir);
  TRY(pushed_repos_new(c->loop, mirrors, &c->pushed));
  TRY(snapshot_store_new(snapshots, &c->snapshots));
  return git_new(c->loop, mirrors, c->snapshots, &c->git);
}

err *core_new(const struct core_parts *parts, const struct core_options *options, core **ret_core) {
  core *c = mem_zalloc(sizeof *c);
  c->loop = parts->loop;
  c->db = parts->db;
  c->builder = parts->builder;
  c->edge = parts->edge;
  c->logs = parts->logs;
  c->runs = map_new();
  c->retiring = map_new();
  c->scaling = map_new();
  c->restarting = map_new();
  c->purging = map_new();
  c->settling = map_new();
  c->missed = map_new();
  c->volume_works = map_new();
  list_init(&c->handovers);
  list_init(&c->watches);
  list_init(&c->looks);
  list_init(&c->database_sessions);
  list_init(&c->bucket_asks);
  c->etag_key = secret_random_hex(ETAG_KEY_BYTES);
  c->http = http_client_new(c->loop);
  core_set_options(c, options);
  edge_on_repair(c->edge, core_repaired, c);
  err *e = open_sources(c);
  if (e) {
    core_free(c);
    return e;
  }
  c->disk = disk_new(c);
  c->image_watch = image_watch_new(c);
  c->backups = backups_new(c, parts->restic);
  c->password_rotations = password_rotations_new(c);
  c->database_upgrades = database_upgrades_new(c);
  log_store_set_redaction(c->logs, redaction_find, c);
  *ret_core = c;
  return NULL;
}

void core_set_engine(core *c, engine *en) {
  c->engine = en;
  engine_on_repair(en, core_repaired, c);
}

/* ---- the start ---- */

/* What went live before there were releases: what it is now is the best that is known. */
static void record_missing_release(core *c, const struct deployment *d) {
  bool exists = false;
  auto_err *e = release_exists(c->db, d->id, &exists);
  if (!e && !exists) e = release_record(c, d);
  if (e) log_warn("core", "deployment %s has no release: %s", d->id, err_message(e));
}

/* Live ones run already (the engine adopted them).  Of each service the newest is to stay: older ones go,
 * and those that were still on their way when it went live are cancelled. */
static err *resume_live(core *c) {
  auto_deployment_list active = {0};
  TRY(deployment_list_active(c->db, &active));
  for (size_t i = 0; i < active.len; i++) {
    auto_deployment newest = {0};
    bool found = false;
    TRY(deployment_find_active(c->db, active.items[i].service_instance_id, &found, &newest));
    record_missing_release(c, &active.items[i]);
    if (!found || !str_eq(newest.id, active.items[i].id)) continue;
    retire_older(c, &newest);
    handover_undo(c, newest.service_instance_id);
    scale_follow(c, newest.id);
  }
  return NULL;
}

static err *resume_one(core *c, const struct deployment *d) {
  switch (d->status) {
  case DEPLOYMENT_REMOVING: return retire_start(c, d->id, false);
  case DEPLOYMENT_BUILDING:
    TRY(deploy_apply(c, d->id, DEPLOY_QUEUE, "tramd was restarted: building again"));
    return run_start(c, d->id);
  case DEPLOYMENT_QUEUED:
  case DEPLOYMENT_INITIALIZING:
  case DEPLOYMENT_DEPLOYING: return run_start(c, d->id);
  default: return NULL; /* live, or waiting for somebody */
  }
}

static err *resume(core *c) {
  auto_deployment_list unfinished = {0};
  TRY(instances_close_missing(c));
  TRY(deployment_list_unfinished(c->db, &unfinished));
  for (size_t i = 0; i < unfinished.len; i++) {
    auto_err *e = resume_one(c, &unfinished.items[i]);
    if (e) log_error("core", "going on with deployment %s: %s", unfinished.items[i].id, err_message(e));
    if (e) core_resume_later(c);
  }
  TRY(resume_live(c)); /* one that cannot go on does not keep the others from it */
  TRY(pull_request_resume(c));
  patch_deploys_go(c);
  TRY(password_rotations_resume(c->password_rotations));
  TRY(database_upgrades_resume(c->database_upgrades));
  return receipt_resume(c);
}

/* Whether what the engine runs under that name is still wanted by its deployment. */
static err *is_wanted(core *c, const char *workload_id, bool *ret_wanted) {
  auto_deployment d = {0};
  auto_free char *id = str_ndup(workload_id, strnlen(workload_id, ID_SIZE - 1));
  err *e = deployment_get(c->db, id, &d);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  bool is_job = str_ends(workload_id, JOB_SUFFIX);
  *ret_wanted = !e && (is_job ? d.status == DEPLOYMENT_DEPLOYING || d.status == DEPLOYMENT_REMOVING
                              : !deployment_status_is_final(d.status));
  err_free(e);
  return NULL;
}

static void collect_workload(void *arg, const struct instance_report *report) {
  struct strv *ids = arg;
  if (!strv_has(ids, report->workload_id)) strv_add(ids, report->workload_id);
}

/* What an end that could not be completed left running. */
static err *remove_unwanted(core *c) {
  auto_strv ids = STRV_EMPTY;
  engine_each(c->engine, NULL, collect_workload, &ids);
  for (size_t i = 0; i < ids.len; i++) {
    bool wanted = true;
    TRY(is_wanted(c, ids.items[i], &wanted));
    if (wanted) continue;
    log_info("core", "removing workload '%s': its deployment has ended", ids.items[i]);
    engine_remove(c->engine, ids.items[i], NULL, NULL);
  }
  return NULL;
}

static void finish_start(struct starting *s, err *e) {
  s->core->starting = false;
  s->done(s->arg, e);
  free(s);
}

static err *stopping_error(void) {
  return err_new(ERR_BUSY, "Tramway is stopping");
}

static void on_builds_cleaned(void *arg, err *e) {
  core *c = arg;
  if (e) log_warn("core", "what earlier builds left: %s", err_message(e));
  err_free(e);
  c->cleaning = false;
  queue_wake(c);
}

/* Takes seconds at times: visitors do not wait for it, builds do. */
static void clean_builds(core *c) {
  c->cleaning = true;
  builder_clean(c->builder, on_builds_cleaned, c);
}

static void on_adopted(void *arg, err *e) {
  struct starting *s = arg;
  core *c = s->core;
  if (!e && c->stopping) e = stopping_error();
  if (!e) {
    c->started = true;
    e = resume(c);
  }
  if (!e) e = remove_unwanted(c);
  if (c->started) disk_start(c->disk);
  if (c->started) image_watch_start(c->image_watch);
  if (c->started) backups_start(c->backups);
  routes_changed(c);
  removal_wake(c);
  volumes_wake(c);
  if (c->started) volume_watch_start(c);
  if (c->started) buckets_sweep_start(c);
  if (!e) hooks_wake(c);
  if (!e) ci_wake(c);
  if (!e) clean_builds(c);
  finish_start(s, e);
}

void core_start(core *c, engine_done_fn *done, void *arg) {
  struct starting *s = mem_zalloc(sizeof *s);
  *s = (struct starting){c, done, arg};
  c->starting = true;
  log_scrubbing_start(c); /* it notes what the engine adopts */
  if (c->stopping)
    finish_start(s, stopping_error());
  else
    engine_start(c->engine, on_adopted, s);
}

void core_remove_file(core *c, const char *path) {
  if (unlink(path) == 0 || errno == ENOENT) return;
  log_warn("core", "removing '%s': %s; trying again", path, strerror(errno));
  strv_add(&c->unremoved, path);
  core_retry_later(c);
}

static void remove_unremoved(core *c) {
  auto_strv paths = c->unremoved;
  c->unremoved = STRV_EMPTY;
  for (size_t i = 0; i < paths.len; i++) core_remove_file(c, paths.items[i]);
}

static err *resume_unattended(core *c) {
  auto_deployment_list unfinished = {0};
  TRY(resume_live(c));
  TRY(pull_request_resume(c));
  TRY(deployment_list_unfinished(c->db, &unfinished));
  for (size_t i = 0; i < unfinished.len; i++)
    if (!run_find(c, unfinished.items[i].id)) TRY(resume_one(c, &unfinished.items[i]));
  patch_deploys_go(c);
  return NULL;
}

static void resume_missed(core *c) {
  if (!c->resume_due) return;
  c->resume_due = false;
  auto_err *e = resume_unattended(c);
  if (!e) return;
  log_error("core", "going on with what was begun: %s; trying again", err_message(e));
  core_resume_later(c);
}

static void on_retry(void *arg) {
  core *c = arg;
  timer_stop(c->retry);
  c->retry = NULL;
  remove_unremoved(c);
  instances_take_missed(c);
  queue_wake(c);
  routes_changed(c);
  removal_wake(c);
  hooks_wake(c);
  ci_wake(c);
  resume_missed(c);
}

void core_resume_later(core *c) {
  c->resume_due = true;
  core_retry_later(c);
}

void core_retry_later(core *c) {
  if (!c->retry && !c->stopping) c->retry = timer_start(c->loop, c->options.retry_ms, 0, on_retry, c);
}

/* ---- the end ---- */

void core_stop(core *c) {
  c->stopping = true;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->runs, &cursor, &id, &value)) run_quiet(value);
  retire_quiet_all(c);
  scale_stop_all(c);
  restart_forget_all(c);
  readiness_forget_all(c);
  pull_request_stop(c);
  database_sessions_stop(c);
  bucket_asks_stop(c);
  buckets_sweep_stop(c);
  disk_stop(c->disk);
  image_watch_stop(c->image_watch);
  backups_stop(c->backups);
  password_rotations_stop(c->password_rotations);
  database_upgrades_stop(c->database_upgrades);
  log_scrubbing_stop(c);
  ci_stop(c);
  handover_quiet_all(c);
  volume_watch_stop(c);
  volumes_stop(c);
  timer_stop(c->retry);
  c->retry = NULL;
}

bool core_takes_sources(const core *c) {
  size_t cursor = 0;
  const char *id;
  void *value;
  bool fetching = false;
  while (!fetching && map_next(c->runs, &cursor, &id, &value)) fetching = run_is_fetching(value);
  return c->uploads || fetching;
}

bool core_is_quiet(const core *c) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->runs, &cursor, &id, &value))
    if (!run_is_quiet(value)) return false;
  return disk_is_quiet(c->disk) && log_scrubbing_is_quiet(c) && image_watch_is_quiet(c->image_watch) &&
         password_rotations_are_quiet(c->password_rotations) && database_upgrades_are_quiet(c->database_upgrades) &&
         backups_is_quiet(c->backups) && pushed_repos_is_quiet(c->pushed) && list_empty(&c->looks) && list_empty(&c->database_sessions) &&
         list_empty(&c->bucket_asks) &&
         !c->uploads && !c->counting && !c->starting && !c->cleaning && !c->queue_due &&
         !c->hooks_due && !c->ci_due && !c->waiting_due && !c->routes_due && !c->removal_due &&
         !c->handover_due && !c->volumes_due;
}

void core_trim(core *c) {
  redaction_forget_old(c, clock_monotonic_ms());
}

void core_free(core *c) {
  if (!c) return;
  log_store_set_redaction(c->logs, NULL, NULL);
  for (;;) {
    size_t cursor = 0;
    const char *id;
    void *value;
    if (!map_next(c->runs, &cursor, &id, &value)) break;
    run_free(value);
  }
  retire_free_all(c);
  handover_free_all(c);
  volumes_free(c);
  instances_forget_missed(c);
  strv_done(&c->unremoved);
  LIST_FOREACH(w, &c->watches, struct core_watch, link) core_watch_stop(w);
  disk_free(c->disk);
  image_watch_free(c->image_watch);
  backups_free(c->backups);
  password_rotations_free(c->password_rotations);
  database_upgrades_free(c->database_upgrades);
  http_client_free(c->http);
  git_free(c->git);
  pushed_repos_free(c->pushed);
  snapshot_store_free(c->snapshots);
  image_index_free(c->images);
  map_free(c->runs);
  map_free(c->retiring);
  map_free(c->scaling);
  map_free(c->restarting);
  map_free(c->purging);
  map_free(c->settling);
  free(c->etag_key);
  log_scrubbing_free(c);
  redaction_forget_all(c);
  options_done(&c->options);
  free(c);
}
