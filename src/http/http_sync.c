#include "http/http_sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/transfer.h"

enum {
  CONNECT_TIMEOUT_MS = 10000,
  TIMEOUT_MS = 60000,
  STALL_TIMEOUT_MS = 60000,
  RESPONSE_LIMIT = 64 * 1024 * 1024,
  PROGRESS_INTERVAL_MS = 100,
};

struct http_sync {
  CURL *easy; /* reset for each request; keeps the connection */
};

struct exchange {
  struct transfer transfer;
  const struct http_sync_options *options;
  int64_t progress_told_ms;
  bool given_up;
};

http_sync *http_sync_new(void) {
  http_sync *c = mem_zalloc(sizeof *c);
  c->easy = curl_easy_init();
  if (!c->easy) abort(); /* out of memory */
  return c;
}

void http_sync_free(http_sync *c) {
  if (!c) return;
  curl_easy_cleanup(c->easy);
  free(c);
}

void http_sync_response_done(struct http_sync_response *response) {
  str_done(&response->body);
  for (struct http_header *h = response->headers; h && h->name; h++) {
    free((char *)h->name);
    free((char *)h->value);
  }
  free(response->headers);
  *response = (struct http_sync_response){0};
}

const char *http_sync_response_header(const struct http_sync_response *response, const char *name) {
  return transfer_find_header(response->headers, name);
}

/* --- libcurl's callbacks ---------------------------------------------------------------------- */

static size_t on_read_body(char *buffer, size_t one, size_t size, void *arg) {
  struct exchange *x = arg;
  ssize_t n = x->options->read_body(x->options->arg, buffer, one * size);
  if (n >= 0) return (size_t)n;
  x->given_up = true;
  return CURL_READFUNC_ABORT;
}

static size_t on_body(char *data, size_t one, size_t len, void *arg) {
  struct exchange *x = arg;
  const struct http_sync_options *o = x->options;
  bool streamed = o->on_data && transfer_status(&x->transfer) < 400;
  bool ok = streamed ? o->on_data(o->arg, data, len) : transfer_add_body(&x->transfer, data, len);
  if (!ok) x->given_up = streamed;
  return ok ? one * len : 0;
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up) {
  (void)down_total;
  (void)down;
  (void)up_total;
  struct exchange *x = arg;
  const struct http_sync_options *o = x->options;
  int64_t now_ms = clock_monotonic_ms();
  if (now_ms - x->progress_told_ms < PROGRESS_INTERVAL_MS) return 0;
  x->progress_told_ms = now_ms;
  x->given_up = !o->progress(o->arg, up, o->read_body ? o->body_size : (int64_t)o->body_len);
  return x->given_up;
}

/* --- a request -------------------------------------------------------------------------------- */

static void set_body(struct exchange *x) {
  const struct http_sync_options *o = x->options;
  CURL *easy = x->transfer.easy;
  if (o->read_body) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L); /* with size -1 libcurl sends chunks */
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body_size);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, x);
  } else if (o->body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body_len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, o->body);
  }
}

static void set_callbacks(struct exchange *x) {
  const struct http_sync_options *o = x->options;
  CURL *easy = x->transfer.easy;
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
  if (o->progress) {
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, x);
  }
  int64_t stall_ms = o->stall_timeout_ms ? o->stall_timeout_ms : STALL_TIMEOUT_MS;
  if (stall_ms > 0) {
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((stall_ms + 999) / 1000));
  }
}

static enum err_code outcome_code(enum http_outcome outcome) {
  switch (outcome) {
  case HTTP_REFUSED:
  case HTTP_UNREACHABLE:
  case HTTP_CONNECT_TIMEOUT:
  case HTTP_TIMEOUT:
    return ERR_BUSY;
  case HTTP_TOO_LARGE:
    return ERR_LIMIT;
  default:
    return ERR_IO;
  }
}

static err *exchange_error(const struct exchange *x, enum http_outcome outcome) {
  if (x->given_up) return err_new(ERR_BUSY, "given up (%s)", x->transfer.target);
  auto_free char *message = transfer_message(&x->transfer, outcome);
  return err_new(outcome_code(outcome), "%s", message);
}

/* What is moved out of the transfer is not freed with it. */
static void take_response(struct transfer *t, struct http_sync_response *ret_response) {
  *ret_response = (struct http_sync_response){
      .status = transfer_status(t), .body = t->body, .headers = t->headers};
  t->body = STR_EMPTY;
  t->headers = NULL;
  t->headers_len = 0;
}

static struct transfer_options transfer_options(const struct http_sync_options *o) {
  return (struct transfer_options){
      .url = o->url,
      .method = o->method,
      .headers = o->headers,
      .unix_socket = o->unix_socket,
      .ca_file = o->ca_file,
      .connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS,
      .timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS,
      .response_limit = o->response_limit ? o->response_limit : RESPONSE_LIMIT,
  };
}

err *http_sync_request(http_sync *c, const struct http_sync_options *options,
                       struct http_sync_response *ret_response, enum http_outcome *ret_outcome) {
  struct exchange x = {.options = options, .progress_told_ms = clock_monotonic_ms()};
  const struct transfer_options setup = transfer_options(options);
  if (ret_outcome) *ret_outcome = HTTP_BROKEN;
  curl_easy_reset(c->easy);
  TRY(transfer_init(&x.transfer, c->easy, &setup));
  set_body(&x);
  set_callbacks(&x);
  enum http_outcome outcome = transfer_outcome(&x.transfer, curl_easy_perform(c->easy));
  if (ret_outcome) *ret_outcome = outcome;
  err *e = outcome == HTTP_ANSWERED ? NULL : exchange_error(&x, outcome);
  if (!e) take_response(&x.transfer, ret_response);
  transfer_done(&x.transfer);
  return e;
}
