/* Real git on repositories made here, without a network. */
#include "source/git.h"

#include <sys/wait.h>

#include "../unit/source/scratch.h"
#include "loop/timer.h"
#include "source/ignore.h"
#include "tap.h"

/* Runs a program to its end; tests may block. */
static int run(const char *folder, const char *const *argv) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    if (chdir(folder) < 0) _exit(126);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
  }
  int status;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define GIT(folder, ...)                                                                           \
  CHECK_INT(run(folder, (const char *const[]){"git", "-c", "user.name=Ada L", "-c",                \
                                              "user.email=a@b", "-c", "init.defaultBranch=main",   \
                                              __VA_ARGS__, NULL}), 0)

struct fixture {
  char *scratch, *repo;
  loop *loop;
  snapshot_store *store;
  git *git;
};

/* What the last job gave. */
static struct {
  int done;
  err *error;
  char sha[64], branch[64], author[64], message[64], changed[400]; /* the last: "a b", or "?" */
  struct snapshot_info snapshot;
} got;

static void on_done(void *arg, err *e, const struct git_commit *commit) {
  (void)arg;
  got.done++;
  err_free(got.error);
  got.error = e;
  if (!commit) return;
  snprintf(got.sha, sizeof got.sha, "%s", commit->sha);
  snprintf(got.branch, sizeof got.branch, "%s", commit->branch);
  snprintf(got.author, sizeof got.author, "%s", commit->author);
  snprintf(got.message, sizeof got.message, "%s", commit->message);
  auto_free char *changed = commit->changed ? strv_join(commit->changed, " ") : str_dup("?");
  snprintf(got.changed, sizeof got.changed, "%s", changed);
  got.snapshot = commit->snapshot;
}

static void commit_all(const char *repo, const char *message) {
  GIT(repo, "add", "-A");
  GIT(repo, "commit", "-q", "-m", message);
}

static void setup(struct fixture *f) {
  f->scratch = scratch_new();
  f->repo = path_join(f->scratch, "repo");
  scratch_file(f->repo, "README", "one");
  GIT(f->repo, "init", "-q");
  commit_all(f->repo, "first");
  GIT(f->repo, "tag", "-a", "-m", "a tag", "v1");
  scratch_file(f->repo, "README", "two");
  scratch_file(f->repo, "web/index.html", "<html>");
  scratch_file(f->repo, "web/big.bin", "ignored");
  scratch_file(f->repo, ".railwayignore", "*.bin\n");
  scratch_file(f->repo, ".gitattributes", "README export-ignore\nweb/** export-subst\n");
  commit_all(f->repo, "second\n\nand more text");
  GIT(f->repo, "branch", "-q", "release/1");
  scratch_file(f->repo, "README", "three");
  commit_all(f->repo, "third");
  f->loop = loop_new();
  auto_free char *snapshots = path_join(f->scratch, "snapshots"),
                 *dir = path_join(f->scratch, "git");
  CHECK_OK(snapshot_store_new(snapshots, &f->store));
  CHECK_OK(git_new(f->loop, dir, f->store, &f->git));
}

static void teardown(struct fixture *f) {
  git_free(f->git);
  snapshot_store_free(f->store);
  loop_free(f->loop);
  free(f->repo);
  err_free(got.error);
  got.error = NULL;
  scratch_cleanup_(&f->scratch);
}

static void fetch_with(struct fixture *f, const struct git_request *request) {
  got.done = 0;
  CHECK_OK(git_fetch(f->git, request, on_done, NULL, NULL));
  TAP_WAIT_FOR(got.done == 1, 20000, loop_turn(f->loop, 100));
}

static void fetch(struct fixture *f, const char *url, const char *ref) {
  fetch_with(f, &(struct git_request){.url = url, .ref = ref, .allow_local = true});
}

static char *file_of(struct fixture *f, const char *name) {
  auto_free char *path = snapshot_path(f->store, got.snapshot.id);
  return scratch_read(path, name);
}

