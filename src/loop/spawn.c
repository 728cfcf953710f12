#include "loop/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "loop/timer.h"

enum { MAX_INHERITED = 16, OUTPUT_LINGER_MS = 1000 };

/* One end of the child's standard streams. */
struct stream {
  uv_pipe_t pipe;
  spawn *owner;
  int fd; /* 0, 1 or 2 as the child sees it */
  bool open;
  bool done; /* nothing more will come (or go) */
};

struct spawn {
  uv_process_t process;
  loop *loop;
  char *name;
  struct stream streams[3];
  spawn_output_fn *on_output;
  spawn_done_fn *done;
  void *arg;
  timer *deadline, *kill_later, *linger;
  struct str output, error_tail;
  size_t collect_limit;
  bool terminal, exited, timed_out, cancelled, truncated, paused, finished;
  int exit_status, signal, read_error, write_error;
  int open_handles; /* freed when the last is closed */
};

static void maybe_finish(spawn *s);

static void on_handle_closed(uv_handle_t *handle) {
  spawn *s = handle->data;
  if (--s->open_handles > 0) return;
  str_done(&s->output);
  str_done(&s->error_tail);
  free(s->name);
  free(s);
}

static void close_stream(struct stream *stream) {
  if (!stream->open) return;
  stream->open = false;
  stream->done = true;
  stream->pipe.data = stream->owner;
  uv_close((uv_handle_t *)&stream->pipe, on_handle_closed);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)handle;
  *buffer = uv_buf_init(mem_alloc(suggested), (unsigned)suggested);
}

static void keep_tail(struct str *tail, const char *data, size_t len) {
  str_add_bytes(tail, data, len);
  if (tail->len > SPAWN_TAIL) str_consume(tail, tail->len - SPAWN_TAIL);
}

static void take_output(spawn *s, int fd, const char *data, size_t len) {
  if (fd == 2) keep_tail(&s->error_tail, data, len);
  if (s->on_output) {
    s->on_output(s->arg, fd, data, len);
  } else if (fd == 1) {
    size_t room = s->collect_limit - s->output.len;
    if (len > room) s->truncated = true;
    str_add_bytes(&s->output, data, len < room ? len : room);
  }
}

static void on_read(uv_stream_t *handle, ssize_t got, const uv_buf_t *buffer) {
  struct stream *stream = CONTAINER_OF((uv_pipe_t *)handle, struct stream, pipe);
  spawn *s = stream->owner;
  if (got > 0) take_output(s, stream->fd, buffer->base, (size_t)got);
  free(buffer->base);
  if (got >= 0) return;
  bool terminal_closed = s->terminal && got == UV_EIO;
  if (got != UV_EOF && !terminal_closed && !s->read_error) s->read_error = (int)-got;
  if (stream->fd == 1 && s->terminal) { /* one descriptor carries both directions */
    stream->done = true;
    uv_read_stop(handle);
  } else {
    close_stream(stream);
  }
  maybe_finish(s);
}

static void start_reading(struct stream *stream) {
  if (stream->open && !stream->done && stream->fd > 0)
    uv_read_start((uv_stream_t *)&stream->pipe, allocate, on_read);
}

static void finish(spawn *s) {
  s->finished = true;
  timer_stop(s->deadline);
  timer_stop(s->kill_later);
  timer_stop(s->linger);
  struct spawn_result result = {
      .name = s->name,
      .exit_status = s->exit_status,
      .signal = s->signal,
      .timed_out = s->timed_out,
      .cancelled = s->cancelled,
      .truncated = s->truncated,
      .read_error = s->read_error,
      .write_error = s->write_error,
      .output = str_text(&s->output),
      .output_len = s->output.len,
      .error_tail = str_text(&s->error_tail),
  };
  s->done(s->arg, &result);
  for (int i = 0; i < 3; i++) close_stream(&s->streams[i]);
  uv_close((uv_handle_t *)&s->process, on_handle_closed);
}

static bool output_ended(const spawn *s) {
  return s->streams[1].done && (s->terminal || s->streams[2].done);
}

static void on_linger_over(void *arg) {
  finish(arg);
}

/* Output that a surviving grandchild holds open must not keep us waiting for ever. */
static void maybe_finish(spawn *s) {
  if (!s->exited || s->finished) return;
  if (output_ended(s))
    finish(s);
  else if (!s->linger)
    s->linger = timer_start(s->loop, OUTPUT_LINGER_MS, 0, on_linger_over, s);
}

static void on_exit_of_child(uv_process_t *process, int64_t status, int signal) {
  spawn *s = process->data;
  s->exited = true;
  s->signal = signal;
  s->exit_status = signal ? 128 + signal : (int)status;
  if (s->paused) spawn_pause(s, false);
  maybe_finish(s);
}

