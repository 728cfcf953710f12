/* A job of backup/restic.h: restic, and before or after a first try that failed for a reason that can be
 * taken away, `restic init` or `restic unlock`. */
#include <stdlib.h>
#include <string.h>

#include "backup/restic_internal.h"
#include "base/clock.h"
#include "base/file.h"
#include "build/build_cgroup.h"
#include "loop/work.h"

enum { STEP_MS_MAX = 120000, ENDING_MS = 2000, TEXT_MAX = 65536, COMPLAINTS_MAX = 4096 };

static void next_step(restic_job *j, enum restic_step step);

/* ---- what its end means ---- */

/* clang-format off */
static const struct {
  const char *words; /* restic's */
  enum err_code code;
  const char *told;
} failures[] = {
  { "AccessDenied",                                    ERR_DENIED,    "the endpoint refuses the credentials" },
  { "Access Denied",                                   ERR_DENIED,    "the endpoint refuses the credentials" },
  { "InvalidAccessKeyId",                              ERR_DENIED,    "the endpoint does not know the credentials" },
  { "SignatureDoesNotMatch",                           ERR_DENIED,    "the endpoint refuses the credentials" },
  { "Is there a repository at the following location", ERR_NOT_FOUND, "there is no such repository" },
  { "specified key does not exist",                    ERR_NOT_FOUND, "there is no such repository" },
  { "wrong password or no key found",                  ERR_DENIED,    "it was encrypted with another backup password" },
  { "no matching ID found",                            ERR_NOT_FOUND, "there is no such snapshot" },
  { "no snapshot found",                               ERR_NOT_FOUND, "there is no such snapshot" },
  { "snapshot is empty",                               ERR_CONFLICT,  RESTIC_NOTHING },
  { "no space left on device",                         ERR_LIMIT,     "there is no space left" },
  { "ciphertext verification failed",                  ERR_CORRUPT,   "it is damaged" },
  { "does not match, want",                            ERR_CORRUPT,   "it is damaged" },
  { "repository contains errors",                      ERR_CORRUPT,   "it is damaged" },
  { "data is invalid",                                 ERR_CORRUPT,   "it is damaged" },
  { "not found in repository",                         ERR_CORRUPT,   "it is damaged" },
  { "not found in index",                              ERR_CORRUPT,   "it is damaged" },
  { "hash does not match",                             ERR_CORRUPT,   "it is damaged" },
  { "unexpected EOF",                                  ERR_CORRUPT,   "it is damaged" },
  { "LoadTree",                                        ERR_CORRUPT,   "it is damaged" },
};
/* clang-format on */

/* How it ended: a program's exit status, or why there is none (taken). */
struct ending {
  err *e;
  int exit_status;
};

static err *explain(restic_job *j, const struct ending *end) {
  if (j->too_large) {
    err_ignore(end->e);
    return err_new(ERR_LIMIT, "the files say that they are larger than %lld MB, which is more than there can be: sparse files of "
                              "that size cannot be backed up", (long long)(j->bytes_max / 1000000));
  }
  if (j->cancelled) {
    err_ignore(end->e);
    return err_new(ERR_BUSY, "cancelled");
  }
  if (!end->e && end->exit_status == 0) return NULL;
  const char *said = str_trim(j->complaints.len ? j->complaints.data : (char[]){""});
  err *e = end->e ? end->e : err_new(ERR_IO, "restic: exit status %d%s%s", end->exit_status, *said ? ": " : "", said);
  for (size_t i = 0; i < ARRAY_LEN(failures); i++)
    if (strstr(said, failures[i].words) || strstr(str_text(&j->text), failures[i].words))
      return err_wrap(err_recode(e, failures[i].code), "%s", failures[i].told);
  return e;
}

static bool is_locked(const restic_job *j) {
  return strstr(str_text(&j->complaints), "already locked") != NULL;
}

enum { INCOMPLETE = 3 }; /* restic's exit status: a snapshot was made, some files could not be read */

static err *judge(restic_job *j, const struct ending *end) {
  const struct restic_output *o = &j->output;
  if (!end->e && end->exit_status == INCOMPLETE && !j->cancelled && !j->too_large) {
    if (j->may_vanish && o->errors == o->vanished) return NULL;
    return err_new(ERR_IO, "%d file%s could not be read: %s", o->errors, o->errors == 1 ? "" : "s",
                   o->first_error ? o->first_error : "gone while they were read");
  }
  err *e = explain(j, end);
  if (e && j->ignores_missing && err_code_of(e) == ERR_NOT_FOUND) {
    err_ignore(e);
    return NULL;
  }
  return e;
}

/* ---- the end of a repository: in a folder its files go, too ---- */

static err *remove_files(void *arg) {
  const restic_job *j = arg;
  auto_free char *path = restic_repository(&j->owner->place, j->repository);
  return file_remove_tree(path);
}

static void on_removed(void *arg, err *e) {
  restic_job_finish(arg, e);
}

/* ---- steps ---- */

void restic_job_kill(restic_job *j) {
  if (j->child) spawn_cancel(j->child, ENDING_MS);
  if (j->run) engine_volume_run_cancel(j->run);
}

