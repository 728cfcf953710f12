#include "source/git.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/spawn.h"
#include "loop/timer.h"
#include "loop/work.h"
#include "source/git_env.h"
#include "source/git_internal.h"
#include "source/opt_out.h"
#include "source/tree.h"

enum { OUTPUT_LIMIT = 256 * 1024, SIZE_CHECK_MS = 500, CANCEL_GRACE_MS = 2000 };
#define WANTED "refs/tramway/wanted"

err *git_new(loop *l, const char *dir, snapshot_store *store, git **ret_git) {
  auto_free char *mirrors = path_join(dir, "mirrors");
  TRY(err_wrap(file_make_dirs(mirrors, 0700), "git"));
  TRY(err_wrap(git_env_prepare(dir), "git"));
  git *g = mem_zalloc(sizeof *g);
  g->loop = l;
  g->dir = str_dup(dir);
  g->store = store;
  list_init(&g->jobs);
  *ret_git = g;
  return NULL;
}

void git_free(git *g) {
  if (!g) return;
  free(g->dir);
  free(g);
}

static void start_waiting_jobs(git *g);

static void job_free(git_job *job) {
  git_url_done(&job->url);
  if (job->ssh_key) unlink(job->ssh_key);
  free(job->ssh_key);
  free(job->shown);
  free(job->ref);
  free(job->mirror);
  free(job->remote_ref);
  free(job->sha);
  free(job->branch);
  free(job->author);
  free(job->message);
  free(job->opt_out);
  free(job->since);
  strv_done(&job->changed);
  err_free(job->child_error);
  err_free(job->unpack_error);
  free(job);
}

/* Ends the job; takes `e`. */
static void finish(git_job *job, err *e) {
  git *g = job->git;
  timer_stop(job->deadline);
  timer_stop(job->size_check);
  list_remove(&job->link);
  struct git_commit commit = {.sha = job->sha,
                              .branch = job->branch ? job->branch : "",
                              .author = job->author ? job->author : "",
                              .message = job->message ? job->message : "",
                              .opt_out = job->opt_out,
                              .changed = job->knows_changes ? &job->changed : NULL,
                              .snapshot = job->snapshot};
  e = err_wrap(e, "git: '%s'", job->shown);
  job->done(job->arg, e, e ? NULL : &commit);
  job_free(job);
  start_waiting_jobs(g);
}

/* clang-format off */
static const struct {
  const char *words; /* git's or ssh's */
  enum err_code code;
  const char *without, *with; /* credentials */
} refusals[] = {
  { "could not read Username",       ERR_DENIED,    "401: the repository is not there, or needs credentials: `tram credential set <host> --repository`",
                                                    "401: the host does not take the credentials" },
  { "Authentication failed",         ERR_DENIED,    "401: the repository is not there, or needs credentials: `tram credential set <host> --repository`",
                                                    "401: the host does not take the credentials" },
  { "returned error: 403",           ERR_DENIED,    "403: the repository needs credentials: `tram credential set <host> --repository`",
                                                    "403: the credentials are known, but may not read this repository" },
  { "Permission denied (",           ERR_DENIED,    "the repository is not there, or needs credentials (an ssh key of Tramway's own, or "
                                                    "`tram credential set <host> --deploy-key`)",
                                                    "the host does not take the deploy key" },
  { "Host key verification failed",  ERR_DENIED,    "the host has another key than before: see ssh/known_hosts in the data folder's git",
                                                    "the host has another key than before: see ssh/known_hosts in the data folder's git" },
  { "not found",                     ERR_NOT_FOUND, "404: there is no such repository, or it is shown only with credentials",
                                                    "404: there is no such repository, or the credentials may not see it" },
};
/* clang-format on */

/* git's own words, with what to do where they tell. */
static err *explain(const git_job *job, const struct spawn_result *result) {
  err *e = spawn_result_err(result);
  bool with = job->url.authorization || job->ssh_key;
  for (size_t i = 0; e && i < ARRAY_LEN(refusals); i++)
    if (strstr(result->error_tail, refusals[i].words))
      return err_wrap(err_recode(e, refusals[i].code), "%s", with ? refusals[i].with : refusals[i].without);
  return e;
}