TEST(default_branch_branch_tag_and_commit) {
  struct fixture f;
  setup(&f);
  fetch(&f, f.repo, NULL);
  CHECK(!got.error);
  CHECK_TEXT(got.branch, "main");
  CHECK_TEXT(got.author, "Ada L");
  CHECK_TEXT(got.message, "third");
  auto_free char *three = file_of(&f, "README"), *ignored = file_of(&f, "web/big.bin");
  CHECK_TEXT(three, "three"); /* export-ignore does not count */
  CHECK_TEXT(ignored, NULL);
  CHECK_INT(got.snapshot.files, 4);

  fetch(&f, f.repo, "release/1");
  CHECK(!got.error);
  CHECK_TEXT(got.branch, "release/1");
  CHECK_TEXT(got.message, "second");
  char second[64];
  memcpy(second, got.sha, sizeof second);

  fetch(&f, f.repo, "v1");
  CHECK(!got.error);
  CHECK_TEXT(got.message, "first");
  CHECK_INT(strlen(got.sha), 40);

  fetch(&f, f.repo, second);
  CHECK(!got.error);
  CHECK_TEXT(got.sha, second);
  CHECK_TEXT(got.branch, "");
  CHECK(!got.snapshot.is_new);
  teardown(&f);
}

TEST(an_abbreviated_commit_and_one_that_is_not_a_tip) {
  struct fixture f;
  setup(&f);
  fetch(&f, f.repo, "v1");
  char first[64];
  memcpy(first, got.sha, sizeof first);
  auto_free char *url = str_format("file://%s", f.repo);
  auto_free char *abbreviated = str_ndup(first, 8);
  fetch(&f, url, abbreviated);
  CHECK(!got.error);
  CHECK_TEXT(got.sha, first);
  fetch(&f, url, "0123456789012345678901234567890123456789");
  CHECK_ERR(got.error, ERR_NOT_FOUND, "no commit '0123456789012345678901234567890123456789'");
  got.error = NULL;
  teardown(&f);
}

TEST(a_new_commit_is_seen) {
  struct fixture f;
  setup(&f);
  fetch(&f, f.repo, "main");
  scratch_file(f.repo, "README", "four");
  commit_all(f.repo, "fourth");
  fetch(&f, f.repo, "main");
  CHECK(!got.error);
  CHECK_TEXT(got.message, "fourth");
  auto_free char *text = file_of(&f, "README");
  CHECK_TEXT(text, "four");
  teardown(&f);
}

TEST(what_changed_since_another_commit_is_told) {
  struct fixture f;
  char first[64], third[64];
  setup(&f);
  auto_free char *url = str_format("file://%s", f.repo); /* as over a network: nothing is there yet */
  fetch(&f, url, "v1");
  CHECK_TEXT(got.changed, "?");
  memcpy(first, got.sha, sizeof first);
  fetch_with(&f, &(struct git_request){.url = url, .ref = "main", .since = first, .allow_local = true});
  CHECK(!got.error);
  memcpy(third, got.sha, sizeof third);
  CHECK_TEXT(got.changed, ".gitattributes .railwayignore README web/big.bin web/index.html");
  fetch_with(&f, &(struct git_request){.url = url, .ref = third, .since = third, .allow_local = true});
  CHECK_TEXT(got.changed, "");
  fetch_with(&f, &(struct git_request){.url = url, .ref = first, .since = third, .allow_local = true});
  CHECK_TEXT(got.changed, ".gitattributes .railwayignore README web/big.bin web/index.html");
  fetch_with(&f, &(struct git_request){.url = url, .ref = "main", .allow_local = true,
                                       .since = "0123456789012345678901234567890123456789"});
  CHECK(!got.error); /* a force push took it away: what changed is not known, and the rest is as ever */
  CHECK_TEXT(got.changed, "?");
  struct git_request bad = {.url = url, .ref = "main", .since = "main", .allow_local = true};
  CHECK_ERR(git_fetch(f.git, &bad, on_done, NULL, NULL), ERR_INVALID, "the commit to compare with");
  teardown(&f);
}

