#include "engine/local/conmon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/local/runtime.h"
#include "loop/spawn.h"
#include "loop/timer.h"

enum { CREATE_DEADLINE_MS = 60000, SYNC_LIMIT = 65536 };

/* Two things are waited for: what the sync pipe says (a line, or its end) and conmon's first
 * process, which ends at once after it has forked.  Freed when both are over. */
struct creation {
  loop *loop;
  uv_pipe_t sync;
  timer *deadline;
  struct str text;
  conmon_done_fn *done; /* NULL once called */
  void *arg;
  err *failure; /* of conmon itself */
  char *bundle_dir;
  bool silent; /* the pipe has ended */
  bool pipe_open, child_running;
};

void conmon_argv(const struct conmon_request *r, struct strv *argv) {
  strv_add_all(argv, r->monitor_argv);
  strv_add(argv, r->conmon);
  strv_add_all(argv, (const char *const[]){"--api-version", "1", "--cid", r->id, "--cuuid", r->id,
                                           "--name", r->id, "--bundle", r->bundle_dir, NULL});
  strv_addf(argv, "--container-pidfile=%s/pid", r->bundle_dir);
  strv_addf(argv, "--conmon-pidfile=%s/conmon.pid", r->bundle_dir);
  strv_addf(argv, "--exit-dir=%s", r->exit_dir);
  strv_addf(argv, "--socket-dir-path=%s", r->socket_dir);
  strv_addf(argv, "--log-path=k8s-file:%s", r->log_path);
  strv_addf(argv, "--runtime=%s", r->runtime_argv[0]);
  for (size_t i = 1; r->runtime_argv[i]; i++)
    strv_addf(argv, "--runtime-arg=%s", r->runtime_argv[i]);
}

/* crun says `executable file `nope` not found in $PATH: No such file or directory`. */
static enum err_code code_of(const char *message) {
  bool missing =
      strstr(message, "not found in $PATH") || strstr(message, "No such file or directory");
  return missing ? ERR_NOT_FOUND : ERR_IO;
}

err *conmon_parse_sync(const char *text, size_t len, pid_t *ret_pid) {
  auto_json *object = NULL;
  TRY(json_parse(text, len, "conmon's answer", &object));
  int64_t pid = json_get_int(object, "data", json_get_int(object, "pid", -1));
  if (pid > 0 && pid < 1 << 30) {
    *ret_pid = (pid_t)pid;
    return NULL;
  }
  const char *said = json_get_text(object, "message");
  auto_free char *message = str_dup(said ? said : "the container could not be created");
  return err_new(code_of(message), "%s", str_trim(message));
}

static void maybe_free(struct creation *c) {
  if (c->pipe_open || c->child_running) return;
  timer_stop(c->deadline);
  str_done(&c->text);
  err_free(c->failure);
  free(c->bundle_dir);
  free(c);
}

static void answer(struct creation *c, err *e, pid_t pid) {
  conmon_done_fn *done = c->done;
  c->done = NULL;
  if (done)
    done(c->arg, e, pid);
  else
    err_ignore(e);
}

static void on_pipe_closed(uv_handle_t *handle) {
  struct creation *c = handle->data;
  c->pipe_open = false;
  maybe_free(c);
}

/* The pipe has said all it will say. */
static void conclude(struct creation *c) {
  if (uv_is_closing((uv_handle_t *)&c->sync)) return;
  uv_close((uv_handle_t *)&c->sync, on_pipe_closed);
  pid_t pid = -1;
  err *e = NULL;
  if (c->text.len > 0)
    e = conmon_parse_sync(c->text.data, c->text.len, &pid);
  else if (c->failure)
    e = err_dup(c->failure);
  else
    e = err_new(ERR_IO, "conmon ended without saying why");
  answer(c, e, pid);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)handle;
  *buffer = uv_buf_init(mem_alloc(suggested), (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer) {
  struct creation *c = stream->data;
  if (got > 0 && c->text.len < SYNC_LIMIT) str_add_bytes(&c->text, buffer->base, (size_t)got);
  free(buffer->base);
  if (got < 0) {
    uv_read_stop(stream);
    c->silent = true;
  }
  bool answered = c->text.len > 0 && (c->silent || c->text.data[c->text.len - 1] == '\n');
  if (answered || (c->silent && !c->child_running)) conclude(c); /* else its end tells why */
}

/* Nobody else ends them: conmon has left our group, and waits for the runtime that hangs. */
static void end_monitor_and_runtime(const struct creation *c) {
  auto_free char *pid_path = path_join(c->bundle_dir, "conmon.pid");
  auto_str text = STR_EMPTY, name = STR_EMPTY;
  auto_err *e = file_read(pid_path, 64, &text);
  int pid = e ? 0 : atoi(str_text(&text));
  auto_free char *name_path = str_format("/proc/%d/comm", pid);
  auto_err *gone = file_read(name_path, 64, &name);
  if (pid > 1 && !gone && str_starts(str_text(&name), "conmon")) kill(-pid, SIGKILL);
}

static void on_deadline(void *arg) {
  struct creation *c = arg;
  if (uv_is_closing((uv_handle_t *)&c->sync)) return;
  end_monitor_and_runtime(c);
  uv_close((uv_handle_t *)&c->sync, on_pipe_closed);
  answer(c,
         err_new(ERR_BUSY, "the container was not created within %d s", CREATE_DEADLINE_MS / 1000),
         -1);
}

static void on_child_done(void *arg, const struct spawn_result *result) {
  struct creation *c = arg;
  c->child_running = false;
  c->failure = spawn_result_err(result);
  bool over = c->failure || c->silent; /* it never came to fork: nobody will write */
  if (over && c->pipe_open) conclude(c);
  maybe_free(c);
}

static err *start(struct creation *c, const struct conmon_request *request, int write_end) {
  auto_strv argv = STRV_EMPTY;
  conmon_argv(request, &argv);
  static const char *const env[] = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
      "_OCI_SYNCPIPE=3", RUNTIME_READ_ONLY, NULL};
  struct spawn_options options = {.argv = (const char *const *)argv.items,
                                  .env = env,
                                  .cwd = request->bundle_dir,
                                  .inherit_fds = &write_end,
                                  .inherit_fds_len = 1,
                                  .deadline_ms = CREATE_DEADLINE_MS};
  return spawn_start(c->loop, &options, on_child_done, c, NULL);
}

void conmon_create(loop *l, const struct conmon_request *request, conmon_done_fn *done, void *arg) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) {
    done(arg, err_errno(errno, "making a pipe"), -1);
    return;
  }
  struct creation *c = mem_zalloc(sizeof *c);
  *c = (struct creation){.loop = l, .done = done, .arg = arg, .pipe_open = true,
                         .bundle_dir = str_dup(request->bundle_dir)};
  uv_pipe_init(loop_uv(l), &c->sync, 0);
  uv_pipe_open(&c->sync, ends[0]);
  c->sync.data = c;
  err *e = start(c, request, ends[1]);
  close(ends[1]);
  if (e) {
    uv_close((uv_handle_t *)&c->sync, on_pipe_closed);
    answer(c, e, -1);
    return;
  }
  c->child_running = true;
  c->deadline = timer_start(l, CREATE_DEADLINE_MS, 0, on_deadline, c);
  uv_read_start((uv_stream_t *)&c->sync, allocate, on_read);
}
