#include "edge/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "loop/timer.h"

/* In interactive mode each answer ends in a newline and this prompt.  No answer of ours can hold
 * it: a '>' passes neither wanted_is_host nor wanted_is_key. */
#define PROMPT "\n> "
/* Switches that mode on, and marks each message with its severity: "[3]: No such server." */
#define PREAMBLE "prompt\nset severity-output number\n"
#define PREAMBLE_REPLIES 2
#define READ_SIZE 65536
#define LATE_MS 50

struct runtime {
  loop *loop;
  uv_pipe_t pipe;
  uv_connect_t connect;
  uv_write_t write;
  uv_shutdown_t shutdown;
  timer *deadline;
  int64_t deadline_ms;
  char *path;
  struct strv commands;
  struct strv replies;
  struct str request, input;
  size_t preamble_left; /* replies that belong to the preamble */
  bool master, finished;
  runtime_done_fn *done;
  void *arg;
  runtime **slot;
};

static void on_closed(uv_handle_t *handle) {
  runtime *r = handle->data;
  strv_done(&r->commands);
  strv_done(&r->replies);
  str_done(&r->request);
  str_done(&r->input);
  free(r->path);
  free(r);
}

void runtime_cancel(runtime *r) {
  if (!r || r->finished) return;
  r->finished = true;
  *r->slot = NULL;
  timer_stop(r->deadline);
  uv_close((uv_handle_t *)&r->pipe, on_closed);
}

static void finish(runtime *r, err *e) {
  if (r->finished) {
    err_free(e);
    return;
  }
  runtime_cancel(r); /* frees in a later turn */
  if (e) {
    strv_done(&r->replies);
    r->replies = STRV_EMPTY;
  }
  r->done(r->arg, err_wrap(e, "%s", r->path), &r->replies);
}

/* Severities are syslog's: 0 … 3 are errors, 4 is said about every changed address. */
static bool is_refusal(const char *reply) {
  return reply[0] == '[' && reply[1] >= '0' && reply[1] <= '3' && reply[2] == ']';
}

static err *refusal(const runtime *r) {
  for (size_t i = 0; i < r->replies.len; i++) {
    if (!is_refusal(r->replies.items[i])) continue;
    auto_free char *copy = str_dup(r->replies.items[i] + 3);
    return err_new(ERR_IO, "HAProxy refused '%s'%s", r->commands.items[i], str_trim(copy));
  }
  return NULL;
}

/* Cuts whole replies off the front of the input. */
static void take_replies(runtime *r) {
  size_t used = 0;
  const char *text = str_text(&r->input), *end;
  while (r->replies.len < r->commands.len && (end = strstr(text + used, PROMPT))) {
    char *reply = str_ndup(text + used, (size_t)(end - text) - used);
    used = (size_t)(end - text) + strlen(PROMPT);
    if (r->preamble_left) {
      r->preamble_left--;
      free(reply);
    } else {
      strv_add_take(&r->replies, reply);
    }
  }
  if (used) str_consume(&r->input, used);
}

static void on_end(runtime *r, ssize_t status) {
  if (r->master && status == UV_EOF) {
    strv_add(&r->replies, str_text(&r->input));
    finish(r, NULL);
  } else if (status == UV_EOF) {
    finish(r, err_new(ERR_IO, "HAProxy closed the connection after %zu of %zu commands",
                      r->replies.len, r->commands.len));
  } else {
    finish(r, err_errno((int)-status, "reading"));
  }
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer) {
  runtime *r = stream->data;
  if (got > 0) str_add_bytes(&r->input, buffer->base, (size_t)got);
  free(buffer->base);
  if (got < 0) {
    on_end(r, got);
    return;
  }
  if (!r->master) take_replies(r);
  if (!r->master && r->replies.len == r->commands.len)
    finish(r, refusal(r));
  else if (r->input.len > RUNTIME_MAX_ANSWER)
    finish(r, err_new(ERR_LIMIT, "the answer is longer than %d bytes", RUNTIME_MAX_ANSWER));
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer) {
  (void)handle, (void)suggested;
  *ret_buffer = uv_buf_init(mem_alloc(READ_SIZE), READ_SIZE);
}

static void on_written(uv_write_t *write, int status) {
  runtime *r = write->data;
  if (status < 0)
    finish(r, err_errno(-status, "writing"));
  else if (r->master) /* which only then closes the connection behind its answer */
    uv_shutdown(&r->shutdown, (uv_stream_t *)&r->pipe, NULL);
}

static void on_connected(uv_connect_t *connect, int status) {
  runtime *r = connect->data;
  if (r->finished) return;
  if (status < 0) {
    finish(r, err_errno(-status, "connecting"));
    return;
  }
  uv_buf_t buffer = uv_buf_init(r->request.data, (unsigned)r->request.len);
  uv_read_start((uv_stream_t *)&r->pipe, allocate, on_read);
  uv_write(&r->write, (uv_stream_t *)&r->pipe, &buffer, 1, on_written);
}

static void on_late(void *arg) {
  runtime *r = arg;
  finish(r, err_new(ERR_BUSY, "HAProxy answered %zu of %zu commands within %lld ms", r->replies.len,
                    r->commands.len, (long long)r->deadline_ms));
}

/* When the loop was kept from turning (a disk that takes seconds to sync), timers come before what has
 * arrived meanwhile: that is read first. */
static void on_deadline(void *arg) {
  runtime *r = arg;
  timer_stop(r->deadline);
  r->deadline = timer_start(r->loop, LATE_MS, 0, on_late, r);
}

static runtime *start(loop *l, const char *path, bool master, int64_t deadline_ms,
                      runtime_done_fn *done, void *arg, runtime **slot) {
  runtime *r = mem_zalloc(sizeof *r);
  r->loop = l;
  r->path = str_dup(path);
  r->master = master;
  r->preamble_left = PREAMBLE_REPLIES;
  r->done = done;
  r->arg = arg;
  r->slot = slot;
  *slot = r;
  r->deadline_ms = deadline_ms;
  r->deadline = timer_start(l, deadline_ms, 0, on_deadline, r);
  uv_pipe_init(loop_uv(l), &r->pipe, 0);
  r->pipe.data = r->connect.data = r->write.data = r;
  uv_pipe_connect(&r->connect, &r->pipe, path, on_connected);
  return r;
}

void runtime_ask(loop *l, const char *path, const struct strv *commands, int64_t deadline_ms,
                 runtime_done_fn *done, void *arg, runtime **slot) {
  runtime *r = start(l, path, false, deadline_ms, done, arg, slot);
  str_add(&r->request, PREAMBLE);
  for (size_t i = 0; i < commands->len; i++) {
    strv_add(&r->commands, commands->items[i]);
    str_add(&r->request, commands->items[i]);
    str_add_char(&r->request, '\n');
  }
}

void runtime_ask_master(loop *l, const char *path, const char *command, int64_t deadline_ms,
                        runtime_done_fn *done, void *arg, runtime **slot) {
  runtime *r = start(l, path, true, deadline_ms, done, arg, slot);
  strv_add(&r->commands, command);
  str_addf(&r->request, "%s\n", command);
}
