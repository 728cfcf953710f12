#include "engine/local/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum { PROC_FILE_LIMIT = 1024 * 1024, REMOVE_DEPTH = 8, FREEZE_TRIES = 10000 };

/* One line of mountinfo: "36 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu". */
static void parse_mount(struct cgroups *c, const char *line) {
  auto_strv fields = STRV_EMPTY;
  strv_split(&fields, line, ' ');
  size_t dash = 6;
  while (dash < fields.len && !str_eq(fields.items[dash], "-"))
    dash++;
  if (dash + 3 >= fields.len) return;
  const char *point = fields.items[4], *type = fields.items[dash + 1],
             *options = fields.items[dash + 3];
  if (!str_starts(point, "/sys/fs/cgroup")) return;
  if (str_eq(type, "cgroup2")) {
    if (str_eq(point, "/sys/fs/cgroup"))
      c->v2 = true;
    else
      c->hybrid = true;
    strv_add(&c->hierarchies, point);
  } else if (str_eq(type, "cgroup")) {
    auto_strv names = STRV_EMPTY;
    strv_split(&names, options, ',');
    if (strv_has(&names, "memory")) str_replace_owned(&c->memory, point);
    if (strv_has(&names, "freezer")) str_replace_owned(&c->freezer, point);
    strv_add(&c->hierarchies, point);
  }
}

err *cgroups_parse(const char *parent, const char *name, const char *mountinfo,
                   struct cgroups *ret_cgroups) {
  struct cgroups c = {0};
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, mountinfo, '\n');
  for (size_t i = 0; i < lines.len; i++)
    parse_mount(&c, lines.items[i]);
  if (c.v2) {
    str_replace_owned(&c.memory, "/sys/fs/cgroup");
    str_replace_owned(&c.freezer, "/sys/fs/cgroup");
    c.hybrid = false;
  }
  bool below = c.v2 && !str_empty(parent);
  c.folder = below ? path_join(parent + 1, name) : str_dup(name);
  if (c.hierarchies.len == 0) {
    cgroups_done(&c);
    return err_new(ERR_NOT_FOUND, "no control groups are mounted below /sys/fs/cgroup");
  }
  *ret_cgroups = c;
  return NULL;
}

/* Hands the controllers of a delegated group on to what is made in it.  One by one: which of them
 * there are differs, and crun says so when an instance needs one that is missing. */
static void hand_on(const char *group) {
  static const char *const words[] = {"+cpu", "+cpuset", "+io", "+memory", "+pids"};
  auto_free char *path = path_join(group, "cgroup.subtree_control");
  for (size_t i = 0; i < ARRAY_LEN(words); i++) {
    auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, words[i], strlen(words[i])) < 0)
      log_line(LOG_LEVEL_DEBUG, "engine", "%s to '%s': %s", words[i], path, strerror(errno));
  }
}

static err *check_parent(const char *path) {
  auto_free char *procs = path_join(path, "cgroup.procs");
  if (file_exists(procs)) return NULL;
  return err_new(ERR_NOT_FOUND, "there is no control group '%s': is the unit of deploy.control_group "
                                "running?  Without systemd take that key out of tramway.toml", path);
}

