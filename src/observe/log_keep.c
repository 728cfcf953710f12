#include "observe/log_keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/usage.h"
#include "observe/log_files.h"

/* A cut is made at a line's end that is looked for this far. */
enum { LINE_SEARCH = 256 * 1024 };

void log_use_list_done(struct log_use_list *list) {
  for (size_t i = 0; i < list->len; i++) free(list->items[i].deployment_id);
  free(list->items);
  *list = (struct log_use_list){0};
}

static bool is_id(const char *name) {
  auto_err *e = log_files_check_id("deployment", name);
  return !e;
}

static struct log_use *use_of(struct log_use_list *list, const char *id) {
  for (size_t i = 0; i < list->len; i++)
    if (str_eq(list->items[i].deployment_id, id)) return &list->items[i];
  list->items = mem_grow(list->items, &list->capacity, list->len + 1, sizeof *list->items);
  list->items[list->len] = (struct log_use){.deployment_id = str_dup(id)};
  return &list->items[list->len++];
}

/* Adds what lies in one of the two folders; `suffix` is cut off its names. */
static err *add_folder(const char *path, const char *suffix, struct log_use_list *list) {
  DIR *folder = opendir(path);
  if (!folder && errno == ENOENT) return NULL;
  if (!folder) return err_errno(errno, "reading the folder '%s'", path);
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (!str_ends(entry->d_name, suffix)) continue;
    auto_free char *id = str_ndup(entry->d_name, strlen(entry->d_name) - strlen(suffix));
    auto_free char *whole = path_join(path, entry->d_name);
    if (is_id(id)) use_of(list, id)->bytes += usage_of_tree(whole);
  }
  closedir(folder);
  return NULL;
}

err *log_keep_list(const char *dir, struct log_use_list *ret_list) {
  auto_log_use_list list = {0};
  auto_free char *build = path_join(dir, "build"), *deploy = path_join(dir, "deploy");
  TRY(add_folder(build, ".log", &list));
  TRY(add_folder(deploy, "", &list));
  *ret_list = list;
  list = (struct log_use_list){0};
  return NULL;
}

struct held {
  const char *path;
  int64_t bytes; /* behind what was given back */
};

static int smallest_first(const void *a, const void *b) {
  int64_t x = ((const struct held *)a)->bytes, y = ((const struct held *)b)->bytes;
  return x < y ? -1 : x > y;
}

static struct held measure(const char *path) {
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) < 0) return (struct held){path, 0};
  return (struct held){path, (int64_t)info.st_size - usage_data_begin(fd)};
}

/* The newline at or behind `from`, so that what stays begins with a whole line. */
static int64_t line_end(int fd, int64_t from) {
  auto_free char *text = mem_alloc(LINE_SEARCH);
  ssize_t got = pread(fd, text, LINE_SEARCH, from);
  const char *newline = got > 0 ? memchr(text, '\n', (size_t)got) : NULL;
  return newline ? from + (newline - text) : from;
}

static err *cut(const char *path, int64_t keep_bytes, int64_t *ret_freed) {
  auto_fd fd = open(path, O_RDWR | O_CLOEXEC);
  struct stat info;
  if (fd < 0 && errno == ENOENT) return NULL;
  if (fd < 0 || fstat(fd, &info) < 0) return err_errno(errno, "opening the log '%s'", path);
  if (info.st_size <= keep_bytes) return NULL;
  int64_t before = (int64_t)info.st_blocks;
  TRY(err_wrap(usage_punch(fd, line_end(fd, info.st_size - keep_bytes)), "the log '%s'", path));
  if (fstat(fd, &info) == 0 && before > info.st_blocks) *ret_freed += (before - info.st_blocks) * 512;
  return NULL;
}

/* Each file may keep an equal share of what the smaller ones leave. */
static err *cut_all(struct held *held, size_t len, int64_t room, int64_t *ret_freed) {
  qsort(held, len, sizeof *held, smallest_first);
  for (size_t i = 0; i < len; i++) {
    int64_t share = room / (int64_t)(len - i);
    if (held[i].bytes > share) TRY(cut(held[i].path, share, ret_freed));
    room -= held[i].bytes < share ? held[i].bytes : share;
  }
  return NULL;
}

static size_t measure_all(const struct log_files *files, struct held *held) {
  for (size_t i = 0; i < files->len; i++) held[i] = measure(files->items[i].path);
  return files->len;
}

err *log_keep_trim(const char *dir, const char *deployment_id, int64_t limit_bytes, int64_t *ret_freed) {
  auto_log_files deploy = {0}, build = {0};
  int64_t total = 0;
  *ret_freed = 0;
  TRY(log_files_find(dir, LOG_DEPLOY, deployment_id, &deploy));
  TRY(log_files_find(dir, LOG_BUILD, deployment_id, &build));
  auto_free struct held *held = mem_alloc((deploy.len + build.len + 1) * sizeof *held);
  size_t len = measure_all(&deploy, held);
  len += measure_all(&build, held + len);
  for (size_t i = 0; i < len; i++) total += held[i].bytes;
  return total > limit_bytes ? cut_all(held, len, limit_bytes - limit_bytes / 4, ret_freed) : NULL;
}
