#include "http/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/internal.h"

enum {
  CONNECTIONS = 1000,
  HEADER_LIMIT = 32 * 1024,
  IDLE_TIMEOUT_MS = 60000,
  UNIX_MODE = 0600,
  /* libmicrohttpd keeps a connection's header, its parsed form and the answer's header in one pool.
   * Its pages cost nothing until they are touched. */
  POOL_BEYOND_HEADER = 8 * 1024,
  ACCEPTS_PER_TURN = 64,
  ACCEPT_AGAIN_MS = 100,
  ROUNDS_PER_TURN = 4,
};

/* --- driving libmicrohttpd -------------------------------------------------------------------- */

static void on_wakeup(uv_timer_t *timer);

/* Lets it do what can be done now, and sets the timer for what is due later. */
static void pump(http_server *s) {
  for (int round = 0; round < ROUNDS_PER_TURN; round++) {
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    s->pump_wanted = false;
    MHD_run(s->mhd);
    bool waits = MHD_get_timeout(s->mhd, &wait_ms) == MHD_YES;
    if (s->pump_wanted || (waits && wait_ms == 0)) continue;
    uv_timer_stop(&s->wakeup);
    if (waits) uv_timer_start(&s->wakeup, on_wakeup, wait_ms, 0);
    return;
  }
  uv_timer_start(&s->wakeup, on_wakeup, 0, 0); /* the other handles' turn first */
}

void server_pump_soon(http_server *s) {
  s->pump_wanted = true; /* when this is called by libmicrohttpd, that is by `pump` */
  uv_timer_start(&s->wakeup, on_wakeup, 0, 0);
}

static void on_wakeup(uv_timer_t *timer) {
  pump(timer->data);
}

static void on_readiness(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  pump(poll->data);
}

/* --- accepting -------------------------------------------------------------------------------- */

static void on_listener(uv_poll_t *poll, int status, int events);

static void on_accept_again(uv_timer_t *timer) {
  http_server *s = timer->data;
  for (size_t i = 0; s->listening && i < s->listeners_len; i++)
    uv_poll_start(&s->listeners[i].poll, UV_READABLE, on_listener);
}

/* Out of descriptors or memory: the connection waits in the kernel, and asking for it at once again
 * would only spin. */
static void rest_listeners(http_server *s, int number) {
  log_warn("http", "accepting a connection: %s", strerror(number));
  for (size_t i = 0; i < s->listeners_len; i++)
    uv_poll_stop(&s->listeners[i].poll);
  uv_timer_start(&s->accept_again, on_accept_again, ACCEPT_AGAIN_MS, 0);
}

static void on_listener(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  struct listener *l = CONTAINER_OF(poll, struct listener, poll);
  for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    int fd = accept4(l->socket.fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
      (void)MHD_add_connection(l->server->mhd, fd, (struct sockaddr *)&address, len);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      rest_listeners(l->server, errno);
    if (fd < 0 && errno != ECONNABORTED && errno != EINTR) break;
  }
  pump(l->server);
}

static void on_handle_closed(uv_handle_t *handle) {
  server_unref(handle->data);
}

static err *open_listeners(http_server *s, const char *const *addresses) {
  size_t count = 0;
  while (addresses && addresses[count])
    count++;
  s->listeners = mem_zalloc(count * sizeof *s->listeners);
  for (size_t i = 0; i < count; i++) {
    struct listener *l = &s->listeners[i];
    TRY(listen_open(addresses[i], s->options.unix_mode, &l->socket));
    l->server = s;
    l->poll.data = s;
    s->listeners_len++;
    s->refs++;
    uv_poll_init(loop_uv(s->loop), &l->poll, l->socket.fd);
    uv_poll_start(&l->poll, UV_READABLE, on_listener);
  }
  s->listening = true;
  return NULL;
}

void http_server_close_listeners(http_server *s) {
  s->listening = false;
  for (size_t i = 0; i < s->listeners_len; i++) {
    struct listener *l = &s->listeners[i];
    if (!uv_is_closing((uv_handle_t *)&l->poll))
      uv_close((uv_handle_t *)&l->poll, on_handle_closed);
    listen_close(&l->socket);
  }
}

