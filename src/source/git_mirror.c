/* The mirrors of repositories as files: their names, which there are, and how they go. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "source/git_internal.h"

#define ASIDE ".gone-"

bool git_mirror_is_used(const git *g, const char *mirror) {
  LIST_FOREACH(job, &g->jobs, git_job, link)
    if (job->started && str_eq(job->mirror, mirror)) return true;
  return false;
}

void git_mirror_name(const struct git_url *url, char name[SHA256_HEX_SIZE]) {
  secret_sha256_hex(url->plain, strlen(url->plain), name);
}

bool git_mirror_of(const char *text, char ret_name[SHA256_HEX_SIZE]) {
  struct git_url url;
  auto_err *e = git_url_parse(text, &url);
  if (e) return false;
  git_mirror_name(&url, ret_name);
  git_url_done(&url);
  return true;
}

char *git_mirror_path(const git *g, const char *name) {
  return str_format("%s/mirrors/%s", g->dir, name);
}

static err *list_mirrors(const git *g, bool aside, struct strv *ret_names) {
  auto_free char *path = git_mirror_path(g, "");
  DIR *folder = opendir(path);
  if (!folder) return err_errno(errno, "reading the folder '%s'", path);
  for (struct dirent *entry; (entry = readdir(folder));)
    if (aside ? str_starts(entry->d_name, ASIDE) : strlen(entry->d_name) == SHA256_HEX_SIZE - 1)
      strv_add(ret_names, entry->d_name);
  closedir(folder);
  return NULL;
}

err *git_mirror_list(const git *g, struct strv *ret_names) {
  return list_mirrors(g, false, ret_names);
}

err *git_mirror_put_aside(git *g, const char *name) {
  auto_free char *path = git_mirror_path(g, name);
  auto_free char *aside = str_format("%s/mirrors/" ASIDE "%s", g->dir, name);
  if (git_mirror_is_used(g, path)) return err_new(ERR_BUSY, "git: a fetch is using the mirror '%s'", name);
  if (rename(path, aside) < 0 && errno != ENOENT) return err_errno(errno, "git: the mirror '%s'", name);
  return NULL;
}

err *git_mirror_clear_aside(const git *g) {
  auto_strv names = STRV_EMPTY;
  TRY(list_mirrors(g, true, &names));
  for (size_t i = 0; i < names.len; i++) {
    auto_free char *path = git_mirror_path(g, names.items[i]);
    TRY(file_remove_tree(path));
  }
  return NULL;
}
