#include "engine/local/folder_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "engine/local/volume_tree.h"
#include "loop/work.h"

enum { REMOVE_SLICE_MS = 200, REMOVE_MS = 600000 };

static const struct volume_files_ops ops;

static struct folder_files *of(struct volume_files *f) {
  return (struct folder_files *)f;
}

/* --- One question, one answer -------------------------------------------------------- */

struct request {
  struct list link; /* in files->requests */
  struct folder_files *files;
  char *id, *path, *to;
  bool replace, unfinished;
  int64_t ends_at_ms; /* of what is done in pieces; else 0 */
  err *(*act)(struct request *r, int root); /* on the pool */
  void (*answer)(struct request *r, err *e);
  union {
    engine_done_fn *done;
    volume_entries_fn *entries;
    volume_open_fn *open;
    volume_create_fn *create;
  } call;
  void *arg;
  struct volume_entries entries;
  struct volume_entry entry;
  int fd;
  struct volume_new_file file;
};

static err *act(void *arg) {
  struct request *r = arg;
  auto_fd root = -1;
  TRY(r->files->open_root(r->files->arg, r->id, &root));
  return r->act(r, root);
}

static void answer(void *arg, err *e) {
  struct request *r = arg;
  if (r->unfinished && !r->files->ending && clock_monotonic_ms() < r->ends_at_ms) {
    err_ignore(e);
    work_start(r->files->loop, act, answer, r); /* behind what waits for the pool */
    return;
  }
  --*r->files->pending;
  list_remove(&r->link);
  r->answer(r, e);
  volume_entries_done(&r->entries);
  volume_entry_done(&r->entry);
  free(r->id);
  free(r->path);
  free(r->to);
  free(r);
}

static struct request *request_new(struct volume_files *f, const char *id, const char *path, void *arg) {
  struct request *r = mem_zalloc(sizeof *r);
  r->files = of(f);
  r->id = str_dup(id);
  r->path = str_dup(path);
  r->arg = arg;
  list_init(&r->link);
  return r;
}

static bool is_crowded(const struct request *r) {
  int count = 0;
  LIST_FOREACH(other, &r->files->requests, struct request, link) count += str_eq(other->id, r->id);
  return count >= FOLDER_FILES_REQUESTS_MAX;
}

static void request_start(struct request *r) {
  bool crowded = is_crowded(r);
  list_push(&r->files->requests, &r->link);
  ++*r->files->pending;
  if (crowded)
    answer(r, err_new(ERR_BUSY, "too much is being done to the volume's files: try again"));
  else
    work_start(r->files->loop, act, answer, r);
}

static void answer_done(struct request *r, err *e) {
  r->call.done(r->arg, e);
}

static err *act_list(struct request *r, int root) {
  return volume_tree_list(root, r->path, &r->entries);
}

static void answer_list(struct request *r, err *e) {
  r->call.entries(r->arg, e, e ? NULL : &r->entries);
}

static void files_list(struct volume_files *f, const char *id, const char *path, volume_entries_fn *done,
                       void *arg) {
  struct request *r = request_new(f, id, path, arg);
  r->call.entries = done;
  r->act = act_list;
  r->answer = answer_list;
  request_start(r);
}

static void change(struct volume_files *f, const char *id, const char *path, const char *to,
                   err *(*fn)(struct request *r, int root), engine_done_fn *done, void *arg) {
  struct request *r = request_new(f, id, path, arg);
  r->to = to ? str_dup(to) : NULL;
  r->call.done = done;
  r->act = fn;
  r->answer = answer_done;
  request_start(r);
}

static err *act_make_folder(struct request *r, int root) {
  return volume_tree_make_folder(root, r->path);
}

static void files_make_folder(struct volume_files *f, const char *id, const char *path, engine_done_fn *done,
                              void *arg) {
  change(f, id, path, NULL, act_make_folder, done, arg);
}

static err *act_remove(struct request *r, int root) {
  int64_t now_ms = clock_monotonic_ms();
  if (!r->ends_at_ms) r->ends_at_ms = now_ms + REMOVE_MS;
  err *e = volume_tree_remove(root, r->path, now_ms + REMOVE_SLICE_MS);
  r->unfinished = e && err_code_of(e) == ERR_BUSY;
  return e;
}

static void files_remove(struct volume_files *f, const char *id, const char *path, engine_done_fn *done,
                         void *arg) {
  change(f, id, path, NULL, act_remove, done, arg);
}

static err *act_rename(struct request *r, int root) {
  return volume_tree_rename(root, r->path, r->to);
}

static void files_rename(struct volume_files *f, const char *id, const char *from, const char *to,
                         engine_done_fn *done, void *arg) {
  change(f, id, from, to, act_rename, done, arg);
}

/* --- Reading ------------------------------------------------------------------------- */

struct reader {
  volume_reader base;
  struct folder_files *files;
  int fd;
  char *chunk;
  size_t len;
  bool busy, closed;
  volume_data_fn *done;
  void *arg;
};

static void reader_free(struct reader *r) {
  close(r->fd);
  free(r->chunk);
  free(r);
}

static err *act_read(struct request *r, int root) {
  return volume_tree_read(root, r->path, &r->fd, &r->entry);
}

