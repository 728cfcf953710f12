/* engine/volume_files.h for volumes whose files are in a folder of this machine, on the worker pool. */
#ifndef TRAMWAY_ENGINE_LOCAL_FOLDER_FILES_H
#define TRAMWAY_ENGINE_LOCAL_FOLDER_FILES_H

#include "base/list.h"
#include "engine/engine_ops.h"

struct folder_files {
  struct volume_files base;
  loop *loop;
  /* On a pool thread: opens the top folder of a volume. */
  err *(*open_root)(void *arg, const char *volume_id, int *ret_fd);
  void *arg;
  int *pending; /* how much is in progress: `f` must live until it is 0 again */
  struct list requests; /* of all volumes */
  bool ending;  /* what takes long is given up */
};

/* The pool is everybody's: of one volume so many questions are answered at a time, beyond that ERR_BUSY; and what takes
 * longer than a moment lets the others in between. */
enum { FOLDER_FILES_REQUESTS_MAX = 16 };

void folder_files_init(struct folder_files *f, loop *l, err *(*open_root)(void *arg, const char *id, int *ret_fd),
                       void *arg, int *pending);

#endif