err *cgroups_detect(const char *parent, const char *name, struct cgroups *ret_cgroups) {
  auto_str text = STR_EMPTY;
  TRY(file_read("/proc/self/mountinfo", PROC_FILE_LIMIT, &text));
  TRY(cgroups_parse(parent, name, str_text(&text), ret_cgroups));
  struct cgroups *c = ret_cgroups;
  if (c->v2 && !str_empty(parent)) {
    auto_free char *group = path_join(c->memory, parent + 1);
    TRY(check_parent(group));
    hand_on(group);
  }
  /* Version 2 shows the swap limit in every group but the root: ask our own, made for that. */
  auto_free char *own = path_join(c->memory ? c->memory : c->hierarchies.items[0], c->folder);
  (void)mkdir(own, 0755);
  auto_free char *swap = path_join(own, c->v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes");
  c->swap_limit = file_exists(swap);
  return NULL;
}

void cgroups_done(struct cgroups *c) {
  free(c->folder);
  free(c->memory);
  free(c->freezer);
  strv_done(&c->hierarchies);
  *c = (struct cgroups){0};
}

/* Where tramd itself is in the root group, or nobody limits or kills by group, there is nothing to
 * get away from; and each hierarchy joined costs 2 ms. */
static bool must_leave(const char *hierarchy, const struct strv *own) {
  static const char *const worthwhile[] = {"/sys/fs/cgroup", "/unified", "/systemd", "/memory",
                                           "/pids"};
  for (size_t i = 0; i < ARRAY_LEN(worthwhile); i++) {
    if (!str_ends(hierarchy, worthwhile[i])) continue;
    const char *base = strrchr(hierarchy, '/') + 1;
    auto_free char *controller =
        i < 2 ? str_dup("0::/") : str_format(":%s%s:/", i == 2 ? "name=" : "", base);
    for (size_t j = 0; j < own->len; j++) {
      const char *found = strstr(own->items[j], controller);
      if (found && found[strlen(controller)] != '\0') return true;
    }
  }
  return false;
}

void cgroups_add_monitor_options(const struct cgroups *c, const char *own_groups,
                                 struct strv *argv) {
  auto_strv own = STRV_EMPTY;
  strv_split(&own, own_groups, '\n');
  for (size_t i = 0; i < c->hierarchies.len; i++) {
    if (!must_leave(c->hierarchies.items[i], &own)) continue;
    auto_free char *ours = path_join(c->hierarchies.items[i], c->folder);
    auto_free char *monitor = path_join(ours, "monitor");
    (void)mkdir(ours, 0755);
    (void)mkdir(monitor, 0755);
    auto_free char *procs = path_join(monitor, "cgroup.procs");
    if (!file_exists(procs)) continue;
    strv_add(argv, "--cgroup");
    strv_add(argv, monitor);
  }
}

char *cgroups_oci_path(const struct cgroups *c, const char *instance_id) {
  return str_format("/%s/%s", c->folder, instance_id);
}

static char *file_of(const struct cgroups *c, const char *instance_id, const char *file) {
  const char *hierarchy = c->memory ? c->memory : c->hierarchies.items[0];
  return str_format("%s/%s/%s/%s", hierarchy, c->folder, instance_id, file);
}

int cgroups_oom_kills(const struct cgroups *c, const char *instance_id) {
  auto_free char *path = file_of(c, instance_id, c->v2 ? "memory.events" : "memory.oom_control");
  auto_str text = STR_EMPTY;
  auto_err *e = file_read(path, PROC_FILE_LIMIT, &text);
  const char *found = e ? NULL : strstr(str_text(&text), "oom_kill ");
  return found ? atoi(found + strlen("oom_kill ")) : 0;
}

size_t cgroups_pids(const struct cgroups *c, const char *instance_id, pid_t *pids, size_t size) {
  auto_free char *path = file_of(c, instance_id, "cgroup.procs");
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  size_t len = 0;
  while (len < size && fscanf(file, "%d", &pids[len]) == 1)
    len++;
  fclose(file);
  return len;
}

void cgroups_kill(const struct cgroups *c, const char *instance_id) {
  pid_t pids[4096];
  size_t len = cgroups_pids(c, instance_id, pids, ARRAY_LEN(pids));
  for (size_t i = 0; i < len; i++)
    kill(pids[i], SIGKILL);
}

static char *freezer_file(const struct cgroups *c, const char *instance_id, const char *file) {
  return str_format("%s/%s/%s/%s", c->freezer, c->folder, instance_id, file);
}

static err *set_frozen(const struct cgroups *c, const char *instance_id, bool frozen) {
  auto_free char *path = freezer_file(c, instance_id, c->v2 ? "cgroup.freeze" : "freezer.state");
  const char *word = c->v2 ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED");
  auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, word, strlen(word)) < 0) return err_errno(errno, "%s to '%s'", word, path);
  return NULL;
}

static err *is_frozen(const struct cgroups *c, const char *instance_id, bool *ret_frozen) {
  auto_free char *path = freezer_file(c, instance_id, c->v2 ? "cgroup.events" : "freezer.state");
  auto_str text = STR_EMPTY;
  TRY(file_read(path, PROC_FILE_LIMIT, &text));
  *ret_frozen = strstr(str_text(&text), c->v2 ? "frozen 1" : "FROZEN");
  return NULL;
}

static err *wait_frozen(const struct cgroups *c, const char *instance_id, bool frozen) {
  for (int i = 0; i < FREEZE_TRIES; i++) {
    bool is;
    TRY(is_frozen(c, instance_id, &is));
    if (is == frozen) return NULL;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  return err_new(ERR_BUSY, "not all processes of '%s' could be frozen within %d s", instance_id, FREEZE_TRIES / 1000);
}

err *cgroups_freeze(const struct cgroups *c, const char *instance_id, bool frozen) {
  if (!c->freezer) return err_new(ERR_NOT_FOUND, "this machine's control groups cannot freeze");
  TRY(set_frozen(c, instance_id, frozen));
  err *e = wait_frozen(c, instance_id, frozen);
  if (e && frozen) cgroups_thaw(c, instance_id);
  return e;
}

void cgroups_thaw(const struct cgroups *c, const char *instance_id) {
  if (c->freezer) err_ignore(set_frozen(c, instance_id, false));
}

static err *remove_group(const char *path, int depth) {
  DIR *folder = opendir(path);
  if (!folder) return errno == ENOENT ? NULL : err_errno(errno, "opening '%s'", path);
  err *e = NULL;
  for (struct dirent *entry; depth > 0 && !e && (entry = readdir(folder));) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    auto_free char *inner = path_join(path, entry->d_name);
    e = remove_group(inner, depth - 1);
  }
  closedir(folder);
  if (!e && rmdir(path) < 0 && errno != ENOENT)
    e = err_errno(errno, "removing the cgroup '%s'", path);
  return e;
}

err *cgroups_remove(const struct cgroups *c) {
  err *first = NULL;
  for (size_t i = 0; i < c->hierarchies.len; i++) {
    auto_free char *own = path_join(c->hierarchies.items[i], c->folder);
    err *e = remove_group(own, REMOVE_DEPTH);
    if (first)
      err_ignore(e);
    else
      first = e;
  }
  return first;
}