TEST(what_is_wrong_is_said) {
  struct fixture f;
  setup(&f);
  git_job *job;
  auto_free char *none = path_join(f.scratch, "none"), *empty = path_join(f.scratch, "empty");
  CHECK_ERR(git_fetch(f.git, &(struct git_request){.url = f.repo}, on_done, NULL, &job), ERR_DENIED,
            "not allowed here");
  CHECK_ERR(git_fetch(f.git, &(struct git_request){.url = "https://h/a", .ref = "--x"}, on_done,
                      NULL, &job),
            ERR_INVALID, "no name of a branch");
  fetch(&f, f.repo, "nope");
  CHECK_ERR(got.error, ERR_NOT_FOUND, "no branch or tag 'nope'; the default branch is 'main'");
  got.error = NULL;
  fetch(&f, none, NULL);
  CHECK_ERR(got.error, ERR_IO, "does not appear to be a git repository");
  got.error = NULL;
  GIT(f.scratch, "init", "-q", "empty");
  fetch(&f, empty, NULL);
  CHECK_ERR(got.error, ERR_NOT_FOUND, "no default branch yet");
  got.error = NULL;
  fetch(&f, "https://user:hunter2@127.0.0.1:1/a", NULL);
  CHECK(got.error && !strstr(err_message(got.error), "hunter2"));
  CHECK_HAS(err_message(got.error), "git: 'https://127.0.0.1:1/a'");
  teardown(&f);
}

TEST(a_link_to_outside_is_refused) {
  struct fixture f;
  setup(&f);
  scratch_link(f.repo, "passwd", "/etc/passwd");
  commit_all(f.repo, "evil");
  fetch(&f, f.repo, NULL);
  CHECK_ERR(got.error, ERR_INVALID, "entry 'passwd' is a link to '/etc/passwd'");
  got.error = NULL;
  teardown(&f);
}

TEST(limits_and_deadline) {
  struct fixture f;
  setup(&f);
  auto_free char *noise = mem_zalloc(3 << 20);
  secret_random(noise, (3 << 20) - 1);
  for (int i = 0; i < (3 << 20) - 1; i++)
    if (!noise[i]) noise[i] = 'x';
  scratch_file(f.repo, "noise", noise);
  commit_all(f.repo, "large");
  fetch_with(&f, &(struct git_request){.url = f.repo, .allow_local = true, .limit_bytes = 1 << 20});
  CHECK_ERR(got.error, ERR_LIMIT, "larger than 1 MiB");
  got.error = NULL;
  fetch_with(&f, &(struct git_request){.url = f.repo, .allow_local = true, .deadline_ms = 1});
  CHECK_ERR(got.error, ERR_BUSY, "deadline");
  got.error = NULL;
  teardown(&f);
}

TEST(jobs_on_one_repository_take_turns_and_can_be_cancelled) {
  struct fixture f;
  setup(&f);
  struct git_request request = {.url = f.repo, .allow_local = true};
  git_job *jobs[4];
  got.done = 0;
  for (int i = 0; i < 4; i++) CHECK_OK(git_fetch(f.git, &request, on_done, NULL, &jobs[i]));
  git_cancel(jobs[3]); /* waits */
  git_cancel(jobs[0]); /* is about to start */
  TAP_WAIT_FOR(got.done == 2, 20000, loop_turn(f.loop, 100));
  CHECK_ERR(got.error, ERR_BUSY, "cancelled");
  got.error = NULL;
  TAP_WAIT_FOR(got.done == 4, 20000, loop_turn(f.loop, 100));
  CHECK(!got.error);
  CHECK_TEXT(got.message, "third");
  teardown(&f);
}

/* Our matcher against git's own over generated trees and rules.  Not among them: "a**", which git
 * takes for "a" and a special "**" when it stands in a path, against its own manual. */
static const char *const pieces[] = {"a",  "b",    "ab",   "*",   "**",  "a*",
                                     "*b", "?",    "[ab]", "[!a]", "a?b", "\\a"};
static const char *const names[] = {"a", "b", "ab", "aab", "axb", "c"};

static unsigned next_random(unsigned *state) {
  return *state = *state * 1664525u + 1013904223u, *state >> 16;
}

static void random_rules(unsigned *state, struct str *out) {
  for (unsigned lines = 1 + next_random(state) % 4; lines > 0; lines--) {
    if (next_random(state) % 4 == 0) str_add_char(out, '!');
    if (next_random(state) % 4 == 0) str_add_char(out, '/');
    for (unsigned parts = 1 + next_random(state) % 3; parts > 0; parts--)
      str_addf(out, "%s%s", pieces[next_random(state) % ARRAY_LEN(pieces)], parts > 1 ? "/" : "");
    if (next_random(state) % 4 == 0) str_add_char(out, '/');
    str_add_char(out, '\n');
  }
}

