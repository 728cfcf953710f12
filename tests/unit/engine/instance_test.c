#include "engine/local/instance.h"

#include <unistd.h>

#include "tap.h"

static bool reacts(enum phase phase, enum event event) {
  return instance_rule(phase, event)->action != NULL;
}

static bool is_step(enum phase phase) {
  return phase == PHASE_PREPARE || phase == PHASE_CREATE || phase == PHASE_CONNECT ||
         phase == PHASE_START || phase == PHASE_CLEAN;
}

TEST(a_step_ends_in_success_or_failure_and_nothing_else_does) {
  for (int p = 0; p < PHASE_COUNT; p++) {
    CHECK_INT(reacts((enum phase)p, EVENT_OK), is_step((enum phase)p));
    CHECK_INT(reacts((enum phase)p, EVENT_FAIL), is_step((enum phase)p));
  }
}

TEST(a_stop_is_heard_everywhere) {
  for (int p = 0; p < PHASE_COUNT; p++)
    CHECK(reacts((enum phase)p, EVENT_STOP));
}

TEST(failure_of_a_step_leads_to_cleaning) {
  for (int p = 0; p < PHASE_COUNT; p++)
    if (is_step((enum phase)p))
      CHECK_INT(instance_rule((enum phase)p, EVENT_FAIL)->next, PHASE_CLEAN);
}

/* From the moment there may be a process to the moment it is cleaned up after. */
TEST(an_exit_is_heard_while_there_is_a_process) {
  static const enum phase with_process[] = {PHASE_CREATE, PHASE_CONNECT, PHASE_START, PHASE_RUN,
                                            PHASE_STOP};
  for (int p = 0; p < PHASE_COUNT; p++) {
    bool expected = false;
    for (size_t i = 0; i < ARRAY_LEN(with_process); i++)
      expected |= with_process[i] == (enum phase)p;
    CHECK_INT(reacts((enum phase)p, EVENT_EXIT), expected);
  }
}

TEST(the_way_to_running) {
  static const enum phase way[] = {PHASE_PREPARE, PHASE_CREATE, PHASE_CONNECT, PHASE_START,
                                   PHASE_RUN};
  CHECK_INT(instance_rule(PHASE_IDLE, EVENT_GO)->next, PHASE_PREPARE);
  for (size_t i = 0; i + 1 < ARRAY_LEN(way); i++)
    CHECK_INT(instance_rule(way[i], EVENT_OK)->next, way[i + 1]);
  CHECK_INT(instance_rule(PHASE_RUN, EVENT_EXIT)->next, PHASE_CLEAN);
  CHECK_INT(instance_rule(PHASE_STOP, EVENT_EXIT)->next, PHASE_CLEAN);
  CHECK_INT(instance_rule(PHASE_WAIT, EVENT_TIME)->next, PHASE_PREPARE);
}

TEST(only_what_rests_can_be_started) {
  for (int p = 0; p < PHASE_COUNT; p++)
    CHECK_INT(reacts((enum phase)p, EVENT_GO), p == PHASE_IDLE);
}

TEST(time_passes_where_a_timer_runs) {
  static const enum phase timed[] = {PHASE_STOP, PHASE_WAIT, PHASE_CLEAN, PHASE_IDLE};
  for (int p = 0; p < PHASE_COUNT; p++) {
    bool expected = false;
    for (size_t i = 0; i < ARRAY_LEN(timed); i++)
      expected |= timed[i] == (enum phase)p;
    CHECK_INT(reacts((enum phase)p, EVENT_TIME), expected);
  }
}

TEST(what_could_not_be_taken_away_is_tried_again) {
  CHECK_INT(instance_rule(PHASE_CLEAN, EVENT_FAIL)->next, PHASE_CLEAN);
  CHECK_INT(instance_rule(PHASE_CLEAN, EVENT_TIME)->next, PHASE_CLEAN);
  CHECK(instance_rule(PHASE_CLEAN, EVENT_FAIL)->action != instance_rule(PHASE_CLEAN, EVENT_OK)->action);
}

TEST(statuses) {
  static const struct {
    enum phase phase;
    bool stop, restart, ended, again, gone;
    int exit_code;
    enum instance_status expected;
  } rows[] = {
      {PHASE_IDLE, .expected = INSTANCE_CREATED},
      {PHASE_PREPARE, .expected = INSTANCE_CREATED},
      {PHASE_START, .expected = INSTANCE_CREATED},
      {PHASE_START, .again = true, .expected = INSTANCE_RESTARTING},
      {PHASE_RUN, .expected = INSTANCE_RUNNING},
      {PHASE_RUN, .stop = true, .expected = INSTANCE_REMOVING},
      {PHASE_STOP, .stop = true, .expected = INSTANCE_REMOVING},
      {PHASE_STOP, .stop = true, .restart = true, .expected = INSTANCE_RESTARTING},
      {PHASE_CLEAN, .expected = INSTANCE_RESTARTING},
      {PHASE_CLEAN, .ended = true, .expected = INSTANCE_EXITED},
      {PHASE_CLEAN, .ended = true, .exit_code = 1, .expected = INSTANCE_CRASHED},
      {PHASE_WAIT, .again = true, .expected = INSTANCE_RESTARTING},
      {PHASE_DONE, .ended = true, .expected = INSTANCE_EXITED},
      {PHASE_DONE, .ended = true, .exit_code = EXIT_CODE_NONE, .expected = INSTANCE_CRASHED},
      {PHASE_IDLE, .stop = true, .gone = true, .expected = INSTANCE_REMOVED},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct instance inst = {.phase = rows[i].phase,
                            .stop_wanted = rows[i].stop,
                            .restart_wanted = rows[i].restart,
                            .ended = rows[i].ended,
                            .again = rows[i].again,
                            .gone = rows[i].gone,
                            .exit_code = rows[i].exit_code};
    if (instance_status_of(&inst) != rows[i].expected)
      TAP_FAIL("row %zu: %s", i, instance_status_name(instance_status_of(&inst)));
  }
}

TEST(every_phase_has_a_name) {
  for (int p = 0; p < PHASE_COUNT; p++)
    CHECK(*instance_phase_name((enum phase)p));
}

/* Of a process that began before whoever asks, too: an adopted one. */
TEST(the_age_of_a_process) {
  uint64_t parent = instance_start_time(getppid()), self = instance_start_time(getpid());
  CHECK(self > 0 && parent > 0 && parent <= self);
  CHECK(instance_age_ms(self) < 60000);
  CHECK(instance_age_ms(parent) + 10 >= instance_age_ms(self));
  CHECK(instance_age_ms(1) > instance_age_ms(self));
  CHECK_INT(instance_age_ms(0), 0);
  CHECK_INT(instance_age_ms(UINT64_MAX / 2000), 0); /* not yet born */
}

TEST_MAIN