static void on_step_done(void *arg, const struct spawn_result *result) {
  git_job *job = arg;
  job->child = NULL;
  timer_stop(job->size_check);
  job->size_check = NULL;
  if (job->too_large) {
    finish(job, err_new(ERR_LIMIT, "the history is larger than %lld MiB",
                        (long long)(job->limit_bytes >> 20)));
    return;
  }
  if (job->cancelled || result->timed_out) {
    finish(job, explain(job, result));
    return;
  }
  job->step_done(job, result);
}

static err *start_child(git_job *job, struct spawn_options options, const char *const *words,
                        spawn_done_fn *done) {
  int64_t left_ms = job->ends_at_ms - clock_monotonic_ms();
  if (job->cancelled) return err_new(ERR_BUSY, "cancelled");
  if (left_ms <= 0) return err_new(ERR_BUSY, "not done before its deadline");
  auto_strv argv = STRV_EMPTY, env = STRV_EMPTY;
  strv_add(&argv, "git");
  strv_addf(&argv, "--git-dir=%s", job->mirror);
  strv_add_all(&argv, words);
  git_env_add(&env, job->git->dir, &job->url, job->ssh_key, job->allow_local);
  options.argv = (const char *const *)argv.items;
  options.env = (const char *const *)env.items;
  options.deadline_ms = left_ms;
  if (!options.collect_limit) options.collect_limit = OUTPUT_LIMIT;
  return spawn_start(job->git->loop, &options, done, job, &job->child);
}

void git_job_run(git_job *job, size_t output_limit, git_step_fn *step_done, const char *const *words) {
  job->step_done = step_done;
  err *e = start_child(job, (struct spawn_options){.collect_limit = output_limit}, words, on_step_done);
  if (e) finish(job, e);
}

static void run(git_job *job, git_step_fn *step_done, const char *const *words) {
  git_job_run(job, OUTPUT_LIMIT, step_done, words);
}

/* Bytes of all packs, also of one that is just arriving. */
static int64_t mirror_size(const char *mirror) {
  auto_free char *path = path_join(mirror, "objects/pack");
  DIR *folder = opendir(path);
  if (!folder) return 0;
  int64_t size = 0;
  struct dirent *entry;
  struct stat info;
  while ((entry = readdir(folder)))
    if (fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
      size += info.st_size;
  closedir(folder);
  return size;
}

static void on_size_check(void *arg) {
  git_job *job = arg;
  if (mirror_size(job->mirror) <= job->limit_bytes) return;
  job->too_large = true;
  spawn_cancel(job->child, CANCEL_GRACE_MS);
}

void git_job_watch_size(git_job *job) {
  job->size_check = timer_start(job->git->loop, SIZE_CHECK_MS, SIZE_CHECK_MS, on_size_check, job);
}

/* ---- export: `git archive` into a pipe, unpacked at its other end on a pool thread ---- */

static void part_done(git_job *job) {
  if (--job->parts_left > 0) return;
  /* When the unpacking failed, git only hears that its reader has gone, unless it was stopped. */
  bool unpack_first = job->unpack_error && !job->child_stopped;
  err **first = unpack_first ? &job->unpack_error : &job->child_error;
  err *e = *first;
  *first = NULL;
  if (e && !job->unpack_error && job->snapshot.is_new) /* made of a stream that broke off */
    err_ignore(snapshot_put_aside(job->git->store, job->snapshot.id));
  finish(job, e);
}

static void on_archive_exit(void *arg, const struct spawn_result *result) {
  git_job *job = arg;
  job->child = NULL;
  job->child_stopped = result->cancelled || result->timed_out;
  job->child_error = spawn_result_err(result);
  part_done(job);
}

static err *unpack_on_thread(void *arg) {
  git_job *job = arg;
  struct unpack_limits limits = {.total_bytes = job->limit_bytes};
  err *e = snapshot_from_stream(job->git->store, job->tar_fd, &limits, true, &job->snapshot);
  close(job->tar_fd); /* so that a git that still writes ends */
  return e;
}

static void on_unpacked(void *arg, err *e) {
  git_job *job = arg;
  job->unpack_error = e;
  part_done(job);
}

static void export(git_job *job) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) {
    finish(job, err_errno(errno, "making a pipe"));
    return;
  }
  struct spawn_options options = {.inherit_fds = &ends[1], .inherit_fds_len = 1};
  const char *const words[] = {"archive", "--format=tar", "--output=/proc/self/fd/3", job->sha,
                               NULL};
  err *e = start_child(job, options, words, on_archive_exit);
  close(ends[1]);
  if (e) {
    close(ends[0]);
    finish(job, e);
    return;
  }
  job->tar_fd = ends[0];
  job->parts_left = 2;
  work_start(job->git->loop, unpack_on_thread, on_unpacked, job);
}

