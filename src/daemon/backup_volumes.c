/* Volumes in a backup of the whole machine: an archive of each, with owners, modes, links, attributes and
 * holes, packed by tar. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/backup_internal.h"
#include "daemon/config.h"
#include "engine/engine_ops.h"
#include "engine/local/volume_offline.h"
#include "loop/spawn_wait.h"
#include "model/volume.h"

static struct volume_place place_of(const struct config *c) {
  return (struct volume_place){.data_dir = c->data.dir,
                               .run_dir = c->data.run_dir,
                               .cgroup_parent = c->deploy.control_group,
                               .name = c->network.name,
                               .reserve_bytes = c->disk.reserve_bytes};
}

static err *pack(const char *folder, const char *file) {
  const char *const argv[] = {"tar", "--create", "--zstd", "--file", file, "--directory", folder, "--xattrs",
                              "--xattrs-include=*", "--acls", "--numeric-owner", "--sparse",
                              "--warning=no-file-ignored", ".", NULL};
  return spawn_wait(&(struct spawn_options){.argv = argv});
}

static err *copy_and_pack(const struct volume_place *p, const char *id, const char *scratch, int64_t *ret_size_bytes) {
  struct volume_copy copy;
  TRY(volume_offline_copy(p, id, &copy));
  *ret_size_bytes = copy.size_bytes;
  err *e = pack(copy.folder, scratch);
  volume_offline_copy_done(p, id, &copy);
  return e;
}

/* What a service has put into its volume may be such that it cannot be copied (folders deeper than a path is long):
 * that is told, and keeps nobody else's from being backed up. */
static err *add_volume(backup_writer *w, const struct volume_place *p, const char *id, const char *scratch, json_t *about) {
  auto_free char *name = str_format(BACKUP_VOLUMES "/%s" BACKUP_VOLUME_SUFFIX, id);
  int64_t size_bytes = 0;
  auto_err *missing = copy_and_pack(p, id, scratch, &size_bytes);
  err *e = missing ? NULL : backup_add_file(w, scratch, name);
  unlink(scratch);
  if (e) return err_wrap(e, "packing volume '%s'", id);
  if (missing)
    json_set_text(json_object_get(about, BACKUP_VOLUMES_MISSING), id, err_message(missing));
  else
    json_object_set_new(json_object_get(about, "volumes"), id, json_integer(size_bytes));
  return NULL;
}

err *backup_add_volumes(backup_writer *w, const struct config *c, const char *scratch, json_t *about) {
  struct volume_place p = place_of(c);
  auto_strv ids = STRV_EMPTY;
  json_object_set_new(about, "volumes", json_object());
  json_object_set_new(about, BACKUP_VOLUMES_MISSING, json_object());
  TRY(volume_offline_list(&p, &ids));
  for (size_t i = 0; i < ids.len; i++)
    TRY(add_volume(w, &p, ids.items[i], scratch, about));
  return NULL;
}

static err *restore_volume(const struct volume_place *p, const char *id, int64_t size_bytes) {
  if (!engine_is_name(id, ENGINE_ID_MAX)) return err_new(ERR_CORRUPT, "that is no volume's id"); /* it becomes a path */
  TRY(volume_size_check(size_bytes, 0));
  auto_free char *file = str_format("%s/" BACKUP_VOLUMES "/%s" BACKUP_VOLUME_SUFFIX, p->data_dir, id), *files = NULL;
  if (!file_exists(file)) return err_new(ERR_CORRUPT, "it is not in the backup");
  TRY(volume_offline_make(p, id, size_bytes, &files));
  const char *const argv[] = {"tar", "--extract", "--zstd", "--file", file, "--directory", files, "--xattrs",
                              "--xattrs-include=*", "--acls", "--numeric-owner", "--same-owner",
                              "--preserve-permissions", NULL};
  TRY(spawn_wait(&(struct spawn_options){.argv = argv}));
  return unlink(file) < 0 ? err_errno(errno, "removing '%s'", file) : NULL;
}

/* A backup that has the volumes of its machine has none but those. */
static err *restore_all(const struct volume_place *p, const json_t *volumes) {
  auto_free char *folder = path_join(p->data_dir, BACKUP_VOLUMES);
  if (volumes) TRY(file_make_dirs(folder, 0700));
  const char *id;
  json_t *size;
  json_object_foreach((json_t *)volumes, id, size)
    TRY(err_wrap(restore_volume(p, id, json_integer_value(size)), "volume '%s'", id));
  return NULL;
}

err *backup_restore_volumes(const struct config *c, const char *unpacked, const json_t *manifest) {
  auto_free char *run_dir = path_join(c->data.run_dir, "restore");
  struct volume_place p = place_of(c);
  p.data_dir = unpacked;
  p.run_dir = run_dir;
  err *e = restore_all(&p, json_object_get(manifest, "volumes"));
  err *left = volume_offline_close(&p);
  if (!e) e = left;
  else err_ignore(left);
  auto_free char *mounts = path_join(run_dir, "v");
  rmdir(mounts);
  rmdir(run_dir);
  return e;
}

err *backup_check_volumes_unused(const struct config *c) {
  struct volume_place p = place_of(c);
  return volume_offline_check_unused(&p);
}
