#include "engine/local/rootfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "engine/local/user_range.h"

/* overlayfs takes its options on one page (before Linux 6.8), and at most 500 layers. */
enum { OVERLAY_OPTIONS_MAX = 4095, LAYERS_MAX = 500, MOUNTINFO_LIMIT = 64 * 1024 * 1024 };

static err *mount_layer(const char *layer, int user_namespace, const char *helper) {
  auto_fd tree =
      open_tree(AT_FDCWD, layer, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
  if (tree < 0) return err_errno(errno, "opening the layer '%s'", layer);
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY,
                                  .userns_fd = (uint64_t)user_namespace};
  if (mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0) {
    if (errno == EINVAL || errno == EOPNOTSUPP)
      return err_new(
          ERR_INVALID,
          "the file system of '%s' cannot map user ids: keep data_dir on ext4, XFS or Btrfs",
          layer);
    return err_errno(errno, "mapping the user ids of '%s'", layer);
  }
  if (mkdir(helper, 0700) < 0 && errno != EEXIST) return err_errno(errno, "making '%s'", helper);
  if (move_mount(tree, "", AT_FDCWD, helper, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return err_errno(errno, "mounting a layer on '%s'", helper);
  return NULL;
}

static err *mount_layers(const struct rootfs *r, int user_namespace, struct strv *helpers) {
  for (size_t i = 0; i < r->layers->len; i++) {
    strv_addf(helpers, "%s.%zu", r->helper_dir, i);
    TRY(mount_layer(r->layers->items[i], user_namespace, helpers->items[i]));
  }
  return NULL;
}

static err *unmount_layer(const char *helper) {
  while (umount2(helper, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
    continue;
  if (errno != EINVAL && errno != ENOENT) return err_errno(errno, "unmounting '%s'", helper);
  if (rmdir(helper) < 0 && errno != ENOENT) return err_errno(errno, "removing '%s'", helper);
  return NULL;
}

/* All of them, also when one fails; the first error. */
static err *unmount_all(const struct strv *helpers) {
  err *first = NULL;
  for (size_t i = 0; i < helpers->len; i++) {
    err *e = unmount_layer(helpers->items[i]);
    if (first)
      err_ignore(e);
    else
      first = e;
  }
  return first;
}

err *rootfs_unmount_layers(const char *folder, const char *prefix) {
  auto_strv helpers = STRV_EMPTY;
  DIR *dir = opendir(folder);
  if (!dir) return err_errno(errno, "reading the folder '%s'", folder);
  for (struct dirent *entry; (entry = readdir(dir));)
    if (entry->d_name[0] != '.' && str_starts(entry->d_name, prefix))
      strv_addf(&helpers, "%s/%s", folder, entry->d_name);
  closedir(dir);
  return unmount_all(&helpers);
}

/* `volatile`: what an instance writes beside its volumes ends with it, so nothing waits for the
 * disk. */
static err *mount_overlay(const struct rootfs *r, const struct strv *helpers, const char *upper,
                          const char *work) {
  auto_free char *lower = strv_join(helpers, ":");
  auto_free char *options =
      str_format("lowerdir=%s,upperdir=%s,workdir=%s,volatile", lower, upper, work);
  if (strlen(options) > OVERLAY_OPTIONS_MAX)
    return err_new(ERR_LIMIT, "the image has too many layers (%zu) for a path as long as '%s'",
                   helpers->len, r->helper_dir);
  if (mount("overlay", r->target, "overlay", MS_NODEV, options) < 0)
    return err_errno(errno, "mounting the overlay '%s'", r->target);
  return NULL;
}

static err *make_owned_folder(const char *path, uint32_t owner) {
  if (mkdir(path, 0755) < 0) return err_errno(errno, "making '%s'", path);
  if (chown(path, owner, owner) < 0 || chmod(path, 0755) < 0)
    return err_errno(errno, "giving '%s' to %u", path, owner);
  return NULL;
}

static err *mount_all(const struct rootfs *r, int user_namespace, struct strv *helpers) {
  auto_free char *upper = path_join(r->writable_dir, "upper");
  auto_free char *work = path_join(r->writable_dir, "work");
  TRY(file_remove_tree(r->writable_dir));
  TRY(file_make_dirs(r->writable_dir, 0700));
  TRY(make_owned_folder(upper, r->first_host_id));
  TRY(make_owned_folder(work, r->first_host_id));
  TRY(file_make_dirs(r->target, 0755));
  TRY(mount_layers(r, user_namespace, helpers));
  return mount_overlay(r, helpers, upper, work);
}

err *rootfs_mount(const struct rootfs *r) {
  if (r->layers->len == 0 || r->layers->len > LAYERS_MAX)
    return err_new(ERR_LIMIT, "the image has %zu layers; 1 to %d can be mounted", r->layers->len,
                   LAYERS_MAX);
  auto_fd user_namespace = -1;
  TRY(user_range_namespace(r->first_host_id, &user_namespace));
  auto_strv helpers = STRV_EMPTY;
  err *e = mount_all(r, user_namespace, &helpers);
  err *left = unmount_all(&helpers);
  if (!e) return left;
  err_ignore(left); /* container_clean takes it away */
  return e;
}

err *rootfs_unmount(const char *target, const char *writable_dir) {
  while (umount2(target, MNT_DETACH) == 0)
    continue;
  if (errno != EINVAL && errno != ENOENT) return err_errno(errno, "unmounting '%s'", target);
  if (rmdir(target) < 0 && errno != ENOENT) return err_errno(errno, "removing '%s'", target);
  return file_remove_tree(writable_dir);
}

/* The mount points at or below `dir`, in the order of mounting. */
static err *mounts_below(const char *dir, struct strv *ret_points) {
  auto_str text = STR_EMPTY;
  TRY(file_read("/proc/self/mountinfo", MOUNTINFO_LIMIT, &text));
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, str_text(&text), '\n');
  size_t len = strlen(dir);
  for (size_t i = 0; i < lines.len; i++) {
    auto_strv fields = STRV_EMPTY;
    strv_split(&fields, lines.items[i], ' ');
    if (fields.len < 5) continue;
    const char *point = fields.items[4];
    if (str_starts(point, dir) && (point[len] == '/' || !point[len])) strv_add(ret_points, point);
  }
  return NULL;
}

err *rootfs_own_mount(const char *dir) {
  auto_strv points = STRV_EMPTY;
  TRY(mounts_below(dir, &points));
  if (!strv_has(&points, dir) && mount(dir, dir, NULL, MS_BIND, NULL) < 0)
    return err_errno(errno, "mounting '%s' on itself", dir);
  if (mount(NULL, dir, NULL, MS_PRIVATE, NULL) < 0 || mount(NULL, dir, NULL, MS_SHARED, NULL) < 0)
    return err_errno(errno, "sharing the mounts below '%s'", dir);
  return NULL;
}

err *rootfs_unmount_below(const char *dir) {
  auto_strv points = STRV_EMPTY;
  TRY(mounts_below(dir, &points));
  err *first = NULL;
  for (size_t i = points.len; i > 0; i--) {
    if (umount2(points.items[i - 1], MNT_DETACH) == 0 || errno == EINVAL) continue;
    if (!first) first = err_errno(errno, "unmounting '%s'", points.items[i - 1]);
  }
  return first;
}
