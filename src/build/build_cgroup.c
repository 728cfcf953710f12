#include "build/build_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define ROOT "/sys/fs/cgroup"
#define BUILDS "tramway-builds" /* beside the engine's group: either may go without the other */

static const char *const v1_controllers[] = {"memory", "cpu", "pids"};

static bool is_v2(void) {
  return file_exists(ROOT "/cgroup.controllers");
}

static err *write_value(const char *folder, const char *file, const char *value) {
  auto_free char *path = path_join(folder, file);
  auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, value, strlen(value)) < 0) return err_errno(errno, "writing '%s'", path);
  return NULL;
}

/* A limit that this host does not have is worth a line, not a failed build. */
static void set_limit(const char *folder, const char *file, const char *value) {
  auto_err *e = write_value(folder, file, value);
  if (e) log_warn("build", "builds are not limited: %s", err_message(e));
}

static void limit_v1(const char *controller, const char *folder, const struct build_limits *limits) {
  if (str_eq(controller, "memory") && limits->memory_bytes) {
    auto_free char *bytes = str_format("%lld", (long long)limits->memory_bytes);
    set_limit(folder, "memory.limit_in_bytes", bytes);
  }
  if (str_eq(controller, "cpu") && limits->cpu_millis) {
    auto_free char *quota = str_format("%lld", (long long)limits->cpu_millis * 100);
    set_limit(folder, "cpu.cfs_period_us", "100000");
    set_limit(folder, "cpu.cfs_quota_us", quota);
  }
}

static void limit_v2(const char *folder, const struct build_limits *limits) {
  if (limits->memory_bytes) {
    auto_free char *bytes = str_format("%lld", (long long)limits->memory_bytes);
    set_limit(folder, "memory.max", bytes);
  }
  if (limits->cpu_millis) {
    auto_free char *quota = str_format("%lld 100000", (long long)limits->cpu_millis * 100);
    set_limit(folder, "cpu.max", quota);
  }
}

static err *make_v1(const char *name, const struct build_limits *limits) {
  for (size_t i = 0; i < ARRAY_LEN(v1_controllers); i++) {
    auto_free char *folder = str_format(ROOT "/%s/" BUILDS "/%s", v1_controllers[i], name);
    auto_free char *self = path_join(folder, "self");
    TRY(file_make_dirs(self, 0755));
    limit_v1(v1_controllers[i], folder, limits);
  }
  return NULL;
}

/* Controllers reach a child only when every parent hands them down. */
static err *make_v2(const char *parent, const char *name, const struct build_limits *limits) {
  auto_free char *top = str_format(ROOT "%s", parent), *builds = path_join(top, BUILDS);
  auto_free char *folder = path_join(builds, name);
  auto_free char *self = path_join(folder, "self");
  TRY(file_make_dirs(self, 0755));
  const char *parents[] = {top, builds, folder};
  for (size_t i = 0; i < ARRAY_LEN(parents); i++)
    set_limit(parents[i], "cgroup.subtree_control", "+memory +cpu +pids");
  limit_v2(folder, limits);
  return NULL;
}

err *build_cgroup_make(const char *parent, const char *name, const struct build_limits *limits) {
  err *e = is_v2() ? make_v2(parent, name, limits) : make_v1(name, limits);
  return err_wrap(e, "making the build's control group");
}

void build_cgroup_joins(const char *parent, const char *name, struct strv *ret_folders) {
  if (is_v2()) {
    strv_addf(ret_folders, ROOT "%s/" BUILDS "/%s/self", parent, name);
    return;
  }
  for (size_t i = 0; i < ARRAY_LEN(v1_controllers); i++)
    strv_addf(ret_folders, ROOT "/%s/" BUILDS "/%s/self", v1_controllers[i], name);
}

char *build_cgroup_parent(const char *parent, const char *name) {
  return str_format("%s/" BUILDS "/%s/run", is_v2() ? parent : "", name);
}

