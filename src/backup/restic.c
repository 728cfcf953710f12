#include "backup/restic.h"

#include <stdlib.h>
#include <string.h>

#include "backup/restic_internal.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "build/build_cgroup.h"

/* ---- the place ---- */

static void each_text(struct restic_place *p, void (*fn)(const char **slot)) {
  const char **const slots[] = {&p->location, &p->password,  &p->access_key_id, &p->secret_access_key,
                                &p->region,   &p->cache_dir, &p->ca_bundle};
  for (size_t i = 0; i < ARRAY_LEN(slots); i++) fn(slots[i]);
}

static void duplicate(const char **slot) {
  *slot = str_dup(*slot ? *slot : "");
}

static void forget(const char **slot) {
  if (*slot) secret_wipe((char *)*slot, strlen(*slot));
  free((char *)*slot);
  *slot = NULL;
}

void restic_set_place(restic *r, const struct restic_place *place) {
  struct restic_place copy = *place;
  each_text(&copy, duplicate);
  each_text(&r->place, forget);
  r->place = copy;
}

static err *open_place(const struct restic_place *p) {
  if (str_empty(p->location)) return err_new(ERR_CONFLICT, "nothing says where backups go");
  TRY(restic_place_check(p));
  TRY(file_make_dirs(p->cache_dir, 0700));
  return restic_place_is_folder(p) ? file_make_dirs(p->location, 0700) : NULL;
}

/* One of each installation, as several may be on a machine. */
static char *cgroup_of(const struct restic_config *config) {
  char hex[SHA256_HEX_SIZE];
  secret_sha256_hex(config->data_dir, strlen(config->data_dir), hex);
  return str_format("backups-%.6s", hex);
}

err *restic_halt(const struct restic_config *config) {
  const char *parent = config->cgroup_parent ? config->cgroup_parent : "";
  auto_free char *cgroup = cgroup_of(config);
  build_cgroup_kill(parent, cgroup);
  return err_wrap(build_cgroup_remove(parent, cgroup), "backups");
}

err *restic_new(loop *l, const struct restic_config *config, restic **ret_restic) {
  struct build_limits limits = {.memory_bytes = config->memory_bytes};
  restic *r = mem_zalloc(sizeof *r);
  r->loop = l;
  r->exec_program = str_dup(config->exec_program);
  r->cgroup_parent = str_dup(config->cgroup_parent ? config->cgroup_parent : "");
  r->cgroup = cgroup_of(config);
  list_init(&r->jobs);
  restic_set_place(r, &config->place);
  err *e = build_cgroup_make(r->cgroup_parent, r->cgroup, &limits);
  if (e) {
    restic_free(r);
    return err_wrap(e, "backups");
  }
  *ret_restic = r;
  return NULL;
}

void restic_set_engine(restic *r, engine *en) {
  r->engine = en;
}

bool restic_is_quiet(const restic *r) {
  return list_empty(&r->jobs) && !r->due;
}

void restic_free(restic *r) {
  if (!r) return;
  auto_err *e = build_cgroup_remove(r->cgroup_parent, r->cgroup);
  if (e) log_warn("backup", "%s", err_message(e));
  each_text(&r->place, forget);
  free(r->exec_program);
  free(r->cgroup_parent);
  free(r->cgroup);
  free(r);
}

/* ---- the queue ---- */

static bool is_taken(const restic *r, const char *repository) {
  LIST_FOREACH(j, &r->jobs, restic_job, link)
    if (j->running && str_eq(j->repository, repository)) return true;
  return false;
}

static bool has_turn(const restic *r, const restic_job *j) {
  size_t yielding = 0;
  if (j->cancelled) return true;
  LIST_FOREACH(other, &r->jobs, restic_job, link) yielding += other->running && other->yields;
  return r->running < RESTIC_JOBS_MAX && !(j->yields && yielding >= RESTIC_JOBS_MAX - 1);
}

static void start_some(void *arg) {
  restic *r = arg;
  r->due = false;
  for (bool again = true; again;) { /* what fails at once leaves the list */
    again = false;
    LIST_FOREACH(j, &r->jobs, restic_job, link) {
      if (j->running || !has_turn(r, j) || is_taken(r, j->repository)) continue;
      r->running++;
      j->running = again = true;
      restic_job_start(j);
      break;
    }
  }
}

static void wake(restic *r) {
  if (r->due) return;
  r->due = true;
  loop_defer(r->loop, start_some, r);
}

static void cancel(restic_job *j) {
  if (j->cancelled) return;
  j->cancelled = true;
  restic_job_kill(j);
  if (!j->running) wake(j->owner);
}

void restic_stop(restic *r) {
  r->stopped = true;
  LIST_FOREACH(j, &r->jobs, restic_job, link) cancel(j);
}

