#include "build/source_view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static int open_beneath(void *arg, const char *path, int flags) {
  struct open_how how = {
      .flags = (uint64_t)(flags | O_CLOEXEC),
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };
  return (int)syscall(SYS_openat2, (int)(intptr_t)arg, *path ? path : ".", &how, sizeof how);
}

static bool has_type(void *arg, const char *path, mode_t type) {
  auto_fd fd = open_beneath(arg, path, O_PATH);
  struct stat info;
  return fd >= 0 && fstat(fd, &info) == 0 && (info.st_mode & S_IFMT) == type;
}

static bool folder_is_file(void *arg, const char *path) {
  return has_type(arg, path, S_IFREG);
}

static bool folder_is_folder(void *arg, const char *path) {
  return has_type(arg, path, S_IFDIR);
}

static err *folder_read(void *arg, const char *path, struct str *ret_text) {
  if (!folder_is_file(arg, path)) return err_new(ERR_NOT_FOUND, "'%s' is not a file of the source", path);
  auto_fd fd = open_beneath(arg, path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return err_errno(errno, "opening '%s'", path);
  auto_free char *by_fd = str_format("/proc/self/fd/%d", fd);
  return err_wrap(file_read(by_fd, SOURCE_FILE_LIMIT, ret_text), "'%s'", path);
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void folder_list(void *arg, const char *path, struct strv *ret_names) {
  int fd = open_beneath(arg, path, O_RDONLY | O_DIRECTORY);
  DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
  if (!folder) {
    if (fd >= 0) close(fd);
    return;
  }
  size_t first = ret_names->len;
  struct dirent *entry;
  while ((entry = readdir(folder)) && ret_names->len - first < SOURCE_LIST_LIMIT) {
    if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..")) continue;
    strv_addf(ret_names, "%s%s", entry->d_name, entry->d_type == DT_DIR ? "/" : "");
  }
  closedir(folder);
  if (ret_names->len > first)
    qsort(ret_names->items + first, ret_names->len - first, sizeof *ret_names->items, compare_names);
}

bool source_read(const struct source_view *v, const char *path, struct str *ret_text) {
  auto_err *e = v->is_file(v->arg, path) ? v->read(v->arg, path, ret_text) : NULL;
  return v->is_file(v->arg, path) && !e;
}

err *source_view_open(const char *folder, struct source_view *ret_view) {
  int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "opening the folder '%s'", folder);
  *ret_view = (struct source_view){
      .is_file = folder_is_file,
      .is_folder = folder_is_folder,
      .read = folder_read,
      .list = folder_list,
      .arg = (void *)(intptr_t)fd,
  };
  return NULL;
}

void source_view_close(struct source_view *view) {
  if (view->is_file == folder_is_file) close((int)(intptr_t)view->arg);
  *view = (struct source_view){0};
}

err *source_view_real_path(const struct source_view *view, const char *path, char **ret_path) {
  while (*path == '/') path++;
  auto_fd fd = open_beneath(view->arg, path, O_PATH);
  if (fd < 0 && (errno == EXDEV || errno == ELOOP))
    return err_new(ERR_INVALID, "'%s' leads outside of the source", path);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
    return err_new(ERR_NOT_FOUND, "there is no '%s' in the source", path);
  if (fd < 0) return err_errno(errno, "opening '%s'", path);
  auto_free char *link = str_format("/proc/self/fd/%d", fd);
  char real[4096];
  ssize_t len = readlink(link, real, sizeof real - 1);
  if (len < 0) return err_errno(errno, "finding '%s'", path);
  *ret_path = str_ndup(real, (size_t)len);
  return NULL;
}
