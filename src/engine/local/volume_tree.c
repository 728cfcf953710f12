#include "engine/local/volume_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* A lookup that somebody renames folders under is tried again; deeper trees than that are not removed. */
enum { LOOKUP_TRIES = 32, DEPTH_MAX = 500 };

void volume_entry_done(struct volume_entry *entry) {
  free(entry->name);
}

void volume_entries_done(struct volume_entries *entries) {
  for (size_t i = 0; i < entries->len; i++)
    volume_entry_done(&entries->items[i]);
  free(entries->items);
}

/* --- Lookup ------------------------------------------------------------------------ */

static int open_below(int root, const char *path, uint64_t flags) {
  path += strspn(path, "/");
  struct open_how how = {.flags = flags | O_CLOEXEC,
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
  int fd = -1;
  for (int i = 0; i < LOOKUP_TRIES; i++) {
    fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return fd;
  }
  return fd;
}

static err *lookup_error(const char *path) {
  if (errno == ENOTDIR) return err_new(ERR_INVALID, "'%s': a part of it is not a folder", path);
  if (errno == ELOOP) return err_new(ERR_INVALID, "'%s': its links lead in a circle", path);
  if (errno == ENXIO || errno == ENODEV) return err_new(ERR_INVALID, "'%s' is not a file", path);
  return err_errno(errno, "'%s'", path);
}

static err *check_path(const char *path) {
  if (strlen(path) <= VOLUME_FILE_PATH_MAX) return NULL;
  return err_new(ERR_LIMIT, "the path is longer than %d bytes", VOLUME_FILE_PATH_MAX);
}

static err *open_folder(int root, const char *path, int *ret_fd) {
  TRY(check_path(path));
  int fd = open_below(root, path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return lookup_error(path);
  *ret_fd = fd;
  return NULL;
}

/* The folder that holds the last part, and that part (owned). */
static err *open_parent(int root, const char *path, int *ret_folder, char **ret_name) {
  TRY(check_path(path));
  auto_free char *copy = str_dup(path);
  for (size_t len = strlen(copy); len && copy[len - 1] == '/'; len--)
    copy[len - 1] = '\0';
  char *slash = strrchr(copy, '/'), *name = slash ? slash + 1 : copy;
  if (!*name || str_eq(name, ".") || str_eq(name, ".."))
    return err_new(ERR_INVALID, "'%s' does not end in a name", path);
  auto_free char *last = str_dup(name);
  *name = '\0';
  TRY(open_folder(root, copy, ret_folder));
  *ret_name = last;
  last = NULL;
  return NULL;
}

/* --- Looking ----------------------------------------------------------------------- */

static void fill_entry(struct volume_entry *entry, const char *name, const struct stat *info) {
  *entry = (struct volume_entry){
      .name = str_dup(name),
      .kind = S_ISREG(info->st_mode)   ? VOLUME_ENTRY_FILE
              : S_ISDIR(info->st_mode) ? VOLUME_ENTRY_FOLDER
              : S_ISLNK(info->st_mode) ? VOLUME_ENTRY_LINK
                                       : VOLUME_ENTRY_OTHER,
      .size_bytes = (int64_t)info->st_size,
      .changed_us = (int64_t)info->st_mtim.tv_sec * 1000000 + info->st_mtim.tv_nsec / 1000,
      .mode = info->st_mode & 07777u,
      .user_id = info->st_uid,
      .group_id = info->st_gid,
  };
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct volume_entry *)a)->name, ((const struct volume_entry *)b)->name);
}

/* What goes meanwhile is left out. */
static err *read_entries(DIR *dir, const char *path, struct volume_entries *entries) {
  err *e = NULL;
  for (struct dirent *entry; !entries->truncated && (entry = folder_next(dir, path, &e));) {
    struct stat info;
    if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0) continue;
    if (entries->len == VOLUME_ENTRIES_MAX)
      entries->truncated = true;
    else
      fill_entry(&entries->items[entries->len++], entry->d_name, &info);
  }
  if (entries->len) qsort(entries->items, entries->len, sizeof *entries->items, by_name);
  return e;
}

