/* Small HTTP servers in threads, and the client's side of a connection, all on the loopback
 * address. */
#ifndef TRAMWAY_TESTS_EDGE_SERVERS_H
#define TRAMWAY_TESTS_EDGE_SERVERS_H

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* A server that answers every request with its name and what it was sent, then closes; after an
 * upgrade it sends everything back. */
struct server {
  const char *name;
  int fd;
  uint16_t port;
  pthread_t thread;
};

/* SIGCHLD of the edge's children is for the main thread: it would interrupt recv here. */
static inline void thread_start(pthread_t *thread, void *(*fn)(void *), void *arg) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_create(thread, NULL, fn, arg);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static inline void on_wire(int fd, const char *text, size_t len) {
  while (len) {
    ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
    if (sent <= 0) return;
    text += sent;
    len -= (size_t)sent;
  }
}

static inline void echo(int fd) {
  static const char upgrade[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                "Upgrade: websocket\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  char buffer[4096];
  ssize_t got;
  on_wire(fd, upgrade, sizeof upgrade - 1);
  while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
    on_wire(fd, buffer, (size_t)got);
}

struct visit {
  const char *name;
  int fd;
};

static inline void *serve_one(void *arg) {
  struct visit visit = *(struct visit *)arg;
  free(arg);
  char request[8192] = "";
  size_t len = 0;
  ssize_t got = 1;
  while (!strstr(request, "\r\n\r\n") && got > 0 && len < sizeof request - 1) {
    got = recv(visit.fd, request + len, sizeof request - 1 - len, 0);
    if (got > 0) len += (size_t)got;
    request[len] = '\0';
  }
  if (strcasestr(request, "upgrade: websocket")) {
    echo(visit.fd);
  } else if (strstr(request, "\r\n\r\n")) {
    auto_free char *answer =
        str_format("HTTP/1.1 200 OK\r\nConnection: close\r\nX-Tramway-Error: 502\r\n"
                   "Content-Length: %zu\r\n\r\n%s\n%s",
                   strlen(visit.name) + 1 + len, visit.name, request);
    on_wire(visit.fd, answer, strlen(answer));
  }
  shutdown(visit.fd, SHUT_WR);
  close(visit.fd);
  return NULL;
}

static inline void *serve(void *arg) {
  struct server *server = arg;
  int fd;
  while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
    struct visit *visit = mem_alloc(sizeof *visit);
    *visit = (struct visit){server->name, fd};
    pthread_t thread;
    thread_start(&thread, serve_one, visit);
    pthread_detach(thread);
  }
  return NULL;
}

/* Port 0: a free one. */
static inline int bind_to(uint16_t port, uint16_t *ret_port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, size) != 0) {
    close(fd);
    return -1;
  }
  getsockname(fd, (struct sockaddr *)&address, &size);
  if (ret_port) *ret_port = ntohs(address.sin_port);
  return fd;
}

static inline int listen_on(uint16_t port, uint16_t *ret_port) {
  int fd = bind_to(port, ret_port);
  if (fd < 0 || listen(fd, 128) == 0) return fd;
  close(fd);
  return -1;
}

/* Without CHECK: the caller must be able to stop the others. */
static inline bool server_start(struct server *server, const char *name) {
  int fd = listen_on(0, &server->port);
  if (fd < 0) return false;
  server->name = name;
  server->fd = fd;
  thread_start(&server->thread, serve, server);
  return true;
}

static inline void server_stop(struct server *server) {
  if (!server->fd) return;
  shutdown(server->fd, SHUT_RDWR);
  pthread_join(server->thread, NULL);
  close(server->fd);
  server->fd = 0;
}

static inline int connect_to(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval limit = {.tv_sec = 10};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

/* recv, also while the edge's children end: SIGCHLD interrupts it. */
static inline ssize_t receive(int fd, char *buffer, size_t size, int flags) {
  ssize_t got;
  do
    got = recv(fd, buffer, size, flags);
  while (got < 0 && errno == EINTR);
  return got;
}

/* The whole answer to one GET; "" when there is none.  Needs no loop: HAProxy is another process.
 */
static inline char *get_from(uint16_t port, const char *host, const char *headers) {
  auto_fd fd = connect_to(port);
  if (fd < 0) return str_dup("");
  auto_free char *request = str_format(
      "GET /p?token=secret HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", host, headers);
  on_wire(fd, request, strlen(request));
  auto_str answer = STR_EMPTY;
  char buffer[4096];
  ssize_t got;
  while ((got = receive(fd, buffer, sizeof buffer, 0)) > 0)
    str_add_bytes(&answer, buffer, (size_t)got);
  return str_take(&answer);
}

#endif
