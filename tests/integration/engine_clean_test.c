/* What the engine cannot take away at once. */
#include <sys/mount.h>

#include "engine_fixture.h"

static bool is_there(const char *dir, const char *name) {
  auto_free char *path = path_join(dir, name);
  return file_exists(path);
}

/* A folder that is in use: nothing in it can be removed. */
static void occupy(const char *path) {
  CHECK_OK(file_make_dirs(path, 0700));
  CHECK_INT(mount("tmpfs", path, "tmpfs", 0, NULL), 0);
}

TEST(what_is_in_use_is_removed_when_it_is_free) {
  fx_open();
  struct workload w = service("held", SCRIPT("exec sleep 98765.7"));
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("held-0", INSTANCE_RUNNING);
  auto_free char *obstacle = str_format("%s/bundles/held-0/obstacle", fx.run_dir);
  auto_free char *other = str_format("%s/engine/instances/held-0/obstacle", fx.data_dir);
  occupy(obstacle);
  occupy(other);
  fx.done = false;
  engine_remove(fx.engine, "held", on_done, NULL);
  TAP_WAIT_FOR(!is_there(fx.run_dir, "bundles/held-0/rootfs"), 10000, loop_turn(fx.loop, 50));
  for (int i = 0; i < 20; i++) loop_turn(fx.loop, 20);
  CHECK(!fx.done);
  CHECK_INT(umount2(obstacle, MNT_DETACH), 0);
  TAP_WAIT_FOR(!is_there(fx.run_dir, "bundles/held-0"), 10000, loop_turn(fx.loop, 50));
  CHECK(!fx.done);
  CHECK_INT(umount2(other, MNT_DETACH), 0);
  TAP_WAIT_FOR(fx.done, 10000, loop_turn(fx.loop, 50));
  CHECK_TEXT(fx.done_error, "");
  CHECK(!is_there(fx.data_dir, "engine/instances/held-0"));
}

TEST(layers_of_an_interrupted_start_are_unmounted) {
  fx_open();
  auto_free char *layer = str_format("%s/l/7.0", fx.run_dir);
  engine_free(fx.engine);
  occupy(layer);
  fx_start_engine();
  CHECK(!file_exists(layer));
}

TEST(what_cannot_be_kept_is_not_begun) {
  fx_open();
  auto_free char *in_the_way = str_format("%s/engine/instances/barred-0", fx.data_dir);
  CHECK_OK(file_write(in_the_way, "", 0, 0600));
  struct workload w = service("barred", SCRIPT("exec sleep 98765.8"));
  CHECK_ERR(engine_apply(fx.engine, &w), ERR_CONFLICT, "is not a folder");
  CHECK(!is_there(fx.data_dir, "engine/instances/barred-0"));
  remove_workload("barred");
  CHECK(!is_there(fx.data_dir, "engine/workloads/barred.json"));
}

TEST_MAIN