err *volume_tree_list(int root, const char *path, struct volume_entries *ret_entries) {
  int fd = -1;
  TRY(open_folder(root, path, &fd));
  DIR *dir = fdopendir(fd);
  if (!dir) {
    close(fd);
    return err_errno(errno, "reading the folder '%s'", path);
  }
  struct volume_entries entries = {.items = mem_zalloc(VOLUME_ENTRIES_MAX * sizeof *entries.items)};
  err *e = read_entries(dir, path, &entries);
  closedir(dir);
  if (e)
    volume_entries_done(&entries);
  else
    *ret_entries = entries;
  return e;
}

/* --- Changing ---------------------------------------------------------------------- */

/* `name` may be there already; whoever owns the folder owns it. */
static err *make_one(int folder, const char *name, const char *path) {
  struct stat info;
  if (mkdirat(folder, name, 0755) < 0) return errno == EEXIST ? NULL : lookup_error(path);
  if (fstat(folder, &info) < 0 ||
      fchownat(folder, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return err_errno(errno, "giving '%s' to who owns its folder", path);
  return NULL;
}

err *volume_tree_make_folder(int root, const char *path) {
  TRY(check_path(path));
  auto_free char *way = str_dup(path);
  int at = -1;
  TRY(open_folder(root, "", &at));
  err *e = NULL;
  for (char *part = way + strspn(way, "/"); !e && *part;) {
    char *end = part + strcspn(part, "/"), mark = *end;
    *end = '\0';
    int next = open_below(root, way, O_RDONLY | O_DIRECTORY);
    if (next < 0 && errno == ENOENT) {
      e = make_one(at, part, path);
      if (!e) next = open_below(root, way, O_RDONLY | O_DIRECTORY);
    }
    if (!e && next < 0) e = lookup_error(path);
    if (!e) {
      close(at);
      at = next;
    }
    *end = mark;
    part = end + strspn(end, "/");
  }
  close(at);
  return e;
}

struct removal {
  const char *path;
  int64_t until_ms;
};

static err *remove_below(const struct removal *r, int folder, const char *name, int depth);

static err *check_time(const struct removal *r) {
  if (clock_monotonic_ms() < r->until_ms) return NULL;
  return err_new(ERR_BUSY, "not all of '%s' could be removed in time", r->path);
}

static err *empty_folder(const struct removal *r, int fd, int depth) {
  DIR *dir = fdopendir(fd);
  if (!dir) {
    close(fd);
    return err_errno(errno, "reading a folder of '%s'", r->path);
  }
  err *e = NULL;
  for (struct dirent *entry; !e && (entry = folder_next(dir, r->path, &e));) {
    e = remove_below(r, dirfd(dir), entry->d_name, depth);
    if (!e) e = check_time(r);
  }
  closedir(dir);
  return e;
}

/* Descriptors lead the way: what is renamed meanwhile cannot lead it elsewhere. */
static err *remove_below(const struct removal *r, int folder, const char *name, int depth) {
  if (unlinkat(folder, name, 0) == 0) return NULL;
  if (errno != EISDIR && errno != EPERM) return lookup_error(r->path);
  if (depth == DEPTH_MAX) return err_new(ERR_LIMIT, "'%s' has folders deeper than %d", r->path, DEPTH_MAX);
  int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return lookup_error(r->path);
  TRY(empty_folder(r, fd, depth + 1));
  return unlinkat(folder, name, AT_REMOVEDIR) < 0 ? lookup_error(r->path) : NULL;
}

err *volume_tree_remove(int root, const char *path, int64_t until_ms) {
  auto_fd folder = -1;
  auto_free char *name = NULL;
  TRY(open_parent(root, path, &folder, &name));
  return remove_below(&(struct removal){path, until_ms}, folder, name, 0);
}

static err *name_error(const char *path) {
  if (errno == EEXIST) return err_new(ERR_CONFLICT, "'%s' is there already", path);
  if (errno == EINVAL) return err_new(ERR_INVALID, "a folder cannot be moved into itself: '%s'", path);
  return lookup_error(path);
}

err *volume_tree_rename(int root, const char *from, const char *to) {
  auto_fd from_folder = -1, to_folder = -1;
  auto_free char *from_name = NULL, *to_name = NULL;
  TRY(open_parent(root, from, &from_folder, &from_name));
  TRY(open_parent(root, to, &to_folder, &to_name));
  if (renameat2(from_folder, from_name, to_folder, to_name, RENAME_NOREPLACE) == 0) return NULL;
  return name_error(errno == ENOENT ? from : to);
}

/* --- Contents ---------------------------------------------------------------------- */

err *volume_tree_read(int root, const char *path, int *ret_fd, struct volume_entry *ret_entry) {
  TRY(check_path(path));
  auto_fd fd = open_below(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) < 0) return lookup_error(path);
  if (!S_ISREG(info.st_mode)) return err_new(ERR_INVALID, "'%s' is not a file", path);
  const char *slash = strrchr(path, '/');
  fill_entry(ret_entry, slash ? slash + 1 : path, &info);
  *ret_fd = fd;
  fd = -1;
  return NULL;
}

/* As the one that it replaces, or as its folder. */
static err *take_owner(const struct volume_new_file *file, const char *path) {
  struct stat like;
  bool replaces = file->replace && fstatat(file->folder, file->name, &like, AT_SYMLINK_NOFOLLOW) == 0 &&
                  S_ISREG(like.st_mode);
  if (!replaces && fstat(file->folder, &like) < 0) return err_errno(errno, "'%s'", path);
  mode_t mode = replaces ? like.st_mode & 0777u : 0644;
  if (fchown(file->fd, like.st_uid, like.st_gid) < 0 || fchmod(file->fd, mode) < 0)
    return err_errno(errno, "giving '%s' an owner", path);
  return NULL;
}

err *volume_tree_create(int root, const char *path, bool replace, struct volume_new_file *ret_file) {
  struct volume_new_file file = {.fd = -1, .folder = -1, .replace = replace};
  TRY(open_parent(root, path, &file.folder, &file.name));
  struct stat info;
  err *e = NULL;
  bool taken = fstatat(file.folder, file.name, &info, AT_SYMLINK_NOFOLLOW) == 0;
  if (taken && (!replace || S_ISDIR(info.st_mode)))
    e = err_new(ERR_CONFLICT, "'%s' is there already", path);
  if (!e) file.fd = openat(file.folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (!e && file.fd < 0) e = lookup_error(path);
  if (!e) e = take_owner(&file, path);
  if (e)
    volume_new_file_done(&file);
  else
    *ret_file = file;
  return e;
}

/* Where a name may be replaced, the file gets another one for a moment. */
static err *link_over(const struct volume_new_file *file) {
  uint64_t number = 0;
  char name[40];
  if (getrandom(&number, sizeof number, 0) < 0) return err_errno(errno, "getrandom");
  snprintf(name, sizeof name, ".tramway-%016llx", (unsigned long long)number);
  if (linkat(file->fd, "", file->folder, name, AT_EMPTY_PATH) < 0) return lookup_error(file->name);
  if (renameat(file->folder, name, file->folder, file->name) == 0) return NULL;
  err *e = name_error(file->name);
  unlinkat(file->folder, name, 0);
  return e;
}

err *volume_tree_name(const struct volume_new_file *file) {
  if (fsync(file->fd) < 0) return err_errno(errno, "syncing '%s'", file->name);
  if (file->replace)
    TRY(link_over(file));
  else if (linkat(file->fd, "", file->folder, file->name, AT_EMPTY_PATH) < 0)
    return name_error(file->name);
  return fsync(file->folder) < 0 ? err_errno(errno, "syncing the folder of '%s'", file->name) : NULL;
}

void volume_new_file_done(struct volume_new_file *file) {
  if (file->fd >= 0) close(file->fd);
  if (file->folder >= 0) close(file->folder);
  free(file->name);
  *file = (struct volume_new_file){.fd = -1, .folder = -1};
}
