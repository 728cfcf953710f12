/* Logs that are bounded while they are written: the newest lines stay, whole and once. */
#include "observe/log_keep.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../source/scratch.h"
#include "base/usage.h"
#include "observe/log_line.h"
#include "observe/log_store.h"
#include "tap.h"

#define START INT64_C(1795216671000000000)
enum { MiB = 1 << 20, LINES = 60000 };

struct fixture {
  char *scratch, *logs, *path;
  loop *loop;
  log_store *store;
  int written;
  int first, count; /* of what was read: "line N" in order */
  log_follower *follower;
};

static void setup(struct fixture *f) {
  *f = (struct fixture){.scratch = scratch_new(), .loop = loop_new()};
  f->logs = path_join(f->scratch, "logs");
  CHECK_OK(log_store_new(f->loop, f->logs, &f->store));
  CHECK_OK(log_store_instance_path(f->store, "dep", "one", &f->path));
}

static void teardown(struct fixture *f) {
  log_follower_stop(f->follower);
  log_store_free(f->store);
  loop_free(f->loop);
  free(f->logs);
  free(f->path);
  scratch_cleanup_(&f->scratch);
}

/* As conmon does: whole lines appended through a descriptor that stays open. */
static void write_lines(struct fixture *f, int count) {
  auto_fd fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  auto_str text = STR_EMPTY;
  for (int i = 0; i < count; i++) {
    auto_free char *line = str_format("line %d of an app that has much to say about nothing", ++f->written);
    log_line_add(&text, START + f->written, false, line, strlen(line));
  }
  CHECK(fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len);
}

/* Each line is the one after the last: none is lost, torn or doubled. */
static void take(void *arg, const struct log_entry *entry) {
  struct fixture *f = arg;
  int number = atoi(entry->message + strlen("line "));
  if (!f->count++) f->first = number;
  if (number != f->first + f->count - 1) abort();
}

static void query(struct fixture *f, struct log_query q) {
  q.deployment_id = "dep";
  q.kind = LOG_DEPLOY;
  f->first = f->count = 0;
  CHECK_OK(log_store_query(f->store, &q, take, f));
}

static int64_t disk_of(const char *path) {
  return usage_of_tree(path);
}

static int64_t size_of(const char *path) {
  struct stat info;
  CHECK_INT(stat(path, &info), 0);
  return info.st_size;
}

TEST(the_oldest_lines_go_and_the_rest_is_whole) {
  struct fixture f;
  int64_t freed = 0;
  setup(&f);
  write_lines(&f, LINES);
  int64_t size = size_of(f.path);
  CHECK_OK(log_keep_trim(f.logs, "dep", 2 * MiB, &freed));
  CHECK(freed > size - 2 * MiB);
  CHECK(disk_of(f.path) <= 2 * MiB);
  CHECK_INT(size_of(f.path), size); /* conmon's offset stays true */
  query(&f, (struct log_query){.limit = 5000});
  CHECK_INT(f.first + f.count - 1, LINES);
  CHECK_INT(f.count, 5000);
  query(&f, (struct log_query){.limit = 5000, .before_ns = START + LINES - 14000});
  int kept_from = f.first;
  CHECK(f.count > 0 && f.count < 5000); /* what is left of that time, and not a torn line */
  write_lines(&f, 10);
  query(&f, (struct log_query){.limit = 10, .after_ns = START + LINES});
  CHECK_INT(f.first, LINES + 1);
  CHECK_INT(f.count, 10);
  query(&f, (struct log_query){.limit = 100, .before_ns = START + kept_from + 1});
  CHECK_INT(f.first, kept_from);
  CHECK_INT(f.count, 1);
  teardown(&f);
}

TEST(trimming_again_and_again_stays_within_the_bound) {
  struct fixture f;
  int64_t freed = 0;
  setup(&f);
  for (int round = 0; round < 20; round++) {
    write_lines(&f, 3000);
    CHECK_OK(log_keep_trim(f.logs, "dep", MiB, &freed));
    CHECK(disk_of(f.path) <= MiB + 4096);
    query(&f, (struct log_query){.limit = 2000});
    CHECK_INT(f.first + f.count - 1, f.written);
    CHECK_INT(f.count, 2000);
  }
  CHECK_OK(log_keep_trim(f.logs, "dep", MiB, &freed));
  CHECK_INT(freed, 0); /* there is room for a quarter before the next cut */
  teardown(&f);
}

