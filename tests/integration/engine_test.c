/* The local engine with real crun, conmon, netavark, aardvark-dns and nft.  Needs root. */
#include <sys/wait.h>

#include "engine_fixture.h"

/* --- Running and ending ---------------------------------------------------------- */

TEST(a_service_starts_and_stops) {
  fx_open();
  struct workload w = service(
      "web",
      SCRIPT("echo $GREETING from $(id -u) in $PWD; cat /srv-below /srv-above; exec sleep 1000"));
  w.working_dir = "/srv";
  long long begin = tap_now_ms();
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("web-0", INSTANCE_RUNNING);
  printf("# first start with its network: %lld ms\n", tap_now_ms() - begin);
  WAIT_LOG("web", "above");
  auto_free char *log = log_of("web", 0);
  CHECK_TEXT(log, "hello from 0 in /srv\nbelow\nabove\n");
  struct workload second = service("web2", SCRIPT("exec sleep 1000"));
  begin = tap_now_ms();
  CHECK_OK(engine_apply(fx.engine, &second));
  WAIT_STATUS("web2-0", INSTANCE_RUNNING);
  printf("# second start: %lld ms\n", tap_now_ms() - begin);
  remove_workload("web");
  CHECK_INT(seen("web-0")->status, INSTANCE_REMOVED);
  remove_workload("web"); /* twice is harmless */
}

TEST(exit_codes_and_restart_policies) {
  fx_open();
  struct workload never = service("never", SCRIPT("exit 7"));
  never.restart = WORKLOAD_RESTART_NEVER;
  struct workload fails = service("fails", SCRIPT("exit 3"));
  struct workload ends = service("ends", SCRIPT("exit 0"));
  struct workload always = service("always", SCRIPT("exit 0"));
  always.restart = WORKLOAD_RESTART_ALWAYS;
  struct workload job = service("job-pre", SCRIPT("echo migrated"));
  job.kind = WORKLOAD_JOB;
  CHECK_OK(engine_apply(fx.engine, &never));
  CHECK_OK(engine_apply(fx.engine, &fails));
  CHECK_OK(engine_apply(fx.engine, &ends));
  CHECK_OK(engine_apply(fx.engine, &always));
  CHECK_OK(engine_apply(fx.engine, &job));
  WAIT_STATUS("never-0", INSTANCE_CRASHED);
  CHECK_INT(seen("never-0")->exit_code, 7);
  CHECK_INT(seen("never-0")->restarts, 0);
  WAIT_STATUS("fails-0", INSTANCE_CRASHED);
  CHECK_INT(seen("fails-0")->exit_code, 3);
  CHECK_INT(seen("fails-0")->restarts, 3);
  WAIT_STATUS("ends-0", INSTANCE_EXITED);
  CHECK_INT(seen("ends-0")->exit_code, 0);
  WAIT_STATUS("job-pre-0", INSTANCE_EXITED);
  CHECK(log_has("job-pre", "migrated"));
  TAP_WAIT_FOR(seen("always-0")->restarts >= 5, 20000, loop_turn(fx.loop, 50));
}

TEST(what_cannot_start_says_why) {
  fx_open();
  static const char *const nope[] = {"/nope", NULL};
  struct workload missing = service("missing", nope);
  struct workload no_user = service("nouser", SCRIPT("true"));
  no_user.user = "stranger";
  struct workload no_image = service("noimage", SCRIPT("true"));
  no_image.image_id = "sha256:gone";
  CHECK_OK(engine_apply(fx.engine, &missing));
  CHECK_OK(engine_apply(fx.engine, &no_user));
  CHECK_OK(engine_apply(fx.engine, &no_image));
  WAIT_STATUS("missing-0", INSTANCE_CRASHED);
  CHECK_HAS(seen("missing-0")->problem, "/nope");
  CHECK_INT(seen("missing-0")->restarts, 0);
  WAIT_STATUS("nouser-0", INSTANCE_CRASHED);
  CHECK_HAS(seen("nouser-0")->problem, "no user 'stranger'");
  WAIT_STATUS("noimage-0", INSTANCE_CRASHED);
  CHECK_HAS(seen("noimage-0")->problem, "no image 'sha256:gone'");
  static const char *const bad_env[] = {"NO_EQUALS", NULL};
  struct workload bad = service("bad", SCRIPT("true"));
  bad.env = bad_env;
  CHECK_ERR(engine_apply(fx.engine, &bad), ERR_INVALID, "no '='");
}

