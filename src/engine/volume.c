#include "engine/volume.h"

#include <string.h>

#include "engine/engine_ops.h"
#include "model/volume.h"

fallible volume_mount_path_check(const char *path) {
  if (!path || *path != '/') return err_new(ERR_INVALID, "a mount path begins with '/'");
  if (strlen(path) > VOLUME_PATH_MAX)
    return err_new(ERR_INVALID, "the mount path is longer than %d bytes", VOLUME_PATH_MAX);
  if (!str_is_utf8(path, strlen(path)))
    return err_new(ERR_INVALID, "the mount path is not UTF-8");
  for (const char *c = path; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f)
      return err_new(ERR_INVALID, "the mount path has a control character");
  static const char *const taken[] = {"proc", "sys", "dev"};
  size_t parts = 0;
  for (const char *part = path; *part;) {
    part += strspn(part, "/");
    size_t len = strcspn(part, "/");
    if (len == 0) break;
    if ((len == 1 && *part == '.') || (len == 2 && part[0] == '.' && part[1] == '.'))
      return err_new(ERR_INVALID, "the mount path '%s' has '.' or '..'", path);
    for (size_t i = 0; parts == 0 && i < sizeof taken / sizeof *taken; i++)
      if (strlen(taken[i]) == len && strncmp(part, taken[i], len) == 0)
        return err_new(ERR_INVALID, "nothing can be mounted at '%s': /%s is the kernel's", path, taken[i]);
    parts++;
    part += len;
  }
  if (!parts) return err_new(ERR_INVALID, "a volume cannot be mounted over everything: '%s'", path);
  return NULL;
}

static fallible check_id(const char *id, const char *what) {
  if (engine_is_name(id, ENGINE_ID_MAX)) return NULL;
  return err_new(ERR_INVALID, "%s must be 1 to %d of a-z, 0-9 and '-'", what, ENGINE_ID_MAX);
}

static fallible check_volume(const struct engine_volume *v) {
  TRY(check_id(v->id, "a volume's id"));
  return volume_size_check(v->size_bytes, 0);
}

void engine_volume_apply(engine *en, const struct engine_volume *v, engine_done_fn *done, void *arg) {
  err *e = check_volume(v);
  if (e)
    done(arg, e);
  else
    en->ops->volume_apply(en, v, done, arg);
}

void engine_volume_remove(engine *en, const char *id, engine_done_fn *done, void *arg) {
  err *e = check_id(id, "a volume's id");
  if (e)
    done(arg, e);
  else
    en->ops->volume_remove(en, id, done, arg);
}

void engine_volume_usage(engine *en, const char *id, engine_volume_usage_fn *done, void *arg) {
  err *e = check_id(id, "a volume's id");
  if (e)
    done(arg, e, NULL);
  else
    en->ops->volume_usage(en, id, done, arg);
}

static void set_snapshot(engine *en, const char *id, const char *snapshot, bool wanted,
                         engine_done_fn *done, void *arg) {
  err *e = check_id(id, "a volume's id");
  if (!e) e = check_id(snapshot, "a snapshot's name");
  if (e)
    done(arg, e);
  else
    en->ops->volume_snapshot(en, id, snapshot, wanted, done, arg);
}

void engine_volume_snapshot(engine *en, const char *id, const char *snapshot, engine_done_fn *done, void *arg) {
  set_snapshot(en, id, snapshot, true, done, arg);
}

void engine_volume_snapshot_remove(engine *en, const char *id, const char *snapshot, engine_done_fn *done,
                                   void *arg) {
  set_snapshot(en, id, snapshot, false, done, arg);
}

void engine_pause(engine *en, const char *workload_id, bool paused, engine_done_fn *done, void *arg) {
  en->ops->pause(en, workload_id, paused, done, arg);
}

fallible engine_volume_run(engine *en, const struct volume_run *run, volume_run_handle **ret_run) {
  TRY(check_id(run->volume_id, "a volume's id"));
  if (run->snapshot) TRY(check_id(run->snapshot, "a snapshot's name"));
  TRY(engine_check_command(run->argv, run->env));
  return en->ops->volume_run(en, run, ret_run);
}

void engine_volume_run_cancel(volume_run_handle *run) {
  run->ops->volume_run_cancel(run);
}