static void on_deadline(void *arg) {
  spawn *s = arg;
  if (!s->exited) s->timed_out = true;
  spawn_kill(s, SIGKILL);
}

static const char *const plain_env[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
    NULL};

static void open_stream(spawn *s, int fd, uv_stdio_container_t *container, unsigned flags) {
  struct stream *stream = &s->streams[fd];
  uv_pipe_init(loop_uv(s->loop), &stream->pipe, 0);
  stream->open = true;
  stream->done = false;
  s->open_handles++;
  container->flags = UV_CREATE_PIPE | flags;
  container->data.stream = (uv_stream_t *)&stream->pipe;
}

/* Gives the child the slave side of a new pseudo-terminal; stream 1 is our side of it. */
static err *open_terminal(spawn *s, uv_stdio_container_t *stdio, int *ret_slave) {
  int master, slave;
  if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
    return err_errno(errno, "opening a pseudo-terminal");
  fcntl(master, F_SETFD, FD_CLOEXEC);
  fcntl(slave, F_SETFD, FD_CLOEXEC);
  struct stream *stream = &s->streams[1];
  uv_pipe_init(loop_uv(s->loop), &stream->pipe, 0);
  stream->open = true;
  stream->done = false;
  s->open_handles++;
  uv_pipe_open(&stream->pipe, master);
  for (int i = 0; i < 3; i++) {
    stdio[i].flags = UV_INHERIT_FD;
    stdio[i].data.fd = slave;
  }
  *ret_slave = slave;
  return NULL;
}

static void open_pipes(spawn *s, const struct spawn_options *options, uv_stdio_container_t *stdio) {
  stdio[0].flags = options->input_fd ? UV_INHERIT_FD : UV_IGNORE;
  stdio[0].data.fd = options->input_fd;
  if (options->input || options->keep_input) open_stream(s, 0, &stdio[0], UV_READABLE_PIPE);
  open_stream(s, 1, &stdio[1], UV_WRITABLE_PIPE);
  open_stream(s, 2, &stdio[2], UV_WRITABLE_PIPE);
}

static spawn *spawn_new(loop *l, const struct spawn_options *options, spawn_done_fn *done, void *arg) {
  spawn *s = mem_zalloc(sizeof *s);
  s->loop = l;
  const char *slash = strrchr(options->argv[0], '/');
  s->name = str_dup(slash ? slash + 1 : options->argv[0]);
  s->done = done;
  s->arg = arg;
  s->on_output = options->on_output;
  s->collect_limit = options->collect_limit;
  s->terminal = options->terminal;
  s->process.data = s;
  s->open_handles = 1;
  for (int i = 0; i < 3; i++) s->streams[i] = (struct stream){.owner = s, .fd = i, .done = true};
  return s;
}

static err *launch(spawn *s, const struct spawn_options *options) {
  uv_stdio_container_t stdio[3 + MAX_INHERITED];
  int slave = -1;
  if (options->terminal)
    TRY(open_terminal(s, stdio, &slave));
  else
    open_pipes(s, options, stdio);
  for (size_t i = 0; i < options->inherit_fds_len; i++) {
    stdio[3 + i].flags = UV_INHERIT_FD;
    stdio[3 + i].data.fd = options->inherit_fds[i];
  }
  const char *const *env = options->env ? options->env : plain_env;
  uv_process_options_t uv_options = {
      .exit_cb = on_exit_of_child,
      .file = options->argv[0],
      .args = (char **)options->argv,
      .env = (char **)env,
      .cwd = options->cwd,
      .flags = UV_PROCESS_DETACHED, /* setsid(): a group of its own */
      .stdio_count = (int)(3 + options->inherit_fds_len),
      .stdio = stdio,
  };
  int failed = uv_spawn(loop_uv(s->loop), &s->process, &uv_options);
  if (slave >= 0) close(slave);
  if (failed) return err_errno(-failed, "starting '%s'", options->argv[0]);
  return NULL;
}

err *spawn_start(loop *l, const struct spawn_options *options, spawn_done_fn *done, void *arg,
                 spawn **ret_child) {
  if (options->inherit_fds_len > MAX_INHERITED)
    return err_new(ERR_LIMIT, "starting '%s': more than %d descriptors", options->argv[0],
                   MAX_INHERITED);
  spawn *s = spawn_new(l, options, done, arg);
  err *e = launch(s, options);
  if (e) {
    for (int i = 0; i < 3; i++) close_stream(&s->streams[i]);
    if (s->process.loop) /* uv_spawn had initialised the handle before it failed */
      uv_close((uv_handle_t *)&s->process, on_handle_closed);
    else
      on_handle_closed((uv_handle_t *)&s->process);
    return e;
  }
  start_reading(&s->streams[1]);
  start_reading(&s->streams[2]);
  if (options->input) {
    spawn_write(s, options->input, options->input_len);
    if (!options->keep_input) spawn_close_input(s);
  }
  if (options->deadline_ms) s->deadline = timer_start(l, options->deadline_ms, 0, on_deadline, s);
  if (ret_child) *ret_child = s;
  return NULL;
}

