#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/internal.h"

http_request *request_new(http_server *s, struct MHD_Connection *connection, const char *target) {
  http_request *r = mem_zalloc(sizeof *r);
  r->server = s;
  r->connection = connection;
  r->target = str_dup(target);
  r->path = r->query_text = "";
  r->method = "";
  r->file_fd = -1;
  list_init(&r->suspended_link);
  return r;
}

/* "/path?query", or "http://host/path?query" as it is sent to proxies. */
err *request_parse_target(http_request *r) {
  char *path = r->target;
  if (str_starts(path, "http://") || str_starts(path, "https://")) {
    path = strchr(strstr(path, "://") + 3, '/');
    if (!path) return err_new(ERR_INVALID, "the request's URL has no path");
  }
  char *question = strchr(path, '?');
  if (question) *question++ = '\0';
  if (!url_path_valid(path))
    return err_new(ERR_INVALID, "the request's path is not percent-encoded UTF-8");
  r->path = path;
  r->query_text = question ? question : "";
  return url_parse_query(r->query_text, &r->query);
}

const char *http_method(const http_request *r) {
  return r->method;
}

const char *http_path(const http_request *r) {
  return r->path;
}

const char *http_query_text(const http_request *r) {
  return r->query_text;
}

const char *http_param(const http_request *r, const char *name) {
  return url_pairs_get(&r->params, name);
}

const char *http_query(const http_request *r, const char *name) {
  return url_pairs_get(&r->query, name);
}

const char *http_header(const http_request *r, const char *name) {
  return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static const struct sockaddr *peer_address(const http_request *r) {
  return MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

void request_describe_peer(http_request *r) {
  const struct sockaddr *address = peer_address(r);
  const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
  const void *v4 = &((const struct sockaddr_in *)address)->sin_addr;
  if (address->sa_family == AF_UNIX)
    strcpy(r->peer, "unix");
  else if (address->sa_family == AF_INET)
    inet_ntop(AF_INET, v4, r->peer, sizeof r->peer);
  else if (IN6_IS_ADDR_V4MAPPED(v6)) /* a client over IPv4 on a socket for both */
    inet_ntop(AF_INET, v6->s6_addr + 12, r->peer, sizeof r->peer);
  else
    inet_ntop(AF_INET6, v6, r->peer, sizeof r->peer);
}

const char *http_peer(const http_request *r) {
  return r->peer;
}

int64_t http_peer_uid(const http_request *r) {
  if (peer_address(r)->sa_family != AF_UNIX) return -1;
  struct ucred credentials;
  socklen_t len = sizeof credentials;
  int fd = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0) return -1;
  return credentials.uid;
}

/* --- the body --------------------------------------------------------------------------------- */

const char *http_body(const http_request *r, size_t *ret_len) {
  if (ret_len) *ret_len = r->body.len;
  return str_text(&r->body);
}

err *http_body_to_file(http_request *r, const char *path, int64_t limit_bytes) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return err_errno(errno, "making the upload's file '%s'", path);
  r->file_fd = fd;
  r->file_path = str_dup(path);
  r->body_limit = limit_bytes;
  return NULL;
}

void http_body_drop_beyond(http_request *r, int64_t limit_bytes) {
  r->drop_limit = limit_bytes;
}

int64_t request_body_limit(const http_request *r) {
  return r->drop_limit > r->body_limit ? r->drop_limit : r->body_limit;
}

const char *http_body_path(const http_request *r) {
  return r->file_path;
}

int64_t http_body_size(const http_request *r) {
  return r->body_size;
}

static err *write_all(int fd, const char *data, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, data, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return err_errno(errno, "writing the upload's file");
    data += n;
    len -= (size_t)n;
  }
  return NULL;
}

err *request_take_body(http_request *r, const char *data, size_t len) {
  if (r->body_size + (int64_t)len > request_body_limit(r))
    return err_new(ERR_LIMIT, "the body is larger than the %lld bytes accepted here",
                   (long long)r->body_limit);
  int64_t room = r->body_limit - r->body_size;
  size_t kept = room >= (int64_t)len ? len : room > 0 ? (size_t)room : 0;
  if (r->file_fd >= 0)
    TRY(write_all(r->file_fd, data, kept));
  else
    str_add_bytes(&r->body, data, kept);
  r->body_size += (int64_t)len;
  return NULL;
}

err *request_end_body(http_request *r) {
  int fd = r->file_fd;
  if (fd < 0) return NULL;
  r->file_fd = -1;
  if (close(fd) == 0) return NULL;
  err *e = err_errno(errno, "writing the upload's file");
  unlink(r->file_path);
  return e;
}

void request_drop_file(http_request *r) {
  if (r->file_fd < 0) return;
  close(r->file_fd);
  r->file_fd = -1;
  if (unlink(r->file_path) < 0)
    log_warn("http", "removing the aborted upload '%s': %s", r->file_path, strerror(errno));
}

/* --- the owner -------------------------------------------------------------------------------- */

void http_on_abort(http_request *r, http_abort_fn *fn, void *arg) {
  r->on_abort = fn;
  r->abort_arg = arg;
}

void http_set_context(http_request *r, void *context, void (*free_fn)(void *context)) {
  if (r->context_free && r->context) r->context_free(r->context);
  r->context = context;
  r->context_free = free_fn;
}

void *http_context(const http_request *r) {
  return r->context;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void on_watcher_closed(uv_handle_t *handle) {
  free(handle);
}

static void tell_owner(http_request *r, bool complete) {
  if (r->streaming) {
    r->streaming = false;
    r->stream_end(r->stream_arg, complete);
  } else if (r->on_abort && !r->answered) {
    http_abort_fn *fn = r->on_abort;
    r->on_abort = NULL;
    fn(r->abort_arg);
  }
}

void request_done(http_request *r, bool complete) {
  list_remove(&r->suspended_link);
  if (r->watcher) uv_close((uv_handle_t *)r->watcher, on_watcher_closed);
  r->watcher = NULL;
  request_drop_file(r);
  tell_owner(r, complete);
  http_set_context(r, NULL, NULL);
  if (r->answer) MHD_destroy_response(r->answer);
  r->answer = NULL;
  for (size_t i = 0; i < r->added_len; i++) {
    free((char *)r->added[i].name);
    free((char *)r->added[i].value);
  }
  free(r->added);
  url_pairs_done(&r->query);
  url_pairs_done(&r->params);
  str_done(&r->body);
  free(r->file_path);
  free(r->target);
}
