/* The repositories that were pushed to Tramway (source/pushed.h), while git may be writing to them: what
 * refers to something comes before what it refers to, so that no ref in a backup names an object that is
 * missing there.  Locks, and what a push under way has not handed over, stay out. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/backup_internal.h"
#include "source/ignore.h"

static err *add_part(backup_writer *w, const char *repo, const char *name, const char *part, const char *left_out) {
  auto_free char *path = path_join(repo, part), *entry = path_join(name, part);
  auto_ignore *rules = ignore_new();
  TRY(ignore_add(rules, "", IGNORE_RANK_GIT, left_out, strlen(left_out)));
  return backup_add_tree(w, path, entry, rules);
}

static err *add_repo(backup_writer *w, const char *repo, const char *name) {
  static const char *const files[] = {"packed-refs", "config", "info/attributes", "HEAD"};
  auto_free char *head = path_join(repo, "HEAD");
  if (!file_exists(head)) return NULL; /* its making was interrupted */
  TRY(add_part(w, repo, name, "refs", "*.lock\n"));
  for (size_t i = 0; i < ARRAY_LEN(files); i++) {
    auto_free char *path = path_join(repo, files[i]), *entry = path_join(name, files[i]);
    if (file_exists(path)) TRY(backup_add_file(w, path, entry));
  }
  return add_part(w, repo, name, "objects", "*.lock\ntmp_*\n");
}

err *backup_add_repos(backup_writer *w, const char *data_dir) {
  auto_free char *folder = path_join(data_dir, BACKUP_REPOS);
  err *e = NULL;
  DIR *dir = opendir(folder);
  if (!dir) return errno == ENOENT ? NULL : err_errno(errno, "opening '%s'", folder);
  for (struct dirent *entry; !e && (entry = folder_next(dir, folder, &e));) {
    auto_free char *repo = path_join(folder, entry->d_name), *name = path_join(BACKUP_REPOS, entry->d_name);
    if (!e) e = add_repo(w, repo, name);
  }
  closedir(dir);
  return err_wrap(e, "packing what was pushed (did git tidy it up meanwhile?  Then try again)");
}
