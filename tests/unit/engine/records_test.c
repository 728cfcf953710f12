/* What the engine keeps on disk, and what it reads from the kernel and from conmon. */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "engine/local/cgroup.h"
#include "engine/local/conmon.h"
#include "engine/local/sockets.h"
#include "engine/local/user_range.h"
#include "engine/local/workload_file.h"
#include "tap.h"

static char dir[64];

static void fresh_dir(void) {
  snprintf(dir, sizeof dir, "/tmp/tramway-records-%d", (int)getpid());
  err_ignore(file_remove_tree(dir));
  CHECK_OK(file_make_dirs(dir, 0700));
}

static struct workload *loaded[4];
static size_t loaded_len;

static void on_loaded(void *arg, struct workload *w) {
  (void)arg;
  loaded[loaded_len++] = w;
}

TEST(workloads_come_back_as_they_were) {
  fresh_dir();
  static const char *const argv[] = {"/bin/sh", "-c", "echo \"x\" \n", NULL}, *const env[] = {
                                                                                  "A=1", "B=ä=\t",
                                                                                  NULL},
                    *const needs[] = {"db", NULL};
  struct workload w = {.id = "d-1",
                       .kind = WORKLOAD_JOB,
                       .environment_id = "e",
                       .service_id = "s",
                       .service_label = "web",
                       .former_label = "site",
                       .depends_on = needs,
                       .image_id = "sha256:1",
                       .argv = argv,
                       .env = env,
                       .user = "app",
                       .replicas = 1,
                       .restart = WORKLOAD_RESTART_ALWAYS,
                       .restart_max_retries = 7,
                       .memory_bytes = 9007199254740993,
                       .cpu_millis = 1,
                       .pids = 2,
                       .shm_bytes = 3,
                       .stop_grace_ms = 4,
                       .stop_signal = SIGINT};
  CHECK_OK(workload_save(dir, &w, NULL));
  struct stat info;
  auto_free char *path = path_join(dir, "d-1.json"), *bad = path_join(dir, "bad.json"),
                 *old = path_join(dir, "old.json");
  CHECK_INT(stat(path, &info), 0);
  CHECK_INT(info.st_mode & 0777, 0600);
  CHECK_OK(file_write(bad, "{", 1, 0600)); /* is skipped */
  CHECK_OK(file_write(old, "{\"version\":2}", 13, 0600));
  loaded_len = 0;
  CHECK_OK(workload_load_all(dir, NULL, on_loaded, NULL));
  CHECK_INT(loaded_len, 1);
  struct workload *back = loaded[0];
  auto_json *before = workload_to_json(&w), *after = workload_to_json(back);
  json_set_text(before, "working_dir", "/");
  CHECK(json_equal(before, after));
  CHECK_TEXT(back->argv[2], argv[2]);
  CHECK_TEXT(back->env[1], env[1]);
  CHECK(back->env[2] == NULL);
  workload_free(back);
  auto_free char *unreadable = path_join(dir, "unreadable.json"); /* is not: what it says may run */
  CHECK_OK(file_make_dirs(unreadable, 0700));
  err *e = workload_load_all(dir, NULL, on_loaded, NULL);
  CHECK_ERR(e, ERR_IO, "unreadable.json");
  CHECK_OK(file_remove_tree(unreadable));
  CHECK_OK(workload_delete(dir, "d-1"));
  CHECK_OK(workload_delete(dir, "d-1"));
  CHECK(!file_exists(path));
}

static bool file_has(const char *text) {
  auto_free char *path = path_join(dir, "d-2.json");
  auto_str file = STR_EMPTY;
  CHECK_OK(file_read(path, 1 << 20, &file));
  return strstr(str_text(&file), text) != NULL;
}

