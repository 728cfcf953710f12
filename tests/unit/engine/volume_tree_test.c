/* Files of a volume, whose folders and links were made by somebody who means ill. */
#include "engine/local/volume_tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tap.h"

static char dir[64];
static int root = -1;

#define IN(name) ({ static char path_[256]; snprintf(path_, sizeof path_, "%s/%s", dir, name); path_; })

static void put(const char *path, const char *text) {
  CHECK_OK(file_write_fast(path, text, strlen(text), 0644));
}

static char *text_of(const char *path) {
  auto_str text = STR_EMPTY;
  auto_err *e = file_read(path, 1 << 20, &text);
  return e ? NULL : str_take(&text);
}

/* <dir>/outside is a secret beside the volume <dir>/volume. */
static void fresh(void) {
  bool has_memory = access("/dev/shm", W_OK) == 0;
  if (root >= 0) close(root);
  snprintf(dir, sizeof dir, "%s/tramway-tree-%d", has_memory ? "/dev/shm" : "/tmp", (int)getpid());
  CHECK_OK(file_remove_tree(dir));
  CHECK_OK(file_make_dirs(IN("volume/a/b"), 0755));
  CHECK_OK(file_make_dirs(IN("outside"), 0755));
  put(IN("outside/secret"), "secret");
  put(IN("volume/a/f"), "hello");
  CHECK(symlink("../../outside", IN("volume/a/up")) == 0);
  CHECK(symlink("/", IN("volume/top")) == 0);
  CHECK(symlink("/etc/passwd", IN("volume/passwd")) == 0);
  CHECK(symlink("/proc/self/root", IN("volume/magic")) == 0);
  CHECK(symlink("loop", IN("volume/loop")) == 0);
  CHECK(mkfifo(IN("volume/pipe"), 0666) == 0);
  root = open(IN("volume"), O_PATH | O_DIRECTORY | O_CLOEXEC);
  CHECK(root >= 0);
}

static void clean_up(void) {
  if (root >= 0) close(root);
  root = -1;
  CHECK_OK(file_remove_tree(dir));
}

TEST(a_folder_is_listed_in_order) {
  fresh();
  struct volume_entries entries;
  CHECK_OK(volume_tree_list(root, "/", &entries));
  CHECK_INT(entries.len, 6);
  CHECK_TEXT(entries.items[0].name, "a");
  CHECK(entries.items[0].kind == VOLUME_ENTRY_FOLDER);
  CHECK_TEXT(entries.items[1].name, "loop");
  CHECK(entries.items[1].kind == VOLUME_ENTRY_LINK && !entries.truncated);
  CHECK(entries.items[4].kind == VOLUME_ENTRY_OTHER);
  volume_entries_done(&entries);
  CHECK_OK(volume_tree_list(root, "top/a/", &entries)); /* "/" is the volume's top */
  CHECK_INT(entries.len, 3);
  CHECK_INT(entries.items[1].size_bytes, 5);
  volume_entries_done(&entries);
  CHECK_ERR(volume_tree_list(root, "a/f", &entries), ERR_INVALID, "not a folder");
  CHECK_ERR(volume_tree_list(root, "none", &entries), ERR_NOT_FOUND, "none");
  clean_up();
}

TEST(nothing_leads_out) {
  fresh();
  static const char *const ways[] = {"../outside/secret", "/../../outside/secret", "a/up/secret", "passwd",
                                     "magic/etc/passwd", "loop", "a/../../outside/secret", "pipe", "a"};
  for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
    int fd = -1;
    struct volume_entry entry = {0};
    auto_err *e = volume_tree_read(root, ways[i], &fd, &entry);
    if (!e) TAP_FAIL("read '%s'", ways[i]);
  }
  struct volume_entries entries;
  CHECK_ERR(volume_tree_list(root, "a/up", &entries), ERR_NOT_FOUND, "");
  CHECK_ERR(volume_tree_make_folder(root, "a/up/new"), ERR_NOT_FOUND, "");
  CHECK_ERR(volume_tree_rename(root, "a/f", "a/up/f"), ERR_NOT_FOUND, "");
  CHECK_ERR(volume_tree_remove(root, "a/up/secret", INT64_MAX), ERR_NOT_FOUND, "");
  CHECK_ERR(volume_tree_remove(root, "/", INT64_MAX), ERR_INVALID, "a name");
  CHECK_ERR(volume_tree_remove(root, "a/..", INT64_MAX), ERR_INVALID, "a name");
  struct volume_new_file file;
  CHECK_ERR(volume_tree_create(root, "a/up/new", true, &file), ERR_NOT_FOUND, "");
  auto_free char *secret = text_of(IN("outside/secret"));
  CHECK_TEXT(secret, "secret");
  clean_up();
}

