#include "base/usage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tap.h"

static char folder[64];

static char *file_of(const char *name, size_t size) {
  char *path = path_join(folder, name);
  auto_free char *data = mem_alloc(size + 1);
  memset(data, 'x', size);
  CHECK_OK(file_write_fast(path, data, size, 0600));
  return path;
}

static void begin(void) {
  snprintf(folder, sizeof folder, "/tmp/tramway-usage-XXXXXX");
  CHECK(mkdtemp(folder));
}

static void end(void) {
  CHECK_OK(file_remove_tree(folder));
}

TEST(a_tree_counts_its_blocks_and_a_hard_link_once) {
  begin();
  auto_free char *sub = path_join(folder, "sub"), *link_path = path_join(folder, "sub/b");
  CHECK_OK(file_make_dirs(sub, 0700));
  int64_t empty = usage_of_tree(folder);
  auto_free char *a = file_of("a", 100000);
  int64_t with_file = usage_of_tree(folder);
  CHECK(with_file - empty >= 100000 && with_file - empty < 110000);
  CHECK_INT(link(a, link_path), 0);
  CHECK_INT(usage_of_tree(folder), with_file);
  CHECK_INT(usage_of_tree(a), with_file - empty);
  CHECK_INT(usage_of_tree("/nowhere"), 0);
  end();
}

TEST(a_symlink_is_not_followed) {
  begin();
  auto_free char *link_path = path_join(folder, "link");
  CHECK_INT(symlink("/usr", link_path), 0);
  CHECK(usage_of_tree(folder) < 65536);
  CHECK(usage_of_tree(link_path) < 8192);
  end();
}

TEST(the_space_of_a_disk) {
  struct usage_space space;
  CHECK_OK(usage_space_of("/tmp", &space));
  CHECK(space.total_bytes > 0 && space.free_bytes >= 0 && space.free_bytes <= space.total_bytes);
  CHECK_ERR(usage_space_of("/nowhere", &space), ERR_NOT_FOUND, "/nowhere");
}

TEST(the_beginning_of_a_file_is_given_back) {
  begin();
  auto_free char *path = file_of("a", 1000000);
  auto_fd fd = open(path, O_RDWR | O_CLOEXEC);
  struct stat info;
  CHECK_INT(usage_data_begin(fd), 0);
  CHECK_OK(usage_punch(fd, 777777));
  CHECK_INT(usage_data_begin(fd), 777777);
  CHECK_INT(fstat(fd, &info), 0);
  CHECK_INT(info.st_size, 1000000);
  CHECK(usage_of_tree(path) < 240000);
  CHECK_OK(usage_punch(fd, 1000000));
  CHECK_INT(usage_data_begin(fd), 1000000);
  end();
}

TEST_MAIN
