#include "loop/loop.h"


#include <errno.h>
#include <signal.h>

#include "base/clock.h"
#include "base/str.h"
#include "loop/spawn.h"
#include "loop/timer.h"
#include "loop/work.h"
#include "tap.h"

struct seen {
  int count;
  int exit_status;
  bool timed_out, cancelled, truncated;
  struct str output, streamed;
  err *error;
};

static void seen_done(struct seen *seen) {
  str_done(&seen->output);
  str_done(&seen->streamed);
  err_free(seen->error);
}

static void count(void *arg) {
  ((struct seen *)arg)->count++;
}

static void on_done(void *arg, const struct spawn_result *result) {
  struct seen *seen = arg;
  seen->count++;
  seen->exit_status = result->exit_status;
  seen->timed_out = result->timed_out;
  seen->cancelled = result->cancelled;
  seen->truncated = result->truncated;
  str_add_bytes(&seen->output, result->output, result->output_len);
  seen->error = spawn_result_err(result);
}

static void on_output(void *arg, int fd, const char *data, size_t len) {
  struct seen *seen = arg;
  str_addf(&seen->streamed, "%d:", fd);
  str_add_bytes(&seen->streamed, data, len);
}

#define WAIT(loop, condition) TAP_WAIT_FOR(condition, 10000, loop_turn(loop, 50))

TEST(deferred_calls_run_at_the_end_of_the_turn) {
  loop *l = loop_new();
  struct seen seen = {0};
  loop_defer(l, count, &seen);
  loop_defer(l, count, &seen);
  CHECK_INT(seen.count, 0);
  WAIT(l, seen.count == 2);
  loop_free(l);
}

TEST(timers_fire_once_or_again_until_stopped) {
  loop *l = loop_new();
  struct seen once = {0}, often = {0};
  timer *a = timer_start(l, 1, 0, count, &once), *b = timer_start(l, 1, 1, count, &often);
  WAIT(l, often.count >= 5);
  CHECK_INT(once.count, 1);
  timer_stop(a);
  timer_stop(b);
  timer_stop(NULL);
  loop_free(l);
}

TEST(signals_arrive_on_the_loop) {
  loop *l = loop_new();
  struct seen seen = {0};
  CHECK_OK(loop_on_signal(l, SIGUSR1, count, &seen));
  raise(SIGUSR1);
  WAIT(l, seen.count == 1);
  loop_free(l);
}

static err *fail_on_thread(void *arg) {
  (void)arg;
  return err_new(ERR_IO, "from the pool");
}

static void on_work_done(void *arg, err *e) {
  ((struct seen *)arg)->count++;
  ((struct seen *)arg)->error = e;
}

TEST(work_runs_on_the_pool_and_brings_its_error_back) {
  loop *l = loop_new();
  struct seen seen = {0};
  work_start(l, fail_on_thread, on_work_done, &seen);
  WAIT(l, seen.count == 1);
  CHECK_TEXT(err_message(seen.error), "from the pool");
  seen_done(&seen);
  loop_free(l);
}

/* Runs a program to its end. */
static struct seen run(struct spawn_options *options) {
  loop *l = loop_new();
  struct seen seen = {0};
  CHECK_OK(spawn_start(l, options, on_done, &seen, NULL));
  WAIT(l, seen.count == 1);
  loop_free(l);
  return seen;
}

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

TEST(output_is_collected_up_to_a_limit) {
  struct seen seen = run(&(struct spawn_options){.argv = ARGV("seq", "1", "5"), .collect_limit = 4});
  CHECK_TEXT(str_text(&seen.output), "1\n2\n");
  CHECK(seen.truncated && !seen.error);
  seen_done(&seen);
}

TEST(input_goes_in_and_ends) {
  struct seen seen = run(&(struct spawn_options){
      .argv = ARGV("tr", "a-z", "A-Z"), .input = "hello", .input_len = 5, .collect_limit = 100});
  CHECK_TEXT(str_text(&seen.output), "HELLO");
  seen_done(&seen);
}

