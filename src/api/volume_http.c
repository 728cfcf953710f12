/* The files of a volume over HTTP, whether or not a service runs on it:
 *
 *   GET    /volume/{instance}/files?path=P            the file
 *   PUT    /volume/{instance}/files?path=P[&replace=true]   makes it, from the body
 *   DELETE /volume/{instance}/files?path=P            with all that is in it
 *   GET    /volume/{instance}/list?path=P             {"entries": [{"name", "kind", "sizeBytes", "changedAt", …}], "truncated"}
 *   POST   /volume/{instance}/rename?from=P&to=P
 *   POST   /volume/{instance}/folder?path=P
 *
 * For who may change the environment; each but the list is in the audit log before it is done. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/volume_files.h"
#include "store/volume.h"

/* ---- who may ---- */

/* The caller stays with the request. */
static err *admit(api *a, http_request *r, const char *event) {
  struct caller *caller = http_context(r);
  auto_volume_instance v = {0};
  const char *id = http_param(r, "instance");
  if (!caller) {
    caller = mem_zalloc(sizeof *caller);
    http_set_context(r, caller, free);
  }
  TRY(auth_caller(a, r, caller));
  err *e = volume_instance_get(a->parts.db, id, &v);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  if (e || volume_is_trashed(&v)) {
    err_ignore(e);
    return err_new(caller->kind == CALLER_NOBODY ? ERR_DENIED : ERR_NOT_FOUND, "VolumeInstance not found");
  }
  TRY(access_environment(a, caller, v.environment_id, WORKSPACE_MEMBER));
  if (!event) return NULL;
  const char *path = http_query(r, "path"), *from = http_query(r, "from"), *to = http_query(r, "to");
  return audit_accepted(a, caller, event, v.environment_id,
                        json_pack("{s:s, s:s*, s:s*, s:s*}", "volumeInstanceId", id, "path", path, "from", from, "to", to));
}

/* ---- short answers ---- */

struct asked {
  http_request *request; /* NULL: gone */
};

static void on_gone(void *arg) {
  ((struct asked *)arg)->request = NULL;
}

static struct asked *ask(http_request *r) {
  struct asked *q = mem_zalloc(sizeof *q);
  q->request = r;
  http_on_abort(r, on_gone, q);
  return q;
}

static void answer(struct asked *q, err *e, json_t *body) {
  if (!q->request) {
    err_free(e);
  } else {
    http_on_abort(q->request, NULL, NULL);
    if (e)
      http_respond_err(q->request, e);
    else
      http_respond_json(q->request, 200, body);
  }
  json_decref(body);
  free(q);
}

static void on_done(void *arg, err *e) {
  answer(arg, e, json_pack("{s:b}", "done", true));
}

static const char *path_of(const http_request *r, const char *name) {
  const char *path = http_query(r, name);
  return path ? path : "";
}

void handle_volume_remove(http_request *r, void *api_) {
  api *a = api_;
  err *e = admit(a, r, "volumeFileDelete");
  if (e)
    http_respond_err(r, e);
  else
    volume_files_remove(a->parts.engine, http_param(r, "instance"), path_of(r, "path"), on_done, ask(r));
}

void handle_volume_rename(http_request *r, void *api_) {
  api *a = api_;
  err *e = admit(a, r, "volumeFileRename");
  if (e)
    http_respond_err(r, e);
  else
    volume_files_rename(a->parts.engine, http_param(r, "instance"), path_of(r, "from"), path_of(r, "to"), on_done, ask(r));
}

void handle_volume_folder(http_request *r, void *api_) {
  api *a = api_;
  err *e = admit(a, r, "volumeFolderCreate");
  if (e)
    http_respond_err(r, e);
  else
    volume_files_make_folder(a->parts.engine, http_param(r, "instance"), path_of(r, "path"), on_done, ask(r));
}

static json_t *entry_json(const struct volume_entry *entry) {
  static const char *const kinds[] = {[VOLUME_ENTRY_FILE] = "FILE", [VOLUME_ENTRY_FOLDER] = "FOLDER",
                                      [VOLUME_ENTRY_LINK] = "LINK", [VOLUME_ENTRY_OTHER] = "OTHER"};
  json_t *o = json_pack("{s:s*, s:s, s:I, s:i, s:i, s:i}", "name",
                        str_is_utf8(entry->name, strlen(entry->name)) ? entry->name : NULL, "kind", kinds[entry->kind],
                        "sizeBytes", (json_int_t)entry->size_bytes, "mode", (int)entry->mode, "userId", (int)entry->user_id,
                        "groupId", (int)entry->group_id);
  json_object_set_new(o, "changedAt", time_json(entry->changed_us));
  return o;
}

/* A name that is not UTF-8 cannot be told in JSON. */
static void on_entries(void *arg, err *e, const struct volume_entries *entries) {
  json_t *list = json_array();
  bool left_out = !e && entries->truncated;
  for (size_t i = 0; !e && i < entries->len; i++) {
    json_t *entry = entry_json(&entries->items[i]);
    if (json_object_get(entry, "name")) {
      json_array_append_new(list, entry);
    } else {
      json_decref(entry);
      left_out = true;
    }
  }
  answer(arg, e, json_pack("{s:o, s:b}", "entries", list, "truncated", left_out));
}

void handle_volume_list(http_request *r, void *api_) {
  api *a = api_;
  err *e = admit(a, r, NULL);
  if (e)
    http_respond_err(r, e);
  else
    volume_files_list(a->parts.engine, http_param(r, "instance"), path_of(r, "path"), on_entries, ask(r));
}

