#include "engine/local/volume_offline.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/local/cgroup.h"
#include "engine/local/loop_device.h"
#include "engine/local/volume_store.h"
#include "loop/spawn_wait.h"

#define SNAPSHOT "whole-machine"

enum {
  WORKLOAD_FILE_LIMIT = 16 * 1024 * 1024,
  FORMAT_DEADLINE_MS = 120000,
  SHARE_DEADLINE_MS = 110000, /* a pause ends after two minutes */
  UNUSED_TRIES = 50,          /* loop devices detach in their own time */
  UNUSED_WAIT_MS = 100,
};

static void store_of(const struct volume_place *p, struct volume_store *s) {
  volume_store_init(s, p->data_dir, p->run_dir, p->reserve_bytes);
}
#define auto_store __attribute__((cleanup(volume_store_done))) struct volume_store

err *volume_offline_list(const struct volume_place *p, struct strv *ret_ids) {
  auto_free char *path = path_join(p->data_dir, "volumes");
  DIR *folder = opendir(path);
  if (!folder) return errno == ENOENT ? NULL : err_errno(errno, "opening '%s'", path);
  err *e = NULL;
  for (struct dirent *entry; (entry = folder_next(folder, path, &e));)
    if (entry->d_name[0] != '.') strv_add(ret_ids, entry->d_name);
  closedir(folder);
  return e;
}

/* --- Who runs on it ---------------------------------------------------------------- */

static bool has_volume(const json_t *workload, const char *id) {
  const json_t *volumes = json_object_get(workload, "volumes");
  for (size_t i = 0; i < json_array_size(volumes); i++)
    if (str_eq(json_get_text(json_array_get(volumes, i), "id"), id)) return true;
  return false;
}

static err *add_instances(const char *path, const char *volume_id, struct strv *instances) {
  auto_str text = STR_EMPTY;
  auto_json *workload = NULL;
  err *e = file_read(path, WORKLOAD_FILE_LIMIT, &text);
  if (e && err_code_of(e) == ERR_NOT_FOUND) { /* removed meanwhile */
    err_free(e);
    return NULL;
  }
  if (e) return e;
  TRY(json_parse(text.data, text.len, path, &workload));
  if (!has_volume(workload, volume_id)) return NULL;
  for (int64_t replica = 0; replica < json_get_int(workload, "replicas", 0); replica++)
    strv_addf(instances, "%s-%lld", json_get_text(workload, "id"), (long long)replica);
  return NULL;
}

static err *find_instances(const struct volume_place *p, const char *volume_id, struct strv *instances) {
  auto_free char *path = str_format("%s/engine/workloads", p->data_dir);
  DIR *folder = opendir(path);
  if (!folder) return errno == ENOENT ? NULL : err_errno(errno, "opening '%s'", path);
  err *e = NULL;
  for (struct dirent *entry; !e && (entry = folder_next(folder, path, &e));) {
    auto_free char *file = path_join(path, entry->d_name);
    if (str_ends(file, ".json")) e = add_instances(file, volume_id, instances);
  }
  closedir(folder);
  return e;
}

/* --- Pausing them ------------------------------------------------------------------ */

struct pause {
  struct cgroups cgroups;
  struct strv instances;
  pid_t guard; /* lets them go on when we are killed */
  int guarded; /* closed by our end, too */
};

static void go_on(const struct pause *p) {
  for (size_t i = 0; i < p->instances.len; i++)
    cgroups_thaw(&p->cgroups, p->instances.items[i]);
}

static err *start_guard(struct pause *p) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return err_errno(errno, "pipe2");
  p->guard = fork();
  if (p->guard == 0) {
    char byte;
    close(ends[1]);
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
      continue;
    go_on(p);
    _exit(0);
  }
  close(ends[0]);
  p->guarded = ends[1];
  return p->guard < 0 ? err_errno(errno, "fork") : NULL;
}

/* One that does not run has no group. */
static err *freeze(const struct pause *p) {
  for (size_t i = 0; i < p->instances.len; i++) {
    err *e = cgroups_freeze(&p->cgroups, p->instances.items[i], true);
    if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
    err_ignore(e);
  }
  return NULL;
}