TEST(a_first_process_that_ignores_sigterm_is_killed) {
  fx_open();
  struct workload w =
      service("stubborn", SCRIPT("trap '' TERM; echo ready; while :; do sleep 1; done"));
  w.stop_grace_ms = 300;
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_LOG("stubborn", "ready");
  long long begin = tap_now_ms();
  remove_workload("stubborn");
  CHECK(tap_now_ms() - begin >= 300);
  CHECK(tap_now_ms() - begin < 10000);
  CHECK_INT(seen("stubborn-0")->exit_code, 137);
}

TEST(sigterm_is_heard) {
  fx_open();
  struct workload w = service(
      "polite", SCRIPT("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done"));
  w.stop_grace_ms = 10000;
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_LOG("polite", "ready");
  remove_workload("polite");
  CHECK_INT(seen("polite-0")->exit_code, 5);
  CHECK(log_has("polite", "bye"));
}

TEST(replicas_scale_and_restart_in_place) {
  fx_open();
  struct workload w = service("many", SCRIPT("echo started; exec sleep 1000"));
  w.replicas = 3;
  CHECK_OK(engine_apply(fx.engine, &w));
  for (int i = 0; i < 3; i++) {
    auto_free char *id = str_format("many-%d", i);
    WAIT_STATUS(id, INSTANCE_RUNNING);
  }
  CHECK(strcmp(seen("many-0")->address, seen("many-1")->address) != 0);
  w.replicas = 1;
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("many-2", INSTANCE_REMOVED);
  WAIT_STATUS("many-1", INSTANCE_REMOVED);
  CHECK_INT(seen("many-0")->status, INSTANCE_RUNNING);
  char address[64];
  strcpy(address, seen("many-0")->address);
  CHECK_OK(engine_restart(fx.engine, "many", ENGINE_ALL_REPLICAS));
  CHECK_INT(seen("many-0")->status, INSTANCE_RESTARTING);
  WAIT_STATUS("many-0", INSTANCE_RUNNING);
  CHECK_TEXT(seen("many-0")->address, address);
  WAIT_LOG("many", "started\nstarted"); /* the same log goes on */
}

/* --- Without us ------------------------------------------------------------------ */

static void crash_and_come_back(void (*meanwhile)(void)) {
  engine_free(fx.engine);
  fx.engine = NULL;
  loop_free(fx.loop);
  if (meanwhile) meanwhile();
  fx.seen_len = 0;
  fx.loop = loop_new();
  fx_start_engine();
}

static void wait_a_second(void) {
  usleep(1000000);
}

TEST(what_runs_is_adopted) {
  fx_open();
  struct workload w = service(
      "stays", SCRIPT("echo pid $$; i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done"));
  struct workload ends = service("ends", SCRIPT("sleep 0.5; exit 9"));
  ends.restart = WORKLOAD_RESTART_NEVER;
  struct workload done = service("done-pre", SCRIPT("true"));
  done.kind = WORKLOAD_JOB;
  CHECK_OK(engine_apply(fx.engine, &w));
  CHECK_OK(engine_apply(fx.engine, &ends));
  CHECK_OK(engine_apply(fx.engine, &done));
  WAIT_STATUS("stays-0", INSTANCE_RUNNING);
  WAIT_STATUS("ends-0", INSTANCE_RUNNING);
  WAIT_STATUS("done-pre-0", INSTANCE_EXITED);
  char address[64];
  strcpy(address, seen("stays-0")->address);
  crash_and_come_back(wait_a_second);
  CHECK_INT(seen("stays-0")->status, INSTANCE_RUNNING); /* already when engine_start is done */
  CHECK_TEXT(seen("stays-0")->address, address);
  WAIT_STATUS("ends-0", INSTANCE_CRASHED);
  CHECK_INT(seen("ends-0")->exit_code, 9);
  CHECK_INT(seen("done-pre-0")->status, INSTANCE_EXITED);
  WAIT_LOG("stays", "\n0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"); /* no line was lost meanwhile */
  auto_free char *log = log_of("stays", 0);
  char *second = strstr(log + 4, "pid ");
  CHECK(second == NULL);                 /* and it was not started again */
  CHECK_OK(engine_apply(fx.engine, &w)); /* the same once more changes nothing */
  remove_workload("stays");
  CHECK_INT(seen("stays-0")->status, INSTANCE_REMOVED);
}