void restic_job_finish(restic_job *j, err *e) {
  restic *r = j->owner;
  struct restic_result result = {.answer = j->output.answer, .output = str_text(&j->text), .vanished = j->output.vanished};
  list_remove(&j->link);
  if (j->running) r->running--;
  j->done(j->arg, e, e ? NULL : &result);
  restic_output_done(&j->output);
  str_done(&j->text);
  str_done(&j->complaints);
  strv_done(&j->argv);
  free((char *)j->files.volume_id);
  free((char *)j->files.snapshot);
  free((char *)j->files.folder);
  free(j->repository);
  free(j);
  wake(r);
}

static err *enqueue(restic *r, const struct restic_job_options *o, restic_job **ret_job) {
  if (r->stopped) return err_new(ERR_BUSY, "Tramway is stopping");
  if (!restic_name_ok(o->repository)) return err_new(ERR_INVALID, "'%s' is no name of a repository", o->repository);
  TRY(open_place(&r->place));
  restic_job *j = mem_zalloc(sizeof *j);
  j->owner = r;
  j->repository = str_dup(o->repository);
  j->ends_at_ms = clock_monotonic_ms() + o->deadline_ms;
  j->yields = o->yields;
  j->done = o->done;
  j->arg = o->arg;
  restic_output_init(&j->output);
  list_push(&r->jobs, &j->link);
  wake(r);
  *ret_job = j;
  return NULL;
}

/* ---- the jobs ---- */

static void hand_out(restic_job *j, restic_job **ret_job) {
  if (ret_job) *ret_job = j;
}

static err *simple(restic *r, const struct restic_job_options *o, const char *const *words, restic_job **ret_job) {
  restic_job *j;
  TRY(enqueue(r, o, &j));
  strv_add_all(&j->argv, words);
  hand_out(j, ret_job);
  return NULL;
}
#define WORDS(...) ((const char *const[]){"restic", __VA_ARGS__, NULL})

static err *check_id(const char *snapshot) {
  return restic_id_ok(snapshot) ? NULL : err_new(ERR_INVALID, "'%s' is no id of a snapshot", snapshot);
}

err *restic_backup(restic *r, const struct restic_job_options *o, const struct restic_backup *b, restic_job **ret_job) {
  restic_job *j;
  TRY(enqueue(r, o, &j));
  restic_backup_argv(&b->words, &j->argv);
  j->files = (struct restic_files){str_dup(b->from.volume_id), str_dup(b->from.snapshot), str_dup(b->from.folder)};
  j->creates = true;
  j->may_vanish = b->may_vanish;
  j->bytes_max = b->bytes_max;
  hand_out(j, ret_job);
  return NULL;
}

err *restic_restore(restic *r, const struct restic_job_options *o, const char *snapshot,
                    const struct restic_files *to, const char *const *includes, restic_job **ret_job) {
  restic_job *j;
  TRY(check_id(snapshot));
  TRY(enqueue(r, o, &j));
  restic_restore_argv(snapshot, includes, &j->argv);
  j->files = (struct restic_files){str_dup(to->volume_id), NULL, str_dup(to->folder)};
  j->writes = true;
  hand_out(j, ret_job);
  return NULL;
}

err *restic_describe(restic *r, const struct restic_job_options *o, const char *snapshot, restic_job **ret_job) {
  TRY(check_id(snapshot));
  return simple(r, o, WORDS("snapshots", "--json", "--no-lock", snapshot), ret_job);
}

err *restic_forget(restic *r, const struct restic_job_options *o, const char *const *snapshots, bool prunes,
                   restic_job **ret_job) {
  restic_job *j;
  for (size_t i = 0; snapshots && snapshots[i]; i++) TRY(check_id(snapshots[i]));
  bool any = snapshots && snapshots[0];
  TRY(simple(r, o, any ? WORDS("forget", "--json") : WORDS("prune", "--max-unused=10%"), &j));
  if (any && prunes) strv_add(&j->argv, "--prune");
  strv_add_all(&j->argv, snapshots);
  j->ignores_missing = true;
  hand_out(j, ret_job);
  return NULL;
}

err *restic_stats(restic *r, const struct restic_job_options *o, restic_job **ret_job) {
  return simple(r, o, WORDS("stats", "--json", "--no-lock", "--mode=raw-data"), ret_job);
}

err *restic_remove(restic *r, const struct restic_job_options *o, restic_job **ret_job) {
  restic_job *j;
  /* --keep-tag of a tag that none has: restic refuses to forget all without a policy */
  TRY(simple(r, o, WORDS("forget", "--json", "--keep-tag=none", "--prune", "--group-by="), &j));
  j->ignores_missing = j->removes = true;
  hand_out(j, ret_job);
  return NULL;
}
