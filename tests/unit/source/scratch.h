/* A temporary folder for a test and short ways to fill it.  Test helpers: failures abort. */
#ifndef TRAMWAY_TESTS_SOURCE_SCRATCH_H
#define TRAMWAY_TESTS_SOURCE_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

static inline char *scratch_new(void) {
  char path[] = "/tmp/tramway-test-XXXXXX";
  if (!mkdtemp(path)) abort();
  return str_dup(path);
}

static inline void scratch_cleanup_(char **path) {
  err_free(file_remove_tree(*path));
  free(*path);
}
#define auto_scratch __attribute__((cleanup(scratch_cleanup_))) char

/* Writes `folder`/`name`, making the folders on the way. */
static inline void scratch_file(const char *folder, const char *name, const char *text) {
  auto_free char *path = path_join(folder, name);
  auto_free char *parent = str_dup(path);
  *strrchr(parent, '/') = '\0';
  err *e = file_make_dirs(parent, 0755);
  if (!e) e = file_write_fast(path, text, strlen(text), 0644);
  if (e) {
    printf("# scratch_file: %s\n", err_message(e));
    abort();
  }
}

static inline void scratch_link(const char *folder, const char *name, const char *target) {
  auto_free char *path = path_join(folder, name);
  if (symlink(target, path) < 0) abort();
}

/* The text of a file, or NULL.  The caller owns it. */
static inline char *scratch_read(const char *folder, const char *name) {
  auto_free char *path = path_join(folder, name);
  struct str text = STR_EMPTY;
  str_init(&text);
  err *e = file_read(path, 1 << 20, &text);
  if (!e) return str_take(&text);
  err_free(e);
  str_done(&text);
  return NULL;
}

static inline bool scratch_has(const char *folder, const char *name) {
  auto_free char *path = path_join(folder, name);
  return file_exists(path);
}

#endif