TEST(a_mirror_goes_when_nothing_uses_it) {
  struct fixture f;
  char name[SHA256_HEX_SIZE];
  auto_strv all = STRV_EMPTY, left = STRV_EMPTY;
  setup(&f);
  fetch(&f, f.repo, "main");
  CHECK_OK(got.error);
  CHECK_OK(git_mirror_list(f.git, &all));
  CHECK(!git_mirror_of("ext::sh", name));
  CHECK(git_mirror_of(f.repo, name));
  CHECK_INT(all.len, 1);
  CHECK_TEXT(all.items[0], name);
  got.done = 0;
  struct git_request request = {.url = f.repo, .ref = "main", .allow_local = true};
  CHECK_OK(git_fetch(f.git, &request, on_done, NULL, NULL));
  CHECK_ERR(git_mirror_put_aside(f.git, name), ERR_BUSY, "a fetch is using");
  TAP_WAIT_FOR(got.done == 1, 20000, loop_turn(f.loop, 100));
  CHECK_OK(git_mirror_put_aside(f.git, name));
  CHECK_OK(git_mirror_put_aside(f.git, name)); /* nothing there is success */
  CHECK_OK(git_mirror_list(f.git, &left));
  CHECK_INT(left.len, 0);
  fetch(&f, f.repo, "main"); /* a new one, while the old is still there */
  CHECK_OK(got.error);
  CHECK_OK(git_mirror_clear_aside(f.git));
  fetch(&f, f.repo, "main");
  CHECK_OK(got.error);
  teardown(&f);
}

TEST(ignore_rules_agree_with_git) {
  auto_scratch *scratch = scratch_new();
  auto_free char *repo = path_join(scratch, "r"), *list = path_join(scratch, "list");
  auto_str paths = STR_EMPTY;
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    for (size_t j = 0; j < ARRAY_LEN(names); j++) {
      if (i % 2) {
        auto_free char *flat = str_format("%s/%s", names[i], names[j]);
        scratch_file(repo, flat, "");
        str_addf(&paths, "%s\n", flat);
      } else {
        auto_free char *deep = str_format("%s/%s/%s", names[i], names[j], names[(i + j) % 6]);
        scratch_file(repo, deep, "");
        str_addf(&paths, "%s\n", deep);
      }
    }
  scratch_file(scratch, "list", str_text(&paths));
  GIT(repo, "init", "-q");
  unsigned state = 12345;
  for (int round = 0; round < 150; round++) {
    auto_str top = STR_EMPTY, inner = STR_EMPTY;
    random_rules(&state, &top);
    random_rules(&state, &inner);
    scratch_file(repo, ".gitignore", str_text(&top));
    scratch_file(repo, "a/.gitignore", str_text(&inner));
    auto_ignore *rules = ignore_new();
    CHECK_OK(ignore_add(rules, "", IGNORE_RANK_GIT, str_text(&top), top.len));
    CHECK_OK(ignore_add(rules, "a", IGNORE_RANK_GIT, str_text(&inner), inner.len));
    auto_free char *out = path_join(scratch, "out");
    auto_free char *command = str_format("git check-ignore --stdin <'%s' >'%s'", list, out);
    run(repo, (const char *const[]){"sh", "-c", command, NULL}); /* 1 when nothing is ignored */
    auto_free char *ignored = scratch_read(scratch, "out");
    auto_free char *lines = str_format("\n%s", ignored);
    auto_strv all = STRV_EMPTY;
    strv_split(&all, str_text(&paths), '\n');
    for (size_t i = 0; i + 1 < all.len; i++) {
      auto_free char *line = str_format("\n%s\n", all.items[i]);
      bool by_git = strstr(lines, line);
      if (ignore_path(rules, all.items[i], false) != by_git)
        TAP_FAIL("'%s' is %signored by git with\n%s\nand in a/\n%s", all.items[i],
                 by_git ? "" : "not ", str_text(&top), str_text(&inner));
    }
  }
}

TEST_MAIN
