#include "cli/exec.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/terminal.h"
#include "model/streams.h"

#define CLOSE_NORMAL 1000 /* RFC 6455 section 7.4.1 */

struct session {
  ws_sync *socket;
  struct terminal terminal; /* held only with a tty */
  bool input_over;
  int wait_fd; /* readable when there is input or a signal; -1: neither is waited for */
  bool ended;
  int status;
};

bool exec_has_terminal(void) {
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static err *send_start(struct session *s, const struct exec *x) {
  int columns, rows;
  const char *term = getenv("TERM");
  auto_json *start = json_pack("{s:[], s:{}, s:b}", "argv", "env", "tty", x->tty);
  json_t *argv = json_object_get(start, "argv");
  for (size_t i = 0; i < x->argv->len; i++)
    if (json_array_append_new(argv, json_string(x->argv->items[i])) < 0)
      return err_new(ERR_INVALID, "word %zu of the command is not UTF-8", i + 1);
  if (x->tty) {
    terminal_size(&columns, &rows);
    json_set_text(json_object_get(start, "env"), "TERM", str_empty(term) ? "xterm" : term);
    json_object_set_new(start, "columns", json_integer(columns));
    json_object_set_new(start, "rows", json_integer(rows));
  }
  auto_free char *text = json_to_text(start);
  return ws_sync_send_text(s->socket, text, strlen(text));
}

static err *send_size(struct session *s) {
  int columns, rows;
  terminal_size(&columns, &rows);
  auto_free char *frame = str_format("%c{\"columns\":%d,\"rows\":%d}", EXEC_TO_SIZE, columns, rows);
  return ws_sync_send_binary(s->socket, frame, 1 + strlen(frame + 1));
}

static err *send_input(struct session *s) {
  char frame[1 + EXEC_CHUNK] = {EXEC_TO_STDIN};
  ssize_t got = read(STDIN_FILENO, frame + 1, EXEC_CHUNK);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return NULL;
  if (got <= 0) { /* a terminal that is gone (EIO) ends the input, too */
    s->input_over = true;
    got = 0;
  }
  return ws_sync_send_binary(s->socket, frame, 1 + (size_t)got);
}

static err *write_all(int fd, const char *data, size_t len) {
  while (len) {
    ssize_t done = write(fd, data, len);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && errno == EAGAIN) { /* a terminal that another program made non-blocking */
      poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
      continue;
    }
    if (done < 0) return err_errno(errno, "writing what the command printed");
    data += done;
    len -= (size_t)done;
  }
  return NULL;
}

err *exec_read_end(const char *text, size_t len, int *ret_status) {
  auto_json *message = NULL;
  TRY(json_parse(text, len, "the server's message", &message));
  const char *error = json_get_text(message, "error");
  if (error) return err_new(ERR_IO, "%s", error);
  int64_t status = json_get_int(message, "exit", -1);
  if (status < 0 || status > 255)
    return err_new(ERR_CORRUPT, "the server gave no exit status of the command");
  *ret_status = (int)status;
  return NULL;
}

static err *on_message(struct session *s, const struct str *message, bool is_text) {
  const char *data = str_text(message);
  if (is_text) {
    TRY(exec_read_end(data, message->len, &s->status));
    s->ended = true;
    return NULL;
  }
  if (!message->len) return NULL;
  if (data[0] == EXEC_FROM_STDOUT) return write_all(STDOUT_FILENO, data + 1, message->len - 1);
  if (data[0] == EXEC_FROM_STDERR) return write_all(STDERR_FILENO, data + 1, message->len - 1);
  return NULL; /* a kind of a later server */
}

static err *add_to(int epoll_fd, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
    return err_errno(errno, "waiting for the terminal");
  return NULL;
}

/* With a tty the terminal and the signals are waited for together. */
static err *hold_terminal(struct session *s, int *ret_epoll_fd) {
  TRY(terminal_hold(TERMINAL_RAW, &s->terminal));
  *ret_epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (*ret_epoll_fd < 0) return err_errno(errno, "waiting for the terminal");
  TRY(add_to(*ret_epoll_fd, STDIN_FILENO));
  TRY(add_to(*ret_epoll_fd, s->terminal.signal_fd));
  s->wait_fd = *ret_epoll_fd;
  return NULL;
}

static bool is_readable(int fd) {
  struct pollfd poll_fd = {fd, POLLIN, 0};
  return poll(&poll_fd, 1, 0) > 0;
}

static err *on_readable(struct session *s, int epoll_fd) {
  if (s->terminal.held && is_readable(s->terminal.signal_fd)) {
    if (terminal_was_resized()) return send_size(s);
    terminal_restore(&s->terminal); /* the signal that waits ends the program here */
    return err_new(ERR_CONFLICT, "interrupted");
  }
  if (s->input_over || !is_readable(STDIN_FILENO)) return NULL;
  TRY(send_input(s));
  if (!s->input_over) return NULL;
  if (s->terminal.held)
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
  else
    s->wait_fd = -1;
  return NULL;
}

static err *converse(struct session *s, int epoll_fd) {
  auto_str message = STR_EMPTY;
  while (!s->ended) {
    enum ws_sync_event event;
    bool is_text = false;
    TRY(ws_sync_receive(s->socket, -1, s->wait_fd, &event, &message, &is_text));
    if (event == WS_SYNC_MESSAGE) TRY(on_message(s, &message, is_text));
    if (event == WS_SYNC_READABLE) TRY(on_readable(s, epoll_fd));
    if (event == WS_SYNC_CLOSED)
      return err_new(ERR_IO, "the connection ended before the command did: %s",
                     ws_sync_close_reason(s->socket));
  }
  return NULL;
}

err *exec_run(struct client *c, const struct exec *x, int *ret_status) {
  auto_free char *path = str_format("/exec?%s", x->target);
  auto_fd epoll_fd = -1;
  struct session s = {.wait_fd = STDIN_FILENO};
  TRY(client_open_ws(c, path, EXEC_PROTOCOL, &s.socket));
  err *e = send_start(&s, x);
  if (!e && x->tty) e = hold_terminal(&s, &epoll_fd);
  if (!e) e = converse(&s, epoll_fd);
  terminal_restore(&s.terminal);
  ws_sync_free(s.socket, CLOSE_NORMAL);
  if (!e) *ret_status = s.status;
  return e;
}
