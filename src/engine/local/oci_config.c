#include "engine/local/oci_config.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Podman's default set without what a service has no use for. */
const char *const oci_capabilities[] = {
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",  "CAP_FSETID",           "CAP_KILL",
    "CAP_SETGID", "CAP_SETUID",       "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    NULL,
};

static const char *const masked_paths[] = {
    "/proc/acpi",        "/proc/asound",    "/proc/interrupts",
    "/proc/kcore",       "/proc/keys",      "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi",      "/proc/timer_list",
    "/proc/timer_stats", "/sys/dev/block",  "/sys/devices/virtual/powercap",
    "/sys/firmware",     "/sys/fs/selinux", NULL,
};

static const char *const readonly_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static json_t *texts(const char *const *items) {
  json_t *array = json_array();
  for (size_t i = 0; items && items[i]; i++)
    json_array_append_new(array, json_string(items[i]));
  return array;
}

/* Sets "NAME=value" in an array of such, replacing an earlier one of the same name. */
static void set_variable(json_t *env, const char *assignment, bool replace) {
  size_t len = (size_t)(strchrnul(assignment, '=') - assignment) + 1;
  for (size_t i = 0; i < json_array_size(env); i++) {
    if (strncmp(json_string_value(json_array_get(env, i)), assignment, len) != 0) continue;
    if (replace) json_array_set_new(env, i, json_string(assignment));
    return;
  }
  json_array_append_new(env, json_string(assignment));
}

static void add_default(json_t *env, const char *name, const char *value) {
  auto_free char *assignment = str_format("%s=%s", name, value);
  set_variable(env, assignment, false);
}

static json_t *environment(const struct oci_config *c) {
  json_t *env = texts(c->env);
  add_default(env, "PATH", default_path);
  add_default(env, "HOME", c->user->home);
  add_default(env, "HOSTNAME", c->hostname);
  return env;
}

static json_t *user(const struct user *u) {
  json_t *groups = json_array();
  for (size_t i = 0; i < u->groups_len; i++)
    json_array_append_new(groups, json_integer((json_int_t)u->groups[i]));
  return json_pack("{s:I, s:I, s:o}", "uid", (json_int_t)u->uid, "gid", (json_int_t)u->gid,
                   "additionalGids", groups);
}

/* Only root starts with capabilities in effect; the bounding set is what set-id programs could
 * gain, were it not for no-new-privileges. */
static json_t *capabilities(bool root) {
  static const char *const none[] = {NULL};
  return json_pack("{s:o, s:o, s:o}", "bounding", texts(oci_capabilities), "effective",
                   texts(root ? oci_capabilities : none), "permitted",
                   texts(root ? oci_capabilities : none));
}

static json_t *process(const struct oci_config *c) {
  json_int_t files = (json_int_t)c->open_files;
  return json_pack("{s:b, s:o, s:o, s:o, s:s, s:b, s:o, s:[{s:s, s:I, s:I}]}", "terminal", 0,
                   "user", user(c->user), "args", texts(c->argv), "env", environment(c), "cwd",
                   str_empty(c->working_dir) ? "/" : c->working_dir, "noNewPrivileges", 1,
                   "capabilities", capabilities(c->user->uid == 0), "rlimits", "type",
                   "RLIMIT_NOFILE", "soft", files, "hard", files);
}

static void add_mount(json_t *mounts, const char *destination, const char *type, const char *source,
                      const char *options) {
  auto_strv list = STRV_EMPTY;
  strv_split(&list, options, ',');
  json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:o}", "destination", destination,
                                          "type", type, "source", source, "options",
                                          texts((const char *const *)list.items)));
}

