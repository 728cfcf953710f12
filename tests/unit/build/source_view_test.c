/* What a view cannot look at is answered as absent, and told. */
#include "build/source_view.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tap.h"

static struct rlimit before;

/* No further file can be opened. */
static void fill_file_table(void) {
  int next = open("/dev/null", O_RDONLY);
  CHECK(next >= 0);
  close(next);
  CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit full = {.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
  CHECK_INT(setrlimit(RLIMIT_NOFILE, &full), 0);
}

TEST(what_cannot_be_looked_at_is_told) {
  char folder[] = "/tmp/tramway-view-test.XXXXXX";
  CHECK(mkdtemp(folder) != NULL);
  auto_free char *file = path_join(folder, "Dockerfile");
  CHECK_OK(file_write_fast(file, "FROM x\n", 7, 0600));
  struct source_view view;
  CHECK_OK(source_view_open(folder, &view));
  CHECK(source_has(&view, "Dockerfile") && !source_has(&view, "go.mod") && !source_has(&view, "Dockerfile/x"));
  CHECK_OK(source_view_problem(&view)); /* being absent is none */
  fill_file_table();
  bool seen = source_has(&view, "Dockerfile");
  CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
  CHECK(!seen && source_has(&view, "Dockerfile"));
  CHECK_ERR(source_view_problem(&view), ERR_LIMIT, "'Dockerfile' of the source: opening it: Too many open files");
  source_view_close(&view);
  CHECK_OK(file_remove_tree(folder));
}

TEST_MAIN