bool build_cgroup_was_full(const char *parent, const char *name) {
  auto_free char *path = is_v2() ? str_format(ROOT "%s/" BUILDS "/%s/memory.events", parent, name)
                                 : str_format(ROOT "/memory/" BUILDS "/%s/memory.failcnt", name);
  auto_str text = STR_EMPTY;
  auto_err *e = file_read(path, 4096, &text);
  if (e) return false;
  if (!is_v2()) return atoll(str_text(&text)) > 0;
  const char *kills = strstr(str_text(&text), "oom_kill ");
  return kills && atoll(kills + strlen("oom_kill ")) > 0;
}

/* Calls fn for `folder` and every folder below it, the deepest first. */
static void walk(const char *folder, void (*fn)(const char *folder, void *arg), void *arg) {
  DIR *dir = opendir(folder);
  if (!dir && errno == ENOENT) return;
  struct dirent *entry;
  while (dir && (entry = readdir(dir))) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    auto_free char *inner = path_join(folder, entry->d_name);
    walk(inner, fn, arg);
  }
  if (dir) closedir(dir);
  fn(folder, arg); /* also of one that cannot be read: it is there */
}

static void kill_members(const char *folder, void *arg) {
  bool *any = arg;
  auto_free char *path = path_join(folder, "cgroup.procs");
  auto_str text = STR_EMPTY;
  err_ignore(file_read(path, 1024 * 1024, &text));
  for (const char *p = str_text(&text); *p; p += strcspn(p, "\n") + 1) {
    int pid = atoi(p);
    if (pid > 1 && kill(pid, SIGKILL) == 0) *any = true;
    if (!strchr(p, '\n')) break;
  }
}

/* The trees that may hold a folder of ours: crun makes one in every v1 hierarchy. */
static void list_trees(const char *parent, struct strv *trees) {
  if (is_v2()) {
    strv_addf(trees, ROOT "%s/" BUILDS, parent);
    return;
  }
  DIR *dir = opendir(ROOT);
  struct dirent *entry;
  while (dir && (entry = readdir(dir)))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') strv_addf(trees, ROOT "/%s/" BUILDS, entry->d_name);
  if (dir) closedir(dir);
}

static void each_tree(const char *parent, const char *name, void (*fn)(const char *folder, void *arg), void *arg) {
  auto_strv trees = STRV_EMPTY;
  list_trees(parent, &trees);
  for (size_t i = 0; i < trees.len; i++) {
    auto_free char *folder = path_join(trees.items[i], name);
    walk(folder, fn, arg);
  }
}

bool build_cgroup_kill(const char *parent, const char *name) {
  bool any = false;
  each_tree(parent, name, kill_members, &any);
  return any;
}

static void remove_folder(const char *folder, void *arg) {
  int *failed = arg;
  if (rmdir(folder) < 0 && errno != ENOENT) *failed = errno;
}

err *build_cgroup_remove(const char *parent, const char *name) {
  int failed = 0;
  auto_strv trees = STRV_EMPTY;
  list_trees(parent, &trees);
  if (!trees.len) failed = EIO; /* cannot be listed now */
  for (size_t i = 0; i < trees.len; i++) {
    auto_free char *folder = path_join(trees.items[i], name);
    walk(folder, remove_folder, &failed);
  }
  if (failed) return err_errno(failed, "removing the control group '%s'", name);
  for (size_t i = 0; i < trees.len; i++) (void)rmdir(trees.items[i]); /* goes with its last build */
  return NULL;
}

void build_cgroup_list(const char *parent, const char *prefix, struct strv *ret_names) {
  auto_free char *folder = str_format(ROOT "%s/" BUILDS, is_v2() ? parent : "/pids");
  DIR *dir = opendir(folder);
  struct dirent *entry;
  while (dir && (entry = readdir(dir)))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && str_starts(entry->d_name, prefix))
      strv_add(ret_names, entry->d_name);
  if (dir) closedir(dir);
}