static void on_ready(void *arg) {
  struct fixture *f = arg;
  int count;
  do CHECK_OK(log_follower_next(f->follower, 500, take, f, &count));
  while (count > 0);
}

TEST(a_follower_goes_on_behind_what_is_gone) {
  struct fixture f;
  struct log_query q = {.kind = LOG_DEPLOY, .deployment_id = "dep"};
  int64_t freed = 0;
  setup(&f);
  write_lines(&f, LINES);
  CHECK_OK(log_keep_trim(f.logs, "dep", MiB, &freed));
  CHECK_OK(log_follow(f.store, &q, on_ready, &f, &f.follower));
  TAP_WAIT_FOR(f.count && f.first + f.count - 1 == LINES, 8000, loop_turn(f.loop, 5));
  write_lines(&f, LINES / 2);
  TAP_WAIT_FOR(f.first + f.count - 1 == f.written, 8000, loop_turn(f.loop, 5));
  CHECK_OK(log_keep_trim(f.logs, "dep", MiB, &freed));
  CHECK(freed > 0);
  write_lines(&f, 10);
  TAP_WAIT_FOR(f.first + f.count - 1 == f.written, 8000, loop_turn(f.loop, 5));
  teardown(&f);
}

TEST(small_files_are_not_cut_for_a_large_one) {
  struct fixture f;
  char *small;
  int64_t freed = 0;
  setup(&f);
  write_lines(&f, LINES);
  CHECK_OK(log_store_instance_path(f.store, "dep", "two", &small));
  CHECK_OK(file_write_fast(small, "x\n", 2, 0600));
  CHECK_OK(log_keep_trim(f.logs, "dep", MiB, &freed));
  CHECK_INT(disk_of(small), 4096);
  CHECK(disk_of(f.path) > MiB / 2 && disk_of(f.path) <= MiB);
  free(small);
  teardown(&f);
}

TEST(a_build_that_talks_too_much_is_cut_too) {
  struct fixture f;
  int64_t freed = 0;
  setup(&f);
  for (f.written = 1; f.written <= LINES / 4; f.written++) {
    auto_free char *line = str_format("line %d %0100d", f.written, 0);
    CHECK_OK(log_store_add_build_line(f.store, "dep", "info", line));
  }
  CHECK_OK(log_keep_trim(f.logs, "dep", MiB, &freed));
  CHECK(freed > 0);
  CHECK_OK(log_store_add_build_line(f.store, "dep", "info", "line 15001 the end"));
  f.count = 0;
  struct log_query q = {.kind = LOG_BUILD, .deployment_id = "dep", .limit = 3000};
  CHECK_OK(log_store_query(f.store, &q, take, &f));
  CHECK_INT(f.first + f.count - 1, LINES / 4 + 1);
  CHECK_INT(f.count, 3000);
  teardown(&f);
}

TEST(what_each_deployment_takes) {
  struct fixture f;
  auto_log_use_list list = {0};
  setup(&f);
  write_lines(&f, 1000);
  CHECK_OK(log_store_add_build_line(f.store, "dep", "info", "built"));
  CHECK_OK(log_store_add_build_line(f.store, "other", "info", "built"));
  auto_free char *foreign = path_join(f.logs, "deploy/.mine");
  CHECK_OK(file_make_dirs(foreign, 0700));
  CHECK_OK(log_keep_list(f.logs, &list));
  CHECK_INT(list.len, 2);
  bool first_is_dep = str_eq(list.items[0].deployment_id, "dep");
  CHECK_TEXT(list.items[first_is_dep].deployment_id, "other");
  CHECK(list.items[!first_is_dep].bytes > list.items[first_is_dep].bytes);
  teardown(&f);
}

TEST(nothing_there_is_nothing_to_do) {
  auto_log_use_list list = {0};
  int64_t freed = 7;
  CHECK_OK(log_keep_list("/nowhere", &list));
  CHECK_INT(list.len, 0);
  CHECK_OK(log_keep_trim("/nowhere", "dep", 1, &freed));
  CHECK_INT(freed, 0);
}

TEST_MAIN
