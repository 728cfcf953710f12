/* Secrets in the files that conmon writes: written over in place, and nothing else is. */
#include "observe/log_scrub.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../source/scratch.h"
#include "base/mem.h"
#include "observe/log_line.h"
#include "tap.h"

#define SECRET "hunter2-hunter2"

static redactor *secrets(void) {
  redactor *r = redactor_new();
  redactor_add(r, "KEY", SECRET);
  redactor_ready(r);
  return r;
}

#define HEAD "2026-11-20T23:17:51.104849467+00:00 "

static void append(const char *path, const char *text) {
  auto_fd fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) abort();
}

static char *content(const char *path) {
  auto_str text = STR_EMPTY;
  CHECK_OK(file_read(path, 64 << 20, &text));
  return str_take(&text);
}

struct fixture {
  char *scratch, *path;
  redactor *r;
};

static void setup(struct fixture *f) {
  f->scratch = scratch_new();
  f->path = path_join(f->scratch, "a.log");
  f->r = secrets();
}

static void teardown(struct fixture *f) {
  redactor_free(f->r);
  free(f->path);
  scratch_cleanup_(&f->scratch);
}

#define CHECK_SCRUBBED(f, expected)                                                                \
  do {                                                                                             \
    CHECK_OK(log_scrub_file((f)->path, (f)->r));                                                   \
    auto_free char *now_ = content((f)->path);                                                     \
    CHECK_TEXT(now_, expected);                                                                    \
  } while (0)

TEST(what_is_secret_is_written_over) {
  struct fixture f;
  setup(&f);
  append(f.path, HEAD "stdout F one " SECRET " two\n" HEAD "stdout F nothing\n");
  CHECK_SCRUBBED(&f, HEAD "stdout F one [redacted KEY]* two\n" HEAD "stdout F nothing\n");
  append(f.path, HEAD "stderr F " SECRET SECRET "\n");
  CHECK_SCRUBBED(&f, HEAD "stdout F one [redacted KEY]* two\n" HEAD "stdout F nothing\n"
                     HEAD "stderr F [redacted KEY]*[redacted KEY]*\n");
  teardown(&f);
}

TEST(one_in_parts_is_found_when_its_line_is_whole) {
  struct fixture f;
  setup(&f);
  append(f.path, HEAD "stdout P a hunter2\n" HEAD "stderr P b hunter2-hun\n");
  CHECK_SCRUBBED(&f, HEAD "stdout P a hunter2\n" HEAD "stderr P b hunter2-hun\n");
  append(f.path, HEAD "stderr F ter2\n" HEAD "stdout P -\n");
  append(f.path, HEAD "stdout F hunter2 c\n" HEAD "stdout F hunter2-");
  CHECK_SCRUBBED(&f, HEAD "stdout P a [redact\n" HEAD "stderr P b [redacted K\n" HEAD "stderr F EY]*\n"
                     HEAD "stdout P e\n" HEAD "stdout F d KEY]* c\n" HEAD "stdout F hunter2-");
  append(f.path, "hunter2\n");
  CHECK_SCRUBBED(&f, HEAD "stdout P a [redact\n" HEAD "stderr P b [redacted K\n" HEAD "stderr F EY]*\n"
                     HEAD "stdout P e\n" HEAD "stdout F d KEY]* c\n" HEAD "stdout F [redacted KEY]*\n");
  teardown(&f);
}

TEST(other_bytes_and_files_stay) {
  struct fixture f;
  setup(&f);
  CHECK_OK(log_scrub_file(f.path, f.r)); /* is gone */
  append(f.path, "no line of conmon's: " SECRET "\n\n\xff\xfe\n");
  CHECK_SCRUBBED(&f, "no line of conmon's: " SECRET "\n\n\xff\xfe\n");
  teardown(&f);
}

TEST(a_large_file_is_looked_through_and_only_once) {
  enum { LINES = 40000 };
  struct fixture f;
  setup(&f);
  auto_str text = STR_EMPTY;
  for (int i = 0; i < LINES; i++) str_addf(&text, HEAD "stdout F line %d with " SECRET " in it\n", i);
  append(f.path, text.data);
  CHECK_OK(log_scrub_file(f.path, f.r));
  auto_free char *now = content(f.path);
  CHECK_INT(strlen(now), text.len);
  CHECK(!strstr(now, SECRET));
  CHECK_HAS(now, "line 39999 with [redacted KEY]* in it\n");
  struct stat before, after;
  CHECK(stat(f.path, &before) == 0);
  CHECK_OK(log_scrub_file(f.path, f.r));
  CHECK(stat(f.path, &after) == 0);
  CHECK(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_mtim.tv_sec == after.st_mtim.tv_sec);
  teardown(&f);
}

TEST_MAIN