/* ---- describe: who wrote it and what it says ---- */

static char *as_utf8(const char *text) {
  return str_is_utf8(text, strlen(text)) ? str_dup(text) : tree_printable(text);
}

static void on_described(git_job *job, const struct spawn_result *result) {
  err *e = spawn_result_err(result);
  if (e) {
    finish(job, e);
    return;
  }
  const char *author = result->output + strlen(result->output) + 1;
  const char *end = result->output + result->output_len;
  const char *message = author < end ? author + strlen(author) + 1 : end;
  job->author = as_utf8(author < end ? author : "");
  job->message = as_utf8(message < end ? message : "");
  job->opt_out = opt_out_find(job->message);
  job->message[strcspn(job->message, "\n")] = '\0';
  export(job);
}

void git_job_describe(git_job *job) {
  run(job, on_described,
      (const char *const[]){"log", "-1", "--no-show-signature", "--encoding=UTF-8",
                            "--format=%H%x00%an%x00%B", job->sha, NULL});
}

/* ---- fetch ---- */

static void fetched(git_job *job) {
  if (job->since)
    git_job_find_changes(job);
  else
    git_job_describe(job);
}

static void on_wanted_found(git_job *job, const struct spawn_result *result) {
  if (result->exit_status != 0 || result->output_len < 40) {
    finish(job, err_new(ERR_NOT_FOUND, "no commit '%s' in its branches and tags", job->ref));
    return;
  }
  free(job->sha);
  job->sha = str_ndup(result->output, 40);
  fetched(job);
}

static void find_wanted(git_job *job, const char *name) {
  auto_free char *commit = str_format("%s^{commit}", name);
  run(job, on_wanted_found, (const char *const[]){"rev-parse", "--verify", "-q", commit, NULL});
}

static void on_all_fetched(git_job *job, const struct spawn_result *result) {
  err *e = explain(job, result);
  if (e)
    finish(job, e);
  else
    find_wanted(job, job->sha);
}

/* For a commit that the server does not hand out by name: the whole history, then look in it. */
static void fetch_all(git_job *job) {
  git_job_watch_size(job);
  run(job, on_all_fetched,
      (const char *const[]){"fetch", "-q", "--depth=2147483647", "--no-tags", "--force",
                            "--no-write-fetch-head", "--", job->url.plain,
                            "+refs/heads/*:refs/tramway/heads/*",
                            "+refs/tags/*:refs/tramway/tags/*", NULL});
}

static void on_fetched(git_job *job, const struct spawn_result *result) {
  if (result->exit_status == 0) {
    find_wanted(job, WANTED);
    return;
  }
  if (job->remote_ref)
    finish(job, explain(job, result));
  else
    fetch_all(job);
}

static void fetch(git_job *job) {
  auto_free char *refspec = str_format("+%s:" WANTED, job->remote_ref ? job->remote_ref : job->sha);
  git_job_watch_size(job);
  run(job, on_fetched,
      (const char *const[]){"fetch", "-q", "--depth=1", "--no-tags", "--force",
                            "--no-write-fetch-head", "--", job->url.plain, refspec, NULL});
}

static void on_looked(git_job *job, const struct spawn_result *result) {
  if (result->exit_status == 0)
    fetched(job);
  else if (job->own)
    finish(job, err_new(ERR_NOT_FOUND, "no commit '%s' in what was pushed", job->ref));
  else
    fetch(job);
}