static void check_size(restic_job *j) {
  if (!j->bytes_max || j->too_large || j->output.bytes <= j->bytes_max) return;
  j->too_large = true;
  restic_job_kill(j);
}

static void on_output(void *arg, int fd, const char *data, size_t len) {
  restic_job *j = arg;
  restic_output_feed(&j->output, data, len);
  check_size(j);
  if (fd == 1 && j->text.len + len < TEXT_MAX) str_add_bytes(&j->text, data, len);
  if (fd == 1) return;
  str_add_bytes(&j->complaints, data, len);
  if (j->complaints.len > COMPLAINTS_MAX) str_consume(&j->complaints, j->complaints.len - COMPLAINTS_MAX);
}

static void take_next(restic_job *j, err *e) {
  bool missing = e && err_code_of(e) == ERR_NOT_FOUND && !j->inited;
  if (j->step == STEP_WORDS && j->creates && missing) {
    err_ignore(e);
    j->inited = true;
    next_step(j, STEP_INIT);
  } else if (j->step == STEP_WORDS && e && is_locked(j) && !j->unlocked) {
    err_ignore(e);
    j->unlocked = true;
    next_step(j, STEP_UNLOCK);
  } else if (j->step != STEP_WORDS && !e) {
    next_step(j, STEP_WORDS);
  } else {
    restic_job_finish(j, e && is_locked(j) ? err_recode(e, ERR_BUSY) : e);
  }
}

static void ended(restic_job *j, const struct ending *end) {
  j->child = NULL;
  j->run = NULL;
  restic_output_end(&j->output);
  take_next(j, judge(j, end));
}

static void on_done(void *arg, const struct spawn_result *result) {
  bool odd = result->timed_out || result->read_error || result->write_error || result->exit_status > 125;
  ended(arg, &(struct ending){.e = odd ? spawn_result_err(result) : NULL, .exit_status = result->exit_status});
}

static void on_run_exit(void *arg, err *e, int exit_code) {
  ended(arg, &(struct ending){.e = e, .exit_status = exit_code});
}

/* restic ends with tramd; of processor and disk it gets what nobody else wants. */
static void add_prefix(const restic_job *j, struct strv *argv) {
  auto_strv folders = STRV_EMPTY;
  strv_add(argv, j->owner->exec_program);
  build_cgroup_joins(j->owner->cgroup_parent, j->owner->cgroup, &folders);
  for (size_t i = 0; i < folders.len; i++) {
    strv_add(argv, "--cgroup");
    strv_add(argv, folders.items[i]);
  }
  static const char *const rest[] = {"--die-with-parent", "--", "nice", "-n", "19", "ionice", "--class", "3", NULL};
  strv_add_all(argv, rest);
}

static void add_words(const restic_job *j, struct strv *argv) {
  static const char *const init[] = {"restic", "init", NULL}, *const unlock[] = {"restic", "unlock", NULL};
  strv_add_all(argv, j->step == STEP_INIT     ? init
                     : j->step == STEP_UNLOCK ? unlock
                                              : (const char *const *)j->argv.items);
}

static err *run_on_volume(restic_job *j, const struct strv *argv, const struct strv *env, int64_t left_ms) {
  struct volume_run run = {.volume_id = j->files.volume_id,
                           .snapshot = j->files.snapshot,
                           .argv = (const char *const *)argv->items,
                           .env = (const char *const *)env->items,
                           .read_only = !j->writes,
                           .deadline_ms = left_ms,
                           .on_output = on_output,
                           .on_exit = on_run_exit,
                           .arg = j};
  return engine_volume_run(j->owner->engine, &run, &j->run);
}

static err *start(restic_job *j) {
  auto_strv argv = STRV_EMPTY, env = STRV_EMPTY;
  int64_t left_ms = j->ends_at_ms - clock_monotonic_ms();
  if (j->cancelled) return err_new(ERR_BUSY, "cancelled");
  if (left_ms <= 0) return err_new(ERR_BUSY, "not done before its deadline");
  bool in_files = j->step == STEP_WORDS;
  add_prefix(j, &argv);
  add_words(j, &argv);
  restic_env(&j->owner->place, j->repository, &env);
  if (in_files && j->files.volume_id) return run_on_volume(j, &argv, &env, left_ms);
  struct spawn_options options = {.argv = (const char *const *)argv.items,
                                  .env = (const char *const *)env.items,
                                  .cwd = in_files ? j->files.folder : NULL,
                                  .deadline_ms = in_files || left_ms < STEP_MS_MAX ? left_ms : STEP_MS_MAX,
                                  .on_output = on_output};
  return spawn_start(j->owner->loop, &options, on_done, j, &j->child);
}

static void next_step(restic_job *j, enum restic_step step) {
  j->step = step;
  restic_output_done(&j->output);
  restic_output_init(&j->output);
  str_clear(&j->text);
  str_clear(&j->complaints);
  err *e = start(j);
  if (e) restic_job_finish(j, e);
}

void restic_job_start(restic_job *j) {
  if (j->removes && restic_place_is_folder(&j->owner->place)) {
    work_start(j->owner->loop, remove_files, on_removed, j);
    return;
  }
  next_step(j, STEP_WORDS);
}
