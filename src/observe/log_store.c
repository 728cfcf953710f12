#include "observe/log_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "observe/log_files.h"
#include "observe/log_line.h"
#include "observe/log_query.h"
#include "observe/log_reader.h"
#include "observe/log_store_impl.h"
#include "observe/log_text.h"

/* Files kept open for appending: as many as builds and deploys may run at once, and some. */
enum { HANDLES_MAX = 32, TAIL_SIZE = 512 * 1024 };

struct handle {
  struct list link;
  char *path;
  int fd;
  int64_t last_ns;
  bool torn; /* the last line has no end: a write was cut short */
};

err *log_store_new(loop *l, const char *dir, log_store **ret_store) {
  auto_free char *build = path_join(dir, "build"), *deploy = path_join(dir, "deploy");
  TRY(err_wrap(file_make_dirs(build, 0700), "logs"));
  TRY(err_wrap(file_make_dirs(deploy, 0700), "logs"));
  log_store *s = mem_zalloc(sizeof *s);
  s->loop = l;
  s->dir = str_dup(dir);
  list_init(&s->handles);
  *ret_store = s;
  return NULL;
}

static void close_handle(log_store *s, struct handle *h) {
  list_remove(&h->link);
  s->handles_len--;
  close(h->fd);
  free(h->path);
  free(h);
}

void log_store_free(log_store *s) {
  if (!s) return;
  LIST_FOREACH(h, &s->handles, struct handle, link) close_handle(s, h);
  free(s->dir);
  free(s);
}

void log_store_set_redaction(log_store *s, log_redaction_fn *fn, void *arg) {
  s->redaction = fn;
  s->redaction_arg = arg;
}

err *log_store_redactor(log_store *s, const char *deployment_id, redactor **ret_redactor) {
  *ret_redactor = NULL;
  return s->redaction ? s->redaction(s->redaction_arg, deployment_id, ret_redactor) : NULL;
}

err *log_store_instance_path(log_store *s, const char *deployment_id, const char *instance_id,
                             char **ret_path) {
  TRY(log_files_check_id("deployment", deployment_id));
  TRY(log_files_check_id("instance", instance_id));
  if (str_eq(instance_id, LOG_FILES_PLATFORM))
    return err_new(ERR_INVALID, "that is no instance id");
  auto_free char *folder = log_files_folder(s->dir, LOG_DEPLOY, deployment_id);
  TRY(err_wrap(file_make_dirs(folder, 0700), "logs"));
  *ret_path = str_format("%s/%s.log", folder, instance_id);
  return NULL;
}

/* The newest time in the file, so that ours go on from there, and whether its last line is whole. */
static void read_tail(struct handle *h) {
  struct stat info;
  if (fstat(h->fd, &info) < 0 || info.st_size == 0) return;
  char last = '\n';
  if (pread(h->fd, &last, 1, info.st_size - 1) == 1) h->torn = last != '\n';
  struct log_reader r;
  struct log_record record;
  log_reader_init(&r, info.st_size > TAIL_SIZE ? info.st_size - TAIL_SIZE : 0);
  r.fd = h->fd;
  while (log_reader_next(&r, &record)) h->last_ns = record.time_ns;
  log_reader_done(&r);
}

static err *open_handle(log_store *s, const char *path, struct handle **ret_handle) {
  LIST_FOREACH(h, &s->handles, struct handle, link) {
    if (!str_eq(h->path, path)) continue;
    list_remove(&h->link);
    list_push(&s->handles, &h->link);
    *ret_handle = h;
    return NULL;
  }
  int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return err_errno(errno, "opening the log '%s'", path);
  if (s->handles_len == HANDLES_MAX)
    close_handle(s, CONTAINER_OF(s->handles.next, struct handle, link));
  struct handle *h = mem_zalloc(sizeof *h);
  h->path = str_dup(path);
  h->fd = fd;
  read_tail(h);
  list_push(&s->handles, &h->link);
  s->handles_len++;
  *ret_handle = h;
  return NULL;
}

/* Each line of the message becomes a line of the log; a newline at its end does not count. */
static void format_lines(struct handle *h, bool is_error, const char *message, struct str *out) {
  if (h->torn) str_add_char(out, '\n');
  for (const char *line = message;;) {
    size_t len = strcspn(line, "\n");
    int64_t now_ns = clock_now_us() * 1000;
    h->last_ns = now_ns > h->last_ns ? now_ns : h->last_ns + 1;
    /* One byte over the limit is kept: a reader then marks the cut. */
    log_line_add(out, h->last_ns, is_error, line, len <= LOG_TEXT_MAX ? len : LOG_TEXT_MAX + 1);
    line += len;
    if (!*line || !*++line) return;
  }
}

static err *append(log_store *s, const char *path, const char *deployment_id, const char *severity,
                   const char *message) {
  struct handle *h = NULL;
  auto_redactor *r = NULL;
  auto_str out = STR_EMPTY, shown = STR_EMPTY;
  TRY(log_store_redactor(s, deployment_id, &r));
  TRY(open_handle(s, path, &h));
  bool redacted = redact(r, message, strlen(message), &shown);
  format_lines(h, str_eq(severity, "error"), redacted ? shown.data : message, &out);
  ssize_t done;
  do done = write(h->fd, out.data, out.len);
  while (done < 0 && errno == EINTR);
  if (done < 0) return err_errno(errno, "writing the log '%s'", path);
  h->torn = (size_t)done < out.len;
  return h->torn ? err_errno(ENOSPC, "writing the log '%s'", path) : NULL;
}

err *log_store_add_build_line(log_store *s, const char *deployment_id, const char *severity,
                              const char *message) {
  TRY(log_files_check_id("deployment", deployment_id));
  auto_free char *path = log_files_build_path(s->dir, deployment_id);
  return append(s, path, deployment_id, severity, message);
}

err *log_store_add_deploy_line(log_store *s, const char *deployment_id, const char *severity,
                               const char *message) {
  TRY(log_files_check_id("deployment", deployment_id));
  auto_free char *folder = log_files_folder(s->dir, LOG_DEPLOY, deployment_id);
  TRY(err_wrap(file_make_dirs(folder, 0700), "logs"));
  auto_free char *path = path_join(folder, LOG_FILES_PLATFORM ".log");
  return append(s, path, deployment_id, severity, message);
}

err *log_store_query(log_store *s, const struct log_query *query, log_entry_fn *fn, void *arg) {
  struct log_query with = *query;
  auto_redactor *r = NULL;
  TRY(log_files_check_id("deployment", query->deployment_id));
  TRY(log_store_redactor(s, query->deployment_id, &r));
  with.redactor = r;
  return log_query_run(s->dir, &with, fn, arg);
}

err *log_store_remove(log_store *s, const char *deployment_id) {
  TRY(log_files_check_id("deployment", deployment_id));
  auto_free char *build = log_files_build_path(s->dir, deployment_id);
  auto_free char *folder = log_files_folder(s->dir, LOG_DEPLOY, deployment_id);
  auto_free char *platform = path_join(folder, LOG_FILES_PLATFORM ".log");
  LIST_FOREACH(h, &s->handles, struct handle, link) {
    if (str_eq(h->path, build) || str_eq(h->path, platform)) close_handle(s, h);
  }
  TRY(err_wrap(file_remove_tree(build), "logs"));
  return err_wrap(file_remove_tree(folder), "logs");
}
