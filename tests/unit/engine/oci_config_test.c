#include "engine/local/oci_config.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static const char *const command_line[] = {"/app", "--x", NULL};
static const char *const env[] = {"PORT=8080", "HOME=/elsewhere", "PORT2=1", NULL};
static const struct user root = {.home = "/root"};
static const struct user app = {
    .uid = 1000, .gid = 1001, .groups = {5, 6}, .groups_len = 2, .home = "/home/app"};

static struct oci_config base_config(void) {
  return (struct oci_config){.rootfs = "/run/x/rootfs",
                             .hostname = "web",
                             .argv = command_line,
                             .env = env,
                             .working_dir = "/srv",
                             .user = &root,
                             .first_host_id = 268435456,
                             .cgroup = "/tramway/web-0",
                             .pids = 100,
                             .shm_bytes = 1 << 20,
                             .open_files = 20000,
                             .hosts_file = "/run/x/hosts"};
}

/* The value at a path like "linux.resources.cpu.quota" or "mounts.0.type", as JSON text. */
static char *at(const json_t *value, const char *path) {
  auto_strv parts = STRV_EMPTY;
  strv_split(&parts, path, '.');
  for (size_t i = 0; i < parts.len && value; i++)
    value = json_is_array(value) ? json_array_get(value, (size_t)atoi(parts.items[i]))
                                 : json_object_get(value, parts.items[i]);
  return value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : str_dup("(none)");
}

#define CHECK_AT(object, path, expected)                                                           \
  do {                                                                                             \
    auto_free char *text_ = at(object, path);                                                      \
    if (strcmp(text_, expected) != 0) TAP_FAIL("%s is %s, expected %s", path, text_, expected);    \
  } while (0)

TEST(a_process) {
  struct oci_config c = base_config();
  auto_json *o = oci_config_json(&c);
  CHECK_AT(o, "process.args", "[\"/app\",\"--x\"]");
  CHECK_AT(o, "process.cwd", "\"/srv\"");
  CHECK_AT(o, "process.noNewPrivileges", "true");
  CHECK_AT(o, "process.terminal", "false");
  CHECK_AT(o, "process.rlimits", "[{\"type\":\"RLIMIT_NOFILE\",\"soft\":20000,\"hard\":20000}]");
  CHECK_AT(
      o, "process.env",
      "[\"PORT=8080\",\"HOME=/elsewhere\",\"PORT2=1\","
      "\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"HOSTNAME=web\"]");
  c.working_dir = NULL;
  auto_json *p = oci_config_json(&c);
  CHECK_AT(p, "process.cwd", "\"/\"");
}

TEST(only_root_has_capabilities_in_effect) {
  struct oci_config c = base_config();
  auto_json *o = oci_config_json(&c);
  auto_free char *effective = at(o, "process.capabilities.effective");
  CHECK_HAS(effective, "CAP_CHOWN");
  CHECK(!strstr(effective, "CAP_SYS_ADMIN") && !strstr(effective, "CAP_NET_RAW") &&
        !strstr(effective, "CAP_MKNOD"));
  c.user = &app;
  auto_json *p = oci_config_json(&c);
  CHECK_AT(p, "process.user", "{\"uid\":1000,\"gid\":1001,\"additionalGids\":[5,6]}");
  CHECK_AT(p, "process.capabilities.effective", "[]");
  CHECK_AT(p, "process.capabilities.permitted", "[]");
}

TEST(limits) {
  struct oci_config c = base_config();
  auto_json *none = oci_config_json(&c);
  CHECK_AT(none, "linux.resources.memory", "(none)");
  CHECK_AT(none, "linux.resources.cpu", "(none)");
  CHECK_AT(none, "linux.resources.pids.limit", "100");
  c.memory_bytes = 512 << 20;
  c.cpu_millis = 1500;
  auto_json *some = oci_config_json(&c);
  CHECK_AT(some, "linux.resources.memory", "{\"limit\":536870912}");
  CHECK_AT(some, "linux.resources.cpu", "{\"quota\":150000,\"period\":100000}");
  c.limit_swap = true;
  c.cpu_millis = 1; /* the kernel takes no quota under 1 ms */
  auto_json *least = oci_config_json(&c);
  CHECK_AT(least, "linux.resources.memory.swap", "536870912");
  CHECK_AT(least, "linux.resources.cpu.quota", "1000");
}

TEST(namespaces_and_mappings) {
  struct oci_config c = base_config();
  auto_json *o = oci_config_json(&c);
  CHECK_AT(o, "linux.namespaces",
           "[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},"
           "{\"type\":\"network\"},{\"type\":\"user\"},{\"type\":\"cgroup\"}]");
  CHECK_AT(o, "linux.uidMappings", "[{\"containerID\":0,\"hostID\":268435456,\"size\":65536}]");
  CHECK_AT(o, "linux.gidMappings", "[{\"containerID\":0,\"hostID\":268435456,\"size\":65536}]");
  CHECK_AT(o, "linux.cgroupsPath", "\"/tramway/web-0\"");
  CHECK_AT(o, "linux.resources.devices", "[{\"allow\":false,\"access\":\"rwm\"}]");
}

TEST(mounts_of_the_system_are_read_only) {
  struct oci_config c = base_config();
  auto_json *o = oci_config_json(&c);
  const json_t *mounts = json_object_get(o, "mounts");
  bool hosts = false;
  for (size_t i = 0; i < json_array_size(mounts); i++) {
    const json_t *mount = json_array_get(mounts, i);
    const char *where = json_get_text(mount, "destination");
    auto_free char *options = at(mount, "options");
    if (str_starts(where, "/sys")) CHECK_HAS(options, "\"ro\"");
    if (str_eq(where, "/dev/shm")) CHECK_HAS(options, "size=1048576");
    if (str_eq(where, "/etc/hosts")) hosts = strstr(options, "\"ro\"") != NULL;
    if (!str_starts(where, "/dev")) CHECK_HAS(options, "nosuid");
  }
  CHECK(hosts);
  auto_free char *masked = at(o, "linux.maskedPaths"), *readonly = at(o, "linux.readonlyPaths");
  CHECK_HAS(masked, "/proc/kcore");
  CHECK_HAS(readonly, "/proc/sys");
}

TEST(exec_takes_over_what_the_container_has) {
  struct oci_config c = base_config();
  c.user = &app;
  auto_json *o = oci_config_json(&c);
  static const char *const command[] = {"sh", NULL}, *const more[] = {"PORT=1", "NEW=2", NULL};
  auto_json *x = oci_exec_json(o, command, more, true);
  CHECK_AT(x, "args", "[\"sh\"]");
  CHECK_AT(x, "terminal", "true");
  CHECK_AT(x, "user.uid", "1000");
  CHECK_AT(x, "env.0", "\"PORT=1\"");
  auto_free char *variables = at(x, "env");
  CHECK_HAS(variables, "\"PORT2=1\"");
  CHECK_HAS(variables, "\"NEW=2\"");
  CHECK_HAS(variables, "TERM=");
  CHECK_AT(o, "process.env.0", "\"PORT=8080\""); /* the original is untouched */
  auto_json *empty = json_object();
  CHECK(oci_exec_json(empty, command, NULL, false) == NULL);
}

TEST_MAIN
