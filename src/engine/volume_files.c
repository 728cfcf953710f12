#include "engine/volume_files.h"

#include "engine/engine_ops.h"

/* Ids become names of folders. */
static err *check_id(const char *id) {
  if (engine_is_name(id, ENGINE_ID_MAX)) return NULL;
  return err_new(ERR_INVALID, "a volume's id must be 1 to %d of a-z, 0-9 and '-'", ENGINE_ID_MAX);
}

void volume_files_list(engine *en, const char *volume_id, const char *path, volume_entries_fn *done, void *arg) {
  err *e = check_id(volume_id);
  if (e)
    done(arg, e, NULL);
  else
    en->files->ops->list(en->files, volume_id, path, done, arg);
}

void volume_files_make_folder(engine *en, const char *volume_id, const char *path, engine_done_fn *done,
                              void *arg) {
  err *e = check_id(volume_id);
  if (e)
    done(arg, e);
  else
    en->files->ops->make_folder(en->files, volume_id, path, done, arg);
}

void volume_files_remove(engine *en, const char *volume_id, const char *path, engine_done_fn *done, void *arg) {
  err *e = check_id(volume_id);
  if (e)
    done(arg, e);
  else
    en->files->ops->remove(en->files, volume_id, path, done, arg);
}

void volume_files_rename(engine *en, const char *volume_id, const char *from, const char *to,
                         engine_done_fn *done, void *arg) {
  err *e = check_id(volume_id);
  if (e)
    done(arg, e);
  else
    en->files->ops->rename(en->files, volume_id, from, to, done, arg);
}

void volume_files_read(engine *en, const char *volume_id, const char *path, volume_open_fn *done, void *arg) {
  err *e = check_id(volume_id);
  if (e)
    done(arg, e, NULL, NULL);
  else
    en->files->ops->read(en->files, volume_id, path, done, arg);
}

void volume_reader_next(volume_reader *r, volume_data_fn *done, void *arg) {
  r->ops->reader_next(r, done, arg);
}

void volume_reader_close(volume_reader *r) {
  if (r) r->ops->reader_close(r);
}

void volume_files_write(engine *en, const char *volume_id, const char *path, bool replace,
                        volume_create_fn *done, void *arg) {
  err *e = check_id(volume_id);
  if (e)
    done(arg, e, NULL);
  else
    en->files->ops->write(en->files, volume_id, path, replace, done, arg);
}

void volume_writer_add(volume_writer *w, const void *data, size_t len, engine_done_fn *done, void *arg) {
  w->ops->writer_add(w, data, len, done, arg);
}

void volume_writer_finish(volume_writer *w, engine_done_fn *done, void *arg) {
  w->ops->writer_finish(w, done, arg);
}

void volume_writer_close(volume_writer *w) {
  if (w) w->ops->writer_close(w);
}
