#include "engine/engine.h"

#include "engine/engine_ops.h"
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

TEST(exec_needs_a_command) {
  struct exec_options options = {.instance_id = "d-1-0"};
  engine_exec *x = NULL;
  CHECK_ERR(engine_exec_start(&fake, &options, &x), ERR_INVALID, "no command");
  options.argv = command_line;
  CHECK_OK(engine_exec_start(&fake, &options, &x));
}

TEST_MAIN