static err *pause_begin(const struct volume_place *p, const char *volume_id, struct pause *pause) {
  *pause = (struct pause){.guarded = -1};
  TRY(find_instances(p, volume_id, &pause->instances));
  if (!pause->instances.len) return NULL;
  TRY(cgroups_detect(p->cgroup_parent, p->name, &pause->cgroups));
  TRY(start_guard(pause));
  return freeze(pause);
}

static void pause_end(struct pause *p) {
  if (p->guard > 0) {
    go_on(p);
    close(p->guarded);
    while (waitpid(p->guard, NULL, 0) < 0 && errno == EINTR)
      continue;
  }
  cgroups_done(&p->cgroups);
  strv_done(&p->instances);
}

/* --- Copies ------------------------------------------------------------------------ */

static err *share_files(const char *from, const char *to) {
  const char *const argv[] = {"cp", "-a", "--reflink=always", "-T", "--", from, to, NULL};
  return spawn_wait(&(struct spawn_options){.argv = argv, .deadline_ms = SHARE_DEADLINE_MS});
}

static err *copy_paused(const struct volume_place *p, const char *id, const char *from, const char *to) {
  struct pause pause;
  err *e = pause_begin(p, id, &pause);
  if (!e) e = share_files(from, to);
  pause_end(&pause);
  return e;
}

err *volume_offline_copy(const struct volume_place *p, const char *id, struct volume_copy *ret_copy) {
  auto_store s;
  store_of(p, &s);
  auto_free char *point = path_join(s.mounts, id), *image = str_format("%s/%s/image", s.folder, id);
  auto_free char *files = volume_store_files(&s, id, NULL), *to = volume_store_files(&s, id, SNAPSHOT);
  struct stat info;
  TRY(volume_store_make_folders(&s));
  struct volume_copy copy = {.mounted = !volume_is_mounted(point)};
  if (stat(image, &info) < 0) return err_errno(errno, "looking at '%s'", image);
  copy.size_bytes = volume_size_of_file((int64_t)info.st_size);
  TRY(volume_store_mount(&s, id));
  err *e = file_remove_tree(to);
  if (!e) e = copy_paused(p, id, files, to);
  copy.folder = str_dup(to);
  if (e)
    volume_offline_copy_done(p, id, &copy);
  else
    *ret_copy = copy;
  return err_wrap(e, "volume '%s'", id);
}

void volume_offline_copy_done(const struct volume_place *p, const char *id, struct volume_copy *copy) {
  auto_store s;
  store_of(p, &s);
  err_ignore(file_remove_tree(copy->folder)); /* the next one begins with that */
  if (copy->mounted) err_ignore(volume_store_unmount(&s, id));
  free(copy->folder);
  *copy = (struct volume_copy){0};
}

/* --- Making ------------------------------------------------------------------------ */

err *volume_offline_make(const struct volume_place *p, const char *id, int64_t size_bytes, char **ret_files) {
  auto_store s;
  store_of(p, &s);
  bool is_new;
  auto_strv argv = STRV_EMPTY;
  TRY(volume_store_prepare(&s, id, size_bytes, &is_new));
  volume_format_argv(&s, id, &argv);
  if (is_new)
    TRY(spawn_wait(&(struct spawn_options){.argv = (const char *const *)argv.items,
                                           .deadline_ms = FORMAT_DEADLINE_MS}));
  if (is_new) TRY(volume_store_finish(&s, id));
  *ret_files = volume_store_files(&s, id, NULL);
  return NULL;
}

err *volume_offline_close(const struct volume_place *p) {
  auto_store s;
  store_of(p, &s);
  return volume_store_unmount_all(&s);
}

err *volume_offline_check_unused(const struct volume_place *p) {
  auto_strv ids = STRV_EMPTY;
  auto_store s;
  store_of(p, &s);
  TRY(volume_store_unmount_all(&s));
  TRY(volume_offline_list(p, &ids));
  for (size_t i = 0; i < ids.len; i++) {
    auto_free char *image = str_format("%s/%s/image", s.folder, ids.items[i]);
    bool used = true;
    for (int n = 0; used && n < UNUSED_TRIES; n++) {
      if (n) nanosleep(&(struct timespec){.tv_nsec = UNUSED_WAIT_MS * 1000000L}, NULL);
      TRY(loop_device_is_behind(image, &used));
    }
    if (used)
      return err_new(ERR_BUSY, "something runs on volume '%s': stop everything first (tramd --halt)", ids.items[i]);
  }
  return NULL;
}
