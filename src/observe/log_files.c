#include "observe/log_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { ID_MAX = 128, FILES_MAX = 1000 };

err *log_files_check_id(const char *what, const char *id) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  if (str_empty(id) || *id == '.' || strlen(id) > ID_MAX || id[strspn(id, allowed)])
    return err_new(ERR_INVALID, "that is no %s id", what);
  return NULL;
}

char *log_files_folder(const char *dir, enum log_kind kind, const char *deployment_id) {
  return kind == LOG_BUILD ? path_join(dir, "build")
                           : str_format("%s/deploy/%s", dir, deployment_id);
}

char *log_files_build_path(const char *dir, const char *deployment_id) {
  return str_format("%s/build/%s.log", dir, deployment_id);
}

static void add(struct log_files *files, char *path, char *instance_id) {
  files->items = mem_grow(files->items, &files->capacity, files->len + 1, sizeof *files->items);
  files->items[files->len++] = (struct log_file){.path = path, .instance_id = instance_id};
}

static int compare_files(const void *a, const void *b) {
  return strcmp(((const struct log_file *)a)->path, ((const struct log_file *)b)->path);
}

err *log_files_find(const char *dir, enum log_kind kind, const char *deployment_id,
                    struct log_files *ret_files) {
  auto_log_files files = {0};
  if (kind == LOG_BUILD) {
    char *path = log_files_build_path(dir, deployment_id);
    if (file_exists(path))
      add(&files, path, str_dup(""));
    else
      free(path);
  } else {
    auto_free char *path = log_files_folder(dir, kind, deployment_id);
    DIR *folder = opendir(path);
    if (!folder && errno != ENOENT) return err_errno(errno, "reading the folder '%s'", path);
    struct dirent *entry;
    while (folder && files.len <= FILES_MAX && (entry = readdir(folder))) {
      if (entry->d_name[0] == '.' || !str_ends(entry->d_name, ".log")) continue;
      char *id = str_ndup(entry->d_name, strlen(entry->d_name) - strlen(".log"));
      if (str_eq(id, LOG_FILES_PLATFORM)) *id = '\0';
      add(&files, path_join(path, entry->d_name), id);
    }
    if (folder) closedir(folder);
  }
  if (files.len > FILES_MAX) return err_new(ERR_LIMIT, "more than %d log files", FILES_MAX);
  if (files.len) qsort(files.items, files.len, sizeof *files.items, compare_files);
  *ret_files = files;
  files = (struct log_files){0};
  return NULL;
}

void log_files_done(struct log_files *files) {
  for (size_t i = 0; i < files->len; i++) {
    free(files->items[i].path);
    free(files->items[i].instance_id);
  }
  free(files->items);
  *files = (struct log_files){0};
}