void spawn_kill(spawn *s, int signal) {
  if (!s->exited) kill(-s->process.pid, signal);
}

static void on_kill_later(void *arg) {
  spawn_kill(arg, SIGKILL);
}

void spawn_cancel(spawn *s, int64_t grace_ms) {
  if (s->exited || s->cancelled) return;
  s->cancelled = true;
  spawn_kill(s, SIGTERM);
  s->kill_later = timer_start(s->loop, grace_ms, 0, on_kill_later, s);
}

struct pending_write {
  uv_write_t request;
  spawn *owner;
  char data[];
};

static void on_written(uv_write_t *request, int status) {
  /* A child that closed its input is its own affair; its exit status tells. */
  struct pending_write *pending = CONTAINER_OF(request, struct pending_write, request);
  if (status < 0 && status != UV_ECANCELED && !pending->owner->write_error) pending->owner->write_error = -status;
  free(pending);
}

static struct stream *input_of(const spawn *s) {
  return (struct stream *)&s->streams[s->terminal ? 1 : 0];
}

void spawn_write(spawn *s, const void *data, size_t len) {
  struct stream *stream = input_of(s);
  if (!stream->open || len == 0) return;
  struct pending_write *pending = mem_alloc(sizeof *pending + len);
  memcpy(pending->data, data, len);
  pending->owner = s;
  uv_buf_t buffer = uv_buf_init(pending->data, (unsigned)len);
  if (uv_write(&pending->request, (uv_stream_t *)&stream->pipe, &buffer, 1, on_written) != 0)
    free(pending);
}

size_t spawn_input_pending(const spawn *s) {
  const struct stream *stream = input_of(s);
  return stream->open ? uv_stream_get_write_queue_size((const uv_stream_t *)&stream->pipe) : 0;
}

static void on_input_shut(uv_shutdown_t *request, int status) {
  (void)status;
  struct stream *stream = request->data;
  free(request);
  close_stream(stream);
}

void spawn_close_input(spawn *s) {
  struct stream *stream = input_of(s);
  if (!stream->open) return;
  if (s->terminal) {
    spawn_write(s, "\004", 1); /* end of file, as typed */
    return;
  }
  uv_shutdown_t *request = mem_zalloc(sizeof *request);
  request->data = stream;
  if (uv_shutdown(request, (uv_stream_t *)&stream->pipe, on_input_shut) != 0) {
    free(request);
    close_stream(stream);
  }
}

void spawn_pause(spawn *s, bool paused) {
  if (s->paused == paused) return;
  s->paused = paused;
  for (int i = 1; i < 3; i++) {
    if (!s->streams[i].open || s->streams[i].done) continue;
    if (paused)
      uv_read_stop((uv_stream_t *)&s->streams[i].pipe);
    else
      start_reading(&s->streams[i]);
  }
}

void spawn_resize(spawn *s, int columns, int rows) {
  uv_os_fd_t fd;
  if (!s->terminal || !s->streams[1].open) return;
  if (uv_fileno((uv_handle_t *)&s->streams[1].pipe, &fd) != 0) return;
  struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
  ioctl(fd, TIOCSWINSZ, &size);
}

/* "": nothing broke off on our side. */
static char *what_broke_off(const struct spawn_result *result) {
  if (result->read_error) return str_format("; its output could not be read: %s", strerror(result->read_error));
  if (result->write_error) return str_format("; its input could not be written: %s", strerror(result->write_error));
  return str_dup("");
}

err *spawn_result_err(const struct spawn_result *result) {
  if (result->cancelled) return err_new(ERR_BUSY, "%s: cancelled", result->name);
  if (result->timed_out) return err_new(ERR_BUSY, "%s: did not end before its deadline", result->name);
  if (result->exit_status == 0)
    return result->read_error ? err_errno(result->read_error, "%s: reading its output", result->name) : NULL;
  auto_free char *tail = str_dup(result->error_tail), *broke_off = what_broke_off(result);
  const char *text = str_trim(tail);
  const char *separator = *text ? ": " : "";
  if (result->signal)
    return err_new(ERR_IO, "%s: killed by signal %d (%s)%s%s%s", result->name, result->signal,
                   strsignal(result->signal), separator, text, broke_off);
  return err_new(ERR_IO, "%s: exit status %d%s%s%s", result->name, result->exit_status, separator, text, broke_off);
}
