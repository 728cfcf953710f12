#include "engine/local/policy.h"

#include "tap.h"

TEST(restarts) {
  static const struct {
    enum workload_kind kind;
    enum workload_restart restart;
    int exit_code, failures;
    bool expected;
  } rows[] = {
      {WORKLOAD_SERVICE, WORKLOAD_RESTART_NEVER, 1, 1, false},
      {WORKLOAD_SERVICE, WORKLOAD_RESTART_NEVER, 0, 1, false},
      {WORKLOAD_SERVICE, WORKLOAD_RESTART_ON_FAILURE, 0, 1, false},
      {WORKLOAD_SERVICE, WORKLOAD_RESTART_ON_FAILURE, 1, 1, true},
      {WORKLOAD_SERVICE, WORKLOAD_RESTART_ON_FAILURE, -1, 10, true},
      {WORKLOAD_SERVICE, WORKLOAD_RESTART_ON_FAILURE, 1, 11, false},
      {WORKLOAD_SERVICE, WORKLOAD_RESTART_ALWAYS, 0, 1, true},
      {WORKLOAD_SERVICE, WORKLOAD_RESTART_ALWAYS, 1, 1000, true},
      {WORKLOAD_JOB, WORKLOAD_RESTART_ALWAYS, 1, 1, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct workload w = {
        .kind = rows[i].kind, .restart = rows[i].restart, .restart_max_retries = 10};
    if (policy_restarts(&w, rows[i].exit_code, rows[i].failures) != rows[i].expected)
      TAP_FAIL("row %zu", i);
  }
}

TEST(a_healthy_run_begins_the_count_anew) {
  CHECK_INT(policy_failures(0, 0), 1);
  CHECK_INT(policy_failures(9, POLICY_HEALTHY_MS - 1), 10);
  CHECK_INT(policy_failures(10, POLICY_HEALTHY_MS), 1);
  CHECK_INT(policy_failures(10, 365LL * 86400 * 1000), 1);
}

/* Killed once a day for a year, across as many ends of tramd: always started again. */
TEST(one_death_a_day_is_never_too_many) {
  struct workload w = {.kind = WORKLOAD_SERVICE, .restart = WORKLOAD_RESTART_ON_FAILURE, .restart_max_retries = 10};
  int failures = 0;
  for (int day = 0; day < 365; day++) {
    failures = policy_failures(failures, 86400 * 1000);
    CHECK(policy_restarts(&w, 137, failures));
  }
  for (int i = 0; i < 10; i++) failures = policy_failures(failures, 1000);
  CHECK(!policy_restarts(&w, 137, failures));
}

TEST(backoff_doubles_up_to_its_limit) {
  static const int expected[] = {100, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
  for (int failures = 0; failures < 10; failures++)
    CHECK_INT(policy_backoff_ms(100, 10000, failures), expected[failures]);
  CHECK_INT(policy_backoff_ms(100, 10000, 2000000000), 10000);
}

TEST_MAIN
