#include "observe/log_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/usage.h"
#include "observe/log_line.h"
#include "observe/log_text.h"

/* A physical line is at most this long; conmon's are some 8 KiB. */
enum { BUFFER_SIZE = 256 * 1024 };

void log_reader_init(struct log_reader *r, int64_t offset) {
  *r = (struct log_reader){.fd = -1, .end = INT64_MAX};
  /* From the byte before: when that is a newline, no line is lost. */
  r->skip_line = offset > 0;
  r->offset = offset > 0 ? offset - 1 : 0;
}

void log_reader_done(struct log_reader *r) {
  str_done(&r->partial[0]);
  str_done(&r->partial[1]);
  str_done(&r->joined);
  free(r->buffer);
}

void log_reader_rest(struct log_reader *r) {
  free(r->buffer);
  r->buffer = NULL;
  r->at = r->len = 0;
}

/* Reads on behind what the buffer holds; false at the file's end. */
static bool fill(struct log_reader *r) {
  if (!r->buffer) r->buffer = mem_alloc(BUFFER_SIZE);
  if (r->at > 0) {
    memmove(r->buffer, r->buffer + r->at, r->len - r->at);
    r->len -= r->at;
    r->at = 0;
  }
  for (;;) {
    ssize_t got =
        pread(r->fd, r->buffer + r->len, BUFFER_SIZE - r->len, r->offset + (int64_t)r->len);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    r->len += (size_t)got;
    return true;
  }
}

/* The next line, or the beginning of one that is too long; false at the file's end. */
static bool next_line(struct log_reader *r, const char **ret_line, size_t *ret_len,
                      bool *ret_whole) {
  size_t searched = 0;
  for (;;) {
    size_t have = r->len - r->at;
    const char *line = have ? r->buffer + r->at : "";
    const char *newline = have > searched ? memchr(line + searched, '\n', have - searched) : NULL;
    *ret_whole = newline;
    if (newline || have == BUFFER_SIZE) {
      *ret_line = line;
      *ret_len = newline ? (size_t)(newline - line) : have;
      size_t used = *ret_len + (newline ? 1 : 0);
      r->at += used;
      r->offset += (int64_t)used;
      return true;
    }
    searched = have;
    if (!fill(r)) return false;
  }
}

/* Keeps one byte more than is shown, so that the cut is seen. */
static void add_bounded(struct str *text, const struct log_line *line) {
  size_t room = text->len <= LOG_TEXT_MAX ? LOG_TEXT_MAX + 1 - text->len : 0;
  str_add_bytes(text, line->text, line->len < room ? line->len : room);
}

static void set_record(struct log_reader *r, const struct log_line *line,
                       struct log_record *record) {
  r->last_ns = line->time_ns > r->last_ns ? line->time_ns : r->last_ns + 1;
  *record = (struct log_record){.time_ns = r->last_ns,
                                .is_stderr = line->is_stderr,
                                .text = line->text,
                                .len = line->len};
  struct str *partial = &r->partial[line->is_stderr];
  if (partial->len == 0) return;
  add_bounded(partial, line);
  struct str swap = r->joined;
  r->joined = *partial;
  *partial = swap;
  str_clear(partial);
  record->text = r->joined.data;
  record->len = r->joined.len;
}

bool log_reader_next(struct log_reader *r, struct log_record *ret_record) {
  while (r->offset < r->end) {
    int64_t offset = r->offset;
    const char *data;
    size_t len;
    bool whole;
    if (!next_line(r, &data, &len, &whole)) return false;
    bool skip = r->skip_line;
    r->skip_line = !whole; /* the rest of a line that is too long */
    struct log_line line;
    if (skip || !log_line_parse(data, len, &line)) continue; /* torn by a power loss: no line */
    if (line.is_partial) {
      add_bounded(&r->partial[line.is_stderr], &line);
      if (line.time_ns > r->last_ns) r->last_ns = line.time_ns - 1;
      continue;
    }
    set_record(r, &line, ret_record);
    ret_record->offset = offset;
    return true;
  }
  return false;
}

bool log_reader_unfinished(struct log_reader *r, struct log_record *ret_record) {
  for (int stream = 0; stream < 2; stream++) {
    if (r->partial[stream].len == 0) continue;
    struct log_line nothing = {.time_ns = r->last_ns + 1, .is_stderr = stream, .text = ""};
    set_record(r, &nothing, ret_record);
    ret_record->offset = r->offset;
    return true;
  }
  return false;
}

/* The time of the first whole line behind `offset`; false when there is none. */
static bool time_behind(int fd, int64_t offset, int64_t *ret_ns) {
  struct log_reader r;
  log_reader_init(&r, offset);
  r.fd = fd;
  const char *data;
  size_t len;
  bool whole, found = false;
  while (!found && next_line(&r, &data, &len, &whole)) {
    struct log_line line;
    found = !r.skip_line && log_line_parse(data, len, &line);
    r.skip_line = !whole;
    if (found) *ret_ns = line.time_ns;
  }
  log_reader_done(&r);
  return found;
}

int64_t log_reader_begin(int fd) {
  int64_t begin = usage_data_begin(fd);
  return begin ? begin + 1 : 0; /* the newline before the first line was left there */
}

int64_t log_reader_find_time(int fd, int64_t size, int64_t time_ns) {
  int64_t low = log_reader_begin(fd), high = size;
  while (high - low > LOG_READER_WARM_UP) {
    int64_t middle = low + (high - low) / 2, found_ns;
    if (time_behind(fd, middle, &found_ns) && found_ns < time_ns)
      low = middle;
    else
      high = middle;
  }
  return low;
}
