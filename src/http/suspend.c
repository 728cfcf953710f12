#include <stdlib.h>

#include "base/mem.h"
#include "http/internal.h"

/* The client closed its end of a connection that libmicrohttpd does not watch. */
static void on_client_gone(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  http_request *r = poll->data;
  uv_poll_stop(poll);
  if (r->answered && !r->streaming) return; /* what is left to send may still arrive */
  r->gone = true;
  if (r->on_abort && !r->answered) {
    http_abort_fn *fn = r->on_abort;
    r->on_abort = NULL;
    fn(r->abort_arg);
  }
  request_resume(r);
}

static void watch(http_request *r) {
  int fd = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  r->watcher = mem_zalloc(sizeof *r->watcher);
  if (uv_poll_init(loop_uv(r->server->loop), r->watcher, fd) != 0) {
    free(r->watcher);
    r->watcher = NULL;
    return;
  }
  r->watcher->data = r;
  uv_poll_start(r->watcher, UV_DISCONNECT, on_client_gone);
}

static void watch_suspended(void *arg) {
  http_server *s = arg;
  s->watch_deferred = false;
  while (!list_empty(&s->unwatched)) {
    http_request *r = CONTAINER_OF(s->unwatched.next, http_request, suspended_link);
    list_remove(&r->suspended_link);
    list_push(&s->watched, &r->suspended_link);
    if (!r->watcher) watch(r);
  }
  server_unref(s);
}

/* Only at the end of the turn is a watcher made, so that an answer within the turn costs none. */
void request_suspend(http_request *r) {
  http_server *s = r->server;
  MHD_suspend_connection(r->connection);
  r->suspended = true;
  list_push(r->watcher ? &s->watched : &s->unwatched, &r->suspended_link);
  if (r->watcher || s->watch_deferred) return;
  s->watch_deferred = true;
  s->refs++;
  loop_defer(s->loop, watch_suspended, s);
}

void request_resume(http_request *r) {
  if (!r->suspended) return;
  r->suspended = false;
  list_remove(&r->suspended_link);
  MHD_resume_connection(r->connection);
  server_pump_soon(r->server);
}
