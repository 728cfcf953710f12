#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { BACKLOG = 1024 };

/* EADDRINUSE asks for a look at what runs there, which is what ERR_CONFLICT says. */
static err *bind_error(int number, const char *address) {
  err *e = err_errno(number, "listening on %s", address);
  return number == EADDRINUSE ? err_recode(e, ERR_CONFLICT) : e;
}

static int open_socket(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Whether a server answers at that unix socket (its file may be left over from a dead one). */
static bool is_served(const struct sockaddr_un *name) {
  auto_fd fd = open_socket(AF_UNIX);
  return fd >= 0 &&
         (connect(fd, (const struct sockaddr *)name, sizeof *name) == 0 || errno == EAGAIN);
}

static err *bind_unix(int fd, const char *path, mode_t mode, struct stat *ret_file) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof name.sun_path)
    return err_new(ERR_INVALID, "the path is longer than %zu bytes", sizeof name.sun_path - 1);
  strcpy(name.sun_path, path);
  if (file_exists(path)) {
    if (is_served(&name)) return err_new(ERR_CONFLICT, "another program serves it");
    unlink(path);
  }
  if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0) return err_errno(errno, "bind");
  /* Nobody can connect before listen, so nobody sees the wider permissions that bind gave. */
  if (chmod(path, mode) < 0 || lstat(path, ret_file) < 0) {
    err *e = err_errno(errno, "chmod");
    unlink(path);
    return e;
  }
  if (listen(fd, BACKLOG) < 0) return err_errno(errno, "listen");
  return NULL;
}

static err *open_unix(const char *address, mode_t mode, struct listen_socket *ret_socket) {
  const char *path = address + strlen("unix:");
  auto_fd fd = open_socket(AF_UNIX);
  if (fd < 0) return err_errno(errno, "listening on %s", address);
  struct stat file;
  err *e = bind_unix(fd, path, mode, &file);
  if (e) return err_wrap(e, "listening on %s", address);
  *ret_socket = (struct listen_socket){.fd = fd,
                                       .address = str_dup(address),
                                       .path = str_dup(path),
                                       .device = file.st_dev,
                                       .inode = file.st_ino};
  fd = -1;
  return NULL;
}

/* "host:port", "[v6]:port" → two texts; false when there is no port. */
static bool split_address(const char *address, char **ret_host, char **ret_port) {
  const char *colon = strrchr(address, ':');
  long long port;
  if (!colon || colon == address || !str_to_int(colon + 1, 0, 65535, &port)) return false;
  size_t host_len = (size_t)(colon - address);
  if (address[0] == '[' && colon[-1] == ']') {
    address++;
    host_len -= 2;
  } else if (memchr(address, ':', host_len)) {
    return false;
  }
  *ret_host = str_ndup(address, host_len);
  *ret_port = str_dup(colon + 1);
  return true;
}

static err *bind_tcp(const struct addrinfo *info, const char *address, bool dual_stack,
                     int *ret_fd) {
  auto_fd fd = open_socket(info->ai_family);
  if (fd < 0) return err_errno(errno, "listening on %s", address);
  int on = 1, v6_only = !dual_stack;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (info->ai_family == AF_INET6)
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
    return bind_error(errno, address);
  *ret_fd = fd;
  fd = -1;
  return NULL;
}

static void describe(int fd, struct listen_socket *ret_socket) {
  struct sockaddr_storage name = {0};
  socklen_t len = sizeof name;
  char host[INET6_ADDRSTRLEN] = "", port[8] = "0";
  if (getsockname(fd, (struct sockaddr *)&name, &len) == 0)
    getnameinfo((struct sockaddr *)&name, len, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
  bool v6 = name.ss_family == AF_INET6;
  *ret_socket = (struct listen_socket){
      .fd = fd,
      .address = str_format("%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port),
      .port = atoi(port),
  };
}

static err *open_tcp(const char *address, struct listen_socket *ret_socket) {
  auto_free char *host = NULL, *port = NULL;
  if (!split_address(address, &host, &port))
    return err_new(ERR_INVALID,
                   "'%s' is no address to listen on: write host:port, [IPv6]:port or "
                   "unix:/path",
                   address);
  bool any = str_eq(host, "*");
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
  struct addrinfo *list;
  int failed = getaddrinfo(any ? "::" : host, port, &hints, &list);
  if (failed) return err_new(ERR_INVALID, "listening on %s: %s", address, gai_strerror(failed));
  int fd = -1;
  err *e = bind_tcp(list, address, any, &fd);
  freeaddrinfo(list);
  if (e && any && err_code_of(e) != ERR_CONFLICT) { /* a machine without IPv6 */
    err_ignore(e);
    auto_free char *v4 = str_format("0.0.0.0:%s", port);
    return open_tcp(v4, ret_socket);
  }
  if (e) return e;
  describe(fd, ret_socket);
  return NULL;
}

err *listen_open(const char *address, mode_t unix_mode, struct listen_socket *ret_socket) {
  if (str_starts(address, "unix:")) return open_unix(address, unix_mode, ret_socket);
  return open_tcp(address, ret_socket);
}

void listen_close(struct listen_socket *s) {
  if (s->fd < 0) return;
  close(s->fd);
  s->fd = -1;
  struct stat now;
  if (s->path && lstat(s->path, &now) == 0 && now.st_dev == s->device && now.st_ino == s->inode)
    unlink(s->path);
}

void listen_done(struct listen_socket *s) {
  listen_close(s);
  free(s->address);
  free(s->path);
  *s = (struct listen_socket){.fd = -1};
}
