/* What an implementation of engine.h provides.  Its own struct begins with a `struct engine`, its
 * exec streams with a `struct engine_exec`, connections with a `struct engine_stream`; engine.c checks what is the same for all and
 * dispatches. */
#ifndef TRAMWAY_ENGINE_ENGINE_OPS_H
#define TRAMWAY_ENGINE_ENGINE_OPS_H

#include "engine/engine.h"
#include "engine/volume.h"
#include "engine/volume_files.h"

struct engine_ops {
  void (*start)(engine *en, engine_done_fn *done, void *arg);
  fallible (*apply)(engine *en, const struct workload *w);
  void (*remove)(engine *en, const char *workload_id, engine_done_fn *done, void *arg);
  fallible (*rename)(engine *en, const char *workload_id, const char *service_label);
  fallible (*restart)(engine *en, const char *workload_id, int replica);
  void (*remove_environment)(engine *en, const char *environment_id, engine_done_fn *done,
                             void *arg);
  void (*sockets)(engine *en, const char *instance_id, engine_sockets_fn *done, void *arg);
  void (*each)(engine *en, const char *workload_id, engine_change_fn *fn, void *arg);
  void (*halt)(engine *en, engine_done_fn *done, void *arg);
  void (*free)(engine *en);

  fallible (*exec_start)(engine *en, const struct exec_options *options, engine_exec **ret_exec);
  void (*exec_write)(engine_exec *x, const void *data, size_t len);
  size_t (*exec_pending)(const engine_exec *x);
  void (*exec_close_input)(engine_exec *x);
  void (*exec_pause)(engine_exec *x, bool paused);
  void (*exec_resize)(engine_exec *x, int columns, int rows);
  void (*exec_kill)(engine_exec *x);

  fallible (*dial)(engine *en, const struct dial_options *options, engine_stream **ret_stream);
  void (*stream_write)(engine_stream *s, const void *data, size_t len);
  size_t (*stream_pending)(const engine_stream *s);
  void (*stream_shut)(engine_stream *s);
  void (*stream_pause)(engine_stream *s, bool paused);
  void (*stream_close)(engine_stream *s);

  void (*volume_apply)(engine *en, const struct engine_volume *v, engine_done_fn *done, void *arg);
  void (*volume_remove)(engine *en, const char *id, engine_done_fn *done, void *arg);
  void (*volume_usage)(engine *en, const char *id, engine_volume_usage_fn *done, void *arg);
  void (*volume_snapshot)(engine *en, const char *id, const char *snapshot, bool wanted,
                          engine_done_fn *done, void *arg);
  void (*pause)(engine *en, const char *workload_id, bool paused, engine_done_fn *done, void *arg);
  fallible (*volume_run)(engine *en, const struct volume_run *run, volume_run_handle **ret_run);
  void (*volume_run_cancel)(volume_run_handle *run);
};

/* The files of volumes; an implementation's own struct begins with it. */
struct volume_files {
  const struct volume_files_ops *ops;
};

struct volume_reader {
  const struct volume_files_ops *ops;
};

struct volume_writer {
  const struct volume_files_ops *ops;
};

struct volume_files_ops {
  void (*list)(struct volume_files *f, const char *id, const char *path, volume_entries_fn *done, void *arg);
  void (*make_folder)(struct volume_files *f, const char *id, const char *path, engine_done_fn *done, void *arg);
  void (*remove)(struct volume_files *f, const char *id, const char *path, engine_done_fn *done, void *arg);
  void (*rename)(struct volume_files *f, const char *id, const char *from, const char *to, engine_done_fn *done,
                 void *arg);
  void (*read)(struct volume_files *f, const char *id, const char *path, volume_open_fn *done, void *arg);
  void (*reader_next)(volume_reader *r, volume_data_fn *done, void *arg);
  void (*reader_close)(volume_reader *r);
  void (*write)(struct volume_files *f, const char *id, const char *path, bool replace, volume_create_fn *done,
                void *arg);
  void (*writer_add)(volume_writer *w, const void *data, size_t len, engine_done_fn *done, void *arg);
  void (*writer_finish)(volume_writer *w, engine_done_fn *done, void *arg);
  void (*writer_close)(volume_writer *w);
};

struct engine {
  const struct engine_ops *ops;
  struct volume_files *files;
  repair_fn *on_repair;
  void *repair_arg;
};

static inline void engine_tell_repair(const engine *en, const struct repair *r) {
  if (en->on_repair) en->on_repair(en->repair_arg, r);
}

struct engine_exec {
  const struct engine_ops *ops;
};

struct engine_stream {
  const struct engine_ops *ops;
};

struct volume_run_handle {
  const struct engine_ops *ops;
};

/* What engine.c and volume.c check alike. */
enum { ENGINE_ID_MAX = 64 };
bool engine_is_name(const char *text, size_t longest); /* nothing but a-z, 0-9 and '-' */
fallible engine_check_command(const char *const *argv, const char *const *env);

#endif
