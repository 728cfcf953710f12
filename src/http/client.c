#include "http/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "http/transfer.h"

enum {
  CONNECT_TIMEOUT_MS = 5000,
  TIMEOUT_MS = 30000,
  RESPONSE_LIMIT = 1024 * 1024,
  ERROR_BODY_MAX = 200, /* of a refusal's body, in an error's text */
};

struct http_client {
  loop *loop;
  CURLM *multi;
  uv_timer_t timer;
  struct list calls;
  /* libcurl is on the stack: it may not be called for other transfers, so that calls started and
   * cancelled by on_data wait for `sweep`. */
  bool busy;
  int refs; /* open handles, and the client itself until it is freed */
};

struct http_call {
  http_client *client;
  struct list link;
  struct transfer transfer;
  http_done_fn *done;
  void *arg;
  void (*on_data)(void *arg, const char *data, size_t len);
  int64_t started_ms;
  bool added, cancelled;
};

/* A descriptor of libcurl's. */
struct watched {
  uv_poll_t poll;
  http_client *client;
  curl_socket_t fd;
};

const char *http_result_header(const struct http_result *result, const char *name) {
  return transfer_find_header(result->headers, name);
}

/* The first line of a body that is fit to be read. */
static char *first_line(const struct http_result *result) {
  size_t len = strcspn(result->body, "\r\n");
  if (len > ERROR_BODY_MAX) len = ERROR_BODY_MAX;
  while (len > 0 && !str_is_utf8(result->body, len))
    len--;
  return str_ndup(result->body, len);
}

err *http_result_err(const struct http_result *result, const char *method, const char *url) {
  if (result->outcome != HTTP_ANSWERED) {
    bool later = result->outcome != HTTP_BROKEN && result->outcome != HTTP_TLS_FAILED;
    return err_new(later ? ERR_BUSY : ERR_IO, "%s %s: %s", method, url, result->message);
  }
  if (result->status < 400) return NULL;
  auto_free char *line = first_line(result);
  enum err_code code = result->status == 404                            ? ERR_NOT_FOUND
                       : result->status == 401 || result->status == 403 ? ERR_DENIED
                                                                        : ERR_IO;
  return err_new(code, "%s %s: answered %d%s%s", method, url, result->status, *line ? ": " : "",
                 line);
}

/* --- ending a call ---------------------------------------------------------------------------- */

static void call_free(http_call *call) {
  list_remove(&call->link);
  CURL *easy = call->transfer.easy;
  if (call->added) curl_multi_remove_handle(call->client->multi, easy);
  curl_easy_cleanup(easy);
  transfer_done(&call->transfer);
  free(call);
}

static void finish(http_call *call, CURLcode code) {
  struct transfer *t = &call->transfer;
  static const struct http_header none[] = {{0}};
  enum http_outcome outcome = transfer_outcome(t, code);
  auto_free char *message = transfer_message(t, outcome);
  const struct http_result result = {
      .outcome = outcome,
      .status = transfer_status(t),
      .body = str_text(&t->body),
      .body_len = t->body.len,
      .message = message,
      .duration_ms = clock_monotonic_ms() - call->started_ms,
      .headers = t->headers ? t->headers : none,
  };
  if (!call->cancelled) call->done(call->arg, &result);
  call_free(call);
}

static void finish_completed(http_client *c) {
  int left;
  CURLMsg *message;
  while ((message = curl_multi_info_read(c->multi, &left))) {
    char *call;
    CURLcode code = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
    finish((http_call *)call, code);
  }
}

/* Does what could not be done while libcurl was busy. */
static void sweep(http_client *c) {
  LIST_FOREACH(call, &c->calls, http_call, link) {
    if (call->cancelled) {
      call_free(call);
    } else if (!call->added) {
      call->added = true;
      curl_multi_add_handle(c->multi, call->transfer.easy);
    }
  }
}

static void act(http_client *c, curl_socket_t fd, int events) {
  int running;
  c->busy = true;
  curl_multi_socket_action(c->multi, fd, events, &running);
  c->busy = false;
  finish_completed(c);
  sweep(c);
}

/* --- libcurl on the loop ---------------------------------------------------------------------- */

static void client_unref(http_client *c) {
  if (--c->refs == 0) free(c);
}

static void on_timer(uv_timer_t *timer) {
  act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_set_timer(CURLM *multi, long delay_ms, void *arg) {
  (void)multi;
  http_client *c = arg;
  if (delay_ms < 0)
    uv_timer_stop(&c->timer);
  else
    uv_timer_start(&c->timer, on_timer, (uint64_t)delay_ms, 0);
  return 0;
}

static void on_socket_ready(uv_poll_t *poll, int status, int events) {
  struct watched *w = poll->data;
  int action = status < 0 ? CURL_CSELECT_ERR : 0;
  if (events & UV_READABLE) action |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) action |= CURL_CSELECT_OUT;
  act(w->client, w->fd, action);
}