/* --- starting and stopping -------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static void on_mhd_log(void *arg, const char *format,
                                                             va_list args) {
  (void)arg;
  auto_free char *text = str_vformat(format, args);
  log_debug("http", "libmicrohttpd: %s", str_trim(text));
}

static void fill_defaults(struct http_server_options *options) {
  if (!options->connection_limit) options->connection_limit = CONNECTIONS;
  if (!options->header_limit) options->header_limit = HEADER_LIMIT;
  if (!options->idle_timeout_ms) options->idle_timeout_ms = IDLE_TIMEOUT_MS;
  if (!options->unix_mode) options->unix_mode = UNIX_MODE;
}

static struct MHD_Daemon *start_mhd(http_server *s) {
  const struct http_server_options *o = &s->options;
  unsigned idle_s = (unsigned)((o->idle_timeout_ms + 999) / 1000);
  return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                              MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG,
                          0, NULL, NULL, dispatch_access, s,         /* no port, no policy */
                          MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, s, /* must come first */
                          MHD_OPTION_URI_LOG_CALLBACK, dispatch_request_line, s,      /*  */
                          MHD_OPTION_NOTIFY_COMPLETED, dispatch_completed, s,         /*  */
                          MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->connection_limit, /*  */
                          MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)o->per_address_limit,
                          MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->header_limit + POOL_BEYOND_HEADER,
                          MHD_OPTION_CONNECTION_TIMEOUT, idle_s, /*  */
                          MHD_OPTION_STRICT_FOR_CLIENT, 1,       /*  */
                          MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

static void drive_mhd(http_server *s) {
  uv_loop_t *uv = loop_uv(s->loop);
  int fd = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  uv_timer_init(uv, &s->wakeup);
  uv_timer_init(uv, &s->accept_again);
  uv_poll_init(uv, &s->readiness, fd);
  s->wakeup.data = s->accept_again.data = s->readiness.data = s;
  s->refs += 3;
  uv_poll_start(&s->readiness, UV_READABLE, on_readiness);
}

static err *check_routes(const struct http_server_options *options) {
  for (size_t i = 0; i < options->routes_len; i++)
    if (!url_pattern_valid(options->routes[i].path))
      return err_new(ERR_INVALID, "the route pattern '%s' is malformed", options->routes[i].path);
  return NULL;
}

err *http_server_start(loop *l, const struct http_server_options *options,
                       http_server **ret_server) {
  TRY(check_routes(options));
  signal(SIGPIPE, SIG_IGN);
  http_server *s = mem_zalloc(sizeof *s);
  s->loop = l;
  s->options = *options;
  fill_defaults(&s->options);
  list_init(&s->unwatched);
  list_init(&s->watched);
  list_init(&s->sockets);
  s->refs = 1;
  s->mhd = start_mhd(s);
  if (!s->mhd) abort(); /* the options above are constant, so only memory can be missing */
  drive_mhd(s);
  err *e = open_listeners(s, options->listen);
  if (e) {
    http_server_stop(s);
    return e;
  }
  *ret_server = s;
  return NULL;
}

void server_unref(http_server *s) {
  if (--s->refs > 0) return;
  for (size_t i = 0; i < s->listeners_len; i++)
    listen_done(&s->listeners[i].socket);
  free(s->listeners);
  free(s);
}

/* libmicrohttpd must not be stopped with suspended connections. */
static void resume_all(struct list *suspended) {
  LIST_FOREACH(r, suspended, http_request, suspended_link) request_resume(r);
}

void http_server_stop(http_server *s) {
  if (!s) return;
  http_server_close_listeners(s);
  ws_abandon_all(s);
  uv_close((uv_handle_t *)&s->readiness, on_handle_closed);
  uv_close((uv_handle_t *)&s->wakeup, on_handle_closed);
  uv_close((uv_handle_t *)&s->accept_again, on_handle_closed);
  resume_all(&s->unwatched);
  resume_all(&s->watched);
  MHD_stop_daemon(s->mhd);
  server_unref(s);
}

const char *http_server_address(const http_server *s, size_t index) {
  return index < s->listeners_len ? s->listeners[index].socket.address : NULL;
}

int http_server_port(const http_server *s, size_t index) {
  return index < s->listeners_len ? s->listeners[index].socket.port : 0;
}