static void check_env(const vault *v, const char *expected) {
  loaded_len = 0;
  CHECK_OK(workload_load_all(dir, v, on_loaded, NULL));
  CHECK_INT(loaded_len, expected ? 1 : 0);
  if (!expected) return;
  CHECK_TEXT(loaded[0]->env[0], expected);
  workload_free(loaded[0]);
}

TEST(variables_of_a_workload_are_encrypted) {
  fresh_dir();
  auto_vault *v = vault_new_random(), *other = vault_new_random();
  static const char *const argv[] = {"/a", NULL}, *const env[] = {"KEY=canary-9", NULL};
  struct workload w = {.id = "d-2", .environment_id = "e", .service_id = "s", .service_label = "web",
                       .image_id = "i", .argv = argv, .env = env};
  CHECK_OK(workload_save(dir, &w, NULL)); /* as before there were keys */
  CHECK(file_has("canary-9"));
  check_env(v, "KEY=canary-9");
  CHECK_OK(workload_reseal_all(dir, v));
  CHECK(!file_has("canary-9"));
  check_env(v, "KEY=canary-9");
  check_env(other, NULL);
  CHECK_OK(vault_add_key(v)); /* a rotation */
  CHECK_OK(workload_reseal_all(dir, v));
  CHECK_OK(vault_drop_old_keys(v));
  check_env(v, "KEY=canary-9");
  CHECK_OK(workload_delete(dir, "d-2"));
}

TEST(volumes_of_a_workload_are_recorded) {
  static const char *const argv[] = {"/a", NULL};
  static const struct workload_volume volumes[] = {{"v-1", "/data"}, {"v-2", "/more"}};
  struct workload w = {.id = "d", .environment_id = "e", .service_id = "s", .service_label = "web",
                       .image_id = "i", .argv = argv, .volumes = volumes, .volumes_len = 2};
  auto_json *object = workload_to_json(&w);
  struct workload *back = NULL, *copy = NULL;
  CHECK_OK(workload_from_json(object, &back));
  copy = workload_dup(back);
  workload_free(back);
  CHECK_INT(copy->volumes_len, 2);
  CHECK_TEXT(copy->volumes[1].volume_id, "v-2");
  CHECK_TEXT(copy->volumes[1].mount_path, "/more");
  workload_free(copy);
  json_object_del(json_array_get(json_object_get(object, "volumes"), 1), "path");
  CHECK_ERR(workload_from_json(object, &back), ERR_CORRUPT, "a volume");
  json_object_del(object, "volumes"); /* of before there were any */
  CHECK_OK(workload_from_json(object, &back));
  CHECK_INT(back->volumes_len, 0);
  workload_free(back);
}

TEST(a_workload_of_before_has_no_dependencies) {
  static const char *const argv[] = {"/a", NULL}, *const needs[] = {"db", NULL};
  struct workload w = {.id = "d", .environment_id = "e", .service_id = "s", .service_label = "web",
                       .depends_on = needs, .image_id = "i", .argv = argv};
  auto_json *object = workload_to_json(&w);
  struct workload *back = NULL;
  CHECK_OK(workload_from_json(object, &back));
  CHECK_TEXT(back->depends_on[0], "db");
  workload_free(back);
  json_object_del(object, "depends_on");
  CHECK_OK(workload_from_json(object, &back));
  CHECK(!back->depends_on[0]);
  workload_free(back);
}