/* ---- reading ---- */

/* A piece at a time: the next one is read when the client has taken the last. */
struct download {
  http_request *request; /* NULL: gone before the file was open */
  volume_reader *reader;
  struct str piece;
  size_t sent; /* of the piece */
  bool reading, at_end, failed, streams;
};

static void download_free(struct download *d) {
  volume_reader_close(d->reader);
  str_done(&d->piece);
  free(d);
}

static void on_piece(void *arg, err *e, const char *data, size_t len) {
  struct download *d = arg;
  d->reading = false;
  d->failed = e != NULL;
  d->at_end = !e && len == 0;
  if (e) log_warn("volume", "reading a file: %s", err_message(e));
  err_free(e);
  str_clear(&d->piece);
  d->sent = 0;
  if (len && !d->failed) str_add_bytes(&d->piece, data, len);
  http_stream_wake(d->request);
}

static ssize_t give(void *arg, char *buffer, size_t size) {
  struct download *d = arg;
  if (d->sent < d->piece.len) {
    size_t len = d->piece.len - d->sent < size ? d->piece.len - d->sent : size;
    memcpy(buffer, d->piece.data + d->sent, len);
    d->sent += len;
    return (ssize_t)len;
  }
  if (d->failed) return HTTP_STREAM_FAIL;
  if (d->at_end) return HTTP_STREAM_END;
  if (!d->reading) {
    d->reading = true;
    volume_reader_next(d->reader, on_piece, d);
  }
  return HTTP_STREAM_WAIT;
}

static void on_sent(void *arg, bool complete) {
  (void)complete;
  download_free(arg);
}

static void on_download_gone(void *arg) {
  ((struct download *)arg)->request = NULL;
}

static void on_open(void *arg, err *e, volume_reader *reader, const struct volume_entry *entry) {
  static const struct http_header headers[] = {{"Content-Type", "application/octet-stream"},
                                               {"Content-Disposition", "attachment"},
                                               {"X-Content-Type-Options", "nosniff"},
                                               {NULL, NULL}};
  struct download *d = arg;
  (void)entry; /* it may grow meanwhile: its length is not promised */
  d->reader = reader;
  if (!d->request) {
    err_free(e);
    download_free(d);
    return;
  }
  http_on_abort(d->request, NULL, NULL);
  if (e) {
    http_respond_err(d->request, e);
    download_free(d);
  } else {
    http_respond_stream(d->request, 200, headers, -1, give, on_sent, d);
  }
}

void handle_volume_read(http_request *r, void *api_) {
  api *a = api_;
  err *e = admit(a, r, "volumeFileDownload");
  if (e) {
    http_respond_err(r, e);
    return;
  }
  struct download *d = mem_zalloc(sizeof *d);
  d->request = r;
  http_on_abort(r, on_download_gone, d);
  volume_files_read(a->parts.engine, http_param(r, "instance"), path_of(r, "path"), on_open, d);
}

/* ---- writing ---- */

/* From the file that the body was received in. */
struct upload {
  http_request *request; /* NULL: gone */
  volume_writer *writer;
  char *body_path;
  int fd;
  char *piece; /* VOLUME_CHUNK_MAX bytes */
};

static void end_upload(struct upload *u, err *e) {
  volume_writer_close(u->writer);
  if (u->fd >= 0) close(u->fd);
  if (u->body_path && unlink(u->body_path) < 0 && errno != ENOENT)
    log_warn("volume", "removing '%s': %s", u->body_path, strerror(errno));
  free(u->body_path);
  free(u->piece);
  struct asked *q = mem_zalloc(sizeof *q);
  q->request = u->request;
  free(u);
  on_done(q, e);
}

static void on_finished(void *arg, err *e) {
  end_upload(arg, e);
}

static void on_added(void *arg, err *e) {
  struct upload *u = arg;
  ssize_t len = e ? 0 : read(u->fd, u->piece, VOLUME_CHUNK_MAX);
  if (!e && len < 0) e = err_errno(errno, "reading the upload");
  if (!e && !u->request) e = err_new(ERR_BUSY, "the client has gone"); /* nobody sees a part of it */
  if (e)
    end_upload(u, e);
  else if (len == 0)
    volume_writer_finish(u->writer, on_finished, u);
  else
    volume_writer_add(u->writer, u->piece, (size_t)len, on_added, u);
}

static void on_created(void *arg, err *e, volume_writer *writer) {
  struct upload *u = arg;
  u->writer = writer;
  on_added(u, e);
}

static void on_upload_gone(void *arg) {
  ((struct upload *)arg)->request = NULL;
}

static err *begin_write(api *a, http_request *r) {
  upload_sender(a, r);
  TRY(admit(a, r, "volumeFileUpload"));
  return upload_take(a, r, "file");
}

void handle_volume_write_begin(http_request *r, void *api_) {
  err *e = begin_write(api_, r);
  if (e) http_respond_err(r, e);
}

void handle_volume_write(http_request *r, void *api_) {
  api *a = api_;
  struct upload *u = mem_zalloc(sizeof *u);
  u->request = r;
  u->body_path = str_dup(http_body_path(r));
  u->piece = mem_alloc(VOLUME_CHUNK_MAX);
  u->fd = open(u->body_path, O_RDONLY | O_CLOEXEC);
  http_on_abort(r, on_upload_gone, u);
  if (u->fd < 0)
    end_upload(u, err_errno(errno, "reading the upload"));
  else
    volume_files_write(a->parts.engine, http_param(r, "instance"), path_of(r, "path"),
                       str_eq(http_query(r, "replace"), "true"), on_created, u);
}
