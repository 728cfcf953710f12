/* The test harness: a test program is a list of `TEST(name) { … }` bodies and `TEST_MAIN`.
 *
 *     TEST(distance_of_equal_words_is_zero) { CHECK_INT(str_distance("a", "a"), 0); }
 *     TEST_MAIN
 *
 * Output is TAP 13.  A failed CHECK ends its test and says the file, the line and both values; the
 * other tests still run.  `PROGRAM name…` runs only the tests whose names contain one of the words.
 * A test that waits, waits for a condition with a deadline (TAP_WAIT_FOR); it never sleeps for luck. */
#ifndef TRAMWAY_TESTS_TAP_H
#define TRAMWAY_TESTS_TAP_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

struct tap_test {
  const char *name;
  void (*body)(void);
  struct tap_test *next;
};
static struct tap_test *tap_first, **tap_last = &tap_first;
static jmp_buf tap_escape;

#define TEST(name)                                                                                 \
  static void test_##name(void);                                                                   \
  static struct tap_test tap_##name = {#name, test_##name, NULL};                                  \
  __attribute__((constructor)) static void tap_register_##name(void) {                             \
    *tap_last = &tap_##name;                                                                       \
    tap_last = &tap_##name.next;                                                                   \
  }                                                                                                \
  static void test_##name(void)

#define TAP_FAIL(...)                                                                              \
  do {                                                                                             \
    printf("# %s:%d: ", __FILE__, __LINE__);                                                       \
    printf(__VA_ARGS__);                                                                           \
    printf("\n");                                                                                  \
    longjmp(tap_escape, 1);                                                                        \
  } while (0)

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) TAP_FAIL("expected: %s", #condition);                                        \
  } while (0)

#define CHECK_INT(actual, expected)                                                                \
  do {                                                                                             \
    long long a_ = (long long)(actual), e_ = (long long)(expected);                                \
    if (a_ != e_) TAP_FAIL("%s is %lld, expected %lld", #actual, a_, e_);                          \
  } while (0)

#define CHECK_TEXT(actual, expected)                                                               \
  do {                                                                                             \
    const char *a_ = (actual), *e_ = (expected);                                                   \
    if (!(a_ && e_ ? strcmp(a_, e_) == 0 : a_ == e_))                                              \
      TAP_FAIL("%s is\n#   %s\n# expected\n#   %s", #actual, a_ ? a_ : "(null)", e_ ? e_ : "(null)"); \
  } while (0)

#define CHECK_HAS(actual, part)                                                                    \
  do {                                                                                             \
    const char *a_ = (actual), *p_ = (part);                                                       \
    if (!a_ || !strstr(a_, p_)) TAP_FAIL("%s is\n#   %s\n# without '%s'", #actual, a_ ? a_ : "(null)", p_); \
  } while (0)

#define CHECK_OK(call)                                                                             \
  do {                                                                                             \
    err *error_ = (call);                                                                          \
    if (error_) TAP_FAIL("%s failed: %s", #call, err_message(error_));                             \
  } while (0)

/* The call must fail with `code` and a message that contains `part`. */
#define CHECK_ERR(call, code, part)                                                                \
  do {                                                                                             \
    err *error_ = (call);                                                                          \
    if (!error_) TAP_FAIL("%s succeeded, expected %s", #call, err_code_name(code));                \
    bool as_expected_ = err_code_of(error_) == (code) && strstr(err_message(error_), part);        \
    if (!as_expected_)                                                                             \
      TAP_FAIL("%s: %s (%s), expected %s with '%s'", #call, err_message(error_),                   \
               err_code_name(err_code_of(error_)), err_code_name(code), part);                     \
    err_free(error_);                                                                              \
  } while (0)

static inline long long tap_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Of this program: what takes long by itself does so on a busy machine, too. */
static inline long long tap_cpu_ms(void) {
  return (long long)clock() * 1000 / CLOCKS_PER_SEC;
}

/* Does `step` again and again until `condition` holds; fails after `deadline_ms`, and says when it came near
 * to that: something was waited out that should have been told. */
#define TAP_WAIT_FOR(condition, deadline_ms, step)                                                 \
  do {                                                                                             \
    long long from_ = tap_now_ms(), limit_ = (deadline_ms);                                        \
    while (!(condition)) {                                                                         \
      if (tap_now_ms() - from_ > limit_) TAP_FAIL("waited %lld ms for: %s", limit_, #condition);   \
      step;                                                                                        \
    }                                                                                              \
    if (tap_now_ms() - from_ > limit_ / 3)                                                         \
      printf("# %s:%d: took %lld of %lld ms: %s\n", __FILE__, __LINE__, tap_now_ms() - from_, limit_, #condition); \
  } while (0)

static inline bool tap_wanted(const char *name, int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (strstr(name, argv[i])) return true;
  return argc < 2;
}

static inline bool tap_passes(const struct tap_test *test) {
  if (setjmp(tap_escape) != 0) return false;
  test->body();
  return true;
}

static inline void tap_report(const struct tap_test *test, int number, bool ok, long long took_ms, long long cpu_ms) {
  enum { WORTH_A_WORD_MS = 200 };
  printf("%s %d - %s", ok ? "ok" : "not ok", number, test->name);
  if (took_ms >= WORTH_A_WORD_MS) printf(" # %lld ms, %lld of its own", took_ms, cpu_ms);
  printf("\n");
}

static inline int tap_run(int argc, char **argv) {
  int count = 0, failed = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (struct tap_test *test = tap_first; test; test = test->next) {
    if (!tap_wanted(test->name, argc, argv)) continue;
    long long from_ms = tap_now_ms();
    long long from_cpu_ms = tap_cpu_ms();
    bool ok = tap_passes(test);
    if (!ok) failed++;
    tap_report(test, ++count, ok, tap_now_ms() - from_ms, tap_cpu_ms() - from_cpu_ms);
  }
  printf("1..%d\n", count);
  return failed ? 1 : 0;
}

#define TEST_MAIN                                                                                  \
  int main(int argc, char **argv) {                                                                \
    return tap_run(argc, argv);                                                                    \
  }

#endif
