#include "cli/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/websocket.h"
#include "model/streams.h"

enum { CHUNK = 32768, LOOK_MS = 1000, SEND_S = 30 };

err *tunnel_listen(int port, int *ret_fd, int *ret_port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t size = sizeof address;
  int on = 1;
  auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0) return err_errno(errno, "making a socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, SOMAXCONN) != 0)
    return err_errno(errno, "listening on port %d of this machine", port);
  getsockname(fd, (struct sockaddr *)&address, &size);
  *ret_port = ntohs(address.sin_port);
  *ret_fd = fd;
  fd = -1;
  return NULL;
}

/* ---- one connection ---- */

static err *send_all(int fd, const char *data, size_t len) {
  while (len) {
    ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return err_errno(errno, "the local program does not take what the service sends");
    data += sent;
    len -= (size_t)sent;
  }
  return NULL;
}

static err *take_message(int fd, const struct str *message, bool is_text) {
  if (!is_text) return send_all(fd, str_text(message), message->len);
  auto_json *told = NULL;
  TRY(json_parse(str_text(message), message->len, "the server's message", &told));
  const char *error = json_get_text(told, "error");
  return error ? err_new(ERR_IO, "%s", error) : NULL;
}

static err *take_local(ws_sync *s, int fd, bool *ret_over) {
  char data[CHUNK];
  ssize_t got = recv(fd, data, sizeof data, 0);
  if (got < 0 && errno == EINTR) return NULL;
  *ret_over = got <= 0;
  return ws_sync_send_binary(s, data, got > 0 ? (size_t)got : 0);
}

/* Once the local program has said all, how the other side ends is its own business: Postgres resets. */
static err *converse(ws_sync *s, int fd) {
  auto_str message = STR_EMPTY;
  bool over = false;
  for (;;) {
    enum ws_sync_event event;
    bool is_text = false;
    TRY(ws_sync_receive(s, -1, over ? -1 : fd, &event, &message, &is_text));
    if (event == WS_SYNC_MESSAGE && !(over && is_text)) TRY(take_message(fd, &message, is_text));
    if (event == WS_SYNC_READABLE) TRY(take_local(s, fd, &over));
    if (event == WS_SYNC_CLOSED) return NULL;
  }
}

static err *carry(struct client *c, const char *target, int fd) {
  auto_free char *path = str_format("/tunnel?%s", target);
  ws_sync *s = NULL;
  TRY(client_open_ws(c, path, TUNNEL_PROTOCOL, &s));
  err *e = converse(s, fd);
  ws_sync_free(s, WS_NORMAL);
  return e;
}

/* ---- all of them ---- */

static _Noreturn void carry_and_exit(struct client *c, const char *target, int fd) {
  struct timeval patience = {.tv_sec = SEND_S};
  signal(SIGINT, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  auto_err *e = carry(c, target, fd);
  if (e) fprintf(stderr, "tunnel: %s\n", err_message(e));
  close(fd);
  _exit(e ? 1 : 0);
}

static err *take_connection(struct client *c, const char *target, int listen_fd, int *carriers) {
  auto_fd fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) return NULL; /* it has gone again */
  pid_t pid = fork();
  if (pid < 0) return err_errno(errno, "starting a process");
  if (pid == 0) carry_and_exit(c, target, fd);
  (*carriers)++;
  return NULL;
}

static void on_child(int number) {
  (void)number; /* ends poll() */
}

/* Whether `child` is among those that have ended. */
static bool reap(pid_t child, int *carriers, int *ret_status) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid == child) {
      *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      return true;
    }
    (*carriers)--;
  }
  return false;
}

err *tunnel_serve(struct client *c, const char *target, int listen_fd, pid_t child, int *ret_status) {
  int carriers = 0;
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);
  if (child) signal(SIGINT, SIG_IGN);
  while (!reap(child, &carriers, ret_status)) {
    bool room = carriers < TUNNEL_CONNECTIONS_MAX;
    struct pollfd wait_for = {.fd = room ? listen_fd : -1, .events = POLLIN};
    if (poll(&wait_for, 1, LOOK_MS) > 0) TRY(take_connection(c, target, listen_fd, &carriers));
  }
  return NULL;
}
