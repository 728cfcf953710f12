#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "tap.h"

static char *scratch(void) {
  char template[] = "/tmp/tramway-file-test.XXXXXX";
  CHECK(mkdtemp(template) != NULL);
  return str_dup(template);
}

TEST(a_written_file_is_read_back_whole_and_bounded) {
  auto_free char *folder = scratch();
  auto_free char *path = path_join(folder, "f");
  CHECK_OK(file_write(path, "hello", 5, 0600));
  CHECK_OK(file_write(path, "again", 5, 0640));
  struct stat info;
  CHECK_INT(stat(path, &info), 0);
  CHECK_INT(info.st_mode & 0777, 0640);
  auto_str text = STR_EMPTY;
  CHECK_OK(file_read(path, 5, &text));
  CHECK_TEXT(str_text(&text), "again");
  CHECK_ERR(file_read(path, 4, &text), ERR_LIMIT, "larger than 4 bytes");
  CHECK_ERR(file_read("/nowhere/x", 4, &text), ERR_NOT_FOUND, "/nowhere/x");
  CHECK_OK(file_remove_tree(folder));
  CHECK(!file_exists(folder));
}

TEST(writing_beside_nothing_leaves_nothing) {
  CHECK_ERR(file_write("/nowhere/x", "", 0, 0600), ERR_NOT_FOUND, "/nowhere/x");
}

TEST(what_a_killed_writer_left_is_removed) {
  auto_free char *folder = scratch();
  auto_free char *left = path_join(folder, "a.json.new-x1Y2z3"), *kept = path_join(folder, "a.json"),
                 *other = path_join(folder, "b.new-");
  CHECK_OK(file_write(left, "x", 1, 0600));
  CHECK_OK(file_write(kept, "x", 1, 0600));
  CHECK_OK(file_write(other, "x", 1, 0600));
  CHECK_OK(file_remove_unfinished(folder));
  CHECK(!file_exists(left) && file_exists(kept) && file_exists(other));
  CHECK_OK(file_remove_tree(folder));
  CHECK_OK(file_remove_unfinished(folder));
}

TEST(what_cannot_be_read_is_not_the_end_of_a_folder) {
  auto_free char *folder = scratch(), *file = path_join(folder, "f");
  CHECK_OK(file_write(file, "x", 1, 0600));
  DIR *dir = opendir(folder);
  err *e = NULL;
  CHECK_TEXT(folder_next(dir, folder, &e)->d_name, "f");
  CHECK(!folder_next(dir, folder, &e) && !e);
  rewinddir(dir);
  int other = open("/dev/null", O_RDONLY);
  CHECK_INT(dup2(other, dirfd(dir)), dirfd(dir)); /* no folder any more */
  CHECK(!folder_next(dir, folder, &e));
  CHECK_ERR(e, ERR_IO, "reading the folder");
  close(other);
  closedir(dir);
  CHECK_OK(file_remove_tree(folder));
}

TEST(what_is_unchanged_is_not_written) {
  auto_free char *path = str_format("/tmp/tramway-changed-%d", (int)getpid());
  struct stat before, after;
  CHECK_OK(file_write_changed(path, "one", 3, 0600));
  CHECK_INT(stat(path, &before), 0);
  CHECK_OK(file_write_changed(path, "one", 3, 0600));
  CHECK_INT(stat(path, &after), 0);
  CHECK_INT(before.st_ino, after.st_ino);
  CHECK_OK(file_write_changed(path, "on", 2, 0600));
  CHECK_INT(stat(path, &after), 0);
  CHECK_INT(after.st_size, 2);
  CHECK_OK(file_write_changed(path, "ox", 2, 0600));
  CHECK_OK(file_write_changed(path, "", 0, 0600));
  CHECK_INT(stat(path, &after), 0);
  CHECK_INT(after.st_size, 0);
  unlink(path);
}

TEST(removing_a_tree_follows_no_symlink) {
  auto_free char *folder = scratch(), *outside = scratch();
  auto_free char *kept = path_join(outside, "kept"), *link = path_join(folder, "link");
  auto_free char *deep = path_join(folder, "a/b/c"), *file = path_join(deep, "f");
  CHECK_OK(file_write(kept, "x", 1, 0600));
  CHECK_OK(file_make_dirs(deep, 0755));
  CHECK_OK(file_make_dirs(deep, 0755));
  CHECK_OK(file_write_fast(file, "x", 1, 0600));
  CHECK_INT(symlink(outside, link), 0);
  CHECK_OK(file_remove_tree(folder));
  CHECK(!file_exists(folder) && file_exists(kept));
  CHECK_OK(file_remove_tree(folder)); /* again: nothing there is success */
  CHECK_OK(file_remove_tree(outside));
}

TEST(making_a_folder_over_a_file_is_a_conflict) {
  auto_free char *folder = scratch();
  auto_free char *path = path_join(folder, "f"), *below = path_join(path, "g");
  CHECK_OK(file_write(path, "x", 1, 0600));
  CHECK_ERR(file_make_dirs(path, 0755), ERR_CONFLICT, "not a folder");
  err *e = file_make_dirs(below, 0755);
  CHECK(e != NULL);
  err_free(e);
  CHECK_OK(file_remove_tree(folder));
}

TEST_MAIN
