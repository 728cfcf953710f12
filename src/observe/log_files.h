/* Where logs lie on disk: see observe/log_store.h.  The platform's own lines of a deployment are in
 * deploy/<deployment>/platform.log and belong to no instance. */
#ifndef TRAMWAY_OBSERVE_LOG_FILES_H
#define TRAMWAY_OBSERVE_LOG_FILES_H

#include <stddef.h>

#include "base/err.h"
#include "observe/log_store.h"

#define LOG_FILES_PLATFORM "platform"

struct log_file {
  char *path;
  char *instance_id; /* "" for builds and for the platform's own lines */
};

struct log_files {
  struct log_file *items;
  size_t len, capacity;
};

/* Ids become file names: letters, digits, "-", "_", ".", not at the beginning; at most 128. */
fallible log_files_check_id(const char *what, const char *id);

/* The folder that a log's files lie in. */
char *log_files_folder(const char *dir, enum log_kind kind, const char *deployment_id);

/* build/<deployment>.log */
char *log_files_build_path(const char *dir, const char *deployment_id);

/* The files that are there now, sorted by name; none is no error.  At most 1000 (ERR_LIMIT). */
fallible log_files_find(const char *dir, enum log_kind kind, const char *deployment_id,
                        struct log_files *ret_files);
void log_files_done(struct log_files *files);

static inline void log_files_cleanup_(struct log_files *files) {
  log_files_done(files);
}
#define auto_log_files __attribute__((cleanup(log_files_cleanup_))) struct log_files

#endif
