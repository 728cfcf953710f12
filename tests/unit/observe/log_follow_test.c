#include <fcntl.h>
#include <unistd.h>

#include "../source/scratch.h"
#include "observe/log_line.h"
#include "observe/log_store.h"
#include "tap.h"

#define SECOND INT64_C(1000000000)
#define START (1795216671 * SECOND)

struct fixture {
  char *scratch;
  loop *loop;
  log_store *store;
  log_follower *follower;
  struct str text; /* "message|message|" of all that came */
  int64_t last_ns;
  int count, ready, page;
};

static void gather(void *arg, const struct log_entry *entry) {
  struct fixture *f = arg;
  if (entry->time_ns <= f->last_ns) abort();
  f->last_ns = entry->time_ns;
  f->count++;
  str_addf(&f->text, "%s|", entry->message);
}

static void on_ready(void *arg) {
  struct fixture *f = arg;
  f->ready++;
  int count;
  do CHECK_OK(log_follower_next(f->follower, f->page, gather, f, &count));
  while (count > 0);
}

static void setup(struct fixture *f) {
  *f = (struct fixture){.scratch = scratch_new(), .loop = loop_new(), .page = 7};
  auto_free char *logs = path_join(f->scratch, "logs");
  CHECK_OK(log_store_new(f->loop, logs, &f->store));
}

static void follow(struct fixture *f, struct log_query query) {
  query.deployment_id = "dep";
  CHECK_OK(log_follow(f->store, &query, on_ready, f, &f->follower));
}

static void teardown(struct fixture *f) {
  log_follower_stop(f->follower);
  log_store_free(f->store);
  loop_free(f->loop);
  str_done(&f->text);
  scratch_cleanup_(&f->scratch);
}

static void conmon_text(struct fixture *f, const char *instance, const char *text, size_t len) {
  char *path;
  CHECK_OK(log_store_instance_path(f->store, "dep", instance, &path));
  auto_fd fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  free(path);
  if (fd < 0 || write(fd, text, len) != (ssize_t)len) abort();
}

static void conmon_line(struct fixture *f, const char *instance, int64_t time_ns,
                        const char *text) {
  auto_str line = STR_EMPTY;
  log_line_add(&line, time_ns, false, text, strlen(text));
  conmon_text(f, instance, line.data, line.len);
}

#define WAIT_FOR_TEXT(f, wanted)                                                                   \
  do {                                                                                             \
    TAP_WAIT_FOR(strlen(str_text(&(f)->text)) >= strlen(wanted), 8000, loop_turn((f)->loop, 20));  \
    CHECK_TEXT(str_text(&(f)->text), wanted);                                                      \
  } while (0)

TEST(what_is_there_and_what_comes) {
  struct fixture f;
  setup(&f);
  conmon_line(&f, "a", START, "one");
  follow(&f, (struct log_query){.kind = LOG_DEPLOY});
  WAIT_FOR_TEXT(&f, "one|");
  conmon_line(&f, "a", START + 1, "two");
  long long begin = tap_now_ms();
  WAIT_FOR_TEXT(&f, "one|two|");
  CHECK(tap_now_ms() - begin < 4000); /* told by inotify, not by the timer */
  conmon_line(&f, "b", START + 2, "from a new instance");
  CHECK_OK(log_store_add_deploy_line(f.store, "dep", "info", "from the platform"));
  WAIT_FOR_TEXT(&f, "one|two|from a new instance|from the platform|");
  teardown(&f);
}

TEST(before_there_is_any_file) {
  struct fixture f;
  setup(&f);
  follow(&f, (struct log_query){.kind = LOG_DEPLOY});
  TAP_WAIT_FOR(f.ready > 0, 3000, loop_turn(f.loop, 20));
  conmon_line(&f, "a", START, "first");
  WAIT_FOR_TEXT(&f, "first|");
  teardown(&f);
}

TEST(a_build_hears_only_of_its_own_log) {
  struct fixture f;
  setup(&f);
  follow(&f, (struct log_query){.kind = LOG_BUILD});
  TAP_WAIT_FOR(f.ready == 1, 3000, loop_turn(f.loop, 20));
  CHECK_OK(log_store_add_build_line(f.store, "other", "info", "x"));
  CHECK_OK(log_store_add_build_line(f.store, "dep2", "info", "x"));
  for (int i = 0; i < 5; i++) loop_turn(f.loop, 10);
  CHECK_INT(f.ready, 1);
  CHECK_OK(log_store_add_build_line(f.store, "dep", "info", "mine"));
  WAIT_FOR_TEXT(&f, "mine|");
  teardown(&f);
}