static void answer_read(struct request *r, err *e) {
  if (e) {
    r->call.open(r->arg, e, NULL, NULL);
    return;
  }
  struct reader *reader = mem_zalloc(sizeof *reader);
  reader->base.ops = &ops;
  reader->files = r->files;
  reader->fd = r->fd;
  reader->chunk = mem_alloc(VOLUME_CHUNK_MAX);
  r->call.open(r->arg, NULL, &reader->base, &r->entry);
}

static void files_read(struct volume_files *f, const char *id, const char *path, volume_open_fn *done,
                       void *arg) {
  struct request *r = request_new(f, id, path, arg);
  r->call.open = done;
  r->act = act_read;
  r->answer = answer_read;
  request_start(r);
}

static err *read_chunk(void *arg) {
  struct reader *r = arg;
  ssize_t got;
  do
    got = read(r->fd, r->chunk, VOLUME_CHUNK_MAX);
  while (got < 0 && errno == EINTR);
  if (got < 0) return err_errno(errno, "reading a file of a volume");
  r->len = (size_t)got;
  return NULL;
}

static void on_chunk(void *arg, err *e) {
  struct reader *r = arg;
  --*r->files->pending;
  r->busy = false;
  if (!r->closed) {
    r->done(r->arg, e, e ? NULL : r->chunk, e ? 0 : r->len);
    return;
  }
  err_ignore(e);
  reader_free(r);
}

static void reader_next(volume_reader *base, volume_data_fn *done, void *arg) {
  struct reader *r = (struct reader *)base;
  r->busy = true;
  r->done = done;
  r->arg = arg;
  ++*r->files->pending;
  work_start(r->files->loop, read_chunk, on_chunk, r);
}

static void reader_close(volume_reader *base) {
  struct reader *r = (struct reader *)base;
  r->closed = true;
  if (!r->busy) reader_free(r);
}

/* --- Writing ------------------------------------------------------------------------- */

struct writer {
  volume_writer base;
  struct folder_files *files;
  struct volume_new_file file;
  char *chunk;
  size_t len;
  bool busy, closed;
  engine_done_fn *done;
  void *arg;
};

static void writer_free(struct writer *w) {
  volume_new_file_done(&w->file);
  free(w->chunk);
  free(w);
}

static err *act_write(struct request *r, int root) {
  return volume_tree_create(root, r->path, r->replace, &r->file);
}

static void answer_write(struct request *r, err *e) {
  if (e) {
    r->call.create(r->arg, e, NULL);
    return;
  }
  struct writer *w = mem_zalloc(sizeof *w);
  w->base.ops = &ops;
  w->files = r->files;
  w->file = r->file;
  r->call.create(r->arg, NULL, &w->base);
}

static void files_write(struct volume_files *f, const char *id, const char *path, bool replace,
                        volume_create_fn *done, void *arg) {
  struct request *r = request_new(f, id, path, arg);
  r->replace = replace;
  r->call.create = done;
  r->act = act_write;
  r->answer = answer_write;
  request_start(r);
}

static err *write_chunk(void *arg) {
  struct writer *w = arg;
  for (size_t at = 0; at < w->len;) {
    ssize_t put = write(w->file.fd, w->chunk + at, w->len - at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return err_errno(errno, "writing '%s'", w->file.name);
    at += (size_t)put;
  }
  return NULL;
}

static err *name_file(void *arg) {
  struct writer *w = arg;
  return volume_tree_name(&w->file);
}

static void on_written(void *arg, err *e) {
  struct writer *w = arg;
  --*w->files->pending;
  w->busy = false;
  free(w->chunk);
  w->chunk = NULL;
  if (!w->closed) {
    w->done(w->arg, e);
    return;
  }
  err_ignore(e);
  writer_free(w);
}

static void writer_start(struct writer *w, work_fn *fn, engine_done_fn *done, void *arg) {
  w->busy = true;
  w->done = done;
  w->arg = arg;
  ++*w->files->pending;
  work_start(w->files->loop, fn, on_written, w);
}

static void writer_add(volume_writer *base, const void *data, size_t len, engine_done_fn *done, void *arg) {
  struct writer *w = (struct writer *)base;
  w->chunk = mem_dup(data, len);
  w->len = len;
  writer_start(w, write_chunk, done, arg);
}

static void writer_finish(volume_writer *base, engine_done_fn *done, void *arg) {
  writer_start((struct writer *)base, name_file, done, arg);
}

static void writer_close(volume_writer *base) {
  struct writer *w = (struct writer *)base;
  w->closed = true;
  if (!w->busy) writer_free(w);
}

static const struct volume_files_ops ops = {
    .list = files_list,
    .make_folder = files_make_folder,
    .remove = files_remove,
    .rename = files_rename,
    .read = files_read,
    .reader_next = reader_next,
    .reader_close = reader_close,
    .write = files_write,
    .writer_add = writer_add,
    .writer_finish = writer_finish,
    .writer_close = writer_close,
};

void folder_files_init(struct folder_files *f, loop *l, err *(*open_root)(void *arg, const char *id, int *ret_fd),
                       void *arg, int *pending) {
  *f = (struct folder_files){.base = {&ops}, .loop = l, .open_root = open_root, .arg = arg, .pending = pending};
  list_init(&f->requests);
}
