/* What conmon writes, while the beginning of its file is given back to the disk again and again.  Needs
 * root; see engine_fixture.h. */
#include "base/usage.h"
#include "engine_fixture.h"
#include "observe/log_keep.h"
#include "observe/log_store.h"

enum { LINES = 60000, LIMIT = 1 << 20 };

/* "line N" in order: none is lost, torn or doubled. */
struct read_back {
  int first, count;
};

static void take(void *arg, const struct log_entry *entry) {
  struct read_back *r = arg;
  int number = atoi(entry->message + strlen("line "));
  if (!r->count++) r->first = number;
  CHECK_INT(number, r->first + r->count - 1);
}

static struct read_back newest(log_store *store, int limit) {
  struct read_back r = {0};
  struct log_query query = {.kind = LOG_DEPLOY, .deployment_id = "talker", .limit = limit};
  CHECK_OK(log_store_query(store, &query, take, &r));
  return r;
}

TEST(a_log_is_bounded_while_conmon_writes_it) {
  fx_open();
  auto_free char *dir = path_join(fx.dir, "keep"), *deploy = path_join(fx.dir, "keep/deploy");
  CHECK_OK(file_make_dirs(dir, 0700));
  CHECK_OK(file_make_dirs(fx.log_dir, 0700));
  CHECK_INT(symlink(fx.log_dir, deploy), 0);
  log_store *store;
  CHECK_OK(log_store_new(fx.loop, dir, &store));
  struct workload talker = service("talker", SCRIPT("i=0; while [ $i -lt 60000 ]; do i=$((i+1)); "
                                                    "echo line $i of an app that talks; done; sleep 1000"));
  CHECK_OK(engine_apply(fx.engine, &talker));
  int64_t freed = 0, freed_at_all = 0;
  int cuts = 0;
  struct read_back r = {0};
  long long end_ms = tap_now_ms() + 60000;
  while (r.first + r.count - 1 != LINES && tap_now_ms() < end_ms) {
    loop_turn(fx.loop, 5);
    CHECK_OK(log_keep_trim(dir, "talker", LIMIT, &freed));
    freed_at_all += freed;
    cuts += freed > 0;
    r = newest(store, 2000);
  }
  CHECK_INT(r.first + r.count - 1, LINES);
  CHECK_INT(r.count, 2000);
  CHECK(cuts >= 3 && freed_at_all > 2 * LIMIT);
  auto_free char *path = str_format("%s/talker/talker-0.log", fx.log_dir);
  CHECK(usage_of_tree(path) <= LIMIT + LIMIT / 4);
  remove_workload("talker");
  log_store_free(store);
}

TEST_MAIN