static void look(git_job *job) {
  if (strlen(job->sha) < 40) {
    if (job->own)
      find_wanted(job, job->sha);
    else
      fetch_all(job);
    return;
  }
  auto_free char *commit = str_format("%s^{commit}", job->sha);
  run(job, on_looked, (const char *const[]){"cat-file", "-e", commit, NULL});
}

/* ---- resolve: what the remote calls the ref, and which commit it is ---- */

struct remote_refs {
  char *default_branch; /* "main" */
  char *head, *branch, *tag, *peeled_tag; /* commits */
};

static void read_ref_line(struct remote_refs *refs, char *line, const char *ref) {
  char *name = strchr(line, '\t');
  if (!name) return;
  *name++ = '\0';
  if (str_starts(line, "ref: refs/heads/") && str_eq(name, "HEAD")) {
    str_replace_owned(&refs->default_branch, line + strlen("ref: refs/heads/"));
    return;
  }
  if (strlen(line) != 40 || !git_is_commit(line)) return;
  if (str_eq(name, "HEAD")) str_replace_owned(&refs->head, line);
  auto_free char *branch = str_format("refs/heads/%s", ref);
  auto_free char *tag = str_format("refs/tags/%s", ref), *peeled = str_format("%s^{}", tag);
  if (str_eq(name, branch)) str_replace_owned(&refs->branch, line);
  if (str_eq(name, tag)) str_replace_owned(&refs->tag, line);
  if (str_eq(name, peeled)) str_replace_owned(&refs->peeled_tag, line);
}

static err *choose_ref(git_job *job, const struct remote_refs *refs) {
  const char *sha = NULL;
  if (!*job->ref) {
    if (!refs->head) return err_new(ERR_NOT_FOUND, "the repository has no default branch yet");
    sha = refs->head;
    job->remote_ref = str_dup("HEAD");
    job->branch = str_dup(refs->default_branch);
  } else if (refs->branch || refs->tag) {
    sha = refs->branch ? refs->branch : refs->peeled_tag ? refs->peeled_tag : refs->tag;
    job->remote_ref = str_format("refs/%s/%s", refs->branch ? "heads" : "tags", job->ref);
    job->branch = str_dup(job->ref);
  } else if (git_is_commit(job->ref)) {
    sha = job->ref;
  } else {
    return err_new(ERR_NOT_FOUND, "no branch or tag '%s'; the default branch is '%s'", job->ref,
                   refs->default_branch ? refs->default_branch : "(none)");
  }
  job->sha = str_dup(sha);
  return NULL;
}

static void on_resolved(git_job *job, const struct spawn_result *result) {
  err *e = explain(job, result);
  if (!e) {
    struct remote_refs refs = {0};
    auto_strv lines = STRV_EMPTY;
    strv_split(&lines, result->output, '\n');
    for (size_t i = 0; i < lines.len; i++) read_ref_line(&refs, lines.items[i], job->ref);
    e = choose_ref(job, &refs);
    free(refs.default_branch);
    free(refs.head);
    free(refs.branch);
    free(refs.tag);
    free(refs.peeled_tag);
  }
  if (e)
    finish(job, e);
  else
    look(job);
}

static void resolve(git_job *job) {
  auto_free char *branch = str_format("refs/heads/%s", job->ref);
  auto_free char *tag = str_format("refs/tags/%s", job->ref), *peeled = str_format("%s^{}", tag);
  bool named = *job->ref;
  run(job, on_resolved,
      (const char *const[]){"ls-remote", "--symref", "--", job->url.plain, "HEAD",
                            named ? branch : NULL, tag, peeled, NULL});
}

/* ---- prepare: the mirror ---- */

static void on_made(git_job *job, const struct spawn_result *result) {
  err *e = spawn_result_err(result);
  if (e)
    finish(job, e);
  else
    resolve(job);
}

static err *prepare_mirror(git_job *job, bool *ret_is_there) {
  /* A cache: rather begun anew than let grow over what one fetch may bring. */
  if (!job->own && mirror_size(job->mirror) > job->limit_bytes / 2) TRY(file_remove_tree(job->mirror));
  auto_free char *head = path_join(job->mirror, "HEAD"), *info = path_join(job->mirror, "info");
  auto_free char *attributes = path_join(info, "attributes");
  *ret_is_there = file_exists(head);
  if (*ret_is_there) return NULL;
  if (job->own) return err_new(ERR_NOT_FOUND, "nothing was pushed to it yet");
  TRY(file_make_dirs(info, 0700));
  return file_write_fast(attributes, GIT_ATTRIBUTES, strlen(GIT_ATTRIBUTES), 0600);
}

