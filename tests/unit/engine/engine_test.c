#include "engine/engine.h"

#include "engine/engine_ops.h"
#include "base/mem.h"
#include "model/volume.h"
#include "tap.h"

static int applied;

static err *fake_apply(engine *en, const struct workload *w) {
  (void)en;
  (void)w;
  applied++;
  return NULL;
}

static err *fake_exec(engine *en, const struct exec_options *options, engine_exec **ret_exec) {
  (void)en;
  (void)options;
  (void)ret_exec;
  return NULL;
}

static const struct engine_ops fake_ops = {.apply = fake_apply, .exec_start = fake_exec};
static struct engine fake = {.ops = &fake_ops};

static const char *const command_line[] = {"/bin/true", NULL};

static struct workload good(void) {
  return (struct workload){.id = "d-1",
                           .environment_id = "e-1",
                           .service_id = "s-1",
                           .service_label = "web",
                           .image_id = "sha256:aa",
                           .argv = command_line,
                           .replicas = 1};
}

TEST(a_good_workload_is_passed_on) {
  struct workload w = good();
  applied = 0;
  CHECK_OK(engine_apply(&fake, &w));
  CHECK_INT(applied, 1);
}

TEST(ids_that_could_leave_a_folder_are_refused) {
  static const char *const bad[] = {
      "",
      "..",
      "a/b",
      "A",
      "-x",
      "a b",
      "12345678901234567890123456789012345678901234567890123456789012345"};
  applied = 0;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct workload w = good();
    w.id = bad[i];
    CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "workload id");
    w = good();
    w.environment_id = bad[i];
    CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "environment");
    w = good();
    w.service_label = bad[i];
    CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "label");
  }
  CHECK_INT(applied, 0);
}

TEST(limits_are_checked) {
  static const char *const no_name[] = {"=x", NULL}, *const no_equals[] = {"SECRET", NULL};
  static const char *const not_utf8[] = {"A=\xff", NULL};
  struct workload w = good();
  w.replicas = 51;
  CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "0 to 50");
  w = good();
  w.kind = WORKLOAD_JOB;
  w.replicas = 2;
  CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "one replica");
  w = good();
  w.memory_bytes = -1;
  CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "negative");
  w = good();
  w.argv = NULL;
  CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "start command");
  w = good();
  w.env = no_name;
  CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "variable number 1");
  w.env = not_utf8;
  CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "UTF-8");
  w.env = no_equals;
  err *e = engine_apply(&fake, &w);
  CHECK(e && !strstr(err_message(e), "SECRET")); /* it may be the value itself */
  err_free(e);
}

TEST(sizes_are_bounded) {
  char *huge = malloc(200 * 1024);
  memset(huge, 'x', 200 * 1024 - 1);
  huge[200 * 1024 - 1] = '\0';
  huge[1] = '=';
  const char *const env[] = {huge, NULL};
  struct workload w = good();
  w.env = env;
  err *e = engine_apply(&fake, &w);
  free(huge);
  CHECK_ERR(e, ERR_LIMIT, "128 KiB");
}

TEST(a_volume_is_mounted_where_it_hurts_nobody) {
  static const char *const good_paths[] = {"/data", "/data/", "//data//x", "/process", "/var/lib/dev", "/a/..b/.c"};
  static const char *const bad_paths[] = {NULL, "", "data", "/", "///", "/proc", "/proc/x", "//sys/", "/dev/shm",
                                          "/a/../b", "/a/..", "/./a", "/a\nb", "/a\xff"};
  for (size_t i = 0; i < ARRAY_LEN(good_paths); i++)
    CHECK_OK(volume_mount_path_check(good_paths[i]));
  for (size_t i = 0; i < ARRAY_LEN(bad_paths); i++)
    CHECK_ERR(volume_mount_path_check(bad_paths[i]), ERR_INVALID, "");
  char longest[VOLUME_PATH_MAX + 2];
  memset(longest, 'x', sizeof longest);
  longest[0] = '/';
  longest[sizeof longest - 1] = '\0';
  CHECK_ERR(volume_mount_path_check(longest), ERR_INVALID, "longer");
  struct workload_volume volume = {"v-1", "/data"};
  struct workload w = good();
  w.volumes = &volume;
  w.volumes_len = 1;
  CHECK_OK(engine_apply(&fake, &w));
  volume.mount_path = "/proc";
  CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "the kernel's");
  volume = (struct workload_volume){"../v", "/data"};
  CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "a volume's id");
  volume.volume_id = "v-1";
  w.kind = WORKLOAD_JOB;
  CHECK_ERR(engine_apply(&fake, &w), ERR_INVALID, "a job has no volumes");
  w.kind = WORKLOAD_SERVICE;
  w.volumes_len = WORKLOAD_VOLUMES_MAX + 1;
  CHECK_ERR(engine_apply(&fake, &w), ERR_LIMIT, "volumes");
}

static char answer[200];

static void on_answer(void *arg, err *e) {
  (void)arg;
  snprintf(answer, sizeof answer, "%s", e ? err_message(e) : "");
  err_free(e);
}

static void on_usage(void *arg, err *e, const struct volume_usage *usage) {
  CHECK(!usage);
  on_answer(arg, e);
}

TEST(volumes_that_make_no_sense_never_reach_the_engine) {
  engine_volume_apply(&fake, &(struct engine_volume){"a/b", VOLUME_SIZE_BYTES_MIN}, on_answer, NULL);
  CHECK(strstr(answer, "a volume's id"));
  engine_volume_apply(&fake, &(struct engine_volume){"v", VOLUME_SIZE_BYTES_MIN - 1}, on_answer, NULL);
  CHECK(strstr(answer, "a volume has"));
  engine_volume_apply(&fake, &(struct engine_volume){"v", VOLUME_SIZE_BYTES_MAX + 1}, on_answer, NULL);
  CHECK(strstr(answer, "a volume has"));
  engine_volume_remove(&fake, "..", on_answer, NULL);
  CHECK(strstr(answer, "a volume's id"));
  engine_volume_usage(&fake, "", on_usage, NULL);
  CHECK(strstr(answer, "a volume's id"));
  engine_volume_snapshot(&fake, "v", "../s", on_answer, NULL);
  CHECK(strstr(answer, "a snapshot's name"));
  struct volume_run run = {.volume_id = "v"};
  CHECK_ERR(engine_volume_run(&fake, &run, NULL), ERR_INVALID, "no command");
}

TEST(exec_needs_a_command) {
  struct exec_options options = {.instance_id = "d-1-0"};
  engine_exec *x = NULL;
  CHECK_ERR(engine_exec_start(&fake, &options, &x), ERR_INVALID, "no command");
  options.argv = command_line;
  CHECK_OK(engine_exec_start(&fake, &options, &x));
}

TEST_MAIN