TEST(removing_much_is_done_in_pieces) {
  fresh();
  CHECK_OK(volume_tree_make_folder(root, "much/a/b"));
  CHECK_OK(volume_tree_make_folder(root, "much/c"));
  int pieces = 0;
  err *e;
  for (; (e = volume_tree_remove(root, "much", 0)) && pieces < 10; pieces++) {
    CHECK_INT(err_code_of(e), ERR_BUSY);
    err_ignore(e);
  }
  CHECK_OK(e);
  CHECK(pieces > 1);
  clean_up();
}

TEST(removing_a_folder_removes_its_links_and_not_what_they_lead_to) {
  fresh();
  CHECK_OK(file_make_dirs(IN("volume/a/b/c/d/e"), 0000));
  CHECK_OK(volume_tree_remove(root, "/a/", INT64_MAX));
  CHECK(!file_exists(IN("volume/a")));
  CHECK_OK(volume_tree_remove(root, "top", INT64_MAX));
  auto_free char *secret = text_of(IN("outside/secret"));
  CHECK_TEXT(secret, "secret");
  CHECK_ERR(volume_tree_remove(root, "a", INT64_MAX), ERR_NOT_FOUND, "");
  clean_up();
}

TEST(folders_are_made_with_those_on_the_way) {
  fresh();
  CHECK(chown(IN("volume/a/b"), 12, 34) == 0);
  CHECK_OK(volume_tree_make_folder(root, "/a/b/c//d/"));
  CHECK_OK(volume_tree_make_folder(root, "a/b/c/d"));
  struct stat info;
  CHECK(lstat(IN("volume/a/b/c/d"), &info) == 0);
  CHECK(S_ISDIR(info.st_mode) && info.st_uid == 12 && info.st_gid == 34);
  CHECK_ERR(volume_tree_make_folder(root, "a/f/x"), ERR_INVALID, "not a folder");
  clean_up();
}

TEST(names_are_changed_and_never_taken) {
  fresh();
  put(IN("volume/g"), "g");
  CHECK_ERR(volume_tree_rename(root, "g", "a/f"), ERR_CONFLICT, "there already");
  CHECK_ERR(volume_tree_rename(root, "a", "a/b/a"), ERR_INVALID, "into itself");
  CHECK_ERR(volume_tree_rename(root, "none", "x"), ERR_NOT_FOUND, "none");
  CHECK_OK(volume_tree_rename(root, "g", "a/b/g"));
  CHECK(file_exists(IN("volume/a/b/g")));
  clean_up();
}

static err *write_text(const char *path, bool replace, const char *text, bool finish) {
  struct volume_new_file file;
  TRY(volume_tree_create(root, path, replace, &file));
  CHECK(write(file.fd, text, strlen(text)) == (ssize_t)strlen(text));
  err *e = finish ? volume_tree_name(&file) : NULL;
  volume_new_file_done(&file);
  return e;
}

TEST(a_file_is_there_when_it_is_whole) {
  fresh();
  CHECK(chown(IN("volume/a"), 12, 34) == 0 && chown(IN("volume/a/f"), 56, 78) == 0 && chmod(IN("volume/a/f"), 0600) == 0);
  CHECK_OK(write_text("a/new", false, "unfinished", false));
  CHECK(!file_exists(IN("volume/a/new")));
  CHECK_OK(write_text("a/new", false, "whole", true));
  struct stat info;
  CHECK(lstat(IN("volume/a/new"), &info) == 0);
  CHECK(info.st_uid == 12 && info.st_mode == (S_IFREG | 0644) && info.st_size == 5);
  CHECK_ERR(write_text("a/f", false, "other", true), ERR_CONFLICT, "there already");
  CHECK_OK(write_text("a/f", true, "other", true));
  CHECK(lstat(IN("volume/a/f"), &info) == 0);
  CHECK(info.st_uid == 56 && info.st_mode == (S_IFREG | 0600));
  CHECK_ERR(write_text("a/b", true, "x", true), ERR_CONFLICT, "there already");
  CHECK_OK(write_text("passwd", true, "mine", true)); /* the link is replaced, not followed */
  auto_free char *text = text_of(IN("volume/passwd"));
  CHECK_TEXT(text, "mine");
  struct volume_entries entries;
  CHECK_OK(volume_tree_list(root, "a", &entries));
  CHECK_INT(entries.len, 4); /* b, f, new, up: nothing is left of any */
  volume_entries_done(&entries);
  clean_up();
}

TEST_MAIN