TEST(ranges_are_kept_and_given_back) {
  fresh_dir();
  auto_free char *path = path_join(dir, "ranges.json");
  user_ranges *r = NULL;
  uint32_t a, b, again;
  CHECK_OK(user_ranges_load(path, &r));
  CHECK_OK(user_ranges_get(r, "env", "one", &a));
  CHECK_OK(user_ranges_get(r, "env", "two", &b));
  CHECK_INT(a, USER_RANGE_FIRST);
  CHECK_INT(b, USER_RANGE_FIRST + USER_RANGE_SIZE);
  user_ranges_free(r);
  CHECK_OK(user_ranges_load(path, &r));
  CHECK_OK(user_ranges_get(r, "env", "two", &again));
  CHECK_INT(again, b);
  CHECK_OK(user_ranges_forget(r, "en"));
  CHECK_OK(user_ranges_get(r, "other", "one", &again));
  CHECK_INT(again, USER_RANGE_FIRST + 2 * USER_RANGE_SIZE);
  CHECK_OK(user_ranges_forget(r, "env"));
  CHECK_OK(user_ranges_get(r, "third", "one", &again));
  CHECK_INT(again, a);
  user_ranges_free(r);
  CHECK_OK(file_write(path, "{\"e/s\": 99999999}", 17, 0600));
  CHECK_ERR(user_ranges_load(path, &r), ERR_CORRUPT, "'e/s'");
  CHECK_OK(file_remove_tree(dir));
}

static const char v2_mounts[] =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
#define DELEGATED "/tramway.slice/tramway-instances.service"

TEST(a_delegated_group_is_used_on_version_2_only) {
  struct cgroups c;
  CHECK_OK(cgroups_parse(DELEGATED, "tramway", v2_mounts, &c));
  auto_free char *path = cgroups_oci_path(&c, "d-0");
  CHECK_TEXT(path, DELEGATED "/tramway/d-0");
  CHECK_TEXT(c.memory, "/sys/fs/cgroup");
  cgroups_done(&c);
  CHECK_OK(cgroups_parse(DELEGATED, "tramway",
                         "33 32 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", &c));
  auto_free char *of_v1 = cgroups_oci_path(&c, "d-0");
  CHECK_TEXT(of_v1, "/tramway/d-0");
  cgroups_done(&c);
}

/* Conmon leaves tramd's unit for the group that outlives it; where tramd is in no unit it stays. */
TEST(monitors_are_placed_in_the_delegated_group) {
  char place[] = "/tmp/tramway-test-XXXXXX";
  struct cgroups c;
  auto_strv argv = STRV_EMPTY, none = STRV_EMPTY;
  CHECK(mkdtemp(place) != NULL);
  auto_free char *root = str_format("%s/sys/fs/cgroup", place);
  auto_free char *monitor = str_format("%s" DELEGATED "/tramway/monitor", root);
  auto_free char *procs = path_join(monitor, "cgroup.procs");
  CHECK_OK(file_make_dirs(monitor, 0755));
  CHECK_OK(file_write_fast(procs, "", 0, 0600));
  CHECK_OK(cgroups_parse(DELEGATED, "tramway", v2_mounts, &c));
  strv_done(&c.hierarchies);
  c.hierarchies = STRV_EMPTY;
  strv_add(&c.hierarchies, root);
  cgroups_add_monitor_options(&c, "0::/tramway.slice/tramway.service\n", &argv);
  CHECK_INT(argv.len, 2);
  CHECK_TEXT(argv.items[0], "--cgroup");
  CHECK_TEXT(argv.items[1], monitor);
  cgroups_add_monitor_options(&c, "0::/\n", &none);
  CHECK_INT(none.len, 0);
  cgroups_done(&c);
  CHECK_OK(file_remove_tree(place));
}

TEST(cgroups_of_all_hosts) {
  struct cgroups c;
  static const char v2[] =
      "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
  CHECK_OK(cgroups_parse("", "tramway", v2, &c));
  CHECK(c.v2 && !c.hybrid);
  CHECK_TEXT(c.memory, "/sys/fs/cgroup");
  auto_free char *path = cgroups_oci_path(&c, "d-0");
  CHECK_TEXT(path, "/tramway/d-0");
  cgroups_done(&c);
  static const char hybrid[] =
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\nnonsense\n";
  CHECK_OK(cgroups_parse("", "tramway", hybrid, &c));
  CHECK(!c.v2 && c.hybrid);
  CHECK_INT(c.hierarchies.len, 3);
  CHECK_TEXT(c.memory, "/sys/fs/cgroup/memory");
  cgroups_done(&c);
  CHECK_ERR(cgroups_parse("", "tramway", "1 2 3:4 / / rw - ext4 /dev/x rw\n", &c), ERR_NOT_FOUND,
            "control groups");
}