static void delete_a_workload_file(void) {
  auto_free char *path = str_format("%s/engine/workloads/orphan.json", fx.data_dir);
  unlink(path);
}

TEST(leftovers_of_nobody_are_removed) {
  fx_open();
  struct workload w = service("orphan", SCRIPT("exec sleep 98765.4"));
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("orphan-0", INSTANCE_RUNNING);
  TAP_WAIT_FOR(count_processes("[9]8765.4") == 1, 10000, loop_turn(fx.loop, 50));
  crash_and_come_back(delete_a_workload_file);
  TAP_WAIT_FOR(count_processes("[9]8765.4") == 0, 10000, loop_turn(fx.loop, 50));
}

static void kill_the_container(void) {
  SHELL("for f in /proc/[0-9]*/cmdline; do if grep -qa '[9]8765.5' $f 2>/dev/null; then "
        "d=${f%%/cmdline}; "
        "kill -9 ${d#/proc/}; fi; done; sleep 0.3");
}

TEST(what_died_meanwhile_is_started_again) {
  fx_open();
  struct workload w = service("victim", SCRIPT("exec sleep 98765.5"));
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("victim-0", INSTANCE_RUNNING);
  crash_and_come_back(kill_the_container);
  TAP_WAIT_FOR(seen("victim-0")->restarts == 1, 10000, loop_turn(fx.loop, 50));
  WAIT_STATUS("victim-0", INSTANCE_RUNNING);
  CHECK_INT(seen("victim-0")->exit_code, 137);
}

TEST(what_was_being_restarted_comes_back) {
  fx_open();
  struct workload slow = service("slow", SCRIPT("echo up; trap 'sleep 1.5; exit 0' TERM; while :; do sleep 0.1; done"));
  struct workload quick = service("quick", SCRIPT("echo up; trap 'sleep 0.5; exit 0' TERM; while :; do sleep 0.1; done"));
  slow.stop_grace_ms = quick.stop_grace_ms = 10000;
  CHECK_OK(engine_apply(fx.engine, &slow));
  CHECK_OK(engine_apply(fx.engine, &quick));
  WAIT_LOG("slow", "up");
  WAIT_LOG("quick", "up");
  usleep(100000); /* the traps are set */
  CHECK_OK(engine_restart(fx.engine, "slow", 0));
  CHECK_OK(engine_restart(fx.engine, "quick", 0));
  loop_turn(fx.loop, 1);
  crash_and_come_back(wait_a_second); /* one has ended meanwhile, the other has not */
  WAIT_LOG("slow", "up\nup");
  WAIT_LOG("quick", "up\nup");
  WAIT_STATUS("slow-0", INSTANCE_RUNNING);
  WAIT_STATUS("quick-0", INSTANCE_RUNNING);
}

TEST(what_was_being_removed_ends_in_order) {
  fx_open();
  struct workload w = service("leaving", SCRIPT("echo up; trap 'sleep 1; echo bye; exit 0' TERM; while :; do sleep 0.1; done"));
  w.replicas = 2;
  w.stop_grace_ms = 10000;
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("leaving-1", INSTANCE_RUNNING);
  WAIT_LOG("leaving", "up");
  usleep(100000); /* the traps are set */
  engine_remove(fx.engine, "leaving", NULL, NULL);
  loop_turn(fx.loop, 1);
  crash_and_come_back(NULL);
  CHECK_INT(seen("leaving-0")->status, INSTANCE_REMOVING);
  WAIT_STATUS("leaving-0", INSTANCE_REMOVED);
  WAIT_STATUS("leaving-1", INSTANCE_REMOVED);
  CHECK(log_has("leaving", "bye"));
  auto_free char *path = str_format("%s/engine/workloads/leaving.json", fx.data_dir);
  TAP_WAIT_FOR(!file_exists(path), 5000, loop_turn(fx.loop, 10));
}

static void wish_for_more(void) {
  SHELL("cd %s/engine/workloads; for id in a b c d e f; do sed \"s/holder/$id/\" holder.json > $id.json; done", fx.data_dir);
}