static void start(void *arg) {
  git_job *job = arg;
  bool is_there;
  err *e = prepare_mirror(job, &is_there);
  if (e)
    finish(job, e);
  else if (is_there)
    resolve(job);
  else
    run(job, on_made, (const char *const[]){"init", "-q", "--bare", "--template=", NULL});
}

/* ---- jobs ---- */

static void start_waiting_jobs(git *g) {
  LIST_FOREACH(job, &g->jobs, git_job, link) {
    if (job->started || job->cancelled || git_mirror_is_used(g, job->mirror)) continue;
    job->started = true;
    timer_stop(job->deadline);
    job->deadline = NULL;
    loop_defer(g->loop, start, job);
  }
}

static void on_waited_too_long(void *arg) {
  git_job *job = arg;
  finish(job, err_new(ERR_BUSY, "other work on this repository took until the deadline"));
}

static void finish_cancelled(void *arg) {
  finish(arg, err_new(ERR_BUSY, "cancelled"));
}

/* The job's repository and its mirror; ERR_INVALID, ERR_DENIED. */
static err *take_url(const git *g, const struct git_request *request, git_job *job) {
  job->shown = str_dup(request->url);
  if (request->repository) {
    job->own = true;
    job->url = (struct git_url){.plain = str_dup(request->repository), .is_local = true};
    job->mirror = str_dup(request->repository);
    return NULL;
  }
  char name[SHA256_HEX_SIZE];
  TRY(git_url_parse(request->url, &job->url));
  str_replace_owned(&job->shown, job->url.plain);
  if (job->url.is_local && !request->allow_local)
    return err_new(ERR_DENIED, "repositories on the server's own disk are not allowed here");
  git_url_sign_in(&job->url, request->username, request->password);
  if (job->url.is_ssh && !str_empty(request->ssh_key)) TRY(git_env_write_key(g->dir, request->ssh_key, &job->ssh_key));
  git_mirror_name(&job->url, name);
  job->mirror = git_mirror_path(g, name);
  return NULL;
}

err *git_fetch(git *g, const struct git_request *request, git_done_fn *done, void *arg,
               git_job **ret_job) {
  const char *ref = request->ref ? request->ref : "";
  if (*ref && !git_ref_valid(ref))
    return err_new(ERR_INVALID, "git: that is no name of a branch, tag or commit");
  if (!str_empty(request->since) && (strlen(request->since) != 40 || !git_is_commit(request->since)))
    return err_new(ERR_INVALID, "git: the commit to compare with must be one's whole name");
  git_job *job = mem_zalloc(sizeof *job);
  err *e = take_url(g, request, job);
  if (e) {
    job_free(job);
    return err_wrap(e, "git");
  }
  int64_t deadline_ms = request->deadline_ms > 0 ? request->deadline_ms : GIT_DEADLINE_MS;
  job->git = g;
  job->ref = str_dup(ref);
  job->since = str_empty(request->since) ? NULL : str_dup(request->since);
  job->allow_local = request->allow_local || job->own;
  job->ends_at_ms = clock_monotonic_ms() + deadline_ms;
  job->limit_bytes = request->limit_bytes > 0 ? request->limit_bytes : UNPACK_TOTAL_BYTES;
  job->done = done;
  job->arg = arg;
  job->deadline = timer_start(g->loop, deadline_ms, 0, on_waited_too_long, job);
  list_push(&g->jobs, &job->link);
  if (ret_job) *ret_job = job;
  start_waiting_jobs(g);
  return NULL;
}

void git_cancel(git_job *job) {
  if (job->cancelled) return;
  job->cancelled = true; /* where no child runs, the next one is not started */
  if (job->child) spawn_cancel(job->child, CANCEL_GRACE_MS);
  if (job->started) return;
  timer_stop(job->deadline);
  job->deadline = NULL;
  loop_defer(job->git->loop, finish_cancelled, job);
}