TEST(the_environment_is_built_not_inherited) {
  setenv("TRAMWAY_TEST_SECRET", "x", 1);
  struct seen seen = run(&(struct spawn_options){.argv = ARGV("env"), .collect_limit = 10000});
  CHECK(!strstr(str_text(&seen.output), "TRAMWAY_TEST_SECRET"));
  CHECK_HAS(str_text(&seen.output), "PATH=");
  seen_done(&seen);
}

TEST(a_failure_carries_status_and_last_words) {
  struct seen seen = run(&(struct spawn_options){.argv = ARGV("ls", "/no/such/thing")});
  CHECK_INT(seen.exit_status, 2);
  CHECK_HAS(err_message(seen.error), "ls: exit status 2: ");
  CHECK_HAS(err_message(seen.error), "/no/such/thing");
  seen_done(&seen);
}

TEST(what_broke_off_on_our_side_is_told) {
  struct spawn_result result = {.name = "nft", .error_tail = "", .read_error = EIO};
  CHECK_ERR(spawn_result_err(&result), ERR_IO, "nft: reading its output: Input/output error");
  result = (struct spawn_result){.name = "nft", .error_tail = "empty\n", .exit_status = 1, .write_error = ENOBUFS};
  CHECK_ERR(spawn_result_err(&result), ERR_IO, "exit status 1: empty; its input could not be written: No buffer space");
}

TEST(a_missing_program_is_an_error_at_once) {
  loop *l = loop_new();
  struct seen seen = {0};
  struct spawn_options options = {.argv = ARGV("no-such-program")};
  CHECK_ERR(spawn_start(l, &options, on_done, &seen, NULL), ERR_NOT_FOUND, "no-such-program");
  CHECK_INT(seen.count, 0);
  loop_free(l);
}

TEST(a_deadline_kills_the_whole_group) {
  struct seen seen = run(&(struct spawn_options){.argv = ARGV("timeout", "60", "sleep", "60"), .deadline_ms = 50});
  CHECK(seen.timed_out);
  CHECK_HAS(err_message(seen.error), "deadline");
  seen_done(&seen);
}

TEST(cancelling_terminates_first) {
  loop *l = loop_new();
  struct seen seen = {0};
  spawn *child = NULL;
  struct spawn_options options = {.argv = ARGV("sleep", "60")};
  CHECK_OK(spawn_start(l, &options, on_done, &seen, &child));
  spawn_cancel(child, 5000);
  spawn_cancel(child, 5000);
  WAIT(l, seen.count == 1);
  CHECK(seen.cancelled);
  CHECK_INT(seen.exit_status, 128 + SIGTERM);
  seen_done(&seen);
  loop_free(l);
}

TEST(a_terminal_echoes_and_has_a_size) {
  loop *l = loop_new();
  struct seen seen = {0};
  spawn *child = NULL;
  struct spawn_options options = {.argv = ARGV("cat"), .terminal = true, .on_output = on_output};
  CHECK_OK(spawn_start(l, &options, on_done, &seen, &child));
  spawn_resize(child, 100, 30);
  spawn_write(child, "hi\n", 3);
  WAIT(l, strstr(str_text(&seen.streamed), "hi\r\nhi\r\n") || strstr(str_text(&seen.streamed), "hi\r\n1:hi\r\n"));
  spawn_close_input(child);
  WAIT(l, seen.count == 1);
  CHECK_INT(seen.exit_status, 0);
  seen_done(&seen);
  loop_free(l);
}

TEST(output_held_open_by_a_grandchild_does_not_hold_us) {
  long long before = tap_now_ms();
  struct seen seen = run(&(struct spawn_options){
      .argv = ARGV("setsid", "-f", "sleep", "20"), .collect_limit = 10});
  CHECK(tap_now_ms() - before < 15000);
  seen_done(&seen);
}

TEST_MAIN
