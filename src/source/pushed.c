#include "source/pushed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/git_env.h"
#include "source/git_url.h"

enum {
  TAKING_MAX = 8, /* pushes at a time: each is a git that unpacks */
  ADVERTISE_MS = 30000,
  ADVERTISE_BYTES = 8 * 1024 * 1024,
  PACKED_REFS_BYTES = 64 * 1024 * 1024,
  SMALL_FILE_BYTES = 4096,
};

struct pushed_repos {
  loop *loop;
  char *dir;
  int taking;
};

struct taking {
  pushed_repos *repos;
  spawn_output_fn *on_output;
  spawn_done_fn *done;
  void *arg;
};

static const char repo_config[] = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/* Every object is checked; what old tools of well-known repositories wrote badly is let through, as GitHub
 * and GitLab do.  Many small packs are put together now and then. */
static const struct {
  const char *key, *value;
} receive_settings[] = {
    {"receive.fsckObjects", "true"},
    {"receive.fsck.zeroPaddedFilemode", "ignore"},
    {"receive.fsck.missingSpaceBeforeDate", "ignore"},
    {"receive.fsck.badTimezone", "ignore"},
    {"receive.advertisePushOptions", "false"},
    {"transfer.hideRefs", "refs"},
    {"transfer.hideRefs", "!refs/heads"},
    {"transfer.hideRefs", "!refs/tags"},
    {"core.bigFileThreshold", "16m"}, /* larger ones are not held in memory */
    {"pack.threads", "1"},
    {"maintenance.auto", "true"},
    {"gc.auto", "4000"},
    {"gc.autoPackLimit", "50"},
    {"gc.autoDetach", "false"},
};

err *pushed_repos_new(loop *l, const char *dir, pushed_repos **ret_repos) {
  auto_free char *folder = path_join(dir, "pushed");
  TRY(err_wrap(file_make_dirs(folder, 0700), "git"));
  pushed_repos *p = mem_zalloc(sizeof *p);
  p->loop = l;
  p->dir = str_dup(dir);
  *ret_repos = p;
  return NULL;
}

void pushed_repos_free(pushed_repos *p) {
  if (!p) return;
  free(p->dir);
  free(p);
}

bool pushed_repos_is_quiet(const pushed_repos *p) {
  return p->taking == 0;
}

char *pushed_repo_path(const pushed_repos *p, const char *id) {
  return str_format("%s/pushed/%s.git", p->dir, id);
}

bool pushed_repo_exists(const pushed_repos *p, const char *id) {
  auto_free char *path = pushed_repo_path(p, id), *head = path_join(path, "HEAD");
  return file_exists(head);
}

err *pushed_repo_remove(const pushed_repos *p, const char *id) {
  auto_free char *path = pushed_repo_path(p, id);
  return file_remove_tree(path);
}

/* ---- making one ---- */

static err *write_into(const char *repo, const char *name, const char *text) {
  auto_free char *path = path_join(repo, name);
  return file_write(path, text, strlen(text), 0600);
}

/* What `git init --bare` makes (gitrepository-layout(5)); HEAD comes last, for it makes a repository. */
static err *make_repo(const pushed_repos *p, const char *id) {
  static const char *const folders[] = {"objects/info", "objects/pack", "refs/heads", "refs/tags", "info"};
  auto_free char *path = pushed_repo_path(p, id);
  if (pushed_repo_exists(p, id)) return NULL;
  for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
    auto_free char *folder = path_join(path, folders[i]);
    TRY(file_make_dirs(folder, 0700));
  }
  TRY(write_into(path, "config", repo_config));
  TRY(write_into(path, "info/attributes", GIT_ATTRIBUTES));
  return write_into(path, "HEAD", "ref: refs/heads/main\n");
}

/* ---- git ---- */

static void add_settings(struct strv *env, int64_t limit_bytes) {
  size_t count = ARRAY_LEN(receive_settings);
  for (size_t i = 0; i < count; i++) {
    strv_addf(env, "GIT_CONFIG_KEY_%zu=%s", i, receive_settings[i].key);
    strv_addf(env, "GIT_CONFIG_VALUE_%zu=%s", i, receive_settings[i].value);
  }
  strv_addf(env, "GIT_CONFIG_KEY_%zu=receive.maxInputSize", count);
  strv_addf(env, "GIT_CONFIG_VALUE_%zu=%lld", count, (long long)limit_bytes); /* 0: none */
  strv_addf(env, "GIT_CONFIG_COUNT=%zu", count + 1);
}

static err *start_git(pushed_repos *p, const char *const *argv, struct spawn_options options, int64_t limit_bytes,
                      spawn_done_fn *done, void *arg, spawn **ret_child) {
  auto_strv env = STRV_EMPTY;
  git_env_add(&env, p->dir, NULL, NULL, false);
  add_settings(&env, limit_bytes);
  options.argv = argv;
  options.env = (const char *const *)env.items;
  return spawn_start(p->loop, &options, done, arg, ret_child);
}

