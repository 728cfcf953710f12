#include "store/db_kept.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/db_copy.h"

#define SUFFIX ".before-"

char *db_kept_path(const char *path, size_t number) {
  return str_format("%s" SUFFIX "%zu", path, number);
}

/* The number in "<name>.before-12"; 0: it is another file. */
static long long number_of(const char *entry, const char *name) {
  size_t len = strlen(name);
  long long number;
  if (strncmp(entry, name, len) != 0 || !str_starts(entry + len, SUFFIX)) return 0;
  return str_to_int(entry + len + strlen(SUFFIX), 1, INT32_MAX, &number) ? number : 0;
}

struct kept {
  size_t count;
  long long oldest;
};

static err *look(const char *folder, const char *name, struct kept *ret_kept) {
  struct kept kept = {0};
  DIR *dir = opendir(folder);
  if (!dir) return err_errno(errno, "reading '%s'", folder);
  for (struct dirent *entry; (entry = readdir(dir));) {
    long long number = number_of(entry->d_name, name);
    if (!number) continue;
    if (!kept.count++ || number < kept.oldest) kept.oldest = number;
  }
  closedir(dir);
  *ret_kept = kept;
  return NULL;
}

static err *remove_down_to(const char *path, size_t most) {
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  auto_free char *folder = slash ? str_ndup(path, (size_t)(name - path)) : str_dup(".");
  for (;;) {
    struct kept kept = {0};
    TRY(look(folder, name, &kept));
    if (kept.count <= most) return NULL;
    auto_free char *oldest = db_kept_path(path, (size_t)kept.oldest);
    if (unlink(oldest) < 0) return err_errno(errno, "removing '%s'", oldest);
  }
}

err *db_keep(db *d, const char *path, size_t number) {
  auto_free char *copy = db_kept_path(path, number);
  TRY(db_copy(d, copy));
  return remove_down_to(path, DB_KEPT_MAX);
}

err *db_kept_remove(const char *path) {
  return remove_down_to(path, 0);
}
