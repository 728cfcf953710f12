#include "store/db_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

static err *check_room(db *d, const char *path) {
  int64_t pages, page_bytes;
  struct statvfs fs;
  auto_free char *folder = str_dup(path);
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = '\0';
  TRY(db_query_int(d, "PRAGMA page_count", DB_NONE, 0, &pages));
  TRY(db_query_int(d, "PRAGMA page_size", DB_NONE, 0, &page_bytes));
  if (statvfs(slash ? folder : ".", &fs) < 0) return err_errno(errno, "looking at '%s'", folder);
  int64_t needed = pages * page_bytes + DB_COPY_RESERVE_BYTES;
  if ((int64_t)(fs.f_bavail * fs.f_frsize) >= needed) return NULL;
  return err_new(ERR_LIMIT, "a copy of the database needs %lld MiB in '%s', and there are %lld: free some",
                 (long long)(needed >> 20), folder, (long long)((fs.f_bavail * fs.f_frsize) >> 20));
}

/* Made by us, empty, because SQLite would make it readable by everybody. */
static err *make_empty(const char *path) {
  unlink(path); /* of a copy that was interrupted */
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return err_errno(errno, "making '%s'", path);
  close(fd);
  return NULL;
}

err *db_copy(db *d, const char *path) {
  auto_free char *unfinished = str_format("%s.new", path);
  TRY(check_room(d, path));
  TRY(make_empty(unfinished));
  err *e = db_run(d, "VACUUM INTO ?1", DB_BIND(db_text(unfinished)), NULL);
  if (!e) e = file_replace(unfinished, path);
  if (e) unlink(unfinished);
  return err_wrap(e, "copying the database to '%s'", path);
}