TEST(what_conmon_says) {
  pid_t pid = 0;
  CHECK_OK(conmon_parse_sync("{\"data\": 4711}\n", 15, &pid));
  CHECK_INT(pid, 4711);
  static const char missing[] =
      "{\"data\": -1, \"message\": \"executable file `x` not found in $PATH: No such file\\n\"}";
  CHECK_ERR(conmon_parse_sync(missing, strlen(missing), &pid), ERR_NOT_FOUND,
            "executable file `x`");
  static const char other[] =
      "{\"data\": -1, \"message\": \"mount `proc`: Operation not permitted\"}";
  CHECK_ERR(conmon_parse_sync(other, strlen(other), &pid), ERR_IO, "mount");
  CHECK_ERR(conmon_parse_sync("{", 1, &pid), ERR_INVALID, "conmon");
}

TEST(no_variable_is_on_conmon_s_command_line) {
  static const char *const monitor[] = {"tramway-exec", "--", NULL}, *const runtime[] = {
                                                                         "exec", "--hide-cgroup2",
                                                                         "--", "crun", NULL};
  struct conmon_request request = {monitor,  "/usr/bin/conmon", runtime,  "d-0",
                                   "/run/b", "/run/e",          "/run/s", "/log"};
  auto_strv argv = STRV_EMPTY;
  conmon_argv(&request, &argv);
  auto_free char *line = strv_join(&argv, " ");
  CHECK_TEXT(line,
             "tramway-exec -- /usr/bin/conmon --api-version 1 --cid d-0 --cuuid d-0 --name d-0 "
             "--bundle /run/b "
             "--container-pidfile=/run/b/pid --conmon-pidfile=/run/b/conmon.pid --exit-dir=/run/e "
             "--socket-dir-path=/run/s --log-path=k8s-file:/log --runtime=exec "
             "--runtime-arg=--hide-cgroup2 --runtime-arg=-- --runtime-arg=crun");
}

TEST(listening_sockets) {
  static const char tcp[] = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
                            "retrnsmt   uid  timeout inode\n"
                            "   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 "
                            "00000000     0        0 41 1 0 100 0 0 10 0\n"
                            "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 "
                            "00000000     0        0 42 1 0 100 0 0 10 0\n"
                            "   2: 0300D80A:1F90 0400D80A:9999 01 00000000:00000000 00:00000000 "
                            "00000000     0        0 43 1 0 100 0 0 10 0\n"
                            "garbage\n";
  static const char tcp6[] = "   0: 00000000000000000000000000000000:0050 "
                             "00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 44 1\n"
                             "   1: 00000000000000000000000001000000:0051 "
                             "00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 45 1\n"
                             "   2: 0000000000000000FFFF00000100007F:0052 "
                             "00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 46 1\n";
  static struct listening_socket found[SOCKETS_MAX];
  size_t len = 0;
  sockets_parse(tcp, false, found, &len);
  CHECK_INT(len, 2);
  CHECK_INT(found[0].socket.port, 5000);
  CHECK(found[0].socket.loopback_only);
  CHECK_INT(found[1].socket.port, 8080);
  CHECK(!found[1].socket.loopback_only);
  CHECK_INT(found[1].inode, 42);
  sockets_parse(tcp6, true, found, &len);
  CHECK_INT(len, 5);
  CHECK(!found[2].socket.loopback_only && found[3].socket.loopback_only &&
        found[4].socket.loopback_only);
  CHECK(found[2].socket.ipv6);
  len = SOCKETS_MAX;
  sockets_parse(tcp, false, found, &len); /* full: no more */
  CHECK_INT(len, SOCKETS_MAX);
}

TEST_MAIN
