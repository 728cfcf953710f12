/* Real restic: on a folder, and at an S3 endpoint (s3_stub.py). */
#include "backup/restic_internal.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tap.h"

enum { DEADLINE_MS = 90000 };

static struct {
  char folder[64];
  char *backups, *data, *out, *cache, *exec;
  loop *loop;
  restic *restic;
} t;

static struct {
  int done;
  err *error;
  json_t *answer;
} got;

static void on_done(void *arg, err *e, const struct restic_result *result) {
  (void)arg;
  err_free(got.error);
  json_decref(got.answer);
  got.error = e;
  got.answer = result ? json_incref((json_t *)result->answer) : NULL;
  got.done++;
}

static struct restic_job_options job(const char *repository) {
  return (struct restic_job_options){.repository = repository, .deadline_ms = DEADLINE_MS, .done = on_done};
}

#define RUN(call)                                                                                  \
  do {                                                                                             \
    int before_ = got.done;                                                                        \
    CHECK_OK(call);                                                                                \
    TAP_WAIT_FOR(got.done > before_, DEADLINE_MS, loop_turn(t.loop, 20));                          \
  } while (0)
#define RUN_OK(call)                                                                               \
  do {                                                                                             \
    RUN(call);                                                                                     \
    if (got.error) TAP_FAIL("%s: %s", #call, err_message(got.error));                              \
  } while (0)
#define RUN_ERR(call, code, part)                                                                  \
  do {                                                                                             \
    RUN(call);                                                                                     \
    if (!got.error) TAP_FAIL("%s succeeded", #call);                                               \
    CHECK_HAS(err_message(got.error), part);                                                       \
    CHECK_TEXT(err_code_name(err_code_of(got.error)), err_code_name(code));                        \
  } while (0)

static struct restic_place place_of(const char *location) {
  return (struct restic_place){.location = location, .password = "hush", .access_key_id = "KEY", .cache_dir = t.cache,
                               .secret_access_key = "whisper"};
}

static void begin(const char *location) {
  signal(SIGPIPE, SIG_IGN); /* as in tramd */
  snprintf(t.folder, sizeof t.folder, "/var/tmp/tramway-restic-XXXXXX");
  CHECK(mkdtemp(t.folder));
  t.backups = path_join(t.folder, "backups");
  t.data = path_join(t.folder, "data");
  t.out = path_join(t.folder, "out");
  t.cache = path_join(t.folder, "cache");
  t.exec = realpath("build/tramway-exec", NULL);
  CHECK_OK(file_make_dirs(t.data, 0700));
  CHECK_OK(file_make_dirs(t.out, 0700));
  t.loop = loop_new();
  struct restic_config config = {.place = place_of(location ? location : t.backups), .exec_program = t.exec,
                                 .data_dir = t.data};
  CHECK_OK(restic_new(t.loop, &config, &t.restic));
}

static void finish(void) {
  restic_stop(t.restic);
  TAP_WAIT_FOR(restic_is_quiet(t.restic), DEADLINE_MS, loop_turn(t.loop, 20));
  restic_free(t.restic);
  loop_free(t.loop);
  CHECK_OK(file_remove_tree(t.folder));
  err_free(got.error);
  json_decref(got.answer);
  got.error = NULL, got.answer = NULL;
  free(t.backups), free(t.data), free(t.out), free(t.cache), free(t.exec);
}

static void put(const char *folder, const char *name, const char *text) {
  auto_free char *path = path_join(folder, name);
  CHECK_OK(file_write_fast(path, text, strlen(text), 0640));
}

static char *content(const char *folder, const char *name) {
  auto_free char *path = path_join(folder, name);
  auto_str text = STR_EMPTY;
  CHECK_OK(file_read(path, 1 << 20, &text));
  return str_take(&text);
}

static char *back_up(const char *tag) {
  struct restic_job_options o = job("vol");
  struct restic_backup b = {.from = {.folder = t.data}, .words = {.tag = tag}};
  RUN_OK(restic_backup(t.restic, &o, &b, NULL));
  return str_dup(json_get_text(got.answer, "snapshot_id"));
}

static char *tree_of(const char *id) {
  struct restic_job_options o = job("vol");
  RUN_OK(restic_describe(t.restic, &o, id, NULL));
  return str_dup(json_get_text(json_array_get(got.answer, 0), "tree"));
}

static err *restore(const char *id) {
  struct restic_job_options o = job("vol");
  struct restic_files to = {.folder = t.out};
  return restic_restore(t.restic, &o, id, &to, NULL, NULL);
}

/* A pack with contents, of which a part is made another. */
static void damage(void) {
  auto_free char *data = path_join(t.backups, "vol/data");
  const char *const argv[] = {"find", data, "-type", "f", "-size", "+1k", NULL};
  int ends[2];
  char path[PATH_MAX] = "";
  CHECK_INT(pipe(ends), 0);
  pid_t child = fork();
  if (!child) {
    dup2(ends[1], 1);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
  }
  close(ends[1]);
  ssize_t len = read(ends[0], path, sizeof path - 1);
  close(ends[0]);
  waitpid(child, NULL, 0);
  CHECK(len > 0);
  path[strcspn(path, "\n")] = '\0';
  CHECK_INT(chmod(path, 0600), 0);
  FILE *f = fopen(path, "r+");
  CHECK(f && fseek(f, 100, SEEK_SET) == 0 && fwrite("damaged", 1, 7, f) == 7);
  fclose(f);
}

/* Not what a lock is called while it is being written: a restic that is killed then leaves that, which is none. */
static bool is_lock(const char *name) {
  return strlen(name) == 64;
}

static bool has_lock(const char *folder) {
  DIR *dir = opendir(folder);
  int count = 0;
  for (struct dirent *entry; dir && (entry = readdir(dir));) count += is_lock(entry->d_name);
  if (dir) closedir(dir);
  return count > 0;
}

static void fill(const char *name) {
  auto_str text = STR_EMPTY;
  for (int i = 0; i < 4000; i++) str_addf(&text, "%d ", i * 7919);
  put(t.data, name, text.data);
}

/* ---- tests ---- */

TEST(a_folder_comes_back_as_it_was_and_what_is_the_same_has_the_same_checksum) {
  begin(NULL);
  put(t.data, "a", "one");
  auto_free char *first = back_up("x");
  put(t.data, "a", "two");
  auto_free char *second = back_up("x"), *again = back_up("x");
  RUN_OK(restore(first));
  auto_free char *back = content(t.out, "a");
  CHECK_TEXT(back, "one");
  auto_free char *a = tree_of(first), *b = tree_of(second), *c = tree_of(again);
  CHECK(!str_eq(a, b));
  CHECK_TEXT(b, c);
  struct restic_job_options o = job("vol");
  const char *gone[] = {first, NULL};
  RUN_OK(restic_forget(t.restic, &o, gone, true, NULL));
  RUN_OK(restic_forget(t.restic, &o, gone, true, NULL));
  RUN_ERR(restore(first), ERR_NOT_FOUND, "no such snapshot");
  RUN_OK(restic_stats(t.restic, &o, NULL));
  CHECK(json_get_int(got.answer, "total_size", 0) > 0);
  RUN_OK(restic_remove(t.restic, &o, NULL));
  RUN_ERR(restore(second), ERR_NOT_FOUND, "no such repository");
  finish();
}

TEST(damage_is_found_and_named) {
  begin(NULL);
  fill("ledger");
  auto_free char *id = back_up(NULL);
  damage();
  RUN_ERR(restore(id), ERR_CORRUPT, "ledger");
  finish();
}

TEST(of_nothing_there_is_no_snapshot) {
  begin(NULL);
  struct restic_job_options o = job("vol");
  struct restic_backup b = {.from = {.folder = t.data}};
  RUN_ERR(restic_backup(t.restic, &o, &b, NULL), ERR_CONFLICT, RESTIC_NOTHING);
  put(t.data, "a", "one");
  auto_free char *id = back_up(NULL);
  RUN_OK(restore(id));
  finish();
}

TEST(another_password_and_a_name_that_is_none) {
  begin(NULL);
  put(t.data, "a", "one");
  auto_free char *id = back_up(NULL);
  struct restic_place place = place_of(t.backups);
  place.password = "other";
  restic_set_place(t.restic, &place);
  RUN_ERR(restore(id), ERR_DENIED, "another backup password");
  struct restic_job_options o = job("../vol");
  CHECK_ERR(restic_stats(t.restic, &o, NULL), ERR_INVALID, "no name");
  finish();
}

/* A restic of this repository that waits for its input, which never comes. */
static pid_t start_waiting(void) {
  auto_strv env = STRV_EMPTY;
  int ends[2];
  struct restic_place place = place_of(t.backups);
  restic_env(&place, "vol", &env);
  CHECK_INT(pipe(ends), 0);
  pid_t child = fork();
  if (!child) {
    dup2(ends[0], 0);
    for (size_t i = 0; i < env.len; i++) putenv(env.items[i]);
    execlp("restic", "restic", "backup", "--stdin", "--quiet", NULL);
    _exit(127);
  }
  close(ends[0]);
  close(ends[1]); /* the child keeps both ends */
  return child;
}

TEST(a_lock_that_a_killed_restic_left_is_taken_away) {
  begin(NULL);
  put(t.data, "a", "one");
  auto_free char *id = back_up(NULL), *locks = path_join(t.backups, "vol/locks");
  struct restic_job_options o = job("vol");
  pid_t waiting = start_waiting();
  TAP_WAIT_FOR(has_lock(locks), DEADLINE_MS, usleep(20000));
  CHECK_INT(kill(waiting, SIGKILL), 0);
  CHECK(waitpid(waiting, NULL, 0) == waiting && has_lock(locks));
  const char *none[] = {NULL};
  RUN_OK(restic_forget(t.restic, &o, none, true, NULL)); /* takes the repository for itself */
  CHECK(!has_lock(locks));
  RUN_OK(restore(id));
  finish();
}

TEST(an_s3_endpoint) {
  char port_file[] = "/var/tmp/tramway-s3-XXXXXX";
  CHECK(mkdtemp(port_file));
  auto_free char *file = path_join(port_file, "port");
  pid_t stub = fork();
  if (!stub) {
    execlp("python3", "python3", "tests/integration/s3_stub.py", file, "KEY", NULL);
    _exit(127);
  }
  TAP_WAIT_FOR(file_exists(file), DEADLINE_MS, usleep(20000));
  auto_free char *port = content(port_file, "port"), *location = str_format("s3:http://127.0.0.1:%s/bucket/tramway", port);
  begin(location);
  fill("ledger");
  auto_free char *id = back_up(NULL);
  RUN_OK(restore(id));
  auto_free char *back = content(t.out, "ledger"), *was = content(t.data, "ledger");
  CHECK_TEXT(back, was);
  struct restic_job_options o = job("vol");
  struct restic_place place = place_of(location);
  place.access_key_id = "STRANGER";
  restic_set_place(t.restic, &place);
  RUN_ERR(restic_stats(t.restic, &o, NULL), ERR_DENIED, "refuses the credentials");
  place.access_key_id = "KEY";
  restic_set_place(t.restic, &place);
  RUN_OK(restic_remove(t.restic, &o, NULL));
  RUN_OK(restic_stats(t.restic, &o, NULL));
  CHECK_INT(json_get_int(got.answer, "total_size", -1), 0);
  kill(stub, SIGTERM);
  waitpid(stub, NULL, 0);
  CHECK_OK(file_remove_tree(port_file));
  finish();
}

/* A hole costs whoever makes it nothing, and is read like data: a day for each 40 TB. */
TEST(files_that_tell_more_than_there_can_be_are_refused_soon) {
  begin(NULL);
  put(t.data, "small", "x");
  auto_free char *path = path_join(t.data, "sparse");
  put(t.data, "sparse", "");
  CHECK(truncate(path, 1LL << 40) == 0);
  struct restic_job_options o = job("vol");
  struct restic_backup b = {.from = {.folder = t.data}, .bytes_max = 1 << 20};
  RUN_ERR(restic_backup(t.restic, &o, &b, NULL), ERR_LIMIT, "larger than 1 MB");
  CHECK(truncate(path, 1 << 19) == 0);
  RUN_OK(restic_backup(t.restic, &o, &b, NULL));
  finish();
}

static size_t running(void) {
  size_t count = 0;
  LIST_FOREACH(j, &t.restic->jobs, restic_job, link) count += j->running;
  return count;
}

/* What is read while a service writes to it can be kept from being read (a pipe in a file's place): not so that nobody
 * else's has a turn. */
TEST(those_that_yield_leave_others_a_turn) {
  begin(NULL);
  free(t.restic->exec_program);
  t.restic->exec_program = path_join(t.folder, "never");
  CHECK_OK(file_write_fast(t.restic->exec_program, "#!/bin/sh\nexec sleep 60\n", 23, 0755));
  static const char *const logs[] = {"a", "b", "c", "d"};
  for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
    struct restic_job_options o = job(logs[i]);
    o.yields = true;
    CHECK_OK(restic_stats(t.restic, &o, NULL));
  }
  TAP_WAIT_FOR(running() == RESTIC_JOBS_MAX - 1, DEADLINE_MS, loop_turn(t.loop, 20));
  struct restic_job_options o = job("other");
  CHECK_OK(restic_stats(t.restic, &o, NULL));
  TAP_WAIT_FOR(running() == RESTIC_JOBS_MAX, DEADLINE_MS, loop_turn(t.loop, 20));
  finish();
}

TEST_MAIN
