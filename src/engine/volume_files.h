/* The files of a volume: looking, reading and writing, whether or not an instance runs on it.
 *
 * A path is looked up from the volume's top; a leading '/' means nothing, "" and "/" are the top itself.  What is
 * in a volume was written by strangers: links are followed inside the volume only (an absolute one starts
 * at its top), devices, pipes and sockets are never opened, and what a program does to the folders
 * meanwhile leads nowhere else.  Owners are ids as they are inside.
 *
 * Everything happens on the loop thread; every callback comes once and owns its error; ERR_INVALID and BUSY may
 * come before the call returns.  NOT_FOUND: there is no such volume, file or folder; CONFLICT: the name is taken;
 * LIMIT: the volume is full; BUSY: too much is asked of the volume at once, or a folder is not removed after ten
 * minutes. */
#ifndef TRAMWAY_ENGINE_VOLUME_FILES_H
#define TRAMWAY_ENGINE_VOLUME_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

enum {
  VOLUME_ENTRIES_MAX = 10000,
  VOLUME_FILE_PATH_MAX = 4096,
  VOLUME_CHUNK_MAX = 256 * 1024,
};

enum volume_entry_kind { VOLUME_ENTRY_FILE, VOLUME_ENTRY_FOLDER, VOLUME_ENTRY_LINK, VOLUME_ENTRY_OTHER };

struct volume_entry {
  char *name; /* any bytes but '/' and NUL */
  enum volume_entry_kind kind;
  int64_t size_bytes, changed_us; /* since 1970 */
  unsigned mode;                  /* the last twelve bits */
  uint32_t user_id, group_id;
};

struct volume_entries {
  struct volume_entry *items; /* in the order of their names' bytes */
  size_t len;
  bool truncated; /* there are more than VOLUME_ENTRIES_MAX */
};

/* Borrowed for the duration of the call. */
typedef void volume_entries_fn(void *arg, err *e, const struct volume_entries *entries);

void volume_files_list(engine *en, const char *volume_id, const char *path, volume_entries_fn *done, void *arg);

/* With those on the way that are missing; one that is there is success.  It belongs to whom the folder that
 * it is made in belongs. */
void volume_files_make_folder(engine *en, const char *volume_id, const char *path, engine_done_fn *done,
                              void *arg);

/* With all that is in it.  Nothing there is NOT_FOUND. */
void volume_files_remove(engine *en, const char *volume_id, const char *path, engine_done_fn *done, void *arg);

/* Replaces nothing. */
void volume_files_rename(engine *en, const char *volume_id, const char *from, const char *to,
                         engine_done_fn *done, void *arg);

/* Reading: open, then one volume_reader_next after the other; `len` 0 is the end.  Closing while a read is
 * in progress is allowed: its callback does not come then. */
typedef struct volume_reader volume_reader;
typedef void volume_open_fn(void *arg, err *e, volume_reader *reader, const struct volume_entry *entry);
typedef void volume_data_fn(void *arg, err *e, const char *data, size_t len);
void volume_files_read(engine *en, const char *volume_id, const char *path, volume_open_fn *done, void *arg);
void volume_reader_next(volume_reader *r, volume_data_fn *done, void *arg);
void volume_reader_close(volume_reader *r); /* accepts NULL */

/* Writing: create, then one volume_writer_add after the other, then volume_writer_finish, which gives the
 * file its name; before that nobody sees it, and closing (or the end of tramd) leaves nothing.  A file that
 * replaces one keeps its owner and mode; a new one belongs to whom its folder belongs.  Closing while
 * something is in progress is allowed: its callback does not come then. */
typedef struct volume_writer volume_writer;
typedef void volume_create_fn(void *arg, err *e, volume_writer *writer);
void volume_files_write(engine *en, const char *volume_id, const char *path, bool replace,
                        volume_create_fn *done, void *arg);
void volume_writer_add(volume_writer *w, const void *data, size_t len, engine_done_fn *done, void *arg); /* copies */
void volume_writer_finish(volume_writer *w, engine_done_fn *done, void *arg); /* close it all the same */
void volume_writer_close(volume_writer *w);                                   /* accepts NULL */

#endif