static json_t *mounts(const struct oci_config *c) {
  json_t *list = json_array();
  auto_free char *shm =
      str_format("nosuid,noexec,nodev,mode=1777,size=%lld", (long long)c->shm_bytes);
  add_mount(list, "/proc", "proc", "proc", "nosuid,noexec,nodev");
  add_mount(list, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
  add_mount(list, "/dev/pts", "devpts", "devpts",
            "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
  add_mount(list, "/dev/shm", "tmpfs", "shm", shm);
  add_mount(list, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
  add_mount(list, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro");
  add_mount(list, "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro");
  const char *own = "bind,private,ro,nosuid,noexec,nodev";
  if (c->hosts_file) add_mount(list, "/etc/hosts", "bind", c->hosts_file, own);
  if (c->resolv_file) add_mount(list, "/etc/resolv.conf", "bind", c->resolv_file, own);
  if (c->hostname_file) add_mount(list, "/etc/hostname", "bind", c->hostname_file, own);
  return list;
}

static json_t *resources(const struct oci_config *c) {
  json_t *out = json_pack("{s:[{s:b, s:s}], s:{s:I}}", "devices", "allow", 0, "access", "rwm",
                          "pids", "limit", (json_int_t)c->pids);
  if (c->memory_bytes) {
    json_t *memory = json_pack("{s:I}", "limit", (json_int_t)c->memory_bytes);
    if (c->limit_swap)
      json_object_set_new(memory, "swap", json_integer((json_int_t)c->memory_bytes));
    json_object_set_new(out, "memory", memory);
  }
  if (c->cpu_millis) { /* quota per period of 100 ms, in microseconds; the kernel's least is 1 ms */
    json_int_t quota = c->cpu_millis * 100 < 1000 ? 1000 : c->cpu_millis * 100;
    json_object_set_new(out, "cpu",
                        json_pack("{s:I, s:I}", "quota", quota, "period", (json_int_t)100000));
  }
  return out;
}

static json_t *namespaces(void) {
  static const char *const types[] = {"pid", "ipc", "uts", "mount", "network", "user", "cgroup"};
  json_t *array = json_array();
  for (size_t i = 0; i < ARRAY_LEN(types); i++)
    json_array_append_new(array, json_pack("{s:s}", "type", types[i]));
  return array;
}

static json_t *id_map(uint32_t first) {
  return json_pack("[{s:i, s:I, s:i}]", "containerID", 0, "hostID", (json_int_t)first, "size",
                   65536);
}

static json_t *linux_part(const struct oci_config *c) {
  json_t *out = json_object();
  json_set_text(out, "cgroupsPath", c->cgroup);
  json_object_set_new(out, "namespaces", namespaces());
  json_object_set_new(out, "uidMappings", id_map(c->first_host_id));
  json_object_set_new(out, "gidMappings", id_map(c->first_host_id));
  json_object_set_new(out, "resources", resources(c));
  /* The network namespace is the container's own: anybody in it may bind port 80 and ping. */
  json_object_set_new(out, "sysctl",
                      json_pack("{s:s, s:s}", "net.ipv4.ip_unprivileged_port_start", "0",
                                "net.ipv4.ping_group_range", "0 65535"));
  json_object_set_new(out, "maskedPaths", texts(masked_paths));
  json_object_set_new(out, "readonlyPaths", texts(readonly_paths));
  if (c->seccomp) json_object_set(out, "seccomp", c->seccomp);
  return out;
}

json_t *oci_config_json(const struct oci_config *c) {
  json_t *out = json_object();
  json_set_text(out, "ociVersion", "1.0.2");
  json_object_set_new(out, "process", process(c));
  json_object_set_new(out, "root", json_pack("{s:s, s:b}", "path", c->rootfs, "readonly", 0));
  json_set_text(out, "hostname", c->hostname);
  json_object_set_new(out, "mounts", mounts(c));
  json_object_set_new(out, "linux", linux_part(c));
  return out;
}

json_t *oci_exec_json(const json_t *config, const char *const *argv, const char *const *env,
                      bool terminal) {
  json_t *own = json_object_get(config, "process");
  if (!json_is_object(own)) return NULL;
  json_t *out = json_deep_copy(own);
  json_object_set_new(out, "args", texts(argv));
  json_object_set_new(out, "terminal", json_boolean(terminal));
  json_t *variables = json_object_get(out, "env");
  for (size_t i = 0; env && env[i]; i++)
    set_variable(variables, env[i], true);
  if (terminal) add_default(variables, "TERM", "xterm-256color");
  return out;
}
