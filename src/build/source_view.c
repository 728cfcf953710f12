#include "build/source_view.h"

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

struct folder {
  int fd;
  err *problem; /* the first */
};

static void note(struct folder *f, const char *path, err *e) {
  if (f->problem)
    err_ignore(e);
  else
    f->problem = err_wrap(e, "looking at '%s' of the source", *path ? path : ".");
}

static bool means_absent(int number) {
  return number == ENOENT || number == ENOTDIR || number == EXDEV || number == ELOOP || number == ENAMETOOLONG ||
         number == EACCES || number == ENXIO;
}

static int open_beneath(void *arg, const char *path, int flags) {
  struct folder *f = arg;
  struct open_how how = {
      .flags = (uint64_t)(flags | O_CLOEXEC),
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };
  int fd = (int)syscall(SYS_openat2, f->fd, *path ? path : ".", &how, sizeof how);
  int number = errno;
  if (fd < 0 && !means_absent(number)) note(f, path, err_errno(number, "opening it"));
  errno = number;
  return fd;
}

static bool has_type(void *arg, const char *path, mode_t type) {
  auto_fd fd = open_beneath(arg, path, O_PATH);
  struct stat info;
  if (fd < 0) return false;
  if (fstat(fd, &info) == 0) return (info.st_mode & S_IFMT) == type;
  note(arg, path, err_errno(errno, "asking what it is"));
  return false;
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
  err *e = NULL;
  while (ret_names->len - first < SOURCE_LIST_LIMIT && (entry = folder_next(folder, path, &e)))
    strv_addf(ret_names, "%s%s", entry->d_name, entry->d_type == DT_DIR ? "/" : "");
  if (e) note(arg, path, e);
  closedir(folder);
  if (ret_names->len > first)
    qsort(ret_names->items + first, ret_names->len - first, sizeof *ret_names->items, compare_names);
}

bool source_read(const struct source_view *v, const char *path, struct str *ret_text) {
  if (!v->is_file(v->arg, path)) return false;
  err *e = v->read(v->arg, path, ret_text);
  bool unreadable = e && err_code_of(e) == ERR_IO && v->is_file == folder_is_file;
  if (unreadable)
    note(v->arg, path, err_dup(e));
  err_ignore(e);
  return !e;
}

const char *source_path(const char *path) {
  while (*path == '/' || str_starts(path, "./")) path += *path == '/' ? 1 : 2;
  return path;
}

const struct source_view *source_dockerfile(const struct source_view *all, const struct source_view *root,
                                            const char *path, const char **ret_path) {
  *ret_path = str_empty(path) ? "Dockerfile" : source_path(path);
  if (source_has(root, *ret_path)) return root;
  return !str_empty(path) && source_has(all, *ret_path) ? all : NULL;
}

err *source_view_open(const char *folder, struct source_view *ret_view) {
  int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "opening the folder '%s'", folder);
  struct folder *f = mem_alloc(sizeof *f);
  *f = (struct folder){.fd = fd};
  *ret_view = (struct source_view){
      .is_file = folder_is_file,
      .is_folder = folder_is_folder,
      .read = folder_read,
      .list = folder_list,
      .arg = f,
  };
  return NULL;
}

void source_view_close(struct source_view *view) {
  if (view->is_file == folder_is_file) {
    struct folder *f = view->arg;
    close(f->fd);
    err_free(f->problem);
    free(f);
  }
  *view = (struct source_view){0};
}

err *source_view_problem(const struct source_view *view) {
  return view->is_file == folder_is_file ? err_dup(((struct folder *)view->arg)->problem) : NULL;
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