static void on_watched_closed(uv_handle_t *handle) {
  struct watched *w = handle->data;
  client_unref(w->client);
  free(w);
}

static struct watched *watch_new(http_client *c, curl_socket_t fd) {
  struct watched *w = mem_zalloc(sizeof *w);
  w->client = c;
  w->fd = fd;
  w->poll.data = w;
  if (uv_poll_init(loop_uv(c->loop), &w->poll, fd) != 0) abort(); /* it is an open socket */
  c->refs++;
  curl_multi_assign(c->multi, fd, w);
  return w;
}

static int on_set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned) {
  (void)easy;
  http_client *c = arg;
  struct watched *w = assigned;
  if (what == CURL_POLL_REMOVE) {
    if (w) uv_close((uv_handle_t *)&w->poll, on_watched_closed);
    curl_multi_assign(c->multi, fd, NULL);
    return 0;
  }
  if (!w) w = watch_new(c, fd);
  int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  uv_poll_start(&w->poll, events, on_socket_ready);
  return 0;
}

http_client *http_client_new(loop *l) {
  http_client *c = mem_zalloc(sizeof *c);
  c->loop = l;
  c->multi = curl_multi_init();
  if (!c->multi) abort(); /* out of memory */
  list_init(&c->calls);
  uv_timer_init(loop_uv(l), &c->timer);
  c->timer.data = c;
  c->refs = 2;
  curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_set_socket);
  curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
  curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_set_timer);
  curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
  return c;
}

static void on_timer_closed(uv_handle_t *handle) {
  client_unref(handle->data);
}

void http_client_free(http_client *c) {
  if (!c) return;
  LIST_FOREACH(call, &c->calls, http_call, link) call_free(call);
  curl_multi_cleanup(c->multi);
  uv_close((uv_handle_t *)&c->timer, on_timer_closed);
  client_unref(c);
}

/* --- starting a call -------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t one, size_t len, void *arg) {
  http_call *call = arg;
  if (call->cancelled) return 0;
  if (call->on_data)
    call->on_data(call->arg, data, len);
  else if (!transfer_add_body(&call->transfer, data, len))
    return 0;
  return one * len;
}

static struct transfer_options transfer_options(const struct http_call_options *options) {
  return (struct transfer_options){
      .url = options->url,
      .method = options->method,
      .headers = options->headers,
      .unix_socket = options->unix_socket,
      .connect_to = options->connect_to,
      .ca_file = options->ca_file,
      .connect_timeout_ms =
          options->connect_timeout_ms ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS,
      .timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS,
      .response_limit = options->response_limit ? options->response_limit : RESPONSE_LIMIT,
      .direct = options->fresh,
  };
}

static void set_call(http_call *call, const struct http_call_options *options) {
  CURL *easy = call->transfer.easy;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
  if (options->fresh) {
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  }
  if (!options->body) return;
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body_len);
  curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, options->body);
}

err *http_client_start(http_client *c, const struct http_call_options *options, http_done_fn *done,
                       void *arg, http_call **ret_call) {
  http_call *call = mem_zalloc(sizeof *call);
  CURL *easy = curl_easy_init();
  if (!easy) abort(); /* out of memory */
  const struct transfer_options setup = transfer_options(options);
  err *e = transfer_init(&call->transfer, easy, &setup);
  if (e) {
    curl_easy_cleanup(easy);
    free(call);
    return e;
  }
  call->client = c;
  call->done = done;
  call->arg = arg;
  call->on_data = options->on_data;
  call->started_ms = clock_monotonic_ms();
  list_init(&call->link);
  list_push(&c->calls, &call->link);
  set_call(call, options);
  if (!c->busy) sweep(c);
  if (ret_call) *ret_call = call;
  return NULL;
}

void http_call_cancel(http_call *call) {
  call->cancelled = true;
  if (!call->client->busy) call_free(call);
}

void http_call_pause(http_call *call, bool paused) {
  http_client *c = call->client;
  bool was_busy = c->busy;
  c->busy =
      true; /* letting it flow may call on_data at once; libcurl comes back to us afterwards */
  curl_easy_pause(call->transfer.easy, paused ? CURLPAUSE_RECV : CURLPAUSE_CONT);
  c->busy = was_busy;
}