/* A start that was recorded no further than the wish must not be given the address of what runs. */
TEST(what_runs_keeps_its_address_beside_what_is_new) {
  fx_open();
  struct workload w = service("holder", SCRIPT("exec sleep 1000"));
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("holder-0", INSTANCE_RUNNING);
  char address[64];
  strcpy(address, seen("holder-0")->address);
  crash_and_come_back(wish_for_more);
  CHECK_TEXT(seen("holder-0")->address, address);
  WAIT_STATUS("a-0", INSTANCE_RUNNING);
  WAIT_STATUS("f-0", INSTANCE_RUNNING);
  CHECK(strcmp(seen("a-0")->address, address) != 0);
}

static struct workload victim_of_kills(void) {
  static const char *const argv[] = {"/bin/sh", "-c", "echo up; exec sleep 98765.6", NULL};
  return service("phoenix", argv);
}

/* Run as a program of its own by the test below, to be killed at some moment. */
TEST(child_that_is_killed) {
  const char *dir = getenv("ENGINE_CHILD_DIR");
  if (!dir) return;
  fx_name_folders(dir);
  fx.loop = loop_new();
  fx_start_engine();
  struct workload w = victim_of_kills();
  CHECK_OK(engine_apply(fx.engine, &w));
  loop_run(fx.loop);
}

static pid_t start_child(void) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  setenv("ENGINE_CHILD_DIR", fx.dir, 1);
  int nothing = open("/dev/null", O_WRONLY);
  dup2(nothing, 1);
  dup2(nothing, 2);
  execl("/proc/self/exe", "engine_test", "child_that_is_killed", NULL);
  _exit(127);
}

TEST(a_sigkill_at_any_moment_does_no_harm) {
  fx_open();
  engine_free(fx.engine);
  fx.engine = NULL;
  for (int delay_ms = 20; delay_ms < 500; delay_ms += 30) {
    pid_t child = start_child();
    usleep((unsigned)delay_ms * 1000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    fx.seen_len = 0;
    fx_start_engine();
    struct workload w = victim_of_kills();
    CHECK_OK(engine_apply(fx.engine, &w));
    WAIT_STATUS("phoenix-0", INSTANCE_RUNNING);
    TAP_WAIT_FOR(count_processes("[9]8765.6") == 1, 10000, loop_turn(fx.loop, 50));
    remove_workload("phoenix");
    TAP_WAIT_FOR(count_processes("[9]8765.6") == 0, 10000, loop_turn(fx.loop, 50));
    if (delay_ms % 60 == 20) { /* every other time the network is made anew */
      fx.done = false;
      engine_remove_environment(fx.engine, "env-one", on_done, NULL);
      TAP_WAIT_FOR(fx.done, 20000, loop_turn(fx.loop, 50));
    }
    engine_free(fx.engine);
    fx.engine = NULL;
  }
  fx_start_engine();
}

TEST(a_stop_in_the_middle_of_a_start) {
  fx_open();
  for (int delay_ms = 0; delay_ms < 100; delay_ms += 7) {
    struct workload w = service("hasty", SCRIPT("exec sleep 98765.7"));
    CHECK_OK(engine_apply(fx.engine, &w));
    long long end = tap_now_ms() + delay_ms;
    while (tap_now_ms() < end)
      loop_turn(fx.loop, 1);
    if (delay_ms % 2) CHECK_OK(engine_restart(fx.engine, "hasty", ENGINE_ALL_REPLICAS));
    remove_workload("hasty");
    CHECK_INT(seen("hasty-0")->status, INSTANCE_REMOVED);
    CHECK_INT(count_processes("[9]8765.7"), 0);
  }
}

TEST(the_name_server_is_started_again) {
  fx_open();
  struct workload api = service("api", SCRIPT("exec sleep 1000"));
  CHECK_OK(engine_apply(fx.engine, &api));
  WAIT_STATUS("api-0", INSTANCE_RUNNING);
  auto_free char *path = str_format("%s/netavark/aardvark-dns/aardvark.pid", fx.run_dir);
  auto_str text = STR_EMPTY;
  CHECK_OK(file_read(path, 64, &text));
  kill(atoi(str_text(&text)), SIGKILL);
  struct workload asker = service(
      "asker",
      SCRIPT(
          "until nslookup api.railway.internal; do sleep 0.2; done >/dev/null 2>&1; echo found"));
  CHECK_OK(engine_apply(fx.engine, &asker));
  WAIT_LOG("asker", "found");
}

TEST(no_log_line_is_lost) {
  fx_open();
  struct workload w = service("loud", SCRIPT("seq 1 100000; echo end"));
  w.restart = WORKLOAD_RESTART_NEVER;
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("loud-0", INSTANCE_EXITED);
  auto_free char *log = log_of("loud", 0);
  const char *p = log;
  for (int i = 1; i <= 100000; i++) {
    if (atoi(p) != i) TAP_FAIL("line %d is '%.20s'", i, p);
    p = strchr(p, '\n') + 1;
  }
  CHECK_TEXT(p, "end\n");
}

/* --- The end --------------------------------------------------------------------- */

/* Everything that we could leave behind, as text. */
static char *world(void) {
  fx_choose_names();
  auto_free char *net =
      str_ndup(test_ipv4_pool, strcspn(test_ipv4_pool, "/") - 1); /* "10.220.16." */
  auto_free char *command = str_format(
      "cut -d' ' -f5,9- /proc/self/mountinfo | grep -e %s -e %s; ls /sys/class/net | grep ^%s; "
      "ls -d /sys/fs/cgroup/%s /sys/fs/cgroup/*/%s 2>/dev/null; nft list ruleset | grep -e %s -e "
      "'[ ]%s'; "
      "grep -la '%s[/]' /proc/[0-9]*/cmdline 2>/dev/null; true",
      test_name, fx.dir, test_name, test_name, test_name, test_name, net, fx.dir);
  FILE *pipe = popen(command, "r");
  auto_str text = STR_EMPTY;
  char chunk[4096];
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, pipe)) > 0;)
    str_add_bytes(&text, chunk, got);
  pclose(pipe);
  return str_take(&text);
}

