#include "engine/local/volume_mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/local/user_range.h"

/* --- Where to ---------------------------------------------------------------------- */

static int open_inside(int root, const char *path) {
  struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static err *make_folder(int parent, const char *name, const char *path, uint32_t owner) {
  if (mkdirat(parent, name, 0755) < 0) {
    if (errno == EEXIST) /* it could not be opened: a link */
      return err_new(ERR_INVALID, "in the image, '%s' is a symlink that leads nowhere", path);
    return err_errno(errno, "making '%s' in the image", path);
  }
  if (fchownat(parent, name, owner, owner, AT_SYMLINK_NOFOLLOW) < 0)
    return err_errno(errno, "giving '%s' to %u", path, owner);
  return NULL;
}

/* Opens the folder, and makes those on the way that are missing. */
static err *open_folder(const struct volume_mount *m, int root, int *ret_fd) {
  auto_fd at = open_inside(root, "/");
  auto_free char *path = str_dup(m->mount_path);
  for (char *part = path + strspn(path, "/"); at >= 0 && *part;) {
    char *end = part + strcspn(part, "/"), mark = *end;
    *end = '\0';
    int next = open_inside(root, path);
    if (next < 0 && errno == ENOENT) {
      TRY(make_folder(at, part, path, m->first_host_id));
      next = open_inside(root, path);
    }
    if (next < 0 && (errno == ENOTDIR || errno == ELOOP))
      return err_new(ERR_INVALID, "in the image, '%s' is not a folder", path);
    if (next < 0) return err_errno(errno, "opening '%s' in the image", path);
    close(at);
    at = next;
    *end = mark;
    part = end + strspn(end, "/");
  }
  if (at < 0) return err_errno(errno, "opening '%s'", m->rootfs);
  *ret_fd = at;
  at = -1;
  return NULL;
}

static err *path_of(int fd, char path[4096]) {
  auto_free char *link = str_format("/proc/self/fd/%d", fd);
  ssize_t len = readlink(link, path, 4095);
  if (len < 0) return err_errno(errno, "reading '%s'", link);
  path[len] = '\0';
  return NULL;
}

/* The image's symlinks may lead to where only the kernel's file systems belong. */
static err *check_place(const struct volume_mount *m, int root, int folder) {
  char root_path[4096], path[4096];
  TRY(path_of(root, root_path));
  TRY(path_of(folder, path));
  size_t len = strlen(root_path);
  const char *inside = str_starts(path, root_path) && path[len] == '/' ? path + len : NULL;
  if (!inside) return err_new(ERR_INVALID, "in the image, '%s' leads to its root", m->mount_path);
  static const char *const taken[] = {"/proc", "/sys", "/dev"};
  for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
    size_t end = strlen(taken[i]);
    if (str_starts(inside, taken[i]) && (inside[end] == '/' || !inside[end]))
      return err_new(ERR_INVALID, "in the image, '%s' leads to '%s'", m->mount_path, inside);
  }
  return NULL;
}

/* --- What -------------------------------------------------------------------------- */

static bool is_empty(int folder) {
  int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = copy < 0 ? NULL : fdopendir(copy);
  if (!dir) {
    if (copy >= 0) close(copy);
    return false;
  }
  bool found = false;
  for (struct dirent *entry; !found && (entry = readdir(dir));)
    found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  closedir(dir);
  return !found;
}

/* Nobody has given it to anybody yet. */
static err *give_if_fresh(const struct volume_mount *m) {
  if (m->user->uid == 0 && m->user->gid == 0) return NULL;
  auto_fd fd = open(m->files, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) < 0) return err_errno(errno, "opening '%s'", m->files);
  if (info.st_uid != 0 || info.st_gid != 0 || !is_empty(fd)) return NULL;
  return fchown(fd, m->user->uid, m->user->gid) < 0 ? err_errno(errno, "giving away '%s'", m->files) : NULL;
}

static err *open_mapped(const struct volume_mount *m, int *ret_tree) {
  auto_fd namespace = -1;
  TRY(user_range_namespace(m->first_host_id, &namespace));
  auto_fd tree = open_tree(AT_FDCWD, m->files, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
  if (tree < 0) return err_errno(errno, "opening '%s'", m->files);
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                                  .propagation = MS_PRIVATE,
                                  .userns_fd = (uint64_t)namespace};
  if (mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    return err_errno(errno, "mapping the user ids of '%s'", m->files);
  *ret_tree = tree;
  tree = -1;
  return NULL;
}

err *volume_mount(const struct volume_mount *m) {
  auto_fd root = open(m->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return err_errno(errno, "opening '%s'", m->rootfs);
  auto_fd folder = -1, tree = -1;
  TRY(open_folder(m, root, &folder));
  TRY(check_place(m, root, folder));
  TRY(give_if_fresh(m));
  TRY(open_mapped(m, &tree));
  if (move_mount(tree, "", folder, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return err_errno(errno, "mounting the volume at '%s'", m->mount_path);
  return NULL;
}
