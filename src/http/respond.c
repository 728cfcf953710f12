#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/internal.h"

enum {
  STREAM_BLOCK = 16384, /* libmicrohttpd's buffer for a stream that is not chunked */
  CHUNKED_BLOCK = 64,   /* chunked ones use the connection's memory, so theirs is for nothing */
};

static bool is_token(const char *text) { /* RFC 9110 section 5.6.2 */
  if (!*text) return false;
  for (; *text; text++)
    if (!isalnum((unsigned char)*text) && !strchr("!#$%&'*+-.^_`|~", *text)) return false;
  return true;
}

static bool is_field_value(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 ? *text != '\t' : *text == 0x7f) return false;
  return true;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value) {
  if (!is_token(name) || !value || !is_field_value(value)) {
    log_warn("http", "left out an answer's header '%s': a control character is in it", name);
    return;
  }
  if (!*value) return; /* libmicrohttpd accepts no empty ones */
  if (MHD_add_response_header(response, name, value) != MHD_YES)
    log_warn("http", "left out an answer's header '%s': it is the server's own", name);
}

void respond_with(http_request *r, int status, const struct http_header *headers,
                  struct MHD_Response *response) {
  if (!response) abort(); /* out of memory, as in base/mem.c */
  if (r->answered) {
    log_error("http", "%s %s: answered twice; the second answer is lost", r->method, r->path);
    MHD_destroy_response(response);
    return;
  }
  for (; headers && headers->name; headers++)
    add_header(response, headers->name, headers->value);
  for (size_t i = 0; i < r->added_len; i++)
    add_header(response, r->added[i].name, r->added[i].value);
  r->answered = true;
  r->answer = response;
  r->status = (unsigned)status;
  request_resume(r);
}

void http_add_header(http_request *r, const char *name, const char *value) {
  r->added = mem_grow(r->added, &r->added_capacity, r->added_len + 1, sizeof *r->added);
  r->added[r->added_len++] = (struct http_header){str_dup(name), str_dup(value)};
}

void http_respond(http_request *r, int status, const struct http_header *headers, const void *body,
                  size_t len) {
  respond_with(r, status, headers,
               MHD_create_response_from_buffer(len, (void *)body, MHD_RESPMEM_MUST_COPY));
}

void http_respond_take(http_request *r, int status, const struct http_header *headers, char *body,
                       size_t len) {
  respond_with(r, status, headers,
               MHD_create_response_from_buffer_with_free_callback(len, body, free));
}

void http_respond_static(http_request *r, int status, const struct http_header *headers,
                         const void *body, size_t len) {
  respond_with(r, status, headers,
               MHD_create_response_from_buffer(len, (void *)body, MHD_RESPMEM_PERSISTENT));
}

void http_respond_text(http_request *r, int status, const char *text) {
  const struct http_header headers[] = {{"Content-Type", "text/plain; charset=utf-8"}, {0}};
  http_respond(r, status, headers, text, strlen(text));
}

void http_respond_json(http_request *r, int status, const json_t *value) {
  const struct http_header headers[] = {{"Content-Type", "application/json"}, {0}};
  char *text = json_to_text(value);
  http_respond_take(r, status, headers, text, strlen(text));
}

void respond_message(http_request *r, int status, const char *message) {
  auto_json *object = json_object();
  bool readable = str_is_utf8(message, strlen(message));
  json_set_text(object, "message", readable ? message : "the error's text is not UTF-8");
  http_respond_json(r, status, object);
}

void http_respond_err(http_request *r, err *e) {
  int status = err_code_http_status(err_code_of(e));
  if (status >= 500) log_error("http", "%s %s: %s", r->method, r->path, err_message(e));
  respond_message(r, status, err_message(e));
  err_free(e);
}

void http_respond_file(http_request *r, int status, const struct http_header *headers, int fd) {
  struct stat file;
  err *e = NULL;
  if (fstat(fd, &file) < 0)
    e = err_errno(errno, "the file to answer with");
  else if (!S_ISREG(file.st_mode))
    e = err_new(ERR_IO, "the file to answer with is no regular file");
  if (e) {
    close(fd);
    http_respond_err(r, e);
    return;
  }
  respond_with(r, status, headers, MHD_create_response_from_fd64((uint64_t)file.st_size, fd));
}

/* --- streams ---------------------------------------------------------------------------------- */

static ssize_t on_stream_read(void *arg, uint64_t position, char *buffer, size_t size) {
  http_request *r = arg;
  if (r->gone) return MHD_CONTENT_READER_END_WITH_ERROR;
  r->woken = false;
  ssize_t n = r->stream_read(r->stream_arg, buffer, size);
  if (n > 0) return n;
  if (n == HTTP_STREAM_END && r->stream_length < 0) return MHD_CONTENT_READER_END_OF_STREAM;
  if (n != HTTP_STREAM_WAIT) { /* also an early end of a promised length */
    r->cut = true;
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
  (void)position;
  if (!r->woken) request_suspend(r);
  return 0; /* woken meanwhile: libmicrohttpd asks again in its next round */
}

void http_respond_stream(http_request *r, int status, const struct http_header *headers,
                         int64_t length, http_stream_read_fn *read, http_stream_end_fn *end,
                         void *arg) {
  r->streaming = true;
  r->stream_read = read;
  r->stream_end = end;
  r->stream_arg = arg;
  r->stream_length = length;
  bool chunked = length < 0 && r->http_1_1;
  respond_with(r, status, headers,
               MHD_create_response_from_callback(length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length,
                                                 chunked ? CHUNKED_BLOCK : STREAM_BLOCK,
                                                 on_stream_read, r, NULL));
}

void http_stream_wake(http_request *r) {
  r->woken = true;
  request_resume(r);
}