TEST(a_halt_leaves_nothing_and_the_next_start_brings_it_back) {
  fx_open();
  struct workload a = web_server("api", "env-one"), b = web_server("web", "env-two");
  struct workload job = service("ran-pre", SCRIPT("echo once"));
  job.kind = WORKLOAD_JOB;
  CHECK_OK(engine_apply(fx.engine, &a));
  CHECK_OK(engine_apply(fx.engine, &b));
  CHECK_OK(engine_apply(fx.engine, &job));
  WAIT_STATUS("api-0", INSTANCE_RUNNING);
  WAIT_STATUS("web-0", INSTANCE_RUNNING);
  WAIT_STATUS("ran-pre-0", INSTANCE_EXITED);
  char address[64];
  strcpy(address, seen("api-0")->address);
  fx.done = false;
  engine_halt(fx.engine, on_done, NULL);
  TAP_WAIT_FOR(fx.done, 30000, loop_turn(fx.loop, 50));
  CHECK_TEXT(fx.done_error, "");
  auto_free char *after = world();
  CHECK_TEXT(after, "");
  crash_and_come_back(NULL);
  WAIT_STATUS("api-0", INSTANCE_RUNNING);
  WAIT_STATUS("web-0", INSTANCE_RUNNING);
  CHECK_TEXT(seen("api-0")->address, address);
  CHECK_INT(seen("ran-pre-0")->status, INSTANCE_EXITED);
  auto_free char *log = log_of("ran-pre", 0);
  CHECK_TEXT(log, "once\n");
}

TEST(an_environment_is_removed) {
  fx_open();
  struct workload w = service("web", SCRIPT("exec sleep 1000"));
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("web-0", INSTANCE_RUNNING);
  fx.done = false;
  engine_remove_environment(fx.engine, "env-one", on_done, NULL);
  TAP_WAIT_FOR(fx.done, 20000, loop_turn(fx.loop, 50));
  CHECK_HAS(fx.done_error, "still uses");
  remove_workload("web");
  /* A link that the kernel has not taken away yet must not keep netavark from removing its rules. */
  SHELL("ip link add tvffff0000001 type veth peer name tvffff0000002 && ip link set tvffff0000001 master %s-e0", test_name);
  fx.done = false;
  engine_remove_environment(fx.engine, "env-one", on_done, NULL);
  TAP_WAIT_FOR(fx.done, 20000, loop_turn(fx.loop, 50));
  CHECK_TEXT(fx.done_error, "");
  auto_free char *bridge = str_format("/sys/class/net/%s-e0", test_name);
  CHECK(!file_exists(bridge));
  CHECK(!file_exists("/sys/class/net/tvffff0000001"));
  auto_free char *net = str_ndup(test_ipv4_pool, strcspn(test_ipv4_pool, "/") - 1); /* "10.220.16." */
  SHELL("! nft list ruleset 2>/dev/null | grep -F %s", net);
}

TEST_MAIN