TEST(lines_that_are_written_in_pieces) {
  struct fixture f;
  setup(&f);
  follow(&f, (struct log_query){.kind = LOG_DEPLOY});
  static const char *const pieces[] = {
      "2026-11-20T23:00:00.000000001+00:00 std", "out P par", "t one,\n",
      "2026-11-20T23:00:00.000000002+00:00 stdout F part", " two\n2026"};
  for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
    CHECK_INT(f.count, 0);
    conmon_text(&f, "a", pieces[i], strlen(pieces[i]));
    loop_turn(f.loop, 20);
    loop_turn(f.loop, 20);
  }
  WAIT_FOR_TEXT(&f, "part one,part two|");
  conmon_text(&f, "a", "-11-20T23:00:01.1+00:00 stdout F next\n", 38);
  WAIT_FOR_TEXT(&f, "part one,part two|next|");
  teardown(&f);
}

TEST(from_a_time_on_and_with_a_filter) {
  struct fixture f;
  setup(&f);
  auto_str lines = STR_EMPTY;
  for (int i = 0; i < 20000; i++) {
    auto_free char *text = str_format("%d", i);
    log_line_add(&lines, START + i / 5 * 1000, false, text, strlen(text)); /* five with one time */
  }
  conmon_text(&f, "a", lines.data, lines.len);
  conmon_line(&f, "b", START + SECOND, "x19997");
  /* Times that are equal are moved on by 1 ns each: this is the time of 19995. */
  follow(&f, (struct log_query){
                 .kind = LOG_DEPLOY, .after_ns = START + 3999 * 1000, .filter = "-19998"});
  WAIT_FOR_TEXT(&f, "19996|19997|19999|x19997|");
  teardown(&f);
}

TEST(a_limit_begins_with_the_newest) {
  struct fixture f;
  setup(&f);
  for (int i = 0; i < 10; i++) {
    auto_free char *text = str_format("%d", i);
    conmon_line(&f, "a", START + i, text);
  }
  follow(&f, (struct log_query){.kind = LOG_DEPLOY, .limit = 2});
  WAIT_FOR_TEXT(&f, "8|9|");
  conmon_line(&f, "a", START + 10, "10");
  WAIT_FOR_TEXT(&f, "8|9|10|");
  teardown(&f);
}

TEST(late_lines_of_another_instance_get_later_times) {
  struct fixture f;
  setup(&f);
  conmon_line(&f, "a", START + SECOND, "early");
  follow(&f, (struct log_query){.kind = LOG_DEPLOY});
  WAIT_FOR_TEXT(&f, "early|");
  conmon_line(&f, "b", START, "late");
  WAIT_FOR_TEXT(&f, "early|late|");
  CHECK_INT(f.last_ns, START + SECOND + 1);
  teardown(&f);
}

TEST(a_file_that_is_replaced_is_read_from_its_beginning) {
  struct fixture f;
  setup(&f);
  conmon_line(&f, "a", START, "before the rotation, a rather long line");
  follow(&f, (struct log_query){.kind = LOG_DEPLOY});
  WAIT_FOR_TEXT(&f, "before the rotation, a rather long line|");
  auto_free char *path = str_format("%s/logs/deploy/dep/a.log", f.scratch);
  CHECK_INT(truncate(path, 0), 0);
  loop_turn(f.loop, 20);
  conmon_line(&f, "a", START + 1, "after");
  WAIT_FOR_TEXT(&f, "before the rotation, a rather long line|after|");
  teardown(&f);
}

TEST(a_large_backlog_does_not_hold_up_the_loop) {
  struct fixture f;
  setup(&f);
  auto_str lines = STR_EMPTY;
  for (int i = 0; i < 200000; i++)
    log_line_add(&lines, START + i, false, "nothing of interest here", 24);
  log_line_add(&lines, START + SECOND, false, "wanted", 6);
  conmon_text(&f, "a", lines.data, lines.len);
  follow(&f, (struct log_query){.kind = LOG_DEPLOY, .filter = "wanted"});
  WAIT_FOR_TEXT(&f, "wanted|");
  CHECK(f.ready > 2); /* read in several turns */
  teardown(&f);
}

TEST(stopping_at_any_moment) {
  struct fixture f;
  setup(&f);
  follow(&f, (struct log_query){.kind = LOG_DEPLOY});
  log_follower_stop(f.follower); /* before its first call */
  for (int i = 0; i < 3; i++) loop_turn(f.loop, 5);
  CHECK_INT(f.ready, 0);
  CHECK_ERR(log_follow(f.store, &(struct log_query){.deployment_id = "dep", .filter = "("},
                       on_ready, &f, &f.follower),
            ERR_INVALID, "filter");
  log_follower_stop(NULL);
  f.follower = NULL;
  teardown(&f);
}

TEST_MAIN