err *pushed_advertise(pushed_repos *p, const char *id, spawn_done_fn *done, void *arg, spawn **ret_child) {
  auto_free char *path = pushed_repo_path(p, id);
  TRY(err_wrap(make_repo(p, id), "git"));
  const char *argv[] = {"git", "receive-pack", "--stateless-rpc", "--advertise-refs", path, NULL};
  struct spawn_options options = {.deadline_ms = ADVERTISE_MS, .collect_limit = ADVERTISE_BYTES};
  return start_git(p, argv, options, 0, done, arg, ret_child);
}

static void take_output(void *arg, int fd, const char *data, size_t len) {
  struct taking *t = arg;
  t->on_output(t->arg, fd, data, len);
}

static void on_taken(void *arg, const struct spawn_result *result) {
  struct taking *t = arg;
  t->done(t->arg, result);
  t->repos->taking--;
  free(t);
}

err *pushed_receive(pushed_repos *p, const char *id, const struct pushed_body *body, spawn_output_fn *on_output,
                    spawn_done_fn *done, void *arg, spawn **ret_child) {
  if (p->taking >= TAKING_MAX)
    return err_new(ERR_BUSY, "%d pushes are being taken already: push again in a moment", p->taking);
  auto_free char *path = pushed_repo_path(p, id);
  TRY(err_wrap(make_repo(p, id), "git"));
  struct taking *t = mem_zalloc(sizeof *t);
  *t = (struct taking){p, on_output, done, arg};
  const char *argv[] = {"git", "receive-pack", "--stateless-rpc", path, NULL};
  struct spawn_options options = {.input_fd = body->fd, .deadline_ms = body->deadline_ms, .on_output = take_output};
  err *e = start_git(p, argv, options, body->limit_bytes, on_taken, t, ret_child);
  if (e)
    free(t);
  else
    p->taking++;
  return e;
}

/* ---- what has come of it ---- */

static err *read_small(const char *repo, const char *name, size_t limit, struct str *ret_text) {
  auto_free char *path = path_join(repo, name);
  err *e = file_read(path, limit, ret_text);
  if (e && err_code_of(e) == ERR_NOT_FOUND) { /* no such ref; none is packed */
    err_ignore(e);
    e = NULL;
  }
  return e;
}

/* Whether the ref is there and (unless `sha` is NULL) stands at it. */
static err *ref_is_at(const char *repo, const char *ref, const char *sha, bool *ret_is) {
  auto_str loose = STR_EMPTY, packed = STR_EMPTY;
  TRY(read_small(repo, ref, SMALL_FILE_BYTES, &loose));
  if (loose.len) {
    *ret_is = !sha || str_starts(str_text(&loose), sha);
    return NULL;
  }
  TRY(read_small(repo, "packed-refs", PACKED_REFS_BYTES, &packed));
  auto_free char *line = str_format("%s %s\n", sha ? sha : "", ref);
  *ret_is = strstr(str_text(&packed), line) != NULL;
  return NULL;
}

static err *default_branch(const char *repo, const struct ref_updates *updates, char **ret_name) {
  static const char prefix[] = "ref: refs/heads/";
  auto_str text = STR_EMPTY;
  bool is_there = false;
  TRY(read_small(repo, "HEAD", SMALL_FILE_BYTES, &text));
  if (!str_starts(str_text(&text), prefix)) return err_new(ERR_CORRUPT, "'%s/HEAD' names no branch", repo);
  auto_free char *name = str_ndup(text.data + strlen(prefix), strcspn(text.data + strlen(prefix), "\n"));
  auto_free char *ref = str_format("refs/heads/%s", name);
  TRY(ref_is_at(repo, ref, NULL, &is_there));
  for (size_t i = 0; i < updates->len && !is_there; i++) {
    const char *branch = ref_update_branch(&updates->items[i]);
    if (!branch) continue;
    auto_free char *head = str_format("ref: %s\n", updates->items[i].ref);
    TRY(write_into(repo, "HEAD", head));
    str_replace_owned(&name, branch);
    is_there = true;
  }
  if (is_there) *ret_name = str_dup(name);
  return NULL;
}

err *pushed_settle(const pushed_repos *p, const char *id, struct ref_updates *updates, char **ret_default) {
  auto_free char *repo = pushed_repo_path(p, id);
  size_t kept = 0;
  *ret_default = NULL;
  for (size_t i = 0; i < updates->len; i++) {
    struct ref_update *u = &updates->items[i];
    const char *branch = ref_update_branch(u);
    bool happened = !branch; /* of tags and deletions nothing follows */
    if (branch && git_ref_valid(branch)) TRY(ref_is_at(repo, u->ref, u->after, &happened));
    if (happened) {
      struct ref_update kept_one = *u;
      *u = updates->items[kept];
      updates->items[kept++] = kept_one;
    }
  }
  while (updates->len > kept) free(updates->items[--updates->len].ref);
  return default_branch(repo, updates, ret_default);
}
