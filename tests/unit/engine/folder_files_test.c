/* Questions about the files of volumes share the worker pool with everybody: none of them may keep it. */
#include "engine/local/folder_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/loop.h"
#include "tap.h"

static char dir[64];
static loop *l;
static int pending;
static struct folder_files files;
static int answered, refused;
static char last_error[200];

static err *open_root(void *arg, const char *id, int *ret_fd) {
  (void)arg;
  auto_free char *path = path_join(dir, id);
  *ret_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return *ret_fd < 0 ? err_new(ERR_NOT_FOUND, "there is no such volume") : NULL;
}

static void begin(void) {
  bool has_memory = access("/dev/shm", W_OK) == 0;
  snprintf(dir, sizeof dir, "%s/tramway-files-%d", has_memory ? "/dev/shm" : "/tmp", (int)getpid());
  CHECK_OK(file_remove_tree(dir));
  for (const char *const *id = (const char *const[]){"/one", "/two", NULL}; *id; id++) {
    auto_free char *path = str_format("%s%s", dir, *id);
    CHECK_OK(file_make_dirs(path, 0755));
  }
  l = loop_new();
  folder_files_init(&files, l, open_root, NULL, &pending);
  answered = refused = 0;
}

static void finish(void) {
  while (pending) loop_turn(l, 20);
  loop_free(l);
  CHECK_OK(file_remove_tree(dir));
}

static void on_entries(void *arg, err *e, const struct volume_entries *entries) {
  (void)arg, (void)entries;
  answered++;
  refused += e && err_code_of(e) == ERR_BUSY;
  err_ignore(e);
}

static void on_done(void *arg, err *e) {
  (void)arg;
  answered++;
  snprintf(last_error, sizeof last_error, "%s", e ? err_message(e) : "");
  err_ignore(e);
}

TEST(of_one_volume_so_many_at_a_time) {
  begin();
  for (int i = 0; i <= FOLDER_FILES_REQUESTS_MAX; i++) files.base.ops->list(&files.base, "one", "", on_entries, NULL);
  CHECK_INT(refused, 1); /* at once */
  files.base.ops->list(&files.base, "two", "", on_entries, NULL);
  CHECK_INT(answered, 1);
  while (pending) loop_turn(l, 20);
  CHECK_INT(answered, FOLDER_FILES_REQUESTS_MAX + 2);
  CHECK_INT(refused, 1);
  files.base.ops->list(&files.base, "one", "", on_entries, NULL);
  while (pending) loop_turn(l, 20);
  CHECK_INT(refused, 1);
  finish();
}

static void fill(int count) {
  auto_free char *folder = str_format("%s/one/much", dir);
  CHECK_OK(file_make_dirs(folder, 0755));
  for (int i = 0; i < count; i++) {
    auto_free char *path = str_format("%s/%d", folder, i);
    CHECK_OK(file_make_dirs(path, 0755));
  }
}

TEST(much_is_removed_and_the_end_does_not_wait_for_it) {
  begin();
  fill(200);
  files.base.ops->remove(&files.base, "one", "much", on_done, NULL);
  while (pending) loop_turn(l, 20);
  CHECK_TEXT(last_error, "");
  auto_free char *much = str_format("%s/one/much", dir);
  CHECK(!file_exists(much));
  files.ending = true; /* a piece of it is done, if it is much; and that is all */
  fill(10);
  files.base.ops->remove(&files.base, "one", "much", on_done, NULL);
  while (pending) loop_turn(l, 20);
  CHECK_INT(answered, 2);
  finish();
}

TEST_MAIN
