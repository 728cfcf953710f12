#include "cli/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/pack.h"

#define REDRAW_MS 50

static err *real_folder(const char *path, char **ret_folder) {
  char *real = realpath(path, NULL);
  if (!real) return err_errno(errno, "the folder '%s'", path);
  struct stat info;
  if (stat(real, &info) == 0 && S_ISDIR(info.st_mode)) {
    *ret_folder = real;
    return NULL;
  }
  free(real);
  return err_new(ERR_INVALID, "'%s' is not a folder", path);
}

/* The part of `path` below `root`, "" when they are the same, or NULL. */
static const char *below(const char *root, const char *path) {
  size_t len = strlen(root);
  if (strncmp(root, path, len) != 0) return NULL;
  if (!path[len]) return "";
  if (path[len] == '/') return path + len + 1;
  return str_eq(root, "/") ? path + 1 : NULL;
}

err *upload_place(const char *linked, const char *path, bool as_root, struct upload *ret_upload) {
  auto_free char *place = NULL, *root = NULL;
  TRY(real_folder(path ? path : linked ? linked : ".", &place));
  if (linked && path && !as_root) TRY(real_folder(linked, &root));
  const char *part = root ? below(root, place) : NULL;
  ret_upload->root = str_dup(part ? root : place);
  ret_upload->folder = str_empty(part) ? NULL : str_dup(part);
  return NULL;
}

void upload_done(struct upload *u) {
  free(u->root);
  free(u->folder);
  *u = (struct upload){0};
}

static err *nameless_file(int *ret_fd) {
  const char *folder = getenv("TMPDIR");
  if (str_empty(folder)) folder = "/tmp";
  int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
    auto_free char *path = path_join(folder, "tram-upload-XXXXXX");
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) unlink(path);
  }
  if (fd < 0) return err_errno(errno, "making a temporary file in '%s'", folder);
  *ret_fd = fd;
  return NULL;
}

static void on_note(void *arg, const char *text) {
  struct cli *cli = arg;
  auto_free char *clean = format_printable(text);
  err_line(&cli->out, "%s%s%s", err_style(&cli->out, STYLE_YELLOW), clean, err_reset(&cli->out));
}

/* What the callbacks of packing and sending need. */
struct transfer {
  struct cli *cli;
  bool quiet;
  int fd;
  int64_t packed_total;
  int64_t drawn_ms; /* when the progress was drawn last: a folder may hold many small files */
};

static void on_packed(void *arg, int64_t files, int64_t bytes) {
  struct transfer *t = arg;
  (void)files;
  int64_t now_ms = clock_monotonic_ms();
  if (t->quiet || now_ms - t->drawn_ms < REDRAW_MS) return;
  t->drawn_ms = now_ms;
  out_progress(&t->cli->out, "Packing  ", bytes, t->packed_total);
}

static err *write_fd(void *arg, const void *data, size_t size) {
  struct transfer *t = arg;
  const char *at = data;
  while (size) {
    ssize_t done = write(t->fd, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return err_errno(errno, "writing the packed folder to a temporary file");
    at += done;
    size -= (size_t)done;
  }
  return NULL;
}

static ssize_t read_fd(void *arg, char *buffer, size_t size) {
  struct transfer *t = arg;
  ssize_t got;
  do
    got = read(t->fd, buffer, size);
  while (got < 0 && errno == EINTR);
  return got;
}

static bool on_sent(void *arg, int64_t sent, int64_t total) {
  struct transfer *t = arg;
  if (t->quiet) return true;
  if (sent < total)
    out_progress(&t->cli->out, "Uploading", sent, total);
  else
    out_moving(&t->cli->out, "Uploaded; the server unpacks it");
  return true;
}

static err *pack_folder(struct transfer *t, const struct upload *u) {
  struct pack_options options = {
      .folder = u->folder, .no_gitignore = u->no_gitignore, .on_note = on_note, .arg = t->cli};
  pack *p = NULL;
  TRY(pack_new(u->root, &options, &p));
  t->packed_total = pack_bytes(p);
  for (size_t i = 0; u->verbose && pack_path(p, i); i++) {
    auto_free char *path = format_printable(pack_path(p, i));
    err_line(&t->cli->out, "  %s", path);
  }
  err *e = pack_write(p, write_fd, on_packed, t);
  if (!e && !t->quiet) {
    char size[FORMAT_SIZE];
    format_bytes(t->packed_total, size);
    err_line(&t->cli->out, "Packed %lld files, %s", (long long)pack_files(p), size);
  }
  pack_free(p);
  return e;
}

static char *upload_path(const struct scope *scope, const struct upload *u) {
  auto_free char *message = u->message ? client_escape(u->message) : NULL;
  return str_format("/project/%s/environment/%s/up?serviceId=%s%s%s", scope->project_id,
                    scope->environment_id, scope->service_id ? scope->service_id : "",
                    message ? "&message=" : "", message ? message : "");
}

err *upload_send(struct cli *cli, const struct scope *scope, const struct upload *u,
                 json_t **ret_answer) {
  auto_fd fd = -1;
  TRY(nameless_file(&fd));
  struct transfer t = {.cli = cli, .quiet = u->quiet, .fd = fd};
  err *e = pack_folder(&t, u);
  if (e) return err_wrap(e, "packing '%s'", u->root);
  off_t size = lseek(fd, 0, SEEK_CUR);
  if (size < 0 || lseek(fd, 0, SEEK_SET) < 0) return err_errno(errno, "reading the packed folder");
  auto_free char *path = upload_path(scope, u);
  struct client_upload send = {
      .path = path, .read_body = read_fd, .progress = on_sent, .size_bytes = size, .arg = &t};
  e = client_send_upload(&cli->client, &send, ret_answer);
  out_moving_end(&cli->out);
  return err_wrap(e, "uploading");
}
