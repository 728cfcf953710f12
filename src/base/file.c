#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

void fd_cleanup_(int *fd) {
  if (*fd >= 0) close(*fd);
}

err *file_read(const char *path, size_t limit, struct str *ret_text) {
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "opening '%s'", path);
  auto_str text = STR_EMPTY;
  char chunk[65536];
  for (;;) {
    ssize_t got = read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return err_errno(errno, "reading '%s'", path);
    if (got == 0) break;
    if (text.len + (size_t)got > limit)
      return err_new(ERR_LIMIT, "'%s' is larger than %zu bytes", path, limit);
    str_add_bytes(&text, chunk, (size_t)got);
  }
  str_add_bytes(ret_text, str_text(&text), text.len);
  return NULL;
}

static err *write_all(int fd, const char *data, size_t size, const char *path) {
  while (size) {
    ssize_t done = write(fd, data, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return err_errno(errno, "writing '%s'", path);
    data += done;
    size -= (size_t)done;
  }
  return NULL;
}

static err *sync_folder_of(const char *path) {
  auto_free char *folder = str_dup(path);
  char *slash = strrchr(folder, '/');
  if (slash == folder) slash++;
  if (slash) *slash = '\0';
  auto_fd fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || fsync(fd) < 0) return err_errno(errno, "syncing the folder of '%s'", path);
  return NULL;
}

err *file_replace(const char *temporary, const char *path) {
  auto_fd fd = open(temporary, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 || fsync(fd) < 0) return err_errno(errno, "syncing '%s'", temporary);
  if (rename(temporary, path) < 0) return err_errno(errno, "replacing '%s'", path);
  return sync_folder_of(path);
}

#define UNFINISHED ".new-"

static err *write_whole(const char *path, const void *data, size_t size, mode_t mode, bool sync) {
  auto_free char *temporary = str_format("%s" UNFINISHED "XXXXXX", path);
  auto_fd fd = mkostemp(temporary, O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "making a temporary file beside '%s'", path);
  err *e = write_all(fd, data, size, path);
  if (!e && fchmod(fd, mode) < 0) e = err_errno(errno, "setting the mode of '%s'", path);
  if (!e && sync)
    e = file_replace(temporary, path);
  else if (!e && rename(temporary, path) < 0)
    e = err_errno(errno, "replacing '%s'", path);
  if (e) unlink(temporary);
  return e;
}

err *file_write(const char *path, const void *data, size_t size, mode_t mode) {
  return write_whole(path, data, size, mode, true);
}

err *file_write_fast(const char *path, const void *data, size_t size, mode_t mode) {
  return write_whole(path, data, size, mode, false);
}

static bool is_unfinished(const char *name) {
  size_t len = strlen(name), tail = strlen(UNFINISHED "XXXXXX");
  return len > tail && strncmp(name + len - tail, UNFINISHED, strlen(UNFINISHED)) == 0;
}

err *file_remove_unfinished(const char *folder) {
  DIR *entries = opendir(folder);
  if (!entries) return errno == ENOENT ? NULL : err_errno(errno, "opening '%s'", folder);
  err *e = NULL;
  for (struct dirent *entry; !e && (entry = folder_next(entries, folder, &e));)
    if (is_unfinished(entry->d_name) && unlinkat(dirfd(entries), entry->d_name, 0) < 0 && errno != ENOENT)
      e = err_errno(errno, "removing '%s/%s'", folder, entry->d_name);
  closedir(entries);
  return e;
}

err *file_write_changed(const char *path, const void *data, size_t size, mode_t mode) {
  auto_str present = STR_EMPTY;
  auto_err *unreadable = file_read(path, size + 1, &present);
  bool same = !unreadable && present.len == size && (!size || memcmp(present.data, data, size) == 0);
  return same ? NULL : file_write(path, data, size, mode);
}

bool file_exists(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0;
}

struct dirent *folder_next(DIR *folder, const char *path, err **ret_error) {
  struct dirent *entry;
  do {
    errno = 0;
    entry = readdir(folder);
  } while (entry && (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..")));
  if (!entry && errno) *ret_error = err_errno(errno, "reading the folder '%s'", path);
  return entry;
}

static err *check_folder(const char *path) {
  struct stat info;
  if (stat(path, &info) < 0) return err_errno(errno, "looking at the folder '%s'", path);
  if (!S_ISDIR(info.st_mode)) return err_new(ERR_CONFLICT, "'%s' is there and is not a folder", path);
  return NULL;
}

err *file_make_dirs(const char *path, mode_t mode) {
  if (mkdir(path, mode) == 0) return NULL;
  if (errno == EEXIST) return check_folder(path);
  auto_free char *partial = str_dup(path);
  for (char *p = partial + 1;; p++) {
    if (*p != '/' && *p) continue;
    char kept = *p;
    *p = '\0';
    if (mkdir(partial, mode) < 0 && errno != EEXIST)
      return err_errno(errno, "making the folder '%s'", partial);
    *p = kept;
    if (!kept) break;
  }
  return check_folder(path);
}

/* Empties the folder `fd` (taken). */
static err *empty_folder(int fd, dev_t device, const char *path) {
  DIR *folder = fdopendir(fd);
  if (!folder) {
    close(fd);
    return err_errno(errno, "reading the folder '%s'", path);
  }
  err *e = NULL;
  struct dirent *entry;
  while (!e && (entry = folder_next(folder, path, &e))) {
    const char *name = entry->d_name;
    if (unlinkat(fd, name, 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM) {
      e = err_errno(errno, "removing '%s/%s'", path, name);
      break;
    }
    auto_free char *inner_path = path_join(path, name);
    int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    if (inner < 0 || fstat(inner, &info) < 0) {
      e = err_errno(errno, "opening '%s'", inner_path);
      if (inner >= 0) close(inner);
    } else if (info.st_dev != device) {
      close(inner);
      e = err_new(ERR_BUSY, "'%s' is a mount point: not removed", inner_path);
    } else {
      e = empty_folder(inner, device, inner_path);
      if (!e && unlinkat(fd, name, AT_REMOVEDIR) < 0)
        e = err_errno(errno, "removing '%s'", inner_path);
    }
  }
  closedir(folder);
  return e;
}

err *file_remove_tree(const char *path) {
  if (unlink(path) == 0 || errno == ENOENT) return NULL;
  if (errno != EISDIR && errno != EPERM) return err_errno(errno, "removing '%s'", path);
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) < 0) {
    err *e = err_errno(errno, "opening '%s'", path);
    if (fd >= 0) close(fd);
    return e;
  }
  TRY(empty_folder(fd, info.st_dev, path));
  if (rmdir(path) < 0) return err_errno(errno, "removing '%s'", path);
  return NULL;
}

char *path_join(const char *folder, const char *name) {
  size_t len = strlen(folder);
  return str_format("%s%s%s", folder, len && folder[len - 1] == '/' ? "" : "/", name);
}
