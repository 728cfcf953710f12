#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/local/instance.h"
#include "loop/timer.h"

enum { CONNECT_MS = 10000, READ_SIZE = 65536 };

/* A connection to an instance's address, which this machine reaches over the environment's bridge. */
struct local_stream {
  engine_stream base;
  struct local_engine *engine;
  struct list link; /* in engine->streams */
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_shutdown_t shutdown;
  timer *deadline; /* of connecting */
  bool connected, shut, closing, paused;
  bool left; /* nobody is to be called any more */
  err *failure; /* what on_end is told */
  struct dial_options options;
};

struct outgoing { /* one write, with its bytes behind it */
  uv_write_t write;
  char data[];
};

static struct local_stream *of(engine_stream *s) {
  return (struct local_stream *)s;
}

static void on_closed(uv_handle_t *handle) {
  struct local_stream *s = handle->data;
  s->engine->pending--;
  list_remove(&s->link);
  if (s->left || s->engine->closing)
    err_free(s->failure);
  else
    s->options.on_end(s->options.arg, s->failure);
  free(s);
}

static void end(struct local_stream *s, err *e) {
  if (s->closing) {
    err_free(e);
    return;
  }
  s->closing = true;
  s->failure = e;
  timer_stop(s->deadline);
  s->deadline = NULL;
  uv_close((uv_handle_t *)&s->tcp, on_closed);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer) {
  (void)handle, (void)suggested;
  *ret_buffer = uv_buf_init(mem_alloc(READ_SIZE), READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer) {
  struct local_stream *s = stream->data;
  if (got > 0 && !s->closing) s->options.on_data(s->options.arg, buffer->base, (size_t)got);
  free(buffer->base);
  if (got < 0) end(s, got == UV_EOF ? NULL : err_errno((int)-got, "reading"));
}

static void read_on(struct local_stream *s) {
  if (s->connected && !s->paused && !s->closing) uv_read_start((uv_stream_t *)&s->tcp, allocate, on_read);
}

static void shut(struct local_stream *s) {
  if (uv_shutdown(&s->shutdown, (uv_stream_t *)&s->tcp, NULL) != 0) end(s, NULL);
}

static void on_connected(uv_connect_t *connect, int status) {
  struct local_stream *s = connect->handle->data;
  if (s->closing) return;
  timer_stop(s->deadline);
  s->deadline = NULL;
  if (status < 0) {
    end(s, err_errno(-status, "connecting to port %u of the instance", s->options.port));
    return;
  }
  s->connected = true;
  uv_tcp_keepalive(&s->tcp, 1, 60);
  uv_tcp_nodelay(&s->tcp, 1);
  read_on(s);
  if (s->shut) shut(s);
}

static void on_late(void *arg) {
  struct local_stream *s = arg;
  end(s, err_new(ERR_BUSY, "port %u of the instance did not answer within %d s", s->options.port, CONNECT_MS / 1000));
}

err *local_dial(engine *base, const struct dial_options *options, engine_stream **ret_stream) {
  struct local_engine *en = (struct local_engine *)base;
  struct instance *inst = map_get(en->instances, options->instance_id);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(options->port)};
  if (!inst) return err_new(ERR_NOT_FOUND, "there is no instance '%s'", options->instance_id);
  if (inst->phase == PHASE_RUN && !inst->address) return err_new(ERR_CONFLICT, "instance '%s' is isolated: nothing reaches it", options->instance_id);
  if (inst->phase != PHASE_RUN || !inst->address || inet_pton(AF_INET, inst->address, &to.sin_addr) != 1)
    return err_new(ERR_CONFLICT, "instance '%s' does not run", options->instance_id);
  struct local_stream *s = mem_zalloc(sizeof *s);
  s->base.ops = base->ops;
  s->engine = en;
  s->options = *options;
  s->options.instance_id = NULL; /* was borrowed */
  list_init(&s->link);
  list_push(&en->streams, &s->link);
  en->pending++;
  uv_tcp_init(loop_uv(en->loop), &s->tcp);
  s->tcp.data = s;
  s->deadline = timer_start(en->loop, CONNECT_MS, 0, on_late, s);
  int failed = uv_tcp_connect(&s->connect, &s->tcp, (const struct sockaddr *)&to, on_connected);
  if (failed) end(s, err_errno(-failed, "connecting"));
  *ret_stream = &s->base;
  return NULL;
}

static void on_written(uv_write_t *write, int status) {
  struct local_stream *s = write->handle->data;
  free(write); /* the first member of struct outgoing */
  if (status < 0) end(s, err_errno(-status, "writing"));
}

/* Until it is connected libuv keeps what is written. */
void local_stream_write(engine_stream *stream, const void *data, size_t len) {
  struct local_stream *s = of(stream);
  if (s->closing || s->shut || !len) return;
  struct outgoing *o = mem_alloc(sizeof *o + len);
  memcpy(o->data, data, len);
  uv_buf_t buffer = uv_buf_init(o->data, (unsigned)len);
  int failed = uv_write(&o->write, (uv_stream_t *)&s->tcp, &buffer, 1, on_written);
  if (!failed) return;
  free(o);
  end(s, err_errno(-failed, "writing"));
}

size_t local_stream_pending(const engine_stream *stream) {
  return uv_stream_get_write_queue_size((const uv_stream_t *)&((const struct local_stream *)stream)->tcp);
}

void local_stream_shut(engine_stream *stream) {
  struct local_stream *s = of(stream);
  if (s->closing || s->shut) return;
  s->shut = true;
  if (s->connected) shut(s);
}

void local_stream_pause(engine_stream *stream, bool paused) {
  struct local_stream *s = of(stream);
  s->paused = paused;
  if (s->closing || !s->connected) return;
  if (paused)
    uv_read_stop((uv_stream_t *)&s->tcp);
  else
    read_on(s);
}

void local_stream_close(engine_stream *stream) {
  of(stream)->left = true;
  end(of(stream), NULL);
}

void local_stream_close_all(struct local_engine *en) {
  LIST_FOREACH(s, &en->streams, struct local_stream, link) end(s, NULL);
}
